#!/bin/bash
# SPDX-License-Identifier: MIT
#
# scripts/hyperscope profile: functions of known length have that many instructions, the sum is the machine's
# instret, call stacks survive longjmp and signals, and a second run is the same to the byte.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_plugin profile
counted=$O/tests/kvm/counted

profile()
{
	hs_script profile "$@"
}

field()	# CSV WORLD FUNCTION COLUMN
{
	awk -F, -v world="$2" -v name="$3" -v column="$4" \
		'$1 == world && $2 == name { print $column }' "$1"
}

sum()	# FOLDED [PATTERN]
{
	grep -E -- "${2:-.}" "$1" | awk '{ n += $NF } END { print n + 0 }'
}

profile --csv "$tmp/one.csv" --folded "$tmp/one" --svg "$tmp/one.svg" -- "$counted"
is $status 0 "a program is profiled" || diag "$(cat "$tmp/err")"
# count_down: of main 10000; of jumps 4 x 10; of behind_jump 100; of the signal 1000; at last 5000
is "$(field "$tmp/one.csv" "host user" count_down 3)" $((2 * (10000 + 40 + 100 + 1000 + 5000) + 8)) \
	"a loop has as many instructions as its length says"
is "$(field "$tmp/one.csv" "host user" tree 3)" $((14 * 255 + 2 * 256)) "a recursion, too"
is "$(field "$tmp/one.csv" "host user" tree 4)" $((14 * 255 + 2 * 256)) "... and is counted once with its callees"
is "$(grep -c 'host user.*;main;tree;tree;tree;tree;tree;tree;tree;tree;tree ' "$tmp/one")" 1 \
	"... and is as deep in the stacks as it went"
is "$(sum "$tmp/one" ';main;count_down ')/$(sum "$tmp/one" ';main;behind_signal;count_down ')" 20001/10001 \
	"stacks are in step behind a signal"
is "$(sum "$tmp/one" ';main;jumps;jumps;jumps;jumps;count_down ')/$(sum "$tmp/one" ';main;behind_jump;count_down ')" 21/201 \
	"... and behind longjmp"
is "$(sum "$tmp/one" ';on_signal;count_down ')" 2001 "a signal's handler is called by what it interrupts"
like "$out" 'instret was read [1-9][0-9,]* times, the last at [0-9,]+, and was our count each time' \
	"whenever the machine read instret, it was the count"
total=$(sed -n '1s/^counted: \([0-9,]*\) .*/\1/p' "$tmp/table" | tr -d ,)
is "$(sum "$tmp/one")/$(awk -F, '{ n += $3 } END { print n }' "$tmp/one.csv")" "$total/$total" \
	"stacks, table and sum are the same instructions"
is "$(awk '/^world / { on = 1; next } !NF { on = 0 } on { n += $(NF - 1) } END { print n }' "$tmp/table")" "$total" \
	"... and so are the worlds"

profile --csv "$tmp/two.csv" --folded "$tmp/two" --svg "$tmp/two.svg" -- "$counted"
for kind in .csv "" .svg; do
	cmp -s "$tmp/one$kind" "$tmp/two$kind"
	ok $? "a second time the same, to the byte: ${kind:-stacks}"
done
python3 -c 'import sys, xml.etree.ElementTree as tree; tree.parse(sys.argv[1])' "$tmp/one.svg"
ok $? "the flame graph is XML"
"$HS_TOP/scripts/hyperscope" flamegraph --least 0 --out "$tmp/all.svg" "$tmp/one"
relay "$(python3 "$HS_TOP/tests/scripts/flame_check.py" "$tmp/one" "$tmp/all.svg" 2>&1)" "flame graph"

# echo() loops as often as the count that timed() has read from instret.
profile --while timed --csv "$tmp/timed.csv" -- "$counted"
is $status 0 "one function is looked at" || diag "$(cat "$tmp/err")"
within=$(awk -F, '{ n += $3 } END { print n }' "$tmp/timed.csv")
is "$((2 * (within - 3) + 1))" "$(field "$tmp/one.csv" "host user" echo 3)" \
	"the instructions while it runs are those that it has read from instret"

# A benchmark row: one warm-up batch and 128 measured ones, of 256 rounds each.
profile sbi_version --csv "$tmp/row.csv"
is $status 0 "a row of the bench is profiled" || diag "$(cat "$tmp/err")"
code=$("${CROSS_COMPILE:-riscv64-linux-gnu-}objdump" -d --disassemble=op_sbi_version "$O/guest-payloads/bench.elf" |
	grep -cE '^ *[0-9a-f]+:')
own=$(field "$tmp/row.csv" "guest kernel" op_sbi_version 3)
is "$((own % 129))/$((own / 129 > 256 * 2 && own / 129 <= 256 * code))" 0/1 "its batches are all counted, and alike" ||
	diag "$own instructions, $code in the code"
[ "$(field "$tmp/row.csv" "host kernel" vcpu_exit_fast 3)" -ge $((129 * 256)) ]
ok $? "... with the host's instructions for each"
is "$(grep -oE '(begun|ended|clock_begin)_[a-z_]*' "$tmp/row.csv")" "" "... none of them a label's within a function"

# Every kind of trap, taken and taken back; the guest's own handlers; WFI.
profile exits --top 3
is $status 0 "traps of every kind leave the count right" || diag "$out"
like "$out" 'was our count each time' "... as instret says"
like "$out" '[0-9]+ functions more$' "--top leaves the rest in one line"
profile hostile
like "$out" 'instret was read [0-9]{2},[0-9]{3} times, .* was our count each time' \
	"thousands of random instructions, those that there are not among them, are counted as instret does"

profile nonsense
is $status 2 "an unknown workload is refused"
like "$(cat "$tmp/err")" "no workload 'nonsense'.*boot.*mmio_read" "and those that there are are named"
profile
is $status 2 "no workload is refused"
profile --whole --while main -- "$counted"
is $status 2 "--whole and --while together are refused"
profile --while nonsense -- "$counted"
is $status 2 "an unknown function is refused"
like "$(cat "$tmp/err")" "while nonsense: neither" "and named"
profile --set nonsense=1 hello
is $status 2 "an unknown toggle is refused"
profile --svg "$tmp/no/where.svg" hello
is $status 2 "a picture that cannot be written is refused before anything runs"
profile --csv "$tmp" hello
is $status 2 "... and so is one for which a folder is named"
profile -- "$tmp/missing"
is $status 2 "a program that there is not is refused"
is "$(find "$tmp" -name 'profile.*' | wc -l)" 0 "nothing is left behind"
done_testing
