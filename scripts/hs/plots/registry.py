# SPDX-License-Identifier: MIT
"""registry.py - the figures by name, with a description and the function that draws each."""
from typing import Callable, NamedTuple

from . import anatomy, apps, exits, history, nested, papers, shares, smp, toggles


class Plot(NamedTuple):
    what: str
    draw: Callable   # draw(folder, cpu) -> matplotlib's Figure; raises data.Absent if there is nothing to draw


PLOTS = {
    "exit-latency": Plot("cost of an exit: hyperscope, Linux KVM, bare", exits.draw),
    "exit-latency-all": Plot("cost of every row of the benchmark, on a logarithmic axis", exits.draw_all),
    "shares": Plot("how much of the difference from Linux KVM is due to the core, and how much to the host", shares.draw),
    "toggles": Plot("effect of each toggle, as a ratio", toggles.draw),
    "anatomy": Plot("instructions of an exit by stage", anatomy.draw),
    "applications": Plot("cost of a whole guest relative to native: hyperscope, Linux KVM", apps.draw),
    "nested": Plot("cost of an exit of a guest and of a guest's guest", nested.draw),
    "kvm-history": Plot("what exits cost on Linux KVM, kernel by kernel", history.draw),
    "papers": Plot("rows of papers: hyperscope relative to Linux KVM", papers.draw),
    "papers-shape": Plot("rows of papers relative to a null call, beside published figures", papers.draw_shape),
    "smp-scale": Plot("cost of more vCPUs, from a sweep", smp.draw),
}
