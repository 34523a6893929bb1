#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Payloads on other processors: with every extension that QEMU has, with Svade, with a VLEN of 512,
# and with a single hart, without V. machines.t has a machine without Sstc and Svadu.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/guest/payloads.sh"
need_files
! qemu_older 8.0 || skip_all "this QEMU has no svadu to switch off and no cpu max"

if "${QEMU:-qemu-system-riscv64}" -cpu help | grep -qw max; then
	vm "cpu max: sbi" sbi
	vm "cpu max: timer" timer
	vm "cpu max: pmu" pmu
	vm "cpu max: exits" exits
	vm "cpu max: mmio" mmio --testdev
	vm "cpu max: mmio_hard" mmio_hard --testdev
	vm "cpu max: fp" fp --vcpus 2
	vm "cpu max: hostile" hostile --vcpus 2 --testdev seed=3
	vm "cpu max: vector, 4 vCPUs" vector --vcpus 4
	vm_ends "cpu max, 64 vCPUs" hello --vcpus 64 --memory 32M
	toggle fp eager
	vm "cpu max, fp=eager: vector, 2 vCPUs" vector --vcpus 2
	vm "cpu max, fp=eager: fp" fp
	toggle fp lazy_save
	vm "cpu max, fp=lazy_save: vector, 4 vCPUs" vector --vcpus 4
	vm "cpu max, fp=lazy_save: fp" fp --vcpus 2
	toggle fp
	vm "cpu max: sbi_firmware" sbi_firmware --sbi susp,fwft
	boot hyperscope --cpu max
	like "$(status_of "cpu max, 64 vCPUs"):$(text "cpu max, 64 vCPUs")" '^0:hello: I am' "64 vCPUs with all extensions have a device tree"
	if qemu_older 10.0; then
		skip "cpu max with Svade" "this QEMU always sets A and D"
	else
		# With Svade, the firmware starts with hardware updates of A and D disabled, and
		# QEMU gives the second hart only Sv39x4: if hyperscope used the first hart's
		# G-stage mode, a guest on the second hart would run without a G-stage.
		vm "cpu max with Svade: sbi_firmware" sbi_firmware --vcpus 2 --sbi susp,fwft
		vm "cpu max with Svade: harts, 2 vCPUs" harts --vcpus 2
		boot hyperscope --cpu max,svade=on --harts 2
	fi
	together
	vm "VLEN 512: vector, 4 vCPUs" vector --vcpus 4
	vm "VLEN 512: vector, another VM" vector --vcpus 2
	apart
	boot hyperscope --cpu rv64,v=on,vlen=512
else
	skip "cpu max" "this QEMU has no cpu max"
fi
vm "no V: vector" vector

# There are more vCPUs than harts, so the vCPUs take turns.
vm "one hart: harts, 4 vCPUs" harts --vcpus 4 rounds=10
vm "one hart: harts, 8 vCPUs" harts --vcpus 8 rounds=3
vm "one hart: broadcast, 8 vCPUs" broadcast --vcpus 8
for variant in lazy_trap lazy_save eager; do
	if [ $variant = lazy_trap ] && spoils_redirects; then
		skip "one hart, fp=lazy_trap: fp, 4 vCPUs" "$spoiled_redirects"
		continue
	fi
	toggle fp $variant
	vm "one hart, fp=$variant: fp, 4 vCPUs" fp --vcpus 4
done
boot hyperscope --harts 1
done_testing
