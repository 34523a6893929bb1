#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""on-terminal.py SECONDS COMMAND... - run a program on a new terminal, type, and print its output.

COMMAND ends with file_tty or file_jobs. The script waits for each "ready NAME" and types the keys
for NAME. CR is shown as <CR>. Ctrl-C is typed again each second until the program reports it: the
first may arrive before the program's read().
"""
import os
import pty
import re
import select
import sys
import time

CTRL_C = b"\x03"
FILE_TTY = [
    ("line", b"hello\r"),
    ("edited", b"abx\x7fc def\x17ghi\r"),        # erase one character, erase a word
    ("eof", b"\x04"),
    ("long", b"a" * 5000 + b"\r"),
    ("interrupt", CTRL_C),
    ("raw", b"q"),
    ("three", b"123"),
    ("timed", b""),
    ("polled", b""),
    ("poll", b"ab"),
    ("signal character", b""),                   # read() returns what poll() reported
    ("flushed", b"b" * 3000),
    ("flushed with a mode", b"b" * 3000),
    ("faulted", b"c" * 3000),
]


FILE_JOBS = [
    ("stop", b"\x1a"),
    ("line", b"hell\r"),
]


class Screen:
    def __init__(self, fd, deadline):
        self.fd = fd
        self.deadline = deadline
        self.seen = b""

    def wait_for(self, pattern, again=b""):
        """Read output until `pattern` is seen. After each second without output, type `again`.

        Return False if the time is up or the program has ended.
        """
        while not re.search(pattern, self.seen):
            left = self.deadline - time.monotonic()
            if left <= 0:
                return False
            if not select.select([self.fd], [], [], min(left, 1))[0]:
                os.write(self.fd, again)
                continue
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            if not data:
                return False
            self.seen += data
        return True

    def type(self, keys):
        while keys:
            keys = keys[os.write(self.fd, keys):]


def main():
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[2], sys.argv[2:])
    screen = Screen(fd, time.monotonic() + float(sys.argv[1]))
    for name, keys in FILE_JOBS if sys.argv[-1].endswith("file_jobs") else FILE_TTY:
        again = b""
        if not screen.wait_for(b"ready %s\r?\n" % name.encode()):
            print("# no 'ready %s'" % name)
            break
        screen.type(keys)
        if keys == CTRL_C:
            again = keys
        if again and not screen.wait_for(b"interrupts: ", again):
            break
    screen.wait_for(b"\x00the end of it")
    if time.monotonic() >= screen.deadline:
        os.kill(pid, 9)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    text = screen.seen.decode("latin-1").replace("\r", "<CR>")
    print(re.sub("a{100,}", "aaa...", text))
    print("status %d" % status)


main()
