// SPDX-License-Identifier: MIT
/*
 * world.c - whether code belongs to the host's kernel, to the firmware, or to neither.
 *
 * The kernel is recognized by its physical addresses, which QEMU does not tell a plugin. They are
 * computed from the place of the code in QEMU's own memory, where the machine's RAM is one piece.
 */
#include "world.h"

#define RAM           0x80000000ull
#define FIRMWARE_SIZE 0x200000ull

uint64_t world_kernel, world_kernel_end, world_linked;

static const uint8_t *ram; /* the machine's RAM in QEMU's memory */

enum world world_of(const struct qemu_plugin_insn *insn, uint64_t *address)
{
	const uint8_t *at = qemu_plugin_insn_haddr(insn);
	const uint8_t *start = __atomic_load_n(&ram, __ATOMIC_RELAXED);
	uint64_t va = qemu_plugin_insn_vaddr(insn), pa;

	*address = 0;
	if (!at)
		return ELSEWHERE;
	/* The first code that runs in RAM is the firmware, at physical addresses. */
	if (!start && va >= RAM && va < RAM + FIRMWARE_SIZE) {
		start = at - (va - RAM);
		__atomic_store_n(&ram, start, __ATOMIC_RELAXED);
	}
	if (!start || at < start)
		return ELSEWHERE;
	pa = RAM + (uint64_t)(at - start);
	if (pa < RAM + FIRMWARE_SIZE)
		return BELOW_KERNEL;
	if (pa < world_kernel || pa >= world_kernel_end)
		return ELSEWHERE;
	*address = pa - world_kernel + world_linked;
	return KERNEL;
}
