# SPDX-License-Identifier: MIT
"""row.py - `hyperscope new row`: a row of the bench, which measures an operation of its own.

A row is a file in src/guest/bench, whose files are all built. It is registered in bench.h and bench.c there, in
scripts/hs/bench/rows.py and in docs/bench.md.
"""
from . import names
from .tree import refuse

SUMMARY = "a row of the bench, which measures an operation on all systems"
EXAMPLE = """\
hyperscope new row sbi_machine \\
    --what 'SBI BASE, vendor ID of the machine'"""
NOTES = """\
The row's operation is an SBI call at first; change it in
src/guest/bench/NAME.c. The row exists on all three systems. If toggles can
change it, add it to MATTERS in scripts/hs/bench/rows.py, so that
scripts/hyperscope bench --toggle measures it."""

TABLE = "scripts/hs/bench/rows.py"
LONGEST = 16  # characters in a name: the width of its column in the bench's table


def arguments(parser):
    parser.add_argument("--what", required=True, metavar="TEXT", help="description of the operation that the row measures")


def add(tree, row, what):
    names.check(row, "a row", "sbi_machine")
    if len(row) > LONGEST:
        refuse("'%s' is too long for a row: at most %d characters fit into the bench's table" % (row, LONGEST))
    names.check_sentence(what, "--what", 60)
    if row in tree.names(TABLE, r'^ +Row\("(\w+)"'):
        refuse("the bench has a row '%s' already" % row)
    source = "src/guest/bench/%s.c" % row
    if tree.exists(source):
        refuse("there is a %s already: choose another name for the row" % source)
    tree.template(source, "row.c.in", ROW=row, WHAT=what)
    tree.before("src/guest/bench/bench.h", r"^void bench_pingpong\(void\);", "void bench_%s(void); /* %s.c */" % (row, row))
    tree.before("src/guest/bench/bench.c", r"^\tbench_pingpong\(\);", "\tbench_%s();" % row)
    tree.before(TABLE, r'^    Row\("ioctl_nothing"', '    Row("%s", "%s"),' % (row, what))
    tree.before("docs/bench.md", r"^\| `ioctl_nothing` \| KVM_GET_API_VERSION", "| `%s` | %s |" % (row, what))


def make(tree, options):
    add(tree, options.name, options.what)
    return ["make", "scripts/hyperscope measure bench:%s    # its figures on all three systems" % options.name,
            "scripts/hyperscope bench all --rows %s    # with all statistics: --csv FILE" % options.name]
