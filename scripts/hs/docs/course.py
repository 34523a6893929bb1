# SPDX-License-Identifier: MIT
"""course.py - check that everything named in COURSE.md and docs/course exists.

Names of files, make targets, tours, labs, toggles and their values, events, rows of the bench and gdb's
hs commands are reported with their line if the tree does not have them. Conversely, the map (the table of
concepts in COURSE.md) has to contain every toggle, and each question needs an answer. (check-refs checks
links and `file:/regex/`, check-spec checks citations of specifications.)
"""
import fnmatch
import glob
import os
import re

from hs import git
from hs import toggles as hstoggles
from hs.bench import rows
from hs.lab.tree import ANSWERS
from hs.paths import TOP

PAGES = ["COURSE.md"] + sorted(os.path.relpath(p, TOP) for p in glob.glob(TOP + "/docs/course/*.md"))
FOLDERS = ("src", "docs", "scripts", "tests", "trace", "labs", "notebooks-data", ".ci")
PATH = re.compile(r"(?<![\w/.-])((?:%s)/[\w./*-]*[\w*/]|README\.md|COURSE\.md|Makefile)(?!:/|[\w/])"
                  % "|".join(re.escape(name) for name in FOLDERS))
CODE = re.compile(r"`([^`]+)`")
MAP = "| concept |"


class Tree:
    """The names that exist in the tree."""

    def __init__(self):
        self.files = set(git.files())
        self.folders = {os.path.dirname(f) for f in self.files}
        self.folders |= {os.path.dirname(f) for f in self.folders}
        makefiles = [f for f in self.files if f == "Makefile" or f.endswith(".mk")]
        self.targets = {target for f in makefiles
                        for line in re.findall(r"^([\w %.-]+):(?!=)", git.read(f), re.M) for target in line.split()}
        self.toggles = hstoggles.tried(TOP)
        self.values = hstoggles.toggles(TOP)
        self.events = set(hstoggles.events(TOP))
        self.sessions = {os.path.basename(f)[:-5] for f in self.files if re.match(r"scripts/gdb/tours/.*\.tour$", f)}
        self.tours = self.sessions | {os.path.basename(f)[:-3] for f in self.files
                                      if f.startswith("docs/walkthroughs/") and not f.endswith("README.md")}
        self.labs = {f.split("/")[1][:2] for f in self.files if re.match(r"labs/\d\d-[^/]+/", f)}
        self.commands = {name for f in self.files if f.startswith("scripts/hs/gdb/")
                         for name in re.findall(r'@command\("([\w-]+)"', git.read(f))}

    def has_path(self, path):
        path = path.rstrip("/")
        return path in self.files or path in self.folders or \
            ("*" in path and bool(fnmatch.filter(self.files, path)))

    def setting(self, text):
        """Return what is wrong with NAME=VALUE, or None. Parameters vmid_* are not toggles and are not checked."""
        name, _, value = text.partition("=")
        if name not in self.values:
            return None if name.startswith("vmid_") else "there is no toggle %s" % name
        if self.values[name] is not None and value not in self.values[name]:
            return "toggle %s has no value %s" % (name, value)
        return None


def commands(text, tree):
    """Yield a sentence for each name or value in a piece of code that `tree` does not have."""
    for words in re.findall(r"(?<![\w-])make ((?:-s |-j\d+ )?[a-z][\w-]*)", text):
        target = words.split()[-1]
        if target not in tree.targets:
            yield "make has no target %s" % target
    for name in re.findall(r"\bTOUR=([\w-]+)", text):
        if name not in tree.sessions:
            yield "there is no tour %s" % name
    for number in re.findall(r"\bNN=(\d\d)", text):
        if number not in tree.labs:
            yield "there is no lab %s" % number
    for setting in re.findall(r"--set '?(\w+=\w+)", text):
        if tree.setting(setting):
            yield tree.setting(setting)
    for name in re.findall(r"--toggle (\w+)", text):
        if name not in tree.toggles:
            yield "there is no toggle %s" % name
    wanted = [name for words in re.findall(r"--rows '?([\w*,]+)", text) for name in words.split(",")]
    wanted += re.findall(r"(?:EXIT=|scripts/hyperscope anatomy )(\w+)", text)
    for name in wanted:
        if not fnmatch.filter(rows.BY_NAME, name):
            yield "the bench has no row %s" % name
    for words in re.findall(r"--trace '?([\w*,]+)", text):
        for name in words.split(","):
            if name not in ("all", "none") and not fnmatch.filter(tree.events, name):
                yield "there is no event %s" % name
    for name in re.findall(r"(?:^|\(gdb\) )hs ([a-z-]+)", text):
        if name not in tree.commands:
            yield "gdb has no command hs %s" % name


def faults_of(page, tree):
    """Yield (line, sentence) for everything that a page names and the tree does not have."""
    for number, line in enumerate(git.read(page).splitlines(), 1):
        for path in PATH.findall(line):
            if not tree.has_path(path):
                yield number, "there is no %s" % path
        for code in [line[4:]] if line.startswith("    ") else CODE.findall(line):
            for sentence in commands(code, tree):
                yield number, sentence


def map_rows():
    """Yield (line, {column: names in backticks}) for each row of the map."""
    columns = None
    for number, line in enumerate(git.read("COURSE.md").splitlines(), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith(MAP):
            columns = cells
        elif columns and not line.startswith("|"):
            return
        elif columns and not line.startswith("|--"):
            yield number, {column: CODE.findall(cell) for column, cell in zip(columns, cells)}


def faults_of_map(tree):
    seen = set()
    for number, row in map_rows():
        for name in row["files"]:
            if not tree.has_path(name):
                yield number, "there is no file %s" % name
        seen.update(row["toggles"])
        for name in row["events"]:
            if not fnmatch.filter(tree.events, name):
                yield number, "there is no event %s" % name
        for column, known in (("toggles", set(tree.toggles)), ("tour", tree.tours), ("lab", tree.labs)):
            for name in row[column]:
                if name not in known:
                    yield number, "there is no %s %s" % (column.rstrip("s"), name)
    for name in sorted(set(tree.toggles) - seen):
        yield 0, "the map does not have the toggle %s" % name


def faults_of_answers():
    asked = re.findall(r"^- \*\*(\d+\.\d+)\*\*", git.read("COURSE.md"), re.M)
    answered = re.findall(r"^- \*\*(\d+\.\d+)\*\*", git.read(ANSWERS), re.M)
    for name in asked:
        if name not in answered:
            yield 0, "question %s has no answer in %s" % (name, ANSWERS)
    for name in answered:
        if name not in asked:
            yield 0, "%s answers question %s, which COURSE.md does not ask" % (ANSWERS, name)
    for name in set(asked):
        if asked.count(name) + answered.count(name) > 2:
            yield 0, "question %s occurs twice" % name


def faults():
    """Yield a sentence for each fault, with its page and, if the fault is in a line, the line's number."""
    tree = Tree()
    found = [(page, fault) for page in PAGES for fault in faults_of(page, tree)]
    found += [("COURSE.md", fault) for fault in list(faults_of_map(tree)) + list(faults_of_answers())]
    for page, (number, sentence) in found:
        yield "%s:%d: %s" % (page, number, sentence) if number else "%s: %s" % (page, sentence)
