// SPDX-License-Identifier: MIT
/*
 * vcpu.c - load and put a vCPU on a hart, reset it, and let its thread sleep.
 *
 * vcpu_load() moves everything that switch.S leaves alone: VS CSRs, interrupts, timer, FP, hgatp,
 * and the few CSRs that the host's user programs share with the guest. While the vCPU is loaded,
 * its thread may sleep or be preempted. The host's scheduler then calls the vCPU's hook, which puts
 * the vCPU before another thread uses the hart, and loads it again when its thread continues. If
 * possible, a vCPU stays loaded between two KVM_RUNs of one thread (lazy_put.c).
 */
#include "irqchip.h"
#include "kvm_asm.h"
#include "mmu/tlb.h"
#include "mmu/vmid.h"
#include "request.h"
#include "vcpu/aia.h"
#include "vcpu/fp.h"
#include "vcpu/fwft.h"
#include "vcpu/irq.h"
#include "vcpu/isa.h"
#include "vcpu/nested.h"
#include "vcpu/pmu.h"
#include "vcpu/shared_csrs.h"
#include "vcpu/steal_time.h"
#include "vcpu/timer.h"
#include "vcpu/wfi.h"

#define HIDELEG_DEFAULT VS_LINES

void vcpu_hart_init(void)
{
	csr_write(hedeleg, HEDELEG_DEFAULT);
	csr_write(hideleg, HIDELEG_DEFAULT);
	csr_write(hvip, 0);
	/* Guest external interrupts reach the host only while hgeie enables them (irqchip.h). */
	csr_write(hie, isa_host_has(KVM_RISCV_ISA_EXT_SSAIA) ? BIT(IRQ_S_GEXT) : 0);
	csr_write(hgeie, 0);
	csr_write(vsie, 0);
	csr_write(vsatp, 0);
	csr_write64(henvcfg, 0);
	if (isa_host_has(KVM_RISCV_ISA_EXT_SSAIA))
		aia_hart_init();
	fwft_hart_init();
	if (isa_host_has(KVM_RISCV_ISA_EXT_SSTC))
		csr_write64(vstimecmp, TIMER_NEVER);
}

/*
 * Drop what this hart may still have cached. If the vCPU was last loaded on another hart, or is
 * marked VCPU_STALE, drop instructions and all translations under the VM's VMID: they may have
 * changed since the vCPU's last turn here. Otherwise, if another vCPU of the VM was loaded here in
 * between, drop VS-stage translations: that vCPU's ASIDs refer to other tables.
 */
static void load_fences(struct kvm_vcpu *vcpu, unsigned int hart)
{
	struct kvm *vm = vcpu->kvm;

	if (vcpu->last_hart != hart) {
		tlb_flush_vm_local(vm);
		trace_kvm_fence_i(READ_ONCE(vm->gstage.vmid));
		local_fence_i();
	} else if (vm->hart_vcpu[hart] != vcpu->idx + 1) {
		tlb_flush_vvma_local(vm);
	}
	WRITE_ONCE(vm->hart_vcpu[hart], (u16)(vcpu->idx + 1));
	vcpu->last_hart = hart;
}

/*
 * Called before hgatp is written. The fence is for a thread that retires a table of the VM: it
 * either sees that this hart is used, or this hart's walks see the changed table (tlb.c).
 */
static void mark_hart(struct kvm *vm, unsigned int hart)
{
	WRITE_ONCE(vm->hart_vcpu[hart], HART_USED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/*
 * QEMU 10.0 accepts every bit of vsstatus, and at the entry ORs the bits into mstatus, where MPRV
 * and MPP belong to the firmware. The UXL values 0, as after a reset, and 3 are not valid: make
 * user mode 64 bits wide instead.
 */
unsigned long vsstatus_of(unsigned long vsstatus)
{
	unsigned long uxl = vsstatus & SSTATUS_UXL;

	if (!uxl || uxl == SSTATUS_UXL)
		uxl = FIELD_PREP(SSTATUS_UXL, XL_64);
	return (vsstatus & isa_vsstatus) | uxl;
}

/* The last step of a load. Not inlined, so that other vCPUs pay for one test only. */
static __attribute__((noinline)) void load_special(struct kvm_vcpu *vcpu)
{
	if (vcpu->special & SPECIAL_FWFT)
		fwft_load(vcpu);
	if (vcpu->special & SPECIAL_WFI_NATIVE)
		wfi_native_load(vcpu);
	if (vcpu->special & SPECIAL_NESTED)
		nested_load(vcpu);
}

/* The first step of a put. */
static __attribute__((noinline)) void put_special(struct kvm_vcpu *vcpu)
{
	if (vcpu->special & SPECIAL_NESTED)
		nested_put(vcpu);
	if (vcpu->special & SPECIAL_FWFT)
		fwft_put(vcpu);
}

void vcpu_load_csrs(struct kvm_vcpu *vcpu)
{
	const struct guest_csrs *csrs = &vcpu->csrs;
	unsigned int hart;

	hv_pin();
	hart = hv_hart();
	if (trace_any())
		vcpu_observe(vcpu);
	trace_exit_load(&vcpu->exit_clock);
	if (trace_kvm_vcpu_load_enabled())
		trace_kvm_vcpu_load(vcpu_last_hart(vcpu));
	if (READ_ONCE(vcpu->guest_file)) {
		vcpu->kvm->irqchip->load(vcpu);
		vcpu_load_irqs(vcpu);
	}
	csr_write(vsstatus, vsstatus_of(csrs->vsstatus));
	csr_write(vsie, csrs->vsie);
	csr_write(vstvec, csrs->vstvec);
	csr_write(vsscratch, csrs->vsscratch);
	csr_write(vsepc, csrs->vsepc);
	csr_write(vscause, csrs->vscause);
	csr_write(vstval, csrs->vstval);
	csr_write(hvip, csrs->hvip);
	csr_write(hedeleg, vcpu->hedeleg);
	csr_write(hcounteren, vcpu->hcounteren);
	csr_write64(henvcfg, vcpu->henvcfg);
	if (isa_host_has(KVM_RISCV_ISA_EXT_SMSTATEEN))
		csr_write64(hstateen0, isa_hstateen0(vcpu));
	load_shared(vcpu);
	if (isa_has(vcpu, KVM_RISCV_ISA_EXT_SSAIA))
		aia_load(vcpu);
	vcpu->timer_ops->load(vcpu);

	/*
	 * vsatp is 0 from the last put until hgatp has this VM's table. Otherwise, a speculative
	 * walk could combine this guest's VS-stage with another guest's G-stage in the TLB
	 * (H §5.3).
	 */
	if (!vcpu->kvm->hart_vcpu[hart])
		mark_hart(vcpu->kvm, hart);
	gstage_vcpu_load(vcpu);
	csr_write(vsatp, csrs->vsatp);

	WRITE_ONCE(vcpu->hart, hart);
	load_fences(vcpu, hart);
	vcpu->fp_ops->load(vcpu);
	if (vcpu->pmu)
		pmu_load(vcpu);
	vcpu->loaded = VCPU_LOADED;
	if (vcpu->special)
		load_special(vcpu);
	hv_unpin();
}

void vcpu_put_csrs(struct kvm_vcpu *vcpu)
{
	struct guest_csrs *csrs = &vcpu->csrs;

	hv_pin();
	if (vcpu->special)
		put_special(vcpu);
	if (vcpu->pmu)
		pmu_put(vcpu);
	vcpu->fp_ops->put(vcpu);
	vcpu->timer_ops->put(vcpu);
	if (!vcpu->put_pending)
		put_shared(vcpu);
	if (isa_has(vcpu, KVM_RISCV_ISA_EXT_SSAIA))
		aia_put(vcpu);
	if (READ_ONCE(vcpu->guest_file)) {
		vcpu->kvm->irqchip->put(vcpu);
		vcpu_set_request(vcpu, REQ_IRQ);
	}
	csrs->vsstatus = csr_read(vsstatus);
	csrs->vsie = csr_read(vsie);
	csrs->vstvec = csr_read(vstvec);
	csrs->vsscratch = csr_read(vsscratch);
	csrs->vsepc = csr_read(vsepc);
	csrs->vscause = csr_read(vscause);
	csrs->vstval = csr_read(vstval);
	/*
	 * A line that stayed pending, and enabled in vsie, would end every wfi of the idle host
	 * (H §2.3, M §3.3).
	 */
	csrs->hvip = csr_swap(hvip, 0);
	csrs->vsatp = csr_swap(vsatp, 0);
	gstage_vcpu_put(vcpu);
	vcpu->loaded = VCPU_NOT_LOADED;
	trace_kvm_vcpu_put(READ_ONCE(vcpu->blocking));
	trace_set_vcpu(0, 0);
	hv_unpin();
}

/*
 * A reload works like a preemption that takes no time: it does not count as steal time, and no
 * other thread runs in between.
 */
void vcpu_reload(struct kvm_vcpu *vcpu)
{
	hv_pin();
	vcpu_put_csrs(vcpu);
	vcpu_load_csrs(vcpu);
	hv_unpin();
}

void vcpu_load(struct kvm_vcpu *vcpu)
{
	hv_pin();
	vcpu_load_csrs(vcpu);
	hv_sched_hook_set(&vcpu->sched_hook);
	sta_load(vcpu);
	hv_unpin();
}

void vcpu_put(struct kvm_vcpu *vcpu)
{
	hv_pin();
	vcpu_put_csrs(vcpu);
	hv_sched_hook_set(NULL);
	hv_unpin();
}

void vcpu_observe(struct kvm_vcpu *vcpu)
{
	const struct exit_ops *ops = vcpu->exit_ops;

	trace_set_vcpu(vcpu->kvm->id, vcpu->id);
	vcpu->handle_exit = trace_kvm_exit_handled_enabled() || trace_kvm_irq_take_enabled() ||
					    trace_sample_enabled()
				    ? ops->handle_observed
				    : ops->handle;
}

static bool sleep_is_over(void *arg)
{
	struct kvm_vcpu *vcpu = arg;

	return vcpu->sleep_cond(vcpu);
}

/*
 * Put first, so that the condition, which may run on any hart, finds the CSRs in memory. `blocking`
 * is set before the first check of the condition, and a sender reads `blocking` after it has
 * changed what the condition checks. So at least one of the two threads sees the other's write, as
 * with vcpu->mode.
 */
int vcpu_sleep(struct kvm_vcpu *vcpu, bool (*cond)(struct kvm_vcpu *vcpu))
{
	int err;

	vcpu_put(vcpu);
	vcpu->sleep_cond = cond;
	WRITE_ONCE(vcpu->blocking, VCPU_ASLEEP);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	vcpu->timer_ops->block(vcpu);
	err = hv_wait(&vcpu->waitq, sleep_is_over, vcpu);
	vcpu->timer_ops->unblock(vcpu);
	WRITE_ONCE(vcpu->blocking, VCPU_AWAKE);
	vcpu_set_request(vcpu, REQ_HOST);
	vcpu_load(vcpu);
	return err;
}

static void reset(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque, bool resumes)
{
	bool loaded = vcpu->loaded;
	unsigned long hvip;

	if (loaded)
		vcpu_put(vcpu);
	vcpu->completion.complete = NULL; /* would overwrite registers that are set here (vcpu.h) */
	/* A start has already cleared software and timer lines: keep lines raised since. */
	hvip = vcpu->csrs.hvip;
	vcpu->guest = (struct guest_context){ 0 };
	vcpu->guest.sepc = pc;
	vcpu->guest.gpr[GPR_A0] = vcpu->id;
	vcpu->guest.gpr[GPR_A1] = opaque;
	/* sret goes to VS (SPP, SPV). VTW makes WFI exit, unless wfi_native.c clears it. */
	vcpu->guest.sstatus = SSTATUS_SPP | FIELD_PREP(SSTATUS_UXL, XL_64);
	vcpu->guest.hstatus =
		HSTATUS_SPV | HSTATUS_SPVP | HSTATUS_VTW | FIELD_PREP(HSTATUS_VSXL, XL_64);
	vcpu->csrs = (struct guest_csrs){ 0 };
	vcpu->csrs.scounteren = COUNTEREN_CY | COUNTEREN_TM | COUNTEREN_IR;
	vcpu->csrs.hvip = hvip;
	fp_reset(vcpu);
	sta_reset(vcpu);
	if (!resumes)
		fwft_reset(vcpu);
	nested_reset(vcpu);
	pmu_reset(vcpu);
	vcpu->timer_ops->set(vcpu, TIMER_NEVER);
	vcpu->timer.restore = TIMER_NEVER;
	vcpu->timer.restore_on = false;
	if (loaded)
		vcpu_load(vcpu);
}

void vcpu_reset(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque)
{
	reset(vcpu, pc, opaque, false);
}

void vcpu_reset_for_resume(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque)
{
	reset(vcpu, pc, opaque, true);
}

void vcpu_isa_changed(struct kvm_vcpu *vcpu)
{
	fwft_apply(vcpu);
	nested_isa_changed(vcpu);
	timer_vcpu_choose(vcpu);
}
