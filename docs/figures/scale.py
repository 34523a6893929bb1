# SPDX-License-Identifier: MIT
"""scale.py - what grows with the number of harts and of VMs: bars of notebooks-data/scale.csv."""
import csv
import os

from hs.drawing import Figure
from hs.paths import TOP

ROW, BAR, WIDEST = 24, 16, 150
HARTS = ("2", "4", "8", "16", "32", "64")
VMS = ("1", "8", "64")


def measured():
    """Return the results by (number of harts or VMs, name)."""
    with open(os.path.join(TOP, "notebooks-data", "scale.csv"), encoding="utf-8", newline="") as file:
        return {(line["vcpus"] or line["argument"], line["name"]): float(line["value"]) for line in csv.DictReader(file)}


def panel(fig, x, y, title, bars, kind):
    """Draw a title and, below it, a bar for each (label, value). All bars begin at zero, on one scale."""
    fig.text(x, y, "*" + title)
    most = max(value for _, value in bars)
    for i, (label, value) in enumerate(bars):
        top = y + 14 + i * ROW
        fig.text(x + 62, top + 13, label, "end")
        width = max(2, WIDEST * value / most)
        fig.box(x + 70, top, width, BAR, [], kind)
        fig.text(x + 78 + width, top + 13, format(round(value), ",").replace(",", " "))


def figure():
    values = measured()
    fig = Figure("Growth with the number of harts and of VMs", 880, 408)

    def per_target(name):
        return [(harts + " harts", values[harts, name] / (int(harts) - 1)) for harts in HARTS]

    def per_page(name):
        return [(vms + (" VM" if vms == "1" else " VMs"), values[vms, name]) for vms in VMS]

    panel(fig, 12, 28, "IPI to all, per target", per_target("ipi_all"), "hart")
    panel(fig, 304, 28, "fence.i to all, per target", per_target("fence_i"), "guest")
    panel(fig, 596, 28, "sfence.vma of a page, per target", per_target("fence_page"), "guest")
    panel(fig, 12, 238, "unmap of a page", per_page("unmap"), "core")
    panel(fig, 304, 238, "mm->lock held, per page", per_page("held.mm.lock"), "core")
    panel(fig, 596, 238, "mmu_lock held, per page", per_page("held.mmu_lock"), "core")
    fig.text(12, 354, "Instructions. The targets sleep in WFI, with one vCPU for each hart. The other VMs map memory of the same process,")
    fig.text(12, 374, "but not the page. Held: while a page is faulted in and unmapped.")
    fig.text(12, 396, "Source: notebooks-data/scale.csv", faint=True)
    return fig
