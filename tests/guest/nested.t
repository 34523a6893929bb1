#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Nested virtualization: the payload nested, which is a guest hypervisor, on the machine itself, in a
# VM, and as the guest of a guest hypervisor; hyperscope and Debian's KVM in a VM, with payloads as their
# guests. Time-out: 300 seconds.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/guest/payloads.sh"
need_files

# ---- the machine itself: the claims are about QEMU's own H extension ----

ssaia=rv64,smaia=on,ssaia=on,smstateen=on,sscofpmf=on
machine=(-M virt)
qemu_older 10.0 || machine=(-M "virt,aia=aplic-imsic,aia-guests=3" -cpu "$ssaia")
timeout --foreground "$(scaled 60)" "${QEMU:-qemu-system-riscv64}" "${machine[@]}" -m 256M -nodefaults -display none \
	-serial stdio -kernel "$O/guest-payloads/nested.bin" -append "$(quirks | xargs)" </dev/null >"$tmp/bare"
is "$?" 0 "the payload nested runs in HS mode under OpenSBI" || diag "$(tail -n 3 "$tmp/bare")"
is "$(tr -d '\r' <"$tmp/bare" | grep -o 'not ok .*')" "" "no claim fails there"
like "$(tr -d '\r' <"$tmp/bare" | tail -n 1)" '^1\.\.[12][0-9][0-9]$' "and it runs to its end"

# ---- a VM, with each variant of what nested virtualization depends on ----

vm nested nested --nested
for setting in "fp eager" "fp lazy_save" "switch full" "fastpath off" "timer hrtimer" "wfi native" \
	"vmid flush" "gstage_walk recursive" "gstage_huge off" "nested_switch eager" "shadow protect" \
	"nacl no_sync_csr" "nacl no_sync_hfence" "nacl no_sync_sret" "nacl no_autoswap"; do
	# shellcheck disable=SC2086
	toggle $setting
	vm "nested, ${setting/ /=}" nested --nested
	toggle "${setting% *}"
done

# ---- a VM with Ssaia, in which L1 has the hart's guest interrupt file ----

if qemu_older 10.0; then
	skip "nested, Ssaia" "QEMU $(qemu_version) is older than 10.0"
else
	hs run --nested --quiet --machine aia --cpu "$ssaia" --set irqchip=aia_hwaccel --append "$(quirks | xargs)" \
		"$O/guest-payloads/nested.bin"
	is "$status:$(grep '^not ok' <<<"$out")" "0:" "with Ssaia, all claims hold"
	unlike "$out" 'no Ssaia' "also those about Ssaia"
	unlike "$out" 'guest interrupt files # SKIP' "and about guest interrupt files"
fi

# ---- hyperscope in hyperscope: L1 is a guest's kernel, and its VMM runs a payload as L2 ----

# level_2 NAME WORD...: an initramfs for L1, in which the VMM runs the payload with these options, or boot arguments if they
# contain an equals sign
level_2()
{
	local name=$1 append word words=()
	append=$(quirks | xargs)
	shift
	for word; do
		case $word in
		*=*) append+=" $word" ;;
		*) words+=("$word") ;;
		esac
	done
	mkdir -p "$tmp/l1/.hs"
	cp "$O/vmm" "$tmp/l1/vmm"
	cp "$O/guest-payloads/$name.bin" "$tmp/l1/Image"
	printf 'argv=%s\0' /vmm --quiet --memory 64M "${words[@]}" --append "$append" /Image >"$tmp/l1/.hs/exec"
	printf '%s\0' stdin=null stdout=console stderr=console cwd=/ >>"$tmp/l1/.hs/exec"
	(cd "$tmp/l1" && printf '%s\n' .hs .hs/exec vmm Image | cpio -o -H newc --quiet) >"$tmp/l1-$name"
	payloads+=("$tmp/l1-$name")
}

rows=("exits" "sbi" "timer" "fp --vcpus 2" "harts --vcpus 4 rounds=3" "nested --nested")
for row in "${rows[@]}"; do
	read -ra words <<<"$row"
	vcpus=2
	[[ $row != *"--vcpus 4"* ]] || vcpus=4
	level_2 "${words[@]}"
	vm_ends "L2: $row" hyperscope --nested --vcpus $vcpus --memory 192M --initrd "/l1-${words[0]}"
done
payloads=("${payloads[@]/#"$O/guest-payloads/hyperscope.bin"/$O/hyperscope.bin}")

BOOT_SECONDS=150 boot hyperscope --memory 512M

features=" sync_csr sync_hfence sync_sret autoswap"
for name in $features; do
	is "$(text "nested, nacl=no_$name" | sed -n 's/^# SBI NACL has features://p')" "${features/ $name/}" \
		"with nacl=no_$name, the payload finds the other features of SBI NACL"
done

for row in "${rows[@]}"; do
	is "$(status_of "L2: $row")" 0 "hyperscope in hyperscope powers off after '$row'" || diag "$(text "L2: $row" | tail -n 5)"
	is "$(text "L2: $row" | grep '^not ok')" "" "all claims of '$row' hold in L2"
	like "$(text "L2: $row")" '^1\.\.[0-9]' "'$row' runs to its end in L2"
done

# ---- Debian's KVM in a VM: its guests' IMSICs are guest interrupt files of L1, if the machine has an AIA ----

if [ ! -f "$O/guest/vmlinux" ] || [ ! -f "$O/guest/modules/kvm.ko" ]; then
	skip "Debian's KVM in a VM" "set-up could not fetch Debian's kernel"
elif spoils_redirects; then
	skip "Debian's KVM in a VM" "$spoiled_redirects"
else
	aia=() chip=user_plic payload=hello
	qemu_older 10.0 || aia=(--machine aia --cpu "$ssaia" --set irqchip=aia_emul) chip=aia_hwaccel payload=msi
	mkdir -p "$tmp/kvm/"{dev,proc,bin}
	cp "$O/vmm" "$O/guest/busybox" "$O/guest/modules/kvm.ko" "$O/guest-payloads/$payload.bin" "$tmp/kvm"
	cat >"$tmp/kvm/init" <<-END
	#!/busybox sh
	/busybox --install -s /bin
	mount -t devtmpfs dev /dev
	mount -t proc proc /proc
	insmod /kvm.ko
	/vmm --quiet --irqchip $chip --vcpus 2 --memory 64M /$payload.bin </dev/null
	echo "status \$?"
	poweroff -f
	END
	chmod +x "$tmp/kvm/init"
	(cd "$tmp/kvm" && find . -mindepth 1 | LC_ALL=C sort | cpio -o -H newc --quiet) >"$tmp/kvm.cpio"
	HS_SECONDS=150 hs run --nested --quiet "${aia[@]}" --vcpus 2 --memory 400M --initrd "$tmp/kvm.cpio" --append "console=ttyS0 quiet panic=-1" \
		"$O/guest/vmlinux"
	is "$status" 0 "Debian's kernel is a guest hypervisor" || diag "$err" "$(tail -n 5 <<<"$out")"
	like "$(tr -d '\r' <<<"$out")" '^status 0$' "its KVM runs the payload $payload with $chip" || diag "$(tail -n 5 <<<"$out")"
fi

# ---- exits of L2 in the trace: count them in the report, too ----

hs run --nested --icount --set nacl=off --trace 'kvm_*' "$O/guest-payloads/nested.bin"
trace=$tmp/runs/last/trace
"$O/hstrace" report --columns vcpu,event,fields "$trace" >"$tmp/report"
"$O/hstrace" levels --each "$trace" >"$tmp/levels"
ok $? "hstrace levels prints the exits of L2"
# A kvm_exit in L2 is handled by L1 if a kvm_nested_vmexit comes before the next kvm_entry. The exits from then on until L1
# enters L2 again belong to it. An interrupt can take the place of an entry.
read -r all by_l1 mean of_l2 < <(awk '
	$2 == "kvm_exit:" { exits++; pending = l2; of_l2 += l2 }
	$2 == "kvm_nested_vmexit:" && entering { l1++; steps += exits - start; entering = 0 }
	$2 == "kvm_nested_vmexit:" { l2 = 0; start = exits - 1; handling = 1 }
	$2 == "kvm_nested_vmenter:" { l2 = 1; entering = handling }
	$2 == "kvm_entry:" && pending && !handling { l0++ }
	$2 == "kvm_entry:" { pending = 0 }
	$2 == "kvm_entry:" && entering { l1++; steps += exits - start; handling = entering = 0 }
	END { printf "%d %d %.1f %d\n", l0 + l1, l1, steps / l1, of_l2 }' "$tmp/report")
is "$(grep '^exits of L2' "$tmp/levels")" "exits of L2: $all; L1 handles $by_l1 of them, with $mean exits to L0 on average" \
	"hstrace levels counts the exits of L2, and the exits to L0 that they cause"
is "$(grep -c '^1\.0  L2 ' "$tmp/levels")" "$by_l1" "with --each, it prints each exit that L1 handles"
is "$(awk '/^$/ || / L2 / { if (last) print last; last = "" } /^ +L0 / { last = $3 }' "$tmp/levels" | sort -u)" sret \
	"each ends with an sret of L1"
like "$(cat "$tmp/levels")" '^exits that L1 was still handling at the end, not counted: 1$' "an exit that does not end is mentioned"
"$O/hstrace" levels --each --filter 'kvm_exit: scause == ecall_vs' "$trace" >"$tmp/calls"
calls=$(grep ' L2 ' "$tmp/calls")
like "$calls" 'ecall_vs' "exits of L2 can be selected by their cause"
unlike "$(grep -v 'ecall_vs' <<<"$calls")" . "a selection applies to the exits of L2"
is "$("$O/hstrace" levels --filter 'kvm_nested_vmexit: scause == ecall_vs' "$trace" | head -n 1)" "$(grep '^exits of L2' "$tmp/calls")" \
	"a selection of the events that give them to L1 has the same result"
like "$("$O/hstrace" levels --from 1000 "$trace" 2>&1)" '^exits of L2: none among the selected events' "an empty selection is mentioned"

# ---- exits of L2 in the other views of the same trace ----

"$O/hstrace" stat --by nesting "$trace" >"$tmp/stat"
is "$(awk '/^L2$/ { l2 = 1 } l2 && /%/ { n += substr($0, 24, 9) } END { print n }' "$tmp/stat")" "$of_l2" \
	"hstrace stat has the exits of L2 apart from those of L1"
"$O/hstrace" stat "$trace" >"$tmp/table"
is "$(sed '1,/^$/d' "$tmp/table")" "$(sed '/^exits whose\|^costs:\|^observation:\|^  /d' "$tmp/stat")" "they follow the exit table"
is "$("$O/hstrace" report --filter 'kvm_exit: nesting == 2' "$trace" | grep -c ' L2 kvm_exit: ')" "$of_l2" "hstrace report shows the level"
"$O/hstrace" html --out "$tmp/page" "$trace"
is "$(PYTHONPATH=$HS_TOP/tests/trace PYTHONDONTWRITEBYTECODE=1 python3 -c 'import sys
from report_page import Page
run = Page(sys.argv[1]).run()
given = [kind for kind in run["levels"]["kinds"] if kind["byL1"]]
print(sum(row["levels"][1] for row in run["exits"] + run["causes"]), sum(kind["count"] for kind in given),
      {(kind["example"][0][1], kind["example"][-1][0]) for kind in given if kind["title"] == "ecall_vs"}, run["vcpus"][0]["ticks"][4] > 0)' \
	"$tmp/page")" "$of_l2 $by_l1 {(0, 'sret')} True" "the page has the exits of L2, each kind that L1 handles with an example, and the time in L2"

# Without the records around an exit of L2, what L1 does next must not count as L2's.
"$HS_TOP/tests/trace/drop.py" "$trace" "$tmp/gap" $(($(grep -v '^#' "$tmp/report" | grep -n 'kvm_nested_vmexit' | sed -n '30s/:.*//p') - 10)) 20
"$O/hstrace" levels "$tmp/gap" >"$tmp/levels-gap"
by_l0()
{
	sed '1,/^handled by L0/d;/^$/,$d' "$1" | cut -c -30 | sort
}
like "$(cat "$tmp/levels-gap")" '^records are missing \(trace\.size=\), and so are exits near or before them$' "missing records are mentioned"
is "$(by_l0 "$tmp/levels" | comm -13 - <(by_l0 "$tmp/levels-gap"))" "" "after a gap, no exit of L1 counts as an exit of L2"

# ---- --host nested ----

hs exec --host nested --quiet "$O/tests/progs/ends" exit 7
is "$status" 7 "exec --host nested returns the program's status" || diag "$err"
like "$out" '/ends exited with status 7' "the program ran on L1's host"
hs exec --host nested --disk "$tmp/bare" "$O/tests/progs/ends" exit 7
is "$status:$err" "125:hyperscope: --host nested has no --disk" "an option that --host nested does not have is refused"
done_testing
