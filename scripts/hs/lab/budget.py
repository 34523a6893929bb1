# SPDX-License-Identifier: MIT
"""budget.py - a test's budget of instructions in lab.toml:

    budget = { row = "mmio_read", ratio = 1.05, toggles = "mmio_decode=fetch,fastpath=off" }

The row of the bench, with these toggles (default: none) and on the QEMU processor `cpu` (default: rv64), may
take at most `ratio` times the reference's instructions. append = "mix=${proportions}" adds an argument for the
bench's payload, in which the variant's values are filled in.
"""
import glob
import os
import re
from typing import NamedTuple

from hs import toggles
from hs.anatomy.run import OPERATION
from hs.bench.rows import BY_NAME
from hs.errors import LaunchError
from . import folder

KINDS: dict = {"row": str, "ratio": (int, float), "toggles": str, "cpu": str, "append": str}
KEYS = tuple(KINDS)


class Budget(NamedTuple):
    row: str
    ratio: float
    toggles: tuple  # NAME=VALUE, each
    cpu: str
    append: tuple   # empty, or one argument for the payload

    def name(self):
        """Return the row, and the settings under which it is counted."""
        under = self.toggles + self.append + (() if self.cpu == "rv64" else ("-cpu " + self.cpu,))
        return self.row + (" (%s)" % ", ".join(under) if under else "")


def countable():
    """Return the rows that loop over one operation, so that a plugin can tell one iteration from the next."""
    known = set()
    for path in glob.glob(os.path.join(folder.TOP, "src", "guest", "bench", "*.S")):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        macros = re.findall(r"^\t\.macro\t(\w+) name\b", text, re.M)  # each of these macros defines an op_NAME
        known.update(re.findall(r"^(?:op_(?=\w+:)|\t(?:%s)\t)(\w+)" % "|".join(macros + ["op"]), text, re.M))
    return [row for row in BY_NAME if OPERATION.get(row, row) in known]


def of(test, variant=None):
    """Return the test's budget; raise LaunchError if it is invalid. variant: None if its values are not needed."""
    given = test["budget"]

    def wrong(text, *values):
        return LaunchError("test %s: budget: %s" % (test["id"], text % values))

    for key in given:
        if key not in KEYS:
            raise wrong("there is no key '%s'; known keys: %s", key, ", ".join(KEYS))
    for key, kind in KINDS.items():
        if key in KEYS[:2] and key not in given:
            raise wrong("%s is missing", key)
        if key in given and not isinstance(given[key], kind):
            raise wrong("%s is not a %s: %r", key, "number" if key == "ratio" else "string", given[key])
    if given["row"] not in BY_NAME:
        raise wrong("the bench has no row '%s'; scripts/hyperscope bench --list shows the rows", given["row"])
    if given["row"] not in countable():
        raise wrong("row '%s' is not a loop of one operation; scripts/hyperscope anatomy --list shows those that are",
                    given["row"])
    if not 0 < given["ratio"] < 10:
        raise wrong("ratio %s is not between 0 and 10", given["ratio"])
    if not re.fullmatch(r"[A-Za-z0-9_.,=-]+", given.get("cpu", "rv64")):
        raise wrong("cpu '%s' is not a QEMU processor such as 'max' or 'rv64,sstc=off'", given["cpu"])
    words = tuple(word.strip() for word in given["toggles"].split(",")) if "toggles" in given else ()
    try:
        toggles.check_toggles(folder.TOP, words, "toggles")
    except LaunchError as error:
        raise wrong("%s", error) from None
    append = folder.fill(given.get("append", ""), variant or {})
    if "${" in append and variant is not None:
        raise wrong("append '%s': the variant has no value for a name in it (hidden tests' values need --key)", append)
    return Budget(given["row"], given["ratio"], words, given.get("cpu", "rv64"),
                  (append,) if append else ())
