# SPDX-License-Identifier: MIT
"""alone.py - one program at a time in a folder: who comes later waits, and says so."""
import fcntl
import os
import sys


def alone(name, folder):
    """The lock, which ends with its file object or the program. It is not passed on to children."""
    os.makedirs(folder, exist_ok=True)
    lock = open(os.path.join(folder, "lock"), "w", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.stderr.write("%s: another one writes into %s: waiting for its end\n" % (name, folder))
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock
