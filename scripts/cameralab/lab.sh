#!/bin/bash
# lab.sh [TEST] - proves local cameras on real V4L2 devices, without hardware: virtual
# machines with Debian's kernel, its test driver (vivid), loopback devices, a virtual
# H264 encoder and a virtual sound card. The tests with the build tag v4l2lab run in one
# of them (ingest/camera, ingest/encode), or have the program run in one and look at it
# from outside (cmd/camgate/e2e). TEST is a regular expression of their names.
#
# Needs Debian on amd64, root or sudo for apt-get the first time, 1 GiB of memory, and
# (once) some 250 MB of packages: the kernel, its headers and its source. No KVM, no
# device of this machine, no module loaded into its kernel. What was unpacked and built
# is kept in $CAMERALAB_CACHE (default ~/.cache/camgate-cameralab).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); cd "$here/../.."
cache=${CAMERALAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/camgate-cameralab}
mkdir -p "$cache"; export QEMU_V4L2_CACHE=$cache
began=$SECONDS

missing=()
for p in qemu-system-x86 busybox-static cpio kmod linux-headers-amd64 v4l-utils ffmpeg lsof curl make gcc; do
  [[ "$(dpkg-query -W -f '${Status}' "$p" 2>/dev/null)" == *"ok installed" ]] || missing+=("$p")
done
if [[ ${#missing[@]} -gt 0 ]]; then
  echo "installing: ${missing[*]}"
  root=(); [[ $(id -u) == 0 ]] || root=(sudo)
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
# The modules fit one kernel only: that of the headers.
want=$(basename "$(ls -d /usr/src/linux-headers-6.*-amd64 | sort -V | tail -1)")
if [[ "$(cat "$cache/modules/for" 2>/dev/null)" != "$want" ]]; then
  echo "building modules for $want"
  rm -rf "$cache/k"
  "$here/build-modules.sh" "$cache/modules" >"$cache/build.log" 2>&1 || { tail -20 "$cache/build.log"; exit 1; }
  echo "$want" >"$cache/modules/for"
fi

out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
CGO_ENABLED=0 go test -c -tags v4l2lab -o "$out/camera.test" ./ingest/camera
CGO_ENABLED=0 go test -c -tags v4l2lab -o "$out/encode.test" ./ingest/encode
CGO_ENABLED=0 go test -c -tags "v4l2lab nomsgpack" -o "$out/e2e.test" ./cmd/camgate/e2e
CGO_ENABLED=0 go build -trimpath -tags nomsgpack -o "$out/camgate" ./cmd/camgate
clip=(ffmpeg -v error -nostdin -f lavfi -i "testsrc2=size=320x180:rate=10:duration=30")
"${clip[@]}" -c:v mjpeg -q:v 5 -huffman default "$out/a.mjpeg"
"${clip[@]}" -c:v libx264 -preset ultrafast -g 10 -pix_fmt yuv420p -x264-params aud=1:sliced-threads=0 "$out/a.h264"
echo "prepared in $((SECONDS - began)) s; the guest starts"

test=${1:-^TestLab}
failed=0
say() { # what a part ended with
  case $1 in
  0) return ;;
  124) echo "FAILED: the guest took longer than it may" ;;
  125) echo "FAILED: the guest died" ;;
  *) echo "FAILED: $2, status $1" ;;
  esac
  failed=1
}

rc=0
QEMU_NICE=0 "$here/run-in-guest.sh" -r -i -S 2 -M 1024 -t "${CAMERALAB_TIME:-600}" -o "$out" \
  -m "vivid n_devs=3 node_types=0x1,0x1,0x1 multiplanar=1,2,1 num_inputs=1,1,2 input_types=0x0,0x0,0x7 no_error_inj=0" \
  -m videodev -x "$cache/modules/v4l2loopback.ko devices=4 video_nr=6,7,8,9 exclusive_caps=1,1,1,1" \
  -s 'export LAB_VIVID=/dev/video0 LAB_MPLANE=/dev/video1 LAB_CARD=/dev/video2 LAB_LOOPBACK1=/dev/video7 LAB_LOOPBACK2=/dev/video8 LAB_LOOPBACK3=/dev/video9 LAB_LOOPBACK4=/dev/video6 LAB_OUT=/tmp/out' \
  -- "$out/camera.test" -test.v -test.run "$test" | tee "$out/log" || rc=$?
say $rc "cameras"

rc=0
# The device that encodes is in a machine without cameras, which finds no other.
if [[ -n "$("$out/encode.test" -test.list "$test")" ]]; then
  QEMU_NICE=0 "$here/run-in-guest.sh" -r -i -S 2 -M 1024 -t "${CAMERALAB_TIME:-600}" -o "$out" \
    -m videodev -x "$cache/modules/v4l2-mem2mem.ko" -x "$cache/modules/vh264enc.ko" \
    -- "$out/encode.test" -test.v -test.run "$test" | tee -a "$out/log" || rc=$?
  say $rc "the encoder"
fi

rc=0
(cd cmd/camgate/e2e && CAMGATE_E2E_PROGRAM="$out/camgate" exec "$out/e2e.test" -test.v -test.timeout 25m -test.run "$test") | tee -a "$out/log" || rc=$?
say $rc "the program from outside"

passed=$(grep -c '^--- PASS' "$out/log" || true)
# All of them, or it proves nothing: a test that vanished is not one that passed.
all=$(cat ingest/camera/lab*_test.go ingest/encode/lab_test.go cmd/camgate/e2e/lab*_test.go | grep -c '^func TestLab')
if [[ $failed == 0 && $# == 0 && $passed != "$all" ]]; then
  echo "FAILED: $passed of $all tests passed"; failed=1
fi
echo "$passed passed, in $((SECONDS - began)) s"
exit $failed
