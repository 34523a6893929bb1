# SPDX-License-Identifier: MIT
"""errors.py - messages and exit statuses of runs that fail or are interrupted."""
import sys

STATUS_USAGE = 2
STATUS_TIMEOUT = 124
STATUS_FAILED = 125
STATUS_QEMU = 126
STATUS_QUIT = 130

STATUS_HELP = """\
exit status: that of the program or guest (128 + N: signal N killed it); else
    2  usage error: an unknown option, toggle or event, or an invalid value
  124  ended by --timeout
  125  other failure: a file is missing, the host refused to start or panicked
  126  QEMU itself failed
  130  quit by Ctrl-A X or an interrupt (143: terminated, 129: hung up)"""


class LaunchError(Exception):
    """An error whose one-sentence text is shown to the user unchanged."""

    def __init__(self, text, status=STATUS_FAILED):
        super().__init__(text)
        self.status = status


class Quit(BaseException):
    """The user ended the run: print nothing. Not an Exception, so `except Exception` does not catch it."""

    def __init__(self, status):
        super().__init__()
        self.status = status


def sentence(text):
    sys.stderr.write("hyperscope: %s\n" % text)
    sys.stderr.flush()
