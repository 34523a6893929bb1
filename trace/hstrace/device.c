// SPDX-License-Identifier: MIT
/*
 * device.c - find the device at a guest physical address.
 *
 * Our VMM has the memory map of QEMU's `virt` (src/vmm/vmm.h), and the launcher's `run` records
 * this in the trace (map=virt). Without map=virt, or if the map has no device at the address, only
 * the address of the page is shown.
 */
#include <string.h>
#include "table.h"
#include "hv/bits.h"

/* ORDER: src/vmm/vmm.h (tests/trace/table.t compares) */
static const struct {
	const char *name;
	u64 base, size;
} virt[] = {
	{ "syscon", 0x00100000, 0x1000 },
	{ "plic", 0x0c000000, 0x00600000 },
	{ "aplic", 0x0d000000, 0x4000 },
	{ "uart", 0x10000000, 0x100 },
#define DEVICE(name, NAME, base, size, irq, help) { #name, base, size },
#include "../src/vmm/device.def"
#undef DEVICE
};

/*
 * Pages of devices: virtio's slots, and the IMSICs. A vCPU's IMSIC has one page or, in a guest that can be
 * a hypervisor, four, so imsic5 is then the first guest interrupt file of vCPU 1.
 */
static const struct {
	const char *name;
	u64 base;
	unsigned int nr;
} pages[] = {
	{ "virtio", 0x10001000, 8 },
	{ "imsic", 0x28000000, 256 },
};

u64 hst_device(const struct hst_file *file, u64 gpa, char *name, size_t size)
{
	size_t len = 0;
	const char *map = hst_meta_text(file, "map", &len);

	if (map && len == 4 && !memcmp(map, "virt", 4)) {
		for (size_t i = 0; i < ARRAY_SIZE(virt); i++)
			if (gpa - virt[i].base < virt[i].size) {
				snprintf(name, size, "%s", virt[i].name);
				return virt[i].base;
			}
		for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
			u64 page = (gpa - pages[i].base) / PAGE_SIZE;

			if (page < pages[i].nr) {
				snprintf(name, size, "%s%llu", pages[i].name, page);
				return pages[i].base + page * PAGE_SIZE;
			}
		}
	}
	gpa &= ~(u64)(PAGE_SIZE - 1);
	snprintf(name, size, "0x%llx", gpa);
	return gpa;
}
