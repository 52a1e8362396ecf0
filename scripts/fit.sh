#!/bin/sh
# A browser watches a camera of 4 Mbit/s with a smaller profile of 500 kbit/s on a link of
# 1 Mbit/s, 20 ms each way and a queue of 60 packets, between two network namespaces
# (scripts/netfault). Needs root, ip, curl, ffmpeg, Chromium, and `npm ci`.
#
# Usage: scripts/fit.sh [FIT (auto, never)] [RATE (1mbit)] [SECONDS (30)]
set -eu
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
a=camgateA$$ b=camgateB$$
trap 'ip netns del $a 2>/dev/null || true; ip netns del $b 2>/dev/null || true; rm -rf "$tmp"' EXIT
CGO_ENABLED=0 go build -tags nomsgpack -o "$tmp/camgate" ./cmd/camgate
go build -o "$tmp/netfault" ./scripts/netfault
ffmpeg -v error -f lavfi -i testsrc2=size=1280x720:rate=25 -f lavfi -i sine=440:sample_rate=48000 -vf noise=alls=18:allf=t -t 20 \
	-c:v libx264 -preset veryfast -tune zerolatency -x264-params sliced-threads=0:keyint=50:min-keyint=50:scenecut=0:nal-hrd=cbr \
	-b:v 4M -maxrate 4M -minrate 4M -bufsize 4M -pix_fmt yuv420p -c:a libopus -b:a 32k "$tmp/cam.mp4"
ip netns add $a
ip netns add $b
cat >"$tmp/gate.yaml" <<Y
allow_anonymous: true
http: {address: 10.9.9.1:8889}
rtsp: {address: 10.9.9.1:8554, rtp_address: 10.9.9.1:8000, rtcp_address: 10.9.9.1:8001}
webrtc: {address: 10.9.9.1:8189, fit: ${1:-auto}}
streams:
  cam:
    source: "file:$tmp/cam.mp4"
    profiles:
      sub: {size: 640x360, fps: 25, bitrate: 500k}
Y
cat >"$tmp/inside.sh" <<I
ip netns exec $a "$tmp/camgate" -c "$tmp/gate.yaml" >"$tmp/log" 2>&1 &
server=\$!
until ip netns exec $b curl -sf -o "$tmp/health" http://10.9.9.1:8889/healthz; do
	kill -0 \$server || exit
	sleep 0.1
done
MIN=1 ip netns exec $b timeout 120 node testdata/browser.mjs http://10.9.9.1:8889 steady=/cam/whep@${3:-30} || true
kill \$server
wait \$server || true
I
"$tmp/netfault" -a $a -b $b -rate "${2:-1mbit}" -delay 20ms -limit 60 -- sh "$tmp/inside.sh"
grep "rendition" "$tmp/log" || true
