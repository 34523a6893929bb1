// SPDX-License-Identifier: MIT
/*
 * syscon.c - power off, reset and exit code in one register, as in SiFive's test finisher.
 *
 *   0x5555                  power off; the VMM exits with 0
 *   0x7777                  reset
 *   (code << 16) | 0x3333   the VMM exits with that code
 */
#include "vmm.h"

#define FINISH_FAIL  0x3333
#define FINISH_PASS  0x5555
#define FINISH_RESET 0x7777

static u64 syscon_read(void *device, u64 offset, unsigned int len)
{
	(void)device;
	(void)offset;
	(void)len;
	return 0;
}

/* A process returns only 8 bits of its status: a code that would look like success becomes 255. */
static int exit_code(u32 code)
{
	return code != 0 && (code & 0xff) == 0 ? 255 : code & 0xff;
}

static void syscon_write(void *device, u64 offset, u64 value, unsigned int len)
{
	struct machine *m = device;

	if (offset != 0 || len < 2)
		return;
	switch (value & 0xffff) {
	case FINISH_PASS:
		machine_stop(m, STOP_POWEROFF, STATUS_POWEROFF);
		break;
	case FINISH_RESET:
		machine_stop(m, STOP_REBOOT, 0);
		break;
	case FINISH_FAIL:
		machine_stop(m, STOP_POWEROFF, exit_code(value >> 16 & 0xffff));
		break;
	}
}

void syscon_init(struct machine *m)
{
	bus_add(&m->bus, &(struct region){
				 .name = "syscon",
				 .base = SYSCON_BASE,
				 .size = SYSCON_SIZE,
				 .device = m,
				 .read = syscon_read,
				 .write = syscon_write,
			 });
}
