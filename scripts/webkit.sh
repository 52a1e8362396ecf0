#!/bin/sh
# WebKitGTK plays the demo: by LL-HLS (hls.js by ManagedMediaSource), and by MJPEG. It is the engine of
# Safari. Needs `npm ci`, and by apt webkit2gtk-driver and xvfb.
#
# No part of `make test`, as the engine's own pipeline locks up at times when the machine
# is busy: then the line says that the operation was aborted.
#
# Usage: scripts/webkit.sh [PORT (18890)]
#
# CAMGATE=program
set -eu
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
port=${1:-18890}
server=
finish() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	rm -rf "$tmp"
}
trap finish EXIT
CAMGATE=${CAMGATE:-$tmp/camgate}
[ "$CAMGATE" != "$tmp/camgate" ] || CGO_ENABLED=0 go build -tags nomsgpack -o "$CAMGATE" ./cmd/camgate
cat >"$tmp/gate.yaml" <<Y
http: {address: 127.0.0.1:$port}
rtsp: {address: 127.0.0.1:$((port + 1)), rtp_address: 127.0.0.1:$((port + 2)), rtcp_address: 127.0.0.1:$((port + 3))}
webrtc: {address: 127.0.0.1:$((port + 4))}
streams: {demo: {source: demo}}
Y
"$CAMGATE" -c "$tmp/gate.yaml" >"$tmp/log" 2>&1 &
server=$!
# The playlist has to be past its beginning, which is a picture that stands still: there it locks up more often.
for _ in $(seq 12); do
	curl -s -o "$tmp/playlist" "http://127.0.0.1:$port/demo/index.m3u8" || true
	sleep 0.6
done
node testdata/others.mjs "http://127.0.0.1:$port" webkit=/demo@hls "webkit=/demo?via=mjpeg@mjpeg"
