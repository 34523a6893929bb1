# SPDX-License-Identifier: MIT
"""plan.py - the columns of a measurement, each with the point of a sweep that measures it, and the sweep's file.

A workload that runs on a system has a column for each system and, for hyperscope, one for each value of each toggle to
compare. The points are checked by the reader of sweep files, whose messages then name options instead of keys.
"""
import json
import re
from typing import NamedTuple

from hs.bench.systems import SYSTEMS, jobs_of
from hs.sweep import table, workloads

OPTIONS = ("cpu", "vcpus", "memory", "disk", "argument", "settle", "exits")  # options that are parameters of a sweep
TITLES = {"bare": "bare", "hyperscope": "hyperscope", "linux": "Linux KVM"}


class Column(NamedTuple):
    title: str
    point: dict


class Reader(table.Reader):
    """Reports an invalid value with the option that has it."""

    def __init__(self, parser):
        super().__init__("")
        self.parser = parser

    def refuse(self, key, text):
        name = key.rpartition(".")[2]
        self.parser.error("%s: %s" % ({"workload": "WORKLOAD", "system": "--systems"}.get(name, "--" + name), text))


def name_of(workload):
    """Return the name of a workload's folder: that of the payload, or the workload's kind."""
    kind, _, rest = workload.partition(":")
    return re.sub(r"[^\w.-]", "_", rest.split()[0]) if kind == "payload" else kind


def rows_there(system, names):
    """Return those of the rows NAMES that the bench measures on SYSTEM."""
    there = {name for job in jobs_of(system, "", "", None, names) for name in job.rows}
    return [name for name in names if name in there]


class Plan:
    """The columns of a measurement, and notes on what is left out."""

    def __init__(self, parser, options, compared):
        """compared: pairs of a setting of toggles and the rows that it can change, the first without a toggle to
        compare (hs.commands.bench.settings)."""
        self.reader, self.options = Reader(parser), options
        self.columns, self.notes = [], []
        self.workload = self.reader.value("workload", "workload", options.workload)
        self.kind = workloads.parse(self.workload)[0]
        self.name = name_of(self.workload)
        if "system" not in self.kind.TAKES:
            self.add("this machine", {})
            return
        for system in options.systems:
            if system == "hyperscope":
                self.add_hyperscope(compared)
            else:
                self.add(TITLES[system], {"system": system})
        self.columns.sort(key=lambda column: "=" in column.title)  # the systems first
        if not self.columns:
            parser.error("WORKLOAD: %s" % "; ".join(self.notes))

    def add_hyperscope(self, compared):
        for number, (setting, matters) in enumerate(compared):
            toggles = dict(word.split("=", 1) for word in setting.split())
            title = setting[len(compared[0][0]):].strip() if number else TITLES["hyperscope"]
            self.add(title, dict(toggles, system="hyperscope"), matters)

    def add(self, title, more, matters=None):
        """Add a column, unless the workload has nothing to measure there. matters: names of rows, or None for all."""
        workload = self.workload
        if "system" in more and self.kind is workloads.KINDS["bench"]:
            names = self.kind.names(workloads.parse(workload)[1])
            there = rows_there(more["system"], [name for name in names if matters is None or name in matters])
            left = [name for name in names if name not in there]
            if left:
                self.notes.append(("%s cannot measure %s" if matters is None else "%s cannot change %s")
                                  % (title, ", ".join(left)))
            if not there:
                return
            workload = "bench:" + ",".join(there)
        named = {name: getattr(self.options, name) for name in OPTIONS}
        named = {name: self.reader.value(name, name, value) for name, value in named.items() if value is not None}
        self.columns.append(Column(title, self.reader.point("", {"workload": workload, **more, **named})))

    def toml(self):
        """Return the sweep's file: a job for each column, with its parameters in the order of the sweep's columns."""
        lines = ["# Written by scripts/hyperscope measure. Copy and edit it, then run: scripts/hyperscope sweep COPY.toml",
                 "name = %s" % quoted(self.name), "timeout = %d" % self.options.timeout]
        for column in self.columns:
            lines += ["", "[[job]]  # %s" % column.title]
            lines += ["%s = %s" % (name, quoted(column.point[name])) for name in self.reader.known if name in column.point]
        return "\n".join(lines) + "\n"


def quoted(text):
    """Return TEXT, which is printable, as a string of TOML."""
    return json.dumps(text, ensure_ascii=False)


def systems(parser, text):
    """Parse the value of --systems. Return the systems in the order of the table."""
    names = text.split(",")
    for name in names:
        if name not in SYSTEMS + ("all",):
            parser.error("--systems %s: there is no system '%s'; known systems: %s, all" % (text, name, ", ".join(SYSTEMS)))
    return [name for name in SYSTEMS if name in names or "all" in names]
