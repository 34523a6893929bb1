# SPDX-License-Identifier: MIT
"""anatomy - break down the instructions of one exit by stage and by function.

Runs a row of the bench again, with the same payload and the same VMM, while a
QEMU plugin records every instruction of every iteration. Nothing in the machine
is changed, so the mean of the median batch agrees with the bench's figure
(docs/anatomy.md). By default, shows the path that accounts for most of the
instructions of the median batch. Several systems (hyperscope, Linux KVM, the
bare machine) can be shown side by side.
"""
import os
import sys

from hs import ends, plugin, toggles
from hs.anatomy import run, show, svg, table
from hs.anatomy.stages import Stages
from hs.anatomy.walk import Walk
from hs.bench import kernels, systems
from hs.bench.systems import SYSTEMS
from hs.errors import STATUS_USAGE, LaunchError
from hs.parser import of_command, positive
from hs.paths import TOP
from hs.run.machine import qemu_version

BATCHES = 128  # as in the bench
# A nested system is left out: its path leads through images of two levels, which have no map here.
KNOWN = SYSTEMS + (systems.MODULE, systems.NEWEST, systems.MODULE_NEWEST)


def parse(argv):
    parser = of_command(
        "anatomy", __doc__,
        epilog="exit status: 0; 2 usage error; 124 ended by --timeout; 125 other failure")
    parser.add_argument("row", metavar="ROW", nargs="?", help="a row of the bench; --list shows them")
    parser.add_argument("--list", action="store_true", help="list the rows that can be analyzed")
    parser.add_argument("--systems", "--system", metavar="NAME", dest="system",
                        help="system to analyze: hyperscope (default), linux, bare, both (hyperscope and linux), all (these three), "
                        "module (hyperscope.ko on Linux: make linux-module), linux_newest (setup linux-newest), "
                        "module_newest (make linux-module KERNEL=newest), or a comma-separated list")
    parser.add_argument("--linux", metavar="KERNEL,...", action="append", default=[],
                        help="also analyze Linux KVM of these kernels, as for scripts/hyperscope bench --linux")
    parser.add_argument("--against", metavar="SYSTEM",
                        help="list the functions that account for the difference from another system or kernel (but not "
                        "from a CSV file), largest first")
    plugin.add_machine(parser, harts=False)
    parser.add_argument("--exitstat", metavar="UNIT", default="0", choices=("0", "instret"),
                        help="instret: account for exits on hyperscope, and show what the exit table counts; 0 "
                        "(default): off")
    parser.add_argument("--append", metavar="ARG", action="append", default=[],
                        help="further boot argument for the payload (may be repeated)")
    parser.add_argument("--path", metavar="WHICH", default="heaviest",
                        help="which path of the median batch to show: heaviest (default: most "
                        "instructions over all its iterations), common, longest, or a number "
                        "from --paths")
    parser.add_argument("--paths", action="store_true", help="also list the paths of the median batch")
    parser.add_argument("--calls", action="store_true",
                        help="also show the path in order, with callers and callees")
    parser.add_argument("--insns", action="store_true", help="also show each instruction")
    parser.add_argument("--svg", metavar="FILE", help="draw the result to FILE")
    parser.add_argument("--csv", metavar="FILE",
                        help="write the counts to FILE; they replace its lines for this row")
    parser.add_argument("--batches", metavar="N", type=positive, default=BATCHES,
                        help="number of batches to record (%d, as in the bench)" % BATCHES)
    plugin.add_run(parser, "QEMU to use", "time limit for each system")
    options = parser.parse_args(argv)
    plugin.check_options(options)
    for name in ("csv", "svg"):
        parser.written("--" + name, getattr(options, name))
    options.cycles, options.single = False, False  # the bench's defaults
    return options


def chosen_systems(options):
    """Return the systems to analyze; with --against, the other one comes first."""
    of_kernels = kernels.add(options.out, options.linux)
    found = named_systems(options.system) if options.system else []
    found = found + of_kernels or ["hyperscope"]
    if options.against is None:
        return found
    if len(found) != 1:
        raise LaunchError("--against %s: compares one system with another" % options.against, STATUS_USAGE)
    base = options.against if options.against in KNOWN else kernels.other(options.out, options.against, found)
    if base in found:
        raise LaunchError("--against %s: is the same system" % options.against, STATUS_USAGE)
    return [base] + found


def named_systems(text):
    names = {"both": "hyperscope,linux", "all": ",".join(SYSTEMS)}.get(text, text).split(",")
    for name in names:
        if name not in KNOWN:
            raise LaunchError("unknown system '%s'; known systems: %s, both, all"
                              % (name, ", ".join(KNOWN)), STATUS_USAGE)
    if len(set(names)) < len(names):
        raise LaunchError("--systems %s: a system is named twice" % text, STATUS_USAGE)
    return names


def choose(counts, which):
    """Choose the path to show from COUNTS, a batch's paths: path -> (times, instructions)."""
    kept = {path: found for path, found in counts.items() if path >= 0}
    if not kept:
        raise LaunchError("no path was recorded: the paths are too long for this number of batches; use a smaller --batches")
    if which.isdecimal():
        if int(which) not in kept:
            raise LaunchError("--path %s: the median batch does not have this path; its paths: %s" %
                              (which, " ".join(map(str, sorted(kept)))), STATUS_USAGE)
        return int(which)
    keys = {"heaviest": lambda path: kept[path][1], "common": lambda path: kept[path][0],
            "longest": lambda path: kept[path][1] / kept[path][0]}
    if which not in keys:
        raise LaunchError("--path %s: must be heaviest, common, longest or a number" % which,
                          STATUS_USAGE)
    return max(sorted(kept), key=keys[which])


def analyze(system, options, folder):
    """Run the row on SYSTEM and analyze the chosen path."""
    recording = run.record(system, options.row, options, folder)
    batch = recording.median_batch()
    counts = recording.counts(batch)
    chosen = choose(counts, options.path)
    address_map = run.images(system, options.out, folder)
    walk = Walk(address_map, recording.encodings)
    paths = {number: recording.path(number) for number in counts if number >= 0}
    read_lines(address_map, paths[chosen])
    steps = walk.steps(paths[chosen])
    walk.give_stacks(steps)
    Stages(os.path.join(TOP, "scripts", "anatomy.stages"), system, options.row in run.SPANS).assign(steps)
    anatomy = show.Anatomy(system, options.row, steps, address_map, recording.encodings)
    anatomy.figure = recording.figure
    anatomy.times, anatomy.of = counts[chosen][0], recording.batches[batch][0]
    anatomy.lost = counts.get(-1, (0, 0))[1]
    counted = {number: sum(step.counted for step in walk.steps(path))
               for number, path in paths.items()}
    whole = sum(counted[number] * counts[number][0] for number in counted) + anatomy.lost
    anatomy.mean = whole / anatomy.of
    anatomy.paths = [(counts[number][0], counted[number], number) for number in counted]
    return anatomy


def read_lines(address_map, path):
    wanted = {}
    for address, _ in path:
        image = address_map.image(address)
        if image.elf:
            wanted.setdefault(image, set()).add(address)
    for image, addresses in wanted.items():
        image.read_lines(sorted(addresses))


def print_paths(anatomy):
    print("\n%s: %s, the median batch's paths" % (anatomy.system, anatomy.row))
    print("%8s %12s %14s" % ("path", "iterations", "instructions"))
    for times, length, number in sorted(anatomy.paths, key=lambda path: -path[0] * path[1]):
        print("%8d %12d %14d" % (number, times, length))


def main(argv):
    options = parse(argv)
    rows = run.operations(options)
    if options.list:
        print("\n".join(rows))
        return 0
    if options.row is None:
        raise LaunchError("no row was named; --list shows the rows", STATUS_USAGE)
    if options.row not in rows:
        raise LaunchError("there is no row '%s' to analyze; known rows: %s"
                          % (options.row, " ".join(rows)), STATUS_USAGE)
    chosen = chosen_systems(options)
    if options.row in run.SPANS and "bare" in chosen:
        raise LaunchError("%s: leads from one program to another, so it cannot be measured on bare metal" % options.row, STATUS_USAGE)
    toggles.refuse_defaults()
    toggles.check_toggles(TOP, options.set)
    toggles.check_trace(TOP, options.trace)
    qemu_version(options.qemu)
    if options.csv and os.path.exists(options.csv):
        table.read(options.csv)
    found = []
    with ends.folder("anatomy.", os.environ.get("TMPDIR")) as top:
        for system in chosen:
            folder = os.path.join(top, system)
            os.mkdir(folder)
            found.append(analyze(system, options, folder))
    report(found, options)
    return 0


def write_files(found, options):
    for path, write in ((options.svg, lambda path: svg.draw(found, path)),
                        (options.csv, lambda path: table.merge(path, found, options))):
        try:
            if path:
                write(path)
        except OSError as error:
            raise LaunchError("%s: %s" % (path, error.strerror)) from None


def show_all(found, options):
    print("%s: instructions of one iteration, -cpu %s%s\n"
          % (options.row, options.cpu, "".join(", " + value for value in systems.setting_of(options).split())))
    show.print_stages(found, sys.stdout)
    if options.against:
        show.print_changes(found[0], found[1], sys.stdout)
    for anatomy in found if not options.against or options.calls or options.insns or options.paths else ():
        if anatomy.system == "hyperscope" and options.exitstat != "0":
            show.print_interval(anatomy, options.trace != "none", sys.stdout)
        show.print_functions(anatomy, sys.stdout)
        if options.paths:
            print_paths(anatomy)
        if options.calls:
            show.print_path(anatomy, sys.stdout)
        if options.insns:
            show.print_insns(anatomy, sys.stdout)


def report(found, options):
    """Write the files before printing, because printing fails if the reader of a pipe closes it. Print even if writing
    fails."""
    try:
        write_files(found, options)
    finally:
        show_all(found, options)
    if options.svg:
        print("\npicture: %s" % options.svg)
