#!/bin/bash
# SPDX-License-Identifier: MIT
#
# probe.t - `scripts/hyperscope probe` reports what a machine has, with and without Sstc and the H
# extension. The test also checks the kernel's image: a trace site that is off is one no-op, and an
# SC precedes each sret to another context.
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"

hs probe
is "$status" 0 "a platform is probed"
like "$out" '^H extension +yes' "the report has the H extension"
like "$out" '^hgatp Sv39x4 +yes' "the report has a mode of hgatp"
like "$out" '^VMIDLEN +[0-9]+ ' "the report has the width of VMIDs"
like "$out" '^Sstc +yes' "the report shows Sstc as present"
like "$out" '^SBI +[0-9]+\.[0-9]+ +OpenSBI' "the report has SBI's version and implementation"
like "$out" '^harts +2$' "the report has the number of harts"
like "$out" '^guest files +0 ' "a platform without an IMSIC has no guest interrupt files"

hs probe --cpu rv64,sstc=off --harts 3 --machine aia
like "$out" '^guest files +3 ' "the guest interrupt files of an IMSIC are counted"
like "$out" '^Sstc +no' "a platform without Sstc is reported"
like "$out" '^harts +3$' "three harts are reported"

hs probe --cpu rv64,h=false
like "$out" '^H extension +no' "a platform without the H extension is reported"
unlike "$out" '^hgatp' "hgatp is not probed without the H extension"
hs probe --cpu rv64,h=false,priv_spec=v1.11.0
like "$out" '^harts +2$' "harts without senvcfg start"

# Only turning on an event overwrites the 4-byte no-ops of its sites, so the object file shows what
# executes while the event is off.
run=$("${CROSS_COMPILE:-riscv64-linux-gnu-}objdump" -d "$O/kernel/src/kvm/exit/run.c.o" |
	grep -cP '\t00000013 +\tnop')
ok $((run >= 4 ? 0 : 1)) "the sites of trace events in KVM_RUN are no-ops as built"
diag "$run of them"

# In QEMU, no reservation survives a trap, so a missing SC would have no effect there: check-sret
# inspects the image.
said=$("$HS_TOP/scripts/hyperscope" check-sret "$O/hyperscope.elf" 2>&1)
is "$?" 0 "an SC precedes each sret of the kernel to another context" || diag "$said"
printf '%s\n' '.option norelax' 'bare: csrw sepc, a0' sret 'good: sc.w zero, zero, (a0)' nop sret \
	'past: beqz a1, 1f' 'sc.w zero, zero, (a0)' '1: sret' 'again: sc.w zero, zero, (a0)' 'lr.w a0, (a0)' sret |
	"${CROSS_COMPILE:-riscv64-linux-gnu-}as" -march=rv64ima_zicsr -o "$tmp/srets.o" -
said=$("$HS_TOP/scripts/hyperscope" check-sret "$tmp/srets.o" 2>&1)
is "$?:$(grep -v ' it contains no sret$' <<<"$said" | sed 's/sret at 0x[0-9a-f]*: //' | tr '\n' ';')" \
	"1:bare: not every path to it contains an SC;good: an SC precedes it;past: not every path to it contains an SC;again: an LR between the SC and the sret;" \
	"check-sret finds an sret without an SC, one with a path around the SC, and one with an LR after the SC"

done_testing
