// SPDX-License-Identifier: MIT
/*
 * test_mutex.c - the host's mutexes (src/host/sched/mutex.c) on pthreads: one holder at a time, no
 * lost wake-up, and no thread that waits forever while others take the mutex repeatedly.
 *
 * A test holds a thread back to model a thread that was woken but gets no hart. The tests control
 * the time. The program is built twice: with ASan and UBSan, and with TSan.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sched.h>
#include <unistd.h>
#include <cmocka.h>
#include <asm-generic/errno.h>
#include "hv/host.h"
#include "sched/wait.h"

#define HZ 10000000UL

static pthread_mutex_t shim_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t shim_changed = PTHREAD_COND_INITIALIZER;
static struct thread self; /* the test's own thread */
__thread struct thread *current = &self;
static u64 now;
static struct mutex m;
unsigned int hv_hartmask_words = 1;

/* ---- the host that mutex.c sees ---- */

/* Used only for the time: hv_time(). */
unsigned long native_csr_read(enum csr_number csr)
{
	assert_int_equal(csr, CSR_time);
	return __atomic_load_n(&now, __ATOMIC_RELAXED);
}

unsigned long hv_timebase_hz(void)
{
	return HZ;
}

void hv_cpu_relax(void)
{
	sched_yield();
}

void panic(const char *fmt, ...);
void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	abort();
}

static bool may_run(const struct thread *t)
{
	return !t->held_back && __atomic_load_n(&t->state, __ATOMIC_SEQ_CST) == THREAD_RUNNING;
}

void schedule(void)
{
	pthread_mutex_lock(&shim_lock);
	current->sleeps++;
	current->resting++;
	pthread_cond_broadcast(&shim_changed);
	while (!may_run(current))
		pthread_cond_wait(&shim_changed, &shim_lock);
	current->resting--;
	pthread_mutex_unlock(&shim_lock);
}

/* A kick lets all threads that have been woken run. */
void hv_hart_kick(unsigned int hart)
{
	(void)hart;
	pthread_mutex_lock(&shim_lock);
	pthread_cond_broadcast(&shim_changed);
	pthread_mutex_unlock(&shim_lock);
}

void hv_harts_kick(const struct hv_hartmask *harts)
{
	(void)harts;
	abort(); /* a mutex wakes one thread at a time */
}

void thread_wake(struct thread *t, struct hv_kicks *kicks)
{
	__atomic_store_n(&t->state, THREAD_RUNNING, __ATOMIC_SEQ_CST);
	if (kicks)
		hv_kicks_add(kicks, 0);
	else
		hv_hart_kick(0);
}

bool thread_sleep_ends(const struct thread *t, enum thread_state state)
{
	return (state == THREAD_INTERRUPTIBLE && __atomic_load_n(&t->signal, __ATOMIC_SEQ_CST)) ||
	       (state != THREAD_SLEEPING && __atomic_load_n(&t->kill, __ATOMIC_SEQ_CST));
}

/* ---- control of threads ---- */

static void *body(void *arg)
{
	current = arg;
	current->result = current->fn();
	__atomic_store_n(&current->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static void start(struct thread *t, int (*fn)(void))
{
	*t = (struct thread){ .fn = fn };
	assert_int_equal(pthread_create(&t->pthread, NULL, body, t), 0);
}

static int end(struct thread *t)
{
	pthread_join(t->pthread, NULL);
	return t->result;
}

/* Wait until the thread sleeps for the n-th time. */
static void wait_until_asleep(struct thread *t, unsigned int n)
{
	pthread_mutex_lock(&shim_lock);
	while (t->sleeps < n || !t->resting)
		pthread_cond_wait(&shim_changed, &shim_lock);
	pthread_mutex_unlock(&shim_lock);
}

static void hold_back(struct thread *t, bool held)
{
	pthread_mutex_lock(&shim_lock);
	t->held_back = held;
	pthread_cond_broadcast(&shim_changed);
	pthread_mutex_unlock(&shim_lock);
}

static void send_signal(struct thread *t)
{
	__atomic_store_n(&t->signal, true, __ATOMIC_SEQ_CST);
	thread_wake(t, NULL);
}

/* The same, but wake only a sleeper that a signal may wake, as the host does. */
static void interrupt(struct thread *t)
{
	__atomic_store_n(&t->signal, true, __ATOMIC_SEQ_CST);
	if (__sync_bool_compare_and_swap(&t->state, THREAD_INTERRUPTIBLE, THREAD_RUNNING))
		hv_hart_kick(0);
}

static void pass_time(unsigned int ms)
{
	__atomic_fetch_add(&now, ms * (HZ / 1000), __ATOMIC_RELAXED);
}

static struct thread *holders[2]; /* the last two of lock_and_unlock() */

static int lock_and_unlock(void)
{
	mutex_lock(&m);
	holders[0] = holders[1];
	holders[1] = current;
	mutex_unlock(&m);
	return 0;
}

static int lock_interruptible(void)
{
	int err = mutex_lock_interruptible(&m);

	if (!err)
		mutex_unlock(&m);
	return err;
}

static int lock_killable(void)
{
	int err = mutex_lock_killable(&m);

	if (!err)
		mutex_unlock(&m);
	return err;
}

/* Release the mutex, which wakes t, and take it again before t runs. */
static void take_again_before(struct thread *t)
{
	unsigned int sleeps = t->sleeps;

	hold_back(t, true);
	mutex_unlock(&m);
	assert_true(mutex_trylock(&m));
	hold_back(t, false);
	wait_until_asleep(t, sleeps + 1);
}

static int setup(void **state)
{
	(void)state;
	mutex_init(&m);
	return 0;
}

/* Check that the mutex is free, with no trace of its waiters. */
static int teardown(void **state)
{
	(void)state;
	return m.holder || !list_empty(&m.waiters);
}

/* ---- claims ---- */

static int try_once(void)
{
	return mutex_trylock(&m);
}

static void only_one_thread_holds_the_mutex(void **state)
{
	struct thread other;

	(void)state;
	assert_false(mutex_is_mine(&m));
	assert_true(mutex_trylock(&m));
	assert_true(mutex_is_mine(&m));
	assert_false(mutex_trylock(&m));
	start(&other, try_once);
	assert_int_equal(end(&other), false);
	mutex_unlock(&m);
	assert_false(mutex_is_mine(&m));
}

static void a_waiter_gets_the_mutex_when_it_is_unlocked(void **state)
{
	struct thread other;

	(void)state;
	mutex_lock(&m);
	start(&other, lock_and_unlock);
	wait_until_asleep(&other, 1);
	assert_true(mutex_is_mine(&m));
	mutex_unlock(&m);
	assert_int_equal(end(&other), 0);
}

static void a_newcomer_can_overtake_a_woken_waiter(void **state)
{
	struct thread other;

	(void)state;
	mutex_lock(&m);
	start(&other, lock_and_unlock);
	wait_until_asleep(&other, 1);
	for (int i = 0; i < 10; i++)
		take_again_before(&other);
	mutex_unlock(&m);
	assert_int_equal(end(&other), 0);
}

/* Start a waiter, let its patience end, and wake it too late: it then requests a handoff. */
static void wait_until_it_requests(struct thread *t, int (*fn)(void))
{
	start(t, fn);
	wait_until_asleep(t, 1);
	pass_time(MUTEX_PATIENCE_MS);
	take_again_before(t);
}

static void a_waiter_out_of_patience_is_handed_the_mutex(void **state)
{
	struct thread other;

	(void)state;
	mutex_lock(&m);
	wait_until_it_requests(&other, lock_and_unlock);
	hold_back(&other, true);
	mutex_unlock(&m);
	/* The waiter has not run yet, but no other thread can take the mutex. */
	for (int i = 0; i < 10; i++)
		assert_false(mutex_trylock(&m));
	hold_back(&other, false);
	assert_int_equal(end(&other), 0);
	assert_true(mutex_trylock(&m));
	mutex_unlock(&m);
}

static void waiters_are_handed_the_mutex_in_order(void **state)
{
	struct thread first, second;

	(void)state;
	mutex_lock(&m);
	start(&first, lock_and_unlock);
	wait_until_asleep(&first, 1);
	start(&second, lock_and_unlock);
	wait_until_asleep(&second, 1);
	pass_time(MUTEX_PATIENCE_MS);
	take_again_before(&first);
	assert_int_equal(second.sleeps, 1); /* it was not even woken */
	mutex_unlock(&m);
	assert_int_equal(end(&first), 0);
	assert_int_equal(end(&second), 0);
	assert_ptr_equal(holders[0], &first);
	assert_ptr_equal(holders[1], &second);
}

static void a_signal_ends_an_interruptible_wait(void **state)
{
	struct thread other;

	(void)state;
	mutex_lock(&m);
	start(&other, lock_killable);
	wait_until_asleep(&other, 1);
	send_signal(&other); /* not a signal that ends the process */
	wait_until_asleep(&other, 2);
	assert_false(other.done);
	__atomic_store_n(&other.kill, true, __ATOMIC_SEQ_CST);
	thread_wake(&other, NULL);
	assert_int_equal(end(&other), -EINTR);

	start(&other, lock_interruptible);
	wait_until_asleep(&other, 1);
	send_signal(&other);
	assert_int_equal(end(&other), -EINTR);
	assert_true(mutex_is_mine(&m));
	mutex_unlock(&m);
}

static void an_interrupted_requester_cancels_the_handoff(void **state)
{
	struct thread other;

	(void)state;
	mutex_lock(&m);
	wait_until_it_requests(&other, lock_interruptible);
	send_signal(&other);
	assert_int_equal(end(&other), -EINTR);
	mutex_unlock(&m);
	assert_true(mutex_trylock(&m));
	mutex_unlock(&m);
}

static void an_interrupted_requester_passes_its_turn_on(void **state)
{
	struct thread first, second;

	(void)state;
	mutex_lock(&m);
	wait_until_it_requests(&first, lock_interruptible);
	start(&second, lock_and_unlock);
	wait_until_asleep(&second, 1);
	send_signal(&first);
	assert_int_equal(end(&first), -EINTR);
	mutex_unlock(&m);
	assert_int_equal(end(&second), 0);
}

static void a_signal_does_not_undo_a_handoff(void **state)
{
	struct thread other;

	(void)state;
	mutex_lock(&m);
	wait_until_it_requests(&other, lock_interruptible);
	hold_back(&other, true);
	mutex_unlock(&m);
	send_signal(&other);
	hold_back(&other, false);
	assert_int_equal(end(&other), 0);
}

static unsigned long plain; /* protected only by the mutex */
static bool released;       /* atomic, without ordering */

static int add_first(void)
{
	mutex_lock(&m);
	plain++;
	mutex_unlock(&m);
	__atomic_store_n(&released, true, __ATOMIC_RELAXED);
	return 0;
}

static int add_after(void)
{
	while (!__atomic_load_n(&released, __ATOMIC_RELAXED))
		sched_yield();
	return add_first();
}

/* For TSan: only the mutex's word orders the two threads. */
static void a_holder_sees_the_previous_holders_writes(void **state)
{
	struct thread first, second;

	(void)state;
	released = false;
	start(&second, add_after);
	start(&first, add_first);
	end(&first);
	end(&second);
	assert_int_equal(plain, 2);
}

/* ---- random operations ---- */

#define THREADS 6
#define ROUNDS  1000

static unsigned long counter; /* protected only by the mutex */
static unsigned long taken;   /* atomic */

static int work(void)
{
	unsigned int chance = (unsigned int)(uintptr_t)current;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		int err = 0;

		chance = chance * 1664525 + 1013904223;
		if ((chance >> 24) % 8 == 0)
			pass_time(1);
		switch ((chance >> 16) % 4) {
		case 0:
			err = !mutex_trylock(&m);
			break;
		case 1:
			err = mutex_lock_interruptible(&m);
			__atomic_store_n(&current->signal, false, __ATOMIC_SEQ_CST);
			break;
		default:
			mutex_lock(&m);
		}
		if (err)
			continue;
		counter++;
		if ((chance >> 20) % 4 == 0)
			sched_yield();
		mutex_unlock(&m);
		__atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED);
	}
	return 0;
}

static void random_operations_keep_exclusion_and_forget_no_thread(void **state)
{
	struct thread threads[THREADS];
	bool all_done = false;

	(void)state;
	counter = taken = 0;
	for (int i = 0; i < THREADS; i++)
		start(&threads[i], work);
	for (int i = 0; !all_done; i++) {
		interrupt(&threads[i % THREADS]);
		usleep(50);
		all_done = true;
		for (int n = 0; n < THREADS; n++)
			all_done &= __atomic_load_n(&threads[n].done, __ATOMIC_SEQ_CST);
	}
	for (int i = 0; i < THREADS; i++)
		end(&threads[i]);
	assert_int_equal(counter, taken);
	assert_in_range(counter, THREADS * ROUNDS / 8, THREADS * ROUNDS);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(only_one_thread_holds_the_mutex),
		CLAIM(a_waiter_gets_the_mutex_when_it_is_unlocked),
		CLAIM(a_newcomer_can_overtake_a_woken_waiter),
		CLAIM(a_waiter_out_of_patience_is_handed_the_mutex),
		CLAIM(waiters_are_handed_the_mutex_in_order),
		CLAIM(a_signal_ends_an_interruptible_wait),
		CLAIM(an_interrupted_requester_cancels_the_handoff),
		CLAIM(an_interrupted_requester_passes_its_turn_on),
		CLAIM(a_signal_does_not_undo_a_handoff),
		CLAIM(a_holder_sees_the_previous_holders_writes),
		CLAIM(random_operations_keep_exclusion_and_forget_no_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
