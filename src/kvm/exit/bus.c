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
 */
#include "exit/bus.h"
#include <string.h>

#define FEW 8 /* up to this many entries are scanned without bisection; also the initial capacity */

struct bus_entry {
	gpa_t reach; /* the highest address of this range and of those before it */
	gpa_t from;  /* the lowest address of this range and of those after it */
	struct bus_device *dev;
};

/* Return the index of the first entry whose reach is not below gpa, or nr if there is none. */
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

	/* Most VMs do not have any device on this bus, so they do not need the lock. */
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

/* Recompute the bounds of all entries after some were added or removed. */
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
