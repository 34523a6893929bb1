# SPDX-License-Identifier: MIT
"""probe - boot the host to read the platform's features, and explain each of them."""
# The host (src/host/boot/probe.c) detects the features and prints each as "probe: NAME VALUE".
from hs.errors import LaunchError
from hs.run import machine, spike
from hs.run.cpio import Archive
from hs.run.rundir import RunDir
from .exec import boot_args, new_parser

PREFIX = "hyperscope"  # of error messages
RAM = 256 * machine.MIB
IMPLEMENTATIONS = {"0": "BBL", "1": "OpenSBI", "2": "Xvisor", "3": "KVM", "4": "RustSBI", "5": "Diosix",
                   "6": "Coffer", "7": "Xen", "8": "PolarFire HSS", "9": "coreboot", "10": "oreboot",
                   "11": "bhyve"}

# (name of the fact, title, consequence if the platform has the feature, consequence if not)
YES_NO = (
    ("isa.h", "H extension", "guests run in VS mode", "no guest can run: there is no /dev/kvm"),
    ("hgatp.sv39x4", "hgatp Sv39x4", "guests of up to 41 bits of physical address", "not usable"),
    ("hgatp.sv48x4", "hgatp Sv48x4", "guests of up to 50 bits", "not usable"),
    ("hgatp.sv57x4", "hgatp Sv57x4", "guests of up to 59 bits", "not usable"),
    ("isa.sstc", "Sstc", "a guest sets its timer without an exit",
     "each guest timer is an SBI call and a host timer (timer=hrtimer)"),
    ("isa.svadu", "Svadu", "hardware sets A and D in page tables",
     "the core sets A and D itself when it maps"),
    ("isa.svinval", "Svinval", "fences of a range can be batched", "fences are single hfence.gvma"),
    ("isa.svpbmt", "Svpbmt", "guests may choose memory types", "guests do not see it"),
    ("isa.zicboz", "Zicboz", "fresh pages are cleared by cbo.zero", "fresh pages are cleared by stores"),
    ("isa.zawrs", "Zawrs", "a guest's wrs.nto causes an exit", "guests do not see it"),
    ("isa.smstateen", "Smstateen", "guests' access to state is enabled bit by bit", "nothing to enable"),
    ("isa.v", "vector", "guests can use it: each vCPU has its own vector state", "guests do not see it"),
)
SBI = (
    ("time", "the host's timer", "needed where Sstc is missing"),
    ("ipi", "harts kick each other", "needed with more than one hart"),
    ("rfence", "remote fences", "done by IPIs"),
    ("hsm", "other harts are started", "one hart only"),
    ("srst", "power-off", "needed where nothing else ends the machine"),
    ("pmu", "performance counters", "no counters for guests"),
    ("dbcn", "console by firmware", "the UART is used"),
    ("susp", "system suspend", "not used"),
    ("sta", "steal time", "not used"),
    ("fwft", "A and D updates can be chosen at run time", "A and D updates cannot be chosen"),
)


def facts_of(lines):
    facts = {}
    for line in lines:
        if line.startswith("probe: "):
            name, _, value = line[len("probe: "):].strip().partition(" ")
            facts[name] = value
    return facts


def row(title, value, follows):
    print(("%-16s %-10s %s" % (title, value, follows)).rstrip())


def vmid_row(facts):
    bits = int(facts["hgatp.vmidlen"])
    row("VMIDLEN", "%d" % bits, "%d VMs keep their TLB entries side by side" % (1 << bits)
        if bits else "every switch of VMs flushes the TLB")


def report(facts):
    row("harts", facts["harts"], "")
    row("memory", "%d MiB" % (int(facts["memory"]) >> 20), "")
    row("time", "%s Hz" % facts["timebase"], "1 tick is %g ns" % (1e9 / int(facts["timebase"])))
    for name, title, yes, no in YES_NO:
        if name in facts:
            row(title, facts[name], yes if facts[name] == "yes" else no)
        if name == "hgatp.sv57x4" and "hgatp.vmidlen" in facts:
            vmid_row(facts)
    row("power-off", facts["power_off"], "the machine ends with status 0" if facts["power_off"] == "SBI"
        else "the machine ends with the run's status")
    row("interrupts", facts["irq.devices"], "devices' interrupts; those between harts: " + facts["irq.ipis"])
    row("guest files", facts["guest_files"], "guest interrupt files of each hart's IMSIC"
        if int(facts["guest_files"]) else "the harts have no IMSIC with guest interrupt files")
    firmware = IMPLEMENTATIONS.get(facts["sbi.impl"], "implementation " + facts["sbi.impl"])
    number = int(facts["sbi.impl_version"], 0)
    if firmware == "OpenSBI":
        firmware += " %d.%d" % (number >> 16, number & 0xffff)
    row("SBI", facts["sbi.version"], firmware)
    for name, yes, no in SBI:
        value = facts["sbi." + name]
        row("  " + name.upper(), value, yes if value == "yes" else no)


def main(argv):
    parser = new_parser("probe", __doc__, "[options]")
    parser.epilog = "exit status: 0; 2 wrong use; 124 ended by --timeout; 125, 126 the host or QEMU\nfailed"
    parser.add_argument("--facts", action="store_true", help="print only names and values, for use by programs")
    machine.add_options(parser)
    options = parser.parse_args(argv)
    if options.host != "own":
        parser.error("--host %s: probe shows what hyperscope's own host finds" % options.host)
    options.quiet = True
    box = spike.machine_for(options)
    run = RunDir(options.out, "probe")
    try:
        with open(run.file("initramfs"), "wb") as initramfs:
            Archive(initramfs).close()
        box.run_to_end(run, RAM, "probe " + boot_args(options))
        facts = facts_of(run.log_lines())
        if "end" not in facts:
            box.check_qemu()
            raise LaunchError(box.last_words("the host could not probe the platform"))
    finally:
        run.close()
    del facts["end"]
    if options.facts:
        for name, value in facts.items():
            print(name, value)
    else:
        report(facts)
    return 0
