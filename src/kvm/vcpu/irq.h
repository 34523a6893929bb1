// SPDX-License-Identifier: MIT
/*
 * irq.h - interrupts of a vCPU.
 *
 * irq is IRQ_VS_SOFT, IRQ_VS_TIMER, IRQ_VS_EXT or IRQ_PMU_OVF.
 */
#ifndef KVM_IRQ_H
#define KVM_IRQ_H

#include "kvm.h"
#include "request.h"

/* The lines of hvip that are interrupts of VS. */
#define VS_LINES (BIT(IRQ_VS_SOFT) | BIT(IRQ_VS_TIMER) | BIT(IRQ_VS_EXT))

void vcpu_set_irq(struct kvm_vcpu *vcpu, unsigned int irq); /* any thread */
/* Like vcpu_set_irq(); `kicks`: as for vcpu_request_gather(). */
void vcpu_set_irq_gather(struct kvm_vcpu *vcpu, unsigned int irq, struct hv_kicks *kicks);
void vcpu_clear_irq(struct kvm_vcpu *vcpu, unsigned int irq); /* any thread */
void vcpu_drop_irqs(struct kvm_vcpu *vcpu);                   /* any thread: VS_SOFT and VS_TIMER */
/*
 * Set every line to its bit of `hvip`, including the external one. The vCPU's mutex is held, and the
 * vCPU is not loaded.
 */
void vcpu_write_irqs(struct kvm_vcpu *vcpu, unsigned long hvip);
/*
 * Raise the line from the vCPU's own thread, outside the guest; the vCPU may be loaded or not. It
 * is neither woken nor kicked.
 */
void vcpu_set_own_irq(struct kvm_vcpu *vcpu, unsigned int irq);
/*
 * Like vcpu_set_own_irq(), but without a request: the caller has to call vcpu_flush_irqs() before
 * the next entry.
 */
void vcpu_mark_own_irq(struct kvm_vcpu *vcpu, unsigned int irq);
/*
 * Raise or lower the line from the vCPU's own thread, outside the guest: at once, if the vCPU's
 * lines are loaded; otherwise, as vcpu_mark_own_irq().
 */
void vcpu_drive_own_irq(struct kvm_vcpu *vcpu, unsigned int irq, bool raise);
void vcpu_flush_irqs(struct kvm_vcpu *vcpu); /* serve REQ_IRQ: copy changed lines to hvip */
void vcpu_load_irqs(struct kvm_vcpu *vcpu);  /* the same at a load, which then writes hvip */
bool vcpu_has_irq(struct kvm_vcpu *vcpu);    /* would WFI return? vCPU not loaded */
/*
 * Return the interrupt that is taken first of those in `pending`, or 0 if there is none: SEI, SSI, STI
 * and SGEI come before the interrupts of VS, in this order (H §2.2), and LCOFI is last (AIA).
 */
unsigned long vcpu_first_irq(unsigned long pending);

/*
 * Let the output of an interrupt controller drive the line. *raised is the state in which the
 * controller has last set the line; a lock of the caller's guards it. `self` is the vCPU whose own
 * thread is calling, outside the guest, or NULL. Any context. Inline, because the state is often
 * the same.
 */
static inline void vcpu_drive_irq(struct kvm_vcpu *vcpu, unsigned int irq, bool raise, bool *raised,
				  const struct kvm_vcpu *self)
{
	if (raise == *raised)
		return;
	*raised = raise;
	if (vcpu == self)
		vcpu_drive_own_irq(vcpu, irq, raise);
	else
		(raise ? vcpu_set_irq : vcpu_clear_irq)(vcpu, irq);
}

#endif
