#!/bin/sh
# Repeats the tables of docs/performance.md: a fresh gateway and source for each run, the
# floor beside it, medians. It takes about 75 s a round and 40 s for the joins; the
# machine has to be idle otherwise.
#
# Usage: scripts/bench.sh [ROUNDS (5)] [CASE...]     cases: tcp udp whep hls latency ttff
#
# OUT, CAMGATE, GATEBENCH and CLIP name a folder and things that need not be made.
. "$(dirname "$0")/bench-env.sh"
rounds=${1:-5}
[ $# = 0 ] || shift
[ $# != 0 ] || set -- tcp udp whep hls latency ttff
log=$OUT/bench.json
: >"$log"

fanout() { # CASE FLOOR COMMAND...: 100 readers, for 8 s; keeps the lines for the table
	name=$1 floor=$2
	shift 2
	[ "$floor" = - ] || "$GATEBENCH" floor -mode "$floor" -n 100 -clip "$CLIP" -t 4s | sed "s/^{/{\"case\":\"$name\",\"floor\":true,/" >>"$log"
	begin
	"$GATEBENCH" "$@" -n 100 -t 8s -pid "$server" | sed "s/^{/{\"case\":\"$name\",/" >>"$log"
	stop
}

for _ in $(seq "$rounds"); do
	for c in "$@"; do
		case $c in
		tcp) fanout tcp tcp-frame rtsp -url $RTSP ;;
		udp) fanout udp udp-gso rtsp -udp -url $RTSP ;;
		whep) fanout whep srtp-gso whep -url $WEB/whep -srtp gcm128 ;;
		hls) fanout hls - hls -url $WEB/index.m3u8 -warm 6s ;;
		latency)
			begin -stamp
			for p in "rtsp-tcp $RTSP" "whep $WEB/whep"; do
				"$GATEBENCH" latency -proto "${p% *}" -url "${p#* }" -t 6s | sed "s/^{/{\"case\":\"${p% *}\",/" >>"$log"
			done
			stop
			;;
		esac
	done
done
for c in "$@"; do
	[ "$c" = ttff ] || continue
	begin
	for p in "rtsp-tcp $RTSP" "rtsp-udp $RTSP" "whep $WEB/whep" "hls $WEB/index.m3u8"; do
		"$GATEBENCH" ttff -proto "${p% *}" -url "${p#* }" | sed "s/^{/{\"case\":\"${p% *}\",/" >>"$log"
	done
	stop
done

python3 - "$log" <<'P'
import json, statistics, sys

runs = [json.loads(line) for line in open(sys.argv[1])]


def median(key, **want):
    found = [r[key] for r in runs if key in r and all(r.get(k) == v for k, v in want.items())]
    return statistics.median(found) if found else float("nan")


print("100 readers   ms/reader/s   floor   ratio   KiB/reader   lost   slowest/mean")
for case in ("tcp", "udp", "whep", "hls"):
    cpu = "server_cpu_ms_per_reader_s"
    mine, floor = median(cpu, case=case, floor=None), median(cpu, case=case, floor=True)
    if mine != mine:
        continue
    slow = median("mbit_slowest_reader", case=case, floor=None) / median("mbit_per_reader", case=case, floor=None)
    lost = sum(r.get("lost", 0) for r in runs if r["case"] == case and not r.get("floor"))
    print(f"{case:12} {mine:12.3f} {floor:7.3f} {mine / floor:7.2f} {median('rss_growth_per_reader_kib', case=case, floor=None):12.0f} {lost:6} {slow:14.3f}")
for r in runs:
    for what in ("latency", "ttff"):
        if what + "_p50_ms" in r:
            print(f"{what} {r['case']:9} p50 {r[what + '_p50_ms']} ms  p95 {r[what + '_p95_ms']} ms")
P
