// SPDX-License-Identifier: MIT
/*
 * testdev.h - the VMM's device for tests of MMIO, as a payload sees it.
 *
 * src/vmm/testdev.c describes the registers and their meaning.
 */
#ifndef GUEST_TESTDEV_H
#define GUEST_TESTDEV_H

#include "rt.h"

#define PATTERN 0x8877665584a3f2e1UL /* both words negative; the lower one's bytes and halves too */

enum testdev_register {
	DEV_LEN = 0x800,
	DEV_OFFSET = 0x808,
	DEV_WRITE = 0x810,
	DEV_VALUE = 0x818,
	DEV_COUNT = 0x820,
	DEV_MAGIC = 0x828,
	DEV_ZAP = 0x830,
	DEV_IRQ = 0x838,
	DEV_NOTIFY = 0x840, /* 4 bytes: the kernel handles a store by signaling an eventfd */
	DEV_SIGNALS = 0x848,
};

static unsigned long dev; /* the test device's address, or 0 if there is none */

static inline unsigned long dev_reg(unsigned long reg)
{
	return *(volatile unsigned long *)(dev + reg);
}

static inline void dev_set(unsigned long reg, unsigned long value)
{
	*(volatile unsigned long *)(dev + reg) = value;
}

/* Find the test device. If there is none (no hypervisor, or no --testdev), end the payload. */
static inline void testdev_find(void)
{
	struct fdt_reg reg;

	if (!fdt_find("hyperscope,testdev", 0, &reg)) {
		skip("MMIO by all widths and forms", "no testdev here (VMM option --testdev)");
		done();
	}
	dev = reg.base;
	ok_eq(dev_reg(DEV_MAGIC), 0x0076656474736574UL, "the test device has its magic number");
}

/*
 * Return whether a load returned `want`. Linux 6.12 sign-extends a load by shifting an unsigned
 * long, which loses the sign. So on Linux, only the loaded bytes are compared.
 */
static inline bool same(unsigned long got, unsigned long want, unsigned long len)
{
	unsigned long mask = on_linux() && len < 8 ? BIT(8 * len) - 1 : ~0UL;
	bool good = (got & mask) == (want & mask);

	if (!good)
		note("got %lx, expected %lx", got, want);
	return good;
}

#endif
