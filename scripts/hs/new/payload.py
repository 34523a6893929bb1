# SPDX-License-Identifier: MIT
"""payload.py - `hyperscope new payload`: a guest that tests something, run wherever payloads are.

Where a payload is registered: nowhere to be built (src/guest/rules.mk takes every file); a line
in tests/guest/payloads, by which it is run here, on Linux KVM and under rows of toggles; and a row
in docs/payloads.md.
"""
from . import names
from .tree import refuse

SUMMARY = "a test payload: a guest of one C file, run here and on Linux KVM"
EXAMPLE = """\
hyperscope new payload echo --smp 2 \\
    --what 'calls that are answered alike, and a second hart'"""
NOTES = """\
The scaffold makes claims about SBI calls and, with --smp 2, a second hart.
docs/payloads.md says what the runtime gives."""

LIST, MOST_VCPUS = "tests/guest/payloads", 8


def run_here(tree):
    """The payloads that tests/guest/payloads.t runs."""
    return tree.names(LIST, r"^[^#:]+: (?:[^:]* )?here(?: [^:]*)?: (\w+)")


def arguments(parser):
    parser.add_argument("--what", required=True, metavar="TEXT", help="what it asks of a hypervisor")
    parser.add_argument("--smp", type=int, default=1, metavar="N", help="vCPUs that it is run with (1)")
    parser.add_argument("--only-here", action="store_true",
                        help="not on Linux KVM: what it claims is true of hyperscope alone")


def register(tree, name, options, what, only_here=False):
    """Wherever payloads are run and told of; `options`: the VMM's."""
    run = " ".join([name] + options)
    if name in tree.names(LIST, r"^([^#:]+):"):
        refuse("%s has a payload '%s' already" % (LIST, name))
    tree.before(LIST, r"^hostile: here ", "%s: here %sall: %s" % (name, "" if only_here else "linux ", run))
    tree.before("docs/payloads.md", r"^\| `bench` \|", "| `%s` | %s |" % (name, what))


def file_of(name):
    return "tests/guest/%s.c" % name


def check_free(tree, name):
    names.check(name, "a payload", "echo")
    for path in (file_of(name), "src/guest/%s.c" % name, "src/guest/%s" % name):
        if tree.exists(path):
            refuse("there is a payload '%s' already: %s" % (name, path))


def steps(name, options):
    """`options`: the launcher's."""
    return ["make", "scripts/hyperscope run %s" % " ".join(options + ["build/guest-payloads/%s.bin" % name]),
            "tests/guest/payloads.t    # with all others"]


def make(tree, options):
    name = options.name
    check_free(tree, name)
    what = names.check_sentence(options.what, "--what")
    if not 1 <= options.smp <= MOST_VCPUS:
        refuse("--smp %d: 1 to %d" % (options.smp, MOST_VCPUS))
    vmm = ["--smp", str(options.smp)] if options.smp > 1 else []
    tree.template(file_of(name), "payload.c.in", NAME=name, WHAT=what)
    register(tree, name, vmm, what, options.only_here)
    return steps(name, vmm)
