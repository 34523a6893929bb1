# SPDX-License-Identifier: MIT
"""errors.py - messages and exit statuses of runs that fail or are interrupted."""
import contextlib
import errno
import sys

STATUS_USAGE = 2
STATUS_TIMEOUT = 124
STATUS_FAILED = 125
STATUS_QEMU = 126
STATUS_QUIT = 130

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)

# A tool that is missing or does not run (QEMU, Spike, herd7, CBMC, a compiler) ends a command with STATUS_FAILED, also if
# an option or a variable names it.
#
# Wrong use of a command ends with STATUS_USAGE. These commands return the status of a program or guest, which may
# itself be 2, so for them it ends with STATUS_FAILED, as for timeout(1) and env(1).
RETURN_A_STATUS = ("run", "exec", "gdb", "linux-kvm", "try-clean")

STATUS_HELP = """\
exit status: that of the program or guest (128 + N: signal N killed it); else
  124  ended by --timeout
  125  wrong use (an unknown option, an invalid value, a missing file), or the
       host refused to start or panicked
  126  QEMU itself failed (with --host linux: 125)
  130  quit by Ctrl-A X or an interrupt (143: terminated, 129: hung up)"""


class LaunchError(Exception):
    """An error whose one-sentence text is shown to the user unchanged."""

    def __init__(self, text, status=STATUS_FAILED):
        super().__init__(text)
        self.status = status


def exit_status(command, status):
    """Return the exit status with which COMMAND reports an error of this status."""
    return STATUS_FAILED if status == STATUS_USAGE and command in RETURN_A_STATUS else status


class Quit(BaseException):
    """The user ended the run: print nothing. Not an Exception, so `except Exception` does not catch it."""

    def __init__(self, status):
        super().__init__()
        self.status = status


@contextlib.contextmanager
def naming(path):
    """Make an error of a full disk name PATH, the folder: an error of write() names no file, and one of a copy names
    the source."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL:
            raise OSError(error.errno, error.strerror, path) from None
        raise


def sentence(text):
    sys.stderr.write("hyperscope: %s\n" % text)
    sys.stderr.flush()
