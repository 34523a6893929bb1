// SPDX-License-Identifier: MIT
/*
 * pmu_threads.c - a guest's counter counts only the guest's own instructions, and overflows when it
 * should, whichever thread runs the vCPU, on whichever hart, and whatever else the thread runs.
 *
 *   pmu_threads [exact]    exact: instructions are counted exactly, as by QEMU with --icount
 *
 * Needs harts with Sscofpmf and Ssaia. Runs on hyperscope only: on Linux 6.12, a counter counts only
 * while the thread that configured it runs.
 */
#include <sched.h>
#include "vm.h"

#define LOOP    50000UL    /* rounds of the guest's loop, of two instructions each */
#define WORK    (2 * LOOP) /* instructions of the loop between two reports */
#define MORE    100UL      /* most instructions outside the loop between two reports */
#define REPORTS 12
#define LCOFI   (1UL << 13)
#define S_INH   (1UL << 6) /* SBI_PMU_CFG_SINH: do not count in S mode */
#define R_A2    CORE(regs.a2)
#define R_A3    CORE(regs.a3)

/*
 * a0: rounds of the loop; a1: the counter's first value; a2: flags of the configuration; a3: whether
 * the loop runs in U mode. Counter 2 counts instructions. Each report has the error of the SBI calls,
 * the counter's value and sip.
 */
GUEST(count, "mv s0, a0\nmv s1, a1\nmv s3, a3\nlla t0, 9f\ncsrw stvec, t0\n"
	     "li a7, 0x504d55\nli a6, 2\nli a0, 0\nli a1, 4\nli a3, 2\nli a4, 0\nli a5, 0\necall\n"
	     "mv s2, a0\nli a6, 3\nli a0, 2\nli a1, 1\nli a2, 1\nmv a3, s1\nli a4, 0\necall\n"
	     "or s2, s2, a0\n"
	     "1: mv t0, s0\nbnez s3, 4f\n"
	     "2: addi t0, t0, -1\nbnez t0, 2b\n"
	     "3: csrr a1, instret\ncsrr a2, sip\nmv a0, s2\n" REPORT "j 1b\n"
	     "4: li t1, 0x100\ncsrc sstatus, t1\nlla t1, 5f\ncsrw sepc, t1\nsret\n"
	     "5: addi t0, t0, -1\nbnez t0, 5b\necall\n"
	     ".balign 4\n9: csrr t1, scause\nli t2, 8\nbeq t1, t2, 3b\nli s2, -1\nli a1, 0\n"
	     "mv a0, s2\n" REPORT "j 9b\n");

static bool exact;

struct guest {
	struct vm vm;
	struct vcpu vcpu;
	bool failed;
	uint64_t value, before;
	unsigned long sip;
};

static void guest_new(struct guest *g, unsigned long loop, uint64_t value, unsigned long flags,
		      bool user)
{
	*g = (struct guest){ .vm = vm_new(), .value = value };
	vm_load(&g->vm, count);
	g->vcpu = vcpu_new(&g->vm, 0);
	must(!set_reg(&g->vcpu, R_A0, loop) && !set_reg(&g->vcpu, R_A1, value) &&
		     !set_reg(&g->vcpu, R_A2, flags) && !set_reg(&g->vcpu, R_A3, user),
	     "registers");
}

static void guest_free(struct guest *g)
{
	vcpu_free(&g->vcpu);
	vm_free(&g->vm);
}

/* Run the guest until its next report. */
static void run(struct guest *g)
{
	g->failed |= vcpu_run(&g->vcpu) != 0 || !is_report(&g->vcpu, 0);
	g->before = g->value;
	g->value = g->vcpu.run->riscv_sbi.args[1];
	g->sip = g->vcpu.run->riscv_sbi.args[2];
}

static bool counted_its_own(const struct guest *g)
{
	uint64_t n = g->value - g->before;

	if (!g->failed && (exact ? n >= WORK && n < WORK + MORE : n > 0))
		return true;
	printf("# counted %lu of %lu%s\n", (unsigned long)n, WORK, g->failed ? ", failed" : "");
	return false;
}

/* ---- threads ---- */

struct turn {
	struct guest *guest, *noise; /* noise: another guest, which runs first; or NULL */
	int hart;
};

static void *take_turn(void *arg)
{
	const struct turn *turn = arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(turn->hart, &set);
	sched_setaffinity(0, sizeof(set), &set); /* on a machine with one hart, it stays there */
	if (turn->noise)
		run(turn->noise);
	run(turn->guest);
	return NULL;
}

/* Threads that take turns, each of them on its hart; or a new thread for each turn. */
struct workers {
	pthread_t thread[2];
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct turn *turn; /* NULL: it is over */
	unsigned int who;
	bool end;
};

static struct workers workers = { .mutex = PTHREAD_MUTEX_INITIALIZER,
				  .changed = PTHREAD_COND_INITIALIZER };

static void *work(void *arg)
{
	struct workers *w = &workers;
	unsigned int me = (unsigned int)(uintptr_t)arg;

	pthread_mutex_lock(&w->mutex);
	while (!w->end) {
		if (w->turn && w->who == me) {
			take_turn(w->turn);
			w->turn = NULL;
			pthread_cond_broadcast(&w->changed);
		}
		if (!w->end)
			pthread_cond_wait(&w->changed, &w->mutex);
	}
	pthread_mutex_unlock(&w->mutex);
	return NULL;
}

static void turn_in_worker(struct turn *turn, unsigned int who)
{
	struct workers *w = &workers;

	pthread_mutex_lock(&w->mutex);
	w->turn = turn;
	w->who = who;
	pthread_cond_broadcast(&w->changed);
	while (w->turn)
		pthread_cond_wait(&w->changed, &w->mutex);
	pthread_mutex_unlock(&w->mutex);
}

static void turn_in_new_thread(struct turn *turn, unsigned int who)
{
	pthread_t thread;

	(void)who;
	pthread_create(&thread, NULL, take_turn, turn);
	pthread_join(thread, NULL);
}

static void turn_here(struct turn *turn, unsigned int who)
{
	(void)who;
	take_turn(turn);
}

/* ---- claims ---- */

static void test_counts(const char *name, void (*take)(struct turn *turn, unsigned int who),
			struct guest *noise)
{
	struct guest g;
	struct turn turn = { &g, noise, 0 };
	unsigned int i, right = 0;

	guest_new(&g, LOOP, 1000, 0, false);
	for (i = 0; i < REPORTS; i++) {
		turn.hart = i / 2 % 2;
		take(&turn, i % 2);
		right += counted_its_own(&g);
	}
	ok(right == REPORTS, name);
	guest_free(&g);
}

/* The counter overflows in the middle of its fifth loop. A guest in U mode does not count in S mode. */
static void test_overflow(const char *name, void (*take)(struct turn *turn, unsigned int who),
			  struct guest *noise, bool user)
{
	struct guest g;
	struct turn turn = { &g, noise, 0 };
	unsigned int i, wrong = 0;

	guest_new(&g, LOOP, -(uint64_t)(4 * WORK + WORK / 2), user ? S_INH : 0, user);
	for (i = 0; i < 8; i++) {
		bool wrapped;

		take(&turn, i % 2);
		wrapped = g.value >> 63 == 0;
		if (!counted_its_own(&g) || wrapped != (i >= 4) || !(g.sip & LCOFI) != !wrapped) {
			printf("# report %u: value %#lx, sip %#lx\n", i, (unsigned long)g.value,
			       g.sip);
			wrong++;
		}
	}
	ok(!wrong, name);
	guest_free(&g);
}

/* Configure and start counters, and end in every state, many times. */
static void test_many(void)
{
	unsigned int i;
	bool failed = false;

	for (i = 0; i < 50; i++) {
		struct guest g;
		struct turn turn = { &g, NULL, (int)(i % 2) };

		guest_new(&g, 10, i, 0, i % 3 == 0);
		turn_in_new_thread(&turn, 0);
		if (i % 2)
			turn_here(&turn, 0);
		failed |= g.failed;
		guest_free(&g);
	}
	ok(!failed, "50 VMs end with started counters");
}

int main(int argc, char **argv)
{
	struct guest noise;

	exact = argc > 1 && !strcmp(argv[1], "exact");
	guest_new(&noise, 8 * LOOP, 0, 0, false);
	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&workers.thread[i], NULL, work, (void *)i);

	test_counts("one thread runs the vCPU", turn_here, NULL);
	test_counts("two threads run the vCPU in turns", turn_in_worker, NULL);
	test_counts("a new thread runs the vCPU each time", turn_in_new_thread, NULL);
	test_counts("its thread also runs another guest", turn_here, &noise);
	test_counts("two threads also run another guest", turn_in_worker, &noise);
	if (exact) {
		test_overflow("overflow: one thread", turn_here, NULL, false);
		test_overflow("overflow: two threads, which also run another guest", turn_in_worker,
			      &noise, false);
		test_overflow("overflow in U mode: one thread", turn_here, NULL, true);
		test_overflow("overflow in U mode: two threads, which also run another guest",
			      turn_in_worker, &noise, true);
	}
	test_many();

	pthread_mutex_lock(&workers.mutex);
	workers.end = true;
	pthread_cond_broadcast(&workers.changed);
	pthread_mutex_unlock(&workers.mutex);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(workers.thread[i], NULL);
	guest_free(&noise);
	return tap_done();
}
