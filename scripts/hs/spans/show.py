# SPDX-License-Identifier: MIT
"""show.py - name the paths, compare them with their bounds, and print the table."""
import fnmatch
import os
import re

from hs import tables
from hs.anatomy import symbols
from hs.errors import STATUS_USAGE, LaunchError
from hs.names import SBI_EXTENSIONS, cause_name, cause_number

ECALL_VS = cause_number("ecall_vs")
OTHERS = re.compile(r"KVM_(ARM|S390|PPC|X86|XEN|SEV|HYPERV|GET_SUPPORTED)_")  # architectures
IOCTL_TYPE_BITS = 16  # the lower bits of an ioctl command are its type and number; direction and size are above them


class Names:
    """Names of system calls, KVM's ioctls, SBI extensions and addresses, by number."""

    def __init__(self, out):
        self.calls = {int(number): name for number, name, *_ in
                      tables.rows("src/host/proc/syscall.def", "SYSCALL", "SYSCALL_REGS", "SYSCALL_ABSENT")}
        self.commands = {}
        header = os.path.join(out, "uapi", "usr", "include", "linux", "kvm.h")
        if os.path.exists(header):
            with open(header, encoding="utf-8") as text:
                for name, number in re.findall(r"^#define\s+(KVM_\w+)\s+_IOW?R?\(KVMIO,\s*(\w+)",
                                               text.read(), re.M):
                    if not OTHERS.match(name):
                        self.commands.setdefault(0xae00 | int(number, 16), name)
        self.kernel = symbols.Image.of_elf(symbols.KERNEL, os.path.join(out, "hyperscope.elf"))

    def path(self, kind, a, b):
        if kind == "call" and b:
            low = b & ((1 << IOCTL_TYPE_BITS) - 1)
            return "ioctl " + self.commands.get(low, "0x%x" % b)
        if kind == "call":
            return self.calls.get(a, "call %d" % a)
        if kind == "guest" and a == ECALL_VS:
            return "guest: SBI call " + SBI_EXTENSIONS.get(b, "0x%x" % b)
        if kind in ("guest", "user"):
            return "%s: %s" % ("guest" if kind == "guest" else "program", cause_name(a))
        return {"boot": "the host's boot", "thread": "idle, and the kernel's threads",
                "firmware": "firmware alone"}[kind]

    def function(self, address):
        return self.kernel.function(address) if address else "firmware"


class Path:
    """A path: a reason for which the kernel was entered, and the longest span after such an entry.

    A span is what a hart runs between two points at which it takes interrupts (trace/plugin/irqs_off.c)."""

    def __init__(self, names, words, workload):
        self.name = names.path(words[0], int(words[1]), int(words[2]))
        self.spans, self.longest = int(words[3]), int(words[4])
        self.begin, self.end = words[5], words[6]
        self.workload = workload
        self.bound = None
        self._functions = {}

    def add_block(self, names, address, instructions):
        name = names.function(address)
        self._functions[name] = self._functions.get(name, 0) + instructions

    @property
    def functions(self):
        """Return (function, instructions) pairs of the longest span, most first."""
        return sorted(self._functions.items(), key=lambda item: (-item[1], item[0]))

    def merge_into(self, paths):
        """Add this path to PATHS. If PATHS already has this path from another workload, keep the one with the longest
        span, and add up the numbers of spans."""
        other = paths.get(self.name)
        if other is None:
            paths[self.name] = self
            return
        spans = self.spans + other.spans
        paths[self.name] = max(other, self, key=lambda path: path.longest)
        paths[self.name].spans = spans


class Bounds:
    """A file of bounds: each line has a number of instructions and a pattern of path names. The first match is used."""

    def __init__(self, path):
        self.rules = []
        try:
            with open(path, encoding="utf-8") as lines:
                text = lines.read().splitlines()
        except OSError as error:
            raise LaunchError("--bounds %s: %s" % (path, error.strerror), STATUS_USAGE) from None
        except UnicodeDecodeError:
            raise LaunchError("--bounds %s: not UTF-8 text" % path, STATUS_USAGE) from None
        for number, line in enumerate(text, 1):
            words = line.split("#")[0].split(None, 1)
            if not words:
                continue
            if len(words) != 2 or not words[0].isdecimal():
                raise LaunchError("--bounds %s, line %d: not a number and a path's name"
                                  % (path, number), STATUS_USAGE)
            self.rules.append((words[1].strip(), int(words[0])))

    def apply(self, paths):
        """Set the bound of each path, and return the paths whose longest span exceeds it."""
        for path in paths:
            path.bound = next((bound for pattern, bound in self.rules
                               if fnmatch.fnmatchcase(path.name, pattern)), None)
        return [path for path in paths if path.bound is not None and path.longest > path.bound]


def table(paths, options):
    if not paths:
        print("no path is longer than %d instructions" % options.over)
        return
    print("longest span without an interrupt taken, in instructions; -cpu %s%s"
          % (options.cpu, "".join(", " + value for value in options.set)))
    print("%-32s %8s %7s %7s  %s" % ("path", "longest", "bound", "spans", "most of it in"))
    for path in paths:
        counted = sum(count for _, count in path.functions) or 1
        places = ["%s %d%%" % (name, 100 * count // counted)
                  for name, count in path.functions[:options.functions]]
        print("%-32s %8d %7s %7d  %s" % (path.name[:32], path.longest, path.bound or "-",
                                         path.spans, places[0]))
        for place in places[1:]:
            print("%58s%s" % ("", place))
