#!/bin/sh
# Installs what the tests need and is not here: real clients (ffmpeg, GStreamer,
# mpv, VLC, a browser, tshark) by apt, and what drives the browser by npm. With all of
# it in place it does nothing, in a blink.
set -eu
cd "$(dirname "$0")/.."

packages="ffmpeg chromium firefox-esr tshark mpv iproute2 nftables coturn
  gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good
  gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav
  gstreamer1.0-nice gstreamer1.0-rtsp
  python3-gi python3-gst-1.0 gir1.2-gst-rtsp-server-1.0 gir1.2-gst-plugins-bad-1.0
  vlc-bin vlc-plugin-base fonts-dejavu-core gcc libc6-dev libva-dev"

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

if command -v dpkg-query >/dev/null; then
	missing=
	for p in $packages; do
		case "$(dpkg-query -W -f '${Status}' "$p" 2>/dev/null)" in
		*"ok installed") ;;
		*) missing="$missing $p" ;;
		esac
	done
	command -v node >/dev/null || missing="$missing nodejs"
	command -v npm >/dev/null || missing="$missing npm"
	if [ -n "$missing" ]; then
		echo "installing:$missing"
		case "$missing" in *coturn*)
			# The tests start it themselves; as a service it would be open to all.
			if [ -d /run/systemd/system ]; then as_root systemctl mask --quiet coturn.service; fi ;;
		esac
		as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
		# shellcheck disable=SC2086 # a list of words
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
	fi
else
	for program in ffmpeg ffprobe gst-launch-1.0 mpv node npm; do
		command -v $program >/dev/null || { echo "the tests need $program: install it" >&2; exit 1; }
	done
fi

if [ ! -d node_modules/playwright-core ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
	npm ci --no-audit --no-fund --loglevel=error
fi
