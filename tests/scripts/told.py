#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""told.py - INT, TERM and HUP to a command at random moments, from its start to its end.

usage: told.py SEED MOMENTS COMMAND...

Each signal comes at MOMENTS moments, one drawn from each part of the command's time. Then the command was
killed by that signal, or has the status that says so (128 + N), or had come to its end; it printed no
traceback; no process of it is left, and no temporary file. What Python says that is interrupted before
its first line of ours is not ours. A line for each sample that is wrong, and its moment.
"""
import concurrent.futures
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

MARK = "HS_TOLD"
OURS = re.compile(r'^  File "[^"]*/scripts/|^Exception ignored', re.M)
LINES = 3      # a sentence, and what says on the way that it takes long
AT_ONCE = 2
SCALE = max(1.0, float(os.environ.get("HS_TIME_SCALE", "1")))
PATIENCE = 60 * SCALE
GONE = 5 * SCALE  # QEMU goes with its launcher, not before it


def left(mark):
    """Processes whose environment has the mark."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/environ" % name, "rb") as file:
                mine = ("%s=%s" % (MARK, mark)).encode() in file.read().split(b"\0")
            with open("/proc/%s/cmdline" % name, "rb") as file:
                words = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if mine and words:  # a zombie has none
            found.append((int(name), words[:100]))
    return found


def files(folder):
    """What stays of a run is in its folder: its log and its trace, not its memory and its files."""
    for at, _, names in os.walk(folder):
        for name in names:
            if name in ("initramfs", "ram", "guest-initrd") or name.startswith(".last.") or "/runs" not in at:
                yield os.path.relpath(os.path.join(at, name), folder)


def one(command, number, moment):
    """What is wrong with it, a line each; its time."""
    folder = tempfile.mkdtemp(prefix="told.")
    mark = os.path.basename(folder)
    for name in ("tmp", "runs"):
        os.mkdir(os.path.join(folder, name))
    environment = dict(os.environ, TMPDIR=folder + "/tmp", HS_RUNS=folder + "/runs", **{MARK: mark})
    start = time.monotonic()
    # QEMU reopens both to write only, and gets what it had.
    with open(folder + "/err", "wb") as err, open(os.devnull, "wb") as out:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                 env=environment, start_new_session=True)
        wrong = []
        try:
            if number is not None:
                time.sleep(moment)
                child.send_signal(number)
            status = child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            wrong.append("it does not end")
            child.kill()
            status = child.wait()
        took = time.monotonic() - start
    with open(folder + "/err", encoding="utf-8", errors="replace") as err:
        text = err.read()
    end = time.monotonic() + GONE
    while left(mark) and time.monotonic() < end:
        time.sleep(0.05)
    if number is not None and status not in (0, -number, 128 + number):
        startup = status == 1 and "KeyboardInterrupt" in text and not OURS.search(text)
        wrong += [] if startup else ["status %d" % status]
    if OURS.search(text):
        wrong.append("a traceback: " + text.strip().splitlines()[-1])
    elif "Traceback" not in text and len(text.splitlines()) > LINES:
        wrong.append("it says " + text)
    wrong += ["left running: %s" % words for _, words in left(mark)]
    wrong += ["left behind: %s" % name for name in files(folder) if name != "err"]
    for process, _ in left(mark):
        os.kill(process, signal.SIGKILL)
    shutil.rmtree(folder)
    return wrong, took


def main():
    seed, moments, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background of a shell it is ignored, and inherited
    chance = random.Random(seed)
    wrong, whole = one(command, None, 0)
    samples = [(number, (part + chance.random()) * whole / moments)
               for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM) for part in range(moments)]
    for line in wrong:
        print("without a signal: %s" % line)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for (number, moment), (found, _) in zip(samples, pool.map(lambda sample: one(command, *sample), samples)):
            for line in found:
                print("%s after %.4f s of %.1f (seed %d): %s" % (number.name, moment, whole, seed, line))


if __name__ == "__main__":
    main()
