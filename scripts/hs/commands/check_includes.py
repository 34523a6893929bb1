# SPDX-License-Identifier: MIT
"""check-includes - check what each source tree includes, and that no .c file has #if or #ifdef.

Includes point one way: src/kvm and src/host may include hv/*, but not each
other, and hv/* may include neither; src/debug, which checks both, may include
both. The VMM may include only libc, libfdt and <linux/*>.
src/linux and src/workload are not checked.
"""
import os
import re

from hs import git
from hs.parser import of_command
from hs.paths import TOP

EPILOG = "exit status: 0; 1 faults were found, one per line; 2 usage error"

FREESTANDING = r"<(std(def|int|bool|arg|noreturn)|limits|string|stdlib)\.h>"

# source tree -> patterns of permitted includes, besides headers of the same folder in quotes
RULES = {
    "src/include/hv": [r'"hv/', r"<std(def|int|bool|arg)\.h>", r'"\w+\.def"', r'"hv/\w+\.def"'],
    "src/kvm": [r'"hv/', r'"((uapi|irqchip|exit|sbi|vcpu|mmu)/)?\w+\.(h|def)"',
                r"<linux/kvm\.h>", r"<asm/kvm\.h>", r"<(asm-generic|linux)/errno\.h>",
                FREESTANDING],
    "src/host": [r'"hv/', r'"((boot|dev|file|fs|lib|mm|platform|proc|sched|trace)/)?\w+\.(h|def)"', r"<libfdt\.h>",
                 r"<(linux|asm|asm-generic)/", FREESTANDING,
                 r'"(events|classes)\.def"'],
    "src/debug": [r'"hv/', r'"((dev|file|fs|lib|mm|mmu|platform|proc|sched)/)?\w+\.(h|def)"', r"<linux/errno\.h>", FREESTANDING],
    "src/vmm": [r"<(?!hv/)"],
    "src/guest": [r'"hv/', r'"\w+\.h"', FREESTANDING],
    "tests/guest": [r'"hv/', r'"\w+\.h"', FREESTANDING],
}


def files():
    return [f for f in git.files("src", "tests/guest") if f.endswith((".c", ".h", ".S", ".def"))]


def tree_of(path):
    for tree in RULES:
        if path.startswith(tree + "/"):
            return tree
    return None


def check(path):
    tree = tree_of(path)
    found = []
    if tree is None:
        return found
    with open(os.path.join(TOP, path), encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            match = re.match(r'\s*#\s*include\s+([<"][^>"]+[>"])', line)
            if match:
                target = match.group(1)
                own = target[0] == '"' and os.path.exists(
                    os.path.join(TOP, os.path.dirname(path), target[1:-1]))
                generated = re.match(r'.(\w+_offsets|trace_\w+)\.h', target)
                if not own and not generated and \
                        not any(re.match(rule, target) for rule in RULES[tree]):
                    found.append("%s:%d: %s may not include %s" % (path, number, tree, target))
            elif path.endswith(".c") and re.match(r"\s*#\s*(ifdef|ifndef|if)\b", line):
                found.append("%s:%d: conditional compilation in a .c file: choose variants by an ops "
                             "pointer or by linking" % (path, number))
    return found


def main(argv):
    of_command("check-includes", __doc__, epilog=EPILOG).parse_args(argv)
    found = [line for path in files() for line in check(path)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0
