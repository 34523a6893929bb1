# SPDX-License-Identifier: MIT
"""How a run ends that is not the program's own end: one sentence and a status."""
import os
import signal
import sys

STATUS_USAGE = 2
STATUS_TIMEOUT = 124
STATUS_FAILED = 125
STATUS_QEMU = 126
STATUS_QUIT = 130

STATUS_HELP = """\
exit status: that of the program or guest (128 + N: signal N killed it); else
    2  wrong use: an unknown option, toggle, event, or a value that cannot be
  124  ended by --timeout
  125  hyperscope could not do it: a file is missing, the host refused, panicked
  126  QEMU itself failed
  130  quit by Ctrl-A X or an interrupt (143: terminated, 129: hung up)"""


class LaunchError(Exception):
    """Told to the user as it is, in one sentence."""

    def __init__(self, text, status=STATUS_FAILED):
        super().__init__(text)
        self.status = status


class Quit(Exception):
    """The user ended the run: nothing is to be said."""

    def __init__(self, status):
        super().__init__()
        self.status = status


def _told(number, _frame):
    raise Quit(128 + number)


def quit_when_told():
    """Ended from outside: what was begun is taken back on the way out. For exit_by()."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _told)


def _say_no_more():
    """What could not be written is not tried again when Python ends: 3.13 would make that the status."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def exit_by(name, main, *others):
    """A script's end: main()'s status, or one sentence and a status. others: exceptions that are sentences."""
    try:
        try:
            sys.exit(main())
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # "| head" has seen enough
        _say_no_more()
        sys.exit(STATUS_FAILED)
    except KeyboardInterrupt:
        sys.exit(STATUS_QUIT)
    except Quit as ended:
        sys.exit(ended.status)
    except (LaunchError,) + others as failure:
        text, status = failure, getattr(failure, "status", STATUS_FAILED)
    except OSError as failure:
        text, status = ": ".join(filter(None, (failure.filename, failure.strerror))), STATUS_FAILED
        _say_no_more()
    sys.stderr.write("%s: %s\n" % (name, text))
    sys.exit(status)


def sentence(text):
    sys.stderr.write("hyperscope: %s\n" % text)
    sys.stderr.flush()
