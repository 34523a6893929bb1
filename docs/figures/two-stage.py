# SPDX-License-Identifier: MIT
"""two-stage.py - every page-table entry that the hardware reads for one access by a guest, in both stages."""
from hs.drawing import Figure

G_LEVELS = (4, 3, 2, 1, 0)
ROWS = [
    ("`vsatp`: root", "VS level 2"),
    ("its PTE: table", "VS level 1"),
    ("its PTE: table", "VS level 0"),
    ("its PTE: page", None),
]


def figure():
    fig = Figure("Two-stage translation: 23 references for one access", 880, 430,
                 ["src/kvm/mmu/gstage.h", "src/kvm/mmu/gstage.c", "src/kvm/mmu/vsstage.c", "src/include/hv/csr.def",
                  "src/kvm/mmu/gpa_htval.c"])
    fig.text(14, 30, "*a guest's virtual address, Sv39")
    fig.text(310, 30, "*G-stage (`hgatp`, Sv57x4): guest physical to physical")
    fig.text(764, 30, "*VS-stage")
    before = None
    for i, (gpa, vs) in enumerate(ROWS):
        y = 50 + i * 84
        start = fig.box(14, y, 190, 46, ["*guest physical", gpa], "guest")
        if before:
            fig.arrow(before.bottom(), (before.bottom()[0], y + 64 - 84), (109, y + 64 - 84), (109, y))
        x, last = 246, start
        for level in G_LEVELS:
            step = fig.box(x, y, 84, 46, ["G level %d" % level, "entry"], "core")
            fig.arrow(last.right(), step.left())
            x, last = x + 98, step
        if vs:
            before = fig.box(x + 14, y, 114, 46, ["*" + vs, "entry"], "guest")
            fig.arrow(last.right(), before.left())
        else:
            data = fig.box(x + 14, y, 114, 46, ["*the byte"], "plain")
            fig.arrow(last.right(), data.left())
    fig.text(14, 380, "Green entries belong to the hypervisor (`gstage_map()`; faults 20, 21, 23 go to HS), blue ones to the guest.")
    fig.text(14, 400, "(3 + 1) walks of 5 entries, and 3 entries of the guest: 23 references. "
                      "With 2 MiB leaves (G level 1): 4 x 4 + 3 = 19.")
    fig.text(14, 420, "An exit occurs only if a level faults. "
                      "`htval` then has the address, and `htinst` shows whether the walk faulted.", faint=True)
    return fig
