#!/bin/bash
# SPDX-License-Identifier: MIT
#
# labs.slow.t - in each lab's starter, every public test fails at a stop that names what the
# student has to write, and the solution passes all tests, including the hidden ones. In labs with
# variants, the solutions for two students are tested, and one student's files must fail the
# other's tests that depend on the variant.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/labs.sh"
fixes "a lab's figures and stops assume the toggles' initial values" all

# variant FOLDER STUDENT: print the variant as the grader passes it to hidden tests
variant()
{
	python3 -c 'import json, sys
sys.path.insert(0, sys.argv[1] + "/scripts")
from hs.lab import folder
print(json.dumps(folder.find(sys.argv[2]).variant(sys.argv[3], "a key")))' "$HS_TOP" "${1%%-*}" "$2"
}

# unmet DIR LAB: put the starter's gap in place of each part of the solution in DIR, one at a time,
# and print the parts whose stop no public test reports. A part without which the tree does not
# build counts as reported.
unmet()
{
	local dir=$1 number=$2 path what stop test
	while IFS=: read -r path _ what; do
		cp -p "$dir/$path" "$tmp/written"
		stop=$(python3 -B - "$HS_TOP" "$dir" "$number" "$path" "${what# }" <<'END'
import sys

sys.path.insert(0, sys.argv[1] + "/scripts")
from hs.lab import folder, markers  # noqa: E402

_, _, tree, number, path, what = sys.argv
lab, path_there = folder.find(number), tree + "/" + path
with open(path_there, encoding="utf-8") as file:
    lines = file.read().split("\n")
region = next(r for r in markers.regions(path, "\n".join(lines)) if lab.number in r.labs and r.what == what)
hole = "\n".join(lines[region.first:region.last + 1])
hole = markers.starter(path, hole, lab.number, lab.starter_texts(path))
with open(path_there, "w", encoding="utf-8") as file:
    file.write("\n".join(lines[:region.first] + hole.split("\n") + lines[region.last + 1:]))
print("lab %d: %s" % (lab.number, region.name()))
END
)
		test=none
		! build "$dir" || for test in $(tests_of "$folder") ""; do
			[ -z "$test" ] || try "$dir" "labs/$folder/tests/$test"
			! grep -qF "$stop" <<<"$said" || break
		done
		[ "$test" ] || echo "$path:$what"
		cp "$tmp/written" "$dir/$path"
	done < <("$HS_TOP/scripts/hyperscope" lab --regions "$number")
	build "$dir"
}

for folder in "$HS_TOP"/labs/[0-9][0-9]-*; do
	folder=${folder##*/}
	number=$((10#${folder%%-*}))
	# Skip a lab in which students do not write any source: it has no stops. scripts/hyperscope course
	# tests such labs too.
	[ "$("$HS_TOP/scripts/hyperscope" lab --regions "$number")" ] || continue
	tree "$tmp/starter" "$number" --student ada
	failed=0 named=0 n=0
	for test in $(tests_of "$folder"); do
		n=$((n + 1))
		try "$tmp/starter" "labs/$folder/tests/$test"
		[ "$status" = 0 ] || failed=$((failed + 1))
		! grep -q "$(stop_of "$number")" <<<"$said" || named=$((named + 1))
	done
	is "$failed:$named" "$n:$n" "lab $number: each public test fails in the starter, at a named stop"
	if [ "$number" = 8 ]; then	# this lab changes headers that most files include
		cp -a "$tmp/starter" "$tmp/anew"
		rm -rf "$tmp/anew"/build/{kernel,gen,user,guest-payloads,vmm,hyperscope.*}
		build "$tmp/anew"
		is "$(cd "$tmp/anew/build" && for file in hyperscope.bin vmm guest-payloads/*.bin; do
			cmp "$file" "$tmp/starter/build/$file" 2>&1
		done)" "" "lab $number: a build that reuses objects gives the same images as a new build"
		rm -rf "$tmp/anew"
	fi
	rm -rf "$tmp/starter"
	students=(ada "Zoë 7")
	[ -e "$HS_TOP/labs/$folder/variant.py" ] || students=(ada)
	for student in "${students[@]}"; do
		rm -rf "$tmp/whole"
		tree "$tmp/whole" "$number" --student "$student" --solution || diag "$said"
		solve=$HS_TOP/labs/$folder/hidden/solve
		if [ -e "$solve" ]; then
			"$solve" "$tmp/whole" || ok 1 "lab $number: hidden/solve writes the answers of '$student'"
		fi
		HS_VARIANT=$(variant "$folder" "$student")
		export HS_VARIANT
		for test in "$HS_TOP/labs/$folder"/tests/*.t "$HS_TOP/labs/$folder"/hidden/*.t; do
			[ -e "$test" ] || continue
			try "$tmp/whole" "$test"
			is "$status" 0 "lab $number: the solution for '$student' passes ${test##*/}" || diag "$said"
		done
	done
	for name in $(grep -ohE '\btest_[a-z_]+' "$HS_TOP/labs/$folder/README.md" | sort -u); do
		file=$(cd "$HS_TOP" && ls -- tests/*/"$name.c" 2>/dev/null) || continue
		program=$tmp/whole/build/${file%.c}
		said=$(make -s -C "$tmp/whole" -j2 O="$tmp/whole/build" "$program" 2>&1 && "$program" 2>&1)
		is $? 0 "lab $number: the solution passes $name, which the handout names" || diag "$(tail -n 20 <<<"$said")"
	done
	# Leave out parts in one lab only, because this takes a long time.
	[ "$number" != 3 ] || is "$(unmet "$tmp/whole" 3)" "" "lab 3: if any one part of the solution is left out, a public test fails"
	if [ ${#students[@]} = 2 ]; then
		# Put Zoë's files into ada's tree.
		tree "$tmp/ada" "$number" --student ada
		for file in $(python3 -c 'import sys, tomllib
print(*tomllib.load(open(sys.argv[1], "rb"))["files"])' "$HS_TOP/labs/$folder/lab.toml"); do
			[ ! -e "$tmp/whole/$file" ] || cp "$tmp/whole/$file" "$tmp/ada/$file"
		done
		build "$tmp/ada"
		is $? 0 "lab $number: one student's files build in another student's tree" || diag "$said"
		HS_VARIANT=$(variant "$folder" ada)
		# Leave out the tests that use only the variant's seed: the seed changes their
		# input, but not what a student has to write.
		for test in $(cd "$HS_TOP/labs/$folder" && grep -oE '\(variant [^)]*' tests/*.t hidden/*.t |
			grep -v '(variant seed' | cut -d: -f1 | sort -u); do
			try "$tmp/ada" "$HS_TOP/labs/$folder/$test"
			is "$status" 1 "lab $number: one student's files fail another student's $test" || diag "$said"
		done
	fi
	unset HS_VARIANT
	rm -rf "$tmp/whole" "$tmp/ada"
done
done_testing
