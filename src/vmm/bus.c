// SPDX-License-Identifier: MIT
/*
 * bus.c - which device answers at a guest-physical address.
 *
 * The table is filled before the first vCPU runs and never changes, so reading it needs no lock.
 */
#include <assert.h>
#include "vmm.h"

void bus_add(struct bus *bus, const struct region *region)
{
	assert(bus->nr_regions < ARRAY_SIZE(bus->regions));
	bus->regions[bus->nr_regions++] = *region;
}

static struct region *find(struct bus *bus, gpa_t gpa, unsigned int len)
{
	for (unsigned int i = 0; i < bus->nr_regions; i++) {
		struct region *region = &bus->regions[i];

		if (gpa - region->base < region->size && len <= region->size - (gpa - region->base))
			return region;
	}
	return NULL;
}

/*
 * Nobody there: reads give ones, writes vanish, as on a bus without a device. KVM has no way for
 * user space to answer with an access fault.
 */
u64 bus_read(struct bus *bus, gpa_t gpa, unsigned int len)
{
	struct region *region = find(bus, gpa, len);

	if (!region) {
		guest_error("the guest reads %u bytes at 0x%llx, where nothing is", len,
			    (unsigned long long)gpa);
		return ~0ull;
	}
	return region->read(region->device, gpa - region->base, len);
}

void bus_write(struct bus *bus, gpa_t gpa, u64 value, unsigned int len)
{
	struct region *region = find(bus, gpa, len);

	if (!region) {
		guest_error("the guest writes %u bytes at 0x%llx, where nothing is", len,
			    (unsigned long long)gpa);
		return;
	}
	region->write(region->device, gpa - region->base, value, len);
}
