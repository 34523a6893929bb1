// SPDX-License-Identifier: MIT
/*
 * nested_insn.c - emulate what a guest hypervisor executes: sret, HLV, HSV, HFENCE, and CSR
 * instructions.
 *
 * All of them cause virtual-instruction exceptions in VS or VU (H §6.1). Spec: H §3.1, §3.2, §6.4.
 */
#include "exit/exit.h"
#include "exit/insn.h"
#include "kvm.h"
#include "mmu/shadow.h"
#include "mmu/unpriv.h"
#include "vcpu/isa.h"
#include "vcpu/nacl.h"
#include "vcpu/nested.h"

#define FUNCT3_HLV         4 /* also of HSV; 0: sret and fences; others: CSR instructions */
#define FUNCT7_HFENCE_VVMA 0x11
#define FUNCT7_HLV_B       0x30 /* to 0x37 (HSV.D): bits 2:1 are the width, bit 0 is a store */
#define FUNCT7_HFENCE_GVMA 0x31

static unsigned long hlvx_hu(gva_t gva, struct hv_trap *trap, unsigned long hstatus,
			     unsigned long value)
{
	(void)value;
	return unpriv_hlvx_hu(gva, trap, hstatus);
}

#define RS2_HLVX 3 /* in rs2: the load checks execute permission */

/* The accesses of HLV and HSV by the low bits of funct7 and, for loads, rs2 (H §3.1). */
static unpriv_fn *access_of(unsigned long funct7, unsigned long rs2)
{
	static unpriv_fn *const loads[4][4] = {
		{ unpriv_hlv_b, unpriv_hlv_bu },
		{ unpriv_hlv_h, unpriv_hlv_hu, [RS2_HLVX] = hlvx_hu },
		{ unpriv_hlv_w, unpriv_hlv_wu, [RS2_HLVX] = unpriv_hlvx_wu },
		{ unpriv_hlv_d },
	};
	static unpriv_fn *const stores[4] = { unpriv_hsv_b, unpriv_hsv_h, unpriv_hsv_w,
					      unpriv_hsv_d };

	if (funct7 & 1)
		return stores[funct7 >> 1 & 3];
	return rs2 < 4 ? loads[funct7 >> 1 & 3][rs2] : NULL;
}

/* For an HLVX that faults in the G-stage, QEMU raises cause 12, and sets htval (refetch_failed()). */
static bool is_gstage_fault(const struct hv_trap *trap)
{
	return trap->scause == EXC_LOAD_GUEST_PAGE_FAULT ||
	       trap->scause == EXC_STORE_GUEST_PAGE_FAULT ||
	       trap->scause == EXC_INST_GUEST_PAGE_FAULT || trap->htval;
}

/* An HLV or HSV that is being emulated. */
struct hlv {
	unpriv_fn *access;
	gva_t gva;
	unsigned long rd;    /* of a load; 0: the value is not needed */
	unsigned long value; /* to be stored */
	bool mxr;
};

/* Make the access with the CSRs of L2 that are loaded. If it traps, nothing has changed. */
static void try_access(struct kvm_vcpu *vcpu, struct hlv *hlv, struct hv_trap *trap)
{
	bool supervisor = vcpu->nested.hstatus & HSTATUS_SPVP;
	unsigned long value;

	if (hlv->mxr)
		csr_set(sstatus, SSTATUS_MXR);
	value = unpriv_access(vcpu, hlv->access, hlv->gva, hlv->value, supervisor, trap);
	if (hlv->mxr)
		csr_clear(sstatus, SSTATUS_MXR);
	trap->sepc = vcpu->guest.sepc;
	if (trap->scause)
		return;
	if (hlv->rd)
		vcpu->guest.gpr[hlv->rd] = value;
	vcpu->guest.sepc += 4;
}

/* The access has trapped. L2's CSRs are loaded. */
static int handle_trap(struct kvm_vcpu *vcpu, struct hv_trap *trap)
{
	if (is_gstage_fault(trap)) {
		if (trap->scause != EXC_STORE_GUEST_PAGE_FAULT)
			trap->scause = EXC_LOAD_GUEST_PAGE_FAULT; /* HLVX: H §3.1 */
		return nested_fault(vcpu, trap);
	}
	/* HLVX has the causes of a load; QEMU raises those of a fetch. */
	if (trap->scause == EXC_INST_PAGE_FAULT)
		trap->scause = EXC_LOAD_PAGE_FAULT;
	else if (trap->scause == EXC_INST_ACCESS_FAULT)
		trap->scause = EXC_LOAD_ACCESS_FAULT;
	vcpu_redirect_trap(vcpu, trap);
	return RESUME_GUEST;
}

/* Make the access with all CSRs of L2 loaded, as while L2 runs, and handle its trap. May sleep. */
static int access_eagerly(struct kvm_vcpu *vcpu, struct hlv *hlv, bool is_hlvx)
{
	struct nested *n = &vcpu->nested;
	int result = RESUME_GUEST;
	struct hv_trap trap;

	n->v = true;
	n->unpriv = is_hlvx ? UNPRIV_FETCH : UNPRIV_DATA;
	nested_choose_exits(vcpu); /* the fault below may sleep: a put has to put away L2's CSRs */
	nested_enter(vcpu);
	try_access(vcpu, hlv, &trap);
	if (trap.scause)
		result = handle_trap(vcpu, &trap);
	if (n->v) {
		n->v = false;
		n->unpriv = UNPRIV_NONE;
		nested_leave(vcpu);
	}
	return result;
}

/* Make the access with the CSRs loaded that it needs. Returns false if it has trapped. */
static bool access_lazily(struct kvm_vcpu *vcpu, struct hlv *hlv)
{
	struct hv_trap trap;

	hv_pin();
	nested_begin_access(vcpu);
	try_access(vcpu, hlv, &trap);
	nested_end_access(vcpu);
	hv_unpin();
	return !trap.scause;
}

/*
 * HLV and HSV access L2's memory through its own translation: load L2's CSRs, and make the same
 * access. With nested_switch=eager, all of them are loaded; with lazy, only those that translate the
 * address. If the access then traps, it is made once more with all of them, because handling the trap
 * may sleep, and a put must find L2's CSRs complete. A fault in the VM's own table is resolved, and L1
 * executes the instruction again. All other traps are L1's, with SPV = 0 and GVA = 1. Returns false if
 * the encoding is reserved. May sleep. Not inlined, so that other instructions do not save registers
 * for it.
 */
static __attribute__((noinline)) bool access_l2(struct kvm_vcpu *vcpu, unsigned long insn,
						int *result)
{
	unsigned long rs2 = FIELD_GET(INSN_RS2, insn), funct7 = FIELD_GET(INSN_FUNCT7, insn);
	bool is_hlvx = !(funct7 & 1) && rs2 == RS2_HLVX;
	struct hlv hlv = {
		.access = access_of(funct7, rs2),
		.gva = vcpu->guest.gpr[FIELD_GET(INSN_RS1, insn)],
		.rd = FIELD_GET(INSN_RD, insn),
		.value = vcpu->guest.gpr[rs2],
	};

	if (!hlv.access || ((funct7 & 1) && hlv.rd))
		return false;
	/*
	 * MXR of L1 acts on L2's accesses, too. HLVX ignores MXR (H §3.1), but QEMU 7.2 requires it
	 * (unpriv_read()).
	 */
	hlv.mxr = (csr_read(vsstatus) & SSTATUS_MXR) || is_hlvx;
	if (vcpu->kvm->toggle[TOGGLE_nested_switch] || !access_lazily(vcpu, &hlv))
		*result = access_eagerly(vcpu, &hlv, is_hlvx);
	return true;
}

static bool is_fence(const struct kvm_vcpu *vcpu, unsigned long insn)
{
	if (FIELD_GET(INSN_RD, insn))
		return false;
	switch (FIELD_GET(INSN_FUNCT7, insn)) {
	case FUNCT7_HFENCE_VVMA:
	case FUNCT7_HFENCE_GVMA:
		return true;
	case FUNCT7_HINVAL_VVMA:
	case FUNCT7_HINVAL_GVMA:
		return isa_has(vcpu, KVM_RISCV_ISA_EXT_SVINVAL);
	default:
		return false;
	}
}

static bool is_gvma(unsigned long insn)
{
	unsigned long funct7 = FIELD_GET(INSN_FUNCT7, insn);

	return funct7 == FUNCT7_HFENCE_GVMA || funct7 == FUNCT7_HINVAL_GVMA;
}

/*
 * HFENCE.GVMA or HINVAL.GVMA: rs1 holds the address, shifted right by 2, and rs2 the VMID. If rs1
 * is x0, all addresses are fenced; if rs2 is x0, all VMIDs (H §3.2).
 */
static void fence_gvma(struct kvm_vcpu *vcpu, unsigned long insn)
{
	unsigned long rs1 = FIELD_GET(INSN_RS1, insn), rs2 = FIELD_GET(INSN_RS2, insn);
	unsigned long vmid = vcpu->guest.gpr[rs2] & FIELD_GET(HGATP_VMID, HGATP_VMID);
	gpa_t gpa = ALIGN_DOWN((gpa_t)vcpu->guest.gpr[rs1] << 2, PAGE_SIZE);

	shadow_fence(vcpu, rs2 ? vmid : SHADOW_ANY_VMID, rs1 ? gpa : 0,
		     rs1 ? gpa + PAGE_SIZE - 1 : ~(gpa_t)0);
}

/* The hart computes vstopi from L2's registers, so they are loaded for it. */
static unsigned long read_vstopi(struct kvm_vcpu *vcpu)
{
	unsigned long value;

	hv_pin();
	vcpu->nested.v = true;
	nested_enter(vcpu);
	value = csr_read(vstopi);
	vcpu->nested.v = false;
	nested_leave(vcpu);
	hv_unpin();
	return value;
}

/* An access to stopi while it traps, to vstopi, or to the guest interrupt file that VGEIN selects. */
static bool interrupt_csr(struct kvm_vcpu *vcpu, const struct csr_access *access,
			  unsigned long *old)
{
	if (!vcpu->has_aia)
		return false;
	switch (access->csr) {
	case CSR_stopi:
		*old = nested_stopi(vcpu);
		return !access->write_mask;
	case CSR_vstopi:
		if (access->write_mask)
			return false;
		*old = read_vstopi(vcpu);
		return true;
	case CSR_vsireg:
	case CSR_vstopei:
		return !nested_file_access(vcpu, (unsigned long)vcpu->nested.vsiselect, access,
					   old);
	default:
		return false;
	}
}

/*
 * Returns false if L1 has no such CSR or may not write it. Not inlined, for the same reason as access_l2().
 */
static __attribute__((noinline)) bool emulate_csr(struct kvm_vcpu *vcpu, unsigned long insn)
{
	struct csr_access access = insn_decode_csr(vcpu, insn);
	bool quiet = nested_csr_is_quiet(vcpu, &access);
	unsigned long old;

	if (!nested_csr(vcpu, &access, &old) && !interrupt_csr(vcpu, &access, &old))
		return false;
	if (access.write_mask)
		nacl_csr_changed(vcpu);
	insn_finish_csr(vcpu, &access, old);
	trace_exit_class(&vcpu->exit_clock, EXIT_H_INSN);
	if (quiet)
		return true;
	nested_settle(vcpu);
	if (vcpu->nested.checks)
		nested_check_irqs(vcpu);
	return true;
}

/* Instructions of HS mode with funct3 0: L1's user mode must not execute them. */
static bool emulate_hs(struct kvm_vcpu *vcpu, unsigned long insn)
{
	if (insn == INSN_SRET && (vcpu->nested.hstatus & HSTATUS_SPV)) {
		nested_sret(vcpu);
		return true;
	}
	if (!is_fence(vcpu, insn))
		return false;
	if (is_gvma(insn))
		fence_gvma(vcpu, insn);
	else
		shadow_fence_vvma(vcpu, FIELD_GET(HGATP_VMID, vcpu->nested.hgatp));
	vcpu->guest.sepc += 4;
	return true;
}

bool nested_emulate(struct kvm_vcpu *vcpu, unsigned long insn, int *result)
{
	const struct nested *n = &vcpu->nested;
	bool from_vs = vcpu->guest.sstatus & SSTATUS_SPP, done;
	unsigned long funct3 = FIELD_GET(INSN_FUNCT3, insn);

	if (n->v || FIELD_GET(INSN_OPCODE, insn) != OPCODE_SYSTEM)
		return false;
	*result = RESUME_GUEST;
	if (funct3 && funct3 != FUNCT3_HLV)
		return from_vs && emulate_csr(vcpu, insn);
	nested_unsettle(vcpu);
	if (!funct3)
		done = from_vs && emulate_hs(vcpu, insn);
	else
		done = (FIELD_GET(INSN_FUNCT7, insn) & ~7UL) == FUNCT7_HLV_B &&
		       (from_vs || (n->hstatus & HSTATUS_HU)) && access_l2(vcpu, insn, result);
	if (!done) {
		nested_settle(vcpu);
		return false;
	}
	trace_exit_class(&vcpu->exit_clock, EXIT_H_INSN);
	nested_settle(vcpu);
	/* If L2 is entered now, nested_before_entry() does this. */
	if (*result == RESUME_GUEST && !n->v && vcpu->nested.checks)
		nested_check_irqs(vcpu);
	return true;
}
