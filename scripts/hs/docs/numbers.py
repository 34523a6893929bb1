# SPDX-License-Identifier: MIT
"""numbers.py - write measured figures into the docs, from exit-latency.csv, applications.csv, nested.csv, kvm-history.csv
and anatomy.csv in notebooks-data.

`make bench`, `make bench-nested`, `make kvm-history` and `make anatomy-csv` write the CSV files; then run
`scripts/hyperscope figures --docs`. Tables are written between
<!-- NAME: by scripts/hyperscope figures --> and <!-- end -->; the one in docs/workload.md counts claims in the sources.
SENTENCES lists the sentences that contain figures from these files.
"""
import contextlib
import io
import math
import os
import re
from types import SimpleNamespace

from hs import toggles as hstoggles
from hs.anatomy import show, table
from hs.bench import expression, guests, report, rows, shares
from hs.paths import TOP
from hs.workload import coverage

CSV = os.path.join("notebooks-data", "exit-latency.csv")
APPLICATIONS = os.path.join("notebooks-data", "applications.csv")
NESTED = os.path.join("notebooks-data", "nested.csv")
HISTORY = os.path.join("notebooks-data", "kvm-history.csv")
ANATOMIES = os.path.join("notebooks-data", "anatomy.csv")
CPUS = ("rv64", "max")

# Resolution of the clock in rows with small batches, in instructions: smaller differences are ignored.
COARSE = {"fault_new_table": 12.5, "touch_2m": 100, "store_2m_loaded": 100, "dirty_split": 12.5, "dirty_harvest": 100,
          "blk_read_4k": 6.25, "blk_read_exit": 6.25, "timer_late_5us": 100,
          "timer_late_2ms": 100}

# Rows whose figures on Linux are means of rare events, which depend on when timers expire.
RARE = ("fp_first_use", "busy_1ms_more", "host_tick")

# For each toggle, the row whose cost the table of toggles shows. Default: sbi_version.
SHOWN = {
    "gstage_walk": "fault_4k_present", "gstage_huge": "touch_4k", "fp": "run_vcpus",
    "mmio_decode": "mmio_read", "gpa_from": "mmio_read_sv39", "vmid": "run_vcpus",
    "tlb_flush": "sbi_sfence_page", "timer": "sbi_set_timer", "switch": "virtual_insn",
    "fastpath": "sbi_version", "wfi": "timer_late_2ms", "counters": "csr_instret", "irqchip": "plic_eoi",
    "halt_poll_ns": "blk_read_4k", "zero_page": "touch_4k",
}

# Toggles that `make bench-nested` measures, and the section of docs/toggles.md with their figures.
ELSEWHERE = {"nacl": "nacl-nested-acceleration-for-a-guest-hypervisor", "shadow": "shadow-fences-of-a-guest-hypervisor",
             "nested_switch": "nested_switch-access-to-the-memory-of-a-guests-guest"}

# Instruction counts do not include TLB misses and page walks, which these toggles affect: the table also refers to
# the TLB model.
IN_THE_MODEL = ("gstage_huge", "vmid", "tlb_flush")

# Lines: PAGE | SENTENCE. {EXPRESSION} stands for its value (hs/bench/expression.py), * for any figure, which is kept.
SENTENCES = """
scripts/gdb/tours/null-sbi.tour | 4 in the guest itself: {sbi_version fastpath=off}.
docs/walkthroughs/null-sbi.md | 4 in the guest itself: {sbi_version fastpath=off}.
scripts/gdb/tours/fast-path.tour | `sret` follows at once: {sbi_version} instructions
docs/walkthroughs/fast-path.md | `sret` follows at once: {sbi_version} instructions
docs/trace.md | call from VS and back: {sbi_version} instructions with everything off, {sbi_version fastpath=off} with `fastpath=off`
docs/trace.md | `kvm_entry`, `kvm_exit` | {sbi_version trace=kvm_entry,kvm_exit - sbi_version} |
docs/trace.md | exit accounting (`exitstat=auto`, the default) | {sbi_version exitstat=auto - sbi_version} |
docs/status.md | | null SBI call (`fastpath=off`) | {sbi_version} ({sbi_version fastpath=off}) | 120 (400) | {linux:sbi_version} | {linux_newest:sbi_version} |
docs/validity.md | a null call costs {sbi_version fastpath=off} instructions here, {linux:sbi_version} in Linux KVM 6.12 and {linux_newest:sbi_version} in 7.2
docs/status.md | | SBI set_timer; IPI to itself; fence.i | {sbi_set_timer}; {sbi_ipi_self}; {sbi_fence_i_self} | 150; 250; 400 | {linux:sbi_set_timer}; {linux:sbi_ipi_self}; {linux:sbi_fence_i_self} | {linux_newest:sbi_set_timer}; {linux_newest:sbi_ipi_self}; {linux_newest:sbi_fence_i_self} |
docs/status.md | | MMIO read, answered by the VMM | {mmio_read} | 850 | {linux:mmio_read} | {linux_newest:mmio_read} |
docs/status.md | | SBI call forwarded to the VMM | {sbi_user} | 780 | {linux:sbi_user} | {linux_newest:sbi_user} |
docs/status.md | | fault on a 4 KiB page: present, fresh | {fault_4k_present}, {fault_4k_fresh} | 700, 2200 | {linux:fault_4k_present}, {linux:fault_4k_fresh} | {linux_newest:fault_4k_present}, {linux_newest:fault_4k_fresh} |
docs/status.md | | IPI ping-pong, two sleeping harts (bare {bare:ipi_pingpong}) | {ipi_pingpong} | * | {linux:ipi_pingpong} | {linux_newest:ipi_pingpong} |
docs/status.md | | MSI by an irqfd to a running vCPU: `aia_emul`; `aia_hwaccel` | {msi_irqfd irqchip=aia_emul}; {msi_irqfd irqchip=aia_hwaccel} | 0.4 x Linux; no exit at the guest | {linux:msi_irqfd irqchip=aia_emul}; {linux:msi_irqfd irqchip=aia_hwaccel} | {linux_newest:msi_irqfd irqchip=aia_emul}; {linux_newest:msi_irqfd irqchip=aia_hwaccel} |
docs/status.md | | kvm_entry and kvm_exit on, per exit; accounting | +{sbi_version trace=kvm_entry,kvm_exit - sbi_version}; +{sbi_version exitstat=auto - sbi_version} | +80; +30 | +{linux:sbi_version trace=kvm_entry,kvm_exit - linux:sbi_version} | +{linux_newest:sbi_version trace=kvm_entry,kvm_exit - linux_newest:sbi_version} |
docs/status.md | | boot to a command, x native (`scripts/hyperscope bench-apps`) | {boot / native:boot} | 1.10 | {linux:boot / native:boot} | {linux-7.2.13:boot / native:boot} |
docs/status.md | | 200 fork+exec, warm; hackbench, x native (same command) | {fork_exec / native:fork_exec}; {hackbench / native:hackbench} | 1.10 | {linux:fork_exec / native:fork_exec}; {linux:hackbench / native:hackbench} | {linux-7.2.13:fork_exec / native:fork_exec}; {linux-7.2.13:hackbench / native:hackbench} |
docs/status.md | its median was {hackbench / linux:hackbench} times Linux KVM's
docs/caveats.md | A fresh page of 4 KiB costs {fault_4k_fresh} here and {linux:fault_4k_fresh} on Linux KVM 6.12 ({linux_newest:fault_4k_fresh} on 7.2)
docs/toggles.md | costs {fault_4k_present gstage_walk=recursive - fault_4k_present} instructions more with `recursive`
docs/toggles.md | traps through OpenSBI and costs {run_vcpus_fp_use - run_vcpus} instructions more
docs/toggles.md | restoring unconditionally at each load costs {run_vcpus fp=lazy_save - run_vcpus} to {run_vcpus fp=eager !max - run_vcpus !max}.
docs/toggles.md | {mmio_read mmio_decode=fetch - mmio_read} instructions more, including
docs/toggles.md | The walk costs {mmio_read_sv39 gpa_from=walk - mmio_read_sv39} instructions in a guest
docs/toggles.md | tables of its own, and {fault_4k_present gpa_from=walk - fault_4k_present} for a fault
docs/toggles.md | {run_vcpus - run_vcpus vmid=flush} instructions cheaper
COURSE.md | `l2_call` costs {l2_call} instructions for L1, and {nested:l2_call} in L2
docs/bench.md | leaf, for which it has to read L1's table (`l2_miss` - `l2_call`: {l2_miss - l2_call} instructions).
docs/bench.md | (`l2_miss_fresh` - `l2_call`: {l2_miss_fresh - l2_call}).
docs/bench.md | a miss (`l2_miss_l1` - `l2_miss`: {l2_miss_l1 - l2_miss}).
docs/bench.md | takes {l2_wfi - l2_call} instructions, and the same exit of L1, `h_wfi`, {h_wfi}.
docs/bench.md | | `illegal_insn` | {illegal_insn} | {linux:illegal_insn} | {linux_newest:illegal_insn} | delegated
docs/bench.md | | `touch_4k` | {touch_4k} | {linux:touch_4k} | {linux_newest:touch_4k} | the first
docs/bench.md | | `touch_2m` | {touch_2m} | {linux:touch_2m} | {linux_newest:touch_2m} | the same
docs/bench.md | | `dirty_split` | {dirty_split} | {linux:dirty_split} | {linux_newest:dirty_split} | Linux 6.12
docs/bench.md | built from source, costs {linux-source-7.3:dirty_split} (7.2 from source: {linux-source-7.2:dirty_split})
docs/status.md | a load from untouched memory (`touch_4k`) costs {touch_4k} instructions here and {linux_newest:touch_4k} on Linux 7.2; with `zero_page=1`, it costs {touch_4k zero_page=1} here
docs/toggles.md | takes {hyperscope:boot_exits} exits under hyperscope, {linux:boot_exits} on 6.12.117 and {linux-7.2.13:boot_exits} on 7.2.13
docs/status.md | `dirty_split`, costs {dirty_split} here, {linux_newest:dirty_split} on 7.2 and {linux-source-7.3:dirty_split} on Linux 7.3
docs/toggles.md | a boot takes {boot / native:boot} times as many instructions as natively; under Linux KVM, {linux:boot / native:boot} times on 6.12, and {linux-7.2.13:boot / native:boot} times on 7.2
docs/toggles.md | Creating a process takes {fork_exec / native:fork_exec} times as many, under Linux KVM {linux:fork_exec / native:fork_exec} times on 6.12 and {linux-7.2.13:fork_exec / native:fork_exec} times on 7.2
docs/kvm-history.md | A null SBI call costs {linux-6.12.117:sbi_version} instructions on 6.12.117 and {linux-7.2.11:sbi_version} on 7.2.11, but {linux-7.2.13:sbi_version} on 7.2.13
docs/kvm-history.md | Of the {linux-7.2.11:sbi_version - linux-6.12.117:sbi_version} instructions between
docs/kvm-history.md | the call costs {linux-source-6.12:sbi_version} instructions on 6.12, {linux-source-7.2:sbi_version} on 7.2 and {linux-source-7.3:sbi_version} on 7.3
docs/nested.md | | 6000 | hyperscope: {nested:sbi_version}; Linux's KVM: {nested_linux:sbi_version nacl=off} |
docs/nested.md | | 2500 | a small hypervisor (`l2_call_nacl`): {l2_call_nacl}; Linux's KVM: {nested_linux:sbi_version}, not reached: the difference of {nested_linux:sbi_version - l2_call_nacl} is about what Linux itself executes |
docs/nested.md | | {l2_wfi - l2_call}, and in L1 {h_wfi}: * times |
docs/nested.md | | 2 times a boot in L1 | {nested:boot / hyperscope:boot} times |
COURSE.md | it costs {illegal_insn} instructions, bare {bare:illegal_insn}
COURSE.md | A null SBI call costs {sbi_version} instructions by the fast path and {sbi_version fastpath=off} without
COURSE.md | a null call costs {sbi_version trace=kvm_sbi_call} instructions
COURSE.md | `recursive` costs {fault_4k_present gstage_walk=recursive - fault_4k_present} instructions more
COURSE.md | A fresh page costs {fault_4k_fresh - fault_4k_present} instructions more
COURSE.md | `touch_2m` costs {touch_2m} instructions here and {linux:touch_2m} on Linux KVM
COURSE.md | Of the {mmio_read} instructions of an MMIO read
COURSE.md | `mmio_decode=fetch` costs {mmio_read mmio_decode=fetch - mmio_read} instructions
COURSE.md | costs 3 instructions and `sbi_set_timer` {sbi_set_timer}.
COURSE.md | With `hrtimer`, a timer set 2 ms ahead fires {timer_late_2ms timer=hrtimer} instructions late, and one set 5 µs ahead {timer_late_5us timer=hrtimer}.
COURSE.md | How many of its {irq_inject} instructions do other rows
COURSE.md | holds another vCPU's registers costs {run_vcpus_fp_use - run_vcpus} instructions
COURSE.md | `vmid=flush` is {run_vcpus - run_vcpus vmid=flush} instructions cheaper
COURSE.md | cheaper than `range` by {sbi_sfence_page - sbi_sfence_page tlb_flush=all} instructions
COURSE.md | A round trip takes {ipi_pingpong} instructions, {bare:ipi_pingpong} without a hypervisor
COURSE.md | write is {mmio_write - mmio_ioeventfd} instructions more expensive than one to an ioeventfd
COURSE.md | `run_vcpus` costs {run_vcpus !max - run_vcpus} instructions more
COURSE.md | Where does the difference of {sbi_version fastpath=off - sbi_version} come from
docs/course/answers.md | {sbi_version exitstat=auto - sbi_version} instructions: {sbi_version exitstat=auto} with accounting, {sbi_version} without
docs/course/answers.md | The SBI call then costs {sbi_set_timer timer=hrtimer} instructions.
docs/course/answers.md | row `virtual_insn`, {virtual_insn})
docs/course/answers.md | with `fastpath=off` it costs {sbi_version fastpath=off} instructions, and {sbi_version fastpath=off switch=full} with
docs/course/answers.md | `may_be_fast()`). The slow path costs {sbi_version fastpath=off};
docs/course/answers.md | A read costs {blk_read_4k} instructions, without ioeventfds {blk_read_exit}.
docs/course/answers.md | ({mmio_read_sv39 gpa_from=walk - mmio_read_sv39} - {mmio_read gpa_from=walk - mmio_read}) / 3 =
docs/course/answers.md | 2 x {mmio_write} + 2 x {kvm_interrupt} =
docs/course/answers.md | without FP, `lazy_trap` is the cheapest, with {run_vcpus} (`lazy_save` {run_vcpus fp=lazy_save}, `eager` {run_vcpus fp=eager}).
docs/course/answers.md | If both vCPUs write FP registers, it is `eager`, with {run_vcpus_fp fp=eager} (`lazy_save` {run_vcpus_fp fp=lazy_save}, `lazy_trap` {run_vcpus_fp}).
docs/course/answers.md | If both read them, it is `lazy_save`, with {run_vcpus_fp_use fp=lazy_save} (`eager` {run_vcpus_fp_use fp=eager}, `lazy_trap` {run_vcpus_fp_use}).
docs/course/answers.md | {ipi_pingpong - ipi_pingpong wfi=native} of {ipi_pingpong - bare:ipi_pingpong} instructions: the two exits
"""


class FiguresError(Exception):
    """An error whose one-sentence text is shown to the user unchanged."""


class Measured(expression.Measured):
    """The figures of exit-latency.csv, or of both CSV files, by row and processor."""

    def knows(self, toggle):
        """Return whether a value of the toggle was measured. A new toggle is measured by the next make bench."""
        return any(setting.startswith(toggle + "=") for row in self.results for setting in row["toggles"].split())

    def with_setting(self, name, setting, cpu):
        return self.value(expression.Term("hyperscope", name, setting, cpu))

    def named(self, words):
        """Return the value of an expression in braces."""
        try:
            value = self.of(words)
        except expression.ExpressionError as error:
            raise FiguresError("SENTENCES: {%s}: %s" % (words, error)) from None
        if value is None:
            raise FiguresError("no figure for {%s} in notebooks-data: run make bench, bench-apps, bench-nested or kvm-history "
                               "without ARGS" % words)
        return value


# ---- tables ----


def results(measured):
    """Yield the tables that scripts/hyperscope bench prints for these figures."""
    settings = []
    for name in names():
        for beside in [""] + [other + " " for other, _ in [rows.BESIDE.get(name, ("", ""))] if other]:
            settings += [("%s%s=%s" % (beside, name, value), None) for value in values_of(name)[1:]]
    options = SimpleNamespace(set=[], own="", statistic="p50", single=False, cpu=CPUS, kernels=[], logs=[])
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        report.tables(measured.results, options, settings)
    yield "```"
    yield text.getvalue().partition("\ninstructions per operation")[0].rstrip()
    yield "```"


def names():
    """Return all toggles; those that take numbers come last."""
    table = hstoggles.toggles(TOP)
    return sorted(table, key=lambda name: table[name] is None)


def values_of(name):
    """Return the values of a toggle, the default first. If it takes a number, return the values that are measured."""
    return hstoggles.tried(TOP)[name]


def shown_row(name):
    return SHOWN.get(name, "sbi_version")


def costs(measured, name, row, cpu, beside=""):
    """Return the figure of a row for each value of a toggle."""
    settings = [beside] + [(beside + " " if beside else "") + "%s=%s" % (name, value)
                           for value in values_of(name)[1:]]
    return [measured.with_setting(row, setting, cpu) for setting in settings]


def overview(measured):
    yield "| toggle | values (first: default) | question | measured by | `-cpu rv64` | `-cpu max` |"
    yield "|---|---|---|---|---|---|"
    questions = hstoggles.questions(TOP)
    for name in names():
        question = questions[name]
        listed = ", ".join("`%s`" % value for value in values_of(name))
        if name in ELSEWHERE:
            yield "| `%s` | %s | %s | [its section](#%s) | - | - |" % (name, listed, question, ELSEWHERE[name])
            continue
        if not measured.knows(name):
            yield "| `%s` | %s | %s | not measured yet | - | - |" % (name, listed, question)
            continue
        cells = [" and ".join(report.shown(value) for value in costs(measured, name, shown_row(name), cpu))
                 if len(values_of(name)) == 2 else
                 ", ".join(report.shown(value) for value in costs(measured, name, shown_row(name), cpu))
                 for cpu in CPUS]
        where = ", and in [the model](#costs-of-walks-and-fences)" if name in IN_THE_MODEL else ""
        yield "| `%s` | %s | %s | `%s`%s | %s | %s |" % (
            name, listed, question, shown_row(name), where, cells[0], cells[1])


def changed(row, figures):
    known = [value for value in figures if value is not None]
    return len(known) > 1 and max(known) - min(known) > COARSE.get(row, 0.5)


def toggle_table(measured, name):
    """Yield a table of the rows that the toggle changes on at least one processor."""
    values = values_of(name)
    yield "    scripts/hyperscope bench --toggle %s --cpu both" % name
    yield ""
    yield "| row | %s |" % " | ".join("%s, `%s`" % (cpu, value) for cpu in CPUS for value in values)
    yield "|---|%s" % ("---:|" * (2 * len(values)))
    other, beside = rows.BESIDE.get(name, ("", ""))
    for setting, chosen in (("", [row.name for row in rows.ROWS]), (other, rows.matching(beside))):
        for row in chosen:
            cells = [costs(measured, name, row, cpu, setting) for cpu in CPUS]
            if row in rows.ALIKE or not any(changed(row, figures) for figures in cells):
                continue
            yield "| `%s`%s | %s |" % (row, ", `%s`" % setting if setting else "",
                                       " | ".join(report.shown(value) for value in cells[0] + cells[1]))


def exits_of_l2(figures):
    """Yield the table of exits of guests and of their guests."""
    yield "| row | L1 exits to L0 | L2 exits to hyperscope | ratio | exits to L0 | L2 exits to Linux | exits to L0 |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for row in rows.ROWS:
        own, nested, linux = (figures.value(system, row.name, "") for system in ("hyperscope", "nested", "nested_linux"))
        exits = [figures.value(system, row.name + "_exits", "") if row.name in rows.IN_LEVELS else None
                 for system in ("nested", "nested_linux")]
        if own and nested and not rows.GROUPS[row.group].needs_h:
            yield "| `%s`: %s | %s | %.1f | %s | %s | %s |" % (
                row.name, row.what, " | ".join(map(report.shown, (own, nested))), nested / own,
                report.shown(exits[0]), report.shown(linux), report.shown(exits[1]))


def applications_of_l2(figures):
    """Yield the table of whole guests, natively, as L1 and as L2."""
    yield "| row | native | L1 | x native | L2 | x native | L2 / L1 |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for row in [row for row in rows.APPLICATIONS if row.unit == report.COUNTED]:
        native, ours, _, nested = guests.beside_native(figures, row.name)
        one, two = (figures.value(system, row.name) for system in ("hyperscope", "nested"))
        if one and two:
            yield "| `%s` | %s | %.3f |" % (row.name, " | ".join((native[0],) + ours + nested), two / one)


def parts_of_exits(figures):
    """Yield the table of what a guest hypervisor does at an exit of its guest."""
    yield "| row | as a guest of hyperscope | two levels deep |"
    yield "|---|---:|---:|"
    for row in rows.ROWS:
        if rows.GROUPS[row.group].needs_h:
            yield "| `%s`: %s | %s |" % (row.name, row.what, " | ".join(
                report.shown(figures.value(system, row.name, "")) for system in ("hyperscope", "nested")))


def nacl(figures):
    """Yield the table of the toggle nacl, for exits of Linux's guest."""
    values = [value for value in values_of("nacl")[1:] if "nacl=" + value not in rows.WRONG_IN_LINUX]
    settings = ["nacl=" + value for value in values]
    yield "| row, in a guest of Linux | `on` | %s | `on` / `off` |" % " | ".join("`%s`" % value for value in values)
    yield "|---|%s" % ("---:|" * (2 + len(values)))
    for row in rows.ROWS:
        on, *others = (figures.value("nested_linux", row.name, setting) for setting in [""] + settings)
        if on and others[0]:
            yield "| `%s` | %s | %.2f |" % (row.name, " | ".join(map(report.shown, [on] + others)), on / others[0])


def of_guest_hypervisor(figures, toggle):
    """Yield the table of a toggle that matters only to a guest hypervisor."""
    values = values_of(toggle)
    yield "| row, in a guest hypervisor | %s |" % " | ".join("`%s`" % value for value in values)
    yield "|---|%s" % ("---:|" * len(values))
    for name in rows.relevant(toggle):
        if not rows.GROUPS[rows.BY_NAME[name].group].needs_h:
            continue
        yield "| `%s` | %s |" % (name, " | ".join(
            report.shown(figures.value("hyperscope", name, "%s=%s" % (toggle, value) if value != values[0] else "")) for value in values))


def history(figures, ours):
    """Yield the table of exits of Linux KVM by kernel. ours: the figures of hyperscope."""
    systems = report.releases(figures)
    yield "| row | hyperscope | %s |" % " | ".join(map(report.label, systems))
    yield "|---|---:|%s" % ("---:|" * len(systems))
    for row in rows.ROWS:
        values = [figures.value(system, row.name) for system in systems]
        if any(value is not None for value in values):
            yield "| `%s` | %s | %s |" % (row.name, report.shown(ours.value("hyperscope", row.name)), " | ".join(map(report.shown, values)))


def with_guests(figures):
    """Return the systems of the kernels on which whole guests were measured, the oldest kernel first."""
    return [system for system in report.releases(figures) if any(figures.value(system, row.name) for row in rows.APPLICATIONS)]


def history_of_guests(figures):
    """Yield the table of whole guests of Linux KVM by kernel, in thousands of instructions."""
    systems = with_guests(figures)
    yield "| row | %s |" % " | ".join(map(report.label, systems))
    yield "|---|%s" % ("---:|" * len(systems))
    for row in rows.APPLICATIONS:
        values = [figures.value(system, row.name) for system in systems]
        if None not in values and values:
            yield "| `%s` | %s |" % (row.name, " | ".join(
                "%.2f" % (value / 1000) if row.unit == report.COUNTED else "%.0f" % value for value in values))


def steps(figures):
    """Yield the table of the rows that differ between each kernel and the one before it."""
    yield "| from | to | rows that cost more | that cost less | largest changes |"
    yield "|---|---|---:|---:|---|"
    systems = report.releases(figures)
    for one, other in zip(systems, systems[1:]):
        if report.label(other).startswith("source-") and not report.label(one).startswith("source-"):
            continue
        changes = []
        for row in rows.ROWS:
            a, b = figures.value(one, row.name), figures.value(other, row.name)
            if a and b and row.name not in RARE and abs(b - a) > max(COARSE.get(row.name, 0.5), 0.01 * a):
                changes.append((b / a, row.name))
        most = sorted(changes, key=lambda change: -abs(math.log(change[0])))[:4]
        yield "| %s | %s | %d | %d | %s |" % (
            report.label(one), report.label(other), sum(ratio > 1 for ratio, _ in changes),
            sum(ratio < 1 for ratio, _ in changes), ", ".join("`%s` x %.3g" % (name, ratio) for ratio, name in most) or "-")


def applications(measured, past):
    """Yield the table of whole guests: the figure for each system, with its ratio to native. past: those of other kernels."""
    newest = [system for system in with_guests(past) if not report.label(system).startswith("source-")][-1]
    yield "| row | native | hyperscope | x native | Linux KVM 6.12 | x native | %s | x native |" % report.label(newest)
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    for row in [row for row in rows.APPLICATIONS if row.unit == report.COUNTED]:
        native, ours, linux, _ = guests.beside_native(measured.cpus["rv64"], row.name)
        later = guests.as_text(past.value(newest, row.name), measured.cpus["rv64"].value("native", row.name))
        yield "| `%s` | %s |" % (row.name, " | ".join((native[0],) + ours + linux + later))


def core_and_host(measured):
    """Yield the table that divides the difference between hyperscope and Linux KVM: the module has hyperscope's core and
    Linux KVM's host."""
    yield "| row | hyperscope | module | Linux KVM | module / Linux KVM | due to the core | due to the host |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for row, own, module, linux in shares.divided(measured.cpus["rv64"]):
        yield "| `%s` | %s | %.2f | %.0f | %.0f |" % (row, " | ".join(map(report.shown, (own, module, linux))),
                                                      module / linux, linux - module, module - own)


def anatomy(row):
    """Yield the table of a row's stages on hyperscope, on the module and on Linux KVM."""
    systems = ("hyperscope", "module", "linux")
    counts: dict = {system: {} for system in systems}
    for line in table.read(os.path.join(TOP, ANATOMIES)):
        if line["exit"] == row and line["system"] in systems and line["stage"] != table.OTHER_PATHS:
            stages = counts[line["system"]]
            stages[line["stage"]] = stages.get(line["stage"], 0) + int(line["instructions"])
    if not all(counts.values()):
        raise FiguresError("%s has no anatomy of %s: run make anatomy-csv" % (ANATOMIES, row))
    yield "```"
    yield from show.stage_lines(systems, list(counts.values()))
    yield "```"


def with_table(text, doc, name, lines):
    begin, end = "<!-- %s: by scripts/hyperscope figures -->\n" % name, "<!-- end -->\n"
    if text.count(begin) != 1:
        raise FiguresError("%s: the line '%s' has to occur exactly once" % (doc, begin.strip()))
    head, rest = text.split(begin)
    return head + begin + "\n" + "\n".join(lines) + "\n\n" + end + rest.split(end, 1)[1]


# ---- sentences ----

NUMBER = r"(\d{1,3}(?: \d{3})+|\d+(?:\.\d+)?)"


def with_sentence(text, doc, template, measured):
    """Return TEXT with the template's figures updated. The template must occur once; white space may differ."""
    wanted, pattern = [], ""
    for part in re.split(r"(\{[^}]*\}|(?<=\s)\*(?=\s|$))", template):
        if part == "*":
            wanted.append(None)
            pattern += NUMBER
        elif part.startswith("{"):
            words = part[1:-1]
            wanted.append(("%.3f" if expression.is_ratio(words) else "%.0f") % measured.named(words))
            pattern += NUMBER
        else:
            pattern += re.sub(r"(\\?\s)+", lambda _: r"\s+", re.escape(part))
    found = list(re.finditer(pattern, text))
    if len(found) != 1:
        raise FiguresError("%s: '%s' occurs %d times instead of once: correct the page, or SENTENCES in scripts/hs/docs/numbers.py"
                           % (doc, template, len(found)))
    new, match = text, found[0]
    for i in range(len(wanted), 0, -1):
        old = match.group(i)
        value = wanted[i - 1]
        if value is not None and old.replace(" ", "") != value:
            spaced = "{:,}".format(int(value)).replace(",", " ") if " " in old else value
            new = new[:match.start(i)] + spaced + new[match.end(i):]
    return new


def write(check):
    """Update the pages. check: write nothing, but report pages that are not current. Return 1 if any page is
    reported, else 0."""
    measured = Measured(report.read_csv(os.path.join(TOP, CSV)))
    docs = {}

    def text_of(doc):
        if doc not in docs:
            with open(os.path.join(TOP, doc), encoding="utf-8") as file:
                docs[doc] = [file.read()] * 2
        return docs[doc][1]

    def put(doc, text):
        docs[doc] = [docs[doc][0], text]

    put("docs/bench.md", with_table(text_of("docs/bench.md"), "docs/bench.md", "results",
                                    results(measured)))
    whole = expression.Measured(report.read_csv(os.path.join(TOP, APPLICATIONS)))
    past = Measured(report.read_csv(os.path.join(TOP, HISTORY)))
    put("docs/bench.md", with_table(text_of("docs/bench.md"), "docs/bench.md", "applications",
                                    applications(whole, past.cpus["rv64"])))
    put("docs/bench.md", with_table(text_of("docs/bench.md"), "docs/bench.md", "core and host",
                                    core_and_host(measured)))
    page = "docs/toggles.md"
    put(page, with_table(text_of(page), page, "toggles", overview(measured)))
    for name in filter(measured.knows, [name for name in names() if name not in ELSEWHERE]):
        put(page, with_table(text_of(page), page, name, toggle_table(measured, name)))
    levels = Measured(report.read_csv(os.path.join(TOP, NESTED)))
    page = "docs/toggles.md"
    put(page, with_table(text_of(page), page, "nacl", nacl(levels.cpus["rv64"])))
    put(page, with_table(text_of(page), page, "nacl in a payload", of_guest_hypervisor(levels.cpus["rv64"], "nacl")))
    for name in ("nested_switch", "shadow"):
        put(page, with_table(text_of(page), page, name, of_guest_hypervisor(levels.cpus["rv64"], name)))
    page = "docs/bench.md"
    put(page, with_table(text_of(page), page, "applications in L2", applications_of_l2(levels.cpus["rv64"])))
    put(page, with_table(text_of(page), page, "exits of L2", exits_of_l2(levels.cpus["rv64"])))
    put(page, with_table(text_of(page), page, "parts of exits", parts_of_exits(levels.cpus["rv64"])))
    page = "docs/kvm-history.md"
    put(page, with_table(text_of(page), page, "history", history(past.cpus["rv64"], measured.cpus["rv64"])))
    put(page, with_table(text_of(page), page, "history of guests", history_of_guests(past.cpus["rv64"])))
    put(page, with_table(text_of(page), page, "steps", steps(past.cpus["rv64"])))
    page = "docs/anatomy.md"
    for name in ("mmio_read", "illegal_insn"):
        put(page, with_table(text_of(page), page, name, anatomy(name)))
    page = "docs/workload.md"
    put(page, with_table(text_of(page), page, "coverage", coverage.markdown()))
    both = Measured(past.results + levels.results + measured.results + whole.results)  # of equal rows, the last one counts
    for line in SENTENCES.strip().splitlines():
        doc, _, template = line.partition(" | ")
        put(doc, with_sentence(text_of(doc), doc, template, levels if doc == "docs/nested.md" else both))
    stale = [doc for doc, (old, new) in docs.items() if old != new]
    for doc in stale:
        if check:
            print("%s is not current with the CSV files in notebooks-data and the sources: run scripts/hyperscope figures --docs" % doc)
            continue
        with open(os.path.join(TOP, doc), "w", encoding="utf-8") as file:
            file.write(docs[doc][1])
    return 1 if check and stale else 0
