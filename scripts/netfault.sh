#!/bin/sh
# A browser watches through a bad network: 3 % of the packets lost and 40 ms of delay each
# way, between two network namespaces (scripts/netfault). It has to decode at least 24 of
# 25 frames a second for 30 s. Needs root, ip, Chromium, and `npm ci`.
#
# Usage: scripts/netfault.sh [RUNS (3)] [SOURCE (demo)]
#
# LOSS=3 DELAY=40ms SECONDS_EACH=30 CAMGATE=program
set -eu
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
a=camgateA$$ b=camgateB$$
server=
finish() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	ip netns del $a 2>/dev/null || true
	ip netns del $b 2>/dev/null || true
	rm -rf "$tmp"
}
trap finish EXIT
CAMGATE=${CAMGATE:-$tmp/camgate}
[ "$CAMGATE" != "$tmp/camgate" ] || CGO_ENABLED=0 go build -tags nomsgpack -o "$CAMGATE" ./cmd/camgate
go build -o "$tmp/netfault" ./scripts/netfault
ip netns add $a
ip netns add $b
cat >"$tmp/gate.yaml" <<Y
allow_anonymous: true
http: {address: 10.9.9.1:8889}
rtsp: {address: 10.9.9.1:8554, rtp_address: 10.9.9.1:8000, rtcp_address: 10.9.9.1:8001}
webrtc: {address: 10.9.9.1:8189}
streams: {cam: {source: "${2:-demo}"}}
Y
cat >"$tmp/inside.sh" <<I
ip netns exec $a "$CAMGATE" -c "$tmp/gate.yaml" >"$tmp/log" 2>&1 &
server=\$!
sleep 3
status=0
for _ in \$(seq ${1:-3}); do
	MIN=${MIN:-$((24 * ${SECONDS_EACH:-30}))} ip netns exec $b node testdata/browser.mjs http://10.9.9.1:8889 steady=/cam/whep@${SECONDS_EACH:-30} || status=1
done
kill \$server
wait \$server || true
exit \$status
I
if "$tmp/netfault" -a $a -b $b -loss "${LOSS:-3}" -delay "${DELAY:-40ms}" -- sh "$tmp/inside.sh"; then echo ok; else
	cat "$tmp/log"
	echo FAILED
	exit 1
fi
