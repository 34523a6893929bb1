# SPDX-License-Identifier: MIT
"""page - format a played tour as docs/walkthroughs/NAME.md, without details that differ between builds
(does not use gdb).

An address is replaced by its name in angle brackets. An address without a name is replaced by its kind
of memory and the number of its page. The pages of each kind are numbered in the order in which they
first appear, so equal addresses remain equal. Line numbers are removed.
"""
import os
import re

from hs import tables

HEX = re.compile(r"\b0x([0-9a-f]{5,16})\b|\b([0-9a-f]{16})\b")
SYMBOLIC = re.compile(r"<([\w.$]+)\+\d+>")
PAGE = 4096


class Names:
    """Replaces the numbers on one tour's page with names. describe(value) returns the name of an object or symbol, or
    ''; region(value) returns a kind of memory, or ''."""

    def __init__(self, describe, region):
        self.describe, self.region, self.known = describe, region, {}

    def _numbered(self, kind, value):
        """Return a numbered name such as <page 1>. For kind "page", keep the offset: in a page table, it locates the
        entry."""
        page, offset = value & ~(PAGE - 1), value & PAGE - 1
        if (kind, page) not in self.known:
            self.known[kind, page] = 1 + sum(1 for k, _ in self.known if k == kind)
        inner = "" if not offset else "+0x%x" % offset if kind == "page" else "+..."
        return "<%s %d%s>" % (kind, self.known[kind, page], inner)

    def of(self, value, physical=False):
        """Return the text that replaces a number, or None to keep the number."""
        if physical:
            name = self.describe(value)
            return "<%s>" % name if name.startswith("the ") else self._numbered("page", value)
        name = self.describe(value)
        if name:
            return "<%s>" % name
        kind = self.region(value)
        return self._numbered(kind, value) if kind else None

    def _line(self, line):
        walk = re.match(r"\s*level \d+ \[ *\d+\] at |\s*= 0x", line)

        def one(found):
            value = int(found.group(1) or found.group(2), 16)
            if walk and found.group(2) is None and len(found.group(1)) == 16:
                return "<%s %s>" % (self.of(value >> 10 << 12 & (1 << 56) - 1, True)[1:-1],
                                    "".join(c for n, c in reversed(list(enumerate("VRWXUGAD"))) if value >> n & 1)) \
                    if value & 1 else found.group(0)
            return self.of(value, bool(walk)) or found.group(0)
        return HEX.sub(one, line)

    def text(self, text):
        """Return a command's output as the page shows it."""
        lines = []
        for line in text.split("\n"):
            line = re.sub(r"^\d+\t+", "", line)
            line = re.sub(r"(\b(?:src|trace)/[\w/]+\.(?:[chS]|def))(:\d+|, line \d+)", r"\1", line)
            line = re.sub(r"\b0x[0-9a-f]+ (?=<[\w.$]+(\+\d+)?>)", "", line)  # followed by the same address's name
            line = SYMBOLIC.sub(r"<\1+...>", line)
            line = re.sub(r"^(  [\w.$]+) \+ \d+$", r"\1 + ...", line)
            lines.append(self._line(line).rstrip())
        return "\n".join(lines)


def titles():
    """Return 'H §2.1' -> title, from docs/spec.md."""
    with open(os.path.join(tables.TOP, "docs", "spec.md"), encoding="utf-8") as spec:
        return dict(re.findall(r"^\|\s*(\w+ §[\d.]+)\s*\|\s*([^|]*?)\s*\|", spec.read(), re.M))


def expectation(expect):
    """Return an expectation in words for the reader, or None if it is not shown."""
    if expect.verb in ("said", "never said"):
        return None
    text = "`%s` %s" % (expect.field, "is in" if expect.verb == "in" else expect.verb)
    if expect.verb in ("changed", "unchanged"):
        return "`%s` has %s" % (expect.field, expect.verb) if expect.verb == "changed" else text.replace(" un", " is un")
    meaning = expect.meaning
    meaning = "its earlier value" if meaning == "then" else meaning if meaning.startswith("the ") else "`%s`" % meaning
    sign = " %s %d" % ("+-"[expect.offset < 0], abs(expect.offset)) if expect.offset else ""
    return "%s %s%s" % (text, meaning, sign)


class Page:
    """A tour's page in Markdown, collected while the tour is played."""

    def __init__(self, tour):
        self.lines = ["<!-- scripts/hyperscope walk --write %s makes this page from scripts/gdb/tours/%s.tour -->" %
                      (tour.name, tour.name), "# " + tour.title, ""]
        if tour.intro:
            self.lines += [tour.intro, ""]
        self.lines += ["    make walk TOUR=%s            # the same, to step through" % tour.name, ""]
        self.block, self.checked = [], []

    def _end_block(self):
        if self.block:
            self.lines += ["```"] + [line.rstrip() for line in self.block] + ["```", ""]
        self.block = []

    def step(self, step):
        self.lines += ["## %d. %s" % (step.number, step.title), "", step.before, ""]

    def prose(self, text):
        self._end_block()
        self.lines += [text, ""]

    def shown(self, text):
        self.block += text.rstrip("\n").split("\n")

    def holds(self, expect):
        text = expectation(expect)
        if text:
            self.checked.append(text)

    def end_step(self):
        self._end_block()
        if self.checked:
            order = " in this order" if len(self.checked) > 1 else ""
            line = "Checked%s: %s." % (order, "; ".join(self.checked))
            self.lines += wrapped(line) + [""]
        self.checked = []

    def end(self, sections):
        for title, text in sections:
            self.lines += ["## " + title, "", text, ""]
        return "\n".join(self.lines).rstrip("\n") + "\n"


def wrapped(text, width=96):
    lines, line = [], ""
    for word in re.findall(r"`[^`]*`\S*|\w+ §\S+|\S+", text):
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = ""
        line += (" " if line else "") + word
    return lines + [line]
