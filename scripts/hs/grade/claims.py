# SPDX-License-Identifier: MIT
"""claims.py - run one test program of a lab, and judge its claims.

The program is the instructor's, so its output is trusted. The output comes through a pipe to which the
student's machine has no access: what a guest prints goes into files that the program reads.
"""
import json
import os
import re
import shutil

from hs.errors import LaunchError
from . import limits

CLAIM = re.compile(r"(not )?ok (\d+)(?: - (.*))?$")
PLAN = re.compile(r"1\.\.(\d+)( # SKIP .*)?$")
SHOWN_CLAIMS = 4   # show this many failed claims, and also the last one, which has the reason if the test ended early
CLAIM_LINES = 10   # lines to show after each failed claim
LINE_MOST = 200


class Outcome:
    """The outcome of one test: whether it passed, lines to show, its time in seconds, and the figures if instructions
    were counted."""

    def __init__(self, test, passed, lines, seconds, figures=None):
        self.test, self.passed, self.lines, self.seconds = test, passed, lines, seconds
        self.figures = figures or {}
        self.points = test["points"] if passed else 0


def read(text):
    """Return the claims as (number, held, name, lines after it), the plan or None, the reason for a skip or None,
    and the lines before the first claim."""
    claims, plan, skipped, before = [], None, None, []
    for line in text.split("\n"):  # not splitlines(), which also splits at other characters that a guest can print
        found = CLAIM.match(line)
        if found:
            claims.append((int(found.group(2)), not found.group(1), found.group(3) or "", []))
            continue
        ends = PLAN.match(line)
        if ends:
            plan, skipped = int(ends.group(1)), ends.group(2)
        elif claims:
            claims[-1][3].append(line)
        else:
            before.append(line)
    return claims, plan, skipped, before


def judge(test, ran):
    """Return the Outcome of a test from its run. Raise LaunchError if the test bails out, because that is not the
    submission's fault."""
    bails_out = re.search(r"^Bail out! (.*)", ran.text(), re.M | re.S)
    if bails_out:
        raise LaunchError("test %s: %s" % (test["id"], bails_out.group(1).strip()))
    claims, plan, skipped, before = read(ran.text())
    lines, failed = [], [claim for claim in claims if not claim[1]]
    for at, (number, _held, name, lines_of_claim) in enumerate(failed):
        if SHOWN_CLAIMS <= at < len(failed) - 1:
            continue
        if at == len(failed) - 1 and at > SHOWN_CLAIMS:
            lines.append("... and %d more, the last of them:" % (at + 1 - SHOWN_CLAIMS))
        lines.append("not ok %d - %s" % (number, name))
        lines += lines_of_claim[:CLAIM_LINES]
    numbers = [claim[0] for claim in claims]
    if ran.stopped:
        lines += [ran.stopped] + ([] if failed else before[-4:])
    elif skipped:
        lines.append("the test could not be run:" + skipped)
    elif plan is None:
        lines += ["the test ended with status %d before its last claim" % ran.status] + before[-6:]
        lines += claims[-1][3][-6:] if claims else []
    elif not plan or numbers != list(range(1, plan + 1)):
        lines.append("the plan announced %d claims, but the test made %d" % (plan, len(claims)))
    elif ran.status and not failed:
        lines.append("the test ended with status %d" % ran.status)
    passed = not lines
    return Outcome(test, passed, [line[:LINE_MOST] for line in lines], ran.seconds)


def environment(top, out, reference, student, variant, options):
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(("MAKE", "MFLAGS", "HYPERSCOPE_"))}
    env.update(HS_TOP=top, O=out, QEMU=options.qemu, HS_HOST=options.host, HS_VARIANT=json.dumps(variant), HS_STUDENT=student,
               PYTHONDONTWRITEBYTECODE="1", TMPDIR=env.get("TMPDIR", "/tmp"))
    for name in ("HS_REFERENCE", "HS_REFERENCE_TOP", "HS_RUNS"):
        env.pop(name, None)
    if reference:
        env.update(HS_REFERENCE=reference[1], HS_REFERENCE_TOP=reference[0])
    return env


def _left(folder):
    """Return the names of the folders that tests (tap.sh) created in FOLDER, or an empty set if the student's machine
    has replaced FOLDER with a link."""
    try:
        return set() if os.path.islink(folder) else {n for n in os.listdir(folder) if n.startswith("test.")}
    except OSError:
        return set()


def run(test, file, env, seconds, jail):
    """Run a test program and return its Outcome. Tests create their own folders below $O/tmp. A test may compile, so
    the program runs in the compiler's jail (jail.py). If the test was killed, its folder is removed here."""
    folder = os.path.join(env["O"], "tmp")
    before = _left(folder)
    ran = limits.run(jail + ["bash", file], seconds, folder=folder, env=env, cwd=env["HS_TOP"])
    if ran.stopped:
        for name in _left(folder) - before:
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
    return judge(test, ran)
