// SPDX-License-Identifier: MIT
/*
 * nacl.h - nested acceleration: memory that a guest hypervisor (L1) shares with this one (SBI §15).
 *
 * Without it, each access of L1 to an H or VS CSR, and each HFENCE, is an exit. With it, L1 finds
 * the values of these CSRs in memory, writes new values and fences there, and has them applied by
 * one call, which can also enter L2 (sbi_nacl.c). Each vCPU has a shared memory of its own, here on
 * RV64:
 *
 *       0       0x200     0x800         0xf80     0x1000            0x3000
 *       +-------+---------+-------------+---------+-----------------+
 *       | x1 to | hstatus | 60 fences   | bitmap: | 1024 CSRs       |
 *       | x31   | to swap |             | written |                 |
 *       +-------+---------+-------------+---------+-----------------+
 *
 * All of it is untrusted: L1 can change it at any time. The values of the CSRs that count are in
 * struct nested; the memory has copies, which are written before L1 runs (REQ_NACL). A CSR that L1
 * has written there, but not yet synchronized, keeps L1's value.
 *
 * The toggle nacl can omit one of the four features, or all. Spec: riscv-sbi-doc,
 * ext-nested-acceleration.
 */
#ifndef KVM_NACL_H
#define KVM_NACL_H

#include "request.h"

#define NACL_OFF     (~0ULL)                                    /* ONE_REG: no shared memory */
#define NACL_SIZE    (PAGE_SIZE + 1024 * sizeof(unsigned long)) /* bytes of the memory */
#define NACL_HFENCES (0x780 / (4 * sizeof(unsigned long)))      /* entries for fences */
#define NACL_ALL     (~0UL)                                     /* all CSRs, or all fences */
/* The position of a CSR in the CSR space, in words, and the inverse function. */
#define NACL_INDEX(csr) ((0xc00U & (csr)) >> 2 | (0xffU & (csr)))
#define NACL_CSR(index) ((0x300U & (index)) << 2 | 0x200U | (0xffU & (index)))

/* As SBI numbers them. The first three have one function each, in the same order. */
enum nacl_feature {
	NACL_SYNC_CSR,
	NACL_SYNC_HFENCE,
	NACL_SYNC_SRET,
	NACL_AUTOSWAP_CSR,
	NACL_FEATURES
};

/* The features that the toggle nacl permits, as bits; the same for all vCPUs of a VM. */
unsigned long nacl_permitted(const struct kvm_vcpu *vcpu);

static inline bool nacl_permits(const struct kvm_vcpu *vcpu, unsigned int feature)
{
	return feature < NACL_FEATURES && (nacl_permitted(vcpu) >> feature & 1);
}

/* Has L1 set the address of a shared memory? */
static inline bool nacl_is_on(const struct kvm_vcpu *vcpu)
{
	return vcpu->nested.nacl;
}

/* The same, and is there this feature? */
static inline bool nacl_has(const struct kvm_vcpu *vcpu, enum nacl_feature feature)
{
	return vcpu->nested.nacl >> feature & 1;
}

void nacl_off(struct kvm_vcpu *vcpu);
/*
 * An H or VS CSR has changed: update the memory before L1 runs. Does nothing without a shared memory.
 * vcpu->mutex held.
 */
static inline void nacl_csr_changed(struct kvm_vcpu *vcpu)
{
	if (nacl_is_on(vcpu))
		vcpu_set_request(vcpu, REQ_NACL);
}

/* The same after a trap; if it has left L2, hstatus may have to be swapped as well. */
static inline void nacl_trapped(struct kvm_vcpu *vcpu, bool swap)
{
	if (!nacl_is_on(vcpu))
		return;
	vcpu->nested.nacl_swap |= swap;
	vcpu_set_request(vcpu, REQ_NACL);
}

/* For ONE_REG (hv/kvm_hext.h); the vCPU is not loaded. nacl_reg_set() returns 0 or -EINVAL. */
u64 nacl_reg_get(const struct kvm_vcpu *vcpu);
int nacl_reg_set(struct kvm_vcpu *vcpu, u64 value);

/*
 * The rest is called with the vCPU loaded and outside the guest, and may sleep, except for
 * nacl_end_exit(). nacl_begin() and nacl_sync_*() are called after nested_unsettle(), and
 * nested_settle() has to follow. They return 0 or one of these: -EFAULT: the memory is not in
 * writable memory of the guest, and nested acceleration is now off; -EAGAIN, -EINTR, -ENOMEM
 * (mmu/guest_map.h): nothing was done, and the call has to be repeated.
 */

/*
 * Serve REQ_NACL: swap hstatus if required, and update the memory. Does nothing while V is 1. Returns 0,
 * -EINTR or -ENOMEM.
 */
int nacl_serve(struct kvm_vcpu *vcpu);
/*
 * At the end of an exit of L1 or L2: serve REQ_NACL at once if this is possible without a sleep. May be
 * called only if nacl_is_on(). nested_settle() has to follow.
 */
void nacl_end_exit(struct kvm_vcpu *vcpu);
/* Use the memory at gpa from now on. If this fails, nothing changes, even after -EFAULT. */
int nacl_begin(struct kvm_vcpu *vcpu, gpa_t gpa);
/*
 * Apply what L1 has written, to one CSR or to all of them. -ENOENT: there is no such CSR. V is 0, and
 * the VM has the feature, also for the functions below.
 */
int nacl_sync_csr(struct kvm_vcpu *vcpu, unsigned long csr);
/* Execute the fence of one entry (< NACL_HFENCES), or of all, if L1 has marked it as pending. */
int nacl_sync_hfence(struct kvm_vcpu *vcpu, unsigned long entry);
/*
 * Load x1 to x31 from the memory. Before that, apply all CSRs, execute all fences and swap hstatus if
 * L1 wants that, each if the VM has its feature.
 */
int nacl_sync_sret(struct kvm_vcpu *vcpu);

#endif
