// SPDX-License-Identifier: MIT
/*
 * syscall.h - the system calls of the host: one function each, listed in syscall.def.
 *
 * A function takes its arguments from frame->a0 to frame->a5 and returns the result or -errno.
 * Arguments are whole registers: an `int` parameter of a Linux call is read as (int)frame->a0.
 */
#ifndef HOST_SYSCALL_H
#define HOST_SYSCALL_H

#include "hv/types.h"
#include "sched/thread.h"

/* What happens to a call that returned -EINTR, once the signal that ended it has been handled. */
enum syscall_restart {
	RESTART_NEVER,  /* user space sees EINTR */
	RESTART_SYS,    /* runs again, unless a handler without SA_RESTART ran */
	RESTART_NOHAND, /* runs again, unless a handler ran */
	RESTART_ALWAYS, /* runs again, even if a handler ran */
};

/*
 * Return values that stand for -EINTR and override syscall.def: -ERESTARTSYS with RESTART_SYS,
 * -ERESTARTNOINTR with RESTART_ALWAYS. Programs never see them.
 */
#define ERESTARTSYS    512
#define ERESTARTNOINTR 513

#define SYSCALL_LIMIT 456 /* all numbers in syscall.def are lower */

#define SYSCALL(number, name, restart) long sys_##name(struct trap_frame *frame);
#define SYSCALL_ABSENT(number, name)
#include "syscall.def"
#undef SYSCALL
#undef SYSCALL_ABSENT

#endif
