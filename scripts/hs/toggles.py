# SPDX-License-Identifier: MIT
"""toggles.py - check the names and values of toggles and events.

The names come from the tables from which the hypervisor is built.
"""
import fnmatch
import os
import re

from hs import tables
from hs.errors import STATUS_USAGE, LaunchError

TABLE, EVENTS = "src/kvm/toggle.def", "trace/events.def"
VARIABLE = "HYPERSCOPE_SET"  # environment variable: NAME=VALUE ..., defaults for every run


def _rows(top, path, macro):
    try:
        return list(tables.rows(path, macro, top=top))
    except OSError as error:
        raise LaunchError("%s: %s" % (path, error.strerror)) from None


def toggles(top):
    """Return name -> list of values, or None for a toggle that takes a number."""
    table = {name: None for name, *_ in _rows(top, TABLE, "NUMBER")}
    table.update((name, values.split()) for name, values, *_ in _rows(top, TABLE, "TOGGLE"))
    return table


def initial(top):
    """Return name -> default value, without toggles that take a number."""
    return {name: values.split()[int(index)] for name, values, index, _ in _rows(top, TABLE, "TOGGLE")}


def questions(top):
    """Return name -> the question that the toggle answers."""
    return {row[0]: row[-1] for macro in ("TOGGLE", "NUMBER") for row in _rows(top, TABLE, macro)}


def tried(top):
    """Return name -> values to test, the default first. For a toggle that takes a number, these are only some values."""
    usual, table = initial(top), toggles(top)
    for name, values, *_ in _rows(top, TABLE, "NUMBER"):
        table[name] = values.split()
        usual[name] = table[name][0]
    return {name: [value for value in values if value == usual[name]] + [value for value in values if value != usual[name]]
            for name, values in table.items()}


def in_force(top, wanted):
    """Return sorted (name, value) pairs of all toggles, as set by `wanted` (NAME=VALUE ...) and the environment."""
    values = {name: values[0] for name, values in tried(top).items()}
    values.update(text.partition("=")[::2] for text in with_defaults(top, wanted))
    return sorted(values.items())


def events(top):
    return [name for name, *_ in _rows(top, EVENTS, "EVENT")]


def check_toggles(top, wanted, origin="--set"):
    known = toggles(top) if wanted else {}
    most = {name: int(most) for name, _, most, _ in _rows(top, TABLE, "NUMBER")} if wanted else {}
    for text in wanted:
        name, equals, value = text.partition("=")
        if not equals:
            raise LaunchError("%s %s: not of the form NAME=VALUE" % (origin, text), STATUS_USAGE)
        if name not in known:
            raise LaunchError("there is no toggle '%s'; known toggles: %s"
                              % (name, ", ".join(sorted(known))), STATUS_USAGE)
        values = known[name]
        if values is None and not (re.fullmatch("0|[1-9][0-9]{0,18}", value) and int(value) <= most[name]):
            raise LaunchError("toggle %s takes a number from 0 to %d, not '%s'" % (name, most[name], value), STATUS_USAGE)
        if values is not None and value not in values:
            raise LaunchError("toggle %s takes %s, not '%s'"
                              % (name, " or ".join(values), value), STATUS_USAGE)
    return wanted


def with_defaults(top, wanted):
    """Return the settings of --set, preceded by those of $HYPERSCOPE_SET for all other toggles."""
    usual = check_toggles(top, os.environ.get(VARIABLE, "").split(), VARIABLE)
    named = {text.partition("=")[0] for text in check_toggles(top, wanted)}
    return [text for text in usual if text.partition("=")[0] not in named] + wanted


def refuse_defaults():
    """Reject $HYPERSCOPE_SET. Commands that measure call this, because figures are recorded with the toggles of --set only."""
    if os.environ.get(VARIABLE, "").strip():
        raise LaunchError("%s is set, but measurements take toggles only from --set: unset it" % VARIABLE,
                          STATUS_USAGE)


def is_condition(text):
    """Return whether TEXT, which has no blanks, has the syntax of src/host/trace/trace_filter.c.

    Replace comparisons by T, and then operators with their operands, until only T is left or nothing changes."""
    text = re.sub(r"\w+(?:[=!]=|[<>]=?|&(?!&))-?(?:0[xX][0-9a-fA-F]+|[0-9]+)(?!\w)", "T", text)
    before = None
    while text != before:
        before = text
        text = re.sub(r"!T|\(T\)|T(?:&&|\|\|)T", "T", text)
    return text == "T"


def trace_rule(top, option, text):
    """Check 'EVENT [if CONDITION]'. Return the host's boot argument for it: EVENT[:CONDITION], without blanks."""
    match = re.fullmatch(r"\s*(\w+)(?:\s+if\s+(.*\S))?\s*", text)
    if not match:
        raise LaunchError("%s '%s': not of the form EVENT if CONDITION" % (option, text),
                          STATUS_USAGE)
    event, condition = match.groups()
    event = current_event(top, event)
    if event not in events(top):
        raise LaunchError("there is no event '%s'; `hstrace events` lists the events" % event,
                          STATUS_USAGE)
    if option == "--trace-filter" and not condition:
        raise LaunchError("%s '%s': a condition is missing, as in '%s if vm == 1'"
                          % (option, text, event), STATUS_USAGE)
    known = fields(top, event) + ["vm", "vcpu", "hart", "cpu", "CPU"]
    value = re.search(r"(?:[=!]=|[<>]=?|[^&]&)\s*([A-Za-z_]\w*)\s*(?:$|[&|)])", condition or "")
    if value:
        raise LaunchError("%s '%s': '%s' has to be a number (trace/file/names.c lists the values of names)"
                          % (option, text, value.group(1)), STATUS_USAGE)
    for name in re.findall(r"\b[A-Za-z_]\w*", re.sub(r"\b0[xX][0-9a-fA-F]+\b", "", condition or "")):
        if name not in known:
            raise LaunchError("%s '%s': %s has no field '%s'; known fields: %s"
                              % (option, text, event, name, ", ".join(known)), STATUS_USAGE)
    condition = re.sub(r"\s", "", condition or "")
    if condition and (not is_condition(condition) or len(condition) > 255):
        raise LaunchError("%s '%s': not a valid condition; a condition compares fields with numbers (== != "
                          "< <= > >= &), combines them with ! && || ( ), and has at most 255 characters"
                          % (option, text), STATUS_USAGE)
    return event + (":" + condition if condition else "")


def fields(top, event):
    return [field for name, _, _, *listed in _rows(top, EVENTS, "EVENT") if name == event
            for _, field in listed]


def current_event(top, name):
    """Return the current name of an event that is given by its current or a former name."""
    return dict(_rows(top, EVENTS, "EVENT_ALIAS")).get(name, name)


def check_trace(top, text):
    """Check a list of events. Return it with current names instead of former ones, which the host does not know."""
    known, patterns = events(top) + ["all", "none"], []
    for word in text.split(","):
        mark = "!" if word.startswith("!") else ""
        pattern = current_event(top, word[len(mark):])
        if not fnmatch.filter(known, pattern):
            raise LaunchError("there is no event '%s'; `hstrace events` lists the events" % word, STATUS_USAGE)
        patterns.append(mark + pattern)
    return ",".join(patterns)


def trace_chooses(text, event):
    """Return whether a list in --trace's syntax selects the event. Words apply from left to right; ! deselects."""
    chosen = False
    for pattern in text.split(","):
        if pattern == "none":
            chosen = False
        elif fnmatch.fnmatch(event, "*" if pattern.lstrip("!") == "all" else pattern.lstrip("!")):
            chosen = not pattern.startswith("!")
    return chosen
