#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What a guest sees under hyperscope: run the payloads of the list in this folder, and then, with
# other variants of the toggles, the payloads that each toggle could affect, all in one boot.
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

toggle gstage_walk recursive
vm "exits, gstage_walk=recursive" exits
toggle fp eager
vm "fp, fp=eager gstage_walk=recursive" fp --vcpus 2
toggle gstage_huge off
vm "exits, gstage_walk=recursive gstage_huge=off" exits
toggle gstage_walk
vm "hostile, fp=eager gstage_huge=off" hostile --vcpus 2 seed=2
toggle gstage_huge
toggle fp lazy_save
toggle mmio_decode fetch
vm "mmio, mmio_decode=fetch" mmio --testdev
vm "mmio_hard, mmio_decode=fetch" mmio_hard --testdev
vm "mmio_changed, mmio_decode=fetch" mmio_changed --testdev
vm "sbi, mmio_decode=fetch" sbi
vm "hostile, mmio_decode=fetch" hostile --testdev seed=2
vm "harts, mmio_decode=fetch" harts --vcpus 2 rounds=30
vm "fp, fp=lazy_save mmio_decode=fetch" fp --vcpus 2
toggle mmio_decode
toggle gpa_from walk
vm "exits, gpa_from=walk" exits
vm "mmio, gpa_from=walk" mmio --testdev
vm "mmio_hard, gpa_from=walk" mmio_hard --vcpus 2 --testdev
vm "hostile, gpa_from=walk" hostile --vcpus 2 --testdev seed=3
vm "harts, gpa_from=walk" harts --vcpus 2 rounds=30
toggle gpa_from
toggle vmid flush
vm "harts, vmid=flush" harts --vcpus 4 rounds=10
vm "fp, fp=lazy_save vmid=flush" fp --vcpus 4
toggle vmid
toggle tlb_flush all
vm "harts, tlb_flush=all" harts --vcpus 4 rounds=10
toggle tlb_flush
toggle fp
toggle timer hrtimer
vm "timer, timer=hrtimer" timer
vm "sbi, timer=hrtimer" sbi
toggle timer

toggle wfi native
vm "timer, wfi=native" timer
vm "harts, wfi=native" harts --vcpus 4 rounds=10
vm "sbi_harts, wfi=native" sbi_harts --vcpus 3
vm "hostile, wfi=native" hostile --testdev seed=3
toggle timer hrtimer
vm "timer, wfi=native timer=hrtimer" timer
toggle timer
toggle wfi
toggle counters trap
vm "timer, counters=trap" timer
toggle halt_poll_ns 0
vm "timer, counters=trap halt_poll_ns=0" timer
vm "harts, counters=trap halt_poll_ns=0" harts --vcpus 4 rounds=10
toggle counters
toggle halt_poll_ns

toggle irqchip kernel_plic
vm "vmm_devices, irqchip=kernel_plic" vmm_devices --vcpus 2
vm "sbi_susp, irqchip=kernel_plic" sbi --sbi susp
vm "mmio, irqchip=kernel_plic" mmio --testdev
vm "hostile, irqchip=kernel_plic" hostile --testdev --vcpus 2 seed=5
toggle irqchip

toggle fastpath off
vm "sbi, fastpath=off" sbi
vm "exits, fastpath=off" exits
vm "timer, fastpath=off" timer
vm "harts, fastpath=off" harts --vcpus 2 rounds=30
vm "hostile, fastpath=off" hostile --vcpus 2 seed=3
toggle switch full
vm "sbi, switch=full fastpath=off" sbi
vm "fp, switch=full fastpath=off" fp --vcpus 2
vm "timer, switch=full fastpath=off" timer
toggle fastpath
vm "exits, switch=full" exits
vm "mmio, switch=full" mmio --testdev
vm "pmu, switch=full" pmu
vm "harts, switch=full" harts --vcpus 4 rounds=10
vm "hostile, switch=full" hostile --vcpus 2 seed=4
toggle switch

# Four VMs with five vCPUs in all on two harts, each VM with its own toggles: none affects the
# others.
together
vm "side by side: fp, 2 vCPUs" fp --vcpus 2
toggle gstage_walk recursive
toggle vmid flush
toggle tlb_flush all
toggle fastpath off
toggle gpa_from walk
vm "side by side: exits, gstage_walk=recursive vmid=flush tlb_flush=all fastpath=off gpa_from=walk" exits --memory 128M
toggle counters trap
toggle wfi native
vm "side by side: timer, counters=trap wfi=native" timer --memory 128M
toggle counters pass
toggle wfi trap
vm "side by side: timer, counters=pass wfi=trap" timer --memory 128M
apart
toggle counters
toggle wfi
toggle fastpath
toggle gstage_walk
toggle vmid
toggle tlb_flush
toggle gpa_from

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
