# SPDX-License-Identifier: MIT
"""check.py - check the files of every lab for consistency."""
import functools
import os

from hs.errors import LaunchError
from . import budget, folder, markers, tree


@functools.cache
def sources():
    """Return (path, text) of the tree's files that may contain a region."""
    texts = ((path, tree.read(os.path.join(folder.TOP, path))) for path in tree.tracked() if tree.is_source(path))
    return [(path, text) for path, text in texts if markers.may_have_regions(text)]


def lab_sources(lab):
    """Yield (path, text) of the files that may contain a region, including those of the lab's own tree."""
    yield from sources()
    for path, text, _mode in tree.overlay(lab, lab.variant("a student")):
        if tree.is_source(path):
            yield path, text


def regions_of(lab):
    for path, text in lab_sources(lab):
        for region in markers.regions(path, text):
            if lab.number in region.labs:
                yield region


def holes(lab):
    """Check that filling in the starter's regions restores the source, that each file with a region can be handed in,
    and that the sentences of a file's regions begin with "write" and differ."""
    for path, text in lab_sources(lab):
        mine = [r for r in markers.regions(path, text) if lab.number in r.labs]
        if not mine:
            continue
        made = markers.starter(path, text, lab.number, lab.starter_texts(path))
        if made == text or markers.solution(path, made, lab.number, text) != text:
            yield "%s: the starter with its regions filled in is not the source" % path
        if path not in lab.files:
            yield "%s has regions, but is not among the files in lab.toml" % path
        for region in mine:
            if not region.what.startswith("write "):
                yield '%s:%d: a region\'s sentence has to begin with "write"' % (path, region.first + 1)
            if sum(r.what == region.what for r in mine) > 1:
                yield "%s:%d: two regions have the same sentence" % (path, region.first + 1)


def texts(lab):
    """Check that each [[starter]] in lab.toml names a region that exists."""
    found = [(r.path, r.what) for r in regions_of(lab)]
    for given in lab.toml.get("starter", []):
        if not any(p == given["file"] and w.startswith(given["region"]) for p, w in found):
            yield "[[starter]] %s: no region's sentence begins with '%s'" % (given["file"], given["region"])


def inserts(lab):
    """Check that the file of each [[insert]] is a source file of the tree and contains its `before` exactly once."""
    given = lab.inserts(lab.variant("a student"), True)
    tracked = tree.tracked()
    for path in sorted({file for file, _before, _text in given}):
        if path not in tracked or not tree.is_source(path):
            yield "[[insert]] %s: not a source file of the tree" % path
            continue
        try:
            tree.with_inserts(path, tree.read(os.path.join(folder.TOP, path)), given)
        except LaunchError as error:
            yield "[[insert]] %s" % error


def tests(lab):
    names = [test["id"] for test in lab.tests]
    for test in lab.tests:
        for key in ("id", "points", "what"):
            if key not in test:
                yield "a test has no %s" % key
        if names.count(test["id"]) > 1:
            yield "test %s: two tests have this id" % test["id"]
        if "budget" not in test and not os.access(lab.test_file(test), os.X_OK):
            yield "test %s: %s does not exist or is not executable" % (test["id"], lab.test_file(test))
        if "budget" in test:
            try:
                budget.of(test)
            except LaunchError as error:
                yield str(error)
    if lab.contest:
        if sorted(lab.contest) != ["given", "leaderboard"]:
            yield "[contest] needs the keys given and leaderboard, but has %s" % ", ".join(sorted(lab.contest))
        elif not any(test["id"] == lab.contest["leaderboard"] and "budget" in test for test in lab.tests):
            yield "[contest] leaderboard: there is no test '%s' with a budget" % lab.contest["leaderboard"]
        if any(regions_of(lab)):
            yield "[contest]: the starter is the source, so the lab must not have regions"
    total = sum(test["points"] for test in lab.tests)
    if total != 100:
        yield "the points add up to %d, not 100" % total
    for place in ("tests", "hidden"):
        path = os.path.join(lab.path, place)
        for name in sorted(os.listdir(path)) if os.path.isdir(path) else []:
            if name.endswith(".t") and name[:-2] not in names:
                yield "%s/%s is not in lab.toml" % (place, name)
    for name in ("README.md", "notes.md"):
        if not os.path.exists(os.path.join(lab.path, name)):
            yield "%s is missing" % name


def problems():
    found = []
    for lab in folder.all_labs():
        for check in (holes, texts, inserts, tests):
            found += ["labs/%s: %s" % (lab.folder, text) for text in check(lab)]
    return found
