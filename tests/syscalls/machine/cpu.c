// SPDX-License-Identifier: MIT
/*
 * cpu.c - context switches, interrupts and the clock of the modeled hart.
 *
 * Each thread of the host has a stack of the build machine besides its kernel stack, because
 * code with sanitizers needs more than KSTACK_SIZE. The kernel stack still contains the trap frame.
 */
#include <sanitizer/common_interface_defs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "hv/csr.h"
#include "machine.h"
#include "sched/insn.h"
#include "sched/smp.h"
#include "sched/thread.h"

#define STACK_SIZE (256UL << 10)

struct fiber {
	void *sp;
	char *stack; /* NULL: the test's own */
	size_t size;
	void *fake;
	struct fiber *next_free;
};

struct thread *native_current;
struct thread boot_thread;
void (*machine_user)(void);
void switch_context(struct thread *prev, struct thread *next);
void fiber_first(void);
void fiber_switch(void **from, void *to);

static struct fiber main_fiber, *here = &main_fiber, *left_for_main, *free_fibers;
static u64 now;

/* Save the registers that a call preserves, change stacks, and restore them. */
__asm__(".text\n"
	".globl fiber_switch\n"
	"fiber_switch:\n"
	"	push %rbp\n	push %rbx\n	push %r12\n	push %r13\n	push %r14\n	"
	"push %r15\n"
	"	mov %rsp, (%rdi)\n"
	"	mov %rsi, %rsp\n"
	"	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbx\n	"
	"pop %rbp\n"
	"	ret\n");

static struct fiber *fiber_new(void (*entry)(void))
{
	struct fiber *f = free_fibers;
	void **sp;

	if (f) {
		free_fibers = f->next_free;
	} else {
		f = calloc(1, sizeof(*f));
		f->size = STACK_SIZE;
		f->stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (f->stack == MAP_FAILED)
			abort();
	}
	sp = (void **)(f->stack + f->size) - 2; /* at entry, sp + 8 is a multiple of 16 */
	*sp-- = (void *)entry;
	f->sp = sp - 5;
	f->fake = NULL;
	return f;
}

static void fiber_enter(struct fiber *to, bool dies)
{
	struct fiber *from = here;

	here = to;
	__sanitizer_start_switch_fiber(dies ? NULL : &from->fake, to->stack, to->size);
	fiber_switch(&from->sp, to->sp);
	__sanitizer_finish_switch_fiber(from->fake, NULL, NULL);
}

void fiber_first(void)
{
	const void *bottom;
	size_t size;

	__sanitizer_finish_switch_fiber(NULL, &bottom, &size);
	if (!main_fiber.stack) {
		main_fiber.stack = (char *)bottom;
		main_fiber.size = size;
	}
	((void (*)(void))native_current->context.ra)();
	abort();
}

static struct fiber *fiber_of(struct thread *t)
{
	if (!t->context.s[0])
		t->context.s[0] = (unsigned long)fiber_new(fiber_first);
	return (struct fiber *)t->context.s[0];
}

void switch_context(struct thread *prev, struct thread *next)
{
	struct fiber *to = fiber_of(next);
	bool dies = prev->state == THREAD_DEAD;

	if (dies) { /* its stack is not used before the next new thread */
		here->next_free = free_fibers;
		free_fibers = here;
	}
	native_current = next;
	fiber_enter(to, dies);
}

void machine_enter(void)
{
	static struct thread *const boot = &boot_thread;

	if (!left_for_main) {
		native_current = boot;
		boot->context.ra = (unsigned long)machine_boot;
		left_for_main = fiber_of(boot);
	}
	fiber_enter(left_for_main, false);
}

void machine_leave(void)
{
	left_for_main = here;
	fiber_enter(&main_fiber, false);
}

void machine_copy(void *user, void *kernel, size_t n, bool store)
{
	char *to = store ? user : kernel, *from = store ? kernel : user;

	/* ASan's memmove() copies byte by byte. A file that is written from its own mapping overlaps. */
	if ((size_t)(to - from) < n || (size_t)(from - to) < n)
		memmove(to, from, n);
	else
		memcpy(to, from, n);
}

void machine_start_hart(struct thread *idle)
{
	machine_fail("hart %u is started, and there is only one", idle->hart);
}

void machine_ipi(unsigned int hart)
{
	machine_fail("hart %u is interrupted, and there is only one", hart);
}

/* ---- interrupts and the clock ---- */

/* Show the timer's interrupt in sip as Sstc does. */
static void update_sip(void)
{
	unsigned long sip = native_csr_read(CSR_sip) & ~BIT(IRQ_S_TIMER);

	if (now >= native_csr_read(CSR_stimecmp))
		sip |= BIT(IRQ_S_TIMER);
	native_csr_poke(CSR_sip, sip);
}

void machine_time_add(unsigned long ticks)
{
	now += ticks;
	native_clock_set(now);
	update_sip();
}

void native_wait_for_interrupt(void)
{
	u64 next = native_csr_read(CSR_stimecmp);

	update_sip();
	if (native_csr_read(CSR_sip) & native_csr_read(CSR_sie))
		return;
	if (next == ~0UL)
		machine_fail("every thread sleeps, and no timer is armed");
	machine_time_add(next - now);
}

void native_pause(void)
{
	machine_time_add(10);
}
