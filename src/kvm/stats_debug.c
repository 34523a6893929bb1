// SPDX-License-Identifier: MIT
/*
 * stats_debug.c - the counters under /sys/kernel/debug/kvm: of all VMs together, and of each.
 *
 * Linux's layout: a file a counter, over all VMs there are; and in a directory THREAD-FD, after the
 * thread that created a VM and the descriptor it got, the same files for that VM, a vCPU's counter
 * being the sum over its vCPUs. Of a histogram the first bucket is shown, as there. Writing 0 clears
 * a counter that is no state. Lock: vms_lock, a leaf; it keeps a VM in the list from being freed.
 */
#include <string.h>
#include "number.h"
#include "stats.h"

static struct spinlock vms_lock;
static struct list_head vms = LIST_HEAD_INIT(vms);

void stats_vm_show(struct kvm *vm, int fd)
{
	char *end = number_append(vm->debug_name, (unsigned int)vm->creator);

	*end = '-';
	number_append(end + 1, (unsigned int)fd);
	spin_lock(&vms_lock);
	list_add_tail(&vm->debug_link, &vms);
	spin_unlock(&vms_lock);
}

void stats_vm_hide(struct kvm *vm)
{
	spin_lock(&vms_lock);
	list_del(&vm->debug_link);
	spin_unlock(&vms_lock);
}

void stats_each_vm(void (*fn)(struct kvm *vm))
{
	struct kvm *vm;

	spin_lock(&vms_lock);
	list_for_each_entry(vm, &vms, debug_link)
		fn(vm);
	spin_unlock(&vms_lock);
}

static const struct stat_row *row_of(unsigned int counter)
{
	if (counter < VM_STAT_COUNT)
		return &vm_stat_rows[counter];
	return &vcpu_stat_rows[counter - VM_STAT_COUNT];
}

static u64 *word(void *stats, const struct stat_row *row)
{
	return (u64 *)((u8 *)stats + row->offset);
}

/* A VM's value of the counter; clear: and 0 from now on. */
static u64 take(struct kvm *vm, unsigned int counter, bool clear)
{
	const struct stat_row *row = row_of(counter);
	struct kvm_vcpu *vcpu;
	unsigned int i;
	u64 *place, sum = 0;

	if (counter < VM_STAT_COUNT) {
		place = word(&vm->stats, row);
		sum = __atomic_load_n(place, __ATOMIC_RELAXED);
		if (clear)
			__atomic_store_n(place, 0, __ATOMIC_RELAXED);
		return sum;
	}
	kvm_for_each_vcpu(i, vcpu, vm) {
		place = word(&vcpu->stats, row);
		sum += __atomic_load_n(place, __ATOMIC_RELAXED);
		if (clear)
			__atomic_store_n(place, 0, __ATOMIC_RELAXED);
	}
	return sum;
}

unsigned int kvm_debug_vm(unsigned int from, char *name)
{
	unsigned int best = 0;
	struct kvm *vm;

	spin_lock(&vms_lock);
	list_for_each_entry(vm, &vms, debug_link) {
		if (vm->id >= from && (!best || vm->id < best)) {
			best = vm->id;
			memcpy(name, vm->debug_name, HV_DEBUG_NAME);
		}
	}
	spin_unlock(&vms_lock);
	return best;
}

const char *kvm_debug_counter(unsigned int index, bool *writable)
{
	const struct stat_row *row;

	if (index >= VM_STAT_COUNT + VCPU_STAT_COUNT)
		return NULL;
	row = row_of(index);
	*writable = (row->flags & KVM_STATS_TYPE_MASK) != KVM_STATS_TYPE_INSTANT;
	return row->name;
}

int kvm_debug_value(unsigned int id, unsigned int counter, u64 *value, bool clear)
{
	bool found = !id;
	struct kvm *vm;

	*value = 0;
	spin_lock(&vms_lock);
	list_for_each_entry(vm, &vms, debug_link) {
		if (id && vm->id != id)
			continue;
		found = true;
		*value += take(vm, counter, clear);
	}
	spin_unlock(&vms_lock);
	return found ? 0 : -ENOENT;
}
