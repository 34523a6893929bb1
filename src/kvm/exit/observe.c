// SPDX-License-Identifier: MIT
/*
 * observe.c - trace events that need more than one call site.
 *
 * kvm_exit_handled wraps an exit's handler, kvm_irq_take reads the guest's trap CSRs before and
 * after the world switch, and a sample that falls into a handler is attributed to that handler. So
 * a vCPU's handle_exit points to exit_handle_observed() while one of these events is on; while all
 * of them are off, they cost nothing. Whenever events are switched on or off, kvm_trace_changed()
 * sends REQ_TRACE to every vCPU; a vCPU that is loaded later checks by itself (vcpu_load()).
 *
 * The guest takes its interrupts without an exit (hideleg), so they have to be inferred. An
 * interrupt that is pending, enabled and not held off by vsstatus.SIE when the guest is entered is
 * taken before the guest's next instruction (H §2.3, S §1.3). Also, if vscause or vsepc at the exit
 * differs from its value at the entry, and vscause is an interrupt, an interrupt was taken in
 * between. Of several interrupts taken in between, only the last one is seen, and only if VS has
 * not taken an exception since. An interrupt that was not pending at the entry is missed if it has
 * the same cause and pc as the interrupt taken before it.
 */
#include "exit/exit.h"
#include "exit/observe.h"
#include "request.h"
#include "vcpu/irq.h"

/* ---- interrupts, as the guest takes them ------------------------------------------------- */

static void observe_irq_entry(struct kvm_vcpu *vcpu)
{
	bool user = !(vcpu->guest.sstatus & SSTATUS_SPP);
	unsigned long irq = 0;

	vcpu->observed.vscause = csr_read(vscause);
	vcpu->observed.vsepc = csr_read(vsepc);
	if (user || (csr_read(vsstatus) & SSTATUS_SIE))
		irq = vcpu_first_irq(csr_read(vsip) & csr_read(vsie));
	if (!irq)
		return;
	vcpu->observed.vscause = CAUSE_IRQ_FLAG | irq;
	vcpu->observed.vsepc = vcpu->guest.sepc;
	trace_kvm_irq_take(CAUSE_IRQ_FLAG | irq, vcpu->guest.sepc, true);
}

void vcpu_observe_entry(struct kvm_vcpu *vcpu)
{
	if (trace_kvm_irq_take_enabled())
		observe_irq_entry(vcpu);
}

static void observe_exit(struct kvm_vcpu *vcpu)
{
	unsigned long vscause = csr_read(vscause), vsepc = csr_read(vsepc);

	if (!(vscause & CAUSE_IRQ_FLAG) ||
	    (vscause == vcpu->observed.vscause && vsepc == vcpu->observed.vsepc))
		return;
	trace_kvm_irq_take(vscause, vsepc, false);
}

/* ---- exits ---------------------------------------------------------------------------------- */

static int exit_handle_observed(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	int result;

	if (trace_kvm_irq_take_enabled())
		observe_exit(vcpu);
	vcpu->observed.injected = false;
	result = vcpu->exit_ops->handle(vcpu, trap);
	if (trace_sample_enabled())
		hv_sample(SAMPLE_HS, (unsigned long)exit_handler(trap->scause));
	trace_kvm_exit_handled(trap->scause, result, vcpu->observed.injected,
			       result == RESUME_USER ? READ_ONCE(vcpu->run->exit_reason) : 0);
	return result;
}

const struct exit_ops exit_minimal_ops = { exit_dispatch, exit_handle_observed, gstage_fault_unpriv,
					   NULL };
const struct exit_ops exit_full_ops = { exit_handle_full, exit_handle_observed, gstage_fault_unpriv,
					NULL };
const struct exit_ops exit_nested_ops = { exit_nested, exit_handle_observed, gstage_fault_unpriv,
					  nested_before_entry };

/* ---- switching ------------------------------------------------------------------------------ */

static void observe_vm(struct kvm *vm, void *arg)
{
	(void)arg;
	vm_request_all(vm, REQ_TRACE);
}

void kvm_trace_changed(void)
{
	vm_for_each(observe_vm, NULL);
}
