#!/bin/bash
# SPDX-License-Identifier: MIT
#
# labs.t - each lab's starter is the source with named gaps, builds, and stops at one of the gaps.
# With its regions put back, the starter equals the source again. This test builds a tree for each
# lab in which students write source.
#
# Time-out: 300 seconds.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/labs.sh"
fixes "a lab's figures and stops assume the toggles' initial values" all
lab=("$HS_TOP/scripts/hyperscope" lab)

said=$("${lab[@]}" --check 2>&1)
is "$?:$said" "0:" "lab.toml, folders and regions are consistent, and a starter with its regions put back is the source"

# Invalid labs, each with one change in its lab.toml: the check has to report each change.
unfit=$(timeout "$(scaled 60)" python3 -B - "$HS_TOP" "$tmp/labs" <<'END'
import os
import shutil
import sys

sys.path.insert(0, sys.argv[1] + "/scripts")
from hs.lab import check, folder  # noqa: E402

SOURCE, folder.LABS = folder.LABS, sys.argv[2]
for lab, old, new, words in (
        ("03-sbi", 'before = \'#include "vcpu/fwft.h"\'', 'before = "#include"', "sbi.c: the place for the solution occurs"),
        ("03-sbi", 'before = \'#include "sbi/sbi.h"\'', 'before = "no such line"', "sbi_base.c: the place for the solution occurs 0 times"),
        ("04-gstage", 'file = "src/kvm/sbi/sbi.c"', 'file = "src/kvm/none.c"', "[[insert]] src/kvm/none.c: not a source file"),
        ("03-sbi", 'row = "sbi_version"', 'row = "sbi_nothing"', "budget: the bench has no row 'sbi_nothing'"),
        ("03-sbi", 'row = "sbi_version"', 'row = "run_same"', "budget: row 'run_same' is not a loop"),
        ("03-sbi", ", ratio = ", ', toggles = "fastpath=of", ratio = ', "budget: toggle fastpath takes on or off, not 'of'"),
        ("03-sbi", ", ratio = ", ', toggle = "fastpath=off", ratio = ', "budget: there is no key 'toggle'"),
        ("02-switch", "points = ", "points = 1", "the points add up to")):
    shutil.copytree(os.path.join(SOURCE, lab), os.path.join(folder.LABS, lab))
    file = os.path.join(folder.LABS, lab, "lab.toml")
    with open(file, encoding="utf-8") as text:
        toml = text.read()
    with open(file, "w", encoding="utf-8") as text:
        text.write(toml.replace(old, new, 1))
    found = check.problems()
    print("%sok - %s" % ("" if old in toml and any(words in line for line in found) else "not ", words))
    shutil.rmtree(folder.LABS)
END
)
relay "$unfit" "scripts/hyperscope lab --check reports"
is "$(grep -c '^ok' <<<"$unfit")" 8 "scripts/hyperscope lab --check reports all eight invalid labs"

# Check which parts of lab.toml and of a page a student's tree contains.
given=$(timeout "$(scaled 60)" python3 -B - "$HS_TOP" <<'END'
import os
import sys
import tomllib

sys.path.insert(0, sys.argv[1] + "/scripts")
from hs.lab import folder, tree  # noqa: E402


def claim(condition, name):
    print("%sok - %s" % ("" if condition else "not ", name))


for lab in folder.all_labs():
    text = tree.read(os.path.join(lab.path, "lab.toml"))
    seen = tomllib.loads(tree.without_answers(text))
    wanted = dict(lab.toml, insert=[i for i in lab.toml.get("insert", []) if i.get("starter")])
    claim({**seen, "insert": seen.get("insert", [])} == wanted, "lab %d: a student's lab.toml lacks the solution's inserts, and nothing else" % lab.number)
text = """a = 1
# above a test
[[test]]
x = '''
[[insert]]
'''

# above what is cut

[[insert]]
text = '''
[[test]]
# in its text
'''
# above what stays
[[insert]]
starter = true
"""
claim(tree.without_answers(text) == text[:text.index("\n# above what is")] + text[text.index("# above what stays"):],
      "a removed insert's comment is removed with it, and lines within strings are not taken for sections")
page = "[a](../x.md) [its\nplace](docs/course/answers.md#x) [web](https://x.y/z) [here](#h) `t[i](j)` [kept](README.md) ![i](COURSE.md)"
claim(tree.without_links("page.md", page, folder.find("3")) == page.replace("[its\nplace](docs/course/answers.md#x)", "its\nplace"),
      "a link to a file that the tree lacks becomes plain text, and other links are kept")
END
)
relay "$given"
like "$given" "^ok - a link to" "the tests of a student's lab.toml and pages run to their end"

# ---- usage errors ----
"${lab[@]}" 99 "$tmp/none" >"$tmp/out" 2>&1
is "$?:$(grep -c . "$tmp/out")" "2:1" "a lab that does not exist is refused in one line"
like "$(cat "$tmp/out")" 'there is no lab 99; known labs: .*3 sbi' "the refusal lists the labs"
mkdir "$tmp/full" && : >"$tmp/full/mine"
"${lab[@]}" 3 "$tmp/full" >"$tmp/out" 2>&1
is "$?:$(ls "$tmp/full")" "2:mine" "a folder that is not empty is refused and not changed"
"${lab[@]}" 3 "$HS_TOP/mylab" >"$tmp/out" 2>&1
is "$?:$([ -e "$HS_TOP/mylab" ] && echo made)" "2:" "a folder among the sources is refused"
for name in $'\xff' $'a\nb' "$(printf '%101s' x)"; do
	"${lab[@]}" 3 "$tmp/odd" --student "$name" >"$tmp/out" 2>&1
	is "$?:$(grep -c . "$tmp/out")" "2:1" "a student's name that is not text, has two lines or is too long is refused in one line"
done
"${lab[@]}" ² "$tmp/none" >"$tmp/out" 2>&1
is "$?" 2 "a lab's number that is not made of decimal digits is refused"
"${lab[@]}" 3 >"$tmp/out" 2>&1
is "$?" 2 "a command without a folder is refused"

# ---- every lab: the starter builds, and stops at a named gap (labs.slow.t has the rest) ----
for folder in "$HS_TOP"/labs/[0-9][0-9]-*; do
	folder=${folder##*/}
	number=$((10#${folder%%-*}))
	# Skip a lab in which students do not write any source: it has no stops. scripts/hyperscope course
	# tests such labs too.
	[ "$("$HS_TOP/scripts/hyperscope" lab --regions "$number")" ] || continue
	if grep -q '^host = "linux"' "$HS_TOP/labs/$folder/lab.toml" && [ ! -d "$O/linux_headers" ]; then
		skip "lab $number" "$O/linux_headers is missing: run 'scripts/hyperscope setup linux-module'"
		continue
	fi
	tree "$tmp/starter" "$number" --student ada
	is "$?:$(grep -c "warning:" <<<"$said")" "0:0" "lab $number: the starter builds without a warning" ||
		diag "$said"
	is "$(stale "$tmp/starter")" "" "lab $number: no object is reused that depends on a changed file"
	is "$(cd "$tmp/starter/labs/$folder" && ls -d hidden notes.md variant.py tree ../../docs/course 2>/dev/null)" "" \
		"lab $number: the starter has none of the instructor's files"
	is "$(cd "$tmp/starter" && git init -q . && scripts/hyperscope check-refs 2>&1)" "" "lab $number: the starter has every file that its pages name"
	try "$tmp/starter" "labs/$folder/tests/boots.t"
	is "$status:$(grep -o "$(stop_of "$number")" <<<"$said" | sort -u | wc -l)" "1:1" \
		"lab $number: no guest boots in the starter, and the stop says what to write" || diag "$said"
	rm -rf "$tmp/starter"
done
done_testing
