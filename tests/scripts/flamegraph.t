#!/bin/bash
# SPDX-License-Identifier: MIT
#
# flamegraph.t - scripts/hyperscope flamegraph: folded stacks become frames as wide as their share,
# names never become markup, and invalid input is refused. flamegraph.slow.t tests the graph in a
# browser.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

flamegraph()
{
	timeout "$(scaled 20)" "$HS_TOP/scripts/hyperscope" flamegraph "$@" >"$tmp/out" 2>"$tmp/err"
	status=$?
	err=$(cat "$tmp/err")
}

check()	# STACKS PICTURE [LABEL]
{
	checked flame_check.py "${3:-}" python3 "$HS_TOP/tests/scripts/flame_check.py" "$1" "$2"
}

# Recursion, two callers of one function, the same stack twice, a world with its own color, and a
# count of zero.
cat >"$tmp/stacks" <<'END'
# what this was made of
host kernel;run;exit_sbi;memcpy 1000
host kernel;run;exit_sbi 17

host kernel;run;mmio_emulate;memcpy 400
host kernel;run;exit_sbi;memcpy 234
guest kernel;fib;fib;fib;fib 5
guest kernel;fib;fib 7
something else;a very long name that fits into no frame of this little width at all 1
never met;nothing 0
END
flamegraph "$tmp/stacks" --unit instructions --out "$tmp/one.svg"
is $status 0 "stacks become a picture" || diag "$err"
check <(grep -v ' 0$' "$tmp/stacks") "$tmp/one.svg"
like "$(cat "$tmp/one.svg")" '^1,234 instructions \(74\.16 %\)</title>' "a stack that occurs twice is added up"
flamegraph - --unit instructions --title stacks <"$tmp/stacks"
is "$(cmp "$tmp/one.svg" "$tmp/out" 2>&1)" "" "the same input gives the same picture, to the byte"
flamegraph "$tmp/stacks" --icicle
check <(grep -v ' 0$' "$tmp/stacks") "$tmp/out" icicle
tac "$tmp/stacks" >"$tmp/turned"
flamegraph "$tmp/turned" --unit instructions --title stacks
is "$(cmp "$tmp/one.svg" "$tmp/out" 2>&1)" "" "the order of the lines does not matter"

flamegraph "$tmp/stacks" --depth 2
like "$(cat "$tmp/out")" 'run$' "frames deeper than --depth are not drawn"
like "$(grep -A 1 'run$' "$tmp/out")" '1,651 instructions|1,651 samples \([0-9.]+ %\)</title>' "frames deeper than --depth are counted in the deepest caller that is drawn"
flamegraph "$tmp/stacks" --least 2
like "$(cat "$tmp/out")" '1,664 samples; frames too narrow to be drawn: 2<' "frames too narrow to be drawn are counted"

# Hostile names: markup, the end of CDATA, control characters, a right-to-left override, invalid
# UTF-8, 100 kB.
{
	printf 'a;<script>alert(1)</script> 3\n"quoted" & co;]]><b> 4\n'
	printf 'b;\001\033[31m\302\205\342\200\256gnp.exe 5\nb;\377\376bytes 6\n日本語の関数;ループ 2\n'
	printf 'c;%s 7\n' "$(head -c 100000 /dev/zero | tr '\0' x)"
} >"$tmp/hostile"
flamegraph "$tmp/hostile" --title '</title><script>' --note ']]>' --unit '<i>'
is $status 0 "hostile names are drawn" || diag "$err"
check "$tmp/hostile" "$tmp/out" hostile
is "$(python3 -c '
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
print(sorted({node.tag.split("}")[1] for node in root.iter()}), sum(node.tag.endswith("script") for node in root.iter()))
' "$tmp/out")" "['g', 'rect', 'script', 'style', 'svg', 'text', 'title'] 1" "no hostile name becomes an element"
[ "$(wc -c <"$tmp/out")" -lt 40000 ]
ok $? "a name of 100 kB is cut" || diag "$(wc -c <"$tmp/out")"
awk 'BEGIN { for (i = 0; i < 5000; i++) printf "f%d;", i % 3; print "end 1" }' >"$tmp/deep"
flamegraph "$tmp/deep"
is $status 0 "a stack of 5000 frames is drawn down to the limit of --depth" || diag "$err"

refused()	# FILE-TEXT WORDS NAME
{
	printf "$1" >"$tmp/bad"
	flamegraph "$tmp/bad"
	is "$status/$(wc -l <"$tmp/err")/$(wc -c <"$tmp/out")" 2/1/0 "$3 is refused"
	like "$err" "$2" "the refusal gives the reason"
}
refused '' 'contains no stack' "an empty file"
refused 'a;b 0\n' 'contains no stack' "a file with only zero counts"
refused 'a;b 1\na;b\n' 'line 2: must have the form' "a line without a count"
refused 'a;b -1\n' 'line 1: must have the form' "a negative count"
refused 'a;b 99999999999999999999\n' 'line 1: must have the form' "a count beyond 64 bits"
refused "a;b $(printf '%05000d' 7)\\n" 'line 1: must have the form' "a count of 5000 digits"
echo 'a;b 1' >"$tmp/in.folded"
echo kept >"$tmp/kept.svg"
(trap '' XFSZ; ulimit -f 1; flamegraph "$tmp/in.folded" --svg "$tmp/kept.svg")
is "$(<"$tmp/kept.svg")" kept "a picture that cannot be written leaves the old one"
ln "$tmp/in.folded" "$tmp/also.folded"
flamegraph "$tmp/in.folded" --svg "$tmp/also.folded"
is "$status $(<"$tmp/in.folded")" "2 a;b 1" "the input is not overwritten"
like "$err" "--svg $tmp/also.folded: is the input" "the message says so"
flamegraph "$tmp/missing"
is $status 2 "a file that does not exist is refused"
like "$err" 'missing: No such file' "the message names the missing file"
flamegraph "$tmp/stacks" --out "$tmp/no/where.svg"
is $status 125 "an output that cannot be written is an error"
flamegraph --depth 0 "$tmp/stacks"
is $status 2 "an invalid value of an option is refused"
done_testing
