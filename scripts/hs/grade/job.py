# SPDX-License-Identifier: MIT
"""job.py - one grading from beginning to end: trees, builds, tests."""
import contextlib
import json
import os
import secrets
import shutil
import time
import types

from hs import ends
from hs.bench import provenance, systems
from hs.errors import STATUS_USAGE, LaunchError
from hs.lab import folder
from hs.run.machine import qemu_text
from . import claims, jail, limits, measure, submission, trees
from .submission import Refused

# Both times limits.scale().
TOTAL_SECONDS = 540   # for all tests, so that a submission usually takes at most ten minutes, including its builds
TEST_SECONDS = 150    # for one test; the reference may take 120 of them in one machine (tests/lib/lab.sh)
BESIDE = "measured beside the reference solution"
NOT_ON_LINUX = "not on Linux"
FACTS = "lab.json"   # written by scripts/hyperscope lab: lab, student, variant, commit


class Grade:
    """The result of a grading."""

    def __init__(self, lab):
        self.lab, self.student, self.variant = lab, "", {}
        self.outcomes, self.left = [], []   # left: (test, reason) for each test that was not run here
        self.refused = self.build = None
        self.notes, self.with_what, self.seconds = [], {}, 0

    def score(self):
        return sum(outcome.points for outcome in self.outcomes)

    def most(self):
        return sum(outcome.test["points"] for outcome in self.outcomes)

    def fail_all(self, tests, line):
        self.outcomes = [claims.Outcome(test, False, [line], 0) for test in tests]


def _facts(data):
    try:
        facts = json.loads(data)
        return facts if isinstance(facts, dict) else {}
    except (ValueError, RecursionError):
        return {}


def _lab(options, facts):
    number = options.lab or facts.get("lab")
    if number is None:
        raise LaunchError("the lab is unknown, because no lab.json names it: use --lab NN", STATUS_USAGE)
    lab = folder.find(number)
    if options.host == "own" and lab.host == "linux":
        raise LaunchError("lab %d is about the Linux module: there is no --host own" % lab.number, STATUS_USAGE)
    options.host = options.host or lab.host
    return lab


def _wanted(options, lab, grade):
    """Return the tests to run, and record in grade.left the hidden tests that are not run."""
    names = [name for name in (options.tests or "").split(",") if name]
    for name in names:
        if name not in [test["id"] for test in lab.tests]:
            raise LaunchError("lab %d has no test '%s'; it has %s" % (
                lab.number, name, ", ".join(test["id"] for test in lab.tests)), STATUS_USAGE)
    tests = [test for test in lab.tests if not names or test["id"] in names]
    grade.left = [(test, "hidden") for test in tests if test.get("hidden") and not options.hidden]
    tests = [test for test in tests if options.hidden or not test.get("hidden")]
    if options.host == "linux":
        away = [test for test in tests if "budget" in test or test.get("host") == "own"]
        grade.left += [(test, NOT_ON_LINUX) for test in away]
        tests = [test for test in tests if test not in away]
    return tests


def _with_what(out, qemu):
    runner = systems.Runner(types.SimpleNamespace(out=out, firmware="", timeout=60))
    runner.qemu = qemu
    try:
        found = provenance.collect(runner)
    except systems.BenchError as error:
        raise LaunchError(str(error)) from None
    return {name: found[name] for name in ("commit", "compiler", "binutils", "qemu", "opensbi")}


def _aside(lab, work):
    """Copy the lab's tests to a folder whose random name a student's source cannot guess, because the lab's own
    folder is hidden in the jail. Return the new folder."""
    kept = os.path.join(work, "kept")
    os.mkdir(kept)
    os.chmod(kept, 0o711)
    place = os.path.join(kept, secrets.token_hex(16))
    for name in ("tests", "hidden"):
        if os.path.isdir(os.path.join(lab.path, name)):
            shutil.copytree(os.path.join(lab.path, name), os.path.join(place, name))
    for at, folders, files in os.walk(place):
        for name in [at] + [os.path.join(at, name) for name in files]:
            os.chmod(name, 0o755)
    return place


def _run_tests(grade, tests, options, student, reference, variants, place, prison):
    """Run the tests. student, reference: (tree, build); reference may be None. place: the folder of the tests."""
    start, most = time.monotonic(), TOTAL_SECONDS * limits.scale()
    for test in tests:
        if "budget" in test and reference is None:
            grade.left.append((test, BESIDE))
            continue
        trees.progress("test %s" % test["id"])
        left = most - (time.monotonic() - start)
        if left < 5:
            grade.outcomes.append(claims.Outcome(test, False, ["not run: the earlier tests took all "
                                                               "of the %d seconds" % most], 0))
            continue
        begun = time.monotonic()
        seconds = min(options.timeout or test.get("seconds", TEST_SECONDS) * limits.scale(), left)
        if "budget" in test:
            wrong = [done.test["id"] for done in grade.outcomes if not done.passed and "budget" not in done.test]
            if wrong:  # code that does nothing would take the fewest instructions
                outcome = claims.Outcome(test, False, ["not measured: these tests have to pass first: %s"
                                                       % ", ".join(wrong)], 0)
            else:
                outcome = measure.judge(test, variants[bool(test.get("hidden"))], student[1], reference[1],
                                        options.qemu, seconds)
        else:
            file = os.path.join(place, os.path.relpath(grade.lab.test_file(test), grade.lab.path))
            if not os.path.isfile(file):
                raise LaunchError("%s is missing" % file)
            env = claims.environment(student[0], student[1], reference, grade.student,
                                     variants[bool(test.get("hidden"))], options)
            outcome = claims.run(test, file, env, seconds, prison(student[0]))
        outcome.seconds = time.monotonic() - begun
        grade.outcomes.append(outcome)


def _in_its_tree(options, top):
    """Grade a student's tree in place, with the public tests."""
    if options.labs is None:
        folder.LABS = os.path.join(top, "labs")
    with open(os.path.join(top, FACTS), "rb") as file:
        facts = _facts(file.read())
    lab = _lab(options, facts)
    grade = Grade(lab)
    grade.student, grade.variant = facts.get("student", ""), facts.get("variant", {})
    tests = _wanted(options, lab, grade)
    out = os.path.join(top, "build") if options.out is None else os.path.abspath(options.out)
    trees.progress("building (the log is shown if it fails)")
    try:
        trees.build(top, top, out, lambda _top: [],
                    trees.targets(options.host) + ("tools", os.path.join(out, "anatomy.so")))
    except trees.BuildFailed as failed:
        grade.build = str(failed)
        grade.left += [(test, BESIDE) for test in tests if "budget" in test]
        grade.fail_all([test for test in tests if "budget" not in test], "the build failed")
        return grade
    grade.with_what = _with_what(out, options.qemu)
    _run_tests(grade, tests, options, (top, out), None, {False: grade.variant}, lab.path, lambda _top: [])
    return grade


def _handed_in(options):
    out = os.path.abspath(options.out or os.path.join(folder.TOP, "build"))
    names = {name for lab in folder.all_labs() for name in lab.files} | {FACTS}
    try:
        files = submission.read(options.submission, names)
    except Refused as refused:
        grade = Grade(folder.find(options.lab) if options.lab else None)
        grade.refused = str(refused)
        if grade.lab is None:
            raise LaunchError("refused: %s" % refused, 3) from None
        grade.fail_all(_wanted(options, grade.lab, grade), "refused")
        return grade
    facts = _facts(files.get(FACTS, b"{}"))
    grade = Grade(_lab(options, facts))
    named = facts.get("student", "")
    grade.student = options.student if options.student is not None else named if folder.is_student(named) else ""
    if options.student is not None and named and named != options.student:
        grade.notes.append("the submission's lab.json is that of student '%.40s'" % named)
    for name, given in (("lab", options.lab), ("student", options.student)):
        if given is None and name in facts:
            grade.notes.append("the %s was not given, so it is the one in the submission's lab.json" % name)
    tests = _wanted(options, grade.lab, grade)
    os.makedirs(os.path.join(out, "tmp"), exist_ok=True)
    kept = contextlib.nullcontext(options.keep and os.path.abspath(options.keep))
    with kept if options.keep else ends.folder("grade.", os.path.join(out, "tmp")) as work:
        os.chmod(work, 0o755) if os.path.isdir(work) else os.makedirs(work)
        _grade_files(grade, options, files, tests, out, work)
    return grade


def read_key(path, lab, tests):
    """Return the instructor's key, or "" if no key file is given. Raise LaunchError if TESTS need a key."""
    if not path:
        if any(test.get("hidden") for test in tests) and lab.variant("", "a key") != lab.variant(""):
            raise LaunchError("lab %d has hidden tests with values from the key: use --key FILE" % lab.number, STATUS_USAGE)
        return ""
    with open(path, encoding="utf-8") as file:
        key = file.read().strip()
    if not key:
        raise LaunchError("the key file %s is empty" % path, STATUS_USAGE)
    return key


def _secrets(options, reference):
    """Return the paths to hide: hidden tests, the key, and the complete sources, which a student could #include."""
    tops = [reference, folder.TOP]
    found = {folder.LABS} | {os.path.join(top, name) for top in tops for name in ("labs", "src")}
    return sorted(found) + ([options.key] if options.key else [])


def _note_other_commit(grade, theirs, ours):
    """Add a note if the student's tree was made from another commit: the tree then differs in files that the student
    did not change."""
    if theirs and theirs != ours:
        grade.notes.append("the student's tree was made from commit %.40s, but this is %s: grade in a clone of that "
                           "commit, or let the student submit only %s and the files to hand in" % (theirs, ours, FACTS))


def _grade_files(grade, options, files, tests, out, work):
    lab, key = grade.lab, read_key(options.key, grade.lab, tests)
    student, reference = os.path.join(work, "student"), os.path.join(work, "reference")
    trees.progress("making the trees")
    made = trees.make(lab, student, grade.student, False)
    grade.variant = made["variant"]
    try:
        unknown, missing = trees.lay_over(lab, student, files)
    except Refused as refused:
        grade.refused = str(refused)
        _note_other_commit(grade, _facts(files.get(FACTS, b"{}")).get("commit"), made["commit"])
        grade.fail_all(tests, "refused")
        return
    if unknown:
        grade.notes.append("ignored, because the tree has no such files: " + ", ".join(unknown[:8]) +
                           (" and %d more" % (len(unknown) - 8) if len(unknown) > 8 else ""))
    if missing:
        grade.notes.append("not handed in, so taken from the starter: " + ", ".join(missing))
    trees.make(lab, reference, grade.student, True)
    trees.progress("building the reference solution")
    try:
        tools = tuple(os.path.join(reference, "build", name) for name in trees.TOOLS
                      if not os.path.exists(os.path.join(out, name)))
        reference_out = trees.build(reference, folder.TOP, out, lambda _top: [], trees.targets(options.host) + tools)
    except trees.BuildFailed as failed:
        raise LaunchError("the reference solution does not build:\n%s" % failed) from None
    trees.share_tools(reference_out, out)
    grade.with_what = _with_what(reference_out, options.qemu)
    trees.progress("building the submission")
    try:
        prison = jail.make(_secrets(options, reference))
        student_out = trees.build(student, reference, reference_out, prison, trees.targets(options.host))
    except trees.BuildFailed as failed:
        grade.build = str(failed)
        grade.fail_all(tests, "the build failed")
        return
    trees.share_tools(student_out, reference_out)
    variants = {False: grade.variant, True: lab.variant(grade.student, key)}
    _run_tests(grade, tests, options, (student, student_out), (reference, reference_out), variants,
               _aside(lab, work), prison)


def grade(options):
    qemu_text(options.qemu)  # report a missing QEMU before the build, which takes minutes
    limits.adopt_orphans()
    os.environ.setdefault("HS_TIME_SCALE", "2")
    if options.labs:
        folder.LABS = os.path.abspath(options.labs)
    start = time.monotonic()
    if options.submission:
        result = _handed_in(options)
    else:
        top = os.path.abspath(options.student_tree or folder.TOP)
        if not os.path.exists(os.path.join(top, FACTS)):
            raise LaunchError("%s is not a student's tree (scripts/hyperscope lab makes one); to grade a submission, "
                              "use --submission" % top, STATUS_USAGE)
        result = _in_its_tree(options, top)
    result.seconds = time.monotonic() - start
    return result
