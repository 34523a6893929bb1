# SPDX-License-Identifier: MIT
"""grade - points for a lab of the course.

In a student's tree, `make grade` builds it and runs the lab's public tests. An
instructor grades what was handed in: of a submission only the files that the
lab asks for are laid over a fresh tree, which is built and tested beside the
reference solution. docs/grading.md says how, and what is refused.
"""
import os
import sys

from hs.grade import job, package, report
from hs.lab import folder
from hs.parser import of_command

EXAMPLES = """\
examples:
  scripts/hyperscope grade                      this tree, by its public tests
  scripts/hyperscope grade --submission ada.zip --hidden --key ~/course.key
  scripts/hyperscope grade --submission ../ada --student ada --results results.json
  scripts/hyperscope grade --gradescope lab03.zip --lab 03 --key ~/course.key
exit status: 0 all points; 1 fewer; 2 wrong use; 3 the submission was refused;
125 nothing could be graded
"""


def parse(words):
    parser = of_command("grade", __doc__, epilog=EXAMPLES)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--submission", metavar="PATH",
                      help="what was handed in: a folder, zip or tar")
    what.add_argument("--gradescope", metavar="FILE",
                      help="grade nothing: write the zip that Gradescope wants of --lab NN")
    what.add_argument("--student-tree", metavar="DIR", help="a student's tree, as it is (this one)")
    parser.add_argument("--lab", metavar="NN", help="the lab's number, if its lab.json is not to say")
    parser.add_argument("--student", metavar="ID",
                        help="whose variant it must be, if lab.json is not to be believed")
    parser.add_argument("--hidden", action="store_true", help="run the hidden tests, too")
    parser.add_argument("--key", metavar="FILE",
                        help="the instructor's key, of which hidden tests are made")
    parser.add_argument("--tests", metavar="ID,...", help="only these tests")
    parser.add_argument("--json", metavar="FILE", help="write everything there, too")
    parser.add_argument("--results", metavar="FILE", help="write Gradescope's results.json there")
    parser.add_argument("--timeout", metavar="SECONDS", type=int,
                        help="the longest that one test may take (120; on a machine for which "
                             "$HS_TIME_SCALE is more than 2, so much more)")
    parser.add_argument("--qemu", metavar="PROGRAM",
                        default=os.environ.get("QEMU", "qemu-system-riscv64"),
                        help="QEMU to use ($QEMU, else qemu-system-riscv64)")
    parser.add_argument("--out", metavar="DIR", default=os.environ.get("O"),
                        help="the build of this tree to begin with ($O, else build/)")
    parser.add_argument("--labs", metavar="DIR", help="another folder of labs than labs/")
    parser.add_argument("--keep", metavar="DIR", help="leave both trees there: a new folder")
    options = parser.parse_args(words)
    if options.gradescope and not options.lab:
        parser.error("--gradescope: of which lab? --lab NN")
    if options.key and not options.hidden and not options.gradescope:
        parser.error("--key is for the hidden tests: --hidden")
    if options.hidden and not options.submission:
        parser.error("--hidden needs --submission: a student's tree has no hidden tests")
    if options.timeout is not None and options.timeout < 1:
        parser.error("--timeout %d: 1 or more" % options.timeout)
    return options


def main(argv):
    options = parse(argv)
    if options.gradescope:
        package.make(folder.find(options.lab), options.gradescope, job.read_key(options.key))
        print("%s: upload it as the autograder of lab %s" % (options.gradescope, options.lab))
        return 0
    grade = job.grade(options)
    sys.stdout.write(report.text(grade))
    sys.stdout.flush()
    if options.json:
        report.write(options.json, report.everything(grade))
    if options.results:
        report.write(options.results, report.gradescope(grade))
    if grade.refused:
        return 3
    return 0 if grade.score() == grade.most() else 1
