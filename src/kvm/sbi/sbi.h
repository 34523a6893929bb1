// SPDX-License-Identifier: MIT
/*
 * sbi.h - the guest's SBI calls: one extension, one file.
 *
 * A handler reads its arguments from vcpu->guest.gpr, leaves error and value in
 * *ret (both 0 at the call), and answers like an exit handler: RESUME_GUEST when the
 * call is done, RESUME_USER when user space is to act on it.
 */
#ifndef KVM_SBI_H
#define KVM_SBI_H

#include "kvm.h"

exit_fn exit_sbi; /* sbi.c: the handler of an ecall from VS */

typedef int sbi_fn(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret);

#define SBI_HANDLER(ext, function, id, off)                 sbi_fn function;
#define SBI_HANDLER_RANGE(first, last, function, id, class) sbi_fn function;
#include "sbi/sbi_ext.def"

/* Rows of the exit table, by extension. */
enum {
#define SBI_EXTENSION(ext, number, class, version) SBI_CLASS_##ext = EXIT_##class,
#include "hv/sbi.def"
};

/* Besides RESUME_*: the guest has got a trap, or makes the same call again. */
enum {
	SBI_NO_RETURN = 2
};

/* KVM_EXIT_RISCV_SBI: user space answers; a0 and a1 come with the next KVM_RUN. */
int sbi_forward(struct kvm_vcpu *vcpu);
/* KVM_EXIT_SYSTEM_EVENT: every vCPU stops, user space decides. */
int sbi_system_event(struct kvm_vcpu *vcpu, unsigned int type, u64 reason);
/* Legacy remote fences (5.6 to 5.8), their hart mask already read. */
void sbi_rfence_legacy(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long mask,
		       unsigned long base);
/* What IPI and legacy SEND_IPI do to each vCPU of the mask. */
void sbi_ipi_send(struct kvm_vcpu *target, void *arg);
/* Does the hart mask name this vCPU, and no other one of its VM? */
static inline bool sbi_names_only(const struct kvm_vcpu *vcpu, unsigned long mask,
				  unsigned long base)
{
	if (base == ~0UL)
		return __atomic_load_n(&vcpu->kvm->nr_vcpus, __ATOMIC_ACQUIRE) == 1;
	return vcpu->id >= base && vcpu->id - base < BITS_PER_LONG && mask == BIT(vcpu->id - base);
}

/* Is a probe of this extension answered here, whatever user space has switched on? */
bool sbi_probe_is_ours(unsigned long ext);
/* Is this extension there for this vCPU? The answer of base's probe. */
unsigned long sbi_probe(const struct kvm_vcpu *vcpu, unsigned long ext);

/*
 * vCPUs of a hart mask (SBI §3.1): call for each that mask and base name. base ~0: all.
 * SBI_ERR_INVALID_PARAM if a bit names no vCPU; the others were called.
 */
long sbi_for_each_hart(struct kvm_vcpu *vcpu, unsigned long mask, unsigned long base,
		       void (*call)(struct kvm_vcpu *target, void *arg), void *arg);

u32 sbi_default_extensions(void); /* of a new vCPU, as bits of KVM_RISCV_SBI_EXT_ID */
int sbi_ext_get(const struct kvm_vcpu *vcpu, unsigned long ext, unsigned long *enabled);
int sbi_ext_set(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long enabled);

#endif
