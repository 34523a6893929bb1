#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""stats.t - hs/bench/stats.py: intervals and ratios of counts and times are right, and invalid ones are refused."""
import os
import random
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
SCRIPTS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "scripts")
sys.path.insert(0, SCRIPTS)
from hs.bench import stats  # noqa: E402
from hs.bench.stats import ComparedAcrossRuns, Exact, NotComparable, Samples, ratio  # noqa: E402

RUN = stats.new_run()


class Intervals(unittest.TestCase):
    def test_median_of_few(self):
        """the interval of five measured times is their range, with a confidence of 93.75 %"""
        self.assertEqual(Samples([5, 1, 4, 2, 3], "s", RUN).interval(), (1, 5, 0.9375))

    def test_one(self):
        """the interval of a single measured time has a confidence of 0"""
        self.assertEqual(stats.interval_of([7]), (7, 7, 0))

    def test_repeats(self):
        """the same times have the same interval in another process too"""
        values = [random.Random(3).gauss(10, 1) for _ in range(12)]
        code = "import sys; sys.path.insert(0, sys.argv[1]); from hs.bench import stats; print(*stats.interval_of(%r))" % values
        said = subprocess.run([sys.executable, "-B", "-c", code, SCRIPTS], stdout=subprocess.PIPE, check=True).stdout.decode()
        self.assertEqual(tuple(float(word) for word in said.split()), tuple(stats.interval_of(values)))

    def test_order(self):
        """the order of the times does not change the interval"""
        values = [3.0, 9.0, 1.0, 4.0, 7.0, 2.0, 8.0]
        self.assertEqual(stats.interval_of(values), stats.interval_of(values[::-1]))

    def test_constant(self):
        """equal times have an interval of zero width"""
        self.assertEqual(stats.interval_of([2.5] * 9)[:2], (2.5, 2.5))

    def test_coverage(self):
        """90 to 99 % of the intervals of times from a skewed distribution contain its known median"""
        dice, held, cases = random.Random(11), 0, 300
        for _ in range(cases):
            found = stats.interval_of([dice.lognormvariate(0, 1) for _ in range(15)], resamples=400)
            held += found.low <= 1 <= found.high
        self.assertTrue(0.90 <= held / cases <= 0.99, "%d of %d" % (held, cases))

    def test_narrower(self):
        """more times of the same kind make the interval narrower"""
        dice = random.Random(5)
        few, many = ([dice.gauss(10, 1) for _ in range(n)] for n in (10, 160))
        width = [found.high - found.low for found in map(stats.interval_of, (few, many))]
        self.assertLess(width[1], width[0] / 2)


class Comparisons(unittest.TestCase):
    def test_across_runs(self):
        """a ratio of times from two runs is refused, with the reason"""
        with self.assertRaisesRegex(ComparedAcrossRuns, "two runs .*alternately, in one run"):
            ratio(Samples([1, 2], "s", stats.new_run()), Samples([1, 2], "s", stats.new_run()))

    def test_unnamed(self):
        """times are refused if their run is not named by new_run(): runs with equal names would be taken for one"""
        for name in (None, "", "monday"):
            with self.assertRaisesRegex(NotComparable, r"is not a run's name: call new_run\(\)"):
                Samples([1, 2], "s", name)

    def test_time_as_count(self):
        """a time is not made exact by calling it a count"""
        for unit in ("s", "ms", "us", "ns", "cycles"):
            with self.assertRaisesRegex(NotComparable, "are not a count"):
                Exact(1.5, unit)

    def test_exact(self):
        """counts of two runs are compared exactly"""
        found = ratio(Exact(972, "instructions", 32768), Exact(3888, "instructions", 1024))
        self.assertEqual((found.value, found.interval, str(found)), (0.25, None, "0.25 x (exact)"))

    def test_paired(self):
        """a turn that is slow for both sides does not change the ratio"""
        slow = (1, 1, 9, 1, 4, 1, 1)
        found = ratio(Samples([2 * each for each in slow], "s", RUN), Samples(slow, "s", RUN))
        self.assertEqual((found.value,) + tuple(found.interval[:2]), (2, 2, 2))

    def test_pairs_missing(self):
        """turns without a partner are refused"""
        with self.assertRaisesRegex(NotComparable, "3 and 2 samples"):
            ratio(Samples([1, 2, 3], "s", RUN), Samples([1, 2], "s", RUN))

    def test_units(self):
        """seconds and instructions have no ratio, nor do a count and a time"""
        with self.assertRaisesRegex(NotComparable, "s and instructions have no ratio"):
            ratio(Samples([1], "s", RUN), Samples([1], "instructions", RUN))
        with self.assertRaisesRegex(NotComparable, r"a count \(instructions\) and a time \(s\)"):
            ratio(Samples([1], "s", RUN), Exact(1, "instructions"))

    def test_zero(self):
        """a ratio to zero is refused"""
        with self.assertRaises(NotComparable):
            ratio(Exact(1, "instructions"), Exact(0, "instructions"))
        with self.assertRaises(NotComparable):
            ratio(Samples([1, 1], "s", RUN), Samples([1, 0], "s", RUN))

    def test_nothing(self):
        """an empty list of times, an invalid time and an invalid count are refused"""
        for values in ((), (1, float("nan")), (1, -1)):
            with self.assertRaises(NotComparable):
                Samples(values, "s", RUN)
        with self.assertRaises(NotComparable):
            Exact(float("nan"), "instructions")

    def test_runs_differ(self):
        """two runs never have the same name"""
        self.assertEqual(len({stats.new_run() for _ in range(1000)}), 1000)

    def test_words(self):
        """a printed result has the unit, n, the interval and its confidence"""
        self.assertEqual(str(Samples([1, 2, 3.25], "s", RUN)), "2 s (median of 3; 75 % interval 1 to 3.25)")
        self.assertEqual(str(Samples([999.7], "s", RUN)), "1000 s (median of 1; 0 % interval 1000 to 1000)")
        self.assertEqual(str(Exact(12345, "instructions", 64)), "12345 instructions (exact, n = 64)")


class Tap(unittest.TestResult):
    def say(self, word, test):
        print("%s %d - %s" % (word, self.testsRun, test.shortDescription()), flush=True)

    def addSuccess(self, test):
        self.say("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say("not ok", test)
        print("\n".join("# " + line for line in self.failures[-1][1].splitlines()))

    def addError(self, test, err):
        super().addError(test, err)
        self.say("not ok", test)
        print("\n".join("# " + line for line in self.errors[-1][1].splitlines()))


if __name__ == "__main__":
    tests = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    result = Tap()
    tests.run(result)
    print("1..%d" % result.testsRun)
    sys.exit(not result.wasSuccessful())
