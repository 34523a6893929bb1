# SPDX-License-Identifier: MIT
"""monitor.py - QEMU's monitor (QMP): stop the machine when its time-out has expired, and read the harts' registers.

The monitor's socket is created with the machine, but used only at that moment.
"""
import json
import re
import socket

SECONDS = 5  # to wait for an answer, because QEMU itself may hang


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
                for command in ("qmp_capabilities", "stop"):
                    _ask(stream, {"execute": command})
                text = _ask(stream, {"execute": "human-monitor-command",
                                     "arguments": {"command-line": "info registers -a"}})
        except (OSError, ValueError):
            return {}
        harts = [_registers(part) for part in str(text).split("CPU#")[1:]]
        return {hart["mhartid"]: hart for hart in harts if "mhartid" in hart}


def _ask(stream, request):
    stream.write(json.dumps(request) + "\n")
    stream.flush()
    for line in stream:
        answer = json.loads(line)
        if "return" in answer or "error" in answer:  # other lines are the greeting and events
            return answer.get("return")
    raise OSError("QEMU has closed its monitor")


def _registers(text):
    """Return the registers of one hart; V is 1 while it executes a guest."""
    found = {name: int(value, 16) for name, value in re.findall(r"^ (\w+) +([0-9a-f]{16})\r?$", text, re.M)}
    virtual = re.search(r"^ V +=? *([01])\r?$", text, re.M)
    if virtual:
        found["V"] = int(virtual.group(1))
    return found
