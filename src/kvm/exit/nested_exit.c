// SPDX-License-Identifier: MIT
/*
 * nested_exit.c - handle an exit while nested.on is set, above all an exit of L2.
 *
 * This hypervisor (L0) handles the exits of L2 that it has caused itself: host interrupts, guest
 * page faults in the VM's own table, the first use of FP or vector registers, and breakpoints while
 * user space debugs the guest. It also handles what traps although L1 permits it: WFI, wrs.nto, reads
 * of counters, and L2's accesses to the guest interrupt file that L1 has assigned to it. A virtual
 * instruction of an extension that the vCPU lacks becomes an illegal instruction. Every other exit is
 * a trap into L1, in virtual HS mode. If L1 has delegated its cause to L2, but the hart could not be
 * told so, it is given to L2.
 */
#include "exit/exit.h"
#include "exit/insn.h"
#include "kvm.h"
#include "mmu/shadow.h"
#include "mmu/vmid.h"
#include "request.h"
#include "vcpu/fp.h"
#include "vcpu/irq.h"
#include "vcpu/isa.h"
#include "vcpu/nacl.h"
#include "vcpu/nested.h"
#include "vcpu/timer.h"
#include "vcpu/vector.h"
#include "vcpu/wfi.h"

/*
 * L2 has executed an illegal instruction. Load the unit that may have been needed, if L1 and L2
 * have it on.
 */
static bool first_use(struct kvm_vcpu *vcpu)
{
	unsigned long l1 = vcpu->csrs.vsstatus, l2 = csr_read(vsstatus);
	bool fp, vector;

	hv_pin();
	fp = fp_is_disabled(vcpu) && (l1 & SSTATUS_FS) && (l2 & SSTATUS_FS);
	vector = !fp && vector_is_disabled(vcpu) && (l1 & SSTATUS_VS) && (l2 & SSTATUS_VS);
	if (fp)
		fp_restore(vcpu);
	if (vector)
		vector_restore(vcpu);
	hv_unpin();
	return fp || vector;
}

static int exit_wfi(struct kvm_vcpu *vcpu)
{
	vcpu->guest.sepc += 4;
	nested_wfi(vcpu);
	return RESUME_GUEST;
}

static bool is_counter(unsigned long insn)
{
	return insn_is_csr(insn) &&
	       csr_counter_number((unsigned int)FIELD_GET(INSN_CSR, insn)) <= 31;
}

/* L1's hcounteren and, in VU, scounteren allow L2 to read a counter (H §2.6). */
static bool counter_is_allowed(const struct kvm_vcpu *vcpu, unsigned long number)
{
	unsigned long allowed = vcpu->nested.hcounteren;

	if (!(vcpu->guest.sstatus & SSTATUS_SPP))
		allowed &= csr_read(scounteren);
	return allowed >> number & 1;
}

static bool csr_is_absent(const struct kvm_vcpu *vcpu, unsigned long csr)
{
	switch (csr) {
	case CSR_stimecmp:
	case CSR_vstimecmp:
		return !isa_has(vcpu, KVM_RISCV_ISA_EXT_SSTC);
	case CSR_seed:
		return !isa_has(vcpu, KVM_RISCV_ISA_EXT_ZKR);
	case CSR_sstateen0:
	case CSR_hstateen0:
		return !isa_has(vcpu, KVM_RISCV_ISA_EXT_SMSTATEEN);
	case CSR_siselect:
	case CSR_sireg:
	case CSR_stopei:
	case CSR_stopi:
	case CSR_vsiselect:
	case CSR_vsireg:
	case CSR_vstopei:
	case CSR_vstopi:
	case CSR_hvien:
	case CSR_hvictl:
	case CSR_hviprio1:
	case CSR_hviprio2:
		return !isa_has(vcpu, KVM_RISCV_ISA_EXT_SSAIA);
	default:
		return false;
	}
}

/*
 * Does the vCPU lack the extension of this instruction, although the hart has it? On a hart without
 * the extension, the instruction is illegal.
 */
static bool is_absent(const struct kvm_vcpu *vcpu, unsigned long insn)
{
	if (insn_is_csr(insn))
		return csr_is_absent(vcpu, FIELD_GET(INSN_CSR, insn));
	if (insn == INSN_WRS_NTO)
		return !isa_has(vcpu, KVM_RISCV_ISA_EXT_ZAWRS);
	if (insn_is_svinval(insn))
		return !isa_has(vcpu, KVM_RISCV_ISA_EXT_SVINVAL);
	if (FIELD_GET(INSN_OPCODE, insn) != OPCODE_MISC_MEM)
		return false;
	return !isa_has(vcpu, FIELD_GET(INSN_CSR, insn) == CBO_ZERO ? KVM_RISCV_ISA_EXT_ZICBOZ
								    : KVM_RISCV_ISA_EXT_ZICBOM);
}

/* Does L1's hstateen0 permit this access? If not, it is a virtual-instruction exception for L1. */
static bool file_is_permitted(const struct kvm_vcpu *vcpu, unsigned int csr)
{
	u64 needed = HSTATEEN0_IMSIC | (csr == CSR_stopei ? 0 : HSTATEEN0_CSRIND);

	return !isa_has(vcpu, KVM_RISCV_ISA_EXT_SMSTATEEN) ||
	       (vcpu->nested.hstateen0 & needed) == needed;
}

/* L2 accesses the guest interrupt file that L1 has given it. Returns false if this is left to L1. */
static bool emulate_file(struct kvm_vcpu *vcpu, unsigned long insn)
{
	struct csr_access access = insn_decode_csr(vcpu, insn);
	unsigned long old = 0;

	if ((access.csr != CSR_stopei && access.csr != CSR_sireg) ||
	    !file_is_permitted(vcpu, access.csr))
		return false;
	if (nested_file_access(vcpu, csr_read(vsiselect), &access, &old))
		return false;
	insn_finish_csr(vcpu, &access, old);
	return true;
}

/*
 * A virtual instruction in L2. If L1 allows it, it has trapped because of L0's own settings, and
 * L0 emulates it. If the vCPU lacks its extension, it becomes an illegal instruction, which goes to
 * L1, or to L2 if L1 has delegated this cause. Otherwise, it is a virtual instruction for L1.
 */
static int l2_virtual_inst(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	const struct nested *n = &vcpu->nested;
	bool from_vs = vcpu->guest.sstatus & SSTATUS_SPP;
	unsigned long insn = trap->stval == INSN_WFI ? INSN_WFI : insn_trapped(vcpu, trap);

	if (!insn)
		return RESUME_GUEST;
	trace_kvm_virtual_inst(insn);
	if (insn == INSN_WFI && from_vs && !(n->hstatus & HSTATUS_VTW))
		return exit_wfi(vcpu);
	if (is_absent(vcpu, insn)) {
		vcpu_inject_trap(vcpu, EXC_ILLEGAL_INST, trap->sepc, insn);
		return RESUME_GUEST;
	}
	if (insn == INSN_WRS_NTO && !(n->hstatus & HSTATUS_VTW)) {
		vcpu->guest.sepc += 4;
		return vcpu_wrs(vcpu);
	}
	if (is_counter(insn) && counter_is_allowed(vcpu, FIELD_GET(INSN_CSR, insn) & 31))
		return insn_emulate_csr(vcpu, trap, insn);
	if (from_vs && insn_is_csr(insn) && emulate_file(vcpu, insn))
		return RESUME_GUEST;
	vcpu_inject_trap(vcpu, EXC_VIRTUAL_INST, trap->sepc, insn);
	return RESUME_GUEST;
}

static int exit_l2(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	switch (trap->scause) {
	case EXC_ILLEGAL_INST:
		if (first_use(vcpu)) {
			trace_exit_class(&vcpu->exit_clock, EXIT_FP);
			return RESUME_GUEST;
		}
		return vcpu_redirect_trap(vcpu, trap);
	case EXC_VIRTUAL_INST:
		return l2_virtual_inst(vcpu, trap);
	case EXC_ECALL_VS:
		return vcpu_redirect_trap(vcpu, trap);
	case EXC_INST_GUEST_PAGE_FAULT:
	case EXC_LOAD_GUEST_PAGE_FAULT:
	case EXC_STORE_GUEST_PAGE_FAULT:
		return nested_fault(vcpu, trap);
	default: /* an interrupt or fault of L0, or a cause that its handler gives to the guest */
		return exit_dispatch(vcpu, trap);
	}
}

static int exit_l1(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	if (trap->scause == EXC_VIRTUAL_INST && trap->stval == INSN_WFI &&
	    (vcpu->guest.sstatus & SSTATUS_SPP))
		return exit_wfi(vcpu);
	return exit_dispatch(vcpu, trap);
}

/*
 * Called by vmid_update(), in a pinned section, before each entry into L2; more than once if
 * run_once() then finds a request and starts again. Gives L1 its interrupt. Does not sleep.
 */
void nested_before_entry(struct kvm_vcpu *vcpu, unsigned long now)
{
	if (vcpu->nested.vmid_generation != now) {
		nested_leave(vcpu);
		vmid_update(vcpu);
		nested_enter(vcpu);
	}
	nested_check_irqs(vcpu);
	if (!vcpu->nested.v)
		vmid_update(vcpu);
}

/*
 * vcpu->hedeleg is the vCPU's own while the exit is handled. No interrupt is injected into an
 * instruction that user space is to complete.
 *
 * With switch=full, each exit but an illegal instruction reloads the vCPU (switch_full.c). If only
 * one of L1's FS and VS is Off, a load switches both units off (units_enter()), so after a reload,
 * first_use() could not tell whether they were off when L2 executed the instruction.
 */
int exit_nested(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	struct nested *n = &vcpu->nested;
	int result;

	if (vcpu->kvm->toggle[TOGGLE_switch] && trap->scause != EXC_ILLEGAL_INST)
		vcpu_reload(vcpu);
	nested_unsettle(vcpu);
	n->handling = true;
	result = n->v ? exit_l2(vcpu, trap) : exit_l1(vcpu, trap);
	n->handling = false;
	if (nacl_is_on(vcpu))
		nacl_end_exit(vcpu);
	nested_settle(vcpu);
	if (result == RESUME_GUEST && !n->v && vcpu->nested.checks)
		nested_check_irqs(vcpu);
	return result;
}
