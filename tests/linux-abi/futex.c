// SPDX-License-Identifier: MIT
/*
 * futex.c - the futex system call (through syscall()), clocks, CPU times and sleeps.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

static uint32_t word, other;

static long futex(uint32_t *addr, int op, uint32_t val, const void *timeout, uint32_t *addr2,
		  uint32_t val3)
{
	return syscall(SYS_futex, addr, op, val, timeout, addr2, val3);
}

static double now(int clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void test_errors(void)
{
	struct timespec bad = { .tv_nsec = 1000000000 };

	fails_with(futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0), EAGAIN,
		   "FUTEX_WAIT fails with EAGAIN if the word does not have the expected value");
	fails_with(futex((uint32_t *)((char *)&word + 1), FUTEX_WAIT, 0, NULL, NULL, 0), EINVAL,
		   "FUTEX_WAIT at an unaligned address fails with EINVAL");
	fails_with(futex((uint32_t *)4096, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT,
		   "FUTEX_WAIT at an unmapped address fails with EFAULT");
	fails_with(futex(&word, FUTEX_WAIT, 0, &bad, NULL, 0), EINVAL,
		   "FUTEX_WAIT with a timeout whose tv_nsec is 10^9 fails with EINVAL");
	fails_with(futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0), EINVAL,
		   "FUTEX_WAIT_BITSET without bits fails with EINVAL");
	fails_with(futex(&word, 99, 0, NULL, NULL, 0), ENOSYS,
		   "an unknown futex operation fails with ENOSYS");
	ok(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0) == 0, "FUTEX_WAKE without waiters returns 0");
}

static void test_timeouts(void)
{
	struct timespec brief = { .tv_nsec = 30000000 }, end;
	double start = now(CLOCK_MONOTONIC), took;

	fails_with(futex(&word, FUTEX_WAIT_PRIVATE, 0, &brief, NULL, 0), ETIMEDOUT,
		   "a relative timeout ends FUTEX_WAIT with ETIMEDOUT");
	took = now(CLOCK_MONOTONIC) - start;
	ok(took >= 0.03 && took < 5,
	   "FUTEX_WAIT with a relative timeout returns neither early nor 5 s late");
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += 30000000;
	if (end.tv_nsec >= 1000000000)
		end.tv_nsec -= 1000000000, end.tv_sec++;
	fails_with(futex(&word, FUTEX_WAIT_BITSET, 0, &end, NULL, ~0U), ETIMEDOUT,
		   "an absolute monotonic timeout ends FUTEX_WAIT_BITSET with ETIMEDOUT");
	ok(now(CLOCK_MONOTONIC) >= (double)end.tv_sec + (double)end.tv_nsec / 1e9,
	   "FUTEX_WAIT_BITSET with an absolute timeout does not return early");
	end.tv_sec = 1;
	fails_with(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &end, NULL, ~0U),
		   ETIMEDOUT, "an absolute timeout in the past ends a wait with ETIMEDOUT");
}

static volatile int sleeping;

static void *wait_on(void *arg)
{
	__atomic_fetch_add(&sleeping, 1, __ATOMIC_SEQ_CST);
	return (void *)futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, (uint32_t)(long)arg);
}

static void start(pthread_t *t, long bits)
{
	int before = sleeping;

	pthread_create(t, NULL, wait_on, (void *)bits);
	while (sleeping == before)
		usleep(1000);
	usleep(20000);
}

static void test_bitset_requeue(void)
{
	pthread_t t[4];
	long total = 0;

	start(&t[0], 1);
	start(&t[1], 2);
	ok(futex(&word, FUTEX_WAKE_BITSET, 10, NULL, NULL, 2) == 1,
	   "FUTEX_WAKE_BITSET wakes only the waiter with that bit");
	pthread_join(t[1], NULL);
	ok(futex(&word, FUTEX_WAKE, 10, NULL, NULL, 0) == 1,
	   "FUTEX_WAKE wakes the remaining waiter");
	pthread_join(t[0], NULL);
	for (int i = 0; i < 4; i++)
		start(&t[i], ~0U);
	fails_with(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)2L, &other, 5), EAGAIN,
		   "FUTEX_CMP_REQUEUE fails with EAGAIN if the word has another value");
	ok(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)2L, &other, 0) == 3,
	   "FUTEX_CMP_REQUEUE wakes one waiter and moves two");
	ok(futex(&other, FUTEX_WAKE, 10, NULL, NULL, 0) == 2,
	   "the two moved waiters wait on the other word");
	ok(futex(&word, FUTEX_WAKE, 10, NULL, NULL, 0) == 1,
	   "the fourth waiter still waits on the first word");
	for (int i = 0; i < 4; i++) {
		void *ret;

		pthread_join(t[i], &ret);
		total += (long)ret;
	}
	ok(total == 0, "all four waits return 0");
}

/* Threads in a ring pass a token on: a lost wake-up would hang the test. */
#define RING 6
#define LAPS 300

static uint32_t ring[RING];

static void *ring_member(void *arg)
{
	int me = (int)(long)arg, next = (me + 1) % RING;

	for (int lap = 0; lap < LAPS; lap++) {
		while (__atomic_load_n(&ring[me], __ATOMIC_SEQ_CST) == 0)
			futex(&ring[me], FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
		__atomic_store_n(&ring[me], 0, __ATOMIC_SEQ_CST);
		__atomic_store_n(&ring[next], 1, __ATOMIC_SEQ_CST);
		futex(&ring[next], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	}
	return NULL;
}

static void test_ring(void)
{
	pthread_t t[RING];

	for (long i = 0; i < RING; i++)
		pthread_create(&t[i], NULL, ring_member, (void *)i);
	ring[0] = 1;
	futex(&ring[0], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	for (int i = 0; i < RING; i++)
		pthread_join(t[i], NULL);
	ok(true, "no wake-up is lost when threads pass a token around");
}

static void test_shared_mapping(void)
{
	uint32_t *a = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;

	if (fork() == 0) {
		/* Wait at another address: a shared futex is identified by its object. */
		uint32_t *b = mremap(
			a, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED,
			(char *)mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

		_exit(futex(b, FUTEX_WAIT, 0, NULL, NULL, 0) == 0 ? 0 : 1);
	}
	for (int i = 0; i < 1000 && futex(a, FUTEX_WAKE, 1, NULL, NULL, 0) != 1; i++)
		usleep(2000);
	wait(&status);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	   "a waiter at another address of the shared memory is woken");
}

static void *wait_here(void *word)
{
	return (void *)futex(word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

/* The page of a file on which a thread waits is freed. The file then gets another page there. */
static void test_freed_page(void)
{
	int fd = memfd_create("word", 0);
	bool woken = false;
	uint32_t *w;
	pthread_t t;
	void *ret;

	(void)!ftruncate(fd, 4096);
	w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	*w = 0;
	pthread_create(&t, NULL, wait_here, w);
	usleep(20000); /* long enough for the thread to wait, usually */
	fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
	*(volatile char *)mmap(NULL, 4096, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) = 1;
	for (int i = 0; i < 1000 && !woken; i++) {
		woken = futex(w, FUTEX_WAKE, 1, NULL, NULL, 0) == 1;
		usleep(2000);
	}
	ok(woken, "a thread that waits in a file is woken although its page was freed meanwhile");
	if (woken)
		pthread_join(t, &ret);
	close(fd);
}

/* Compute for 0.1 s. Returns how long this took, in seconds, through *arg. */
static void *spin(void *arg)
{
	double begin = now(CLOCK_MONOTONIC), *took = arg;

	do {
		*took = now(CLOCK_MONOTONIC) - begin;
	} while (*took < 0.1);
	return NULL;
}

/*
 * Two threads that are always ready to run: on one hart, each loses it to the other many times, and
 * at any time, one of them runs. The elapsed time is not that of the main thread: a busy machine may
 * take long to start a thread, or to wake the main thread.
 */
static void test_cpu_time(void)
{
	double cpu = now(CLOCK_PROCESS_CPUTIME_ID), took[2];
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, spin, &took[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	ok(cpu > (took[0] + took[1]) / 4,
	   "the CPU time of two busy threads is at least half of the elapsed time");
}

static void test_clocks(void)
{
	static const int clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
				      CLOCK_THREAD_CPUTIME_ID, CLOCK_BOOTTIME };
	struct timespec ts, far = { .tv_sec = -1 };
	struct timeval tv;
	struct rusage ru;
	struct tms tms;
	bool good = true;
	double t0, t1;

	for (unsigned int i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		good &= clock_gettime(clocks[i], &ts) == 0 && ts.tv_nsec < 1000000000;
		good &= clock_getres(clocks[i], &ts) == 0 && ts.tv_sec == 0;
	}
	ok(good, "clock_gettime() and clock_getres() work for all clocks");
	fails_with(clock_gettime(77, &ts), EINVAL,
		   "clock_gettime() of an unknown clock fails with EINVAL");
	ok(gettimeofday(&tv, NULL) == 0 && labs(tv.tv_sec - time(NULL)) <= 1,
	   "gettimeofday() agrees with time()");
	t0 = now(CLOCK_MONOTONIC);
	ts = (struct timespec){ .tv_nsec = 15000000 };
	ok(nanosleep(&ts, NULL) == 0, "nanosleep returns 0");
	t1 = now(CLOCK_MONOTONIC);
	ok(t1 - t0 >= 0.015 && t1 - t0 < 5, "nanosleep() returns neither early nor 5 s late");
	fails_with(nanosleep(&far, NULL), EINVAL,
		   "nanosleep() for a negative time fails with EINVAL");
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_nsec += 10000000;
	if (ts.tv_nsec >= 1000000000)
		ts.tv_nsec -= 1000000000, ts.tv_sec++;
	ok(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == 0 &&
		   now(CLOCK_MONOTONIC) >= (double)ts.tv_sec + (double)ts.tv_nsec / 1e9,
	   "clock_nanosleep() with TIMER_ABSTIME does not return early");
	t0 = now(CLOCK_PROCESS_CPUTIME_ID);
	for (volatile int i = 0; i < 3000000; i++)
		;
	ok(now(CLOCK_PROCESS_CPUTIME_ID) > t0, "a busy loop increases the process's CPU time");
	ok(getrusage(RUSAGE_SELF, &ru) == 0 && ru.ru_utime.tv_sec + ru.ru_utime.tv_usec > 0,
	   "getrusage() returns a CPU time");
	ok(times(&tms) != (clock_t)-1, "times succeeds");
}

int main(void)
{
	test_errors();
	test_timeouts();
	test_bitset_requeue();
	test_ring();
	test_shared_mapping();
	test_freed_page();
	test_clocks();
	test_cpu_time();
	return tap_done();
}
