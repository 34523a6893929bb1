# SPDX-License-Identifier: MIT
"""tracing.py - the trace of a run out of its RAM: at its end, or as a stream while it goes on."""
import os
import shutil
import signal
import subprocess

from hs import ends
from hs.errors import LaunchError, sentence
from hs.paths import TOP
from hs.toggles import in_force
from .machine import need, parse_count, qemu_text, shown


SAMPLES = "sample,sched_process_exec,sched_process_fork"  # who is at a pc, and which program that is
MAX_SAMPLES = 100000  # a second, as in src/host/trace/trace_sample.h


def choose_samples(options):
    """--sample HZ: these events besides those of --trace, and the rate."""
    if options.sample is None:
        return
    rate = parse_count(options.sample, "--sample", MAX_SAMPLES)
    others = [] if options.trace in (None, "none") else [options.trace]
    options.trace = ",".join(others + [SAMPLES])
    options.boot += " trace.sample=%d" % rate


def provenance(out, options, guest):
    """What is kept in a trace about its run: the same run gives the same lines."""
    lines = ["icount=%d" % options.icount, "guest=%s" % guest, "cpu=%s" % options.cpu]
    if options.icount:
        lines.append("icount_shift=%d" % options.icount_shift)
    for name in "harts", "smp", "mem", "ram", "append", "bios":
        value = getattr(options, name, None)
        if value is not None:
            lines.append("%s=%s" % (name, value))
    if hasattr(options, "guest"):  # our VMM's memory map: hstrace knows its devices
        lines.append("map=virt")
    lines += ["toggles=%s" % " ".join("%s=%s" % pair for pair in in_force(TOP, options.toggles)),
              "boot=%s" % options.boot_arguments, "qemu=%s" % qemu_text(options.qemu)]
    try:
        with open(os.path.join(out, "hyperscope.commit"), encoding="ascii") as commit:
            lines.append("commit=%s" % commit.read().strip())
    except (OSError, ValueError):
        pass  # built elsewhere
    return lines


def meta_arguments(out, options, guest):
    return [word for line in provenance(out, options, guest) for word in ("--meta", line)]


def save_trace(run, out, options, guest):
    """The trace out of the run's RAM into its folder: the file, or None."""
    trace = run.file("trace")
    if options.trace_stream and os.path.exists(trace):
        return trace
    hstrace = os.path.join(out, "hstrace")
    if not os.path.exists(hstrace):
        return None
    saved = subprocess.run([hstrace, "save"] + meta_arguments(out, options, guest) +
                           [run.file("ram"), trace], check=False)
    return trace if saved.returncode == 0 else None


class Stream:
    """`hstrace save --follow`, from the machine's start to its end."""

    def __init__(self, out, options, guest):
        self.hstrace = need(os.path.join(out, "hstrace"), "make builds it")
        self.meta = meta_arguments(out, options, guest)
        self.quiet = options.quiet
        self.process = None

    def start(self, run):
        command = [self.hstrace, "save", "--follow", "--quiet"] + self.meta + [run.path, run.file("trace")]
        if shutil.which("setpriv"):  # it ends in order even if we are killed outright
            command = ["setpriv", "--pdeathsig", "TERM", "--"] + command
        try:
            self.process = ends.start(command, stdin=subprocess.DEVNULL, start_new_session=True)
        except OSError as error:
            raise LaunchError("%s: %s" % (command[0], error.strerror)) from None
        if not self.quiet:
            sentence("the trace goes to %s; hstrace stat --live %s shows the exits"
                     % (shown(run.file("trace")), shown(run.path)))

    def end(self):
        """Once the machine is off: what is still in its rings."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            if self.process.wait() != 0:
                sentence("the stream of the trace ended with status %d" % self.process.returncode)
            self.process = None
