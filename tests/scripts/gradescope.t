#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gradescope.t - scripts/hyperscope grade writes results.json in Gradescope's documented form,
# whatever was submitted. The zip that --gradescope makes contains what Gradescope runs, and its
# setup.sh refuses an image that is too old.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/fixture-lab.sh"
export HYPERSCOPE_SET=
schema=$HS_TOP/scripts/hs/grade/gradescope/results.schema.json
python3 -c 'import jsonschema' 2>/dev/null || skip_all "python3-jsonschema is not installed"

fits()	# FILE CLAIM
{
	python3 -c 'import json, jsonschema, sys
jsonschema.validate(*(json.load(open(name)) for name in sys.argv[1:]))' "$1" "$schema" 2>"$tmp/why"
	ok $? "$2" || diag "$(grep -v '^ ' "$tmp/why" | tail -n 5)"
}

echo key >"$tmp/key"
mkdir -p "$tmp/broken/src/kvm/sbi" && echo 'no C' >"$tmp/broken/src/kvm/sbi/sbi_base.c"
graded broken --hidden --key "$tmp/key" --results "$tmp/results.json"
fits "$tmp/results.json" "results.json of a submission that does not build has the documented form"
is "$(python3 -c 'import json, sys; print(*(t["visibility"] for t in json.load(open(sys.argv[1]))["tests"]))' "$tmp/results.json")" \
	"visible visible after_published" "hidden tests are shown only after the grades are published"
mkdir "$tmp/evil" && ln -s /etc "$tmp/evil/src"
graded evil --results "$tmp/results.json"
fits "$tmp/results.json" "results.json of a refused submission has the documented form"
echo '{"score": "all", "tests": [{"visibility": "always"}]}' >"$tmp/wrong.json"
! python3 -c 'import json, jsonschema, sys
jsonschema.validate(*(json.load(open(name)) for name in sys.argv[1:]))' "$tmp/wrong.json" "$schema" 2>/dev/null
ok $? "the schema refuses an invalid file"

"$HS_TOP/scripts/hyperscope" grade --gradescope "$tmp/lab.zip" --lab 3 --key "$tmp/key" >"$tmp/said" 2>&1
is "$?" 0 "the zip of lab 3 is made" || diag "$(<"$tmp/said")"
"$HS_TOP/scripts/hyperscope" grade --gradescope "$tmp/none.zip" --lab 3 >"$tmp/said" 2>&1
is "$?:$([ -e "$tmp/none.zip" ] && echo made)" "2:" "without a key, no zip of lab 3 is made"
like "$(<"$tmp/said")" 'lab 3 has hidden tests with values from the key: use --key' "... and the reason is given"
PYTHONPATH=$HS_TOP/scripts python3 -B -c 'import sys
from hs.grade import package
package.unpack(*sys.argv[1:])' "$tmp/lab.zip" "$tmp/source"
[ -x "$tmp/source/run_autograder" ] && [ -x "$tmp/source/setup.sh" ] && bash -n "$tmp/source/setup.sh" &&
	bash -n "$tmp/source/run_autograder"
ok $? "run_autograder and setup.sh are at the zip's top, and can be run"
is "$(cd "$tmp/source/hyperscope/labs" && echo [0-9]*):$(ls "$tmp/source/hyperscope/labs/03-sbi/hidden" | wc -l | tr -d 0)" \
	"03-sbi:$(ls "$HS_TOP/labs/03-sbi/hidden" | wc -l)" "the zip has that lab's hidden tests, and no other lab's"
is "$(<"$tmp/source/course.key")" key "the zip has the course's key"
"$HS_TOP/scripts/hyperscope" lab --student ada 3 "$tmp/clones" >/dev/null && "$tmp/source/hyperscope/scripts/hyperscope" lab --student ada 3 "$tmp/zips" >/dev/null &&
	diff -r -x build -x notebooks-data -x tours -x .commit "$tmp/clones" "$tmp/zips" >"$tmp/differ"
is "$?:$(wc -l <"$tmp/differ")" 0:0 "a clone and the zip make the same tree for a student" || diag "$(head -n 5 "$tmp/differ")"

# Run setup.sh with an os-release file like that of Ubuntu 22.04.
printf 'ID=ubuntu\nVERSION_ID="22.04"\nPRETTY_NAME="Ubuntu 22.04.4 LTS"\n' >"$tmp/os-release"
sed "s|/etc/os-release|$tmp/os-release|" "$tmp/source/setup.sh" >"$tmp/source/setup-22.sh"
bash "$tmp/source/setup-22.sh" >"$tmp/said" 2>&1
is "$?" 1 "on Ubuntu 22.04, setup.sh exits with status 1"
like "$(<"$tmp/said")" 'Ubuntu 22.04.4 LTS has a QEMU older than 7.2' "setup.sh says that Ubuntu 22.04's QEMU is too old"

# If the grader itself cannot run, run_autograder does not crash, gives no points and writes a valid file.
mkdir -p "$tmp/top/submission" && mv "$tmp/source" "$tmp/top/source"
AUTOGRADER=$tmp/top PATH=$tmp/none:/usr/bin:/bin CROSS_COMPILE=none- QEMU=/none \
	timeout "$(scaled 100)" bash "$tmp/top/source/run_autograder" >"$tmp/said" 2>&1
fits "$tmp/top/results/results.json" "results.json has the documented form when the autograder cannot run"
done_testing
