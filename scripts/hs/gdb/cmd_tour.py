# SPDX-License-Identifier: MIT
"""cmd_tour - the command hs tour, which scripts/hyperscope walk calls."""
import argparse
import os
import sys

import gdb

from . import play, prompt, tour
from .command import command
from .target import Problem


def _parser():
    parser = argparse.ArgumentParser(prog="hs tour", add_help=False, exit_on_error=False)
    parser.add_argument("--auto", action="store_true")
    parser.add_argument("--page")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("path")
    return parser


def _tell(text):
    print(text, flush=True)


@command("tour")
def play_tour(argument):
    """Play a walkthrough. scripts/hyperscope walk and make walk call this command with a suitable machine.

    usage: hs tour [--auto] [--page FILE] [--seconds N] FILE

    N is the time limit for each command. scripts/hs/gdb/tour.py describes the format of FILE."""
    try:
        options = _parser().parse_args(argument.split())
    except (argparse.ArgumentError, SystemExit):
        raise Problem("usage: hs tour [--auto] [--page FILE] [--seconds N] FILE") from None
    try:
        one = tour.load(options.path)
    except (OSError, tour.Wrong) as error:
        raise Problem(str(error)) from None
    gdb.execute("set pagination off")

    def auto(player):
        if player.at < len(one.steps):
            _tell(prompt.step_text(one, player.at))

    _tell("%s\n\n%s" % (one.title, one.intro))
    if not options.auto:
        _tell("\n" + prompt.KEYS)
    ask = auto if options.auto else prompt.Prompt(_tell, options.seconds)
    player = play.Player(one, _tell, ask, options.seconds, not options.auto)
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
    _tell("walk: %s: %d steps, as expected" % (one.name, len(one.steps)))
    _quit(0)


def _quit(status):
    """Exit at once, so that scripts/hyperscope gdb ends the machine. gdb's own quit would detach and let the machine
    run on."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
