# SPDX-License-Identifier: MIT
"""sbi.py - `hyperscope new sbi`: an SBI extension of one's own in the core, or one more function of it.

Where an extension is registered: its numbers in hv/sbi.h, its function in src/kvm/sbi.h, a row of the
table in src/kvm/sbi.c, a line for base's probe in src/kvm/sbi_base.c, names for traces (trace/file/names.c) and for the page (trace/html/sbi.c), a
row of docs/kvm-api.md, and a payload. A function: its number, a case, its names, a claim.
"""
import re

from . import code, names, payload
from .tree import fill, refuse

SUMMARY = "an SBI extension that the core answers, or a function more of one"
EXAMPLE = """\
hyperscope new sbi odo --what 'tells a guest of its own exits'
  scripts/hyperscope new sbi odo.get_vcpu"""
NOTES = """\
NAME is an extension's; EXT.FUNCTION adds a function to one that this command
has made. An extension's id is the next free one of the range for experiments,
from 0x08000100 on, or --id. Its handler is src/kvm/sbi_NAME.c, its payload
src/guest/test/sbi_NAME.c."""

NUMBERS = "src/include/hv/sbi.h"
FIRST, LAST = 0x08000100, 0x08fffffe  # the last one is the KVM selftests' own
NAMES, PAGE = "trace/file/names.c", "trace/html/sbi.c"
MOST_FUNCTIONS = 9  # names.c


def arguments(parser):
    parser.add_argument("--what", metavar="TEXT", help="what the extension is for; needed for a new one")
    parser.add_argument("--id", metavar="ID", help="its number, 0x08000100 to 0x08fffffe")


def extension_id(tree, text):
    taken = [int(number, 16) for number in tree.names(NUMBERS, r"^#define SBI_EXT_\w+\s+(0x[0-9a-f]+)$")]
    if text is None:
        return next(number for number in range(FIRST, LAST) if number not in taken)
    if not re.fullmatch("0x[0-9a-fA-F]{1,8}", text) or not FIRST <= int(text, 16) <= LAST:
        refuse("--id %s: a number of the range for experiments, 0x%08x to 0x%08x" % (text, FIRST, LAST))
    if int(text, 16) in taken:
        refuse("--id %s: an extension of %s has it" % (text, NUMBERS))
    return int(text, 16)


def make_extension(tree, options):
    name = names.check(options.name, "an extension", "odo")
    upper, path = name.upper(), "src/kvm/sbi_%s.c" % name
    if options.what is None:
        refuse("--what is needed: what is the extension for?")
    what = names.check_sentence(options.what, "--what", 60)
    if tree.exists(path) or re.search(r"\b(SBI_EXT_%s|sbi_%s)\b" % (upper, name), tree.read(NUMBERS) + tree.read("src/kvm/sbi.h")):
        refuse("there is an extension or a function 'sbi_%s' already" % name)
    guest = "sbi_" + name
    payload.check_free(tree, guest)
    number = "0x%08x" % extension_id(tree, options.id)

    tree.after(NUMBERS, r"^#define SBI_EXT_VENDOR_END ", "\n/* Of our own, in the range for experiments: src/kvm/sbi_%s.c */\n"
               "#define SBI_EXT_%s %s\n#define SBI_%s_GET_EXITS 0" % (name, upper, number, upper))
    tree.after("src/kvm/sbi.h", r"^sbi_fn sbi_pmu;$", "sbi_fn sbi_%s;" % name)
    row = "\t{ SBI_EXT_%s, SBI_EXT_%s, sbi_%s, ALWAYS, false, EXIT_SBI_OTHER }," % (upper, upper, name)
    tree.before("src/kvm/sbi.c", r"^\t\{ SBI_EXT_EXPERIMENTAL_START,", row)
    tree.before("src/kvm/sbi_base.c", r"^\treturn ext < SBI_EXT_EXPERIMENTAL_START", "\tif (ext == SBI_EXT_%s)\n\t\treturn true;" % upper)
    tree.template(path, "sbi.c.in", NAME=name, UPPER=upper, ID=number, WHAT=what)
    tree.after(NAMES, r'^\t\{ SBI_EXT_FWFT, "FWFT" \},', '\t{ SBI_EXT_%s, "%s" },' % (upper, upper))
    tree.after(NAMES, r'^\t\{ SBI_EXT_FWFT, \{ "set", "get" \} \},', '\t{ SBI_EXT_%s, { "get_exits" } },' % upper)
    tree.after(PAGE, r'^\t\{ SBI_EXT_FWFT, "set get" \},', '\t{ SBI_EXT_%s, "get_exits" },' % upper)
    tree.before("docs/kvm-api.md", r"^\| any other \| `SBI_ERR_NOT_SUPPORTED`",
                "| %s %s, our own: %s | `src/kvm/sbi_%s.c:/^int sbi_%s/` | %s |" % (upper, number, what, name, name, guest))
    tree.template(payload.file_of(guest), "sbi_payload.c.in", NAME=name, UPPER=upper)
    payload.register(tree, guest, [], "our own SBI extension %s" % upper, only_here=True)
    return payload.steps(guest, []) + ["scripts/hyperscope new sbi %s.FUNCTION    # one more function" % name]


def make_function(tree, options, extension, function):
    names.check(extension, "an extension", "odo")
    names.check(function, "a function", "get_vcpu")
    upper, path = extension.upper(), "src/kvm/sbi_%s.c" % extension
    test = payload.file_of("sbi_" + extension)
    if options.what or options.id:
        refuse("--what and --id are an extension's: a function has its name alone")
    if not tree.exists(path) or "SBI_%s_GET_EXITS" % upper not in tree.read(path):
        refuse("there is no extension '%s' that `hyperscope new sbi` has made" % extension)
    taken = tree.names(NUMBERS, r"^#define SBI_%s_([A-Z]\w+)\s+(\d+)$" % upper)
    if function.upper() in [name for name, _ in taken]:
        refuse("extension '%s' has a function '%s' already" % (extension, function))
    number = max(int(number) for _, number in taken) + 1
    if number >= MOST_FUNCTIONS:
        refuse("extension '%s' has %d functions: %s has room for no more" % (extension, number, NAMES))

    macro = "SBI_%s_%s" % (upper, function.upper())
    tree.after(NUMBERS, r"^#define SBI_%s_[A-Z]\w+\s+%d$" % (upper, number - 1), "#define %s %d" % (macro, number))
    tree.before(path, r"^int sbi_%s\(" % extension, fill("sbi_function.c.in", FUNCTION=function).rstrip("\n") + "\n")
    tree.before(path, r"^\tdefault:$", "\tcase %s:\n\t\t%s(vcpu, ret);\n\t\tbreak;" % (macro, function))
    tree.replace(NAMES, r'^(\t\{ SBI_EXT_%s,\s+\{[^}]*")(\s+\} \},)$' % upper, r'\1, "%s"\2' % function)
    tree.replace(PAGE, r'^(\t\{ SBI_EXT_%s,[^}]*)" \},$' % upper, r'\1 %s" },' % function)
    tree.before(test, r"^void payload_main", """\
static void test_%s(void)
{
	struct sbiret ret = sbi_call(SBI_EXT_%s, %s, 0, 0, 0);

	ok_sbi(ret, SBI_SUCCESS, "%s succeeds");
	ok_eq((unsigned long)ret.value, this_hart()->id, "and tells the caller which vCPU it is");
}
""" % (function, upper, macro, function))
    tree.after(test, r"^\ttest_\w+\(\);$", "\ttest_%s();" % function, last=True)
    return payload.steps("sbi_" + extension, [])


def make(tree, options):
    extension, dot, function = options.name.partition(".")
    steps = make_function(tree, options, extension, function) if dot else make_extension(tree, options)
    code.align_macros(tree, NUMBERS)
    return steps
