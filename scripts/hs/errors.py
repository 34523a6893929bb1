# SPDX-License-Identifier: MIT
"""How a run ends that is not the program's own end: one sentence and a status."""
import sys

STATUS_USAGE = 2
STATUS_TIMEOUT = 124
STATUS_FAILED = 125
STATUS_QEMU = 126
STATUS_QUIT = 130

STATUS_HELP = """\
exit status: that of the program or guest (128 + N: signal N killed it); else
    2  wrong use: an unknown option, toggle or event, or an invalid value
  124  ended by --timeout
  125  hyperscope could not do it: a file is missing, the host refused, panicked
  126  QEMU itself failed
  130  quit by Ctrl-A X or an interrupt (143: terminated, 129: hung up)"""


class LaunchError(Exception):
    """Told to the user as it is, in one sentence."""

    def __init__(self, text, status=STATUS_FAILED):
        super().__init__(text)
        self.status = status


class Quit(BaseException):
    """The user ended the run: print nothing. Not an Exception, so that no `except Exception` catches it."""

    def __init__(self, status):
        super().__init__()
        self.status = status


def sentence(text):
    sys.stderr.write("hyperscope: %s\n" % text)
    sys.stderr.flush()
