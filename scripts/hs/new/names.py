# SPDX-License-Identifier: MIT
"""names.py - check names and descriptions against the conventions of the tree."""
import re

from .tree import refuse

LENGTH = 24
# word to avoid -> the term that the tree uses
WRONG = {"stage2": "gstage", "ept": "gstage", "npt": "gstage", "slat": "gstage", "core": "hart"}
C_WORDS = set("""auto break case char const continue default do double else enum extern float for goto
if inline int long register restrict return short signed sizeof static struct switch typedef union
unsigned void volatile while bool asm errno""".split())


def check(name, what, example):
    """Check and return a C name in lower case, with words joined by _."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        refuse("'%s' is not a valid name for %s: begin with a letter, and use lower-case letters, digits and single _, as in '%s'"
               % (name, what, example))
    if len(name) > LENGTH:
        refuse("'%s' is too long for %s: at most %d characters are allowed" % (name, what, LENGTH))
    if name in C_WORDS:
        refuse("'%s' is not a valid name for %s: it is reserved in C" % (name, what))
    for word in name.split("_"):
        if word in WRONG:
            refuse("'%s' is not a valid name for %s: use '%s', not '%s'" % (name, what, WRONG[word], word))
    return name


def check_sentence(text, option, most=90):
    """Check and return a description: one line that can be put into a table, a comment and a string."""
    if not text.strip() or not text.isprintable() or any(end in text for end in ('"', "|", "\\", "@", "*/")) \
            or text.endswith("."):
        refuse('%s %s: one line without " | \\ @ */ and without a full stop at its end'
               % (option, "'%s'" % text if text.isprintable() else ascii(text)))
    if len(text) > most:
        refuse("%s '%s': at most %d characters are allowed" % (option, text, most))
    return text
