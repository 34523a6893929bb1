# SPDX-License-Identifier: MIT
"""toggle.py - `hyperscope new toggle`: a design decision with two or more variants, chosen for each VM.

A toggle is registered in src/kvm/toggle.def, which determines its parameter, its boot argument and the
combinations of toggles in tests. It also gets a section in docs/toggles.md, a row in COURSE.md's map, a native test,
and an event (event.py).
"""
import os
import re

from . import code, event, names
from .tree import refuse

SUMMARY = "a toggle: a file for each variant, and a call to the chosen variant"
EXAMPLE = """\
hyperscope new toggle wfi_note --values off,on \\
    --question 'what does it cost to note each WFI?' \\
    --at 'src/kvm/vcpu/wfi.c:/wfi_exit_stat\\+\\+/'"""
NOTES = """\
The first value is the default and does nothing. Each other value records an
event, kvm_NAME, with its number. NAME.h has the contract; each NAME_VALUE.c is
a variant. A variable vcpu has to be in scope at the place. The tests'
combinations include the toggle from then on. scripts/hyperscope bench --toggle
NAME measures it."""

TABLE, PAGE = "src/kvm/toggle.def", "docs/toggles.md"


def arguments(parser):
    parser.add_argument("--values", required=True, metavar="ONE,OTHER", help="values, the default first")
    parser.add_argument("--question", required=True, metavar="TEXT", help="question that the toggle answers")
    parser.add_argument("--at", required=True, metavar="FILE:/REGEX/",
                        help="call the variant after this line of src/kvm")
    parser.add_argument("--spec", metavar="'H §5.1'", default="KVM",
                        help="paragraph of docs/spec.md that the toggle is about, or KVM (default)")


def check_values(name, text):
    values = text.split(",")
    for value in values:
        names.check(value, "a value", "off")
    if len(values) < 2 or len(set(values)) < len(values):
        refuse("--values %s: give two or more different values, separated by commas" % text)
    longest = max(len(name) + len(value) + 1 for value in values)
    if longest > 40:
        refuse("--values %s: joined with '%s', these values make names that are too long" % (text, name))
    return values


def has_vcpu(lines, index):
    """Return whether the function around this line has a parameter `struct kvm_vcpu *vcpu`, or declares it above."""
    brace = next(i for i in range(index, -1, -1) if lines[i] == "{")
    head = next((i for i in range(brace - 1, -1, -1) if not lines[i] or lines[i].endswith(("}", ";", "*/"))), -1)
    return re.search(r"\bstruct kvm_vcpu \*vcpu\b", "\n".join(lines[head + 1:index + 1])) is not None


def section(folder, name, values, question):
    others = "; ".join("`%s` (`%s/%s_%s.c`) fires `kvm_%s`" % (value, folder, name, value, name) for value in values[1:])
    return """\
## %s: %s

`%s` does nothing; %s, and does nothing else. The contract is in
`%s/%s.h:/^struct %s_ops/`. Not measured yet.
Rows of the benchmark that the toggle changes:

<!-- %s: by scripts/hyperscope figures -->
<!-- end -->
""" % (name, question, values[0], others, folder, name, name, name)


def make(tree, options):
    name = names.check(options.name, "a toggle", "wfi_note")
    values = check_values(name, options.values)
    question = names.check_sentence(options.question, "--question")
    fired = "kvm_" + name
    if name in tree.names(TABLE, r"^(?:TOGGLE|NUMBER)\((\w+)"):
        refuse("there is a toggle '%s' already: %s" % (name, TABLE))
    event.check_spec(tree, options.spec)
    path, index = code.place(tree, options.at, ("src/kvm/",))
    folder = os.path.dirname(path)  # the variants belong to the subsystem that calls them
    header = os.path.relpath("%s/%s.h" % (folder, name), "src/kvm")
    for own in ["%s/%s.%s" % (folder, name, end) for end in "chS"]:
        if tree.exists(own):
            refuse("%s exists already: choose another name" % own)
    index, indent = code.behind(tree.lines(path), index, "--at '%s'" % options.at)
    if not has_vcpu(tree.lines(path), index - 1):
        refuse("--at '%s': the function has no 'struct kvm_vcpu *vcpu'" % options.at)

    tree.insert(path, index, code.call(indent, "%s_of(vcpu->kvm)->act" % name, ["vcpu"]))
    code.include(tree, path, header)
    tree.after(TABLE, r"^TOGGLE\(", 'TOGGLE(%s, "%s", 0, "%s")' % (name, " ".join(values), question), last=True)
    ops = ["%s_%s_ops" % (name, value) for value in values]
    tree.template("%s/%s.h" % (folder, name), "toggle.h.in", NAME=name, UPPER=name.upper(), WHAT=question.rstrip("?"), PLACE=path,
                  EXTERNS="\n".join("extern const struct %s_ops %s;" % (name, op) for op in ops),
                  ADDRESSES="\n".join("\t\t&%s," % op for op in ops))
    for number, value in enumerate(values):
        tree.template("%s/%s_%s.c" % (folder, name, value), "toggle_event.c.in" if number else "toggle_none.c.in",
                      **({"NAME": name, "VALUE": value, "HEADER": header} | ({"EVENT": fired, "INDEX": str(number)} if number else {})))
    tree.template("tests/native/test_%s.c" % name, "toggle_test.c.in", NAME=name, HEADER=header, EVENT=fired, COUNT=str(len(values)))

    event.declare(tree, fired, "a variant of toggle %s has acted" % name, [("num", "variant"), ("num", "exits")],
                  options.spec)
    tree.after(event.ROWS, r"^p=/sys/module/kvm/parameters$", "echo %s >$p/%s" % (values[1], name))
    event.claim(tree, fired, "toggle %s=%s" % (name, values[1]), "variant=1 exits=[1-9]")

    tree.after("COURSE.md", r"^\| measuring \|", "| toggle %s, of our own | `%s/%s.h`, `%s` | `%s` | `%s` | | | |" % (
        name, folder, name, path, fired, name))
    tree.before(PAGE, r"^## Costs of walks and fences$", section(folder, name, values, question))
    tree.generate(PAGE, "scripts/hyperscope figures --docs")
    return ["make && make $PWD/build/tests/native/test_%s && build/tests/native/test_%s" % (name, name),
            "scripts/hyperscope run --set %s=%s --trace %s hello && make trace" % (name, values[1], fired),
            "tests/toggles/try --only timer '%s=%s'" % (name, values[1]),
            "scripts/hyperscope bench --toggle %s --cpu both    # measures its cost" % name]
