# SPDX-License-Identifier: MIT
"""equivalence - run random programs bare and in a guest, and compare the outcomes.

A program of some hundred instructions runs in S mode, directly under the
firmware and as a guest. Its traps, registers, CSRs and memory must be the same.
A program whose outcomes differ is shrunk and printed. docs/equivalence.md
describes the programs, and lists the differences that are permitted.
"""
import concurrent.futures
import os
import shlex
import sys
import time

from hs import ends, layout
from hs.equivalence import shrink
from hs.equivalence.compare import differing, named
from hs.equivalence.systems import BARE, CPU, Systems
from hs.parser import of_command, positive
from hs.paths import TOP
from hs.run.qemuopt import add_machine
from hs.toggles import check_toggles

BATCH = 100     # programs that share a digest
SHRINK_SECONDS = 60  # time limit of a boot that runs a program in various forms: with some of them, the guest may hang
CHUNK = 2000   # programs of one boot
MOST = 10 ** 18  # limit of a program's number: the payload accepts 19 digits
EXAMPLES = """\
examples:
  scripts/hyperscope equivalence --count 20000
  scripts/hyperscope equivalence --set fp=eager --set wfi=native
  scripts/hyperscope equivalence --first 4711 --count 1
                                    compare one program

exit status: 0; 1 a program differs, hangs or ends early; 2 usage error;
124 a boot took longer than --timeout; 125 other failure, such as a
missing file or a machine that does not start"""


def new_parser():
    parser = of_command("equivalence", __doc__, epilog=EXAMPLES)
    parser.add_argument("--count", metavar="N", type=int, default=10000, help="number of programs (10000)")
    parser.add_argument("--first", metavar="N", type=int, default=0, help="number of the first program (0)")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[],
                        help="set a toggle of hyperscope (may be repeated)")
    parser.add_argument("--cpu", metavar="MODEL", help="processor, in QEMU's syntax (%s), or Spike's (with the H extension)" % CPU)
    parser.add_argument("--aligned-atomics", action="store_true",
                        help="use only aligned addresses for AMOs, LR and SC (for QEMU 10.0.13, see docs/caveats.md)")
    parser.add_argument("--hs", action="store_true",
                        help="programs use the H extension: HS mode with excursions to V=1 (a guest with --nested)")
    add_machine(parser, spike=True)
    parser.add_qemu()
    parser.add_argument("--jobs", metavar="N", type=positive, default=1,
                        help="number of comparisons to run at once, each on two machines (1)")
    parser.add_argument("--failures", metavar="N", type=int, default=1,
                        help="how many programs that differ to shrink and print (1; 0: only name the first batch)")
    parser.add_timeout(600)
    parser.add_argument("--quiet", action="store_true", help="print neither progress nor coverage")
    parser.add_out()
    return parser


class Totals:
    """Sums over all programs that have run bare."""

    def __init__(self):
        self.counts, self.histograms = {}, {}

    def add(self, found):
        for word in "class", "cause":
            for name, number in found.rows(word):
                self.counts[word, name] = self.counts.get((word, name), 0) + int(number)
        for name, step, *numbers in found.rows("histogram"):
            old = self.histograms.get(name, (0, [0] * len(numbers)))[1]
            self.histograms[name] = int(step), [a + int(b) for a, b in zip(old, numbers)]

    def median(self, name):
        step, buckets = self.histograms.get(name, (1, []))
        rank = 0
        for index, number in enumerate(buckets):
            rank += number
            if 2 * rank >= sum(buckets):
                return index * step
        return 0

    def show(self):
        for word in "class", "cause":
            rows = ["%s %d" % (name, number) for (kind, name), number in self.counts.items() if kind == word]
            print({"class": "pieces executed, by class:", "cause": "traps, by cause:"}[word])
            print("\n".join(layout.cells(rows)))
        print("median of a program: at least %d instructions, %d traps" %
              (self.median("instructions"), self.median("traps")))
        if "excursions" in self.histograms:
            print("excursions to V=1 of a program in the median: %d, traps from V=1: %d" %
                  (self.median("excursions"), self.median("guest-traps")))


def repeat(parser, options, key):
    """Print the command that compares the programs KEY, (first, count), again."""
    words = parser.prog.split() + ["--first", str(key[0]), "--count", str(key[1])]
    for name in "cpu", "machine", "qemu", "out":
        if getattr(options, name) != parser.get_default(name):
            words += ["--" + name, getattr(options, name)]
    for setting in options.set:
        words += ["--set", setting]
    words += ["--hs"] * options.hs + ["--aligned-atomics"] * options.aligned_atomics
    print("to repeat: " + " ".join(map(shlex.quote, words)))


def compare(systems, first, count):
    """Return the first boot's results, the batches that differ, as (first, count), and what ended early."""
    boots, errors = [], []
    different = list(differing(systems, first, count, BATCH, boots.append, errors.append))
    return boots[0], different, errors


def run_all(systems, options, progress):
    """Compare all programs. Return the sums, the batches that differ, and what ended early."""
    totals, different, errors, done = Totals(), [], [], 0
    begin = time.monotonic()
    starts = range(options.first, options.first + options.count, CHUNK)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs = {pool.submit(compare, systems, start, min(CHUNK, options.first + options.count - start)): start for start in starts}
        try:
            for job in concurrent.futures.as_completed(jobs):
                results, batches, texts = job.result()
                totals.add(results[BARE])
                different += batches
                errors += texts
                done += min(CHUNK, options.first + options.count - jobs[job])
                progress("%d of %s, %d a second, batches that differ: %d" % (
                    done, layout.counted(options.count, "program"), done / (time.monotonic() - begin), len(different)))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # else the remaining programs run before the command ends
            ends.terminate_all()
            if ends.is_ending():
                progress("interrupted: compared %d of %s, batches that differ: %d" % (
                    done, layout.counted(options.count, "program"), len(different)))
            raise
    return totals, sorted(different), errors


def explain(systems, parser, options, different, progress):
    print("the first batch that differs: " + named(*different[0]))
    if not options.failures:
        repeat(parser, options, different[0])
        return
    options.timeout = min(options.timeout, SHRINK_SECONDS)
    shown = 0
    for start, count in different:
        for number, _ in differing(systems, start, count, 1):
            if shown == options.failures:
                return
            shrink.show(systems, number, shrink.shrink(systems, number, progress))
            repeat(parser, options, (number, 1))
            shown += 1
    if not shown:
        print("%s: the difference does not repeat" % named(different[0][0], sum(different[-1]) - different[0][0]))
        repeat(parser, options, different[0])


def main(argv):
    parser = new_parser()
    options = parser.parse_args(argv)
    for name, least in ("count", 1), ("first", 0), ("failures", 0):
        if getattr(options, name) < least:
            parser.error("--%s %d: must be at least %d" % (name, getattr(options, name), least))
    if options.first + options.count > MOST:
        parser.error("--first %d --count %d: the programs' numbers must be less than 10^18" % (options.first, options.count))
    check_toggles(TOP, options.set)
    os.environ["O"] = options.out

    def progress(text):
        if not options.quiet:
            sys.stderr.write("equivalence: %s\n" % text)

    systems = Systems(options)
    begin = time.monotonic()
    totals, different, errors = run_all(systems, options, progress)
    seconds = time.monotonic() - begin
    if not options.quiet:
        totals.show()
    for _, text in errors:
        print(text)
    if different:
        explain(systems, parser, options, different, progress)
    elif errors:
        repeat(parser, options, errors[0][0])
    result = "not all outcomes are known" if errors else "all outcomes are equal"
    if different:
        result = "outcomes differ (batches of %d: %d of %d)" % (BATCH, len(different), -(-options.count // BATCH))
    print("%s in %s: %s" % (layout.counted(options.count, "program"), layout.counted(int(seconds), "second"), result))
    return 1 if different or errors else 0
