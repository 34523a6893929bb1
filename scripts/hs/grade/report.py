# SPDX-License-Identifier: MIT
"""report.py - output a grade as text, as JSON, and as Gradescope's results.json."""
import json
import textwrap

from hs import output
from .measure import sentence

WIDTH = 80
DOTS = 56


def _shown(text):
    """Escape control characters in text from a student or a machine, for output on a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _wrapped(text, indent):
    lines = []
    for line in map(_shown, text.expandtabs().split("\n")):
        lines += textwrap.wrap(line.rstrip(), WIDTH, initial_indent=indent, subsequent_indent=indent + "  ",
                               break_long_words=True, break_on_hyphens=False) or [indent.rstrip()]
    return lines


def _head(grade):
    lab = grade.lab
    lines = ["lab %d, %s%s" % (lab.number, lab.title, ": student '%s'" % _shown(grade.student) if grade.student else "")]
    found = grade.with_what
    if found:
        lines.append("%s, binutils %s, QEMU %s, hyperscope %s" % (
            found["compiler"], found["binutils"], found["qemu"], found["commit"]))
        lines.append(found["opensbi"])
    return [part for line in lines for part in _wrapped(line, "")]


def _outcome(outcome):
    test = outcome.test
    lines = _wrapped("== %s: %s" % (test["id"], test["what"]), "")
    word = "OK" if outcome.passed else "FAIL"
    took = " (%.1f s)" % outcome.seconds if outcome.seconds >= 0.05 else ""
    lines.append(("  %s: %s%s " % (test["id"], word, took)).ljust(DOTS, ".") +
                 " %3d of %3d points" % (outcome.points, test["points"]))
    for line in outcome.lines:
        lines += _wrapped(line, "    ")
    if outcome.passed and outcome.figures:
        lines += _wrapped(sentence(outcome.figures), "    ")
    return lines


def text(grade):
    lines = _head(grade)
    for note in grade.notes:
        lines += _wrapped("note: " + _shown(note), "")
    if grade.refused:
        lines += _wrapped("refused: " + _shown(grade.refused), "")
    elif grade.build:
        lines += ["the build failed; the compiler's last lines:"] + _wrapped(grade.build, "    ")
    else:
        for outcome in grade.outcomes:
            lines += _outcome(outcome)
    for test, why in grade.left:
        lines += _wrapped("not run here: %s, %d points (%s)" % (test["id"], test["points"], why), "")
    lines.append("Score: %d of %d" % (grade.score(), grade.most()))
    return "\n".join(lines) + "\n"


def everything(grade):
    return {
        "lab": grade.lab.number, "student": grade.student, "score": grade.score(), "most": grade.most(),
        "seconds": round(grade.seconds, 1), "refused": grade.refused, "build": grade.build,
        "notes": grade.notes, "with": grade.with_what,
        "tests": [{"id": outcome.test["id"], "what": outcome.test["what"], "points": outcome.points,
                   "most": outcome.test["points"], "hidden": bool(outcome.test.get("hidden")),
                   "passed": outcome.passed, "lines": outcome.lines, "figures": outcome.figures}
                  for outcome in grade.outcomes],
        "place": place(grade),
        "left": [{"id": test["id"], "points": test["points"], "why": why} for test, why in grade.left],
    }


def place(grade):
    """Return (ratio, instructions), by which a contest's leaderboard is sorted, or None if the submission is not
    ranked."""
    wanted = grade.lab.contest.get("leaderboard")
    for outcome in grade.outcomes:
        if outcome.test["id"] == wanted and outcome.figures:
            return outcome.figures["ratio"], outcome.figures["instructions"]
    return None


def gradescope(grade):
    """Return results.json as Gradescope documents it. Hidden tests become visible when the grades are published."""
    tests = []
    for outcome in grade.outcomes:
        hidden = bool(outcome.test.get("hidden"))
        tests.append({
            "name": "%s: %s" % (outcome.test["id"], outcome.test["what"]),
            "score": outcome.points, "max_score": outcome.test["points"],
            "status": "passed" if outcome.passed else "failed",
            "output": "\n".join(_outcome(outcome)[1:]), "output_format": "text",
            "visibility": "after_published" if hidden else "visible"})
    head = _head(grade) + grade.notes
    if grade.refused:
        head.append("refused: " + grade.refused)
    if grade.build:
        head += ["the build failed; the compiler's last lines:", grade.build]
    made = {"score": grade.score(), "execution_time": round(grade.seconds), "output": "\n".join(head),
            "output_format": "text", "visibility": "visible", "stdout_visibility": "hidden",
            "extra_data": {"lab": grade.lab.number, "with": grade.with_what}, "tests": tests}
    found = place(grade)
    if found:
        made["leaderboard"] = [{"name": "ratio", "value": found[0], "order": "asc"},
                               {"name": "instructions", "value": found[1], "order": "asc"}]
    return made


def write(path, data):
    with output.create(path) as file:
        json.dump(data, file, indent=1, ensure_ascii=True)
        file.write("\n")
