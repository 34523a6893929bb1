// SPDX-License-Identifier: MIT
/*
 * bus.c - a store to no memory, offered to what the kernel has there: ioeventfds and zones of
 * coalesced MMIO.
 *
 * Where several are at one address the first that takes it wins, in the order that Linux keeps
 * its bus in: by address, and of those that overlap the one that was there first, unless the
 * new one begins at the same address and ends earlier. A zone whose ring is full takes nothing, so
 * the next is asked. The list is walked at every store that hits no memory; it is empty for
 * most VMs, which is looked at without the lock.
 */
#include "bus.h"

/* Does the store lie in the device's range? */
static bool covers(const struct bus_device *dev, gpa_t gpa, unsigned int len)
{
	if (!dev->len)
		return dev->gpa == gpa;
	return gpa >= dev->gpa && gpa - dev->gpa <= dev->len && len <= dev->len - (gpa - dev->gpa);
}

int bus_store(struct kvm *vm, gpa_t gpa, unsigned int len, u64 data)
{
	struct list_head *bus = &vm->bus[KVM_BUS_MMIO];
	struct bus_device *dev;
	int ret = -ENOENT;

	if (READ_ONCE(bus->next) == bus)
		return -ENOENT;
	spin_lock(&vm->bus_lock);
	list_for_each_entry(dev, bus, link) {
		if (covers(dev, gpa, len) && dev->store(vm, dev, gpa, len, data)) {
			ret = 0;
			break;
		}
	}
	spin_unlock(&vm->bus_lock);
	return ret;
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
	struct bus_device *other;
	struct list_head *at = &vm->bus[kind];

	if (vm->bus_zones[kind] >= BUS_MAX_ZONES)
		return -ENOSPC;
	list_for_each_entry(other, &vm->bus[kind], link) {
		if (goes_before(dev, other)) {
			at = &other->link;
			break;
		}
	}
	list_add_tail(&dev->link, at); /* before it */
	return 0;
}
