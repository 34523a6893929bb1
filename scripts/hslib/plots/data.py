# SPDX-License-Identifier: MIT
"""data.py - the CSVs of notebooks-data, as the figures want them: Measured, or the lines.

What is missing is an Absent, which says what makes it: a figure of nothing is not drawn.
"""
import os

from benchlib import expression, report
from benchlib.systems import TOP

from ..errors import LaunchError

FOLDER = os.path.join(TOP, "notebooks-data")
MADE_BY = {"exit-latency.csv": "make bench", "applications.csv": "make bench-apps", "anatomy.csv": "make anatomy-csv",
           "smp-scale.csv": "scripts/hyperscope sweep notebooks-data/sweeps/smp.toml"}


class Absent(Exception):
    """A CSV that nobody has measured yet, or figures that it lacks."""


def path_of(name, folder=FOLDER):
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        raise Absent("%s is missing: %s writes it" % (os.path.relpath(path), MADE_BY[name]))
    return path


def bench(name="exit-latency.csv", folder=FOLDER):
    """expression.Measured of a file that scripts/bench wrote."""
    path = path_of(name, folder)
    try:
        return expression.Measured(report.read_csv(path))
    except ValueError as error:
        raise LaunchError("%s: %s" % (path, error)) from None


def made_with(results):
    """The provenance of lines in one sentence; several, where they are of several makings."""
    def of(column):
        return ", ".join(sorted({line[column].partition(" sha")[0] for line in results} - {"none"}))
    kernels = sorted({line["kernel"] for line in results if line["kernel"].startswith("Linux")})
    return "; ".join(["hyperscope " + of("commit")] + [kernel.partition(" (")[0] for kernel in kernels] + [
        of("compiler"), "QEMU " + of("qemu"), of("opensbi")])


def count_of(lines):
    """n, of what most lines have."""
    counts = [int(line["n"]) for line in lines]
    return max(set(counts), key=counts.count) if counts else 0
