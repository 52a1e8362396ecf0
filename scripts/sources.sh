#!/bin/sh
# Many cameras at once: N streams (default 64) pulled from one `camgate fakecam` that shows
# CLIP (an MP4 file; scripts/bench-env.sh tells how its 4 Mbit/s are made), by TRANSPORT udp
# (default) or tcp. Prints, of 10 s, what the gateway took for each, and whether a picture
# is missing. Alone on the machine, please; camera and gateway share it. LIMITS are those of
# the gateway, as "gop_cache_time: 1ms". With MEDIAMTX, the path of a binary, that pulls them
# in the same way in place of camgate, and its bytes tell whether all of it came.
#
# Usage: CLIP=clip.mp4 [LIMITS=...] [MEDIAMTX=mediamtx] scripts/sources.sh [N [TRANSPORT]]
set -eu
cd "$(dirname "$0")/.."
n=${1:-64} transport=${2:-udp} tmp=$(mktemp -d)
trap 'kill $cam $gate 2>/dev/null || true; rm -rf "$tmp"' EXIT
cam= gate=
CAMGATE=${CAMGATE:-$tmp/camgate}
[ "$CAMGATE" != "$tmp/camgate" ] || CGO_ENABLED=0 go build -tags nomsgpack -o "$CAMGATE" ./cmd/camgate
"$CAMGATE" fakecam --clip "$CLIP" --listen 127.0.0.1:18654 >"$tmp/cam.log" 2>&1 &
cam=$!
gateway() { # gateway STREAMS
	echo 'http: {address: 127.0.0.1:18689}
rtsp: {address: 127.0.0.1:18655, rtp_address: "", rtcp_address: ""}
webrtc: {address: 127.0.0.1:18656}'
	echo "limits: {${LIMITS:-}}
streams:"
	i=0
	while [ $i -lt "$1" ]; do
		echo "  s$i: {source: \"rtsp://127.0.0.1:18654/cam\", transport: $transport}"
		i=$((i + 1))
	done
	[ "$1" != 0 ] || echo '  none: {source: publish}'
}
peer() { # peer STREAMS
	echo 'logLevel: warn
api: yes
apiAddress: 127.0.0.1:18689
rtspTransports: [tcp]
rtspAddress: 127.0.0.1:18655
rtmp: no
srt: no
moq: no
hlsAddress: 127.0.0.1:18688
webrtcAddress: 127.0.0.1:18687
webrtcLocalUDPAddress: 127.0.0.1:18656
paths:'
	i=0
	while [ $i -lt "$1" ]; do
		echo "  s$i: {source: \"rtsp://127.0.0.1:18654/cam\", rtspTransport: $transport}"
		i=$((i + 1))
	done
	[ "$1" != 0 ] || echo '  none: {}'
}
run() { # run STREAMS
	if [ -n "${MEDIAMTX:-}" ]; then
		peer "$1" >"$tmp/peer.yml"
		"$MEDIAMTX" "$tmp/peer.yml" >"$tmp/log" 2>&1 &
	else
		gateway "$1" >"$tmp/gate.yaml"
		"$CAMGATE" -c "$tmp/gate.yaml" >"$tmp/log" 2>&1 &
	fi
	gate=$!
	python3 - "$gate" "$1" "$tmp/memory" <<'P'
import json, os, sys, time, urllib.request
pid, n, memory = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
peer = bool(os.environ.get("MEDIAMTX"))
def streams():
    try:
        with urllib.request.urlopen("http://127.0.0.1:18689/" + ("v3/paths/list" if peer else "api/v1/streams"), timeout=5) as r:
            s = json.load(r)
    except OSError:
        return []
    if not peer:
        return s["streams"]
    return sorted(({"name": p["name"], "state": "live" if p["ready"] else "", "error": "", "units_in": p["bytesReceived"] / 1e6,
                    "reconnects": 0} for p in s["items"]), key=lambda p: p["name"])
def cpu():
    f = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")
def rss():
    return int([l for l in open(f"/proc/{pid}/status") if l.startswith("VmRSS")][0].split()[1])
end = time.monotonic() + 30
while (s := streams()) == [] or n and any(x["state"] != "live" for x in s):
    if time.monotonic() > end:
        sys.exit("FAILED: not live: %s" % [(x["state"], x["error"]) for x in s if x["state"] != "live"][:3])
    time.sleep(0.2)
time.sleep(8 if n else 3)
if n == 0:
    open(memory, "w").write(str(rss()))
    sys.exit()
a, t, c, m = streams(), time.monotonic(), cpu(), []
for _ in range(10):
    time.sleep(1)
    m.append(rss())
b, took, used = streams(), time.monotonic() - t, cpu() - c
units = [y["units_in"] - x["units_in"] for x, y in zip(a, b)]
base = int(open(memory).read())
print(f"{n} sources: {1000*used/took/n:.2f} ms/s of CPU and {(sum(m)/len(m)-base)/n:.0f} KiB each ({base//1024} MiB without any); "
      f"{min(units)/took:.2f} to {max(units)/took:.2f} {'MB' if peer else 'pictures'} a second, {sum(y['reconnects'] for y in b)} reconnects")
P
	if [ -n "${MEDIAMTX:-}" ]; then
		grep -c 'WAR\|ERR' "$tmp/log" | sed 's/$/ lines of warnings in the log/'
		grep -m1 'WAR\|ERR' "$tmp/log" || true
	else
		grep -c "arrives damaged" "$tmp/log" | sed 's/$/ lines about damage in the log/'
	fi
	kill $gate
	wait $gate || true
}
run 0 # what it takes without any
run "$n"
