// SPDX-License-Identifier: MIT
/*
 * sbi_legacy.c - SBI §5: the calls of version 0.1, each of which is an extension of its own.
 *
 * A hart mask is passed as a guest virtual address and read with the guest's privilege. If the read
 * faults, the host resolves a G-stage fault, and the guest takes any other fault. Address 0 means
 * all harts.
 */
#include "mmu/unpriv.h"
#include "request.h"
#include "sbi/sbi.h"
#include "vcpu/inject.h"
#include "vcpu/irq.h"
#include "vcpu/pmu.h"
#include "vcpu/timer.h"

/*
 * Handle a trap that the read of the mask caused. The host resolves a G-stage fault, and the guest
 * makes the call again. Any other trap is given to the guest, as if the ecall had caused it.
 * Returns the value for the SBI handler to return.
 */
static int mask_trap(struct kvm_vcpu *vcpu, struct hv_trap *trap)
{
	int result;

	trap->sepc = vcpu->guest.sepc;
	if (trap->scause != EXC_LOAD_GUEST_PAGE_FAULT) {
		vcpu_redirect_trap(vcpu, trap);
		return SBI_NO_RETURN;
	}
	/*
	 * SBI calls do not set REQ_HOST by themselves. Set it here, because resolving the fault may
	 * sleep or end in an error.
	 */
	vcpu_set_request(vcpu, REQ_HOST);
	result = vcpu->exit_ops->unpriv_fault(vcpu, trap);
	return result == RESUME_GUEST ? SBI_NO_RETURN : result;
}

/*
 * Read the mask that a0 points to, and set *base to 0. If a0 is 0, set *base to ~0 (all harts)
 * instead. Returns RESUME_GUEST or, if the read traps, the value for the SBI handler to return.
 */
static int hart_mask(struct kvm_vcpu *vcpu, unsigned long *mask, unsigned long *base)
{
	unsigned long gva = vcpu->guest.gpr[GPR_A0];
	struct hv_trap trap;

	*mask = 0;
	*base = ~0UL;
	if (!gva)
		return RESUME_GUEST;
	*base = 0;
	*mask = unpriv_read(vcpu, false, gva, &trap);
	return trap.scause ? mask_trap(vcpu, &trap) : RESUME_GUEST;
}

static int legacy_set_timer(struct kvm_vcpu *vcpu)
{
	u64 next = vcpu->guest.gpr[GPR_A0];

	pmu_count(vcpu, SBI_PMU_FW_SET_TIMER);
	if (sizeof(unsigned long) == 4)
		next |= (u64)vcpu->guest.gpr[GPR_A1] << 32;
	vcpu->timer_ops->set(vcpu, next);
	return RESUME_GUEST;
}

static bool ipi_is_pending(struct kvm_vcpu *vcpu)
{
	vcpu_flush_irqs(vcpu);
	return csr_read(hvip) & BIT(IRQ_VS_SOFT);
}

/* The exit class of each legacy call: that of the extension that replaced the call. */
static const u8 classes[] = {
#define SBI_LEGACY(call, number, class, name, version) [number] = EXIT_##class,
#include "hv/sbi.def"
};

int sbi_legacy(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	unsigned long mask, base;
	int result = RESUME_GUEST;

	(void)fid;
	trace_exit_class(&vcpu->exit_clock, classes[ext]);
	ret->value = (long)vcpu->guest.gpr[GPR_A1]; /* legacy calls do not change a1 (SBI §5) */
	switch (ext) {
	case SBI_LEGACY_SET_TIMER:
		return legacy_set_timer(vcpu);
	case SBI_LEGACY_CONSOLE_PUTCHAR:
	case SBI_LEGACY_CONSOLE_GETCHAR:
		return sbi_forward(vcpu);
	case SBI_LEGACY_CLEAR_IPI:
		ret->error = ipi_is_pending(vcpu); /* not an error: a0 is positive then (SBI §5) */
		vcpu_clear_irq(vcpu, IRQ_VS_SOFT);
		break;
	case SBI_LEGACY_SEND_IPI:
		result = hart_mask(vcpu, &mask, &base);
		if (result != RESUME_GUEST)
			break;
		pmu_count(vcpu, SBI_PMU_FW_IPI_SENT);
		sbi_ipi_send_mask(vcpu, mask, base);
		break;
	case SBI_LEGACY_SHUTDOWN:
		return sbi_system_event(vcpu, KVM_SYSTEM_EVENT_SHUTDOWN, 0);
	case SBI_LEGACY_REMOTE_FENCE_I:
	case SBI_LEGACY_REMOTE_SFENCE_VMA:
	case SBI_LEGACY_REMOTE_SFENCE_VMA_ASID:
		result = hart_mask(vcpu, &mask, &base);
		if (result == RESUME_GUEST)
			sbi_rfence_legacy(vcpu, ext, mask, base);
		break;
	default:
		ret->error = SBI_ERR_NOT_SUPPORTED;
		break;
	}
	return result;
}
