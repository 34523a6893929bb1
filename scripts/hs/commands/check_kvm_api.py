# SPDX-License-Identifier: MIT
"""check-kvm-api - check that docs/kvm-api.md covers what the code offers to user space.

The check searches src/kvm for ioctls, capabilities, exit reasons, statistics
and parameters. docs/kvm-api.md has a section for each of these kinds. The
section has to name every item of its kind, in `backticks`, in the first cell of
a row. Conversely, each name in such a cell has to be in the code, unless the
second cell begins with "not here". Each toggle has to have a section in
docs/toggles.md.
"""
import glob
import os
import re

from hs import tables
from hs.parser import of_command
from hs.paths import TOP

EPILOG = "exit status: 0; 1 faults were found, one per line; 2 usage error"

DOC, TOGGLES = "docs/kvm-api.md", "docs/toggles.md"


def read(*names):
    text = ""
    for name in names:
        with open(os.path.join(TOP, name), encoding="utf-8") as source:
            text += source.read()
    return text


def core():
    return sorted(os.path.relpath(name, TOP) for name in glob.glob(TOP + "/src/kvm/**/*.c", recursive=True))


def offered():
    """Return section -> names that the code offers."""
    api = read("src/kvm/uapi/api.c", "src/kvm/uapi/api_vcpu.c", "src/kvm/uapi/device.c")
    names = re.findall(r"(?:case|cmd ==) (KVM_[A-Z0-9_]+)\b", api)
    return {
        "ioctls": {n for n in names if not n.startswith(("KVM_CAP_", "KVM_MP_STATE_"))},
        "Capabilities": {n for n in names if n.startswith("KVM_CAP_")},
        "Exit reasons": set(re.findall(r"exit_reason\W+(KVM_EXIT_\w+)", read(*core()))),
        "Statistics": {n for n, _ in tables.rows("src/kvm/stats.def", "VCPU_STAT", "VM_STAT")},
        "Module parameters": set(re.findall(r"\bPARAM\((\w+)\),", read("src/kvm/vcpu/halt_poll.c"))) |
        set(re.findall(r'\.name = "(\w+)"', read("src/kvm/mmu/vmid.c"))),
    }


def documented():
    """Return section -> {name: text of the row's second cell}."""
    sections, rows = {}, {}
    for line in read(DOC).splitlines():
        if line.startswith("## "):
            rows = sections.setdefault(line[3:], {})
        elif line.startswith("|"):
            cells = line.split("|")
            for name in re.findall(r"`(\w+)`", cells[1]):
                rows[name] = cells[2].strip()
    return sections


def main(argv):
    of_command("check-kvm-api", __doc__, epilog=EPILOG).parse_args(argv)
    bad, docs = 0, documented()
    for section, names in offered().items():
        rows = docs.get(section, {})
        for name in sorted(names - set(rows)):
            print("%s: no row for %s under '%s'" % (DOC, name, section))
            bad = 1
        for name in sorted(set(rows) - names):
            if not rows[name].startswith("not here"):
                print("%s: '%s' has a row for %s, which the code does not have" % (DOC, section, name))
                bad = 1
    sections = re.findall(r"^## (\w+):", read(TOGGLES), re.MULTILINE)
    for name, *_ in tables.rows("src/kvm/toggle.def", "TOGGLE"):
        if name not in sections:
            print("%s: no section '## %s: ...'" % (TOGGLES, name))
            bad = 1
    return bad
