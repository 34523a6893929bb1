# SPDX-License-Identifier: MIT
"""lastwords.py - the end of what a failed run printed, for its error message, and a file with all of it."""
import os
import re

from hs.run.machine import shown

CONSOLE, ERRORS = 8, 14  # number of lines to show of standard output and of standard error
WIDTH = 78


def printable(text):
    """Return the text with '?' for each control character but tabs and line feeds."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "?", text)


def _lines(text, most):
    for line in [line for line in text.splitlines() if line.strip()][-most:]:
        line = printable("  " + line.expandtabs().rstrip())
        yield line if len(line) <= WIDTH else line[:WIDTH - 3] + "..."


def last_words(out, name, console, errors=""):
    """Return the last lines that a run printed, after a newline, and the name of the file, in the folder OUT/failed, that
    has all of them. A guest's console may contain anything, so only printable characters are shown."""
    found = list(_lines(console, CONSOLE)) + list(_lines(errors, ERRORS))
    if not found:
        return "\nit printed nothing"
    path = os.path.join(out, "failed", re.sub("[^A-Za-z0-9.=_]+", "-", name).strip("-") + ".log")
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(console + errors)
        whole = "all of it is in " + shown(path)
    except OSError as error:
        whole = "%s: %s" % (shown(path), error.strerror)
    return "\nthe end of its output (%s):\n%s" % (whole, "\n".join(found))
