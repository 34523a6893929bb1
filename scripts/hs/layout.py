# SPDX-License-Identifier: MIT
"""layout.py - lay out lines of text for a terminal of 80 columns."""
import textwrap

WIDTH = 79


def row(head, text, indent=None):
    """Return a row of a list: HEAD and TEXT, which is folded. INDENT begins further lines (default: as long as HEAD)."""
    return textwrap.fill(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head) if indent is None else indent,
                         break_long_words=False, break_on_hyphens=False) or head.rstrip()


def cells(texts, indent="  "):
    """Return TEXTS in columns of equal width, as many in a line as fit."""
    width = max(map(len, texts), default=0) + 2
    count = max((WIDTH - len(indent) + 2) // width, 1)
    return [(indent + "".join(text.ljust(width) for text in texts[at:at + count])).rstrip() for at in range(0, len(texts), count)]


def counted(number, singular, plural=""):
    """Return the number and the noun, such as "1 program" or "2 programs"."""
    return "%d %s" % (number, singular if number == 1 else plural or singular + "s")
