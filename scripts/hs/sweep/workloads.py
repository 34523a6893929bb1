# SPDX-License-Identifier: MIT
"""workloads.py - the workloads of jobs: rows of the bench, a payload, a command in a guest or on this machine.

Each kind defines its parameters and the files that determine its figures, and runs one point. Payloads, guests
and commands print their results as lines `result NAME VALUE [UNIT]`.
"""
import functools
import glob
import math
import os
import re
import shutil
import signal
import subprocess
import time
from typing import NamedTuple

from hs import ends
from hs.bench import rows, systems
from hs.bench.guests import APPEND
from hs.bench.systems import BenchError
from hs.icount import CLOCK, ICOUNT, record_mode
from hs.paths import HYPERSCOPE, QEMU, TOP
from hs.run import qemuopt
from hs.run.cpio import behind
from hs.run.machine import MIB, parse_size
from hs.toggles import toggles

FORMS = "bench:ROWS, payload:NAME ARGS, guest:COMMAND, or command:COMMAND"
RESULT = re.compile(r"^result (\S+) (\S+)(?: (\S+))?\s*$")
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:nan|inf|infinity)", re.I | re.A)
DEFAULT_MEMORY = "512M"
# Memory that a host needs besides its guest and three copies of each file: in the archive, unpacked, and in the guest.
HOST_MEMORY = {"hyperscope": 192 * MIB, "linux": 1536 * MIB}
SIZE = re.compile("[0-9]+[kKmMgG]?")
# now() sets $now to the guest's clock, in ns, without creating a process, or to "" if the clock cannot be read. On one
# line, so that the numbers of lines in the shell's messages about a workload are those of the workload.
GUEST_CLOCK = ('now() { now=; while read -r first second now _; do [ "$first $second" != "now at" ] || return 0; done '
               '</proc/timer_list; return 1; }; ')
# The guest's command ends at the first step that fails, because a later step may compute a number without noticing. Its
# status is printed only if the command has ended; otherwise, a guest that powers off early would look successful.
GUEST_SCRIPT = GUEST_CLOCK + """
export ARGUMENT='%s'
sleep %s
now; start=$now
sh -euo pipefail /hs/workload
status=$?
now
[ -z "$start" ] || [ -z "$now" ] || echo "sweep: the command took $((now - start)) ns"
echo "sweep: the command ended with status $status"
exit $status
"""
GUEST_TIME = re.compile(r"sweep: the command took ([0-9]+) ns\s*$", re.M)
GUEST_END = re.compile(r"sweep: the command ended with status ([0-9]+)\s*$", re.M)
CLAIM = re.compile(r"^(?:not )?ok [0-9]+.*$", re.M)
BAIL = re.compile(r"^Bail out! (.{1,200})", re.M)
PLAN = re.compile(r"^1\.\.([0-9]+)\s*$", re.M)
COUNTER = re.compile(r"vmm: counter (\w+) ([0-9]+)\n")
COUNTERS = re.compile(r"(?:vmm: counter \w+ [0-9]+\n)+")  # the first may follow a guest's unfinished line
MAX_NAME = 1000  # characters in a result's name and unit: a field of results.csv must not be too long to be read
TIMED_OUT = 1000  # status of a job that took too long: unlike timeout(1)'s 124, no program ends with it
GRACE = 5  # seconds between SIGTERM and SIGKILL at a time-out


class WorkloadError(ValueError):
    """A workload is not valid; the message says why."""


class Outcome(NamedTuple):
    reason: str      # why the job failed, or ""
    results: list    # (name, value, unit) tuples
    flags: str       # QEMU's options that affect the figures


def own_toggles(point):
    return ["%s=%s" % (name, point[name]) for name in toggles(TOP) if name in point]


def clock(point):
    return ICOUNT + CLOCK if point["time"] == "counted" else []


def harts_of(point):
    return point.get("harts", point.get("vcpus", "1"))


class Bench:
    """Rows of scripts/hyperscope bench.

    A row has the result NAME, which is the p50 (for rare events, the mean), and, if it was measured, the result
    NAME.instret, which is the exact median in instructions."""

    TAKES = ("workload", "system", "cpu")

    @staticmethod
    @functools.lru_cache(maxsize=None)
    def names(rest):
        names = []
        for word in rest.replace(",", " ").split():
            found = rows.matching(word)
            if not found:
                raise WorkloadError("there is no row '%s'; scripts/hyperscope bench --list shows the rows" % word)
            names += [name for name in found if name not in names]
        if not names:
            raise WorkloadError("bench: name the rows, as in bench:sbi_version,mmio_*")
        return names

    def check(self, point, _own):
        wanted = self.names(parse(point["workload"])[1])
        there = {name for job in self.jobs(point) for name in job.rows}
        for name in wanted:
            if name not in there:
                raise WorkloadError("row '%s' is not measured on %s" % (name, point["system"]))

    def jobs(self, point):
        return systems.jobs_of(point["system"], point["cpu"], " ".join(own_toggles(point)), None,
                               self.names(parse(point["workload"])[1]))

    def files(self, point, out):
        there = runner(out, 1)
        paths = [there.payload] + [there.program(job) for job in self.jobs(point) if point["system"] != "bare"]
        return paths + machine_files(point, out)

    def run(self, point, where):
        there = LoggedRunner(where)
        lines, end = [], time.monotonic() + where.timeout
        try:
            for job in self.jobs(point):
                there.options.timeout = max(1, math.ceil(end - time.monotonic()))
                lines += there.run(job)
        except BenchError as error:
            where.note(str(error))
            return Outcome(why(TIMED_OUT, where.timeout) if time.monotonic() >= end else str(error).splitlines()[0], [], "")
        results = []
        for line in lines:
            mean = rows.BY_NAME[line["exit"]].mean
            results.append((line["exit"], line["mean" if mean else "p50"], line["unit"]))
            if line["instret"]:
                results.append((line["exit"] + ".instret", line["instret"], "instructions"))
        missing = set(self.names(parse(point["workload"])[1])) - {line["exit"] for line in lines}
        reason = "not measured: %s" % " ".join(sorted(missing)) if missing else ""
        flags = " ".join(dict.fromkeys(line["qemu_flags"] for line in lines))
        return Outcome(reason, results, flags)


class Machine:
    """Common parts of payloads and guests: one machine, which prints the results on its console."""

    TAKES: tuple = ("workload", "system", "cpu", "harts", "vcpus", "memory", "disk", "argument", "settle", "exits", "time")

    def boot(self, point, where):
        """Return (image, initrd or None, command line of the guest)."""
        raise NotImplementedError

    def failure(self, status, text):
        """Return why a guest that ended with this status and output did not end normally, or "" if it did, as far as
        the output shows."""
        raise NotImplementedError

    def check(self, point, _own):
        """Accept every point; the parameters have been checked."""

    def run(self, point, where):
        image, initrd, append = self.boot(point, where)
        disk = write_disk(point, where)
        status, text = where.call(getattr(self, point["system"])(point, where, image, initrd, disk, append))
        reason = "" if status == TIMED_OUT or status < 0 else self.failure(status, text)
        if not reason and "vmm: the guest reboots" in text:
            reason = "the guest rebooted"
        flags = "-M virt -cpu %s -smp %s" % (point["cpu"], harts_of(point))
        counts = exits_in(text) if point.get("exits") == "on" and point["system"] != "bare" else []
        return outcome(status, text, where.timeout, " ".join([flags] + clock(point)), reason, counts,
                       self.whole(point, text))

    @staticmethod
    def whole(_point, _text):
        """Return the results that a workload has if it prints none."""
        return []

    def vm(self, point, image, initrd, disk, append):
        """Return the --file options of a VM's host, the VMM's arguments, and the host's memory in MiB.

        The disk is a file in the host's memory, because a disk of QEMU would make counts vary (hs/icount.py). The
        counters are printed even if they are not used, so that the figures cannot depend on the parameter exits."""
        memory = parse_size(point.get("memory", DEFAULT_MEMORY), "memory")
        files, words = [], ["--stats", "--no-sandbox", "--vcpus", point.get("vcpus", "1"), "--memory", "%dM" % (memory // MIB)]
        sizes = memory + HOST_MEMORY[point["system"]]
        for name, path in (("Image", image), ("initrd", initrd), ("disk", disk)):
            if path:
                files += ["--file", "%s:/%s" % (path, name)]
                words += [] if name == "Image" else ["--" + name, "/" + name]
                sizes += 3 * os.path.getsize(path)
        return files, words + ["--append", append, "/Image"], -(-sizes // (64 * MIB)) * 64

    def hyperscope(self, point, where, image, initrd, disk, append):
        files, words, ram = self.vm(point, image, initrd, disk, append)
        command = [HYPERSCOPE, "exec", "--quiet", "--timeout", str(where.timeout), "--out", where.out, "--trace", "none",
                   "--cpu", point["cpu"], "--harts", harts_of(point), "--memory", "%dM" % ram,
                   "--boot", "exitstat=0 need-h"]
        if point["time"] == "counted":
            command.append("--icount")
        for toggle in own_toggles(point):
            command += ["--set", toggle]
        return command + files + [where.vmm] + words

    def linux(self, point, where, image, initrd, disk, append):
        files, words, ram = self.vm(point, image, initrd, disk, append)
        command = [HYPERSCOPE, "linux-kvm", "exec", "--timeout", str(where.timeout), "--out", where.out,
                   "--cpu", point["cpu"], "--harts", harts_of(point), "--memory", "%dM" % ram, "--file", where.vmm]
        if point["time"] == "counted":
            command.append("--icount")
        # Wait until the background work of the booting host has ended.
        settle = "sleep %s; exec /vmm \"$@\"" % point["settle"]
        return command + files + [os.path.join(where.out, "guest", "busybox"), "sh", "-c", settle, "vmm"] + words

    def bare(self, point, where, image, initrd, disk, append):
        memory = parse_size(point.get("memory", DEFAULT_MEMORY), "memory") // MIB
        vcpus = point.get("vcpus", "1")
        command = [where.qemu, "-M", "virt", "-cpu", point["cpu"], "-smp", vcpus, "-m", "%dM" % memory, "-nodefaults",
                   "-display", "none", "-serial", "stdio"] + clock(point)
        if point["time"] == "counted" and not disk:
            command += record_mode(int(vcpus))
        if initrd:
            # A guest that reboots does not print its last line. A payload has no such line: it starts again, until the
            # time-out.
            command += ["-initrd", initrd, "-no-reboot"]
        if disk:
            command += ["-global", "virtio-mmio.force-legacy=false", "-global", "virtio-mmio.ioeventfd=off",
                        "-drive", "file=%s,format=raw,if=none,id=disk" % qemuopt.image(disk),
                        "-device", "virtio-blk-device,drive=disk"]
        return command + ["-kernel", image, "-append", append]


class Payload(Machine):
    """A payload with its arguments, under hyperscope or Linux KVM, or directly on the firmware."""

    @staticmethod
    @functools.lru_cache(maxsize=None)
    def names():
        """Return the payloads that src/guest/rules.mk builds."""
        found = [path for words in ("src/guest/hello.c", "src/guest/tour/*.c", "src/guest/bench/bench.c", "tests/guest/*.c")
                 for path in glob.glob(os.path.join(TOP, words))]
        return sorted(os.path.basename(path)[:-2] for path in found)

    def check(self, point, _own):
        name = parse(point["workload"])[1].split()[0]
        if name not in self.names():
            raise WorkloadError("there is no payload '%s'; known payloads: %s" % (name, ", ".join(self.names())))

    @staticmethod
    def image(point, out):
        return os.path.join(out, "guest-payloads", parse(point["workload"])[1].split()[0] + ".bin")

    def files(self, point, out):
        return [self.image(point, out)] + machine_files(point, out)

    def boot(self, point, where):
        words = parse(point["workload"])[1].split()[1:] + point.get("argument", "").split()
        return self.image(point, where.out), None, " ".join(words)

    def failure(self, status, text):
        text = text.replace("\r", "")
        claims, plan, reasons = CLAIM.findall(text), PLAN.findall(text), BAIL.findall(text)
        if reasons:
            return "the payload ended with: %s" % reasons[0]
        for claim in claims:
            if claim.startswith("not "):
                return "a claim of the payload does not hold: %s" % claim
        if status == 0 and claims and plan != [str(len(claims))]:
            return "the payload ended before its last claim"
        return ""


class Guest(Machine):
    """Linux as a guest, which runs a command in busybox's shell; $ARGUMENT is the point's argument."""

    TAKES = Machine.TAKES + ("guest",)

    @staticmethod
    def image(point, out):
        guest = point.get("guest", "linux")
        return os.path.join(out, "guest", "vmlinux") if guest == "linux" else guest

    def files(self, point, out):
        return [self.image(point, out), os.path.join(out, "guest-initrd.cpio")] + machine_files(point, out)

    def boot(self, point, where):
        initrd = os.path.join(where.work, "initrd")
        quoted = point.get("argument", "").replace("'", "'\\''")
        with behind(os.path.join(where.out, "guest-initrd.cpio"), initrd) as archive:
            archive.add_dir("hs")
            archive.add_data("/hs/command", (GUEST_SCRIPT % (quoted, point["settle"])).encode())
            archive.add_data("/hs/workload", (GUEST_CLOCK + parse(point["workload"])[1] + "\n").encode())
            if "disk" in point:
                archive.add_data("/hs/disks", b"1\n")
        return self.image(point, where.out), initrd, APPEND

    def failure(self, status, text):
        found = GUEST_END.findall(text)
        if found:
            signaled = signal.strsignal(int(found[-1]) - 128) if 128 < int(found[-1]) < 160 else ""
            return "" if found[-1] == "0" else "the command ended with status %s%s in the guest" % (
                found[-1], signaled and " (%s)" % signaled)
        return "the guest ended before its command ended" if status == 0 else ""

    @staticmethod
    def whole(point, text):
        took = GUEST_TIME.findall(text)
        return [("command", took[-1], "instructions" if point["time"] == "counted" else "ns")] if took else []


class Command:
    """A shell command on this machine, run in the job's folder; $ARGUMENT is the point's argument."""

    TAKES = ("workload", "argument")

    def check(self, point, _own):
        """Accept every point; the command checks its argument itself."""

    def files(self, _point, _out):
        return []

    def run(self, point, where):
        environment = dict(os.environ, ARGUMENT=point.get("argument", ""), O=where.out, TOP=TOP)
        status, text = where.call(["sh", "-euc", parse(point["workload"])[1]], environment)
        return outcome(status, text, where.timeout, "none")


KINDS = {"bench": Bench(), "payload": Payload(), "guest": Guest(), "command": Command()}


@functools.lru_cache(maxsize=None)
def parse(text):
    """Return (kind, text after the colon)."""
    name, colon, rest = text.partition(":")
    if not colon or name not in KINDS:
        raise WorkloadError("'%s' is not of the form %s" % (text, FORMS))
    if not rest.strip():
        raise WorkloadError("'%s' has nothing after the colon" % text)
    kind = KINDS[name]
    if name == "bench":
        Bench.names(rest)
    return kind, rest.strip()


def runs_guest(point):
    """Return whether the workload is a guest with a kernel of its own."""
    return parse(point["workload"])[0] is KINDS["guest"]


def settles(point):
    """Return whether a Linux boots whose background work disturbs the first figures."""
    return point["system"] == "linux" or runs_guest(point)


def runner(out, timeout):
    return systems.Runner(systems.plain(out, timeout, 1))


class LoggedRunner(systems.Runner):
    """A runner that adds the output of each boot to the job's log."""

    def __init__(self, where):
        super().__init__(systems.plain(where.out, where.timeout, 1))
        self.note = where.note

    def run_for_output(self, command):
        status, out, errors = super().run_for_output(command)
        self.note(out + errors)
        return status, out, errors

    def last_words(self, *_):
        """Return nothing: the log has the output. A file in OUT/failed could be replaced by another job."""
        return ""


def write_disk(point, where):
    """Write the job's own disk: an empty one, or a copy of an image. Return its path, or None if it has no disk."""
    if "disk" not in point:
        return None
    path = os.path.join(where.work, "disk")
    if SIZE.fullmatch(point["disk"]):
        with open(path, "wb") as disk:
            disk.truncate(parse_size(point["disk"], "disk"))
    else:
        shutil.copyfile(point["disk"], path)
    return path


def machine_files(point, out):
    """Return the files that a machine of the point's system uses, and the image of its disk."""
    disk = point.get("disk", "0")
    files = [] if SIZE.fullmatch(disk) else [disk]
    if point["system"] == "hyperscope":
        files += [os.path.join(out, "hyperscope.bin"), os.path.join(out, "vmm")]
    if point["system"] == "linux":
        files += [os.path.join(out, "vmm")] + [os.path.join(out, "guest", name)
                                               for name in ("vmlinux", "busybox", "modules/kvm.ko")]
    return files


def lines_of(text):
    """Return the results in the output TEXT, and its lines that begin like a result but are none."""
    results, wrong = [], []
    for line in re.split(r"\r*\n", text):  # a carriage return within a line must not join two numbers
        line = line.lstrip("\r")
        found = RESULT.fullmatch(line)
        if found and NUMBER.fullmatch(found[2]):
            results.append(found.groups(""))
        elif re.match(r"result(?:\s|$)", line):
            wrong.append(line)
    return results, wrong


def exits_in(text):
    """Return the VMM's counters of exits as results: the total, `exits`, and each kind, such as `exits.mmio_user`.

    The VMM prints them once, when the guest has ended. What the guest has printed before is not from the VMM."""
    blocks = [COUNTER.findall(block) for block in COUNTERS.findall(text.replace("\r", ""))]
    found = dict(blocks[-1] if blocks else [])
    return [(".".join(filter(None, ("exits", re.sub("_?exits?(_stat)?", "", name)))), value, "exits")
            for name, value in sorted(found.items(), key=lambda counter: counter[0] != "exits") if "exit" in name]


def why(status, timeout):
    if status == 0:
        return ""
    if status == TIMED_OUT:
        return "took longer than %d seconds (timeout)" % timeout
    return "ended with status %d" % status if status > 0 else "ended by signal %d" % -status


def outcome(status, text, timeout, flags, reason="", more=(), default=()):
    """Return the Outcome of a job with this output. `more` are results besides those that it printed, and `default` are
    its results if it printed none."""
    results, wrong = lines_of(text)
    wrong = ["%.62r is not of the form 'result NAME NUMBER [UNIT]'" % line for line in wrong]
    for name, value, unit in results:
        if not (name + unit).isprintable() or len(name + unit) > MAX_NAME:
            wrong.append("%.40r is not a valid name for a result" % name)
        elif not math.isfinite(float(value)):
            wrong.append("result %s is %s" % (name, value))
    return Outcome(reason or why(status, timeout) or "".join(wrong[:1]), (results or list(default)) + list(more), flags)


def ended_with_parent(command):
    """Wrap the command so that it is terminated when this process ends, even if SIGKILL ends this process. Without
    setpriv(1), return the command unchanged."""
    return (["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []) + command


class Place:
    """The folder in which a job runs, and the programs that it may start."""

    def __init__(self, work, out, timeout):
        self.work, self.out, self.timeout = work, out, timeout
        self.qemu = QEMU
        self.vmm = os.path.join(out, "vmm")
        self.log = os.path.join(work, "log")

    def note(self, text):
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(text + "\n")

    def call(self, command, environment=None):
        """Run a command with the job's time-out. Return (status, output); the status is TIMED_OUT after a time-out.

        The command is terminated when this process ends."""
        limit = systems.time_limit(command, self.timeout)
        command = ended_with_parent(["timeout", "--kill-after=%d" % GRACE, str(limit)] + command)
        start = time.monotonic()
        with open(self.log, "wb") as log:
            child = ends.start(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.work,
                               env=environment)
        try:
            status = child.wait()
        finally:
            ends.stop(child)  # this ends timeout(1), and with it the command
        # timeout(1) ends with 124, or with SIGKILL if the command ignored its first signal. The command can, too.
        timed_out = status in (124, -signal.SIGKILL) and time.monotonic() - start >= self.timeout
        try:
            os.killpg(child.pid, signal.SIGTERM)  # timeout's group: remaining processes would disturb other jobs
        except ProcessLookupError:
            pass
        if timed_out:  # its results are not used, and its output may be larger than the memory
            return TIMED_OUT, ""
        self.note("")  # fails if the disk is full: part of the results may then be lost, so none may be returned
        with open(self.log, "rb") as log:
            return status, log.read().decode("utf-8", "replace")
