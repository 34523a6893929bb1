# SPDX-License-Identifier: MIT
"""check-refs - check the references from the docs to code and the links to files.

A reference is `file:/regex/` in backticks; a line of that file has to match. A
link to a file of the tree has to name an existing file. In a lab's tree, a file
that the student has yet to complete need not have a matching line.
"""
import os
import re

from hs import git
from hs.parser import of_command
from hs.paths import TOP

EPILOG = "exit status: 0; 1 faults were found, one per line; 2 usage error"

LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
REFERENCE = re.compile(r"`([\w./-]+):/((?:[^/`]|\\/)+)/`")


def problem(path, pattern):
    try:
        with open(os.path.join(TOP, path), encoding="utf-8", errors="replace") as source:
            lines = source.read().splitlines()
    except OSError:
        return "there is no file %s" % path
    try:
        regex = re.compile(pattern.replace("\\/", "/"))
    except re.error as error:
        return "/%s/: %s" % (pattern, error)
    to_write = os.path.exists(os.path.join(TOP, "lab.json")) and \
        any("LAB_TODO(" in line or "lab_todo " in line for line in lines)
    return None if to_write or any(regex.search(line) for line in lines) else \
        "no line of %s matches /%s/" % (path, pattern)


def lost(doc, target):
    path = os.path.normpath(os.path.join(os.path.dirname(doc), target))
    return None if os.path.exists(os.path.join(TOP, path)) else "a link to %s, which does not exist" % path


def main(argv):
    of_command("check-refs", __doc__, epilog=EPILOG).parse_args(argv)
    bad = 0
    for doc in git.files("*.md"):
        with open(os.path.join(TOP, doc), encoding="utf-8") as source:
            for number, line in enumerate(source, 1):
                texts = [problem(path, pattern) for path, pattern in REFERENCE.findall(line)]
                texts += [lost(doc, target) for target in LINK.findall(re.sub("`[^`]*`", "", line))]
                for text in filter(None, texts):
                    print("%s:%d: %s" % (doc, number, text))
                    bad = 1
    return bad
