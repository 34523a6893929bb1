# SPDX-License-Identifier: MIT
"""check-words - check that no file uses a word or phrase that the project has replaced.

Whole words are matched, ignoring case, in every text file that git knows,
except CHANGELOG.md, this command's own source, the fuzzing corpus, measured
data (CSV) and pictures. A commit that renames a term adds the old one to
REPLACED, so that it is not used again.
"""
import os
import re

from hs import git
from hs.parser import of_command
from hs.paths import TOP

# old word or phrase -> what to write instead
REPLACED = {
    "full way": "slow path",
    "dearer": "more expensive, costs more",
    "by turns": "alternately, in turn",
    "as ever": "as always, default",
    "goes before": "has precedence over",
    "a value that cannot be": "an invalid value",
    "linger": "lazy put", "lingers": "its put is pending", "lingering": "lazy put",
    "basket": "selection of programs",
    "belldev": "doorbell",
    "kvm_later": "kvm_compat",
    "gstage_debt": "gstage_pending_flush", "gstage_owe": "gstage_take_pending_flush", "tlb_settle": "tlb_flush_pending",
    "fp_in": "fp_restore", "fp_out": "fp_save",
}
PHRASE = re.compile(r"(?<![\w])(%s)(?![\w])" % "|".join(map(re.escape, REPLACED)), re.IGNORECASE)
SELF = "scripts/hs/commands/check_words.py"


def listing():
    for path in git.files():
        full = os.path.join(TOP, path)
        if path not in (SELF, "CHANGELOG.md") and not path.startswith("tests/fuzz/corpus/") \
                and not path.endswith((".svg", ".png", ".csv")) and not os.path.islink(full):
            yield path, full


def faults(text):
    """Yield the line number and the phrase of each match."""
    for number, line in enumerate(text.splitlines(), 1):
        for match in PHRASE.finditer(line):
            yield number, match.group()


def main(argv):
    of_command("check-words", __doc__,
               epilog="exit status: 0; 1 replaced words were found, one per line; 2 usage error").parse_args(argv)
    bad = 0
    for path, full in listing():
        with open(full, encoding="utf-8", errors="replace") as file:
            for number, phrase in faults(file.read()):
                print("%s:%d: '%s' has been replaced; write: %s" % (path, number, phrase, REPLACED[phrase.lower()]))
                bad = 1
    return bad
