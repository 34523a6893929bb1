#!/bin/bash
# SPDX-License-Identifier: MIT
#
# labs.slow.t - where a lab has variants, a neighbour's files get no point in the tests of the
# variant, and each of several students' solutions passes all tests, the hidden ones, too.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/labs.sh"
fixes "a lab's figures and stops are those of the initial values" all

# variant FOLDER STUDENT: as the grader gives it to hidden tests
variant()
{
	python3 -c 'import json, sys
sys.path.insert(0, sys.argv[1] + "/scripts")
from hslib.lab import folder
print(json.dumps(folder.find(sys.argv[2]).variant(sys.argv[3], "a key")))' "$HS_TOP" "${1%%-*}" "$2"
}

for folder in "$HS_TOP"/labs/[0-9][0-9]-*; do
	folder=${folder##*/}
	number=$((10#${folder%%-*}))
	# Where nothing of the source is written, there is no hole: scripts/course-check has those, too.
	[ "$("$HS_TOP/scripts/lab" --regions "$number")" ] || continue
	students=(ada "Zoë 7")
	[ -e "$HS_TOP/labs/$folder/variant.py" ] || students=(ada)
	for student in "${students[@]}"; do
		rm -rf "$tmp/whole"
		tree "$tmp/whole" "$number" --student "$student" --solution || diag "$said"
		HS_VARIANT=$(variant "$folder" "$student")
		export HS_VARIANT
		for test in "$HS_TOP/labs/$folder"/tests/*.t "$HS_TOP/labs/$folder"/hidden/*.t; do
			[ -e "$test" ] || continue
			try "$tmp/whole" "$test"
			is "$status" 0 "lab $number: the solution of '$student' passes ${test##*/}" || diag "$said"
		done
	done
	if [ ${#students[@]} = 2 ]; then
		# Zoë's files in ada's tree.
		tree "$tmp/ada" "$number" --student ada
		for file in $(python3 -c 'import sys, tomllib
print(*tomllib.load(open(sys.argv[1], "rb"))["files"])' "$HS_TOP/labs/$folder/lab.toml"); do
			cp "$tmp/whole/$file" "$tmp/ada/$file"
		done
		build "$tmp/ada"
		is $? 0 "lab $number: a neighbour's files build in another's tree" || diag "$said"
		HS_VARIANT=$(variant "$folder" ada)
		for test in $(cd "$HS_TOP/labs/$folder" && grep -l '(variant' tests/*.t hidden/*.t); do
			try "$tmp/ada" "$HS_TOP/labs/$folder/$test"
			is "$status" 1 "lab $number: and fail there in $test" || diag "$said"
		done
	fi
	unset HS_VARIANT
	rm -rf "$tmp/whole" "$tmp/ada"
done
done_testing
