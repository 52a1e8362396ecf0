#!/bin/sh
# Makes cmd/camgate/demo/demo.mp4, the clip which is embedded in the binary.
#
# Needs: go, ffmpeg 5.1 or later with libx264 and libfreetype, and the DejaVu
# fonts (Debian: ffmpeg, fonts-dejavu-core). FONTS may name another folder.
#
# Usage: scripts/make-demo.sh [output.mp4, seen from the top folder]
#
# The result is the same, byte by byte, when run twice with the same ffmpeg.
# After running it, run: go test ./cmd/camgate/demo ./internal/frameno
set -eu

cd "$(dirname "$0")/.."
out=${1:-cmd/camgate/demo/demo.mp4}
fonts=${FONTS:-/usr/share/fonts/truetype/dejavu}
bold=$fonts/DejaVuSans-Bold.ttf
sans=$fonts/DejaVuSans.ttf
mono=$fonts/DejaVuSansMono-Bold.ttf
for font in "$bold" "$sans" "$mono"; do
    [ -r "$font" ] || { echo "font missing: $font" >&2; exit 1; }
done

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
go build -o "$tmp/demogen" ./scripts/demogen

# Texts. The clock shows seconds and frames, as an editor's timecode does. The
# outline keeps a text readable while the moon is behind it.
text="drawtext=fontfile=$bold:fontsize=52:fontcolor=white:x=64:y=52:text='camgate demo'"
text="$text,drawtext=fontfile=$sans:fontsize=22:fontcolor=0x9fb0d8:x=66:y=120:\
text='720p · 25 fps · H.264 + AAC'"
text="$text,drawtext=fontfile=$bold:fontsize=176:fontcolor=white:x=56:y=232:\
borderw=5:bordercolor=0x0c1228:text='%{eif\:trunc(n/25)\:d\:2}.%{eif\:mod(n\,25)\:d\:2}'"
text="$text,drawtext=fontfile=$sans:fontsize=22:fontcolor=0xb4c2e6:x=66:y=400:\
borderw=3:bordercolor=0x0c1228:text='seconds . frames'"
text="$text,drawtext=fontfile=$bold:fontsize=120:fontcolor=white:x=958:y=286:\
borderw=4:bordercolor=0x0c1228:text='%{eif\:trunc(n/25)\:d}'"
text="$text,drawtext=fontfile=$sans:fontsize=22:fontcolor=0x5a6a98:x=1140:y=104:\
text='sync':enable='gte(mod(n,25),2)'"
text="$text,drawtext=fontfile=$sans:fontsize=20:fontcolor=0x9fb0d8:x=32:y=670:text='frame'"
text="$text,drawtext=fontfile=$mono:fontsize=26:fontcolor=0x9fb0d8:x=1180:y=668:\
text='%{eif\:n\:d\:3}'"

# Video: constrained baseline, which every browser decodes in WebRTC too. No
# B-frames, one slice per picture, a closed group each 2 s and no keyframe in
# between. One thread, so that the result does not depend on the machine. The
# encoder's note about itself (SEI) is removed.
"$tmp/demogen" video | ffmpeg -v error -y \
    -f rawvideo -pix_fmt rgb24 -s 1280x720 -r 25 -i - \
    -vf "$text,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p" \
    -c:v libx264 -profile:v baseline -level 3.1 -preset veryslow -crf 29 \
    -maxrate 2M -bufsize 2M -g 50 -keyint_min 50 -sc_threshold 0 -bf 0 \
    -refs 1 -threads 1 -flags +cgop \
    -x264-params slices=1:sliced-threads=0:force-cfr=1 \
    -color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv \
    -bsf:v filter_units=remove_types=6 -fflags +bitexact \
    -video_track_timescale 90000 -f mp4 "$tmp/video.mp4"

# Audio: 24 s are encoded and the middle 8 s taken, so that neither the
# encoder's start nor its end is in the clip. AAC frame n holds the samples from
# (n-1)*1024 on, since the encoder delays by one frame; frame 376 therefore
# starts at 8 s sharp. Noise substitution is off, and the "fast" coder is used:
# the default one distorts some of the beeps.
"$tmp/demogen" audio 24 | ffmpeg -v error -y -f s16le -ar 48000 -ac 1 -i - \
    -c:a aac -profile:a aac_low -b:a 64k -aac_coder fast -aac_pns 0 -flags +bitexact \
    -f adts "$tmp/long.aac"
"$tmp/demogen" cut 376 375 <"$tmp/long.aac" >"$tmp/loop.aac"

# Container: no edit lists, both tracks start at 0, index at the front.
ffmpeg -v error -y -i "$tmp/video.mp4" -i "$tmp/loop.aac" \
    -map 0:v -map 1:a -c copy -bsf:a aac_adtstoasc \
    -fflags +bitexact -flags +bitexact -map_metadata -1 \
    -video_track_timescale 90000 -use_editlist 0 -movflags +faststart \
    -f mp4 "$tmp/demo.mp4"
mv "$tmp/demo.mp4" "$out"
