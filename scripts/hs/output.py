# SPDX-License-Identifier: MIT
"""output.py - open the files that options such as --csv name."""
import contextlib
import os
import sys


def create(path):
    """Open the file for writing text, for use in `with`. If PATH names the standard output, return sys.stdout.

    If the standard output is a regular file, opening /dev/stdout would truncate that file and write from its beginning,
    where later output of this process would then overwrite the text."""
    try:
        if os.path.samestat(os.stat(path), os.fstat(sys.stdout.fileno())):
            return contextlib.nullcontext(sys.stdout)
    except FileNotFoundError:
        pass
    return open(path, "w", encoding="utf-8", newline="")
