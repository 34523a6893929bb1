// SPDX-License-Identifier: MIT
/*
 * insn.c - virtual-instruction exits and illegal instructions.
 *
 * Of the instructions that cause virtual-instruction exits, only WFI in VS, wrs.nto and accesses to
 * a few CSRs are emulated, for some of these CSRs by user space (KVM_EXIT_RISCV_CSR), and, for a
 * vCPU with H, what a hypervisor executes (nested_insn.c). All others need a privilege that this
 * guest does not have: the guest takes an illegal-instruction exception, as on a hart without the
 * feature (H §6.1: HS emulates the absence of what it does not offer).
 */
#include "exit/exit.h"
#include "exit/insn.h"
#include "kvm.h"
#include "mmu/tlb.h"
#include "mmu/unpriv.h"
#include "vcpu/aia.h"
#include "vcpu/fp.h"
#include "vcpu/isa.h"
#include "vcpu/pmu.h"
#include "vcpu/timer.h"
#include "vcpu/wfi.h"

#define INLINE static inline __attribute__((always_inline))

/* Not inlined, so that guests without H do not pay for saving registers. */
static __attribute__((noinline)) int
emulate_hypervisor(struct kvm_vcpu *vcpu, const struct hv_trap *trap, unsigned long insn)
{
	int result;

	if (nested_emulate(vcpu, insn, &result))
		return result;
	vcpu_inject_trap(vcpu, EXC_ILLEGAL_INST, trap->sepc, insn);
	return RESUME_GUEST;
}

static int inject_illegal(struct kvm_vcpu *vcpu, const struct hv_trap *trap, unsigned long insn)
{
	if (vcpu->has_h)
		return emulate_hypervisor(vcpu, trap, insn);
	vcpu_inject_trap(vcpu, EXC_ILLEGAL_INST, trap->sepc, insn);
	return RESUME_GUEST;
}

/*
 * The functions of insn.h are at the end of this file: the exits here use these versions, which are
 * inlined.
 */
INLINE unsigned long trapped_insn(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	struct hv_trap fetch;
	unsigned long insn;

	if (trap->stval)
		return trap->stval;
	insn = unpriv_read(vcpu, true, trap->sepc, &fetch);
	if (!fetch.scause)
		return insn;
	/* G-stage fault: refetch_failed() in mmio.c explains why the guest continues, and the fence. */
	if (fetch.htval || fetch.scause >= EXC_INST_GUEST_PAGE_FAULT) {
		tlb_flush_vm_local(vcpu->kvm);
		return 0;
	}
	vcpu->guest.hstatus |= HSTATUS_GVA; /* unlike the exit, this trap has an address (H §2.1) */
	vcpu_inject_trap(vcpu,
			 fetch.scause == EXC_LOAD_ACCESS_FAULT ? EXC_INST_ACCESS_FAULT
							       : EXC_INST_PAGE_FAULT,
			 trap->sepc, fetch.stval);
	return 0;
}

static void complete_csr(struct kvm_vcpu *vcpu)
{
	unsigned long value = READ_ONCE(vcpu->run->riscv_csr.ret_value);
	unsigned int rd = vcpu->completion.csr_rd;

	if (rd)
		vcpu->guest.gpr[rd] = value;
	vcpu->guest.sepc += 4;
}

/* User space emulates the access; complete_csr() uses its answer. */
static int forward_csr(struct kvm_vcpu *vcpu, const struct csr_access *access)
{
	struct kvm_run *run = vcpu->run;

	trace_exit_class(&vcpu->exit_clock, EXIT_CSR_USER);
	trace_kvm_csr(access->csr, access->write_mask != 0, access->new_value, 0);
	vcpu->stats.csr_exit_user++;
	vcpu->completion.complete = complete_csr;
	vcpu->completion.csr_rd = access->rd;
	WRITE_ONCE(run->exit_reason, KVM_EXIT_RISCV_CSR);
	run->riscv_csr.csr_num = access->csr;
	run->riscv_csr.new_value = access->new_value;
	run->riscv_csr.write_mask = access->write_mask;
	run->riscv_csr.ret_value = 0;
	return RESUME_USER;
}

/*
 * Read a counter (cycle to hpmcounter31, or, on RV32, the upper half of one) from the PMU (pmu.h)
 * into *old. Needed because hcounteren hides the hart's own counter from the guest. It hides time
 * only if TM is read-only zero (isa.c). Returns false if the CSR is not a counter, the access is a
 * write (counters are read-only), the PMU does not provide the counter, or the guest may not read
 * it. VU may read only the counters that the guest's scounteren permits (H §2.6).
 */
static bool read_counter(struct kvm_vcpu *vcpu, const struct csr_access *access, unsigned long *old)
{
	unsigned int number = csr_counter_number(access->csr);
	u64 value;

	if (number > 31 || access->write_mask)
		return false;
	if (!(vcpu->guest.sstatus & SSTATUS_SPP) && !(csr_read(scounteren) & BIT(number)))
		return false;
	if (number == PMU_TIME)
		value = timer_guest_time(vcpu->kvm) +
			(vcpu->nested.v ? vcpu->nested.htimedelta : 0);
	else if (pmu_read_csr(vcpu, number, &value))
		return false;
	*old = (unsigned long)(access->csr & 0x80 ? value >> 32 : value);
	return true;
}

static int finish_csr(struct kvm_vcpu *vcpu, const struct csr_access *access, unsigned long old)
{
	trace_exit_class(&vcpu->exit_clock, EXIT_CSR);
	trace_kvm_csr(access->csr, access->write_mask != 0, old, 1);
	vcpu->stats.csr_exit_kernel++;
	if (access->rd)
		vcpu->guest.gpr[access->rd] = old;
	vcpu->guest.sepc += 4;
	return RESUME_GUEST;
}

/* Might the core or user space emulate this CSR? If not, its access need not be decoded. */
static bool may_be_emulated(unsigned int csr)
{
	return csr_counter_number(csr) <= 31 || csr == CSR_seed || csr == CSR_sireg ||
	       csr == CSR_stopei;
}

INLINE int exit_csr(struct kvm_vcpu *vcpu, const struct hv_trap *trap, unsigned long insn)
{
	struct csr_access access;
	unsigned long old = 0;

	if (!may_be_emulated((unsigned int)FIELD_GET(INSN_CSR, insn)))
		return inject_illegal(vcpu, trap, insn);
	access = insn_decode_csr(vcpu, insn);
	switch (access.csr) {
	case CSR_seed:
		if (isa_has(vcpu, KVM_RISCV_ISA_EXT_ZKR))
			return forward_csr(vcpu, &access);
		break;
	case CSR_sireg:
	case CSR_stopei:
		switch (aia_access(vcpu, &access, &old)) {
		case AIA_DONE:
			return finish_csr(vcpu, &access, old);
		case AIA_USER:
			return forward_csr(vcpu, &access);
		default:
			break;
		}
		break;
	default:
		if (read_counter(vcpu, &access, &old))
			return finish_csr(vcpu, &access, old);
	}
	return inject_illegal(vcpu, trap, insn);
}

int exit_virtual_inst(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	unsigned long insn = trapped_insn(vcpu, trap);

	if (!insn)
		return RESUME_GUEST;
	trace_kvm_virtual_inst(insn);

	/* In VU, WFI exits whatever VTW is, and is an illegal instruction (H §6.1). */
	if (insn == INSN_WFI && (vcpu->guest.sstatus & SSTATUS_SPP)) {
		vcpu->guest.sepc += 4;
		return vcpu_wfi(vcpu);
	}
	if (insn == INSN_WRS_NTO && isa_has(vcpu, KVM_RISCV_ISA_EXT_ZAWRS)) {
		vcpu->guest.sepc += 4;
		return vcpu_wrs(vcpu);
	}
	if (insn_is_csr(insn))
		return exit_csr(vcpu, trap, insn);
	return inject_illegal(vcpu, trap, insn);
}

/*
 * Illegal instructions cause exits while FP or vector state is not loaded, or while the guest
 * counts them.
 */
int exit_illegal_inst(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	if (vcpu->fp_ops->first_use && vcpu->fp_ops->first_use(vcpu)) {
		trace_exit_class(&vcpu->exit_clock, EXIT_FP);
		return RESUME_GUEST;
	}
	vcpu->stats.instr_illegal_exits++;
	pmu_count(vcpu, SBI_PMU_FW_ILLEGAL_INSN);
	return vcpu_redirect_trap(vcpu, trap);
}

unsigned long insn_trapped(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	return trapped_insn(vcpu, trap);
}

int insn_finish_csr(struct kvm_vcpu *vcpu, const struct csr_access *access, unsigned long old)
{
	return finish_csr(vcpu, access, old);
}

int insn_emulate_csr(struct kvm_vcpu *vcpu, const struct hv_trap *trap, unsigned long insn)
{
	return exit_csr(vcpu, trap, insn);
}
