#!/bin/sh
# Puts hls.js, in the version that package-lock.json pins and checks, and its
# licence where the pages load it from: web/static/vendor.
#
# It is the full build: gohlslib makes a separate audio rendition, which the light
# one cannot play. It is the ES module, so that only a page that needs it loads it.
set -eu
cd "$(dirname "$0")/.."

npm ci --ignore-scripts --no-audit --no-fund >/dev/null
from=node_modules/hls.js
to=web/static/vendor
version=$(node -p "require('./$from/package.json').version")

mkdir -p "$to"
# The source map is not shipped, so nothing must ask for it. Compressed, as browsers get
# it, it takes a third of the room in the binary.
sed '/^\/\/# sourceMappingURL=/d' "$from/dist/hls.min.mjs" | gzip -9 -n >"$to/hls.min.mjs.gz"
cp "$from/LICENSE" "$to/hls.LICENSE.txt"
cat >"$to/README.txt" <<END
hls.js $version, https://github.com/video-dev/hls.js, Apache-2.0 (hls.LICENSE.txt).
Written by scripts/vendor-hlsjs.sh; do not edit.
END
echo "hls.js $version -> $to"
