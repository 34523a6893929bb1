// SPDX-License-Identifier: MIT
/*
 * sleep.c - check that no lock is held at the end of a system call, a trap or a thread, and check all
 * objects when the machine is powered off.
 */
#include "check.h"
#include "lib/printk.h"
#include "platform/bootargs.h"
#include "platform/power.h"
#include "sched/smp.h"

unsigned int __real_syscall_dispatch(struct trap_frame *frame);
void __real_trap_user_exit(struct trap_frame *frame);
void __real_thread_exit(void) __attribute__((noreturn));
void __real_power_off(int code) __attribute__((noreturn));
unsigned int __wrap_syscall_dispatch(struct trap_frame *frame);
void __wrap_trap_user_exit(struct trap_frame *frame);
void __wrap_thread_exit(void) __attribute__((noreturn));
void __wrap_power_off(int code) __attribute__((noreturn));

unsigned int __wrap_syscall_dispatch(struct trap_frame *frame)
{
	unsigned int left = __real_syscall_dispatch(frame);

	debug_no_locks("syscall_dispatch");
	debug_pages_limit();
	return left;
}

void __wrap_trap_user_exit(struct trap_frame *frame)
{
	debug_no_locks("trap");
	__real_trap_user_exit(frame);
	debug_no_locks("trap_user_exit");
}

void __wrap_thread_exit(void)
{
	debug_no_locks("thread_exit");
	__real_thread_exit();
}

/* The first program has ended. A panic does not come here, because panic() is in the same file. */
void __wrap_power_off(int code)
{
	debug_slab_check();
	debug_slab_drain();
	debug_pages_drain();
	if (bootarg_get("debug.locks"))
		debug_print_learned();
	__real_power_off(code);
}

void debug_print_stack(const void *frame)
{
	const unsigned long *fp = frame;
	unsigned long low = (unsigned long)current->kstack;

	/* The two words below a frame are the return address and the caller's frame. */
	for (int i = 0; i < 16; i++) {
		if ((unsigned long)fp <= low || (unsigned long)fp > low + KSTACK_SIZE)
			return;
		printk("host:   called from 0x%lx\n", fp[-1]);
		fp = (const unsigned long *)fp[-2];
	}
}
