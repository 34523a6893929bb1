// SPDX-License-Identifier: MIT
/*
 * vcpu.c - a vCPU's life, and its state's way into a hart and out again.
 *
 * vcpu_load() moves everything that switch.S leaves alone: VS CSRs, interrupts,
 * timer, FP, hgatp, and the few CSRs that the host's user programs share with the guest.
 * While loaded the thread may sleep or be preempted; the host's scheduler calls the
 * hook, so another thread always finds the hart free and this one its state again. It stays
 * loaded between two KVM_RUNs of one thread, if it can (linger.c).
 */
#include "aia.h"
#include "exit.h"
#include "fp.h"
#include "isa.h"
#include "kvm.h"
#include "kvm_asm.h"
#include "memslot.h"
#include "observe.h"
#include "pmu.h"
#include "request.h"
#include "sbi.h"
#include "sbi_fwft.h"
#include "sbi_sta.h"
#include "timer.h"
#include "tlb.h"
#include "toggle.h"
#include "vector.h"

/*
 * Traps that VS handles itself. Not delegated: access and misaligned faults, which
 * the firmware may have to see first, and of course what H adds. Illegal instructions are
 * delegated unless they may be the first use of a unit that is away (fp_lazy_trap.c).
 */
#define HEDELEG_DEFAULT                                                           \
	(BIT(EXC_INST_MISALIGNED) | BIT(EXC_ILLEGAL_INST) | BIT(EXC_BREAKPOINT) | \
	 BIT(EXC_ECALL_U) | BIT(EXC_INST_PAGE_FAULT) | BIT(EXC_LOAD_PAGE_FAULT) | \
	 BIT(EXC_STORE_PAGE_FAULT))
#define HIDELEG_DEFAULT (BIT(IRQ_VS_SOFT) | BIT(IRQ_VS_TIMER) | BIT(IRQ_VS_EXT))

void vcpu_hart_init(void)
{
	csr_write(hedeleg, HEDELEG_DEFAULT);
	csr_write(hideleg, HIDELEG_DEFAULT);
	csr_write(hvip, 0);
	/* LCOFI for the guest is what hvip says, whatever the hart's own is (AIA). */
	if (isa_host_has(KVM_RISCV_ISA_EXT_SSCOFPMF) && isa_may_enable(KVM_RISCV_ISA_EXT_SSCOFPMF))
		csr_write(hvien, BIT(IRQ_PMU_OVF));
	csr_write(hie, 0);
	csr_write(hgeie, 0);
	csr_write(vsie, 0);
	csr_write(vsatp, 0);
	csr_write64(henvcfg, 0);
	if (hv_isa_has("ssaia"))
		csr_write(hvictl, 0);
	fwft_hart_init();
	if (hv_isa_has("sstc"))
		csr_write64(vstimecmp, TIMER_NEVER);
}

/*
 * What this hart may still hold of the VM under its VMID: translations from when the vCPU
 * last ran here, since changed elsewhere, and VS-stage ones of another vCPU, whose ASIDs
 * mean other tables.
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
	vm->hart_vcpu[hart] = (u16)(vcpu->idx + 1);
	vcpu->last_hart = hart;
}

#define VSSTATUS_FIELDS                                                                     \
	(SSTATUS_SIE | SSTATUS_SPIE | SSTATUS_SPP | SSTATUS_VS | SSTATUS_FS | SSTATUS_SUM | \
	 SSTATUS_MXR)

/*
 * A VMM may have written anything. QEMU 10.0 takes it whole, and at the entry ors it to mstatus, where
 * MPRV and MPP are the firmware's. A UXL of 0, that of reset, or 3 is none: user mode is 64 bits wide.
 */
static unsigned long vsstatus_of(unsigned long vsstatus)
{
	unsigned long uxl = vsstatus & SSTATUS_UXL;

	if (!uxl || uxl == SSTATUS_UXL)
		uxl = FIELD_PREP(SSTATUS_UXL, XL_64);
	return (vsstatus & VSSTATUS_FIELDS) | uxl;
}

static void load_csrs(struct kvm_vcpu *vcpu)
{
	const struct guest_csrs *csrs = &vcpu->csrs;
	unsigned int hart = hv_hart();

	if (trace_any())
		vcpu_observe(vcpu);
	if (trace_kvm_vcpu_load_enabled())
		trace_kvm_vcpu_load(vcpu_last_hart(vcpu));
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
	if (vcpu->fwft.switched)
		fwft_load(vcpu);
	if (vcpu->wfi_native)
		wfi_native_load(vcpu);
	if (isa_host_has(KVM_RISCV_ISA_EXT_SMSTATEEN))
		csr_write64(hstateen0, isa_hstateen0(vcpu->isa));
	vcpu_load_shared(vcpu);
	if (isa_has(vcpu, KVM_RISCV_ISA_EXT_SSAIA))
		aia_load(vcpu);
	vcpu->timer_ops->load(vcpu);

	/*
	 * vsatp is 0 from the last put until hgatp is ours: else a speculative walk could
	 * join this guest's VS-stage with another's G-stage in the TLB (H §5.3).
	 */
	gstage_vcpu_load(vcpu);
	csr_write(vsatp, csrs->vsatp);

	WRITE_ONCE(vcpu->hart, hart);
	load_fences(vcpu, hart);
	vcpu->fp_ops->load(vcpu);
	if (vcpu->pmu)
		pmu_load(vcpu);
	vcpu->loaded = true;
}

static void put_csrs(struct kvm_vcpu *vcpu)
{
	struct guest_csrs *csrs = &vcpu->csrs;

	if (vcpu->pmu)
		pmu_put(vcpu);
	vcpu->fp_ops->put(vcpu);
	vcpu->timer_ops->put(vcpu);
	if (!vcpu->lingers)
		vcpu_put_shared(vcpu);
	if (isa_has(vcpu, KVM_RISCV_ISA_EXT_SSAIA))
		aia_put(vcpu);
	if (vcpu->fwft.switched)
		fwft_put(vcpu);
	csrs->vsstatus = csr_read(vsstatus);
	csrs->vsie = csr_read(vsie);
	csrs->vstvec = csr_read(vstvec);
	csrs->vsscratch = csr_read(vsscratch);
	csrs->vsepc = csr_read(vsepc);
	csrs->vscause = csr_read(vscause);
	csrs->vstval = csr_read(vstval);
	/* Pending and enabled in vsie, it would end every wfi of the idle host (H §2.3, M §3.3). */
	csrs->hvip = csr_swap(hvip, 0);
	csrs->vsatp = csr_swap(vsatp, 0);
	gstage_vcpu_put(vcpu);
	vcpu->loaded = false;
	trace_kvm_vcpu_put(READ_ONCE(vcpu->blocking));
	trace_set_vcpu(0, 0);
}

static void sched_in(struct hv_sched_hook *hook, unsigned int hart)
{
	struct kvm_vcpu *vcpu = container_of(hook, struct kvm_vcpu, sched_hook);

	(void)hart;
	load_csrs(vcpu);
	sta_load(vcpu);
	/* Whoever ran in between may have left a signal or taken the kick. */
	vcpu_set_request(vcpu, REQ_HOST);
}

static void sched_out(struct hv_sched_hook *hook)
{
	struct kvm_vcpu *vcpu = container_of(hook, struct kvm_vcpu, sched_hook);

	put_csrs(vcpu);
	if (vcpu->lingers)
		linger_left(vcpu); /* in user space: KVM_RUN loads it again */
	else
		sta_preempted(vcpu);
}

/* As if it were preempted for no time: without steal time, and nobody has run in between. */
void vcpu_reload(struct kvm_vcpu *vcpu)
{
	put_csrs(vcpu);
	load_csrs(vcpu);
}

void vcpu_load(struct kvm_vcpu *vcpu)
{
	load_csrs(vcpu);
	hv_sched_hook_set(&vcpu->sched_hook);
	sta_load(vcpu);
}

void vcpu_put(struct kvm_vcpu *vcpu)
{
	hv_sched_hook_set(NULL);
	put_csrs(vcpu);
}

void vcpu_reset(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque)
{
	bool loaded = vcpu->loaded;
	unsigned long hvip;

	if (loaded)
		vcpu_put(vcpu);
	vcpu->completion.complete = NULL; /* it would overwrite registers set here: see vcpu.h */
	/* The lines were cleared when the start was asked for; what came since is to stay. */
	hvip = vcpu->csrs.hvip;
	vcpu->guest = (struct guest_context){ 0 };
	vcpu->guest.sepc = pc;
	vcpu->guest.gpr[GPR_A0] = vcpu->id;
	vcpu->guest.gpr[GPR_A1] = opaque;
	/* sret goes to VS (SPP, SPV). VTW: WFI exits, unless wfi_native.c lets the guest idle. */
	vcpu->guest.sstatus = SSTATUS_SPP | FIELD_PREP(SSTATUS_UXL, XL_64);
	vcpu->guest.hstatus =
		HSTATUS_SPV | HSTATUS_SPVP | HSTATUS_VTW | FIELD_PREP(HSTATUS_VSXL, XL_64);
	vcpu->csrs = (struct guest_csrs){ 0 };
	vcpu->csrs.scounteren = COUNTEREN_CY | COUNTEREN_TM | COUNTEREN_IR;
	vcpu->csrs.hvip = hvip;
	fp_reset(vcpu);
	sta_reset(vcpu);
	fwft_reset(vcpu);
	pmu_reset(vcpu);
	vcpu->timer_ops->set(vcpu, TIMER_NEVER);
	vcpu->timer.restore = TIMER_NEVER;
	vcpu->timer.restore_on = false;
	if (loaded)
		vcpu_load(vcpu);
}

static void vcpu_init(struct kvm_vcpu *vcpu, struct kvm *vm, unsigned int id)
{
	vcpu->kvm = vm;
	vcpu->id = id;
	vcpu->creator = hv_thread_id();
	vcpu->last_hart = VCPU_NO_HART;
	vcpu->exit_vector = vm->toggle[TOGGLE_fastpath] ? (unsigned long)vcpu_exit_vector
							: (unsigned long)vcpu_exit_fast;
	vcpu->handle_exit = exit_handler_of(vm);
	vcpu->hedeleg = HEDELEG_DEFAULT;
	vcpu->sched_hook.in = sched_in;
	vcpu->sched_hook.out = sched_out;
	vcpu->wfi_native = vm->toggle[TOGGLE_wfi];
	vcpu->sched_hook.wanted = vcpu->wfi_native ? wfi_native_wanted : NULL;
	hv_mutex_init(&vcpu->mutex);
	hv_waitq_init(&vcpu->waitq);
	trace_exit_init(&vcpu->exit_clock);
	vcpu->isa = isa_default(vm);
	vcpu->sbi_ext = sbi_default_extensions();
	isa_host_ids(vcpu);
	timer_vcpu_init(vcpu);
	fp_vcpu_init(vcpu);
	vcpu_reset(vcpu, 0, 0);
	vcpu->guest.gpr[GPR_A0] = 0; /* its id comes with SBI HSM's start only */
	memslot_vcpu_init(vcpu);
}

int vcpu_create(struct kvm *vm, unsigned long id, struct kvm_vcpu **vcpup)
{
	struct kvm_vcpu *vcpu = hv_alloc(sizeof(*vcpu));

	if (!vcpu)
		return -ENOMEM;
	vcpu->run_pa = hv_pages_alloc(HV_ORDER_4K);
	if (!vcpu->run_pa)
		goto free_vcpu;
	if (pmu_vcpu_init(vcpu))
		goto free_run;
	vcpu->run = hv_page_map(vcpu->run_pa);
	if (vector_vcpu_init(vcpu))
		goto free_pmu;
	vcpu_init(vcpu, vm, (unsigned int)id);
	*vcpup = vcpu;
	return 0;

free_pmu:
	hv_page_unmap(vcpu->run);
	pmu_vcpu_destroy(vcpu);
free_run:
	hv_pages_free(vcpu->run_pa, HV_ORDER_4K);
free_vcpu:
	hv_free(vcpu);
	return -ENOMEM;
}

void vcpu_destroy(struct kvm_vcpu *vcpu)
{
	trace_exit_last(&vcpu->exit_clock);
	timer_vcpu_destroy(vcpu);
	memslot_vcpu_destroy(vcpu);
	vector_vcpu_destroy(vcpu);
	hv_waitq_destroy(&vcpu->waitq);
	pmu_vcpu_destroy(vcpu);
	hv_page_unmap(vcpu->run);
	hv_pages_free(vcpu->run_pa, HV_ORDER_4K);
	hv_free(vcpu);
}

void vcpu_isa_changed(struct kvm_vcpu *vcpu)
{
	fwft_apply(vcpu);
	timer_vcpu_choose(vcpu);
}
