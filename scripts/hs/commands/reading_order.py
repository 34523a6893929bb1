# SPDX-License-Identifier: MIT
"""reading-order - write docs/reading-order.md, a list of all source files in order.

The list ORDER in scripts/hs/commands/reading_order.py gives the order. For each
table, it has a title, a sentence, and files or patterns. A pattern selects the
matching files that no earlier entry names. A file that no entry names is an
error: add it to ORDER.
"""
import fnmatch
import os
import re

from hs import git
from hs.parser import of_command
from hs.paths import TOP

PAGE = TOP + "/docs/reading-order.md"
LINES_A_MINUTE = 22

HEAD = """\
# Reading order

With this page, you can read the whole source in a sensible order. It lists every
file once. Reading all of them takes about %d hours, at 22 lines per minute,
including blank lines. The first seven tables are the hypervisor itself (`src/kvm`). Before you
begin, look at the picture in [design](design.md) and the terms in [glossary](glossary.md).
[spec](spec.md) lists the paragraphs of the specifications that the code cites.
Have the trace of a run at hand while you read: `make run GUEST=hello`, then
`make trace`.

`scripts/hyperscope reading-order` generates this page from the files' first lines.
"""

ORDER = """
= The path of one exit
The path of a guest's `ecall`, from that instruction to the next one, shows a complete hypervisor. The other tables add other causes of exits.
src/include/hv/csr.h src/kvm/kvm.h src/kvm/vcpu.h src/kvm/context.h src/kvm/exit/exit.h src/kvm/exit/run.c src/kvm/exit/switch.S src/kvm/asm.h src/kvm/offsets.c
src/kvm/kvm_asm.h src/kvm/exit/exit.c src/kvm/sbi/sbi.c src/kvm/sbi/sbi_ext.def src/kvm/sbi/sbi.h src/kvm/sbi/sbi_base.c src/kvm/vcpu/inject.c src/kvm/exit/fast_exit.h src/kvm/exit/switch_fast.S src/kvm/exit/fastpath.c src/kvm/exit/switch_full.c
= Guest memory
Guest page faults: look up the memory slot, get the host's page and map a leaf, with one of two walkers.
src/include/hv/pte.h src/kvm/mmu/memslot.h src/kvm/mmu/memslot.c src/kvm/mmu/memslot_map.c src/kvm/mmu/gstage.h src/kvm/mmu/gstage.c
src/kvm/mmu/gstage_iter.c src/kvm/mmu/gstage_rec.c src/kvm/exit/gstage_fault.c src/kvm/mmu/notifier.c src/kvm/mmu/dirty_log.[ch] src/kvm/uapi/dirty_log_ioctl.[ch]
src/kvm/mmu/vmid.h src/kvm/mmu/vmid.c src/kvm/mmu/tlb.c src/kvm/mmu/tlb.h src/kvm/mmu/tlb_range.c src/kvm/mmu/tlb_all.c src/kvm/mmu/hfence.h src/kvm/mmu/fence.S
= MMIO and instruction emulation
Accesses outside memory: the instruction is decoded, if necessary after fetching it through the guest's translation, and the VMM answers.
src/kvm/exit/mmio.c src/kvm/exit/insn_decode.* src/kvm/mmu/unpriv.* src/kvm/mmu/vsstage.* src/kvm/exit/insn.c src/kvm/exit/bus.* src/kvm/exit/ioeventfd.c
src/kvm/exit/coalesced.c
= Interrupt controllers in the kernel
A VM's controller: a device with attributes, lines, routes and irqfds; and the guest's claims and completions.
src/kvm/irqchip.h src/include/hv/kvm_plic.h src/kvm/uapi/device.* src/kvm/irqchip/route.* src/kvm/irqchip/irqfd.c
src/kvm/irqchip/plic.h src/kvm/irqchip/plic.c src/kvm/irqchip/plic_device.c
src/kvm/irqchip/aia.h src/kvm/irqchip/imsic.c src/kvm/irqchip/aplic.c src/kvm/irqchip/aia.c src/kvm/irqchip/imsic_nested.c src/include/hv/kvm_aplic.h src/kvm/irqchip/aplic_direct.c
src/kvm/irqchip/aia_device.c
= Time, interrupts and multiple vCPUs
WFI, timers, IPIs, fences, and requests: how a thread asks a vCPU for something and makes sure that it is done.
src/kvm/vcpu/wfi.c src/kvm/vcpu/halt_poll.* src/kvm/vcpu/timer.h src/kvm/vcpu/timer*.c src/kvm/vcpu/irq.h src/kvm/vcpu/irq.c src/kvm/request.h src/kvm/request.c src/kvm/vcpu/hsm.h src/kvm/vcpu/hsm.c src/kvm/sbi/sbi_*.[ch]
= Nested virtualization
The H extension for a guest: its CSRs, its instructions, and the exits of its own guest.
src/kvm/vcpu/nested.h src/kvm/vcpu/nested.c src/kvm/vcpu/nested_irq.c src/kvm/vcpu/nested_file.c src/kvm/vcpu/csr_access.h src/kvm/vcpu/nested_csr.c src/kvm/exit/insn.h src/kvm/exit/nested_insn.c src/kvm/exit/nested_exit.c src/kvm/mmu/shadow.[ch] src/kvm/mmu/shadow_tlb.c src/kvm/mmu/shadow_reverse.c src/kvm/mmu/shadow_protect.c src/kvm/exit/nested_fault.c
= KVM API
The interface for a VMM: ioctls, registers, counters, toggles; creating vCPUs, and loading them into a hart.
src/kvm/uapi/api*.c src/kvm/uapi/create.c src/kvm/vcpu/vm.c src/kvm/vcpu/vcpu.c src/kvm/vcpu/lazy_put.c src/include/hv/kvm_pmu.h src/kvm/uapi/onereg.h src/kvm/uapi/onereg*.c src/kvm/vcpu/fp.h
src/kvm/vcpu/fp*.c src/kvm/vcpu/fp.S src/kvm/vcpu/vector.* src/kvm/*/* src/kvm/*
= Host interface and tracing
The functions of the host that the core may call, those of the core that the host calls, and events, which cost one no-op each while they are off.
src/include/hv/host.h src/include/hv/core.h src/include/hv/types.h src/include/hv/bits.h src/include/hv/list.h src/include/hv/spinlock.h
src/include/hv/csr.def src/include/hv/cause.def src/include/hv/cause.h src/include/hv/sbi.def src/include/hv/sbi.h src/include/hv/exit_class.def src/include/hv/static_key.h src/include/hv/trace.h src/include/hv/trace_fields.h src/include/hv/trace_setup.h src/include/hv/trace_emit.h
src/include/hv/trace_mem.h src/include/hv/* trace/*.def src/host/*/trace_*.c src/host/*/trace_* src/host/sched/static_key.c
= The host: boot, traps, scheduling
From OpenSBI's jump to the first thread. The kernel runs with interrupts off, for reasons given in [design](design.md).
src/host/platform/layout.h src/host/kernel.ld src/host/boot/boot.S src/host/boot/main.c src/host/sched/trap.S src/host/sched/trap.c src/host/sched/thread.h
src/host/sched/thread.c src/host/sched/sched.c src/host/sched/wait.h src/host/sched/wait.c src/host/sched/mutex.c src/host/sched/smp.h src/host/sched/smp.c src/host/sched/clock.h
src/host/sched/clock.c src/host/sched/fpu.c src/host/kvm_host.c src/host/platform/sbi.[ch] src/host/offsets.c
= The host: memory
Pages, page tables, areas, faults, and the calls of the core's notifiers.
src/host/mm/page.h src/host/mm/page.c src/host/mm/account.h src/host/mm/account.c src/host/mm/kmalloc.c src/host/mm/pgtable.c src/host/mm/pgtable_find.c src/host/mm/kstack.c src/host/mm/mm.h src/host/*/mm*.c src/host/mm/page_idle.h src/host/mm/page_idle.c src/host/mm/collapse.c src/host/mm/vma.h
src/host/*/vma*.c src/host/mm/fault.c src/host/mm/fault_page.c src/host/mm/user_page.c src/host/mm/uaccess.h src/host/*/uaccess* src/host/mm/sys_mem.c src/host/mm/sys_madvise.c src/host/mm/limits.c src/host/mm/notify.c src/host/mm/unmap.c src/host/mm/sys_barrier.c src/host/*/userfaultfd.* src/host/mm/uffd_fill.c src/host/*/hugetlb*
= The host: processes and signals
Enough of Linux for static programs with threads.
src/host/proc/process.h src/host/proc/process.c src/host/*/process_* src/host/*/exec*.[ch] src/host/proc/elf.c src/host/proc/exit.c src/host/proc/oom.h src/host/proc/oom.c src/host/proc/rlimit.h src/host/proc/rlimit.c
src/host/*/syscall.* src/host/proc/futex.c src/host/proc/signal.h src/host/*/signal* src/host/proc/jobctl.c src/host/proc/sys_signal.c src/host/proc/sys_thread.c src/host/proc/rseq.c
src/host/proc/sys_time.c src/host/proc/user_time.h src/host/proc/rusage.h src/host/proc/sys_misc.c
= The host: files
The file tree in memory, descriptors, waiting, terminals.
src/host/file/file.h src/host/*/file*.c src/host/file/fd_table.c src/host/*/inode.* src/host/fs/names.c src/host/fs/path.c src/host/fs/open.c src/host/*/ramfs* src/host/*/initramfs.*
src/host/*/sys_*.[ch] src/host/file/flock.c src/host/file/pipe.c src/host/file/eventfd.c src/host/*/poll.* src/host/file/epoll*
src/host/file/timerfd.c src/host/file/memfd.c src/host/*/tty* src/host/dev/console.c src/host/*/devfs.* src/host/*/pseudo.*
src/host/*/procfs* src/host/fs/frames.c src/host/*/sysfs.* src/host/*/debugfs.* src/host/*/kvm_file.*
= The host: devices, platform, library
Drivers, the machine's description, and small functions that every part uses.
src/host/*/drivers.* src/host/*/fdt.* src/host/platform/isa.c src/host/platform/* src/host/sched/irq.* src/host/dev/plic.c src/host/platform/imsic_layout.* src/host/dev/imsic.* src/host/dev/aplic.c src/host/dev/sswi.c src/host/*/virtio* src/host/*/port* src/host/*
= Debug kernel
What make DEBUG=1 adds to the host's kernel so that it checks itself.
src/debug/debug.h src/debug/wrapped.def src/debug/check.h src/debug/lock.c src/debug/may_sleep.S src/debug/sleep.c src/debug/slab.c src/debug/page.c src/debug/mapped.c src/debug/shadow.c src/debug/device.c src/debug/fail.c src/debug/*
= Linux module
The core on another host: Debian's kernel (docs/linux-module.md).
src/linux/linux.h src/linux/module.c src/linux/file.c src/linux/thread.c src/linux/work.h src/linux/work.c src/linux/user.c src/linux/hart.c src/linux/* src/linux/core/hv/* src/linux/core/*
= VMM
An ordinary multi-threaded program, which also runs on Linux unchanged.
src/vmm/platform.h src/vmm/vmm.h src/vmm/irqchip.h src/vmm/main.c src/vmm/machine.c src/vmm/vcpu.c src/vmm/*
= Payloads
Guests of a few kilobytes.
src/guest/hello.c src/guest/rt.h src/guest/start.S src/guest/*.[chS] src/guest/bench/bench.[hcS] src/guest/bench/measure.c src/guest/bench/* src/guest/equivalence/equivalence.[hc] src/guest/equivalence/class.def src/guest/equivalence/* src/guest/tour/* tests/guest/*
= Workloads
hyperscope as one ELF file, with a firmware of its own (docs/workload.md).
src/workload/shim.h src/workload/shim.S src/workload/shim.c src/workload/clock.c src/workload/image.S src/workload/runner.c src/workload/smoke.c src/workload/*
= Trace reader
From a machine's RAM to text.
trace/hstrace/hstrace.c trace/file/hst.h trace/file/* trace/hstrace/*
= Trace exporters
One file for each format: perf, trace-cmd, CTF, Perfetto, text.
trace/export/export.c trace/export/export.h trace/export/* trace/export/perfetto.proto trace/export/perf-exits.py
= HTML report
A trace as an HTML page. C code evaluates the trace, and the page's scripts draw it.
trace/html/html.h trace/html/page.c trace/html/run.c trace/html/vcpu.c trace/html/exit.c trace/html/*.c
trace/html/report_base.js trace/html/report_chart.js trace/html/report_timeline.js trace/html/report_levels.js trace/html/report.js trace/html/report.css
= gdb commands and walkthroughs
Python code that runs in gdb. The modules csr, irqchip, walk, elf, snapshot, tour and page do not use gdb.
scripts/gdb/hs.py scripts/hs/gdb/command.py scripts/hs/gdb/target.py scripts/hs/gdb/vm.py
scripts/hs/gdb/tour.py scripts/hs/gdb/play.py scripts/hs/gdb/meaning.py scripts/hs/gdb/page.py scripts/hs/gdb/prompt.py scripts/hs/gdb/back.py scripts/hs/gdb/watchdog.py
scripts/hs/gdb/fields.py scripts/hs/gdb/csr.py scripts/hs/gdb/walk.py scripts/hs/gdb/snapshot.py scripts/hs/elf.py scripts/hs/gdb/*
= QEMU plugins and other files
Plugins for QEMU, and all files that no table above lists.
trace/*/* trace/*
"""


def sources():
    return [f for f in git.files("src", "trace", "scripts/gdb", "scripts/hs/gdb", "tests/guest")
            if re.search(r"\.(c|h|S|def|ld|js|css)$|^scripts/(hs/)?gdb/.*[a-z]\.py$", f) and "/libc/" not in f]


def lines_of(path):
    with open(os.path.join(TOP, path), encoding="utf-8", errors="replace") as source:
        return source.read().split("\n")


def minutes(path):
    return max(1, round(len(lines_of(path)) / LINES_A_MINUTE))


def sentence(path):
    """Return the first sentence of the text in "NAME - text" at the head of a file, or ""."""
    lines = "\n".join(lines_of(path)[:14]).replace('."""', ".*/").split("\n")  # treat a docstring's end like a comment's
    for i, line in enumerate(lines):
        found = re.match(r"^[ /*#\"]*[\w/.]+ - (.*)$", line)
        if not found:
            continue
        text = found.group(1)
        for more in lines[i + 1:i + 4]:
            more = re.sub(r"^[ /*#]+", "", more)
            if re.search(r"[.;:]\s*(\*/)?$", text) or not more:
                break
            text += " " + more
        text = re.sub(r"\s*\*/.*$", "", text)
        return re.split(r"(?<=[.;])\s", text.strip())[0].rstrip(".;:").replace("|", "\\|")
    return ""


def tables(files):
    left, out, total = list(files), [], 0
    for block in ORDER.strip().split("\n= "):
        title, text, *patterns = block.lstrip("= ").split("\n")
        taken = []
        for pattern in " ".join(patterns).split():
            taken += [f for f in left if fnmatch.fnmatch(f, pattern) and f not in taken]
        left = [f for f in left if f not in taken]
        spent = sum(minutes(f) for f in taken)
        total += spent
        out += ["", "## %s (%s)" % (title, "%d min" % spent if spent < 60 else "%d h %02d" % divmod(spent, 60)),
                "", text, "", "| file | min | what |", "|---|---|---|"]
        out += ["| `%s` | %d | %s |" % (f, minutes(f), sentence(f)) for f in taken]
    return left, "\n".join(out) + "\n", total


def main(argv):
    parser = of_command("reading-order", __doc__, epilog="exit status: 0; 1 a file has no place, or the page is not current; "
                        "2 usage error")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is not current")
    check = parser.parse_args(argv).check
    left, text, total = tables(sources())
    for path in left:
        print("scripts/hyperscope reading-order: %s has no place in ORDER" % path)
    page = HEAD % round(total / 60) + text
    if check:
        # Ignore the reading times, which change with every line of code. Names and sentences must be right.
        figures = re.compile(r"\| \d+ \||\([^)]*(min|h \d\d)\)|about \d+ hours")
        try:
            with open(PAGE, encoding="utf-8") as old:
                same = figures.sub("", old.read()) == figures.sub("", page)
        except OSError:
            same = False
        if not same:
            print("docs/reading-order.md is not current: run scripts/hyperscope reading-order")
        return 0 if same and not left else 1
    with open(PAGE, "w", encoding="utf-8") as out:
        out.write(page)
    return 1 if left else 0
