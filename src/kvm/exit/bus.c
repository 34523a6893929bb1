// SPDX-License-Identifier: MIT
/*
 * bus.c - offer stores outside memory to ioeventfds and coalesced-MMIO zones.
 *
 * If several devices match, the first one that takes the store wins. A zone whose ring is full does
 * not take the store, which is then offered to the next device. The order of devices is Linux's: a
 * new device is inserted before the first device that begins at the same or a higher address and
 * ends at a higher one. A new device of length 0 is inserted before the first device that begins at
 * a higher address.
 *
 * Devices whose ranges overlap are not necessarily sorted by address, so plain bisection does not
 * work. But each entry has two bounds that never decrease from one entry to the next: `reach`, the
 * last byte of all ranges up to and including this one, and `from`, the first byte of all ranges
 * from this one on. A store can match only entries after the last one whose `reach` is below the
 * store's address, and before the first one whose `from` is above it. If no ranges overlap, this
 * leaves at most one entry.
 *
 * A store takes no lock of the bus: it reads a table that is never changed while it is published.
 * A change fills the spare table, publishes it, and waits until no vCPU reads the former one, which
 * is then the new spare. So a removal needs no memory, and its device may be freed afterwards. Rule
 * 24 in docs/locking.md.
 */
#include "exit/bus.h"

#define FEW 8 /* up to this many entries are scanned without bisection; also the initial capacity */

struct bus_entry {
	gpa_t reach; /* the highest address of this range and of those before it */
	gpa_t from;  /* the lowest address of this range and of those after it */
	struct bus_device *dev;
};

struct bus_table {
	size_t nr, room; /* entries in use, and allocated */
	struct bus_entry entry[];
};

/* Return the index of the first entry whose reach is not below gpa, or nr if there is none. */
static size_t first_that_reaches(const struct bus_table *table, gpa_t gpa)
{
	size_t low = 0, high = table->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->entry[middle].reach < gpa)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int bus_store(struct kvm_vcpu *vcpu, gpa_t gpa, unsigned int len, u64 data)
{
	struct kvm_bus *bus = &vcpu->kvm->bus[KVM_BUS_MMIO];
	const struct bus_entry *entry, *end;
	const struct bus_table *table;
	int ret = -ENOENT;

	/* Most VMs do not have any device on this bus. */
	if (!READ_ONCE(bus->nr))
		return -ENOENT;
	/* Full fence: either wait_for_stores() sees the odd number, or we see the new table. */
	WRITE_ONCE(vcpu->bus_stores, vcpu->bus_stores + 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	table = __atomic_load_n(&bus->table, __ATOMIC_ACQUIRE);
	entry = table->entry;
	end = entry + table->nr;
	if (table->nr > FEW)
		entry += first_that_reaches(table, gpa);
	while (entry < end && entry->reach < gpa)
		entry++;
	for (; entry < end && entry->from <= gpa; entry++) {
		if (entry->dev->store(vcpu->kvm, entry->dev, gpa, len, data)) {
			ret = 0;
			break;
		}
	}
	__atomic_store_n(&vcpu->bus_stores, vcpu->bus_stores + 1, __ATOMIC_RELEASE);
	return ret;
}

/*
 * Wait for each vCPU that may read a table that was published before. A vCPU in bus_store() does
 * not sleep, and takes no mutex.
 */
static void wait_for_stores(struct kvm *vm)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;
	u32 seen;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	kvm_for_each_vcpu(i, vcpu, vm) {
		seen = __atomic_load_n(&vcpu->bus_stores, __ATOMIC_ACQUIRE);
		while (seen % 2 && __atomic_load_n(&vcpu->bus_stores, __ATOMIC_ACQUIRE) == seen)
			hv_cpu_relax();
	}
}

/* Publish a table, and return the former one, which no vCPU reads any more. */
static struct bus_table *publish(struct kvm *vm, struct kvm_bus *bus, struct bus_table *table)
{
	struct bus_table *former = bus->table;

	__atomic_store_n(&bus->table, table, __ATOMIC_RELEASE);
	WRITE_ONCE(bus->nr, table->nr);
	wait_for_stores(vm);
	return former;
}

static gpa_t last_byte(const struct bus_device *dev)
{
	gpa_t last = dev->len ? dev->gpa + dev->len - 1 : dev->gpa;

	return last < dev->gpa ? ~(gpa_t)0 : last;
}

/* At entry i of a loop over a table: nothing limits the number of ioeventfds but memory. */
static void let_others_run(size_t i)
{
	if (i % 64 == 63)
		hv_cond_resched();
}

/* Compute the bounds of all entries. */
static void set_bounds(struct bus_table *table)
{
	gpa_t reach = 0, from = ~(gpa_t)0;
	size_t i;

	for (i = 0; i < table->nr; i++) {
		let_others_run(i);
		if (last_byte(table->entry[i].dev) > reach)
			reach = last_byte(table->entry[i].dev);
		table->entry[i].reach = reach;
	}
	while (i--) {
		let_others_run(i);
		if (table->entry[i].dev->gpa < from)
			from = table->entry[i].dev->gpa;
		table->entry[i].from = from;
	}
}

static struct bus_table *new_table(size_t room)
{
	struct bus_table *table = hv_alloc(sizeof(*table) + room * sizeof(table->entry[0]));

	if (table) {
		table->nr = 0;
		table->room = room;
	}
	return table;
}

/* Make room for one more entry in the spare table: if it is full, replace both tables. */
static int make_room(struct kvm *vm, struct kvm_bus *bus)
{
	size_t room = bus->spare ? bus->spare->room * 2 : FEW;
	struct bus_table *table, *spare;

	if (bus->spare && bus->nr < bus->spare->room)
		return 0;
	table = new_table(room);
	spare = new_table(room);
	if (!table || !spare) {
		hv_free(table);
		hv_free(spare);
		return -ENOMEM;
	}
	for (; table->nr < bus->nr; table->nr++) {
		let_others_run(table->nr);
		table->entry[table->nr] = bus->table->entry[table->nr];
	}
	hv_free(publish(vm, bus, table));
	hv_free(bus->spare);
	bus->spare = spare;
	return 0;
}

static bool goes_before(const struct bus_device *dev, const struct bus_device *other)
{
	gpa_t end = dev->gpa, other_end = other->gpa;

	if (other->gpa < dev->gpa)
		return false;
	if (dev->len) {
		end += dev->len;
		other_end += other->len;
	}
	return other_end > end;
}

int bus_add(struct kvm *vm, enum kvm_bus_kind kind, struct bus_device *dev)
{
	struct kvm_bus *bus = &vm->bus[kind];
	struct bus_table *next;
	size_t at = 0, i;
	int err;

	if (bus->zones >= BUS_MAX_ZONES)
		return -ENOSPC;
	err = make_room(vm, bus);
	if (err)
		return err;
	next = bus->spare;
	while (at < bus->nr && !goes_before(dev, bus->table->entry[at].dev))
		let_others_run(at++);
	for (i = 0; i < bus->nr; i++) {
		let_others_run(i);
		next->entry[i < at ? i : i + 1].dev = bus->table->entry[i].dev;
	}
	next->entry[at].dev = dev;
	next->nr = bus->nr + 1;
	set_bounds(next);
	bus->spare = publish(vm, bus, next);
	return 0;
}

void bus_sweep(struct kvm *vm, enum kvm_bus_kind kind)
{
	struct kvm_bus *bus = &vm->bus[kind];
	struct bus_table *next = bus->spare;
	size_t i;

	next->nr = 0;
	for (i = 0; i < bus->nr; i++) {
		let_others_run(i);
		if (!bus->table->entry[i].dev->gone)
			next->entry[next->nr++].dev = bus->table->entry[i].dev;
	}
	set_bounds(next);
	bus->spare = publish(vm, bus, next);
}

void bus_vm_destroy(struct kvm *vm)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vm->bus); i++) {
		hv_free(vm->bus[i].table);
		hv_free(vm->bus[i].spare);
	}
}
