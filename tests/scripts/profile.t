#!/bin/bash
# SPDX-License-Identifier: MIT
#
# profile.t - `scripts/hyperscope profile`: the counts for functions of known length are right, the
# sum of all counts equals the machine's instret, call stacks survive longjmp and signals, and the
# output of a second run is the same to the byte.
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
# Rounds of count_down(), by caller: main 10000, jumps 4 x 10, behind_jump 100, on_signal 1000,
# behind_signal 5000.
is "$(field "$tmp/one.csv" "host user" count_down 3)" $((2 * (10000 + 40 + 100 + 1000 + 5000) + 8)) \
	"the count for a loop of known length is exact"
is "$(field "$tmp/one.csv" "host user" tree 3)" $((14 * 255 + 2 * 256)) "the count for a recursive function of known length is exact"
is "$(field "$tmp/one.csv" "host user" tree 4)" $((14 * 255 + 2 * 256)) "the count for a recursive function with its callees has each instruction only once"
is "$(grep -c 'host user.*;main;tree;tree;tree;tree;tree;tree;tree;tree;tree ' "$tmp/one")" 1 \
	"the stacks have the full depth of a recursion"
is "$(sum "$tmp/one" ';main;count_down ')/$(sum "$tmp/one" ';main;behind_signal;count_down ')" 20001/10001 \
	"stacks are correct after a signal"
is "$(sum "$tmp/one" ';main;jumps;jumps;jumps;jumps;count_down ')/$(sum "$tmp/one" ';main;behind_jump;count_down ')" 21/201 \
	"stacks are correct after longjmp"
is "$(sum "$tmp/one" ';on_signal;count_down ')" 2001 "a signal handler is in the stacks as the caller of the functions that it calls"
like "$out" 'instret was read [1-9][0-9,]* times, the last at [0-9,]+, and was our count each time' \
	"every value read from instret was the plugin's count"
total=$(sed -n '1s/^counted: \([0-9,]*\) .*/\1/p' "$tmp/table" | tr -d ,)
is "$(sum "$tmp/one")/$(awk -F, '{ n += $3 } END { print n }' "$tmp/one.csv")" "$total/$total" \
	"the stacks and the CSV add up to the printed total"
is "$(awk '/^world / { on = 1; next } !NF { on = 0 } on { n += $(NF - 1) } END { print n }' "$tmp/table")" "$total" \
	"the table's worlds add up to the printed total"

profile --csv "$tmp/two.csv" --folded "$tmp/two" --svg "$tmp/two.svg" -- "$counted"
for kind in .csv "" .svg; do
	cmp -s "$tmp/one$kind" "$tmp/two$kind"
	ok $? "a second run gives the same output, to the byte: ${kind:-stacks}"
done
python3 -c 'import sys, xml.etree.ElementTree as tree; tree.parse(sys.argv[1])' "$tmp/one.svg"
ok $? "the flame graph is XML"
"$HS_TOP/scripts/hyperscope" flamegraph --least 0 --out "$tmp/all.svg" "$tmp/one"
checked flame_check.py "flame graph" python3 "$HS_TOP/tests/scripts/flame_check.py" "$tmp/one" "$tmp/all.svg"

# echo() loops once for each instruction that timed() counted with instret.
profile --while timed --csv "$tmp/timed.csv" -- "$counted"
is $status 0 "--while profiles one function" || diag "$(cat "$tmp/err")"
within=$(awk -F, '{ n += $3 } END { print n }' "$tmp/timed.csv")
is "$((2 * (within - 3) + 1))" "$(field "$tmp/one.csv" "host user" echo 3)" \
	"--while counts as many instructions as the function read from instret"

# A benchmark row: one warm-up batch and 128 measured ones, of 256 rounds each.
profile sbi_version --csv "$tmp/row.csv"
is $status 0 "a row of the bench is profiled" || diag "$(cat "$tmp/err")"
code=$("${CROSS_COMPILE:-riscv64-linux-gnu-}objdump" -d --disassemble=op_sbi_version "$O/guest-payloads/bench.elf" |
	grep -cE '^ *[0-9a-f]+:')
own=$(field "$tmp/row.csv" "guest kernel" op_sbi_version 3)
is "$((own % 129))/$((own / 129 > 256 * 2 && own / 129 <= 256 * code))" 0/1 "all batches of the row are counted, with equal counts" ||
	diag "$own instructions executed, $code in the code"
[ "$(field "$tmp/row.csv" "host kernel" vcpu_exit_fast 3)" -ge $((129 * 256)) ]
ok $? "the host's instructions for all batches are counted"
is "$(grep -oE '(begun|ended|clock_begin)_[a-z_]*' "$tmp/row.csv")" "" "a label within a function is not taken for a function"

# The guest `exits` takes every kind of trap, including those whose instruction instret does not
# count. It also runs trap handlers of its own, and executes WFI.
profile exits --top 3
is $status 0 "a guest with every kind of trap is profiled" || diag "$out"
like "$out" 'was our count each time' "after every kind of trap, the plugin's count agrees with instret"
like "$out" '[0-9]+ more functions$' "--top counts the other functions in one line"
profile hostile
like "$out" 'instret was read [0-9]{2},[0-9]{3} times, .* was our count each time' \
	"thousands of random instructions, valid or not, are counted as instret counts them"

profile nonsense
is $status 2 "an unknown workload is refused"
like "$(cat "$tmp/err")" "no workload 'nonsense'.*boot.*mmio_read" "the message for an unknown workload lists the workloads"
profile
is $status 2 "a command without a workload is refused"
profile --whole --while main -- "$counted"
is $status 2 "--whole and --while together are refused"
profile --while nonsense -- "$counted"
is $status 2 "an unknown function is refused"
like "$(cat "$tmp/err")" "while nonsense: no function" "the message names the unknown function"
profile --set nonsense=1 hello
is $status 2 "an unknown toggle is refused"
profile --svg "$tmp/no/where.svg" hello
is $status 2 "a picture that cannot be written is refused before anything runs"
profile --csv "$tmp" hello
is $status 2 "a folder as the CSV is refused before anything runs"
profile -- "$tmp/missing"
is $status 2 "a program that does not exist is refused"
is "$(find "$tmp" -name 'profile.*' | wc -l)" 0 "no temporary folder is left"
done_testing
