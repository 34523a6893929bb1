/* SPDX-License-Identifier: MIT */
/* work.h - what Linux does for a thread on its way to user space; see work.c. */
#ifndef HS_WORK_H
#define HS_WORK_H

/*
 * Let other threads run if they should, and do the thread's pending work (task_work, rseq), except
 * for signals. Called outside the core; may sleep.
 */
void do_thread_work(void);

#endif
