# SPDX-License-Identifier: MIT
"""spike.py - run the host on Spike (riscv-isa-sim), a simulator that was written independently of QEMU.

Spike does not keep RAM in a file, and has no monitor or gdb stub like QEMU's, so there is no trace. Spike starts an ELF
file and finds the addresses of HTIF's two words in its symbols. This module wraps the firmware in such a file; the words
are in the run descriptor (src/include/hv/run_desc.h). The number that the host writes to HTIF contains the state and the
status of the run, and Spike prints it at the end.
"""
import os
import re
import shutil
import subprocess

from hs.errors import STATUS_QEMU, STATUS_USAGE, LaunchError
from hs.paths import cross_tool
from .machine import MIB, Machine, need
from .qemuopt import SPIKE
from .rundir import DESC_OFFSET, RAM_BASE, STATE_EXITED, STATE_PANICKED

FIRMWARE = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.bin"
ISA = "rv64imafdch_zicntr_zihpm_sstc_svadu_svinval_svpbmt_zicbom_zicboz"
HTIF = 0x100000  # offset of the words in RAM without a host: behind the firmware, where nothing is written
TOHOST = 56  # offset in the run descriptor; fromhost follows
# Spike's last line, for a number other than 0. A program can write to the log, too, but not after the machine's end.
END = re.compile(r"\*\*\* FAILED \*\*\* \(tohost = ([0-9]+)\)$")


def wrap(image, path, tohost=RAM_BASE + DESC_OFFSET + TOHOST):
    """Write the ELF file PATH, which loads the firmware IMAGE at the start of RAM and has symbols for HTIF's words."""
    linker = cross_tool("ld")
    try:
        done = subprocess.run([linker, "--omagic", "-Tdata=%#x" % RAM_BASE, "-e", "%#x" % RAM_BASE, "--defsym=tohost=%#x" % tohost,
                               "--defsym=fromhost=%#x" % (tohost + 8), "-o", path, "-b", "binary", image],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    except OSError as error:
        raise LaunchError("%s: %s" % (linker, error.strerror)) from None
    if done.returncode:
        raise LaunchError("--firmware %s: %s" % (image, done.stdout.decode(errors="replace").strip()))


def program():
    """Return the path of the simulator."""
    name = os.environ.get("SPIKE") or "spike"
    if not shutil.which(name):
        wrong = "%s cannot be executed" % name if os.path.exists(name) and os.sep in name else \
            "there is no %s" % (name if os.sep in name else "program %s on the PATH" % name)
        raise LaunchError("--machine spike: %s; name riscv-isa-sim's program in $SPIKE" % wrong)
    return name


def bare_command(image, isa, arguments, firmware):
    """Return the command that runs the Image IMAGE without a hypervisor. FIRMWARE is the ELF file to write."""
    need(FIRMWARE, "install the package opensbi")
    wrap(FIRMWARE, firmware, RAM_BASE + HTIF)
    return [program(), "-p1", "-m256", "--isa=" + isa, "--kernel=" + image, "--bootargs=" + arguments, firmware]


class Spike(Machine):
    OUTPUT = "log"  # Spike prints what the machine's console prints

    def check_simulator(self):
        options = self.options
        self.program = program()
        for name in "icount", "gdb", "trace_stream", "trace_filter", "trace_stop", "sample":
            if getattr(options, name):
                raise LaunchError("--machine spike has no --%s" % name.replace("_", "-"), STATUS_USAGE)
        if options.trace not in (None, "none"):
            raise LaunchError("--machine spike records no trace: use --trace none", STATUS_USAGE)
        if options.cpu != "rv64" and not options.cpu.startswith(("rv64i", "rv64g")):
            raise LaunchError("--cpu %s: for --machine spike, name extensions, as in %s" % (options.cpu, ISA), STATUS_USAGE)

    def arguments(self, ram, boot_args):
        options = self.options
        firmware = FIRMWARE if options.firmware == "default" else options.firmware
        need(firmware, "install the package opensbi, or name a firmware with --firmware")
        wrap(firmware, self.run.file("firmware.elf"))
        return [self.program, "-p%d" % self.harts, "-m%d" % (ram // MIB),
                "--isa=" + (ISA if options.cpu == "rv64" else options.cpu), "--kernel=" + self.kernel,
                "--initrd=" + self.run.file("initramfs"), "--bootargs=" + boot_args, self.run.file("firmware.elf")]

    def _verdict(self):
        end = END.search((self.run.log_lines() or [""])[-1])
        state, status = divmod(int(end.group(1)), 256) if end else (None, None)
        if state == STATE_EXITED and self.process.returncode == status:
            return status
        if state == STATE_PANICKED:
            raise LaunchError(self.last_words("the host panicked"))
        self.check_qemu()
        raise LaunchError(self.last_words("the host ended before its program did"))

    def check_qemu(self):
        if self.process.returncode:
            raise LaunchError("Spike failed: " + (self.run.log_lines() or ["it printed nothing"])[-1], STATUS_QEMU)


def machine_for(options):
    """Return the Machine that --machine names."""
    return (Spike if options.machine == SPIKE else Machine)(options)
