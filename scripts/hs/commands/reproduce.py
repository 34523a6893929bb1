# SPDX-License-Identifier: MIT
"""reproduce - measure the tables of papers and check their claims.

Each paper has a folder in notebooks-data/papers. The folder contains the rows
and claims of the paper, the published figures where available, and the figures
that are expected here on each system (docs/results.md shows all of them). `all`
first measures every figure that the papers need (on hyperscope, on Linux KVM,
and without a hypervisor), and then checks each paper. `run` only measures, and
`check` only checks. Figures are counts of instructions; docs/validity.md
explains what they prove.
"""
import os
import subprocess
import sys

from hs import ends, layout, toggles
from hs.lock import lock
from hs.bench import csvfile, guests, provenance, report, rows, systems
from hs.bench.measure import measure
from hs.bench.systems import BenchError
from hs.errors import LaunchError
from hs.paper import folder, judge, results
from hs.parser import of_command, readable
from hs.paths import HYPERSCOPE, TOP

FAILURES = (BenchError,)
EXAMPLES = """\
examples:
  scripts/hyperscope reproduce all  measure everything (make reproduce)
  scripts/hyperscope reproduce all kvm-arm-2014 --from \\
                      notebooks-data/exit-latency.csv
                                    check these figures; measure nothing
  scripts/hyperscope reproduce write --from FILE --from FILE
                                    write expected.csv of each paper and
                                    docs/results.md
  scripts/hyperscope reproduce all kvm-arm-2014 --systems hyperscope,bare
                                    measure what needs no Linux (takes seconds)
  notebooks-data/papers/kvm-arm-2014/run
                                    measure this paper only
exit status: 0 as expected; 1 a figure or a claim is not; 2 usage error;
125 measurement failed
"""
WHAT = {"all": "measure and check", "measure": "measure, write bench.csv", "run": "measure, write PAPER.csv for each paper",
        "check": "check the claims and figures in PAPER.csv",
        "write": "write measured figures as expected.csv, and update docs/results.md",
        "list": "list the papers"}


def parse(words):
    parser = of_command("reproduce", __doc__, epilog=EXAMPLES)
    parser.add_argument("what", metavar="WHAT", choices=tuple(WHAT),
                        help="; ".join("%s: %s" % pair for pair in WHAT.items()))
    parser.add_argument("papers", metavar="PAPER", nargs="*", help="a paper's name or folder (all)")
    parser.add_argument("--from", metavar="FILE", type=readable, dest="sources", action="append", default=[],
                        help="read figures from a CSV file of scripts/hyperscope bench or bench-apps (may be "
                             "repeated); with check: from a file that run wrote")
    parser.add_argument("--to", metavar="FOLDER", help="output folder for figures (OUT/reproduce)")
    parser.add_argument("--systems", "--system", metavar="NAME,...", help="consider only these systems (%s)"
                        % ",".join(systems.KNOWN))
    parser.add_argument("--check", action="store_true",
                        help="with write: write nothing; fail if docs/results.md is not current")
    parser.add_out()
    parser.add_timeout(900)
    parser.add_jobs()
    options = parser.parse_args(words)
    if options.what == "write" and options.systems:
        parser.error("write takes no --systems: expected figures cover all systems")
    for name in options.systems.split(",") if options.systems is not None else ():
        if name not in systems.KNOWN:
            parser.error("--systems: there is no system '%s'; known systems: %s" % (name, ", ".join(systems.KNOWN)))
    os.environ["O"] = options.out
    options.to = os.path.abspath(options.to or os.path.join(options.out, "reproduce"))
    return options


# ---- measuring ----


def terms_of(papers, applications):
    return [term for term in set().union(*(paper.terms() for paper in papers))
            if rows.is_application(term.row) == applications]


def jobs_of(papers):
    """Return a job (one boot) for each system, processor, setting and group of rows that the papers name."""
    found = {}
    for term in terms_of(papers, False):
        found.setdefault((term.system, term.cpu, term.setting), set()).add(term.row)
    return [job for (system, cpu, setting), names in sorted(found.items())
            for job in systems.jobs_of(system, cpu, setting, None, names)]


def guest_jobs_of(papers):
    """Return the jobs that measure a whole guest (scripts/hyperscope bench-apps): a boot for each system, part and
    layout."""
    named = terms_of(papers, True)
    systems_named = [name for name in guests.SYSTEMS + (guests.NESTED,) if any(term.system == name for term in named)]
    return guests.jobs_of(systems_named, {term.row for term in named}, dbcn=False)


def figures_of(path):
    try:
        return report.read_csv(path)
    except OSError as error:
        raise LaunchError("%s: %s" % (path, error.strerror)) from None
    except ValueError as error:
        raise LaunchError("%s: %s" % (path, error)) from None


def bench(papers, options):
    """Return the rows of scripts/hyperscope bench and bench-apps that the papers need: measured now, or from --from."""
    if options.sources:
        lines = sum(map(figures_of, options.sources), [])
        try:
            csvfile.once(lines, report.KEY)
        except ValueError as error:
            raise LaunchError("--from: %s" % error, 2) from None
        return lines
    toggles.refuse_defaults()
    chosen = systems.plain(options.out, options.timeout, options.jobs)
    planned = [(kind(chosen), jobs) for kind, jobs in ((systems.Runner, jobs_of(papers)),
                                                       (guests.Runner, guest_jobs_of(papers))) if jobs]
    for runner, jobs in planned:
        runner.check(jobs)
    lines = []
    for runner, jobs in planned:
        lines += measure(runner, jobs, provenance.collect(runner))
    return lines


def measured_rows(papers, options):
    os.makedirs(options.to, exist_ok=True)
    figures = os.path.join(options.to, "bench.csv")
    report.write_csv(figures, bench(papers, options))
    return figures


def measured_file(paper, options):
    return os.path.join(options.to, paper.name + ".csv")


def source_of(paper, options):
    return options.sources[-1] if options.sources else measured_file(paper, options)


def run(papers, options):
    os.makedirs(options.to, exist_ok=True)
    lines = bench(papers, options)
    for paper in papers:
        csvfile.write(measured_file(paper, options), judge.MEASURED, judge.rows_of(paper, lines))
        print(measured_file(paper, options))
    return 0


def check(papers, options):
    status = 0
    for paper in papers:
        status |= results.check(paper, judge.read(source_of(paper, options)))
    return status


def everything(papers, options):
    """Measure, then call the programs `run` and `check` in each paper's folder. The functions run() and check() are
    not called directly, because a user may have replaced a paper's programs."""
    held = lock("reproduce", options.to)
    figures, status = measured_rows(papers, options), 0
    environment = dict(os.environ, HYPERSCOPE=HYPERSCOPE)  # a paper's folder may be outside the tree
    for paper in papers:
        if os.path.exists(measured_file(paper, options)):  # an earlier run's file would hide that this run wrote none
            os.unlink(measured_file(paper, options))
        common = ["--out", options.out, "--to", options.to] + (["--systems", options.systems] if options.systems else [])
        ended = ends.call([os.path.join(paper.path, "run"), "--from", figures] + common,
                          stdout=subprocess.DEVNULL, env=environment)
        if ended:
            raise LaunchError("%s: run ended with status %d" % (paper.name, ended))
        sys.stdout.flush()
        ended = ends.call([os.path.join(paper.path, "check")] + common, env=environment)
        if ended not in (0, 1):
            raise LaunchError("%s: check ended with status %d" % (paper.name, ended))
        status |= ended
        print()
    held.close()
    print("%d paper%s: %s" % (len(papers), "s"[len(papers) == 1:], verdict(papers, status)))
    return status


def verdict(papers, status):
    """Return the sentence that sums up all papers. Papers without expected figures do not count as a success."""
    nothing = sum(not judge.expected_if_any(paper) for paper in papers)
    if status:
        return "not all is as expected"
    if nothing == len(papers):
        return "nothing is expected yet"
    return "all is as expected" + ("; papers without expected figures: %d" % nothing if nothing else "")


def write(papers, options):
    if options.sources and not options.check:
        lines = bench(papers, options)
        for paper in papers:
            csvfile.write(os.path.join(paper.path, "expected.csv"), folder.EXPECTED,
                          judge.expected_of(paper, judge.rows_of(paper, lines)))
    text = results.page(folder.all_papers())
    with open(os.path.join(TOP, results.PAGE), "r" if options.check else "w", encoding="utf-8") as file:
        if options.check and file.read() != text:
            print("%s is not current: run scripts/hyperscope reproduce write" % results.PAGE)
            return 1
        if not options.check:
            file.write(text)
            print(results.PAGE)
    return 0


def main(argv):
    options = parse(argv)
    papers = [folder.find(name) for name in options.papers] or folder.all_papers()
    if options.systems:
        papers = [paper.only(options.systems.split(",")) for paper in papers]
    if options.what == "list":
        for paper in papers:
            print(layout.row("%-28s" % paper.name, paper.title))
        return 0
    if not papers:
        raise LaunchError("%s contains no paper" % folder.PAPERS)
    if options.what == "check" and options.sources and len(papers) != 1:
        raise LaunchError("check --from %s: name the paper to which the file belongs" % options.sources[-1], 2)
    if options.what == "measure":
        with lock("reproduce", options.to):
            print(measured_rows(papers, options))
        return 0
    return {"all": everything, "run": run, "check": check, "write": write}[options.what](papers, options)
