# SPDX-License-Identifier: MIT
"""markers.py - regions of the source that a lab leaves out.

In the source, a region is enclosed by two lines:

    /* lab 3: what to write, in a sentence */
    ...
    /* lab 3 end */

In shell and Python files, the two lines begin with "# lab". If two labs leave out the same region, the lines read
"lab 3, 7: ..." and "lab 3, 7 end". The starter of a lab contains both lines and, between them, a stop: a statement
that prints the lab's number, the file and the sentence.
"""
import re
from typing import NamedTuple

from hs.errors import LaunchError

BEGIN = re.compile(r"^(?P<indent>[ \t]*)(?P<mark>/\*|#) lab (?P<labs>\d+(, \d+)*): (?P<what>.*?)"
                   r"(?P<close> \*/)?$")
END = re.compile(r"^[ \t]*(/\*|#) lab (?P<labs>\d+(, \d+)*) end( \*/)?$")


class Region(NamedTuple):
    path: str
    first: int     # line index of the opening marker
    last: int      # line index of the end marker
    labs: tuple
    what: str
    indent: str

    def name(self):
        """Return the text of the stop without the lab's number. This text is the same in all labs that leave out the
        region."""
        return "%s: %s" % (self.path, self.what)


def numbers(text):
    return tuple(int(word) for word in text.split(", "))


def may_have_regions(text):
    """Return False if no line of the text can be a marker. This is much faster than to look for regions."""
    return "/* lab " in text or "# lab " in text


def regions(path, text):
    """Return the file's regions, in order."""
    found, start = [], None
    if not may_have_regions(text):
        return found
    for at, line in enumerate(text.split("\n")):
        begin, end = BEGIN.match(line), END.match(line)
        if begin:
            if start:
                raise LaunchError("%s:%d: a lab's region begins inside that of line %d"
                                  % (path, at + 1, start[0] + 1))
            if begin.group("mark") == "/*" and not begin.group("close"):
                raise LaunchError("%s:%d: a lab's marker has to be a single line: %s" % (path, at + 1, line))
            start = (at, begin)
        elif end:
            if not start or numbers(end.group("labs")) != numbers(start[1].group("labs")):
                raise LaunchError("%s:%d: the end of a lab's region that has not begun" % (path, at + 1))
            begin = start[1]
            found.append(Region(path, start[0], at, numbers(begin.group("labs")),
                                begin.group("what"), begin.group("indent")))
            start = None
    if start:
        raise LaunchError("%s:%d: a lab's region has no end" % (path, start[0] + 1))
    return found


def stop(region, lab):
    """Return the default statement that replaces a region, used if lab.toml gives no text for it."""
    words = "lab %d: %s" % (lab, region.name())
    if '"' in words or "\\" in words or "%" in words:
        raise LaunchError("%s: a region's sentence must not contain quotes, backslashes or %%: %s" % (region.path, words))
    if region.path.endswith(".S"):
        return '%slab_todo "%s"\n' % (region.indent, words)
    if region.path.endswith((".c", ".h")):
        return '%sLAB_TODO("%s");\n' % (region.indent, words)
    if region.path.endswith(".py"):
        return '%sraise SystemExit("%s")\n' % (region.indent, words)
    return '%secho "%s" >&2; exit 1\n' % (region.indent, words)


def starter(path, text, lab, texts=()):
    """Return the file with the lab's regions replaced by stops. texts: pairs of the beginning of a region's sentence
    and the text to put in the region instead; @STOP@ in the text becomes the stop."""
    lines = text.split("\n")
    for region in reversed(regions(path, text)):
        if lab not in region.labs:
            continue
        instead = stop(region, lab)
        for beginning, given in texts:
            if region.what.startswith(beginning):
                instead = given.replace("@STOP@", instead.strip())
        lines[region.first + 1:region.last] = instead.strip("\n").split("\n")
    return "\n".join(lines)


def solution(path, text, lab, source):
    """Return the starter TEXT with its regions filled in from SOURCE. check.py verifies that this restores SOURCE."""
    lines, full = text.split("\n"), source.split("\n")
    holes = [r for r in regions(path, text) if lab in r.labs]
    whole = [r for r in regions(path, source) if lab in r.labs]
    if [r.name() for r in holes] != [r.name() for r in whole]:
        raise LaunchError("%s: the regions differ from those of the source" % path)
    for hole, region in zip(reversed(holes), reversed(whole)):
        lines[hole.first + 1:hole.last] = full[region.first + 1:region.last]
    return "\n".join(lines)
