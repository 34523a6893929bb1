// SPDX-License-Identifier: MIT
/*
 * exit.h - exit handling: run.c, the world switches, the dispatch table and the handlers.
 */
#ifndef KVM_EXIT_H
#define KVM_EXIT_H

#include <asm-generic/errno.h>
#include "kvm.h"
#include "sbi/sbi.h"
#include "vcpu/inject.h"

/*
 * KVM_RUN: run the guest until user space has something to do. Takes vcpu->mutex. Returns 0 (the
 * reason is in vcpu->run), -EINTR, or another -errno.
 */
long vcpu_run(struct kvm_vcpu *vcpu);

/*
 * Take the host's interrupts, and return RESUME_GUEST. Called when a request keeps the vCPU from
 * entering its guest, where interrupts are taken otherwise: other vCPUs may send requests, such as
 * fences, as fast as this one serves them, and then it does not enter.
 */
int vcpu_not_entered(struct kvm_vcpu *vcpu);

/* Return the error with which every ioctl of the vCPU fails at present, or 0. */
static inline int vcpu_refuse_ioctl(const struct kvm_vcpu *vcpu)
{
	if (!hv_mm_is_current(vcpu->kvm->mm))
		return -EIO;
	/*
	 * User space may have guessed the descriptor before KVM_CREATE_VCPU has listed the vCPU.
	 * Until then, fences do not reach the vCPU.
	 */
	return vcpu->idx >= READ_ONCE(vcpu->kvm->nr_vcpus) ? -EINVAL : 0;
}

/*
 * Complete the exit, if any, that user space has answered since the last KVM_RUN. Each exit is
 * completed at most once.
 */
static inline void complete_exit(struct kvm_vcpu *vcpu)
{
	complete_fn *complete = vcpu->completion.complete;

	if (!complete)
		return;
	vcpu->completion.complete = NULL;
	complete(vcpu);
}

/*
 * Enter the guest; return at the next exit that the fast path does not finish. Call with interrupts
 * off and the vCPU loaded.
 */
void vcpu_switch(struct kvm_vcpu *vcpu);

#define ASM_NAME(name) #name
#define ASM_CALL(name) "call	" ASM_NAME(name) /* `name` may be a macro (lab 2's tests) */

static inline __attribute__((always_inline)) void vcpu_enter(struct kvm_vcpu *vcpu)
{
#ifdef __riscv
	/*
	 * Not a C call: after it, s0 to s11 have the guest's values. So the compiler saves the few
	 * registers that it needs, most of them once for a whole KVM_RUN, and the switch saves
	 * none.
	 */
	register struct kvm_vcpu *a0 __asm__("a0") = vcpu;

	__asm__ volatile(ASM_CALL(vcpu_switch)
			 : "+r"(a0)
			 :
			 : "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a1", "a2", "a3", "a4",
			   "a5", "a6", "a7", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8",
			   "s9", "s10", "s11", "memory");
#else
	vcpu_switch(vcpu);
#endif
}
/*
 * fastpath.c: handle a short exit completely, or decline it. If `class` is not 0, the guest can
 * continue; otherwise, nothing has changed. Called by switch_fast.S with interrupts off and mode
 * still IN_GUEST (or KICKED). Of the registers in `guest`, only ra, sp, gp, tp, t0-t6 and a0-a7 are
 * in memory; sepc, sstatus and hstatus are still in the hart's CSRs.
 */
struct fast_exit {
	struct kvm_vcpu *vcpu; /* the argument: assembly has no free register that C preserves */
	unsigned long class;   /* TRACE_EXIT_OFFSET() of the exit's class; 0: leave the guest */
};
struct fast_exit vcpu_fast_sbi(struct kvm_vcpu *vcpu);
struct fast_exit vcpu_fast_virtual_inst(struct kvm_vcpu *vcpu);
/*
 * For a virtual instruction of L1 whose funct3 is that of a CSR instruction. Here, rd and rs1 are in
 * memory, too.
 */
struct fast_exit vcpu_fast_csr(struct kvm_vcpu *vcpu);
/*
 * For guest page faults at a remembered word (device_words). Here, the data register of the access
 * is in memory, too, if htinst has it where a load or, for vcpu_fast_store(), a store has it.
 */
struct fast_exit vcpu_fast_load(struct kvm_vcpu *vcpu);
struct fast_exit vcpu_fast_store(struct kvm_vcpu *vcpu);
exit_fn exit_dispatch;    /* exit.c */
exit_fn exit_handle_full; /* switch_full.c */
exit_fn exit_host_irq;    /* exit.c: a host interrupt has ended the guest's run */
/* Return the handler for any cause; never NULL. */
exit_fn *exit_handler(unsigned long cause);

/* Handlers with a file of their own; short ones are in exit.c. exit_sbi() is declared in sbi.h. */
exit_fn exit_gstage_fault; /* gstage_fault.c */
/*
 * Like exit_gstage_fault(), for a trap that unpriv_read() took. The instruction at sepc did not
 * make this access, so an access outside memory is not emulated: the guest gets an access fault.
 */
exit_fn gstage_fault_unpriv;
/*
 * Handle an access at a known address of the guest that its G-stage table does not permit. needs_x: a
 * leaf of memory needs X, as for a fetch. has_insn: the instruction at sepc made the access. The results
 * are those of exit_gstage_fault().
 */
struct gstage_fault;
int gstage_fault_at(struct kvm_vcpu *vcpu, const struct hv_trap *trap,
		    const struct gstage_fault *fault, bool needs_x, bool has_insn);
exit_fn exit_virtual_inst, exit_illegal_inst; /* insn.c */

/* nested_exit.c: any exit while the vCPU's nested.on is set; and what exit_ops.before_entry does */
exit_fn exit_nested;
void nested_before_entry(struct kvm_vcpu *vcpu, unsigned long now);
/*
 * nested_fault.c: a guest page fault of L2, or of an HLV or HSV that is emulated for L1
 * (nested.unpriv). L2's CSRs are loaded on entry, but not on return if a trap was given to L1. May
 * sleep, and sets REQ_HOST.
 */
exit_fn nested_fault;
/*
 * nested_insn.c: L1 may have executed a hypervisor instruction. Returns true if it has been emulated,
 * or has trapped; *result is then what the exit's handler has to return. Returns false if it is
 * illegal. May sleep (HLV, HSV).
 */
bool nested_emulate(struct kvm_vcpu *vcpu, unsigned long insn, int *result);

/* mmio.c */
enum { /* the types in kvm_mmio events, as Linux numbers them */
	MMIO_READ = 1,
	MMIO_WRITE = 2,
};
int mmio_emulate(struct kvm_vcpu *vcpu, const struct hv_trap *trap, gpa_t gpa);

#endif
