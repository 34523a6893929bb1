# SPDX-License-Identifier: MIT
"""tour - parse a walkthrough, scripts/gdb/tours/NAME.tour, into steps (does not use gdb).

A tour is text. Lines that begin with one of the words below and a colon, with ">", or with "#" or "##",
are instructions; everything else is prose in Markdown.

    title: What happens at a null SBI call?         the page's heading
    machine: --set fastpath=off --trace none        options for scripts/hyperscope gdb
    guest: hello                                    a payload in build/guest-payloads; or exec PROGRAM ARG...,
                                                    a program in build that creates VMs itself
    covers: world switch, exit dispatch             for lists and for the course's map

    Prose before the first step opens the page and the session.

    ## The guest calls                              a step, with its title
    A sentence or two about what will happen.       shown first; then the session waits for Enter
    > hs until-exit ecall_vs                        a command of gdb or of hyperscope
    > stepi 2
    show: a0 a7 hstatus.SPV sscratch                show fields: old value -> new value
    now: a1                                         show the value of a field, without the old value
    spec: H §6.1                                    the paragraph that applies; docs/spec.md has its title
    expect: pc is vcpu_exit_save_caller             a condition that has to hold here
    What it means; more commands and prose may follow.

    # Questions                                     a section for the page only, not a step

Commands, show, now, spec, expect and prose are processed in the order in which they are written. The old value
in "show" is the one that the field had when the step began; if that is also the present value, it is the last
other value that the field had before a command of the step. A line ending in "\\" continues on the next one.

A FIELD is: world (M, HS, U, VS, VU); step (of the world switch: 1 to 6); function (of the host, at pc);
insn (the instruction at pc); a register (a0, pc, scause, vsatp, ...); a field of a register (hstatus.SPV,
hgatp.PPN); guest.NAME and host.NAME (as saved in struct kvm_vcpu: guest.a0, guest.sstatus.FS, host.sp);
vcpu.MEMBER and vm.MEMBER (any member: vcpu.mode, vm.gstage.vmid, vcpu.guest.gpr[10]); {EXPRESSION} of gdb;
count (instret); cause (the name of scause, if V=0). With V=1, inaccessible registers of the host have no value.

    expect: FIELD is MEANING [+ N | - N]            also: FIELD is not MEANING
    expect: FIELD in FUNCTION                       the address is in the function
    expect: FIELD changed                           since the step began; also: FIELD unchanged
    expect: said REGEX                              a line of the last command's output matches
    expect: never said REGEX                        no line of the last command's output matches

A MEANING is: a number; the name of a field's value (VS, Dirty, Sv57x4, ecall_vs); a symbol of the host or the
guest; an enumerator of the host (VCPU_IN_GUEST); "the vCPU" (its structure), "the VM", "the VM's root" (of the
G-stage; an address or a PPN); "then" (the FIELD at the beginning of the step); another FIELD. Do not use raw
addresses, which differ between builds.
"""
import collections
import os
import re

from hs import tables

FOLDER = os.path.join(tables.TOP, "scripts", "gdb", "tours")
PAGES = os.path.join("docs", "walkthroughs")
HEADER = ("title", "machine", "guest", "covers")
KEYS = ("show", "now", "spec", "expect")

Tour = collections.namedtuple("Tour", "name title machine guest covers intro steps sections")
Step = collections.namedtuple("Step", "number title before items line")
Item = collections.namedtuple("Item", "kind text line")  # kind: command text show now spec expect
Expect = collections.namedtuple("Expect", "field verb meaning offset")
FIELD = r"(\{[^}]*\}|[\w.\[\]']+)"


class Wrong(ValueError):
    """A tour cannot be parsed. The message names the file and the line, and says what is wrong."""


def names():
    return sorted(f[:-5] for f in os.listdir(FOLDER) if f.endswith(".tour"))


def path_of(name):
    return os.path.join(FOLDER, name + ".tour")


def load(path):
    try:
        with open(path, encoding="utf-8") as source:
            return parse(source.read(), os.path.basename(path))
    except UnicodeDecodeError as error:
        raise Wrong("%s: not text in UTF-8: %s" % (path, error.reason)) from None


def _lines(text):
    """Yield (number, line), with continued lines joined."""
    held, start = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        start = start or number
        if line.endswith("\\"):
            held += line[:-1].rstrip() + " "
            continue
        yield start, held + (line.strip() if held else line.rstrip())
        held, start = "", 0


def parse_expect(text):
    """Parse an expectation and return an Expect. Raise ValueError if it is invalid, or re.error if its REGEX is."""
    found = re.fullmatch(r"(said|never said) (.+)", text)
    if found:
        re.compile(found.group(2))
        return Expect("", found.group(1), found.group(2), 0)
    found = re.fullmatch(FIELD + r" (changed|unchanged)", text)
    if found:
        return Expect(found.group(1), found.group(2), "", 0)
    found = re.fullmatch(FIELD + r" (is not|is|in) (.+?)(?: ([+-]) (\d+))?", text)
    if not found:
        raise ValueError("'%s' is not an expectation: FIELD is MEANING, FIELD in FUNCTION, FIELD changed, "
                         "said REGEX" % text)
    field, verb, meaning, sign, number = found.groups()
    return Expect(field, verb, meaning, int(number or 0) * (-1 if sign == "-" else 1))


class _Parser:
    def __init__(self, name):
        self.name, self.header = name, {}
        self.prose, self.intro, self.steps, self.sections = [], None, [], []
        self.items = self.section = None

    def wrong(self, number, text):
        raise Wrong("%s:%d: %s" % (self.name, number, text))

    def end_prose(self, number):
        text = "\n".join(self.prose).strip("\n")
        self.prose = []
        if self.section is not None:
            self.sections[-1] = (self.section, text)
        elif self.items is None:
            self.intro = text
        elif not self.items:
            if not text:
                self.wrong(number, "a step begins with a sentence about what will happen")
            self.items.append(Item("text", text, number))
        elif text:
            self.items.append(Item("text", text, number))

    def line(self, number, line):
        key, colon, rest = line.partition(":")
        if line.startswith("## ") and self.section is None:
            self.end_prose(number)
            self.items = []
            self.steps.append([line[3:].strip(), self.items, number])
        elif line.startswith("# "):
            self.end_prose(number)
            self.section = line[2:].strip()
            self.sections.append(None)
        elif colon and key in HEADER and self.items is None and not "".join(self.prose).strip():
            self.header[key] = rest.strip()
        elif line.startswith("> ") and self.section is None:
            self.item(number, "command", line[2:].strip())
        elif colon and key in KEYS and self.section is None:
            self.item(number, key, rest.strip())
        else:
            self.prose.append(line)

    def item(self, number, kind, text):
        if self.items is None:
            self.wrong(number, "'%s' is before the first step (## TITLE)" % text)
        self.end_prose(number)
        if kind == "expect":
            try:
                text = parse_expect(text)
            except (ValueError, re.error) as error:
                self.wrong(number, str(error))
        self.items.append(Item(kind, text, number))


def parse(text, name="a tour"):
    parser = _Parser(name)
    number = 0
    for number, line in _lines(text):
        parser.line(number, line)
    parser.end_prose(number)
    for key in ("title", "guest"):
        if not parser.header.get(key):
            parser.wrong(1, "there is no '%s:'" % key)
    if not parser.steps:
        parser.wrong(number, "there is no step (## TITLE)")
    steps = []
    for title, items, at in parser.steps:
        if not any(i.kind == "command" for i in items):
            parser.wrong(at, "the step '%s' has no command" % title)
        if not any(i.kind == "expect" for i in items):
            parser.wrong(at, "the step '%s' expects nothing, so it cannot fail" % title)
        steps.append(Step(len(steps) + 1, title, items[0].text, items[1:], at))
    header = parser.header
    return Tour(name.partition(".")[0], header["title"], header.get("machine", ""), header["guest"],
                header.get("covers", ""), parser.intro, steps, parser.sections)
