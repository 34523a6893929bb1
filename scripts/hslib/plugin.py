# SPDX-License-Identifier: MIT
"""plugin.py - running a machine with one of our QEMU plugins: scripts/anatomy, scripts/irqs-off."""
import os
import shlex
import stat
import subprocess
import sys
import time

from .errors import STATUS_TIMEOUT, LaunchError
from .machine import qemu_version

QEMU_MIN = 9  # the first whose plugins have counters and registers
QUIET_SECONDS = 2


def check_qemu(qemu):
    if qemu_version(qemu)[0] < QEMU_MIN:
        raise LaunchError("%s is older than QEMU %d, the first whose plugins can do this"
                          % (qemu, QEMU_MIN))


def argument(path):
    """A path as a plugin's argument, in which a comma would end it."""
    return path.replace(",", ",,")


def wrapper(folder, qemu, arguments):
    """A QEMU with the plugin: whatever starts the machine needs to know nothing of it."""
    path = os.path.join(folder, "qemu")
    with open(path, "w", encoding="utf-8") as script:
        script.write("#!/bin/sh\nexec %s \"$@\" -plugin %s\n"
                     % (shlex.quote(qemu), shlex.quote(arguments)))
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    return path


def wait(process, tool, what, seconds=None):
    """Wait for it, so long at most; where somebody looks, say after a while what is being done."""
    start, said = time.monotonic(), False
    while True:
        try:
            process.wait(0.2)
            break
        except subprocess.TimeoutExpired:
            pass
        spent = time.monotonic() - start
        if seconds is not None and spent > seconds:
            process.terminate()
            process.wait()
            raise LaunchError("%s: ended after %d seconds (--timeout)" % (what, seconds),
                              STATUS_TIMEOUT)
        if spent < QUIET_SECONDS:
            continue
        if sys.stderr.isatty():
            sys.stderr.write("\r%s: %s: %d s" % (tool, what, spent))
        elif not said:
            sys.stderr.write("%s: %s ...\n" % (tool, what))
        sys.stderr.flush()
        said = True
    if said and sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
