// SPDX-License-Identifier: MIT
/*
 * vm.c - the list of all VMs, finding a VM's vCPU by its id, and stopping a VM that has failed.
 *
 * create.c creates and frees VMs.
 */
#include "kvm.h"
#include "request.h"

static struct spinlock vms_lock; /* a leaf lock; while it is held, no VM in the list is freed */
static struct list_head vms = LIST_HEAD_INIT(vms);

void vm_list_add(struct kvm *vm)
{
	spin_lock(&vms_lock);
	list_add_tail(&vm->link, &vms);
	spin_unlock(&vms_lock);
}

void vm_list_del(struct kvm *vm)
{
	spin_lock(&vms_lock);
	list_del(&vm->link);
	spin_unlock(&vms_lock);
}

void vm_for_each(void (*fn)(struct kvm *vm, void *arg), void *arg)
{
	struct kvm *vm;

	spin_lock(&vms_lock);
	list_for_each_entry(vm, &vms, link)
		fn(vm, arg);
	spin_unlock(&vms_lock);
}

struct kvm_vcpu *vm_find_vcpu(struct kvm *vm, unsigned long id)
{
	return id < KVM_MAX_VCPUS ? __atomic_load_n(&vm->vcpu_by_id[id], __ATOMIC_ACQUIRE) : NULL;
}
