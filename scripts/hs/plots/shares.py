# SPDX-License-Identifier: MIT
"""shares.py - plot the cost of exits on Linux KVM: the part that hyperscope needs, too, and those due to the host and
to the core (hs/bench/shares.py).
"""
from hs.bench.shares import divided
from . import data, marks, style

PARTS = ("hyperscope", "due to the host", "due to the core")


def draw(folder=data.FOLDER, cpu="rv64"):
    measured = data.bench(folder=folder)
    figures = measured.cpus.get(cpu)
    groups = [("%s: %s" % (row, style.shown(linux)),
               dict(zip(PARTS, (100 * own / linux, 100 * (module - own) / linux, 100 * (linux - module) / linux))))
              for row, own, module, linux in (divided(figures) if figures else ()) if module <= linux]
    if not groups:
        raise data.Absent("exit-latency.csv has no figures of hyperscope, the module and Linux KVM for -cpu %s" % cpu)
    drawn = marks.figure("stacks", [marks.Panel(groups, "% of Linux KVM's cost")], style.looks(PARTS),
                         text=lambda value: "%.0f" % value)
    style.finish(drawn, "Shares of the core and the host", (
        "Each row: instructions per operation on Linux KVM, which are 100 %%. The module is hyperscope's core on Linux. Due to "
        "the core: Linux KVM minus the module; due to the host: the module minus hyperscope. Rows that cost more on the "
        "module than on Linux KVM are not shown.\nExact counts (QEMU -icount, -cpu %s); median batch of n = %d operations, "
        "unless the benchmark states otherwise.\n%s" % (
            cpu, data.count_of(list(figures.rows.values())), data.made_with(measured.results))))
    return drawn
