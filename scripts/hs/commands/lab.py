# SPDX-License-Identifier: MIT
"""lab - create the tree of a lab, without the parts that the student writes.

`make lab NN=03 DIR=../mylab STUDENT=ada` calls this command. The handout is
the file labs/NN-name/README.md of the tree; the student's variant is recorded
in the tree's lab.json. labs/README.md explains how a lab is made.
"""
import os
import sys

from hs import layout
from hs.errors import STATUS_USAGE, LaunchError
from hs.lab import check, folder, tree
from hs.parser import of_command


def parse(words):
    parser = of_command(
        "lab", __doc__,
        usage="scripts/hyperscope lab [options] LAB DIR\n       scripts/hyperscope lab --list | --check | --regions LAB",
        epilog="exit status: 0; 1 --check found a fault; 2 usage error; 125 other failure")
    parser.add_argument("lab", metavar="LAB", nargs="?", help="number of the lab; --list shows all")
    parser.add_argument("dir", metavar="DIR", nargs="?", help="where to create the tree: a new folder")
    parser.add_argument("--student", metavar="ID", default="",
                        help="create this student's variant (some labs have variants)")
    parser.add_argument("--solution", action="store_true",
                        help="include the solution (for instructors)")
    parser.add_argument("--list", action="store_true", help="list the labs")
    parser.add_argument("--check", action="store_true",
                        help="check that the files of every lab are consistent")
    parser.add_argument("--regions", action="store_true", help="list the places that a student of LAB writes")
    parser.add_out("output folder from which fetched files are copied ($O, else build/)")
    options = parser.parse_args(words)
    if options.list or options.check:
        return options
    if not options.lab:
        parser.error("no lab was named; scripts/hyperscope lab --list shows the labs")
    if options.regions:
        return options
    if not options.dir:
        parser.error("no folder was named, as in scripts/hyperscope lab %s ../mylab" % options.lab)
    return options


def show_list():
    for lab in folder.all_labs():
        points = sum(test["points"] for test in lab.tests)
        print(layout.row("%2d  %-14s %3d points  %2d h  " % (lab.number, lab.name, points, lab.hours), lab.title))


def show_regions(lab):
    for region in check.regions_of(lab):
        print("%s:%d: %s" % (region.path, region.first + 1, region.what))


def check_place(dest, out):
    """Reject a folder inside the repository: its files would go into every check. build/ and the output folder are
    allowed."""
    def within(top):
        return (dest + os.sep).startswith(os.path.realpath(top) + os.sep)

    dest = os.path.realpath(dest)
    if within(folder.TOP) and not within(os.path.join(folder.TOP, "build")) and not within(out):
        raise LaunchError("%s: inside the repository; create a lab's tree outside, as in ../mylab"
                          % dest, STATUS_USAGE)


def main(argv):
    options = parse(argv)
    if options.list:
        show_list()
        return 0
    if options.check:
        found = check.problems()
        print("\n".join(found), end="\n" if found else "")
        return 1 if found else 0
    lab = folder.find(options.lab)
    if options.regions:
        show_regions(lab)
        return 0
    check_place(options.dir, options.out)
    facts = tree.make(lab, os.path.abspath(options.dir), options.student, options.solution)
    tree.share_fetched(lab, options.out, os.path.abspath(options.dir))
    whose = ", student '%s'" % options.student if facts["variant"] else ""
    print("lab %d, %s%s" % (lab.number, lab.title, whose))
    if facts["variant"] and not options.student:
        sys.stderr.write("lab: this is the variant for no student; for your own, use --student ID (make: STUDENT=ID)\n")
    print("begin with %s/labs/%s/README.md" % (options.dir.rstrip("/"), lab.folder))
    return 0
