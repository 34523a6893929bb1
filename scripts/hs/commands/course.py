# SPDX-License-Identifier: MIT
"""course - check the course's pages and every lab.

Everything that COURSE.md and docs/course name has to be in the tree. For each
lab, submissions are graded with the hidden tests. The solution has to get all
points. The starter has to build but must not get all points, and its failed
tests have to name what the student has to write. If the lab has variants, the
solution of another student's variant must not get all points. --pages checks
only the pages.
"""
import concurrent.futures
import multiprocessing
import os
import sys

from hs import ends
from hs.docs import course as pages
from hs.errors import LaunchError, Quit
from hs.grade import course
from hs.lab import folder
from hs.parser import of_command

LINE = 78  # longer lines of a fault's description are cut


def one(number, out):
    """Check one lab. Return its claims as (held, name, lines)."""
    lab = folder.find(number)
    sys.stderr.write("course: lab %d, %s\n" % (lab.number, lab.title))
    made = []
    try:
        with ends.folder("course.", os.path.join(out, "tmp")) as work:
            course.check(lab, work, out, lambda *claim: made.append(claim))
    except LaunchError as error:
        made.append((False, "lab %d can be graded" % lab.number, str(error).splitlines()))
    return made


def check_in_process(number, out):
    """Check one lab in a process of the pool. The process cleans up after itself when it is terminated."""
    found = []
    ends.run(lambda: found.extend(one(number, out)))
    return found


def main(argv):
    parser = of_command("course", __doc__, epilog="exit status: 0; 1 a check fails; 2 usage error; 125 other failure")
    parser.add_argument("labs", metavar="LAB", nargs="*", help="check only these labs (all labs and the pages)")
    parser.add_argument("--pages", action="store_true", help="check only the pages, and print their faults")
    parser.add_out("existing build to start from ($O, else build/)")
    parser.add_jobs("number of labs to check at once")
    options = parser.parse_args(argv)
    if options.pages:
        if options.labs:
            parser.error("--pages takes no LAB")
        wrong = list(pages.faults())
        print("\n".join(wrong), end="\n" if wrong else "")
        return int(bool(wrong))
    labs = [folder.find(number) for number in options.labs] or folder.all_labs()
    os.makedirs(os.path.join(options.out, "tmp"), exist_ok=True)
    results = []

    def report(held, name, lines):
        results.append(held)
        print("%sok %d - %s" % ("" if held else "not ", len(results), name))
        for line in lines if not held else []:
            print("# %s" % line[:LINE])

    if not options.labs:
        wrong = list(pages.faults())
        report(not wrong, "everything that COURSE.md and docs/course name exists", wrong)
    # Use processes, not threads: at the end of a build, grade/limits.py kills every child of the process that called
    # it.
    pool = concurrent.futures.ProcessPoolExecutor(options.jobs, initializer=ends.by_default)
    try:
        for found in [pool.submit(check_in_process, lab.number, options.out) for lab in labs]:
            for held, name, lines in found.result():
                report(held, name, lines)
            sys.stdout.flush()
    except Quit:
        for worker in multiprocessing.active_children():
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    print("1..%d" % len(results))
    return int(not all(results))
