# SPDX-License-Identifier: MIT
"""run - boot GUEST in a VM under hyperscope, with its console on this terminal.

Afterwards, print the number of exits by cause. With a terminal, Debian's kernel
boots to a shell (Ctrl-A X quits). Without one, the guest runs a short tour and
powers off.
"""
# This command only runs `exec` with our own VMM and the guest's files.
import os
import re
import subprocess
import sys

from hs import tables
from hs.errors import STATUS_USAGE, LaunchError, sentence
from hs.run import machine, qemuopt
from hs.run.cpio import behind
from hs.run.qemuopt import SPIKE
from hs.run.rundir import STATE_PANICKED
from hs.run.saved import SaveFile, restored_header
from hs.run.tracing import save_trace, stop_observing, total
from hs.toggles import toggles, trace_chooses
from .exec import Job, check_host, execute, new_parser

PREFIX = "hyperscope"  # of error messages
MIB = machine.MIB
MAX_VCPUS = 64
DEFAULT_MEM = 512 * MIB
SCRATCH_SECTORS = 4096
APPEND = "console=ttyS0"
TRACE_RING = 32 * MIB  # per hart, for up to 8 harts; large enough for the events of Debian's boot and tour
TRACE_RINGS = 8 * TRACE_RING  # at most this much for all harts
# Without the steps of walks, which are many, and without the events that disable the fast path (docs/trace.md).
DEFAULT_EVENTS = "kvm_*,gstage_*,!gstage_step,!kvm_request,!kvm_exit_handled,!kvm_irq_take"
# Exit statuses of the VMM if it had to end the guest: a vCPU could not continue, the guest reported a crash, or a
# vCPU only took faults in its own trap handler.
GUEST_ENDED = (102, 103, 104)
LAST_EXITS = "32"
RESTORED = "restored"  # the guest's name if only --restore is given


class Guest:
    """Image, initrd and command line of the guest to boot."""

    def __init__(self, options):
        self.linux = options.guest == "linux"
        self.initrd = options.initrd
        self.append = options.append
        if self.linux:
            self.image = machine.need(os.path.join(options.out, "guest", "vmlinux"), "run 'scripts/hyperscope setup run', then make")
            if self.initrd is None:
                self.initrd = machine.need(os.path.join(options.out, "guest-initrd.cpio"), "run make")
            if self.append is None:
                self.append = APPEND
        elif options.guest == "hello":
            self.image = machine.need(os.path.join(options.out, "guest-payloads", "hello.bin"),
                                      "run make")
        elif options.guest == RESTORED:
            self.image = None
        else:
            self.image = options.guest
        self.ours = self.linux and options.initrd is None
        for what, path in (("guest", self.image), ("initrd", self.initrd)):
            if path is not None and not os.path.isfile(path):
                raise LaunchError("%s %s: no such file" % (what, path))

    def size(self):
        return sum(os.path.getsize(path) for path in (self.image, self.initrd) if path)


def scratch_disk():
    """Return the disk's contents. Each sector contains its own number, so that what a guest reads can be checked."""
    return b"".join(b"%-511s\n" % (b"hyperscope scratch disk, sector %d" % n)
                    for n in range(SCRATCH_SECTORS))


def write_guest_initrd(guest, path, command, terminal, disks):
    """Write the common initrd, followed by a second archive with the files of this run."""
    with behind(guest.initrd, path) as archive:
        archive.add_dir("hs")
        if command:
            archive.add_data("/hs/command", os.fsencode(command) + b"\n")
        elif terminal:
            size = os.get_terminal_size(0)
            archive.add_data("/hs/shell", b"%d %d\n" % (size.lines, size.columns))
        if disks:
            archive.add_data("/hs/disks", b"%d\n" % disks)


def host_disk(number):
    return "/dev/vd" + chr(ord("a") + number)


def add_saving(job, options):
    """Add the VMM's options for --save and --restore. On the host, the disks for these options come after the user's disks."""
    number = len(options.disk)
    for name in "save_at", "save_on", "save_rounds":
        value = getattr(options, name)
        if value is not None:
            job.argv += ["--" + name.replace("_", "-"), value]
    for name in options.saving:
        job.argv += ["--" + name, host_disk(number)]
        number += 1


def new_job(options, guest, run):
    job = Job(machine.need(os.path.join(options.out, "vmm"), "run make"), [])
    if guest.image:
        job.files.append(("/Image", guest.image))
    if options.quiet:
        job.argv.append("--quiet")
    if trace_chooses(options.trace, "print"):
        job.argv.append("--markers")
    job.argv += ["--" + name for name in options.device]
    job.argv += ["--vcpus", str(options.vcpus), "--memory", "%dM" % (options.memory // MIB)]
    add_saving(job, options)
    disks = [host_disk(n) for n in range(len(options.disk))]
    if guest.linux and not disks and not options.saving:
        # The disk is a file in the host's memory and private to the run, so it behaves identically in all runs with
        # --icount.
        job.data.append(("/scratch.img", scratch_disk()))
        disks = ["/scratch.img"]
    if options.pin:
        job.argv.append("--pin")
    if options.nested:
        job.argv.append("--nested")
    if options.linux_6_12:
        job.argv.append("--linux-6.12")
    if options.no_ioeventfd:
        job.argv.append("--no-ioeventfd")
    if options.no_sandbox:
        job.argv.append("--no-sandbox")
    if options.irqchip:
        job.argv += ["--irqchip", options.irqchip]
    for disk in disks:
        job.argv += ["--disk", disk]
    if guest.ours:
        terminal = os.isatty(0) and os.isatty(1) and not options.icount and options.machine not in qemuopt.SPIKES
        path = run.file("guest-initrd")
        write_guest_initrd(guest, path, options.command, terminal, len(disks))
        job.files.append(("/initrd", path))
    elif guest.initrd:
        job.files.append(("/initrd", guest.initrd))
    if guest.initrd:
        job.argv += ["--initrd", "/initrd"]
    if guest.append:
        job.argv += ["--append", guest.append]
    if guest.image:
        job.argv.append("/Image")
    return job


def show_exits(run, options):
    """Save the trace from the run's RAM and print the table of exits. After a failure, print the last exits before
    the table."""
    hstrace = os.path.join(options.out, "hstrace")
    trace = save_trace(run, options, options.guest)
    if trace and not options.quiet:
        sys.stdout.flush()
        desc = run.read_desc()
        if desc and (desc.state == STATE_PANICKED or desc.program_status() in GUEST_ENDED):
            last = subprocess.run([hstrace, "report", "--events", "kvm_exit", "--last", LAST_EXITS,
                                   trace], stdout=subprocess.PIPE, check=False).stdout.decode()
            if re.search(r"^[^#]", last, re.M):  # empty if the host failed before a guest ran
                print("the last exits:\n" + last, end="", flush=True)
        subprocess.run([hstrace, "stat", trace], check=False)
        cost = total(run, options)
        if cost:
            print(cost)
        print("trace: %s" % machine.shown(trace))


def devices():
    """Return the names of the devices for which the VMM has an option."""
    return [name for name, *_ in tables.rows("src/vmm/device.def", "DEVICE")]


def parse(argv):
    irqchips = toggles(tables.TOP)["irqchip"] + ["aia_direct"]
    parser = new_parser("run", __doc__, "[options] [GUEST]")
    parser.add_argument("guest", metavar="GUEST", nargs="?",
                        help="linux (default): Debian's kernel; hello: the in-tree payload; otherwise "
                        "the path of a RISC-V Image. With --restore, used if the guest reboots")
    parser.add_argument("--initrd", metavar="FILE", help="initrd to use instead of the built-in one")
    parser.add_argument("--append", metavar="ARGS",
                        help="the guest's command line (for linux: %s)" % APPEND)
    parser.add_argument("--vcpus", metavar="N", help="number of vCPUs (default: the number of harts; with --restore, as saved)")
    parser.add_argument("--pin", action="store_true",
                        help="pin each vCPU to a hart, vCPU 0 to the first")
    parser.add_argument("--nested", action="store_true",
                        help="give the guest the H extension, for guests of its own (docs/nested.md)")
    parser.add_argument("--memory", metavar="SIZE", help="memory of the guest (512M; with --restore, as saved)")
    parser.add_argument("--device", metavar="NAME", action="append", default=[],
                        help="add this device of src/vmm/device.def (may be repeated)")
    parser.add_argument("--command", metavar="TEXT", default=os.environ.get("GUEST_CMD"),
                        help="command for the guest's shell to run instead of the tour ($GUEST_CMD)")
    parser.add_argument("--irqchip", metavar="NAME", choices=irqchips,
                        help="the VM's interrupt controller: %s (default: that of --set irqchip=NAME); "
                        "--machine is then aia for those that need an AIA" % ", ".join(irqchips))
    parser.add_argument("--no-ioeventfd", action="store_true",
                        help="notify the guest's disks by exits to the VMM (to measure their cost)")
    parser.add_argument("--no-sandbox", action="store_true",
                        help="do not restrict the VMM's system calls (to measure, or to debug the VMM)")
    group = parser.add_argument_group("saved machines (docs/vmm.md)")
    group.add_argument("--save", metavar="FILE",
                       help="save the machine to FILE and end, on Ctrl-A S at a terminal or as set "
                       "by the next two options; the guest has only the disks of --disk")
    group.add_argument("--save-at", metavar="MS", help="save MS milliseconds after the guest's start")
    group.add_argument("--save-on", metavar="TEXT", help="save when the guest has printed TEXT within a line")
    group.add_argument("--save-rounds", metavar="N",
                       help="number of rounds that write memory while the guest runs (8)")
    group.add_argument("--linux-6.12", action="store_true", dest="linux_6_12",
                       help="give the VM only extensions that Linux 6.12 knows, so that it can be restored there")
    group.add_argument("--restore", metavar="FILE",
                       help="resume a saved machine; its disks must be unchanged")
    machine.add_options(parser)
    options = parser.parse_args(argv)
    if not options.machine and (options.irqchip or "").startswith("aia_"):
        options.machine = "aia"
    check_host(options)
    options.input_from_files_only = True  # with --icount, read input only from a file: a pipe may never end
    options.boot += " need-h"  # without the H extension, the host can run programs, but no guest
    stop_observing(options)
    if options.trace is None:
        options.trace = "none" if options.machine == SPIKE or options.host == "linux" else DEFAULT_EVENTS
    harts = machine.parse_count(options.harts or ("1" if options.icount else "2"), "--harts",
                                machine.MAX_HARTS)
    options.harts = str(harts)
    if options.trace != "none":
        # After the user's arguments: the host uses the first value.
        options.boot += " trace.size=%d" % min(TRACE_RING, TRACE_RINGS // harts)
    if options.vcpus is not None:
        options.vcpus = machine.parse_count(options.vcpus, "--vcpus", MAX_VCPUS)
    if options.memory is not None:
        memory, options.memory = options.memory, machine.parse_size(options.memory, "--memory")
        if options.memory < 4 * MIB:
            raise LaunchError("--memory %s: a guest needs at least 4M" % memory, STATUS_USAGE)
    for name in options.device:
        if name not in devices():
            raise LaunchError("--device: there is no device '%s'; known devices: %s"
                              % (name, ", ".join(devices())), STATUS_USAGE)
    if options.save is None and (options.save_at or options.save_on or options.save_rounds):
        raise LaunchError("--save-at, --save-on and --save-rounds need --save FILE", STATUS_USAGE)
    complete(options, harts)
    return options


def complete(options, harts):
    """Fill in the options that were not given, from the machine to restore or with defaults; set options.saving."""
    options.saving = [name for name in ("restore", "save") if getattr(options, name) is not None]
    header = restored_header(options.restore) if options.restore is not None else None
    if options.vcpus is None:
        options.vcpus = header.vcpus if header else harts
    if options.memory is None:
        options.memory = header.mem if header else DEFAULT_MEM
    if options.guest is None:
        options.guest = RESTORED if header else "linux"


def main(argv):
    options = parse(argv)
    guest = Guest(options)
    if options.command and not guest.ours:
        sentence("--command is ignored: it is for the built-in Linux guest only")
    harts = int(options.harts)
    # The RAM has to hold the guest's memory, copies of its files on the host, the trace rings, each hart's exit
    # statistics and stacks, and the host itself.
    ram = options.memory + 3 * guest.size() + min(harts * TRACE_RING, TRACE_RINGS) + harts * MIB + 192 * MIB
    ram = -(-ram // (64 * MIB)) * 64 * MIB

    used = [path for path in [guest.image, guest.initrd] + options.disk if path]
    save = SaveFile(options.save, options.memory, used) if options.save is not None else None
    try:
        options.more_disks = []
        if options.restore is not None:
            options.more_disks.append(machine.Disk(options.restore, read_only=True))
        if save:
            options.more_disks.append(save.disk)
        return execute(options, ram, "run", ctrl_a=b"\x01\x01",  # two bytes: Ctrl-A is the VMM's escape, too
                       make_job=lambda run: new_job(options, guest, run),
                       after=lambda run: show_exits(run, options))
    finally:
        if save:
            save.finish(options.quiet)
