# SPDX-License-Identifier: MIT
"""watchdog - interrupt a gdb command that does not return in time, and end gdb if that fails."""
import os
import signal
import sys
import threading

LAST_SECONDS = 10


class Watchdog:
    """Usage: with Watchdog(60, "hs until x") as dog: ... Afterwards, dog.interrupted says whether the command took
    too long."""

    def __init__(self, seconds, what):
        self.seconds, self.what, self.interrupted = seconds, what, False
        self.timer = None

    def _wait(self, seconds, then):
        self.timer = threading.Timer(seconds, then)
        self.timer.daemon = True
        self.timer.start()

    def _interrupt(self):
        self.interrupted = True
        self._wait(LAST_SECONDS, self._give_up)
        os.kill(os.getpid(), signal.SIGINT)  # gdb then stops the machine

    def _give_up(self):
        sys.stderr.write("\nwalk: '%s' hangs, and gdb cannot stop the machine: ended\n" % self.what)
        sys.stderr.flush()
        os._exit(1)

    def __enter__(self):
        self._wait(self.seconds, self._interrupt)
        return self

    def __exit__(self, *_):
        self.timer.cancel()
        return False
