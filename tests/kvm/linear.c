// SPDX-License-Identifier: MIT
/*
 * linear.c - what a guest's memory costs the host, depending on the number of pages touched and on
 * the size of the memory.
 *
 * A slot has 2 or 64 GiB of untouched memory (MAP_NORESERVE). The guest stores to some of its
 * pages, and then the host reads the dirty log, ages and unmaps pages, deletes the slot and frees
 * the VM. Costs are instructions of all privilege modes, counted with instret. Run the program with
 * --icount and one hart, so that the counts repeat exactly. Prints TAP, or with arguments a table:
 *
 *   linear TOGGLE VALUE...     the cost of each operation per page, under each value of a toggle
 */
#include "guest.h"

#define GB        (1UL << 30)
#define SLOT      7
#define SLOT_GPA  (4 * GB)
#define SWEEP_AT  (DATA + MB) /* of the struct sweep, in the guest's first slot */
#define MAX_PAGES 1024UL
#define SPARSE    (2 * MB) /* between two pages, so that each has its own last-level table */

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
	FAULT,   /* the guest's first store to each page, including the host's fault */
	REFAULT, /* as FAULT, but the host already has the pages */
	HARVEST, /* KVM_GET_DIRTY_LOG after each page was written */
	CLEAN,   /* KVM_GET_DIRTY_LOG if no page was written */
	AGE,     /* MADV_COLD of the whole slot */
	UNMAP,   /* MADV_DONTNEED of the whole slot */
	DELETE,  /* the slot is deleted, but its pages stay */
	END,     /* the VM's last descriptor is closed while all pages are mapped */
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

/* Make a VM with the slot, and run its guest up to its first call. */
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

/* Measure all operations, in an order in which each one finds the pages in the state it needs. */
static void measure(const struct shape *s, uint64_t cost[WORKS])
{
	uint64_t from;

	begin(s);
	bitmap = calloc(s->size / PAGE / 8, 1);
	memset(bitmap, 1, s->size / PAGE / 8); /* allocate its pages */
	cost[FAULT] = timed_sweep(s);
	cost[AGE] = advise(s, MADV_COLD);

	make_slot(s, KVM_MEM_LOG_DIRTY_PAGES);
	get_log();
	sweep(s);
	cost[HARVEST] = get_log();
	must(dirty_pages(s) == s->pages, "exactly the written pages are dirty");
	cost[CLEAN] = get_log();
	must(dirty_pages(s) == 0, "no page is dirty after the harvest");
	make_slot(s, 0); /* no longer logged: this removes all leaves */

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

/*
 * Check that the cost is linear: going from 512 to 1024 pages must add twice the cost that going
 * from 256 to 512 adds, within 5%. cost[0] to cost[2] are for 256, 512 and 1024 pages.
 */
static void linear_in_pages(enum work w, uint64_t size, uint64_t cost[3][WORKS])
{
	uint64_t first = cost[1][w] - cost[0][w], second = cost[2][w] - cost[1][w];
	char name[100];

	snprintf(name, sizeof(name), "%lu GiB, %s: the cost is linear in the number of pages",
		 size / GB, work_name[w]);
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

	measure(&(struct shape){ 2 * GB, MAX_PAGES, SPARSE }, cost[0][0]); /* warm up the host */
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
		snprintf(name, sizeof(name), "%s: 64 GiB costs the same as 2 GiB", work_name[w]);
		/* Leave out the cost of copying the log, which has one bit per page of the slot. */
		more = w == HARVEST ? cost[1][2][CLEAN] - cost[0][2][CLEAN] : 0;
		printf("# %s: %lu and %lu + %lu\n", name, cost[0][2][w], cost[1][2][w] - more,
		       more);
		ok(near(cost[1][2][w] - more, cost[0][2][w], 2), name);
	}
	more = cost[1][2][CLEAN] - cost[0][2][CLEAN];
	printf("# a clean log: %lu for 2 GiB, %lu for 64 GiB: %lu for each additional GiB\n",
	       cost[0][2][CLEAN], cost[1][2][CLEAN], more / 62);
	ok(more / 62 <= 8192,
	   "reading 32 KiB of clean log, for 1 GiB, takes at most 8192 instructions");
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

/* Set cost[] to the cost of each additional page, from 512 to 1024 pages `stride` bytes apart. */
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
	printf("instructions per 4 KiB page, adjacent | one in each 2 MiB; %s =\n%-28s", toggle,
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
