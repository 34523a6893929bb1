# SPDX-License-Identifier: MIT
"""profile.py - read the profiles of workloads, src/workload/NAME.toml."""
import glob
import os
import re
from typing import NamedTuple

from hs.errors import STATUS_USAGE, LaunchError
from hs.paths import TOP

FOLDER = os.path.join(TOP, "src", "workload")
KEYS = {"title": str, "isa": str, "clocks": list, "memory": int, "boot": str, "vms": list, "files": dict, "host": str, "firmware": str,
        "harts": int, "command": str}
REQUIRED = ("title", "isa", "clocks", "memory")
MAX_LINE, MAX_WORDS, MAX_BOOT = 1022, 27, 511  # limits of src/workload/runner.c


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


def _fault_of_vm(line):
    """Return what is wrong with a line of the key vms, or None. The runner would fail, too, but only on the machine."""
    if not isinstance(line, str) or not re.fullmatch("[ -~]*", line):
        return "it has to be a string of printable ASCII characters"
    words = line.split()
    if len(words) < 3:
        return "write KIND NAME [VMM-OPTION...] IMAGE"
    if words[0] not in ("payload", "guest"):
        return "the kind '%s' is unknown; write payload or guest" % words[0]
    if not re.fullmatch("[a-z0-9_-]+", words[1]) or words[1] == "build":  # the log would be judged wrongly
        return "the VM's name '%s' is not allowed; use lower-case letters, digits, _ and -, but not build" % words[1]
    if len(line) > MAX_LINE:
        return "it has %d bytes; write at most %d" % (len(line), MAX_LINE)
    boot = [word for word in words[2:] if "=" in word]
    if len(words) - 2 - len(boot) > MAX_WORDS:
        return "%d words without '=' follow the name; write at most %d" % (len(words) - 2 - len(boot), MAX_WORDS)
    if sum(1 + len(word) for word in boot) > MAX_BOOT:
        return "the boot arguments have %d bytes; write at most %d" % (sum(1 + len(word) for word in boot), MAX_BOOT)
    return None


def _check(path, data):
    """Refuse a profile that the user has written wrongly."""
    def refuse(key, text):
        raise LaunchError("%s: %s: %s" % (os.path.relpath(path), key, text), STATUS_USAGE)
    for key, value in data.items():
        if key not in KEYS:
            refuse(key, "there is no such key; choose from %s" % ", ".join(KEYS))
        if type(value) is not KEYS[key]:  # True is no number
            refuse(key, "%r has to be a %s" % (value, {str: "string", list: "list", dict: "table", int: "number"}[KEYS[key]]))
        if KEYS[key] is int and value < 1:
            refuse(key, "%d has to be at least 1" % value)
    for key in REQUIRED:
        if not data.get(key):
            refuse(key, "it is missing or empty; each profile needs %s" % ", ".join(REQUIRED))
    for key, value, known in ([("clocks", word, ("machine", "counted")) for word in data["clocks"]]
                              + [("firmware", data.get("firmware", "shim"), ("shim", "opensbi"))]):
        if value not in known:
            refuse(key, "'%s' is unknown; choose from %s" % (value, ", ".join(known)))
    for line in data.get("vms", []):
        fault = _fault_of_vm(line)
        if fault:
            refuse("vms", "'%s': %s" % (line, fault))


def read(name, clock=None):
    """Return the profile NAME with CLOCK, or with its default clock. Raises LaunchError if it cannot have this clock, or if its
    file has a mistake."""
    if name not in names():
        raise LaunchError("there is no profile '%s'; choose from %s" % (name, ", ".join(names())), STATUS_USAGE)
    try:
        import tomllib
    except ImportError:
        raise LaunchError("workloads need Python 3.11 or newer") from None
    path = os.path.join(FOLDER, name + ".toml")
    try:
        with open(path, "rb") as file:
            data = tomllib.load(file)
    except ValueError as error:
        raise LaunchError("%s: %s" % (os.path.relpath(path), error), STATUS_USAGE) from None
    _check(path, data)
    clock = clock or data["clocks"][0]
    if clock not in data["clocks"]:
        raise LaunchError("%s cannot have the clock '%s'; choose from %s" % (name, clock, ", ".join(data["clocks"])), STATUS_USAGE)
    isa = data["isa"] + ("_sstc" if clock == "machine" else "")
    return Profile(name, data["title"], isa, clock, data["clocks"], data["memory"], data.get("boot", ""), data.get("vms", []),
                   data.get("files", {}), data.get("host", "hyperscope.bin"), data.get("firmware", "shim"),
                   data.get("harts", 1), data.get("command", ""))
