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
	struct region *end = &bus->regions[bus->nr_regions];

	for (struct region *region = bus->regions; region < end; region++) {
		if (gpa - region->base < region->size && len <= region->size - (gpa - region->base))
			return region;
	}
	return NULL;
}

/*
 * Nobody there: reads give ones, writes vanish, as on a bus without a device. KVM has no way for
 * user space to answer with an access fault.
 */
static __attribute__((noinline)) void nobody(const char *access, gpa_t gpa, unsigned int len)
{
	guest_error("the guest %s %u bytes at 0x%llx, where nothing is", access, len,
		    (unsigned long long)gpa);
}

u64 bus_read(struct bus *bus, gpa_t gpa, unsigned int len)
{
	struct region *region = find(bus, gpa, len);

	if (region)
		return region->read(region->device, gpa - region->base, len);
	nobody("reads", gpa, len);
	return ~0ull;
}

void bus_write(struct bus *bus, gpa_t gpa, u64 value, unsigned int len)
{
	struct region *region = find(bus, gpa, len);

	if (region)
		region->write(region->device, gpa - region->base, value, len);
	else
		nobody("writes", gpa, len);
}
