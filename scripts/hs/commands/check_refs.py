# SPDX-License-Identifier: MIT
"""check-refs - check the references to code and the links in the docs.

A reference is `file:/regex/` in backticks; a line of that file has to match. A
link to a file of the tree has to name an existing file, and a link to a heading
(page.md#heading, or #heading) one of the page. In a lab's tree, a file that the
student has yet to complete need not have a matching line.
"""
import functools
import os
import re

from hs import git
from hs.parser import of_command
from hs.paths import TOP

EPILOG = "exit status: 0; 1 faults were found, one per line; 2 usage error"

LINK = re.compile(r"\]\(([^)#:\s]*)(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ +(.*?) *$|^```.*?^```", re.M | re.S)
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


@functools.cache
def headings(path):
    """The names by which links refer to the page's headings, as on GitHub."""
    with open(os.path.join(TOP, path), encoding="utf-8") as page:
        found = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text) for text in HEADING.findall(page.read()) if text]
    return {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in found}


def lost(doc, target, heading):
    path = os.path.normpath(os.path.join(os.path.dirname(doc), target)) if target else doc
    if not os.path.exists(os.path.join(TOP, path)):
        return "a link to %s, which does not exist" % path
    if heading and path.endswith(".md") and heading not in headings(path):
        return "a link to #%s, which %s does not have" % (heading, path)
    return None


def main(argv):
    of_command("check-refs", __doc__, epilog=EPILOG).parse_args(argv)
    bad = 0
    for doc in git.files("*.md"):
        with open(os.path.join(TOP, doc), encoding="utf-8") as source:
            for number, line in enumerate(source, 1):
                texts = [problem(path, pattern) for path, pattern in REFERENCE.findall(line)]
                texts += [lost(doc, *link) for link in LINK.findall(re.sub("`[^`]*`", "", line))]
                for text in filter(None, texts):
                    print("%s:%d: %s" % (doc, number, text))
                    bad = 1
    return bad
