# SPDX-License-Identifier: MIT
"""linux_host.py - run a job of `run` or `exec` on Debian's Linux with hyperscope.ko (--host linux).

The machine is that of `linux-kvm exec`. This module turns the options and the job into that command's options, and
saves the trace from the module's trace memory, so that the run's folder has the same files as one of hyperscope's own host.
"""
import os

from hs import ends
from hs.errors import STATUS_USAGE, LaunchError
from hs.paths import HYPERSCOPE, TOP
from hs.toggles import check_trace, with_defaults
from .machine import MIB, need
from .qemuopt import SPIKES, machine_named
from .rundir import RunDir

MEMORY = 1024 * MIB  # what Linux needs besides the job's memory
TRACE_SIZE = 32 * MIB  # of each hart's ring, if events are recorded
# Options that only hyperscope's own host has, with their defaults.
OWN = {"trace_filter": [], "trace_stop": None, "trace_keep": "newest", "sample": None, "trace_stream": False, "debug_kernel": False,
       "boot": "", "gdb": False, "icount_shift": 0}


def need_module(out):
    """Raise LaunchError if the module is not in the output folder OUT."""
    need(os.path.join(out, "hyperscope.ko"), "run make linux-module")


def check(options):
    """Raise LaunchError for an option that --host linux does not have, or if the module has not been built."""
    for name, default in OWN.items():
        if getattr(options, name) != default:
            raise LaunchError("--host linux has no --%s" % name.replace("_", "-"), STATUS_USAGE)
    if options.machine in SPIKES:
        raise LaunchError("--host linux does not run on --machine %s" % options.machine, STATUS_USAGE)
    need_module(options.out)


def _settings(options):
    words = with_defaults(TOP, options.toggles)
    if not options.without_observation:
        words = words + ["exitstat=time"]
    if options.trace != "none":
        words = words + ["trace_size=%d" % TRACE_SIZE]
    return words


def _command(options, job, ram, run):
    """Return the command of `linux-kvm exec`. ram: the job's memory in bytes."""
    words = [HYPERSCOPE, "linux-kvm", "exec", "--hypervisor", "hyperscope", "--out", options.out, "--qemu", options.qemu,
             "--cpu", options.cpu, "--machine", machine_named(options.machine, options.toggles), "--firmware", options.firmware,
             "--memory", "%dM" % ((ram + MEMORY) // MIB), "--log", run.file("log"), "--trace-memory", run.file("ram")]
    words += ["--icount"] * options.icount
    for name, value in ("--harts", options.harts), ("--timeout", options.timeout):
        words += [name, "%s" % value] if value is not None else []
    if options.trace != "none":
        words += ["--trace", check_trace(TOP, options.trace)]
    for word in _settings(options):
        words += ["--set", word]
    for disk in options.disk + [disk.path for disk in getattr(options, "more_disks", [])]:
        words += ["--disk", disk]
    for word in job.env:
        words += ["--env", word]
    for number, (target, data) in enumerate(job.data):
        path = run.file("data.%d" % number)
        with open(path, "wb") as file:
            file.write(data)
        words += ["--file", path + ":" + target]
    (_, program), *files = job.files
    for target, path in files:
        words += ["--file", path + ":" + target]
    return words + [program] + job.argv[1:]


def execute(options, ram, name, make_job, after):
    """Run a job and return the program's exit status. The parameters are those of execute() in exec.py, which calls this."""
    options.boot_arguments = ""
    options.trace = options.trace or "none"
    run = RunDir(options.out, name)
    try:
        status = ends.call(_command(options, make_job(run), ram, run))
        if os.path.exists(run.file("ram")) and os.path.getsize(run.file("ram")):
            after(run)
        return status
    finally:
        run.close()
