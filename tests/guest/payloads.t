#!/bin/bash
# SPDX-License-Identifier: MIT
#
# payloads.t - what a guest sees under hyperscope: the payloads of the list in this folder, guests that
# the watchdog ends, and guests that want too much, all in one boot. tests/toggles runs the payloads with
# other toggles.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/guest/payloads.sh"
need_files

vm_list here

# After each of these guests, the host must run the next VM.
for act in stvec nowhere faultloop tables garbage; do
	vm_ends "deadly: $act" hostile --watchdog 1 "do=$act"
done
vm_ends "waits in its handler" fault_loop --watchdog 1 how=once
vm_ends "after the deadly ones" hello
for number in abc 5x "" -1 18446744073709551616; do
	vm_ends "rounds=$number" harts "rounds=$number"
done

# tests/toggles runs this payload with one vCPU.
toggle irqchip kernel_plic
vm "vmm_devices, irqchip=kernel_plic" vmm_devices --vcpus 2
toggle irqchip

vm_ends "doorbell" bench --doorbell --quiet only=io_out # without --no-sandbox
vm_ends "hog" hostile --memory 4G do=hog
vm_ends "after the hog" hello

rm -f /tmp/payload-was-here
boot hyperscope

for act in stvec nowhere faultloop tables; do
	is "$(status_of "deadly: $act")" 104 "a guest that does '$act' is ended by the watchdog"
	like "$(text "deadly: $act")" 'stvec  ' "the watchdog prints the registers of the guest"
done
is "$(status_of "waits in its handler"):$(text "waits in its handler")" "0:waited" \
	"the watchdog does not end a guest that waits in its handler after one fault"
like "$(status_of "deadly: garbage")" '^(0|3|10[0-9])$' "a guest that runs garbage hurts only itself"
like "$(status_of "after the deadly ones"):$(text "after the deadly ones")" '^0:hello: I am' \
	"the next guest runs after all deadly guests"
for number in abc 5x "" -1 18446744073709551616; do
	is "$(status_of "rounds=$number"):$(text "rounds=$number" | grep Bail)" \
		"2:Bail out! boot argument rounds=$number: must be a decimal number of at most 64 bits" \
		"a payload refuses rounds=$number"
done
is "$(status_of doorbell)" 0 "the sandbox lets the doorbell's thread move to another hart" || diag "$(text doorbell)"
like "$(status_of hog)" '^(1|2)[0-9][0-9]$' "a guest with more memory than the host has is ended" ||
	diag "$(text hog)"
like "$(status_of "after the hog"):$(text "after the hog")" '^0:hello: I am' \
	"the next guest runs after one that used all memory"
said=$(timeout --foreground "$(scaled 30)" "${QEMU:-qemu-system-riscv64}" -M virt -nodefaults -display none -serial stdio \
	-kernel "$O/guest-payloads/hostile.bin" -append do=status </dev/null)
is "$?" 255 "without a hypervisor, a failure's status is not 0 for the caller of QEMU" || diag "$said"
[ ! -e /tmp/payload-was-here ]
ok $? "the semihosting sequence has not written a file on the user's machine"

echo x >"$tmp/in"
hs run --quiet --append input "$O/guest-payloads/vmm_devices.bin"
is "$status:$(grep -c '^ok .*\(RTS\|its interrupt is enabled\|of the input\)' <<<"$out")" 0:5 "the serial port's input waits as its control lines say" ||
	diag "$(grep '^not ok' <<<"$out")"

# A student's tree has a lab's payloads here too; the lab's own tests run those.
if [ ! -e "$HS_TOP/lab.json" ]; then
	is "$(sed -nE 's/^[^#:]+: [^:]+: (\w+).*/\1/p' "$HS_TOP/tests/guest/payloads" | sort -u | xargs)" \
		"$(cd "$HS_TOP/tests/guest" && printf '%s\n' *.c nested | sed 's/\.c$//' | sort | xargs)" \
		"the list contains exactly the payloads of this folder"
	is "$(sed -nE 's/^[^#:]+: ([^:]+): (\w+).*/\2 \1/p' "$HS_TOP/tests/guest/payloads" | while read -r name places; do
		for place in $places; do
			case $place in
			here | linux | short | all) ;;
			*) grep -qs "$name" "$HS_TOP/$place" || echo "$name: $place" ;;
			esac
		done
	done)" "" "each test file that the list gives for a payload mentions that payload"
fi
done_testing
