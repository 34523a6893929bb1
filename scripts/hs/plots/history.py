# SPDX-License-Identifier: MIT
"""history.py - plot what exits cost on Linux KVM, kernel by kernel."""
from hs.bench import report
from . import data, marks, style

NAME = "kvm-history.csv"
# The rows that are drawn: the commonest exits, and those that have changed most.
SHOWN = ("sbi_version", "mmio_read", "fault_4k_present", "dirty_harvest", "illegal_insn", "touch_4k", "io_out", "run_vcpus")
DEBIAN, SOURCE, OURS = "Linux KVM: Debian's kernels", "Linux KVM: one compiler, one configuration", "hyperscope"


def releases(figures):
    """Return the kernels of the file, the oldest first: those of Debian, and those that were built from source."""
    found = [report.label(system) for system in report.releases(figures)]
    return ([name for name in found if not name.startswith("source-")], [name for name in found if name.startswith("source-")])


def short(name, before):
    """Return a label for the axis: the last number of the release, and below it the others, unless they are those of the
    release before."""
    major, _, last = name.rpartition(".")
    return "." + last + ("" if before.rpartition(".")[0] == major else "\n" + major)


def draw(folder=data.FOLDER, cpu="rv64"):
    measured = data.bench(NAME, folder)
    ours = data.bench(folder=folder).cpus.get(cpu)
    figures = measured.cpus.get(cpu)
    if not figures:
        raise data.Absent("%s has no figures for -cpu %s" % (NAME, cpu))
    debian, source = releases(figures)
    labels: dict[float, str] = {i: short(name, debian[i - 1] if i else "") for i, name in enumerate(debian)}
    labels.update({len(debian) + 0.5 + i: name.removeprefix("source-") for i, name in enumerate(source)})
    panels, commits = [], set()
    for row in SHOWN:
        groups = []
        for at, name, series in [(i, name, DEBIAN) for i, name in enumerate(debian)] + [
                (len(debian) + 0.5 + i, name, SOURCE) for i, name in enumerate(source)]:
            line, own = figures.row("linux-" + name, row), ours and ours.row("hyperscope", row)
            cells = {series: data.cell(line)} if line else {}
            if own:
                cells[OURS] = report.typical(own)
                commits.add(own["commit"])
            groups.append((at, cells))
        if any(series != OURS for _, cells in groups for series in cells):
            panels.append(marks.Panel(groups, "instructions", row))
    drawn = marks.figure("lines", panels, style.looks((DEBIAN, SOURCE, OURS)), labels=labels, x="release of Linux")
    style.finish(drawn, "Exits of Linux KVM, kernel by kernel", (
        "Exact counts of instructions (QEMU -icount, -cpu %s); median batch, with whiskers from the minimum to the 99th "
        "percentile. hyperscope's figures are of commit %s, and are drawn as a line to compare with.\nOn Linux, the VMM is of %s"
        % (cpu, ", ".join(sorted(commits)) or "none", data.made_with(measured.results))))
    return drawn
