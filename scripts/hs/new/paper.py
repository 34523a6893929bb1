# SPDX-License-Identifier: MIT
"""paper.py - `hyperscope new paper`: a paper with rows and claims and, if needed, a new row of the bench.

A paper need not be registered: its folder below notebooks-data/papers is found automatically. row.py adds the row.
"""
from . import names, row
from .tree import refuse

SUMMARY = "a paper: its rows, its claims and, if needed, a new row of the bench"
EXAMPLE = """\
hyperscope new paper my_paper --title 'My paper (Workshop 2027)' \\
    --row sbi_machine --what 'SBI BASE, vendor ID of the machine'"""
NOTES = """\
Without --row, the paper uses only existing rows (hyperscope bench --list). The
new row's operation is an SBI call at first; change it in src/guest/bench/ROW.c.
Then measure: make reproduce PAPERS=NAME."""


def arguments(parser):
    parser.add_argument("--title", required=True, metavar="TEXT", help="title of the paper, with place and year")
    parser.add_argument("--row", metavar="NAME", help="name of a new row of the bench, which measures a new operation")
    parser.add_argument("--what", metavar="TEXT", help="description of the operation that --row measures")


def make(tree, options):
    name = names.check(options.name, "a paper", "my_paper")
    title = names.check_sentence(options.title, "--title", 110)
    if bool(options.row) != bool(options.what):
        refuse("--row and --what have to be given together: an operation and its description")
    folder = "notebooks-data/papers/%s/" % name
    if tree.exists(folder + "claims.md"):
        refuse("there is a paper '%s' already" % name)
    own = ""
    if options.row:
        row.add(tree, options.row, options.what)
        own = "| own | Own | `%s` | %s |\n" % (options.row, options.what)
    tree.template(folder + "claims.md", "claims.md.in", TITLE=title, OWN=own, SEEN="own" if own else "call")
    for table in ("published.csv", "expected.csv"):
        tree.create(folder + table, tree.read("notebooks-data/papers/kvm-riscv/" + table).split("\n", 1)[0] + "\n")
    for program in ("run", "check"):
        tree.create(folder + program, tree.read("notebooks-data/papers/kvm-riscv/" + program), executable=True)
    tree.generate("docs/results.md", "scripts/hyperscope reproduce write")
    return ["make reproduce PAPERS=%s        # measure, and check the claims" % name,
            "scripts/hyperscope reproduce write --from build/reproduce/bench.csv %s" % name,
            "                                # expect these figures from now on"]
