# SPDX-License-Identifier: MIT
"""parser.py - parse a command's options; report usage errors in one sentence that names --help."""
import argparse
import itertools
import os
import re

from hs.paths import QEMU, TOP

# argparse's messages, and what is printed instead.
REWORDED = ((r"argument (\S+): expected one argument", r"\1 needs a value"),
            (r"argument (\S+): invalid int value: '(.*)'", r"\1 \2: must be a whole number"),
            (r"argument (\S+): invalid positive value: '(.*)'", r"\1 \2: must be a whole number of at least 1"),
            (r"argument (\S+): invalid choice: ('.*') \((choose from .*)\)", r"\1 \2: \3"),
            (r"argument (\S+): ", r"\1: "))

# Former names of options.
RENAMED = {"--mem": "--memory", "--ram": "--memory", "--bios": "--firmware", "--smp": "--vcpus"}


def unknown_option(word):
    """Return the message that refuses an unknown option."""
    now = RENAMED.get(word.partition("=")[0])
    return "unknown option %s%s" % (word, now and "; its name is now " + now or "")


def seconds(text):
    """Convert the value of an option that takes a duration in seconds."""
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value < 1e9:  # also false for NaN
        raise argparse.ArgumentTypeError("%s is not a number of seconds" % (text or "nothing"))
    return value


def positive(text):
    """Convert the value of an option that takes a whole number of at least 1. REWORDED has the message."""
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def percent(text):
    """Convert the value of an option that takes a percentage, such as 2% or 0.5, to a share."""
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = -1
    if not 0 <= value < 1e6:  # also false for NaN
        raise argparse.ArgumentTypeError("%s is not a percentage such as 2%%" % (text or "nothing"))
    return value / 100


def readable(path):
    """Convert the value of an option that names a file to read."""
    if os.path.isdir(path) or not os.access(path, os.R_OK):
        raise argparse.ArgumentTypeError("%s: %s" % (path or "''", "cannot be read" if os.path.exists(path) else "no such file"))
    return path


def absolute(path):
    """Convert a path given with an option to an absolute path, so that a change of folder does not affect it."""
    return os.path.abspath(path)


class Parser(argparse.ArgumentParser):
    def parse_args(self, args=None, namespace=None):
        """Allow options between positional arguments, unless the latter include another program's command line."""
        whole = any(action.nargs in (argparse.REMAINDER, argparse.PARSER) for action in self._get_positional_actions())
        if not whole:  # report an unknown option rather than what is missing because of it
            for word in itertools.takewhile(lambda word: word != "--", args):
                if re.match(r"--\S+$", word) and word.partition("=")[0] not in self._option_string_actions:
                    self.error(unknown_option(word))
        read = self.parse_known_args if whole else self.parse_known_intermixed_args
        options, rest = read(args, namespace)
        for word in sorted(rest, key=lambda word: not word.startswith("-")):
            self.error(unknown_option(word) if word.startswith("-") else "unexpected argument '%s'" % word)
        return options

    def add_out(self, text="output folder ($O, else build/)", group=None):
        """Add the option --out, to GROUP if it is given; its value is always an absolute path."""
        (group or self).add_argument("--out", metavar="DIR", type=absolute, help=text,
                                     default=os.environ.get("O") or os.path.join(TOP, "build"))

    def add_qemu(self, what="QEMU to use", group=None):
        """Add the option --qemu, to GROUP if it is given. WHAT is the help text without the default."""
        (group or self).add_argument("--qemu", metavar="PROGRAM", default=QEMU, help="%s ($QEMU, else qemu-system-riscv64)" % what)

    def add_jobs(self, text="number of machines to run at once"):
        """Add the option --jobs. TEXT is the help text without the default."""
        self.add_argument("--jobs", metavar="N", type=positive, default=min(os.cpu_count() or 1, 4),
                          help="%s (one per processor, at most 4)" % text)

    def add_timeout(self, default, text="time limit for each boot"):
        """Add the option --timeout, in seconds. TEXT is the help text without the default."""
        self.add_argument("--timeout", metavar="SECONDS", type=positive, default=default, help="%s (%d)" % (text, default))

    def written(self, option, path):
        """Check before measuring that the file PATH, given with OPTION, can be written. If not, report a usage error."""
        if path is None:
            return
        if not path or os.path.isdir(path) or not os.access(path if os.path.exists(path) else os.path.dirname(path) or ".", os.W_OK):
            self.error("%s %s: cannot be written" % (option, path or "''"))

    def error(self, message):
        # Python 3.11 quotes the choices; Python 3.13 does not.
        message = re.sub(r"\(choose from .*", lambda found: found[0].replace("'", ""), message)
        for pattern, words in REWORDED:
            message = re.sub("^" + pattern, words, message)
        self.exit(2, "%s: %s; see %s --help\n"
                  % (self.prog.rpartition("/")[2].replace("hyperscope ", "", 1), message, self.prog))


def of_command(name, doc, kind=Parser, **more):
    """Return the parser of `scripts/hyperscope NAME`. DOC is the docstring of the command's module, "NAME - text"."""
    text = doc.partition(" - ")[2]
    return kind(prog="scripts/hyperscope " + name, description=text[:1].upper() + text[1:], allow_abbrev=False,
                formatter_class=argparse.RawDescriptionHelpFormatter, **more)
