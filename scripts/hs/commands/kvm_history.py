# SPDX-License-Identifier: MIT
"""kvm-history - measure what exits cost on Linux KVM, kernel by kernel.

Measures all rows of the bench on Linux KVM of each KERNEL, and writes them to
notebooks-data/kvm-history.csv, from which docs/kvm-history.md and its figures
are made. Lines of other kernels and rows in the file are kept. Releases that
are missing are fetched first, and kernels source-VERSION are built (10 minutes
each). Without KERNEL, all kernels in the output folder are measured.
"""
import os
import subprocess

from hs import ends, kernels
from hs.bench import guests, kernels as linuxes, provenance, report, rows, systems
from hs.bench.measure import measure
from hs.bench.systems import BenchError, plain
from hs.errors import STATUS_USAGE, LaunchError
from hs.lock import lock
from hs.parser import of_command
from hs.paths import HYPERSCOPE, TOP

FAILURES = (BenchError, ValueError,)
EXAMPLES = """\
examples:
  scripts/hyperscope kvm-history 7.2.13       one kernel (3 to 10 minutes)
  scripts/hyperscope kvm-history all          all that Debian has (1 h 30 min)
  scripts/hyperscope kvm-history next=./linux --csv FILE
                                              a kernel tree, into another file
exit status: 0; 2 usage error; 125 measurement failed
"""
CSV = os.path.join(TOP, "notebooks-data", "kvm-history.csv")
SOURCES = ("source-6.12", "source-7.2", "source-7.3")  # built with the same compiler and options


def parse(argv):
    parser = of_command("kvm-history", __doc__, epilog=EXAMPLES)
    parser.add_argument("kernels", metavar="KERNEL", nargs="*",
                        help="as for scripts/hyperscope bench --linux: a release of Debian, source-7.3, or a folder; "
                             "all: all that Debian has, and %s" % ", ".join(SOURCES))
    parser.add_argument("--rows", metavar="NAME,...", default="", help="measure only these rows; patterns are allowed")
    parser.add_argument("--apps", action="store_true",
                        help="measure whole guests, as bench-apps does, instead of exits (15 minutes for each kernel)")
    parser.add_argument("--csv", metavar="FILE", default=CSV, help="file to update (notebooks-data/kvm-history.csv)")
    parser.add_timeout(1200)
    parser.add_jobs()
    parser.add_out()
    options = parser.parse_args(argv)
    options.names = rows.named(parser, options.rows, rows.APPLICATIONS if options.apps else rows.ROWS, hint="")
    options.own = os.path.realpath(options.csv) != os.path.realpath(CSV)
    if not options.own and any(kernels.is_folder(name) for name in options.kernels):
        parser.error("--csv: name a file for the figures of your own kernel")
    parser.written("--csv", options.csv)
    os.environ["O"] = options.out
    try:
        options.systems = linuxes.add(options.out, fetched(options), "KERNEL")
    except LaunchError as error:
        if error.status != STATUS_USAGE:
            raise
        parser.error(str(error))
    if not options.systems:
        parser.error("no kernel was fetched yet: name one, such as 7.2.13, or all")
    return options


def offered(out):
    """Return the releases of Debian for which there are kernels."""
    done = ends.captured([HYPERSCOPE, "setup", "--out", out, "--list-linux"], stdin=subprocess.DEVNULL)
    line = done.stdout.decode().rstrip().rpartition("\n")[2]
    if done.returncode:
        raise BenchError("the releases that Debian has are not known")
    return line.partition(": ")[2].split()


def fetched(options):
    """Fetch or build the kernels that are missing, and return the names of all."""
    names = options.kernels or kernels.fetched(options.out)
    if "all" in names:
        names = [name for name in names if name != "all"] + offered(options.out) + list(SOURCES)
    missing = [name for name in names if "=" not in name and not kernels.is_folder(name) and kernels.missing(options.out, name)]
    if missing and ends.call([HYPERSCOPE, "setup", "--out", options.out] + ["linux-" + name for name in missing]):
        raise BenchError("a kernel could not be fetched")
    return names


def lines_of(path):
    """Return the lines of the file, which need not exist."""
    try:
        return report.read_csv(path) if os.path.exists(path) else []
    except ValueError as error:
        raise BenchError("%s: %s" % (path, error)) from None


def merged(path, results):
    """Return RESULTS and the lines of the file PATH that they do not replace, the oldest kernel first."""
    kept = lines_of(path)
    mine = {tuple(row[name] for name in report.KEY) for row in results}
    lines = [row for row in kept if tuple(row[name] for name in report.KEY) not in mine] + results
    place = {row.name: i for i, row in enumerate(rows.ROWS + rows.APPLICATIONS)}
    return sorted(lines, key=lambda row: (kernels.order(report.label(row["system"])), place.get(row["exit"], -1)))


def measured(system, options):
    """Measure one kernel, and return its lines."""
    chosen = plain(options.out, options.timeout, options.jobs)
    runner: systems.Runner
    if options.apps:
        runner = guests.Runner(chosen)
        jobs = guests.jobs_of([system], options.names or [row.name for row in rows.APPLICATIONS], dbcn=False)
    else:
        runner = systems.Runner(chosen)
        jobs = systems.plan([system], ["rv64"], [("", None)], options.names or None)
    runner.check(jobs)
    found = measure(runner, jobs, provenance.collect(runner))
    return [row for row in found if not options.names or row["exit"] in options.names]


def main(argv):
    options = parse(argv)
    lines_of(options.csv)  # raises an error before anything is measured
    results = []
    for system in options.systems:  # a kernel that fails does not lose the figures of those before it
        results += measured(system, options)
        with lock("kvm-history", os.path.join(options.out, "kvm-history")):
            report.write_csv(options.csv, merged(options.csv, results))
    report.kernels(report.Figures(results, "rv64", "p50"), {row["exit"] for row in results}, options.systems)
    print("\n%s has been updated%s" % (os.path.relpath(options.csv), "" if options.own else
                                       "; now run 'scripts/hyperscope figures --docs', which updates the pages"))
    return 0
