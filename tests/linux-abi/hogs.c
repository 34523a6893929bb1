// SPDX-License-Identifier: MIT
/*
 * hogs.c - programs that take all the memory there is, each in its own way, beside one that does not.
 *
 *   hogs            each hog once, in order: for a machine with little memory (tests/qemu/abi.t)
 *   hogs SECONDS [SEED]   hogs chosen at random, up to three at once
 *
 * A hog is refused, or is ended by SIGKILL. The bystander, which is smaller than any hog, goes on
 * forking, mapping and making pipes meanwhile, and its memory keeps its contents.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

#define PAGE 4096UL
#define MB   0x100000UL
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

/* ---- the bystander ---- */

#define OWN_WORDS (3 * MB / sizeof(uint64_t))
#define MORE      (2 * MB) /* now and then: more than a full file system leaves */

static struct shared {
	volatile unsigned int rounds;
	volatile bool stop;
	char complaint[80];
} * shared;

static uint64_t word_at(size_t i, unsigned int round)
{
	return (i + 1) * 0x9e3779b97f4a7c15ULL ^ round;
}

static void complain(const char *what)
{
	snprintf(shared->complaint, sizeof(shared->complaint), "%s: errno %d", what, errno);
	_exit(1);
}

/* What an ordinary program does now and then. */
static void use_the_kernel(void)
{
	int fds[2], status = 0;
	char *p, byte = 5;
	pid_t pid;

	p = mmap(NULL, MORE, RW, ANON, -1, 0);
	if (p == MAP_FAILED)
		complain("mmap");
	for (size_t i = 0; i < MORE; i += PAGE)
		p[i] = 1;
	munmap(p, MORE);
	if (pipe(fds))
		complain("pipe");
	if (write(fds[1], &byte, 1) != 1 || read(fds[0], &byte, 1) != 1 || byte != 5)
		complain("a pipe's byte");
	close(fds[0]);
	close(fds[1]);
	pid = fork();
	if (pid == 0)
		_exit(7);
	if (pid < 0 && errno == EAGAIN)
		return; /* as many processes as there may be: somebody's fork bomb */
	if (pid < 0)
		complain("fork");
	if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 7)
		complain("the child's status");
}

static void bystander(void)
{
	uint64_t *own = mmap(NULL, OWN_WORDS * sizeof(*own), RW, ANON, -1, 0);
	unsigned int round;
	size_t i;

	for (i = 0; i < OWN_WORDS; i++)
		own[i] = word_at(i, 0);
	for (round = 0; !shared->stop; round++) {
		for (i = 0; i < OWN_WORDS; i++) {
			if (own[i] != word_at(i, round))
				complain("a changed word");
			own[i] = word_at(i, round + 1);
		}
		use_the_kernel();
		shared->rounds++;
		usleep(20000);
	}
	_exit(0);
}

/* ---- hogs: each returns when it is refused ---- */

static void hog_populate(void)
{
	while (mmap(NULL, 4 * MB, RW, ANON | MAP_POPULATE, -1, 0) != MAP_FAILED)
		;
}

static void hog_touch(void)
{
	char *p;

	while ((p = mmap(NULL, MB, RW, ANON, -1, 0)) != MAP_FAILED)
		for (size_t i = 0; i < MB; i += PAGE)
			p[i] = 1;
}

static void hog_madvise(void)
{
	char *p;

	do
		p = mmap(NULL, 4 * MB, RW, ANON, -1, 0);
	while (p != MAP_FAILED && madvise(p, 4 * MB, MADV_POPULATE_WRITE) == 0);
}

static void hog_read(void)
{
	int fd = open("/dev/zero", O_RDONLY);
	char *p;

	do
		p = mmap(NULL, MB, RW, ANON, -1, 0);
	while (p != MAP_FAILED && read(fd, p, MB) > 0);
}

/* Copies of what the parent has, each written: the children's memory is what is too much. */
static void hog_forks(void)
{
	char *p = mmap(NULL, 16 * MB, RW, ANON | MAP_POPULATE, -1, 0);
	pid_t pid;

	if (p == MAP_FAILED)
		return;
	for (;;) {
		pid = fork();
		if (pid < 0)
			break;
		if (pid == 0) {
			memset(p, 2, 16 * MB);
			pause();
		}
		usleep(1000);
		if (waitpid(-1, NULL, WNOHANG) > 0) /* one was ended: enough */
			break;
	}
	kill(0, SIGKILL);
}

/* Every process forks until it is refused. */
static void hog_fork_bomb(void)
{
	pid_t pid, top = getpid();

	do
		pid = fork();
	while (pid >= 0);
	while (getpid() != top)
		pause();
}

static void *sleeping_thread(void *arg)
{
	pause();
	return arg;
}

static void hog_threads(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN);
	while (pthread_create(&thread, &attr, sleeping_thread, NULL) == 0)
		;
}

/* A page here and there: each takes a page table as well. */
static void hog_page_tables(void)
{
	char *p;

	for (;;) {
		p = mmap(NULL, 1024 * MB, RW, ANON | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED)
			return;
		madvise(p, 1024 * MB, MADV_NOHUGEPAGE);
		for (size_t i = 0; i < 1024 * MB; i += 2 * MB)
			p[i] = 1;
	}
}

static void hog_shared(void)
{
	char *p;

	while ((p = mmap(NULL, 4 * MB, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED)
		memset(p, 3, 4 * MB);
}

static void fill_file(int fd)
{
	static char bytes[65536];
	long n = fd < 0 ? -1 : 1;

	memset(bytes, 4, sizeof(bytes));
	while (n > 0)
		n = write(fd, bytes, sizeof(bytes));
}

static void hog_memfd(void)
{
	fill_file(memfd_create("hog", 0));
}

/* Its child has the file, and the file's maker is gone. */
static void hog_heir(void)
{
	int fd = memfd_create("hog", 0);

	if (fork() == 0) {
		usleep(1000);
		fill_file(fd);
		for (unsigned int from = shared->rounds; shared->rounds < from + 3;)
			usleep(1000);
		_exit(0);
	}
}

static void hog_file(void)
{
	int fd = open("/hog", O_RDWR | O_CREAT, 0600);

	unlink("/hog");
	fill_file(fd);
}

static void hog_pipes(void)
{
	static char bytes[4096];
	int fds[2];

	while (pipe2(fds, O_NONBLOCK) == 0)
		while (write(fds[1], bytes, sizeof(bytes)) > 0)
			;
}

static void hog_sockets(void)
{
	static char bytes[4096];
	int fds[2];

	while (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0)
		while (write(fds[0], bytes, sizeof(bytes)) > 0 &&
		       write(fds[1], bytes, sizeof(bytes)) > 0)
			;
}

static void hog_descriptors(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int ep, fd;

	do {
		ep = epoll_create1(0);
		fd = eventfd(0, 0);
	} while (ep >= 0 && fd >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) == 0);
}

/* ---- of virtual machines; without /dev/kvm there are none ---- */

static int vm_new(void)
{
	static int kvm = -1;

	if (kvm < 0)
		kvm = open("/dev/kvm", O_RDWR);
	return ioctl(kvm, KVM_CREATE_VM, 0);
}

static void hog_vcpus(void)
{
	int vm, i;

	for (;;) {
		vm = vm_new();
		for (i = 0; i < 64; i++)
			if (ioctl(vm, KVM_CREATE_VCPU, i) < 0)
				return;
	}
}

/* Slots without memory behind them, each with a log. */
static void hog_logs(void)
{
	struct kvm_userspace_memory_region slot = { .flags = KVM_MEM_LOG_DIRTY_PAGES,
						    .memory_size = 1UL << 36,
						    .userspace_addr = 1UL << 20 };
	int vm;

	for (;;) {
		vm = vm_new();
		for (slot.slot = 0; slot.slot < 20; slot.slot++) {
			slot.guest_phys_addr = (unsigned long)slot.slot << 36;
			if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot))
				return;
		}
	}
}

static void hog_slots(void)
{
	struct kvm_userspace_memory_region slot = { .memory_size = PAGE,
						    .userspace_addr = 1UL << 20 };
	int vm;

	for (;;) {
		vm = vm_new();
		for (slot.slot = 0; slot.slot < 32000; slot.slot += 500) {
			slot.guest_phys_addr = slot.slot * 2 * PAGE;
			if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot))
				return;
		}
	}
}

static const struct hog {
	const char *name;
	void (*run)(void);
	bool ended; /* by a signal, for nothing ever refuses it */
} hogs[] = {
	{ "MAP_POPULATE", hog_populate, true },
	{ "touching pages", hog_touch, true },
	{ "MADV_POPULATE_WRITE", hog_madvise, true },
	{ "read() into new pages", hog_read, true },
	{ "copies of pages after fork()", hog_forks, true },
	{ "a fork bomb", hog_fork_bomb, false },
	{ "threads", hog_threads, false },
	{ "page tables", hog_page_tables, true },
	{ "shared memory", hog_shared, true },
	{ "a memfd", hog_memfd, false },
	{ "a memfd that a child inherits", hog_heir, false },
	{ "a file", hog_file, false },
	{ "pipes", hog_pipes, false },
	{ "sockets", hog_sockets, false },
	{ "eventfds and epolls", hog_descriptors, false },
	{ "vCPUs", hog_vcpus, false },
	{ "memory slots", hog_slots, false },
	{ "dirty logs", hog_logs, false },
};

#define NR_HOGS (sizeof(hogs) / sizeof(hogs[0]))

static unsigned long seed; /* 0: each hog once, as large as it gets */

static unsigned long rnd(unsigned long n)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (seed >> 33) % n;
}

/* Half of them can have only so much address space: they are refused at any point. */
static void limit_at_random(void)
{
	struct rlimit limit = { (8 + rnd(56)) * MB, RLIM_INFINITY };

	if (rnd(2))
		setrlimit(RLIMIT_AS, &limit);
}

static pid_t start_hog(const struct hog *hog)
{
	pid_t pid = fork();
	struct rlimit fds = { 100000, 100000 };

	if (pid)
		return pid;
	setpgid(0, 0);
	setrlimit(RLIMIT_NOFILE, &fds);
	if (seed)
		limit_at_random();
	hog->run();
	/* Memory is full as it is, while the bystander goes on. */
	for (unsigned int from = shared->rounds; shared->rounds < from + 2 && !shared->stop;)
		usleep(1000);
	_exit(0);
}

/* The bystander gets on. False: it has ended. */
static bool gets_on(pid_t pid)
{
	unsigned int from = shared->rounds;

	while (shared->rounds < from + 2) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return false;
		usleep(1000);
	}
	return true;
}

static long free_kb(void)
{
	struct sysinfo info;

	sysinfo(&info);
	return (long)(info.freeram * info.mem_unit / 1024);
}

/* Memory of what was ended comes back, though not always before its parent hears of it. */
static bool comes_back(long kb)
{
	for (int i = 0; i < 2000 && free_kb() < kb; i++)
		usleep(1000);
	return free_kb() >= kb;
}

static void each_hog(pid_t other)
{
	long before = free_kb() - 2048;
	char name[128];

	for (size_t i = 0; i < NR_HOGS; i++) {
		int status = -1;
		pid_t pid;
		bool good;

		pid = start_hog(&hogs[i]);
		waitpid(pid, &status, 0);
		for (int ms = 0; hogs[i].run == hog_heir && ms < 5000 && kill(-pid, 0) == 0; ms++)
			usleep(1000); /* it is the child's turn */
		snprintf(name, sizeof(name), "%s: the hog is %s", hogs[i].name,
			 hogs[i].ended ? "ended" : "refused, or ended");
		good = WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL
					   : !hogs[i].ended && status == 0;
		if (!ok(good, name))
			printf("# its wait status is 0x%x\n", (unsigned int)status);
		snprintf(name, sizeof(name), "%s: a bystander goes on", hogs[i].name);
		good = gets_on(other);
		kill(-pid, SIGKILL); /* what it has forked */
		if (!ok(good, name)) {
			printf("# %s\n", shared->complaint);
			return;
		}
		snprintf(name, sizeof(name), "%s: the memory comes back", hogs[i].name);
		if (!ok(comes_back(before), name))
			printf("# %ld kB free, %ld before\n", free_kb(), before);
	}
}

/* ---- at random ---- */

#define AT_ONCE 3

static void forget(pid_t *running, pid_t pid)
{
	kill(-pid, SIGKILL);
	for (int i = 0; i < AT_ONCE; i++)
		if (running[i] == pid)
			running[i] = 0;
}

static bool ends(pid_t pid)
{
	for (int ms = 0; ms < 10000; ms++) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return true;
		usleep(1000);
	}
	return false;
}

static void show(pid_t pid)
{
	char path[64], line[512] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f && fgets(line, sizeof(line), f))
		printf("# %s", line);
}

/* Hogs come and go, up to three at a time; some are ended from outside before they are done. */
static void random_hogs(pid_t other, unsigned long seconds)
{
	pid_t running[AT_ONCE] = { 0 }, pid;
	time_t end = time(NULL) + (time_t)seconds;
	unsigned long before = (unsigned long)free_kb(), started = 0, last = 0;
	bool good = true;

	while (time(NULL) < end && good) {
		int i = (int)rnd(AT_ONCE);

		if (!running[i]) {
			last = rnd(NR_HOGS);
			pid = start_hog(&hogs[last]);
			running[i] = pid > 0 ? pid : 0; /* a fork bomb is there */
			started += pid > 0;
		} else if (rnd(20) == 0) {
			pid = running[i];
			kill(-pid, SIGKILL);
		}
		usleep((unsigned int)rnd(100000));
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
			good &= pid != other;
			forget(running, pid);
		}
		if (good && rnd(8) == 0)
			good = gets_on(other);
		if (rnd(50) == 0)
			printf("# %lu hogs\n", started);
	}
	if (!ok(good, "a bystander goes on beside hogs that come at random"))
		printf("# %s; after %lu hogs, the last: %s\n", shared->complaint, started,
		       hogs[last].name);
	for (int i = 0; i < AT_ONCE; i++)
		if (running[i]) {
			kill(-running[i], SIGKILL);
			kill(running[i], SIGKILL); /* its group may not be there yet */
			if (!ok(ends(running[i]), "a hog that is killed ends"))
				show(running[i]);
		}
	ok(started > seconds, "there were more of them than seconds");
	if (!ok(comes_back((long)before - 2048), "all of the memory comes back"))
		printf("# %ld kB free, %lu before\n", free_kb(), before);
}

int main(int argc, char **argv)
{
	int status = -1;
	pid_t other;

	shared = mmap(NULL, sizeof(*shared), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	other = fork();
	if (other == 0)
		bystander();
	if (argc > 1)
		seed = argc > 2 ? strtoul(argv[2], NULL, 0) : (unsigned long)time(NULL) | 1;
	if (argc > 1)
		printf("# seed %lu\n", seed);
	if (gets_on(other) && argc > 1)
		random_hogs(other, strtoul(argv[1], NULL, 0));
	else
		each_hog(other);
	shared->stop = true;
	waitpid(other, &status, 0);
	if (!ok(status == 0,
		"the bystander comes to its own end, with all of its memory as it was"))
		printf("# status 0x%x, %s\n", (unsigned int)status, shared->complaint);
	return tap_done();
}
