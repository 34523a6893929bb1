# SPDX-License-Identifier: MIT
"""grade - grade a lab of the course.

In a student's tree, `make grade` builds the tree and runs the lab's public
tests. When an instructor grades a submission, only the files that the lab asks
for are copied into a fresh tree, which is built and tested alongside the
reference solution. docs/grading.md describes the procedure and what is refused.
"""
import os
import sys

from hs.grade import job, package, report
from hs.lab import folder
from hs.parser import of_command, positive, readable

EXAMPLES = """\
examples:
  scripts/hyperscope grade       grade this tree with its public tests
  scripts/hyperscope grade --lab 3 --submission ada.zip --hidden --key ../key
  scripts/hyperscope grade --submission ../ada --student ada --results r.json
  scripts/hyperscope grade --submission ada.zip --host linux
  scripts/hyperscope grade --gradescope lab03.zip --lab 03 --key ~/course.key
exit status: 0 all points; 1 fewer; 2 usage error; 3 the submission was refused;
125 grading failed
"""


def parse(words):
    parser = of_command("grade", __doc__, epilog=EXAMPLES, usage="scripts/hyperscope grade [options]")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--submission", metavar="PATH",
                      help="the submission to grade: a folder, zip or tar file")
    what.add_argument("--gradescope", metavar="FILE",
                      help="do not grade: write the Gradescope autograder zip of the lab that --lab names")
    what.add_argument("--student-tree", metavar="DIR", help="grade the student's tree DIR in place (this one)")
    parser.add_argument("--lab", metavar="NN", help="number of the lab (default: from lab.json)")
    parser.add_argument("--student", metavar="ID",
                        help="student whose variant is required (default: from lab.json)")
    parser.add_argument("--hidden", action="store_true", help="also run the hidden tests")
    parser.add_argument("--key", metavar="FILE", type=readable,
                        help="the instructor's key, from which hidden tests are generated")
    parser.add_argument("--tests", metavar="ID,...", help="run only these tests")
    parser.add_argument("--host", choices=("own", "linux"),
                        help="own: hyperscope's host; linux: Debian's Linux, with the submission as its module "
                             "(default: the lab's)")
    parser.add_argument("--json", metavar="FILE", help="also write the complete result to FILE")
    parser.add_argument("--results", metavar="FILE", help="write results.json for Gradescope to FILE")
    parser.add_argument("--timeout", metavar="SECONDS", type=positive,
                        help="time limit for each test (that of the lab, else 150; multiplied by half of $HS_TIME_SCALE "
                             "if that is more than 2)")
    parser.add_qemu()
    parser.add_argument("--out", metavar="DIR", default=os.environ.get("O") or None,
                        help="existing build of this tree to start from ($O, else build/)")
    parser.add_argument("--labs", metavar="DIR", help="folder of the labs (labs/)")
    parser.add_argument("--keep", metavar="DIR", help="keep both trees in DIR, a new folder")
    options = parser.parse_args(words)
    if options.gradescope and not options.lab:
        parser.error("--gradescope needs --lab NN")
    if options.submission and not os.path.exists(options.submission):
        parser.error("--submission %s: no such file or folder" % options.submission)
    if options.labs and not os.path.isdir(options.labs):
        parser.error("--labs %s: no such folder" % options.labs)
    for option, path in (("--gradescope", options.gradescope), ("--json", options.json), ("--results", options.results)):
        parser.written(option, path)
    if options.key and not options.hidden and not options.gradescope:
        parser.error("--key is for the hidden tests: add --hidden")
    if options.hidden and not options.submission:
        parser.error("--hidden needs --submission: a student's tree has no hidden tests")
    if options.keep and not options.submission:
        parser.error("--keep needs --submission: a student's tree is graded in place")
    if options.keep and os.path.lexists(options.keep):
        parser.error("--keep %s: exists already; name a new folder" % options.keep)
    return options


def main(argv):
    options = parse(argv)
    if options.gradescope:
        lab = folder.find(options.lab)
        package.make(lab, options.gradescope, job.read_key(options.key, lab, lab.tests))
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
