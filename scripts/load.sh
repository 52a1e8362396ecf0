#!/bin/sh
# Puts the gateway under load on the loopback and says whether it stands. A machine that
# has nothing else to do, and 1 to 2 minutes for each case.
#
# Usage: scripts/load.sh many     500 viewers by RTSP/TCP and 200 by WebRTC: nothing is lost, nobody starves
#        scripts/load.sh stuck    one that never reads among 100: the others notice nothing
#        scripts/load.sh churn    20 steady WebRTC viewers lose nothing while 50 others come and go
#
# OUT, CAMGATE, GATEBENCH and CLIP name a folder and things that need not be made.
. "$(dirname "$0")/bench-env.sh"
case ${1:-} in
many)
	begin
	# The window of the first lies within that of the second.
	"$GATEBENCH" rtsp -url $RTSP -n "${RTSP_READERS:-500}" -ramp 2ms -warm 12s -t 10s -pid "$server" >"$OUT/rtsp.json" &
	one=$!
	"$GATEBENCH" whep -url $WEB/whep -n "${WHEP_READERS:-200}" -warm 2s -t 26s >"$OUT/whep.json" &
	wait $one $!
	;;
stuck)
	begin -stamp
	"$GATEBENCH" rtsp -url $RTSP -n 98 -t 70s >/dev/null &
	readers=$!
	sleep 4
	"$GATEBENCH" latency -url $RTSP -n 2 -t 20s -pid "$server" >"$OUT/before.json"
	"$GATEBENCH" stuck -url $RTSP -t 40s &
	stuck=$!
	"$GATEBENCH" latency -url $RTSP -n 2 -t 20s -pid "$server" >"$OUT/stuck.json"
	curl -s http://127.0.0.1:38889/metrics >"$OUT/metrics"
	kill $readers $stuck
	wait $readers $stuck 2>/dev/null || true
	grep -i "remote=" "$OUT/camgate.log" | grep -v "joined\|left" || true
	;;
churn)
	begin
	"$GATEBENCH" whep -url $WEB/whep -n 20 -warm 3s -t 60s -pid "$server" >"$OUT/steady.json" &
	steady=$!
	sleep 2
	"$GATEBENCH" churn -url $WEB/whep -n 50 -t 60s >"$OUT/churn.json"
	wait $steady
	;;
*)
	sed -n '2,/^\. /s/^# \{0,1\}//p' "$0"
	exit 2
	;;
esac

python3 - "$OUT" "$1" <<'P'
import json, sys

out, case = sys.argv[1:]
load = lambda name: json.load(open(f"{out}/{name}.json"))
bad = []


def steady(name):
    r = load(name)
    share = r["mbit_slowest_reader"] / r["mbit_per_reader"]
    print(f"{name}: {r['readers']} readers, {r['lost']} packets lost of {r['packets']}, slowest {100 * share:.2f} % of the mean, machine {100 * r['machine_busy']:.0f} % busy, client {r['client_cpu_cores']} CPUs")
    if r["lost"] or r["failed_joins"] or share < 0.99:
        bad.append(name)
    return r


if case == "many":
    r = steady("rtsp")
    steady("whep")
    print(f"gateway: {r['server_cpu_cores']} CPUs, {r['server_rss_mib']} MiB")
elif case == "stuck":
    a, b = load("before"), load("stuck")
    for name, r in (("without", a), ("with", b)):
        print(f"{name} a stuck reader: p50 {r['latency_p50_ms']} ms, p95 {r['latency_p95_ms']} ms, p99 {r['latency_p99_ms']} ms, gateway {r['server_rss_mib']} MiB")
    if b["latency_p50_ms"] > a["latency_p50_ms"] * 1.15 + 0.1 or b["latency_p95_ms"] > a["latency_p95_ms"] * 1.15 + 0.3:
        bad.append("latency")
    if b["server_rss_mib"] > a["server_rss_mib"] + 8:
        bad.append("memory")
else:
    steady("steady")
    r = load("churn")
    print(f"churn: {r['joins']} joins, {r['failed_joins']} failed")
    if r["failed_joins"]:
        bad.append("churn")
print("FAILED: " + ", ".join(bad) if bad else "ok")
sys.exit(1 if bad else 0)
P
