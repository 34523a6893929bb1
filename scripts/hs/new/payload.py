# SPDX-License-Identifier: MIT
"""payload.py - `hyperscope new payload`: a test payload, with its entry in the list of payloads that tests run.

A payload need not be registered to be built (src/guest/rules.mk builds every file). A line in
tests/guest/payloads makes tests run the payload on hyperscope, on Linux KVM and with combinations of toggles. The
payload also gets a row in docs/payloads.md.
"""
from . import names
from .tree import refuse

SUMMARY = "a test payload: a guest of one C file, run here and on Linux KVM"
EXAMPLE = """\
hyperscope new payload echo --vcpus 2 \\
    --what 'repeated SBI calls, and a second hart'"""
NOTES = """\
The scaffold makes claims about SBI calls and, with --vcpus 2, about a second
hart, and prints the cost of a call for scripts/hyperscope measure.
docs/payloads.md describes the runtime, docs/measuring.md how to measure."""

LIST, MOST_VCPUS = "tests/guest/payloads", 8


def arguments(parser):
    parser.add_argument("--what", required=True, metavar="TEXT", help="what the payload tests in a hypervisor")
    parser.add_argument("--vcpus", type=int, default=1, metavar="N", help="number of vCPUs (1)")
    parser.add_argument("--only-here", action="store_true",
                        help="do not run it on Linux KVM, because its claims hold only for hyperscope")


def register(tree, name, options, what, only_here=False):
    """Add a payload to the list of payloads to run and to docs/payloads.md; `options`: options of the VMM."""
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
    """Return the next steps for the user; `options`: options of the launcher."""
    return ["make", "scripts/hyperscope run %s" % " ".join(options + ["build/guest-payloads/%s.bin" % name]),
            "tests/guest/payloads.t    # runs all payloads"]


def make(tree, options):
    name = options.name
    check_free(tree, name)
    what = names.check_sentence(options.what, "--what")
    if not 1 <= options.vcpus <= MOST_VCPUS:
        refuse("--vcpus %d: not a number from 1 to %d" % (options.vcpus, MOST_VCPUS))
    vmm = ["--vcpus", str(options.vcpus)] if options.vcpus > 1 else []
    tree.template(file_of(name), "payload.c.in", NAME=name, WHAT=what)
    register(tree, name, vmm, what, options.only_here)
    todo = steps(name, vmm)
    vcpus = " --vcpus %d" % options.vcpus if vmm else ""
    todo.insert(-1, "scripts/hyperscope measure payload:%s%s    # on all three systems" % (name, vcpus))
    return todo
