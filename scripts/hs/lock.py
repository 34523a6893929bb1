# SPDX-License-Identifier: MIT
"""lock.py - lock a folder, so that a second program that writes to it prints a message and waits."""
import fcntl
import os
import sys


def lock(name, folder):
    """Lock the folder. The lock ends when the returned file is closed or the program ends. Children do not inherit it."""
    os.makedirs(folder, exist_ok=True)
    file = open(os.path.join(folder, "lock"), "w", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.stderr.write("%s: waiting for another program that writes to %s\n" % (name, folder))
        fcntl.flock(file, fcntl.LOCK_EX)
    return file
