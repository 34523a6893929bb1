// SPDX-License-Identifier: MIT
/*
 * bus.c - find the device at a guest physical address.
 *
 * The table of regions is filled before the first vCPU runs and does not change after that, so
 * reading it needs no lock. To observe all accesses (marker.c), bus_watch() wraps the devices'
 * functions, so accesses have no extra cost while they are not observed.
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
 * Report an access where there is no device. Reads return all ones and writes are ignored, as on an
 * empty bus: KVM gives user space no way to inject an access fault.
 */
static __attribute__((noinline)) void unmapped(const char *access, gpa_t gpa, unsigned int len)
{
	guest_error("the guest %s %u bytes at 0x%llx, where there is no device", access, len,
		    (unsigned long long)gpa);
}

u64 bus_read(struct bus *bus, gpa_t gpa, unsigned int len)
{
	struct region *region = find(bus, gpa, len);

	if (region)
		return region->read(region->device, gpa - region->base, len);
	unmapped("reads", gpa, len);
	return ~0ull;
}

void bus_write(struct bus *bus, gpa_t gpa, u64 value, unsigned int len)
{
	struct region *region = find(bus, gpa, len);

	if (region)
		region->write(region->device, gpa - region->base, value, len);
	else
		unmapped("writes", gpa, len);
}

/* ---- observed accesses ----------------------------------------------------------------- */

static struct watched {
	struct region own;
	bus_watcher *seen;
} watched[BUS_REGIONS];

static u64 watched_read(void *device, u64 offset, unsigned int len)
{
	struct watched *w = device;
	u64 value = w->own.read(w->own.device, offset, len);

	w->seen(&w->own, offset, false, len, value);
	return value;
}

static void watched_write(void *device, u64 offset, u64 value, unsigned int len)
{
	struct watched *w = device;

	w->seen(&w->own, offset, true, len, value);
	w->own.write(w->own.device, offset, value, len);
}

static u64 unmapped_read(void *device, u64 offset, unsigned int len)
{
	(void)device;
	unmapped("reads", offset, len);
	return ~0ull;
}

static void unmapped_write(void *device, u64 offset, u64 value, unsigned int len)
{
	(void)device;
	(void)value;
	unmapped("writes", offset, len);
}

void bus_watch(struct bus *bus, bus_watcher *seen)
{
	/* Add this region last, so that it is found only if no device matches. */
	bus_add(bus, &(struct region){
			     .name = "nobody",
			     .size = ~0ull,
			     .read = unmapped_read,
			     .write = unmapped_write,
		     });
	for (unsigned int i = 0; i < bus->nr_regions; i++) {
		watched[i] = (struct watched){ bus->regions[i], seen };
		bus->regions[i].device = &watched[i];
		bus->regions[i].read = watched_read;
		bus->regions[i].write = watched_write;
	}
}
