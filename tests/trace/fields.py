#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fields.py - check that the fields of a trace's events agree with each other and with the machine.

usage: hstrace export --to json FILE | fields.py

Most rules below compare an event's fields with those of an earlier event of the same vCPU or hart: a handler's
event with its exit, a return with its call, a duration with the clock. Prints TAP; a rule that was never applied
fails as well.
"""
import json
import re
import sys
from collections import defaultdict

PAGE = 4096
RAM = 0x80000000
SBI_RFENCE = ("0x52464e43", "RFENCE")
GUEST_FAULTS = ("inst_guest_page_fault", "load_guest_page_fault", "store_guest_page_fault")
TICK_NS = 100
OF_HANDLERS = {"kvm_page_fault", "kvm_sbi_call", "kvm_virtual_inst", "kvm_debug", "kvm_host_irq", "kvm_inject_trap",
               "kvm_access_fault", "kvm_exit_unknown", "kvm_fpu", "kvm_vector"}


def number(value):
    return int(value, 0) if isinstance(value, str) else value


class Rules:
    def __init__(self):
        self.applied = defaultdict(int)
        self.broken = {}
        self.vcpus = defaultdict(dict)  # (vm, vcpu) -> its known state
        self.harts = defaultdict(dict)
        self.pmu = {}
        self.vmids = {}  # generation -> the VMIDs allocated in it
        self.pages = {}

    def rule(self, name, good, event):
        self.applied[name] += 1
        if not good and name not in self.broken:
            self.broken[name] = json.dumps(event)

    # ---- exits --------------------------------------------------------------------------------

    def kvm_entry(self, e, f, v, h):
        if v.get("skips"):  # set if the exit's handler completed the instruction at sepc
            self.rule("the guest continues after the instruction that was handled",
                      number(f["pc"]) == v["skips"], e)
        for step, fault in v.pop("steps", ()):
            self.rule("a walk for a fault has the fault's address", number(step["fields"]["gpa"]) // (1 << 39) ==
                      number(fault["gpa"]) // (1 << 39), step)
        v["exit"] = v["skips"] = v["fault"] = v["call"] = v["mmio"] = None
        v["entry"] = f

    def kvm_irq_take(self, e, f, v, h):
        if f["entry"] and v.get("entry"):
            self.rule("an interrupt that is taken at an entry has the entry's pc as epc",
                      number(f["epc"]) == number(v["entry"]["pc"]), e)

    def kvm_exit(self, e, f, v, h):
        v["exit"], v["injected"], v["entry"], v["told"] = f, None, None, False

    def kvm_exit_handled(self, e, f, v, h):
        x = v.get("exit")
        if not x:
            return
        self.rule("each exit has an event from its handler", v["told"], e)
        self.rule("kvm_exit_handled has the exit's cause", f["scause"] == x["scause"], e)
        self.rule("injected is set if and only if a trap was injected into the guest",
                  bool(f["injected"]) == bool(v.get("injected")), e)
        self.rule("an exit has a reason if and only if it goes to user space",
                  (f["reason"] != "UNKNOWN") == (f["result"] == 0), e)
        v["handled"] = f
        done = v.get("call") and v.get("returned") or v.get("insn") == "0x10500073" and v.get("wfi")
        if f["result"] == 1 and not f["injected"] and done:
            v["skips"] = number(x["sepc"]) + 4
        v["returned"] = v["wfi"] = v["insn"] = None

    def kvm_userspace_exit(self, e, f, v, h):
        handled = v.get("handled")
        if handled and f["errno"] == 0 and handled["result"] == 0:
            self.rule("KVM_RUN returns with the handler's reason", f["reason"] == handled["reason"], e)
        v["skips"] = None

    def kvm_inject_trap(self, e, f, v, h):
        v["injected"], v["skips"] = f, None
        # An interrupt is injected only for a guest hypervisor, before the entry into its own guest.
        if v.get("exit") and not f["scause"].startswith("irq"):
            self.rule("a trap injected into the guest has the pc of its exit",
                      number(f["epc"]) == number(v["exit"]["sepc"]), e)

    def of_exit(self, name, e, v, *pairs):
        if v.get("exit"):
            self.rule(name, all(number(a) == number(v["exit"][b]) if b != "scause" else a == v["exit"][b]
                                for a, b in pairs), e)

    def kvm_virtual_inst(self, e, f, v, h):
        v["insn"] = f["insn"]
        if v.get("exit") and number(v["exit"]["stval"]):  # else the core fetched the instruction (wrs.nto in QEMU)
            self.of_exit("kvm_virtual_inst has the instruction from stval", e, v, (f["insn"], "stval"))

    def kvm_wfi(self, e, f, v, h):
        v["wfi"] = True

    def kvm_csr(self, e, f, v, h):
        if v.get("exit"):
            names = {"cycle": 0xc00, "time": 0xc01, "instret": 0xc02, "seed": 0x15}
            csr = names.get(f["csr"])
            self.rule("kvm_csr names the instruction's CSR",
                      csr is None or csr == number(v["exit"]["stval"]) >> 20, e)

    def kvm_debug(self, e, f, v, h):
        self.of_exit("kvm_debug has the exit's pc", e, v, (f["pc"], "sepc"))

    def kvm_host_irq(self, e, f, v, h):
        self.of_exit("kvm_host_irq has the exit's cause", e, v, (f["scause"], "scause"))

    def kvm_access_fault(self, e, f, v, h):
        if v.get("exit") and v["exit"]["scause"] in GUEST_FAULTS:  # not a fault of an HLV in the core
            self.of_exit("kvm_access_fault has the exit's cause and stval", e, v, (f["scause"], "scause"),
                         (f["stval"], "stval"))

    # ---- faults and MMIO ------------------------------------------------------------------------

    def kvm_page_fault(self, e, f, v, h):
        x = v.get("exit")
        if not x or x["scause"] not in GUEST_FAULTS:
            return
        v["fault"] = f
        implicit = number(x["htinst"]) in (0x3000, 0x3020)  # an access of the VS-stage walk (H §6.3)
        gpa = number(x["htval"]) << 2 | (0 if implicit else number(x["stval"]) & 3)
        self.rule("kvm_page_fault has the address from htval",
                  number(f["gpa"]) == gpa and f["scause"] == x["scause"], e)

    def gstage_map(self, e, f, v, h):
        size = PAGE << 9 * f["level"]
        pte = number(f["pte"])
        self.rule("a leaf is valid and aligned for its level", pte & 1 and pte & 0xe and
                  (pte >> 10) * PAGE % size == 0, e)
        h["file_page"] = (pte >> 10) * PAGE < RAM  # no fault maps a page outside RAM
        if v.get("fault") and not h["file_page"]:
            self.rule("a leaf maps the fault's address",
                      number(f["gpa"]) // size == number(v["fault"]["gpa"]) // size, e)

    def kvm_guest_file(self, e, f, v, h):
        self.rule("a hart's guest file is taken by a vCPU, and then freed by the same vCPU",
                  h.get("file") == (None if f["vgein"] else f["target"]), e)
        self.rule("kvm_guest_file tells whether the file's page has just been mapped",
                  bool(f["mapped"]) == bool(f["vgein"] and h.get("file_page")), e)
        h["file"], h["file_page"] = f["target"] if f["vgein"] else None, False
        v.pop("steps", None)  # some may have mapped or unmapped the file's page

    def gstage_step(self, e, f, v, h):
        if v.get("fault"):
            v.setdefault("steps", []).append((e, v["fault"]))

    def kvm_mmio_insn(self, e, f, v, h):
        x = v.get("exit")
        if not x:
            return
        self.rule("kvm_mmio_insn has the exit's pc, and htinst unless the instruction was fetched",
                  number(f["pc"]) == number(x["sepc"]) and (f["fetched"] or f["insn"] == x["htinst"]), e)

    def kvm_mmio(self, e, f, v, h):
        if v.get("fault"):
            self.rule("kvm_mmio has the fault's address", number(f["gpa"]) == number(v["fault"]["gpa"]), e)
        if v.get("taken_by"):
            t = v["taken_by"]
            self.rule("the event of a store handled in the core agrees with kvm_mmio", f["kernel"] == 1 and
                      all(number(f[k]) == number(t[k]) for k in ("gpa", "len", "val")), e)
        v["taken_by"] = None

    def kvm_coalesced_mmio(self, e, f, v, h):
        v["taken_by"] = f

    kvm_ioeventfd = kvm_coalesced_mmio

    # ---- SBI --------------------------------------------------------------------------------------

    def kvm_sbi_call(self, e, f, v, h):
        v["call"], v["returned"] = f, None

    def kvm_sbi_return(self, e, f, v, h):
        call = v.get("call")
        if call:
            self.rule("kvm_sbi_return has the call's extension and function",
                      (f["ext"], f["fid"]) == (call["ext"], call["fid"]), e)
        v["returned"] = f

    def kvm_remote_fence(self, e, f, v, h):
        call = v.get("call")
        if call and call["ext"] in SBI_RFENCE and not v.get("returned") and f["fid"] == call["fid"]:
            self.rule("kvm_remote_fence has the call's harts and start address",
                      (number(f["hart_mask"]), f["id"], number(f["start"])) ==
                      (number(call["a0"]), number(call["a1"]) % (1 << 64), number(call["a2"])), e)

    # ---- interrupts, timer, waiting -----------------------------------------------------------------

    def kvm_ipi_send(self, e, f, v, h):
        v["ipi"] = f["target"]

    def kvm_vcpu_irq(self, e, f, v, h):
        if v.get("ipi") is not None:
            self.rule("an IPI raises its target's software interrupt line",
                      (f["irq"], f["level"], f["target"]) == (2, 1, v["ipi"]), e)
        v["ipi"] = None

    def kvm_timer_set(self, e, f, v, h):
        v["timer"] = f["cycles"]

    def kvm_timer_fire(self, e, f, v, h):
        if "timer" in v:
            self.rule("a timer fires with the time that was set", f["cycles"] == v["timer"], e)

    def kvm_vcpu_block(self, e, f, v, h):
        v["blocked"] = e["time_ns"]

    def kvm_vcpu_wakeup(self, e, f, v, h):
        if v.get("blocked"):
            self.rule("a wait is not longer than the time between its two events",
                      f["ns"] <= e["time_ns"] - v["blocked"] + TICK_NS, e)
        v["blocked"] = None

    def kvm_pmu_start(self, e, f, v, h):
        self.pmu[e["vm"], e["vcpu"], f["counter"]] = f["event"]

    def kvm_pmu_stop(self, e, f, v, h):
        started = self.pmu.pop((e["vm"], e["vcpu"], f["counter"]), None)
        if started is not None:
            self.rule("a counter stops with the event that it was started with", f["event"] == started, e)

    # ---- load, put, VMIDs ------------------------------------------------------------------------------

    def kvm_vcpu_load(self, e, f, v, h):
        if "loaded" in v:
            self.rule("from_hart is the hart of the previous load", f["from_hart"] == v["loaded"], e)
        v["loaded"] = e["hart"]

    def kvm_vmid(self, e, f, v, h):
        given = self.vmids.setdefault(f["generation"], set())
        self.rule("no VMID is allocated twice in a generation", f["vmid"] not in given or f["vmid"] == 0, e)
        given.add(f["vmid"])

    def kvm_vmid_rollover(self, e, f, v, h):
        self.rule("a rollover begins a new generation", f["generation"] not in self.vmids, e)

    # ---- the host ---------------------------------------------------------------------------------------

    def sched_switch(self, e, f, v, h):
        if "pid" in h:
            self.rule("the task that is switched out is the one that was switched in last",
                      f["prev_pid"] == h["pid"], e)
        h["pid"], h["call_id"] = f["next_pid"], None

    def sys_enter(self, e, f, v, h):
        h["call_id"] = f["id"]

    def sys_exit(self, e, f, v, h):
        if h.get("call_id") and f["id"] != "rt_sigreturn":
            self.rule("a system call's return has the call's number", f["id"] == h["call_id"], e)
        h["call_id"] = None

    def host_timer(self, e, f, v, h):
        self.rule("a host timer is never early, and late by less than 1 s",
                  f["late"] >= 0 and f["late"] < 10**9, e)

    def see(self, event):
        vcpu = self.vcpus[event["vm"], event["vcpu"]] if "vm" in event else {}
        handler = getattr(self, event["event"], None)
        if event["event"] in OF_HANDLERS:
            vcpu["told"] = True
        if handler:
            handler(event, event["fields"], vcpu, self.harts[event["hart"]])


def every_rule():
    """Return the names of all rules, read from this file, so that they do not have to be listed again."""
    with open(__file__, encoding="utf-8") as source:
        return sorted(set(re.findall(r'(?:self\.rule|of_exit)\("([^"]+)"', source.read())))


def main():
    rules = Rules()
    for line in sys.stdin:
        rules.see(json.loads(line))
    failed = 0
    for n, name in enumerate(every_rule(), 1):
        count = rules.applied[name]
        good = count and name not in rules.broken
        failed += not good
        print("%s %d - fields: %s" % ("ok" if good else "not ok", n, name))
        if not good:
            print("# applied %d times, first broken by %s" % (count, rules.broken.get(name, "none: never seen")))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
