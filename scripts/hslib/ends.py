# SPDX-License-Identifier: MIT
"""ends.py - a script's end: its own, an error's sentence, or that of INT, TERM or HUP at any moment.

Such a signal raises Quit, once, which could be anywhere: between a fork and the assignment of the child,
or half way through a removal. So it waits while there is `with held():`, and before and behind
run(). Children and temporary folders are noted as they are made; run() ends and removes what an
exception has passed over.
"""
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

from .errors import STATUS_FAILED, LaunchError, Quit

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE = 20  # seconds that a child has for an end of its own

_depth = 1       # > 0: a signal waits
_told = None     # the first one's number
_waits = False   # it has not been raised yet
_children, _folders = set(), set()


def _raise():
    global _waits
    _waits = False
    raise Quit(128 + _told)


def _on_signal(number, _frame):
    global _told, _waits
    if _told is not None:  # what is being ended is ended
        return
    _told, _waits = number, True
    if not _depth:
        _raise()


class held:  # pylint: disable=invalid-name  # a word of its own in `with held():`
    """A signal that comes meanwhile is raised at the end. Other threads get none."""

    def __enter__(self):
        global _depth
        self.counts = threading.current_thread() is threading.main_thread()
        _depth += self.counts

    def __exit__(self, *_):
        global _depth
        _depth -= self.counts
        if self.counts and _waits and not _depth:
            _raise()


def look():
    """For loops that wait: Python drops what is raised in a destructor, and a signal with it."""
    if _told is not None and not _depth:
        _raise()


def start(command, **more):
    """subprocess.Popen(); what runs beyond the script's end is terminated."""
    with held():
        child = subprocess.Popen(command, **more)
        _children.difference_update([old for old in list(_children) if old.returncode is not None])
        _children.add(child)
    return child


def stop(child):
    """Terminate it, and wait until it has ended in its own way."""
    with held():
        if child.poll() is None:
            child.terminate()
            child.wait()


def call(command, **more):
    """Its status; interrupted, it is terminated, so that timeout(1), make and our own scripts end theirs."""
    child = start(command, **more)
    try:
        return child.wait()
    finally:
        stop(child)


def said(command, **more):
    """The same, with what it wrote: a subprocess.CompletedProcess."""
    child = start(command, stdout=subprocess.PIPE, **more)
    try:
        out, err = child.communicate()
    finally:
        stop(child)
    return subprocess.CompletedProcess(command, child.returncode, out, err)


@contextlib.contextmanager
def folder(prefix, where=None):
    """A temporary folder, removed at the end with what is in it."""
    with held():
        path = tempfile.mkdtemp(prefix=prefix, dir=where)
        _folders.add(path)
    try:
        yield path
    finally:
        with held():
            shutil.rmtree(path, ignore_errors=True)
            _folders.discard(path)


def _tidy():
    running = [child for child in _children if child.poll() is None]
    for child in running:
        child.terminate()
    for child in running:
        try:
            child.wait(GRACE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    for path in _folders:
        shutil.rmtree(path, ignore_errors=True)


def by_default():
    """For a child of fork(): its parent's handlers are not for it."""
    _children.clear()
    _folders.clear()
    for number in ENDING:
        if signal.getsignal(number) == _on_signal:
            signal.signal(number, signal.SIG_DFL)


def run(main):
    """main()'s status, or that of the signal that ended it; then nothing of what it began is left."""
    global _depth, _told
    _told = None
    before = {number: signal.getsignal(number) for number in ENDING}
    for number in ENDING:
        if before[number] != signal.SIG_IGN:  # nohup's wish
            signal.signal(number, _on_signal)
    try:
        _depth = 0
        status = main()
        _depth = 1
    except Quit as ended:
        _depth = 1
        status = ended.status
    except BaseException:
        _depth = 1
        if _told is None:
            raise
        status = 128 + _told  # the error is what the interruption led to
    finally:
        _tidy()
        for number in ENDING:
            signal.signal(number, before[number])
    return status


def _say_no_more():
    """What could not be written is not tried again when Python ends: 3.13 would make that the status."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _status_of(name, main, others):
    try:
        try:
            return main()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # "| head" has seen enough
        _say_no_more()
        return STATUS_FAILED
    except (LaunchError,) + others as failure:
        text, status = failure, getattr(failure, "status", STATUS_FAILED)
    except OSError as failure:
        text, status = ": ".join(filter(None, (failure.filename, failure.strerror))), STATUS_FAILED
        _say_no_more()
    sys.stderr.write("%s: %s\n" % (name, text))
    return status


def exit_by(name, main, *others):
    """A script's end: main()'s status, or one sentence and a status. others: exceptions that are sentences."""
    sys.exit(run(lambda: _status_of(name, main, others)))
