// SPDX-License-Identifier: MIT
/*
 * differ.c - make the same random steps with two VMs on one host whose toggles differ, and compare
 * the results.
 *
 * The first VM has the current toggles, and the second has these with the arguments' changes. A
 * step is a guest's load or store, a store by user space, a read of the dirty log, or a change by
 * the host: it takes pages away, forbids and allows writing, ages pages, joins and splits large
 * pages, or turns logging on and off. Each step must have the same result in both VMs: what a load
 * returns, how a store ends, which pages are dirty. At the end, each page must be the same in both
 * VMs, as the guest and as user space see it. Prints TAP.
 *
 *   differ STEPS SEED TOGGLE=VALUE...
 */
#include "guest.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_COLD
#define MADV_COLD 20
#endif

#define DATA_PAGES ((GUEST_SIZE - 2 * MB) / PAGE)
#define LOG_WORDS  (GUEST_SIZE / PAGE / 64)

/* One VM: a copy of the variables of guest.h, and the VM's dirty log. */
struct side {
	int vm;
	char *memory, *memory_at;
	struct vcpu vcpus[MAX_VCPUS];
	uint64_t log[LOG_WORDS];
};

static struct side sides[2];
static bool logging;
static uint64_t random_state;

static uint64_t rnd(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

static void leave(struct side *s)
{
	s->vm = vm;
	s->memory = memory;
	s->memory_at = memory_at;
	memcpy(s->vcpus, vcpus, sizeof(vcpus));
}

static void enter(const struct side *s)
{
	vm = s->vm;
	memory = s->memory;
	memory_at = s->memory_at;
	memcpy(vcpus, s->vcpus, sizeof(vcpus));
}

/* ---- toggles --------------------------------------------------------------------------- */

static void parameter(const char *name, char *old, size_t size, const char *value)
{
	char path[100];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/module/kvm/parameters/%s", name);
	fd = open(path, O_RDWR);
	must(fd >= 0, path);
	if (old) {
		n = read(fd, old, size - 1);
		must(n > 0, "read of a parameter");
		old[n] = '\0';
		old[strcspn(old, "\n")] = '\0';
	}
	must(write(fd, value, strlen(value)) == (ssize_t)strlen(value), value);
	close(fd);
}

/* Make a VM with these toggles (NAME=VALUE), and then restore the host's settings. */
static void make_side(struct side *s, char **toggles, int count)
{
	char old[16][40];
	int i;

	must(count <= 16, "at most 16 toggles");
	for (i = 0; i < count; i++) {
		char *value = strchr(toggles[i], '=');

		must(value != NULL, toggles[i]);
		*value = '\0';
		parameter(toggles[i], old[i], sizeof(old[i]), value + 1);
		*value = '=';
	}
	make_vm();
	for (i = 0; i < count; i++) {
		char *value = strchr(toggles[i], '=');

		*value = '\0';
		parameter(toggles[i], NULL, 0, old[i]);
		*value = '=';
	}
	must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "the guest's first call");
	leave(s);
}

/* ---- steps, each made with both VMs ------------------------------------------------------ */

static bool same(struct outcome a, struct outcome b)
{
	return a.err == b.err && a.exit == b.exit && a.result == b.result && a.gpa == b.gpa;
}

static bool both_access(enum op op, uint64_t page)
{
	struct outcome o[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		enter(&sides[i]);
		o[i] = guest(op, DATA + page * PAGE);
		if (o[i].err)
			again();
		leave(&sides[i]);
	}
	if (same(o[0], o[1]))
		return true;
	printf("# page %lu, op %d: errno %d and %d, exit %u and %u, 0x%lx and 0x%lx\n", page, op,
	       o[0].err, o[1].err, o[0].exit, o[1].exit, o[0].result, o[1].result);
	return false;
}

static void both_write(uint64_t page, uint64_t value)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		enter(&sides[i]);
		*user(DATA + page * PAGE) = value;
	}
}

static bool both_advise(uint64_t page, uint64_t pages, int advice)
{
	int ret[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		enter(&sides[i]);
		ret[i] = madvise(user(DATA + page * PAGE), pages * PAGE, advice) ? errno : 0;
	}
	return ret[0] == ret[1];
}

static void both_protect(uint64_t page, uint64_t pages, int prot)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		enter(&sides[i]);
		must(mprotect(user(DATA + page * PAGE), pages * PAGE, prot) == 0, "mprotect");
	}
}

/*
 * Make a page read-only, load from it and try to store to it. Then make it writable and store
 * again.
 */
static bool forbid_and_allow(uint64_t page)
{
	bool good;

	both_protect(page, 1, PROT_READ);
	good = both_access(OP_LOAD, page) && both_access(OP_STORE, page);
	both_protect(page, 1, PROT_READ | PROT_WRITE);
	return good && both_access(OP_STORE, page);
}

static void switch_logging(void)
{
	unsigned int i;

	logging = !logging;
	for (i = 0; i < 2; i++) {
		enter(&sides[i]);
		must(set_slot(0, GUEST_BASE, GUEST_SIZE, memory,
			      logging ? KVM_MEM_LOG_DIRTY_PAGES : 0) == 0,
		     "the slot's flags");
	}
}

static bool same_logs(void)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = sides[i].log };

		memset(sides[i].log, 0x55, sizeof(sides[i].log));
		enter(&sides[i]);
		must(ioctl(vm, KVM_GET_DIRTY_LOG, &log) == 0, "KVM_GET_DIRTY_LOG");
	}
	return memcmp(sides[0].log, sides[1].log, sizeof(sides[0].log)) == 0;
}

static bool step(void)
{
	uint64_t page = rnd(DATA_PAGES), pages = 1 + rnd(16);

	pages = page + pages > DATA_PAGES ? DATA_PAGES - page : pages;
	switch (rnd(32)) {
	case 0:
	case 1:
		return both_advise(page, pages, MADV_DONTNEED);
	case 2:
		return both_advise(page / 512 * 512, 512, MADV_DONTNEED);
	case 3:
		return both_advise(page / 512 * 512, 512, MADV_COLLAPSE);
	case 4:
		return both_advise(page, pages, MADV_COLD);
	case 5:
		return forbid_and_allow(page);
	case 6:
		if (rnd(logging ? 3 : 6) == 0)
			switch_logging();
		return true;
	case 7:
		return !logging || same_logs();
	case 8:
	case 9:
		both_write(page, rnd(~0UL));
		return true;
	default:
		return both_access(rnd(2) ? OP_STORE : OP_LOAD, page);
	}
}

int main(int argc, char **argv)
{
	unsigned long i, steps = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000;
	uint64_t page;
	bool good;

	random_state = 0x9e3779b97f4a7c15UL + (argc > 2 ? strtoul(argv[2], NULL, 0) : 1);
	make_side(&sides[0], NULL, 0);
	make_side(&sides[1], argv + 3, argc > 3 ? argc - 3 : 0);

	for (i = 0, good = true; i < steps && good; i++)
		good = step();
	if (!good)
		printf("# step %lu\n", i);
	ok(good, "both VMs give the same result for each step");
	for (page = 0, good = true; page < DATA_PAGES && good; page++)
		good = both_access(OP_LOAD, page);
	ok(good, "both guests see the same memory");
	ok(memcmp(sides[0].memory + 2 * MB, sides[1].memory + 2 * MB, GUEST_SIZE - 2 * MB) == 0,
	   "user space sees the same memory in both VMs");
	printf("1..%d\n", claims);
	return failures != 0;
}
