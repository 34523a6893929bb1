# SPDX-License-Identifier: MIT
"""course - does the course hold: what its pages name, and every lab?

Everything that COURSE.md and docs/course name has to be in the tree. And each
lab's solution, its starter and a neighbour's solution are graded as if they had
been handed in, with the hidden tests: the solution has all points, the starter
builds and stops where there is something to write, which it names, and the
neighbour's does not pass for one's own. --pages leaves out the labs.
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

LINE = 78  # of what is wrong, so much is shown


def one(number, out):
    """-> what there is to claim of this lab: (held, name, lines)"""
    lab = folder.find(number)
    sys.stderr.write("course: lab %d, %s\n" % (lab.number, lab.title))
    made = []
    try:
        with ends.folder("course.", os.path.join(out, "tmp")) as work:
            course.check(lab, work, out, lambda *claim: made.append(claim))
    except LaunchError as error:
        made.append((False, "lab %d: it can be graded" % lab.number, str(error).splitlines()))
    return made


def one_apart(number, out):
    """Runs in a process of the pool, which cleans up after itself when it is terminated."""
    found = []
    ends.run(lambda: found.extend(one(number, out)))
    return found


def main(argv):
    parser = of_command("course", __doc__, epilog="exit status: 0 all hold; 1 one does not; 2 wrong use; 125 it could not be tried")
    parser.add_argument("labs", metavar="LAB", nargs="*", help="some of the labs, and no pages (all)")
    parser.add_argument("--pages", action="store_true", help="the pages only: prints what is wrong in them")
    parser.add_out("the build to begin with ($O, else build/)")
    parser.add_argument("--jobs", metavar="N", type=int, default=min(os.cpu_count() or 1, 4),
                        help="labs at a time (one a processor, at most 4)")
    options = parser.parse_args(argv)
    if options.jobs < 1:
        parser.error("--jobs %d: 1 or more" % options.jobs)
    if options.pages:
        if options.labs:
            parser.error("--pages is about no lab")
        wrong = list(pages.faults())
        print("\n".join(wrong), end="\n" if wrong else "")
        return int(bool(wrong))
    labs = [folder.find(number) for number in options.labs] or folder.all_labs()
    os.makedirs(os.path.join(options.out, "tmp"), exist_ok=True)
    told = []

    def tell(held, name, lines):
        told.append(held)
        print("%sok %d - %s" % ("" if held else "not ", len(told), name))
        for line in lines if not held else []:
            print("# %s" % line[:LINE])

    if not options.labs:
        wrong = list(pages.faults())
        tell(not wrong, "what COURSE.md and docs/course name is there", wrong)
    # Processes, not threads: a build ends whatever its process has started (grade/limits.py).
    pool = concurrent.futures.ProcessPoolExecutor(options.jobs, initializer=ends.by_default)
    try:
        for found in [pool.submit(one_apart, lab.number, options.out) for lab in labs]:
            for held, name, lines in found.result():
                tell(held, name, lines)
            sys.stdout.flush()
    except Quit:
        for worker in multiprocessing.active_children():
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    print("1..%d" % len(told))
    return int(not all(told))
