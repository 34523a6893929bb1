#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""save-terminal.slow.t - Ctrl-A S saves a machine while a line is typed at its shell; the machine is restored twice."""
import os
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
from terminal import LAUNCHER, OUT, Tap, Terminal  # noqa: E402

tap = Tap()
os.makedirs(os.path.join(OUT, "tmp"), exist_ok=True)
runs = tempfile.mkdtemp(prefix="test.", dir=os.path.join(OUT, "tmp"))
saved = os.path.join(runs, "saved")
PROMPT = r"guest:~# "


def start(*arguments):
    return Terminal([LAUNCHER, "run", "--out", OUT, *arguments], {"HS_RUNS": runs})


def save_steps(guest):
    yield guest.wait_for(PROMPT, 60), "the guest starts a shell"
    guest.type("variable=forty-two\r")
    guest.wait_for(PROMPT, 20)
    guest.type("echo $vari")
    yield guest.wait_for(r"echo \$vari", 20), "the guest echoes half a line"
    guest.type("\x01s")
    yield guest.end(60) == 0, "Ctrl-A S saves the machine and ends the run with status 0"
    yield os.path.exists(saved), "the saved file exists"


def restore_steps(guest):
    yield guest.wait_for(r"restored from", 60), "the machine is restored"
    guest.type("able $(nproc)\r")
    yield guest.wait_for(r"\nforty-two 2\r", 30), "the rest of the line completes the command"
    guest.type("n=0; while [ $n -lt 20 ]; do sleep 0.01; n=$((n + 1)); done; echo slept $n\r")
    yield guest.wait_for(r"\nslept 20\r", 30), "time passes in the restored machine"
    guest.type("poweroff\r")
    yield guest.end(60) == 0, "poweroff ends the restored machine"


def run_steps(guest, steps):
    for good, name in steps(guest):
        if not tap.ok(good, name, guest.seen[-900:]):
            break
    guest.end(0)
    tap.ok(guest.is_as_before(), "the terminal's settings are as before")


try:
    if not os.path.exists(os.path.join(OUT, "guest-initrd.cpio")):
        tap.skip_all("there is no guest kernel: set-up could not fetch it")
    run_steps(start("--append", "console=ttyS0 quiet", "--memory", "256M", "--save", saved), save_steps)
    run_steps(start("--restore", saved), restore_steps)
    run_steps(start("--restore", saved), restore_steps)
finally:
    shutil.rmtree(runs, ignore_errors=True)
tap.done()
