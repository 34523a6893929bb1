# SPDX-License-Identifier: MIT
"""tree.py - make a student's tree: the source without a lab's regions, the lab's own files, lab.json.

make() also makes the solution's tree, which contains the regions. To grade a submission, the student's files are
copied into a new starter's tree.
"""
import json
import os
import re
import shutil
import subprocess

from hs.bench import provenance
from hs.errors import STATUS_USAGE, LaunchError
from . import folder, markers

# Entries of a lab's folder that are not given to students.
KEPT = ("hidden", "notes.md", "variant.py", "tree")
# Answers to the course's questions: not given to students either, because some of them give away parts of labs.
ANSWERS = "docs/course/answers.md"
# Files that the stops of every lab need: (file of labs/starter, path in the tree).
STOPS = (("lab.h", "src/include/hv/lab.h"), ("lab_stop.S", "src/host/lib/lab_stop.S"))
LIST = "lab.list"   # names the sources that are compiled with lab.h; the Makefile reads it
FETCHED = ("uapi", "libfdt", "guest", "linux_headers")   # the last is only for labs on Linux
TEXT = (".c", ".h", ".S", ".def", ".py", ".sh", ".t")


def tracked():
    """Return the source's files: those that git tracks, because a clone may also contain the key and submissions, or
    all files of an unpacked tree except .git, .commit, build and __pycache__."""
    try:
        made = subprocess.run(["git", "-C", folder.TOP, "ls-files", "-z"], capture_output=True, check=True)
        names = made.stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        names = []
    if not any(names):
        for at, folders, files in os.walk(folder.TOP):
            folders[:] = [f for f in folders if f not in (".git", "build", "__pycache__")]
            names += [os.path.relpath(os.path.join(at, f), folder.TOP) for f in files if f != ".commit"]
    return sorted(n for n in names if n and os.path.isfile(os.path.join(folder.TOP, n)))


def is_source(path):
    return path.endswith(TEXT) and not path.startswith(("labs/", "scripts/hs/lab/"))


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as text:
        return text.read()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(text)


def is_given(path, lab):
    """Return whether this file of the repository goes into the lab's trees."""
    if path == ANSWERS:
        return False
    parts = path.split("/")
    if parts[0] != "labs" or len(parts) < 3 or not parts[1][:2].isdigit():
        return True
    return parts[1] == lab.folder and parts[2] not in KEPT


def overlay(lab, variant):
    """Yield (path in the tree, text, mode) for each of the lab's own files. X.in becomes X, with variant values."""
    top = os.path.join(lab.path, "tree")
    for at, folders, files in os.walk(top):
        folders.sort()
        for name in sorted(files):
            source = os.path.join(at, name)
            path, text = os.path.relpath(source, top), read(source)
            if path.endswith(".in"):
                path, text = path[:-len(".in")], folder.fill(text, variant)
            yield path, text, os.stat(source).st_mode


def with_inserts(path, text, inserts):
    for file, before, given in inserts:
        if file != path:
            continue
        if text.count(before) != 1:
            raise LaunchError("%s: the place for the solution occurs %d times instead of once: %s"
                              % (path, text.count(before), before.strip()))
        text = text.replace(before, given + before)
    return text


def without_answers(text):
    """Return a lab.toml without the inserts that only the solution has, and without the comments above them."""
    kept, block = [], []   # a block begins with the comments and empty lines above its [[name]]

    def end_block():
        head = next((line for line in block if line.startswith("[[")), "")
        if head != "[[insert]]" or "starter = true" in block:
            kept.extend(block)
        block.clear()

    in_text = False
    for line in text.split("\n"):
        if line.startswith("[[") and not in_text:
            above = []
            while block and (not block[-1] or block[-1].startswith("#")):
                above.insert(0, block.pop())
            end_block()
            block.extend(above)
        in_text ^= line.count("'''") % 2 == 1
        block.append(line)
    end_block()
    return "\n".join(kept).rstrip("\n") + "\n"


def without_links(path, text, lab):
    """Return a page in which links to files that the lab's tree lacks are replaced by their text.

    is_given() decides, not whether the file exists here, so that the result is the same in Gradescope's zip, which
    lacks the other labs.
    """
    def kept(link):
        target = link.group(2).partition("#")[0]
        full = os.path.normpath(os.path.join(os.path.dirname(path), target))
        return link.group() if is_given(full, lab) else link.group(1)
    return re.sub(r"(?<!!)\[([^]\[]*)\]\(([^()\s]*)\)", kept, text)


def copy(path, dest):
    target = os.path.join(dest, path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy2(os.path.join(folder.TOP, path), target, follow_symlinks=False)


def list_text(lab, variant):
    """Return the text of lab.list: the files to hand in and the lab's own, but not headers, because objects are made
    of .c and .S files."""
    names = set(lab.files) | {path for path, _text, _mode in overlay(lab, variant)}
    return "LAB_SRC := %s\n" % " ".join(sorted(n for n in names if re.fullmatch(r"src/(host|kvm|linux|vmm)/.*\.[cS]", n)))


def make(lab, dest, student="", whole=False):
    """Write the starter's tree, or the solution's (WHOLE), to the folder DEST. Return lab.json's content."""
    if os.path.exists(dest) and (not os.path.isdir(dest) or os.listdir(dest)):
        raise LaunchError("%s already exists and is not an empty folder" % dest, STATUS_USAGE)
    variant = lab.variant(student)
    inserts = lab.inserts(variant, whole)
    for path in tracked():
        if not is_given(path, lab):
            continue
        full = os.path.join(folder.TOP, path)
        copy(path, dest)
        if path.endswith(".md"):
            text = read(full)
            made = without_links(path, text, lab)
        elif path == "labs/%s/lab.toml" % lab.folder:
            text = read(full)
            made = without_answers(text)
        elif is_source(path):
            text = read(full)
            made = with_inserts(path, text, inserts)
            if not whole:
                made = markers.starter(path, made, lab.number, lab.starter_texts(path))
        else:
            continue
        if made != text:
            write(os.path.join(dest, path), made)  # has a new modification time, so that make sees the change
    for name, path in STOPS:
        write(os.path.join(dest, path), read(os.path.join(folder.LABS, "starter", name)))
    for path, text, mode in overlay(lab, variant):
        made = text if whole or not is_source(path) else \
            markers.starter(path, text, lab.number, lab.starter_texts(path))
        write(os.path.join(dest, path), made)
        os.chmod(os.path.join(dest, path), mode & 0o777)
    write(os.path.join(dest, LIST), list_text(lab, variant))
    facts = {"lab": lab.number, "folder": lab.folder, "title": lab.title, "student": student,
             "commit": provenance.commit(), "variant": public(variant)}
    write(os.path.join(dest, "lab.json"), json.dumps(facts, indent=1) + "\n")
    return facts


def public(variant):
    """Return the variant without names that begin with _, which are only for the solution's text."""
    return {name: value for name, value in variant.items() if not name.startswith("_")}


def share_fetched(lab, out, dest):
    """Copy the files that set-up has fetched into the new tree's build folder, so that they are not fetched again."""
    for name in FETCHED if lab.host == "linux" else FETCHED[:-1]:
        source, target = os.path.join(out, name), os.path.join(dest, "build", name)
        if os.path.isdir(source) and not os.path.exists(target):
            shutil.copytree(source, target, symlinks=True)
