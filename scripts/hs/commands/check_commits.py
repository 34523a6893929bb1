# SPDX-License-Identifier: MIT
"""check-commits - check that subjects of commits are `area: imperative summary`.

usage: scripts/hyperscope check-commits [RANGE]         subjects of git log RANGE; origin's head..HEAD without one
       scripts/hyperscope check-commits --subjects      subjects from standard input, one a line

A subject has at most 72 characters and no full stop. The area is a path in the tree, as short as it
is clear, or several with commas between. Whether a word is imperative cannot be decided without a
dictionary: refused are endings of other forms and words that begin a statement. Merges, and subjects
that git makes for a revert, are not looked at.

Exit status: 0; 1 if a subject is refused; 2 wrong use; 3 there is no origin to count from.
"""
import re
import subprocess
import sys

from hs.paths import TOP

LONGEST = 72
AREA = re.compile(r"[\w.*+-]+(?:/[\w.*+-]+)*(?:, [\w.*+-]+(?:/[\w.*+-]+)*)*: (?=\S)")
# Verbs that end as other words' inflections do.
VERBS = set("""embed exceed feed heed need proceed seed shed speed succeed bring ping ring spring string swing wring
    alias bias canvas focus""".split())
INFLECTED = re.compile(r"[a-z]{2,}(?:ed|ing|[^su\W]s)$")
# What a statement, not an order, begins with.
NO_VERBS = set("""a all also an and any are as at both by each every everything few first for from here his how if in is
    its it last many more most new no nobody none nothing now of on one only or our other others some that the their
    then there these they this those three to too two was we were what when where which while who whose why with you
    your made done got gone was found told taken kept lost left held built meant seen shown known given""".split())
SECOND = set("are aren't can cannot did does doesn't had has have is isn't may might must shall should was were will would".split())


def problems(subject):
    """Each thing that is wrong with it."""
    if subject.startswith(('Revert "', 'Reapply "')):
        return
    if len(subject) > LONGEST:
        yield "it has %d characters; %d are allowed" % (len(subject), LONGEST)
    if subject.endswith("."):
        yield "it ends with a full stop"
    area = AREA.match(subject)
    if not area:
        yield "it does not begin with an area: a path in the tree, a colon, a blank"
        return
    words = subject[area.end():].split()
    first = words[0].lower().strip(",;")
    if first in NO_VERBS or first not in VERBS and INFLECTED.match(first) or "'" in first:
        yield "'%s' is no imperative: write what the commit does, as an order (add, fix, split)" % words[0]
    elif len(words) > 1 and words[1].lower() in SECOND:
        yield "'%s %s' begins a statement: write what the commit does, as an order (add, fix, split)" % tuple(words[:2])


def git(*words):
    done = subprocess.run(("git", "-C", TOP) + words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def since_origin():
    for head in ("origin/HEAD", "origin/main", "origin/master"):
        if git("rev-parse", "--verify", "--quiet", head + "^{commit}")[0] == 0:
            return head + "..HEAD"
    return None


def main(argv):
    if len(argv) > 1 or argv and argv[0].startswith("-") and argv[0] not in ("--subjects", "--help"):
        sys.stderr.write("check-commits: one range of commits is possible; see --help\n")
        return 2
    if argv == ["--help"]:
        print(__doc__.strip())
        return 0
    if argv == ["--subjects"]:
        found = [("", line.rstrip("\n")) for line in sys.stdin]
    else:
        wanted = argv[0] if argv else since_origin()
        if wanted is None:
            sys.stderr.write("check-commits: there is no remote 'origin' whose head is known: name a range of commits\n")
            return 3
        status, text, error = git("log", "--no-merges", "--format=%h %s", wanted, "--")
        if status != 0:
            sys.stderr.write("check-commits: %s: %s\n" % (wanted, (error.strip().splitlines() or ["git failed"])[0]))
            return 2
        found = [line.partition(" ")[::2] for line in text.splitlines()]
    bad = 0
    for commit, subject in found:
        for problem in problems(subject):
            print("%s%s: %s" % (commit and commit + " ", subject, problem))
            bad = 1
    return bad
