# SPDX-License-Identifier: MIT
"""monitor.py - QEMU's monitor (QMP): stop the machine when its time-out has expired, and read the harts' registers.

The monitor's socket or FIFOs are created with the machine, but used only at that moment.
"""
import json
import re
import socket

SECONDS = 5  # to wait for an answer, because QEMU itself may hang
FIRMWARE, KERNEL = 0x80000000, 0x80200000  # where QEMU's machine virt loads them
SHOWN = ("pc", "ra", "sepc", "scause", "mepc", "mcause", "mstatus", "mie", "mip")
SWAPPED = ("sepc", "scause")


class Monitor:
    def __init__(self):
        self.sock, self.qemu_sock = socket.socketpair()
        self.sock.settimeout(SECONDS)

    def fd(self):
        """Return the descriptor that QEMU has to inherit."""
        return self.qemu_sock.fileno()

    def qemu_args(self):
        return ["-chardev", "socket,id=monitor,fd=%d" % self.fd(), "-mon", "chardev=monitor,mode=control"]

    def started(self):
        self.qemu_sock.close()

    def close(self):
        self.sock.close()

    def stop_and_read(self):
        """Stop the machine. Return the registers of each hart, as name -> value, by hart ID; {} if QEMU does not answer."""
        try:
            with self.sock.makefile("rw", encoding="utf-8") as stream:
                return _stop_and_read(stream, stream)
        except (OSError, ValueError):
            return {}


def describe_harts(path):
    """Stop a machine whose monitor is a pair of FIFOs (QEMU's -chardev pipe,path=PATH). Return a line about each hart.
    This waits for QEMU without limit."""
    with open(path + ".in", "w", encoding="utf-8") as requests, open(path + ".out", encoding="utf-8") as answers:
        harts = _stop_and_read(requests, answers)
    return ["hart %d: %s, %s" % (hart, _place(found), " ".join("%s=0x%x" % (name, found[name]) for name in SHOWN if name in found))
            for hart, found in sorted(harts.items())]


def _place(hart):
    pc, paging = hart["pc"], hart.get("satp", 0)
    if hart.get("V"):
        return "in a guest"
    if pc < KERNEL and (pc >= FIRMWARE or not paging):
        return "in the firmware"
    return "in a program" if paging and not pc >> 63 else "in the kernel"


def _stop_and_read(requests, answers):
    for command in ("qmp_capabilities", "stop"):
        _ask(requests, answers, {"execute": command})
    text = _ask(requests, answers, {"execute": "human-monitor-command", "arguments": {"command-line": "info registers -a"}})
    harts = [_registers(part) for part in str(text).split("CPU#")[1:]]
    return {hart["mhartid"]: hart for hart in harts if "mhartid" in hart}


def _ask(requests, answers, request):
    requests.write(json.dumps(request) + "\n")
    requests.flush()
    for line in answers:
        answer = json.loads(line)
        if "return" in answer or "error" in answer:  # other lines are the greeting and events
            return answer.get("return")
    raise OSError("QEMU has closed its monitor")


def _registers(text):
    """Return the registers of one hart, those of VS with names from vs; V is 1 while it executes a guest."""
    found = {name: int(value, 16) for name, value in re.findall(r" (?:x\d+/)?(\w+) +([0-9a-f]{16})\b", text)}
    virtual = re.search(r"^ V +=? *([01])\r?$", text, re.M)
    if virtual:
        found["V"] = int(virtual.group(1))
    if found.get("V"):  # QEMU shows vscause as scause, and so on
        for name in SWAPPED:
            if name in found and "v" + name in found:
                found[name], found["v" + name] = found["v" + name], found[name]
    return found
