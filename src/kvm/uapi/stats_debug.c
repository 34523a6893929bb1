// SPDX-License-Identifier: MIT
/*
 * stats_debug.c - the counters under /sys/kernel/debug/kvm: of all VMs together, and of each VM.
 *
 * The layout is Linux's. There is one file per counter, with the sum over all VMs. Each VM also has
 * a directory THREAD-FD with the same files for that VM; THREAD is the thread that created the VM,
 * and FD is the VM's descriptor. A vCPU's counter is summed over the VM's vCPUs. Only the first
 * bucket of a histogram is shown, as on Linux. Writing 0 clears a counter, unless the counter is a
 * state.
 */
#include <string.h>
#include "number.h"
#include "uapi/stats.h"

void stats_vm_show(struct kvm *vm, int fd)
{
	char *end = number_append(vm->debug_name, (unsigned int)vm->creator);

	*end = '-';
	number_append(end + 1, (unsigned int)fd);
	vm_list_add(vm);
	hv_debug_vm(vm->id, vm->debug_name);
}

static const struct stat_row *row_of(unsigned int counter)
{
	if (counter < VM_STAT_COUNT)
		return &vm_stat_rows[counter];
	return &vcpu_stat_rows[counter - VM_STAT_COUNT];
}

static u64 *stat_word(void *stats, const struct stat_row *row)
{
	return (u64 *)((u8 *)stats + row->offset);
}

/* Return the value of a counter for one VM. If `clear` is set, also set the counter to 0. */
static u64 read_stat(struct kvm *vm, unsigned int counter, bool clear)
{
	const struct stat_row *row = row_of(counter);
	struct kvm_vcpu *vcpu;
	unsigned int i;
	u64 *place, sum = 0;

	if (counter < VM_STAT_COUNT) {
		place = stat_word(&vm->stats, row);
		sum = __atomic_load_n(place, __ATOMIC_RELAXED);
		if (clear)
			__atomic_store_n(place, 0, __ATOMIC_RELAXED);
		return sum;
	}
	kvm_for_each_vcpu(i, vcpu, vm) {
		place = stat_word(&vcpu->stats, row);
		sum += __atomic_load_n(place, __ATOMIC_RELAXED);
		if (clear)
			__atomic_store_n(place, 0, __ATOMIC_RELAXED);
	}
	return sum;
}

/* A search for the VM with the lowest id that is not below `from`, and its result. */
struct next_vm {
	unsigned int from, id; /* id 0: none */
	char *name;
};

static void look_for_next(struct kvm *vm, void *arg)
{
	struct next_vm *next = arg;

	if (vm->id < next->from || (next->id && vm->id > next->id))
		return;
	next->id = vm->id;
	memcpy(next->name, vm->debug_name, HV_DEBUG_NAME);
}

unsigned int kvm_debug_vm(unsigned int from, char *name)
{
	struct next_vm next = { .from = from, .name = name };

	vm_for_each(look_for_next, &next);
	return next.id;
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

struct counter_sum {
	unsigned int id; /* the VM's id; 0: all VMs */
	unsigned int counter;
	bool clear, found;
	u64 value;
};

static void add_counter(struct kvm *vm, void *arg)
{
	struct counter_sum *sum = arg;

	if (sum->id && vm->id != sum->id)
		return;
	sum->found = true;
	sum->value += read_stat(vm, sum->counter, sum->clear);
}

int kvm_debug_value(unsigned int id, unsigned int counter, u64 *value, bool clear)
{
	struct counter_sum sum = { .id = id, .counter = counter, .clear = clear, .found = !id };

	vm_for_each(add_counter, &sum);
	*value = sum.value;
	return sum.found ? 0 : -ENOENT;
}
