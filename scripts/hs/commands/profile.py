# SPDX-License-Identifier: MIT
"""profile - count the instructions that each function executes, in host and guest.

A workload runs on hyperscope under a QEMU plugin that counts each executed
instruction and follows calls and returns. Nothing in the machine is changed,
and a second run gives identical figures. Whenever the machine reads instret,
the value is compared with the count.
"""
import os

from hs import ends, output, plugin, toggles
from hs.errors import LaunchError
from hs.flame import folded, svg
from hs.parser import of_command
from hs.paths import TOP
from hs.profile import show, workload
from hs.profile.recording import Recording

DEEPEST = 200  # maximum depth of the picture, in frames


def new_parser():
    parser = of_command(
        "profile", __doc__,
        usage="scripts/hyperscope profile [options] WORKLOAD\n"
        "       scripts/hyperscope profile [options] -- PROGRAM ARGS...",
        epilog="exit status: 0; 1 the count differs from instret; 2 usage error; 124 ended by\n"
        "--timeout; 125 other failure")
    parser.add_argument("workload", metavar="WORKLOAD", nargs="?",
                        help="a row of the bench, a payload, or boot: Debian's kernel until it "
                        "starts its first program (takes a minute); --list shows them")
    parser.add_argument("--list", action="store_true", help="list the workloads")
    parser.add_argument("--symbols", action="store_true",
                        help="obtain the symbols of Debian's kernel for hstrace, unless they were "
                        "obtained before (boots the kernel once), and print the file's name")
    parser.add_argument("--top", metavar="N", type=int, default=30,
                        help="number of functions to show (30; 0: all)")
    parser.add_argument("--while", metavar="FUNCTION", dest="within",
                        help="count only while FUNCTION runs, including everything that it causes "
                        "in host and guest; a function of the guest, the host or the program "
                        "(default for a row of the bench: the function that it measures)")
    parser.add_argument("--whole", action="store_true",
                        help="count from reset to the end, including the start of firmware and host")
    parser.add_argument("--svg", metavar="FILE", help="draw a flame graph to FILE")
    parser.add_argument("--folded", metavar="FILE", help="write folded stacks to FILE")
    parser.add_argument("--csv", metavar="FILE", help="write the counts of all functions to FILE")
    parser.add_argument("--kallsyms", metavar="FILE",
                        help="symbols of a Linux guest: its /proc/kallsyms as read by root (for "
                        "Debian's kernel, they are obtained automatically)")
    plugin.add_machine(parser)
    plugin.add_run(parser, "QEMU to use, version 9 or newer", "time limit for the run")
    return parser


def parse(words):
    parser = new_parser()
    words, program = plugin.split_program(parser, words)
    options = parser.parse_args(words)
    options.program = program
    if options.symbols and (program or options.workload):
        parser.error("--symbols takes neither a workload nor a program")
    if bool(program) == bool(options.workload) and not (options.list or options.symbols):
        parser.error("name one workload, or give a program after --")
    if options.top < 0:
        parser.error("--top must be at least 0")
    if options.kallsyms and options.workload not in (None, "boot"):
        parser.error("--kallsyms is for boot or a program: %s is not a Linux guest" % options.workload)
    plugin.check_options(options)
    if options.whole and options.within:
        parser.error("--whole and --while are mutually exclusive")
    for name in ("csv", "folded", "svg"):
        parser.written("--" + name, getattr(options, name))
    return options


def write_files(recording, what, options):
    if options.folded:
        with output.of_option("--folded", options.folded) as file:
            folded.write(recording.stacks, file)
    if options.csv:
        show.write_csv(recording.stacks, options.csv)
    if options.svg:
        note = "-cpu %s%s" % (options.cpu, "".join(", " + value for value in options.set))
        title = what + (", while %s runs" % options.within if options.within else "")
        picture = svg.Picture(folded.tree(recording.stacks, DEEPEST), title, "instructions", note)
        with output.of_option("--svg", options.svg) as file:
            file.write(picture.text())


def report(recording, what, options):
    """Write the files before printing, because printing fails if the reader of a pipe closes it. Print even if
    writing fails."""
    try:
        write_files(recording, what, options)
    finally:
        print(show.table(recording, what, options.top))
    if options.folded:
        print("\nstacks: %s" % options.folded)
    if options.svg:
        print("flame graph: %s" % options.svg)


def main(argv):
    options = parse(argv)
    if options.list:
        print("\n".join(["boot"] + workload.payloads(options.out) + workload.bench_rows(options.out)))
        return 0
    toggles.refuse_defaults()
    toggles.check_toggles(TOP, options.set)
    toggles.check_trace(TOP, options.trace)
    with ends.folder("profile.", os.environ.get("TMPDIR")) as folder:
        if options.symbols:
            print("symbols: %s" % workload.guest_kallsyms(options, folder))
            return 0
        work = workload.chosen(options, folder)
        recording = Recording(workload.measure(work, options, folder), work.what, work.names)
    if not recording.total:
        raise LaunchError("nothing was counted: %s never ran" % (options.within or work.what))
    report(recording, work.what, options)
    return 1 if recording.differed else 0
