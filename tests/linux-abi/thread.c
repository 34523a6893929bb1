// SPDX-License-Identifier: MIT
/* thread.c - POSIX threads as glibc creates them: clone(), TLS, futexes, robust lists, exit(). */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

#define THREADS 8
#define ROUNDS  2000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static volatile int *volatile bad_pointer = (int *)8;
static long counter;
static __thread int own = 5;

static void *count(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	own += (int)(long)arg;
	return (void *)(long)own;
}

static void test_join(void)
{
	pthread_t t[THREADS];
	bool good = true;

	for (long i = 0; i < THREADS; i++)
		good &= pthread_create(&t[i], NULL, count, (void *)i) == 0;
	ok(good, "eight threads start");
	for (long i = 0; i < THREADS; i++) {
		void *ret;

		good &= pthread_join(t[i], &ret) == 0 && (long)ret == 5 + i;
	}
	ok(good, "each thread is joined and has its own thread-local data");
	ok(counter == THREADS * ROUNDS, "a mutex protects a counter");
}

static int turn;

static void *ping(void *arg)
{
	int me = (int)(long)arg;

	for (int i = 0; i < 500; i++) {
		pthread_mutex_lock(&mutex);
		while (turn != me)
			pthread_cond_wait(&cond, &mutex);
		turn = !me;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void test_cond(void)
{
	pthread_t t[2];
	struct timespec end;

	for (long i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, ping, (void *)i);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	ok(turn == 0, "two threads alternate 500 times with a condition variable");
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_nsec += 20000000;
	if (end.tv_nsec >= 1000000000)
		end.tv_nsec -= 1000000000, end.tv_sec++;
	pthread_mutex_lock(&mutex);
	ok(pthread_cond_timedwait(&cond, &mutex, &end) == ETIMEDOUT,
	   "pthread_cond_timedwait returns ETIMEDOUT");
	pthread_mutex_unlock(&mutex);
}

static void *meet(void *arg)
{
	long serial = 0;

	(void)arg;
	for (int i = 0; i < 50; i++)
		serial += pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
	return (void *)serial;
}

static void test_barrier(void)
{
	pthread_t t[4];
	long total = 0;

	pthread_barrier_init(&barrier, NULL, 4);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, meet, NULL);
	for (int i = 0; i < 4; i++) {
		void *ret;

		pthread_join(t[i], &ret);
		total += (long)ret;
	}
	ok(total == 50, "four threads meet at a barrier 50 times");
}

static void *endless(void *arg)
{
	(void)arg;
	for (;;)
		sleep(100);
	return NULL;
}

static void *nothing(void *arg)
{
	return arg;
}

static void test_cancel_detach(void)
{
	pthread_attr_t attr;
	pthread_t t;
	void *ret;
	bool good = true;

	pthread_create(&t, NULL, endless, NULL);
	usleep(10000);
	ok(pthread_cancel(t) == 0 && pthread_join(t, &ret) == 0 && ret == PTHREAD_CANCELED,
	   "a sleeping thread can be canceled");
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < 50; i++)
		good &= pthread_create(&t, &attr, nothing, NULL) == 0;
	ok(good, "50 detached threads can be created");
	usleep(20000);
}

static void *lock_and_die(void *arg)
{
	pthread_mutex_lock(arg);
	return NULL;
}

static void test_robust(void)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t *m =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_t t;
	int status;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(m, &attr);
	pthread_create(&t, NULL, lock_and_die, m);
	pthread_join(t, NULL);
	ok(pthread_mutex_lock(m) == EOWNERDEAD,
	   "a robust mutex reports that its owner, a thread, has ended");
	ok(pthread_mutex_consistent(m) == 0 && pthread_mutex_unlock(m) == 0,
	   "the mutex of an ended thread can be made consistent");
	if (fork() == 0) {
		pthread_mutex_lock(m);
		kill(getpid(), SIGKILL);
	}
	usleep(1000);
	wait(&status);
	ok(pthread_mutex_lock(m) == EOWNERDEAD,
	   "a robust mutex reports that its owner, a process, was killed");
	ok(pthread_mutex_consistent(m) == 0 && pthread_mutex_unlock(m) == 0,
	   "the mutex of a killed process can be made consistent");
}

static void test_shared_semaphore(void)
{
	sem_t *s = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sem_t *back = s + 1;
	bool good = true;

	sem_init(s, 1, 0);
	sem_init(back, 1, 0);
	if (fork() == 0) {
		for (int i = 0; i < 100; i++) {
			sem_wait(s);
			sem_post(back);
		}
		_exit(0);
	}
	for (int i = 0; i < 100; i++) {
		sem_post(s);
		good &= sem_wait(back) == 0;
	}
	wait(NULL);
	ok(good, "two processes wake each other through shared memory 100 times");
}

static void *exit_from_thread(void *arg)
{
	usleep(5000);
	exit((int)(long)arg);
}

static void test_exit(void)
{
	int status;
	pthread_t t;

	if (fork() == 0) {
		pthread_create(&t, NULL, endless, NULL);
		pthread_create(&t, NULL, exit_from_thread, (void *)11L);
		endless(NULL);
	}
	wait(&status);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 11, "exit() in one thread ends all threads");
	if (fork() == 0) {
		pthread_create(&t, NULL, exit_from_thread, (void *)12L);
		pthread_exit(NULL);
	}
	wait(&status);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 12, "a process outlives its first thread");
	if (fork() == 0) {
		for (int i = 0; i < 4; i++)
			pthread_create(&t, NULL, endless, NULL);
		usleep(2000);
		*bad_pointer = 1;
	}
	wait(&status);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
	   "a fault in one thread ends all threads");
}

static void *leave_together(void *arg)
{
	pthread_barrier_wait(arg);
	syscall(SYS_exit, 0);
	return NULL;
}

/*
 * The last thread to exit frees the address space while others are still exiting on other harts:
 * the host panics if one of these still runs on the freed page table.
 */
static void test_exit_together(void)
{
	pthread_barrier_t gate;
	int status, good = 0;
	pthread_t t;

	for (int i = 0; i < 40; i++) {
		if (fork() == 0) {
			pthread_barrier_init(&gate, NULL, 5);
			for (int j = 0; j < 4; j++)
				pthread_create(&t, NULL, leave_together, &gate);
			leave_together(&gate);
		}
		wait(&status);
		good += WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	ok(good == 40, "a process whose threads all exit at the same time ends");
}

static void *exec_from_thread(void *arg)
{
	char *args[] = { arg, "child", NULL };
	char *env[] = { NULL };

	execve(arg, args, env);
	return NULL;
}

static void test_exec(void)
{
	int status;
	pthread_t t;
	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 0; i < 3; i++)
			pthread_create(&t, NULL, endless, NULL);
		pthread_create(&t, NULL, exec_from_thread, "/proc/self/exe");
		endless(NULL);
	}
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 33,
	   "execve() in one thread ends the others and keeps the PID");
}

static void test_affinity(void)
{
	cpu_set_t set;
	int n;

	ok(sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) >= 1,
	   "sched_getaffinity() returns at least one CPU");
	n = CPU_COUNT(&set);
	for (int cpu = 0; cpu < n && cpu < 4; cpu++) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set) || sched_getcpu() != cpu)
			return (void)ok(false, "a thread runs on the CPU that it is bound to");
	}
	ok(true, "a thread runs on the CPU that it is bound to");
	CPU_ZERO(&set);
	fails_with(sched_setaffinity(0, sizeof(set), &set), EINVAL,
		   "sched_setaffinity() without CPUs fails with EINVAL");
	memset(&set, 0xff, sizeof(set));
	ok(sched_setaffinity(0, sizeof(set), &set) == 0,
	   "sched_setaffinity() with all CPUs succeeds");
}

/* Compute in FP registers across switches. Returns NULL if the sum is wrong. */
static void *fp_spin(void *arg)
{
	double x = (double)(long)arg, sum = 0;

	for (int i = 0; i < 200000; i++) {
		__asm__ volatile("" : "+f"(x), "+f"(sum));
		sum += x;
		if (i % 1000 == 0)
			sched_yield();
	}
	return (void *)(long)(sum == x * 200000);
}

static void test_fp(void)
{
	pthread_t t[6];
	bool good = true;

	for (long i = 0; i < 6; i++)
		pthread_create(&t[i], NULL, fp_spin, (void *)(i + 1));
	for (int i = 0; i < 6; i++) {
		void *ret;

		pthread_join(t[i], &ret);
		good &= ret != NULL;
	}
	ok(good, "FP registers survive many switches between threads");
}

static volatile int newest;
static volatile bool looked_enough;

static void *tell_tid(void *arg)
{
	newest = (int)syscall(SYS_gettid);
	if (arg)
		sched_yield();
	return arg;
}

static void *look_at_newest(void *arg)
{
	unsigned long seen = 0;
	struct stat st;
	char path[32];

	while (!looked_enough) {
		snprintf(path, sizeof(path), "/proc/%d/stat", newest);
		seen += stat(path, &st) == 0;
	}
	(void)arg;
	return (void *)seen;
}

/*
 * Look up threads in /proc while they may be exiting. On one hart, each round takes a time slice;
 * there, the threads that yield are found, and the others may already have ended.
 */
static void test_look_at_leaving(void)
{
	int rounds = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 500 : 50;
	pthread_t looker, t;
	void *seen;

	newest = 0; /* no thread has this number */
	pthread_create(&looker, NULL, look_at_newest, NULL);
	for (int i = 0; i < rounds; i++)
		if (pthread_create(&t, NULL, tell_tid, i % 2 ? &t : NULL) == 0)
			pthread_join(t, NULL);
	looked_enough = true;
	pthread_join(looker, &seen);
	ok(seen != NULL, "threads can be looked up in /proc while they end");
}

static volatile bool timers_over;

static void *set_timer(void *arg)
{
	struct itimerval soon = { { 0, 100 }, { 0, 100 } };
	unsigned long n;

	for (n = 0; !timers_over; n++) {
		soon.it_value.tv_usec = (long)(50 + n * 37 % 300);
		setitimer(ITIMER_REAL, &soon, NULL);
	}
	(void)arg;
	return (void *)n;
}

/* The timer fires on one hart while threads on other harts set it. */
static void test_interval_timer(void)
{
	const struct itimerval off = { 0 };
	pthread_t t[3];
	bool good = true;
	void *n;

	signal(SIGALRM, SIG_IGN);
	timers_over = false;
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, set_timer, NULL);
	usleep(300000);
	timers_over = true;
	for (int i = 0; i < 3; i++) {
		pthread_join(t[i], &n);
		good &= n != NULL;
	}
	setitimer(ITIMER_REAL, &off, NULL);
	ok(good, "threads can set an interval timer while it fires");
	signal(SIGALRM, SIG_DFL);
}

static void test_many(void)
{
	struct sysinfo before, after;
	pthread_t t;
	int good = 0, rounds = getenv("HS_LEAK_ROUNDS") ? atoi(getenv("HS_LEAK_ROUNDS")) : 100;

	for (int i = 0; i < 10; i++) {
		pthread_create(&t, NULL, nothing, NULL);
		pthread_join(t, NULL);
	}
	sysinfo(&before);
	for (int i = 0; i < rounds; i++)
		good += pthread_create(&t, NULL, nothing, NULL) == 0 && pthread_join(t, NULL) == 0;
	sysinfo(&after);
	ok(good == rounds, "threads can be created and joined many times");
	printf("# %d threads: %ld KiB less memory free\n", rounds,
	       ((long)before.freeram - (long)after.freeram) / 1024);
	if (getenv("HS_EXACT"))
		ok(after.freeram + 64 * 1024 >= before.freeram,
		   "creating and joining threads leaks no memory");
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return getpid() == (pid_t)syscall(SYS_gettid) ? 33 : 1;
	test_join();
	test_cond();
	test_barrier();
	test_cancel_detach();
	test_robust();
	test_shared_semaphore();
	test_exit();
	test_exit_together();
	test_exec();
	test_affinity();
	test_fp();
	test_look_at_leaving();
	test_interval_timer();
	test_many();
	return tap_done();
}
