# SPDX-License-Identifier: MIT
"""tracing.py - save the trace of a run from its RAM: at its end, or as a stream during the run."""
import os
import re
import shutil
import signal
import subprocess

from hs import ends
from hs.errors import STATUS_USAGE, LaunchError, sentence
from hs.paths import TOP
from hs.toggles import in_force
from .machine import need, parse_count, qemu_text, shown
from .rundir import STATE_EXITED


SAMPLES = "sample,sched_process_exec,sched_process_fork"  # samples, and events that tell which program they are in
MAX_SAMPLES = 100000  # per second, as in src/host/trace/trace_sample.h


def choose_samples(options):
    """Handle --sample HZ: set the rate, and add the events of sampling to those of --trace."""
    if options.sample is None:
        return
    rate = parse_count(options.sample, "--sample", MAX_SAMPLES)
    others = [] if options.trace in (None, "none") else [options.trace]
    options.trace = ",".join(others + [SAMPLES])
    options.boot += " trace.sample=%d" % rate


def stop_observing(options):
    """Handle --without-observation: no events, and no accounting for exits."""
    if not options.without_observation:
        return
    for name in "trace", "sample", "trace_filter", "trace_stop", "trace_stream":
        if getattr(options, name) not in (None, False, [], "none"):
            raise LaunchError("--without-observation records no events: omit --%s" % name.replace("_", "-"), STATUS_USAGE)
    options.trace = "none"
    options.boot = " ".join(["exitstat=0", options.boot])  # the host uses the first value


def total(run, options):
    """Return the cost of the whole run as a sentence, or None if the machine does not count it."""
    desc = run.read_desc()
    if not desc or not options.icount or options.icount_shift or options.harts not in (None, "1") or desc.state != STATE_EXITED:
        return None
    return "the program and any guest ran for %d instructions%s" % (
        desc.instret, "" if options.without_observation else ", observation included")


def provenance(options, guest):
    """Return the lines about a run that are stored in its trace. Equal runs give equal lines."""
    lines = ["icount=%d" % options.icount, "guest=%s" % guest, "cpu=%s" % options.cpu]
    if options.host != "own":
        lines.append("host=%s" % options.host)
    if options.icount:
        lines.append("icount_shift=%d" % options.icount_shift)
    for name in "harts", "vcpus", "memory", "append", "firmware":
        value = getattr(options, name, None)
        if value is not None:
            lines.append("%s=%s" % (name, value))
    if hasattr(options, "guest"):  # the guest has our VMM's memory map, whose devices hstrace knows
        lines.append("map=virt")
    lines += ["toggles=%s" % " ".join("%s=%s" % pair for pair in in_force(TOP, options.toggles)),
              "boot=%s" % options.boot_arguments, "qemu=%s" % qemu_text(options.qemu)]
    try:
        with open(os.path.join(options.out, "hyperscope.commit"), encoding="ascii") as commit:
            lines.append("commit=%s" % commit.read().strip())
    except (OSError, ValueError):
        pass  # the build has no record of its commit
    return lines


def meta_arguments(options, guest):
    return [word for line in provenance(options, guest) for word in ("--meta", line)]


def save_trace(run, options, guest):
    """Save the trace from the run's RAM in the run's folder, unless it was streamed there. Return the file's path, or
    None if the trace was not saved."""
    trace = run.file("trace")
    if options.trace_stream and os.path.exists(trace):
        return trace
    hstrace = os.path.join(options.out, "hstrace")
    if not os.path.exists(hstrace):
        return None
    saved = subprocess.run([hstrace, "save"] + meta_arguments(options, guest) +
                           [run.file("ram"), trace], check=False)
    return trace if saved.returncode == 0 else None


def exit_table(options, trace):
    """Return the text of the exit table, or "" if no guest ran or exits were not accounted for."""
    text = subprocess.run([os.path.join(options.out, "hstrace"), "stat", trace], stdout=subprocess.PIPE,
                          check=False).stdout.decode()
    return text if re.match("exits: [0-9]", text) else ""


class Stream:
    """`hstrace save --follow`, which runs from the machine's start to its end."""

    def __init__(self, options, guest):
        self.hstrace = need(os.path.join(options.out, "hstrace"), "run make")
        self.meta = meta_arguments(options, guest)
        self.quiet = options.quiet
        self.process = None

    def start(self, run):
        command = [self.hstrace, "save", "--follow", "--quiet"] + self.meta + [run.path, run.file("trace")]
        if shutil.which("setpriv"):  # so that hstrace ends cleanly even if this process gets SIGKILL
            command = ["setpriv", "--pdeathsig", "TERM", "--"] + command
        try:
            self.process = ends.start(command, stdin=subprocess.DEVNULL, start_new_session=True)
        except OSError as error:
            raise LaunchError("%s: %s" % (command[0], error.strerror)) from None
        if not self.quiet:
            sentence("the trace is saved to %s; hstrace stat --live %s shows the exits"
                     % (shown(run.file("trace")), shown(run.path)))

    def end(self):
        """After the machine's end: let hstrace save what is left in the rings."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            if self.process.wait() != 0:
                sentence("the stream of the trace ended with status %d" % self.process.returncode)
            self.process = None
