// SPDX-License-Identifier: MIT
/*
 * irq.c - interrupt lines of a vCPU, from any thread to hvip.
 *
 * Each vCPU has two words for its lines, and no lock. A sender writes the wanted state into
 * irq_pending, then marks the line in irq_changed. The vCPU's thread takes the marks with one
 * exchange and copies the lines' states to hvip. The sender's release and the thread's acquire make
 * sure that a thread that sees the mark also sees the state. If two senders race for a line, either
 * may win, as with wires.
 *
 * The guest can write hvip.VSSIP, too, through its alias in vsip (H §2.3, §2.12). The state of a
 * line without a mark is in the CSR itself while the vCPU is loaded, and in csrs.hvip otherwise, or
 * while the guest's own guest runs (VCPU_LINES_HELD).
 */
#include "kvm.h"
#include "request.h"
#include "vcpu/aia.h"
#include "vcpu/irq.h"
#include "vcpu/isa.h"
#include "vcpu/timer.h"

/*
 * The guest sees VS lines one bit lower (H §2.12). Local interrupts have the same number everywhere
 * (AIA); the core supports only one of them, LCOFI.
 */
static unsigned long guest_to_hart(unsigned long lines)
{
	/* lab 7: write guest_to_hart: convert bits of vsie to those of hvip */
	return (lines << 1 & VS_LINES) | (lines & BIT(IRQ_PMU_OVF));
	/* lab 7 end */
}

static void irq_mark(struct kvm_vcpu *vcpu, unsigned int irq, struct hv_kicks *kicks)
{
	/* lab 7: write irq_mark: mark a line whose state is written, and send the request */
	__atomic_fetch_or(&vcpu->irq_changed, BIT(irq), __ATOMIC_RELEASE);
	vcpu_request_gather(vcpu, REQ_IRQ, kicks);
	/* lab 7 end */
}

/* The software line is only used for a guest's IPIs. */
static inline void trace_raised(const struct kvm_vcpu *vcpu, unsigned int irq)
{
	if (!trace_group_line())
		return;
	if (irq == IRQ_VS_SOFT)
		trace_kvm_ipi_send(vcpu->id);
	trace_kvm_vcpu_irq(irq, 1, vcpu->id);
}

void vcpu_set_irq_gather(struct kvm_vcpu *vcpu, unsigned int irq, struct hv_kicks *kicks)
{
	trace_raised(vcpu, irq);
	/* lab 7: write vcpu_set_irq_gather: set the line in irq_pending, and notify its vCPU */
	__atomic_fetch_or(&vcpu->irq_pending, BIT(irq), __ATOMIC_RELAXED);
	irq_mark(vcpu, irq, kicks);
	/* lab 7 end */
}

void vcpu_set_irq(struct kvm_vcpu *vcpu, unsigned int irq)
{
	vcpu_set_irq_gather(vcpu, irq, NULL);
}

void vcpu_clear_irq(struct kvm_vcpu *vcpu, unsigned int irq)
{
	trace_kvm_vcpu_irq(irq, 0, vcpu->id);
	/* lab 7: write vcpu_clear_irq: clear the line in irq_pending, and notify its vCPU */
	__atomic_fetch_and(&vcpu->irq_pending, ~BIT(irq), __ATOMIC_RELAXED);
	irq_mark(vcpu, irq, NULL);
	/* lab 7 end */
}

/*
 * Lower the software and timer lines. The external line keeps its state: user space drives it like
 * a wire, and will not repeat its state.
 */
void vcpu_drop_irqs(struct kvm_vcpu *vcpu)
{
	__atomic_fetch_and(&vcpu->irq_pending, ~(BIT(IRQ_VS_SOFT) | BIT(IRQ_VS_TIMER)),
			   __ATOMIC_RELAXED);
	__atomic_fetch_or(&vcpu->irq_changed, VS_LINES, __ATOMIC_RELEASE);
	vcpu_set_request(vcpu, REQ_IRQ);
}

/* Clear the marks first: a sender in between leaves at most a mark for a state that is set here. */
void vcpu_write_irqs(struct kvm_vcpu *vcpu, unsigned long hvip)
{
	__atomic_store_n(&vcpu->irq_changed, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&vcpu->irq_pending, hvip, __ATOMIC_RELEASE);
	vcpu->csrs.hvip = hvip;
}

void vcpu_mark_own_irq(struct kvm_vcpu *vcpu, unsigned int irq)
{
	trace_raised(vcpu, irq);
	/* lab 7: write vcpu_mark_own_irq: set and mark the line, but send no request */
	__atomic_fetch_or(&vcpu->irq_pending, BIT(irq), __ATOMIC_RELAXED);
	__atomic_fetch_or(&vcpu->irq_changed, BIT(irq), __ATOMIC_RELEASE);
	/* lab 7 end */
}

static void unmark_own_irq(struct kvm_vcpu *vcpu, unsigned int irq)
{
	trace_kvm_vcpu_irq(irq, 0, vcpu->id);
	__atomic_fetch_and(&vcpu->irq_pending, ~BIT(irq), __ATOMIC_RELAXED);
	__atomic_fetch_or(&vcpu->irq_changed, BIT(irq), __ATOMIC_RELEASE);
}

void vcpu_set_own_irq(struct kvm_vcpu *vcpu, unsigned int irq)
{
	vcpu_mark_own_irq(vcpu, irq);
	vcpu_set_request(vcpu, REQ_IRQ);
}

/*
 * The guest sees hvip from now on; `raised` are lines that it did not see before. QEMU shows the hart's
 * other pending interrupts in hvip, too.
 */
static inline void trace_shown(unsigned long hvip, unsigned long raised)
{
	hvip &= VS_LINES;
	trace_kvm_inject_irq(hvip);
	if (raised & BIT(IRQ_VS_SOFT))
		trace_kvm_ipi_receive(hvip);
}

/* After a write of hvip; `raised` are lines that it has raised. */
static inline void hvip_changed(const struct kvm_vcpu *vcpu, unsigned long hvip,
				unsigned long raised)
{
	if (trace_group_inject())
		trace_shown(hvip, raised);
	if (isa_has(vcpu, KVM_RISCV_ISA_EXT_SSAIA))
		aia_show_external(hvip);
}

/* If another thread marks the line meanwhile, this thread copies irq_pending to hvip later. */
void vcpu_drive_own_irq(struct kvm_vcpu *vcpu, unsigned int irq, bool raise)
{
	unsigned long lines;

	if (vcpu->loaded <= 0) {
		(raise ? vcpu_mark_own_irq : unmark_own_irq)(vcpu, irq);
		return;
	}
	hv_pin(); /* a load may change hvip (vcpu_load_irqs()) */
	lines = csr_read(hvip);
	if (raise) {
		trace_raised(vcpu, irq);
		__atomic_fetch_or(&vcpu->irq_pending, BIT(irq), __ATOMIC_RELAXED);
		lines |= BIT(irq);
	} else {
		trace_kvm_vcpu_irq(irq, 0, vcpu->id);
		__atomic_fetch_and(&vcpu->irq_pending, ~BIT(irq), __ATOMIC_RELAXED);
		lines &= ~BIT(irq);
	}
	csr_write(hvip, lines);
	hv_unpin();
	hvip_changed(vcpu, lines, raise ? BIT(irq) : 0);
}

void vcpu_flush_irqs(struct kvm_vcpu *vcpu)
{
	unsigned long changed, pending, hvip;

	/* lab 7: write vcpu_flush_irqs: copy the marked lines, and no others, to hvip */
	changed = __atomic_exchange_n(&vcpu->irq_changed, 0, __ATOMIC_ACQUIRE);
	pending = READ_ONCE(vcpu->irq_pending) & changed;
	if (!changed)
		return;
	if (vcpu->loaded <= 0) {
		vcpu->csrs.hvip = (vcpu->csrs.hvip & ~changed) | pending;
		return;
	}
	/* The guest could change hvip between these two instructions, but it does not run now. */
	hv_pin();
	hvip = (csr_read(hvip) & ~changed) | pending;
	csr_write(hvip, hvip);
	hv_unpin();
	/* lab 7 end */
	hvip_changed(vcpu, hvip, pending);
}

void vcpu_load_irqs(struct kvm_vcpu *vcpu)
{
	unsigned long before = vcpu->csrs.hvip, raised;

	vcpu_flush_irqs(vcpu);
	raised = vcpu->csrs.hvip & ~before;
	if (raised && trace_group_inject())
		trace_shown(vcpu->csrs.hvip, raised);
}

bool vcpu_has_irq(struct kvm_vcpu *vcpu)
{
	/* lab 7: write vcpu_has_irq: is a line that vsie enables pending, in hvip or marked? */
	unsigned long changed = __atomic_load_n(&vcpu->irq_changed, __ATOMIC_ACQUIRE);
	unsigned long lines = vcpu->csrs.hvip & ~changed;

	lines |= READ_ONCE(vcpu->irq_pending) & changed;
	if (vcpu->timer_ops->pending(vcpu))
		lines |= BIT(IRQ_VS_TIMER);
	return lines & guest_to_hart(vcpu->csrs.vsie);
	/* lab 7 end */
}

unsigned long vcpu_first_irq(unsigned long pending)
{
	static const u8 order[] = { IRQ_S_EXT,  IRQ_S_SOFT,  IRQ_S_TIMER,  IRQ_S_GEXT,
				    IRQ_VS_EXT, IRQ_VS_SOFT, IRQ_VS_TIMER, IRQ_PMU_OVF };

	for (unsigned int i = 0; i < ARRAY_SIZE(order); i++)
		if (pending & BIT(order[i]))
			return order[i];
	return 0;
}
