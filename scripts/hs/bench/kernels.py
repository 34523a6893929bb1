# SPDX-License-Identifier: MIT
"""kernels.py - measure Linux KVM of any kernels (bench --linux), and compare two of them."""
import os
import re

from hs import kernels
from hs.errors import STATUS_USAGE, LaunchError
from hs.parser import readable
from . import costs, csvfile, report
from .systems import LINUXES, ONE_LINUX, BenchError, Linux

_LABEL = re.compile(r"[\w.+~-]+", re.ASCII)


def add(out, words, option="--linux"):
    """Add the kernels that the option names to the systems, and return the names of their systems. Raise LaunchError if
    there is no such kernel, or a file of it is missing: then not as wrong use, because git bisect run has to skip a
    kernel that could not be built."""
    names = [name for word in words for name in word.split(",") if name]
    if words and not names:
        raise LaunchError("%s: no kernel is named" % option, STATUS_USAGE)
    if "all" in names:
        names = [name for name in names if name != "all"] + kernels.fetched(out)
    return list(dict.fromkeys(_add(out, name, option) for name in names))


def _add(out, word, option):
    label, equals, name = word.partition("=")
    if not equals or kernels.is_folder(label):
        label, name = "", word
    elif not _LABEL.fullmatch(label):
        raise LaunchError("%s %s: the label before = may contain letters, digits and . _ + ~ -" % (option, word), STATUS_USAGE)
    lacks = kernels.missing(out, name, option)
    if lacks:
        raise LaunchError("%s %s: %s" % (option, name, lacks))
    if not label and kernels.is_folder(name):
        label = kernels.banner(kernels.image_of(name))[0] or os.path.basename(os.path.realpath(name))
        if not _LABEL.fullmatch(label):
            raise LaunchError("%s %s: the folder's name cannot be a label; name this kernel LABEL=%s" % (option, name, name),
                              STATUS_USAGE)
    system = ONE_LINUX + (label or name)
    if LINUXES.get(system, Linux(name)).name != name:
        raise LaunchError("%s %s: another kernel is also called %s; name this one LABEL=%s"
                          % (option, name, system[len(ONE_LINUX):], name), STATUS_USAGE)
    LINUXES[system] = Linux(name)
    return system


def base_of(options):
    """Return the system that --against names, or "" if it names no kernel but a file, or is not given."""
    if options.against is None:
        return ""
    if len(options.kernels) > 1:
        raise LaunchError("--against %s: compares one kernel of --linux with another" % options.against, STATUS_USAGE)
    if not options.kernels or os.path.isfile(options.against) or options.against.endswith(".csv"):
        readable(options.against)
        return ""
    return other(options.out, options.against, options.kernels)


def other(out, name, systems):
    """Return the system of the kernel NAME of --against, which must not be one of SYSTEMS."""
    found = add(out, [name], "--against")
    if len(found) != 1:
        raise LaunchError("--against %s: name one kernel" % name, STATUS_USAGE)
    if found[0] in systems:
        raise LaunchError("--against %s: is the same kernel" % name, STATUS_USAGE)
    return found[0]


def base_in(theirs, options, wanted=None):
    """Return the system with which the kernel of --linux is compared, if THEIRS are the lines of the file of --against:
    the same one or, if the file has only one kernel, that one. A file that lacks one of the rows WANTED, or has several other
    kernels, is wrong use: `git bisect run` must not skip all commits because of it."""
    head = options.kernels[0]
    systems = {line["system"] for line in theirs if line["system"].startswith("linux")}
    if head not in systems and len(systems) != 1:
        raise LaunchError("--against %s: has figures of %d kernels; use a file with one" % (options.against, len(systems)), STATUS_USAGE)
    base = head if head in systems else systems.pop()
    lacks = [name for name in wanted or () if name not in {line["exit"] for line in theirs if line["system"] == base}]
    if lacks:
        raise LaunchError("--against %s: has no figure for %s" % (options.against, ", ".join(lacks)), STATUS_USAGE)
    return base


def _heading(system):
    """Return a kernel's name, shortened for a column."""
    return report.label(system).partition("+")[0][:10]


def compare(results, theirs, options, base="", wanted=None):
    """Print the costs of RESULTS next to THEIRS, and return 1 if one has grown by more than the limit. base: the system of
    THEIRS, if RESULTS are of the kernel of --linux; else, they are compared by their systems. wanted: rows that both must
    have. Raise BenchError if one of them, or a figure of RESULTS, has no counterpart, because it may be the one that grew."""
    head = options.kernels[0] if base else ""
    if base:
        results = costs.of_any(line for line in results if line["system"] == head)
        theirs = costs.of_any(line for line in theirs if line["system"] == base)
    limit = costs.LIMIT if options.limit is None else options.limit
    try:
        csvfile.once(theirs, report.KEY)
        found = costs.compare(theirs, results, limit=limit, statistic=options.statistic)
    except ValueError as error:
        raise BenchError("%s: %s" % (options.against, error)) from None
    lacks = costs.not_compared(found, results)
    lacks += [name for name in wanted or () if name not in {row["exit"] for row in results}]
    if not found or lacks:
        raise BenchError("not measured on both sides: %s" % (", ".join(sorted(lacks)) or "any row"))
    names = (_heading(base), _heading(head)) if base else ("base", "head")
    costs.table(found, names if names[0] != names[1] else ("base", "head"))
    for column in ("qemu", "opensbi", "images"):
        before, now = ({row[column] for row in lines} for lines in (theirs, results))
        if before != now:
            print("measured with another %s: %s, now %s" % (column, ", ".join(sorted(before)), ", ".join(sorted(now))))
    print(costs.summary(found))
    return int(any(cost.costs_more() for cost in found))
