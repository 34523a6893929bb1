# SPDX-License-Identifier: MIT
"""bench-levels - count the exits to hyperscope that each exit of a guest's guest causes.

Rows of the benchmark run in L2, one row at a time, with hyperscope and with the
newest Linux as the guest hypervisor (L1). Each machine records its exits, and
`hstrace levels` finds those that belong to one exit of L2. The table shows the
median over 1024 operations; --csv writes it as the row NAME_exits.
"""
import os
import re
import subprocess

from hs.bench import guests, provenance, report, rows, systems
from hs.bench.measure import measure
from hs.bench.systems import BenchError, NESTED, NESTED_LINUX, Job, plain
from hs.parser import of_command

FAILURES = (BenchError,)
EXAMPLES = """\
examples:
  scripts/hyperscope bench-levels           all rows (half a minute)
  scripts/hyperscope bench-levels --rows sbi_version
exit status: 0; 2 usage error; 125 measurement failed
"""
EVENTS = "kvm_exit,kvm_entry,kvm_nested_*,kvm_virtual_inst,kvm_csr"
COLUMNS = ((NESTED, ""), (NESTED_LINUX, ""), (NESTED_LINUX, "nacl=off"))  # (system, setting)
HEADINGS = ("hyperscope", "Linux", "nacl=off")
OPERATIONS = 1024  # of a row, with the payload's boot argument "single"
_SAVED = re.compile(r"^trace: (.*)$", re.M)
_EXIT = re.compile(r"^\d\S* +L2 +([^,\n]+).*\n((?: +L[01] .*\n)*)", re.M)  # the cause, and what it leads to


class Runner(systems.Runner):
    def command(self, job):
        """Return the job's command, changed so that the machine saves a trace."""
        words = super().command(job)
        del words[words.index("--quiet")]
        if job.system == NESTED:
            words[words.index("--trace") + 1] = EVENTS
        else:
            at = words.index("--without-observation")
            words[at:at + 1] = ["--trace", EVENTS]
        return words[:2] + ["--trace-stream"] + words[2:]

    def run(self, job):
        """Run a job and return its row: the exits to L0 for each exit of L2 with the most frequent cause."""
        status, out, errors = self.run_for_output(self.command(job))
        saved = _SAVED.search(out + errors)
        if status or not saved:
            raise self.failed(job, status, [], out, errors)
        text = subprocess.run([os.path.join(self.options.out, "hstrace"), "levels", "--each", saved.group(1)],
                              stdout=subprocess.PIPE, check=True).stdout.decode()
        counts: dict = {}
        for cause, lines in _EXIT.findall(text):
            counts.setdefault(cause, []).append(len(re.findall(r"^ +L0 ", lines, re.M)))
        most = max(counts.values(), key=len, default=[])
        if len(most) < OPERATIONS:
            raise BenchError("%s: the trace has only %d exits of L2 with the same cause" % (job.label(), len(most)))
        return [dict(guests.statistics_of([(1, count) for count in most], "exits"), exit=job.rows[0] + "_exits",
                     system=job.system, cpu=job.cpu, qemu_flags=" ".join(self.flags(job)), toggles=job.setting or "default")]


def table(results):
    print("exits to L0 for each exit of L2; L1 is  %11s%11s%11s" % HEADINGS)
    figures = report.Figures(results, "rv64", "p50")
    for name in rows.IN_LEVELS:
        values = [figures.value(system, name + "_exits", setting) for system, setting in COLUMNS]
        if values != [None] * len(values):
            print("%-40s%11s%11s%11s" % (name, *("-" if value is None else "%.0f" % value for value in values)))


def parse(argv):
    parser = of_command("bench-levels", __doc__, epilog=EXAMPLES)
    parser.add_argument("--rows", metavar="NAME,...", default=",".join(rows.IN_LEVELS),
                        help="count for only these rows: %s" % ", ".join(rows.IN_LEVELS))
    parser.add_argument("--csv", metavar="FILE", help="also write all figures to FILE")
    parser.add_timeout(900)
    parser.add_jobs()
    parser.add_out()
    options = parser.parse_args(argv)
    options.names = [word for word in options.rows.split(",") if word]
    for name in options.names:
        if name not in rows.IN_LEVELS:
            parser.error("--rows: exits are not counted for '%s', only for %s" % (name, ", ".join(rows.IN_LEVELS)))
    if not options.names:
        parser.error("--rows: no row is named; omit --rows to count for all")
    parser.written("--csv", options.csv)
    os.environ["O"] = options.out
    return options


def main(argv):
    options = parse(argv)
    chosen = plain(options.out, options.timeout, options.jobs)
    chosen.single = True
    jobs = [Job(system, "rv64", setting, rows.BY_NAME[name].group, (name,)) for system, setting in COLUMNS for name in options.names]
    runner = Runner(chosen)
    runner.check(jobs)
    results = measure(runner, jobs, provenance.collect(runner))
    if options.csv:
        report.write_csv(options.csv, results)
    table(results)
    return 0
