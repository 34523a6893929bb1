# SPDX-License-Identifier: MIT
"""rundir.py - the folder of one run: log, trace, and access to the machine's RAM, which records how the run ended.

A run holds a lock on the file "lock" in its folder until it ends, so later runs can tell which folders are no
longer in use. They remove all but the newest KEPT_RUNS of these. RAM exists only during the run.
"""
import fcntl
import os
import shutil
import struct

from hs import ends
from hs.errors import LaunchError

KEPT_RUNS = 20

# src/include/hv/run_desc.h
RAM_BASE = 0x80000000
DESC_OFFSET = 0x200000 + 0x40  # in RAM
DESC_FORMAT = "<QIIIIQQQQ"
DESC_MAGIC = 0x31304E5552505348
STATE_BOOTING, STATE_RUNNING, STATE_EXITED, STATE_PANICKED = range(4)


class RunDesc:
    def __init__(self, state, exit_status, trace_size, instret):
        self.state = state
        self.exit_status = exit_status
        self.trace_size = trace_size
        self.instret = instret  # of the first program's run, if the machine has one hart

    def program_status(self):
        """Return the exit status in the form that a shell uses."""
        if os.WIFSIGNALED(self.exit_status):
            return 128 + os.WTERMSIG(self.exit_status)
        return os.WEXITSTATUS(self.exit_status)


class RunDir:
    def __init__(self, out, name):
        self.ram = None
        top = os.environ.get("HS_RUNS") or os.path.join(out, "runs")
        with ends.held():
            self._begin(top, name)
        self._sweep(top)

    def _begin(self, top, name):
        try:
            os.makedirs(top, exist_ok=True)
            self.path = self._make(top, "%s.%d" % (name, os.getpid()))
            self.lock = os.open(self.file("lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self.lock, fcntl.LOCK_EX)
            self._link_as_last(top)
        except OSError as error:
            raise LaunchError("cannot write to %s: %s" % (top, error.strerror)) from None

    @staticmethod
    def _make(top, name):
        path = os.path.join(top, name)
        for number in range(2, 1000):
            try:
                os.mkdir(path, 0o755)
                return path
            except FileExistsError:  # an old run had this process ID
                path = os.path.join(top, "%s.%d" % (name, number))
        raise LaunchError("%s contains too many old runs: remove some" % top)

    def _link_as_last(self, top):
        link = os.path.join(top, ".last.%d" % os.getpid())
        os.symlink(os.path.basename(self.path), link)
        os.replace(link, os.path.join(top, "last"))

    def _sweep(self, top):
        dead = []
        for entry in os.scandir(top):
            path = entry.path
            if entry.is_symlink() or not entry.is_dir() or path == self.path:
                continue
            try:
                lock = os.open(os.path.join(path, "lock"), os.O_RDWR | os.O_CLOEXEC)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                finally:
                    os.close(lock)
                dead.append((entry.stat().st_mtime, path))
            except BlockingIOError:
                continue  # in use
            except OSError:
                continue  # just being created, or just removed by another run
            remove(os.path.join(path, "ram"))
        for _, path in sorted(dead)[:-KEPT_RUNS]:
            shutil.rmtree(path, ignore_errors=True)

    def file(self, name):
        return os.path.join(self.path, name)

    def make_ram(self, size):
        """Allocate the machine's RAM and return its path. It is a memfd, because writing back a file on a disk would
        cost time."""
        try:
            self.ram = os.memfd_create("hyperscope-ram")
            os.ftruncate(self.ram, size)
            os.symlink("/proc/%d/fd/%d" % (os.getpid(), self.ram), self.file("ram"))
        except OSError as error:
            raise LaunchError("cannot allocate %d bytes for the machine's memory: %s"
                              % (size, error.strerror)) from None
        return self.file("ram")

    def read_desc(self):
        """Return the run descriptor from the machine's RAM, or None if there is none, for example because QEMU has
        not loaded the host's image."""
        try:
            with open(self.file("ram"), "rb") as ram:
                ram.seek(DESC_OFFSET)
                raw = ram.read(struct.calcsize(DESC_FORMAT))
        except OSError:
            return None
        if len(raw) < struct.calcsize(DESC_FORMAT):
            return None
        magic, _, state, status, _, _, trace_size, _, instret = struct.unpack(DESC_FORMAT, raw)
        return RunDesc(state, status, trace_size, instret) if magic == DESC_MAGIC else None

    def log_lines(self):
        try:
            with open(self.file("log"), "rb") as log:
                return log.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return []

    def close(self):
        with ends.held():
            if self.ram is not None:
                os.close(self.ram)
            remove(self.file("ram"))
            remove(self.file("initramfs"))
            os.close(self.lock)


def remove(path):
    try:
        os.unlink(path)
    except OSError:
        pass
