// SPDX-License-Identifier: MIT
/*
 * sbi.h - the guest's SBI calls: one file for each extension.
 *
 * A handler reads its arguments from vcpu->guest.gpr and stores the error and the value in *ret
 * (both are 0 when it is called). Like an exit handler, it returns RESUME_GUEST when the call is
 * done, or RESUME_USER when user space has to act on it.
 */
#ifndef KVM_SBI_H
#define KVM_SBI_H

#include "kvm.h"

exit_fn exit_sbi; /* sbi.c: the handler of an ecall from VS */

typedef int sbi_fn(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret);

#define SBI_HANDLER(ext, function, id, off)                 sbi_fn function;
#define SBI_HANDLER_RANGE(first, last, function, id, class) sbi_fn function;
#include "sbi/sbi_ext.def"

/* The exit class of each extension, that is, its row in the exit table (exit_class.def). */
enum {
#define SBI_EXTENSION(ext, number, class, version) SBI_CLASS_##ext = EXIT_##class,
#include "hv/sbi.def"
};

/* Another result of a handler: no answer, because the guest takes a trap or repeats the call. */
enum {
	SBI_NO_RETURN = 2
};

/* Exit with KVM_EXIT_RISCV_SBI: user space answers, and the next KVM_RUN sets a0 and a1. */
int sbi_forward(struct kvm_vcpu *vcpu);
/* Exit with KVM_EXIT_SYSTEM_EVENT: stop every vCPU and let user space decide. */
int sbi_system_event(struct kvm_vcpu *vcpu, unsigned int type, u64 reason);
/* Execute a legacy remote fence (SBI §5) whose hart mask has already been read. */
void sbi_rfence_legacy(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long mask,
		       unsigned long base);
/* Send an IPI to `target`. `arg`: NULL, or the struct hv_kicks of a sender of several IPIs. */
void sbi_ipi_send(struct kvm_vcpu *target, void *arg);
/*
 * Send IPIs for the IPI extension and legacy SEND_IPI. Arguments and result: sbi_for_each_hart().
 */
long sbi_ipi_send_mask(struct kvm_vcpu *vcpu, unsigned long mask, unsigned long base);
/* Does the hart mask name this vCPU and no other vCPU of its VM? */
static inline bool sbi_names_only(const struct kvm_vcpu *vcpu, unsigned long mask,
				  unsigned long base)
{
	if (base == ~0UL)
		return __atomic_load_n(&vcpu->kvm->nr_vcpus, __ATOMIC_ACQUIRE) == 1;
	return vcpu->id >= base && vcpu->id - base < BITS_PER_LONG && mask == BIT(vcpu->id - base);
}

/* Does the core answer a probe of this extension, whatever user space has enabled? */
bool sbi_probe_is_ours(unsigned long ext);
/* Does this vCPU have this extension? This answers a probe, unless user space has to answer it. */
unsigned long sbi_probe(const struct kvm_vcpu *vcpu, unsigned long ext);

/*
 * Call `call` for each vCPU that the hart mask and base name (SBI §3.1), or for all vCPUs if base
 * is ~0. Returns SBI_ERR_INVALID_PARAM if a bit does not name a vCPU; even then, `call` is called
 * for the vCPUs that the other bits name.
 */
long sbi_for_each_hart(struct kvm_vcpu *vcpu, unsigned long mask, unsigned long base,
		       void (*call)(struct kvm_vcpu *target, void *arg), void *arg);

u32 sbi_default_extensions(void); /* those of a new vCPU, as bits of enum KVM_RISCV_SBI_EXT_ID */
int sbi_ext_get(const struct kvm_vcpu *vcpu, unsigned long ext, unsigned long *enabled);
int sbi_ext_set(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long enabled);

#endif
