#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""doc.py - write the lists of events, exit classes, causes and SBI calls into docs/trace.md.

usage: trace/doc.py [--check]     --check: change nothing; fail if the lists are out of date
"""
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.dont_write_bytecode = True  # the checkout may be read-only
sys.path.insert(0, os.path.join(TOP, "scripts"))

from hs import tables  # noqa: E402

DOC = os.path.join(TOP, "docs", "trace.md")


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as source:
        return source.read()


def events():
    yield "| event | fields | meaning | source |"
    yield "|---|---|---|---|"
    for name, meaning, behind, *fields in tables.rows("trace/events.def", "EVENT"):
        yield "| `%s` | %s | %s | %s |" % (name, " ".join(field for _, field in fields), meaning, behind)


def classes():
    yield "| row | name in fields | exits counted |"
    yield "|---|---|---|"
    for name, title, when in tables.rows("src/include/hv/exit_class.def", "EXIT_CLASS"):
        yield "| %s | `%s` | %s |" % (title, name, when)


def causes():
    yield "| name | number | meaning | source |"
    yield "|---|---|---|---|"
    for macro, kind in ("EXCEPTION", ""), ("INTERRUPT", "interrupt "):
        for _, number, name, description, source in tables.rows("src/include/hv/cause.def", macro):
            yield "| `%s` | %s%s | %s | %s |" % (name, kind, number, description, source)


def sbi():
    path = "src/include/hv/sbi.def"
    functions = list(tables.rows(path, "SBI_FUNCTION"))
    yield "| extension | number | since | functions, numbered from 0 |"
    yield "|---|---|---|---|"
    for _, number, _, name, version in tables.rows(path, "SBI_LEGACY"):
        yield "| `%s` | %s | %s | - |" % (name, number, version)
    for ext, number, _, since in tables.rows(path, "SBI_EXTENSION"):
        yield "| `%s` | %s | %s | %s |" % (ext, number, since, ", ".join(
            "`%s`%s" % (name, "" if version == since else " (%s)" % version)
            for owner, _, _, name, version in functions if owner == ext))


def with_list(text, name, lines):
    begin, end = "<!-- %s: by trace/doc.py -->\n" % name, "<!-- end -->\n"
    head, rest = text.split(begin)
    return head + begin + "\n".join(lines) + "\n" + end + rest.split(end, 1)[1]


def main():
    old = read("docs", "trace.md")
    new = old
    for name, lines in ("events", events()), ("classes", classes()), ("causes", causes()), ("sbi", sbi()):
        new = with_list(new, name, lines)
    if sys.argv[1:] == ["--check"]:
        if new != old:
            print("docs/trace.md: the lists are out of date: run trace/doc.py")
        return new != old
    with open(DOC, "w", encoding="utf-8") as out:
        out.write(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
