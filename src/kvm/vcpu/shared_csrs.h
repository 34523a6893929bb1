// SPDX-License-Identifier: MIT
/*
 * shared_csrs.h - swap the CSRs without a VS counterpart, which guest and host programs share.
 *
 * The functions are inline, because KVM_RUN calls them at its beginning and at its end.
 */
#ifndef KVM_SHARED_CSRS_H
#define KVM_SHARED_CSRS_H

#include "kvm.h"
#include "vcpu/isa.h"
#include "vcpu/timer.h"

/*
 * load_shared() loads the guest's values into the hart, and put_shared() restores the host's.
 * Called by the vCPU's own thread.
 */
static inline void load_shared(struct kvm_vcpu *vcpu)
{
	vcpu->host_user.scounteren = csr_swap(scounteren, vcpu->csrs.scounteren);
	vcpu->host_user.senvcfg = csr_swap(senvcfg, vcpu->csrs.senvcfg);
	if (isa_host_has(KVM_RISCV_ISA_EXT_SMSTATEEN))
		vcpu->host_user.sstateen0 = csr_swap(sstateen0, vcpu->csrs.sstateen0);
}

static inline void put_shared(struct kvm_vcpu *vcpu)
{
	vcpu->csrs.scounteren = csr_swap(scounteren, vcpu->host_user.scounteren);
	vcpu->csrs.senvcfg = csr_swap(senvcfg, vcpu->host_user.senvcfg);
	if (isa_host_has(KVM_RISCV_ISA_EXT_SMSTATEEN))
		vcpu->csrs.sstateen0 = csr_swap(sstateen0, vcpu->host_user.sstateen0);
}

/*
 * Begin KVM_RUN of a vCPU that has stayed loaded while its thread was in user space. Meanwhile, another
 * vCPU's ioctl may have set the VM's clock.
 */
static inline void vcpu_resume(struct kvm_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->put_pending, PUT_NONE);
	load_shared(vcpu);
	csr_write64(htimedelta, READ_ONCE(vcpu->kvm->time_delta));
}

#endif
