# SPDX-License-Identifier: MIT
"""output.py - open the files that options such as --csv name."""
import contextlib
import os
import shutil
import sys

from hs.errors import STATUS_USAGE, LaunchError, naming


def _is_standard_output(path):
    """Return whether PATH, which exists, names the standard output.

    If the standard output is a regular file, opening /dev/stdout would truncate that file and write from its beginning,
    where later output of this process would then overwrite the text."""
    return os.path.samestat(os.stat(path), os.fstat(sys.stdout.fileno()))


@contextlib.contextmanager
def create(path):
    """Open the file for writing text, for use in `with`. If PATH names the standard output, yield sys.stdout.

    If the file is a regular file or does not exist, it is replaced at the end of the block; if the block fails, it is
    unchanged. A symbolic link is followed. A device, a pipe, and a file in a folder that the user cannot write are written
    directly."""
    with naming(path):
        if os.path.exists(path):
            if _is_standard_output(path):
                yield sys.stdout
                return
            if not os.path.isfile(path) or not os.access(os.path.dirname(os.path.realpath(path)), os.W_OK):
                with open(path, "w", encoding="utf-8", newline="") as file:
                    yield file
                return
        path = os.path.realpath(path)
        beside = "%s.%d.new" % (path, os.getpid())
        try:
            with open(beside, "w", encoding="utf-8", newline="") as file:
                yield file
            if os.path.exists(path):
                shutil.copymode(path, beside)
            os.replace(beside, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(beside)


@contextlib.contextmanager
def of_option(option, path):
    """As create(), for the file that OPTION names: an error is wrong use of the command."""
    try:
        with create(path) as file:
            yield file
    except OSError as error:
        raise LaunchError("%s %s: %s" % (option, path, error.strerror), STATUS_USAGE) from None
