# SPDX-License-Identifier: MIT
"""machine.py - run one QEMU machine with hyperscope: options, command line, start and end.

The machine's RAM can be read as a file in the run's folder. The exit status and the trace are read
from there, so the machine needs no way to write to the user's files.
"""
import argparse
import fcntl
import functools
import glob
import os
import re
import shutil
import subprocess
import time

from hs import ends
from hs.errors import STATUS_FAILED, STATUS_QEMU, STATUS_TIMEOUT, STATUS_USAGE, LaunchError, sentence
from hs.icount import CLOCK, record_mode
from hs.parser import seconds
from hs.paths import TOP
from hs.toggles import with_defaults
from . import qemuopt
from .channel import Channel
from .monitor import Monitor
from .rundir import STATE_EXITED, STATE_PANICKED

MIB = 1 << 20
POLL_SECONDS = 0.02  # interval at which growing files are read: the log, and output with --icount
MAX_HARTS = 64
DEBUG_HARTS = 32  # OpenSBI 1.5 has too little memory for the debug triggers of 40 harts, and does not start all of them
MAX_SIZE = 126 << 30  # the host maps 128 GiB of addresses, and RAM begins at 2 GiB (src/host/platform/layout.h)
MAX_DISKS = 7  # QEMU has eight virtio-mmio slots, and the program's channel uses one
MIN_RAM = 64 * MIB
KERNEL_VARIABLE = "HYPERSCOPE_KERNEL"  # environment variable: "debug" selects the debug kernel for every run
QEMU_MIN = (7, 2)
MAX_SHIFT = 10  # QEMU's limit
HOST_LINE = re.compile(r"^[a-z][a-z0-9_/.-]*: ")

FIRMWARE_SECONDS = 10  # a firmware with SBI starts the host within a second

PANIC = "host: panic: "


def parse_size(text, option):
    match = re.fullmatch(r"([0-9]+)([kKmMgG]?)", text)
    if not match:
        raise LaunchError("%s %s: not a size such as 512M or 2G" % (option, text), STATUS_USAGE)
    unit = {"k": 1 << 10, "": MIB, "m": MIB, "g": 1 << 30}[match.group(2).lower()]
    if int(match.group(1)) * unit > MAX_SIZE:
        raise LaunchError("%s %s: at most %dG is supported" % (option, text, MAX_SIZE >> 30), STATUS_USAGE)
    return int(match.group(1)) * unit


def parse_count(text, option, most, machine=""):
    """Return the number TEXT, from 1 to MOST. MACHINE is the --machine that has this limit, if others have another."""
    if not re.fullmatch(r"[0-9]+", text) or not 1 <= int(text) <= most:
        raise LaunchError("%s %s: must be 1 to %d%s" % (option, text, most, machine and " with --machine " + machine), STATUS_USAGE)
    return int(text)


class ShiftAction(argparse.Action):
    def __call__(self, parser, options, value, option_string=None):
        if not re.fullmatch(r"[0-9]+", value) or int(value) > MAX_SHIFT:
            raise LaunchError("%s %s: must be 0 to %d" % (option_string, value, MAX_SHIFT),
                              STATUS_USAGE)
        options.icount = True
        options.icount_shift = int(value)


def add_options(parser):
    group = parser.add_argument_group("machine")
    group.add_argument("--host", choices=("own", "linux", "nested"), default="own",
                       help="own (default): hyperscope's host; linux: Debian's Linux with hyperscope.ko, which make "
                       "linux-module builds (docs/linux-module.md); nested: hyperscope's host as a guest of hyperscope "
                       "(docs/nested.md)")
    group.add_argument("--harts", metavar="N", help="number of harts (2; with --icount 1)")
    group.add_argument("--cpu", metavar="MODEL", default="rv64",
                       help="processor, in QEMU's syntax (rv64), e.g. max,svadu=off")
    qemuopt.add_machine(group, spike=True)
    group.add_argument("--firmware", metavar="FILE", default="default",
                       help="firmware to use instead of QEMU's OpenSBI")
    group.add_argument("--disk", metavar="FILE", action="append", default=[],
                       help="raw disk image, modified in place; the first is the host's /dev/vda")
    group.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], dest="toggles",
                       help="set a toggle of the hypervisor (docs/toggles.md); defaults can be set in "
                       "$HYPERSCOPE_SET, as 'NAME=VALUE ...'")
    group.add_argument("--trace", metavar="EVENTS",
                       help="events to record: a list such as kvm_*,!kvm_entry, or all, or none")
    group.add_argument("--trace-filter", metavar="RULE", action="append", default=[],
                       help="record an event only if it matches, as in 'kvm_exit if scause == 23'")
    group.add_argument("--trace-stop", metavar="RULE",
                       help="stop tracing at the first event that matches: EVENT or 'EVENT if CONDITION'")
    group.add_argument("--trace-keep", metavar="WHICH", choices=["newest", "oldest"],
                       default="newest",
                       help="which events a full ring keeps: newest (default) or oldest")
    group.add_argument("--sample", metavar="HZ",
                       help="sample each hart's position HZ times per second of its time, for "
                       "hstrace profile and perf report")
    group.add_argument("--trace-stream", action="store_true",
                       help="save events during the run, so that there may be more of them than the rings can hold")
    group.add_argument("--without-observation", action="store_true",
                       help="record no events and do not account for exits: nothing is added to the run, and there "
                       "is no exit table")
    group.add_argument("--debug-kernel", action="store_true",
                       help="run the kernel that checks itself, which make DEBUG=1 builds (docs/testing.md); the "
                       "default if $%s is 'debug'" % KERNEL_VARIABLE)
    group.add_argument("--boot", metavar="ARGS", default="",
                       help="further boot arguments for the host")
    group.add_argument("--icount", action="store_true",
                       help="count instructions: time is exact, and repeated runs are identical; all "
                       "input is read before the start")
    group.add_argument("--icount-shift", metavar="N", action=ShiftAction, default=0,
                       help="as --icount, with an instruction time of 2^N ns (0 to %d; 0); with a "
                       "larger N, QEMU switches harts after fewer instructions" % MAX_SHIFT)
    group.add_argument("--gdb", action="store_true", help="wait for gdb before the first instruction")
    group.add_argument("--timeout", metavar="SECONDS", type=seconds,
                       help="end the run after SECONDS, with status 124 (0: never)")
    group.add_argument("--quiet", action="store_true",
                       help="print only the program's output")
    parser.add_qemu(group=group)
    parser.add_out("output folder ($O, else build/); the runs' folders are in DIR/runs, or in $HS_RUNS", group)


def shown(path):
    """Return a path as a user would write it: relative if it is below the current folder."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def need(path, what):
    if not os.path.exists(path):
        raise LaunchError("%s is missing: %s" % (shown(path), what))
    return path


def newer_than(kernel, out):
    """Return the name of a file that is newer than the debug kernel and that this was built from, or None. The compiler's
    lists of prerequisites name these files. The assembly in the debug kernel is the normal kernel's."""
    files = {os.path.join(out, "gen", "compiled-by")}
    for name in glob.glob(os.path.join(glob.escape(out), "debug", "**", "*.d"), recursive=True) + \
            glob.glob(os.path.join(glob.escape(out), "kernel", "**", "*.S.d"), recursive=True):
        with open(name, encoding="utf-8") as prerequisites:
            files.update(word.rstrip(":") for word in prerequisites.read().replace("\\\n", " ").split())
    built = os.path.getmtime(kernel)
    return next((name for name in sorted(files) if os.path.exists(name) and os.path.getmtime(name) > built), None)


@functools.lru_cache(maxsize=None)
def qemu_text(qemu):
    """Return the first line that QEMU prints with --version."""
    try:
        text = subprocess.run([qemu, "--version"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False).stdout.decode()
    except OSError as error:
        raise LaunchError("QEMU %s: %s; name another with --qemu or $QEMU, or install it: scripts/hyperscope setup run"
                          % (qemu, error.strerror)) from None
    return text.partition("\n")[0].strip()


def qemu_version(qemu):
    match = re.search(r"version ([0-9]+)\.([0-9]+)", qemu_text(qemu))
    if not match:
        raise LaunchError("%s does not report its version: it is not QEMU; name another with --qemu or $QEMU" % qemu)
    return int(match.group(1)), int(match.group(2))


class Disk:
    """A raw image, locked against other runs; a read-only image is locked only against writers."""

    def __init__(self, path, read_only=False):
        self.path = path
        self.read_only = read_only
        try:
            self.fd = os.open(path, (os.O_RDONLY if read_only else os.O_RDWR) | os.O_CLOEXEC)
        except OSError as error:
            raise LaunchError("disk %s: %s" % (path, error.strerror)) from None
        if os.path.isdir(path) or not os.lseek(self.fd, 0, os.SEEK_END):
            raise LaunchError("disk %s is empty" % path)
        try:
            fcntl.flock(self.fd, (fcntl.LOCK_SH if read_only else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError:
            raise LaunchError("disk %s is in use by another run, or named twice" % path) from None


class TimedOut(LaunchError):
    """The time-out has expired. exec.py adds the report's text once the trace has been saved."""

    def __init__(self, seconds, report):
        super().__init__("ended after %g seconds (--timeout)" % seconds, STATUS_TIMEOUT)
        self.report = report


class Machine:
    OUTPUT = "qemu.log"  # what QEMU itself prints; the console is in "log"

    def __init__(self, options):
        self.options = options
        self.run = None
        kernel = os.environ.get(KERNEL_VARIABLE)
        if kernel not in (None, "", "debug"):
            raise LaunchError("$%s is '%s': the only value is debug" % (KERNEL_VARIABLE, kernel), STATUS_USAGE)
        debug = options.debug_kernel or kernel == "debug"
        folder = os.path.join(options.out, "debug") if debug else options.out
        self.kernel = need(os.path.join(folder, "hyperscope.bin"), "run make" + " DEBUG=1" * debug)
        self.elf = os.path.join(folder, "hyperscope.elf")
        newer = newer_than(self.kernel, options.out) if debug else None
        if newer:
            sentence("%s is older than %s: run make DEBUG=1 to update it" % (shown(self.kernel), shown(newer)))
        if options.firmware != "default":
            qemuopt.check_firmware(options.firmware)
        self.check_simulator()
        most = 1 if options.icount else 2
        self.virtio = options.machine not in qemuopt.SPIKES
        self.harts = parse_count(options.harts or str(most), "--harts", *(
            (MAX_HARTS,) if self.virtio else (qemuopt.SPIKE_HARTS, options.machine)))
        more_disks = getattr(options, "more_disks", [])  # these follow the user's disks
        if (options.disk or more_disks) and not self.virtio:
            raise LaunchError("--machine %s has no disks: omit --disk, --save and --restore" % options.machine, STATUS_USAGE)
        most = MAX_DISKS - len(more_disks)
        if len(options.disk) > most:
            raise LaunchError("%d disks: at most %d are supported" % (len(options.disk), most),
                              STATUS_USAGE)
        self.disks = [Disk(path) for path in options.disk] + more_disks
        self.channel = Channel(options.icount, getattr(options, "input_from_files_only", False), self.virtio)
        self.monitor = Monitor() if options.timeout and options.machine != qemuopt.SPIKE else None
        self.process = None
        self.stream = None  # a tracing.Stream if the trace is saved during the run
        self.log_at = 0
        self.log_rest = b""
        self.host_started = self.asked = False  # asked: whether the user has been asked about the firmware

    # -- QEMU's command line ---------------------------------------------------------------

    def check_simulator(self):
        options = self.options
        if qemu_version(options.qemu) < QEMU_MIN:
            raise LaunchError("QEMU %d.%d is too old: 7.2 or newer is needed"
                              % qemu_version(options.qemu))
        if options.gdb:  # gdb would be started before QEMU ends
            qemuopt.check_cpu(options.qemu, options.cpu)
        self.cpu = qemuopt.cpu_of(options.machine, options.cpu)
        self.machine = qemuopt.machine_of(options.machine, with_defaults(TOP, options.toggles))

    def arguments(self, ram, boot_args):
        options = self.options
        cpu = self.cpu + (",debug=off" if self.harts > DEBUG_HARTS else "")
        args = [options.qemu, "-M", self.machine + ",memory-backend=ram", "-cpu", cpu,
                "-smp", str(self.harts), "-m", "%dM" % (ram // MIB),
                "-object", "memory-backend-file,id=ram,size=%d,mem-path=%s,share=on" %
                (ram, qemuopt.value(self.run.make_ram(ram))),
                "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
                "-bios", options.firmware, "-kernel", self.kernel, "-initrd", self.run.file("initramfs"),
                "-append", boot_args,
                "-serial", "file:" + self.run.file("log")]
        if self.virtio:
            # Let QEMU handle a queue in the thread that kicks it: otherwise, runs with --icount are not reproducible.
            args += ["-global", "virtio-mmio.force-legacy=false", "-global", "virtio-mmio.ioeventfd=off"]
            args += self.channel.qemu_args(self.run)
        if self.monitor is not None:
            args += self.monitor.qemu_args()
        for number, disk in enumerate(self.disks):
            args += ["-drive", "file=%s,format=raw,if=none,id=d%d%s" %
                     (qemuopt.image(disk.path), number,
                      ",readonly=on" if disk.read_only else ""),
                     "-device", "virtio-blk-device,drive=d%d,bus=virtio-mmio-bus.%d,werror=report" %
                     (number, number + 1)]  # without werror=report, QEMU pauses the machine when the user's disk is full
        if options.icount:
            # With sleep=off, gdb's second "continue" never returns.
            args += ["-icount", "shift=%d%s" %
                     (options.icount_shift, "" if options.gdb else ",sleep=off")] + CLOCK
            if not options.gdb and not self.disks:
                args += record_mode(self.harts)
        if options.gdb:
            args += ["-S", "-chardev", "socket,id=gdb,server=on,wait=off,path=" +
                     qemuopt.value(self.gdb_socket()), "-gdb", "chardev:gdb",
                     # This drive has no device. It is where savevm writes: a temporary overlay (snapshot=on), which
                     # QEMU unlinks at once.
                     "-drive", "file=%s,format=raw,if=none,id=snapshots,snapshot=on" %
                     qemuopt.image(self.run.file("initramfs"))]
        return args

    def gdb_socket(self):
        return shown(self.run.file("gdb"))

    def _check_ram(self, ram):
        if ram > MAX_SIZE:
            raise LaunchError("%d MiB of memory is too much: the host maps at most %d MiB"
                              % (ram // MIB, MAX_SIZE // MIB), STATUS_USAGE)
        # QEMU loads the initramfs at an offset of half the memory size or 128 MiB, whichever is less.
        files = os.path.getsize(self.run.file("initramfs"))
        least = max(MIN_RAM, 2 * files + 32 * MIB)
        if ram < least:
            raise LaunchError("%d MiB of memory is too little: the host and its files need %d MiB (--memory)"
                              % (ram // MIB, -(-least // MIB)))

    # -- start, run, end -------------------------------------------------------------------

    def execute(self, run, ram, boot_args):
        """Run the machine to its end in the folder RUN, which contains the initramfs. Return the program's status."""
        self.run_to_end(run, ram, boot_args)
        return self._verdict()

    def run_to_end(self, run, ram, boot_args):
        self.run = run
        self._check_ram(ram)
        args = self.arguments(ram, boot_args)
        deadline = None
        if self.options.timeout:
            deadline = time.monotonic() + self.options.timeout
        try:
            self._start(args)
            self._serve(deadline)
            self.channel.drain()
        finally:
            with ends.held():
                self._end()

    def _start(self, args):
        if shutil.which("setpriv"):  # so that QEMU ends even if this process gets SIGKILL
            args = ["setpriv", "--pdeathsig", "KILL", "--"] + args
        with open(self.run.file(self.OUTPUT), "wb") as log, open(os.devnull, "rb") as null:
            try:
                with ends.held():
                    self.process = ends.start(args, stdin=null, stdout=log, stderr=log,
                                              pass_fds=self._inherited(),
                                              env=dict(os.environ, TMPDIR=self.run.path),
                                              start_new_session=True)
            except OSError as error:
                raise LaunchError("%s: %s" % (args[0], error.strerror), STATUS_QEMU) from None
        if self.options.gdb:
            sentence("waiting for gdb: gdb-multiarch -ex 'set osabi none' "
                     "-ex 'target remote %s' %s" % (self.gdb_socket(), shown(self.elf)))
        self.channel.started()
        if self.monitor is not None:
            self.monitor.started()
        if self.stream is not None:
            self.stream.start(self.run)

    def _inherited(self):
        return self.channel.inherited() + ([self.monitor.fd()] if self.monitor is not None else [])

    def _serve(self, deadline):
        ended = os.pidfd_open(self.process.pid)  # readable once QEMU has ended
        begin = time.monotonic()
        try:
            while ended not in self.channel.turn([ended], POLL_SECONDS):
                ends.raise_pending()
                self._show_log()
                self._check_firmware(begin)
                self._check_deadline(deadline)
        finally:
            os.close(ended)
        self.process.wait()
        self._show_log()

    def _check_firmware(self, begin):
        """Say once that the firmware that the user has named has not started the host."""
        options = self.options
        if options.firmware == "default" or options.quiet or options.gdb or self.host_started or self.asked:
            return
        if time.monotonic() > begin + FIRMWARE_SECONDS:
            self.asked = True
            end = "\r\n" if self.channel.is_raw() else "\n"
            os.write(2, ("hyperscope: the host has not started within %d seconds; is %s a firmware with SBI?%s"
                         % (FIRMWARE_SECONDS, options.firmware, end)).encode())

    def _check_deadline(self, deadline):
        if deadline is not None and time.monotonic() > deadline:
            from . import hung  # reads tables of the tree, which a command without a machine does not need
            raise TimedOut(self.options.timeout,
                           hung.Report(self.run.file("ram"), self.elf, self.options.out, self.monitor))

    def _show_log(self):
        """Print the host's new lines in the console's log, without those of the firmware. On a machine without virtio,
        the log also contains what the program writes."""
        if self.options.quiet and self.virtio:
            return
        try:
            with open(self.run.file("log"), "rb") as log:
                log.seek(self.log_at)
                data = log.read()
        except OSError:
            return
        self.log_at += len(data)
        *lines, self.log_rest = (self.log_rest + data).split(b"\n")
        end = "\r\n" if self.channel.is_raw() else "\n"
        for raw in lines:
            line = raw.decode("utf-8", "replace").rstrip("\r")
            if not self.virtio and self.channel.take_line(line):
                continue
            if HOST_LINE.match(line) and not self.options.quiet:
                self.host_started = True
                if not self.virtio:  # what the program wrote before this line is in the same log
                    self.channel.flush()
                os.write(2, (line + end).encode())

    def _end(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.stream is not None:
            self.stream.end()
        self.channel.restore()

    def _verdict(self):
        desc = self.run.read_desc()
        if desc is not None and desc.state == STATE_EXITED:
            return desc.program_status()
        if desc is not None and desc.state == STATE_PANICKED:
            raise LaunchError(self.last_words("the host panicked"))
        self.check_qemu()
        raise LaunchError(self.last_words("the host ended before its program did"))

    def check_qemu(self):
        """Raise an error if QEMU failed, that is, if its status is neither 0 nor that of a host that panicked."""
        qemuopt.check_cpu(self.options.qemu, self.options.cpu)
        if self.process.returncode not in (0, STATUS_FAILED):
            raise LaunchError("QEMU failed: " + self._qemu_words(), STATUS_QEMU)

    def _qemu_words(self):
        with open(self.run.file("qemu.log"), "rb") as log:
            lines = log.read().decode("utf-8", "replace").split("\n")
        lines = [line.split("qemu-system-riscv64: ", 1)[-1] for line in lines if line.strip()]
        if lines:
            return lines[0]
        if self.process.returncode < 0:
            return "killed by signal %d" % -self.process.returncode
        return "exit status %d without a message" % self.process.returncode

    def last_words(self, text):
        reasons = [line for line in self.run.log_lines() if line.startswith(PANIC)]
        if reasons:
            return "%s: %s" % (text, reasons[-1][len(PANIC):])
        return "%s; its log: %s" % (text, shown(self.run.file("log")))
