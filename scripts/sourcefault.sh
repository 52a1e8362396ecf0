#!/bin/sh
# A camera behind a bad network: camgate pulls it from another network namespace, through
# 5 % of the packets lost and 50 ms of jitter each way, and then an outage of 5 s
# (scripts/netfault). Three streams of one camera, by `transport` tcp, udp and auto, and with
# CAMERA=gst, which is GStreamer's server, one more by TLS. Wanted:
#
#   tcp   (and TLS) stays with its first session through loss and jitter
#   all   show pictures again within 3 s of the end of the outage; udp by choice waits
#         for a keyframe that comes whole, at 5 % loss for one that is not among the
#         first, and so for 10 s at the most
#   auto  goes over to TCP under loss that lasts: at 12 %, if it has not before
#
# And with a fresh gateway each, which case names:
#
#   loss    12 % alone: auto goes over to TCP
#   outage  5 s of nothing, and no loss before and after: auto stays with UDP
#
# Needs root, ip, curl and python3; takes 50 to 85 s.
#
# Usage: scripts/sourcefault.sh [mixed|loss|outage]
#
# CAMERA=fakecam LOSS=5 JITTER=50ms OUTAGE=5 HEAVY=12 CAMGATE=program NETFAULT=program
set -eu
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
a=camS$$ b=gateS$$
finish() {
	ip netns del $a 2>/dev/null || true
	ip netns del $b 2>/dev/null || true
	rm -rf "$tmp"
}
trap finish EXIT
CAMGATE=${CAMGATE:-$tmp/camgate} NETFAULT=${NETFAULT:-$tmp/netfault}
[ "$CAMGATE" != "$tmp/camgate" ] || CGO_ENABLED=0 go build -tags nomsgpack -o "$CAMGATE" ./cmd/camgate
[ "$NETFAULT" != "$tmp/netfault" ] || go build -o "$NETFAULT" ./scripts/netfault
ip netns add $a
ip netns add $b
ip -n $b link set lo up
cat >"$tmp/gate.yaml" <<Y
http: {address: 127.0.0.1:8889}
rtsp: {address: 127.0.0.1:8554}
webrtc: {address: 127.0.0.1:8189}
streams:
  tcp:  {source: "rtsp://10.9.9.1:8555/cam", transport: tcp}
  udp:  {source: "rtsp://10.9.9.1:8555/cam", transport: udp}
  auto: {source: "rtsp://10.9.9.1:8555/cam", transport: auto}
Y
camera="exec '$CAMGATE' fakecam --listen 10.9.9.1:8555"
export NAMES="tcp udp auto"
if [ "${CAMERA:-fakecam}" = gst ]; then
	sed -i 's,8555/cam,8555/h264,' "$tmp/gate.yaml"
	echo '  tls:  {source: "rtsps://10.9.9.1:8556/h264", transport: tcp, tls: {insecure: true}}' >>"$tmp/gate.yaml"
	NAMES="$NAMES tls"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=camera -keyout "$tmp/key.pem" -out "$tmp/cert.pem" 2>"$tmp/cam.log"
	gstcam="/usr/bin/python3 testdata/gstcam.py --address 10.9.9.1"
	camera="$gstcam 8555 &
plain=\$!
$gstcam 8556 --cert '$tmp/cert.pem' --key '$tmp/key.pem' &
trap \"kill \$plain \$!\" TERM
wait"
fi
cat >"$tmp/camera.sh" <<I
$camera
I
cat >"$tmp/inside.sh" <<I
ip netns exec $a sh "$tmp/camera.sh" >"$tmp/cam.log" 2>&1 &
cam=\$!
ip netns exec $b "$CAMGATE" -c "$tmp/gate.yaml" >"$tmp/log" 2>&1 &
gate=\$!
status=0
ip netns exec $b python3 scripts/sourcefault.py "$tmp/faults" "$tmp/log" "${LOSS:-5}" "${JITTER:-50ms}" "${OUTAGE:-5}" "${HEAVY:-12}" "${1:-mixed}" || status=1
kill \$gate \$cam
wait \$gate \$cam || true
exit \$status
I
mkfifo "$tmp/faults"
status=0
"$NETFAULT" -a $a -b $b -- sh "$tmp/inside.sh" <>"$tmp/faults" || status=1
[ $status = 0 ] || {
	grep -v level=DEBUG "$tmp/log" || true
	tail -20 "$tmp/cam.log"
}
[ -z "${KEEP:-}" ] || cp "$tmp/log" "$tmp/cam.log" "$KEEP/"
exit $status
