#!/bin/bash
# with-fake-vaapi.sh COMMAND... - runs COMMAND where /dev/dri/renderD128 exists and VA-API offers
# an H.264 encoder, on a machine that has neither: a private mount namespace (needs root; the
# machine itself is not changed) and the driver beside this script, built on first use.
# FAKEVA_FAIL=... passes through (see fake_drv_video.c). Needs: gcc libva-dev util-linux.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); cache=${FAKEVA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fakeva}
if [[ ${1:-} != --inside ]]; then
  mkdir -p "$cache"
  if [[ ! $cache/fake_drv_video.so -nt $here/fake_drv_video.c ]]; then
    cc -shared -fPIC -O2 -o "$cache/fake_drv_video.so.$$" "$here/fake_drv_video.c"
    mv "$cache/fake_drv_video.so.$$" "$cache/fake_drv_video.so" # whole, for whoever runs beside us
  fi
  export LIBVA_DRIVER_NAME=fake LIBVA_DRIVERS_PATH=$cache LIBVA_MESSAGING_LEVEL=${LIBVA_MESSAGING_LEVEL:-1}
  exec unshare -m "$0" --inside "$@"
fi
shift
# libva asks: a character device that opens read-write, minor 128..191, with a "drm" directory in
# sysfs. The current console's screen (7:128) opens everywhere and is never read or written here.
mount -t tmpfs t /sys/dev/char; mkdir -p /sys/dev/char/7:128/device/drm
mount -t tmpfs t /mnt; old=/mnt/dev; mkdir "$old"; mount --rbind /dev "$old"; mount -t tmpfs -o mode=755 t /dev
for f in "$old"/*; do ln -s "$f" "/dev/${f##*/}"; done
[[ -L /dev/dri ]] && rm /dev/dri; mkdir /dev/dri
mknod -m 666 /dev/dri/renderD128 c 7 128
exec "$@"
