# SPDX-License-Identifier: MIT
"""parser.py - options of a command; wrong use is one sentence, and where to read more."""
import argparse
import os

from hs.paths import TOP


def seconds(text):
    """An option's type: a duration in seconds."""
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value < 1e9:  # also false for a NaN
        raise argparse.ArgumentTypeError("%s is not a number of seconds" % (text or "nothing"))
    return value


def absolute(path):
    """An option's type: a path that stays the same when the folder changes."""
    return os.path.abspath(path)


class Parser(argparse.ArgumentParser):
    def parse_args(self, args=None, namespace=None):
        """Options may stand between words, but where the words are another program's."""
        whole = any(action.nargs in (argparse.REMAINDER, argparse.PARSER) for action in self._get_positional_actions())
        read = self.parse_known_args if whole else self.parse_known_intermixed_args
        options, rest = read(args, namespace)
        unknown = [word for word in rest if word.startswith("-")] or rest
        if unknown:
            self.error("unknown option %s" % unknown[0])
        return options

    def add_out(self, text="output folder ($O, else build/)"):
        """The option --out, always an absolute path."""
        self.add_argument("--out", metavar="DIR", type=absolute, help=text,
                          default=os.environ.get("O") or os.path.join(TOP, "build"))

    def written(self, option, path):
        """What cannot be kept in the end is not measured."""
        if path and (os.path.isdir(path) or not os.access(path if os.path.exists(path) else os.path.dirname(path) or ".",
                                                          os.W_OK)):
            self.error("%s %s: cannot be written" % (option, path))

    def error(self, message):
        self.exit(2, "%s: %s; %s --help lists what there is\n"
                  % (self.prog.rpartition("/")[2].replace("hyperscope ", "", 1), message, self.prog))


def of_command(name, doc, kind=Parser, **more):
    """The parser of `scripts/hyperscope NAME`. DOC, "NAME - text", is the docstring of the command's module."""
    text = doc.partition(" - ")[2]
    return kind(prog="scripts/hyperscope " + name, description=text[:1].upper() + text[1:], allow_abbrev=False,
                formatter_class=argparse.RawDescriptionHelpFormatter, **more)
