# SPDX-License-Identifier: MIT
"""completion - print a shell's completion of hyperscope's commands and options.

bash: source <(scripts/hyperscope completion bash)
zsh:  source <(scripts/hyperscope completion zsh)    after compinit

The printed script contains the names of the commands. It takes options from a
command's --help, and calls this command for rows, toggles and events.
"""
import os

from hs import toggles
from hs.bench.rows import BY_NAME
from hs.parser import of_command
from hs.paths import TOP

# option -> the values to offer after it
VALUES = {
    "rows": lambda: list(BY_NAME),
    "toggle": lambda: list(toggles.toggles(TOP)),
    "set": lambda: ["%s=%s" % (name, value) for name, values in toggles.tried(TOP).items() for value in values],
    "trace": lambda: ["all", "none"] + list(toggles.events(TOP)),
}


def main(argv):
    from hs.main import COMMANDS, PARTS  # imported here, because main imports this module
    parser = of_command("completion", __doc__, epilog="exit status: 0; 2 usage error")
    parser.add_argument("what", metavar="SHELL", choices=["bash", "zsh"] + list(VALUES),
                        help="bash or zsh; the scripts also call it with: " + ", ".join(VALUES))
    what = parser.parse_args(argv).what
    if what in VALUES:
        print("\n".join(VALUES[what]()))
        return 0
    commands = [name for name in COMMANDS if name not in PARTS]
    with open(os.path.join(TOP, "scripts", "hs", "completion", what + ".in"), encoding="ascii") as file:
        text = file.read()
    print(text.replace("@COMMANDS@", " ".join(commands)).replace("@OPTIONS@", " | ".join("--" + name for name in VALUES)), end="")
    return 0
