# SPDX-License-Identifier: MIT
"""limits.py - run a command with limits on time, output and files, and kill everything that it has started.

Every process that a command starts, in whatever process group, is a descendant of the grader. The grader is
a child subreaper: processes that are orphaned when the command ends become the grader's children, so it can
find them all.
"""
import ctypes
import os
import resource
import select
import signal
import subprocess
import time

from hs import ends

PR_SET_CHILD_SUBREAPER = 36
GIB = 1 << 30
FILE_MOST = 3 * GIB       # largest file, in bytes; a machine's memory counts as a file
FOLDER_MOST = 256 << 20   # bytes that a test may write into its folder: on Linux, a trace has 64 MiB
COMPILED_MOST = 256 << 20   # size of a file that a build writes: one .fill can produce any number of bytes
COMPILER_MEMORY = 2 * GIB   # memory of a compiler: #include "/dev/zero" never ends
OUTPUT_MOST = 1 << 20
LOOK_SECONDS = 0.25


class Ran:
    """How a command ended: status, output (bytes), seconds, and the reason if it was killed."""

    def __init__(self, status, output, seconds, stopped):
        self.status, self.output, self.seconds, self.stopped = status, output, seconds, stopped

    def text(self):
        return self.output.decode("utf-8", "replace").replace("\0", "")


def scale():
    """Return the factor for time limits: HS_TIME_SCALE relative to 2, the grader's default; at least 1."""
    try:
        return max(1, int(os.environ["HS_TIME_SCALE"]) / 2)
    except (LookupError, ValueError):
        return 1


def adopt_orphans():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def _children():
    """Return the process IDs of this process's children, without zombies."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % name, "rb") as file:
                state, parent = file.read().rsplit(b")", 1)[1].split()[:2]
        except OSError:
            continue
        if int(parent) == os.getpid() and state != b"Z":
            found.append(int(name))
    return found


def _end_all(process):
    """Kill the command and its process group, then the orphans that this process adopts, until none are left or about
    two seconds have passed."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    for _ in range(100):
        children = _children()
        for child in children:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.02)


def _bounds(builds):
    """Return a function that sets resource limits. builds: CPU seconds per process of a build, or None for a test."""
    def apply():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        most = COMPILED_MOST if builds else FILE_MOST
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        if builds:
            resource.setrlimit(resource.RLIMIT_CPU, (builds, builds + 5))
            resource.setrlimit(resource.RLIMIT_AS, (COMPILER_MEMORY, COMPILER_MEMORY))
    return apply


def _size(folder):
    total = 0
    for at, _folders, files in os.walk(folder):
        for name in files:
            try:
                info = os.lstat(os.path.join(at, name))
            except OSError:
                continue
            total += info.st_blocks * 512
    return total


def run(command, seconds, folder=None, env=None, cwd=None, builds=None, stdin=None):
    """Run a command for at most SECONDS and return a Ran. folder: also limit what the command adds to this folder."""
    start = time.monotonic()
    found = _size(folder) if folder else 0
    process = ends.start(command, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, env=env, cwd=cwd, start_new_session=True,
                         preexec_fn=_bounds(builds))
    output, stopped = bytearray(), None
    pipe = process.stdout.fileno()
    ended = os.pidfd_open(process.pid)
    waited = [pipe, ended]
    try:
        while not stopped:
            ready = select.select(waited, [], [], LOOK_SECONDS)[0]
            if pipe in ready:
                data = os.read(pipe, 65536)
                output += data
                if not data:
                    waited.remove(pipe)
            elif ended in ready:
                break
            if len(output) > OUTPUT_MOST:
                stopped = "killed: more than %d MiB of output" % (OUTPUT_MOST >> 20)
            elif time.monotonic() - start > seconds:
                stopped = "killed after %d seconds" % seconds
            elif folder and _size(folder) - found > FOLDER_MOST:
                stopped = "killed: more than %d MiB in its files" % (FOLDER_MOST >> 20)
    finally:
        with ends.held():
            os.close(ended)
            _end_all(process)
            process.stdout.close()
    return Ran(process.returncode, bytes(output[:OUTPUT_MOST]), time.monotonic() - start, stopped)
