// SPDX-License-Identifier: MIT
/*
 * unpriv.c - load from guest memory through the guest's own translation (HLV).
 *
 * Both stages translate and check as for the guest's own access, so we cannot read what the guest
 * could not. If the access traps, the caller gives a trap to the guest or, after a G-stage fault,
 * has the guest try again. Another vCPU may change the page at any time, so nothing is read twice.
 * Spec: H §3.1.
 */
#include "hv/barrier.h"
#include "kvm.h"
#include "kvm_asm.h"
#include "mmu/shadow.h"
#include "mmu/tlb.h"
#include "mmu/unpriv.h"
#include "request.h"

static unsigned long fetch_halves(gva_t gva, struct hv_trap *trap, unsigned long hstatus)
{
	unsigned long low, high;

	/*
	 * Read two halves: the second 16 bits may be on another page. If the instruction is
	 * compressed, reading them could cause a fault that the guest's own fetch would not cause.
	 */
	low = unpriv_hlvx_hu(gva, trap, hstatus);
	if (trap->scause || (low & 3) != 3)
		return low;
	high = unpriv_hlvx_hu(gva + 2, trap, hstatus);
	return trap->scause ? 0 : low | high << 16;
}

/* A misaligned HLV may be an exception that the guest's own load would not cause: read bytes. */
static unsigned long read_long(gva_t gva, struct hv_trap *trap, unsigned long hstatus)
{
	unsigned long value = 0;

	if (gva % sizeof(value) == 0)
		return unpriv_hlv(gva, trap, hstatus);
	for (unsigned int i = 0; i < sizeof(value); i++) {
		value |= unpriv_hlv_bu(gva + i, trap, hstatus, 0) << 8 * i;
		if (trap->scause)
			return 0;
	}
	return value;
}

/*
 * HLV uses the hart's TLB as the guest does, so the rule for entries applies (request.c): either
 * this thread sees a request to drop translations, and drops them, or the requester sees IN_GUEST
 * and waits. Otherwise, HLV could read, or mark as accessed, a page that the host has given away.
 * The request stays pending, and run.c serves it before the next entry.
 */
static void begin_as_guest(struct kvm_vcpu *vcpu)
{
	__atomic_store_n(&vcpu->mode, VCPU_IN_GUEST, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (READ_ONCE(vcpu->requests) &
	    (BIT(REQ_TLB_FLUSH) | BIT(REQ_HFENCE) | BIT(REQ_HFENCE_ALL) | BIT(REQ_SHADOW))) {
		tlb_flush_vm_local(vcpu->kvm);
		if (vcpu->shadow && vcpu->loaded == VCPU_LINES_HELD)
			shadow_serve_now(vcpu);
	}
}

static void end_as_guest(struct kvm_vcpu *vcpu)
{
	store_release_all(&vcpu->mode, VCPU_OUTSIDE);
}

/* HLV uses SPVP as its privilege. */
static unsigned long with_spvp(unsigned long hstatus, bool supervisor)
{
	return supervisor ? hstatus | HSTATUS_SPVP : hstatus & ~HSTATUS_SPVP;
}

unsigned long unpriv_access(struct kvm_vcpu *vcpu, unpriv_fn *access, gva_t gva,
			    unsigned long value, bool supervisor, struct hv_trap *trap)
{
	begin_as_guest(vcpu);
	value = access(gva, trap, with_spvp(vcpu->guest.hstatus, supervisor), value);
	end_as_guest(vcpu);
	return value;
}

unsigned long unpriv_read(struct kvm_vcpu *vcpu, bool fetch, gva_t gva, struct hv_trap *trap)
{
	unsigned long hstatus = vcpu->guest.hstatus;
	unsigned long value;

	/* HLV uses SPVP: set it to the guest's mode at the trap, which is in SPP. */
	if (vcpu->guest.sstatus & SSTATUS_SPP)
		hstatus |= HSTATUS_SPVP;
	else
		hstatus &= ~HSTATUS_SPVP;

	begin_as_guest(vcpu);
	if (!fetch) {
		value = read_long(gva, trap, hstatus);
	} else {
		/*
		 * HLVX needs execute permission, whatever MXR says (H §3.1). QEMU 7.2 checks read
		 * permission instead, so execute-only pages need MXR there.
		 */
		csr_set(sstatus, SSTATUS_MXR);
		value = fetch_halves(gva, trap, hstatus);
		csr_clear(sstatus, SSTATUS_MXR);
	}
	end_as_guest(vcpu);
	return value;
}
