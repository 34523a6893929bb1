// SPDX-License-Identifier: MIT
/*
 * nested.h - nested virtualization: the H extension for a guest.
 *
 * A guest hypervisor (L1) runs in virtual HS mode, which is the hart's VS mode, with L1's S CSRs in
 * the hart's VS CSRs. An H or VS CSR, HLV, HSV, HFENCE, or an sret that is to enter L1's own guest
 * (L2), traps as a virtual instruction and is emulated here (nested_csr.c, nested_insn.c). L2 runs
 * in the hart's VS and VU modes, too, with its own VS CSRs loaded in place of L1's. So the hart
 * executes L1 and L2 directly, and V of the guest's hart is nested.v.
 *
 *   nested.c             moves the hart between L1's and L2's CSRs; virtual traps
 *   nested_irq.c         virtual interrupts
 *   nested_file.c        guest interrupt files
 *   nested_csr.c         the H and VS CSRs, as L1 sees them
 *   exit/nested_insn.c   sret, HLV and HSV, HFENCE
 *   exit/nested_exit.c   exits of L2: is this hypervisor responsible, or L1?
 *   exit/nested_fault.c  guest page faults of L2
 *   mmu/shadow.c         the G-stage table that the hart uses for L2
 *
 * A vCPU has H only if the VMM has switched it on (ISA_EXT_H). Other vCPUs do not pay for it: loads,
 * puts, exits and entries get to this code by tests that they make anyway (vcpu->special, exit_ops,
 * vmid_update()).
 *
 * docs/nested.md lists what differs from hardware. Spec: H.
 */
#ifndef KVM_NESTED_H
#define KVM_NESTED_H

#include "kvm.h"
#include "vcpu/irq.h"

struct csr_access;

/* ---- nested.c: for the rest of the core --------------------------------------------------- */

/*
 * vcpu->mutex is held, except for vcpu_init, vcpu_destroy, and for load and put when the scheduler's
 * hook calls them. No function sleeps unless it says so.
 */

/*
 * The possible values of vcpu->exit_vector. L2's has no fast path, which would handle an exit of L2 as
 * one of L1.
 */
struct exit_vectors {
	unsigned long plain; /* of a vCPU without H */
	unsigned long l1, l2;
};
/* `ops`: the handlers while nested.on is set. vcpu_reset() has to follow. */
void nested_vcpu_init(struct kvm_vcpu *vcpu, const struct exit_vectors *vectors,
		      const struct exit_ops *ops);
void nested_vcpu_destroy(struct kvm_vcpu *vcpu);
void nested_reset(struct kvm_vcpu *vcpu); /* as after power-on; the vCPU is not loaded */
/* The ISA was changed; if H was switched on, shadow_create() has been called. Not loaded. */
void nested_isa_changed(struct kvm_vcpu *vcpu);
void nested_load(struct kvm_vcpu *vcpu);          /* the end of a load, with SPECIAL_NESTED */
void nested_put(struct kvm_vcpu *vcpu);           /* the beginning of a put */
void nested_set_v(struct kvm_vcpu *vcpu, bool v); /* for ONE_REG; not loaded */
/*
 * If the FP or vector registers have changed while L2 runs, mark L1's status Dirty (H §2.11). Called
 * before the hart's own status changes: when L2 exits to L1, and when the registers are saved.
 */
void nested_mark_dirty(struct kvm_vcpu *vcpu);
/*
 * Called by vcpu_inject_trap() before it writes the VS CSRs in the hart. If L2 runs and L1 has not
 * delegated this cause, load L1's CSRs, so that the trap goes to L1. Unless it goes to L2, set hstatus
 * as a trap into HS mode does, and clear htval and htinst; for a guest page fault, the caller sets
 * these afterwards. `tval` is only traced.
 */
void nested_take_trap(struct kvm_vcpu *vcpu, unsigned long cause, unsigned long tval);

/* ---- nested.c: for nested_csr.c and the files in exit/ ---------------------------------------- */

/*
 * Use the special exits (exit_nested()) if v, hstatus or hie require them, otherwise the normal ones.
 * Set VTVM, VTW and VTSR in the guest's hstatus. The vCPU may be loaded or not.
 */
void nested_choose_exits(struct kvm_vcpu *vcpu);
/*
 * Prepare the next entry after a change of v, of a CSR or of vcpu->hedeleg: nested_choose_exits(), and
 * delegate only what may be delegated now. While an exit is being handled, exit_nested() does the
 * latter. The vCPU is loaded.
 */
void nested_settle(struct kvm_vcpu *vcpu);
/* Restore the vCPU's own vcpu->hedeleg, before code that reads or changes it. */
void nested_unsettle(struct kvm_vcpu *vcpu);
/*
 * Load L2's CSRs in place of L1's after v was set, or L1's in place of L2's after it was cleared. The
 * vCPU is loaded. nested_settle() has to follow.
 */
void nested_enter(struct kvm_vcpu *vcpu);
void nested_leave(struct kvm_vcpu *vcpu);
/*
 * sret of L1: to L2 at its privilege if hstatus.SPV is 1 (H §6.4), else as on every hart. The vCPU is
 * loaded. nested_settle() has to follow.
 */
void nested_sret(struct kvm_vcpu *vcpu);
/*
 * Load only what translates L2's addresses (vsatp, hgatp, henvcfg, vsstatus), for an access by HLV or HSV
 * in the same pinned section, and load L1's values again. A trap must not be handled in between.
 */
void nested_begin_access(struct kvm_vcpu *vcpu);
void nested_end_access(struct kvm_vcpu *vcpu);
/* The henvcfg with which L2 runs: what both L1 and L0 allow. FIOM is L1's alone. */
static inline u64 nested_henvcfg(const struct kvm_vcpu *vcpu)
{
	u64 henvcfg = vcpu->nested.henvcfg;

	return (henvcfg & vcpu->henvcfg) | (henvcfg & ENVCFG_FIOM);
}

/* ---- nested_irq.c ------------------------------------------------------------------------------- */

/* Has L1 given L2 an interrupt in hvictl? vsip and hip do not show it. Spec: AIA, "vstopi". */
static inline bool nested_has_virtual_irq(const struct nested *n)
{
	return (n->hvictl & HVICTL_VTI) && FIELD_GET(HVICTL_IID, n->hvictl) != IRQ_S_EXT;
}

/* Has L1 given L2 an interrupt in hvip that hvien and vsie enable? V is 0, so the hart does not show it. */
static inline bool nested_has_local_irq(const struct nested *n)
{
	return n->hvien && (n->hvien & n->hvip & n->vsie);
}

/* Update nested.checks after a change of hie, hideleg, hgeie or nested.watched. */
void nested_choose_checks(struct nested *n);
/* Set nested.watched, while which L1's stopi traps, if it can. The vCPU is loaded, with L1's CSRs. */
void nested_set_watched(struct kvm_vcpu *vcpu, bool watched);
/*
 * Take a trap into L1 if an interrupt is pending that L1 takes now. Called with the vCPU loaded,
 * outside the guest.
 */
void nested_check_irqs(struct kvm_vcpu *vcpu);
void nested_serve_irq(struct kvm_vcpu *vcpu); /* serve REQ_NESTED_IRQ; the vCPU is loaded */
/* The value of stopi, which traps while nested.watched is set. */
unsigned long nested_stopi(struct kvm_vcpu *vcpu);
unsigned long nested_hip(const struct kvm_vcpu *vcpu); /* the value of hip */
/* Wait until an interrupt is pending that sie, vsie or hie of the guest's hart enables. May sleep. */
void nested_wfi(struct kvm_vcpu *vcpu);
/* Is an interrupt pending that ends a WFI: one enabled in sie, vsie or hie, or one in hvictl? */
bool nested_wfi_ends(struct kvm_vcpu *vcpu);

/* ---- nested_file.c ------------------------------------------------------------------------------ */

/*
 * The AIA has made guest interrupt files 1 to nr, 2^n - 1 and at most XLEN - 1. Any thread;
 * nested_adopt_files() gives them to the vCPU.
 */
void nested_make_files(struct kvm_vcpu *vcpu, u8 nr);
/*
 * Before the next entry (REQ_NESTED_IRQ), an access by ONE_REG, or after a change of the ISA: let
 * VGEIN and hgeie hold the files' numbers, if the vCPU has H and Ssaia.
 */
void nested_adopt_files(struct kvm_vcpu *vcpu);
/* Set or clear the file's bit of hgeip. For `self`, see vcpu_drive_irq(). Any context. */
void nested_drive_file(struct kvm_vcpu *vcpu, unsigned int file, bool raise,
		       const struct kvm_vcpu *self);
static inline unsigned long nested_hgeip(const struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->nested_host.hgeip);
}

/* The number of the file that L1 has given its guest, or 0. */
static inline unsigned long nested_file(const struct nested *n)
{
	return FIELD_GET(HSTATUS_VGEIN, n->hstatus);
}

/* The files' part of hip: SGEIP and VSEIP. */
static inline unsigned long nested_file_lines(const struct kvm_vcpu *vcpu)
{
	const struct nested *n = &vcpu->nested;
	unsigned long hgeip = nested_hgeip(vcpu);

	if (!hgeip)
		return 0;
	return (hgeip & n->hgeie ? BIT(IRQ_S_GEXT) : 0) |
	       (hgeip >> nested_file(n) & 1 ? BIT(IRQ_VS_EXT) : 0);
}

/*
 * Set hvip.VSEIP to L2's external interrupt, and hvictl unless VTI is set. L2's CSRs are loaded, and
 * nested_file() is not 0. nested_update_file() does this only if the interrupt has changed.
 */
void nested_show_file(struct kvm_vcpu *vcpu);
void nested_update_file(struct kvm_vcpu *vcpu);
/*
 * Carry out an access to sireg, stopei, vsireg or vstopei in the file that VGEIN selects. Returns 0
 * with the old value, -EINVAL if the access is illegal, or -ENOENT if there is no file or no such
 * register.
 */
int nested_file_access(struct kvm_vcpu *vcpu, unsigned long select, const struct csr_access *access,
		       unsigned long *value);

/* ---- nested_csr.c ------------------------------------------------------------------------------- */

/* FWFT has switched updates of A and D bits off: clear L1's henvcfg.ADUE. */
void nested_clear_adue(struct kvm_vcpu *vcpu);
/* Clear the bits of extensions that the vCPU no longer has. */
void nested_csr_isa_changed(struct kvm_vcpu *vcpu);
/*
 * Get or set a CSR by its number, at 64 bits on every XLEN. Returns false if the vCPU has no such
 * CSR. The vCPU is not loaded.
 */
bool nested_reg_get(struct kvm_vcpu *vcpu, unsigned int csr, u64 *value);
/*
 * Returns 0; -ENOENT; or -EINVAL if hgatp, vsatp, hgeie or hstatus.VGEIN cannot hold this value. It then
 * holds what a write by L1 would have left there.
 */
int nested_reg_set(struct kvm_vcpu *vcpu, unsigned int csr, u64 value);
/*
 * Access an H or VS CSR for L1. Returns false if L1 has no such CSR or may
 * not write it. *old is the value before. Unless the access is quiet, nested_settle() has to follow.
 */
bool nested_csr(struct kvm_vcpu *vcpu, const struct csr_access *access, unsigned long *old);
/*
 * Returns true if neither L1's exits nor its interrupts depend on this access, so that nested_settle()
 * and nested_check_irqs() need not follow it. Called before nested_csr().
 */
bool nested_csr_is_quiet(const struct kvm_vcpu *vcpu, const struct csr_access *access);
/*
 * Write the values of the H and VS CSRs, except for hgeip, vsireg, vstopei and vstopi, to
 * words[NACL_INDEX(csr)] (nacl.h). The indices are less than 512. V is 0.
 */
void nested_csr_words(const struct kvm_vcpu *vcpu, unsigned long *words);

#endif
