#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""terminal.t - `make run` on a terminal: the guest's shell, Ctrl-C, poweroff, Ctrl-A X."""
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
PROMPT = r"guest:~# "


def start(*arguments):
    return Terminal([LAUNCHER, "run", "--out", OUT, *arguments], {"HS_RUNS": runs})


def shell_steps(guest):
    """Yield (good, name) for each step. Each step builds on the one before it."""
    yield guest.wait_for(PROMPT, 60), "on a terminal, the guest starts a shell"
    guest.type("echo $((6 * 7)) $(tty) $(stty size)\r")
    yield guest.wait_for(r"\n42 /dev/ttyS0 33 99\r", 20), "the guest's shell knows the terminal's size"
    guest.wait_for(PROMPT, 20)
    # Wait for the command's own output. Until the command runs, the shell is in the foreground and gets Ctrl-C's
    # signal.
    guest.type("sh -c 'echo begun; exec sleep 1000'\r")
    guest.wait_for(r"\nbegun\r", 20)
    guest.type("\x03")
    yield guest.wait_for(PROMPT, 20), "Ctrl-C ends the guest's command, not the machine"
    guest.type("world\x01\x01echo hello-\r")  # Ctrl-A: to the line's beginning
    yield guest.wait_for(r"\nhello-world\r", 20), "Ctrl-A Ctrl-A sends one Ctrl-A"
    guest.wait_for(PROMPT, 20)
    guest.type("poweroff\r")
    yield guest.end(60) == 0, "poweroff ends the run with status 0"
    yield guest.wait_for(r"exits: \d+", 1), "the run ends with the table of exits"


def shell_test():
    guest = start("--append", "console=ttyS0 quiet")
    for good, name in shell_steps(guest):
        if not tap.ok(good, name, guest.seen[-600:]):
            break
    guest.end(0)
    tap.ok(guest.is_as_before(), "poweroff leaves the terminal as it was")


def quit_test():
    guest = start("--append", "console=ttyS0 quiet")
    tap.ok(guest.wait_for(r"host: \d+ harts", 30), "the host's boot lines are shown", guest.seen)
    guest.type("\x01x")
    tap.ok(guest.end(20) == 130, "Ctrl-A X quits at any time", guest.seen)
    tap.ok(guest.is_as_before(), "Ctrl-A X leaves the terminal as it was")


try:
    if not os.path.exists(os.path.join(OUT, "guest-initrd.cpio")):
        tap.skip_all("there is no guest kernel: set-up could not fetch it")
    shell_test()
    quit_test()
finally:
    shutil.rmtree(runs, ignore_errors=True)
tap.done()
