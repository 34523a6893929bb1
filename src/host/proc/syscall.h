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

/* What happens, once the signal has been handled, to a call that returned -EINTR. */
enum syscall_restart {
	RESTART_NEVER,  /* user space sees EINTR */
	RESTART_SYS,    /* runs again, unless a handler without SA_RESTART ran */
	RESTART_NOHAND, /* runs again, unless a handler ran */
	RESTART_ALWAYS, /* runs again, even if a handler ran */
};

/*
 * A call returns -ERESTARTSYS for -EINTR with RESTART_SYS, or -ERESTARTNOINTR for -EINTR with
 * RESTART_ALWAYS, whatever syscall.def says. Programs never see these values.
 */
#define ERESTARTSYS    512
#define ERESTARTNOINTR 513

#define SYSCALL(number, name, restart) long sys_##name(struct trap_frame *frame);
#define SYSCALL_ABSENT(number, name)
#include "syscall.def"
#undef SYSCALL
#undef SYSCALL_ABSENT

#endif
