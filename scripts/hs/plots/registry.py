# SPDX-License-Identifier: MIT
"""registry.py - the figures by name, with a description and the function that draws each."""
from typing import NamedTuple

from . import anatomy, apps, exits, papers, smp, toggles


class Plot(NamedTuple):
    what: str
    draw: object   # draw(folder, cpu) -> matplotlib's Figure; data.Absent if there is nothing to draw


PLOTS = {
    "exit-latency": Plot("what an exit costs: hyperscope, Linux KVM, bare", exits.draw),
    "exit-latency-all": Plot("every row of the bench, on an axis of powers of ten", exits.draw_all),
    "toggles": Plot("what each toggle changes, as a ratio", toggles.draw),
    "anatomy": Plot("where inside an exit the instructions go, by stage", anatomy.draw),
    "applications": Plot("a whole guest in times native: hyperscope, Linux KVM", apps.draw),
    "papers": Plot("papers' rows: hyperscope in terms of Linux KVM", papers.draw),
    "papers-shape": Plot("papers' rows in terms of a null call, beside what was published", papers.draw_shape),
    "smp-scale": Plot("what more vCPUs cost, of a sweep", smp.draw),
}
