# SPDX-License-Identifier: MIT
"""measure.py - compare the instructions of one exit in the student's build with those in the reference build.

A row of the bench is run on both builds, and its instructions are counted from outside, by the plugin of
scripts/hyperscope anatomy; what the machine prints is not used. Counts do not depend on the speed of the machine.
The ratio hardly depends on the compiler, because both builds use the same one.

Each measurement runs in a process of its own, with limits: a submission's machine can print anything.
"""
import json
import os
import re
import sys
import types

from hs import ends
from hs.anatomy import run as anatomy
from hs.errors import LaunchError
from hs.lab import budget
from hs.paths import TOP
from . import limits
from .claims import Outcome

COMMAND = [sys.executable, "-B", "-m", "hs.grade.measure"]
BATCHES = 16
_counted = {}   # results in this grading, so that budgets that differ only in their ratio need one measurement


def count(out, wanted, qemu, seconds):
    """Return the number of iterations in the median batch, and the instructions per iteration, from VS-mode back to
    VS-mode."""
    key = (out, wanted._replace(ratio=0))
    if key not in _counted:
        _counted[key] = _count(out, wanted, qemu, seconds)
    return _counted[key]


def _count(out, wanted, qemu, seconds):
    env = dict(os.environ, PYTHONPATH=os.path.join(TOP, "scripts"))
    with ends.folder("measure.", os.environ.get("TMPDIR")) as folder:
        ran = limits.run(COMMAND + [json.dumps([folder, out, wanted, qemu, seconds])], 2 * seconds, folder=folder, env=env)
    if ran.stopped:
        raise LaunchError(ran.stopped)
    last = ran.text().strip().split("\n")[-1]
    try:
        found = json.loads(last)
    except ValueError:
        raise LaunchError(last) from None  # the last line of an exception
    if isinstance(found, str):
        raise LaunchError(re.sub(r" \(all of it is in [^)]*\)", "", found))  # the file is removed with the trees
    return found


def _in_own_process(folder, out, wanted, qemu, seconds):
    """Print what count() returns, or the text of a LaunchError, as JSON."""
    wanted = budget.Budget(*wanted)
    options = types.SimpleNamespace(
        out=out, row=wanted.row, set=list(wanted.toggles), cpu=wanted.cpu, firmware="", trace="none",
        append=list(wanted.append), batches=BATCHES, qemu=qemu, timeout=seconds, exitstat="0", cycles=False, single=False)
    try:
        recording = anatomy.record("hyperscope", wanted.row, options, folder)
        counts = recording.counts(recording.median_batch()).values()
        times, total = (sum(each) for each in zip(*counts))
        print(json.dumps([times, total / times]))
    except LaunchError as error:
        print(json.dumps(str(error)))


def sentence(figures):
    return "%s: %.1f instructions, %.1f in the reference solution: ratio %.3f, limit %.3f" % (
        figures["row"], figures["instructions"], figures["reference"], figures["ratio"], figures["limit"])


def judge(test, variant, out, reference, qemu, seconds):
    """Return the outcome of a test with a budget (lab/budget.py)."""
    wanted = budget.of(test, variant)
    try:
        wanted_times, theirs = count(reference, wanted, qemu, seconds)
    except LaunchError as error:
        raise LaunchError("the reference solution cannot be measured: %s" % error) from None
    try:
        times, mine = count(out, wanted, qemu, seconds)
    except LaunchError as error:
        return Outcome(test, False, ["%s was not measured: %s" % (wanted.name(), error)], 0)
    figures = {"row": wanted.name(), "instructions": round(mine, 2), "reference": round(theirs, 2),
               "ratio": round(mine / theirs, 4), "limit": wanted.ratio}
    if times != wanted_times:
        return Outcome(test, False, [sentence(figures), "%d operations were expected, but %d were counted"
                                     % (wanted_times, times)], 0)
    passed = mine <= theirs * wanted.ratio
    return Outcome(test, passed, [] if passed else [sentence(figures)], 0, figures)


if __name__ == "__main__":
    _in_own_process(*json.loads(sys.argv[1]))
