# SPDX-License-Identifier: MIT
"""systems.py - start each system with the payload, and read its output.

The system "bare" runs the payload in QEMU directly on the firmware. The others run it with the same VMM: hyperscope on
its own host; KVM of Debian's Linux, of the newest Linux that Debian has, and of any other Linux ("linux-NAME");
hyperscope as a module of the first two of these; and, as guests of hyperscope, hyperscope ("nested") and KVM of the newest
Linux ("nested_linux").
One Job is one boot; its rows are returned as dictionaries.
"""
import os
import shlex
import subprocess
import tempfile
from types import SimpleNamespace
from typing import Any, NamedTuple

from hs import ends, kernels, layout
from hs.errors import STATUS_TIMEOUT
from hs.icount import CLOCK, ICOUNT, record_mode
from hs.lastwords import last_words
from hs.paths import HYPERSCOPE, QEMU
from hs.run.cpio import Archive
from hs.run.machine import qemu_version
from hs.run.qemuopt import check_cpu, check_firmware, machine_named, machine_of
from . import csvfile
from .rows import GROUPS, ROWS, WRONG_IN_LINUX

SYSTEMS = ("bare", "hyperscope", "linux")
MODULE, NEWEST, MODULE_NEWEST = "module", "linux_newest", "module_newest"
MODULES = (MODULE, MODULE_NEWEST)
NESTED, NESTED_LINUX = "nested", "nested_linux"
OTHERS = (MODULE, NEWEST, MODULE_NEWEST, NESTED, NESTED_LINUX)  # measured only by the bench itself
KNOWN = SYSTEMS + OTHERS + ("native",)  # without a hypervisor, "bare" runs the payload and "native" runs a guest's kernel
STATISTICS = ("min", "p50", "p99", "max", "mean")
COLUMNS = ("exit", "unit", "n") + STATISTICS + ("instret",)
MOST = 1e15  # of a figure: cycles, ns or instructions; more would take days
RAM = {"bare": "512M", "hyperscope": "1G", NESTED: "1G", NESTED_LINUX: "1088M"}  # the last: as run does for L1_RAM
LINUX_RAM = "2G"
L1_RAM, L2_RAM = "700M", "64M"  # of Linux as a guest hypervisor, and of its guest
SETTLE = 5  # seconds to wait on Linux before measuring: background work after boot would double the first figures
DISK_BYTES = 1 << 20
GRACE = 30  # seconds that the launcher has to end a machine


class BenchError(Exception):
    """An error whose message, one sentence, is shown to the user unchanged."""


class Linux(NamedTuple):
    name: str         # of linux-kvm's option --linux
    module: str = ""  # hyperscope's module for it, in the output folder; else, KVM is measured
    get: str = ""     # the command that builds this module

    def missing(self, out):
        """Return a sentence about a missing file, or ""."""
        module = os.path.join(out, self.module)
        return kernels.missing(out, self.name) or (
            "%s is missing: run '%s'" % (module, self.get) if not os.path.exists(module) else "")


# The first program of Linux as a guest hypervisor.
L1_INIT = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox insmod /kvm.ko
%s
/bin/busybox poweroff -f
"""

LINUXES = {
    "linux": Linux("stable"),
    NEWEST: Linux("newest"),
    MODULE: Linux("stable", "hyperscope.ko", "make linux-module"),
    MODULE_NEWEST: Linux("newest", "hyperscope_newest.ko", "make linux-module KERNEL=newest"),
    NESTED_LINUX: Linux("newest"),
}
ONE_LINUX = "linux-"  # a system that hs.bench.kernels adds begins with this


class Job(NamedTuple):
    system: str
    cpu: str
    setting: str  # "" or NAME=VALUE, several separated by blanks
    group: str
    rows: tuple   # names, or () for all rows of the group

    def label(self):
        words = [self.system, self.cpu]
        if self.setting:
            words.append(self.setting)
        if self.group != "one":
            words.append("(%s)" % self.group)
        return " ".join(words)

    def settings(self):
        return (GROUPS[self.group].setting + " " + self.setting).split()


def plain(out, timeout, jobs):
    """Return a Runner's options for JOBS jobs at a time, with the defaults of scripts/hyperscope bench."""
    return SimpleNamespace(out=out, firmware="", cycles=False, single=False, append=[], timeout=timeout, jobs=jobs)


def time_limit(command, timeout):
    """Return the seconds after which to terminate a command. Our own commands get --timeout TIMEOUT, and GRACE seconds
    more: they end the machine themselves and print what its vCPUs were doing."""
    return timeout + (GRACE if command[0] == HYPERSCOPE else 0)


def setting_of(options):
    """Return the setting of hyperscope that the options --set, --trace and --exitstat make."""
    words = options.set + ["trace=" + options.trace] * (options.trace != "none")
    return " ".join(words + ["exitstat=" + options.exitstat] * (options.exitstat != "0"))


def setting_on(system, options):
    """Return the setting that a system gets in an anatomy: Linux KVM and the bare machine none, the module only toggles."""
    return setting_of(options) if system == "hyperscope" else " ".join(options.set) if system in MODULES else ""


class Runner:
    runs_guest = False  # True if the VM runs a kernel, whose version is then recorded with the figures

    def __init__(self, options):
        self.options = options
        self.children, self.stopped = set(), False
        self.temporary: Any = None  # a folder that is deleted at the end
        self.systems = set()  # of the jobs
        self.qemu = QEMU
        self.machine = getattr(options, "machine", None)  # only bench has the option
        self.payload = os.path.join(options.out, "guest-payloads", "bench.bin")
        self.vmm = os.path.join(options.out, "vmm")
        self.turns = os.path.join(options.out, "tests", "kvm", "bench_turns")
        self.disk = os.path.join(options.out, "bench-disk.img")

    def check(self, jobs):
        """Raise BenchError, before anything runs, if a file that the jobs need is missing."""
        self.systems = systems = {job.system for job in jobs}
        needed = [self.payload] + sorted({self.program(job) for job in jobs if job.system != "bare"})
        if systems & {"hyperscope", NESTED, NESTED_LINUX}:
            needed.append(os.path.join(self.options.out, "hyperscope.bin"))
        for path in needed:
            if not os.path.exists(path):
                raise BenchError("%s is missing: run make" % path)
        if NESTED_LINUX in systems:
            parent = os.path.join(self.options.out, "tmp")
            os.makedirs(parent, exist_ok=True)
            self.temporary = tempfile.TemporaryDirectory(dir=parent)
        for system in sorted(systems & set(LINUXES)):
            lacks = LINUXES[system].missing(self.options.out)
            if lacks:
                raise BenchError(lacks)
        if self.options.firmware:
            check_firmware(self.options.firmware)
        qemu_version(self.qemu)  # raises an error if QEMU is missing
        for cpu in sorted({job.cpu for job in jobs}):
            check_cpu(self.qemu, cpu)

    # -- command lines ---------------------------------------------------------------------

    def flags(self, job):
        """Return QEMU's options that affect the figures."""
        flags = ["-M", machine_of(self.machine, job.settings()), "-cpu", job.cpu, "-smp", str(GROUPS[job.group].harts),
                 "-m", RAM.get(job.system, LINUX_RAM)] + ICOUNT + CLOCK
        return flags + (["-bios", self.options.firmware] if self.options.firmware else [])

    def append(self, job):
        words = []
        if job.system in LINUXES:
            words += ["on=linux", "settle=%d" % SETTLE]
        if job.rows:
            words.append("only=" + ",".join(job.rows))
        words += [word for word in ("cycles", "single") if getattr(self.options, word)]
        return " ".join(words + self.options.append)

    def bare(self, job):
        return [self.qemu] + self.flags(job) + record_mode(GROUPS[job.group].harts) + [
            "-nodefaults", "-display", "none", "-serial", "stdio", "-kernel", self.payload,
            "-append", self.append(job)]

    def files(self, job):
        if GROUPS[job.group].program != "vmm":
            return []
        files = ["--file", self.payload + ":/bench.bin"]
        if GROUPS[job.group].disk:
            with open(self.disk, "ab") as file:
                file.truncate(DISK_BYTES)
            files += ["--file", self.disk + ":/disk"]
        return files

    def program(self, job):
        return self.vmm if GROUPS[job.group].program == "vmm" else self.turns

    def arguments(self, job):
        group = GROUPS[job.group]
        if group.program != "vmm":
            return self.append(job).split()
        words = ["--vcpus", str(group.vcpus or group.harts), "--quiet", "--no-sandbox"] + list(group.vmm)
        if group.disk:
            words += ["--disk", "/disk"]
        return words + ["--append", self.append(job), "/bench.bin"]

    def hyperscope(self, job):
        command = [HYPERSCOPE, "exec", "--icount", "--quiet", "--timeout", str(self.options.timeout),
                   "--harts", str(GROUPS[job.group].harts), "--out", self.options.out,
                   "--cpu", job.cpu, "--memory", RAM[job.system]]
        if job.system == NESTED:
            command += ["--host", "nested"]
        if self.machine:
            command += ["--machine", self.machine]
        if self.options.firmware:
            command += ["--firmware", self.options.firmware]
        trace, exitstat, boot = "none", "0", []
        for word in job.settings():
            name, _, value = word.partition("=")
            if name == "trace":
                trace = value
            elif name == "exitstat":
                exitstat = value
            elif name == "halt_poll_ns":
                boot.append("kvm." + word)
            else:
                command += ["--set", word]
        boot.append("exitstat=" + exitstat)
        return command + ["--trace", trace, "--boot", " ".join(boot)] + self.files(job) + [
            self.program(job)] + self.arguments(job)

    def linux(self, job):
        """Return the command for a system with Linux. It uses a shell if something has to be set before the VM is
        created."""
        command = [HYPERSCOPE, "linux-kvm", "exec", "--linux", LINUXES[job.system].name, "--icount",
                   "--timeout", str(self.options.timeout), "--cpu", job.cpu, "--harts", str(GROUPS[job.group].harts),
                   "--out", self.options.out, "--memory", LINUX_RAM,
                   "--machine", machine_named(self.machine, job.settings())]
        if self.options.firmware:
            command += ["--firmware", self.options.firmware]
        before, arguments = [], self.arguments(job)
        if job.system in MODULES:
            command += ["--hypervisor", "hyperscope"]
        for word in job.settings():
            name, _, value = word.partition("=")
            if job.system in MODULES and name == "trace":
                before.append("echo %s >/sys/kernel/debug/hyperscope/events" % value)
            elif job.system in MODULES:
                command += ["--set", word]
            elif name == "trace":
                before.append("mount -t tracefs t /sys/kernel/tracing")
                before += ["echo 1 >/sys/kernel/tracing/events/kvm/%s/enable" % event
                           for event in value.split(",")]
            elif name == "irqchip":
                arguments = ["--irqchip", value] + arguments
            else:
                before.append("echo %s >/sys/module/kvm/parameters/%s" % (value, name))
        command += self.files(job)
        if not before:
            return command + [self.program(job)] + arguments
        shell = " && ".join(before) + ' && exec /program "$@"'
        return command + ["--file", self.program(job) + ":/program",
                          os.path.join(self.options.out, "guest", "busybox"), "sh", "-c", shell,
                          "program"] + arguments

    nested = hyperscope

    def nested_linux(self, job):
        """Return the command for a guest of hyperscope that runs the VMM on its own KVM. All levels' consoles are one."""
        folder = kernels.place(self.options.out, LINUXES[NESTED_LINUX].name)[0]
        busybox = os.path.join(self.options.out, "guest", "busybox")
        words = ["/vmm", "--memory", L2_RAM] + self.arguments(job)
        initrd = os.path.join(self.temporary.name, job.group + job.setting.replace(" ", "_"))
        with open(initrd, "wb") as out:
            archive = Archive(out)
            archive.add_dir("dev")
            archive.add_dir("proc")
            archive.add_data("init", (L1_INIT % shlex.join(words)).encode(), 0o755)
            for name, path in (("bin/busybox", busybox), ("vmm", self.vmm),
                               ("kvm.ko", os.path.join(folder, "modules", "kvm.ko")), ("bench.bin", self.payload)):
                archive.add_file(name, path)
            archive.close()
        command = [HYPERSCOPE, "run", "--nested", "--icount", "--quiet", "--without-observation", "--cpu", job.cpu,
                   "--timeout", str(self.options.timeout), "--memory", L1_RAM, "--out", self.options.out,
                   "--initrd", initrd, "--append", "console=ttyS0 quiet panic=-1"]
        for word in job.settings():
            command += ["--set", word]
        return command + [os.path.join(folder, "vmlinux")]

    def command(self, job):
        """Return the command that runs a job."""
        named = {"bare": self.bare, "hyperscope": self.hyperscope, NESTED: self.nested, NESTED_LINUX: self.nested_linux}
        return named.get(job.system, self.linux)(job)

    def images(self):
        """Return the files that run and so determine the figures."""
        paths = [self.payload, self.vmm, self.turns, os.path.join(self.options.out, "hyperscope.bin")]
        return paths + [os.path.join(self.options.out, LINUXES[system].module) for system in MODULES if system in self.systems]

    def stop(self):
        """Terminate all children and their process groups: each child is a timeout(1), which leads a group."""
        self.stopped = True
        for child in list(self.children):
            ends.terminate(child)

    # -- a run -----------------------------------------------------------------------------

    def run_for_output(self, command):
        """Run a command to its end. Return its status, output and standard error."""
        try:
            child = ends.start(
                ["timeout", "--kill-after=5", str(time_limit(command, self.options.timeout))] + command,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except OSError as error:
            raise BenchError("%s: %s" % (command[0], error.strerror)) from None
        self.children.add(child)
        if self.stopped:  # stop() has been called in the meantime
            ends.terminate(child)
        try:
            out, errors = child.communicate()
        finally:
            ends.stop(child)
            self.children.discard(child)
        return child.returncode, out.decode(errors="replace"), errors.decode(errors="replace")

    def failed(self, job, status, rows, out, errors):
        return BenchError("%s %s after %s%s" % (
            job.label(), "took longer than %d seconds (--timeout)" % self.options.timeout
            if status == STATUS_TIMEOUT else "ended with status %d" % status, layout.counted(len(rows), "row"),
            self.last_words(job, out, errors)))

    def last_words(self, job, out, errors):
        return last_words(self.options.out, "bench " + job.label(), out, errors)

    def whole(self, results):
        """Return the rows to report, given the rows of all jobs. A subclass combines several boots here."""
        return results

    def run(self, job):
        """Run a job and return its rows, in order."""
        status, out, errors = self.run_for_output(self.command(job))
        rows = parse(out)
        if status:
            raise self.failed(job, status, rows, out, errors)
        for row in rows:
            row.update(system=job.system, cpu=job.cpu, qemu_flags=" ".join(self.flags(job)),
                       toggles=" ".join(job.settings()) or "default")
        return rows


def parse(text):
    """Return the payload's lines as dictionaries. Other lines of the console are ignored."""
    rows = []
    for line in text.splitlines():
        words = line.strip().split(",")
        if words[0] == "bench" and len(words) == len(COLUMNS) + 1 and words[1] != "exit":
            rows.append(dict(zip(COLUMNS, words[1:])))
    return rows


def numbers_of(row):
    """Return the figures of a line of parse(), or of a CSV file, as numbers; instret may be empty. Raise ValueError if one
    is not a finite number, or is impossible."""
    where = "the row %s: " % " of ".join(row[name] for name in ("exit", "system") if name in row)
    found = {name: csvfile.number(row[name], where + name)
             for name in ("n",) + STATISTICS + ("instret",) * (row["instret"] != "")}
    for name, value in found.items():
        if not 0 <= value <= MOST:
            raise ValueError("%s%s %g is not possible" % (where, name, value))
    if not row["n"].isdecimal():
        raise ValueError("%sn '%s' is not a number of operations" % (where, row["n"][:40]))
    if not found["min"] <= found["p50"] <= found["p99"] <= found["max"]:
        raise ValueError("%smin, p50, p99, max are not in ascending order" % where)
    return found


def plan(systems, cpus, settings, wanted):
    """Return one job for each boot. settings: pairs of a setting and the names of the rows that it can change (None:
    all rows)."""
    jobs = []
    for cpu in cpus:
        for system in systems:
            for setting, matters in own_settings(settings) if system == "hyperscope" else linux_settings(
                    system, settings):
                jobs += jobs_of(system, cpu, setting, matters, wanted)
    return jobs


def asked_for(jobs, results):
    """Return the results of the rows that the jobs measure."""
    keys = {(job.system, job.cpu, " ".join(job.settings()) or "default", name)
            for job in jobs for name in job.rows}
    return [row for row in results
            if (row["system"], row["cpu"], row["toggles"], row["exit"]) in keys]


def own_settings(settings):
    """Return SETTINGS for hyperscope's own host. NACL matters only to guest hypervisors."""
    hypervisors = {row.name for row in ROWS if GROUPS[row.group].needs_h}
    return settings[:1] + [(setting, hypervisors.intersection(matters) if setting.startswith("nacl=") else matters)
                           for setting, matters in settings[1:]]


def linux_settings(system, settings):
    """Return those of SETTINGS that are measured on a system other than hyperscope's own host. The first one is measured
    on all systems, but its toggles and events do not apply to Linux KVM and bare machines. Of the others, the events
    kvm_entry and kvm_exit are measured on the module and on Linux, the AIA on Linux, and NACL if Linux is a guest, except
    for WRONG_IN_LINUX. Linux is that of Debian stable and the newest one."""
    own, matters = settings[0]
    on_linux = ("trace=kvm_entry", "irqchip=aia_")
    also: dict = {"linux": on_linux, NEWEST: on_linux, MODULE: "trace=kvm_entry", NESTED_LINUX: "nacl="}
    return [(own if system in MODULES + (NESTED, NESTED_LINUX) else "", matters)] + [
        (setting, matters) for setting, matters in settings[1:]
        if system in also and setting.startswith(also[system]) and setting not in WRONG_IN_LINUX]


def jobs_of(system, cpu, setting, matters, wanted):
    jobs = []
    for name, group in GROUPS.items():
        if system == "bare" and not group.bare or group.needs_h and system in LINUXES and system not in MODULES:
            continue
        if system == NESTED_LINUX and (group.harts, group.disk, group.program) != (1, False, "vmm"):
            continue
        mine = [row for row in ROWS if row.group == name]
        rows = [row.name for row in mine if (matters is None or row.name in matters)
                and (wanted is None or row.name in wanted)]
        if rows:
            jobs.append(Job(system, cpu, setting, name, tuple(rows)))
    return jobs
