// SPDX-License-Identifier: MIT
/*
 * offsets.c - offsets of C structure members, and other constants, for the assembly files.
 *
 * Compiled to assembly only. The build turns each line `->NAME value` of the result into a #define
 * in gen/kvm_offsets.h.
 */
#include "kvm.h"
#include "request.h"

#define DEFINE(name, value) __asm__ volatile(".ascii \"->" #name " %0\"" ::"i"(value))
#define GUEST(member)       DEFINE(GUEST_##member, offsetof(struct kvm_vcpu, guest.member))
#define HOST(member)        DEFINE(HOST_##member, offsetof(struct kvm_vcpu, host.member))
#define VECTOR(member)      DEFINE(VECTOR_##member, offsetof(struct vector_state, member))
#define TRAP(member)        DEFINE(TRAP_##member, offsetof(struct hv_trap, member))

void kvm_offsets(void);

void kvm_offsets(void)
{
	DEFINE(GUEST_gpr, offsetof(struct kvm_vcpu, guest.gpr));
	GUEST(sepc);
	GUEST(sstatus);
	GUEST(hstatus);
	HOST(ra);
	HOST(sp);
	HOST(gp);
	HOST(tp);
	HOST(sstatus);
	HOST(hstatus);
	HOST(stvec);
	HOST(sscratch);
	DEFINE(VCPU_exit_vector, offsetof(struct kvm_vcpu, exit_vector));
	DEFINE(VCPU_special, offsetof(struct kvm_vcpu, special));
	DEFINE(SPECIAL_NESTED, SPECIAL_NESTED);
	DEFINE(VCPU_exit_clock, offsetof(struct kvm_vcpu, exit_clock));
	DEFINE(VCPU_exit_start, offsetof(struct kvm_vcpu, exit_clock.start));
	DEFINE(KEY_sample, TRACE_sample * sizeof(struct static_key));
	DEFINE(SAMPLE_HS_MODE, SAMPLE_HS);
	TRAP(sepc);
	TRAP(scause);
	TRAP(stval);
	TRAP(htval);
	TRAP(htinst);
	DEFINE(FP_fcsr, offsetof(struct fp_state, fcsr));
	VECTOR(vstart);
	VECTOR(vl);
	VECTOR(vtype);
	VECTOR(vcsr);
	VECTOR(regs);
	DEFINE(EXC_ECALL_VS, EXC_ECALL_VS);
	DEFINE(EXC_VIRTUAL_INST, EXC_VIRTUAL_INST);
	DEFINE(EXC_LOAD_GUEST_PAGE_FAULT, EXC_LOAD_GUEST_PAGE_FAULT);
	DEFINE(VCPU_device_words, offsetof(struct kvm_vcpu, device_words));
	DEFINE(DEVICE_WORD_SHIFT, PAGE_SHIFT - 2 - (BITS_PER_LONG == 64 ? 3 : 2));
	DEFINE(DEVICE_WORD_MASK, (DEVICE_WORDS - 1) * sizeof(long));
	DEFINE(INSN_FUNCT3_SHIFT, 12);
	DEFINE(WFI_FUNCT12, INSN_WFI >> 20);
	DEFINE(PROBE_hstatus, HSTATUS_SPV | HSTATUS_SPVP);
	DEFINE(PROBE_sstatus, SSTATUS_SPP);
	/* For scripts/hs/run/hung.py, which reads the memory of a machine that has hung. */
	DEFINE(KVM_id, offsetof(struct kvm, id));
	DEFINE(KVM_link, offsetof(struct kvm, link));
	DEFINE(KVM_nr_vcpus, offsetof(struct kvm, nr_vcpus));
	DEFINE(KVM_vcpus, offsetof(struct kvm, vcpus));
	DEFINE(VCPU_id, offsetof(struct kvm_vcpu, id));
	DEFINE(VCPU_mode, offsetof(struct kvm_vcpu, mode));
	DEFINE(VCPU_hart, offsetof(struct kvm_vcpu, hart));
	DEFINE(VCPU_blocking, offsetof(struct kvm_vcpu, blocking));
	DEFINE(VCPU_hsm_stopped, offsetof(struct kvm_vcpu, hsm_stopped));
	DEFINE(VCPU_mutex, offsetof(struct kvm_vcpu, mutex));
	DEFINE(VCPU_ran_once, offsetof(struct kvm_vcpu, ran_once));
	DEFINE(VCPU_exits, offsetof(struct kvm_vcpu, stats.exits));
	DEFINE(VCPU_exit_offset, offsetof(struct kvm_vcpu, exit_clock.offset));
	DEFINE(SLOT_IRQ, EXIT_SLOT_IRQ);
	DEFINE(SLOT_CLASS, EXIT_SLOT_CLASS);
	DEFINE(EXIT_TALLY, sizeof(struct exit_tally));
	DEFINE(MODE_OUTSIDE, VCPU_OUTSIDE);
	DEFINE(BLOCKING_AWAKE, VCPU_AWAKE);
	_Static_assert(TRACE_EXIT_NONE >> 63 == 1 && TRACE_EXIT_NONE << 1 == 0, "as in hung.py");
}
