# SPDX-License-Identifier: MIT
"""artifact - what a paper is handed in with: packed, or looked at for ten minutes.

pack writes OUT/artifact/hyperscope-COMMIT.tar: the sources of a commit, what
set-up fetched to run and to reproduce papers, a list of all packages with
versions and checksums, and what is expected. Unpacked, it builds and runs
without a network. functional does that, here: it builds, runs a payload and
Debian's kernel, measures a paper's rows without Linux KVM, and compares. list
shows the packages. docs/artifact.md is the appendix for reviewers.
"""
import os
import sys

from hs.artifact import functional, pack, packages
from hs.parser import of_command

EXAMPLES = """\
examples:
  scripts/hyperscope artifact pack          as make artifact does
  scripts/hyperscope artifact pack kselftest  with the selftests (150 MB)
  scripts/hyperscope artifact list          which packages, of which snapshot
  scripts/hyperscope artifact functional    as make artifact-functional does
exit status: 0; 1 a step of functional is not right; 2 wrong use; 125 cannot be
done
"""
WHAT = {"pack": "write the archive", "list": "print packages.csv", "functional": "build, run, compare"}


def parse(words):
    parser = of_command("artifact", __doc__, epilog=EXAMPLES)
    parser.add_argument("what", metavar="WHAT", choices=tuple(WHAT),
                        help="; ".join("%s: %s" % pair for pair in WHAT.items()))
    parser.add_argument("purposes", metavar="PURPOSE", nargs="*", help="of scripts/hyperscope setup: pack that, too")
    parser.add_argument("--commit", metavar="NAME", default="", help="pack this one (HEAD, and nothing uncommitted)")
    parser.add_argument("--to", metavar="FOLDER", help="where the archive goes (OUT/artifact)")
    parser.add_argument("--paper", metavar="NAME", default="kvm-arm-2014",
                        help="functional: the paper (kvm-arm-2014; scripts/hyperscope reproduce list)")
    parser.add_out()
    parser.add_argument("--jobs", metavar="N", type=int, default=min(os.cpu_count() or 1, 4),
                        help="functional: at a time (one a processor, at most 4)")
    options = parser.parse_args(words)
    if options.jobs < 1:
        parser.error("--jobs: 1 or more")
    if options.what == "functional" and options.purposes:
        parser.error("functional takes no PURPOSE")
    options.purposes = ("run", "apps") + tuple(options.purposes)  # as make reproduce has them
    options.qemu = os.environ.get("QEMU", "qemu-system-riscv64")
    options.to = os.path.abspath(options.to or os.path.join(options.out, "artifact"))
    return options


def main(argv):
    options = parse(argv)
    if options.what == "functional":
        return functional.everything(options)
    if options.what == "list":
        sys.stdout.write(packages.text(packages.collect(options.out, options.purposes, options.qemu)[0]))
        return 0
    path = pack.write(options)
    print("%s (%d MB)" % (path, os.path.getsize(path) // 1000000))
    return 0
