// SPDX-License-Identifier: MIT
/*
 * fail_alloc.c - make each allocation of some workloads fail, one after the other.
 *
 * For N = 1, 2, 3, ..., a child asks the debug kernel to fail its Nth allocation
 * (src/debug/fail.c), runs the workload, and exits. Each step of a workload either succeeds or fails
 * with ENOMEM, or with an error that the step permits. After the child has ended, as much memory is
 * free as before. The test stops at the first N that the workload does not reach.
 *
 * usage: fail_alloc [WORKLOAD]
 */
#include <sys/wait.h>
#include "workloads.h"

#define CONTROL "/sys/kernel/debug/fail_alloc"
#define N_MAX   5000

static int control;

/* The contents of the control file: see src/debug/fail.c. */
struct state {
	long left;    /* allocations until one fails */
	long objects; /* bytes of the kernel's small objects */
	long pages;   /* in use, without those of small objects */
};

static struct state state(void)
{
	struct state s = { -1, 0, 0 };
	char text[96] = "";

	if (pread(control, text, sizeof(text) - 1, 0) > 0)
		sscanf(text, "%ld %ld %ld", &s.left, &s.objects, &s.pages);
	return s;
}

static void arm(unsigned int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", n);

	if (write(control, text, (size_t)length) != length)
		_exit(EXIT_WRONG);
}

static const struct workload {
	const char *name;
	void (*run)(void);
} workloads[] = { { "files", files }, { "memory", memory }, { "processes", processes },
		  { "exec", exec },   { "script", script }, { "waits", waits },
		  { "names", names }, { "large", large },   { "slots", slots },
		  { "calls", calls }, { "vm", vm },         { "devices", devices } };

/* Run the workload in a child whose Nth allocation fails; 0: none does. Return its wait status. */
static int attempt(const struct workload *w, unsigned int n)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		arm(n);
		w->run();
		_exit(state().left ? EXIT_BEYOND : EXIT_REACHED);
	}
	waitpid(pid, &status, 0);
	return status;
}

/* Is less memory free than before? Wait up to 100 ms for the memory of the child's last thread. */
static bool leaks(const struct state *before, unsigned int n)
{
	struct state now = state();

	for (int i = 0; i < 100 && (now.objects > before->objects || now.pages > before->pages);
	     i++) {
		usleep(1000);
		now = state();
	}
	if (now.objects <= before->objects && now.pages <= before->pages)
		return false;
	printf("# allocation %u: %ld bytes of objects, %ld pages are missing\n", n,
	       now.objects - before->objects, now.pages - before->pages);
	return true;
}

/*
 * Make the Nth allocation fail. If memory is missing afterwards, do so again: the kernel may keep
 * memory that it has used for the first time, but a leak loses memory each time.
 */
static int attempt_without_leak(const struct workload *w, unsigned int n, int *leaky)
{
	struct state before = state();
	int status = attempt(w, n);

	if (leaks(&before, n)) {
		before = state();
		attempt(w, n);
		*leaky += leaks(&before, n);
	}
	return status;
}

static void fail_each(const struct workload *w)
{
	int status = 0, bad = 0, leaky = 0;
	unsigned int n;
	char name[128];

	attempt_without_leak(w, 0, &(int){ 0 });
	for (n = 1; n < N_MAX && bad < 5 && status != EXIT_BEYOND << 8; n++) {
		status = attempt_without_leak(w, n, &leaky);
		if (status == EXIT_REACHED << 8 || status == EXIT_BEYOND << 8 ||
		    status == EXIT_START << 8)
			continue;
		bad++;
		printf("# allocation %u: wait status 0x%x\n", n, status);
	}
	printf("# %s: %u allocations failed\n", w->name, n - 2);
	if (n == N_MAX && status != EXIT_BEYOND << 8)
		printf("# %s has more than %d allocations: raise N_MAX\n", w->name, N_MAX - 1);
	snprintf(name, sizeof(name), "%s: without memory, a step fails with ENOMEM", w->name);
	ok(!bad && n > 2 && status == EXIT_BEYOND << 8, name);
	snprintf(name, sizeof(name), "%s: a failed allocation leaks no memory", w->name);
	ok(!leaky, name);
}

/* Print the addresses of the allocations that have failed, for alloc-sites. */
static void print_sites(void)
{
	FILE *f = fopen("/sys/kernel/debug/fail_alloc_sites", "r");
	char line[64];

	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		printf("# site %s", line);
	fclose(f);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--nothing"))
		return 0;
	control = open(CONTROL, O_RDWR);
	if (argc >= 2 && !strcmp(argv[1], "--left"))
		return state().left ? EXIT_BEYOND : EXIT_REACHED;
	if (control < 0) {
		printf("1..0 # SKIP this is not the debug kernel\n");
		return 0;
	}
	make_script();
	for (size_t i = 0; i < sizeof(workloads) / sizeof(*workloads); i++)
		if (argc == 1 || !strcmp(argv[1], workloads[i].name))
			fail_each(&workloads[i]);
	print_sites();
	return tap_done();
}
