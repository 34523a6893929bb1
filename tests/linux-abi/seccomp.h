/* SPDX-License-Identifier: MIT */
/*
 * seccomp.h - filters of system calls, for seccomp.c and seccomp_threads.c.
 *
 * A filter cannot be removed, so each claim about one is made in a child. qemu-riscv64 has no
 * seccomp: the reference for these programs is Debian's kernel.
 */
#ifndef ABI_SECCOMP_H
#define ABI_SECCOMP_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include "tap.h"

#define LOAD(field)       BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOAD_AT(offset)   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define IF_EQUAL(k, t, f) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, t, f)
#define RETURN(value)     BPF_STMT(BPF_RET | BPF_K, value)
#define ALLOW             RETURN(SECCOMP_RET_ALLOW)

/* Apply `value` to the calls of a number, and allow all others. */
#define FILTER_OF(number, value)                                       \
	{                                                              \
		LOAD(nr), IF_EQUAL(number, 0, 1), RETURN(value), ALLOW \
	}

static inline long seccomp(unsigned int operation, unsigned int flags, void *arg)
{
	return syscall(__NR_seccomp, operation, flags, arg);
}

static inline long add_with(unsigned int flags, struct sock_filter *program, unsigned short len)
{
	struct sock_fprog fprog = { .len = len, .filter = program };

	return seccomp(SECCOMP_SET_MODE_FILTER, flags, &fprog);
}

#define add(flags, ...)                                        \
	({                                                     \
		struct sock_filter program[] = __VA_ARGS__;    \
		add_with(flags, program, sizeof(program) / 8); \
	})

/* Run fn in a child and return its wait status. */
static inline int child_status(int (*fn)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn());
	waitpid(pid, &status, 0);
	return status;
}

#define exits_0(fn, name)  ok(child_status(fn) == 0, name)
#define ends_sys(fn, name) ok(WTERMSIG(child_status(fn)) == SIGSYS, name)

#endif
