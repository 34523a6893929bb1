# SPDX-License-Identifier: MIT
"""profile.py - read the profiles of workloads, src/workload/NAME.toml."""
import glob
import os
from typing import NamedTuple

from hs.errors import STATUS_USAGE, LaunchError
from hs.paths import TOP

FOLDER = os.path.join(TOP, "src", "workload")


class Profile(NamedTuple):
    name: str
    title: str
    isa: str          # the extensions that the device tree names, and thus all that the machine needs, with _sstc if the clock is machine
    clock: str        # counted: by the firmware (clock.c); machine: the CSR time and Sstc
    clocks: list      # those that the profile can have; the first is its default
    memory: int       # MiB
    boot: str         # boot arguments of the host
    vms: list         # lines of the runner's list
    files: dict       # further files of the initramfs: name on the host -> path below the output folder
    host: str         # what the shim starts: hyperscope, or a payload
    firmware: str     # shim, or opensbi: Debian's, which uses the machine's own device tree, and starts all harts
    harts: int
    command: str      # what Debian's kernel runs as /hs/command, if files has its initrd

    def vm_names(self):
        return {line.split()[1] for line in self.vms}


def names():
    return sorted(os.path.basename(path)[:-len(".toml")] for path in glob.glob(os.path.join(glob.escape(FOLDER), "*.toml")))


def read(name, clock=None):
    """Return the profile NAME with CLOCK, or with its default clock. Raises LaunchError if it cannot have this clock."""
    if name not in names():
        raise LaunchError("there is no profile '%s'; choose from %s" % (name, ", ".join(names())), STATUS_USAGE)
    try:
        import tomllib
    except ImportError:
        raise LaunchError("workloads need Python 3.11 or newer") from None
    with open(os.path.join(FOLDER, name + ".toml"), "rb") as file:
        data = tomllib.load(file)
    clock = clock or data["clocks"][0]
    if clock not in data["clocks"]:
        raise LaunchError("%s cannot have the clock '%s'; choose from %s" % (name, clock, ", ".join(data["clocks"])), STATUS_USAGE)
    isa = data["isa"] + ("_sstc" if clock == "machine" else "")
    return Profile(name, data["title"], isa, clock, data["clocks"], data["memory"], data.get("boot", ""), data.get("vms", []),
                   data.get("files", {}), data.get("host", "hyperscope.bin"), data.get("firmware", "shim"),
                   data.get("harts", 1), data.get("command", ""))
