/* SPDX-License-Identifier: MIT */
/*
 * world.h - whether code belongs to the host's kernel, to the firmware, or to neither.
 */
#ifndef WORLD_H
#define WORLD_H

#include "plugin.h"

enum world {
	ELSEWHERE,
	KERNEL,
	FIRMWARE,
	BELOW_KERNEL /* FIRMWARE if it runs in M-mode; else ELSEWHERE, in memory of the allocator */
};

/* The kernel's image: physical start and end, and the address at which it is linked. Arguments. */
extern uint64_t world_kernel, world_kernel_end, world_linked;

#define WORLD_ARGUMENTS                                                 \
	{ .name = "kernel=", .number = &world_kernel },                 \
		{ .name = "kernel_end=", .number = &world_kernel_end }, \
	{                                                               \
		.name = "linked=", .number = &world_linked              \
	}

/* Return an instruction's world. *address: of an instruction of the kernel, as linked; else 0. */
enum world world_of(const struct qemu_plugin_insn *insn, uint64_t *address);

#endif
