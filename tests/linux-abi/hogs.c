// SPDX-License-Identifier: MIT
/*
 * hogs.c - programs (hogs) that use up all memory, each in its own way, beside one that does not.
 *
 *   hogs                  each hog once, in order, for a machine with little memory (abi.t)
 *   hogs SECONDS [SEED]   hogs chosen at random, up to three at once
 *
 * A hog gets an error or is killed by SIGKILL. Meanwhile the bystander, which is smaller than any
 * hog, continues to fork, map memory and make pipes, and its memory keeps its contents.
 */
#include "hogs.h"

/* ---- the bystander ---- */

/* The bystander's guest. Its data pages are dropped before each run; no store may be lost. */
#define GUEST_PAGES 64

static struct guest {
	int vcpu;
	struct kvm_run *run;
	char *memory;
} guest;

static void guest_start(void)
{
	struct kvm_userspace_memory_region slot = { .guest_phys_addr = GUEST_BASE,
						    .memory_size = (GUEST_PAGES + 1) * PAGE };
	int vm = vm_new();

	guest.vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (guest.vcpu < 0)
		return;
	guest.run = mmap(NULL, PAGE, RW, MAP_SHARED, guest.vcpu, 0);
	guest.memory = mmap(NULL, slot.memory_size, RW, ANON, -1, 0);
	memcpy(guest.memory, guest_code, sizeof(guest_code));
	slot.userspace_addr = (uintptr_t)guest.memory;
	ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot);
}

/*
 * Let the guest store `value` in all its pages; the next store, above its memory, ends the run.
 * Returns false if KVM_RUN fails or a store is lost.
 */
static bool guest_runs(uint64_t value)
{
	if (guest.vcpu < 0)
		return true;
	madvise(guest.memory + PAGE, GUEST_PAGES * PAGE, MADV_DONTNEED);
	guest.run->immediate_exit = 1; /* completes the store that ended the last run */
	ioctl(guest.vcpu, KVM_RUN, 0);
	guest.run->immediate_exit = 0;
	set_reg(guest.vcpu, CORE_REG(regs.pc), GUEST_BASE);
	set_reg(guest.vcpu, CORE_REG(regs.a0), GUEST_BASE + PAGE);
	set_reg(guest.vcpu, CORE_REG(regs.a1), value);
	set_reg(guest.vcpu, CORE_REG(regs.a2), PAGE);
	if (ioctl(guest.vcpu, KVM_RUN, 0) || guest.run->exit_reason != KVM_EXIT_MMIO)
		return false;
	for (size_t i = 1; i <= GUEST_PAGES; i++)
		if (*(uint64_t *)(guest.memory + i * PAGE) != value)
			return false;
	return true;
}

#define OWN_WORDS (3 * MB / sizeof(uint64_t))
#define MORE      (2 * MB) /* mapped in each round: more than writes to files leave free */

static uint64_t word_at(size_t i, unsigned int round)
{
	return (i + 1) * 0x9e3779b97f4a7c15ULL ^ round;
}

static void complain(const char *what)
{
	snprintf(shared->complaint, sizeof(shared->complaint), "%s: errno %d", what, errno);
	_exit(1);
}

/* Make calls that an ordinary program makes. */
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
	if (pid == 0) {
		execl("/proc/self/exe", "hogs", "status", NULL);
		_exit(8);
	}
	if (pid < 0 && errno == EAGAIN)
		return; /* a fork bomb has reached the limit on processes */
	if (pid < 0)
		complain("fork");
	if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 7)
		complain("the status of a child that called execve()");
}

/* The OOM killer must count the bystander's memory once, although processes share it. */
#define SHARERS 16

static int share(void *arg)
{
	for (;;)
		pause();
	return arg != NULL;
}

static void start_sharers(pid_t *pids)
{
	static char stacks[SHARERS][2048] __attribute__((aligned(16)));

	for (int i = 0; i < SHARERS; i++) {
		pids[i] = clone(share, stacks[i] + sizeof(stacks[i]), CLONE_VM | SIGCHLD, NULL);
		if (pids[i] < 0)
			complain("clone");
	}
}

static void end_sharers(const pid_t *pids)
{
	for (int i = 0; i < SHARERS; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
}

static void bystander(void)
{
	uint64_t *own = mmap(NULL, OWN_WORDS * sizeof(*own), RW, ANON, -1, 0);
	pid_t sharers[SHARERS];
	unsigned int round;
	size_t i;

	guest_start();
	start_sharers(sharers);
	for (i = 0; i < OWN_WORDS; i++)
		own[i] = word_at(i, 0);
	for (round = 0; !shared->stop; round++) {
		for (i = 0; i < OWN_WORDS; i++) {
			if (own[i] != word_at(i, round))
				complain("a changed word");
			own[i] = word_at(i, round + 1);
		}
		use_the_kernel();
		if (!guest_runs(round + 1))
			complain("the bystander's guest");
		shared->rounds++;
		usleep(20000);
	}
	end_sharers(sharers);
	_exit(0);
}

#define NR_HOGS (sizeof(hogs) / sizeof(hogs[0]))

static unsigned long seed; /* 0: each hog once, of unlimited size */

static unsigned long rnd(unsigned long n)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (seed >> 33) % n;
}

/* Limit the address space of half of the hogs, so that any of their calls may be refused. */
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
	wait_for_rounds();
	_exit(0);
}

/* Wait until the bystander has made progress. Returns false if it has ended. */
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

/* Return how many kB of memory may stay in use. On Linux it is more, because caches keep memory. */
static long slack_kb(void)
{
	return getenv("HS_EXACT") ? 1024 : 65536;
}

/*
 * Wait up to 2 s until `kb` kB are free: memory may be freed after the parent's wait() has
 * returned.
 */
static bool comes_back(long kb)
{
	for (int i = 0; i < 2000 && free_kb() < kb; i++)
		usleep(1000);
	return free_kb() >= kb;
}

static void each_hog(pid_t other)
{
	long before = free_kb() - slack_kb();
	char name[128];

	for (size_t i = 0; i < NR_HOGS; i++) {
		int status = -1;
		pid_t pid;
		bool good;

		pid = start_hog(&hogs[i]);
		waitpid(pid, &status, 0);
		for (int ms = 0; hogs[i].run == hog_heir && ms < 5000 && kill(-pid, 0) == 0; ms++)
			usleep(1000); /* wait for the child, which outlives the hog */
		snprintf(name, sizeof(name), "%s: the hog is %s", hogs[i].name,
			 hogs[i].ended ? "killed" : "refused or killed");
		good = WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL
					   : !hogs[i].ended && status == 0;
		if (!ok(good, name))
			printf("# its wait status is 0x%x\n", (unsigned int)status);
		snprintf(name, sizeof(name), "%s: the bystander continues", hogs[i].name);
		good = gets_on(other);
		kill(-pid, SIGKILL); /* the hog's children */
		if (!ok(good, name)) {
			printf("# %s\n", shared->complaint);
			return;
		}
		snprintf(name, sizeof(name), "%s: the hog's memory is freed", hogs[i].name);
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

/* Run hogs chosen at random, up to three at a time, and kill some before they are done. */
static void random_hogs(pid_t other, unsigned long seconds)
{
	pid_t running[AT_ONCE] = { 0 }, pid;
	time_t end = time(NULL) + (time_t)seconds;
	unsigned long before = (unsigned long)free_kb(), started = 0, last = 0;
	bool good = true;

	while (time(NULL) < end && good) {
		int i = (int)rnd(AT_ONCE);

		if (!running[i]) {
			last = rnd(NR_HOGS - NR_TREE_HOGS);
			pid = start_hog(&hogs[last]);
			running[i] = pid > 0 ? pid : 0; /* fork() may fail because of a fork bomb */
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
	if (!ok(good, "the bystander continues beside hogs chosen at random"))
		printf("# %s; after %lu hogs, the last: %s\n", shared->complaint, started,
		       hogs[last].name);
	for (int i = 0; i < AT_ONCE; i++)
		if (running[i]) {
			kill(-running[i], SIGKILL);
			kill(running[i], SIGKILL); /* its group may not exist yet */
			if (!ok(ends(running[i]), "a killed hog ends"))
				show(running[i]);
		}
	ok(started > AT_ONCE, "new hogs are started after others have ended");
	if (!ok(comes_back((long)before - slack_kb()), "the memory of all hogs is freed"))
		printf("# %ld kB free, %lu before\n", free_kb(), before);
}

/* On the host only (HS_EXACT), whose kernel stacks and tables of files need contiguous pages. */
static void test_fragmented(void)
{
	int status = -1;
	pid_t pid;

	if (!getenv("HS_EXACT"))
		return;
	pid = fork();
	if (pid == 0)
		use_fragmented();
	waitpid(pid, &status, 0);
	if (!ok(status == 0, "no process is killed because free memory is fragmented"))
		printf("# its wait status is 0x%x\n", (unsigned int)status);
}

int main(int argc, char **argv)
{
	int status = -1;
	pid_t other;

	if (argc == 2 && !strcmp(argv[1], "status"))
		return 7; /* the bystander's child */
	shared = mmap(NULL, sizeof(*shared), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (argc == 1)
		test_fragmented();
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
	if (!ok(status == 0, "the bystander ends normally, with its memory unchanged"))
		printf("# status 0x%x, %s\n", (unsigned int)status, shared->complaint);
	return tap_done();
}
