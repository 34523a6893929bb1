# SPDX-License-Identifier: MIT
"""trees.py - make and build the reference's tree and the student's.

The functions of scripts/hyperscope lab make both: the reference's tree is the solution, and the student's tree is
the starter with the student's files copied over it. The reference's build reuses objects of the clone's, and the
student's those of the reference's, if their sources are the same; as always with make, times and dependency files
(.d) decide which. Nothing from a submission gets into a folder whose objects another build reuses.
"""
import contextlib
import fcntl
import filecmp
import glob
import os
import re
import shutil
import sys

from hs.lab import tree
from . import limits
from .submission import Refused

TARGETS = ("kernel", "vmm", "guest-payloads")
TOOLS = ("hstrace", "anatomy.so")   # tools for the build machine; both builds use those of the reference
OBJECTS = ("kernel", "user", "guest-payloads", "gen")
PROGRAMS = ("hyperscope.elf", "hyperscope.bin", "vmm")
BUILD_SECONDS = 300
LAST_LINES = 12
# These files determine how a build works. If one of them differs, no objects are reused.
RULES = re.compile(r"(^|/)Makefile$|\.mk$|\.lds?$")


class BuildFailed(Exception):
    """A build has failed. The text is the compiler's last lines."""


def make(lab, folder, student, whole):
    """Make the tree of the solution (WHOLE) or the starter in a new folder. Return the contents of its lab.json."""
    os.makedirs(folder)
    return tree.make(lab, folder, student, whole)


def files_of(top):
    for at, folders, files in os.walk(top):
        folders[:] = [name for name in folders if (at != top or name != "build") and name != "__pycache__"]
        for name in files:
            yield os.path.relpath(os.path.join(at, name), top)


def lay_over(lab, pristine, files):
    """Copy the student's files that the lab asks for into the pristine tree. Return (files that the tree does not
    have, files that were not handed in). Raise Refused if none was handed in, or if another file of the tree was
    changed."""
    protected, unknown = [], []
    for name, data in sorted(files.items()):
        path = os.path.join(pristine, name)
        if name in lab.files:
            continue
        if not os.path.isfile(path):
            unknown.append(name)
            continue
        with open(path, "rb") as file:
            if file.read() != data:
                protected.append(name)
    protected = [name for name in protected if name != "lab.json"]
    if protected:
        raise Refused("changed, although not among the files that you hand in: " + ", ".join(protected))
    handed_in = [name for name in lab.files if name in files]
    if not handed_in:
        raise Refused("the submission has none of the files that you hand in: " + ", ".join(lab.files))
    for name in handed_in:
        path = os.path.join(pristine, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(files[name])
    return unknown, [name for name in lab.files if name not in files]


@contextlib.contextmanager
def _unchanging(out):
    """Wait until no make writes to this build folder, and do not let one begin: the Makefile takes the same lock."""
    os.makedirs(out, exist_ok=True)
    with open(os.open(os.path.join(out, "build.lock"), os.O_RDONLY | os.O_CREAT, 0o666), encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def _built_from(top, out):
    """Return whether OUT was built from TOP. The dependency files of a copied clone name the files of the first one."""
    places = re.compile("|".join(re.escape(place + "/") for place in (top, out)))
    return all(places.search(tree.read(name)) for folder in OBJECTS
               for name in glob.glob(os.path.join(glob.escape(out), folder, "**", "*.d"), recursive=True))


def begin_build(top, before_top, before):
    """Create a build folder in TOP with the objects of an earlier build, and give unchanged sources their earlier
    times, so that make rebuilds only what differs. Return the folder."""
    out = os.path.join(top, "build")
    os.makedirs(out, exist_ok=True)
    same = os.path.exists(os.path.join(before, "hyperscope.elf")) and _built_from(before_top, before)
    for name in files_of(top):
        mine, theirs = os.path.join(top, name), os.path.join(before_top, name)
        if os.path.isfile(theirs) and filecmp.cmp(mine, theirs, shallow=False):
            info = os.stat(theirs)
            os.utime(mine, ns=(info.st_atime_ns, info.st_mtime_ns))
        elif RULES.search(name):
            same = False
        else:
            os.utime(mine)
    for name in tree.FETCHED:
        target = os.path.join(out, name)
        if os.path.isdir(os.path.join(before, name)) and not os.path.lexists(target):
            os.symlink(os.path.realpath(os.path.join(before, name)), target)
    if not same:
        return out
    for name in OBJECTS + PROGRAMS:
        source, target = os.path.join(before, name), os.path.join(out, name)
        if os.path.isdir(source):
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif os.path.exists(source):
            shutil.copy2(source, target)
    # Replace the old paths in dependency files in one pass, longer ones first: the new tree may be inside the old
    # one's build folder.
    places = {before + "/": out + "/", before_top + "/": top + "/"}
    moved = re.compile("|".join(re.escape(place) for place in sorted(places, key=len, reverse=True)))
    for at, _folders, names in os.walk(out):
        for name in names:
            path = os.path.join(at, name)
            if name.endswith(".d") and not os.path.islink(path):
                with open(path, encoding="utf-8", errors="surrogateescape") as file:
                    text = file.read()
                info = os.stat(path)
                with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
                    file.write(moved.sub(lambda found: places[found.group()], text))
                os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    return out


def targets(host):
    return TARGETS + ("linux-module-only",) if host == "linux" else TARGETS


def build(top, before_top, before, jail, targets):
    """Run make in the tree TOP and return its build folder. jail(top) returns the words to put before make, which
    hide secrets from the compiler. before_top, before: the tree and the build folder of an earlier build."""
    out = before
    if top != before_top:
        with _unchanging(before):
            out = begin_build(top, before_top, before)
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(("MAKE", "MFLAGS", "HS_", "HYPERSCOPE_")) and name != "O"}
    ran = limits.run(jail(top) + ["make", "--no-print-directory", "-C", top, "-j%d" % (os.cpu_count() or 1), "O=" + out,
                                  *targets], BUILD_SECONDS * limits.scale(), folder=None, env=env,
                     builds=BUILD_SECONDS)
    if ran.stopped or ran.status:
        lines = [line for line in ran.text().splitlines() if line.strip()]
        steps = re.compile(r"^  [A-Z]+ +\S+$")
        lines = [line for line in lines if not steps.match(line)] or lines
        raise BuildFailed("\n".join(lines[-LAST_LINES:] + ([ran.stopped] if ran.stopped else [])))
    return out


def share_tools(out, before):
    for name in TOOLS:
        source, target = os.path.join(before, name), os.path.join(out, name)
        if os.path.exists(source) and not os.path.exists(target):
            shutil.copy2(source, target)
    programs = os.path.join(before, "tests", "progs")
    if os.path.isdir(programs) and not os.path.exists(os.path.join(out, "tests")):
        os.makedirs(os.path.join(out, "tests"))
        os.symlink(programs, os.path.join(out, "tests", "progs"))


def progress(text):
    sys.stderr.write("grade: %s\n" % text)
    sys.stderr.flush()
