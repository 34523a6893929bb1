# SPDX-License-Identifier: MIT
"""lab.py - `hyperscope new lab`: a lab whose students write the body of one function.

A lab is registered by two marker lines in the source, around the code that students write. Its folder
labs/NN-NAME is found automatically.
"""
import os
import re

from . import names
from .tree import refuse

SUMMARY = "a lab of the course: handout, tests, region in the source"
EXAMPLE = """\
hyperscope new lab waiting --title 'sleeping and waking vCPUs' \\
    --region src/kvm/vcpu/wfi.c:vcpu_wfi --payload timer"""
NOTES = """\
The region is the body of the function. The payload has to execute it; otherwise
the starter would pass. labs/README.md describes what else a lab can have, such
as budgets, variants and its own files. Test it with: scripts/hyperscope course
NUMBER."""

MOST = 99


def arguments(parser):
    parser.add_argument("--title", required=True, metavar="TEXT", help="subject of the lab")
    parser.add_argument("--region", required=True, metavar="FILE:FUNCTION", help="function to write, of src/kvm or src/host")
    parser.add_argument("--payload", required=True, metavar="NAME", help="test payload that executes the function")
    parser.add_argument("--number", type=int, metavar="N", help="number of the lab (default: the next one)")
    parser.add_argument("--hours", type=int, default=4, metavar="N", help="expected time in hours (4)")


def body(tree, text):
    """Return the file, the function, the index of the first line after {, and that of the line with }."""
    found = re.fullmatch(r"(src/(?:kvm|host)/[\w./]+\.c):(\w+)", text)
    if not found or not os.path.isfile(os.path.join(tree.top, found.group(1))):
        refuse("--region %s: not of the form FILE:FUNCTION, with a .c file of src/kvm or src/host" % text)
    path, function = found.groups()
    lines = tree.lines(path)
    begins = [i for i, line in enumerate(lines) if re.match(r"\w.*\b%s\(" % function, line)
              and "{" in lines[i:i + 4] and not any(each.endswith(";") for each in lines[i:i + lines[i:].index("{")])]
    if len(begins) != 1:
        refuse("--region %s: %s has %s definition of the function" % (text, path, "no" if not begins else "more than one"))
    first = lines.index("{", begins[0]) + 1
    last = lines.index("}", first)
    if any(re.match(r"\s*/\* lab \d", line) for line in lines[first:last]) or \
            sum(bool(re.match(r"\s*/\* lab \d+(, \d+)*: ", line)) for line in lines[:first]) != \
            sum(bool(re.match(r"\s*/\* lab \d+(, \d+)* end", line)) for line in lines[:first]):
        refuse("--region %s: the function contains, or is in, a lab's region already" % text)
    return path, function, first, last


def make(tree, options):
    name = names.check(options.name, "a lab", "waiting")
    title = names.check_sentence(options.title, "--title", 60)
    folders = [entry for entry in os.listdir(os.path.join(tree.top, "labs")) if re.match(r"\d\d-", entry)]
    number = max([int(entry[:2]) for entry in folders] + [0]) + 1 if options.number is None else options.number
    if not 1 <= number <= MOST or not 1 <= options.hours <= MOST:
        refuse("--number %s, --hours %s: both have to be from 1 to %d" % (number, options.hours, MOST))
    if number in [int(entry[:2]) for entry in folders] or name in [entry[3:] for entry in folders]:
        refuse("there is a lab %d or a lab '%s' already: %s" % (number, name, ", ".join(sorted(folders))))
    if not tree.exists("tests/guest/%s.c" % options.payload):
        refuse("--payload %s: there is no tests/guest/%s.c" % (options.payload, options.payload))
    path, function, first, last = body(tree, options.region)
    what = "write %s()" % function
    tree.insert(path, last, "\t/* lab %d end */" % number)
    tree.insert(path, first, "\t/* lab %d: %s */" % (number, what))

    folder = "labs/%02d-%s/" % (number, name)
    values = {"NUMBER": str(number), "NAME": name, "TITLE": title, "HOURS": str(options.hours), "FILE": path,
              "FUNCTION": function, "PAYLOAD": options.payload, "WHAT": what}
    for made, template in (("README.md", "lab_readme.md.in"), ("lab.toml", "lab.toml.in"), ("notes.md", "lab_notes.md.in")):
        tree.template(folder + made, template, **values)
    tree.template(folder + "tests/works.t", "lab_works.t.in", executable=True, **values)
    tree.template(folder + "hidden/ways.t", "lab_ways.t.in", executable=True, **values)
    return ["scripts/hyperscope lab --check",
            "make lab NN=%02d DIR=../lab%d    # a student's tree" % (number, number),
            "scripts/hyperscope course %d          # grades starter and solution" % number]
