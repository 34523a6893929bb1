# SPDX-License-Identifier: MIT
"""nested.py - plot what an exit of a guest's guest (L2) costs, beside the same exit of a guest (L1)."""
from hs.bench.rows import ROWS
from . import data, marks, style

# (system, setting): label
SERIES = {("hyperscope", ""): "of L1", ("nested", ""): "of L2, L1 is hyperscope",
          ("nested_linux", ""): "of L2, L1 is Linux", ("nested_linux", "nacl=off"): "of L2, L1 is Linux without NACL"}


def draw(folder=data.FOLDER, cpu="rv64"):
    measured = data.bench("nested.csv", folder)
    figures = measured.cpus.get(cpu)
    groups = []
    for row in ROWS if figures else ():
        lines = {label: figures.row(system, row.name, setting) for (system, setting), label in SERIES.items()}
        if lines["of L1"] and lines["of L2, L1 is hyperscope"] and row.group != "hypervisor":
            groups.append((row.name, {label: data.cell(line) for label, line in lines.items() if line}))
    if not groups:
        raise data.Absent("nested.csv has no figures of L1 and L2 for -cpu %s" % cpu)
    drawn = marks.figure("bars", [marks.Panel(groups, "instructions per operation")], style.looks(tuple(SERIES.values())))
    style.finish(drawn, "Exits of a guest and of a guest's guest", (
        "Exact counts of instructions of all levels and privilege modes (QEMU -icount, -cpu %s). An exit of L1 goes to "
        "hyperscope, and one of L2 to L1. Not all rows are measured with Linux as L1.\n"
        "Shown is the median batch; whiskers: minimum to 99th percentile of the batches.\n%s"
        % (cpu, data.made_with(measured.results))))
    return drawn
