# SPDX-License-Identifier: MIT
"""toggles.py - are a toggle and an event that somebody names ones that there are?

The names come from the tables that the hypervisor itself is built from.
"""
import fnmatch
import os
import re

from .errors import STATUS_USAGE, LaunchError


def _read(top, *path):
    try:
        with open(os.path.join(top, *path), encoding="utf-8") as table:
            return table.read()
    except OSError as error:
        raise LaunchError("%s: %s" % (os.path.join(*path), error.strerror)) from None


def toggles(top):
    """name -> the values it takes; a number's are None."""
    text = _read(top, "src", "kvm", "toggle.def")
    table = {name: None for name in re.findall(r"^NUMBER\(\s*(\w+)", text, re.M)}
    for name, values in re.findall(r'^TOGGLE\(\s*(\w+)\s*,\s*"([^"]*)"', text, re.M):
        table[name] = values.split()
    return table


def initial(top):
    """name -> the value that it has when nobody sets it; numbers are not among them."""
    found = re.findall(r'^TOGGLE\(\s*(\w+)\s*,\s*"([^"]*)"\s*,\s*([0-9]+)',
                       _read(top, "src", "kvm", "toggle.def"), re.M)
    return {name: values.split()[int(index)] for name, values, index in found}


def in_force(top, wanted):
    """[(name, value)] of every toggle, as `wanted` (NAME=VALUE ...) leaves them."""
    values = dict.fromkeys(toggles(top), "initial")
    values.update(initial(top))
    values.update(text.partition("=")[::2] for text in wanted)
    return sorted(values.items())


def events(top):
    return re.findall(r"^EVENT\(\s*(\w+)", _read(top, "trace", "events.def"), re.M)


def check_toggles(top, wanted):
    known = toggles(top) if wanted else {}
    for text in wanted:
        name, equals, value = text.partition("=")
        if not equals:
            raise LaunchError("--set %s: not of the form NAME=VALUE" % text, STATUS_USAGE)
        if name not in known:
            raise LaunchError("there is no toggle '%s'; there are %s"
                              % (name, ", ".join(sorted(known))), STATUS_USAGE)
        values = known[name]
        if values is None and not re.fullmatch("[0-9]+", value):
            raise LaunchError("toggle %s takes a number, not '%s'" % (name, value), STATUS_USAGE)
        if values is not None and value not in values:
            raise LaunchError("toggle %s takes %s, not '%s'"
                              % (name, " or ".join(values), value), STATUS_USAGE)
    return wanted


def check_trace(top, text):
    known = events(top) + ["all", "none"]
    for pattern in text.split(","):
        if not fnmatch.filter(known, pattern[pattern.startswith("!"):]):
            raise LaunchError("there is no event '%s'; trace/events.def lists them" % pattern,
                              STATUS_USAGE)
    return text
