#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""told.py - send INT, TERM and HUP to a command at random moments, from its start to its end.

usage: told.py SEED MOMENTS COMMAND...

Each signal is sent at MOMENTS moments, one drawn from each of MOMENTS equal parts of the command's run time.
Without a signal, the command must end with status 0. With a signal, it must be killed by that signal, exit with 128
plus the signal's number, or have ended earlier. It must not print a traceback or more than three lines on standard error,
and must not leave any process or temporary file behind. A traceback is allowed until the script has imported
hs/early.py, because Python itself prints one during its start. Prints a line for each error, with the signal and
the moment at which it was sent.
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
OURS = re.compile(r'^  File "[^"]*/scripts/([^"]*)", line [1-9].*\n *(.*)', re.M)
HEADER = re.compile(r"import (os|sys)$|sys\.|from hs import early")
LINES = 3      # allowed on standard error: a message, and notes on progress
AT_ONCE = 2
SCALE = max(1.0, float(os.environ.get("HS_TIME_SCALE", "1")))
PATIENCE = 60 * SCALE
GONE = 5 * SCALE  # seconds that QEMU may outlive the command that started it


def left(mark):
    """Return the processes whose environment has the mark."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/environ" % name, "rb") as file:
                mine = ("%s=%s" % (MARK, mark)).encode() in file.read().split(b"\0")
            with open("/proc/%s/cmdline" % name, "rb") as file:
                words = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if mine and words:  # a zombie's command line is empty
            found.append((int(name), words[:100]))
    return found


def files(folder):
    """Yield files that must not be left. A run's folder may keep its log and trace, but not its RAM, initramfs or initrd."""
    for at, _, names in os.walk(folder):
        for name in names:
            if name in ("initramfs", "ram", "guest-initrd") or name.startswith(".last.") or "/runs" not in at:
                yield os.path.relpath(os.path.join(at, name), folder)


def traceback_of_ours(text):
    """Return whether the text has a traceback from after the import of early.py."""
    if "Exception ignored" in text and "KeyboardInterrupt" not in text:
        return True
    return any(not match[1].startswith("hs/early.py") and not HEADER.match(match[2])
               for match in OURS.finditer(text))


def one(command, number, moment):
    """Run the command. Send it signal `number` after `moment` seconds, unless `number` is None.

    Return a line for each error, and the seconds that the command took.
    """
    folder = tempfile.mkdtemp(prefix="told.")
    mark = os.path.basename(folder)
    for name in ("tmp", "runs"):
        os.mkdir(os.path.join(folder, name))
    environment = dict(os.environ, TMPDIR=folder + "/tmp", HS_RUNS=folder + "/runs", **{MARK: mark})
    start = time.monotonic()
    # QEMU reopens its standard error and standard output for writing only, and thus writes to these files.
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
            wrong.append("the command does not end")
            child.kill()
            status = child.wait()
        took = time.monotonic() - start
    with open(folder + "/err", encoding="utf-8", errors="replace") as err:
        text = err.read()
    end = time.monotonic() + GONE
    while left(mark) and time.monotonic() < end:
        time.sleep(0.05)
    if status not in ((0,) if number is None else (0, -number, 128 + number)):
        startup = number is not None and "KeyboardInterrupt" in text and not traceback_of_ours(text)
        wrong += [] if startup else ["status %d" % status]
    if traceback_of_ours(text):
        wrong.append("a traceback: " + " | ".join(text.strip().splitlines()))
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
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell inherit an ignored SIGINT
    chance = random.Random(seed)
    wrong, whole = one(command, None, 0)
    samples = [(number, (part + chance.random()) * whole / moments)
               for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM) for part in range(moments)]
    for line in wrong:
        print("without a signal: %s" % line)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        runs = pool.map(lambda sample: one(command, *sample), samples)
        for (number, moment), (found, _) in zip(samples, runs):
            for line in found:
                print("%s after %.4f s of %.1f (seed %d): %s" % (number.name, moment, whole, seed, line))


if __name__ == "__main__":
    main()
