// SPDX-License-Identifier: MIT
/*
 * unpriv.c - guest memory, read with the eyes of the guest.
 *
 * Both stages translate and check as for an access of the guest itself, so what it
 * could not read we cannot read for it; a trap on the way is the caller's to give
 * to the guest. Another vCPU may change the page meanwhile: what was read is read once.
 * Spec: H §3.1.
 */
#include "kvm.h"
#include "kvm_asm.h"
#include "mmu/tlb.h"
#include "mmu/unpriv.h"
#include "request.h"

static unsigned long fetch_halves(gva_t gva, struct hv_trap *trap, unsigned long hstatus)
{
	unsigned long low, high;

	/*
	 * Two halves: the second 16 bits may lie on another page, and reading them for a
	 * compressed instruction could meet a fault that the guest never would.
	 */
	low = unpriv_hlvx_hu(gva, trap, hstatus);
	if (trap->scause || (low & 3) != 3)
		return low;
	high = unpriv_hlvx_hu(gva + 2, trap, hstatus);
	return trap->scause ? 0 : low | high << 16;
}

/*
 * HLV goes through the hart's TLB as the guest does, so the rule of an entry holds for it,
 * too (request.c): either we see that somebody wants translations dropped, and drop them,
 * or he sees us and waits. Else it could read, or mark as accessed, what the host has
 * given to somebody else. The request stays for run.c.
 */
static void begin_as_guest(struct kvm_vcpu *vcpu)
{
	__atomic_store_n(&vcpu->mode, VCPU_IN_GUEST, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (READ_ONCE(vcpu->requests) &
	    (BIT(REQ_TLB_FLUSH) | BIT(REQ_HFENCE) | BIT(REQ_HFENCE_ALL)))
		tlb_flush_vm_local(vcpu->kvm);
}

static void end_as_guest(struct kvm_vcpu *vcpu)
{
	__atomic_store_n(&vcpu->mode, VCPU_OUTSIDE, __ATOMIC_RELEASE);
}

unsigned long unpriv_read(struct kvm_vcpu *vcpu, bool fetch, gva_t gva, struct hv_trap *trap)
{
	unsigned long hstatus = vcpu->guest.hstatus;
	unsigned long value;

	/* sret from HS follows SPP, but HLV follows SPVP: the guest's mode at the trap. */
	if (vcpu->guest.sstatus & SSTATUS_SPP)
		hstatus |= HSTATUS_SPVP;
	else
		hstatus &= ~HSTATUS_SPVP;

	begin_as_guest(vcpu);
	if (!fetch) {
		value = unpriv_hlv(gva, trap, hstatus);
	} else {
		/*
		 * HLVX goes by the permission to execute, whatever MXR says (H §3.1). QEMU 7.2
		 * goes by the one to read, and so needs it for execute-only pages.
		 */
		csr_set(sstatus, SSTATUS_MXR);
		value = fetch_halves(gva, trap, hstatus);
		csr_clear(sstatus, SSTATUS_MXR);
	}
	end_as_guest(vcpu);
	return value;
}
