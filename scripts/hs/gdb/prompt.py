# SPDX-License-Identifier: MIT
"""prompt - the prompt between two steps of a tour: continue, inspect the machine, step, and go back."""
import re

import gdb

from . import back, meaning, place, play
from .target import Problem
from .watchdog import Watchdog

KEYS = """At the prompt, Enter does the next step; b goes back one step, or undoes your own commands; rb FIELD goes
back to the instruction that last changed a field, as in rb sscratch; q ends; all else is a gdb command."""
# Commands that only show something. Before any other command, the machine is saved, so that b can undo the
# instructions that the command executes.
LOOKS = re.compile(r"(x|p|print|output|printf|info|i|bt|backtrace|where|list|l|disassemble|help|h|show|display|set pagination"
                   r"|hs (where|vms|vcpu|csr|gstage|vstage|exits|memslots|diff-switch))\b")
# Commands that end the machine, replace it or detach from it. They are refused, because b cannot undo them.
ENDS = re.compile(r"(k|kill|det|detach|disconnect|r|run|start|starti|target|tar|attach|file|exec-file"
                  r"|mon(itor)? +(q|quit|system_reset|loadvm|delvm|system_powerdown))\b")


def step_text(tour, at):
    """Return the text that announces step `at`, or the text after the last step."""
    if at == len(tour.steps):
        return "\n--- That was the last step. Enter ends the machine.\n"
    step = tour.steps[at]
    return "\n--- %d of %d: %s\n\n%s\n" % (step.number, len(tour.steps), step.title, step.before)


class Prompt:
    """The interactive `ask` of play.Player."""

    def __init__(self, tell, seconds):
        self.tell, self.seconds = tell, seconds
        self.marks = []  # states to which the user can go back, oldest first

    def __call__(self, player):
        self.tell(step_text(player.tour, player.at))
        while True:
            try:
                line = input("(walk) ").strip()
            except EOFError:
                line = "q"
            except KeyboardInterrupt:
                self.tell("")
                continue
            if line == "q":
                raise play.Ended
            if not line:
                if player.at < len(player.tour.steps):
                    self._keep(player)
                return
            self._guarded(player, line)

    def _guarded(self, player, line):
        """Run one command. Errors are printed, not raised, so that the prompt appears again."""
        try:
            with Watchdog(self.seconds, line) as dog:
                self._do(player, line)
        except (gdb.error, gdb.GdbError, gdb.MemoryError) as error:
            self.tell(str(error))
        except KeyboardInterrupt:
            self.tell("interrupted")
        if dog.interrupted:
            self.tell("'%s' did not return within %d seconds and was interrupted; b goes back" % (line, self.seconds))

    def _do(self, player, line):
        word, _, rest = line.partition(" ")
        if word == "b" and not rest:
            self._back(player)
        elif word == "rb":
            self._back_to_change(player, rest.strip())
        elif ENDS.match(line):
            raise Problem("'%s' would detach from this machine for good; q ends the tour" % line)
        elif LOOKS.match(line):
            gdb.execute(line, from_tty=True)
        else:
            self._keep(player)
            try:
                gdb.execute(line, from_tty=True)
            finally:
                if self.marks and back.position() == self.marks[-1].position:
                    self.marks.pop()  # the command did not execute an instruction, or does not exist

    def _keep(self, player):
        """Save the current state as a mark. If that fails, tell the user that there is no way back to here."""
        try:
            self.marks.append(back.take(player.at))
        except Problem as error:
            self.tell("(it will not be possible to go back to this point: %s)" % error)

    def _back(self, player):
        if not self.marks:
            raise Problem("there is nothing to go back to: this is the beginning")
        mark = self.marks.pop()
        back.return_to(mark)
        again = mark.at != player.at
        player.at = mark.at
        if again:
            self.tell(step_text(player.tour, player.at))
        else:
            self._where()

    def _where(self):
        for line in place.describe():
            self.tell(line)

    def _back_to_change(self, player, field):
        if not field:
            raise Problem("name a field, as in: rb sscratch, rb hstatus.SPV, rb guest.sepc, rb {*(long *) $sp}")
        meaning.read(field)  # report a wrong name now
        here, marks = back.take(player.at), list(self.marks)
        try:
            then, now = self._last_change(player, field)
        except Problem:
            back.return_to(here)
            player.at, self.marks[:] = here.at, marks
            raise
        self.tell("the next instruction changes it: %s" % play.change(field, then, now, play.plain).strip())
        self._where()

    def _last_change(self, player, field):
        """Go back to the last change of the field, removing the marks after it. Return (old value, new value). After a
        Problem, the machine may be at any earlier mark."""
        while self.marks:
            mark = self.marks[-1]
            found = back.last_change(mark, field, self._progress)
            player.at = mark.at
            if found is not None:
                return found
            self.marks.pop()
        raise Problem("nothing since the beginning has changed %s" % field)

    def _progress(self, done, count):
        self.tell("  %d of %d instructions" % (done, count))
