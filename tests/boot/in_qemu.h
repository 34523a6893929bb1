// SPDX-License-Identifier: MIT
/*
 * in_qemu.h - which thread a library for LD_PRELOAD runs in
 */
#ifndef TESTS_IN_QEMU_H
#define TESTS_IN_QEMU_H

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* Is this QEMU's main loop, or one of its other threads? Both are false in other programs. */
static inline bool in_qemu(bool main_loop)
{
	return (gettid() == getpid()) == main_loop &&
	       !strncmp(program_invocation_short_name, "qemu", 4);
}

#endif
