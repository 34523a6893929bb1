// SPDX-License-Identifier: MIT
/*
 * fastpath.c - exits that are handled without a full world switch (toggle fastpath=on).
 *
 * These are a guest's requests to its own hart for which no thread has to wait: SBI base,
 * set_timer with Sstc, an IPI or a fence that names only the caller, and WFI with an interrupt
 * pending; accesses to the interrupt controller and to ioeventfds; and accesses of a guest hypervisor
 * to CSRs. Each exit is checked first, because a declined exit must not have changed anything. It is
 * then handled as on the slow path, mostly by the same functions, with the same events, counters and
 * clock.
 *
 * mode stays IN_GUEST. So a thread that wants this vCPU sends an interrupt, which is pending when
 * the guest continues and ends the guest's run at once. No kick is lost, but a thread that waits
 * for the vCPU to leave the guest may wait a few hundred instructions longer. The fast path does
 * not serve requests: fences, a new VMID, signals and rescheduling are left to the slow path, which
 * handles the exit that the interrupt causes; interrupt() does the same for a thread that the exit
 * itself has woken. Exits also take the slow path while a request is pending, or while an event is
 * on that only the slow path records.
 *
 * An access to such a device takes spinlocks. Their holders never wait for a vCPU to leave the
 * guest (docs/locking.md, rule 11), so the fast path may wait for them while mode is IN_GUEST.
 */
#include "exit/bus.h"
#include "exit/exit.h"
#include "exit/insn.h"
#include "irqchip.h"
#include "kvm.h"
#include "sbi/sbi.h"
#include "vcpu/irq.h"
#include "vcpu/nacl.h"
#include "vcpu/nested.h"
#include "vcpu/pmu.h"
#include "vcpu/timer.h"

#define ECALL_LEN 4
#define WFI_LEN   4
#define CSR_LEN   4
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

/*
 * A store has woken a thread, which should get this hart at once. The exit ends here, and sepc is
 * that of the next instruction. Leave the guest with the cause of an interrupt, as if one had
 * arrived there: exit_host_irq() lets the thread run. Not for a load, whose result would be lost,
 * because switch.S saves s0 to s11 of the guest after this.
 */
static __attribute__((noinline)) struct fast_exit interrupt(struct fast_exit exit)
{
	struct trace_exit_clock *clock = &exit.vcpu->exit_clock;

	if (trace_exit_on()) {
		clock->offset = exit.class;
		if (trace_exit_is_full())
			trace_exit_end_full(clock);
		else
			trace_exit_end_short(clock);
	}
	csr_write(scause, CAUSE_IRQ_FLAG | IRQ_S_SOFT);
	return declined(exit.vcpu);
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

/*
 * Finish an access of L1 to an H or VS CSR on which neither its exits nor its interrupts depend. The
 * slow path handles it if L1 may have to take an interrupt afterwards, or if the new value has to
 * be copied to the memory that L1 shares by SBI NACL.
 */
struct fast_exit vcpu_fast_csr(struct kvm_vcpu *vcpu)
{
	unsigned long insn = csr_read(stval), old;
	struct csr_access access;

	if (!may_be_fast(vcpu) || !(csr_read(sstatus) & SSTATUS_SPP) || !insn_is_csr(insn) ||
	    vcpu->nested.checks)
		return declined(vcpu);
	access = insn_decode_csr(vcpu, insn);
	if ((access.write_mask && nacl_is_on(vcpu)) || !nested_csr_is_quiet(vcpu, &access) ||
	    !nested_csr(vcpu, &access, &old))
		return declined(vcpu);
	begin(vcpu);
	trace_kvm_virtual_inst(insn);
	trace_kvm_csr(access.csr, access.write_mask != 0, old, 1);
	vcpu->stats.csr_exit_kernel++;
	if (access.rd)
		vcpu->guest.gpr[access.rd] = old;
	return end(vcpu, CSR_LEN, EXIT_H_INSN);
}

/* Transformed instructions (H §6.3) without the data register and bit 1. */
#define HTINST_LW  0x2001UL
#define HTINST_LWU 0x6001UL
#define HTINST_SW  0x2021UL
#define HTINST_RD  GENMASK(11, 7)
#define HTINST_RS2 GENMASK(24, 20)

INLINE bool is_word_load(unsigned long insn)
{
	insn &= ~HTINST_RD;
	return insn == HTINST_LW || insn == HTINST_LWU;
}

INLINE bool is_word_store(unsigned long insn)
{
	return (insn & ~HTINST_RS2) == HTINST_SW;
}

/* Without the low two bits. */
INLINE gpa_t faulting_gpa(void)
{
	return (gpa_t)csr_read(htval) << 2;
}

/*
 * Finish a store if an ioeventfd takes it. Not while any event is on: a store that is not taken
 * must not be recorded here, and the bus records one that it takes.
 */
INLINE struct fast_exit fast_bus(struct kvm_vcpu *vcpu, gpa_t gpa, u32 data)
{
	struct fast_exit exit;

	if (trace_any() || bus_has_zones(vcpu->kvm) || bus_store(vcpu, gpa, 4, data)) {
		device_word_forget(vcpu, device_word_slot((unsigned long)(gpa >> 2)));
		return declined(vcpu);
	}
	vcpu->stats.exits++;
	vcpu->stats.mmio_exit_kernel++;
	exit = end(vcpu, 2 + (csr_read(htinst) & 2), EXIT_MMIO_KERNEL);
	return hv_resched_needed() ? interrupt(exit) : exit;
}

/*
 * Finish only an aligned access of 32 bits by an integer load or store, to a word that the slow
 * path has remembered (mmio.c). The irqchip takes an access to its word, because it has taken one
 * before, and whether it does depends on nothing but the address and the width (irqchip.h).
 */
INLINE struct fast_exit fast_mmio(struct kvm_vcpu *vcpu, bool is_store)
{
	const struct kvm *vm = vcpu->kvm;
	unsigned long *gpr = vcpu->guest.gpr, htinst = csr_read(htinst), insn = htinst & ~2UL, reg;
	gpa_t gpa = faulting_gpa();
	struct fast_exit exit;
	u64 data = 0;

	if (!may_be_fast(vcpu) || !(is_store ? is_word_store(insn) : is_word_load(insn)) ||
	    (csr_read(stval) & 3) || vcpu->slots != __atomic_load_n(&vm->slots, __ATOMIC_ACQUIRE))
		return declined(vcpu);
	if (is_store)
		data = (u32)gpr[FIELD_GET(HTINST_RS2, insn)];
	if (device_word_on_bus(vcpu, (unsigned long)(gpa >> 2)))
		return is_store ? fast_bus(vcpu, gpa, (u32)data) : declined(vcpu);
	begin(vcpu);
	if (trace_kvm_page_fault_enabled())
		trace_kvm_page_fault(gpa, csr_read(scause));
	if (trace_kvm_mmio_insn_enabled())
		trace_kvm_mmio_insn(htinst, false, csr_read(sepc));
	vm->irqchip->mmio(vcpu, gpa, 4, is_store, &data);
	reg = FIELD_GET(HTINST_RD, insn);
	if (!is_store && reg)
		gpr[reg] = insn & HTINST_LWU & ~HTINST_LW ? (u32)data : (unsigned long)(s32)data;
	if (trace_kvm_mmio_enabled())
		trace_kvm_mmio(is_store ? MMIO_WRITE : MMIO_READ, 4, faulting_gpa(), data, true);
	if (READ_ONCE(vcpu->irq_changed))
		vcpu_flush_irqs(vcpu);
	vcpu->stats.mmio_exit_kernel++;
	exit = end(vcpu, 2 + (htinst & 2), EXIT_IRQCHIP);
	if (!hv_resched_needed())
		return exit;
	if (is_store)
		return interrupt(exit);
	vcpu_request(vcpu, REQ_HOST); /* a load of the APLIC's claimi may wake a thread (irqfd.c) */
	return exit;
}

struct fast_exit vcpu_fast_load(struct kvm_vcpu *vcpu)
{
	return fast_mmio(vcpu, false);
}

struct fast_exit vcpu_fast_store(struct kvm_vcpu *vcpu)
{
	return fast_mmio(vcpu, true);
}
