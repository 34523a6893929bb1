// SPDX-License-Identifier: MIT
/*
 * qemu_delay.c - a library for LD_PRELOAD that widens a race in QEMU between a hart and its main
 * loop
 *
 * A hart that executes WFI is marked as asleep before its last instructions are added to the clock
 * (scripts/hs/icount.py). QEMU leaves its translated code with siglongjmp(), so a delay there lasts
 * while the clock is behind. At the same time, a short time-out keeps the main loop running. A
 * machine whose clock depends on this race then differs from run to run.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <time.h>
#include "in_qemu.h"

#define DELAY_NS     100000
#define MAIN_LOOP_NS 50000 /* less than the delay */

static void delay_hart(void)
{
	struct timespec t = { .tv_nsec = DELAY_NS };

	if (in_qemu(false))
		nanosleep(&t, NULL);
}

void siglongjmp(sigjmp_buf env, int value)
{
	void (*next)(sigjmp_buf, int) = (void (*)(sigjmp_buf, int))dlsym(RTLD_NEXT, "siglongjmp");

	delay_hart();
	next(env, value);
	__builtin_unreachable();
}

void __longjmp_chk(sigjmp_buf env, int value);

/* What siglongjmp() becomes in a program that was compiled with _FORTIFY_SOURCE. */
void __longjmp_chk(sigjmp_buf env, int value)
{
	void (*next)(sigjmp_buf, int) =
		(void (*)(sigjmp_buf, int))dlsym(RTLD_NEXT, "__longjmp_chk");

	delay_hart();
	next(env, value);
	__builtin_unreachable();
}

int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	int (*next)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *) =
		(int (*)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *))dlsym(
			RTLD_NEXT, "ppoll");
	struct timespec most = { .tv_nsec = MAIN_LOOP_NS };

	if (in_qemu(true) && (!timeout || timeout->tv_sec || timeout->tv_nsec > most.tv_nsec))
		timeout = &most;
	return next(fds, n, timeout, mask);
}
