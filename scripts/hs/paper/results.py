# SPDX-License-Identifier: MIT
"""results.py - print the results of a paper's check, and write docs/results.md for all papers."""
import os
import textwrap

from hs.bench.report import shown
from . import judge

PAGE = os.path.join("docs", "results.md")
NAMES = {"hyperscope": "hyperscope", "linux": "Linux KVM", "nested": "nested", "bare": "bare", "native": "native"}
COLUMNS = {"hyperscope": ("hyperscope",), "nested": ("nested",), "Linux KVM": ("linux",), "no VM": ("bare", "native")}
HEAD = """\
# Reproduced papers

<!-- written by `scripts/hyperscope reproduce write`: change notebooks-data/papers/*, not this page -->

Consult this page to see which claims and figures of papers hold on hyperscope and on Linux KVM. These
commands repeat the measurements:

    make reproduce                              # measure everything, and compare
    scripts/hyperscope reproduce all kvm-arm-2014          # measure one paper

The unit is instructions in all privilege modes, counted by QEMU (`-icount`), so figures are reproduced
exactly; *x* is the ratio to the native figure, without a VM. [Validity](validity.md) explains what these
figures prove. *Linux KVM* is the kernel of Debian stable, Linux 6.12, whose release is named below each
paper's claims; [Linux KVM, kernel by kernel](kvm-history.md) has the figures of newer kernels. *nested* is
a guest of hyperscope that is itself a guest of hyperscope ([nested virtualization](nested.md)), with the
instructions of both levels. *Published* is a figure from the source that published.csv names, in its own
unit and of its own machine. It is empty if no source was available; no figure is quoted from memory. The
paper's claims.md explains each row and the basis of each claim.
"""


def _wrap(text, first, rest):
    return textwrap.fill(text, 79, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def _cell(line):
    if line and line["unit"].startswith(judge.RATIO):
        return "%.3f x" % float(line["value"])
    return shown(line and float(line["value"]))


def _columns(paper):
    """Return the columns in which the paper measures a row."""
    measured = {system for row in paper.rows.values() for system in row.measured}
    return {name: systems for name, systems in COLUMNS.items() if measured & set(systems)}


def _cells(paper, lines):
    """Yield each row with its figures for the paper's columns."""
    figures = {(line["row"], line["system"]): line for line in lines}
    for row in paper.rows.values():
        found = [[figures[row.name, system] for system in systems if (row.name, system) in figures]
                 for systems in _columns(paper).values()]
        yield row, tuple(_cell(each[0] if each else None) for each in found)


def _name(row):
    return row.name if row.theirs == "-" else row.theirs


def _combined(found):
    """Return verdicts as (claim, text, expression, whether the verdict is as expected). Systems with the same verdict
    are combined."""
    texts = []
    for verdict in found:
        text = "not measured" if verdict.found is None else "holds" if verdict.found else "does not hold"
        right = verdict.found == verdict.look.holds
        where = NAMES.get(verdict.system, "")
        if texts and where and texts[-1][:2] == [verdict.look, text]:
            texts[-1][2] += ", " + where
        else:
            texts.append([verdict.look, text, " on " + where if where else "", right, verdict.claim])
    return [(claim, text + where, look.text, right) for look, text, where, right, claim in texts]


def check(paper, lines):
    """Print the results of a paper's check. Return 1 if a claim or a figure is not as expected, else 0."""
    status, differences = 0, list(judge.differences(paper, lines))
    print(_wrap("%s: %s" % (paper.name, paper.title), "", "  "))
    columns = _columns(paper)
    print("%-30s" % "" + "".join("%12s" % name for name in columns))
    for row, figures in _cells(paper, lines):
        if row.measured:
            print("  %-28s" % _name(row)[:28] + "".join("%12s" % figure for figure in figures))
    found = _combined(judge.verdicts(paper, lines))
    for each in paper.claims:
        print(_wrap(each.sentence, "  ", "  "))
        for text, rests_on, right in [line[1:] for line in found if line[0] is each]:
            status |= not right
            unexpected = "" if right or text.startswith("not measured") else ", which was not expected"
            print(_wrap("%s%s: %s" % (text, unexpected, rests_on), "    ", "      "))
        if each.not_here:
            print(_wrap("not here: " + each.not_here, "    ", "      "))
    return int(bool(status) | _figures(paper, differences, judge.unexpected(paper, lines)))


def _beside(each):
    """Return the expected and the measured figure as text, with units if they differ."""
    units = [" " + unit for unit in (each.line["unit"], each.unit)] if each.unit != each.line["unit"] else ["", ""]
    measured = "not measured" if each.value is None else "measured %s%s%s" % (
        _cell(dict(each.line, value=each.value, unit=each.unit)), units[1], "" if each.key else " (another key)")
    return "expected %s%s, %s" % (_cell(each.line), units[0], measured)


def _figures(paper, found, unexpected):
    """Print a summary of the comparison with expected.csv, and each figure that differs, is missing, or is not in the
    file. Return 1 if there is such a figure, else 0; differences with another key do not count."""
    if not found:
        print(_wrap("figures: expected.csv is empty; run 'scripts/hyperscope reproduce write --from BENCH.CSV %s'" % paper.name,
                    "  ", "    "))
        return 0
    same = [each for each in found if each.key and each.within]
    other = [each for each in found if not each.key and each.value is not None]
    failed = [each for each in found if each.failed()]
    missing = sum(each.value is None for each in failed)
    print("  figures: %d as expected, %d not%s%s%s" % (
        len(same), len(failed) - missing, ", %d of another key, %d of them within 5 %%" % (
            len(other), sum(each.within for each in other)) if other else "",
        ", %d not measured" % missing if missing else "",
        ", %d not in expected.csv" % len(unexpected) if unexpected else ""))
    for each in failed + [each for each in other if not each.within]:
        print(_wrap("%-11s%-20s %s" % (each.line["system"], each.line["row"], _beside(each)), "    ", "      "))
    for line in unexpected:
        print("    %-11s%-20s not in expected.csv, measured %s" % (line["system"], line["row"], _cell(line)))
    return int(bool(failed or unexpected))


# ---- the page ----


def _published(paper, row):
    found = ["%s: %s %s" % (line["system"], line["value"], line["unit"]) for line in paper.published if line["row"] == row.name]
    return "; ".join(found)


def _paper(paper):
    yield "## %s" % paper.title
    yield ""
    yield "[claims.md](../notebooks-data/papers/%s/claims.md)" % paper.name
    yield ""
    columns = _columns(paper)
    yield "| row | measured here | %s | published |" % " | ".join(columns)
    yield "|---|---|%s---|" % ("---:|" * len(columns))
    for row, figures in _cells(paper, paper.expected):
        measured = ", ".join("`%s`" % words for words in dict.fromkeys(row.measured.values()))
        yield "| %s | %s | %s | %s |" % (_name(row), measured or "not: " + row.what,
                                         " | ".join(figures), _published(paper, row))
    yield ""
    yield "| claim | here |"
    yield "|---|---|"
    found = _combined(judge.verdicts(paper, paper.expected))
    for each in paper.claims:
        texts = ["%s: `%s`" % (text, rests_on) for claim, text, rests_on, _ in found if claim is each]
        yield "| %s | %s |" % (each.sentence, "; ".join(texts + (["not here: " + each.not_here] if each.not_here else [])))
    made_with = judge.made_with(paper.expected)
    yield ""
    yield "Measured with %s." % "; ".join(made_with) if made_with else "Nothing has been measured yet."
    yield ""


def page(papers):
    """Return the text of docs/results.md, from expected.csv and published.csv."""
    lines = [HEAD]
    for paper in papers:
        lines += _paper(paper)
    return "\n".join(lines).rstrip() + "\n"


assert set(NAMES) == set(judge.SHOWN) == set(sum(COLUMNS.values(), ()))
