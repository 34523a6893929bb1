#!/bin/bash
# SPDX-License-Identifier: MIT
#
# grade.t - the grader with the lab of fixture-lab.sh: a solution gets all points, and a submission
# that forges results or replaces files gets none. grade.slow.t grades a starter and submissions
# that read a hidden test or exhaust a resource.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/fixture-lab.sh"
fixes "the lab sets its machines' toggles itself" all
export HYPERSCOPE_SET=

# ---- a correct submission ----
hand_in right src/kvm/sbi/sbi_base.c
(cd "$tmp/right" && mkdir build && ln -s /etc/passwd build/link && tar -cf "$tmp/right.tar" .)
echo "the course's key" >"$tmp/key"
graded right.tar --hidden --key "$tmp/key" --results "$tmp/results.json"
is "$status:$(points)" "0:100 of 100" "the solution gets all points" || diag "$said"
like "$said" '^gcc [0-9.]+, binutils [0-9.]+, QEMU [0-9.]+' "the report names the compiler and QEMU"
like "$said" '^OpenSBI v[0-9.]+' "the report names OpenSBI"
like "$(tr -s '\n ' ' ' <<<"$said")" \
	'sbi_version \(fastpath=off, gstage_walk=recursive\): [2-9][0-9][0-9]\.[0-9] instructions, [0-9.]+ in the reference solution: ratio 1\.000,' \
	"instructions are compared with the reference solution's, under the toggles of the budget"
is "$(awk 'length > 80' <<<"$said")" "" "the report has at most 80 columns"
is "$(python3 -c 'import json, sys; print([(e["name"], e["order"], type(e["value"]).__name__) for e in json.load(open(sys.argv[1]))["leaderboard"]])' "$tmp/results.json")" \
	"[('ratio', 'asc', 'float'), ('instructions', 'asc', 'float')]" "a contest's results.json has the leaderboard's values"
cp "$tmp/json" "$tmp/first.json"

# ---- a killed test leaves no files, and files of other tests do not count toward its limit ----
mkdir -p "$tmp/ended/tmp/test.old"
head -c 70M /dev/zero >"$tmp/ended/tmp/test.old/file"
echo 'at=$(mktemp -d "$O/tmp/test.XXXXXX"); head -c 40M /dev/zero >"$at/file"; sleep 60' >"$tmp/ended/slow.t"
said=$(python3 - "$HS_TOP" "$tmp/ended" <<'END'
import os
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1] + "/scripts")
from hs.grade import claims
top = sys.argv[2]
env = dict(os.environ, O=top, HS_TOP=top)
for _ in range(2):
    print(claims.run({"points": 1}, top + "/slow.t", env, 2, []).lines[0])
print(os.listdir(top + "/tmp"))
END
)
is "$said" $'killed after 2 seconds\nkilled after 2 seconds\n[\'test.old\']' \
	"a test that was ended leaves no files, and other files do not count against its limit"

hand_in nothing src/kvm/sbi/sbi_base.c
sed '/lab 91: /,/lab 91 end/c (void)fid;' "$fixture/91-fixture/tree/src/kvm/sbi/sbi_base.c" >"$tmp/nothing/src/kvm/sbi/sbi_base.c"
# Its old time and its objects must not keep make from compiling it.
touch -d 2001-01-01 "$tmp/nothing/src/kvm/sbi/sbi_base.c"
mkdir -p "$tmp/nothing/build" && cp -r "$O/kernel" "$O/gen" "$tmp/nothing/build"
graded nothing
is "$status:$(points)" "1:0 of 90" "a submission that does nothing, and so is fast, gets no points" || diag "$said"
like "$said" 'these tests have to pass first: base' "the report says that test base must pass first"

mkdir "$tmp/broken"
printf 'all %%:\n\t@echo no such line; exit 1\n' >"$tmp/broken/Makefile"
echo '{"lab": 91, "student": "ada"}' >"$tmp/broken/lab.json"
said=$("$HS_TOP/scripts/hyperscope" grade --labs "$fixture" --student-tree "$tmp/broken" 2>/dev/null)
like "$said" 'the build failed' "a tree that does not build is reported"
is "$(tail -n 1 <<<"$said")" "Score: 0 of 60" "a tree that does not build is graded out of as many points as one that builds" || diag "$said"

said=$(python3 - "$HS_TOP" 2>&1 <<'END'
import sys
import types
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1] + "/scripts")
from hs.grade import job
grade = job.Grade(None)
job._run_tests(grade, [{"id": "fast", "points": 10, "budget": {}}], types.SimpleNamespace(timeout=0), None, None, {}, "", None)
print(*["%s: %s" % (test["id"], why) for test, why in grade.left])
END
)
is "$said" "fast: measured beside the reference solution" "a test with a budget is not run in a student's tree, and the reason is given"

said=$(python3 - "$HS_TOP" "$fixture" 2>&1 <<'END'
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1] + "/scripts")
from hs.grade import job, measure, report
from hs.lab import folder
folder.LABS = sys.argv[2]
grade = job.Grade(folder.find(91))
measure.count = lambda out, *_: {"submission": (3, 10.0), "reference": (256, 5800.0)}[out]
grade.outcomes = [measure.judge(grade.lab.tests[1], {}, "submission", "reference", "", 1)]
print(grade.score(), report.place(grade), grade.outcomes[0].lines[1])
END
)
is "$said" "0 None 256 operations were expected, but 3 were counted" "a submission that makes too few operations is not ranked"

said=$(python3 - "$HS_TOP" "$fixture" <<'END' 2>"$tmp/err"
import os
import sys
import types
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1] + "/scripts")
from hs.grade import claims, job
from hs.lab import folder
folder.LABS, os.environ["HS_TIME_SCALE"] = sys.argv[2], "6"
lab, now = folder.find(91), [0]
job.time = types.SimpleNamespace(monotonic=lambda: now[0])
def run(test, _file, _env, seconds, _jail):
    now[0] += seconds
    return claims.Outcome(test, True, [], 0)
job.claims.run = run
options = types.SimpleNamespace(timeout=0, qemu="", host="own")
grade = job.Grade(lab)
job._run_tests(grade, lab.tests[:1] * 6, options, ("", ""), None, {False: {}}, lab.path, lambda _top: [])
print(now[0], "seconds,", grade.outcomes[-1].lines)
END
)
is "$said" "1620.0 seconds, ['not run: the earlier tests took all of the 1620 seconds']" \
	"\$HS_TIME_SCALE extends the time for all tests together" || diag "$(<"$tmp/err")"

# The first measurement ends in an error of Python, the second fills its folder, and the third names a
# file that is removed with the trees.
said=$(python3 - "$HS_TOP" "$tmp" 2>&1 <<'END'
import os
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1] + "/scripts")
from hs.grade import limits, measure
from hs.lab import budget
limits.FOLDER_MOST = 1 << 20
test = {"id": "null", "points": 10, "budget": {"row": "sbi_version", "ratio": 1}}
count = measure.count
for program in ("raise ValueError('no number')", "f = open('said', 'wb')\nwhile True: f.write(bytes(1 << 10)); f.flush()",
                "print(json.dumps('ended; the end of its output (all of it is in /x):  y'))"):
    with open(sys.argv[2] + "/record.py", "w", encoding="ascii") as file:
        file.write("import json, os, sys; os.chdir(json.loads(sys.argv[1])[0])\n" + program)
    measure.COMMAND, measure._counted = [sys.executable, sys.argv[2] + "/record.py"], {}
    measure.count = lambda out, *more: (256, 280.0) if out == "reference" else count(out, *more)
    print(*measure.judge(test, {}, "submission", "reference", "", 5).lines)
END
)
is "$said" "sbi_version was not measured: ValueError: no number
sbi_version was not measured: killed: more than 1 MiB in its files
sbi_version was not measured: ended; the end of its output:  y" "a measurement that fails or writes too much gets no points, and does not end the grading"

# ---- the contest's leaderboard ----
board()	# CLAIM FILE...: claim that the leaderboard is made; sets $said
{
	said=$("$HS_TOP/scripts/hyperscope" leaderboard "${@:2}" 2>&1)
	is "$?" 0 "$1" || diag "$said"
}
sed 's/"ada"/"eve \\u001b[2J and a name that is longer than any column of a table has room for"/' "$tmp/first.json" |
	python3 -c 'import json, sys; g = json.load(sys.stdin); g["place"] = [0.9, 200.0]; json.dump(g, sys.stdout)' >"$tmp/second.json"
board "the leaderboard is made from three submissions" "$tmp/json" "$tmp/first.json" "$tmp/second.json"
is "$(awk 'NR > 1 { print $1, $2 }' <<<"$said" | xargs)" "1 eve 2 ada - ada" "only correct submissions are ranked, by their ratio" || diag "$said"
is "$(awk 'length > 80' <<<"$said")$(grep -c $'\x1b' <<<"$said")" 0 "the leaderboard has at most 80 columns and no escape sequences"
said=$("$HS_TOP/scripts/hyperscope" leaderboard "$tmp/results.json" 2>&1)
is "$?:$(grep -c . <<<"$said")" "2:1" "a file that is not the grader's is refused in one line" || diag "$said"
for place in '["a", "b"]' '[NaN, 1]' '[Infinity, 1]' '[1, 2, 3]' "$(printf '[%.0s' {1..5000})"; do
	sed "s/\"place\": \[[^]]*\]/\"place\": $place/; s/\"place\": null/\"place\": $place/" "$tmp/json" | tr -d '\n' >"$tmp/placed.json"
	said=$("$HS_TOP/scripts/hyperscope" leaderboard "$tmp/placed.json" 2>&1)
	is "$? $said" "2 leaderboard: $tmp/placed.json: not written by scripts/hyperscope grade --json" "an impossible place is refused: ${place:0:12}"
done
out=$("$HS_TOP/scripts/hyperscope" grade --submission "$tmp" --json "$tmp/no/folder" 2>&1)
like "$? $out" "^2 grade: --json $tmp/no/folder: cannot be written" "an output that cannot be written is refused before anything is graded"

# ---- the lab and the student that the submission's lab.json names ----
mkdir "$tmp/names" && echo '{"lab": 91, "student": "bob"}' >"$tmp/names/lab.json"
is "$(python3 - "$HS_TOP" "$fixture" "$tmp" 2>&1 <<'END'
import sys
import types
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1] + "/scripts")
from hs.grade import job
from hs.lab import folder
folder.LABS, job._grade_files = sys.argv[2], lambda *_: None
for lab, student in (("91", "ada"), (None, None)):
    print(*job._handed_in(types.SimpleNamespace(out=sys.argv[3], submission=sys.argv[3] + "/names", lab=lab, student=student,
                                                host=None, tests="", hidden=False, keep=None)).notes, sep="\n")
END
)" "the submission's lab.json is that of student 'bob'
the lab was not given, so it is the one in the submission's lab.json
the student was not given, so it is the one in the submission's lab.json" "the report says what a submission's lab.json has determined"

(cd "$tmp/right" && "$HS_TOP/scripts/hyperscope" grade --out "$tmp/none" --labs "$fixture" --lab 91 --submission . --hidden) >"$tmp/said" 2>&1
is "$?:$(grep -c 'building' "$tmp/said")" "2:0" "without a key, a lab whose hidden tests need one is not graded" || diag "$(<"$tmp/said")"

# ---- a clone that was copied after make: its dependency files name the files of the first clone ----
mkdir -p "$tmp/copy/build/kernel/src" "$tmp/copy-tree" && echo x >"$tmp/copy/main.h" && echo y >"$tmp/copy-tree/main.h"
touch "$tmp/copy/build/hyperscope.elf" "$tmp/copy/build/kernel/src/main.c.o"
for top in first copy; do
	echo "main.c.o: $tmp/$top/main.h" >"$tmp/copy/build/kernel/src/main.c.d"
	is "$(PYTHONPATH=$HS_TOP/scripts python3 -B -c 'import sys, os
from hs.grade import trees
print(os.path.exists(trees.begin_build(*sys.argv[1:]) + "/kernel/src/main.c.o"))' "$tmp/copy-tree" "$tmp/copy" "$tmp/copy/build")" \
		"$([ $top = copy ] && echo True || echo False)" "an object is reused only if it was built in this clone ($top)"
done

# ---- a clone with files that git does not track, such as the key ----
git init -q "$tmp/clone" && mkdir -p "$tmp/clone/handed-in/bob" && : >"$tmp/clone/Makefile" && git -C "$tmp/clone" add Makefile
: >"$tmp/clone/course.key" && : >"$tmp/clone/handed-in/bob/exit.c"
is "$(PYTHONPATH=$HS_TOP/scripts python3 -B -c 'import sys
from hs.lab import folder, tree
folder.TOP = sys.argv[1]
print(*tree.tracked())' "$tmp/clone")" Makefile "neither a key nor a submission in the clone is copied into trees or the zip"

# ---- submissions that are refused before anything is built ----
refused()	# NAME REGEX CLAIM
{
	graded "$1"
	[ "$status" = 3 ] && grep -qE "refused: .*$2" <<<"$(tr -s '\n ' ' ' <<<"$said")"
	ok $? "refused: $3" || diag "status $status: $said $err"
}

hand_in replaced src/kvm/sbi/sbi_base.c
for file in Makefile src/guest/tap.c src/vmm/rules.mk scripts/hyperscope tests/lib/tap.sh tests/lib/lab.sh; do
	mkdir -p "$(dirname "$tmp/replaced/$file")"
	{ cat "$HS_TOP/$file"; echo "# all tests passed"; } >"$tmp/replaced/$file"
done
echo "LAB_SRC :=" >"$tmp/replaced/lab.list"
refused replaced "Makefile, lab.list, scripts/hyperscope, src/guest/tap.c, src/vmm/rules.mk, tests/lib/lab.sh, tests/lib/tap.sh" \
	"a changed Makefile, list of sources, rules, payload, launcher and test library, by name"
echo '{"lab": 91, "commit": "0123456"}' >"$tmp/replaced/lab.json"
graded replaced
like "$(tr -s '\n ' ' ' <<<"$said")" 'the student.s tree was made from commit 0123456, but this is ' \
	"the report says that the tree was made from another commit"
hand_in linked src/kvm/sbi/sbi_base.c
ln -s "$fixture/91-fixture/hidden/kept.t" "$tmp/linked/src/kvm/kept.c"
refused linked "src/kvm/kept.c: a symbolic link" "a symbolic link in a folder"
tar -C "$tmp/linked" -cf "$tmp/linked.tar" .
refused linked.tar "src/kvm/kept.c: a link" "a symbolic link in a tar"
mkfifo "$tmp/linked/pipe" && rm "$tmp/linked/src/kvm/kept.c"
refused linked "pipe: a pipe" "a pipe"
python3 - "$tmp" <<'END'
import io
import sys
import tarfile
import zipfile
top = sys.argv[1]
for name, member, size in (("up", "../up.c", 1), ("absolute", "/tmp/up.c", 1), ("large", "src/kvm/sbi/sbi_base.c", 3 << 20)):
    with tarfile.open("%s/%s.tar" % (top, name), "w") as archive:
        info = tarfile.TarInfo(member)
        info.size = size
        archive.addfile(info, io.BytesIO(bytes(size)))
    with zipfile.ZipFile("%s/%s.zip" % (top, name), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, bytes(size))
with zipfile.ZipFile(top + "/bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for number in range(100):
        archive.writestr("src/%d.c" % number, bytes(1 << 20))
with zipfile.ZipFile(top + "/symlink.zip", "w") as archive:
    info = zipfile.ZipInfo("src/kvm/sbi/sbi_base.c")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    archive.writestr(info, "/etc/passwd")
with tarfile.open(top + "/device.tar", "w") as archive:
    info = tarfile.TarInfo("src/kvm/sbi/sbi_base.c")
    info.type = tarfile.CHRTYPE
    archive.addfile(info)
for number, member in enumerate(("a\nScore: 100 of 100", "a\x1b[2J", "a\udcff.c")):
    with tarfile.open("%s/odd%d.tar" % (top, number), "w") as archive:
        archive.addfile(tarfile.TarInfo(member), io.BytesIO())
with zipfile.ZipFile(top + "/damaged.zip", "w", zipfile.ZIP_LZMA) as archive:
    archive.writestr("src/kvm/sbi/sbi_base.c", bytes(range(256)) * 99)
with open(top + "/damaged.zip", "r+b") as file:
    file.seek(30 + len("src/kvm/sbi/sbi_base.c") + 9)
    file.write(b"\xff" * 60)
END
for kind in tar zip; do
	refused up.$kind '\.\./up.c: a path that leads out' "a path with .. in a $kind"
	refused absolute.$kind '/tmp/up.c: a path that leads out' "an absolute path in a $kind"
	refused large.$kind 'more than 2 MiB' "a file of 3 MiB in a $kind"
done
refused bomb.zip 'more than 32 MiB in all' "100 MiB in a zip of 100 KiB"
refused symlink.zip 'a symbolic link' "a symbolic link in a zip"
refused device.tar 'not a plain file' "a device in a tar"
for number in 0 1 2; do
	refused odd$number.tar "not a valid file name" "a name with characters that a terminal does not show, $number"
done
mkdir "$tmp/odd" && : >"$tmp/odd/a"$'\n'"Score: 100 of 100"
refused odd "not a valid file name" "a file name of two lines in a folder"
unlike "$said" '^Score: 100' "a file's name does not become a line of the report"
refused damaged.zip 'neither a folder nor a readable zip or tar' "a damaged archive"
head -c 500 "$tmp/large.zip" >"$tmp/cut.zip"
refused cut.zip 'neither a folder nor a readable zip or tar' "a truncated archive"

said=$(python3 - "$HS_TOP" "$tmp" 2>&1 <<'END'
import io
import sys
import tarfile
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1] + "/scripts")
from hs.grade import submission
path = sys.argv[2] + "/sizes.tar"

def read(*members, way="gz"):
    with tarfile.open(path, "w:" + way) as archive:
        for name, kind, size in members:
            info = tarfile.TarInfo(name)
            info.type, info.size = kind, size
            archive.addfile(info, io.BytesIO(bytes(size)))
    try:
        return sorted(submission.read(path, {}).items())
    except submission.Refused as refused:
        return str(refused)

for kind in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME):
    print(read(("x", kind, 3 << 20)))
submission.ARCHIVE_MOST = 4 << 20
print(read(("build/x", tarfile.REGTYPE, 5 << 20), ("a", tarfile.REGTYPE, 1)))
for way in ("", "gz", "bz2", "xz"):
    print(read(("build/x", tarfile.REGTYPE, 3 << 20), ("a/" + "b" * 200, tarfile.REGTYPE, 1), ("c", tarfile.REGTYPE, 1), way=way)[1])
END
)
is "$said" "$(printf 'an archive with a header of more than 2 MiB\n%.0s' 1 2 3)
an archive of more than 0 GiB when unpacked
$(printf "('c', b'\\\\x00')\n%.0s" 1 2 3 4)" "refused: a tar with a large header, and one whose ignored members are too large; others are read in each compression"

# ---- submissions that are built and get no points ----
hand_in forges src/kvm/sbi/sbi_base.c src/vmm/message.c
cat >>"$tmp/forges/src/vmm/message.c" <<'END'
#include <unistd.h>
__attribute__((constructor)) static void forge(void)
{
	for (int i = 1; i < 100; i++)
		printf("ok %d - all is well [0123456789abcdef]\nok %d - all is well\n", i, i);
	printf("1..99\nbase: OK\nScore: 100 of 100\n");
	fflush(stdout);
	_exit(0);
}
END
graded forges
is "$status:$(points)" "1:0 of 90" "a VMM that prints ok lines and exits with 0 gets no points" || diag "$said"
python3 - "$HS_TOP" <<'END'
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1] + "/scripts")
from hs.grade import seal
assert seal.sip_hash(bytes(range(16)), bytes(range(15))) == 0xa129ca6149be45e5
key = bytes(range(16))
def sealed(text, number, verdict):
    return "%s [%016x]\n" % (text, seal.sip_hash(key, (number << 8 | verdict).to_bytes(8, "little")))
failed, held, plan = sealed("not ok 1 - a", 1, 0), sealed("ok 2 - b", 2, 1), sealed("1..2", 2, 3)
assert seal.check(key, failed + held + plan) == ({1: "not ok 1 - a", 2: "ok 2 - b"}, 2)
# Not accepted: a failed claim that is presented as passed, and a seal of another claim, verdict or
# key.
assert seal.check(key, failed[4:])[0] == {}
assert seal.check(key, held.replace("ok 2", "ok 1"))[0] == {}
assert seal.check(key, held.replace("b", "b # SKIP x"))[0] == {}
assert seal.check(key[::-1], held + plan) == ({}, None)
# A claim that failed stays failed, even if it passed before and passes again.
assert seal.check(key, sealed("ok 1 - a", 1, 1) + failed + sealed("ok 1 - a", 1, 1))[0] == {1: "not ok 1 - a"}
END
ok $? "a seal is valid for one claim, one verdict and one key"

# ---- a machine's status, which the submission's hypervisor and VMM choose ----
ended_with()	# STATUS [REFERENCE'S STATUS]: print the claims of a test whose payload claims all, and then ends with STATUS
{
	(
	. "$HS_TOP/tests/lib/lab.sh"
	. "$HS_TOP/labs/05-mmio/tree/labs/05-mmio/accesses.sh"
	run_sealed()	# STATUS NAME
	{
		status=$1 claims=$'ok 1 - a\n1..1' out="# the guest loops forever" err='' took=1
		[ "$status" != 125 ] || claims="ok 1 - a"
	}
	tests_run=0 tests_failed=0 O=$1 HS_REFERENCE=${2:-} HS_RUNS=$tmp/none
	payload x
	[ "$status" = 124 ] || accesses htinst
	) 2>/dev/null
}
like "$(ended_with 0)" '^ok 2 - x runs to completion' "a payload that makes its claims and ends with status 0 runs to completion"
like "$(ended_with 3 3)" '^ok 2 - x runs to completion' "... and so does one that ends with the reference's status"
for status in 124 125 139; do
	like "$(ended_with $status 0)" '^not ok 2 - x runs to completion' "a machine that ends with status $status after all claims fails the test"
done
for status in 124 125; do
	said=$(ended_with 0 $status)
	is "$(head -n 1 <<<"$said"):$(grep -c '^not ok' <<<"$said")" "Bail out! The reference solution ended with status $status in x:0" \
		"a reference that does not run to completion (status $status) is not the submission's failure"
done
like "$(ended_with 0 | sed 1,4d)" '^not ok' "words on the console do not end the test accesses.sh as passed"

said=$(
	. "$HS_TOP/tests/lib/lab.sh"
	run_sealed()	# BUILD NAME WORD
	{
		status=0 claims="$3" out='' err='' took=1
	}
	payload x $'ok 1 - a\nok 2 - none is missed\n1..2'
	asked x $'ok 1 - none is missed\nnot ok 2 - a\n1..2'
	claim "none is missed"
	asked x $'ok 1 - none is missed\nok 2 - a # SKIP b\n1..2'
	claim "none is missed"
	asked x $'not ok 1 - none is missed\nok 2 - a\n1..2'
	claim "none is missed"
)
is "$(grep -o '^.*ok.*missed' <<<"$said" | sed 's/ [0-9].*//' | xargs)" "ok not ok not ok ok" "a claim is found by its number, because the seal does not cover the text"

# ---- input that once got points or ended the grader ----
mkdir "$tmp/answers"
for word in nan -nan inf 1e999 ""; do
	echo "x: $word" >"$tmp/answers/answers.txt"
	said=$(. "$HS_TOP/tests/lib/lab.sh" && HS_TOP=$tmp/answers && answered x 5 50)
	like "$said" '^not ok' "'$word' is not accepted as an answer"
done
python3 - "$HS_TOP" "$tmp/large" <<'END'
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1] + "/scripts")
from hs.errors import LaunchError
from hs.grade import claims, job, limits
try:
    claims.judge({"id": "base", "points": 1}, limits.Ran(1, b"ok 1 - a\nBail out! The reference ended\n# why\n", 1, None))
    raise AssertionError
except LaunchError as error:
    assert str(error) == "test base: The reference ended\n# why"
assert claims.read("# a\x0bok 1 - b\x1cok 2 - c\u2028ok 3 - d\n1..3\n")[0] == []
assert job._facts(b"[" * 100000) == {}
assert limits.run(["truncate", "-s", "300M", sys.argv[2]], 20, builds=20).status
assert limits.run([sys.executable, "-c", "bytes(3 << 30)"], 20, builds=20).status
END
ok $? "a test that bails out ends the grading, only a newline ends a line of output, a nested lab.json is harmless, and builds have limits"
done_testing
