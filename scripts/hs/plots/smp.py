# SPDX-License-Identifier: MIT
"""smp.py - plot a sweep's results against the number of vCPUs, with one panel per result.

Wall-clock times are left out: each job is a separate run, so the times of different jobs cannot be compared. Ratios
(unit x), which each job measures within its own run, are plotted.
"""
from . import chart, data, results
from .selection import Request, listed

NAME = "smp-scale.csv"


def read(folder=data.FOLDER):
    """Return the Results of the successful jobs that set vcpus. A result without a unit, such as a guest's number of
    CPUs, is not a measurement."""
    table = results.sweep(data.path_of(NAME, folder))
    return table._replace(lines=[line for line in table.lines
                                 if line["status"] == "ok" and line["unit"] and line.get("vcpus")])


def draw(folder=data.FOLDER, _cpu="rv64"):
    table = read(folder)
    lines = [line for line in table.lines if not results.is_wall(line)]
    names = [name for name in dict.fromkeys(line["name"] for line in lines)
             if len({line["vcpus"] for line in lines if line["name"] == name}) > 1]
    if not names:
        raise data.Absent("%s has no comparable result for more than one number of vCPUs" % NAME)
    wall = [line["name"] for line in table.lines if results.is_wall(line)]
    more = "\nNot drawn, because wall-clock times of different runs cannot be compared: %s." % listed(wall) if wall else ""
    request = Request("vcpus", tuple(names), tuple(column for column in ("system",) if column in table.columns))
    return chart.draw(table._replace(lines=lines), request, "lines", title="Cost of more vCPUs", more=more)
