// SPDX-License-Identifier: MIT
/*
 * rseq.c - restartable sequences: registration, the hart's number, aborts by switches and by
 * signals, and invalid areas and sections.
 */
#include <linux/rseq.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include "tap.h"

#define SIGNATURE 0xf1401073u
#define THREADS   4
#define ROUNDS    20000
#define CPUS_MAX  64

/*
 * spin(&area.rseq_cs, section, &done): loop in the code from spin_start to spin_end until done is
 * set (returns 0), or until the section is aborted (returns 1).
 */
__asm__(".text\n"
	"spin:\n"
	"	sd	a1, 0(a0)\n"
	"spin_start:\n"
	"	lw	t0, 0(a2)\n"
	"	beqz	t0, spin_start\n"
	"spin_end:\n"
	"	li	a0, 0\n"
	"	ret\n"
	"	.balign	4\n"
	"	.word	0xf1401073\n"
	"spin_abort:\n"
	"	li	a0, 1\n"
	"	ret\n");
long spin(volatile __u64 *cs, const struct rseq_cs *section, volatile int *done);
extern char spin_start[], spin_end[], spin_abort[];

extern const unsigned int __rseq_size __attribute__((weak)); /* of glibc's own area, since 2.35 */

static __thread volatile struct rseq area;
static volatile int done;
static int cpus;

static long sys_rseq(volatile void *at, unsigned int len, int flags, unsigned int sig)
{
	return syscall(__NR_rseq, at, len, flags, sig);
}

static long enter(void)
{
	return sys_rseq(&area, 32, 0, SIGNATURE);
}

static long leave(void)
{
	return sys_rseq(&area, 32, RSEQ_FLAG_UNREGISTER, SIGNATURE);
}

static struct rseq_cs spin_section(void)
{
	return (struct rseq_cs){ .start_ip = (uintptr_t)spin_start,
				 .post_commit_offset = (uintptr_t)(spin_end - spin_start),
				 .abort_ip = (uintptr_t)spin_abort };
}

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void go_anywhere(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < cpus; i++)
		CPU_SET(i, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* Share a CPU with the caller, so that both are preempted, until done is set. */
static void *disturb(void *arg)
{
	stay_on((int)(intptr_t)arg);
	while (!done)
		;
	return NULL;
}

static void test_arguments(void)
{
	volatile char *raw = (volatile char *)&area;
	void *hole = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	fails_with(sys_rseq(NULL, 0, 0, 0), EINVAL, "no area: EINVAL");
	fails_with(sys_rseq(&area, 32, 2, SIGNATURE), EINVAL, "an unknown flag: EINVAL");
	fails_with(sys_rseq(&area, 32, 3, SIGNATURE), EINVAL,
		   "an unknown flag to unregister: EINVAL");
	fails_with(sys_rseq(&area, 31, 0, SIGNATURE), EINVAL, "a short area: EINVAL");
	fails_with(sys_rseq(raw + 8, 32, 0, SIGNATURE), EINVAL, "a misaligned area: EINVAL");
	fails_with(sys_rseq((void *)-4096L, 32, 0, SIGNATURE), EFAULT, "a kernel address: EFAULT");
	fails_with(sys_rseq((void *)-64L, 128, 0, SIGNATURE), EFAULT,
		   "an area that wraps around: EFAULT");
	fails_with(sys_rseq(hole, 32, 0, SIGNATURE), EFAULT, "an area without access: EFAULT");
	fails_with(leave(), EINVAL, "unregistering without an area: EINVAL");
	munmap(hole, 4096);
}

static void test_register(void)
{
	unsigned int cpu = 0;

	area.rseq_cs = 8; /* invalid: registration has to clear it */
	area.cpu_id = (unsigned int)RSEQ_CPU_ID_UNINITIALIZED;
	stay_on(0);
	ok(enter() == 0, "an area can be registered");
	syscall(__NR_getcpu, &cpu, NULL, NULL);
	ok(area.cpu_id == cpu && area.cpu_id_start == cpu, "it then has the CPU's number, twice");
	ok(area.rseq_cs == 0, "registration clears an old section");
	ok(area.node_id == 0, "there is one node");
	fails_with(enter(), EBUSY, "registering the same area again: EBUSY");
	fails_with(sys_rseq(&area, 32, 0, 1), EPERM, "... with another signature: EPERM");
	fails_with(sys_rseq(&area, 64, 0, SIGNATURE), EINVAL, "... with another length: EINVAL");
	fails_with(sys_rseq(&area + 1, 32, 0, SIGNATURE), EINVAL, "another area: EINVAL");
	fails_with(sys_rseq(&area, 32, RSEQ_FLAG_UNREGISTER, 1), EPERM,
		   "unregistering with another signature: EPERM");
	fails_with(sys_rseq(&area, 64, RSEQ_FLAG_UNREGISTER, SIGNATURE), EINVAL,
		   "... with another length: EINVAL");
	fails_with(sys_rseq(&area + 1, 32, RSEQ_FLAG_UNREGISTER, SIGNATURE), EINVAL,
		   "... of another area: EINVAL");
	ok(leave() == 0, "the area can be unregistered");
	ok(area.cpu_id == (unsigned int)RSEQ_CPU_ID_UNINITIALIZED && area.cpu_id_start == 0,
	   "it then has no CPU's number");
	fails_with(leave(), EINVAL, "unregistering it again: EINVAL");
	go_anywhere();
}

static void *in_new_thread(void *arg)
{
	(void)arg;
	errno = 0;
	return (void *)(intptr_t)(leave() == -1 && errno == EINVAL && enter() == 0);
}

static int status_of(pid_t child)
{
	int status = -1;

	waitpid(child, &status, 0);
	return status;
}

static void test_inheritance(char *self)
{
	pthread_t thread;
	void *result = NULL;
	pid_t child;

	enter();
	pthread_create(&thread, NULL, in_new_thread, NULL);
	pthread_join(thread, &result);
	ok(result != NULL, "a new thread has no area, and can register its own");
	child = fork();
	if (child == 0)
		_exit(area.cpu_id < CPUS_MAX && leave() == 0 ? 0 : 1);
	ok(status_of(child) == 0, "a forked child inherits the area");
	child = fork();
	if (child == 0) {
		execl(self, self, "after-exec", NULL);
		_exit(2);
	}
	ok(status_of(child) == 0, "a new program has no area");
	ok(leave() == 0, "the parent still has its area");
}

static void test_migration(void)
{
	bool good = true;

	enter();
	for (int i = 0; i < 200; i++) {
		stay_on(i % cpus);
		good &= area.cpu_id == (unsigned int)(i % cpus) && area.cpu_id_start == area.cpu_id;
	}
	ok(good, "the area has the CPU's number after each of 200 migrations");
	go_anywhere();
	leave();
}

static void test_preemption(void)
{
	struct rseq_cs section = spin_section();
	pthread_t thread;
	int aborts = 0;

	stay_on(0);
	enter();
	done = 0;
	pthread_create(&thread, NULL, disturb, (void *)0);
	for (int i = 0; i < 20; i++)
		aborts += (int)spin(&area.rseq_cs, &section, &done);
	ok(aborts == 20, "a section that another thread preempts is aborted, each of 20 times");
	ok(area.rseq_cs == 0, "an abort clears the section");
	area.rseq_cs = (uintptr_t)&section;
	for (volatile long i = 0; i < 100000000 && area.rseq_cs; i++)
		;
	ok(area.rseq_cs == 0, "preemption outside of the section clears it, too");
	done = 1;
	pthread_join(thread, NULL);
	go_anywhere();
	leave();
}

static volatile uintptr_t seen_pc;

static void on_alarm(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info;
	seen_pc = ((ucontext_t *)context)->uc_mcontext.__gregs[0];
}

static void set_alarm(long usec)
{
	struct itimerval in = { .it_value = { .tv_usec = usec } };

	setitimer(ITIMER_REAL, &in, NULL);
}

static void test_signal(void)
{
	struct sigaction action = { .sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO };
	struct rseq_cs section = spin_section();
	long aborts = 0;

	sigaction(SIGALRM, &action, NULL);
	enter();
	done = 0;
	/* A switch can abort the section first; the signal then arrives anywhere. Try again. */
	for (int i = 0; i < 100 && seen_pc != (uintptr_t)spin_abort; i++) {
		seen_pc = 0;
		set_alarm(5000);
		while (!seen_pc)
			aborts += spin(&area.rseq_cs, &section, &done);
	}
	ok(aborts > 0, "a signal aborts the section");
	ok(seen_pc == (uintptr_t)spin_abort, "its handler returns to the abort address");
	ok(area.rseq_cs == 0, "the section is cleared");
	leave();
	signal(SIGALRM, SIG_DFL);
}

static long counts[CPUS_MAX * 8];

/* Add 1 to the count of this CPU without an atomic operation. False: aborted, nothing was added. */
static bool add_here(void)
{
	unsigned int cpu = area.cpu_id_start;
	long *count = &counts[cpu * 8UL];

	__asm__ goto(".pushsection .data, \"aw\"\n"
		     ".balign 32\n"
		     "3:	.word	0, 0\n"
		     "	.quad	1f, 2f - 1f, 4f\n"
		     ".popsection\n"
		     "	la	t0, 3b\n"
		     "	sd	t0, 0(%[cs])\n"
		     "1:	lw	t1, 0(%[id])\n"
		     "	bne	t1, %[cpu], 4f\n"
		     "	ld	t1, 0(%[count])\n"
		     "	addi	t1, t1, 1\n"
		     "	sd	t1, 0(%[count])\n"
		     "2:	j	5f\n"
		     "	.balign	4\n"
		     "	.word	0xf1401073\n"
		     "4:	j	%l[aborted]\n"
		     "5:\n"
		     :
		     : [cs] "r"(&area.rseq_cs), [id] "r"(&area.cpu_id), [cpu] "r"((long)cpu),
		       [count] "r"(count)
		     : "t0", "t1", "memory"
		     : aborted);
	return true;
aborted:
	return false;
}

static void *add_many(void *arg)
{
	bool good = enter() == 0;

	(void)arg;
	for (int i = 0; i < ROUNDS;) {
		i += add_here();
		if (i % 512 == 0)
			sched_yield();
	}
	return (void *)(intptr_t)(good && leave() == 0);
}

static void test_counts(void)
{
	pthread_t threads[THREADS];
	bool good = true;
	long sum = 0;

	for (int i = 0; i < THREADS; i++)
		good &= pthread_create(&threads[i], NULL, add_many, NULL) == 0;
	for (int i = 0; i < THREADS; i++) {
		void *result;

		good &= pthread_join(threads[i], &result) == 0 && result;
	}
	for (int i = 0; i < CPUS_MAX; i++)
		sum += counts[i * 8];
	ok(good && sum == (long)THREADS * ROUNDS, "no increment of a count per CPU is lost");
}

/* ---- invalid areas and sections ------------------------------------------------------------ */

static volatile bool alarmed;

static void survive(int sig)
{
	(void)sig;
	alarmed = true;
}

/* Run a child whose section is invalid when the signal arrives. Returns its wait status. */
static int status_with(const struct rseq_cs *section)
{
	pid_t child = fork();

	if (child == 0) {
		signal(SIGALRM, survive);
		signal(SIGSEGV, survive);
		enter();
		done = 0;
		set_alarm(10000);
		while (!alarmed)
			spin(&area.rseq_cs, section, &done);
		_exit(0);
	}
	return status_of(child);
}

static bool is_killed(const struct rseq_cs *section)
{
	int status = status_with(section);

	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void test_invalid_sections(void)
{
	struct rseq_cs section = spin_section();

	ok(status_with(&section) == 0, "a valid section does not end the process");
	section.version = 1;
	ok(is_killed(&section), "a section of another version ends the process with SIGSEGV");
	section = spin_section();
	section.flags = 1;
	ok(is_killed(&section), "so does one with flags");
	section = spin_section();
	section.abort_ip = (uintptr_t)spin_start;
	ok(is_killed(&section), "so does one whose abort address is within the section");
	section.abort_ip = (uintptr_t)spin_abort + 4;
	ok(is_killed(&section), "so does one without the signature before its abort address");
	section.abort_ip = 2;
	ok(is_killed(&section), "so does one whose abort address is 2");
	section.abort_ip = ~0UL << 40;
	ok(is_killed(&section), "so does one whose abort address is the kernel's");
	section = spin_section();
	section.start_ip = 0x1000;
	section.post_commit_offset = ~0UL;
	ok(is_killed(&section), "so does one whose end wraps around");
	ok(is_killed((void *)8), "so does an address without memory");
	ok(is_killed((void *)(~0UL << 40)), "so does a kernel address");
}

static void test_lost_area(void)
{
	struct rseq *lost =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t child = fork();
	int status;

	if (child == 0) {
		signal(SIGSEGV, survive);
		sys_rseq(lost, 32, 0, SIGNATURE);
		munmap(lost, 4096);
		for (;;)
			usleep(1000);
	}
	status = status_of(child);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
	   "a process whose area is unmapped ends with SIGSEGV");
	child = fork();
	if (child == 0) {
		sys_rseq(lost, 32, 0, SIGNATURE);
		mprotect(lost, 4096, PROT_READ);
		fails_with(sys_rseq(lost, 32, RSEQ_FLAG_UNREGISTER, SIGNATURE), EFAULT, "");
		for (;;)
			usleep(1000);
	}
	status = status_of(child);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
	   "so does one whose area becomes read-only");
	munmap(lost, 4096);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return enter() == 0 && leave() == 0 ? 0 : 1;
	if (&__rseq_size && __rseq_size) { /* the C library's area is in the way */
		setenv("GLIBC_TUNABLES", "glibc.pthread.rseq=0", 1);
		execv("/proc/self/exe", argv);
	}
	cpus = get_nprocs();
	test_arguments();
	test_register();
	test_inheritance("/proc/self/exe");
	test_migration();
	test_preemption();
	test_signal();
	test_counts();
	test_invalid_sections();
	test_lost_area();
	return tap_done();
}
