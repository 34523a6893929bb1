# SPDX-License-Identifier: MIT
"""check-order - the subsystems of src/kvm refer to each other in one direction.

A file may include headers of its own subsystem and of those below it, and its object may refer to
symbols of those alone. From top to bottom: uapi, exit, sbi, vcpu, mmu, and the files of src/kvm itself,
which all of them share. References go through a table of functions where a lower subsystem has to
call a higher one (struct exit_ops).
"""
import glob
import os
import re
import subprocess

from hs.parser import of_command
from hs.paths import TOP

ORDER = ("uapi", "exit", "sbi", "vcpu", "mmu", "")
# struct kvm contains a struct gstage.
EXCEPTIONS = {("src/kvm/kvm.h", "mmu/gstage.h")}
EPILOG = "exit status: 0; 1 a reference points upwards; 2 wrong use; 77 the kernel's objects are not built"


def rank(path):
    """Position in ORDER of a path below src/kvm, or below the folder of its objects; None: no subsystem."""
    folder = os.path.dirname(path)
    return ORDER.index(folder) if folder in ORDER else None


def bad_includes(root):
    for path in sorted(glob.glob(root + "/src/kvm/**/*.[chS]", recursive=True)):
        name = os.path.relpath(path, root)
        own = rank(os.path.relpath(path, root + "/src/kvm"))
        if own is None:
            yield "%s: no such subsystem; there are %s" % (name, ", ".join(filter(None, ORDER)))
            continue
        with open(path, encoding="utf-8") as source:
            for number, line in enumerate(source, 1):
                match = re.match(r'\s*#\s*include\s+"((?:\w+/)?\w+\.(?:h|def))"', line)
                target = match and match.group(1)
                if not target or not os.path.exists(os.path.join(root, "src/kvm", target)):
                    continue
                if rank(target) < own and (name, target) not in EXCEPTIONS:
                    yield "%s:%d: %s is of a higher subsystem" % (name, number, target)


def symbols(path):
    """What an object defines, and what it refers to."""
    lines = subprocess.run(["nm", path], stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
    words = [line.split()[-2:] for line in lines]
    return {name for kind, name in words if kind in "TDBRVWCSG"}, {name for kind, name in words if kind == "U"}


def bad_symbols(root, folder):
    """References of the objects in FOLDER, which holds SOURCE.o for each source file.

    Objects of sources that have been moved or removed stay in an output folder: they are not looked at.
    """
    paths = (os.path.relpath(path, folder) for path in glob.glob(folder + "/**/*.o", recursive=True))
    objects = {path: symbols(os.path.join(folder, path)) for path in paths
               if os.path.exists(os.path.join(root, "src/kvm", path[:-len(".o")]))}
    home = {name: path for path, (defined, _) in objects.items() for name in defined}
    for path, (_, wanted) in sorted(objects.items()):
        for name in sorted(wanted & set(home)):
            if rank(home[name]) < rank(path):
                yield "%s refers to %s of %s" % (path, name, home[name])


def main(argv):
    parser = of_command("check-order", __doc__, epilog=EPILOG)
    parser.add_argument("--root", metavar="DIR", default=TOP, help="the tree (this one)")
    parser.add_argument("--out", metavar="DIR", default=None, help="its output folder (ROOT/build)")
    options = parser.parse_args(argv)
    objects = os.path.join(options.out or os.path.join(options.root, "build"), "kernel/src/kvm")
    found = list(bad_includes(options.root))
    built = os.path.isdir(objects)
    if built:
        found += bad_symbols(options.root, objects)
    for line in found:
        print(line)
    return 1 if found else 0 if built else 77
