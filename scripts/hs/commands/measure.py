# SPDX-License-Identifier: MIT
"""measure - measure a payload or another workload on bare metal, hyperscope and Linux KVM.

WORKLOAD is specified as in a sweep: 'payload:NAME ARGS', 'guest:COMMAND',
'bench:ROWS' or 'command:COMMAND'. It prints its figures as lines
'result NAME VALUE [UNIT]'. The results of all systems are printed in one table.
The results of the workload's previous measurement, in OUT/measure/NAME, are
replaced. docs/measuring.md shows how to write and measure a payload.
"""
import os
import sys
import textwrap

from hs import ends, output
from hs.bench.systems import BenchError
from hs.commands.bench import settings
from hs.errors import LaunchError
from hs.measure import plan as measure_plan
from hs.measure.table import OURS, THEIRS, WIDTH, lines_of
from hs.parser import of_command
from hs.paths import TOP
from hs.run.machine import shown
from hs.sweep import collect, engines, folder, table
from hs.sweep.progress import Progress
from hs.toggles import check_toggles, refuse_defaults

EXAMPLES = """\
examples:
  scripts/hyperscope measure payload:echo
                                    measure the payload on all three systems
  scripts/hyperscope measure 'payload:echo rounds=100' --systems hyperscope \\
      --toggle fastpath             compare the values of a toggle
  scripts/hyperscope measure bench:sbi_version,mmio_read --systems all
exit status: 0; 1 a job failed or printed no result; 2 usage error; 125 some
jobs have no result, or a file is missing; 130 interrupted"""


def new_parser():
    parser = of_command("measure", __doc__, epilog=EXAMPLES)
    parser.add_argument("workload", metavar="WORKLOAD", help="what to run (docs/sweep.md lists the kinds of workloads)")
    parser.add_argument("--systems", metavar="SYSTEM,...", help="bare, hyperscope, linux, or all (default)")
    parser.add_argument("--toggle", metavar="NAME", action="append", default=[],
                        help="also measure hyperscope with each other value of this toggle (may be repeated)")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[],
                        help="set a toggle of hyperscope in all its columns (may be repeated)")
    parser.add_argument("--cpu", metavar="MODEL", help="processor, in QEMU's syntax (rv64)")
    parser.add_argument("--argument", metavar="TEXT",
                        help="text to append to a payload's arguments; $ARGUMENT in a command")
    parser.add_argument("--memory", metavar="SIZE", help="size of the guest's memory (512M)")
    parser.add_argument("--vcpus", metavar="N", help="number of vCPUs, 1 to 64 (1)")
    parser.add_argument("--disk", metavar="SIZE", help="give each guest an empty disk of this size, or a copy of an image")
    parser.add_argument("--settle", metavar="SECONDS",
                        help="time to wait after a Linux has booted, before the workload starts (5; 0: none)")
    parser.add_argument("--exits", action="store_const", const="on",
                        help="also show how many exits each VM had, by kind, from its creation to its end")
    parser.add_argument("--csv", metavar="FILE", help="also write the results to FILE, in the format of a sweep's results.csv")
    parser.add_timeout(table.TIMEOUT, "time limit for each job")
    parser.add_jobs()
    parser.add_argument("--quiet", action="store_true", help="do not show progress")
    parser.add_out()
    return parser


def check(parser, options):
    """Check the options that are not parameters of a sweep. Return the toggles' settings to compare."""
    options.toggles = False  # for settings()
    if options.timeout > table.MAX_JOBS:
        parser.error("--timeout %d: at most %d seconds are allowed" % (options.timeout, table.MAX_JOBS))
    try:
        refuse_defaults()
        check_toggles(TOP, options.set)
    except LaunchError as error:
        parser.error(str(error))
    parser.written("--csv", options.csv)
    return settings(parser, options, " ".join(options.set))


def planned(parser, options):
    compared = check(parser, options)
    text = options.systems
    options.systems = measure_plan.systems(parser, text or "all")
    plan = measure_plan.Plan(parser, options, compared)
    if "system" not in plan.kind.TAKES:
        if text or options.set or options.toggle:
            parser.error("WORKLOAD: %s runs on this machine: omit --systems, --set and --toggle" % plan.name)
    elif "hyperscope" not in options.systems and (options.set or options.toggle):
        parser.error("--systems %s: only hyperscope has toggles: add hyperscope, or omit --set and --toggle" % text)
    return plan


def measured(plan, options):
    """Run the sweep. Return its folder, [(column, number, result)], with None for a job that was killed, and the text
    of results.csv, which another measurement may replace afterwards."""
    sweep = folder.Folder(os.path.join(options.out, "measure", plan.name))
    with sweep.held():
        with ends.folder("measure.") as where:
            source = os.path.join(where, "%s.toml" % plan.name)
            with open(source, "w", encoding="utf-8") as file:
                file.write(plan.toml())
            replaced = os.path.exists(sweep.file("results.csv"))
            sweep.begin(source, table.read(source), options.out, fresh=True)
        if replaced and not options.quiet:
            sys.stderr.write("measure: removed the previous results in %s (--csv FILE keeps a copy of results)\n"
                             % shown(sweep.path))
        numbers = [number for number, _, _ in sweep.jobs()]
        engines.Serial(sweep, options).run_to_end(numbers, Progress("measure", sweep, len(numbers), options.quiet))
        collect.write(sweep)
        jobs = [(column, number, sweep.result(number)) for column, number in zip(plan.columns, numbers)]
        with open(sweep.file("results.csv"), encoding="utf-8", newline="") as file:
            return sweep, jobs, file.read()


# ---- what is printed ----


def heading(plan, options, made_with):
    """Return the lines that name the workload, its parameters and the machine."""
    words = [plan.workload] + ["%s %s" % (name, getattr(options, name)) for name in ("argument", "vcpus", "memory", "disk", "settle")
                               if getattr(options, name) is not None]
    if made_with["qemu"] != "none":
        words += ["-cpu %s" % (options.cpu or table.DEFAULTS["cpu"]), "QEMU %s" % made_with["qemu"],
                  made_with["opensbi"].partition(" sha")[0]]
    return textwrap.wrap(", ".join(words), WIDTH, break_on_hyphens=False)


def failures(jobs):
    """Return a line for each job without figures."""
    for column, number, result in jobs:
        if result is None:
            yield "%s: job %s was killed" % (column.title, number)
        elif result["reason"]:
            yield "%s: failed: %s" % (column.title, result["reason"])
        elif not result["results"]:
            yield "%s: printed no line 'result NAME VALUE [UNIT]'" % column.title


def notes(plan, options, results):
    """Return the lines that say what the table contains."""
    if results.get(OURS) and results.get(THEIRS):
        yield "ratio: %s / %s." % (OURS, THEIRS)
    if options.set:
        yield "hyperscope: with %s." % " ".join(options.set)
    yield from (line + "." for line in plan.notes)
    if options.vcpus not in (None, "1") and "system" in plan.kind.TAKES:
        yield from textwrap.wrap("With several vCPUs, a figure counts the instructions of all harts, and a hart that spins "
                                 "while it waits for another does so until its turn is over: it shows work, but not speed.",
                                 WIDTH)
    if "system" in plan.kind.TAKES:
        yield "Events and exit accounting were off: nothing is added to the figures."


def files(sweep, jobs):
    """Return the lines that say where the results are."""
    yield "results     %s" % shown(sweep.file("results.csv"))
    yield "sweep file  %s" % shown(sweep.file("table.toml"))
    for column, number, _ in jobs:
        log = sweep.file("jobs", number, "log")
        if os.path.exists(log):
            yield "log         %s  %s" % (shown(log), column.title)


def show(plan, options, sweep, jobs, failed):
    # The figures of a failed job are not shown: they may be wrong.
    results = {column.title: result["results"] if result and not result["reason"] else [] for column, _, result in jobs}
    parts = [heading(plan, options, sweep.plan()["made_with"]), lines_of(results) if any(results.values()) else [],
             failed, list(notes(plan, options, results)), list(files(sweep, jobs))]
    print("\n\n".join("\n".join(part) for part in parts if part))


def write_csv(path, text):
    try:
        with output.create(path) as file:
            file.write(text)
    except OSError as error:
        raise LaunchError("%s: %s" % (path, error.strerror)) from None


def main(argv):
    parser = new_parser()
    options = parser.parse_args(argv)
    os.environ["O"] = options.out
    plan = planned(parser, options)
    try:
        sweep, jobs, text = measured(plan, options)
    except BenchError as error:
        raise LaunchError(str(error)) from None
    failed = list(failures(jobs))
    show(plan, options, sweep, jobs, failed)
    if options.csv:
        write_csv(options.csv, text)
    if any(result is None for _, _, result in jobs):
        raise LaunchError("some jobs have no result; see %s" % shown(sweep.file("engine.log")))
    return 1 if failed else 0
