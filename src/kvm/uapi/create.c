// SPDX-License-Identifier: MIT
/*
 * create.c - create and free VMs and vCPUs.
 *
 * Every descriptor of a VM, of its vCPUs and of their statistics holds a reference to the VM. A
 * vCPU in vm->vcpus is freed only with the VM, so a pointer from there stays valid as long as the
 * VM does.
 */
#include "exit/bus.h"
#include "exit/exit.h"
#include "exit/observe.h"
#include "irqchip/route.h"
#include "kvm_asm.h"
#include "mmu/dirty_ring.h"
#include "mmu/gpa.h"
#include "mmu/memslot.h"
#include "mmu/tlb.h"
#include "sbi/sbi.h"
#include "toggle.h"
#include "vcpu/fp.h"
#include "vcpu/isa.h"
#include "vcpu/nested.h"
#include "vcpu/pmu.h"
#include "vcpu/timer.h"
#include "vcpu/vector.h"
#include "vcpu/wfi.h"

/* ---- vCPUs ------------------------------------------------------------------------ */

/* Toggle fastpath. */
static const struct exit_vectors fast_vectors = {
	.plain = (unsigned long)vcpu_exit_fast,
	.l1 = (unsigned long)vcpu_exit_nested,
	.l2 = (unsigned long)vcpu_exit_vector,
};
static const struct exit_vectors slow_vectors = {
	.plain = (unsigned long)vcpu_exit_vector,
	.l1 = (unsigned long)vcpu_exit_vector,
	.l2 = (unsigned long)vcpu_exit_vector,
};

static void vcpu_init(struct kvm_vcpu *vcpu, struct kvm *vm, unsigned int id)
{
	vcpu->kvm = vm;
	vcpu->id = id;
	vcpu->creator = hv_thread_id();
	vcpu->last_hart = VCPU_NO_HART;
	vcpu->exit_ops = vm->toggle[TOGGLE_switch] ? &exit_full_ops : &exit_minimal_ops;
	vcpu->handle_exit = vcpu->exit_ops->handle;
	vcpu->hedeleg = HEDELEG_DEFAULT;
	lazy_put_vcpu_init(vcpu);
	vcpu->wfi_native = vm->toggle[TOGGLE_wfi];
	vcpu_set_special(vcpu, SPECIAL_WFI_NATIVE, vcpu->wfi_native);
	vcpu->sched_hook.wanted = vcpu->wfi_native ? wfi_native_wanted : NULL;
	hv_mutex_init(&vcpu->mutex);
	hv_waitq_init(&vcpu->waitq);
	trace_exit_init(&vcpu->exit_clock);
	vcpu->isa = isa_default(vm);
	vcpu->sbi_ext = sbi_default_extensions();
	isa_host_ids(vcpu);
	timer_vcpu_init(vcpu);
	fp_vcpu_init(vcpu);
	nested_vcpu_init(vcpu, vm->toggle[TOGGLE_fastpath] ? &slow_vectors : &fast_vectors,
			 &exit_nested_ops);
	vcpu_reset(vcpu, 0, 0);
	vcpu->guest.gpr[GPR_A0] = 0; /* only a start by SBI HSM passes the hart id in a0 */
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
	if (dirty_ring_vcpu_init(vcpu, vm->dirty_ring_size))
		goto free_vector;
	vcpu_init(vcpu, vm, (unsigned int)id);
	*vcpup = vcpu;
	return 0;

free_vector:
	vector_vcpu_destroy(vcpu);
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
	nested_vcpu_destroy(vcpu);
	memslot_vcpu_destroy(vcpu);
	dirty_ring_vcpu_destroy(vcpu);
	vector_vcpu_destroy(vcpu);
	hv_waitq_destroy(&vcpu->waitq);
	hv_sched_hook_destroy(&vcpu->sched_hook);
	pmu_vcpu_destroy(vcpu);
	hv_page_unmap(vcpu->run);
	hv_pages_free(vcpu->run_pa, HV_ORDER_4K);
	hv_free(vcpu);
}

/* ---- VMs -------------------------------------------------------------------------- */

static u32 next_vm_id;

static const struct gstage_ops *gstage_variant(const struct kvm *vm)
{
	return vm->toggle[TOGGLE_gstage_walk] ? &gstage_rec_ops : &gstage_iter_ops;
}

static int vm_init(struct kvm *vm)
{
	int err;

	toggle_vm_init(vm);
	vm->gpa = vm->toggle[TOGGLE_gpa_from] ? &gpa_walk_ops : &gpa_htval_ops;
	vm->tlb = vm->toggle[TOGGLE_tlb_flush] ? &tlb_all_ops : &tlb_range_ops;
	err = gstage_init(&vm->gstage, gstage_variant(vm), vm->toggle[TOGGLE_gstage_huge] == 0);
	if (err)
		return err;
	err = coalesced_vm_init(vm);
	if (err)
		goto free_gstage;
	err = memslot_vm_init(vm);
	if (err)
		goto free_ring;
	err = notifier_vm_init(vm);
	if (err)
		goto free_memslots;
	return 0;

free_memslots:
	memslot_vm_destroy(vm);
free_ring:
	coalesced_vm_destroy(vm);
free_gstage:
	gstage_destroy(&vm->gstage);
	return err;
}

static void vm_free(struct kvm *vm)
{
	hv_mm_release(vm->mm);
	hv_free(vm->vcpus);
	hv_free(vm);
}

int vm_create(struct kvm **vmp)
{
	struct kvm *vm = hv_alloc(sizeof(*vm) + hv_nr_harts() * sizeof(vm->hart_vcpu[0]));
	int err;

	if (!vm)
		return -ENOMEM;
	vm->vcpus = hv_alloc(2 * KVM_MAX_VCPUS * sizeof(struct kvm_vcpu *));
	if (!vm->vcpus) {
		hv_free(vm);
		return -ENOMEM;
	}
	vm->vcpu_by_id = vm->vcpus + KVM_MAX_VCPUS;
	vm->refs = 1;
	vm->id = __atomic_add_fetch(&next_vm_id, 1, __ATOMIC_RELAXED);
	vm->creator = hv_thread_id();
	list_init(&vm->link);
	vm->mm = hv_mm_hold_current();
	hv_mutex_init(&vm->lock);
	hv_mutex_init(&vm->slots_lock);
	list_init(&vm->ioeventfds);
	list_init(&vm->zones);
	list_init(&vm->irqfds);
	list_init(&vm->resamplers);
	/* Guest time is 0 when the VM is created. */
	vm->time_delta = 0 - hv_time();
	err = vm_init(vm);
	if (err) {
		vm_free(vm);
		return err;
	}
	trace_kvm_create_vm(vm->id);
	*vmp = vm;
	return 0;
}

static void vm_destroy(struct kvm *vm)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	trace_kvm_destroy_vm(vm->id);
	vm_list_del(vm);
	if (*vm->debug_name)
		hv_debug_vm(vm->id, NULL);
	/* Finish pending puts (lazy_put.c): no hart may keep this VM's hgatp. */
	kvm_for_each_vcpu(i, vcpu, vm)
		vcpu_finish_put(vcpu);
	/* Unregister the notifier first: an invalidation uses what is freed below. */
	notifier_vm_destroy(vm);
	irqfd_vm_destroy(vm);
	ioeventfd_vm_destroy(vm);
	kvm_for_each_vcpu(i, vcpu, vm) {
		vcpu_destroy(vcpu);
		hv_cond_resched();
	}
	if (vm->irqchip)
		vm->irqchip->destroy(vm);
	route_vm_destroy(vm);
	coalesced_vm_destroy(vm);
	bus_vm_destroy(vm);
	memslot_vm_destroy(vm);
	gstage_destroy(&vm->gstage);
	vm_free(vm);
}

void vm_hold(struct kvm *vm)
{
	__atomic_fetch_add(&vm->refs, 1, __ATOMIC_RELAXED);
}

void vm_release(struct kvm *vm)
{
	if (__atomic_sub_fetch(&vm->refs, 1, __ATOMIC_ACQ_REL) == 0)
		vm_destroy(vm);
}
