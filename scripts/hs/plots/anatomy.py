# SPDX-License-Identifier: MIT
"""anatomy.py - plot the instructions of an exit by stage: a stacked bar for each system.

Stages are in the order of hs/anatomy/stages.py, which is roughly chronological.
"""
from hs.anatomy import table
from hs.anatomy.stages import STAGES
from hs.bench.systems import MOST
from hs.errors import LaunchError
from . import data, marks, style

SYSTEMS = ("hyperscope", "linux", "bare")


def read(folder=data.FOLDER):
    """Return the lines of anatomy.csv, with instructions as numbers."""
    path = data.path_of("anatomy.csv", folder)
    lines = [dict(line, instructions=float(line["instructions"])) for line in table.read(path)]
    for line in lines:
        known = line["stage"] in STAGES and line["instructions"] >= 0 or line["stage"] == table.OTHER_PATHS
        if not known or abs(line["instructions"]) > MOST:
            raise LaunchError("%s: %s of %s: stage '%s' is unknown, or cannot have %g instructions" % (
                path, line["exit"], line["system"], line["stage"], line["instructions"]))
    return lines


def by_stage(lines):
    """Return {row: {system: {stage: instructions}}}; other paths count as one more stage."""
    found = {}
    for line in lines:
        stages = found.setdefault(line["exit"], {}).setdefault(line["system"], {})
        stages[line["stage"]] = stages.get(line["stage"], 0) + line["instructions"]
    return found


def draw(folder=data.FOLDER, cpu="rv64"):
    lines = [line for line in read(folder) if line["cpu"] == cpu and line["system"] in SYSTEMS]
    if not lines:
        raise data.Absent("anatomy.csv has no figures for -cpu %s" % cpu)
    groups = []
    for row, systems in by_stage(lines).items():
        groups += [(row, {})] + [(style.SYSTEMS[system].name, systems[system]) for system in SYSTEMS if system in systems]
    stages = [stage for stage in tuple(STAGES) + (table.OTHER_PATHS,)
              if any(cells.get(stage, 0) >= 0.5 for _, cells in groups)]
    drawn = marks.figure("stacks", [marks.Panel(groups, "instructions per operation")], style.looks(stages))
    style.finish(drawn, "Instructions of an exit by stage", (
        "Stages are in the order of their first instruction. Exact: every instruction of one iteration (n = 1), on the path "
        "that most of the median batch's instructions took; without a stage 'other paths', all iterations took the same "
        "path.\n%s" % data.made_with(lines)))
    return drawn
