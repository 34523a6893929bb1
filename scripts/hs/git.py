# SPDX-License-Identifier: MIT
"""git.py - what git knows of this tree; a tree that is no clone, or a machine without git, is none."""
import os
import subprocess

from hs.paths import TOP


def said(*words):
    """What it printed, or None where it could not."""
    try:
        done = subprocess.run(("git", "-C", TOP) + words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None


def files(*patterns):
    """The files of this tree, sorted, that git has or would add; PATTERNS are those of git ls-files.

    A file that is deleted, and not yet in git's index as such, is left out.
    """
    listing = subprocess.run(["git", "-C", TOP, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"] + list(patterns),
                             stdout=subprocess.PIPE, check=True).stdout.decode()
    return sorted(path for path in set(listing.split("\0")) if path and os.path.isfile(os.path.join(TOP, path)))


def is_clone():
    """Has git this tree's commits? A folder in somebody else's clone is none."""
    top = said("rev-parse", "--show-toplevel")
    return top is not None and os.path.realpath(top) == TOP


def commit_of(word):
    """Its full name, or None where there is no such commit here. A word is no option."""
    if word.startswith("-") or not is_clone():
        return None
    return said("rev-parse", "--verify", "--quiet", word + "^{commit}") or None
