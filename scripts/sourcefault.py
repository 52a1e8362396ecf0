"""Looks at camgate while scripts/sourcefault.sh makes the network bad.

Usage: sourcefault.py FAULTS LOG LOSS JITTER OUTAGE HEAVY CASE

FAULTS is netfault's standard input, LOG camgate's. Asks the API ten times a second.
CASE is mixed, loss or outage, see sourcefault.sh.
"""
import json
import os
import sys
import time
import urllib.request

faults_path, log_path, loss, jitter, outage, heavy, case = sys.argv[1:]
outage = float(outage)
NAMES = os.environ.get("NAMES", "tcp udp auto").split()
failed = []


def set_faults(*lines):
    with open(faults_path, "w") as f:
        for line in lines:
            f.write(line + "\n")


def streams():
    try:
        with urllib.request.urlopen("http://127.0.0.1:8889/api/v1/streams", timeout=2) as r:
            return {s["name"]: s for s in json.load(r)["streams"]}
    except OSError:
        return {}


def want(ok, words):
    print(("  ok     " if ok else "  FAILED ") + words, flush=True)
    if not ok:
        failed.append(words)


def over_tcp():
    """Whether the log says that auto has gone over to TCP."""
    with open(log_path) as f:
        return [line for line in f if "stream=auto" in line and "by UDP" in line]


def watch(seconds, done=lambda now: False):
    """Returns per stream when units came (polls with more of them), and the last status."""
    begin = time.monotonic()
    came = {n: [] for n in NAMES}
    last = streams()
    first = last
    while time.monotonic() - begin < seconds:
        time.sleep(0.1)
        now = streams()
        at = time.monotonic() - begin
        for n in NAMES:
            if now[n]["units_in"] > last[n]["units_in"]:
                came[n].append((at, now[n]["units_in"] - last[n]["units_in"]))
        last = now
        if done(now):
            break
    return begin, came, first, last


def gap(times, end):
    edges = [0] + [t for t, _ in times] + [end]
    return max(b - a for a, b in zip(edges, edges[1:]))


def end():
    set_faults("loss 0", "jitter 0s")
    print("FAILED" if failed else "ok")
    sys.exit(bool(failed))


def gives_up_udp():
    print(f"{heavy} % loss until auto gives up UDP")
    begin = time.monotonic()
    already = over_tcp()
    set_faults("loss " + heavy)
    if not already:
        watch(35, lambda now: over_tcp())
    changed = time.monotonic() - begin
    if already:
        want(True, "auto: had gone over to TCP before: " + already[0].split("reason=")[-1].strip())
    else:
        want(bool(over_tcp()), f"auto: over to TCP after {changed:.1f} s: " + over_tcp()[0].split("reason=")[-1].strip() if over_tcp() else "auto: still by UDP")
    set_faults("loss " + loss)
    begin = time.monotonic()
    before = streams()
    watch(10, lambda now: now["auto"]["state"] == "live" and now["auto"]["units_in"] > before["auto"]["units_in"] + 5)
    took = time.monotonic() - begin
    want(took < 3, f"auto: live by TCP {took:.1f} s later, at {loss} % loss")


deadline = time.monotonic() + 20
while not (s := streams()) or any(s[n]["state"] != "live" for n in NAMES):
    if time.monotonic() > deadline:
        sys.exit("FAILED: not live on a good network: %s" % {n: (v["state"], v["error"]) for n, v in s.items()})
    time.sleep(0.1)

if case == "loss":
    gives_up_udp()
    end()
if case == "outage":
    print(f"nothing at all for {outage:g} s, and no loss before and after")
    watch(5)
    set_faults("loss 100")
    watch(outage)
    set_faults("loss 0")
    _, came, _, last = watch(25)
    for n in NAMES:
        back = came[n][0][0] if came[n] else 99
        want(back <= 3 and last[n]["state"] == "live", f"{n}: pictures again after {back:.1f} s, {last[n]['attempts']} attempts")
    want(not over_tcp(), "auto: by UDP 25 s later" if not over_tcp() else "auto: over to TCP: " + over_tcp()[0])
    end()

_, came, first, last = watch(5)
good = {n: (last[n]["units_in"] - first[n]["units_in"]) / 5 for n in NAMES}

span = 15
print(f"{loss} % loss, {jitter} jitter each way, {span} s")
set_faults("loss " + loss, "jitter " + jitter)
_, came, first, last = watch(span)
for n in NAMES:
    rate = (last[n]["units_in"] - first[n]["units_in"]) / span
    steady = last[n]["reconnects"] == first[n]["reconnects"] and last[n]["state"] == "live"
    words = f"{n}: {rate:.1f} units a second (before: {good[n]:.1f}), longest gap {gap(came[n], span):.1f} s, {last[n]['state']}, {last[n]['attempts']} attempts"
    want(steady and (n not in ("tcp", "tls") or rate > 0.9 * good[n]), words)

print(f"nothing at all for {outage:g} s, then {loss} % and {jitter} again")
set_faults("loss 100")
begin, _, first, _ = watch(outage)
set_faults("loss " + loss)
_, came, _, last = watch(12)
for n in NAMES:
    # Five units are a picture or two, whatever was in a buffer.
    total, back = 0, None
    for at, units in came[n]:
        total += units
        if total >= 5:
            back = at
            break
    said = "never" if back is None else f"after {back:.1f} s"
    attempts = last[n]["attempts"] - first[n]["attempts"]
    limit = 10 if n == "udp" else 3  # nothing but UDP is wanted there: the first keyframe that comes whole
    want(back is not None and back <= limit, f"{n}: pictures again {said}, {last[n]['state']}, {attempts} new attempts, longest gap then {gap(came[n], 12):.1f} s")

gives_up_udp()
end()
