// SPDX-License-Identifier: MIT
/*
 * nested.c - move a hart between the CSRs of a guest hypervisor and those of its guest.
 *
 * Overview: nested.h. A load always loads L1's CSRs, and a put always saves them, so vcpu->csrs has
 * L1's while the vCPU is not loaded. If L2 runs (nested.v), nested_load() then loads L2's CSRs over
 * them, and nested_put() takes them away first.
 *
 * While L2's CSRs are loaded, L1's interrupts cannot be in the hart: hvip and vstimecmp are L2's.
 * L1's lines are then kept in csrs.hvip (VCPU_LINES_HELD), and its timer is a host timer. Both kick
 * the vCPU, and nested_before_entry() looks for an interrupt of L1 before each entry into L2.
 *
 * If L1's hgatp is Bare, L2 shares the VMID with L1, and the ASIDs of both may be equal, so VS-stage
 * translations are dropped whenever V changes. Otherwise, see shadow_tlb.c.
 */
#include "irqchip.h"
#include "mmu/shadow.h"
#include "request.h"
#include "vcpu/aia.h"
#include "vcpu/fp.h"
#include "vcpu/fwft.h"
#include "vcpu/inject.h"
#include "vcpu/irq.h"
#include "vcpu/isa.h"
#include "vcpu/nacl.h"
#include "vcpu/nested.h"
#include "vcpu/timer.h"
#include "vcpu/vector.h"
#include "vcpu/wfi.h"

/* The bits of hstatus that a trap with V = 0 has to clear. */
#define HSTATUS_OF_TRAP (HSTATUS_SPV | HSTATUS_GVA)

/* ---- what the next entry needs ---------------------------------------------------------------- */

/*
 * While SPV or GVA is set in L1, no exception is delegated to L1, because each has to clear these
 * bits (H §6.2). The hart delegates L1's interrupts even then, so an interrupt that L1 takes in
 * this state leaves the bits set: docs/nested.md.
 */
static bool traps_clear_hstatus(const struct nested *n)
{
	return n->hstatus & HSTATUS_OF_TRAP;
}

/*
 * Are special exits needed? They are while L2 runs, while a trap has to clear SPV or GVA, and while an
 * interrupt that the hart does not show in L1's sip can end L1's WFI or has to be given to L1: one of
 * VS, or SGEI, that hie enables, one in hvictl, or one of hvien that vsie enables.
 */
static bool is_on(const struct nested *n)
{
	return n->v || traps_clear_hstatus(n) || (n->hie & VS_LINES) || n->checks ||
	       nested_has_virtual_irq(n) || nested_has_local_irq(n);
}

/*
 * The causes that may be delegated now. On a machine that corrupts the traps of illegal instructions
 * (fp_init()), these stay delegated, even if L1 has not delegated them.
 */
static unsigned long delegable(const struct nested *n)
{
	unsigned long always = fp_traps_arrive() ? 0 : BIT(EXC_ILLEGAL_INST);

	if (n->v)
		return n->hedeleg | always;
	return traps_clear_hstatus(n) ? always : ~0UL;
}

/* The bits of hstatus that make instructions of the guest trap. */
static void set_hstatus(struct kvm_vcpu *vcpu)
{
	const struct nested *n = &vcpu->nested;
	unsigned long traps = HSTATUS_VTW;

	if (n->v)
		traps |= n->hstatus & (HSTATUS_VTVM | HSTATUS_VTSR);
	else if (n->hstatus & HSTATUS_SPV)
		traps |= HSTATUS_VTSR; /* this sret enters L2 */
	vcpu->guest.hstatus &= ~(HSTATUS_VTVM | HSTATUS_VTW | HSTATUS_VTSR);
	vcpu->guest.hstatus |= traps;
	if (!n->v && vcpu->wfi_native)
		wfi_native_load(vcpu);
}

/* Exchange the handlers for the special ones, or back. */
static void switch_exits(struct kvm_vcpu *vcpu)
{
	const struct exit_ops *ops = vcpu->exit_ops;

	vcpu->exit_ops = vcpu->nested_host.exit_ops;
	vcpu->nested_host.exit_ops = ops;
	vcpu->nested.on = !vcpu->nested.on;
	vcpu_set_special(vcpu, SPECIAL_NESTED, vcpu->nested.on);
	if (vcpu->loaded)
		vcpu_observe(vcpu);
	else
		vcpu->handle_exit = vcpu->exit_ops->handle; /* KVM_RUN observes it */
}

void nested_choose_exits(struct kvm_vcpu *vcpu)
{
	if (is_on(&vcpu->nested) != vcpu->nested.on)
		switch_exits(vcpu);
	set_hstatus(vcpu);
}

void nested_unsettle(struct kvm_vcpu *vcpu)
{
	struct nested *n = &vcpu->nested;

	if (!n->entered)
		return;
	vcpu->hedeleg = n->own_hedeleg;
	n->entered = false;
}

void nested_settle(struct kvm_vcpu *vcpu)
{
	struct nested *n = &vcpu->nested;

	nested_unsettle(vcpu);
	nested_choose_exits(vcpu);
	if (n->handling)
		return;
	if (n->on) {
		n->own_hedeleg = vcpu->hedeleg;
		vcpu->hedeleg &= delegable(n);
		n->entered = true;
	}
	hv_pin();
	fp_delegate(vcpu);
	hv_unpin();
}

/* ---- FP and vector ------------------------------------------------------------------------ */

/*
 * With V = 1, a change of registers makes both L1's and L2's status Dirty (H §2.11), and L2 may have
 * set its own to Clean since. The hart's sstatus, which L2 cannot write, is in guest.sstatus. It may
 * be Dirty because of L1, which does no harm.
 */
void nested_mark_dirty(struct kvm_vcpu *vcpu)
{
	unsigned long *vsstatus = &vcpu->csrs.vsstatus;

	if (vcpu->loaded != VCPU_LINES_HELD)
		return;
	if (fp_state(vcpu) == FS_DIRTY && (*vsstatus & SSTATUS_FS))
		*vsstatus |= SSTATUS_FS;
	if (vector_state(vcpu) == FS_DIRTY && (*vsstatus & SSTATUS_VS))
		*vsstatus |= SSTATUS_VS;
}

/*
 * With V = 1, a unit is usable only if both L1's and L2's status have it on (H §2.11). The hart
 * checks L2's; for L1's, the unit is switched off in the hart. Then L2's first use traps, and
 * nested_exit.c decides.
 */
static void units_enter(struct kvm_vcpu *vcpu)
{
	unsigned long vsstatus = vcpu->csrs.vsstatus;

	if ((!fp_present(vcpu) || (vsstatus & SSTATUS_FS)) &&
	    (!vector_present(vcpu) || (vsstatus & SSTATUS_VS)))
		return;
	if (!fp_traps_arrive())
		return; /* L2's first use could not trap here, so L1's Off has no effect on L2 */
	vcpu->fp_ops->put(vcpu);
	vcpu->nested.units_put = true;
	fp_delegate(vcpu);
}

static void units_leave(struct kvm_vcpu *vcpu)
{
	if (!vcpu->nested.units_put)
		return;
	vcpu->nested.units_put = false;
	vcpu->fp_ops->put(vcpu);
	vcpu->fp_ops->load(vcpu);
}

/* ---- the hart: L1's CSRs or L2's --------------------------------------------------------------- */

static void load_environment(struct kvm_vcpu *vcpu)
{
	struct nested *n = &vcpu->nested;

	csr_write(hideleg, n->hideleg & VS_LINES);
	csr_write(hcounteren, vcpu->hcounteren & n->hcounteren);
	csr_write64(henvcfg, nested_henvcfg(vcpu));
	if (isa_has(vcpu, KVM_RISCV_ISA_EXT_SMSTATEEN))
		csr_write64(hstateen0, isa_hstateen0(vcpu) & n->hstateen0);
	csr_write64(htimedelta, READ_ONCE(vcpu->kvm->time_delta) + n->htimedelta);
	if (isa_has(vcpu, KVM_RISCV_ISA_EXT_SSTC))
		csr_write64(vstimecmp, n->vstimecmp);
	if (vcpu->has_aia) {
		n->own_hvien = csr_swap(hvien, (unsigned long)n->hvien);
		csr_write(vsiselect, (unsigned long)n->vsiselect);
		csr_write(hvictl, (unsigned long)n->hvictl);
		csr_write64(hviprio1, n->hviprio1);
		csr_write64(hviprio2, n->hviprio2);
	}
	if (nested_file(n))
		nested_show_file(vcpu);
}

static void restore_environment(struct kvm_vcpu *vcpu)
{
	csr_write(hideleg, VS_LINES);
	csr_write(hcounteren, vcpu->hcounteren);
	csr_write64(henvcfg, vcpu->henvcfg);
	if (isa_has(vcpu, KVM_RISCV_ISA_EXT_SMSTATEEN))
		csr_write64(hstateen0, isa_hstateen0(vcpu));
	if (vcpu->has_aia)
		csr_write(hvien, vcpu->nested.own_hvien);
}

/* Have the host wake this vCPU at the deadline of L1's stimecmp, which the hart does not watch. */
static void arm_timer(struct kvm_vcpu *vcpu)
{
	u64 deadline = timer_host_deadline(vcpu->kvm, vcpu->timer.compare);

	if (vcpu->timer_ops == &timer_sstc_ops && deadline != TIMER_NEVER &&
	    (vcpu->csrs.vsie & BIT(IRQ_S_TIMER)))
		hv_timer_start(&vcpu->nested_host.timer, deadline);
}

static void timer_fired(struct hv_timer *timer)
{
	struct kvm_vcpu *vcpu = container_of(timer, struct kvm_vcpu, nested_host.timer);

	WRITE_ONCE(vcpu->nested_host.watch.armed, false);
	vcpu_set_request(vcpu, REQ_NESTED_IRQ);
	vcpu_request(vcpu, REQ_HOST);
}

void nested_enter(struct kvm_vcpu *vcpu)
{
	struct guest_csrs *csrs = &vcpu->csrs;
	struct nested *n = &vcpu->nested;

	hv_pin();
	vcpu->exit_vector = vcpu->nested_host.vectors->l2;
	if (n->watched)
		nested_set_watched(vcpu, false);
	csrs->vsie = csr_read(vsie);
	csrs->hvip = csr_swap(hvip, n->hvip & (n->hideleg | n->hvien));
	vcpu->timer_ops->put(vcpu);
	vcpu->loaded = VCPU_LINES_HELD;
	if (vcpu->has_aia)
		aia_put(vcpu);
	if (READ_ONCE(vcpu->guest_file))
		vcpu->kvm->irqchip->put(vcpu);
	csrs->vsstatus = csr_swap(vsstatus, vsstatus_of(n->vsstatus));
	csrs->vstvec = csr_swap(vstvec, n->vstvec);
	csrs->vsscratch = csr_swap(vsscratch, n->vsscratch);
	csrs->vsepc = csr_swap(vsepc, n->vsepc);
	csrs->vscause = csr_swap(vscause, n->vscause);
	csrs->vstval = csr_swap(vstval, n->vstval);
	/* A bit that hideleg will not delegate any more would enable an interrupt of the host. */
	csr_write(vsie, 0);
	csrs->vsatp = csr_swap(vsatp, 0); /* no VS-stage walk uses L1's table with L2's henvcfg */
	load_environment(vcpu);
	csr_write(vsie, (n->hie & n->hideleg & VS_LINES) >> 1 | n->vsie);
	shadow_load(vcpu, n->hgatp);
	csr_write(vsatp, n->vsatp);
	/* MXR of HS applies to both stages (H §5). L1's is not the hart's, so set it for L2. */
	vcpu->guest.sstatus |= csrs->vsstatus & SSTATUS_MXR;
	n->vmid_generation = vcpu->vmid_generation;
	vcpu->vmid_generation = 0; /* never current: nested_before_entry() is called */
	units_enter(vcpu);
	vcpu->put_at_once = true; /* otherwise, begin_run() would write L1's htimedelta */
	arm_timer(vcpu);
	hv_unpin();
}

/*
 * `puts`: the vCPU is being put, perhaps by the scheduler. Then FP and vector registers and the
 * interrupt file are not loaded, because the put would only save them again.
 */
static void leave(struct kvm_vcpu *vcpu, bool puts)
{
	struct guest_csrs *csrs = &vcpu->csrs;
	struct nested *n = &vcpu->nested;
	unsigned long delegated = n->hideleg & VS_LINES, vsie;

	hv_pin();
	vcpu->exit_vector = vcpu->nested_host.vectors->l1;
	vsie = csr_read(vsie);
	n->hie = (n->hie & ~delegated) | (vsie << 1 & delegated);
	n->vsie = vsie & n->hvien;
	n->vsstatus = csr_read(vsstatus);
	nested_mark_dirty(vcpu);
	csr_write(vsstatus, csrs->vsstatus);
	n->vstvec = csr_swap(vstvec, csrs->vstvec);
	n->vsscratch = csr_swap(vsscratch, csrs->vsscratch);
	n->vsepc = csr_swap(vsepc, csrs->vsepc);
	n->vscause = csr_swap(vscause, csrs->vscause);
	n->vstval = csr_swap(vstval, csrs->vstval);
	if (isa_has(vcpu, KVM_RISCV_ISA_EXT_SSTC) && (nested_henvcfg(vcpu) & ENVCFG_STCE))
		n->vstimecmp = csr_read64(vstimecmp);
	n->vsatp = csr_swap(vsatp, 0);
	restore_environment(vcpu);
	csr_write(vsie, csrs->vsie);
	if (vcpu->has_aia)
		n->vsiselect = csr_read(vsiselect);
	if (READ_ONCE(vcpu->guest_file) && !puts)
		vcpu->kvm->irqchip->load(vcpu);
	vcpu_flush_irqs(vcpu);
	vcpu->loaded = VCPU_LOADED;
	/* L2 can change VSSIP and the bits of hvien, through its sip. */
	delegated = (delegated & BIT(IRQ_VS_SOFT)) | n->hvien;
	n->hvip = (n->hvip & ~delegated) | (csr_swap(hvip, csrs->hvip) & delegated);
	if (vcpu->has_aia)
		aia_load(vcpu);
	vcpu->timer_ops->load(vcpu);
	vcpu->vmid_generation = n->vmid_generation;
	shadow_put(vcpu, n->hgatp);
	csr_write(vsatp, csrs->vsatp);
	vcpu->guest.sstatus &= ~SSTATUS_MXR;
	if (puts)
		n->units_put = false;
	else
		units_leave(vcpu);
	vcpu->put_at_once = vcpu->fwft.misaligned;
	hv_unpin();
}

void nested_leave(struct kvm_vcpu *vcpu)
{
	leave(vcpu, false);
}

void nested_begin_access(struct kvm_vcpu *vcpu)
{
	const struct nested *n = &vcpu->nested;

	vcpu->loaded = VCPU_LINES_HELD; /* for fences: hgatp has L2's table */
	vcpu->csrs.vsstatus = csr_swap(vsstatus, vsstatus_of(n->vsstatus));
	vcpu->csrs.vsatp = csr_swap(vsatp, 0);
	csr_write64(henvcfg, nested_henvcfg(vcpu));
	shadow_load(vcpu, n->hgatp);
	csr_write(vsatp, n->vsatp);
}

void nested_end_access(struct kvm_vcpu *vcpu)
{
	csr_write(vsatp, 0);
	csr_write64(henvcfg, vcpu->henvcfg);
	shadow_put(vcpu, vcpu->nested.hgatp);
	csr_write(vsatp, vcpu->csrs.vsatp);
	csr_write(vsstatus, vcpu->csrs.vsstatus);
	vcpu->loaded = VCPU_LOADED;
}

void nested_load(struct kvm_vcpu *vcpu)
{
	if (vcpu->nested.v)
		nested_enter(vcpu);
	else if (vcpu->nested.watched)
		nested_set_watched(vcpu, true);
	nested_settle(vcpu);
}

void nested_put(struct kvm_vcpu *vcpu)
{
	nested_unsettle(vcpu);
	if (vcpu->nested.v)
		leave(vcpu, true);
}

void nested_set_v(struct kvm_vcpu *vcpu, bool v)
{
	vcpu->nested.v = v;
	nested_choose_exits(vcpu);
	vcpu_set_request(vcpu, REQ_NESTED_IRQ);
}

/* ---- traps -------------------------------------------------------------------------------------- */

static bool is_delegated(const struct nested *n, unsigned long cause)
{
	return n->v && !n->unpriv && !(cause & CAUSE_IRQ_FLAG) && (n->hedeleg >> cause & 1);
}

void nested_take_trap(struct kvm_vcpu *vcpu, unsigned long cause, unsigned long tval)
{
	struct nested *n = &vcpu->nested;
	bool was_v = n->v;

	if (is_delegated(n, cause))
		return;
	if (was_v) {
		n->v = false;
		nested_leave(vcpu);
	}
	n->hstatus &= ~HSTATUS_OF_TRAP;
	n->htval = 0;
	n->htinst = 0;
	/* The hart has set its own GVA at L2's exit; at a trap of HLV or HSV, GVA is 1 (H §2.1). */
	if (n->unpriv ||
	    (was_v && !(cause & CAUSE_IRQ_FLAG) && (vcpu->guest.hstatus & HSTATUS_GVA)))
		n->hstatus |= HSTATUS_GVA;
	if (was_v && !n->unpriv) {
		n->hstatus &= ~HSTATUS_SPVP;
		n->hstatus |= HSTATUS_SPV;
		if (vcpu->guest.sstatus & SSTATUS_SPP)
			n->hstatus |= HSTATUS_SPVP;
		trace_kvm_nested_vmexit(cause, vcpu->guest.sepc, tval);
	}
	nacl_trapped(vcpu, was_v && !n->unpriv && nacl_has(vcpu, NACL_AUTOSWAP_CSR));
	n->unpriv = UNPRIV_NONE;
}

/* L1's sstatus is the hart's vsstatus, and its sepc is vsepc (H §6.4). */
void nested_sret(struct kvm_vcpu *vcpu)
{
	struct nested *n = &vcpu->nested;
	unsigned long vsstatus = csr_read(vsstatus);

	vcpu->guest.sepc = csr_read(vsepc);
	vcpu->guest.sstatus &= ~SSTATUS_SPP;
	vcpu->guest.sstatus |= vsstatus & SSTATUS_SPP;
	vsstatus &= ~(SSTATUS_SPP | SSTATUS_SIE);
	if (vsstatus & SSTATUS_SPIE)
		vsstatus |= SSTATUS_SIE;
	csr_write(vsstatus, vsstatus | SSTATUS_SPIE);
	if (!(n->hstatus & HSTATUS_SPV))
		return;
	n->hstatus &= ~HSTATUS_SPV;
	n->v = true;
	nested_enter(vcpu);
	trace_kvm_nested_vmenter(vcpu->guest.sepc, n->hstatus);
}

/* ---- life cycle -------------------------------------------------------------------------------- */

void nested_vcpu_init(struct kvm_vcpu *vcpu, const struct exit_vectors *vectors,
		      const struct exit_ops *ops)
{
	vcpu->nested_host.vectors = vectors;
	vcpu->nested_host.exit_ops = ops;
	hv_timer_init(&vcpu->nested_host.timer, timer_fired);
}

void nested_vcpu_destroy(struct kvm_vcpu *vcpu)
{
	hv_timer_cancel(&vcpu->nested_host.timer);
	shadow_destroy(vcpu);
}

static void use_own_vector(struct kvm_vcpu *vcpu)
{
	const struct exit_vectors *vectors = vcpu->nested_host.vectors;

	vcpu->exit_vector = vcpu->has_h ? vectors->l1 : vectors->plain;
}

/* H leaves most values undefined after a reset. Here, they are 0, except VSXL, UXL and vstimecmp. */
void nested_reset(struct kvm_vcpu *vcpu)
{
	struct nested *n = &vcpu->nested;

	nested_unsettle(vcpu);
	if (n->on)
		switch_exits(vcpu);
	shadow_forget(vcpu);
	*n = (struct nested){ .hstatus = FIELD_PREP(HSTATUS_VSXL, XL_64),
			      .vsstatus = FIELD_PREP(SSTATUS_UXL, XL_64),
			      .vstimecmp = TIMER_NEVER,
			      .hvien_writable = n->hvien_writable,
			      .hgeie_writable = n->hgeie_writable,
			      .vgein_writable = n->vgein_writable };
	use_own_vector(vcpu);
	nacl_off(vcpu);
}

void nested_isa_changed(struct kvm_vcpu *vcpu)
{
	vcpu->has_h = isa_has(vcpu, KVM_RISCV_ISA_EXT_H);
	vcpu->has_aia = isa_has(vcpu, KVM_RISCV_ISA_EXT_SSAIA);
	vcpu->sbi_ext &= ~(1u << SBI_EXT_BIT_NACL);
	nested_adopt_files(vcpu);
	if (vcpu->has_h && nacl_permitted(vcpu))
		vcpu->sbi_ext |= 1u << SBI_EXT_BIT_NACL;
	if (!vcpu->has_h) {
		nested_reset(vcpu);
		set_hstatus(vcpu); /* no instruction traps for L1's hstatus any more */
		return;
	}
	use_own_vector(vcpu);
	nested_csr_isa_changed(vcpu);
	vcpu->shadow->svpbmt = isa_has(vcpu, KVM_RISCV_ISA_EXT_SVPBMT);
	vcpu->shadow->svnapot = isa_has(vcpu, KVM_RISCV_ISA_EXT_SVNAPOT);
}
