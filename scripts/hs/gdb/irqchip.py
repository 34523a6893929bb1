# SPDX-License-Identifier: MIT
"""irqchip - the lines that show an interrupt controller's state (does not use gdb)."""
import collections

# level, edge, pending, service, enable: sets of sources. priority: a number for each source. raised: the external
# interrupt of the vCPU, as the controller has set it last.
Plic = collections.namedtuple("Plic", "sources level edge pending service priority contexts")
Context = collections.namedtuple("Context", "vcpu threshold raised enable")

# mode, target: the registers sourcecfg.SM and target, for each source. config: the attributes of the group
# KVM_DEV_RISCV_AIA_GRP_CONFIG, by number.
Aplic = collections.namedtuple("Aplic", "sources input pending enable mode target")
# An interrupt delivery control structure. delivery, force, threshold, top: its registers, without the i.
Idc = collections.namedtuple("Idc", "vcpu delivery force threshold top raised")
SOURCE_MODES = {0: "inactive", 1: "detached", 4: "edge1", 5: "edge0", 6: "level1", 7: "level0"}
GROUP_BITS, GROUP_SHIFT, HART_BITS, GUEST_BITS = 3, 4, 5, 6


def numbers(words, width):
    """Return the set of the bits that are 1 in an array of words of `width` bits."""
    return {at * width + bit for at, word in enumerate(words) for bit in range(width) if word >> bit & 1}


def listed(some):
    """Return numbers as text, with ranges: '1-3 7'."""
    ranges = []
    for number in sorted(some):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return " ".join("%d" % a if a == b else "%d-%d" % (a, b) for a, b in ranges) or "none"


def _words(*pairs):
    return "".join(", " + word for condition, word in pairs if condition)


def plic_lines(plic):
    """Return a line for each source that is in use, and one for each vCPU."""
    lines = []
    for source in range(1, plic.sources + 1):
        users = [c.vcpu for c in plic.contexts if source in c.enable]
        words = _words((source in plic.level, "line high"), (source in plic.pending, "pending"),
                       (source in plic.service, "in service"), (source in plic.edge, "another edge arrived"),
                       (users, "enabled for vCPU " + " ".join(users)))
        if words or plic.priority[source]:
            lines.append("source %d: priority %d%s" % (source, plic.priority[source], words))
    return lines + ["vCPU %s: threshold %d, external interrupt %s" % (
        c.vcpu, c.threshold, "raised" if c.raised else "low") for c in plic.contexts]


def page_of(target, config, base_page):
    """Return the number of the guest physical page to which the APLIC sends the MSIs of a register `target`, as
    aia_send_to_target() (src/kvm/irqchip/aia.c) computes it; None if it sends none."""
    index, guest = target >> 18, target >> 12 & 63
    group, hart = index >> config[HART_BITS], index & (1 << config[HART_BITS]) - 1
    if group >> config[GROUP_BITS] or guest:
        return None
    return base_page | hart << config[GUEST_BITS] | group << config[GROUP_SHIFT] - 12


def msi_to(vcpu_of):
    """Return the function for aplic_lines() that names the receiver of a source's MSIs. vcpu_of(target) returns the name
    of the vCPU, or None."""
    def receiver(target):
        vcpu = vcpu_of(target)
        return "MSI %d to %s" % (target & 0x7ff, "vCPU " + vcpu if vcpu else "no vCPU")
    return receiver


def direct_to(idcs):
    """Return the function for aplic_lines() that names the vCPU that a source interrupts, with direct delivery."""
    def receiver(target):
        hart = target >> 18
        return "priority %d at %s" % (target & 0xff, "vCPU " + idcs[hart].vcpu if hart < len(idcs) else "no vCPU")
    return receiver


def idc_lines(idcs):
    """Return a line for each vCPU that has an interrupt delivery control structure."""
    return ["vCPU %s: IDC: delivery %d%s, threshold %d, %s, external interrupt %s" % (
        idc.vcpu, idc.delivery, ", forced" if idc.force else "", idc.threshold,
        "top source %d (priority %d)" % (idc.top >> 16, idc.top & 0xff) if idc.top else "no top source",
        "raised" if idc.raised else "low") for idc in idcs]


def aplic_lines(aplic, receiver):
    """Return a line for each active source. receiver(target) names where its interrupts go."""
    lines = []
    for source in range(1, aplic.sources + 1):
        mode, target = aplic.mode[source], aplic.target[source]
        if not mode:
            continue
        words = _words((source in aplic.input, "input high"), (source in aplic.pending, "pending"),
                       (source in aplic.enable, "enabled"))
        lines.append("source %d: %s%s, %s" % (source, SOURCE_MODES.get(mode, "mode %d" % mode), words,
                                              receiver(target)))
    return lines
