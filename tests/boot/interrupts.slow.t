#!/bin/bash
# SPDX-License-Identifier: MIT
#
# interrupts.slow.t - the machines and numbers of harts that interrupts.t leaves out, guests on each
# machine, and device trees that are unusual or wrong: the host uses what works and says what does
# not. The firmware does not start with some wrong trees: for them, see tests/platform.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/boot/interrupts.sh"
command -v dtc >/dev/null || skip_all "dtc is not installed: run 'scripts/hyperscope setup check'"
needs_built "$O/vmm" "$O/guest-payloads/hello.bin"
left_out='^host: .*(polled|not used|not work|no context|an IDC|no interrupt file)'

for machine in virt sswi aplic aia; do
	for harts in 1 2 4; do
		works $machine $harts
		unlike "$log" "$left_out" "$machine, $harts harts: nothing is left out"
	done
	hs run --quiet --machine $machine --harts 4 hello
	is "$status" 0 "$machine: a guest runs"
done
works aia 3
unlike "$log" "$left_out" "three harts: the number of index bits is rounded up"
# Two groups of two harts, each with an APLIC; the disks' APLIC is not the UART's.
groups=(-object memory-backend-ram,size=128M,id=a -object memory-backend-ram,size=128M,id=b
	-numa node,memdev=a,cpus=0-1 -numa node,memdev=b,cpus=2-3)
works aia 4 "${groups[@]}"
unlike "$log" "$left_out" "two groups of harts: an APLIC sends MSIs to both"
works aplic 4 "${groups[@]}"
unlike "$log" "$left_out" "two groups of harts: each APLIC interrupts the harts of its own group"
like "$log" '^# +3: +0 +0 +([1-9][0-9]* +0|0 +[1-9][0-9]*) +APLIC +[0-9]+ Level +virtio1$' "a hart of the disks' group serves a disk"

# uses MACHINE SED DEVICES IPIS LINE NAME: with the edited tree of two harts, everything works; DEVICES is the
# controller of the first disk, IPIS the method between harts, and LINE a regular expression for the log.
uses()
{
	tree "$1" 2 "$2"
	works "$1" 2 -dtb "$tmp/tree.dtb"
	like "$log" "^# +2: .*  $3 +[0-9]+ Level +virtio0\$" "$6: devices use: $3"
	like "$log" "^# IPI0: .* by $4\$" "$6: harts use: $4"
	like "$log" "$5" "$6: the log says so"
}

# Of two IMSIC nodes and two domains of the APLIC, these are those of the supervisor level.
imsic='/interrupt-controller@28000000 {/,/};/'
aplic='/interrupt-controller@d000000 {/,/};/'
plic='/plic@c000000 {/,/};/'
sswi='/sswi@2f00000 {/,/};/'

uses aia "$imsic s/riscv,num-ids = .*/&riscv,num-guest-ids = <1>;/" polled SBI 'IMSIC is not used: riscv,num-guest-ids' \
	"too few identities for guests"
uses aia "$imsic s/reg = .*/reg = <0 0x28000000 0 0x4000>;/" APLIC-MSI IMSIC 'no interrupt file for hart 1' \
	"interrupt files for one hart only"
uses aia "$imsic s/reg = .*/reg = <0 0x28100000 0 0x10000>;/" polled SBI 'interrupt file of hart 0 at 0x28100000 does not work' \
	"interrupt files where there is nothing"
uses aia "$imsic s/interrupts-extended = .*/interrupts-extended = <0xffffffff 9 0 9>;/" polled SBI 'no usable interrupt controller' \
	"an IMSIC of no hart"
uses aia 's/_ssaia//; s/\\0ssaia//; s/"ssaia", //' polled SBI 'IMSIC is not used: Ssaia' "harts without Ssaia"
uses aia "$aplic s/msi-parent = .*//" polled IMSIC 'virtio0 is polled' "an APLIC that sends MSIs to nobody"
uses aia "$aplic s/riscv,num-sources = .*/riscv,num-sources = <9>;/" APLIC-MSI IMSIC 'ttyS0 is polled' "an APLIC with too few sources"
uses aplic "$aplic s/reg = .*/reg = <0 0xd000000 0 0x4020>;/" APLIC SBI 'no APLIC has an IDC for hart 1' "an APLIC with one IDC"
uses aplic "$aplic s/reg = .*/reg = <0 0xd000000 0 0x1000>;/" polled SBI 'APLIC is not used: reg' "an APLIC with too few registers"
uses aplic "$aplic s/interrupt-controller;/&riscv,hart-indexes = <0 0x40000000>;/" APLIC SBI 'no APLIC has an IDC for hart 1' \
	"an IDC's number that is out of range"
uses sswi "$sswi s/reg = .*/reg = <0 0x2f00000 0 4>;/" PLIC SSWI 'SSWI does not work for hart 1: IPIs to it use the SBI' \
	"an SSWI with one register"
uses sswi "$sswi s/reg = .*/reg = <0 0x2e00000 0 0x4000>;/" PLIC SBI 'SSWI does not work for hart 0' "an SSWI where there is nothing"
uses virt "$plic s/reg = .*/reg = <0 0xc000000 0 0x202000>;/" PLIC SBI 'PLIC has no context for hart 1' "a PLIC with two contexts"
uses virt "$plic s/riscv,ndev = .*/riscv,ndev = <1>;/" PLIC SBI 'virtio1 is polled' "a PLIC with one source"

# The node of the second disk names no interrupt, so nothing polls the disk but the thread that waits for it.
tree virt 2 '/virtio_mmio@10002000 {/,/};/ { /interrupts =/d; /interrupt-parent =/d }'
boot virt 2 -dtb "$tmp/tree.dtb"
like "$log" '^ok [0-9]+ - what was written to a disk is read from it: disk 1$' "a disk without an interrupt works"
like "$log" '^host: /init exited with status 0$' "a disk without an interrupt: the program ran to its end"

done_testing
