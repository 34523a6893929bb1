# SPDX-License-Identifier: MIT
"""completion - print a shell script that completes hyperscope's commands and options.

bash: source <(scripts/hyperscope completion bash)
zsh:  source <(scripts/hyperscope completion zsh)    after compinit

The printed script calls `scripts/hyperscope completion words WORD...` to get
the words that can replace the last WORD: commands, options, rows, toggles,
events, and the names that some commands take. If there are no such words, the
script offers file names.
"""
import os
import re
import subprocess

from hs import toggles
from hs.bench.rows import APPLICATIONS, ROWS
from hs.bench.systems import SYSTEMS
from hs.errors import LaunchError
from hs.gdb import tour
from hs.parser import of_command
from hs.paths import HYPERSCOPE, TOP

SHELLS = ("bash", "zsh")
LISTS = ("--rows", "--systems", "--trace")  # options whose value is a list, separated by commas


def _rows():
    return [row.name for row in ROWS + APPLICATIONS]


def _settings():
    return ["%s=%s" % (name, value) for name, values in toggles.tried(TOP).items() for value in values]


def _checks():
    with open(os.path.join(TOP, "scripts", "shell", "check"), encoding="utf-8") as file:
        return re.search(r"^all=\((.*)\)$", file.read(), re.M).group(1).split()


def _sections():
    from hs.workload import coverage
    return ["all"] + [row.name.removeprefix("H §") for row in coverage.table()]


def _kinds():
    from hs.commands.new import KINDS
    return list(KINDS)


# The possible values of options, and the words that commands take.
OPTIONS = {"--rows": _rows, "--toggle": lambda: list(toggles.toggles(TOP)), "--set": _settings,
           "--coverage": _sections, "--systems": lambda: list(SYSTEMS) + ["all"],
           "--trace": lambda: ["all", "none"] + list(toggles.events(TOP))}
WORDS = {"anatomy": _rows, "profile": _rows, "bench": lambda: list(SYSTEMS) + ["all"], "check": _checks, "completion": lambda: SHELLS,
         "gdb": lambda: ["linux", "hello"], "new": _kinds, "run": lambda: ["linux", "hello"], "walk": tour.names}


def _options(command):
    """Return the options that a command's --help names."""
    done = subprocess.run([HYPERSCOPE, command, "--help"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return sorted(set(re.findall(r"--[a-z][a-z-]*", done.stdout.decode())))


def words(typed):
    """Return the words that can replace the last of the words typed after `scripts/hyperscope`."""
    from hs.main import COMMANDS, PARTS  # imported here, because main imports this module
    head, word = "", typed[-1]
    if len(typed) == 1:
        found = [name for name in COMMANDS if name not in PARTS] + ["--help", "--version"]
    else:
        before = typed[-2]
        if word.startswith("--") and "=" in word:
            before, _, word = word.partition("=")
            head = before + "="
        if before in LISTS:
            done, comma, word = word.rpartition(",")
            mark = "!" if word.startswith("!") else ""  # ! removes the event after it from the list
            head, word = head + done + comma + mark, word[len(mark):]
        if word.startswith("-"):
            found = _options(typed[0])
        else:
            found = OPTIONS.get(before, WORDS.get(typed[0], list))()
    return [head + name for name in found if name.startswith(word)]


def main(argv):
    parser = of_command("completion", __doc__, epilog="exit status: 0; 2 usage error")
    parser.add_argument("shell", metavar="SHELL", help="bash or zsh")
    if argv[:1] == ["words"]:
        try:
            print("\n".join(words(argv[1:] or [""])))
        except (LaunchError, OSError):
            pass  # offer no words; the completion script discards messages
        return 0
    shell = parser.parse_args(argv).shell
    if shell not in SHELLS:
        parser.error("unknown shell '%s'; known shells: %s" % (shell, ", ".join(SHELLS)))
    with open(os.path.join(TOP, "scripts", "hs", "completion", "hyperscope." + shell), encoding="ascii") as file:
        print(file.read(), end="")
    return 0
