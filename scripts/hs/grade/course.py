# SPDX-License-Identifier: MIT
"""course.py - check a lab by grading its starter, its solution and another student's solution.

The solution has to get all points. The starter has to build but get fewer points, and if it has parts to write,
its failed tests have to name them. If the lab has variants, the solution of another student's variant has to get
fewer points. A contest's starter is the unchanged source and has to get the points that lab.toml states; a
contest's solution does not depend on the student, so no other student's solution is graded.
"""
import json
import os
import re
import shutil
import subprocess
import sys

from hs.errors import LaunchError
from hs.lab import folder, tree
from hs.paths import HYPERSCOPE
from . import trees

STUDENT, NEIGHBOR = "ada", "charles"


def _solve(lab, made, out):
    """Create the files of a solution that are not source: labs/NN/hidden/solve writes them into a built tree."""
    program = os.path.join(lab.path, "hidden", "solve")
    if not os.path.exists(program):
        return
    try:
        built = trees.build(made, folder.TOP, out, lambda _top: [], trees.targets(lab.host))
    except trees.BuildFailed as failed:
        raise LaunchError("the tree of lab %d does not build:\n%s" % (lab.number, failed)) from None
    trees.share_tools(built, out)
    done = subprocess.run([program, made, built], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise LaunchError("%s: %s" % (program, done.stdout.decode(errors="replace").strip()[-400:]))


def hand_in(lab, work, name, student, whole, out):
    """Create WORK/NAME with the files to hand in, either the solution's (WHOLE) or the starter's. Return the new
    folder's path."""
    made, handed_in = os.path.join(work, "tree"), os.path.join(work, name)
    trees.make(lab, made, student, whole)
    if whole:
        _solve(lab, made, out)
    for file in lab.files + ["lab.json"]:
        target = os.path.join(handed_in, file)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.exists(os.path.join(made, file)):
            shutil.copy(os.path.join(made, file), target)
    shutil.rmtree(made)
    return handed_in


def _graded(lab, submission, work, out):
    key, result = os.path.join(work, "key"), os.path.join(work, "json")
    with open(key, "w", encoding="ascii") as file:
        file.write("of the check\n")
    done = subprocess.run([sys.executable, HYPERSCOPE, "grade", "--out", out, "--lab", str(lab.number), "--student", STUDENT,
                           "--hidden", "--key", key, "--submission", submission, "--json", result],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1):
        raise LaunchError("lab %d, %s: scripts/hyperscope grade ended with status %d: %s%s" % (
            lab.number, os.path.basename(submission), done.returncode, done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace")))
    with open(result, encoding="utf-8") as file:
        return json.load(file)


def _lines(grade):
    return [line for test in grade["tests"] if not test["passed"]
            for line in ["%s: %d of %d points" % (test["id"], test["points"], test["most"])] + test["lines"]]


def check(lab, work, out, claim):
    """Check a lab; call claim(held, name, lines) for each claim."""
    solution = _graded(lab, hand_in(lab, work, "solution", STUDENT, True, out), work, out)
    claim(solution["score"] == solution["most"] and not solution["left"], "lab %d: the solution gets all %d points"
          % (lab.number, solution["most"]), _lines(solution) + [solution["build"] or ""])
    claim(solution["most"] == 100, "lab %d: the points add up to 100" % lab.number, ["they add up to %d" % solution["most"]])
    for test in solution["tests"]:
        if test["figures"]:
            claim(test["passed"], "lab %d: %s is within its budget: %.3f of %.3f" % (
                lab.number, test["id"], test["figures"]["ratio"], test["figures"]["limit"]), test["lines"])
    starter = _graded(lab, hand_in(lab, work, "starter", STUDENT, False, out), work, out)
    claim(not starter["build"], "lab %d: the starter builds" % lab.number, [starter["build"] or ""])
    given = lab.contest.get("given")
    claim(starter["score"] < starter["most"] and given in (None, starter["score"]),
          "lab %d: the starter gets only %d points" % (lab.number, starter["score"]), _lines(starter))
    holes = any("LAB_TODO" in tree.read(os.path.join(work, "starter", name)) or
                "lab_todo" in tree.read(os.path.join(work, "starter", name)) for name in lab.files
                if os.path.exists(os.path.join(work, "starter", name)))
    named = any(re.search(r"lab %d: \S+: " % lab.number, line) for test in starter["tests"] for line in test["lines"])
    if holes:
        claim(named, "lab %d: the starter's failed tests name the parts to write" % lab.number, _lines(starter))
    if os.path.exists(os.path.join(lab.path, "variant.py")) and not lab.contest:
        other = _graded(lab, hand_in(lab, work, "neighbor", NEIGHBOR, True, out), work, out)
        claim(other["score"] < other["most"] and any(not test["passed"] for test in other["tests"]),
              "lab %d: another student's solution gets only %d points" % (lab.number, other["score"]), [])
