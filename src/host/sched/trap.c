// SPDX-License-Identifier: MIT
/*
 * trap.c - traps into the host, and interrupts.
 *
 * The kernel never sets SIE. An interrupt arrives as a trap from user mode, is read from sip by
 * irq_poll() in the idle loop and in long loops, or ends a guest's run and is passed to
 * hv_handle_interrupt(). Spec: S §1.1, §1.3, §1.8.
 */
#include <asm-generic/errno-base.h>
#include <asm-generic/siginfo.h>
#include <asm-generic/signal.h>
#include "hv/csr.h"
#include "hv/trace.h"
#include "irq.h"
#include "mm/mm.h"
#include "lib/printk.h"
#include "proc/process.h"
#include "smp.h"
#include "trace/trace_sample.h"

void trap_entry(void);
void trap_user(struct trap_frame *frame);
void trap_kernel(struct trap_frame *frame);
void trap_stack_overflow(struct trap_frame *frame) __attribute__((noreturn));

struct extable_entry {
	unsigned long insn, fixup;
};

static void (*guest_irq)(void); /* the core's function for IRQ_S_GEXT */

extern const struct extable_entry _ex_table_start[], _ex_table_end[];

void trap_hart_init(void)
{
	csr_write(sscratch, 0);
	csr_write(stvec, (unsigned long)trap_entry);
	csr_write(sie, BIT(IRQ_S_SOFT)); /* clock.c and irq.c enable IRQ_S_TIMER and IRQ_S_EXT */
	/* Programs may read time, cycle and instret. hcounteren says what guests may read. */
	csr_write(scounteren, COUNTEREN_CY | COUNTEREN_TM | COUNTEREN_IR);
}

void hv_guest_irq_set(void (*fn)(void))
{
	guest_irq = fn;
}

/* Apart from irq_handle(), so that the compiler makes no jump table there. */
static __attribute__((noinline)) void rare_irq(unsigned long cause)
{
	if (cause != (CAUSE_IRQ_FLAG | IRQ_S_GEXT) || !guest_irq)
		panic("unexpected interrupt, scause 0x%lx", cause);
	guest_irq();
}

void irq_handle(unsigned long cause)
{
	trace_host_irq(cause);
	switch (cause & ~CAUSE_IRQ_FLAG) {
	case IRQ_S_SOFT:
		csr_clear(sip, BIT(IRQ_S_SOFT));
		sched_ipi();
		break;
	case IRQ_S_TIMER:
		clock_interrupt();
		break;
	case IRQ_S_EXT:
		irq_handle_external();
		break;
	case IRQ_PMU_OVF:
		pmu_interrupt();
		break;
	default:
		rare_irq(cause);
	}
}

void irq_poll(void)
{
	unsigned long pending = csr_read(sip) & csr_read(sie);

	if (guest_irq) /* sip does not show this interrupt (H §2.3) */
		pending |= csr_read(hip) & csr_read(hie) & BIT(IRQ_S_GEXT);
	if (!pending)
		return;
	if (pending & BIT(IRQ_S_SOFT))
		irq_handle(CAUSE_IRQ_FLAG | IRQ_S_SOFT);
	if (pending & BIT(IRQ_S_TIMER)) {
		if (trace_sample_enabled())
			trace_sample_kernel((unsigned long)__builtin_return_address(0));
		irq_handle(CAUSE_IRQ_FLAG | IRQ_S_TIMER);
	}
	if (pending & BIT(IRQ_S_EXT))
		irq_handle(CAUSE_IRQ_FLAG | IRQ_S_EXT);
	if (pending & BIT(IRQ_PMU_OVF))
		irq_handle(CAUSE_IRQ_FLAG | IRQ_PMU_OVF);
	if (pending & BIT(IRQ_S_GEXT))
		irq_handle(CAUSE_IRQ_FLAG | IRQ_S_GEXT);
}

void irq_window(void)
{
	irq_poll();
	if (need_resched())
		schedule();
}

int irq_window_killable(void)
{
	irq_window();
	return READ_ONCE(current->sig.kill) ? -EINTR : 0;
}

/* True: epc is now the fixup of the access that faulted. */
static bool extable_fixup(struct trap_frame *frame)
{
	for (const struct extable_entry *e = _ex_table_start; e < _ex_table_end; e++) {
		if (e->insn != frame->epc)
			continue;
		frame->epc = e->fixup;
		return true;
	}
	return false;
}

static int resolve_page_fault(const struct trap_frame *frame)
{
	return mm_fault(current_process->mm, frame->tval, frame->cause == EXC_STORE_PAGE_FAULT,
			frame->cause == EXC_INST_PAGE_FAULT, !(frame->status & SSTATUS_SPP));
}

static void user_page_fault(struct trap_frame *frame)
{
	int err;

	trace_page_fault_user(frame->tval, frame->epc, frame->cause);
	err = resolve_page_fault(frame);
	if (err == -EIO)
		signal_fault(frame, SIGBUS, BUS_ADRERR, frame->tval);
	else if (err)
		signal_fault(frame, SIGSEGV, SEGV_MAPERR, frame->tval);
}

static void user_exception(struct trap_frame *frame)
{
	switch (frame->cause) {
	case EXC_INST_PAGE_FAULT:
	case EXC_LOAD_PAGE_FAULT:
	case EXC_STORE_PAGE_FAULT:
		user_page_fault(frame);
		break;
	case EXC_ILLEGAL_INST:
		if (!fpu_trap(frame))
			signal_fault(frame, SIGILL, ILL_ILLOPC, frame->epc);
		break;
	case EXC_BREAKPOINT:
		signal_fault(frame, SIGTRAP, TRAP_BRKPT, frame->epc);
		break;
	case EXC_INST_MISALIGNED:
	case EXC_LOAD_MISALIGNED:
	case EXC_STORE_MISALIGNED:
		signal_fault(frame, SIGBUS, BUS_ADRALN, frame->tval);
		break;
	case EXC_INST_ACCESS_FAULT:
	case EXC_LOAD_ACCESS_FAULT:
	case EXC_STORE_ACCESS_FAULT:
		signal_fault(frame, SIGBUS, BUS_ADRERR, frame->tval);
		break;
	default:
		signal_fault(frame, SIGILL, ILL_ILLTRP, frame->epc);
	}
	if (trace_sample_enabled())
		hv_sample(SAMPLE_HS, (unsigned long)user_exception);
}

/*
 * Called by trap.S for any trap but a system call, with the frame at the top of current's kernel
 * stack. Returns to user mode.
 */
void trap_user(struct trap_frame *frame)
{
	if (frame->cause & CAUSE_IRQ_FLAG) {
		if (trace_sample_enabled())
			hv_sample(SAMPLE_U, frame->epc);
		irq_handle(frame->cause);
	} else {
		user_exception(frame);
	}
	if (need_resched() || thread_return_pending(current))
		trap_user_exit(frame);
}

void trap_user_exit(struct trap_frame *frame)
{
	for (;;) {
		if (need_resched())
			schedule();
		if (thread_signal_pending(current))
			user_return_work(frame);
		else if (READ_ONCE(current->sig.rseq_due))
			rseq_update(frame);
		else
			break;
	}
}

static const char *const exceptions[] = {
#define EXCEPTION(id, number, name, description, source) [number] = description,
#include "hv/cause.def"
};

static void trap_print_frame(const struct trap_frame *frame)
{
	static const char names[31][4] = { "ra", "sp",  "gp",  "tp", "t0", "t1", "t2", "s0",
					   "s1", "a0",  "a1",  "a2", "a3", "a4", "a5", "a6",
					   "a7", "s2",  "s3",  "s4", "s5", "s6", "s7", "s8",
					   "s9", "s10", "s11", "t3", "t4", "t5", "t6" };

	printk("  epc %016lx  status %016lx  tval %016lx\n", frame->epc, frame->status,
	       frame->tval);
	for (int i = 0; i < 31; i += 4) {
		char line[128];
		int n = 0;

		for (int j = i; j < i + 4 && j < 31; j++)
			n += snprintf(line + n, sizeof(line) - (size_t)n, " %3s %016lx", names[j],
				      frame->x[j]);
		printk(" %s\n", line);
	}
}

/* Report a kernel stack overflow and panic. Runs on a separate stack. */
void trap_stack_overflow(struct trap_frame *frame)
{
	csr_clear(sstatus, SSTATUS_SUM);
	printk("host: kernel stack overflow, thread %d (%s), stack %p\n", current->tid,
	       current->name, current->kstack);
	trap_print_frame(frame);
	panic("kernel stack overflow at 0x%lx, sp 0x%lx, stval 0x%lx", frame->epc, frame->sp,
	      frame->tval);
}

/*
 * Handle a trap from the kernel. Resolve a page fault on user memory; if that fails, continue at
 * the instruction's fixup. An exception at an instruction that has no fixup is a bug.
 */
void trap_kernel(struct trap_frame *frame)
{
	bool user_access =
		(frame->status & SSTATUS_SUM) && current->process && frame->tval < USER_END;
	const char *name = "trap";

	csr_clear(sstatus, SSTATUS_SUM);
	if (frame->cause & CAUSE_IRQ_FLAG) {
		irq_handle(frame->cause);
		return;
	}
	if (user_access &&
	    (frame->cause == EXC_LOAD_PAGE_FAULT || frame->cause == EXC_STORE_PAGE_FAULT) &&
	    !resolve_page_fault(frame))
		return;
	if (extable_fixup(frame))
		return;
	if (frame->cause < ARRAY_SIZE(exceptions) && exceptions[frame->cause])
		name = exceptions[frame->cause];
	printk("host: %s in the kernel, thread %d (%s)\n", name, current->tid, current->name);
	trap_print_frame(frame);
	panic("%s at 0x%lx, scause %lu, stval 0x%lx", name, frame->epc, frame->cause, frame->tval);
}
