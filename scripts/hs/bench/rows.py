# SPDX-License-Identifier: MIT
"""rows.py - the rows of the bench, the machines that they need, and the rows that each toggle can change.

To add a row, add the operation to src/guest/bench (for the group "turns", to tests/kvm/bench_turns.c; for one of
APPLICATIONS, to scripts/guest/apps), a line here, and a line in docs/bench.md.
"""
import fnmatch
from typing import NamedTuple, Optional


class Group(NamedTuple):
    """Rows that are measured in one boot."""
    vmm: tuple = ()      # options of the VMM
    harts: int = 1
    vcpus: int = 0       # 0: as many as harts
    disk: bool = False
    setting: str = ""    # settings in addition to the toggles of the run
    program: str = "vmm"  # or a program of tests/kvm, which creates its VMs itself; or "guest" for APPLICATIONS
    bare: bool = False   # can also be measured without a VM
    needs_h: bool = False  # the guest needs the H extension, which Linux KVM does not give it


GROUPS = {
    "one": Group(bare=True),
    # Separate from "one": with switch=full, every exit after the guest's first use of FP also handles its FP state.
    "float": Group(bare=True),
    # Separate from "one": an ioeventfd or a disk is one more device to search at each MMIO access.
    "devices": Group(vmm=("--testdev",), disk=True),
    # Separate from "devices", because the irqfd's ioeventfd is one more device.
    "signaled": Group(vmm=("--testdev",)),
    "notified": Group(vmm=("--no-ioeventfd",), disk=True),
    "fresh": Group(vmm=("--small-pages",)),
    "present": Group(vmm=("--small-pages", "--populate")),
    "logged": Group(vmm=("--logdev",)),
    # Under icount, QEMU runs harts in turn, so polling would measure the length of a turn. --pin is set because
    # Linux, with some layouts of its memory, runs both sides on one hart, which halves the cost.
    "pair": Group(vmm=("--pin",), harts=2, setting="halt_poll_ns=0", bare=True),
    # One vCPU; the second hart is used to compare the host's clock with the guest's (src/vmm/doorbell.c).
    "bell": Group(vmm=("--doorbell",), harts=2, vcpus=1, setting="halt_poll_ns=0"),
    # The same, but the VMM's thread stays on the second hart.
    "apart": Group(vmm=("--doorbell",), harts=2, vcpus=1, setting="halt_poll_ns=0"),
    "turns": Group(program="bench_turns"),
    "hypervisor": Group(vmm=("--nested",), bare=True, needs_h=True),
    "hypervisor_small": Group(vmm=("--nested", "--small-pages"), needs_h=True),
    "hypervisor_logged": Group(vmm=("--nested", "--logdev"), needs_h=True),
    # Debian's kernel and programs on it (scripts/hyperscope bench-apps); the second group has rt-tests and a disk.
    "start": Group(program="guest"),
    "processes": Group(program="guest"),
    "workloads": Group(program="guest", disk=True),
}

DESIGN, HOST, BOTH = "design", "host", "both"


class Row(NamedTuple):
    name: str
    what: str
    group: str = "one"
    goal: Optional[int] = None  # upper limit
    over_bare: bool = False     # the limit is the figure of "bare" plus the goal
    xvisor: Optional[int] = None  # published figures of Xvisor and Bao: a payload of the same kind, -cpu rv64
    bao: Optional[int] = None
    small: str = ""             # why the figure is less than Linux's: DESIGN, HOST (the host is small) or BOTH
    mean: bool = False          # use the mean, because the median of a rare event is meaningless
    none: bool = False          # the goal is that the event does not happen
    unit: str = "instructions"  # of a row of APPLICATIONS


ROWS = [
    Row("nothing", "the loop itself"),
    Row("sbi_version", "null SBI call: BASE, spec version", goal=120, xvisor=740, bao=243, small=DESIGN),
    Row("sbi_probe", "SBI BASE, probe extension", xvisor=765, bao=249, small=DESIGN),
    Row("sbi_set_timer", "SBI TIME", goal=150, xvisor=760, bao=242, small=DESIGN),
    Row("sbi_ipi_self", "SBI IPI to itself, then cleared", goal=250, small=DESIGN),
    Row("sbi_fence_i_self", "SBI RFENCE to itself, fence.i", goal=400, xvisor=4630, bao=3777, small=DESIGN),
    Row("sbi_sfence_all", "SBI RFENCE to itself, sfence.vma of everything", small=DESIGN),
    Row("sbi_sfence_page", "SBI RFENCE to itself, sfence.vma of a page", small=DESIGN),
    Row("sbi_user", "SBI call that the VMM answers", goal=780, small=BOTH),
    Row("sbi_user_fp", "the same, with FP registers dirty", "float", small=BOTH),
    Row("mmio_read", "MMIO read that the VMM answers", goal=850, small=BOTH),
    Row("mmio_write", "MMIO write that the VMM answers", small=BOTH),
    Row("mmio_read_fp", "MMIO read with FP registers dirty", "float", small=BOTH),
    Row("mmio_read_sv39", "MMIO read with 3 levels of guest paging", small=BOTH),
    Row("mmio_ioeventfd", "MMIO write to an ioeventfd without a waiter", "devices", goal=400, small=BOTH),
    Row("plic_eoi", "PLIC claim and completion, line still high", small=BOTH),
    Row("irq_inject", "raise a line, take its interrupt, lower it", small=BOTH),
    Row("msi_self", "MSI to itself: store, interrupt, claim (AIA only)", small=BOTH),
    Row("msi_irqfd", "MSI by an irqfd: store, interrupt, claim (AIA only)", "signaled", small=BOTH),
    Row("blk_read_4k", "virtio-blk: read 4 KiB, request to completion", "devices", small=BOTH),
    Row("blk_read_exit", "the same, notified by an exit to the VMM", "notified", small=BOTH),
    Row("io_out", "doorbell: from the store to the VMM's thread", "bell", small=BOTH),
    Row("io_in", "from the VMM's signal to the guest's handler", "bell", small=BOTH),
    Row("io_in_apart", "the same, with the VMM's thread on another hart", "apart", small=BOTH),
    Row("wfi_pending", "WFI with an interrupt pending", goal=200, small=DESIGN),
    Row("timer_late_5us", "delay of a wake-up after 5 us of WFI", small=HOST),
    Row("timer_late_2ms", "delay of a wake-up after 2 ms of WFI", small=HOST),
    Row("timer_now", "SBI TIME with a past time, and its interrupt", small=DESIGN),
    Row("stimecmp_write", "the guest's own timer register"),
    Row("csr_time", "rdtime"),
    Row("csr_instret", "rdinstret", small=DESIGN),
    Row("fp_first_use", "first FP instruction after a sleep", "float", small=DESIGN, mean=True),
    Row("busy_1ms_more", "time that the host adds to 1 ms of computing", small=HOST, mean=True),
    Row("host_tick", "each interruption of a computing guest", goal=1500, small=HOST, mean=True,
        none=True),
    Row("virtual_insn", "CSR access that traps, injected into the guest", goal=280, small=DESIGN),
    Row("illegal_insn", "illegal instruction, injected into the guest", goal=110, over_bare=True, small=DESIGN),
    Row("ebreak", "breakpoint, delegated"),
    Row("touch_4k", "first access to each 4 KiB page", small=DESIGN),
    Row("touch_2m", "first access to each 2 MiB"),
    Row("store_4k_loaded", "first store to each 4 KiB page of touch_4k", small=DESIGN),
    Row("store_2m_loaded", "first store to each 2 MiB of touch_2m"),
    Row("fault_4k_present", "fault on a 4 KiB page present in the host", "present", goal=700, small=BOTH),
    Row("fault_new_table", "the same, with a new table one level down", "present", small=BOTH),
    Row("fault_4k_fresh", "fault on a 4 KiB page that the host allocates", "fresh", goal=2200, small=BOTH),
    Row("mix", "one round of SBI calls, WFI, MMIO and faults", "present", small=BOTH),
    Row("dirty_write", "first write to a page since the log was read", "logged", small=BOTH),
    Row("dirty_split", "the same, in a 2 MiB leaf that has to be split", "logged"),
    Row("dirty_harvest", "reading the dirty log with 512 dirty pages", "logged", small=BOTH),
    Row("ioctl_nothing", "an ioctl of /dev/kvm that does nothing", "turns", small=HOST),
    Row("kvm_interrupt", "KVM_INTERRUPT of a vCPU that is not running", "turns", small=HOST),
    Row("run_immediate", "KVM_RUN that returns before it enters", "turns", small=BOTH),
    Row("run_same", "KVM_RUN to the next exit, the same vCPU again", "turns", small=BOTH),
    Row("run_same_fp", "the same, with FP registers dirty", "turns", small=BOTH),
    Row("run_vcpus", "two vCPUs of a VM alternately, in one thread", "turns", small=BOTH),
    Row("run_vcpus_fp", "the same, with FP registers dirty", "turns", small=BOTH),
    Row("run_vcpus_fp_use", "the same, each reading an FP register", "turns", small=BOTH),
    Row("run_vms", "two VMs alternately", "turns", small=BOTH),
    Row("run_8_vcpus", "8 vCPUs in turn", "turns", small=BOTH),
    Row("run_16_vms", "16 VMs in turn", "turns", small=BOTH),
    Row("ipi_pingpong", "IPI round trip, both harts asleep", "pair", goal=2500, over_bare=True, small=HOST),
    Row("msi_pingpong", "the same by MSIs (AIA only)", "pair", small=BOTH),
    Row("h_read", "guest hypervisor: read vsscratch", "hypervisor"),
    Row("h_write", "guest hypervisor: write vsscratch", "hypervisor"),
    Row("h_hlv", "guest hypervisor: HLV.D", "hypervisor"),
    Row("h_fence", "guest hypervisor: HFENCE.GVMA", "hypervisor"),
    Row("h_wfi", "guest hypervisor: WFI, with an interrupt of VS pending", "hypervisor"),
    Row("l2_call_bare", "sret to its guest, whose ecall traps back; no table", "hypervisor"),
    Row("l2_call", "the same, with a table in hgatp", "hypervisor"),
    Row("l2_call_nacl", "the same, entered by SBI NACL's sync_sret", "hypervisor"),
    Row("l2_wfi", "l2_call with a WFI with an interrupt pending", "hypervisor"),
    Row("l2_fault", "HFENCE.GVMA and l2_call with a load", "hypervisor"),
    Row("l2_changed", "change of an entry of its table, a fence, l2_call with a load", "hypervisor"),
    Row("l2_exit", "l2_call, 4 writes and a read of CSRs, and a fence", "hypervisor"),
    Row("l2_miss", "l2_call with a load; the shadow table lacks the page", "hypervisor_small"),
    Row("l2_miss_fresh", "the same; the host has to allocate the page", "hypervisor_small"),
    Row("l2_miss_l1", "the same as l2_miss; L1's table lacks the page, too", "hypervisor_small"),
    Row("l2_logged", "reading a dirty log with one dirty page; l2_call with 64 loads", "hypervisor_logged"),
]
# Rows that scripts/hyperscope bench-apps measures by running scripts/guest/apps in a whole guest, natively and in
# VMs.
APPLICATIONS = [
    Row("boot", "Debian's kernel, from first line to first command", "processes"),
    Row("boot_exits", "exits of a boot, console SBI DBCN, besides WFI", "start", goal=100, unit="exits"),
    Row("fork_exec", "fork and exec of busybox, warm", "processes"),
    Row("hackbench", "one message of hackbench, through a socket", "workloads"),
    Row("cyclictest", "cyclictest: delay of a thread's wake-up", "workloads"),
    Row("files_tmpfs", "create, read, rename and remove a small file", "workloads"),
    Row("blk", "read 4 KiB of a disk with dd and O_DIRECT", "workloads"),
    Row("files_disk", "the same as files_tmpfs, on ext2 on a disk", "workloads"),
]
# Rows of scripts/hyperscope bench-levels: the exits to L0 for an exit of L2 in a row of ROWS.
IN_LEVELS = ("sbi_version", "sbi_user", "mmio_read", "wfi_pending", "virtual_insn")
LEVELS = [Row(name + "_exits", "exits to L0 for each %s of L2" % name, unit="exits") for name in IN_LEVELS]
BY_NAME = {row.name: row for row in ROWS + APPLICATIONS + LEVELS}

# The rows that a toggle can change. A toggle that is missing here is measured with all rows.
MATTERS = {
    "gstage_walk": "touch_4k fault_* dirty_* mix",
    "gstage_huge": "touch_* fault_* dirty_*",
    "mmio_decode": "mmio_* mix",
    "gpa_from": "mmio_* fault_* touch_4k dirty_* mix",
    "vmid": "sbi_version sbi_user mmio_read timer_late_* ipi_pingpong run_*",
    "tlb_flush": "sbi_sfence_* sbi_fence_i_self touch_4k fault_* dirty_* mix",
    "timer": "sbi_set_timer timer_now stimecmp_write timer_late_*",
    "fp": "sbi_version sbi_user* mmio_read mmio_read_fp fp_first_use timer_late_* illegal_insn run_*",
    "switch": "sbi_* mmio_read mmio_ioeventfd wfi_pending virtual_insn fault_4k_present "
              "dirty_* mix run_*",
    "fastpath": "sbi_* timer_now wfi_pending virtual_insn mmio_read mmio_ioeventfd mix",
    "halt_poll_ns": "timer_late_* blk_read_*",
    "zero_page": "touch_* store_* fault_4k_fresh fault_new_table",
    "wfi": "wfi_pending timer_late_* blk_read_* ipi_pingpong",
    "counters": "sbi_version sbi_user csr_*",
    "nacl": "sbi_version sbi_user mmio_read wfi_pending virtual_insn fault_4k_fresh l2_exit",
    "nested_switch": "h_hlv",
    "shadow": "h_fence l2_fault l2_changed l2_miss* l2_logged",
    "irqchip": "mmio_read mmio_ioeventfd plic_eoi irq_inject msi_* blk_read_* io_*",
}
# Settings with which Linux as a guest hypervisor does not run its guests correctly (docs/toggles.md): not measured.
WRONG_IN_LINUX = ("nacl=no_sync_hfence", "nacl=no_sync_sret")
# toggle -> (setting of another toggle, rows). Without that setting, the toggle has no effect on these rows, so they
# are also measured with that setting.
BESIDE = {"switch": ("fastpath=off", "sbi_version wfi_pending"), "wfi": ("fastpath=off", "wfi_pending"),
          "irqchip": ("wfi=native", "msi_pingpong io_in_apart")}
# Rows that repeat others with more vCPUs or VMs, so figures and tables of what toggles change leave them out.
ALIKE = ("run_8_vcpus", "run_16_vms")
# For toggles that take a number: the values to measure besides the default.
NUMBERS = {"halt_poll_ns": ("0",), "zero_page": ("1",)}
# The row and the settings with which the cost of tracing and exit accounting is measured.
TRACED_ROW = "sbi_version"
TRACED = ("trace=kvm_entry,kvm_exit", "trace=kvm_sbi_call", "exitstat=auto")

# Goals with a toggle set: (setting, row) -> upper limit.
GOALS_WITH = {("fastpath=off", "sbi_version"): 400, ("zero_page=1", "touch_4k"): 16, ("zero_page=1", "touch_2m"): 6000,
              ("irqchip=kernel_plic", "mmio_read"): 300, ("irqchip=kernel_plic", "plic_eoi"): 600,
              ("irqchip=aia_emul", "mmio_read"): 300, ("irqchip=aia_hwaccel", "mmio_read"): 300,
              ("irqchip=aia_hwaccel", "msi_self"): 10, ("wfi=native irqchip=aia_hwaccel", "msi_pingpong"): 50,
              ("irqchip=kernel_plic", "io_in"): 900, ("irqchip=aia_emul", "io_in"): 900,
              ("irqchip=aia_hwaccel", "io_in"): 900}

# Derived from two measurements: name, description, (setting, row), minus (setting, row), upper limit.
DERIVED = [
    ("vcpu_load_put", "KVM_RUN without an entry, minus an ioctl", ("", "run_immediate"),
     ("", "ioctl_nothing"), None),
    ("vcpu_switch", "added by another vCPU of the VM in between", ("", "run_vcpus"),
     ("", "run_same"), None),
    ("vcpu_switch_fp", "the same, with FP registers dirty", ("", "run_vcpus_fp"),
     ("", "run_same_fp"), None),
    ("fp_trap", "added by an FP register read in each turn", ("", "run_vcpus_fp_use"),
     ("", "run_vcpus"), None),
    ("vm_switch", "added by another VM in between", ("", "run_vms"), ("", "run_same"), None),
    ("of_8_vcpus", "added per exit by 8 vCPUs instead of 2", ("", "run_8_vcpus"),
     ("", "run_vcpus"), None),
    ("of_16_vms", "added per exit by 16 VMs instead of 2", ("", "run_16_vms"),
     ("", "run_vms"), None),
    ("gstage_level", "added to a G-stage fault by one more table",
     ("", "fault_new_table"), ("", "fault_4k_present"), None),
    ("vs_walk_3_levels", "added by a software walk of guest tables",
     ("gpa_from=walk", "mmio_read_sv39"), ("gpa_from=walk", "mmio_read"), None),
    ("trace_entry_exit", "added per exit by kvm_entry and kvm_exit",
     ("trace=kvm_entry,kvm_exit", TRACED_ROW), ("", TRACED_ROW), 80),
    ("trace_one_event", "added by one other event (kvm_sbi_call)",
     ("trace=kvm_sbi_call", TRACED_ROW), ("", TRACED_ROW), 40),
    ("exit_accounting", "added per exit by the exit table", ("exitstat=auto", TRACED_ROW),
     ("", TRACED_ROW), 30),
]


def matching(patterns, table=None):
    """Return the names of the rows that match any of PATTERNS (separated by commas or blanks), in the order of TABLE
    (default: ROWS)."""
    words = patterns.replace(",", " ").split()
    return [row.name for row in table or ROWS if any(fnmatch.fnmatchcase(row.name, w) for w in words)]


def named(parser, words, table=None, hint="; --list shows the rows"):
    """Return the names of the rows that WORDS, patterns separated by commas, match. A pattern without a row is a usage
    error; HINT ends its message."""
    names = []
    for word in filter(None, words.split(",")):
        found = matching(word, table)
        if not found:
            parser.error("there is no row '%s'%s" % (word, hint))
        names += found
    return names


def beside(setting):
    """Return the other toggle in a setting that combines two (BESIDE), or ""."""
    return next((other for other, _ in BESIDE.values() if setting.startswith(other + " ")), "")


def is_application(name):
    """Return whether a row is measured by scripts/hyperscope bench-apps."""
    return GROUPS[BY_NAME[name].group].program == "guest"


def relevant(toggle):
    return matching(MATTERS[toggle]) if toggle in MATTERS else [row.name for row in ROWS]
