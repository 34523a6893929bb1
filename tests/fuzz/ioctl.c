// SPDX-License-Identifier: MIT
/*
 * ioctl.c - fuzz target: any ioctls in any order on /dev/kvm, VMs and vCPUs, with any eventfds, and
 * with a guest that traps for any reason (tests/native/any_vmm.c, any_guest.c).
 */
#include "native.h"
#include "any_vmm.h"
#include "core.h"

#define MAX_STEPS 400
#ifndef MACHINE
#define MACHINE ANY_USUAL
#endif

static struct choices choices;

static u64 from_input(u64 below)
{
	return choose(&choices, below);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int steps;

	if (!core_restore()) {
		any_choice = from_input;
		any_vmm_start(MACHINE);
		core_snapshot();
	}
	choices = (struct choices){ data, size };
	any_vmm_begin();
	for (steps = 0; choices.left && steps < MAX_STEPS; steps++)
		any_vmm_step();
	any_vmm_end();
	core_end();
	return 0;
}
