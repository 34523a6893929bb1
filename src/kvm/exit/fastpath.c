// SPDX-License-Identifier: MIT
/*
 * fastpath.c - exits that are handled without a full world switch (toggle fastpath=on).
 *
 * These are a guest's requests to its own hart for which no thread has to wait: SBI base, set_timer
 * with Sstc, an IPI or a fence that names only the caller, and WFI with an interrupt pending. Each
 * exit is checked first, because a declined exit must not have changed anything. It is then handled
 * as on the slow path, mostly by the same functions, with the same events, counters and clock.
 *
 * mode stays IN_GUEST. So a thread that wants this vCPU sends an interrupt, which is pending when
 * the guest continues and ends the guest's run at once. No kick is lost, but a thread that waits
 * for the vCPU to leave the guest may wait a few hundred instructions longer. The fast path does
 * not serve requests: fences, a new VMID, signals and rescheduling are left to the slow path, which
 * handles the exit that the interrupt causes. Exits also take the slow path while a request is
 * pending, or while an event is on that only the slow path records.
 */
#include "exit/exit.h"
#include "kvm.h"
#include "sbi/sbi.h"
#include "vcpu/irq.h"
#include "vcpu/pmu.h"
#include "vcpu/timer.h"

#define ECALL_LEN 4
#define WFI_LEN   4
#define INLINE    static inline __attribute__((always_inline))
/*
 * For functions that vcpu_fast_sbi() tail-calls, so each path saves only the registers that it
 * needs.
 */
#define OUT_OF_LINE static __attribute__((noinline))

/*
 * Count and trace an exit that the fast path will finish. switch_fast.S handles the exit's clock.
 */
INLINE void begin(struct kvm_vcpu *vcpu)
{
	vcpu->stats.exits++;
	if (trace_kvm_exit_enabled())
		trace_kvm_exit(csr_read(sepc), csr_read(scause), csr_read(stval), csr_read(htval),
			       csr_read(htinst));
}

/* Continue the guest after the instruction that trapped, which is `len` bytes long. */
INLINE struct fast_exit end(struct kvm_vcpu *vcpu, unsigned long len, enum exit_class class)
{
	unsigned long sepc = csr_read(sepc) + len;

	csr_write(sepc, sepc);
	trace_kvm_entry(sepc, class);
	return (struct fast_exit){ vcpu, TRACE_EXIT_OFFSET(class) };
}

INLINE void begin_sbi(struct kvm_vcpu *vcpu)
{
	const unsigned long *gpr = vcpu->guest.gpr;

	begin(vcpu);
	trace_kvm_sbi_call(gpr[GPR_A7], gpr[GPR_A6], gpr[GPR_A0], gpr[GPR_A1], gpr[GPR_A2]);
}

INLINE void answer(struct kvm_vcpu *vcpu, const struct sbiret *ret)
{
	unsigned long *gpr = vcpu->guest.gpr;

	gpr[GPR_A0] = (unsigned long)ret->error;
	gpr[GPR_A1] = (unsigned long)ret->value;
	trace_kvm_sbi_return(gpr[GPR_A7], gpr[GPR_A6], ret->error, (u64)ret->value);
}

/* Pass a call to its extension's own handler. */
INLINE struct fast_exit call(struct kvm_vcpu *vcpu, sbi_fn *handle, enum exit_class class)
{
	const unsigned long *gpr = vcpu->guest.gpr;
	struct sbiret ret = { 0, 0 };

	begin_sbi(vcpu);
	handle(vcpu, gpr[GPR_A7], gpr[GPR_A6], &ret);
	answer(vcpu, &ret);
	return end(vcpu, ECALL_LEN, class);
}

/* Like sbi_ipi() for the caller alone, but updates hvip at once, not through a request. */
INLINE struct fast_exit ipi_to_self(struct kvm_vcpu *vcpu)
{
	struct sbiret ret = { SBI_SUCCESS, 0 };

	begin_sbi(vcpu);
	pmu_count(vcpu, SBI_PMU_FW_IPI_SENT);
	pmu_count(vcpu, SBI_PMU_FW_IPI_RECEIVED);
	vcpu_mark_own_irq(vcpu, IRQ_VS_SOFT);
	answer(vcpu, &ret);
	vcpu_flush_irqs(vcpu);
	return end(vcpu, ECALL_LEN, EXIT_SBI_IPI);
}

INLINE struct fast_exit declined(struct kvm_vcpu *vcpu)
{
	return (struct fast_exit){ vcpu, 0 };
}

/* Does the call's hart mask name only the calling vCPU? */
static bool is_for_itself(const struct kvm_vcpu *vcpu)
{
	return sbi_names_only(vcpu, vcpu->guest.gpr[GPR_A0], vcpu->guest.gpr[GPR_A1]);
}

static bool may_call(const struct kvm_vcpu *vcpu, enum KVM_RISCV_SBI_EXT_ID ext)
{
	return vcpu->sbi_ext >> ext & 1;
}

OUT_OF_LINE struct fast_exit fast_time(struct kvm_vcpu *vcpu)
{
	if (!may_call(vcpu, KVM_RISCV_SBI_EXT_TIME) || vcpu->timer_ops != &timer_sstc_ops)
		return declined(vcpu);
	return call(vcpu, sbi_time, EXIT_SBI_TIME);
}

OUT_OF_LINE struct fast_exit fast_ipi(struct kvm_vcpu *vcpu)
{
	if (!may_call(vcpu, KVM_RISCV_SBI_EXT_IPI) || vcpu->guest.gpr[GPR_A6] != SBI_IPI_SEND_IPI ||
	    !is_for_itself(vcpu))
		return declined(vcpu);
	return ipi_to_self(vcpu);
}

OUT_OF_LINE struct fast_exit fast_rfence(struct kvm_vcpu *vcpu)
{
	if (!may_call(vcpu, KVM_RISCV_SBI_EXT_RFENCE) || !is_for_itself(vcpu))
		return declined(vcpu);
	return call(vcpu, sbi_rfence, EXIT_SBI_RFENCE);
}

OUT_OF_LINE struct fast_exit fast_base(struct kvm_vcpu *vcpu)
{
	const unsigned long *gpr = vcpu->guest.gpr;

	/* User space may have to answer this probe. */
	if (gpr[GPR_A6] == SBI_BASE_PROBE_EXTENSION && !sbi_probe_is_ours(gpr[GPR_A0]))
		return declined(vcpu);
	return call(vcpu, sbi_base, EXIT_SBI_BASE);
}

/* True if no request is pending and no event is on that needs the slow path (group_members[]). */
INLINE bool may_be_fast(const struct kvm_vcpu *vcpu)
{
	return !READ_ONCE(vcpu->requests) && !trace_group_slow_path();
}

struct fast_exit vcpu_fast_sbi(struct kvm_vcpu *vcpu)
{
	unsigned long ext = vcpu->guest.gpr[GPR_A7];

	if (!may_be_fast(vcpu))
		return declined(vcpu);
	/*
	 * Test the most frequent extension first, as in sbi_ext.def. gcc would sort the cases of a
	 * switch by number.
	 */
	if (ext == SBI_EXT_BASE)
		return fast_base(vcpu);
	if (ext == SBI_EXT_TIME)
		return fast_time(vcpu);
	if (ext == SBI_EXT_IPI)
		return fast_ipi(vcpu);
	if (ext == SBI_EXT_RFENCE)
		return fast_rfence(vcpu);
	return declined(vcpu);
}

/*
 * Finish only a WFI in VS with an interrupt pending: in VU, WFI is an illegal instruction. If a
 * line has changed and hvip is not up to date (irq_changed), the slow path handles the exit.
 */
struct fast_exit vcpu_fast_virtual_inst(struct kvm_vcpu *vcpu)
{
	if (!may_be_fast(vcpu) || csr_read(stval) != INSN_WFI ||
	    !(csr_read(sstatus) & SSTATUS_SPP) || READ_ONCE(vcpu->irq_changed) ||
	    !(csr_read(vsip) & csr_read(vsie)))
		return declined(vcpu);
	begin(vcpu);
	trace_kvm_virtual_inst(INSN_WFI);
	trace_kvm_wfi(true);
	vcpu->stats.wfi_exit_stat++;
	return end(vcpu, WFI_LEN, EXIT_WFI);
}
