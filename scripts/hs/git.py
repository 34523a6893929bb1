# SPDX-License-Identifier: MIT
"""git.py - ask git about this tree. A tree that is not a clone, or a machine without git, has no commits."""
import os
import subprocess

from hs.paths import TOP


def output(*words):
    """Run git in this tree. Return its output without surrounding blanks, or None if it failed."""
    try:
        done = subprocess.run(("git", "-C", TOP) + words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None


def files(*patterns):
    """Return the files of this tree that git has or would add, sorted; PATTERNS are those of git ls-files.

    Files that have been deleted, but not yet in git's index, are omitted.
    """
    listing = subprocess.run(["git", "-C", TOP, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"] + list(patterns),
                             stdout=subprocess.PIPE, check=True).stdout.decode()
    return sorted(path for path in set(listing.split("\0")) if path and os.path.isfile(os.path.join(TOP, path)))


def is_clone():
    """Return whether this tree is the top of a git clone. A folder inside another clone is not."""
    top = output("rev-parse", "--show-toplevel")
    return top is not None and os.path.realpath(top) == TOP


def commit_of(word):
    """Return the full name of a commit, or None if it does not exist here. Words that look like options are rejected."""
    if word.startswith("-") or not is_clone():
        return None
    return output("rev-parse", "--verify", "--quiet", word + "^{commit}") or None
