// SPDX-License-Identifier: MIT
/*
 * any_guest.c - the random guest of any_vmm.c: it traps with random causes and random values in the
 * trap's CSRs. On ANY_OTHER, it also uses the FP and vector units, and reads counters.
 */
#include "any_native.h"

#define INSN_LW 0x2503       /* lw a0, in htinst */
#define INSN_SW 0x00a02023   /* sw a0 */
#define FADD_D  0x02000053UL /* fadd.d ft0, ft0, ft0 */
#define VADD_VV 0x02000057UL /* vadd.vv v0, v0, v0 */

unsigned int any_entries_left;

/* ---- FP, vectors and counters, on ANY_OTHER ---- */

/* Use the FP or the vector unit. If the unit is off, *trap becomes the trap that this causes. */
static void use_unit(struct kvm_vcpu *vcpu, struct hv_trap *trap)
{
	bool fp = rnd(3) != 2;
	unsigned long field = fp ? SSTATUS_FS : SSTATUS_VS;

	if (!(vcpu->guest.sstatus & field) || !(csr_read(vsstatus) & field)) {
		*trap = (struct hv_trap){ .scause = EXC_ILLEGAL_INST,
					  .stval = fp ? FADD_D : VADD_VV };
		return;
	}
	if (fp)
		native_fp_unit()->f[rnd(32)] = rnd(256);
	else
		native_vector_unit()->regs[rnd(32)] = (u8)rnd(256);
	csr_set(vsstatus, field);
	if (rnd(4))
		vcpu->guest.sstatus |= field;
}

static void other_trap(struct kvm_vcpu *vcpu, struct hv_trap *trap)
{
	static const u8 counters[] = { 0, 1, 2, 3, 4, 31 };

	switch (rnd(6)) {
	case 0:
		if (rnd(2))
			csr_write(vsstatus, csr_read(vsstatus) ^ SSTATUS_FS ^ SSTATUS_VS);
		use_unit(vcpu, trap);
		break;
	case 1: /* csrr a0, counter */
		trap->scause = EXC_VIRTUAL_INST;
		trap->stval = (0xc00UL + counters[rnd(sizeof(counters))]) << 20 | 2 << 12 |
			      GPR_A0 << 7 | 0x73;
		break;
	case 2:
		native_pmu_happen(any_pmu_event(), rnd(1 << 20));
		break;
	default:
		break;
	}
}

/* ---- the guest ---- */

void any_guest(struct kvm_vcpu *vcpu)
{
	struct hv_trap trap = {
		.scause = rnd(8) ? rnd(25) : CAUSE_IRQ_FLAG | rnd(16),
		.stval = (unsigned long)any_gpa(),
		.htval = rnd(4) ? (unsigned long)(any_gpa() >> 2) : 0,
		.htinst = (unsigned long)PICK(0, 0, 0x3000, 0x3020, INSN_LW, 0x2501, INSN_SW),
	};
	unsigned long select;
	bool is_csr = false;
	unsigned int i;

	if (!any_entries_left) { /* the fast path has entered the guest again */
		native_trap(&(struct hv_trap){ .scause = CAUSE_IRQ_FLAG | IRQ_S_TIMER });
		return;
	}
	if (!rnd(16))
		trap.htinst = (unsigned long)rnd(1 << 30);
	if (rnd(2))
		trap.scause = PICK(EXC_LOAD_GUEST_PAGE_FAULT, EXC_STORE_GUEST_PAGE_FAULT,
				   EXC_INST_GUEST_PAGE_FAULT, EXC_ECALL_VS, EXC_VIRTUAL_INST);
	for (i = 1; i < 32; i++)
		if (!rnd(8))
			vcpu->guest.gpr[i] = (unsigned long)any_gpa();
	if (trap.scause == EXC_ECALL_VS) {
		vcpu->guest.gpr[GPR_A7] = any_sbi_extension();
		vcpu->guest.gpr[GPR_A6] = (unsigned long)rnd(8);
	}
	if (rnd(2))
		vcpu->guest.gpr[GPR_A0] = (unsigned long)any_irqchip_value();
	if (trap.scause == EXC_VIRTUAL_INST && rnd(2)) {
		trap.stval = any_irqchip_insn(&select);
		csr_write(vsiselect, select);
		is_csr = true;
	} else if ((trap.htinst == INSN_LW || trap.htinst == INSN_SW) && rnd(2)) {
		trap.scause = trap.htinst == INSN_LW ? EXC_LOAD_GUEST_PAGE_FAULT
						     : EXC_STORE_GUEST_PAGE_FAULT;
		trap.stval = (unsigned long)any_irqchip_gpa();
		trap.htval = trap.stval >> 2;
	}
	if (!rnd(4))
		vcpu->guest.sepc = (unsigned long)any_gpa();
	if (!rnd(4))
		csr_write(vsatp, FIELD_PREP(SATP_MODE, PICK(0, 8, 9, 10)) | any_gpa() >> 12);
	if (!rnd(16))
		vcpu->guest.sstatus ^= SSTATUS_SPP;
	if (any_machine == ANY_OTHER) {
		if (trap.scause == EXC_ECALL_VS && rnd(4))
			any_sbi_arguments(vcpu->guest.gpr);
		else if (trap.scause != EXC_ECALL_VS)
			other_trap(vcpu, &trap);
	}
	native_trap(&trap);
	/*
	 * Make KVM_RUN return after the last entry, and also after a trap that may be a WFI or a
	 * hart stop, because the vCPU could then sleep forever.
	 */
	if (!--any_entries_left || (trap.scause == EXC_VIRTUAL_INST && !is_csr) ||
	    trap.scause == EXC_ECALL_VS)
		native_signal_set(true);
}
