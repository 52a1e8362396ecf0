# What bench.sh and load.sh share: builds, a fresh gateway with a source, and the clip.
# Everything is on the loopback; what is left behind is in $OUT.
set -eu
cd "$(dirname "$0")/.."
OUT=${OUT:-/tmp/camgate-bench}
mkdir -p "$OUT"
CAMGATE=${CAMGATE:-$OUT/camgate}
GATEBENCH=${GATEBENCH:-$OUT/gatebench}
CLIP=${CLIP:-$OUT/clip.h264}
[ "$CAMGATE" != "$OUT/camgate" ] || CGO_ENABLED=0 go build -trimpath -tags nomsgpack -ldflags '-s -w' -o "$CAMGATE" ./cmd/camgate
[ "$GATEBENCH" != "$OUT/gatebench" ] || (cd scripts/gatebench && go build -o "$GATEBENCH" .)
# 4 Mbit/s, 25 fps, a keyframe of about 145 kB every 2 s and pictures of 17.5 kB between.
[ -s "$CLIP" ] || ffmpeg -v error -y -f lavfi -i "testsrc2=size=1920x1080:rate=25,noise=alls=10:allf=t" -t 20 \
	-c:v libx264 -profile:v baseline -preset veryfast -b:v 4M -minrate 4M -maxrate 4M -bufsize 2M \
	-g 50 -keyint_min 50 -sc_threshold 0 -bf 0 -refs 1 \
	-x264-params "sliced-threads=0:slices=1:aud=0:ipratio=1.5:scenecut=0:rc-lookahead=10" \
	-pix_fmt yuv420p -f h264 "$CLIP"

RTSP=rtsp://127.0.0.1:38554/cam WEB=http://127.0.0.1:38889/cam
cat >"$OUT/gate.yaml" <<Y
http: {address: 127.0.0.1:38889}
rtsp: {address: 127.0.0.1:38554, rtp_address: 127.0.0.1:38100, rtcp_address: 127.0.0.1:38101}
webrtc: {address: 127.0.0.1:38189}
streams: {cam: {source: publish}}
Y

server= source=
stop() {
	for pid in $source $server; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	server= source=
}
trap stop EXIT

# begin FLAGS...: a fresh gateway, and a source with these flags.
begin() {
	"$CAMGATE" -c "$OUT/gate.yaml" >"$OUT/camgate.log" 2>&1 &
	server=$!
	for _ in $(seq 100); do
		! curl -sf -o /dev/null http://127.0.0.1:38889/readyz || break
		sleep 0.1
	done
	"$GATEBENCH" publish -url $RTSP -clip "$CLIP" -t 150s "$@" >/dev/null 2>&1 &
	source=$!
	sleep 3
}
