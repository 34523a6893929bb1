// SPDX-License-Identifier: MIT
/*
 * random - processes whose threads are random VMMs (tests/native/any_vmm.c) of /dev/kvm.
 *
 *   random [ROUNDS [SEED [THREADS]]]   default: 20 rounds, seed 1, 3 threads
 *
 * In each round, a process opens a VM, and its threads use this VM and make others at the same time. The
 * process ends when each thread has made its steps, or has been told to stop; in some rounds, it is
 * killed at any moment. The claims: each process ends, each ioctl returns a result or an error, and with
 * HS_EXACT, no memory is lost. On Linux, the kernel's log and kmemleak show more.
 *
 * A seed repeats the choices of each thread, but not the order in which the threads run.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include "../bytes.h"
#include "random.h"

/*
 * END_MS is longer than any call takes. On a debug kernel, populating 8 MiB of executable memory, which
 * interrupts each hart once per page, can take more than 20 s. $HS_TIME_SCALE, as in the tests' scripts,
 * multiplies it: on a busy machine, the guest's time includes that in which QEMU does not run.
 */
#define STEPS     400   /* of a thread in a round */
#define LIMIT_MS  5000  /* the threads of a process that needs more time are told to stop */
#define END_MS    60000 /* a process that is told to stop, or killed, has to end within this time */
#define END_POLLS 2000  /* ... unless its parent has polled less often than this */
#define WARM_UP   5     /* rounds before memory is measured */
#define REPEATS   3     /* measurements of memory */
#define ZERO_SIZE 0x40000UL
#define ENOUGH    5000 /* steps among which each kind of call is expected to succeed */

struct counts *counts;

static __thread u64 state;
static u64 round_seed;
static unsigned int threads = 3, ended;
static pid_t tids[ENV_FIRST];
static struct any_vmm shared; /* the descriptors that each thread gets copies of */

static u64 next_choice(u64 below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % below;
}

static void start_choices(u64 nth)
{
	state = (round_seed * (ENV_FIRST + 2) + nth + 1) * 0x9e3779b97f4a7c15;
	for (unsigned int i = 0; i < 10; i++)
		rnd(2);
}

/* Interrupt a system call. The FP unit may contain a guest's registers. */
static void on_signal(int signo)
{
	static volatile double sum;

	sum = sum * 0.5 + signo;
}

static void on_signal_without_fp(int signo)
{
	(void)signo;
}

/*
 * If Linux 6.12 preempts a thread while rt_sigreturn() restores its FP registers, the thread keeps
 * those of the handler (restore_fp_state() in arch/riscv/kernel/signal.c): switching threads stores
 * the unit's registers where the thread's have just been copied to.
 */
static bool kernel_is_preemptible(void)
{
	struct utsname kernel;

	return !uname(&kernel) && strstr(kernel.version, "PREEMPT");
}

static void copy_all(struct any_fds *fds)
{
	for (unsigned int i = 0; i < fds->n; i++)
		fds->fd[i] = fcntl(fds->fd[i], F_DUPFD_CLOEXEC, 0);
}

static void *vmm_thread(void *arg)
{
	unsigned int nth = (unsigned int)(uintptr_t)arg, i;

	start_choices(nth);
	env_thread(nth);
	any_vmm = shared;
	any_vmm.device = fcntl(shared.device, F_DUPFD_CLOEXEC, 0);
	copy_all(&any_vmm.vms);
	copy_all(&any_vmm.vcpus);
	copy_all(&any_vmm.events);
	__atomic_store_n(&tids[nth], (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	for (i = 0; i < STEPS && !__atomic_load_n(&counts->stop, __ATOMIC_RELAXED); i++) {
		if (rnd(4))
			any_vmm_step();
		else
			step_known();
		COUNT(steps);
	}
	env_fail_alloc(0);
	__atomic_store_n(&tids[nth], 0, __ATOMIC_RELEASE);
	__atomic_add_fetch(&ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void interrupt_threads(void)
{
	pid_t tid;

	for (unsigned int i = 0; i < threads; i++) {
		tid = __atomic_load_n(&tids[i], __ATOMIC_ACQUIRE);
		if (tid)
			syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
	}
}

/*
 * The process of a round. Its first thread interrupts the others, and answers their faults, once in a
 * millisecond. If this takes longer, as on a debug kernel, it waits for as long, to leave them time.
 */
static void vmm_process(void)
{
	int dev = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	struct sigaction act = { .sa_handler = kernel_is_preemptible() ? on_signal_without_fp
								       : on_signal };
	long delay = 1, start;
	pthread_t thread;
	unsigned int i;

	must(dev >= 0, "/dev/kvm");
	sigaction(SIGUSR1, &act, NULL);
	signal(SIGCHLD, SIG_IGN);
	start_choices(ENV_FIRST);
	memory_begin();
	env_map(ANY_HVA, ANY_SIZE, ENV_USUAL);
	env_thread(ENV_FIRST);
	any_vmm_open(dev, rnd(4) ? ANY_USUAL : ANY_OTHER);
	for (u64 n = rnd(8); n; n--) /* before the vCPUs have run, they may lack extensions */
		step_register(any_fd(&any_vmm.vcpus));
	if (rnd(2))
		guest_hypervisors();
	any_vmm_begin();
	shared = any_vmm;
	for (i = 0; i < threads; i++)
		pthread_create(&thread, NULL, vmm_thread, (void *)(uintptr_t)i);
	while (__atomic_load_n(&ended, __ATOMIC_ACQUIRE) != threads) {
		sleep_ms(delay);
		start = now_ms();
		memory_answer();
		interrupt_threads();
		delay = 1 + now_ms() - start;
	}
	_exit(0);
}

/* Return whether the process ends within this time, or within this number of polls if they take longer. */
static bool wait_for(pid_t pid, long ms, unsigned long polls, int *status)
{
	long end = now_ms() + ms;

	for (unsigned long n = 0; waitpid(pid, status, WNOHANG) == 0; n++) {
		if (n >= polls && now_ms() > end)
			return false;
		sleep_ms(1);
	}
	return true;
}

/* Print a file of /proc, with the number of the thread before each line. */
static void print_proc(pid_t pid, const char *thread, const char *file)
{
	char path[300], line[300];
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/%s", pid, thread, file);
	in = fopen(path, "r");
	while (in && fgets(line, sizeof(line), in))
		printf("# %s %s: %.*s\n", thread, file, (int)strcspn(line, "\n"), line);
	if (in)
		fclose(in);
}

/* Let Linux log what each hart executes: /proc does not show where a running thread is. */
static void log_harts(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY);

	if (fd >= 0) {
		(void)!write(fd, "l", 1);
		close(fd);
	}
}

/* Print where the threads of a process are, and the processor time that they have used (stat). */
static void print_threads(pid_t pid)
{
	static const char *const files[] = { "stat", "syscall", "stack" };
	struct dirent *entry;
	char path[40];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		for (unsigned int i = 0; i < ARRAY_SIZE(files) && entry->d_name[0] != '.'; i++)
			print_proc(pid, entry->d_name, files[i]);
	if (dir)
		closedir(dir);
}

/*
 * Return whether a process that is told to stop, or killed, ends in time; if not, print what its threads
 * do. The polls count, too, because on a busy machine QEMU may get almost no processor time for 20 s.
 */
static bool ends_after(pid_t pid, u64 number, const char *what, int *status)
{
	const char *scale = getenv("HS_TIME_SCALE");
	long ms = END_MS * (scale && atoi(scale) > 1 ? atoi(scale) : 1);

	if (wait_for(pid, ms, END_POLLS, status))
		return true;
	printf("# round %llu: the process has not ended %ld s after %s\n", number, ms / 1000, what);
	print_threads(pid);
	log_harts();
	kill(pid, SIGKILL);
	return false;
}

static bool kill_process(pid_t pid, u64 number, int *status)
{
	kill(pid, SIGKILL);
	return ends_after(pid, number, "SIGKILL", status);
}

/*
 * Let the threads end, each after its current step. They wait for ever if, for example, a mutex has no
 * owner that would unlock it.
 */
static bool stop_process(pid_t pid, u64 number, int *status)
{
	COUNT(stopped);
	__atomic_store_n(&counts->stop, true, __ATOMIC_RELAXED);
	return ends_after(pid, number, "its threads were told to stop", status);
}

/* Toggles for the VMs of a round. Set before its time begins, because a debug kernel takes seconds. */
static void set_toggles(void)
{
	any_toggles(rnd(3) ? ANY_USUAL : ANY_OTHER);
	for (u64 n = rnd(6); n; n--)
		any_toggle();
	step_vmid_bits();
}

/* Return whether the process of this round has ended without an error. */
static bool run_round(u64 number)
{
	int status = 0;
	bool killed;
	pid_t pid;

	round_seed = number;
	start_choices(ENV_FIRST + 1);
	set_toggles();
	counts->stop = false;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		setsid();
		vmm_process();
	}
	killed = !rnd(3);
	if (!wait_for(pid, killed ? (long)rnd(500) : LIMIT_MS, 0, &status) &&
	    !(killed ? kill_process : stop_process)(pid, number, &status))
		return false;
	if (WIFEXITED(status) && WEXITSTATUS(status)) {
		printf("# round %llu: the process has ended with status %d\n", number,
		       WEXITSTATUS(status));
		return false;
	}
	return true; /* another signal than SIGKILL means that the VMM has overwritten its own memory */
}

static bool are_zeros(const unsigned char *zeros)
{
	return !zeros[0] && !memcmp(zeros, zeros + 1, ZERO_SIZE - 1);
}

/*
 * Pages of zeros that are shared with guests, but that no guest may write to. A Linux that merges pages
 * shares those of the first half with pages of the guests that become equal to them. The second half is
 * only read, so the kernel maps its page of zeros there, as it does where a guest only reads.
 */
static unsigned char *map_zeros(void)
{
	unsigned char *zeros =
		mmap(NULL, ZERO_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(zeros != MAP_FAILED, "pages of zeros");
	memset(zeros, 0, ZERO_SIZE / 2);
	must(are_zeros(zeros), "pages of zeros"); /* and map them all: memory is measured later */
	madvise(zeros, ZERO_SIZE, MADV_MERGEABLE);
	return zeros;
}

static void usage(void)
{
	fprintf(stderr,
		"usage: random [ROUNDS [SEED [THREADS]]]\n"
		"ROUNDS is at least 1, THREADS 1 to %d\n",
		ENV_FIRST);
	exit(2);
}

static unsigned long number(const char *text, unsigned long most)
{
	char *end;
	unsigned long value = strtoul(text, &end, 0);

	if (*text < '0' || *text > '9' || *end || value > most)
		usage();
	return value;
}

static void print_counts(unsigned long rounds, unsigned long first)
{
	printf("# %lu rounds from seed %lu: %lu steps, ioctls without memory: %lu, rounds stopped "
	       "early: %lu\n",
	       rounds, first, counts->steps, counts->no_memory, counts->stopped);
	printf("# KVM_RUN: %lu, of which MMIO: %lu, SBI: %lu, other exits: %lu, interrupted: %lu, "
	       "errors: %lu\n",
	       counts->runs, counts->mmio, counts->sbi, counts->other, counts->interrupted,
	       counts->failed_runs);
	printf("# changes of slots: %lu, of registers: %lu, of routes: %lu; logs read: %lu, "
	       "rings reset: %lu; faults answered: %lu; programs of an L2: %lu\n",
	       counts->slots, counts->regs, counts->routes, counts->logs, counts->rings,
	       counts->faults, counts->l2);
}

/*
 * Keep an event of Linux's perf open, so that Linux does not patch its scheduler each time that guests
 * begin or cease to use counters: in QEMU, such a patch may get lost, and then Linux ends with an oops
 * (docs/linux-module.md, "Patched instructions").
 */
static void keep_perf_on(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
	};

	syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? number(argv[1], 1UL << 40) : 20, i;
	unsigned long first = argc > 2 ? number(argv[2], 1UL << 40) : 1, before = 0;
	unsigned char *zeros;
	bool good = true;

	if (argc > 3)
		threads = (unsigned int)number(argv[3], ENV_FIRST);
	if (argc > 4 || !rounds || !threads)
		usage();
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	zeros = map_zeros();
	any_choice = next_choice;
	keep_perf_on();
	for (i = 0; i < WARM_UP && good; i++)
		good = run_round(first + i);
	print_counts(i, first);
	ok(good, "the processes of the rounds before the measurement of memory end");
	/*
	 * The first round that comes to some point allocates what the host keeps, for example the
	 * first page of a slab, and on a busy machine this may be any round. So if memory is lost,
	 * measure the same rounds again: a leak recurs.
	 */
	for (unsigned int n = 0; n < REPEATS && good; n++) {
		before = stable_bytes();
		for (i = 0; i < rounds && good; i++)
			good = run_round(first + WARM_UP + i);
		if (settled_bytes(before) == before || !getenv("HS_EXACT"))
			break;
	}
	print_counts(i, first + WARM_UP);
	ok(good, "each process ends, and each of its ioctls returns a result or an error");
	ok(!counts->failures, "no process of a round, nor its children, reports a failure");
	ok(are_zeros(zeros), "pages that no guest has are still zero");
	ok(counts->mmio && counts->interrupted, "guests of the processes have run");
	ok((counts->slots && counts->logs && counts->regs) || counts->steps < ENOUGH,
	   "slots and registers have changed, and logs were read, unless there were few steps");
	ok(!counts->hypervisors || counts->l2 || counts->steps < ENOUGH,
	   "guests of guest hypervisors have started, unless there were few steps");
	claim_equal(before, "the processes lose no memory");
	return tap_done();
}
