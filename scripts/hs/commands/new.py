# SPDX-License-Identifier: MIT
"""new - add a scaffold for an extension of hyperscope and register it.

The scaffold builds, passes `make check` and its own tests, and does something
small. docs/extending.md describes each kind.
"""
import argparse
import os
import shlex
import sys

from hs.new import device, event, lab, paper, payload, row, sbi, toggle
from hs.new.tree import Tree
from hs.parser import Parser
from hs.paths import TOP

KINDS = {"toggle": toggle, "event": event, "sbi": sbi, "device": device, "payload": payload,
         "row": row, "lab": lab, "paper": paper}


def usage():
    lines = ["usage: scripts/hyperscope new KIND NAME [options]", "",
             "Adds to the sources, as a scaffold that builds and passes its tests:", ""]
    for name, module in KINDS.items():
        lines.append("  %-8s %s" % (name, module.SUMMARY))
    lines += ["", "scripts/hyperscope new KIND --help shows the options of a kind;",
              "docs/extending.md describes all of them.",
              "exit status: 0 made (or shown, with --dry-run); 2 usage error; 125 other",
              "failure, such as a place in the sources that is not as expected"]
    return "\n".join(lines)


def parser_of(kind, module):
    parser = Parser(prog="scripts/hyperscope new " + kind, description=module.__doc__.split("\n\n", 1)[0].partition(": ")[2],
                    epilog="%s\n\nexample:\n\n  scripts/%s" % (module.NOTES, module.EXAMPLE),
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", metavar="NAME", help="name of the new item; for conventions see docs/extending.md")
    parser.add_argument("--dry-run", action="store_true", help="write nothing; print the change as a diff")
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
    """Print how to undo the change: by git checkout, or by a reverse diff if there are other uncommitted changes."""
    if not dirty:
        print("undo: git checkout -- %s%s" % (" ".join(map(shlex.quote, tree.edited())),
                                              "; rm " + " ".join(tree.made) if tree.made else ""))
        return
    path = os.path.join("build", "new", "%s.diff" % options.name)
    os.makedirs(os.path.join(TOP, os.path.dirname(path)), exist_ok=True)
    with open(os.path.join(TOP, path), "w", encoding="utf-8") as out:
        out.write(tree.diff())
    print("undo: git apply -R %s; %s" % (path, "; ".join(tree.generators.values())))
    print("      (git checkout would also discard your earlier uncommitted changes)")


def main(argv):
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(usage(), file=sys.stdout if argv else sys.stderr)
        return 0 if argv else 2
    module = KINDS.get(argv[0])
    if module is None:
        sys.stderr.write("hyperscope: unknown kind '%s'; known kinds: %s\n" % (argv[0], ", ".join(KINDS)))
        return 2
    options = parser_of(argv[0], module).parse_args(argv[1:])
    tree = Tree(TOP)
    steps = module.make(tree, options)
    tree.generate("docs/reading-order.md", "scripts/hyperscope reading-order")
    tree.finish()
    if options.dry_run:
        sys.stdout.write(tree.diff())
        sys.stdout.flush()
        sys.stderr.write("new: without --dry-run, the command would then run %s\n" % ", ".join(tree.generators.values()))
        return 0
    dirty = tree.uncommitted()
    tree.write()
    report(tree, argv[0], options.name, steps)
    undo(tree, options, dirty)
    return 0
