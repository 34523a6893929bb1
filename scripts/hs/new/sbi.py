# SPDX-License-Identifier: MIT
"""sbi.py - `hyperscope new sbi`: a new SBI extension in the core, or a further function of an extension.

An extension is registered in rows of hv/sbi.def (numbers and names) and src/kvm/sbi/sbi_ext.def (handler), and
in a row of docs/kvm-api.md; it gets a payload, and docs/trace.md lists its names. A function is registered in a
row of hv/sbi.def, and gets a case in the handler and a claim in the payload.
"""
import re

from . import names, payload
from .tree import fill, refuse

SUMMARY = "an SBI extension in the core, or a further function of one"
EXAMPLE = """\
hyperscope new sbi odo --what 'tells a guest the number of its exits'
  scripts/hyperscope new sbi odo.get_vcpu"""
NOTES = """\
NAME is the name of an extension; EXT.FUNCTION adds a function to an extension
made by this command. An extension gets --id or the next free ID for
experiments, from 0x08000100 on. Its handler is src/kvm/sbi/sbi_NAME.c, its
payload tests/guest/sbi_NAME.c."""

TABLE, HANDLERS = "src/include/hv/sbi.def", "src/kvm/sbi/sbi_ext.def"
FIRST, LAST = 0x08000100, 0x08fffffe  # the KVM selftests use the next ID, 0x08ffffff


def arguments(parser):
    parser.add_argument("--what", metavar="TEXT", help="purpose of the extension; required for a new one")
    parser.add_argument("--id", metavar="ID", help="extension ID, 0x08000100 to 0x08fffffe")


def extension_id(tree, text):
    taken = [int(number, 16) for number in tree.names(TABLE, r"^SBI_EXTENSION\(\w+, (0x[0-9a-f]+),")]
    if text is None:
        return next(number for number in range(FIRST, LAST) if number not in taken)
    if not re.fullmatch("0x[0-9a-fA-F]{1,8}", text) or not FIRST <= int(text, 16) <= LAST:
        refuse("--id %s: not in the range for experiments, 0x%08x to 0x%08x" % (text, FIRST, LAST))
    if int(text, 16) in taken:
        refuse("--id %s: an extension in %s has this ID already" % (text, TABLE))
    return int(text, 16)


def make_extension(tree, options):
    name = names.check(options.name, "an extension", "odo")
    upper, path = name.upper(), "src/kvm/sbi/sbi_%s.c" % name
    if options.what is None:
        refuse("a new extension needs --what, its purpose")
    what = names.check_sentence(options.what, "--what", 60)
    if tree.exists(path) or re.search(r"\b(SBI_EXTENSION\(%s|sbi_%s)\b" % (upper, name), tree.read(TABLE) + tree.read(HANDLERS)):
        refuse("there is an extension or a function 'sbi_%s' already" % name)
    guest = "sbi_" + name
    payload.check_free(tree, guest)
    number = "0x%08x" % extension_id(tree, options.id)

    tree.before(TABLE, r"^SBI_ERROR\(SUCCESS,", "/* Our own, in the range for experiments: src/kvm/sbi/sbi_%s.c */\n"
                'SBI_EXTENSION(%s, %s, SBI_OTHER, "-")\nSBI_FUNCTION(%s, GET_EXITS, 0, "get_exits", "-")\n'
                % (name, upper, number, upper))
    tree.before(HANDLERS, r"^SBI_HANDLER_RANGE\(SBI_EXT_EXPERIMENTAL_START,", "SBI_HANDLER(%s, sbi_%s, ALWAYS, false)" % (upper, name))
    tree.template(path, "sbi.c.in", NAME=name, UPPER=upper, ID=number, WHAT=what)
    tree.before("docs/kvm-api.md", r"^\| any other \| `SBI_ERR_NOT_SUPPORTED`",
                "| %s %s, our own: %s | `src/kvm/sbi/sbi_%s.c:/^int sbi_%s/` | %s |" % (upper, number, what, name, name, guest))
    tree.template(payload.file_of(guest), "sbi_payload.c.in", NAME=name, UPPER=upper)
    payload.register(tree, guest, [], "our own SBI extension %s" % upper, only_here=True)
    return payload.steps(guest, []) + ["scripts/hyperscope new sbi %s.FUNCTION    # one more function" % name]


def make_function(tree, options, extension, function):
    names.check(extension, "an extension", "odo")
    names.check(function, "a function", "get_vcpu")
    upper, path = extension.upper(), "src/kvm/sbi/sbi_%s.c" % extension
    test = payload.file_of("sbi_" + extension)
    if options.what or options.id:
        refuse("--what and --id are for a new extension, not for a function of one")
    if not tree.exists(path) or "SBI_%s_GET_EXITS" % upper not in tree.read(path):
        refuse("there is no extension '%s' that was made by `hyperscope new sbi`" % extension)
    taken = tree.names(TABLE, r"^SBI_FUNCTION\(%s, (\w+), (\d+)," % upper)
    if function.upper() in [name for name, _ in taken]:
        refuse("extension '%s' has a function '%s' already" % (extension, function))
    number = max(int(number) for _, number in taken) + 1

    macro = "SBI_%s_%s" % (upper, function.upper())
    tree.after(TABLE, r"^SBI_FUNCTION\(%s, \w+, %d," % (upper, number - 1),
               'SBI_FUNCTION(%s, %s, %d, "%s", "-")' % (upper, function.upper(), number, function))
    tree.before(path, r"^int sbi_%s\(" % extension, fill("sbi_function.c.in", FUNCTION=function).rstrip("\n") + "\n")
    tree.before(path, r"^\tdefault:$", "\tcase %s:\n\t\t%s(vcpu, ret);\n\t\tbreak;" % (macro, function))
    tree.before(test, r"^void payload_main", """\
static void test_%s(void)
{
	struct sbiret ret = sbi_call(SBI_EXT_%s, %s, 0, 0, 0);

	ok_sbi(ret, SBI_SUCCESS, "%s succeeds");
	ok_eq((unsigned long)ret.value, this_hart()->id, "%s returns the number of the calling vCPU");
}
""" % (function, upper, macro, function, function))
    tree.after(test, r"^\ttest_\w+\(\);$", "\ttest_%s();" % function, last=True)
    return payload.steps("sbi_" + extension, [])


def make(tree, options):
    extension, dot, function = options.name.partition(".")
    tree.generate("docs/trace.md", "trace/doc.py")
    return make_function(tree, options, extension, function) if dot else make_extension(tree, options)
