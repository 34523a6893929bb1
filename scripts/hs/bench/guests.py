# SPDX-License-Identifier: MIT
"""guests.py - run Debian's kernel with scripts/guest/apps directly on QEMU, and in a VM.

The system "native" is QEMU without a hypervisor. The others are hyperscope, Linux KVM, and "nested", hyperscope as a
guest of hyperscope, with the same VMM, kernel and initrd. One Job is one boot.

For each measurement, the guest is booted several times with initrds of different sizes, which change the
layout of the guest's memory and when its timers fire. With only one layout, a figure would be off by a few
percent by chance (Mytkowicz et al., "Producing Wrong Data Without Doing Anything Obviously Wrong!", ASPLOS 2009).
"""
import os
import re
from typing import NamedTuple

from hs import ends
from hs.icount import CLOCK, ICOUNT, record_mode
from hs.paths import HYPERSCOPE, TOP
from hs.run.cpio import behind
from hs.run.qemuopt import machine_of
from . import systems
from .rows import APPLICATIONS, BY_NAME, GROUPS
from .systems import SETTLE, BenchError

SYSTEMS = ("native", "hyperscope", "linux")  # those that are measured by default
NESTED = "nested"
PROGRAM = os.path.join(TOP, "scripts", "guest", "apps")
# QEMU's memory; each VM has 512M, the same as native. With --host nested, the inner host has this memory.
RAM = dict(systems.RAM, native="512M", nested=systems.RAM["hyperscope"])
DBCN = "console=dbcn"
DISK_BYTES = 8 << 20
APPEND = "console=ttyS0 quiet norandmaps nokaslr"
# Debian's kernel supports DBCN only for its early console. Therefore, the early console is kept, and /init writes to
# the kernel's log.
APPEND_DBCN = "console=hvc0 earlycon=sbi keep_bootcon printk.devkmsg=on norandmaps nokaslr"
APPEND_QUIET = "console=hvc0 earlycon=sbi keep_bootcon quiet norandmaps nokaslr"  # for the group "start"
AIA = "irqchip=aia_hwaccel"
LAYOUTS = 5
LAYOUT_BYTES = 12347  # the initrd of layout N is larger by N times this size, which is not a multiple of a page
_BATCHES = re.compile(r"^batches,(\w+),([1-9]\d*),(-?\d+(?: -?\d+)*)\s*$", re.M)  # row, operations, cost per batch
_EXITS = re.compile(r"vmm: counter (\w*exit\w*|gstage_faults) (\d+)")  # from vmm --stats
_STAMP = re.compile(r"^(?:\[ *[0-9.]+\] )?", re.M)  # time stamp of the kernel's log
# Rows not measured natively, because the counts would not be reproducible: QEMU completes disk requests (in a
# bottom half, even if nothing is read) at times that do not depend on the guest's clock.
NOT_NATIVE = ("blk", "files_disk", "boot_exits")


class Job(NamedTuple):
    system: str
    part: str          # a group of rows.GROUPS
    setting: str = ""  # or DBCN or AIA
    cpu: str = "rv64"
    layout: int = 0    # below LAYOUTS

    def label(self):
        return " ".join(filter(None, (self.system, self.setting, "(%s, layout %d)" % (self.part, self.layout + 1))))

    def rows(self):
        return [row.name for row in APPLICATIONS if row.group == self.part
                and not (self.system == "native" and row.name in NOT_NATIVE)]


def beside_native(figures, row, setting=""):
    """Return (thousands of instructions, ratio to native), as text, for each of SYSTEMS and for NESTED."""
    native = figures.value("native", row)
    return [as_text(figures.value(system, row, setting), native) for system in SYSTEMS + (NESTED,)]


def as_text(value, native):
    """Return (thousands of instructions, ratio to native) as text."""
    return "-" if value is None else "%.2f" % (value / 1000), "%.3f" % (value / native) if value and native else ""


def jobs_of(chosen, names, dbcn=True):
    """Return the jobs (boots) that measure these rows. dbcn: on hyperscope, boot the group "processes" also with the
    DBCN console, which causes few exits, and the group "start" also with guest interrupt files. There, "start" has
    only one layout, because the number of exits does not depend on it."""
    parts = dict.fromkeys(row.group for row in APPLICATIONS if row.name in names)
    return [Job(system, part, setting, layout=layout) for part in parts for system in chosen
            if not (system == "native" and part == "start")
            for setting in ([""] + [DBCN] * (dbcn and system == "hyperscope" and part == "processes")
                            + [AIA] * (system == "hyperscope" and part == "start"))
            for layout in range(1 if system == "hyperscope" and part == "start" else LAYOUTS)]


def statistics_of(batches, unit):
    """Return the statistics of a row as CSV columns. batches: (operations, figure of the batch) pairs."""
    each = sorted(figure / operations for operations, figure in batches)
    found = (each[0], each[rank(len(each), 50)], each[rank(len(each), 99)], each[-1], sum(each) / len(each))
    return dict(zip(systems.STATISTICS, ("%.2f" % value for value in found)),
                unit=unit, n=str(sum(operations for operations, _ in batches)), instret="")


def rank(n, percent):
    """Return the index of a percentile among N sorted values (nearest rank)."""
    return max(-(-n * percent // 100), 1) - 1


class Runner(systems.Runner):
    runs_guest = True

    def __init__(self, options):
        super().__init__(options)
        self.kernel = os.path.join(options.out, "guest", "vmlinux")
        self.initrd = os.path.join(options.out, "guest-initrd.cpio")
        self.rt_tests = os.path.join(options.out, "rt_tests")
        self.exits = {}   # (system, setting) -> {KVM's counter: number of exits}

    def images(self):
        return [self.vmm, self.kernel, self.initrd, PROGRAM, os.path.join(self.options.out, "hyperscope.bin")]

    def check(self, jobs):
        for path in self.images() + [self.payload]:
            if not os.path.exists(path):
                raise BenchError("%s is missing: run 'scripts/hyperscope setup run', then make" % path)
        if any(GROUPS[job.part].disk for job in jobs) and not os.path.isdir(self.rt_tests):
            raise BenchError("%s is missing: run 'scripts/hyperscope setup apps'" % self.rt_tests)

    # -- command lines ---------------------------------------------------------------------

    def flags(self, job):
        """Return QEMU's options that affect the figures."""
        memory = RAM.get(job.system, systems.LINUX_RAM)
        return ["-M", machine_of(None, [job.setting]), "-cpu", job.cpu, "-smp", "1", "-m", memory] + ICOUNT + CLOCK

    def on_native(self, job, initrd):
        return [self.qemu] + self.flags(job) + record_mode(1) + [
            "-display", "none", "-monitor", "none", "-serial", "stdio", "-kernel", self.kernel,
            "-initrd", initrd, "-append", self.append(job)]

    def append(self, job):
        if job.part == "start":
            return APPEND_QUIET
        return APPEND_DBCN if job.setting == DBCN else APPEND

    def vm(self, job, initrd):
        """Return the --file options, and the VMM's arguments. The disk is a file in the host's memory."""
        files, words = ["--file", self.kernel + ":/vmlinux", "--file", initrd + ":/initrd"], ["--quiet", "--stats", "--no-sandbox"]
        if GROUPS[job.part].disk:
            files += ["--file", os.path.join(os.path.dirname(initrd), "disk") + ":/disk"]
            words += ["--disk", "/disk"]
        return files, words + ["--initrd", "/initrd", "--append", self.append(job), "/vmlinux"]

    def on_hyperscope(self, job, initrd):
        files, words = self.vm(job, initrd)
        return [HYPERSCOPE, "exec", "--timeout", str(self.options.timeout), "--out", self.options.out, "--icount",
                "--quiet", "--cpu", job.cpu, "--memory", RAM["hyperscope"], "--without-observation"] + [
                    "--host", NESTED] * (job.system == NESTED) + [
                    "--set", AIA] * (job.setting == AIA) + files + [self.vmm] + words

    def on_linux(self, job, initrd):
        files, words = self.vm(job, initrd)
        return [HYPERSCOPE, "linux-kvm", "exec", "--timeout", str(self.options.timeout), "--out", self.options.out, "--icount",
                "--cpu", job.cpu, "--memory", systems.LINUX_RAM, "--linux", systems.LINUXES[job.system].name,
                "--file", self.vmm + ":/vmm"] + files + [
                    os.path.join(self.options.out, "guest", "busybox"), "sh", "-c",
                    'sleep %d; exec /vmm "$@"' % SETTLE, "vmm"] + words

    def command_with(self, job, initrd):
        """Return the command that runs a job with this initrd."""
        if job.system == "native":
            return self.on_native(job, initrd)
        return (self.on_linux if job.system in systems.LINUXES else self.on_hyperscope)(job, initrd)

    def write_initrd(self, job, path):
        """Write the common initrd, followed by the files that only this guest needs."""
        with behind(self.initrd, path) as archive:
            archive.add_dir("hs")
            archive.add_file("/hs/command", PROGRAM)
            archive.add_data("/hs/part", job.part.encode() + b"\n")
            archive.add_data("/hs/layout", b"." * (job.layout * LAYOUT_BYTES))
            if GROUPS[job.part].disk:
                if job.system != "native":
                    archive.add_data("/hs/disks", b"1\n")
                for name in ("hackbench", "cyclictest"):
                    archive.add_file("/bin/" + name, os.path.join(self.rt_tests, name))
                for name in sorted(os.listdir(os.path.join(self.rt_tests, "lib"))):
                    archive.add_file("/lib/" + name, os.path.join(self.rt_tests, "lib", name))

    # -- a run -----------------------------------------------------------------------------

    def run(self, job):
        """Run a job and return its rows, each with the batches of this boot."""
        wanted = job.rows()
        with ends.folder("bench-apps.") as folder:
            initrd = os.path.join(folder, "initrd")
            self.write_initrd(job, initrd)
            with open(os.path.join(folder, "disk"), "wb") as disk:
                disk.truncate(DISK_BYTES)
            status, out, errors = self.run_for_output(self.command_with(job, initrd))
        found = [(name, int(operations), values.split())
                 for name, operations, values in _BATCHES.findall(_STAMP.sub("", out)) if name in wanted]
        exits = {name: int(count) for name, count in _EXITS.findall(errors)}
        if job.part == "start" and "exits" in exits:
            found = [("boot_exits", 1, [exits["exits"] - exits["wfi_exit_stat"] - exits["wrs_exit_stat"]])]
        if status:
            raise self.failed(job, status, found, out, errors)
        names = [name for name, _, _ in found]
        if names != wanted:
            missing = [name for name in wanted if name not in names]
            raise BenchError("%s: the guest %s%s" % (
                job.label(), "ended without " + ", ".join(missing) if missing
                else "printed the rows %s, not each once" % ", ".join(names),
                self.last_words(job, out, errors)))
        if job.system != "native" and job.part == "processes" and not job.layout:
            self.exits[job.system, job.setting] = exits
        return [{"exit": name, "system": job.system, "cpu": job.cpu, "qemu_flags": " ".join(self.flags(job)),
                 "toggles": job.setting or "default", "batches": [(operations, int(value)) for value in values]}
                for name, operations, values in found]

    def whole(self, results):
        """Combine the batches of all layouts into one row for each measurement."""
        rows = {}
        for part in results:
            batches = part.pop("batches")
            rows.setdefault(tuple(part.values()), (part, []))[1].extend(batches)
        return [dict(part, **statistics_of(batches, BY_NAME[part["exit"]].unit)) for part, batches in rows.values()]
