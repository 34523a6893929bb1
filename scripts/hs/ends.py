# SPDX-License-Identifier: MIT
"""ends.py - end a script: normally, with an error message, or by INT, TERM or HUP at any moment.

The first of these signals raises Quit. A signal may arrive at any instruction (between a fork and the assignment
of the child, in the middle of a removal), so it is deferred within `with held():` and outside run(). Children
and temporary folders are recorded when they are created. At its end, run() terminates the children and removes
the folders that an exception has left behind.
"""
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import traceback

from hs.errors import STATUS_FAILED, LaunchError, Quit, exit_status

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE = 20  # seconds for a child to end after SIGTERM

_depth = 1            # > 0: signals are deferred
_first_signal = None  # the first signal's number, or None
_deferred = False     # the signal is deferred: Quit has not been raised yet
_children, _folders = set(), set()


def _raise():
    global _deferred
    _deferred = False
    raise Quit(128 + _first_signal)


def _on_signal(number, _frame):
    global _first_signal, _deferred
    if _first_signal is not None:  # already ending: ignore further signals
        return
    _first_signal, _deferred = number, True
    if not _depth:
        _raise()


class held:  # pylint: disable=invalid-name  # lower case, because it reads as a word in `with held():`
    """Defer signals to the end of the block. In other threads, do nothing: only the main thread handles signals."""

    def __enter__(self):
        global _depth
        self.counts = threading.current_thread() is threading.main_thread()
        _depth += self.counts

    def __exit__(self, *_):
        global _depth
        _depth -= self.counts
        if self.counts and _deferred and not _depth:
            _raise()


def raise_pending():
    """Raise Quit again after a signal. Waiting loops call this function, because Python drops a Quit that is raised
    in a destructor."""
    if _first_signal is not None and not _depth:
        _raise()


def start(command, **more):
    """Call subprocess.Popen(). A child that still runs at the script's end is terminated."""
    with held():
        child = subprocess.Popen(command, **more)
        _children.difference_update([old for old in list(_children) if old.returncode is not None])
        _children.add(child)
    return child


def poll(child, seconds=0):
    """Return the child's status, or None if it does not end within SECONDS.

    Signals are deferred during the call, so SECONDS should be at most 0.2. Use this function instead of child.poll()
    and child.wait(seconds): a Quit raised in one of them may leave a lock of Popen held, and every later wait() would
    block forever.
    """
    with held():
        try:
            return child.wait(seconds) if seconds else child.poll()
        except subprocess.TimeoutExpired:
            return None


def terminate(child):
    """Send SIGTERM to the child, and to its process group if it leads one.

    timeout(1) leads a group. A signal that arrives between its fork() and the assignment of the result ends timeout
    alone: its command would continue, and would keep the pipe of its output open."""
    try:
        if child.poll() is None and os.getpgid(child.pid) == child.pid:
            os.killpg(child.pid, signal.SIGTERM)
        else:
            child.terminate()
    except ProcessLookupError:
        pass  # the child has ended meanwhile


def stop(child):
    """Terminate the child and wait for its end, however long that takes."""
    with held():
        if child.poll() is None:
            terminate(child)
            child.wait()


def is_ending():
    """Return whether a signal is ending the script. A thread other than the main one then has to end."""
    return _first_signal is not None


def terminate_all():
    """Send SIGTERM to each child, so that threads that wait for one can end."""
    with held():
        for child in list(_children):
            if child.returncode is None:
                terminate(child)


def call(command, **more):
    """Run COMMAND and return its status. If an exception such as Quit ends the wait, send SIGTERM to COMMAND:
    timeout(1), make and our scripts then end their children."""
    child = start(command, **more)
    try:
        return child.wait()
    finally:
        stop(child)


def captured(command, **more):
    """Run COMMAND like call(), and return a subprocess.CompletedProcess with its output."""
    child = start(command, stdout=subprocess.PIPE, **more)
    try:
        out, err = child.communicate()
    finally:
        stop(child)
    return subprocess.CompletedProcess(command, child.returncode, out, err)


@contextlib.contextmanager
def folder(prefix, where=None):
    """Create a temporary folder, which is removed with its contents at the end of the block."""
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
        terminate(child)
    for child in running:
        try:
            child.wait(GRACE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    for path in _folders:
        shutil.rmtree(path, ignore_errors=True)


def by_default():
    """In a child of fork(): drop the parent's handlers, children and folders."""
    _children.clear()
    _folders.clear()
    for number in ENDING:
        if signal.getsignal(number) == _on_signal:
            signal.signal(number, signal.SIG_DFL)


def run(main):
    """Return main()'s status, or 128 + the signal that ended it. On return, no child or temporary folder is left."""
    global _depth, _first_signal
    _first_signal = None
    before = {number: signal.getsignal(number) for number in ENDING}
    for number in ENDING:
        if before[number] != signal.SIG_IGN:  # as under nohup
            signal.signal(number, _on_signal)
    try:
        _depth = 0
        raise_pending()  # a signal may have arrived since its handler was set
        status = main()
        _depth = 1
    except Quit as ended:
        _depth = 1
        status = ended.status
    except BaseException:
        _depth = 1
        if _first_signal is None:
            raise
        status = 128 + _first_signal  # the signal has caused this error
    finally:
        _tidy()
        for number in ENDING:
            signal.signal(number, before[number])
    return status


def _discard_output():
    """Discard unwritten output. Otherwise, Python tries to write it at exit; on an error, Python 3.13 exits with its
    own status."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _status_of(name, main, others, command):
    if sys.stderr is None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.set_inheritable(2, True)  # also if open() has returned 2
        sys.stderr = os.fdopen(2, "w")
    try:
        if sys.stdout is None:  # the next file that is opened would get its file descriptor
            raise LaunchError("the standard output is closed; to discard it, use >/dev/null")
        try:
            return main()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader has closed the pipe, as "| head" does
        _discard_output()
        return STATUS_FAILED
    except (LaunchError,) + others as failure:
        text, status = failure, exit_status(command, getattr(failure, "status", STATUS_FAILED))
    except OSError as failure:
        text, status = ": ".join(filter(None, (failure.filename, failure.strerror))), STATUS_FAILED
        _discard_output()
    except Exception:  # pylint: disable=broad-exception-caught  # Python would exit with 1, which has a meaning
        traceback.print_exc()
        return STATUS_FAILED
    sys.stderr.write("%s: %s\n" % (name, text))
    return status


def exit_by(name, main, *others, command=None):
    """Exit with main()'s status. For LaunchError, OSError and the exceptions in `others`, print one message, and exit
    with the exception's status, as COMMAND reports it, or STATUS_FAILED."""
    sys.exit(run(lambda: _status_of(name, main, others, command)))
