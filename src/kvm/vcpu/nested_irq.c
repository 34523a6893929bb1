// SPDX-License-Identifier: MIT
/*
 * nested_irq.c - interrupts of a vCPU with H: those that L1 takes in HS mode, and those of VS.
 *
 * The hart delivers L1's own interrupts while L1 runs, and those of VS that L1 has delegated while L2
 * runs. The rest is checked here, before each entry into L2 and after exits of L1. Spec: H §2.2, §2.3.
 */
#include "kvm.h"
#include "vcpu/inject.h"
#include "vcpu/irq.h"
#include "vcpu/nested.h"
#include "vcpu/timer.h"

u64 nested_vstimecmp(const struct kvm_vcpu *vcpu)
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

	return (vcpu->nested.hvip & VS_LINES) | (due ? BIT(IRQ_VS_TIMER) : 0);
}

#define S_LINES (VS_LINES >> 1 | BIT(IRQ_PMU_OVF))

/* The interrupts that L1 takes now, or would take if its interrupts were enabled. */
static inline __attribute__((always_inline)) unsigned long pending_irqs(const struct kvm_vcpu *vcpu)
{
	const struct nested *n = &vcpu->nested;
	unsigned long vs = n->hie & ~n->hideleg & VS_LINES, pending, vsie;

	if (n->v) {
		pending = (vcpu->csrs.hvip & VS_LINES) >> 1 | (vcpu->csrs.hvip & BIT(IRQ_PMU_OVF));
		vsie = vcpu->csrs.vsie;
		if ((vsie & BIT(IRQ_S_TIMER)) && vcpu->timer_ops->pending(vcpu))
			pending |= BIT(IRQ_S_TIMER);
	} else {
		pending = csr_read(vsip);
		vsie = csr_read(vsie);
	}
	pending &= vsie & S_LINES;
	return vs ? pending | (nested_hip(vcpu) & vs) : pending;
}

bool nested_wfi_ends(struct kvm_vcpu *vcpu)
{
	const struct nested *n = &vcpu->nested;
	unsigned long pending;

	hv_pin();
	vcpu_flush_irqs(vcpu);
	pending = n->v ? csr_read(vsip) & csr_read(vsie) : nested_hip(vcpu) & n->hie;
	pending |= pending_irqs(vcpu);
	hv_unpin();
	return pending || nested_has_virtual_irq(n) || (!n->v && nested_has_local_irq(n));
}

/*
 * With V = 0, the hart itself delivers L1's own interrupts. It does not know those of VS that L1 has
 * not delegated, which L1 takes in U mode, and in HS mode with SIE set.
 */
static bool takes_irq(const struct kvm_vcpu *vcpu, unsigned long irq)
{
	if (vcpu->nested.v)
		return true;
	if (BIT(irq) & S_LINES)
		return false;
	return !(vcpu->guest.sstatus & SSTATUS_SPP) || (csr_read(vsstatus) & SSTATUS_SIE);
}

/* Not inlined, so that nested_check_irqs() saves no registers for it: most calls find none. */
static __attribute__((noinline)) void take_first(struct kvm_vcpu *vcpu, unsigned long pending)
{
	unsigned long irq = vcpu_first_irq(pending), vstvec;

	if (!takes_irq(vcpu, irq))
		return;
	nested_unsettle(vcpu);
	vcpu_inject_trap(vcpu, CAUSE_IRQ_FLAG | irq, vcpu->guest.sepc, 0);
	vstvec = csr_read(vstvec);
	if (vstvec & 1)
		vcpu->guest.sepc += 4 * irq;
	nested_settle(vcpu);
}

void nested_check_irqs(struct kvm_vcpu *vcpu)
{
	unsigned long pending;

	vcpu_flush_irqs(vcpu);
	pending = pending_irqs(vcpu);
	if (pending)
		take_first(vcpu, pending);
}
