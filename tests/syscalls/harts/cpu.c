// SPDX-License-Identifier: MIT
/*
 * cpu.c - several harts, each of which is a pthread: context switches, interrupts and the clock.
 *
 * It replaces machine/cpu.c. Each thread of the host is a fiber for TSan, which may continue on
 * another hart. Time is the build machine's, but passes SPEED times as fast. A hart takes an
 * interrupt when the host looks for one, as with one hart. Like everything in tests/syscalls, this
 * file is not instrumented.
 */
#include <pthread.h>
#include <sanitizer/tsan_interface.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include "hv/csr.h"
#include "machine.h"
#include "mm/page.h"
#include "sched/insn.h"
#include "sched/smp.h"
#include "sched/thread.h"

#define STACK_SIZE (1UL << 20)
#define SPEED      20

struct fiber {
	void *sp, *tsan;
	char *stack; /* NULL: a pthread's own */
	struct fiber *next_free;
};

struct thread boot_thread;
int held_spinlocks; /* unused in this program */
void (*machine_user)(void);
void switch_context(struct thread *prev, struct thread *next);
void fiber_switch(void **from, void *to);
unsigned long __real_native_csr_read(enum csr_number csr);
unsigned long __wrap_native_csr_read(enum csr_number csr);
void __tsan_read_range(void *start, unsigned long size);
void __tsan_write_range(void *start, unsigned long size);
struct thread **native_current_here(void);
const char *__tsan_default_options(void);
void machine_pause(void);
const char *__tsan_default_suppressions(void);

static __thread struct thread *running;
static __thread struct fiber *here, *free_fibers;
static struct fiber main_fiber, *left_for_main;
static bool ipis[MACHINE_HARTS];
static u64 added; /* ticks, by machine_time_add() */

/* A function, because a thread that has slept may be on another pthread. */
__attribute__((noinline)) struct thread **native_current_here(void)
{
	__asm__ volatile("");
	return &running;
}

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

static void fiber_first(void)
{
	((void (*)(void))current->context.ra)();
	abort();
}

static struct fiber *fiber_new(void)
{
	struct fiber *f = free_fibers;
	void **sp;

	if (f) {
		free_fibers = f->next_free;
	} else {
		f = calloc(1, sizeof(*f));
		f->tsan = __tsan_create_fiber(0);
		f->stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (f->stack == MAP_FAILED)
			abort();
	}
	sp = (void **)(f->stack + STACK_SIZE) - 2; /* at entry, sp + 8 is a multiple of 16 */
	*sp-- = (void *)fiber_first;
	f->sp = sp - 5;
	return f;
}

static struct fiber *fiber_of(struct thread *t)
{
	if (!t->context.s[0])
		t->context.s[0] = (unsigned long)fiber_new();
	return (struct fiber *)t->context.s[0];
}

static void fiber_enter(struct fiber *to)
{
	struct fiber *from = here;

	here = to;
	__tsan_switch_to_fiber(to->tsan, 0);
	fiber_switch(&from->sp, to->sp);
}

void switch_context(struct thread *prev, struct thread *next)
{
	struct fiber *to = fiber_of(next);

	if (prev->state == THREAD_DEAD) { /* its stack is not reused before the next new thread */
		here->next_free = free_fibers;
		free_fibers = here;
	}
	running = next;
	fiber_enter(to);
}

void machine_enter(void)
{
	if (!left_for_main) {
		main_fiber.tsan = __tsan_get_current_fiber();
		here = &main_fiber;
		running = &boot_thread;
		boot_thread.context.ra = (unsigned long)machine_boot;
		left_for_main = fiber_of(&boot_thread);
	}
	fiber_enter(left_for_main);
}

void machine_leave(void)
{
	left_for_main = here;
	fiber_enter(&main_fiber);
}

/* ---- harts ---- */

static void *run_hart(void *idle)
{
	static struct fiber own[MACHINE_HARTS];

	running = idle;
	here = &own[running->hart];
	here->tsan = __tsan_get_current_fiber();
	running->context.s[0] = (unsigned long)here;
	native_csr_poke(CSR_stimecmp, ~0UL);
	secondary_main();
}

void machine_start_hart(struct thread *idle)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_hart, idle))
		machine_fail("cannot start hart %u", idle->hart);
}

void machine_ipi(unsigned int hart)
{
	__atomic_store_n(&ipis[hart], true, __ATOMIC_SEQ_CST);
}

/* ---- interrupts and the clock ---- */

static u64 now(void)
{
	static u64 start;
	struct timespec t;
	u64 ticks;

	clock_gettime(CLOCK_MONOTONIC, &t);
	ticks = ((u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec) / (1000000000 / MACHINE_HZ) * SPEED;
	if (!start)
		start = ticks;
	return ticks - start + __atomic_load_n(&added, __ATOMIC_RELAXED);
}

/* Show the timer's interrupt in sip as Sstc does, and that of another hart. */
static unsigned long update_sip(void)
{
	unsigned long sip = __real_native_csr_read(CSR_sip) & ~BIT(IRQ_S_TIMER);

	if (now() >= __real_native_csr_read(CSR_stimecmp))
		sip |= BIT(IRQ_S_TIMER);
	if (__atomic_exchange_n(&ipis[this_hart()], false, __ATOMIC_SEQ_CST))
		sip |= BIT(IRQ_S_SOFT);
	native_csr_poke(CSR_sip, sip);
	return sip;
}

unsigned long __wrap_native_csr_read(enum csr_number csr)
{
	return csr == CSR_time  ? now()
	       : csr == CSR_sip ? update_sip()
				: __real_native_csr_read(csr);
}

void machine_time_add(unsigned long ticks)
{
	__atomic_fetch_add(&added, ticks, __ATOMIC_RELAXED);
}

void native_wait_for_interrupt(void)
{
	while (!(update_sip() & __real_native_csr_read(CSR_sie)))
		nanosleep(&(struct timespec){ .tv_nsec = 10000 }, NULL);
}

void native_pause(void)
{
	sched_yield();
}

/* In one of 16 calls, let other harts run, so that they do much between two steps of this one. */
void machine_pause(void)
{
	static __thread u32 state;

	state = state * 1664525 + 1013904223;
	if (state >> 28 == 0)
		sched_yield();
}

/* ---- memory ---- */

static void copy_bytes(void *to, const void *from, size_t n)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

/*
 * The accesses of a program's threads may race, so TSan does not see user memory. Nor does it see
 * pages of files, to which read() and write() have another reference: as on Linux, a read() may
 * return part of a write().
 */
void machine_copy(void *user, void *kernel, size_t n, bool store)
{
	bool seen = page_refs(va_to_pa(kernel)) <= 1;

	if (seen && store)
		__tsan_read_range(kernel, n);
	else if (seen)
		__tsan_write_range(kernel, n);
	copy_bytes(store ? user : kernel, store ? kernel : user, n);
}

/*
 * A look-up without the lock reads a page table that may be freed and reused meanwhile. It then
 * discards what it has read, because peek_seq has changed.
 */
const char *__tsan_default_suppressions(void)
{
	return "race:pgtable_peek\n";
}

const char *__tsan_default_options(void)
{
	return "halt_on_error=1:abort_on_error=1:detect_deadlocks=0:history_size=5";
}
