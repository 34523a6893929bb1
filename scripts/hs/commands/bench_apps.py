# SPDX-License-Identifier: MIT
"""bench-apps - measure the cost of running a whole guest on several systems.

Debian's kernel runs scripts/guest/apps on QEMU without a hypervisor (native),
in a VM under hyperscope, and in a VM under Linux KVM with the same VMM. If the
system nested is named, it also runs in a VM of hyperscope in hyperscope. Costs
are in instructions, read from the guest's own clock (-icount on one hart: one
nanosecond is one instruction, and figures are reproduced exactly). Without
nested, the guest also runs on hyperscope with another console than the UART:
SBI DBCN, with all kernel messages printed. For the first boot on each
hypervisor, KVM's counters of exits are shown.

--runs adds wall time, from the start of the same VMM binary to the guest's
/init, under hyperscope and under Linux KVM in the same QEMU, on two harts. The
runs alternate, and only the ratio of the two medians is meaningful.
"""
import os
import re
import subprocess
import time

from hs import ends, layout, toggles
from hs.bench import guests, provenance, report, rows, stats
from hs.bench.measure import measure
from hs.bench.systems import BenchError, plain
from hs.parser import of_command, readable
from hs.paths import HYPERSCOPE, TOP

FAILURES = (BenchError, ValueError,)
EXAMPLES = """\
examples:
  scripts/hyperscope bench-apps --rows boot,fork_exec
                                            two rows on all three systems
  scripts/hyperscope bench-apps native hyperscope --csv FILE
                                            all rows on two systems
exit status: 0; 1 figures differ (--against); 2 usage error;
125 measurement failed
"""
# (system, setting) -> heading of the column of exits
EXIT_COLUMNS = {("hyperscope", ""): "hyperscope", ("hyperscope", guests.DBCN): "with DBCN", ("linux", ""): "Linux KVM"}
UP = re.compile(rb"guest: Linux .* is up, .* after ([0-9.]+) s")


def parse(argv):
    parser = of_command("bench-apps", __doc__, epilog=EXAMPLES)
    parser.add_argument("systems", metavar="SYSTEM", nargs="*", help="%s (these), %s" % (", ".join(guests.SYSTEMS), guests.NESTED))
    parser.add_argument("--rows", metavar="NAME,...", action="append", default=[],
                        help="measure only these rows; patterns such as 'f*' are allowed; --list "
                        "shows all")
    parser.add_argument("--csv", metavar="FILE", help="also write all figures to FILE")
    parser.add_argument("--against", metavar="FILE", type=readable,
                        help="list the rows that differ from those in the CSV file FILE")
    parser.add_argument("--runs", metavar="N", type=int, default=0,
                        help="also measure wall time, with N alternating runs (0: do not measure it)")
    parser.add_timeout(1200)
    parser.add_jobs()
    parser.add_out()
    parser.add_argument("--list", action="store_true", help="list the rows with descriptions")
    options = parser.parse_args(argv)
    options.systems = list(dict.fromkeys(options.systems)) or list(guests.SYSTEMS)
    for system in options.systems:
        if system not in guests.SYSTEMS + (guests.NESTED,):
            parser.error("there is no system '%s'; known systems: %s, %s" % (system, ", ".join(guests.SYSTEMS), guests.NESTED))
    options.names = (rows.named(parser, ",".join(options.rows), rows.APPLICATIONS)
                     or [row.name for row in rows.APPLICATIONS])
    if options.runs < 0:
        parser.error("--runs %d: must be at least 0" % options.runs)
    parser.written("--csv", options.csv)
    os.environ["O"] = options.out
    return options


# ---- instructions ----


def table(results):
    """Print a line for each row and console: thousands of instructions per operation, and their ratio to native."""
    figures = report.Figures(results, "rv64", "p50")
    nested = any(row["system"] == guests.NESTED for row in results)
    print("thousands of instructions   native  hyperscope x native%s" % (
        "      nested x native" if nested else "   Linux KVM x native"))
    for row in [row for row in rows.APPLICATIONS if row.unit == report.COUNTED]:
        for setting in ("", guests.DBCN):
            native, ours, *others = guests.beside_native(figures, row.name, setting)
            other = others[nested]
            if {native[0], ours[0], other[0]} != {"-"}:
                print(("%-12s%-12s%10s%12s%9s%12s%9s" % ((row.name, setting, native[0]) + ours + other)).rstrip())


def boot_exits(results):
    """Print the exits of a boot besides WFI."""
    for line in results:
        if line["exit"] == "boot_exits":
            ours = line["system"] == "hyperscope"
            print(("exits of a boot besides WFI, console SBI DBCN: %.0f on %s%s%s" % (
                report.typical(line), "hyperscope" if ours else "Linux KVM",
                "" if line["toggles"] == "default" else " with " + line["toggles"],
                "; goal %s" % report.goal(rows.BY_NAME["boot_exits"], None, report.typical(line)) if ours else "")))


def show_exits(exits):
    """Print KVM's counters of exits, with a column for each system and console. exits: as in guests.Runner."""
    columns = [(heading, exits[key]) for key, heading in EXIT_COLUMNS.items() if "exits" in exits.get(key, ())]
    if not columns:
        return
    print("exits until power-off      %s" % "".join("%12s" % heading for heading, _ in columns))
    for name in dict.fromkeys(name for _, found in columns for name, count in found.items() if count and name != "exits"):
        print("  %-25s%s" % (name, "".join("%12d" % found.get(name, 0) for _, found in columns)))
    for what, others in (("in all", ()), ("besides MMIO", ("mmio_exit_user", "mmio_exit_kernel"))):
        print("  %-25s%s" % (what, "".join("%12d" % (found["exits"] - sum(found.get(name, 0) for name in others))
                                           for _, found in columns)))


def instructions(runner, options):
    """Measure and print instructions. Return 1 if figures differ from those of --against, else 0."""
    try:
        theirs = report.read_csv(options.against) if options.against else None
    except ValueError as error:
        raise BenchError("%s: %s" % (options.against, error)) from None
    jobs = guests.jobs_of(options.systems, options.names, dbcn=guests.NESTED not in options.systems)
    results = measure(runner, jobs, provenance.collect(runner))
    results = [row for row in results if row["exit"] in options.names]
    if options.csv:
        report.write_csv(options.csv, results)
    table(results)
    boot_exits(results)
    show_exits(runner.exits)
    if theirs is None:
        return 0
    mine = {tuple(row[name] for name in report.KEY) for row in results}
    lines = report.differences(results, [row for row in theirs if tuple(row[name] for name in report.KEY) in mine])
    for line in lines:
        print("against %s: %s" % (options.against, line))
    print("against %s: %s, %s" % (options.against, layout.counted(len(results), "row"),
                                  "figures that differ: %d" % len(lines) if lines else "all figures are the same"))
    return int(bool(lines))


# ---- wall time ----


def boot(command, stop_at_start, limit):
    """Run COMMAND for at most `limit` seconds. Return the time in seconds from the line that begins with
    `stop_at_start` to the start of /init. Raise BenchError if /init does not run."""
    child = ends.start(["timeout", "--kill-after=5", str(limit)] + command, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    start, tail = time.monotonic(), []
    try:
        for line in child.stdout:
            if line.startswith(stop_at_start):
                start = time.monotonic()
            if UP.search(line):
                return time.monotonic() - start
            tail = tail[-9:] + [line]
    finally:
        ends.stop(child)
    late = " within %d seconds (--timeout)" % limit if child.returncode == 124 else ""
    raise BenchError("no guest started%s:\n%s" % (late, b"".join(tail).decode("utf-8", "replace")))


def compared(times):
    """Return the line that compares the seconds of both systems."""
    run = stats.new_run()
    ratio = stats.ratio(*(stats.Samples(seconds, "s", run) for seconds in times.values()))
    return "  %s: %s" % (" / ".join(times), ratio)


def wall(out, runs, limit):
    files = [out + "/vmm", out + "/guest/vmlinux", out + "/guest-initrd.cpio"]
    shell = "echo start; exec /vmm --no-sandbox --vcpus 2 --initrd /guest-initrd.cpio --append '%s' /vmlinux" % guests.APPEND
    args = sum((["--file", f] for f in files), []) + [out + "/guest/busybox", "sh", "-c", shell]
    systems = {
        "hyperscope": [TOP + "/scripts/hyperscope", "exec", "--out", out, "--memory", "2G", "--quiet",
                       "--without-observation"],
        "Linux KVM": [HYPERSCOPE, "linux-kvm", "exec", "--memory", "2G"],
    }
    times = {name: [] for name in systems}
    print("wall time from the start of the VMM to /init, 2 vCPUs on 2 harts, %d alternating runs:" % runs,
          flush=True)
    for i in range(runs):
        for name, command in systems.items():
            times[name].append(boot(command + args, b"start", limit))
        print("  run %d of %d: %s" % (i + 1, runs, ", ".join(
            "%s %.1f s" % (name, t[-1]) for name, t in times.items())), flush=True)
    print(compared(times))


def main(argv):
    options = parse(argv)
    if options.list:
        for row in rows.APPLICATIONS:
            print("%-11s %s" % (row.name, row.what))
        return 0
    toggles.refuse_defaults()
    runner = guests.Runner(plain(options.out, options.timeout, options.jobs))
    runner.check(guests.jobs_of(options.systems, options.names))
    status = instructions(runner, options)
    if options.runs:
        wall(options.out, options.runs, options.timeout)
    return status
