#!/bin/bash
# SPDX-License-Identifier: MIT
#
# compare.t - none of eight kinds of exit costs over 2 % more than in
# notebooks-data/exit-latency.csv, unless a commit's message accepts the increase. This claim is
# skipped if the CSV was made with another QEMU, OpenSBI or compiler, because its figures cannot be
# compared then. The other claims test scripts/hyperscope compare itself.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_built "$O/vmm"
export HYPERSCOPE_SET=
rows=sbi_version,sbi_set_timer,sbi_user,mmio_read,plic_eoi,wfi_pending,virtual_insn,fault_4k_present
csv=$HS_TOP/notebooks-data/exit-latency.csv

compare()	# TOP ARGS...: run compare in TOP, and set $status, $out and $err
{
	local top=$1
	shift
	timeout --kill-after=5 "$(scaled 120)" "$top/scripts/hyperscope" compare --out "$tmp/out" "$@" >"$tmp/said" 2>"$tmp/err" </dev/null
	status=$?
	out=$(<"$tmp/said") err=$(<"$tmp/err")
}
mkdir "$tmp/out"
for name in hyperscope.bin vmm guest-payloads guest tests; do
	ln -s "$O/$name" "$tmp/out/$name"
done

compare "$HS_TOP" "$csv" --rows "$rows"
if grep -q 'another QEMU, OpenSBI or compiler' <<<"$out"; then
	skip "no exit costs over 2 % more, unless a commit's message accepts the increase" "the CSV was made with another QEMU, OpenSBI or compiler"
else
	is $status 0 "no exit costs over 2 % more, unless a commit's message accepts the increase" || diag "$out" "$err"
fi
like "$out" '^8 figures: [0-9]+ the same' "each of the rows is compared" || diag "$err"
like "$err" '^bench: 1 of [0-9]+, [0-9]+ s: hyperscope rv64' "the progress of the measurement is shown"

# Make a base from the figures of this build, in which sbi_user costs only 400, and BASE stands for
# the commit.
made=$tmp/out/compare/head.csv
sed 's/^\(hyperscope,sbi_user,.*\)/\1/; /^hyperscope,sbi_user,/{s/\(,[0-9.]*\)\{5\},\([0-9.]*\),\([^,]*\),/,400,400,400,400,400,400,BASE,/}' \
	"$made" | sed "s/^\(hyperscope,.*\),[^,]*,\([0-9a-f]*,[0-9.]*,\"-M\)/\1,BASE,\2/" >"$tmp/base.csv"
compare "$HS_TOP" "$tmp/base.csv" --rows sbi_user,mmio_read
is $status 1 "compare fails when an exit has become costlier" || diag "$out" "$err"
like "$out" '^sbi_user +400 +[0-9]+ +\+[0-9.]+ +\+[0-9.]+' "the table names the costlier exit and its increase"
like "$out" COSTLIER "the table marks the costlier exit"
like "$out" 'Costs: ROW REASON' "the output shows the line with which a commit accepts the cost"
compare "$HS_TOP" "$tmp/base.csv" --rows mmio_read
is "$status $out" "0 1 figure: 1 the same, 0 less, 0 more, 0 of them by more than 2 %" "the figure of an unchanged exit is the same to the instruction"
sed 's/gcc [0-9.]*/gcc 99.1/' "$tmp/base.csv" >"$tmp/other.csv"
compare "$HS_TOP" "$tmp/other.csv" --rows sbi_user
is $status 0 "compare does not fail because of a figure made with another compiler"
like "$out" '^figures made with another .*: 1$' "the output counts the figures made with another compiler"

# The message of a commit may accept a higher cost. Each test runs in a clone whose last commit has
# a Costs: line.
if git -C "$HS_TOP" rev-parse HEAD >"$tmp/head" 2>/dev/null && git clone -q --shared "$HS_TOP" "$tmp/clone" 2>/dev/null; then
	commit()	# MESSAGE
	{
		git -C "$tmp/clone" -c user.name=test -c user.email=test@localhost -c commit.gpgsign=false commit -q --allow-empty -m "$1"
	}
	cp -R "$HS_TOP/scripts" "$tmp/clone"
	sed "s/BASE/$(cut -c1-12 "$tmp/head")/" "$tmp/base.csv" >"$tmp/said.csv"
	commit $'kvm: something\n\nCosts: mmio_* another row'
	compare "$tmp/clone" "$tmp/said.csv" --rows sbi_user
	is $status 1 "a Costs: line does not cover a row that it does not name"
	commit $'kvm: something\n\nCosts: * nobody looks\nCosts: ?*,*_*,fault_* nobody at all'
	compare "$tmp/clone" "$tmp/said.csv" --rows sbi_user
	is $status 1 "a Costs: line that matches most rows covers none of them"
	commit $'kvm: something\n\nWhy it is so.\n\nCosts: mmio_read, sbi_u* two locks instead of one'
	compare "$tmp/clone" "$tmp/said.csv" --rows sbi_user
	is $status 0 "a Costs: line in a commit's message can accept the cost" || diag "$out" "$err"
	like "$out" 'said: two locks instead of one' "the reason in the commit's message is shown"
	commit $'kvm: something\n\nIt waits.\nCosts: sbi_user it waits,\n twice\n\nTested: by hand.'
	compare "$tmp/clone" "$tmp/said.csv" --rows sbi_user
	like "$status $(tr -s '\n ' ' ' <<<"$out")" '^0 .*said: it waits, twice' "a Costs: line may be anywhere in the message and continue on the next line" || diag "$err"
	sed "s/,$(cut -c1-12 "$tmp/head"),/,--output=written,/" "$tmp/said.csv" >"$tmp/option.csv"
	is "$(cd "$tmp" && compare "$tmp/clone" "$tmp/option.csv" --rows sbi_user; echo $status; find "$tmp" -maxdepth 2 -name 'written*')" 1 \
		"a commit in the CSV that looks like an option is not passed to git as one"

	# Bases that cannot be measured.
	printf 'all: ; @echo no such machine >&2; exit 1\n' >"$tmp/Makefile"
	base()	# ENTRY...: print a new commit whose tree has these entries (git mktree)
	{
		git -C "$tmp/clone" -c user.name=test -c user.email=test@localhost commit-tree -m base "$(printf '%s\n' "$@" | git -C "$tmp/clone" mktree)"
	}
	broken=$(git -C "$tmp/clone" hash-object -w "$tmp/Makefile")
	printf 'all: ;\n.DEFAULT: ; @:\n' >"$tmp/Makefile"
	empty=$(git -C "$tmp/clone" hash-object -w "$tmp/Makefile")
	compare "$tmp/clone" "$(base "100644 blob $broken"$'\tMakefile')"
	like "$status $(tr '\n' ' ' <<<"$err")" '^125 .* does not build \(.*no such machine' "a base that does not build is reported"
	like "$err" 'BASE is not an ancestor of HEAD' "a base that is not an ancestor of HEAD is reported"
	compare "$tmp/clone" "$(base "100644 blob $empty"$'\tMakefile')"
	like "$status $(tail -n 1 <<<"$err")" '^125 compare: BASE has none of the rows to compare' "a base without a benchmark is reported"
else
	skip "a Costs: line in a commit's message can accept the cost" "this tree is not a git checkout"
fi

compare "$HS_TOP" --output=x
like "$status $err" '^2 compare: .*; see scripts/hyperscope compare --help' "a base that looks like an option is refused"
HYPERSCOPE_SET=fp=eager compare "$HS_TOP" "$csv"
like "$status $err" '^2 compare: HYPERSCOPE_SET is set' "toggles set in HYPERSCOPE_SET are refused"
sed '2,$s/,[0-9.]*,[0-9.]*,[0-9.]*,/,nan,nan,nan,/' "$csv" >"$tmp/nan.csv"
compare "$HS_TOP" "$tmp/nan.csv"
like "$status $err" "^2 compare: .*line 2: .* 'nan' is not a number" "a figure that is not a number is refused"
{ head -n 1 "$made"; grep ',sbi_user,' "$made"; grep ',sbi_user,' "$made"; } >"$tmp/twice.csv"
compare "$HS_TOP" "$tmp/twice.csv" --rows sbi_user
like "$status $err" '^2 compare: .*twice.csv: more than one line for hyperscope sbi_user' "a figure that occurs twice is refused"
sed 's/,instructions,/,cycles,/' "$made" >"$tmp/cycles.csv"
compare "$HS_TOP" "$tmp/cycles.csv" --rows sbi_user
like "$status $(tail -n 1 <<<"$err")" '^125 compare: the unit of sbi_user is cycles in BASE, but instructions here' "figures in another unit are reported"
compare "$HS_TOP" nothing
is "$status $err" "2 compare: BASE 'nothing' is neither a commit nor a file" "a base that does not exist is refused"
compare "$HS_TOP" "$csv" --rows none-such
like "$status $err" "^2 compare: --rows: there is no row 'none-such'" "a row that does not exist is refused"
compare "$HS_TOP" "$HS_TOP/README.md"
like "$status $err" '^2 compare: .*README.md: not a file that scripts/hyperscope bench' "a file that bench did not write is refused"
done_testing
