# SPDX-License-Identifier: MIT
#
# fixture-lab.sh - lab 91 and submissions to it, for the grader's tests. Source it after tap.sh.
#
# The lab is created in $fixture.
#
#   hand_in NAME FILE...        make a submission $tmp/NAME with the solution's version of these files
#   graded NAME [OPTION...]     grade $tmp/NAME: sets $status, $said (the report), $err; writes $tmp/json
#   points                      print the score in $tmp/json as "N of M"
#   lines ID                    print the lines that $tmp/json has for test ID

fixture=$tmp/labs
mkdir -p "$fixture/91-fixture/"{tests,hidden,tree/src/kvm/sbi,tree/src/vmm}
ln -s "$HS_TOP/labs/starter" "$fixture/starter"
cat >"$fixture/91-fixture/lab.toml" <<'END'
number = 91
name = "fixture"
title = "a lab for the grader's own test"
hours = 1
files = ["src/kvm/sbi/sbi_base.c", "src/vmm/message.c"]
[contest]
given = 0
leaderboard = "null"

[[test]]
id = "base"
points = 60
what = "the SBI answers"

[[test]]
id = "null"
points = 30
what = "a null call costs at most 1.05 times the reference's instructions"
budget = { row = "sbi_version", toggles = "fastpath=off,gstage_walk=recursive", ratio = 1.05 }

[[test]]
id = "kept"
points = 10
what = "a value derived from the instructor's key is claimed"
hidden = true
END
cat >"$fixture/91-fixture/variant.py" <<'END'
def variant(draw):
    return {"number": draw.below(1000)}


def hidden(draw, made):
    return {"key": draw.below(1 << 30)}
END
cat >"$fixture/91-fixture/tests/base.t" <<'END'
#!/bin/bash
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --icount --timeout 20
payload sbi
done_testing
END
cat >"$fixture/91-fixture/hidden/kept.t" <<'END'
#!/bin/bash
# the hidden tests' secret word: xyzzy
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
like "$(variant key)" '^[0-9]+$' "the instructor's key gives a numeric value"
[ ! -e "$HS_TOP/labs/91-fixture" ]
ok $? "the student's tree has no hidden test"
done_testing
END
cp "$HS_TOP/src/vmm/message.c" "$fixture/91-fixture/tree/src/vmm"
python3 - "$HS_TOP/src/kvm/sbi/sbi_base.c" "$fixture/91-fixture/tree/src/kvm/sbi/sbi_base.c" <<'END'
import re
import sys
text = re.sub(r"^.*/\* lab \d.*\n", "", open(sys.argv[1]).read(), flags=re.M)
for before, after in (('#include "sbi/sbi.h"\n', '#include "sbi/sbi.h"\n#include "hv/lab.h"\n'),
                      ("\tswitch (fid) {\n", "\t/* lab 91: answer each function of the base extension */\n\tswitch (fid) {\n"),
                      ("\treturn RESUME_GUEST;\n}\n", "")):
    if after:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
at = text.rindex("\treturn RESUME_GUEST;\n")
open(sys.argv[2], "w").write(text[:at] + "\t/* lab 91 end */\n" + text[at:])
END

hand_in()	# NAME FILE...
{
	local file name=$1
	shift
	for file; do
		mkdir -p "$tmp/$name/${file%/*}"
		cp "$fixture/91-fixture/tree/$file" "$tmp/$name/$file"
	done
}

graded()	# NAME [OPTION...]
{
	local name=$1
	shift
	rm -f "$tmp/json"
	"$HS_TOP/scripts/hyperscope" grade --out "$O" --labs "$fixture" --lab 91 --student ada --submission "$tmp/$name" \
		--json "$tmp/json" "$@" >"$tmp/said" 2>"$tmp/err"
	status=$?
	said=$(<"$tmp/said") err=$(<"$tmp/err")
}

points()	# print SCORE of MOST
{
	python3 -c 'import json, sys; g = json.load(open(sys.argv[1])); print(g["score"], "of", g["most"])' "$tmp/json"
}

lines()	# ID
{
	python3 -c 'import json, sys
for test in json.load(open(sys.argv[1]))["tests"]:
    if test["id"] == sys.argv[2]: print("\n".join(test["lines"]))' "$tmp/json" "$1"
}
