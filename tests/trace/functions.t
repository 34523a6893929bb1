#!/bin/bash
# SPDX-License-Identifier: MIT
#
# functions.t - hstrace stat --by function and --by pc: every exit is counted once, for the guest's
# function in which it happened; files of symbols are not trusted. export.t and html.t test exits by
# function in a real run, in perf and on the page.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

bin=$O/tests/trace
needs_built "$bin/hstrace" "$bin/mkguest"
cd "$tmp" || exit 1

# guest FILE EXITS [EXPRESSION [META...]]: make a trace of three vCPUs on two harts, with the pcs of exits.py
guest()
{
	local meta=(--meta icount=0) word
	"$bin/mkguest" ram 2 3 "$2" instret 'kvm_*'
	[ -z "$3" ] || python3 "$HS_TOP/tests/trace/exits.py" ram "$3"
	for word in "${@:4}"; do meta+=(--meta "$word"); done
	"$bin/hstrace" save "${meta[@]}" ram "$1"
	rm ram
}

trace()
{
	"$bin/hstrace" "$@" >out 2>err
	status=$?
	out=$(cat out)
	err=$(cat err)
}

# rows: print the count and the name of each row of the table in `out`, sorted by name
rows()
{
	awk 'NR > 2 && $2 ~ /%$/ { n = $1; $1 = $2 = $3 = $4 = $5 = $6 = ""; sub(/^ */, ""); print n, $0 }' out |
		LC_ALL=C sort -k2
}

# ---- a list of symbols: kinds 0 and 1 of mkguest's exits are in `io`, 2 to 4 in `call`, 5 and 6 in `rest` ----
guest t 3000
cat >list <<'END'
0000000080200000 T io
0000000080200008 t call	[module]
0000000080200014 W rest
000000008020001c D not_code
END
"$bin/hstrace" report --events kvm_exit t | sed -n 's/.* sepc=\(0x[0-9a-f]*\) .*/\1/p' >pcs
is "$(wc -l <pcs)" 3000 "the trace has 3000 exits"
trace stat --by function --kallsyms list t
is "$status$err $(rows | tr '\n' ';')" "0 $(awk '
	{ n[$1 < "0x80200008" ? "io" : $1 < "0x80200014" ? "call" : "rest"]++ }
	END { for (name in n) print n[name], name }' pcs | LC_ALL=C sort -k2 | tr '\n' ';')" \
	"each exit is counted for the function of its sepc"
is "$(head -n 2 out | tr -s ' ')" "$(printf 'exits: 3000; cost in instructions, from exit to next entry\n count share mean p50 p99 max function')" \
	"the table has the columns of other tables, and the function last"
like "$(tail -n 1 out)" '^symbols: .*/list$' "the last line of the table names the file of symbols"
is "$(awk 'NR > 2 && $2 ~ /%$/ { n += $1 } END { print n }' out)" \
	"$("$bin/hstrace" stat --by vcpu t | awk 'NR > 2 && $3 ~ /%$/ { n += $2 } END { print n }')" \
	"the rows add up to the total of other tables from events"
cp out first
trace stat --by function --kallsyms list t
cmp -s out first
ok $? "the same trace gives the same table"
guest t-again 3000
trace stat --by function --kallsyms list t-again
cmp -s out first
ok $? "an equal trace gives an equal table"
is "$(awk 'length > 80 && !/^symbols: /' first)" "" "the table fits in 80 columns"

# Kind 6 is the only exit of its cause, so the two rows have the same numbers.
trace stat --by pc --kallsyms list t
mine=$(sed -n 's/ 0x80200018 rest+0x4$//p' out | tr -s ' ')
trace stat --by cause --vm 1 t
is "$mine" " $(sed -n 's/^virtual_inst *//p' out | tr -s ' ')" "--by pc has the count and the costs of --by cause"

trace stat --by function --kallsyms list --filter 'kvm_exit: scause == ecall_vs' --vcpu 1 t
is "$(rows)" "$("$bin/hstrace" report --filter 'kvm_exit: scause == ecall_vs' --vcpu 1 t | grep -c ' kvm_exit: ') call" \
	"options that select events apply"
trace stat --by function t
like "$out" '^ +[0-9]+ .* unknown 0x80200018$' "without symbols, a row shows the address"
like "$out" 'no symbols: give --elf FILE \(a payload\) or --kallsyms FILE \(a kernel\)$' \
	"without symbols, the table tells how to get them"
echo '80200008 T later' >part
trace stat --by function --kallsyms part t
is "$(rows | cut -d' ' -f2- | tr '\n' ';')" "later;unknown 0x80200000;unknown 0x80200004;" \
	"an address that no symbol covers has a row of its own"

# ---- a kernel at negative addresses: its early code, its programs ----
cat >kernel <<'END'
ffffffff80000000 T _start
ffffffff80000008 T later
END
# Each vCPU begins at physical addresses, then turns on its MMU, and later runs a program at an address
# that is also in the kernel's image.
guest t2 3000 'pc if n % 1000 < 100 else 0xffffffff80000008 if n % 1000 < 600 else pc + 0x10 * (n % 2)'
trace stat --by function --kallsyms kernel t2
is "$(rows | cut -d' ' -f2- | tr '\n' ';')" "_start;later;user program;" \
	"a positive address is a user program's, or the kernel's before its MMU is on"
n=$(rows | sed -n 's/ user program//p')
"$bin/hstrace" report --events kvm_exit t2 >report
is "$n" "$(awk '!/^#/ { vcpu = $4; high[vcpu] += /sepc=0xffffffff/; n += high[vcpu] && !/sepc=0xffffffff/ }
	END { print n }' report)" "no exit of a program is counted for the kernel"
trace stat --by pc --kallsyms kernel t2
like "$out" ' 0x80200020 user program$' "--by pc shows the addresses of programs"
trace stat --by function --kallsyms kernel --elf "$O/guest-payloads/hello.elf" t2
is "$status$err $(rows | grep -c 'user program')" "0 0" "a kernel and a payload can be given together"

# ---- a payload ----
trace stat --by function --elf "$O/guest-payloads/hello.elf" t
like "$(rows)" '^3000 _start$' "--elf reads the symbols of a payload" || diag "$err"
trace stat --by function --elf "$O/guest-payloads/hello.elf" --elf "$O/guest-payloads/exits.elf" t
is "$status $(wc -l <err) $(grep -c 'exits.elf: has the same addresses as .*hello.elf; ' err)" "2 1 1" \
	"two files with symbols for the same addresses are refused" || diag "$err"
trace stat --by function --elf list t
is "$status $err" "2 hstrace: list: not an ELF file; for a list of symbols, use --kallsyms" \
	"--elf refuses a list of symbols"

# ---- symbols that hstrace finds by itself, from the guest's name in the trace ----
mkdir -p build/guest-payloads
cp "$bin/hstrace" build/
cp "$O/guest-payloads/hello.elf" build/guest-payloads/
cp "$O/guest-payloads/hello.elf" mine.elf
for row in "guest=hello|build/guest-payloads/hello.elf" "guest=mine.bin|mine.elf" \
	"guest=$tmp/mine.bin|mine.elf"; do
	guest t3 300 '' "${row%|*}" map=virt
	is "$(build/hstrace stat --by function t3 2>&1 | tail -n 1)" "symbols: $(realpath "${row#*|}")" \
		"the symbols of ${row%|*} are found" || diag "$(build/hstrace stat --by function t3)"
done
guest t3 300 '' guest=linux map=virt
like "$(build/hstrace stat --by function t3)" 'no symbols: scripts/hyperscope profile --symbols' \
	"if the symbols of Debian's kernel are missing, the table names the command that obtains them"
cp kernel build/guest.kallsyms
like "$(build/hstrace stat --by function t3)" 'symbols: .*/build/guest.kallsyms$' \
	"the symbols of Debian's kernel are found"
mkdir build/guest
touch -d '1 hour' build/guest/vmlinux
like "$(build/hstrace stat --by function t3)" 'no symbols: scripts/hyperscope profile --symbols' \
	"symbols that are older than the kernel are not used"
rm -r build/guest
echo damaged >build/guest.kallsyms
build/hstrace diff --by function t3 t3 2>err
is "$? $(grep -c 'guest.kallsyms: is neither' err)" "0 1" "a damaged file that no option names is reported once, and not needed" || diag "$(cat err)"
guest t3 300 '' guest=hello
like "$(build/hstrace stat --by function t3)" 'no symbols: give --elf' \
	"another VMM's guest does not get symbols of the same name"

# ---- more rows than a table has ----
guest many 6000 '0x90000000 + 2 * n'
trace stat --by pc many
is "$(awk 'NR > 2 && $2 ~ /%$/ { n += $1; rows++ } END { print n, rows }' out)" "6000 2049" \
	"exits beyond 2048 rows are counted in one more row"
like "$out" '^ +3952 .* others$' "the row of further exits is called others"
like "$out" '^others: exits beyond the first 2048 rows$' "a note explains the row others"

# ---- stacks for flame graphs ----
trace stat --by function --kallsyms list --folded count t
is "$status$err $(grep -vcx 'guest kernel;[a-z]*;[^;]* [0-9]*' out)" "0 0" \
	"--folded prints FUNCTION;CAUSE COUNT"
is "$(awk -F ';' '{ n = $3; sub(/.* /, "", n); sub(/ [0-9]*$/, "", $3); sum[$3] += n } END { for (c in sum) print c, sum[c] }' out | LC_ALL=C sort)" \
	"$("$bin/hstrace" stat t | sed -nE '3,$s/^(.*[^ ]) +([0-9]+) +[0-9.]+% .*/\1 \2/p' | LC_ALL=C sort)" \
	"--folded count has as many exits of each cause as the host's own counters"
trace stat --by function --folded count --vcpu 1 t
is "$(awk '{ n += $NF } END { print n }' out)" 1000 "--folded counts only the selected exits"
trace stat --by function --kallsyms list --folded cost t
cp out folded

# exit_costs COLUMN: print the sum of the differences of COLUMN between each kvm_exit and the next kvm_entry in t.csv
exit_costs()
{
	awk -F , -v unit="$1" 'NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
		{ vcpu = $column["vcpu"]; now = $column[unit] }
		$column["event"] == "kvm_exit" { start[vcpu] = now; open[vcpu] = 1 }
		$column["event"] == "kvm_entry" && open[vcpu] { n += now - start[vcpu]; open[vcpu] = 0 }
		END { print n }' t.csv
}
trace export --to csv t t.csv
is "$(awk '{ n += $NF } END { print n }' folded)" "$(exit_costs instret)" \
	"--folded cost adds up to the instructions from exits to entries"
"$bin/mkguest" ram 2 2 1000 time 'kvm_*' && "$bin/hstrace" save ram timed && rm ram
trace export --to csv timed t.csv
trace stat --by function --folded cost timed
is "$(awk '{ n += $NF } END { print n }' out)" "$(exit_costs time_ns)" "if costs are times, --folded cost is in ns"
trace stat --by function --folded count --vm 9 t
is "$status $(grep -c . out) $(tail -n 1 err)" "1 0 hstrace: t: no exit is in the trace or selected" \
	"--folded without exits is an error"
"$bin/mkram" ram 1 10000 instret && "$bin/hstrace" save ram lossy && rm ram
trace stat --by function --folded count lossy
is "$status $(cat err)" "0 hstrace: lossy: 5905 events were lost and are not counted" "--folded says that events were lost"
"$HS_TOP/scripts/hyperscope" flamegraph --out graph.svg --unit instructions folded 2>err
is "$? $(grep -c '>call' graph.svg | sed 's/^[1-9][0-9]*$/some/')" "0 some" \
	"scripts/hyperscope flamegraph draws the output of --folded" || diag "$(cat err)"
trace stat --by function --kallsyms kernel --folded count t2
like "$out" '^guest user;user program;' "stacks of exits of a guest's programs begin with guest user"
"$bin/mkguest" ram 2 2 1000 none 'kvm_*' && "$bin/hstrace" save ram uncounted && rm ram
trace stat --by function --folded cost uncounted
is "$status $err" "1 hstrace: uncounted: its exits have no costs; use --folded count" \
	"--folded cost is refused for a trace without costs"

# ---- comparing runs ----
trace diff --by function --kallsyms list t t-again
is "$status" 0 "diff --by function finds equal traces equal"
guest t4 3000 'pc ^ 0x10'
trace diff --by function --kallsyms list t t4
is "$status $(grep -c '^io \|^call \|^rest ' out)" "1 3" "diff --by function compares the functions of two runs" || diag "$out$err"

# ---- hostile files of symbols, usage errors ----
printf '0000000000000000 T _start\n' >hidden
head -c 3000 "$O/guest-payloads/hello.elf" >"cut"
head -c 100000 /dev/zero | tr '\0' 'x' >text
head -c 100000 /dev/urandom >noise
head -c 40 /bin/sh >stub
: >empty
truncate -s 2G huge
mkdir folder
for row in "hidden|has no addresses" "cut|has no symbols" "text|neither an ELF file" "noise|neither an ELF file" \
	"stub|not a riscv64 ELF file" "empty|neither an ELF file" "none|No such file" "huge|too large" "folder|."; do
	for option in kallsyms elf; do
		trace stat --by function --$option "${row%%|*}" t
		is "$status $(wc -l <err) $(grep -c "^hstrace: ${row%%|*}: .*${row#*|}" err) $(wc -l <out)" "2 1 1 0" \
			"--$option: an invalid file is reported: ${row%%|*}" || diag "$err"
	done
done
for args in "--kallsyms list t" "--by sbi --elf list t" "--by function --kallsyms" "--by nosuch t" \
	"--by function --folded t" "--by function --folded max t" "--folded cost t" "--by vcpu --folded count t" \
	"--by function --folded count --live run"; do
	# shellcheck disable=SC2086 # split into words on purpose
	trace stat $args
	[ "$status" = 2 ] && grep -q '^usage: hstrace stat' err && [ -z "$out" ]
	ok $? "a usage error is reported: stat $args" || diag "$out$err"
done
trace diff --kallsyms list t t
is "$status" 2 "diff refuses symbols for a table without functions"

done_testing
