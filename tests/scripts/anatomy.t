#!/bin/bash
# SPDX-License-Identifier: MIT
#
# anatomy.t - scripts/hyperscope anatomy counts what the bench measures, assigns each instruction to a stage, and
# decodes instructions as objdump does. anatomy-linux.slow.t tests it on Linux KVM.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_plugin anatomy

anatomy()
{
	hs_script anatomy "$@"
}

# Claim that the stages add up to the sum, and that the batch's mean is the bench's figure.
adds_up()	# LABEL MOST: MOST is the largest permitted difference between mean and figure
{
	awk -v most="$2" '
		/^stage .*function/ || /what the exit table counts/ { exit }
		/^stage / { stages = 1; next }
		/^sum / { sum = $2; stages = 0 }
		stages && NF { total += $(NF - 1) }
		/^mean of the batch/ { mean = $NF }
		/^the bench/ { figure = $NF }
		END {
			off = mean - figure
			if (off < 0)
				off = -off
			printf "sum %d, stages %d, mean %.2f, figure %.2f\n", sum, total, mean, figure
			exit !(sum > 0 && sum == total && figure > 0 && off <= most)
		}' "$tmp/table" >"$tmp/sums"
	ok $? "$1: the stages add up to the bench's figure" || diag "$(cat "$tmp/sums")"
}

anatomy --list
like "$out" '^mmio_read$' "--list has the bench's rows"

anatomy mmio_read --calls --svg "$tmp/one.svg" --csv "$tmp/one.csv"
is $status 0 "anatomy measures mmio_read" || diag "$(cat "$tmp/err")"
adds_up mmio_read 0.5
is "$(awk '/^stage .*function/ { exit } /^(guest|user space|in the core|in the host) / { parts += $(NF - 1) }
	/^sum / { sum = $2 } /^in the (core|host) / && $(NF - 1) > 100 { large++ }
	END { print (parts == sum), large }' "$tmp/table")" "1 2" "the core, the host, the guest and the VMM add up to the sum"
is "$(python3 -c 'import csv, sys; print("%.2f" % sum(float(row["instructions"]) for row in csv.DictReader(open(sys.argv[1]))))' "$tmp/one.csv")" \
	"$(awk '/^mean of the batch/ { print $NF }' "$tmp/table")" "the CSV's instructions add up to the batch's mean"
unlike "$out" 'in no stage' "mmio_read: every function has a stage"
for stage in "registers saved" "CSR swap" "handler" "user space" "sret"; do
	like "$out" "^$stage +[1-9]" "mmio_read has instructions in the stage $stage"
done
like "$out" ' mmio_emulate +[0-9]+$' "an inlined or called function has its own count"
grep -v '^picture' "$tmp/table" >"$tmp/first"
python3 -c '
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
text = " ".join(root.itertext())
sys.exit(not (root.tag.endswith("svg") and "user space" in text and "mmio_emulate" in text))
' "$tmp/one.svg"
ok $? "the picture is XML and names stages and functions"
anatomy mmio_read --calls --svg "$tmp/two.svg"
grep -v '^picture' "$tmp/table" | cmp -s - "$tmp/first" && cmp -s "$tmp/one.svg" "$tmp/two.svg"
ok $? "a second run gives the same table and picture, to the byte"

# In these rows, respectively, an instruction traps and so is not counted, the guest takes a trap
# itself, and a fault is retried.
for row in wfi_pending illegal_insn fault_4k_present; do
	anatomy "$row"
	is $status 0 "anatomy measures $row" || diag "$(cat "$tmp/err")"
	adds_up "$row" 0.5
	unlike "$out" 'in no stage' "$row: every function has a stage"
done
# From one program to another. MOST is the uncertainty of the figures (docs/bench.md).
for setting in "io_out irqchip=user_plic 3" "io_in irqchip=aia_emul 5" "io_in_apart irqchip=aia_emul 5"; do
	set -- $setting
	anatomy "$1" --set "$2"
	is $status 0 "anatomy measures $1 $2" || diag "$(cat "$tmp/err")"
	adds_up "$1 $2" "$3"
	unlike "$out" 'in no stage' "$1 $2: every function has a stage"
done
like "$out" '^in parallel +[1-9]' "what the device's hart executes after its signal is counted"
anatomy io_in --systems bare
is $status 2 "a row from one program to another is refused on bare metal"
anatomy sbi_version --systems bare --insns
adds_up "sbi_version, bare" 0.5
like "$out" '^firmware +[1-9]' "bare: the firmware's instructions are counted"
like "$out" ' op_sbi_version\+0x[0-9a-f]+ src/guest/bench/bench.S:[0-9]+' "--insns shows source lines"

# The exit table counts a part of what the bench measures; with --exitstat, the anatomy shows which.
anatomy sbi_version --exitstat instret
adds_up "sbi_version with accounting" 0.5
part=$(awk '/what the exit table counts/ { ours = 1 } ours && $1 == "sum" { print $2 }' "$tmp/table")
is "$(awk '/^mean of the batch/ { print $NF + 0 }' "$tmp/table")" \
	"$(awk '/what the exit table counts/ { ours = 1 } ours && $1 == "sum" { print $2 + $3 }' "$tmp/table")" \
	"what the exit table counts and what lies outside add up to the bench's figure"
"$HS_TOP/scripts/hyperscope" run --out "$O" --icount --quiet --trace none "$O/guest-payloads/bench.bin" \
	--append only=sbi_version </dev/null >"$tmp/out" 2>"$tmp/err"
is "$("$O/hstrace" stat "$tmp/runs/last/trace" | awk '/^sbi base/ { print $5 }')" "$part" \
	"the part that the exit table counts is the mean that it shows"
unlike "$(<"$tmp/table")" 'The exit table subtracts' "without events, the exit table subtracts nothing"
anatomy plic_eoi --exitstat instret # two exits: the PLIC's claim and completion
like "$out" 'the exit table counts no exit of this path, or several$' "the parts of several exits are not mixed up"

anatomy sbi_version --against bare
is "$status $(awk '/by function/ { functions = 1; next } functions && /^sum / { print ($4 == total), ($4 == $3 - $2), (rows > 9) }
	functions && !/with the same number/ { total += $NF; rows++ }' "$tmp/table")" "0 1 1 1" "--against: the functions' differences add up to the difference" ||
	diag "$(cat "$tmp/table" "$tmp/err")"
like "$out" '^vcpu_exit_fast +- +[0-9]+ +\+[0-9]+$' "--against: a function of only one system has its instructions"
for words in "2 --against hyperscope" "2 --systems both --against bare" "2 --against nonsense" "125 --linux 1.2.3"; do
	# shellcheck disable=SC2086
	anatomy sbi_version ${words#* }
	is "$status $(wc -l <"$tmp/err")" "${words%% *} 1" "refused: ${words#* }"
done
anatomy nonsense
is $status 2 "an unknown row is refused"
like "$(cat "$tmp/err")" "no row 'nonsense'.*mmio_read" "the message for an unknown row lists the rows"
anatomy mmio_read --systems windows
is $status 2 "an unknown system is refused"
anatomy mmio_read --set nonsense=1
is $status 2 "an unknown toggle is refused"
anatomy mmio_read --path 4711
is $status 2 "a path that does not exist is refused"
is "$(PYTHONPATH=$HS_TOP/scripts python3 -B -c 'from hs.commands.anatomy import choose
from hs.errors import LaunchError
try:
    choose({0: (1, 1)}, "\u00b2")
except LaunchError as error:
    print(error.status)' 2>&1)" 2 "a digit that is not decimal is refused as a path"
if [ -f "$O/guest/vmlinux" ]; then
	cat >"$tmp/qemu" <<-'END'
		#!/bin/sh
		case "$*" in *--version*) echo "QEMU emulator version 10.9.1" ;; esac
		for word; do
			case $word in *id=symbols*) echo "$word" >"$ARGUMENTS" ;; esac
		done
		exit 1
	END
	chmod +x "$tmp/qemu"
	mkdir "$tmp/a b,c"
	TMPDIR="$tmp/a b,c" ARGUMENTS=$tmp/arguments anatomy sbi_version --systems linux --qemu "$tmp/qemu"
	like "$(cat "$tmp/arguments" 2>&1)" "^file,id=symbols,path=$tmp/a b,,c/anatomy.*/linux/kallsyms\$" "the temporary folder's name may contain a blank and a comma" ||
		diag "$(cat "$tmp/err")"
else
	skip "the temporary folder's name may contain a blank and a comma" "there is no guest kernel"
fi
is "$(find "$tmp" -name 'anatomy.*' | wc -l)" 0 "no temporary folder is left"

before=$tests_run
checked insn_kinds.py "" python3 "$HS_TOP/tests/scripts/insn_kinds.py" "$HS_TOP" "$O"
is "$((tests_run - before))" 4 "encodings of three programs were compared"
done_testing
