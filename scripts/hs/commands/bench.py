# SPDX-License-Identifier: MIT
"""bench - measure the cost of each kind of exit on one or more systems.

All systems run the same payload, src/guest/bench: bare (HS mode under OpenSBI,
no VM); hyperscope on its own host, as a module of Debian's Linux, and in a VM
of hyperscope; and Linux KVM, with the same VMM. QEMU counts instructions
(-icount shift=0,sleep=off), so figures are reproduced exactly, but TLB misses,
page walks and caches cost nothing. docs/bench.md explains the rows and what a
count of instructions cannot show.
"""
import argparse
import os

from hs import layout
from hs import toggles as hstoggles
from hs.bench import board, csvfile, kernels, provenance, report, rows, systems
from hs.bench.measure import measure
from hs.bench.systems import LINUXES, NESTED_LINUX, OTHERS, SYSTEMS, BenchError
from hs.errors import STATUS_USAGE, LaunchError
from hs.parser import of_command, percent
from hs.paths import TOP
from hs.run.qemuopt import add_machine

FAILURES = (BenchError,)
UNITS = ("instructions", "cycles", "ns")
EXAMPLES = """\
examples:
  scripts/hyperscope bench all --rows mmio_read
                                    measure one row on all systems
  scripts/hyperscope bench --rows touch_4k --toggle gstage_walk
                                    measure the cost of each value of a toggle
  scripts/hyperscope bench all --toggles --cpu both --csv FILE
                                    measure everything (make bench)
  scripts/hyperscope bench --linux 7.2.13 --against 6.12.117 --rows sbi_version
                                    compare two kernels (docs/kvm-history.md)
  scripts/hyperscope bench --from LOG --board NAME
                                    evaluate a board's log (docs/workload.md)
exit status: 0; 1 figures differ (--verify, --against) or have grown (--limit);
2 usage error (git bisect run takes the commit for bad); 125 measurement failed
(git bisect run skips the commit)
"""


def new_parser():
    parser = of_command("bench", __doc__, epilog=EXAMPLES)
    parser.add_argument("systems", metavar="SYSTEM", nargs="*",
                        help="bare, hyperscope (default), linux, module (hyperscope.ko on the same Linux: make linux-module), "
                             "linux_newest (the newest Linux that Debian has: scripts/hyperscope setup "
                             "linux-newest), module_newest (hyperscope.ko on the newest Linux: make linux-module KERNEL=newest), "
                             "nested (hyperscope in a VM of hyperscope: docs/nested.md), "
                             "nested_linux (the newest Linux in a VM of hyperscope), "
                             "or all (those that are built, at least the first three, without the nested ones)")
    parser.add_argument("--linux", metavar="KERNEL,...", action="append", default=[],
                        help="measure Linux KVM of these kernels, as for scripts/hyperscope linux-kvm --linux: releases "
                             "(scripts/hyperscope setup linux-7.2.11), or folders with a kernel of your own, such as "
                             "./linux or LABEL=./linux; all: all that were fetched")
    parser.add_argument("--rows", metavar="NAME,...", action="append", default=[],
                        help="measure only these rows; patterns such as 'mmio_*' are allowed; "
                             "--list shows all")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[],
                        help="set a toggle of hyperscope for all measurements")
    parser.add_argument("--toggle", metavar="NAME", action="append", default=[],
                        help="also measure each value of this toggle; without --rows, only the "
                             "rows that it can change")
    parser.add_argument("--toggles", action="store_true",
                        help="also measure each value of each toggle, tracing and exit accounting")
    parser.add_argument("--cpu", metavar="MODEL", action="append", default=[],
                        help="processor, in QEMU's syntax (rv64), or both for rv64 and max")
    add_machine(parser)
    parser.add_argument("--firmware", metavar="FILE", default="",
                        help="firmware to use instead of QEMU's OpenSBI")
    parser.add_argument("--trace", metavar="EVENTS", default="none",
                        help="events for hyperscope to record (none)")
    parser.add_argument("--exitstat", metavar="UNIT", default="0",
                        choices=("0", "auto", "instret", "time"),
                        help="unit of hyperscope's exit accounting: 0 (off, default), auto, instret "
                             "or time")
    parser.add_argument("--cycles", action="store_true",
                        help="measure with rdcycle (for real hardware); falls back to ns where a "
                             "guest has no cycle counter")
    parser.add_argument("--single", action="store_true",
                        help="take samples of one operation, in the rows that have samples of 256")
    parser.add_argument("--append", metavar="ARG", action="append", default=[],
                        help="further boot argument for the payload (may be repeated)")
    parser.add_argument("--statistic", choices=systems.STATISTICS, default="p50",
                        help="statistic to show in the tables: min, p50 (default), p99, max or mean")
    parser.add_argument("--csv", metavar="FILE", help="also write all figures to FILE")
    parser.add_argument("--verify", action="store_true",
                        help="measure twice and list the rows that differ (none should)")
    parser.add_argument("--against", metavar="FILE",
                        help="list the rows that differ from those in the CSV file FILE; with --linux KERNEL: "
                             "compare with FILE or with another KERNEL")
    parser.add_argument("--limit", metavar="PERCENT", type=percent,
                        help="with --against: list all rows; the status is 1 only if a figure has grown "
                             "by more than PERCENT (default with --linux: 2%%)")
    parser.add_argument("--from", metavar="SYSTEM=LOG", action="append", default=[], dest="logs",
                        help="read the figures of SYSTEM from a console log, for example a board's, instead of measuring; options "
                             "that only affect a measurement are refused. --from LOG --board NAME: evaluate a log of the workload bench "
                             "(bench --board NAME --help)")
    parser.add_timeout(900)
    parser.add_jobs()
    parser.add_out()
    parser.add_argument("--list", action="store_true", help="list the rows with descriptions")
    return parser


# ---- the request ----


def wanted_rows(parser, options):
    """Return the names of the rows to measure, or None for all. only=NAME in --append selects rows, as --rows does.
    If neither is given, --toggle NAME without --toggles selects the rows that the toggle can change.
    """
    only = [arg[len("only="):] for arg in options.append if arg.startswith("only=")]
    words = ",".join(options.rows + only).strip(", ")
    options.append = [arg for arg in options.append if not arg.startswith("only=")]
    if not words and (options.rows or only):
        parser.error("--rows: no row is named; --list shows the rows; omit --rows to measure all")
    if not words and options.toggle and not options.toggles:
        return [row.name for row in rows.ROWS
                if any(row.name in rows.relevant(name) for name in options.toggle)]
    if not words:
        return None
    return rows.named(parser, words)


def settings(parser, options, own):
    """Return a list of (setting, rows that it can change): first OWN, that of all measurements, then each value to
    compare, together with OWN. No setting occurs twice."""
    table, usual = hstoggles.toggles(TOP), hstoggles.initial(TOP)
    fixed = dict(word.partition("=")[::2] for word in own.split())
    chosen = [name for name in table if name not in fixed] if options.toggles else []
    for name in options.toggle:
        if name not in table:
            parser.error("there is no toggle '%s'; known toggles: %s" % (name, ", ".join(table)))
        if name in fixed:
            parser.error("--set %s=%s: --toggle measures each value of this toggle; omit one of the two options"
                         % (name, fixed[name]))
        chosen.append(name)
    found: dict = {}
    for name in dict.fromkeys(chosen):
        values = rows.NUMBERS.get(name, ()) if table[name] is None else [
            value for value in table[name] if value != usual[name]]
        found.update(("%s=%s" % (name, value), rows.relevant(name)) for value in values)
        other, names = rows.BESIDE.get(name, ("", ""))
        if other and other.split("=")[0] not in fixed:
            for word in [other] * (other.split("=")[0] not in chosen) + ["%s %s=%s" % (other, name, value) for value in values]:
                found[word] = found.get(word, []) + rows.matching(names)
    result: list = [(own, None)] + [((own + " " if own else "") + setting, matters) for setting, matters in found.items()]
    if options.toggles:
        result += [(word, [rows.TRACED_ROW]) for word in rows.TRACED if word != own]
    return result


def check_kernels(parser, options):
    """Add the kernels of --linux to the systems, and set options.base to what to compare with."""
    try:
        options.kernels = kernels.add(options.out, options.linux)
        options.base = kernels.base_of(options)
    except LaunchError as error:
        if error.status != STATUS_USAGE:
            raise
        parser.error(str(error))
    except argparse.ArgumentTypeError as error:
        parser.error("--against: %s" % error)
    if options.limit is not None and options.against is None:
        parser.error("--limit: needs --against")
    if options.kernels and options.logs:
        parser.error("--from: not with --linux")
    if options.kernels and options.against is not None and (options.systems or options.verify):
        parser.error("--against: with --linux, name no SYSTEM, and omit --verify")
    options.systems = list(dict.fromkeys(options.systems + options.kernels)) or ["hyperscope"]


def check_logs(parser, options):
    """Refuse the options that have no effect on the figures of --from."""
    named = [word.partition("=")[0] for word in options.logs]
    for word, system in zip(options.logs, named):
        if system not in SYSTEMS + OTHERS or "=" not in word:
            parser.error("--from %s: write SYSTEM=LOG, with SYSTEM one of %s" % (word, ", ".join(SYSTEMS + OTHERS)))
        if named.count(system) > 1:
            parser.error("--from: names %s twice" % system)
    if options.systems and sorted(set(options.systems)) != sorted(named):
        parser.error("SYSTEM: with --from, name the systems of the logs, or none")
    for name in ("set", "toggle", "toggles", "trace", "exitstat", "machine", "firmware", "cycles", "single", "append", "verify"):
        if getattr(options, name) != parser.get_default(name):
            parser.error("--%s: not with --from, which measures nothing" % name)
    if len(options.cpu) > 1 or "both" in options.cpu:
        parser.error("--cpu: name one processor with --from")


def check(parser, options):
    if options.logs:
        check_logs(parser, options)
    check_kernels(parser, options)
    for system in options.systems:
        if system not in SYSTEMS + OTHERS + ("all",) and system not in options.kernels:
            parser.error("there is no system '%s'; known systems: %s, all" % (system, ", ".join(SYSTEMS + OTHERS)))
    if "all" in options.systems:
        options.systems = list(SYSTEMS) + [system for system in OTHERS if system in options.systems
                                           or system in LINUXES and system != NESTED_LINUX and not LINUXES[system].missing(options.out)]
    cpus = []
    for cpu in options.cpu or ["rv64"]:
        cpus += ["rv64", "max"] if cpu == "both" else [cpu]
    options.cpu = list(dict.fromkeys(cpus))
    try:
        hstoggles.refuse_defaults()
        hstoggles.check_toggles(TOP, options.set)
        hstoggles.check_trace(TOP, options.trace)
    except LaunchError as error:
        parser.error(str(error))
    options.own = systems.setting_of(options)  # of each measurement on hyperscope
    parser.written("--csv", options.csv)


def list_rows():
    for row in rows.ROWS:
        print("%-17s %s" % (row.name, row.what))


# ---- measuring ----


def check_figures(found):
    """Raise ValueError if FOUND, the lines of the benchmark in a log, cannot be used: a row or its unit is unknown, a row
    occurs twice, or a figure is impossible."""
    for row in found:
        if row["exit"] not in rows.BY_NAME:
            raise ValueError("there is no row %s" % ascii(row["exit"]))
        if row["unit"] not in UNITS:
            raise ValueError("the row %s: the unit %s is not one of %s" % (row["exit"], ascii(row["unit"]), ", ".join(UNITS)))
        systems.numbers_of(row)
    csvfile.once(found, ("exit",))


def from_logs(parser, options, wanted):
    """Return the figures in the logs. What produced them is not known: it need not be this tree."""
    results = []
    for word in options.logs:
        system, _, path = word.partition("=")
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                found = systems.parse(file.read())
            if not found:
                raise ValueError("the file contains no line of the benchmark")
            check_figures(found)
        except OSError as error:
            parser.error("--from %s: %s" % (path, error.strerror))
        except ValueError as error:
            parser.error("--from %s: %s" % (path, error))
        found = [row for row in found if wanted is None or row["exit"] in wanted]
        for row in found:
            toggles = rows.GROUPS[rows.BY_NAME[row["exit"]].group].setting or "default"
            row.update(dict.fromkeys(provenance.COLUMNS, "unknown"), system=system, cpu=options.cpu[0], toggles=toggles,
                       qemu="none", qemu_flags="")
        results += found
    return results


def differ(what, ours, theirs):
    lines = report.differences(ours, theirs)
    for line in lines:
        print("%s: %s" % (what, line))
    print("%s: %s, %s" % (what, layout.counted(len(ours), "row"), "figures that differ: %d" % len(lines) if lines
                          else "all figures are the same"))
    return bool(lines)


def run(parser, options):
    wanted = wanted_rows(parser, options)
    compared = settings(parser, options, options.own)
    theirs = None
    if options.against is not None and not options.base:
        try:
            theirs = report.read_csv(options.against)
        except OSError as error:
            parser.error("--against %s: %s" % (options.against, error.strerror))
        except ValueError as error:
            parser.error("--against %s: %s" % (options.against, error))
    base = options.base or (kernels.base_in(theirs, options, wanted) if options.kernels and theirs is not None else "")
    runner = systems.Runner(options)
    measured = options.systems + [options.base] * (options.base != "")
    jobs = [] if options.logs else systems.plan(measured, options.cpu, compared, wanted)
    if options.logs:
        results = from_logs(parser, options, wanted)
    else:
        runner.check(jobs)
        shared = provenance.collect(runner)
        results = measure(runner, jobs, shared)
    if not results:
        raise BenchError("nothing was measured: none of the rows exists on %s with these settings "
                         "(docs/bench.md says what a row needs)" % ", ".join(options.systems))
    if options.csv:
        report.write_csv(options.csv, results)
    status = 0
    if base:
        return kernels.compare(results, theirs or results, options, base, wanted)
    report.tables(results, options, compared)
    if options.verify:
        status |= differ("verify", results, measure(runner, jobs, shared))
    if theirs is not None:
        if not options.logs:
            theirs = systems.asked_for(jobs, theirs)
        elif wanted is not None:
            theirs = [row for row in theirs if row["exit"] in wanted]
        if options.limit is not None:
            status |= kernels.compare(results, theirs, options, wanted=wanted)
        else:
            status |= differ("against %s" % options.against, results, theirs)
    return int(status)


def main(argv):
    if any(word == "--board" or word.startswith("--board=") for word in argv):
        return board.main(argv)
    parser = new_parser()
    options = parser.parse_args(argv)
    os.environ["O"] = options.out
    if options.list:
        list_rows()
        return 0
    check(parser, options)
    return run(parser, options)
