# SPDX-License-Identifier: MIT
"""play - play a tour on the machine behind gdb: run its commands, show fields, check expectations."""
import re

import gdb

from . import csr, meaning, page
from .target import MASK, Problem
from .watchdog import Watchdog


class Failed(Exception):
    """An expectation does not hold, or a command failed."""


class Ended(Exception):
    """The user has ended the tour."""


class Player:
    """Plays a tour. ask(player) is called before each step and after the last one, and may raise Ended or change
    player.at. Each command may take at most `seconds` seconds. lenient: report a failure, do not raise Failed."""

    def __init__(self, tour, tell, ask, seconds, lenient=False):
        self.tour, self.tell, self.ask, self.seconds, self.lenient = tour, tell, ask, seconds, lenient
        self.page = page.Page(tour)
        self.names = page.Names(lambda value: meaning.describe(value, rough=True), meaning.region)
        self.titles = page.titles()
        self.at = 0       # index of the next step
        self.then = {}    # values of fields at the beginning of the step
        self.past = {}    # values of the fields to show before each command of the step
        self.output = ""  # output of the last command

    # -- one step ----------------------------------------------------------------------------

    def play(self):
        """Play all steps and return the page. Unless `lenient` is set, raise Failed if an expectation does not hold
        or a command fails."""
        while True:
            self.ask(self)
            if self.at >= len(self.tour.steps):
                return self.page.end(self.tour.sections)
            try:
                self.step(self.tour.steps[self.at])
                self.at += 1
            except Failed as error:
                if not self.lenient:
                    raise
                self.tell("%s; b goes back" % error)

    def step(self, step):
        self.page.step(step)
        self.then = _values(_shown(step) + _expected(step))
        self.past = {field: [] for field in _shown(step)}
        for item in step.items:
            getattr(self, "_" + item.kind)(step, item)
        self.page.end_step()

    def fail(self, step, item, text):
        raise Failed("%s, step %d (%s), line %d: %s" % (
            self.tour.name, step.number, step.title, item.line, text))

    # -- the items ---------------------------------------------------------------------------

    def _text(self, _step, item):
        self.page.prose(item.text)
        self.tell(item.text + "\n")

    def _spec(self, step, item):
        rows = []
        for name in re.split(r",\s*", item.text):
            if name not in self.titles:
                self.fail(step, item, "%s is not in docs/spec.md" % name)
            rows.append("%s, %s" % (name, self.titles[name]))
        text = "Specification: " + "; ".join(rows) + "."
        self.page.prose("\n".join(page.wrapped(text)))
        self.tell(text + "\n")

    def _command(self, step, item):
        self.tell("(gdb) %s" % item.text)
        for field, value in _values(self.past).items():
            self.past[field].append(value)
        dog = Watchdog(self.seconds, item.text)
        try:
            with dog:
                self.output = gdb.execute(item.text, to_string=True).strip("\n")
        except (gdb.error, gdb.MemoryError) as error:
            self.fail(step, item, "'%s': %s" % (item.text, error))
        except KeyboardInterrupt:
            self.output = ""
            if not dog.interrupted:
                self.fail(step, item, "'%s' was interrupted" % item.text)
        if dog.interrupted:
            self.fail(step, item, "'%s' did not return within %g seconds" % (item.text, self.seconds))
        if self.output:
            self.tell(self.output)
        self.page.shown("(gdb) %s" % item.text)
        if self.output:
            self.page.shown(self.names.text(self.output))

    def _show(self, step, item, known=True):
        for field in _words(item.text):
            now = self._read(step, item, field)
            then = self._earlier(field, now) if known else None
            raw, shown = change(field, then, now, plain), change(field, then, now, self._in_page)
            self.tell(raw)
            self.page.shown(shown)

    def _earlier(self, field, now):
        """Return the value at the beginning of the step or, if that was NOW too, the last other value in between."""
        then = self.then[field]
        if then != now:
            return then
        return next((value for value in reversed(self.past[field]) if value not in (None, now)), then)

    def _now(self, step, item):
        self._show(step, item, False)

    def _read(self, step, item, field):
        try:
            return meaning.read(field)
        except (Problem, gdb.error, gdb.MemoryError) as error:
            self.fail(step, item, "%s: %s" % (field, error))

    def _in_page(self, field, value):
        word = meaning.word_of(field, value)
        if word or not isinstance(value, int):
            return word or plain(field, value)
        if field.endswith(".PPN"):
            return "%s >> 12" % self.names.of(value << 12, True)
        brief = _brief(field, value)
        return self.names.of(value) or _small(value) + (" (%s)" % brief if brief else "")

    def _expect(self, step, item):
        try:
            self._compare(step, item)
        except Failed as error:
            if not self.lenient:
                raise
            self.tell("the tour expects otherwise: %s" % error)

    def _compare(self, step, item):
        expect = item.text
        if expect.verb in ("said", "never said"):
            found = any(re.search(expect.meaning, line) for line in self.output.split("\n"))
            if found != (expect.verb == "said"):
                self.fail(step, item, "%s /%s/, but the output was:\n%s" % (
                    "wanted a line with" if expect.verb == "said" else "wanted no line with", expect.meaning, self.output))
            self.page.holds(expect)
            return
        got = self._read(step, item, expect.field)
        if expect.verb in ("changed", "unchanged"):
            want, right = self.then[expect.field], (got != self.then[expect.field]) == (expect.verb == "changed")
            wanted = "other than" if expect.verb == "changed" else "still"
        elif expect.verb == "in":
            want, right, wanted = expect.meaning, meaning.within(got, expect.meaning), "in"
        else:
            try:
                want = meaning.resolve(expect.meaning, expect.field, self.then[expect.field])
            except Problem as error:
                self.fail(step, item, str(error))
            if expect.offset and isinstance(want, int):
                want = want + expect.offset & MASK
            right, wanted = (got == want) == (expect.verb == "is"), expect.verb[2:].strip()
        if not right:
            self.fail(step, item, "%s: wanted %s, got %s" % (
                expect.field, " ".join(filter(None, (wanted, self._both(expect, want)))), plain(expect.field, got)))
        self.page.holds(expect)

    @staticmethod
    def _both(expect, want):
        """Return the expected value as the tour writes it, followed by its current value if the two differ."""
        value = plain(expect.field, want)
        return value if expect.meaning in ("", value) else "%s (%s)" % (expect.meaning, value)


def _words(text):
    return re.findall(r"\{[^}]*\}|\S+", text)


def _shown(step):
    return [field for item in step.items if item.kind == "show" for field in _words(item.text)]


def _expected(step):
    return [item.text.field for item in step.items if item.kind == "expect" and item.text.field]


def _values(fields):
    known = bool(meaning.named_objects())  # without a VM, there is nothing to compare with
    return {field: meaning.read_or_none(field) if known else None for field in fields}


def _brief(field, value):
    """Return a CSR's fields that are not 0. The CSR may be in the hart or saved (host.sstatus)."""
    name = field.partition(".")[2] if field.startswith(("guest.", "host.")) else field
    return csr.brief(name, value) if name in csr.TABLES else ""


def _small(value):
    return "%d" % value if value < 10 else "0x%x" % value


def plain(field, value):
    if value is None:
        return "not to be seen"
    if not isinstance(value, int):
        return value
    word = meaning.word_of(field, value)
    if word:
        return word
    name = meaning.describe(value << 12 if field.endswith(".PPN") else value)
    brief = _brief(field, value)
    text = _small(value)
    return "%s (%s)" % (text, name or brief) if name or brief else text


def change(field, then, now, show):
    if field == "count":  # no number on the page, because every change to the code changes it
        return "  %-16s %s instructions" % (field, "some" if then is None or show != plain else now - then)
    if then == now or then is None:
        same = "" if then is None else "  (as it was)"
        return "  %-16s %s%s" % (field, show(field, now), same)
    return "  %-16s %s -> %s" % (field, show(field, then), show(field, now))
