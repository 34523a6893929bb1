// SPDX-License-Identifier: MIT
/*
 * sleep.c - check that no lock is held at the end of a system call, a trap or a thread, and that a
 * file is put only where its release would be permitted; check all objects when the machine is
 * powered off.
 */
#include "check.h"
#include "file/file.h"
#include "lib/printk.h"
#include "platform/bootargs.h"
#include "platform/power.h"
#include "sched/smp.h"

unsigned int __real_syscall_dispatch(struct trap_frame *frame);
void __real_trap_user_exit(struct trap_frame *frame);
void __real_thread_exit(void) __attribute__((noreturn));
void __real_power_off(int code) __attribute__((noreturn));
void __real_file_put(struct file *f);
void __wrap_file_put(struct file *f);
unsigned int __wrap_syscall_dispatch(struct trap_frame *frame);
void __wrap_trap_user_exit(struct trap_frame *frame);
void __wrap_thread_exit(void) __attribute__((noreturn));
void __wrap_power_off(int code) __attribute__((noreturn));

/*
 * Freeing a file that can be polled may take sockets_lock or watch_mutex. Any other file, such as one
 * that is mapped, is neither a socket nor watched, but code that holds it seldom knows that it is no
 * VM. One without release() and inode has not been opened yet.
 */
void __wrap_file_put(struct file *f)
{
	if (f && f->ops->poll)
		DEBUG_MAY_TAKE("file_put", "sockets_lock");
	else if (f && (f->ops->release || f->inode))
		DEBUG_MAY_TAKE("file_put", "kvm.lock");
	else
		debug_may_sleep("file_put");
	__real_file_put(f);
}

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
