# SPDX-License-Identifier: MIT
"""check-commits - check that commit subjects have the form `area: imperative summary`.

A subject has at most 72 characters and no period at its end. The area is a
path in the tree, as short as clarity allows, or several such paths, separated
by commas. Without a dictionary, the check cannot decide whether a word is an
imperative. It therefore rejects a first word with an inflected ending (-ed,
-ing, -s) and words that begin a statement. Merges and the subjects that git
writes for a revert are not checked.
"""
import re
import subprocess
import sys

from hs import git
from hs.parser import of_command
from hs.paths import TOP

LONGEST = 72
AREA = re.compile(r"[\w.*+-]+(?:/[\w.*+-]+)*(?:, [\w.*+-]+(?:/[\w.*+-]+)*)*: (?=\S)")
# Imperatives whose endings look like those of inflected forms.
VERBS = set("""embed exceed feed heed need proceed seed shed speed succeed bring ping ring spring string swing wring
    alias bias canvas focus""".split())
INFLECTED = re.compile(r"[a-z]{2,}(?:ed|ing|[^su\W]s)$")
# Words that begin a statement rather than an imperative.
NO_VERBS = set("""a all also an and any are as at both by each every everything few first for from here his how if in is
    its it last many more most new no nobody none nothing now of on one only or our other others some that the their
    then there these they this those three to too two was we were what when where which while who whose why with you
    your made done got gone was found told taken kept lost left held built meant seen shown known given""".split())
SECOND = set("are aren't can cannot did does doesn't had has have is isn't may might must shall should was were will would".split())


def problems(subject):
    """Yield a description of each problem with a commit's subject."""
    if subject.startswith(('Revert "', 'Reapply "')):
        return
    if len(subject) > LONGEST:
        yield "it has %d characters; %d are allowed" % (len(subject), LONGEST)
    if subject.endswith("."):
        yield "it ends with a full stop"
    area = AREA.match(subject)
    if not area:
        yield "it does not begin with an area: a path in the tree, a colon and a blank"
        return
    words = subject[area.end():].split()
    first = words[0].lower().strip(",;")
    if first in NO_VERBS or first not in VERBS and INFLECTED.match(first) or "'" in first:
        yield "'%s' is not an imperative: write what the commit does (add, fix, split)" % words[0]
    elif len(words) > 1 and words[1].lower() in SECOND:
        yield "'%s %s' begins a statement: use an imperative (add, fix, split)" % tuple(words[:2])


def since_origin():
    for head in ("origin/HEAD", "origin/main", "origin/master"):
        if git.output("rev-parse", "--verify", "--quiet", head + "^{commit}"):
            return head + "..HEAD"
    return None


def main(argv):
    parser = of_command("check-commits", __doc__, epilog="exit status: 0; 1 a subject is rejected; 2 usage error; "
                        "3 no head of 'origin'")
    parser.add_argument("range", metavar="RANGE", nargs="?",
                        help="commits to check, in git log's syntax (from origin's head to HEAD)")
    parser.add_argument("--subjects", action="store_true",
                        help="read subjects from standard input instead, one per line")
    options = parser.parse_args(argv)
    if options.range and options.subjects:
        parser.error("--subjects and a range are mutually exclusive")
    if options.subjects:
        found = [("", line.rstrip("\n")) for line in sys.stdin]
    else:
        wanted = options.range or since_origin()
        if wanted is None:
            sys.stderr.write("check-commits: there is no remote 'origin' with a known head: name a range of commits\n")
            return 3
        done = subprocess.run(["git", "-C", TOP, "log", "--no-merges", "--format=%h %s", wanted, "--"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", errors="replace", check=False)
        if done.returncode != 0:
            sys.stderr.write("check-commits: %s: %s\n" % (wanted, (done.stderr.strip().splitlines() or ["git failed"])[0]))
            return 2
        found = [line.partition(" ")[::2] for line in done.stdout.splitlines()]
    bad = 0
    for commit, subject in found:
        for problem in problems(subject):
            print("%s%s: %s" % (commit and commit + " ", subject, problem))
            bad = 1
    return bad
