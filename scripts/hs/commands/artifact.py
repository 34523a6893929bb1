# SPDX-License-Identifier: MIT
"""artifact - pack the artifact of a paper, or run its ten-minute check.

`pack` writes OUT/artifact/hyperscope-COMMIT.tar: the sources of a commit, the
files that set-up fetched for running and for reproducing papers, a list of all
packages with versions and checksums, and the expected results. The unpacked
archive can be built and run without a network.

`functional` checks the current tree: it builds, runs a payload and Debian's
kernel, measures a paper's rows on hyperscope and on the bare machine, and
compares the results.

`list` prints the list of packages.

docs/artifact.md is the appendix for reviewers.
"""
import os
import sys

from hs.artifact import functional, pack, packages
from hs.parser import of_command
from hs.paths import QEMU

EXAMPLES = """\
examples:
  scripts/hyperscope artifact pack            make artifact
  scripts/hyperscope artifact pack kselftest  include the selftests (150 MB)
  scripts/hyperscope artifact list            show packages and their snapshot
  scripts/hyperscope artifact functional      make artifact-functional
exit status: 0; 1 a step of functional failed; 2 usage error; 125 other failure
"""
WHAT = {"pack": "write the archive", "list": "print packages.csv", "functional": "build, run, compare"}


def parse(words):
    parser = of_command("artifact", __doc__, epilog=EXAMPLES)
    parser.add_argument("what", metavar="WHAT", choices=tuple(WHAT),
                        help="; ".join("%s: %s" % pair for pair in WHAT.items()))
    parser.add_argument("purposes", metavar="PURPOSE", nargs="*", help="also pack the files of this purpose of scripts/hyperscope setup")
    parser.add_argument("--commit", metavar="NAME", default="",
                        help="commit to pack (HEAD, which requires that nothing is uncommitted)")
    parser.add_argument("--to", metavar="FOLDER", help="folder for the archive (OUT/artifact)")
    parser.add_argument("--paper", metavar="NAME", default="kvm-arm-2014",
                        help="functional: the paper to check (kvm-arm-2014); scripts/hyperscope "
                        "reproduce list shows all")
    parser.add_out()
    parser.add_jobs("functional: number of jobs to run at once")
    options = parser.parse_args(words)
    if options.what == "functional" and options.purposes:
        parser.error("functional takes no PURPOSE")
    options.purposes = ("run", "apps") + tuple(options.purposes)  # `make reproduce` needs run and apps
    options.qemu = QEMU
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
