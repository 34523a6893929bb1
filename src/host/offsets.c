// SPDX-License-Identifier: MIT
/*
 * offsets.c - struct offsets and a cause for the host's assembly and for scripts/hs/run/hung.py.
 * Each DEFINE() becomes a marker in the compiled assembly; the Makefile extracts the markers and
 * writes host_offsets.h.
 */
#include "hv/csr.h"
#include "sched/thread.h"
#include "sched/smp.h"
#include "sched/wait.h"
#include "trace/trace_hart.h"

#define DEFINE(name, value) __asm__ volatile("\n\t.ascii \"->" #name " %0\"" ::"i"(value))
#define FRAME(reg)          DEFINE(FRAME_##reg, __builtin_offsetof(struct trap_frame, reg))

void offsets(void);

void offsets(void)
{
	DEFINE(FRAME_SIZE, sizeof(struct trap_frame));
	FRAME(epc);
	FRAME(ra);
	FRAME(sp);
	FRAME(tp);
	FRAME(t0);
	FRAME(a0);
	FRAME(status);
	FRAME(cause);
	FRAME(tval);
	DEFINE(EXC_ECALL_U, EXC_ECALL_U);
	DEFINE(THREAD_kernel_sp, __builtin_offsetof(struct thread, kernel_sp));
	DEFINE(THREAD_hart, __builtin_offsetof(struct thread, hart));
	DEFINE(THREAD_user_sp, __builtin_offsetof(struct thread, user_sp));
	DEFINE(THREAD_kstack_limit, __builtin_offsetof(struct thread, kstack_limit));
	DEFINE(THREAD_trap_t0, __builtin_offsetof(struct thread, trap_t0));
	DEFINE(THREAD_context, __builtin_offsetof(struct thread, context));
	DEFINE(THREAD_fp, __builtin_offsetof(struct thread, fp));
	DEFINE(FP_fcsr, __builtin_offsetof(struct fp_state, fcsr));
	DEFINE(TRACE_HART_ring, __builtin_offsetof(struct trace_hart, ring));
	DEFINE(TRACE_HART_mask, __builtin_offsetof(struct trace_hart, mask));
	DEFINE(TRACE_HART_who, __builtin_offsetof(struct trace_hart, who));
	DEFINE(BOOT_INFO_satp, __builtin_offsetof(struct hart_boot_info, satp));
	DEFINE(BOOT_INFO_thread, __builtin_offsetof(struct hart_boot_info, thread));
	/* For scripts/hs/run/hung.py, which reads the memory of a machine that has hung. */
	DEFINE(THREAD_link, __builtin_offsetof(struct thread, all_link));
	DEFINE(THREAD_state, __builtin_offsetof(struct thread, state));
	DEFINE(THREAD_process, __builtin_offsetof(struct thread, process));
	DEFINE(THREAD_tid, __builtin_offsetof(struct thread, tid));
	DEFINE(THREAD_name, __builtin_offsetof(struct thread, name));
	DEFINE(MUTEX_holder, __builtin_offsetof(struct mutex, holder));
	DEFINE(HART_SIZE, sizeof(struct hart));
	DEFINE(HART_hartid, __builtin_offsetof(struct hart, hartid));
	_Static_assert(THREAD_RUNNING == 0 && THREAD_DEAD == 4, "as in hung.py");
}
