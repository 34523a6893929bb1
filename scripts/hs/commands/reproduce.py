# SPDX-License-Identifier: MIT
"""reproduce - papers' tables, measured here, and what of their claims holds.

A paper is a folder of notebooks-data/papers: its rows and claims, what was published
where it could be read, what is expected here (docs/results.md shows all of it).
`all` measures what the papers name, once, on hyperscope, Linux KVM and bare, and
checks each; run and check are its two halves for one paper. Figures are counts of
instructions; docs/validity.md says what they prove.
"""
import os
import subprocess
import sys

from hs import ends, toggles
from hs.lock import lock
from hs.bench import csvfile, guests, provenance, report, rows, systems
from hs.bench.measure import measure
from hs.bench.systems import BenchError
from hs.errors import LaunchError
from hs.paper import folder, judge, results
from hs.parser import of_command
from hs.paths import HYPERSCOPE, TOP

FAILURES = (BenchError,)
EXAMPLES = """\
examples:
  scripts/hyperscope reproduce all           measure everything (make reproduce)
  scripts/hyperscope reproduce all kvm-arm-2014 --from \\
                      notebooks-data/exit-latency.csv
                                    measure nothing: of these figures
  scripts/hyperscope reproduce write --from FILE --from FILE
                                    expected.csv of each, and docs/results.md
  scripts/hyperscope reproduce all kvm-arm-2014 --systems hyperscope,bare
                                    what needs no Linux: seconds
  notebooks-data/papers/kvm-arm-2014/run         one paper alone
exit status: 0 as expected; 1 a figure or a claim is not; 2 wrong use;
125 not measured
"""
WHAT = {"all": "measure, and check each", "measure": "measure: writes bench.csv", "run": "measure: writes measured.csv",
        "check": "claims and figures of a measured.csv",
        "write": "write what was measured as what is expected, and docs/results.md",
        "list": "the papers"}


def parse(words):
    parser = of_command("reproduce", __doc__, epilog=EXAMPLES)
    parser.add_argument("what", metavar="WHAT", choices=tuple(WHAT),
                        help="; ".join("%s: %s" % pair for pair in WHAT.items()))
    parser.add_argument("papers", metavar="PAPER", nargs="*", help="a paper's name or folder (all)")
    parser.add_argument("--from", metavar="FILE", dest="sources", action="append", default=[],
                        help="figures of scripts/hyperscope bench --csv or bench-apps --csv (may be repeated); "
                             "check: a measured.csv")
    parser.add_argument("--to", metavar="FOLDER", help="where to write (OUT/reproduce)")
    parser.add_argument("--systems", "--system", metavar="NAME,...", help="what these have, without others (%s)"
                        % ",".join(systems.KNOWN))
    parser.add_argument("--check", action="store_true",
                        help="write: nothing; 1 if docs/results.md is not what it would be")
    parser.add_out()
    parser.add_argument("--timeout", metavar="SECONDS", type=int, default=900,
                        help="the longest that one boot may take (900)")
    parser.add_argument("--jobs", metavar="N", type=int, default=min(os.cpu_count() or 1, 4),
                        help="machines at a time (one a processor, at most 4)")
    options = parser.parse_args(words)
    if options.jobs < 1 or options.timeout < 1:
        parser.error("--jobs and --timeout: 1 or more")
    if options.what == "write" and options.systems:
        parser.error("write --systems: what is expected is of all systems")
    for name in options.systems.split(",") if options.systems is not None else ():
        if name not in systems.KNOWN:
            parser.error("--systems: there is no system '%s'; there are %s" % (name, ", ".join(systems.KNOWN)))
    os.environ["O"] = options.out
    options.to = os.path.abspath(options.to or os.path.join(options.out, "reproduce"))
    return options


# ---- measuring ----


def terms_of(papers, applications):
    return [term for term in set().union(*(paper.terms() for paper in papers))
            if rows.is_application(term.row) == applications]


def jobs_of(papers):
    """A boot for each system, processor, setting and group of rows that any of the papers names."""
    found = {}
    for term in terms_of(papers, False):
        found.setdefault((term.system, term.cpu, term.setting), set()).add(term.row)
    return [job for (system, cpu, setting), names in sorted(found.items())
            for job in systems.jobs_of(system, cpu, setting, None, names)]


def guest_jobs_of(papers):
    """Of a whole guest (scripts/hyperscope bench-apps): a boot for each system and part."""
    named = terms_of(papers, True)
    systems_named = [name for name in guests.SYSTEMS if any(term.system == name for term in named)]
    return guests.jobs_of(systems_named, {term.row for term in named}, dbcn=False)


def figures_of(path):
    try:
        return report.read_csv(path)
    except OSError as error:
        raise LaunchError("%s: %s" % (path, error.strerror)) from None
    except ValueError as error:
        raise LaunchError("%s: %s" % (path, error)) from None


def bench(papers, options):
    """The lines of scripts/hyperscope bench and scripts/hyperscope bench-apps: measured now, or those of --from."""
    if options.sources:
        return sum(map(figures_of, options.sources), [])
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
    """By each paper's own run and check, which may be somebody's own programs."""
    held = lock("reproduce", options.to)
    figures, status = measured_rows(papers, options), 0
    environment = dict(os.environ, HYPERSCOPE=HYPERSCOPE)  # a folder may be elsewhere
    for paper in papers:
        if os.path.exists(measured_file(paper, options)):  # of an earlier run: this one's would not be missed
            os.unlink(measured_file(paper, options))
        common = ["--out", options.out, "--to", options.to] + (["--systems", options.systems] if options.systems else [])
        ended = ends.call([os.path.join(paper.path, "run"), "--from", figures] + common,
                          stdout=subprocess.DEVNULL, env=environment)
        if ended:
            raise LaunchError("%s: its run ended with status %d" % (paper.name, ended))
        sys.stdout.flush()
        ended = ends.call([os.path.join(paper.path, "check")] + common, env=environment)
        if ended not in (0, 1):
            raise LaunchError("%s: its check ended with status %d" % (paper.name, ended))
        status |= ended
        print()
    held.close()
    print("%d paper%s: %s" % (len(papers), "s"[len(papers) == 1:], verdict(papers, status)))
    return status


def verdict(papers, status):
    """Of all papers; one of which nothing is expected is no success."""
    nothing = sum(not judge.expected_if_any(paper) for paper in papers)
    if status:
        return "not all is as expected"
    if nothing == len(papers):
        return "nothing is expected yet"
    return "all is as expected" + (", but of %d nothing is expected yet" % nothing if nothing else "")


def write(papers, options):
    if options.sources and not options.check:
        lines = bench(papers, options)
        for paper in papers:
            csvfile.write(os.path.join(paper.path, "expected.csv"), folder.EXPECTED,
                          judge.expected_of(paper, judge.rows_of(paper, lines)))
    text = results.page(folder.all_papers())
    with open(os.path.join(TOP, results.PAGE), "r" if options.check else "w", encoding="utf-8") as file:
        if options.check and file.read() != text:
            print("%s: not what the papers' files say: run scripts/hyperscope reproduce write" % results.PAGE)
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
            print("%-28s%s" % (paper.name, paper.title))
        return 0
    if not papers:
        raise LaunchError("there is no paper in %s" % folder.PAPERS)
    if options.what == "check" and options.sources and len(papers) != 1:
        raise LaunchError("check --from: of which one paper is %s?" % options.sources[-1], 2)
    if options.what == "measure":
        with lock("reproduce", options.to):
            print(measured_rows(papers, options))
        return 0
    return {"all": everything, "run": run, "check": check, "write": write}[options.what](papers, options)
