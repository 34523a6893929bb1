# SPDX-License-Identifier: MIT
"""completion - print what a shell needs to complete hyperscope's commands and options.

bash: source <(scripts/hyperscope completion bash)
zsh:  source <(scripts/hyperscope completion zsh)    after compinit

Names of commands stand in what is printed; options are those that a command's
--help lists; rows, toggles and events are asked for when they are needed.
"""
import os

from hs import toggles
from hs.bench.rows import BY_NAME
from hs.parser import of_command
from hs.paths import TOP

# What stands behind an option.
VALUES = {
    "rows": lambda: list(BY_NAME),
    "toggle": lambda: list(toggles.toggles(TOP)),
    "set": lambda: ["%s=%s" % (name, value) for name, values in toggles.tried(TOP).items() for value in values],
    "trace": lambda: ["all", "none"] + list(toggles.events(TOP)),
}


def main(argv):
    from hs.main import COMMANDS, PARTS  # not above: it is what imports this module
    parser = of_command("completion", __doc__, epilog="exit status: 0; 2 wrong use")
    parser.add_argument("what", metavar="SHELL", choices=["bash", "zsh"] + list(VALUES),
                        help="bash or zsh; or a list of words that these ask for: " + ", ".join(VALUES))
    what = parser.parse_args(argv).what
    if what in VALUES:
        print("\n".join(VALUES[what]()))
        return 0
    commands = [name for name in COMMANDS if name not in PARTS]
    with open(os.path.join(TOP, "scripts", "hs", "completion", what + ".in"), encoding="ascii") as file:
        text = file.read()
    print(text.replace("@COMMANDS@", " ".join(commands)).replace("@OPTIONS@", " | ".join("--" + name for name in VALUES)), end="")
    return 0
