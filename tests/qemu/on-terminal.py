#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""on-terminal.py SECONDS COMMAND... - type at file_tty on a terminal of its own; prints what came.

Waits for each "ready NAME" and types what belongs to it. CR is shown as <CR>.
"""
import os
import pty
import re
import select
import sys
import time

TYPED = [
    ("line", b"hello\r"),
    ("edited", b"abx\x7fc def\x17ghi\r"),        # erase one character, erase a word
    ("eof", b"\x04"),
    ("long", b"a" * 5000 + b"\r"),
    ("interrupt", b"\x03"),
    ("raw", b"q"),
    ("three", b"123"),
    ("timed", b""),
    ("polled", b""),
    ("poll", b"ab"),
    ("signal character", b""),                   # what poll was given is still there
]


def main():
    deadline = time.monotonic() + float(sys.argv[1])
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[2], sys.argv[2:])
    seen = b""
    for name, keys in TYPED + [(None, b"")]:
        pattern = b"\x00never" if name is None else b"ready " + name.encode() + b"\r?\n"
        while not re.search(pattern, seen):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                print("# no 'ready %s' in time" % name)
                os.kill(pid, 9)
                break
            try:
                data = os.read(fd, 65536)
            except OSError:
                data = b""
            if not data:
                break
            seen += data
        while keys:
            keys = keys[os.write(fd, keys):]
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    text = seen.decode("latin-1").replace("\r", "<CR>")
    print(re.sub("a{100,}", "aaa...", text))
    print("status %d" % status)


main()
