#!/bin/sh
# serve-in-guest.sh FOLDER - what the guest runs for the tests that look at it from outside:
# FOLDER/camgate with FOLDER/camgate.yaml, and beside it each FOLDER/do/*.sh that appears there, whose
# output and status go to .out and .rc beside it; until there is FOLDER/quit.
cd "$1" || exit 1
# The programs of the host come over 9p: in memory before somebody waits for them.
mkdir -p do /tmp/state
for codec in mjpeg libx264; do
  ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=160x96:rate=5 -frames:v 3 -c:v $codec -f null -
done
./camgate -c camgate.yaml >log 2>&1 &
pid=$!
echo $pid >pid
while [ ! -e quit ]; do
  for f in do/*.sh; do
    [ -e "$f" ] || continue
    n=${f%.sh}
    mv "$f" "$n.run"
    sh "$n.run" >"$n.out" 2>&1
    echo $? >"$n.rc.new"
    mv "$n.rc.new" "$n.rc"
  done
  sleep 0.1
done
kill -TERM $pid
wait $pid
