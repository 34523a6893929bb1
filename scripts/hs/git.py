# SPDX-License-Identifier: MIT
"""git.py - ask git about this tree. If the tree is not a clone, or the machine has no git, no commit is found."""
import os
import subprocess

from hs.paths import TOP


def output(*words):
    """Run git in this tree. Return its output without surrounding whitespace, or None if git failed."""
    try:
        done = subprocess.run(("git", "-C", TOP) + words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None


def files(*patterns):
    """Return the files of this tree that git tracks or would add, sorted; PATTERNS are patterns for git ls-files.

    Files that were deleted but are still in git's index are omitted.
    """
    listing = subprocess.run(["git", "-C", TOP, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"] + list(patterns),
                             stdout=subprocess.PIPE, check=True).stdout.decode(errors="surrogateescape")
    return sorted(path for path in set(listing.split("\0")) if path and os.path.isfile(os.path.join(TOP, path)))


def read(path):
    """Return the text of a file of this tree."""
    with open(os.path.join(TOP, path), encoding="utf-8", errors="replace") as source:
        return source.read()


def is_clone():
    """Return whether this tree is the top of a git clone. A folder inside another clone is not."""
    top = output("rev-parse", "--show-toplevel")
    return top is not None and os.path.realpath(top) == TOP


def commit_of(word):
    """Return the hash of the commit WORD, or None if this clone has no such commit or WORD looks like an option."""
    if word.startswith("-") or not is_clone():
        return None
    return output("rev-parse", "--verify", "--quiet", word + "^{commit}") or None
