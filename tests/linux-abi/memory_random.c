// SPDX-License-Identifier: MIT
/*
 * memory_random.c - check random mmap(), mremap(), mprotect(), madvise(), fork() and writes against
 * a model.
 *
 *   memory_random [SECONDS [SEED]]     without SECONDS: a fixed number of steps
 *
 * Two threads of one process run side by side, each with its own ranges: one of ordinary pages, and
 * one of huge pages if there is a pool. For each page, the model records whether it is mapped, its
 * permissions, and the value of its first and last word. The values of shared objects are kept in
 * shared memory, so that children, which continue with random steps of their own, can update them.
 * At the end, all memory must be free again (checked only if HS_EXACT is set, as on the host).
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include "meminfo.h"
#include "memory_steps.h"

#define STEPS 100
#define POOL  100
#define SLACK 128            /* KiB that allocators may keep */
#define BASE  0x1000000000UL /* mappings without MAP_FIXED are never placed so low */

static struct worker workers[WORKERS];
static double seconds;

static bool do_fork(struct worker *w, struct arena *a);

static const struct step {
	const char *name;
	bool (*fn)(struct worker *w, struct arena *a);
	unsigned int weight;
} steps[] = {
	{ "map", do_map, 22 },         { "unmap", do_unmap, 6 },
	{ "protect", do_protect, 10 }, { "advise", do_advise, 8 },
	{ "move", do_move, 20 },       { "resize", do_resize, 10 },
	{ "write", do_write, 40 },     { "pread", do_read_file, 10 },
	{ "hole", do_punch, 4 },       { "misaligned", do_misaligned, 10 },
	{ "proc", do_proc, 1 },        { "fork", do_fork, 6 },
};

static bool one_step(struct worker *w)
{
	struct arena *a = &w->arena[w->nr_arenas > 1 && rnd(w, 4) == 0];
	unsigned int all = 0, i, n;
	bool good;

	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		all += steps[i].weight;
	n = rnd(w, all);
	for (i = 0; n >= steps[i].weight; i++)
		n -= steps[i].weight;
	w->step++;
	w->doing = steps[i].name;
	good = steps[i].fn(w, a);
	for (i = 0; i < 8 && good; i++) {
		n = rnd(w, a->nr_pages);
		good = check_page(w, a, &a->page[n], address(a, n));
	}
	return good && check_edges(w, a) && (w->step % 64 || check_all(w));
}

static bool reap(struct worker *w)
{
	pid_t child = w->child;
	int status = -1;

	w->child = 0;
	if (child && (waitpid(child, &status, 0) != child || status))
		return fail(w, "a child ended with status 0x%x", status);
	return true;
}

/*
 * Fork a child, which checks its memory and then runs steps of its own. They must not change the
 * parent's private pages.
 */
static bool do_fork(struct worker *w, struct arena *a)
{
	bool waits = rnd(w, 2);
	unsigned int i;

	(void)a;
	if (w->is_child)
		return true;
	if (!reap(w))
		return false;
	w->child = fork();
	if (w->child < 0)
		return fail(w, "fork: %s", strerror(errno));
	if (!w->child) {
		w->is_child = true;
		w->private_only = !waits;
		if (!check_all(w))
			_exit(1);
		for (i = 0; i < 12; i++)
			if (!one_step(w))
				_exit(1);
		_exit(!check_all(w));
	}
	return waits ? reap(w) && check_all(w) : true;
}

/* ---- the run ---- */

static bool make_arena(struct worker *w, struct arena *a, char *base, bool huge)
{
	unsigned int i;
	uint64_t *at;

	a->base = base;
	a->away = base + (256UL << 20);
	a->grain = huge ? BLOCK : 1;
	a->flags = huge ? MAP_HUGETLB | MAP_NORESERVE
			: 0; /* NORESERVE: Linux 6.18 loses some of the huge pages it reserves */
	a->nr_pages = huge ? 3 * BLOCK : PAGES;
	a->file_pages = huge ? 2 * BLOCK : BLOCK + 100;
	a->values = mmap(NULL, OBJECTS * sizeof(*a->values), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(a->page, 0, sizeof(a->page));
	for (i = 0; i < 2; i++) {
		a->fd[i] = memfd_create("random", huge ? MFD_HUGETLB : 0);
		if (a->fd[i] < 0 || ftruncate(a->fd[i], (off_t)(a->file_pages * PAGE)))
			return fail(w, "a memfd: %s", strerror(errno));
	}
	at = mmap(NULL, a->file_pages * PAGE, RW, MAP_SHARED, a->fd[1], 0);
	if (at == MAP_FAILED || a->values == MAP_FAILED)
		return fail(w, "mmap: %s", strerror(errno));
	for (i = 0; i < a->file_pages; i++)
		a->values[1][i] = at[i * 512] = at[i * 512 + 511] = 0xf11e0000 + i;
	munmap(at, a->file_pages * PAGE);
	return true;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	double end = now() + seconds;

	w->random = (seed + w->id) * 0x9e3779b97f4a7c15ULL + 1;
	while (!failed && (seconds ? now() < end : w->step < STEPS))
		if (!one_step(w))
			break;
	reap(w);
	check_all(w);
	return NULL;
}

/* Runs in a separate process, so that all its memory is freed at its end. */
static int run(bool huge)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
	unsigned int i, j, done = 0;
	pthread_t thread[WORKERS];

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	for (i = 0; i < WORKERS; i++) {
		struct worker *w = &workers[i];

		w->id = i;
		w->doing = "start";
		w->nr_arenas = huge ? 2 : 1;
		for (j = 0; j < w->nr_arenas; j++)
			if (!make_arena(w, &w->arena[j], (char *)BASE + (i * 2 + j) * (512UL << 20),
					j))
				return 1;
	}
	for (i = 0; i < WORKERS; i++)
		pthread_create(&thread[i], NULL, work, &workers[i]);
	for (i = 0; i < WORKERS; i++) {
		pthread_join(thread[i], NULL);
		done += workers[i].step;
	}
	dprintf(1, "# %u steps, %s huge pages\n", done, huge ? "with" : "without");
	return failed;
}

static long set_pool(int count)
{
	int fd = open("/proc/sys/vm/nr_hugepages", O_WRONLY);

	if (fd >= 0) {
		dprintf(fd, "%d", count);
		close(fd);
	}
	return meminfo("HugePages_Free:");
}

static int run_in_child(bool huge)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(run(huge));
	waitpid(pid, &status, 0);
	return status;
}

int main(int argc, char **argv)
{
	bool exact = getenv("HS_EXACT") != NULL, huge = set_pool(POOL) == POOL;
	long before, after;

	if (argc > 1)
		seconds = atof(argv[1]);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0);
	printf("# seed %llu\n", (unsigned long long)seed);
	before = meminfo("MemFree:");
	ok(run_in_child(huge) == 0, "after random steps, each page holds what the model says");
	after = meminfo("MemFree:");
	printf("# %ld KiB free before, %ld after\n", before, after);
	ok(!exact || before - after <= SLACK, "all memory is free again");
	ok(!huge || meminfo("HugePages_Free:") == POOL, "all huge pages are free again");
	set_pool(0);
	return tap_done();
}
