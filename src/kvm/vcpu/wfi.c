// SPDX-License-Identifier: MIT
/*
 * wfi.c - the guest waits: WFI, and wrs.nto of Zawrs.
 *
 * WFI exits because hstatus.VTW is set, so that the host decides how the hart idles (toggle `wfi`;
 * the other variant is wfi_native.c, which clears VTW while no other thread wants the hart). The
 * vCPU's thread polls for a while, then idles or sleeps (halt_poll.c), until an interrupt that VS
 * has enabled in vsie is pending, whatever vsstatus.SIE says (M §3.3), or until something else
 * needs the vCPU. WFI may also end for no reason. wrs.nto exits, too, but its handler only yields
 * the hart: the store that the guest waits for raises no interrupt, so a sleep might never end.
 */
#include "request.h"
#include "vcpu/halt_poll.h"
#include "vcpu/irq.h"
#include "vcpu/timer.h"
#include "vcpu/wfi.h"

/* Fences and new memory maps can wait as long as the guest does: they are handled at the entry. */
static bool wake_reason(struct kvm_vcpu *vcpu)
{
	/* lab 6: write wake_reason: must a sleeping vCPU, which is not loaded, wake up? */
	return vcpu_has_irq(vcpu) || (READ_ONCE(vcpu->requests) & BIT(REQ_HSM));
	/* lab 6 end */
}

/*
 * While the vCPU is loaded, vsip shows every pending interrupt: lines in hvip, and Sstc's
 * comparison.
 */
static bool pending_now(struct kvm_vcpu *vcpu)
{
	/* lab 6: write pending_now: is an interrupt that ends a WFI pending? */
	vcpu_flush_irqs(vcpu);
	return csr_read(vsip) & csr_read(vsie);
	/* lab 6 end */
}

/*
 * The condition for a vCPU that polls or idles, and is still loaded. Unlike wake_reason(), it has
 * to include signals, which wake a sleeping thread anyway.
 */
static bool wait_is_over(struct kvm_vcpu *vcpu)
{
	/* lab 6: write wait_is_over: is the wait of a loaded vCPU over? */
	return pending_now(vcpu) || hv_signal_pending() ||
	       (READ_ONCE(vcpu->requests) & BIT(REQ_HSM));
	/* lab 6 end */
}

int vcpu_wfi(struct kvm_vcpu *vcpu)
{
	bool pending = pending_now(vcpu);

	trace_exit_class(&vcpu->exit_clock, EXIT_WFI);
	trace_kvm_wfi(pending);
	vcpu->stats.wfi_exit_stat++;
	if (!pending) {
		if (trace_kvm_vcpu_block_enabled())
			trace_kvm_vcpu_block(vcpu->timer_ops->get(vcpu));
		vcpu_halt(vcpu, wait_is_over, wake_reason);
	}
	if (vcpu->wfi_native)
		wfi_native_load(vcpu);
	return RESUME_GUEST;
}

int vcpu_wrs(struct kvm_vcpu *vcpu)
{
	trace_exit_class(&vcpu->exit_clock, EXIT_WRS);
	trace_kvm_wrs(pending_now(vcpu));
	vcpu->stats.wrs_exit_stat++;
	/*
	 * The thread that has to make the store that the guest waits for may itself be waiting for
	 * this very hart; then the guest would spin until its time slice ends. It is not known
	 * which thread that is, so yield to the next in line.
	 */
	if (hv_hart_wanted() || hv_resched_needed()) {
		vcpu_set_request(vcpu, REQ_HOST);
		hv_resched();
	}
	return RESUME_GUEST;
}
