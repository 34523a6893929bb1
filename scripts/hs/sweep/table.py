# SPDX-License-Identifier: MIT
"""table.py - read a sweep's file, TOML or CSV, as a list of points. Errors name the key or the line.

A point is a dictionary, parameter -> text. Points are in the file's order, with the last parameter varying
fastest, so a number means the same job whenever the file is read.
"""
import csv
import hashlib
import io
import itertools
import os
import re
from typing import NamedTuple

from hs.bench.systems import SETTLE
from hs.errors import STATUS_USAGE, LaunchError
from hs.paths import QEMU, TOP
from hs.run import machine
from hs.run.qemuopt import check_cpu
from hs.toggles import check_toggles, toggles
from . import workloads

PARAMETERS = ("workload", "system", "cpu", "harts", "vcpus", "memory", "disk", "guest", "argument", "settle", "exits", "time")
DEFAULTS = {"system": "hyperscope", "cpu": "rv64", "settle": str(SETTLE), "time": "counted"}
CHOICES = {"system": ("bare", "hyperscope", "linux"), "time": ("counted", "wall"), "exits": ("on", "off")}
MAX_SETTLE = 3600
SECTOR = 512
MAX_DISK = 1 << 30  # the disk of a VM is a file in its host's memory
TIMEOUT = 900
MAX_JOBS = 1000000
MAX_TEXT = 65536  # characters in a value, which becomes a program's argument and a CSV field: both have limits


class Table(NamedTuple):
    name: str
    timeout: int
    columns: tuple  # the parameters that the file names, and those that have a default
    points: list    # (point, repetition) pairs
    digest: str     # digest of the file's text


class Reader:
    """Checks each value of a parameter once, and each combination of values for compatibility."""

    def __init__(self, path):
        self.path = path
        self.toggles = toggles(TOP)
        self.known = PARAMETERS + tuple(self.toggles)
        self.seen = {}

    def refuse(self, key, text):
        raise LaunchError("%s: %s%s" % (self.path, key + ": " if key else "", text), STATUS_USAGE)

    def value(self, key, name, value):
        """Check a parameter's value and return it as text."""
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            self.refuse(key, "expected a string or an integer, not %r" % (value,))
        value = str(value)
        if (name, value) not in self.seen:
            self._check(key, name, value)
            self.seen[name, value] = True
        # Jobs run in other folders and on other machines, so make paths absolute.
        is_path = name == "guest" and value != "linux" or name == "disk" and not workloads.SIZE.fullmatch(value)
        return os.path.abspath(value) if is_path else value

    def _check(self, key, name, value):
        if not value.isprintable():
            self.refuse(key, "expected one line of printable text")
        if len(value) > MAX_TEXT:
            self.refuse(key, "%d characters: at most %d are allowed" % (len(value), MAX_TEXT))
        if name in self.toggles:
            self._check_toggle(key, name, value)
        elif name == "workload":
            try:
                workloads.parse(value)
            except workloads.WorkloadError as error:
                self.refuse(key, str(error))
        elif name in CHOICES:
            if value not in CHOICES[name]:
                self.refuse(key, "'%s' is not one of %s" % (value, ", ".join(CHOICES[name])))
        elif name == "settle":
            if not re.fullmatch("[0-9]{1,4}", value) or int(value) > MAX_SETTLE:
                self.refuse(key, "'%s' is not a number of seconds from 0 to %d" % (value, MAX_SETTLE))
        elif name == "disk":
            self._check_disk(key, value)
        elif name in ("harts", "vcpus"):
            if not re.fullmatch("[1-9][0-9]?", value) or int(value) > machine.MAX_HARTS:
                self.refuse(key, "'%s' is not a number from 1 to %d" % (value, machine.MAX_HARTS))
        elif name == "memory" and not workloads.SIZE.fullmatch(value):
            self.refuse(key, "'%s' is not a size such as 512M or 2G" % value)
        elif name == "memory" and machine.parse_size(value, key) < 4 * machine.MIB:
            self.refuse(key, "a guest needs at least 4 MiB")
        elif name == "memory" and machine.parse_size(value, key) % machine.MIB:
            self.refuse(key, "'%s' is not a whole number of MiB" % value)
        elif name == "guest" and value != "linux" and not os.path.isfile(value):
            self.refuse(key, "%s: no such file ('linux' is Debian's kernel)" % value)
        elif name == "cpu":
            if not re.fullmatch(r"(?!help$)[\w.,=+-]+", value):
                self.refuse(key, "'%s' is not a processor of QEMU" % value)
            try:
                check_cpu(QEMU, value)
            except LaunchError as error:
                self.refuse(key, str(error).removeprefix("--cpu "))

    def _check_disk(self, key, value):
        if workloads.SIZE.fullmatch(value):
            size = machine.parse_size(value, key)
        elif os.path.isfile(value):
            size = os.path.getsize(value)
        else:
            self.refuse(key, "%s: no such file; give a size such as 64M, or the path of a raw image" % value)
        if not size or size % SECTOR or size > MAX_DISK:
            self.refuse(key, "%s has %d bytes: a disk needs whole sectors of %d bytes, at least one, and at most %d MiB"
                        % (value, size, SECTOR, MAX_DISK // machine.MIB))

    def _check_toggle(self, key, name, value):
        try:
            check_toggles(TOP, ["%s=%s" % (name, value)])
        except LaunchError as error:
            self.refuse(key, str(error))

    def product(self, where, named):
        """Return a point, with defaults, for every combination of the values in a table of lists."""
        lists = []
        for name, values in named.items():
            key = "%s.%s" % (where, name)
            if name not in self.known:
                self.refuse(key, "there is no such parameter; known parameters: %s" % ", ".join(self.known))
            values = values if isinstance(values, list) else [values]
            if not values:
                self.refuse(key, "the list is empty")
            values = [self.value(key, name, value) for value in values]
            if len(set(values)) != len(values):
                self.refuse(key, "a value occurs twice; use repetitions = N to repeat a measurement")
            lists.append(values)
        count = 1
        for values in lists:
            count *= len(values)
        if count > MAX_JOBS:
            self.refuse(where, "%d combinations: at most %d are allowed" % (count, MAX_JOBS))
        return [self.point(where, dict(zip(named, values))) for values in itertools.product(*lists)]

    def point(self, where, named):
        if "workload" not in named:
            self.refuse(where, "'workload' is missing: %s" % workloads.FORMS)
        kind = workloads.parse(named["workload"])[0]
        own = [name for name in named if name in self.toggles]
        point = {**{name: value for name, value in DEFAULTS.items() if name in kind.TAKES}, **named}
        for name in named:
            if name in PARAMETERS and name not in kind.TAKES:
                self.refuse("%s.%s" % (where, name), "%s has no %s" % (point["workload"], name))
        if own and point.get("system") != "hyperscope":
            self.refuse("%s.%s" % (where, own[0]), "only hyperscope has toggles, but this is %s: use a [[job]] of its own"
                        % ("system " + point["system"] if "system" in point else point["workload"]))
        if "settle" in point and not workloads.settles(point):
            point["settle"] = "0"  # results.csv shows what was done
        if point.get("system") == "bare" and "harts" in point:
            self.refuse(where + ".harts", "the bare system has no harts besides its vcpus: give vcpus")
        try:
            kind.check(point, tuple(own))
        except workloads.WorkloadError as error:
            self.refuse(where + ".workload", str(error))
        return point


def _whole(reader, key, value):
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_JOBS:
        reader.refuse(key, "expected an integer from 1 to %d, not %r" % (MAX_JOBS, value))
    return value


def _repeated(reader, key, points, count):
    """Return a list with each point repeated COUNT times."""
    if len(points) * count > MAX_JOBS:
        reader.refuse(key, "%d jobs: at most %d are allowed" % (len(points) * count, MAX_JOBS))
    return [point for point in points for _ in range(count)]


def _toml(reader, text):
    try:
        import tomllib
    except ImportError:
        reader.refuse("", "TOML needs Python 3.11 or later; write the table as CSV")
    data = tomllib.loads(text)
    for key in data:
        if key not in ("name", "repetitions", "timeout", "parameters", "job"):
            reader.refuse(key, "there is no such key; known keys: name, repetitions, timeout, [parameters] and "
                          "[[job]]")
    parameters, jobs = data.get("parameters", {}), data.get("job", [])
    if not isinstance(parameters, dict):
        reader.refuse("parameters", "expected a table: [parameters]")
    if not isinstance(jobs, list) or not all(isinstance(job, dict) for job in jobs):
        reader.refuse("job", "expected tables: [[job]]")
    usual = _whole(reader, "repetitions", data.get("repetitions", 1))
    points = _repeated(reader, "repetitions", reader.product("parameters", parameters) if parameters else [], usual)
    for number, job in enumerate(jobs, 1):
        where = "job %d" % number
        count = _whole(reader, where + ".repetitions", job.pop("repetitions", usual))
        points += _repeated(reader, where + ".repetitions", reader.product(where, job), count)
    return data.get("name"), _whole(reader, "timeout", data.get("timeout", TIMEOUT)), points


def _csv(reader, text):
    lines = csv.reader(io.StringIO(text), strict=True)
    try:
        rows = [(lines.line_num, fields) for fields in lines if fields]
    except csv.Error as error:
        reader.refuse("line %d" % lines.line_num, str(error))
    header = rows.pop(0)[1] if rows else []
    for name in header:
        if name not in reader.known:
            reader.refuse("line 1", "there is no parameter '%s'; known parameters: %s"
                          % (name, ", ".join(reader.known)))
        if header.count(name) > 1:
            reader.refuse("line 1", "column '%s' occurs twice" % name)
    points = []
    for number, fields in rows:
        where = "line %d" % number
        if len(fields) != len(header):
            reader.refuse(where, "%d fields; the header has %d" % (len(fields), len(header)))
        points += reader.product(where, {name: value for name, value in zip(header, fields) if value})
    return None, TIMEOUT, points


def read(path):
    try:
        with open(path, encoding="utf-8-sig") as file:  # spreadsheets write a byte order mark
            text = file.read()
    except OSError as error:
        raise LaunchError("%s: %s" % (path, error.strerror)) from None
    except UnicodeDecodeError:
        raise LaunchError("%s: not UTF-8 text" % path, STATUS_USAGE) from None
    reader = Reader(path)
    stem, kind = os.path.splitext(os.path.basename(path))
    if kind not in (".toml", ".csv"):
        reader.refuse("", "the file's name ends with neither .toml nor .csv")
    try:
        name, timeout, points = (_toml if kind == ".toml" else _csv)(reader, text)
    except (ValueError, RecursionError) as error:  # not TOML, a number of 5000 digits, or lists nested too deeply
        reader.refuse("", str(error))
    name = stem if name is None else name
    if not isinstance(name, str) or not re.fullmatch(r"[\w][\w.-]*", name):
        reader.refuse("name", "expected letters, digits, - _ and ., not %r" % (name,))
    if not points:
        reader.refuse("", "the file has no jobs: add [parameters] or [[job]] (TOML), or lines (CSV)")
    named = set().union(*points)
    return Table(name, timeout, tuple(name for name in reader.known if name in named),
                 _numbered(points), hashlib.sha256(text.encode()).hexdigest()[:12])


def _numbered(points):
    """Return each point with the number of its repetition; a point that occurs again is a further repetition."""
    count, result = {}, []
    for point in points:
        key = tuple(sorted(point.items()))
        count[key] = count.get(key, 0) + 1
        result.append((point, count[key]))
    return result
