# SPDX-License-Identifier: MIT
"""toggles.py - are a toggle and an event that somebody names ones that there are?

The names come from the tables that the hypervisor itself is built from.
"""
import fnmatch
import os
import re

from hs import tables
from hs.errors import STATUS_USAGE, LaunchError

TABLE, EVENTS = "src/kvm/toggle.def", "trace/events.def"
VARIABLE = "HYPERSCOPE_SET"  # NAME=VALUE ...: defaults for every run that is started with it


def _rows(top, path, macro):
    try:
        return list(tables.rows(path, macro, top=top))
    except OSError as error:
        raise LaunchError("%s: %s" % (path, error.strerror)) from None


def toggles(top):
    """name -> the values it takes; a number's are None."""
    table = {name: None for name, *_ in _rows(top, TABLE, "NUMBER")}
    table.update((name, values.split()) for name, values, *_ in _rows(top, TABLE, "TOGGLE"))
    return table


def initial(top):
    """name -> the value that it has when nobody sets it; numbers are not among them."""
    return {name: values.split()[int(index)] for name, values, index, _ in _rows(top, TABLE, "TOGGLE")}


def questions(top):
    """name -> the question that the toggle answers."""
    return {row[0]: row[-1] for macro in ("TOGGLE", "NUMBER") for row in _rows(top, TABLE, macro)}


def tried(top):
    """name -> the values that tests go through, the initial one first; of a number, some."""
    usual, table = initial(top), toggles(top)
    for name, values, _ in _rows(top, TABLE, "NUMBER"):
        table[name] = values.split()
        usual[name] = table[name][0]
    return {name: [value for value in values if value == usual[name]] + [value for value in values if value != usual[name]]
            for name, values in table.items()}


def in_force(top, wanted):
    """[(name, value)] of every toggle, as `wanted` (NAME=VALUE ...) and the environment leave them."""
    values = {name: values[0] for name, values in tried(top).items()}
    values.update(text.partition("=")[::2] for text in with_defaults(top, wanted))
    return sorted(values.items())


def events(top):
    return [name for name, *_ in _rows(top, EVENTS, "EVENT")]


def check_toggles(top, wanted, origin="--set"):
    known = toggles(top) if wanted else {}
    for text in wanted:
        name, equals, value = text.partition("=")
        if not equals:
            raise LaunchError("%s %s: not of the form NAME=VALUE" % (origin, text), STATUS_USAGE)
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


def with_defaults(top, wanted):
    """What --set asked for, and before it what $HYPERSCOPE_SET says of all other toggles."""
    usual = check_toggles(top, os.environ.get(VARIABLE, "").split(), VARIABLE)
    named = {text.partition("=")[0] for text in check_toggles(top, wanted)}
    return [text for text in usual if text.partition("=")[0] not in named] + wanted


def refuse_defaults():
    """For who measures: a figure's toggles are those that stand beside it."""
    if os.environ.get(VARIABLE, "").strip():
        raise LaunchError("%s is set, and figures must say their toggles: use --set" % VARIABLE,
                          STATUS_USAGE)


def is_condition(text):
    """Would src/host/trace/trace_filter.c take this (no blanks)? Terms are put together until one is left."""
    text = re.sub(r"\w+(?:[=!]=|[<>]=?|&(?!&))-?(?:0[xX][0-9a-fA-F]+|[0-9]+)(?!\w)", "T", text)
    before = None
    while text != before:
        before = text
        text = re.sub(r"!T|\(T\)|T(?:&&|\|\|)T", "T", text)
    return text == "T"


def trace_rule(top, option, text):
    """'EVENT if CONDITION' as the host's boot argument has it: EVENT:CONDITION, without blanks."""
    match = re.fullmatch(r"\s*(\w+)(?:\s+if\s+(.*\S))?\s*", text)
    if not match:
        raise LaunchError("%s '%s': not of the form EVENT if CONDITION" % (option, text),
                          STATUS_USAGE)
    event, condition = match.groups()
    if event not in events(top):
        raise LaunchError("there is no event '%s'; `hstrace events` lists them" % event,
                          STATUS_USAGE)
    if option == "--trace-filter" and not condition:
        raise LaunchError("%s '%s': a condition is missing, as in '%s if vm == 1'"
                          % (option, text, event), STATUS_USAGE)
    known = fields(top, event) + ["vm", "vcpu", "hart", "cpu", "CPU"]
    value = re.search(r"(?:[=!]=|[<>]=?|[^&]&)\s*([A-Za-z_]\w*)\s*(?:$|[&|)])", condition or "")
    if value:
        raise LaunchError("%s '%s': '%s' has to be a number (trace/file/names.c: what stands for what)"
                          % (option, text, value.group(1)), STATUS_USAGE)
    for name in re.findall(r"\b[A-Za-z_]\w*", re.sub(r"\b0[xX][0-9a-fA-F]+\b", "", condition or "")):
        if name not in known:
            raise LaunchError("%s '%s': %s has no field '%s'; there are %s"
                              % (option, text, event, name, ", ".join(known)), STATUS_USAGE)
    condition = re.sub(r"\s", "", condition or "")
    if condition and (not is_condition(condition) or len(condition) > 255):
        raise LaunchError("%s '%s': that is no condition; one compares a field with a number by == != "
                          "< <= > >= &, has ! && || ( ), and at most 255 characters"
                          % (option, text), STATUS_USAGE)
    return event + (":" + condition if condition else "")


def fields(top, event):
    return [field for name, _, _, *listed in _rows(top, EVENTS, "EVENT") if name == event
            for _, field in listed]


def check_trace(top, text):
    known = events(top) + ["all", "none"]
    for pattern in text.split(","):
        if not fnmatch.filter(known, pattern[pattern.startswith("!"):]):
            raise LaunchError("there is no event '%s'; `hstrace events` lists them" % pattern,
                              STATUS_USAGE)
    return text


def trace_chooses(text, event):
    """Is the event among those of a list as --trace takes it? From left to right, ! takes away."""
    chosen = False
    for pattern in text.split(","):
        if pattern == "none":
            chosen = False
        elif fnmatch.fnmatch(event, "*" if pattern.lstrip("!") == "all" else pattern.lstrip("!")):
            chosen = not pattern.startswith("!")
    return chosen
