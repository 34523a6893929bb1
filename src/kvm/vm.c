// SPDX-License-Identifier: MIT
/*
 * vm.c - a VM's life: from KVM_CREATE_VM to the last descriptor.
 *
 * The VM's own descriptor and each vCPU's hold a reference; vCPUs are freed with the
 * VM, never alone, so a pointer from vm->vcpus stays valid as long as the VM does.
 */
#include "bus.h"
#include "gpa.h"
#include "memslot.h"
#include "request.h"
#include "stats.h"
#include "tlb.h"
#include "toggle.h"

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
	struct kvm *vm = hv_alloc(sizeof(*vm));
	int err;

	if (!vm)
		return -ENOMEM;
	vm->vcpus = hv_alloc(KVM_MAX_VCPUS * sizeof(struct kvm_vcpu *));
	if (!vm->vcpus) {
		hv_free(vm);
		return -ENOMEM;
	}
	vm->refs = 1;
	vm->id = __atomic_add_fetch(&next_vm_id, 1, __ATOMIC_RELAXED);
	vm->creator = hv_thread_id();
	list_init(&vm->debug_link);
	vm->mm = hv_mm_hold_current();
	hv_mutex_init(&vm->lock);
	hv_mutex_init(&vm->slots_lock);
	list_init(&vm->ioeventfds);
	list_init(&vm->zones);
	list_init(&vm->irqfds);
	/* Guest time begins at 0 with the VM. */
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
	stats_vm_hide(vm);
	/* No hart may be left with this VM's hgatp. */
	kvm_for_each_vcpu(i, vcpu, vm)
		vcpu_settle(vcpu);
	/* First the host's way in: no invalidation runs after this. */
	notifier_vm_destroy(vm);
	irqfd_vm_destroy(vm);
	ioeventfd_vm_destroy(vm);
	kvm_for_each_vcpu(i, vcpu, vm)
		vcpu_destroy(vcpu);
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

struct kvm_vcpu *vm_find_vcpu(struct kvm *vm, unsigned long id)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	/* Nearly always the id is the position. */
	if (id < __atomic_load_n(&vm->nr_vcpus, __ATOMIC_ACQUIRE) && vm->vcpus[id]->id == id)
		return vm->vcpus[id];
	kvm_for_each_vcpu(i, vcpu, vm) {
		if (vcpu->id == id)
			return vcpu;
	}
	return NULL;
}

void vm_kill(struct kvm *vm, const char *why)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	hv_log("kvm: VM %u stopped: %s\n", vm->id, why);
	WRITE_ONCE(vm->dead, true);
	kvm_for_each_vcpu(i, vcpu, vm)
		vcpu_request(vcpu, REQ_VM_DEAD);
}
