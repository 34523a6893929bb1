# SPDX-License-Identifier: MIT
"""lock.py - a lock on a folder: a second program that writes into it waits, and says so."""
import fcntl
import os
import sys


def lock(name, folder):
    """The lock, which ends with its file object or the program. It is not passed on to children."""
    os.makedirs(folder, exist_ok=True)
    file = open(os.path.join(folder, "lock"), "w", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.stderr.write("%s: another one writes into %s: waiting for its end\n" % (name, folder))
        fcntl.flock(file, fcntl.LOCK_EX)
    return file
