#!/bin/bash
# SPDX-License-Identifier: MIT
#
# equivalence-mutants.slow.t - the equivalence test can fail: hyperscope is built with one mistake at a
# time that a guest can see, and random programs have to find it. The output names the first batch of
# programs that does.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/mutant.sh"
needs_built "$O/vmm"

programs=${HS_PROGRAMS:-1000}
mkdir -p "$tmp/build"
for part in uapi libfdt vmm guest guest-payloads gen; do
	ln -s "$O/$part" "$tmp/build/$part"
done
# The commands that build the kernel. Only the file with the mistake is compiled again, and linked with
# the objects of the build.
make -n -s V=1 -f "$HS_TOP/Makefile" O="$O" "$O/hyperscope.bin" -W "$HS_TOP/src/host/kernel.ld" >"$tmp/commands"

build()	# FILE SOURCE
{
	local object=$O/kernel/src/kvm/$1.o compile link
	compile=$(make -n -s V=1 -f "$HS_TOP/Makefile" O="$O" -W "$HS_TOP/src/kvm/$1" "$object" |
		grep -F -- "-o $object $HS_TOP/src/kvm/$1")
	link=$(grep -B 1 -- "-T .*kernel.ld" "$tmp/commands")
	compile=${compile/"-o $object"/"-o $tmp/mutant.o"}
	bash -ec "${compile/"$HS_TOP/src/kvm/$1"/"$2"}" >"$tmp/out" 2>&1 || return
	link=${link/"$O/hyperscope.elf"/"$tmp/build/hyperscope.elf"}
	bash -ec "${link/"$object"/"$tmp/mutant.o"}" >"$tmp/out" 2>&1 || return
	"${CROSS_COMPILE:-riscv64-linux-gnu-}objcopy" -O binary "$tmp/build/hyperscope.elf" "$tmp/build/hyperscope.bin"
}

mistake()	# NAME FILE SUBSTITUTION OPTION...
{
	local name=$1 file=$2 change=$3
	shift 3
	planted "$name: found" "src/kvm/$file" "$change" "$tmp/mutant.c" build "$file" "$tmp/mutant.c" || return
	"$HS_TOP/scripts/hyperscope" equivalence --out "$tmp/build" --count "$programs" --quiet \
		--failures 0 --timeout "$(scaled 60)" "$@" >"$tmp/table" 2>"$tmp/err"
	is "$?:$(grep -c ': outcomes differ ' "$tmp/table")" 1:1 "$name: found within $programs programs" || diag "$(cat "$tmp/table" "$tmp/err")"
	diag "$(grep '^the first\|^guest' "$tmp/table")"
}

if ! build vcpu/inject.c "$HS_TOP/src/kvm/vcpu/inject.c"; then
	ok 1 "hyperscope builds"
	diag "$(tail -n 5 "$tmp/out")"
	done_testing
fi
"$HS_TOP/scripts/hyperscope" equivalence --out "$tmp/build" --count "$programs" --quiet >"$tmp/table" 2>&1
is $? 0 "without a mistake, all outcomes are equal" || diag "$(cat "$tmp/table")"

mistake "an injected trap has no stval" vcpu/inject.c 's/csr_write\(vstval, tval\)/csr_write(vstval, 0 * tval)/'
mistake "sepc of an injected trap is the next instruction" vcpu/inject.c 's/csr_write\(vsepc, pc\)/csr_write(vsepc, pc + 4)/'
mistake "an injected trap does not save SPP" vcpu/inject.c 's/\tif \(sstatus & SSTATUS_SPP\)\n\t\tvsstatus \|= SSTATUS_SPP;\n//'
mistake "an injected trap does not save SIE in SPIE" vcpu/inject.c 's/vsstatus \|= SSTATUS_SPIE/vsstatus |= 0/'
mistake "an injected trap leaves interrupts on" vcpu/inject.c 's/\tvsstatus &= ~SSTATUS_SIE;\n//'
mistake "an illegal instruction is skipped" exit/insn.c \
	's/\tvcpu_inject_trap\(vcpu, EXC_ILLEGAL_INST, trap->sepc, insn\);/\tvcpu->guest.sepc = trap->sepc + 4 + 0 * insn;/'
mistake "set_timer does not set the timer" sbi/sbi_time.c 's/\tvcpu->timer_ops->set\(vcpu, next\);\n/\t(void)next;\n/' \
	--set fastpath=off
mistake "an IPI to oneself is lost" sbi/sbi_ipi.c 's/\tvcpu_set_irq_gather\(target, IRQ_VS_SOFT, arg\);\n/\t(void)arg;\n/' \
	--set fastpath=off
mistake "an SBI call returns a wrong value" sbi/sbi.c 's/(gpr\[GPR_A1\] = \(unsigned long\)ret\.value)/$1 + 1/' --set fastpath=off
mistake "a reset with a reserved reason powers off" sbi/sbi_srst.c 's/reason > SBI_SRST_REASON_SYSFAIL/0/'
mistake "cbo.zero is illegal" vcpu/isa.c 's/henvcfg \|= ENVCFG_CBZE/henvcfg |= 0/'
mistake "A and D are not updated" vcpu/isa.c 's/henvcfg \|= ENVCFG_ADUE/henvcfg |= 0/'
mistake "fcsr is lost when the vCPU is put" vcpu/fp.c 's/fp_save_fcsr\(&vcpu->fp\);//' --set fp=lazy_save --set switch=full
mistake "vector registers are lost when the vCPU is put" vcpu/fp_eager.c 's/vector_save\(vcpu\);/(void)vcpu;/' \
	--set fp=eager --set switch=full
mistake "sscratch is lost when the vCPU is put" vcpu/vcpu.c 's/\tcsrs->vsscratch = csr_read\(vsscratch\);\n//' --set switch=full
mistake "stimecmp is lost when the vCPU is put" vcpu/timer_sstc.c 's/(vcpu->timer\.compare = )csr_read64\(vstimecmp\);/$1TIMER_NEVER;/' \
	--set switch=full
mistake "a software interrupt that was cleared comes back" vcpu/vcpu.c 's/csrs->hvip = csr_swap\(hvip, 0\);/csrs->hvip |= csr_swap(hvip, 0);/' \
	--set switch=full

# ---- nested virtualization ----
programs=${HS_PROGRAMS:-100}
"$HS_TOP/scripts/hyperscope" equivalence --out "$O" --count "$programs" --quiet --hs --first 20 >"$tmp/table" 2>&1
is $? 0 "without a mistake, all outcomes are equal in HS mode" || diag "$(cat "$tmp/table")"
mistake "SPVP is not set" vcpu/nested.c 's/n->hstatus \|= HSTATUS_SPVP;/n->hstatus |= 0;/' --hs --first 20
mistake "htval is not written" exit/nested_fault.c 's/n->htval = trap->htval;/n->htval = 0;/' --hs --first 20
mistake "hedeleg is ignored" vcpu/nested.c \
	's/return n->v && !n->unpriv && !\(cause & CAUSE_IRQ_FLAG\)/return 0 \&\& n->v \&\& !(cause \& CAUSE_IRQ_FLAG)/' --hs --first 20
mistake "vsstatus is not saved" vcpu/nested.c 's/n->vsstatus = csr_read\(vsstatus\);/(void)csr_read(vsstatus);/' --hs --first 20
mistake "a store to a protected page of a table changes the entry beside it" mmu/shadow_protect.c \
	's/\tif \(!err && \(\*old & PTE_SOURCE\)/\tif (!err \&\& (*old \& PTE_SOURCE) \&\& (pte \& PTE_W))\n\t\t*(pte_t *)((char *)hv_page_map(pte_to_hpa(pte)) + ((gpa \& 4088) ^ 8)) |= PTE_RSW0;\n$&/' \
	--hs --first 20 --set shadow=protect
done_testing
