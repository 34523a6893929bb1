/* SPDX-License-Identifier: MIT */
/*
 * seccomp.h - filters of system calls (seccomp mode 2).
 *
 * A thread has a chain of filters, which only grows: filters are inherited by new threads and
 * processes, remain after an execve, and cannot be removed. A thread with a filter has syscall_limit 0,
 * which makes syscall_dispatch() call seccomp_allows() first.
 */
#ifndef HOST_SECCOMP_H
#define HOST_SECCOMP_H

#include "sched/thread.h"

/*
 * May the current thread, which has a filter, make the system call in the frame? If not, set the
 * frame's a0, send SIGSYS, or end the thread or process, as the filters say. Does not sleep. If
 * the thread is ended, the function does not return.
 */
bool seccomp_allows(struct trap_frame *frame);
/* Give a new thread the current thread's filters. The lock of t's process is held. */
void seccomp_inherit(struct thread *t);
void seccomp_free_thread(struct thread *t);
/* Add a filter: prctl(PR_SET_SECCOMP). user: address of a struct sock_fprog. May sleep. */
long seccomp_add_user(unsigned long user, unsigned long flags);

#endif
