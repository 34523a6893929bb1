// SPDX-License-Identifier: MIT
/*
 * bus.c - a store to no memory, offered to what the kernel has there: ioeventfds and zones of
 * coalesced MMIO.
 *
 * Where several are at one address the first that takes it wins, in the order that Linux keeps
 * its bus in: by address, and of those that overlap the one that was there first, unless the
 * new one begins at the same address and ends earlier. A zone whose ring is full takes nothing, so
 * the next is asked.
 *
 * That order is one of addresses only as long as nothing overlaps, so it cannot be searched by halves
 * as it is. But two bounds go with each entry, and neither ever falls from one entry to the next:
 * `reach`, the last byte of whatever stands up to here, and `from`, the first of whatever stands
 * from here on. All that a store can meet stands behind the last entry whose reach is below
 * it and before the first whose `from` is above it. Where nothing overlaps that is one entry.
 */
#include "exit/bus.h"
#include <string.h>

#define FEW 8 /* are looked through without a search */

struct bus_entry {
	gpa_t reach; /* the highest address of this one's range and of those before it */
	gpa_t from;  /* the lowest of this one's and of those behind it */
	struct bus_device *dev;
};

/* The first entry whose reach is not below gpa; nr: there is none. */
static size_t first_that_reaches(const struct kvm_bus *bus, gpa_t gpa)
{
	size_t low = 0, high = bus->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (bus->entry[middle].reach < gpa)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int bus_store(struct kvm *vm, gpa_t gpa, unsigned int len, u64 data)
{
	struct kvm_bus *bus = &vm->bus[KVM_BUS_MMIO];
	const struct bus_entry *entry, *end;
	int ret = -ENOENT;

	/* Most VMs have none, and take no lock. */
	if (!READ_ONCE(bus->nr))
		return -ENOENT;
	spin_lock(&vm->bus_lock);
	entry = bus->entry;
	end = entry + bus->nr;
	if (bus->nr > FEW)
		entry += first_that_reaches(bus, gpa);
	while (entry < end && entry->reach < gpa)
		entry++;
	for (; entry < end && entry->from <= gpa; entry++) {
		if (entry->dev->store(vm, entry->dev, gpa, len, data)) {
			ret = 0;
			break;
		}
	}
	spin_unlock(&vm->bus_lock);
	return ret;
}

static gpa_t last_byte(const struct bus_device *dev)
{
	gpa_t last = dev->len ? dev->gpa + dev->len - 1 : dev->gpa;

	return last < dev->gpa ? ~(gpa_t)0 : last;
}

/* Both bounds anew, after entries have come or gone. */
static void set_bounds(struct kvm_bus *bus)
{
	gpa_t reach = 0, from = ~(gpa_t)0;
	size_t i;

	for (i = 0; i < bus->nr; i++) {
		if (last_byte(bus->entry[i].dev) > reach)
			reach = last_byte(bus->entry[i].dev);
		bus->entry[i].reach = reach;
	}
	while (i--) {
		if (bus->entry[i].dev->gpa < from)
			from = bus->entry[i].dev->gpa;
		bus->entry[i].from = from;
	}
}

static int make_room(struct kvm_bus *bus)
{
	size_t room = bus->room ? bus->room * 2 : FEW;
	struct bus_entry *entry;

	if (bus->nr < bus->room)
		return 0;
	entry = hv_alloc(room * sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	if (bus->nr)
		memcpy(entry, bus->entry, bus->nr * sizeof(*entry));
	hv_free(bus->entry);
	bus->entry = entry;
	bus->room = room;
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
	size_t at = 0, i;
	int err;

	if (bus->zones >= BUS_MAX_ZONES)
		return -ENOSPC;
	err = make_room(bus);
	if (err)
		return err;
	while (at < bus->nr && !goes_before(dev, bus->entry[at].dev))
		at++;
	for (i = bus->nr; i > at; i--)
		bus->entry[i] = bus->entry[i - 1];
	bus->entry[at].dev = dev;
	WRITE_ONCE(bus->nr, bus->nr + 1);
	set_bounds(bus);
	return 0;
}

void bus_sweep(struct kvm *vm, enum kvm_bus_kind kind)
{
	struct kvm_bus *bus = &vm->bus[kind];
	size_t i, left = 0;

	for (i = 0; i < bus->nr; i++) {
		if (!bus->entry[i].dev->gone)
			bus->entry[left++].dev = bus->entry[i].dev;
	}
	WRITE_ONCE(bus->nr, left);
	set_bounds(bus);
}

void bus_vm_destroy(struct kvm *vm)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vm->bus); i++)
		hv_free(vm->bus[i].entry);
}
