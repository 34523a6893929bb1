# SPDX-License-Identifier: MIT
"""device.py - `hyperscope new device`: a device of the VMM, with an option that adds it to the machine.

A device is registered in one row of src/vmm/device.def, which determines its memory, option, node in the
device tree and name in traces. It also gets a row in docs/vmm.md and a payload that uses it.
"""
from . import names, payload
from .tree import refuse

SUMMARY = "a device of the VMM with a register, and a payload that reads it"
EXAMPLE = """\
hyperscope new device odometer --what 'counts how often it is read'"""
NOTES = """\
The device gets the next free page from 0x10200000 on and the next free source
of the PLIC. The payload has the device's name and also runs on Linux KVM."""

TABLE = "src/vmm/device.def"
PAGE, SOURCES = 0x1000, 32
OTHERS = ("syscon", "plic", "uart", "console", "machine", "bus", "vcpu", "sbi", "load", "kvm", "nobody")


def arguments(parser):
    parser.add_argument("--what", required=True, metavar="TEXT", help="what the device does, for --help")


def make(tree, options):
    name = names.check(options.name, "a device", "odometer")
    what = names.check_sentence(options.what, "--what", 60)
    if name in OTHERS or tree.exists("src/vmm/%s.c" % name) or name in tree.names(TABLE, r"^DEVICE\((\w+)"):
        refuse("the VMM has a part '%s' already" % name)
    if name in {word.replace("-", "_") for word in tree.names("src/vmm/main.c", r'^\t\{ "([a-z-]+)",')}:
        refuse("the VMM has an option --%s already" % name)
    payload.check_free(tree, name)
    rows = tree.names(TABLE, r"^DEVICE\(\w+, \w+, (0x[0-9a-f]+), (0x[0-9a-f]+), (\d+),")
    base = max(int(first, 16) + int(size, 16) for first, size, _ in rows)
    source = max(int(source) for _, _, source in rows) + 1
    if source >= SOURCES:
        refuse("all %d sources of the PLIC are taken (src/vmm/platform.h: PLIC_SOURCES)" % (SOURCES - 1))

    upper = name.upper()
    tree.after(TABLE, r"^DEVICE\(", 'DEVICE(%s, %s, 0x%x, 0x%x, %d, "%s")' % (name, upper, base, PAGE, source, what),
               last=True)
    tree.template("src/vmm/%s.c" % name, "device.c.in", NAME=name, UPPER=upper, WHAT=what)
    tree.before("docs/vmm.md", r"^\| 0x80000000 \| RAM \|",
                "| 0x%x | %s, with `--%s` | source %d; %s: `src/vmm/%s.c` |" % (base, name, name, source, what, name))
    tree.template(payload.file_of(name), "device_payload.c.in", NAME=name)
    payload.register(tree, name, ["--" + name], "the VMM's device `--%s`: %s" % (name, what))
    return payload.steps(name, ["--device", name])
