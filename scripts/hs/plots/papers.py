# SPDX-License-Identifier: MIT
"""papers.py - plot the rows of reproduced papers relative to Linux KVM, and, with published figures, to a null call.

Published figures are from other machines, in cycles or nanoseconds, so they cannot be compared with our counts
of instructions. But the ratio of a row to the null call of the same system has no unit; the second figure
compares these ratios.
"""
import os

from hs.bench import expression
from hs.paper import folder as papers, judge
from . import data, marks, style

NULL_CALL = "sbi_version"


def _papers(folder):
    path = os.path.join(folder, "papers")
    names = sorted(os.listdir(path)) if os.path.isdir(path) else []
    found = [papers.Paper(os.path.join(path, name)) for name in names
             if os.path.isfile(os.path.join(path, name, "claims.md"))]
    if not any(paper.expected for paper in found):
        raise data.Absent("%s has no paper with figures: run 'make reproduce', then 'scripts/hyperscope reproduce write --from FILE'"
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
    groups = []
    for paper, rows in parts:
        groups += [(paper.title, {})] + [(style.label(label), {"hyperscope": value}) for label, value in rows]
    drawn = marks.figure("bars", [marks.Panel(groups, "instructions / instructions of Linux KVM")],
                         {"hyperscope": style.SYSTEMS["hyperscope"]}, base="Linux KVM", text=lambda value: "%.2f" % value)
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
    theirs = dict.fromkeys(line["system"] for paper, _ in parts for line in paper.published)
    series = {system: style.SYSTEMS[system] for system in ("hyperscope", "linux")}
    series.update({name: look._replace(name="published: " + name) for name, look in list(style.looks(
        list(series) + list(theirs)).items())[len(series):]})
    panels = [marks.Panel([(style.label(label), values) for label, values in rows],
                          "multiple of the same system's null call (here: instructions; published: %s)"
                          % " and ".join(sorted({line["unit"] for line in paper.published})), paper.title)
              for paper, rows in parts]
    drawn = marks.figure("bars", panels, series, text=lambda value: "%.1f" % value)
    style.finish(drawn, "Rows of papers relative to the null call, here and as published", (
        "hyperscope, Linux KVM: exact counts of instructions (-icount). Published: figures from the sources that "
        "papers/*/published.csv names, of other machines and in other units; the sources state neither n nor error. "
        "claims.md describes the rows.\n%s" % _made_with([paper for paper, _ in parts])))
    return drawn
