// SPDX-License-Identifier: MIT
/*
 * sys_barrier.c - system calls that order memory accesses and instruction fetches.
 */
#include <linux/errno.h>
#include <linux/membarrier.h>
#include "hv/host.h"
#include "proc/process.h"
#include "sched/smp.h"
#include "proc/syscall.h"
#include "vma.h"

long sys_riscv_flush_icache(struct trap_frame *frame)
{
	if (frame->a2 & ~1UL) /* 1: SYS_RISCV_FLUSH_ICACHE_LOCAL */
		return -EINVAL;
	mm_sync_icache(current_process->mm);
	return 0;
}

/*
 * Execute a full barrier on this hart and on the harts of `mm`, or on all harts if it is NULL.
 * hv_remote_fence() returns only after every hart in the mask has acknowledged the SBI remote
 * fence, so each of these harts has executed a full barrier by then.
 */
static void barrier_on(const struct mm *mm)
{
	struct hv_hartmask others;

	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* before the other harts' barriers */
	if (!mm)
		hv_remote_fence(SBI_RFENCE_REMOTE_FENCE_I, NULL, 0, 0, 0);
	else if (hartmask_without(&others, &mm->harts, this_hart()))
		hv_remote_fence(SBI_RFENCE_REMOTE_FENCE_I, &others, 0, 0, 0);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* and after them */
}

#define MEMBARRIER_SERVED                                                              \
	(MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |                     \
	 MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED | \
	 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)

long sys_membarrier(struct trap_frame *frame)
{
	int cmd = (int)frame->a0;

	if (frame->a1)
		return -EINVAL;
	switch (cmd) {
	case MEMBARRIER_CMD_QUERY:
		return MEMBARRIER_SERVED;
	case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
		return 0;
	case MEMBARRIER_CMD_GLOBAL:
	case MEMBARRIER_CMD_GLOBAL_EXPEDITED:
		barrier_on(NULL);
		return 0;
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
		barrier_on(current_process->mm);
		return 0;
	default:
		return -EINVAL;
	}
}
