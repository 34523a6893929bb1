#!/bin/bash
# SPDX-License-Identifier: MIT
#
# judges.slow.t - the table of docs/history.md agrees with tests/judges/found.tsv, whose lines name
# mistakes and judges that exist; each mistake can be printed as a patch; and two results can be repeated.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
run=$HS_TOP/tests/judges/run data=$HS_TOP/tests/judges/found.tsv
needs_built "$O/vmm"

"$run" --table >"$tmp/table"
sed -n '/^<!-- tests\/judges\/run --docs -->$/,/^<!-- end -->$/p' "$HS_TOP/docs/history.md" | sed '1d;$d' >"$tmp/page"
diff "$tmp/page" "$tmp/table" >"$tmp/out"
ok $? "the table of docs/history.md agrees with found.tsv" || diag "$(cat "$tmp/out")" "to update it: tests/judges/run --docs"

"$run" --list | awk '{ print $1 }' >"$tmp/names"
"$run" --judges >"$tmp/judges"
unknown=$(awk -F'\t' '
	FILENAME ~ /names$/ { mistake[$1]; next }
	FILENAME ~ /judges$/ { judge[$1]; next }
	/^#/ { next }
	$1 == "none" ? $3 != "passes" : !($1 in mistake && $2 in judge && $3 ~ /^(found|not found|n\/a)$/)' "$tmp/names" "$tmp/judges" "$data")
is "$unknown" "" "each result names a mistake and a judge that exist, and each judge passes without a mistake"

like "$("$run" nosuch 2>&1; echo $?)" "^judges: there is no mistake 'nosuch'; see tests/judges/run --list$" "an unknown mistake is refused"
is "$("$run" --list | grep -E '^.{81}')" "" "--list fits 80 columns"

if git clone -q --shared "$HS_TOP" "$tmp/tree" 2>/dev/null; then
	cp "$HS_TOP"/tests/judges/{run,mistakes,judges.sh} "$tmp/tree/tests/judges/"
	(cd "$tmp/tree" && tests/judges/run --patch kick-of-old-hart | git apply && ! git diff --quiet -- src &&
		tests/judges/run --patch kick-of-old-hart | git apply -R && git diff --quiet -- src) >"$tmp/out" 2>&1
	ok $? "--patch prints a mistake in two files, and git apply -R removes it from a tree that has it" || diag "$(cat "$tmp/out")"
else
	skip "--patch prints a mistake" "the tree is not a git clone"
fi

for cell in relaxed-kick:litmus firmware-bits:own; do
	name=${cell%:*} judge=${cell#*:}
	if [ "$judge" = litmus ] && [ ! -x "$O/herd7/herd7" ]; then
		skip "$judge finds $name again" "herd7 is missing: run 'scripts/hyperscope setup herd7'"
		continue
	fi
	"$run" --copy "$O/judges/sample" --data "$tmp/found.tsv" --judge "$judge" "$name" >"$tmp/out" 2>&1
	is "$(awk -F'\t' -v name="$name" '$1 == name { print $3 }' "$tmp/found.tsv")" found "$judge finds $name again" ||
		diag "$(tail -n 5 "$tmp/out")"
done
done_testing
