# SPDX-License-Identifier: MIT
"""qemuopt.py - QEMU's options: quote strings, name machines, and check --cpu and --firmware."""
import re
import subprocess

from hs.errors import STATUS_USAGE, LaunchError

EVERYWHERE = ("rv64", "max")  # processors that every supported QEMU has
# The values of --machine: QEMU's machine virt, by the hardware that it has for interrupts ...
MACHINES = {"virt": "virt", "sswi": "virt,aclint=on", "aplic": "virt,aia=aplic", "aia": "virt,aia=aplic-imsic,aia-guests=3"}
# ... and machines without virtio (docs/machines.md): the simulator Spike, and QEMU's machine spike.
SPIKE, QEMU_SPIKE = SPIKES = ("spike", "qemu-spike")
SPIKE_HARTS = 8  # QEMU's limit, used for both
ELF64_RISCV = b"\x02\xf3\x00"  # the class and the machine in an ELF header
TEXT = re.compile(rb"[\t\n\f\r -~\x80-\xff]+")
PROBE = ("-S", "-bios", "none", "-m", "16M", "-nodefaults", "-no-user-config", "-display", "none", "-monitor", "stdio")


def add_machine(parser, spike=False):
    """Add --machine. SPIKE: also allow machines without virtio."""
    parser.add_argument("--machine", metavar="NAME", choices=tuple(MACHINES) + (SPIKES if spike else ()),
                        help="virt (default): QEMU's machine virt, with a PLIC; sswi: also with an ACLINT's SSWI for "
                        "IPIs; aplic: with an APLIC without MSIs; aia: with an APLIC and IMSICs with 3 guest files (default "
                        "with --set irqchip=aia_...)" +
                        ("; qemu-spike: QEMU's machine spike; spike: the simulator Spike ($SPIKE, or spike on the PATH); "
                         "the last two have no disks and no input from a terminal" if spike else ""))


def machine_named(chosen, settings):
    """Return the name CHOSEN or, if it is None, the machine that the toggles' SETTINGS (NAME=VALUE) need."""
    needs_aia = any(word.startswith("irqchip=aia_") for word in settings)
    return chosen or ("aia" if needs_aia else "virt")


def machine_of(chosen, settings):
    """Return QEMU's -M for the machine that machine_named() names."""
    return MACHINES.get(machine_named(chosen, settings), "spike")


def cpu_of(chosen, cpu):
    """Return QEMU's -cpu for the processor CPU on the machine CHOSEN."""
    if chosen != QEMU_SPIKE or "sstc=off" in cpu:
        return cpu
    # The harts of QEMU's spike lack the CSR time, so an access to stimecmp is an illegal instruction. But QEMU's device
    # tree names Sstc, and OpenSBI 1.5 relies on it: the first SBI call that sets the timer stops in the firmware.
    if "sstc=" in cpu:
        raise LaunchError("--cpu %s: --machine %s has no Sstc" % (cpu, chosen), STATUS_USAGE)
    return cpu + ",sstc=off"


def value(text):
    """Quote a string as the value in a key=value option: -drive, -chardev, -object, -plugin.

    In these options, a comma ends a value, and two commas stand for one. Options with a single value
    (-kernel, -append, -serial file:...) take the string unchanged.
    """
    return text.replace(",", ",,")


def image(path):
    """Quote a path for file= of -drive, where a leading "word:" would be understood as a protocol."""
    return value(path if path.startswith(("/", "./", "../")) else "./" + path)


def check_cpu(qemu, cpu):
    """Reject a --cpu that QEMU refuses. QEMU itself is asked, with a machine that it creates and does not start."""
    if cpu in EVERYWHERE:
        return
    try:
        done = subprocess.run([qemu, "-M", "virt", "-cpu", cpu, *PROBE], input=b"quit\n", stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
    except OSError:
        return  # the caller reports that there is no QEMU
    if done.returncode or b"(qemu)" not in done.stdout:  # "help" prints a list and creates no machine
        why = (done.stderr.decode(errors="replace").strip().splitlines() or ["it created no machine"])[-1].split(": ", 1)[-1]
        known = "-device %s-riscv-cpu,help` lists its properties" % cpu.partition(",")[0] if "," in cpu else "-cpu help` lists the models"
        raise LaunchError("--cpu %s: QEMU refuses it: %s; `%s -M virt %s" % (cpu, why, qemu, known), STATUS_USAGE)


def check_firmware(path):
    """Reject a --firmware that cannot be read, or is no firmware. QEMU takes ELF files and raw images, that is, any file:
    with a text, for example, it would run without an end or a message."""
    try:
        with open(path, "rb") as firmware:
            head = firmware.read(4096)
        why = "the file is empty" if not head else \
            "not an ELF file for 64-bit RISC-V" if head.startswith(b"\x7fELF") and head[4:5] + head[18:20] != ELF64_RISCV else \
            "a text" if TEXT.fullmatch(head) else ""
    except OSError as error:
        why = error.strerror
    if why:
        raise LaunchError("--firmware %s: %s; name a file with SBI firmware, or omit the option for QEMU's OpenSBI"
                          % (path, why), STATUS_USAGE)
