// SPDX-License-Identifier: MIT
/*
 * nested_irq.c - interrupts of a vCPU with H: those that L1 takes in HS mode, and those of VS.
 *
 * The hart delivers L1's own interrupts while L1 runs, and those of VS that L1 has delegated while L2
 * runs. The rest is checked here, before each entry into L2 and after exits of L1.
 *
 * If an interrupt that the hart does not deliver is pending while L1 has its interrupts disabled, L1
 * can enable them without an exit. L1 is then watched: a timer forces exits, at each of which
 * nested_check_irqs() tries to deliver the interrupt; and reads of stopi trap, because the hart's
 * stopi does not contain it.
 *
 * Spec: H §2.2, §2.3; AIA, "Supervisor top interrupt CSR (stopi)".
 */
#include "kvm.h"
#include "vcpu/inject.h"
#include "request.h"
#include "vcpu/irq.h"
#include "vcpu/isa.h"
#include "vcpu/nested.h"
#include "vcpu/timer.h"

/* The value of vstimecmp, in L2's time; TIMER_NEVER without STCE. */
static u64 nested_vstimecmp(const struct kvm_vcpu *vcpu)
{
	if (!(nested_henvcfg(vcpu) & ENVCFG_STCE))
		return TIMER_NEVER;
	return vcpu->loaded == VCPU_LINES_HELD ? csr_read64(vstimecmp) : vcpu->nested.vstimecmp;
}

unsigned long nested_hip(const struct kvm_vcpu *vcpu)
{
	u64 compare = nested_vstimecmp(vcpu);
	bool due = compare != TIMER_NEVER &&
		   timer_guest_time(vcpu->kvm) + vcpu->nested.htimedelta >= compare;

	return (vcpu->nested.hvip & VS_LINES) | (due ? BIT(IRQ_VS_TIMER) : 0) |
	       nested_file_lines(vcpu);
}

#define S_LINES  (VS_LINES >> 1 | BIT(IRQ_PMU_OVF))
#define HS_LINES (VS_LINES | BIT(IRQ_S_GEXT)) /* those that the hart does not deliver to L1 */

/* The longest random time to the next check of a watched L1, in microseconds: first and final value. */
#define WATCH_MIN_US 4
#define WATCH_MAX_US 16384

/* The interrupts of HS_LINES that are pending and enabled in HS. */
static unsigned long pending_hs(const struct kvm_vcpu *vcpu)
{
	return nested_hip(vcpu) & vcpu->nested.hie & ~vcpu->nested.hideleg & HS_LINES;
}

/* L1's own interrupts that are pending and enabled. */
static inline __attribute__((always_inline)) unsigned long pending_s(const struct kvm_vcpu *vcpu)
{
	const struct nested *n = &vcpu->nested;
	unsigned long pending, vsie;

	if (n->v) {
		pending = (vcpu->csrs.hvip & VS_LINES) >> 1 | (vcpu->csrs.hvip & BIT(IRQ_PMU_OVF));
		vsie = vcpu->csrs.vsie;
		if ((vsie & BIT(IRQ_S_TIMER)) && vcpu->timer_ops->pending(vcpu))
			pending |= BIT(IRQ_S_TIMER);
	} else {
		pending = csr_read(vsip);
		vsie = csr_read(vsie);
	}
	return pending & vsie & S_LINES;
}

bool nested_wfi_ends(struct kvm_vcpu *vcpu)
{
	const struct nested *n = &vcpu->nested;
	unsigned long pending;

	hv_pin();
	vcpu_flush_irqs(vcpu);
	if (n->v && nested_file(n))
		nested_update_file(vcpu);
	pending = n->v ? csr_read(vsip) & csr_read(vsie) : nested_hip(vcpu) & n->hie;
	pending |= pending_s(vcpu) | (n->v && n->checks ? pending_hs(vcpu) : 0);
	hv_unpin();
	return pending || nested_has_virtual_irq(n) || (!n->v && nested_has_local_irq(n));
}

/*
 * With V = 0, the hart itself delivers L1's own interrupts. It does not deliver HS_LINES, which L1
 * takes in U mode, and in HS mode with SIE set.
 */
static bool takes_irq(const struct kvm_vcpu *vcpu, unsigned long irq)
{
	if (vcpu->nested.v)
		return true;
	if (BIT(irq) & S_LINES)
		return false;
	return !(vcpu->guest.sstatus & SSTATUS_SPP) || (csr_read(vsstatus) & SSTATUS_SIE);
}

void nested_choose_checks(struct nested *n)
{
	n->checks = n->watched || (n->hie & ~n->hideleg & VS_LINES) ||
		    (n->hgeie && (n->hie & BIT(IRQ_S_GEXT)));
}

/* Not on RV32: sieh and siph would trap, too. */
static bool stopi_can_trap(const struct kvm_vcpu *vcpu)
{
	return BITS_PER_LONG == 64 && vcpu->has_aia && isa_host_has(KVM_RISCV_ISA_EXT_SMSTATEEN);
}

void nested_set_watched(struct kvm_vcpu *vcpu, bool watched)
{
	u64 hstateen0 = isa_hstateen0(vcpu);

	vcpu->nested.watched = watched;
	nested_choose_checks(&vcpu->nested);
	if (stopi_can_trap(vcpu))
		csr_write64(hstateen0, watched ? hstateen0 & ~HSTATEEN0_AIA : hstateen0);
}

/*
 * V is 0. One of HS_LINES is pending: L1 has it disabled, or its handler has not cleared it yet. L1 may
 * enable its interrupts for a moment only, between two runs of its guest, as Linux's KVM does. So the
 * times of the checks are random, and the first ones come soon. Each period is twice the one before, so
 * that L1 makes progress even if a check takes long, as it does if this hypervisor is itself a guest.
 */
static void watch(struct kvm_vcpu *vcpu)
{
	struct nested_watch *w = &vcpu->nested_host.watch;
	u64 ticks;

	if (!vcpu->nested.watched) {
		nested_set_watched(vcpu, true);
		w->period_us = WATCH_MIN_US;
	} else if (READ_ONCE(w->armed)) {
		return;
	} else if (w->period_us < WATCH_MAX_US) {
		w->period_us *= 2;
	}
	w->random = w->random * 1103515245 + 12345;
	ticks = w->period_us * (u64)hv_timebase_hz() / 1000000;
	ticks = (w->random >> 16) * ticks / 0x10000 + 1;
	WRITE_ONCE(w->armed, true);
	hv_timer_start(&vcpu->nested_host.timer, hv_time() + ticks);
}

static void take(struct kvm_vcpu *vcpu, unsigned long irq)
{
	unsigned long vstvec;

	nested_unsettle(vcpu);
	vcpu_inject_trap(vcpu, CAUSE_IRQ_FLAG | irq, vcpu->guest.sepc, 0);
	vstvec = csr_read(vstvec);
	if (vstvec & 1)
		vcpu->guest.sepc += 4 * irq;
	nested_settle(vcpu);
}

/* Not inlined, so that nested_check_irqs() saves no registers for it: most calls find none. */
static __attribute__((noinline)) void take_first(struct kvm_vcpu *vcpu, unsigned long pending)
{
	unsigned long irq;

	pending |= pending_hs(vcpu);
	irq = vcpu_first_irq(pending);
	if (irq && takes_irq(vcpu, irq))
		take(vcpu, irq);
	if (vcpu->nested.v)
		return;
	if (pending & HS_LINES) {
		watch(vcpu);
	} else if (vcpu->nested.watched) {
		nested_set_watched(vcpu, false);
		nested_settle(vcpu);
	}
}

void nested_check_irqs(struct kvm_vcpu *vcpu)
{
	struct nested *n = &vcpu->nested;
	unsigned long pending;

	vcpu_flush_irqs(vcpu);
	if (n->v && nested_file(n))
		nested_update_file(vcpu);
	pending = pending_s(vcpu);
	if (pending || n->checks)
		take_first(vcpu, pending);
}

/* Before an entry into L2, nested_before_entry() does this. */
void nested_serve_irq(struct kvm_vcpu *vcpu)
{
	nested_adopt_files(vcpu);
	hv_pin();
	if (!vcpu->nested.v)
		nested_check_irqs(vcpu);
	hv_unpin();
}

/* ---- waiting ------------------------------------------------------------------------------------- */

/* Is there an interrupt that ends a WFI of the guest's hart? The vCPU is not loaded. */
static bool wakes(struct kvm_vcpu *vcpu)
{
	const struct nested *n = &vcpu->nested;

	return vcpu_has_irq(vcpu) || (nested_hip(vcpu) & n->hie) ||
	       (READ_ONCE(vcpu->requests) & BIT(REQ_HSM));
}

/* The host time at which vstimecmp raises VSTIP. */
static u64 vs_deadline(const struct kvm_vcpu *vcpu)
{
	u64 compare = nested_vstimecmp(vcpu);

	if (compare == TIMER_NEVER)
		return TIMER_NEVER;
	return timer_host_deadline(vcpu->kvm, compare - vcpu->nested.htimedelta);
}

/*
 * The timer is then no longer armed for a watch. Not inlined, so that a WFI that ends at once saves
 * fewer registers.
 */
static __attribute__((noinline)) void wake_at(struct kvm_vcpu *vcpu, u64 deadline)
{
	WRITE_ONCE(vcpu->nested_host.watch.armed, false);
	hv_timer_start(&vcpu->nested_host.timer, deadline);
}

void nested_wfi(struct kvm_vcpu *vcpu)
{
	bool pending = nested_wfi_ends(vcpu);
	u64 deadline;

	trace_exit_class(&vcpu->exit_clock, EXIT_WFI);
	trace_kvm_wfi(pending);
	vcpu->stats.wfi_exit_stat++;
	if (pending)
		return;
	deadline = vs_deadline(vcpu);
	if (deadline != TIMER_NEVER)
		wake_at(vcpu, deadline);
	vcpu_sleep(vcpu, wakes);
}

/* ---- stopi --------------------------------------------------------------------------------------- */

/*
 * An interrupt of HS_LINES has priority number 1, because hviprio1 and hviprio2 have no field for
 * it, and is ordered by the default order, whatever priority numbers L1's other interrupts have.
 */
unsigned long nested_stopi(struct kvm_vcpu *vcpu)
{
	unsigned long top, pending, irq;

	hv_pin();
	pending = pending_hs(vcpu);
	top = csr_read(vstopi);
	hv_unpin();
	irq = FIELD_GET(TOPI_IID, top);
	if (!pending || vcpu_first_irq(pending | BIT(irq)) == irq)
		return top;
	return FIELD_PREP(TOPI_IID, vcpu_first_irq(pending)) | 1;
}
