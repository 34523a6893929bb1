# SPDX-License-Identifier: MIT
"""papers.py - plot the rows of reproduced papers relative to Linux KVM, and, with published figures, to a null call.

Published figures are from other machines, in cycles or nanoseconds, so they cannot be compared with our counts
of instructions. But the ratio of a row to the null call of the same system has no unit; the second figure
compares these ratios.
"""
import os
import textwrap

from hs.bench import expression
from hs.paper import folder as papers, judge
from . import data, style

NULL_CALL = "sbi_version"
HEIGHT = 0.125


def _papers(folder):
    path = os.path.join(folder, "papers")
    names = sorted(os.listdir(path)) if os.path.isdir(path) else []
    found = [papers.Paper(os.path.join(path, name)) for name in names
             if os.path.isfile(os.path.join(path, name, "claims.md"))]
    if not any(paper.expected for paper in found):
        raise data.Absent("%s has no paper with figures: run 'make reproduce', then 'scripts/hyperscope reproduce write'"
                          % os.path.relpath(path))
    return found


def _figures(paper):
    """Return {(row, system): measured number}."""
    return {(line["row"], line["system"]): float(line["value"]) for line in paper.expected}


def _made_with(found):
    return "; ".join(judge.made_with([line for paper in found for line in paper.expected]))


def _label(paper, row):
    """Return the paper's name for a row, made unique; or the row's own name if the paper has none."""
    alike = [each for each in paper.rows.values() if each.theirs == row.theirs]
    if row.theirs == "-":
        return row.name
    return row.theirs if len(alike) == 1 else "%s: %s" % (row.theirs, row.name)


def _with_rows(found, rows_of, why):
    """Return (paper, rows_of(paper)) for the papers in which rows_of finds rows. Raise Absent with WHY if there are none."""
    parts = [(paper, rows) for paper, rows in ((paper, rows_of(paper)) for paper in found) if rows]
    if not parts:
        raise data.Absent(why)
    return parts


def ratios(paper):
    """Return (label, hyperscope's instructions / Linux KVM's) for each row that was measured on both systems."""
    figures = _figures(paper)
    found = []
    for row in paper.rows.values():
        ours, linux = figures.get((row.name, "hyperscope")), figures.get((row.name, "linux"))
        if ours is not None and linux:
            found.append((_label(paper, row), ours / linux))
    return found


def draw(folder=data.FOLDER, _cpu="rv64"):
    """Plot hyperscope's instructions as a multiple of Linux KVM's."""
    found = _papers(folder)
    parts = _with_rows(found, ratios, "no paper has a row with figures of hyperscope and of Linux KVM")
    heights = [len(rows) * 1.6 + 5 for _, rows in parts]
    drawn, axes = style.figure(7.2, 1 + HEIGHT * sum(heights), len(parts), sharex=True,
                               gridspec_kw={"height_ratios": heights})
    most = max([1] + [value for _, rows in parts for _, value in rows])
    for each, (paper, rows) in zip(axes, parts):
        style.bars(each, [(style.label(label), {"hyperscope": value}) for label, value in rows],
                   {"hyperscope": style.SYSTEMS["hyperscope"]}, "instructions / instructions of Linux KVM",
                   text=lambda value: "%.2f" % value)
        each.axvline(1, color=style.VERMILION, linewidth=1, linestyle="--", label="Linux KVM")
        each.set_xlim(0, most * (1 + style.ROOM))
        each.set_title(textwrap.fill(paper.title, 56))
    axes[0].legend(loc="center", bbox_to_anchor=(0.7, 0.5))
    for each in axes[:-1]:
        each.set_xlabel("")
        each.tick_params(axis="x", labelbottom=False)
    style.finish(drawn, "Rows of papers: hyperscope relative to Linux KVM", (
        "Ratios of exact counts of instructions (-icount), so the ratios are exact and have no interval; n is "
        "that of the benchmark. notebooks-data/papers/*/claims.md describe the rows.\n%s" % _made_with(found)))
    return drawn


def _null_call(paper):
    """Return the name of the row that is the null call on Linux KVM and has published figures, or None."""
    read = {line["row"] for line in paper.published}
    for row in paper.rows.values():
        terms = expression.terms(row.measured["linux"], "linux") if "linux" in row.measured else []
        if row.name in read and [term.row for term in terms] == [NULL_CALL]:
            return row.name
    return None


def shapes(paper):
    """Return (label, {system: multiple of that system's null call}) for each row with published figures."""
    base = _null_call(paper)
    if not base:
        return []
    figures = _figures(paper)
    figures.update({(line["row"], line["system"]): float(line["value"]) for line in paper.published})
    systems = ["hyperscope", "linux"] + list(dict.fromkeys(line["system"] for line in paper.published))
    found = []
    for name in dict.fromkeys(line["row"] for line in paper.published):
        values = {system: figures[name, system] / figures[base, system] for system in systems
                  if figures.get((name, system)) is not None and figures.get((base, system))}
        if name != base and len(values) > 1:
            found.append((_label(paper, paper.rows[name]), values))
    return found


def draw_shape(folder=data.FOLDER, _cpu="rv64"):
    """Plot the rows with published figures: on each system, as a multiple of that system's null call."""
    parts = _with_rows(_papers(folder), shapes,
                       "no paper has published figures together with one for a null call (published.csv)")
    heights = [sum(len(values) + 0.6 for _, values in rows) + 4 for _, rows in parts]
    drawn, axes = style.figure(7.2, 1.3 + HEIGHT * sum(heights), len(parts), gridspec_kw={"height_ratios": heights})
    for each, (paper, rows) in zip(axes, parts):
        theirs = dict.fromkeys(line["system"] for line in paper.published)
        series = {system: style.SYSTEMS[system] for system in ("hyperscope", "linux")}
        series.update({name: ("published: " + name,) + style.MORE[i % len(style.MORE)]
                       for i, name in enumerate(theirs)})
        units = " and ".join(sorted({line["unit"] for line in paper.published}))
        style.bars(each, [(style.label(label), values) for label, values in rows], series,
                   "multiple of the same system's null call (here: instructions; published: %s)" % units,
                   text=lambda value: "%.1f" % value)
        each.set_title(paper.title)
        each.legend(loc="lower right", fontsize=7)
    style.finish(drawn, "Rows of papers relative to the null call, here and as published", (
        "hyperscope, Linux KVM: exact counts of instructions (-icount). Published: figures from the sources that "
        "papers/*/published.csv names, of other machines and in other units; the sources state neither n nor error. "
        "claims.md describes the rows.\n%s" % _made_with([paper for paper, _ in parts])))
    return drawn
