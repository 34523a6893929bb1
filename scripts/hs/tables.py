# SPDX-License-Identifier: MIT
"""tables.py - read the rows, MACRO(field, ...), of the .def tables from which C code is built."""
import os
import re

from hs.paths import TOP

_TOKEN = re.compile(r'\s+|/\*.*?\*/|"([^"]*)"|[(),]|[^\s"(),]+', re.S)


def _fields(text, at):
    """Return the fields of the row whose opening parenthesis is just before `at`, and the position after the row.
    Strings lose their quotes, adjacent strings are joined, and a field in parentheses becomes a list."""
    fields, field = [], []
    while True:
        match = _TOKEN.match(text, at)
        at = match.end()
        word = match.group()
        if word in ",)":
            fields.append(field[0] if len(field) == 1 else "".join(field))
            field = []
            if word == ")":
                return fields, at
        elif word == "(":
            inner, at = _fields(text, at)
            field.append(inner)
        elif match.group(1) is not None:
            field.append(match.group(1))
        elif not word.isspace() and not word.startswith("/*"):
            field.append(word)


def rows(path, *macros, top=TOP):
    """Yield a list of fields for each row of these macros, in the file's order. Raise OSError if the file cannot be read."""
    with open(os.path.join(top, path), encoding="utf-8") as table:
        text = table.read()
    for match in re.finditer(r"^(?:%s)\(" % "|".join(macros), text, re.M):
        yield _fields(text, match.end())[0]
