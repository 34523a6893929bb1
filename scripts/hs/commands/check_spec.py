# SPDX-License-Identifier: MIT
"""check-spec - check that docs/spec.md lists every paragraph that the sources cite.

A citation has the form "H §5.1": a name, the sign §, and a number. A number
without a name takes the name of the citation before it, also across a line
break: "H §2.10, §3.2". docs/spec.md pins the releases and lists each number
with its title, in table rows that begin "| H §5.1 |".

Numbers without the sign ("H 5.1", "SBI chapter 9") are rejected as well.
"""
import re

from hs import git
from hs.parser import of_command

EPILOG = "exit status: 0; 1 faults were found, one per line; 2 usage error"

WHERE = ("src", "tests", "trace", "docs", "labs", "COURSE.md")
KINDS = (".c", ".h", ".S", ".def", ".py", ".t", ".md")
NAME = r"RFC [0-9]+|[A-Z][A-Za-z0-9]*|virtio"
NUMBER = r"[0-9]+(?:\.[0-9]+)*"
CITATION = re.compile(r"(?:\b(%s) )?§(%s)?" % (NAME, NUMBER))
UNSIGNED = re.compile(r"\b[HSMFVC] [0-9]+\.[0-9]+\b|\b(?:SBI|PLIC|virtio|spec\w*)[^.;:]{,20} chapters? [0-9]")
LISTED = re.compile(r"^\|\s*(%s) §(%s)\s*\|" % (NAME, NUMBER), re.M)


def faults(text, listed):
    """Yield the line number and a description of each fault."""
    chapter = None
    for number, line in enumerate(text.splitlines(), 1):
        for name, section in CITATION.findall(line):
            chapter = name or chapter
            if not section:
                yield number, "a § without a number"
            elif not chapter:
                yield number, "§%s has no name before it" % section
            elif (chapter, section) not in listed:
                yield number, "%s §%s is not in docs/spec.md" % (chapter, section)
        for unsigned in UNSIGNED.finditer(line):
            yield number, "'%s' is cited without the sign: NAME §NUMBER" % unsigned.group()


def main(argv):
    of_command("check-spec", __doc__, epilog=EPILOG).parse_args(argv)
    try:
        listed = set(LISTED.findall(git.read("docs/spec.md")))
    except OSError:
        print("docs/spec.md is missing")
        return 1
    bad = 0
    for path in git.files(*WHERE):
        if path == "docs/spec.md" or not path.endswith(KINDS):
            continue
        for number, what in faults(git.read(path), listed):
            print("%s:%d: %s" % (path, number, what))
            bad = 1
    return bad
