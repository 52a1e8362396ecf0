#!/bin/sh
# Makes the clips of the tests anew; needs ffmpeg with libx264, libx265 and libopus.
# Each loops without a seam in pictures: whole GOPs of 2 s.
set -e
cd "$(dirname "$0")"
picture() { echo "testsrc=size=$1:rate=25:duration=$2"; }
tone='sine=frequency=440:sample_rate=48000'
x264='-c:v libx264 -preset veryfast -crf 34 -g 50 -sc_threshold 0 -pix_fmt yuv420p -x264-params sliced-threads=0'
out='-mpegts_flags +resend_headers -muxdelay 0 -muxpreload 0 -flags +bitexact -fflags +bitexact -f mpegts -y'
ff='ffmpeg -v error -nostdin'
$ff -f lavfi -i "$(picture 320x180 4)" -f lavfi -i "$tone:duration=4" $x264 -tune zerolatency -bf 0 -c:a aac -b:a 32k -ac 1 $out h264-aac.ts
$ff -f lavfi -i "$(picture 160x90 4)" $x264 -tune zerolatency -bf 0 -an $out h264-small.ts
$ff -f lavfi -i "$(picture 160x90 4)" $x264 -bf 3 -an $out h264-bframes.ts
$ff -f lavfi -i "$(picture 160x90 4)" -f lavfi -i "$tone:duration=4" -c:v libx265 -preset veryfast -crf 36 -tag:v hvc1 -x265-params keyint=50:min-keyint=50:scenecut=0:bframes=0:log-level=error -pix_fmt yuv420p -c:a libopus -b:a 32k $out h265-opus.ts
ls -l ./*.ts
