# SPDX-License-Identifier: MIT
"""irqs-off - measure the longest time with interrupts off, for each kernel path.

A workload runs on hyperscope under a QEMU plugin. The plugin counts the
instructions that a hart executes between two points at which interrupts are
taken: while a program or a guest runs, where the kernel checks for pending
interrupts, and where the kernel waits in WFI. A path is named after the reason
why the hart entered the kernel. Nothing in the machine is changed, and a second
run gives the same figures.
"""
import csv
import os
import sys

from hs import ends, layout, output, plugin
from hs.parser import of_command, positive
from hs.paths import TOP
from hs.spans import run, show

BOUNDS = os.path.join(TOP, "scripts", "irqs-off.bounds")


def parse(words):
    parser = of_command(
        "irqs-off", __doc__,
        usage="scripts/hyperscope irqs-off [options] [WORKLOAD...]\n"
        "       scripts/hyperscope irqs-off [options] -- PROGRAM ARGS...",
        epilog="exit status: 0; 1 a path is longer than its bound; 2 usage error;\n"
        "124 ended by --timeout; 125 other failure")
    parser.add_argument("workload", metavar="WORKLOAD", nargs="*",
                        help="workloads to run (all but boot and broadcast); --list shows them")
    parser.add_argument("--list", action="store_true", help="list the workloads")
    plugin.add_machine(parser)
    parser.add_argument("--over", metavar="N", type=int, default=2000,
                        help="show only paths of more than N instructions (2000)")
    parser.add_argument("--functions", metavar="N", type=positive, default=1,
                        help="for each path, show the N functions with the most instructions in its "
                        "longest span (1)")
    parser.add_argument("--csv", metavar="FILE", help="also write all paths to FILE")
    parser.add_argument("--bounds", metavar="FILE",
                        help="upper bounds of the paths (scripts/irqs-off.bounds, which holds for "
                        "one hart; with more harts none); '' for none")
    plugin.add_run(parser, "QEMU to use, version 9 or newer", "time limit for each workload")
    words, program = plugin.split_program(parser, words)
    options = parser.parse_args(words)
    if options.bounds is None:
        options.bounds = BOUNDS if options.harts == 1 else ""
    options.program = program
    if program and options.workload:
        parser.error("name either workloads or a program")
    plugin.check_options(options)
    parser.written("--csv", options.csv)
    return options


def write_csv(paths, name):
    with output.of_option("--csv", name) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("path", "longest", "bound", "spans", "from", "to", "function",
                        "workload"))
        for path in paths:
            table.writerow((path.name, path.longest, path.bound or "", path.spans, path.begin,
                            path.end, path.functions[0][0], path.workload))


def main(argv):
    options = parse(argv)
    if options.list:
        for name, (what, _) in run.WORKLOADS.items():
            print(layout.row("%-10s " % name, what))
        return 0
    bounds = show.Bounds(options.bounds) if options.bounds else None
    found = {}
    with ends.folder("irqs-off.") as folder:
        for workload in run.chosen(options, "irqs_off.so"):
            for path in run.measure(workload, options, folder):
                path.merge_into(found)
    paths = sorted(found.values(), key=lambda path: (-path.longest, path.name))
    over = bounds.apply(paths) if bounds else []
    if options.csv:
        write_csv(paths, options.csv)
    show.table([path for path in paths if path.longest > options.over], options)
    for path in over:
        print("irqs-off: %s: %d instructions, more than its bound %d (%s)"
              % (path.name, path.longest, path.bound, options.bounds), file=sys.stderr)
    return 1 if over else 0
