# SPDX-License-Identifier: MIT
"""stats.py - statistics of measurements: a count is exact, but a time has a spread.

An Exact is a count under -icount. The same images reproduce it, so it has n but no interval. Samples are
wall-clock times of one run. Times of different runs are not compared (ComparedAcrossRuns), because the load
may have been different. Within a run, the two systems are measured alternately, and ratio() divides each pair
of samples, so that a disturbance affects both sides of a pair.

Intervals are 95 % confidence intervals of the median, by the percentile bootstrap with 10 000 resamples drawn
by random.Random(1), so that equal times have equal intervals. With fewer than six samples, resampling says
little. In that case, the interval extends from the least to the greatest sample, and its coverage,
1 - 2^(1-n), is reported.
"""
import math
import os
import random
import re
import statistics
import time
from typing import NamedTuple

LEVEL = 0.95
RESAMPLES = 10000
SEED = 1
FEWEST = 6  # least n for which 1 - 2^(1-n) is more than LEVEL; with fewer samples, nothing is resampled
TIMES = ("s", "ms", "us", "ns", "cycles")  # units whose measurements are never exact
_RUN = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")


class ComparedAcrossRuns(ValueError):
    """Wall-clock times of different runs cannot be compared."""


class NotComparable(ValueError):
    """A measurement is invalid, or two measurements have no ratio: the units differ, one is a count and the other a
    time, the samples do not form pairs, or the divisor is 0."""


class Interval(NamedTuple):
    low: float
    high: float
    level: float  # the share of such intervals that contain the true median

    def __str__(self):
        return "%.0f %% interval %s to %s" % (100 * self.level, short(self.low), short(self.high))


class _Exact(NamedTuple):
    value: float
    unit: str
    n: int = 1


class Exact(_Exact):
    """A count over n operations."""

    def __new__(cls, value, unit, n=1):
        if unit in TIMES:
            raise NotComparable("%s are not a count: use Samples for times" % unit)
        if not math.isfinite(value):
            raise NotComparable("the count of %s is not a finite number" % unit)
        return super().__new__(cls, value, unit, n)

    def __str__(self):
        return "%s %s (exact, n = %d)" % (short(self.value), self.unit, self.n)


class Samples:
    """Times of one run, in the order in which they were measured. run: a name from new_run()."""

    def __init__(self, values, unit, run):
        self.values, self.unit, self.run = tuple(float(value) for value in values), unit, run
        if not self.values:
            raise NotComparable("no %s were measured" % unit)
        if not all(math.isfinite(value) and value >= 0 for value in self.values):
            raise NotComparable("a time in %s is negative or not a number" % unit)
        if not isinstance(run, str) or not _RUN.fullmatch(run):  # two runs without a name would count as one
            raise NotComparable("%r is not a run's name: call new_run() where both sides are measured" % (run,))

    @property
    def n(self):
        return len(self.values)

    def median(self):
        return statistics.median(self.values)

    def interval(self, level=LEVEL, resamples=RESAMPLES):
        return interval_of(self.values, level, resamples)

    def __str__(self):
        return "%s %s (median of %d; %s)" % (short(self.median()), self.unit, self.n, self.interval())


class Ratio(NamedTuple):
    """The ratio of ours to theirs. interval is None if both are exact."""
    value: float
    interval: object
    n: int

    def __str__(self):
        if self.interval is None:
            return "%.2f x (exact)" % self.value
        return "%.2f x (median of %d pairs; %s)" % (self.value, self.n, self.interval)


def short(value):
    """Format a value with three significant digits, but with all digits before the decimal point."""
    return "%.0f" % value if abs(value) >= 999.5 else "%.3g" % value


def new_run():
    """Return a unique name for a run of measurements."""
    return "%d.%d.%d" % (time.time_ns(), os.getpid(), random.SystemRandom().getrandbits(32))


def interval_of(values, level=LEVEL, resamples=RESAMPLES):
    """Return an Interval for the median."""
    values = sorted(values)
    if len(values) < FEWEST:
        return Interval(values[0], values[-1], 1 - 2.0 ** (1 - len(values)))
    dice = random.Random(SEED)
    medians = sorted(statistics.median(dice.choices(values, k=len(values))) for _ in range(resamples))
    tail = (1 - level) / 2
    return Interval(medians[int(tail * resamples)], medians[min(int((1 - tail) * resamples), resamples - 1)], level)


def ratio(ours, theirs):
    """Return the Ratio of ours to theirs. Raise ComparedAcrossRuns if they are times of different runs, and
    NotComparable if they have no ratio for another reason."""
    if isinstance(ours, Exact) != isinstance(theirs, Exact):
        raise NotComparable("a count (%s) and a time (%s) have no ratio" % (
            (ours.unit, theirs.unit) if isinstance(ours, Exact) else (theirs.unit, ours.unit)))
    if ours.unit != theirs.unit:
        raise NotComparable("%s and %s have no ratio" % (ours.unit, theirs.unit))
    if isinstance(ours, Exact):
        if not theirs.value:
            raise NotComparable("a ratio to 0 %s does not exist" % theirs.unit)
        return Ratio(ours.value / theirs.value, None, min(ours.n, theirs.n))
    if ours.run != theirs.run:
        raise ComparedAcrossRuns(
            "wall-clock times of two runs (%s, %s) cannot be compared: the machine may have changed. Measure both alternately, in one run."
            % (ours.run, theirs.run))
    if ours.n != theirs.n:
        raise NotComparable("%d and %d samples cannot be compared in pairs" % (ours.n, theirs.n))
    if not all(theirs.values):
        raise NotComparable("a time of 0 %s has no ratio" % theirs.unit)
    pairs = [mine / other for mine, other in zip(ours.values, theirs.values)]
    return Ratio(statistics.median(pairs), interval_of(pairs), len(pairs))
