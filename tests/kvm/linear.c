// SPDX-License-Identifier: MIT
/*
 * linear.c - what a guest's memory costs the host, by pages that the guest has touched and by
 * the size of the memory.
 *
 * A slot of 2 or 64 GiB of memory that nobody has touched (MAP_NORESERVE); the guest stores to
 * some pages of it, and then the host reads the dirty log, ages, takes back, deletes, frees.
 * Instructions of all privilege modes, by instret: run it with --icount and one hart, where
 * they repeat to the last. Prints TAP; with arguments, a table instead:
 *
 *   linear TOGGLE VALUE...     each operation under each value of a toggle, per page
 */
#include "guest.h"

#define GB        (1UL << 30)
#define SLOT      7
#define SLOT_GPA  (4 * GB)
#define SWEEP_AT  (DATA + MB) /* in the guest's first slot */
#define MAX_PAGES 1024UL
#define SPARSE    (2 * MB) /* between two pages: each has tables of its own */

static inline uint64_t instret(void)
{
	uint64_t count;

	__asm__ volatile("rdinstret %0" : "=r"(count)::"memory");
	return count;
}

/* ---- one VM, from its first store to its end ------------------------------------------ */

struct shape {
	uint64_t size, pages, stride;
};

enum work {
	FAULT,   /* the guest's first store to each page, with the host's own fault */
	REFAULT, /* the same when the host has the pages already */
	HARVEST, /* KVM_GET_DIRTY_LOG after each page was written */
	CLEAN,   /* the same when none was */
	AGE,     /* MADV_COLD over all of the slot */
	UNMAP,   /* MADV_DONTNEED over all of it */
	DELETE,  /* the slot goes, its pages stay */
	END,     /* the VM's last descriptor is closed while all is mapped */
	WORKS,
};

static const char *const work_name[WORKS] = {
	[FAULT] = "fault, fresh page",
	[REFAULT] = "fault, page present",
	[HARVEST] = "dirty-log harvest",
	[CLEAN] = "dirty-log harvest, clean",
	[AGE] = "age",
	[UNMAP] = "unmap, host's part included",
	[DELETE] = "unmap, slot deleted",
	[END] = "free",
};

static char *slot_memory;
static uint64_t *bitmap;

static void sweep(const struct shape *s)
{
	*(struct sweep *)user(SWEEP_AT) = (struct sweep){ SLOT_GPA, s->stride, s->pages };
	must(guest(OP_SWEEP, SWEEP_AT).exit == KVM_EXIT_RISCV_SBI, "the guest's sweep");
}

static void make_slot(const struct shape *s, uint32_t flags)
{
	must(set_slot(SLOT, SLOT_GPA, s->size, slot_memory, flags) == 0, "the slot");
}

/* A VM whose guest is about to be told what to do. */
static void begin(const struct shape *s)
{
	make_vm();
	slot_memory = mmap(NULL, s->size + SPARSE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(slot_memory != MAP_FAILED, "mmap of the slot's memory");
	madvise(slot_memory, s->size + SPARSE, MADV_NOHUGEPAGE);
	make_slot(s, 0);
	must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "the guest's first call");
}

static uint64_t get_log(void)
{
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = bitmap };
	uint64_t from = instret();

	must(ioctl(vm, KVM_GET_DIRTY_LOG, &log) == 0, "KVM_GET_DIRTY_LOG");
	return instret() - from;
}

static uint64_t dirty_pages(const struct shape *s)
{
	uint64_t i, n = 0;

	for (i = 0; i < s->size / PAGE / 64; i++)
		n += (uint64_t)__builtin_popcountl(bitmap[i]);
	return n;
}

static uint64_t advise(const struct shape *s, int advice)
{
	uint64_t from = instret();

	must(madvise(slot_memory, s->size, advice) == 0, "madvise");
	return instret() - from;
}

static uint64_t timed_sweep(const struct shape *s)
{
	uint64_t from = instret();

	sweep(s);
	return instret() - from;
}

/* All of it, in an order in which each step finds the pages as it needs them. */
static void measure(const struct shape *s, uint64_t cost[WORKS])
{
	uint64_t from;

	begin(s);
	bitmap = calloc(s->size / PAGE / 8, 1);
	memset(bitmap, 1, s->size / PAGE / 8); /* its pages are there */
	cost[FAULT] = timed_sweep(s);
	cost[AGE] = advise(s, MADV_COLD);

	make_slot(s, KVM_MEM_LOG_DIRTY_PAGES);
	get_log();
	sweep(s);
	cost[HARVEST] = get_log();
	must(dirty_pages(s) == s->pages, "as many dirty pages as were written");
	cost[CLEAN] = get_log();
	must(dirty_pages(s) == 0, "and none afterwards");
	make_slot(s, 0); /* all leaves go */

	cost[REFAULT] = timed_sweep(s);
	cost[UNMAP] = advise(s, MADV_DONTNEED);
	sweep(s);
	from = instret();
	must(set_slot(SLOT, SLOT_GPA, 0, slot_memory, 0) == 0, "delete the slot");
	cost[DELETE] = instret() - from;
	make_slot(s, 0);
	sweep(s);
	from = instret();
	end_vm();
	cost[END] = instret() - from;
	munmap(slot_memory, s->size + SPARSE);
	free(bitmap);
}

/* ---- claims ------------------------------------------------------------------------------ */

static bool near(uint64_t value, uint64_t expected, unsigned int percent)
{
	uint64_t diff = value > expected ? value - expected : expected - value;

	return diff * 100 <= expected * percent;
}

/* Cost of 256, 512 and 1024 pages: what the second 256 take, the next 512 take twice. */
static void linear_in_pages(enum work w, uint64_t size, uint64_t cost[3][WORKS])
{
	uint64_t first = cost[1][w] - cost[0][w], second = cost[2][w] - cost[1][w];
	char name[100];

	snprintf(name, sizeof(name), "%lu GiB, %s: linear in pages", size / GB, work_name[w]);
	printf("# %s: %lu, %lu, %lu; %lu a page\n", name, cost[0][w], cost[1][w], cost[2][w],
	       second / 512);
	ok(near(second, 2 * first, 5), name);
}

static void claim_all(void)
{
	static const uint64_t sizes[] = { 2 * GB, 64 * GB };
	uint64_t cost[2][3][WORKS], more;
	unsigned int i, j, w;
	char name[100];

	measure(&(struct shape){ 2 * GB, MAX_PAGES, SPARSE }, cost[0][0]); /* the host warms up */
	for (i = 0; i < 2; i++) {
		for (j = 0; j < 3; j++)
			measure(&(struct shape){ sizes[i], 256UL << j, SPARSE }, cost[i][j]);
		for (w = 0; w < WORKS; w++)
			if (w != CLEAN)
				linear_in_pages(w, sizes[i], cost[i]);
	}
	for (w = 0; w < WORKS; w++) {
		if (w == CLEAN)
			continue;
		snprintf(name, sizeof(name), "%s: 64 GiB cost what 2 GiB do", work_name[w]);
		/* The log itself is a bit a page, and user space gets all of it. */
		more = w == HARVEST ? cost[1][2][CLEAN] - cost[0][2][CLEAN] : 0;
		printf("# %s: %lu and %lu + %lu\n", name, cost[0][2][w], cost[1][2][w] - more,
		       more);
		ok(near(cost[1][2][w] - more, cost[0][2][w], 2), name);
	}
	more = cost[1][2][CLEAN] - cost[0][2][CLEAN];
	printf("# a clean log: %lu for 2 GiB, %lu for 64 GiB: %lu for each GiB more\n",
	       cost[0][2][CLEAN], cost[1][2][CLEAN], more / 62);
	ok(more / 62 <= 8192, "a GiB more of clean log, 32 KiB of bits, costs at most 8192");
}

/* ---- the table ----------------------------------------------------------------------------- */

static void set_toggle(const char *toggle, const char *value)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "/sys/module/kvm/parameters/%s", toggle);
	fd = open(path, O_WRONLY);
	must(fd >= 0, path);
	must(write(fd, value, strlen(value)) == (ssize_t)strlen(value), value);
	close(fd);
}

/* What one page more takes: of 512 that lie side by side, and of 512 that lie 2M apart. */
static void per_page(uint64_t stride, uint64_t cost[WORKS])
{
	uint64_t less[WORKS];
	unsigned int w;

	measure(&(struct shape){ 2 * GB, 512, stride }, less);
	measure(&(struct shape){ 2 * GB, 1024, stride }, cost);
	for (w = 0; w < WORKS; w++)
		cost[w] = cost[w] > less[w] ? (cost[w] - less[w] + 256) / 512 : 0;
}

static void print_table(const char *toggle, char **values, int count)
{
	static const uint64_t stride[] = { PAGE, SPARSE };
	static uint64_t cost[8][2][WORKS];
	unsigned int w, s;
	int v;

	must(count <= 8, "at most eight values");
	for (v = 0; v < count; v++) {
		set_toggle(toggle, values[v]);
		measure(&(struct shape){ 2 * GB, MAX_PAGES, SPARSE }, cost[v][0]); /* warm up */
		for (s = 0; s < 2; s++)
			per_page(stride[s], cost[v][s]);
	}
	printf("instructions a page of 4 KiB, side by side | alone in its 2M; %s =\n%-28s", toggle,
	       "");
	for (v = 0; v < count; v++)
		printf(" %17s", values[v]);
	printf("\n");
	for (w = 0; w < WORKS; w++) {
		if (w == CLEAN)
			continue;
		printf("%-28s", work_name[w]);
		for (v = 0; v < count; v++)
			printf("   %6lu | %6lu", cost[v][0][w], cost[v][1][w]);
		printf("\n");
	}
}

int main(int argc, char **argv)
{
	if (argc > 2) {
		print_table(argv[1], argv + 2, argc - 2);
		return 0;
	}
	claim_all();
	printf("1..%d\n", claims);
	return failures != 0;
}
