# SPDX-License-Identifier: MIT
"""cmd_tour - hs tour: what scripts/walk has gdb do."""
import argparse
import os
import sys

import gdb

from . import play, tour
from .command import command
from .target import Problem

KEYS = "Enter: go on   q: quit   else a command of gdb's"


def _parser():
    parser = argparse.ArgumentParser(prog="hs tour", add_help=False, exit_on_error=False)
    parser.add_argument("--auto", action="store_true")
    parser.add_argument("--page")
    parser.add_argument("path")
    return parser


def _tell(text):
    print(text, flush=True)


class Prompt:
    """What happens between two steps: the next one is told, and the user says what to do."""

    def __init__(self):
        self.told = -1

    def __call__(self, player):
        steps = player.tour.steps
        if self.told != player.at:
            self.told = player.at
            if player.at < len(steps):
                _tell(_told(steps[player.at], len(steps)))
            else:
                _tell("\n--- That was the last step. Enter ends the machine.\n")
        while self._one(player):
            pass

    def _one(self, _player):
        """True: ask again."""
        try:
            line = input("[%s] " % KEYS).strip()
        except EOFError:
            line = "q"
        if not line:
            return False
        if line == "q":
            raise play.Ended
        try:
            gdb.execute(line, from_tty=True)
        except (gdb.error, gdb.MemoryError) as error:
            _tell(str(error))
        return True


def _told(step, total):
    return "\n--- %d of %d: %s\n\n%s\n" % (step.number, total, step.title, step.before)


@command("tour")
def play_tour(argument):
    """Play a walkthrough; scripts/walk and make walk call it, with a machine that fits.

    usage: hs tour [--auto] [--page FILE] FILE

    scripts/gdb/hsgdb/tour.py says how one is written."""
    try:
        options = _parser().parse_args(argument.split())
    except (argparse.ArgumentError, SystemExit):
        raise Problem("usage: hs tour [--auto] [--page FILE] FILE") from None
    try:
        one = tour.load(options.path)
    except (OSError, tour.Wrong) as error:
        raise Problem(str(error)) from None
    gdb.execute("set pagination off")
    total = len(one.steps)

    def auto(player):
        if player.at < total:
            _tell(_told(one.steps[player.at], total))

    _tell("%s\n\n%s" % (one.title, one.intro))
    player = play.Player(one, _tell, auto if options.auto else Prompt())
    try:
        text = player.play()
    except play.Ended:
        _quit(0)
    except play.Failed as error:
        sys.stdout.flush()
        sys.stderr.write("walk: %s\n" % error)
        sys.stderr.flush()
        _quit(1)
    if options.page:
        with open(options.page, "w", encoding="utf-8") as out:
            out.write(text)
    _tell("walk: %s: %d steps, as expected" % (one.name, total))
    _quit(0)


def _quit(status):
    """At once: gdb's own quit detaches, and then the machine runs on. scripts/debug ends it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
