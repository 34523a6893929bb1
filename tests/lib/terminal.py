# SPDX-License-Identifier: MIT
"""terminal.py - run a command on a pty and print claims as TAP, for tests that need a terminal."""
import os
import pty
import re
import select
import struct
import subprocess
import fcntl
import sys
import termios
import time

SCALE = int(os.environ.get("HS_TIME_SCALE", "1"))
TOP = os.environ.get("HS_TOP") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
OUT = os.environ.get("O") or os.path.join(TOP, "build")
LAUNCHER = os.path.join(TOP, "scripts", "hyperscope")


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def ok(self, good, name, *facts):
        self.count += 1
        print("%sok %d - %s" % ("" if good else "not ", self.count, name), flush=True)
        if not good:
            self.failed += 1
            for fact in facts:
                print("\n".join("# " + line for line in str(fact).splitlines()), flush=True)
        return good

    def skip_all(self, reason):
        print("1..0 # SKIP " + reason)
        sys.exit(0)

    def done(self):
        print("1..%d" % self.count)
        sys.exit(1 if self.failed else 0)


class Terminal:
    """A command whose standard input, output and error are a terminal of 33 rows and 99 columns."""

    def __init__(self, argv, environment=None):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
        self.slave = slave
        self.before = termios.tcgetattr(slave)
        self.seen = ""      # all output
        self.unread = ""    # output after the last match of wait_for()
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave,
                                        env=dict(os.environ, **(environment or {})),
                                        preexec_fn=self._own_terminal)

    def _own_terminal(self):
        os.setsid()
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def _read(self, seconds):
        ready, _, _ = select.select([self.master], [], [], seconds)
        if ready:
            text = os.read(self.master, 65536).decode("utf-8", "replace")
            self.seen += text
            self.unread += text

    def wait_for(self, pattern, seconds):
        """Wait for output that matches the pattern. Return the match, or None if the command ends or
        this many seconds (scaled) pass without one.
        """
        end = time.monotonic() + seconds * SCALE
        while True:
            match = re.search(pattern, self.unread)
            if match:
                self.unread = self.unread[match.end():]
                return match
            left = end - time.monotonic()
            if left <= 0 or (self.process.poll() is not None and not self._more()):
                return None
            self._read(min(left, 0.2))

    def _more(self):
        length = len(self.seen)
        self._read(0.1)
        return len(self.seen) > length

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self, seconds):
        """Wait up to this many seconds (scaled) for the command to end. Return its status, or kill it and return None."""
        end = time.monotonic() + seconds * SCALE
        while self.process.poll() is None and time.monotonic() < end:
            self._read(0.1)
        while self._more():
            pass
        status = self.process.poll()
        if status is None:
            self.process.terminate()
            try:
                self.process.wait(5 * SCALE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return status

    def is_as_before(self):
        return termios.tcgetattr(self.slave) == self.before
