# SPDX-License-Identifier: MIT
"""tree.py - a change to the sources that is prepared completely before anything is written.

Most edits name their place by a pattern. If no line matches it, or if several lines match and the edit does not
ask for the last one, the whole change is refused.
"""
import difflib
import os
import re
import stat
import subprocess
import sys

from hs.errors import STATUS_USAGE, LaunchError

TEMPLATES = os.path.join(os.path.dirname(os.path.realpath(__file__)), "templates")

LINES = 500


def refuse(text):
    """Report a usage error; nothing is written."""
    raise LaunchError(text, STATUS_USAGE)


class Tree:
    def __init__(self, top):
        self.top = top
        self.old, self.texts = {}, {}  # path -> old text; path -> new text
        self.made = []       # new files, in order
        self.executable = set()
        self.generators = {}  # page -> the command that generates it from the sources

    def exists(self, path):
        return path in self.texts or os.path.lexists(os.path.join(self.top, path))

    def read(self, path):
        if path not in self.texts:
            try:
                with open(os.path.join(self.top, path), encoding="utf-8") as source:
                    self.texts[path] = self.old[path] = source.read()
            except (OSError, UnicodeDecodeError) as error:
                raise LaunchError("%s: %s" % (path, getattr(error, "strerror", None) or error)) from None
        return self.texts[path]

    def lines(self, path):
        return self.read(path).split("\n")

    def names(self, path, pattern):
        """Return the groups of all matches of a pattern in a file."""
        return re.findall(pattern, self.read(path), re.M)

    def create(self, path, text, executable=False):
        if self.exists(path):
            refuse("%s exists already" % path)
        self.texts[path], self.old[path] = text, ""
        self.made.append(path)
        if executable:
            self.executable.add(path)

    def template(self, path, name, executable=False, **values):
        """Create a file from a template, with each @WORD@ replaced by its value."""
        self.create(path, fill(name, **values), executable)

    def find(self, path, pattern, last=False):
        """Return the index of the only line that matches or, with `last`, of the last line that matches."""
        found = [i for i, line in enumerate(self.lines(path)) if re.search(pattern, line)]
        if not found:
            raise LaunchError("%s: no line matches /%s/" % (path, pattern))
        if len(found) > 1 and not last:
            raise LaunchError("%s: %d lines match /%s/, the first are %s" % (
                path, len(found), pattern, " and ".join(str(i + 1) for i in found[:2])))
        return found[-1]

    def insert(self, path, index, text):
        lines = self.lines(path)
        lines[index:index] = text.split("\n")
        self.texts[path] = "\n".join(lines)

    def after(self, path, pattern, text, last=False):
        self.insert(path, self.find(path, pattern, last) + 1, text)

    def before(self, path, pattern, text):
        self.insert(path, self.find(path, pattern), text)

    def replace(self, path, pattern, by):
        """Replace the only match of a pattern, as re.sub does. Raise LaunchError if there is not exactly one match."""
        text, count = re.subn(pattern, by, self.read(path), flags=re.M)
        if count != 1:
            raise LaunchError("%s: /%s/ matches %d times" % (path, pattern, count))
        self.texts[path] = text

    def generate(self, page, command):
        """Register a page that a command generates from the sources."""
        self.generators[page] = command

    # ---- the result ---------------------------------------------------------------------------

    def changed(self):
        return [path for path, text in self.texts.items() if text != self.old[path]]

    def diff(self):
        out = []
        for path in sorted(self.changed()):
            before = "/dev/null" if path in self.made else "a/" + path
            out += difflib.unified_diff(self.old[path].splitlines(True), self.texts[path].splitlines(True),
                                        before, "b/" + path)
        return "".join(out)

    def finish(self):
        """Prepare for make check: format C code if clang-format 14 is installed, and reject .c files that are too long."""
        for path in self.changed():
            if path.endswith((".c", ".h")) and not re.search(r"^\s*\.macro", self.texts[path], re.M):
                self.texts[path] = formatted(os.path.join(self.top, path), self.texts[path])
            if path.endswith(".c") and self.texts[path].count("\n") > LINES:
                raise LaunchError("%s would have more than %d lines (scripts/hyperscope check-size): split it first"
                                  % (path, LINES))

    def write(self):
        for path in self.changed():
            full = os.path.join(self.top, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            try:
                with open(full, "w", encoding="utf-8") as out:
                    out.write(self.texts[path])
            except OSError as error:
                raise LaunchError("%s: %s; to undo what was written before, use git checkout"
                                  % (path, error.strerror)) from None
            if path in self.executable:
                os.chmod(full, os.stat(full).st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        for page, command in self.generators.items():
            if subprocess.run(os.path.join(self.top, command).split(), cwd=self.top, stdout=subprocess.DEVNULL,
                              check=False).returncode:
                raise LaunchError("%s failed: the change was made, but %s is not current" % (command, page))

    def edited(self):
        """Return the existing files that were changed, including generated pages."""
        return sorted(set(self.changed()) - set(self.made) | set(self.generators))

    def where(self):
        """Yield each changed place as FILE:LINE, with the line number after the change."""
        for path in sorted(set(self.changed()) - set(self.made)):
            matcher = difflib.SequenceMatcher(None, self.old[path].split("\n"), self.lines(path), False)
            yield from ("%s:%d" % (path, first + 1) for tag, _, _, first, _ in matcher.get_opcodes()
                        if tag != "equal")

    def uncommitted(self):
        """Return the files to edit that already have uncommitted changes, which undoing the edits with git checkout
        would discard, too."""
        status = subprocess.run(["git", "status", "--porcelain", "--", *self.edited()],
                                cwd=self.top, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        return [line[3:] for line in status.stdout.decode().splitlines()]


def formatted(path, text):
    """Format C code with clang-format 14, the version that scripts/hyperscope check uses. If it is not installed,
    return the code unchanged."""
    if not formatted.there:
        try:
            output = subprocess.run(["clang-format", "--version"], stdout=subprocess.PIPE, check=False).stdout.decode()
        except OSError:
            output = ""
        formatted.there = "yes" if re.search(r" 14\.", output) else "no"
    if formatted.there == "no":
        return text
    return subprocess.run(["clang-format", "--assume-filename=" + path], input=text.encode(),
                          stdout=subprocess.PIPE, check=True).stdout.decode()


formatted.there = None


def fill(name, **values):
    with open(os.path.join(TEMPLATES, name), encoding="utf-8") as template:
        text = template.read()
    for word, value in values.items():
        text = text.replace("@%s@" % word, value)
    left = re.search(r"@[A-Z_]+@", text)
    if left:
        sys.exit("template %s: no value is given for %s" % (name, left.group()))
    return text
