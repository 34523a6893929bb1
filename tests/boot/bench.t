#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bench.t - scripts/hyperscope bench: under --icount, two runs print the same bytes, and figures are
# counts of instructions; options work, and wrong ones are refused. The test does not check how many
# instructions an exit costs.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_built "$O/vmm"

for n in 1 2; do
	hs run --quiet --icount hello
	is $status 0 "hello runs with --icount, run $n" || diag "$err"
	mv "$tmp/out" "$tmp/hello.$n"
done
cmp -s "$tmp/hello.1" "$tmp/hello.2"
ok $? "two runs with --icount print the same bytes, times included" || diag "$(diff "$tmp"/hello.[12])"

bench()	# ARGS...: run bench, and set $status, $out and $err
{
	timeout --kill-after=5 "$(scaled 120)" "$HS_TOP/scripts/hyperscope" bench --out "$O" "$@" \
		>"$tmp/out" 2>"$tmp/err"
	status=$?
	out=$(cat "$tmp/out") err=$(cat "$tmp/err")
}

# ---- the processors that `make bench` measures ----
of_make()	# NAME=VALUE...: print the --cpu options that `make bench` would pass
{
	make -n -C "$HS_TOP" O="$O" bench "$@" 2>/dev/null | grep '/scripts/hyperscope bench ' | grep -oE -- '--cpu[ =][a-z0-9]+' | xargs
}
is "$(of_make "ARGS=--rows mmio_read"):$(of_make "ARGS=--rows mmio_read" CPU=max)" "--cpu both:--cpu max" \
	"make bench measures both processors, or the one that CPU= names"
is "$(of_make "ARGS=--cpu rv64 --rows mmio_read"):$(of_make ARGS=--cpu=max CPU=rv64)" "--cpu rv64:--cpu=max" \
	"make bench measures only the processor that --cpu in ARGS names"

# ---- the values of nacl that are measured ----
planned=$(cd "$HS_TOP/scripts" && python3 -B - <<'END'
from hs import toggles
from hs.bench import systems
from hs.paths import TOP
settings = [("", None)] + [("nacl=" + value, ["sbi_version"]) for value in toggles.tried(TOP)["nacl"][1:]]
jobs = systems.plan(["hyperscope", "nested", "nested_linux"], ["rv64"], settings, ["sbi_version"])
print(*(job.system + ":" + job.setting for job in jobs))
END
)
is "$planned" "hyperscope: nested: nested_linux: nested_linux:nacl=off nested_linux:nacl=no_sync_csr nested_linux:nacl=no_autoswap" \
	"NACL is measured with Linux as a guest hypervisor, with the values with which Linux works"

# ---- --verify and --against ----
bench bare hyperscope --rows sbi_version,mmio_read --toggle mmio_decode --csv "$tmp/csv" --verify
is $status 0 "--verify: two runs give the same figures" || diag "$out" "$err"
like "$out" 'verify: [0-9]+ rows, all figures are the same' "--verify: the output says that all figures are the same"
like "$out" '^mmio_read +3\.[0-9] +[0-9]+ ' "the table's mmio_read row has figures for bare and for hyperscope"
like "$out" '^mmio_decode=fetch +mmio_read +[0-9]+ +[0-9]+ +\+[0-9]+' "the table has a row for the cost that a toggle adds"
like "$err" '^bench: 1 of 3, ' "progress is shown on standard error"
is "$(awk 'length > 80' "$tmp/out")" "" "no line of the output is longer than 80 characters"
like "$(cat "$tmp/csv")" '^hyperscope,mmio_read,default,rv64,instructions,32768,[0-9.,]+,' \
	"the CSV has a row for each measurement"
like "$(cat "$tmp/csv")" 'OpenSBI v[0-9.]+ ' "the CSV's rows name the firmware"
sed -n 's/^bare,mmio_read,default,rv64,instructions,32768,/&1/; /^bare,mmio_read\|^system/p' \
	"$tmp/csv" >"$tmp/other"
bench bare --rows mmio_read --against "$tmp/other"
is $status 1 "--against fails when a figure differs" || diag "$out" "$err"
like "$out" '^against .*: bare mmio_read default rv64: min [0-9.]+ and 1[0-9.]+' "--against names the figure that differs"

# ---- other clocks ----
bench hyperscope --cycles --rows mmio_read,timer_late_5us --csv "$tmp/csv"
like "$(cat "$tmp/csv")" '^hyperscope,mmio_read,default,rv64,cycles,32768,[1-9]' "--cycles measures in cycles"
like "$(cat "$tmp/csv")" '^hyperscope,timer_late_5us,default,rv64,instructions,64,' \
	"--cycles still measures a wake-up's lateness with the clock"
for unit in cycles ns; do
	printf 'bench,sbi_version,%s,32768,307,307,307,307,307,307\n' $unit >"$tmp/$unit"
done
bench hyperscope linux --rows sbi_version --from hyperscope="$tmp/cycles" --from linux="$tmp/ns"
like "$out" '^sbi_version +- +307 +- +307 +- +-$' "figures in cycles and in nanoseconds are shown without a ratio or a goal"
like "$out" '^Different units have no ratio: cycles for hyperscope, ns for linux' "a note says that different units have no ratio"
bench hyperscope linux --rows sbi_version --from hyperscope="$tmp/ns" --from linux="$tmp/ns"
like "$out" '^sbi_version +- +307 +- +307 +- +1\.00' "figures in the same unit have a ratio"
bench hyperscope --single --rows mmio_read --csv "$tmp/csv" --set vmid=on --trace kvm_exit --exitstat auto
is "$(cut -d , -f 1-3 "$tmp/csv" | tail -n 1)" "hyperscope,mmio_read,vmid=on trace=kvm_exit exitstat=auto" \
	"the CSV says which toggles, events and accounting were on"
like "$out" 'Observed on hyperscope: vmid=on trace=kvm_exit exitstat=auto' "the line under the tables states which observation was on"
like "$(cat "$tmp/csv")" '^hyperscope,mmio_read,[^,]*,rv64,instructions,1024,[0-9]+\.00,[0-9]+\.00,' \
	"--single: each sample is one operation, in whole instructions"

# ---- I/O latency in both directions (io_out, io_in), and a timer that is already due ----
bench hyperscope --rows io_out,io_in,io_in_apart,timer_now,sbi_set_timer --csv "$tmp/csv"
agree()	# ROW: claim that the row's batches agree within 2 %
{
	awk -F, -v row="$1" '$2 == row && $6 == 3200 && $7 > 0 && $10 <= 1.02 * $7 { found = 1 } END { exit !found }' "$tmp/csv"
	ok $? "$1 is measured, and its batches agree within 2 %" || diag "$out" "$err"
}
agree io_out
agree io_in
agree io_in_apart
awk -F, '{ p50[$2] = $8 } END { more = p50["timer_now"] - p50["sbi_set_timer"]; exit !(more > 2 && more < 20) }' "$tmp/csv"
ok $? "setting a timer that is already due costs the SBI TIME call plus the interrupt handler" || diag "$(cut -d, -f 1-8 "$tmp/csv")"

# ---- scale: an exit costs the same with 2 and with 8 vCPUs, and with 2 and with 16 VMs ----
bench hyperscope --rows run_vcpus,run_8_vcpus,run_vms,run_16_vms --csv "$tmp/csv"
flat()	# FEW MANY: claim that the medians differ by at most 5 %
{
	awk -F, -v few="$1" -v many="$2" '{ p50[$2] = $8 } END {
		exit !(p50[few] > 0 && p50[many] >= p50[few] * 0.95 && p50[many] <= p50[few] * 1.05) }' \
		"$tmp/csv"
	ok $? "$2 costs the same as $1, within 5 %" || diag "$(cut -d, -f 1-8 "$tmp/csv")"
}
flat run_vcpus run_8_vcpus
flat run_vms run_16_vms

# ---- interrupt controllers: the rows of devices with each value of the toggle ----
bench hyperscope --single --rows plic_eoi,irq_inject,msi_self,msi_irqfd,blk_read_4k,msi_pingpong --toggle irqchip --csv "$tmp/csv"
for irqchip in kernel_plic aia_emul aia_hwaccel; do
	is "$(sed -nE "s/^hyperscope,([a-z_0-9]+),(halt_poll_ns=0 )?irqchip=$irqchip,rv64,instructions,[1-9].*/\1/p" "$tmp/csv" | xargs)" \
		"plic_eoi irq_inject$([[ $irqchip != aia_* ]] || echo ' msi_self') blk_read_4k$([[ $irqchip != aia_* ]] || echo ' msi_irqfd msi_pingpong')" \
		"the rows of devices are measured with irqchip=$irqchip" || diag "$out" "$err"
done
no_exit()	# ROW LIMIT TOGGLES CLAIM: the row takes an exit with aia_emul, but at most LIMIT instructions with aia_hwaccel
{
	awk -F, -v row="$1" -v limit="$2" -v emul="$3=aia_emul" -v hw="$3=aia_hwaccel" '$2 == row { p50[$3] = $8 }
		END { exit !(p50[hw] > 0 && p50[hw] < limit && p50[emul] > 100) }' "$tmp/csv"
	ok $? "with guest interrupt files, $4 takes no exit" || diag "$out"
}
no_exit msi_self 30 irqchip "an MSI of a hart to itself, with its claim,"
no_exit msi_pingpong 50 "halt_poll_ns=0 wfi=native irqchip" "a round trip of MSIs between two running vCPUs"

# ---- exits of a boot of Debian's kernel ----
if [ -f "$O/guest-initrd.cpio" ]; then
	timeout --kill-after=5 "$(scaled 180)" "$HS_TOP/scripts/hyperscope" bench-apps hyperscope --out "$O" --rows boot_exits \
		--csv "$tmp/csv" >"$tmp/out" 2>"$tmp/err"
	is "$? $(awk -F, '$2 == "boot_exits" && $5 == "exits" && $8 > 0 && $8 <= 100 { print $3 }' "$tmp/csv" | xargs)" \
		"0 default irqchip=aia_hwaccel" "a boot with SBI DBCN as the console has at most 100 exits besides WFI" || diag "$(cat "$tmp/out" "$tmp/err")"
else
	skip "the exits of a boot" "there is no guest kernel: set-up could not fetch it"
fi

# ---- two kernels ----
if [ -f "$O/guest/vmlinux" ] && ! qemu_breaks_linux_kvm; then
	bench --linux "a=$O/guest" --rows sbi_version --csv "$tmp/a.csv"
	is $status 0 "--linux measures the kernel in a folder" || diag "$err"
	like "$out" '^sbi_version +[1-9][0-9][0-9]$' "the table has a column for it"
	like "$(cat "$tmp/a.csv")" '^linux-a,sbi_version,.*,"Linux 6\.[^,]*riscv64 \(gcc [0-9.]+.*, sha256:[0-9a-f]{12}\)"' "the CSV names its release, compiler and digest"
	sed 's/^linux-a/linux-b/; s/\(instructions,32768,[0-9.]*,\)[0-9.]*/\1800.00/' "$tmp/a.csv" >"$tmp/b.csv"
	bench --linux "a=$O/guest" --rows sbi_version --against "$tmp/b.csv"
	is $status 1 "--against fails if the kernel's figure is more than 2 % above that of another one"
	like "$out" '^sbi_version +800 +[89][0-9]{2} +\+[0-9.]+ +\+1[0-9]\.[0-9]$' "the table shows the increase"
	cat "$tmp/a.csv" <(sed 1d "$tmp/b.csv") <(sed '1d; s/^linux-b/linux-c/' "$tmp/b.csv") >"$tmp/abc.csv"
	claim=$(cd "$HS_TOP/scripts" && python3 -B - "$tmp" 2>&1 >/dev/null <<'END'
import sys
from types import SimpleNamespace
from hs.bench import kernels, report
from hs.errors import LaunchError
a, b, every = (report.read_csv("%s/%s.csv" % (sys.argv[1], name)) for name in ("a", "b", "abc"))
def compared(theirs, limit=None, wanted=None):
    options = SimpleNamespace(kernels=["linux-a"], limit=limit, against="FILE", statistic="p50")
    try:
        return kernels.compare(a, theirs, options, kernels.base_in(theirs, options, wanted))
    except LaunchError as error:
        return "%d %s;" % (error.status, error)
print(compared(b, limit=0.5), compared(every), compared([row for row in every if row not in a]), compared(b, wanted=["mmio_read"]),
      file=sys.stderr)
END
	)
	sed 's/^linux-b/linux-7.2.9/' "$tmp/b.csv" >"$tmp/old.csv"
	merged=$(cd "$HS_TOP/scripts" && python3 -B - "$tmp" <<'END'
import sys
from hs.bench import report
from hs.commands.kvm_history import merged
(line,), path = report.read_csv(sys.argv[1] + "/a.csv"), sys.argv[1] + "/old.csv"
new = [dict(line, system="linux-" + name) for name in ("source-6.12", "7.2.13", "7.2.9", "6.12.117")]
print(*(row["system"][6:] + ":" + row["p50"][:3] for row in merged(path, new[:2])), *(row["p50"][:3] for row in merged(path, new[2:3])))
END
	)
	like "$merged" '^7\.2\.9:800 7\.2\.13:([0-9]{3}) source-6\.12:\1 \1$' \
		"kvm-history sorts kernels by release, keeps lines of other kernels, and replaces those of the same one"
	is "$claim" "0 0 2 --against FILE: has figures of 2 kernels; use a file with one; 2 --against FILE: has no figure for mmio_read;" \
		"the limit counts; of a file with several kernels, the figures of the same one are used"
else
	skip "two kernels" "there is no guest kernel, or this QEMU breaks guests of Linux KVM"
fi

# ---- usage errors ----
for words in "nonsense" "--rows nonsense 7.2.9" "--jobs 0 7.2.9"; do
	# shellcheck disable=SC2086
	"$HS_TOP/scripts/hyperscope" kvm-history --out "$O" $words >"$tmp/out" 2>"$tmp/err"
	is "$? $(wc -l <"$tmp/err")" "2 1" "refused: kvm-history $words" || diag "$(cat "$tmp/err")"
done
refused()	# REGEX ARGS...
{
	bench "${@:2}"
	is $status 2 "refused: ${*:2}"
	like "$err" "$1" "the refusal gives the reason"
	is "$(wc -l <"$tmp/err")" 1 "the refusal is one line" || diag "$err"
}
refused "there is no system 'nonsense'" nonsense
refused "there is no row 'nonsense'" --rows nonsense
refused "there is no toggle 'nonsense'" --toggle nonsense
refused "there is no toggle 'nonsense'" --set nonsense=1
refused "toggle gstage_huge takes on or off" --set gstage_huge=maybe
refused "--rows: no row is named" --rows ''
refused "--exitstat 'bogus': choose from .*auto" --exitstat bogus
refused "unknown option --wrong" --wrong
refused "--linux nonsense: choose stable, newest, debug, a release such as 7.2.11" --linux nonsense
bench --linux 1.2.3
is "$status $err" "125 bench: --linux 1.2.3: $O/linux/1.2.3/vmlinux is missing: run 'scripts/hyperscope setup linux-1.2.3'" \
	"a kernel that was not fetched cannot be measured, so git bisect run skips it"
bench --linux "$HS_TOP/docs"
like "$status $err" "^125 .*/docs/vmlinux is missing: name a folder with an Image" "nor can a folder without one"
refused "--linux: no kernel is named" --linux ,
refused "--against: /nowhere: no such file" --against /nowhere
refused "--limit: needs --against" --limit 1%
refused "--limit: x is not a percentage such as 2%" --limit x --against "$tmp/csv"
bench --firmware /nowhere/fw.bin
is $status 2 "bench ends with status 2 when the firmware does not exist"
like "$err" "firmware /nowhere/fw.bin: No such file" "the message names the missing firmware"
printf '\x6f\0\0\0' >"$tmp/stuck" # j .
bench bare --rows nothing --firmware "$tmp/stuck" --timeout 2
is $status 125 "--timeout ends a run whose firmware does not start a payload"
like "$err" "has not started the payload within 2 seconds" "the message says that the payload was not started"
mkdir "$tmp/o"
ln -s "$O"/* "$tmp/o"
rm "$tmp/o/tests"
bench hyperscope --rows run_same --out "$tmp/o"
is $status 125 "bench ends with status 125 when a row's program is not built"
like "$err" "/tests/kvm/bench_turns is missing: run make" "the message says what builds the missing program"
rm -f "$tmp/o/linux_newest"
bench linux_newest --rows nothing --out "$tmp/o"
is "$status $err" "125 bench: $tmp/o/linux_newest/vmlinux is missing: run 'scripts/hyperscope setup linux-newest'" \
	"linux_newest needs the kernel that set-up fetches"
mkdir -p "$tmp/o/tests/kvm"
cp "$O/tests/progs/ends" "$tmp/o/tests/kvm/bench_turns"
bench hyperscope --rows run_same --append never --timeout "$(scaled 4)" --out "$tmp/o"
log=$tmp/o/failed/bench-hyperscope-rv64-turns.log
is "$status $(sed "s/ [0-9][0-9]* / N /g" <<<"$err")" "125 bench: hyperscope rv64 (turns) took longer than N seconds (--timeout) after N rows
the end of its output (all of it is in ${log#"$PWD/"}):
  waiting
  hyperscope: ended after N seconds (--timeout)
  thread N (bench_turns): asleep" "after a time-out, the last lines of the console and of the launcher are shown"
is "$(head -n 1 "$log")" "waiting" "the whole output of a run that failed is kept"
rm -r "$tmp/o/tests"
bench bare --rows nothing --out "$tmp/o"
is $status 0 "a row that does not need the missing program is measured" || diag "$err"
bench hyperscope --from "hyperscope=/dev/null"
is $status 2 "a log without figures is refused" || diag "$err"
done_testing
