// SPDX-License-Identifier: MIT
/*
 * perfcount.c - use a kernel's counters as `perf stat` and `perf record` do, without perf.
 *
 * The program runs in a guest with Debian's kernel and prints TAP. With perf_event_open(2), it
 * counts the instructions of a loop and the SBI specification's firmware events. Every claim is
 * about counters, none about time. With --sscofpmf, it also counts in user mode and in the kernel
 * separately, and makes counters overflow, and with --exact, too, it checks the number of
 * instructions.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 1000000UL

/* A raw event of the riscv_pmu driver: a firmware event of the SBI specification. */
#define FIRMWARE(code)  (1ULL << 63 | (code))
#define FW_SET_TIMER    5
#define FW_IPI_SENT     6 /* the number after that of a "sent" event is for "received" */
#define FW_FENCE_I_SENT 8

static unsigned int claims, failed;

static void ok(int good, const char *name)
{
	claims++;
	failed += !good;
	printf("%sok %u - %s\n", good ? "" : "not ", claims, name);
}

static void skip(const char *name, const char *why)
{
	printf("ok %u - %s # SKIP %s\n", ++claims, name, why);
}

/* Run two instructions per round, in user mode. */
static void loop(unsigned long rounds)
{
	__asm__ volatile("1: addi %0, %0, -1\n\tbnez %0, 1b" : "+r"(rounds));
}

static int event_open(uint32_t type, uint64_t config, struct perf_event_attr *attr)
{
	attr->type = type;
	attr->size = sizeof(*attr);
	attr->config = config;
	return (int)syscall(SYS_perf_event_open, attr, 0, -1, -1, 0UL);
}

static uint64_t value_of(int fd)
{
	uint64_t value = 0;

	if (read(fd, &value, sizeof(value)) != sizeof(value))
		return 0;
	return value;
}

/* Return how often the event happens while work() runs, or ~0 if the kernel cannot count it. */
static uint64_t count(uint32_t type, uint64_t config, struct perf_event_attr attr,
		      void (*work)(unsigned long), unsigned long arg)
{
	uint64_t value;
	int fd;

	attr.disabled = 1;
	fd = event_open(type, config, &attr);
	if (fd < 0)
		return ~0ULL;
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	work(arg);
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	value = value_of(fd);
	close(fd);
	return value;
}

static const struct perf_event_attr everywhere;

static void test_hardware(void)
{
	uint64_t one =
		count(PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, everywhere, loop, ROUNDS);
	uint64_t two =
		count(PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, everywhere, loop, 2 * ROUNDS);
	uint64_t cycles =
		count(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, everywhere, loop, ROUNDS);

	printf("# instructions %llu, %llu; cycles %llu\n", (unsigned long long)one,
	       (unsigned long long)two, (unsigned long long)cycles);
	ok(one != ~0ULL && one, "the instructions of a loop are counted");
	ok(two != ~0ULL && two > one, "twice as many rounds give a higher count");
	ok(cycles != ~0ULL && cycles, "the cycles of a loop are counted");
}

/* Requires that instructions are really counted, not estimated from the clock. */
static void test_exact(void)
{
	struct perf_event_attr user = { .exclude_kernel = 1, .exclude_hv = 1 };
	uint64_t n = count(PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, user, loop, ROUNDS);

	printf("# in user mode %llu\n", (unsigned long long)n);
	ok(n >= 2 * ROUNDS && n < 2 * ROUNDS + ROUNDS / 2,
	   "in user mode, the loop's own instructions are counted, and few others");
}

static void test_modes(void)
{
	struct perf_event_attr user = { .exclude_kernel = 1 }, kernel = { .exclude_user = 1 };
	uint64_t u = count(PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, user, loop, 10 * ROUNDS);
	uint64_t k =
		count(PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, kernel, loop, 10 * ROUNDS);

	printf("# user %llu, kernel %llu\n", (unsigned long long)u, (unsigned long long)k);
	ok(u != ~0ULL && k != ~0ULL && k && u > 2 * k,
	   "a loop in user mode is counted there and not in the kernel");
}

static void sleeps(unsigned long times)
{
	struct timespec t = { .tv_nsec = 3000000 };

	while (times--)
		nanosleep(&t, NULL);
}

static void test_firmware(void)
{
	uint64_t timers = count(PERF_TYPE_RAW, FIRMWARE(FW_SET_TIMER), everywhere, sleeps, 20);
	uint64_t none = count(PERF_TYPE_RAW, FIRMWARE(0x100), everywhere, sleeps, 1);

	printf("# set_timer %llu\n", (unsigned long long)timers);
	ok(timers != ~0ULL, "a firmware event can be counted");
	ok(none == ~0ULL || !none, "a firmware event that does not exist is not counted");
}

/* ---- events between CPUs ---- */

static volatile int stop;

static void on_cpu(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *busy(void *arg)
{
	(void)arg;
	on_cpu(1);
	while (!stop)
		loop(100);
	return NULL;
}

/* words() sends a byte to answer(), which sleeps on CPU 1 and sends it back: two wake-ups. */
static int there[2], back[2];

static void *answer(void *arg)
{
	char word;

	(void)arg;
	on_cpu(1);
	while (read(there[0], &word, 1) == 1 && write(back[1], &word, 1) == 1)
		;
	return NULL;
}

static void words(unsigned long times)
{
	char word = 0;

	while (times--) {
		if (write(there[1], &word, 1) != 1 || read(back[0], &word, 1) != 1)
			return;
	}
}

static void flushes(unsigned long times)
{
	while (times--)
		syscall(SYS_riscv_flush_icache, 0, 0, 0);
}

/* Return how many events CPU 1 receives during work(arg); set *sent to how many this CPU sends. */
static uint64_t received(uint64_t event, void (*work)(unsigned long), unsigned long arg,
			 uint64_t *sent)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_RAW,
					.size = sizeof(attr),
					.config = event + 1 };
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, 1, -1, 0UL);
	uint64_t value;

	*sent = count(PERF_TYPE_RAW, event, everywhere, work, arg);
	value = value_of(fd);
	close(fd);
	return value;
}

#define TIMES 100

static void test_pair(const char *what, uint64_t event, void (*work)(unsigned long))
{
	uint64_t sent, got = received(event, work, TIMES, &sent);
	char name[80];

	printf("# %s: %llu sent, %llu received\n", what, (unsigned long long)sent,
	       (unsigned long long)got);
	snprintf(name, sizeof(name), "%s: counted on the CPU that sends them", what);
	ok(sent >= TIMES / 2 && sent <= 3 * TIMES, name);
	/* The receiver may handle several of these events together. */
	snprintf(name, sizeof(name), "%s: counted on the CPU that receives them", what);
	ok(got >= 1 && got <= 3 * TIMES, name);
}

static void test_others(void)
{
	pthread_t thread;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		skip("firmware events between CPUs", "one CPU");
		return;
	}
	on_cpu(0);
	if (pipe(there) || pipe(back))
		return;
	pthread_create(&thread, NULL, answer, NULL);
	test_pair("IPIs", FIRMWARE(FW_IPI_SENT), words);
	close(there[1]);
	pthread_join(thread, NULL);

	pthread_create(&thread, NULL, busy, NULL);
	sleeps(10);
	test_pair("remote fence.i", FIRMWARE(FW_FENCE_I_SENT), flushes);
	stop = 1;
	pthread_join(thread, NULL);
}

/* Map a counter's page, which lets a program read the counter itself. */
static void test_user_read(void)
{
	struct perf_event_attr attr = { .exclude_kernel = 1, .config1 = 0 };
	volatile struct perf_event_mmap_page *page;
	int fd = event_open(PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, &attr);
	long size = sysconf(_SC_PAGESIZE);

	page = fd < 0 ? MAP_FAILED : mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
	ok(page != MAP_FAILED && page->cap_user_rdpmc,
	   "the kernel lets the program read the counter");
	if (page == MAP_FAILED)
		return;
	loop(ROUNDS);
	ok(value_of(fd) > 0, "the counter counts while its page is mapped");
	munmap((void *)page, (size_t)size);
	close(fd);
}

static volatile sig_atomic_t samples;

static void on_overflow(int sig)
{
	(void)sig;
	samples++;
}

static void test_sampling(void)
{
	struct perf_event_attr attr = { .sample_period = 100000,
					.wakeup_events = 1,
					.disabled = 1 };
	long size = sysconf(_SC_PAGESIZE);
	struct perf_event_mmap_page *page;
	int fd, i;

	attr.sample_type = PERF_SAMPLE_IP;
	fd = event_open(PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, &attr);
	page = fd < 0 ? MAP_FAILED
		      : mmap(NULL, 3 * (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		printf("# %s\n", strerror(errno));
		ok(0, "a counter overflows into samples");
		return;
	}
	signal(SIGIO, on_overflow);
	fcntl(fd, F_SETFL, O_ASYNC);
	fcntl(fd, F_SETOWN, getpid());
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	for (i = 0; i < 50; i++)
		loop(ROUNDS);
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	printf("# %d signals, %llu bytes of samples, %llu instructions\n", (int)samples,
	       (unsigned long long)page->data_head, (unsigned long long)value_of(fd));
	ok(page->data_head >= 16, "a counter overflows into samples");
	munmap(page, 3 * (size_t)size);
	close(fd);
}

int main(int argc, char **argv)
{
	int i, sscofpmf = 0, exact = 0;

	for (i = 1; i < argc; i++) {
		sscofpmf |= !strcmp(argv[i], "--sscofpmf");
		exact |= !strcmp(argv[i], "--exact");
	}
	test_hardware();
	if (sscofpmf && exact)
		test_exact();
	if (sscofpmf)
		test_modes();
	test_firmware();
	test_others();
	if (sscofpmf) {
		test_user_read();
		test_sampling();
	}
	printf("1..%u\n", claims);
	return failed ? 1 : 0;
}
