# SPDX-License-Identifier: MIT
"""anatomy.py - plot the instructions of an exit by stage: a stacked bar for each system.

Stages are in the order of hs/anatomy/stages.py, which is roughly chronological. Each has a color and, where there is
room, its number of instructions, so that readers need not rely on colors.
"""
from hs.anatomy import table
from hs.anatomy.stages import STAGES
from hs.errors import LaunchError
from . import data, style

SYSTEMS = ("hyperscope", "linux", "bare")
COLORS = (style.GRAY, style.BLUE, style.SKY, style.GREEN, style.YELLOW, style.ORANGE, style.VERMILION, style.PURPLE)
HATCHES = ("", "\\\\\\\\", "////")
ROOM = 0.045   # share of the longest bar; a shorter stage has no room for its number of instructions


def read(folder=data.FOLDER):
    """Return the lines of anatomy.csv, with instructions as numbers."""
    path = data.path_of("anatomy.csv", folder)
    lines = [dict(line, instructions=float(line["instructions"])) for line in table.read(path)]
    for line in lines:
        known = line["stage"] in STAGES and line["instructions"] >= 0 or line["stage"] == table.OTHER_PATHS
        if not known or abs(line["instructions"]) > data.MOST:
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


def _looks(bars):
    """Return {stage: (color, hatching)} for the stages with at least half an instruction in any bar."""
    order = [stage for stage in tuple(STAGES) + (table.OTHER_PATHS,)
             if any(stages.get(stage, 0) >= 0.5 for stages in bars)]
    return {stage: (COLORS[i % len(COLORS)], HATCHES[i // len(COLORS)]) for i, stage in enumerate(order)}


def draw(folder=data.FOLDER, cpu="rv64"):
    lines = [line for line in read(folder) if line["cpu"] == cpu and line["system"] in SYSTEMS]
    found = by_stage(lines)
    bars = [stages for systems in found.values() for stages in systems.values()]
    looks = _looks(bars)
    if not looks:
        raise data.Absent("anatomy.csv has no figures for -cpu %s" % cpu)
    drawn, (axes,) = style.figure(style.WIDTH, 0.6 + 0.26 * (len(bars) + 0.6 * len(found)))
    most = max(sum(stages.values()) for stages in bars)
    place, ticks = 0.0, []
    for row, systems in found.items():
        for system in SYSTEMS:
            if system in systems:
                _bar(axes, place, systems[system], looks, most)
                ticks.append((place, "%s, %s" % (row, style.SYSTEMS[system][0])))
                place += 1
        place += 0.6
    axes.set_yticks(*zip(*ticks))
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(place - 0.8, -0.7)
    axes.set_xlim(0, most * 1.1)
    style.thousands(axes.xaxis)
    axes.set_xlabel("instructions per operation")
    for stage, (color, hatch) in looks.items():
        axes.barh([0], [0], color=color, hatch=hatch, edgecolor="white", label=stage)
    style.finish(drawn, "Instructions of an exit by stage", (
        "Stages are in the order of their first instruction; after the last color, colors repeat with hatching. "
        "Exact: every instruction of one iteration (n = 1), on the path that most of the median batch's instructions "
        "took; without a stage 'other paths', all iterations took the same path.\n%s" % data.made_with(lines)))
    return drawn


def _bar(axes, place, stages, looks, most):
    left = 0.0
    for stage, (color, hatch) in looks.items():
        count = stages.get(stage, 0)
        if count <= 0:
            continue
        axes.barh([place], [count], 0.86, left=left, color=color, hatch=hatch, edgecolor="white", linewidth=0.5)
        if count > ROOM * most:
            axes.text(left + count / 2, place, style.shown(count), ha="center", va="center", fontsize=6.5,
                      bbox={"fc": "white", "ec": "none", "pad": 0.6, "alpha": 0.85})
        left += count
    axes.annotate(style.shown(round(sum(stages.values()))), (left, place), (3, 0), textcoords="offset points",
                  va="center", fontsize=7, fontweight="bold")
