# SPDX-License-Identifier: MIT
"""compare - compare the costs of exits in this tree with those of another commit.

BASE is a commit, which is built and measured with its own bench in OUT/compare,
or a CSV file written by scripts/hyperscope bench. Figures are exact, so every
difference is due to the code or to the tools. The comparison fails if, with the
same tools (QEMU, OpenSBI, compiler, binutils), the cost of an exit has grown by
more than --limit and by at least half an instruction, unless a commit after
BASE announces the increase in a line of its message:

    Costs: fault_4k_*,touch_4k the walk now checks the notifier twice
"""
import os
import re
import shutil
import subprocess
import sys

from hs import ends, git, toggles
from hs.lock import lock
from hs.bench import costs, report, rows
from hs.errors import LaunchError
from hs.parser import of_command, percent
from hs.paths import QEMU, TOP
from hs.run.qemuopt import check_cpu

FAILURES = (ValueError,)
EXAMPLES = """\
examples:
  scripts/hyperscope compare HEAD~1            compare with the previous commit
  scripts/hyperscope compare v1 --rows 'fault_*' --set gstage_walk=recursive
  scripts/hyperscope compare notebooks-data/exit-latency.csv --rows mmio_read
exit status: 0; 1 an exit costs more and no commit announces it; 2 usage error;
125 measurement failed
"""
FETCHED = ("dl", "guest", "uapi", "libfdt")
PROGRESS = re.compile(rb"bench: \d+ of \d+, ")
TARGETS = ("all", "tests/kvm/bench_turns")


def parse(words):
    parser = of_command("compare", __doc__, epilog=EXAMPLES)
    parser.add_argument("base", metavar="BASE", help="a commit, or a CSV file written by scripts/hyperscope bench")
    parser.add_argument("--rows", metavar="NAME,...",
                        help="compare only these rows (default: all that both sides have); BASE must have one for each NAME")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="set a toggle on both sides")
    parser.add_argument("--cpu", metavar="MODEL", default="rv64", help="processor (rv64), or both for rv64 and max")
    parser.add_argument("--limit", metavar="PERCENT", type=percent, default=costs.LIMIT,
                        help="allow increases up to PERCENT (2%%), as for scripts/hyperscope bench --against")
    parser.add_argument("--all", action="store_true", help="also show figures that are the same")
    parser.add_out()
    options = parser.parse_args(words)
    os.environ["O"] = options.out
    for word in options.rows.split(",") if options.rows else ():
        if not rows.matching(word):
            parser.error("--rows: there is no row '%s'; scripts/hyperscope bench --list shows the rows" % word)
    return options


def say(text):
    sys.stderr.write("compare: %s\n" % text)


def ran(what, command, log, **more):
    """Run a command, whose output is kept in the file LOG. Also show the lines with the progress of a bench."""
    with open(log, "wb") as file:
        child = ends.start(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
        try:
            for line in child.stdout:
                file.write(line)
                if PROGRESS.match(line):
                    sys.stderr.write(line.decode(errors="replace"))
                    sys.stderr.flush()
            status = child.wait()
        finally:
            ends.stop(child)
    if status:
        with open(log, encoding="utf-8", errors="replace") as file:
            tail = file.read().strip().splitlines()[-24:]  # a failed bench prints that many
        raise LaunchError("%s (%s):\n%s" % (what, log, "\n".join("  " + line for line in tail)))


def built(commit, options):
    """Build the commit's tree, unless it has been built before. Return the folders of the tree and the build."""
    folder = os.path.join(options.out, "compare", commit[:12])
    tree, build, done = (os.path.join(folder, name) for name in ("tree", "build", "built"))
    if os.path.exists(done):
        return tree, build
    say("building %s" % commit[:12])
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(tree)
    os.makedirs(build)
    archive = os.path.join(folder, "tree.tar")
    ran("git archive %s failed" % commit, ["git", "-C", TOP, "archive", "-o", archive, commit], archive + ".log")
    ran("the archive cannot be unpacked", ["tar", "-xf", archive, "-C", tree], archive + ".log")
    os.unlink(archive)
    with open(os.path.join(tree, ".commit"), "w", encoding="ascii") as file:
        file.write(commit[:12] + "\n")
    for name in FETCHED:
        if os.path.exists(os.path.join(options.out, name)):
            os.symlink(os.path.join(options.out, name), os.path.join(build, name))
    ran("%s does not build" % commit[:12], ["make", "-s", "-C", tree, "-j%d" % (os.cpu_count() or 1), "O=" + build] +
        [TARGETS[0], os.path.join(build, TARGETS[1])], os.path.join(folder, "log"))
    with open(done, "w", encoding="ascii"):
        pass
    return tree, build


def bench_of(tree):
    """Return the tree's bench command. Older trees have a script, scripts/bench, instead of a subcommand."""
    own = os.path.join(tree, "scripts", "bench")
    if os.path.exists(own) and not os.path.islink(own):
        return [own]
    return [os.path.join(tree, "scripts", "hyperscope"), "bench"]


def known(tree):
    """Return the names of the rows that a tree's bench has."""
    try:
        done = subprocess.run(bench_of(tree) + ["--list"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False)
    except OSError:  # the tree is older than the bench
        return []
    return [line.split()[0] for line in done.stdout.decode().splitlines() if line.strip()]


def measured(tree, build, names, options):
    """Measure the rows on hyperscope only, because this repository does not change the other systems."""
    path = os.path.join(options.out, "compare", "%s.csv" % os.path.basename(os.path.dirname(build) if tree != TOP else "head"))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    say("measuring %s" % ("this tree" if tree == TOP else os.path.basename(os.path.dirname(build))))
    command = bench_of(tree) + ["hyperscope", "--out", build, "--csv", path, "--cpu", options.cpu, "--rows", ",".join(names)]
    for word in options.set:
        command += ["--set", word]
    environment = dict(os.environ, O=build)
    ran("nothing was measured", command, path + ".log", env=environment)
    return report.read_csv(path)


def base_of(options):
    """Return (lines of BASE's CSV file or None, BASE's commit or None, costs announced by the commits after BASE)."""
    if os.path.isfile(options.base):
        try:
            lines = [row for row in report.read_csv(options.base) if row["system"] == "hyperscope"]
        except ValueError as error:
            raise LaunchError("%s: %s" % (options.base, error), 2) from None
        names = {row["commit"].partition("+")[0] for row in lines}
        commits = {git.commit_of(name) for name in names} - {None}
        reasons = [each for commit in sorted(commits) for each in costs.stated_reasons(commit)]
        return lines, None, reasons
    commit = git.commit_of(options.base)
    if not commit:
        raise LaunchError("BASE '%s' is neither a commit nor a file%s" % (
            options.base, "" if git.is_clone() else "; this tree is not a git clone, so it has no commits"), 2)
    if git.output("merge-base", "--is-ancestor", commit, "HEAD") is None:
        say("BASE is not an ancestor of HEAD: improvements made there count as higher costs here")
    return None, commit, costs.stated_reasons(commit)


def wanted(options, theirs):
    """Return the rows to measure: those of --rows, or all, that BASE has. Raise LaunchError if it has none for a word of
    --rows: the figure that was asked for may be the one that grew."""
    mine = [row.name for row in rows.ROWS]
    if options.rows:
        words = options.rows.split(",")
        lacks = [word for word in words if not theirs.intersection(rows.matching(word))]
        if lacks:
            raise LaunchError("BASE has none of the rows to compare: %s" % ", ".join(lacks))
        mine = [name for word in words for name in rows.matching(word)]
    return [name for name in mine if name in theirs]


def of_processors(lines, options):
    """Return the lines of BASE's CSV file that are of the processors of --cpu. Raise LaunchError if it lacks one."""
    for cpu in ("rv64", "max") if options.cpu == "both" else (options.cpu,):
        if cpu not in {row["cpu"] for row in lines}:
            raise LaunchError("BASE has none of the rows to compare on cpu %s" % cpu)
    return [row for row in lines if options.cpu in ("both", row["cpu"])]


def show(found, options):
    """Print the table. Return 1 if a cost has grown, both sides were made with the same tools, and no commit
    announces the increase; else return 0."""
    costs.table([cost for cost in found if options.all or cost.changed()])
    status = int(any(cost.costs_more() and not cost.stated and cost.same for cost in found))
    other = [cost for cost in found if not cost.same]
    print(costs.summary(found))
    if other:
        print("figures made with another QEMU, OpenSBI or compiler (differences are not failures): %d" % len(other))
    if status:
        print("announce each higher cost in a commit's message: Costs: ROW REASON")
    return status


def main(argv):
    options = parse(argv)
    toggles.refuse_defaults()
    toggles.check_toggles(TOP, options.set)
    if options.cpu != "both":
        check_cpu(QEMU, options.cpu)
    lines, commit, reasons = base_of(options)
    held = lock("compare", os.path.join(options.out, "compare"))
    try:
        return compared(options, lines, commit, reasons)
    finally:
        held.close()


def compared(options, lines, commit, reasons):
    if commit:
        tree, build = built(commit, options)
        names = wanted(options, set(known(tree)))
    else:
        lines = of_processors(lines, options)
        names = wanted(options, {row["exit"] for row in lines})
    if not names:
        raise LaunchError("BASE has none of the rows to compare")
    head = measured(TOP, options.out, names, options)
    base = lines or measured(tree, build, names, options)
    found = costs.compare(base, head, reasons, options.limit)
    if not found:
        raise LaunchError("BASE has none of the rows to compare with %s on cpu %s" % (
            " ".join(options.set) or "the default toggles", options.cpu))
    lacks = costs.not_compared(found, head)
    if lacks:
        print("without a figure in BASE, so not compared: %s" % ", ".join(lacks))
    return show(found, options)
