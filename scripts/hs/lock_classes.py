# SPDX-License-Identifier: MIT
"""lock_classes.py - write the header lock_classes.h of the debug kernel (src/debug/lock.c) to standard output.

The classes and their levels come from the table "Levels of locks" of docs/locking.md; the places that take a lock,
with their classes, from the sources. A lock that has no line in the table, and a line that no lock needs, are errors.

usage: python3 -m hs.lock_classes [FILE=SOURCE]    read SOURCE instead of the tree's FILE, for a mutant
"""
import glob
import os
import re
import sys

from hs.commands.locks import ARGUMENT, lock_name
from hs.paths import TOP

TAKES = re.compile(r"^\s.*?\b(?:hv_)?(?:spin|mutex)_(?:try)?lock(?:_interruptible|_killable)?\(")
ROW = re.compile(r"\| ([0-9]+) \| (.*?) \|")
DEFINERS = ("src/host/sched/mutex.c", "src/host/kvm_host.c")  # they define the mutexes' functions


def levels():
    """Return {class: (level, nests)} from docs/locking.md."""
    found, within = {}, False
    with open(os.path.join(TOP, "docs/locking.md"), encoding="utf-8") as page:
        for line in page:
            if line.startswith("#"):
                within = line.strip() == "## Levels of locks"
            row = ROW.match(line) if within else None
            if row:
                for name, nests in re.findall(r"`([^`]+)`( \(nests\))?", row.group(2)):
                    found[name] = int(row.group(1)), bool(nests)
    return found


def places(replaced):
    """Yield (file, line, class) of each place that takes a lock. `replaced`: {file: path of the source to read}."""
    for path in sorted(glob.glob(os.path.join(TOP, "src/host/**/*.c"), recursive=True) +
                       glob.glob(os.path.join(TOP, "src/kvm/**/*.c"), recursive=True)):
        file = os.path.relpath(path, TOP)
        with open(replaced.get(file, path), encoding="utf-8") as source:
            lines = source.read().splitlines()
        for number, line in enumerate(lines, 1):
            if not TAKES.search(line) or (file in DEFINERS and "mutex_" in line):
                continue
            lock = ARGUMENT.search(line)
            if lock:
                yield file, number, lock_name(lock.group(1), lines[:number], os.path.basename(file))


def main():
    known, found = levels(), list(places(dict(argument.split("=", 1) for argument in sys.argv[1:])))
    wrong = ["%s:%d: docs/locking.md has no level for %s" % place for place in found if place[2] not in known]
    wrong += ["docs/locking.md: no place takes %s" % name for name in sorted(set(known) - {place[2] for place in found})]
    if wrong:
        sys.exit("\n".join(wrong))
    names = sorted(known, key=lambda name: (known[name], name))
    print("#define NR_LOCK_CLASSES %d\n" % len(names))
    print("static const struct lock_class {\n\tconst char *name;\n\tint level;\n\tbool nests;\n} lock_classes[] = {")
    for name in names:
        print('\t{ "%s", %d, %d },' % ((name,) + known[name]))
    print("};\n\nstatic const struct lock_place {\n\tconst char *file;\n\tint line, lock_class;\n} lock_places[] = {")
    for file, number, name in found:
        print('\t{ "%s", %d, %d },' % (file, number, names.index(name)))
    print("};")


if __name__ == "__main__":
    main()
