// SPDX-License-Identifier: MIT
/* user.c - traps from user mode, as trap.S passes them to the host. */
#include <string.h>
#include "hv/csr.h"
#include "machine.h"
#include "proc/process.h"
#include "sched/insn.h"
#include "sched/smp.h"
#include "sched/thread.h"

#define SYS_RT_SIGRETURN 139

HART_LOCAL unsigned long machine_signal;

void trap_user(struct trap_frame *frame);

void trap_return_to_user(void)
{
	machine_user();
	machine_fail("the program has returned");
}

static void dispatch(struct trap_frame *frame)
{
	unsigned int left;

	frame->cause = EXC_ECALL_U;
	frame->epc += 4;
	left = syscall_dispatch(frame);
	if (left)
		syscall_finish(frame, left);
}

/* If the host has set up a signal's frame, execute what its handler does: rt_sigreturn(). */
static void run_handlers(struct trap_frame *frame)
{
	while (frame->epc == MACHINE_HANDLER) {
		machine_signal = frame->a0;
		frame->a7 = SYS_RT_SIGRETURN;
		dispatch(frame);
	}
}

static void take_interrupts(struct trap_frame *frame)
{
	machine_time_add(0);
	while (native_csr_read(CSR_sip) & native_csr_read(CSR_sie)) {
		frame->cause =
			CAUSE_IRQ_FLAG |
			(native_csr_read(CSR_sip) & BIT(IRQ_S_TIMER) ? IRQ_S_TIMER : IRQ_S_SOFT);
		trap_user(frame);
		machine_time_add(0);
	}
	run_handlers(frame);
}

long machine_ecall(long number, const long args[6])
{
	struct trap_frame *frame = thread_frame(current);
	unsigned long pc;

	take_interrupts(frame);
	pc = frame->epc;
	frame->a7 = (unsigned long)number;
	for (int i = 0; i < 6; i++)
		frame->x[9 + i] = (unsigned long)args[i];
	do { /* a call that is restarted is executed again */
		dispatch(frame);
		run_handlers(frame);
	} while (frame->epc == pc && frame->a7 == (unsigned long)number); /* not after execve() */
	if (frame->epc == pc + 4) /* the program is a loop */
		frame->epc = pc;
	return (long)frame->a0;
}

bool machine_access(unsigned long va, enum machine_access access, void *data, size_t size)
{
	static const unsigned long cause[] = {
		[MACHINE_LOAD] = EXC_LOAD_PAGE_FAULT,
		[MACHINE_STORE] = EXC_STORE_PAGE_FAULT,
		[MACHINE_FETCH] = EXC_INST_PAGE_FAULT,
	};
	struct trap_frame *frame = thread_frame(current);
	unsigned long pa, step;

	take_interrupts(frame);
	machine_signal = 0;
	for (; size; size -= step, va += step, data = (char *)data + step) {
		for (unsigned int tries = 0;; tries++) {
			unsigned long pc = frame->epc;

			machine_access_begin();
			if (machine_translate(va, access, &pa))
				break;
			machine_access_end();
			native_sfence_vma(va, false);
			frame->cause = cause[access];
			frame->tval = va;
			trap_user(frame);
			if (frame->epc != pc || tries == 20) {
				run_handlers(frame);
				return false;
			}
		}
		step = MIN(size, PAGE_SIZE - va % PAGE_SIZE);
		machine_copy(pa_to_va(pa), data, step, access == MACHINE_STORE);
		machine_access_end();
	}
	return true;
}
