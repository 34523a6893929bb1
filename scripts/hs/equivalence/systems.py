# SPDX-License-Identifier: MIT
"""systems.py - run the payload `equivalence` (src/guest/equivalence) bare or in a VM, and read its output.

The bare processor has no H extension, because S mode would otherwise be HS mode, whose CSRs a guest does not have. With
--hs, both have it. In all other respects, the two processors are the same.
"""
import os
import queue
import re
import subprocess
import tempfile
import threading
import time

from hs import ends
from hs.errors import STATUS_FAILED, STATUS_TIMEOUT, LaunchError
from hs.paths import HYPERSCOPE
from hs.run import machine, qemuopt, spike

BARE, GUEST = SYSTEMS = ("bare", "guest")
# No hardware counters: those that the firmware offers differ from those of hyperscope's virtual PMU.
CPU = "rv64,v=on,pmu-mask=0"
# Without the extensions of QEMU's `max` that KVM's ABI has no number for, so that no guest has them.
MAX = "max,pmu-mask=0" + "".join(",%s=off" % name for name in (
    "zicfilp", "zicfiss", "ssdbltrp", "smctr", "ssctr", "smcdeleg", "ssccfg", "smaia", "ssaia", "smcsrind", "sscsrind", "sscofpmf"))
# The device trees of both machines named Spike have no sizes of cache blocks, without which hyperscope uses neither
# Zicbom nor Zicboz.
NO_CBO = ",zicbom=off,zicboz=off"
SPIKE_ISA = spike.ISA.replace("dch_", "dcvh_").replace("_zicbom_zicboz", "_zba_zbb_zbc_zbs_zicond_svnapot")
# OpenSBI 1.6 prints this, without an end of line, before it redirects some illegal instructions to S mode.
COMPLAINT = "system_opcode_insn: Invalid opcode for CSR read/write instruction"
# A line that the payload prints.
ROW = re.compile(r"(features|batch|class|cause|histogram|with|without|code|piece|trap) ")


class Output:
    """What one run of the payload printed."""

    def __init__(self):
        self.lines, self.ended, self.error = [], False, ""
        self.timed_out, self.seconds = False, 0.0  # seconds: how long the machine ran

    def rows(self, word):
        """Return the rest of each line that begins with WORD, as lists of words."""
        return [line.split()[1:] for line in self.lines if line.startswith(word + " ")]

    def features(self):
        """Return what the payload found in the processor (feature.def); None if it did not get that far."""
        return next(iter(self.rows("features")), None)

    def digests(self):
        """Return (first, count) -> digest of each batch."""
        return {(int(row[0]), int(row[1])): row[2] for row in self.rows("batch") if len(row) == 3}


class Systems:
    def __init__(self, options):
        self.options = options
        self.payload = os.path.join(options.out, "guest-payloads", "equivalence.bin")
        if not os.path.exists(self.payload):
            raise LaunchError("%s is missing: run make" % self.payload)
        if options.machine == qemuopt.SPIKE:
            spike.program()
            return
        machine.qemu_version(options.qemu)
        if options.cpu:
            qemuopt.check_cpu(options.qemu, options.cpu)

    def cpu(self, system):
        options = self.options
        no_h = system == BARE and not options.hs
        no_sstc = system == BARE and "timer=hrtimer" in options.set
        if options.machine == qemuopt.SPIKE:
            isa = options.cpu or SPIKE_ISA
            base, _, rest = isa.partition("_")
            return (base.replace("h", "") if no_h else base) + "_" + (rest.replace("sstc_", "") if no_sstc else rest)
        cpu = options.cpu or CPU
        if cpu.split(",")[0] == "max":
            cpu = MAX + cpu[len("max"):]
        if options.machine == qemuopt.QEMU_SPIKE:
            cpu += NO_CBO
        return cpu + (",h=off" if no_h else "") + (",sstc=off" if no_sstc else "")

    def bare(self, arguments, folder):
        options = self.options
        if options.machine == qemuopt.SPIKE:
            return spike.bare_command(self.payload, self.cpu(BARE), arguments, os.path.join(folder, "firmware.elf"))
        return [options.qemu, "-M", qemuopt.machine_of(options.machine, options.set),
                "-cpu", qemuopt.cpu_of(options.machine, self.cpu(BARE)), "-m", "256M", "-nodefaults",
                "-display", "none", "-serial", "stdio", "-kernel", self.payload, "-append", arguments]

    def guest(self, arguments, _folder):
        options = self.options
        command = [HYPERSCOPE, "run", "--harts", "1", "--cpu", self.cpu(GUEST), "--qemu", options.qemu, "--quiet",
                   "--out", options.out, "--without-observation", "--timeout", str(options.timeout),
                   "--append", arguments]
        command += ["--machine", options.machine] if options.machine else []
        command += ["--nested"] * options.hs
        for setting in options.set:
            command += ["--set", setting]
        return command + [self.payload]

    def run(self, system, **arguments):
        """Run the payload with these boot arguments to its last line. Return its Output, unless the payload did not start."""
        if self.options.aligned_atomics:
            arguments["aligned-atomics"] = True
        if self.options.hs:
            arguments["hs"] = True
            if self.options.machine == qemuopt.SPIKE:
                arguments["spike"] = True
        words = " ".join(name if value is True else "%s=%s" % (name, value) for name, value in arguments.items())
        with tempfile.TemporaryDirectory(prefix="equivalence.") as folder:
            command = getattr(self, system)(words, folder)
            try:
                child = ends.start(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            except OSError as error:
                raise LaunchError("%s: %s" % (command[0], error.strerror)) from None
            try:
                if ends.is_ending():
                    raise LaunchError("interrupted")
                found = self._read(child)
            finally:
                ends.stop(child)
        if found.features() is None:
            raise LaunchError("%s: the payload did not start: it %s" % (system, found.error) +
                              "; allow more with --timeout" * found.timed_out, STATUS_TIMEOUT if found.timed_out else STATUS_FAILED)
        return found

    def _read(self, child):
        """Read lines until the payload's last one: on some machines, the firmware cannot power off."""
        found, begin, others = Output(), time.monotonic(), []
        deadline = begin + self.options.timeout
        lines = queue.Queue()

        def feed():
            for line in child.stdout:
                lines.put(line)
            lines.put(None)

        threading.Thread(target=feed, daemon=True).start()
        while not found.ended:
            try:
                line = lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                found.timed_out, found.error = True, "did not end within %d seconds" % self.options.timeout
                break
            if line is None:
                last = others[-1].replace("hyperscope: ", "") if others else "it printed nothing"
                found.error = "ended early" + ("" if ROW.match(last) else ": " + last)
                break
            text = line.decode(errors="replace").replace(COMPLAINT, "").strip()
            found.ended = text == "end"
            found.lines.append(text)
            others += [text] if text else []
        found.seconds = time.monotonic() - begin
        return found

    def both(self, **arguments):
        """Run the payload on both systems at once. Return system -> Output."""
        results, errors = {}, []

        def one(system):
            try:
                results[system] = self.run(system, **arguments)
            except LaunchError as error:
                errors.append(error)

        threads = [threading.Thread(target=one, args=(system,)) for system in SYSTEMS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        return results
