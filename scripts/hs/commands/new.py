# SPDX-License-Identifier: MIT
"""new - a scaffold of something that extends hyperscope, registered everywhere.

What it makes builds, passes `make check` and its tests, and does something small. docs/extending.md
tells what each kind is.
"""
import argparse
import os
import shlex
import sys

from hs.new import device, event, lab, paper, payload, sbi, toggle
from hs.new.tree import Tree
from hs.parser import Parser
from hs.paths import TOP

KINDS = {"toggle": toggle, "event": event, "sbi": sbi, "device": device, "payload": payload,
         "lab": lab, "paper": paper}


def usage():
    lines = ["usage: scripts/hyperscope new KIND NAME [options]", "",
             "Adds to the sources, as a scaffold that builds and passes its tests:", ""]
    for name, module in KINDS.items():
        lines.append("  %-8s %s" % (name, module.SUMMARY))
    lines += ["", "scripts/hyperscope new KIND --help says more; docs/extending.md all of it.",
              "exit status: 0 made (or shown: --dry-run); 2 wrong use, 125 a place in the",
              "sources is not as expected: then nothing is written"]
    return "\n".join(lines)


def parser_of(kind, module):
    parser = Parser(prog="scripts/hyperscope new " + kind, description=module.__doc__.split("\n\n", 1)[0].partition(": ")[2],
                    epilog="%s\n\nexample:\n\n  scripts/%s" % (module.NOTES, module.EXAMPLE),
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", metavar="NAME", help="what it is called; docs/extending.md says how things are called")
    parser.add_argument("--dry-run", action="store_true", help="write nothing: print the change as a diff")
    module.arguments(parser)
    return parser


def report(tree, kind, name, steps):
    print("new %s %s:" % (kind, name))
    for path in tree.made:
        print("  made    %s" % path)
    for place in tree.where():
        print("  edited  %s" % place)
    for page, command in tree.generators.items():
        print("  wrote   %s, by %s" % (page, command))
    print("next:")
    for step in steps:
        print("  %s" % step)


def undo(tree, options, dirty):
    """By git where that takes nothing else with it, or else by the change itself."""
    if not dirty:
        print("undo: git checkout -- %s%s" % (" ".join(map(shlex.quote, tree.edited())),
                                              "; rm " + " ".join(tree.made) if tree.made else ""))
        return
    path = os.path.join("build", "new", "%s.diff" % options.name)
    os.makedirs(os.path.join(TOP, os.path.dirname(path)), exist_ok=True)
    with open(os.path.join(TOP, path), "w", encoding="utf-8") as out:
        out.write(tree.diff())
    print("undo: git apply -R %s; %s" % (path, "; ".join(tree.generators.values())))
    print("      (a git checkout would take what was not committed before, too)")


def main(argv):
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(usage(), file=sys.stdout if argv else sys.stderr)
        return 0 if argv else 2
    module = KINDS.get(argv[0])
    if module is None:
        sys.stderr.write("hyperscope: unknown kind '%s'; there are %s\n" % (argv[0], ", ".join(KINDS)))
        return 2
    options = parser_of(argv[0], module).parse_args(argv[1:])
    tree = Tree(TOP)
    steps = module.make(tree, options)
    tree.generate("docs/reading-order.md", "scripts/hyperscope reading-order")
    tree.finish()
    if options.dry_run:
        sys.stdout.write(tree.diff())
        sys.stdout.flush()
        sys.stderr.write("new: then it would run %s\n" % ", ".join(tree.generators.values()))
        return 0
    dirty = tree.uncommitted()
    tree.write()
    report(tree, argv[0], options.name, steps)
    undo(tree, options, dirty)
    return 0
