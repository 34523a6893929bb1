# SPDX-License-Identifier: MIT
"""exec - run PROGRAM, a static riscv64 Linux program, on hyperscope's host, on
Linux with hyperscope as a module, or on hyperscope as a guest of hyperscope.

The program's standard input, output and error are those of this command, which
returns the program's exit status. If the program ran a VM, the number of exits
by cause is printed on standard error at the end, unless --quiet is given.
"""
import argparse
import os
import struct
import sys

from hs.errors import STATUS_HELP, STATUS_USAGE, LaunchError, naming, sentence
from hs.parser import Parser, of_command
from hs.paths import TOP
from hs.run import linux_host, machine, nested_host, spike
from hs.run.cpio import Archive
from hs.run.rundir import STATE_BOOTING, RunDir
from hs.run.tracing import Stream, choose_samples, exit_table, save_trace, stop_observing, total
from hs.toggles import check_trace, trace_rule, with_defaults

PREFIX = "hyperscope"  # of error messages
ELF_RISCV = 243
PT_INTERP = 3


class LauncherParser(Parser):
    def exit(self, status=0, message=None):
        if status:
            raise LaunchError(message.partition(": ")[2].rstrip("\n"), STATUS_USAGE)
        super().exit(status, message)


def new_parser(name, doc, usage):
    return of_command(name, doc, LauncherParser, usage="scripts/hyperscope %s %s" % (name, usage), epilog=STATUS_HELP)


def check_host(options):
    """Raise LaunchError for an option that --host=HOST does not have, or if a file for it is missing."""
    if options.host == "linux":
        linux_host.check(options)
    elif options.host == "nested":
        nested_host.check(options)


def check_program(path):
    """Before anything is started, reject a program that cannot run on the host."""
    try:
        with open(path, "rb") as program:
            head = program.read(64)
            if len(head) < 64 or head[:4] != b"\x7fELF":
                raise LaunchError("%s: not an ELF program" % path)
            machine_id, = struct.unpack_from("<H", head, 18)
            if head[4] != 2 or machine_id != ELF_RISCV:
                raise LaunchError("%s: not a 64-bit RISC-V program" % path)
            offset, = struct.unpack_from("<Q", head, 32)
            size, count = struct.unpack_from("<HH", head, 54)
            for index in range(count):
                program.seek(offset + index * size)
                if struct.unpack("<I", program.read(4))[0] == PT_INTERP:
                    raise LaunchError("%s: dynamically linked; only static programs run here" % path)
    except OSError as error:
        raise LaunchError("%s: %s" % (path, error.strerror)) from None
    except struct.error:
        raise LaunchError("%s: a truncated ELF program" % path) from None


def split_file(text):
    source, colon, target = text.partition(":")
    if colon and not target.strip("/"):
        raise LaunchError("--file %s: no name after the colon" % text, STATUS_USAGE)
    if not os.path.exists(source):
        raise LaunchError("--file %s: there is no file '%s'" % (text, source), STATUS_USAGE)
    return source, "/" + (target.lstrip("/") if colon else os.path.basename(source))


class Job:
    """What the host runs: a program, its arguments, its environment and its files."""

    def __init__(self, program, arguments):
        self.path = "/" + os.path.basename(program)
        self.argv = [self.path] + list(arguments)
        self.env = []
        self.files = [(self.path, program)]
        self.data = []

    def write_initramfs(self, path, channel):
        records = ["argv=" + argument for argument in self.argv]
        records += ["env=" + entry for entry in self.env]
        records += channel.records() + ["cwd=/"]
        with open(path, "wb") as out:
            archive = Archive(out, pages=True)
            archive.add_data("/.hs/exec", b"".join(os.fsencode(r) + b"\0" for r in records))
            if channel.stdin_data is not None:
                archive.add_data("/.hs/stdin", channel.stdin_data)
            for name, data in self.data:
                archive.add_data(name, data)
            for name, path in self.files:
                archive.add_file(name, path)
            archive.close()


def toggle_args(options):
    return ["kvm." + toggle for toggle in with_defaults(TOP, options.toggles)]


def boot_args(options):
    args = toggle_args(options)
    if options.trace is not None:
        args.append("trace=" + check_trace(TOP, options.trace))
    if options.trace_filter:
        args.append("trace.filter=" + ";".join(trace_rule(TOP, "--trace-filter", rule)
                                               for rule in options.trace_filter))
    if options.trace_stop:
        args.append("trace.stop=" + trace_rule(TOP, "--trace-stop", options.trace_stop))
    if options.trace_keep == "oldest":
        args.append("trace.overwrite=0")
    return " ".join(args + options.boot.split())


def keep_trace(run, options):
    """Save the trace. Print the exit table, if a VM ran, and the trace's path on standard error, because standard
    output belongs to the program."""
    if options.trace is None and options.quiet:
        return  # but continue with --trace none: a program can enable events later (/sys/kernel/tracing)
    trace = save_trace(run, options, os.path.basename(options.program))
    if not trace or options.quiet:
        return
    table = exit_table(options, trace)
    sys.stderr.write(table)
    cost = total(run, options)
    if cost and (table or options.without_observation):
        print(cost, file=sys.stderr)
    if options.trace is not None:
        print("trace: %s" % machine.shown(trace), file=sys.stderr)
    elif table:
        print("exit counts: %s (--trace EVENTS also records events)" % machine.shown(trace), file=sys.stderr)


def execute_in(box, run, ram, arguments, after):
    """Run the machine, call after(run) if the host has started, and return the exit status."""
    try:
        return box.execute(run, ram, arguments)
    finally:
        desc = run.read_desc()
        # If the run is ended before the host has allocated trace memory, don't report that there is no trace.
        if after is not None and desc is not None and (desc.trace_size or desc.state != STATE_BOOTING):
            after(run)


def execute(options, ram, name, make_job, after=None, ctrl_a=b"\x01"):
    """Run a job in a machine of its own and return the exit status.

    ram: memory of the host that runs the job, in bytes. make_job(run) creates the
    job once the run's folder exists. If the host has started, after(run) is called
    at the end, however the run ended; it can still read the run's RAM. ctrl_a: what Ctrl-A Ctrl-A sends.
    """
    if options.host == "linux":
        return linux_host.execute(options, ram, name, make_job, after)
    machine_ram = nested_host.outer_memory(ram) if options.host == "nested" else ram
    choose_samples(options)
    arguments = options.boot_arguments = boot_args(options)
    box = spike.machine_for(options)
    box.channel.set_ctrl_a(ctrl_a)
    run = RunDir(options.out, name)
    if options.trace_stream:
        box.stream = Stream(options, getattr(options, "guest", name))
    try:
        job = make_job(run)
        if box.channel.tty_fds:
            job.env.append("TERM=" + os.environ.get("TERM", "vt100"))
        with naming(run.path):
            if options.host == "nested":
                job = nested_host.enclose(options, job, ram, run, box.harts, Job,
                                          toggle_args(options) + options.boot.split())
            job.write_initramfs(run.file("initramfs"), box.channel)
        try:
            return execute_in(box, run, machine_ram, arguments, after)
        except machine.TimedOut as ended:
            raise LaunchError(str(ended) + ended.report.text(os.path.join(options.out, "hstrace"), run.file("trace")),
                              ended.status) from None
    finally:
        run.close()


def name_missing_files(job):
    """Name the program's arguments that are files of this computer, but not of the host."""
    targets = {source: target for target, source in job.files}
    for word in dict.fromkeys(job.argv[1:]):
        if not os.path.isfile(word) or os.path.normpath("/" + word) in targets.values():
            continue
        if word in targets:
            sentence("%s is a file of this computer; on the host, its name is %s" % (word, targets[word]))
        else:
            sentence("%s is a file of this computer; for a program that needs it, add --file %s before PROGRAM and replace "
                     "the argument by /%s" % (word, word, os.path.basename(word)))


def main(argv):
    parser = new_parser("exec", __doc__, "[options] PROGRAM ARGS...")
    parser.add_argument("--file", metavar="SRC[:DST]", action="append", default=[],
                        help="copy SRC to the host as DST (default: / and the base name of SRC)")
    parser.add_argument("--env", metavar="K=V", action="append", default=[],
                        help="add a variable to the program's environment")
    parser.add_argument("--memory", metavar="SIZE", default="1G", help="memory of the machine (1G)")
    machine.add_options(parser)
    parser.add_argument("program", metavar="PROGRAM", nargs="?")
    parser.add_argument("arguments", metavar="ARGS", nargs=argparse.REMAINDER)
    options = parser.parse_args(argv)
    if options.program is None:
        parser.error("no program was named")
    check_host(options)
    stop_observing(options)

    check_program(options.program)
    job = Job(options.program, options.arguments)
    for entry in options.env:
        if "=" not in entry:
            raise LaunchError("--env %s: not of the form NAME=VALUE" % entry, STATUS_USAGE)
    job.env = list(options.env)
    job.files += [(target, source) for source, target in map(split_file, options.file)]
    ram = machine.parse_size(options.memory, "--memory")
    status = execute(options, ram, os.path.basename(options.program), lambda run: job,
                     after=lambda run: keep_trace(run, options))
    if status and not options.quiet:
        name_missing_files(job)
    return status
