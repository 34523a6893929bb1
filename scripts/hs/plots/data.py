# SPDX-License-Identifier: MIT
"""data.py - read the CSV files of notebooks-data for plots.

A missing file raises Absent, whose text names the command that makes the file. Implausible data raises
LaunchError, because a figure drawn from it would be misleading.
"""
import os

from hs.bench import expression, report, systems
from hs.bench.rows import BY_NAME
from hs.errors import LaunchError
from hs.paths import TOP

FOLDER = os.path.join(TOP, "notebooks-data")
MADE_BY = {"exit-latency.csv": "'make bench'", "applications.csv": "'make bench-apps'",
           "anatomy.csv": "'make anatomy-csv'", "nested.csv": "'make bench-nested'", "kvm-history.csv": "'make kvm-history'",
           "smp-scale.csv": "'scripts/hyperscope sweep notebooks-data/sweeps/smp.toml', and copy its results.csv"}


class Absent(Exception):
    """A CSV file, or a figure in it, has not been measured yet."""


def path_of(name, folder=FOLDER):
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        raise Absent("%s is missing: run %s" % (os.path.relpath(path), MADE_BY[name]))
    return path


def _checked(line):
    """Return a line after checking that its unit is that of its row, and that its figures are possible."""
    row = BY_NAME.get(line["exit"])
    if row and line["unit"] != row.unit:
        raise ValueError("%s of %s has the unit %s: only %s are plotted" % (line["exit"], line["system"], line["unit"], row.unit))
    systems.numbers_of(line)
    return line


def bench(name="exit-latency.csv", folder=FOLDER):
    """Return an expression.Measured from a file of scripts/hyperscope bench, with the rows that this tree's bench has."""
    return expression.Measured(measured(path_of(name, folder)))


def measured(path):
    """Return the lines of a file of scripts/hyperscope bench whose rows this tree's bench has."""
    try:
        lines = [_checked(line) for line in report.read_csv(path)]
    except OSError as error:
        raise LaunchError("%s: %s" % (path, error.strerror)) from None
    except ValueError as error:
        raise LaunchError("%s: %s" % (path, error)) from None
    return [line for line in lines if line["exit"] in BY_NAME]


def cell(line, statistic="median"):
    """Return (value, minimum, 99th percentile) of a line. For rare events, the mean is used instead of the median, and the
    other two are equal to the value, because a spread of rare events is meaningless."""
    value = report.typical(line) if statistic == "median" else float(line[statistic])
    return (value,) * 3 if BY_NAME[line["exit"]].mean else (value, float(line["min"]), float(line["p99"]))


def made_with(results):
    """Return the provenance of lines as text. Where lines differ, all their values are given."""
    def of(column):
        found = {line[column].partition(" sha")[0] for line in results}
        return ", ".join(sorted(found - {"none"}))

    kernels = {kernel.partition(" (")[0].replace("guest ", "") for line in results
               for kernel in line["kernel"].split(", ") if kernel.startswith(("Linux", "guest Linux"))}
    return "; ".join(filter(None, ["hyperscope " + of("commit")] + sorted(kernels) +
                            [of("compiler"), "QEMU " + of("qemu"), of("opensbi")]))


def count_of(lines):
    """Return the most frequent n."""
    counts = [int(line["n"]) for line in lines]
    return max(set(counts), key=counts.count) if counts else 0
