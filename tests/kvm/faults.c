// SPDX-License-Identifier: MIT
/*
 * faults.c - what a guest's first access to a page costs when there are many memory slots, and how
 * much memory faults allocate when plenty is free and when little is free.
 *
 * Run it with --icount and one hart, because it counts the instructions of all privilege modes.
 * Prints TAP.
 */
#include <sys/sysinfo.h>
#include "guest.h"

#define SWEEP_AT  (DATA + MB) /* of the struct sweep, in the guest's first slot */
#define MAP_FLAGS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

static uint64_t instret(void)
{
	uint64_t count;

	__asm__ volatile("rdinstret %0" : "=r"(count)::"memory");
	return count;
}

/*
 * Let the guest make `count` stores, the first at address `start` and the others `stride` bytes
 * apart. Return how many instructions were executed, in all privilege modes.
 */
static uint64_t sweep(uint64_t start, uint64_t stride, uint64_t count)
{
	uint64_t from = instret();

	*(struct sweep *)user(SWEEP_AT) = (struct sweep){ start, stride, count };
	must(guest(OP_SWEEP, SWEEP_AT).exit == KVM_EXIT_RISCV_SBI, "the guest's sweep");
	return instret() - from;
}

static char *map_aligned(size_t size)
{
	char *at = mmap(NULL, size + 2 * MB, PROT_READ | PROT_WRITE, MAP_FLAGS, -1, 0);

	must(at != MAP_FAILED, "mmap");
	return (char *)(((uintptr_t)at + 2 * MB - 1) & ~(2 * MB - 1));
}

/* ---- many slots ------------------------------------------------------------------------ */

#define SLOTS     4096U
#define SLOT_STEP (2 * PAGE) /* one-page slots, each followed by a hole */
#define SMALL_GPA 0x100000000UL
#define LARGE_GPA 0x200000000UL
#define LARGE     (64 * MB)
#define TOUCHES   256UL

/*
 * Count the instructions of TOUCHES faults on pages that the host has mapped. For *scattered, the
 * pages are spread over `slots` small slots (or one slot of the same span); for *together, they are
 * all in the large slot.
 */
static void cost_with(unsigned int slots, uint64_t *scattered, uint64_t *together)
{
	uint64_t span = SLOTS * SLOT_STEP;
	char *small = map_aligned(span), *large = map_aligned(LARGE);
	unsigned int i;

	make_vm();
	madvise(small, span, MADV_NOHUGEPAGE);
	madvise(large, LARGE, MADV_NOHUGEPAGE);
	memset(small, 1, span);
	memset(large, 1, LARGE);
	for (i = 0; i < slots; i++)
		must(set_slot(2 + i, SMALL_GPA + i * SLOT_STEP, slots == 1 ? span : PAGE,
			      small + i * SLOT_STEP, 0) == 0,
		     "a small slot");
	must(set_slot(1, LARGE_GPA, LARGE, large, 0) == 0, "the large slot");
	must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "the guest's first call");
	sweep(LARGE_GPA, PAGE, 1); /* allocate page tables, so that this is not counted below */
	sweep(SMALL_GPA, 2 * MB, span / (2 * MB));
	*together = sweep(LARGE_GPA + PAGE, PAGE, TOUCHES);
	*scattered = sweep(SMALL_GPA + SLOT_STEP, span / TOUCHES, TOUCHES);
	end_vm();
	munmap(small, span);
	munmap(large, LARGE);
}

static void slots_are_searched_by_halves(void)
{
	uint64_t one[2], many[2];

	cost_with(1, &one[0], &one[1]); /* warm up: the first VM finds less in the host's caches */
	cost_with(1, &one[0], &one[1]);
	cost_with(SLOTS, &many[0], &many[1]);
	printf("# a fault with 2 and %u slots: %lu and %lu each in its own slot, %lu and %lu all "
	       "in one\n",
	       SLOTS + 1, one[0] / TOUCHES, many[0] / TOUCHES, one[1] / TOUCHES, many[1] / TOUCHES);
	ok(many[1] <= one[1] + TOUCHES,
	   "faults in one slot cost the same among 4097 slots as among 2");
	ok(many[0] <= one[0] + TOUCHES * 12 * 25,
	   "a fault with 4096 slots costs at most 12 steps of 25 instructions more than with one");
	ok(one[0] > TOUCHES * 200 && one[1] > TOUCHES * 200, "each measured access was a fault");
}

/* ---- little memory ------------------------------------------------------------------------ */

#define BLOCKS 8UL

static uint64_t pages_free(void)
{
	struct sysinfo info;

	must(sysinfo(&info) == 0, "sysinfo");
	return info.freeram / PAGE;
}

/*
 * Let the guest store once to each of BLOCKS blocks of 2 MiB, from `gpa` on. Return how many of the
 * host's free pages this used.
 */
static uint64_t taken_by(uint64_t gpa)
{
	uint64_t before = pages_free(), i;

	sweep(gpa, 2 * MB, BLOCKS);
	for (i = 0; i < BLOCKS; i++)
		must(loads(gpa + i * 2 * MB, gpa + i * 2 * MB), "what the guest has stored");
	return before - pages_free();
}

static void little_memory_goes_page_by_page(void)
{
	char *memory_of_guest = map_aligned(LARGE);
	uint64_t total, size, filled = 0, plenty, little, again_plenty;
	struct sysinfo info;
	char *fill;

	must(sysinfo(&info) == 0, "sysinfo");
	total = info.totalram;
	size = total;
	fill = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_FLAGS, -1, 0);
	must(fill != MAP_FAILED, "mmap");
	madvise(fill, size, MADV_NOHUGEPAGE);
	make_vm();
	must(set_slot(1, LARGE_GPA, LARGE, memory_of_guest, 0) == 0, "the slot");
	must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "the guest's first call");

	plenty = taken_by(LARGE_GPA);
	/* Leave a few MiB free, in blocks of every size. */
	while (pages_free() * PAGE > total / 32 && filled < size) {
		fill[filled] = 1;
		filled += PAGE;
	}
	little = taken_by(LARGE_GPA + 16 * MB);
	munmap(fill, size);
	again_plenty = taken_by(LARGE_GPA + 32 * MB);
	printf("# pages taken by %lu first touches: %lu, with little memory %lu, afterwards %lu\n",
	       BLOCKS, plenty, little, again_plenty);
	ok(plenty >= BLOCKS * 512, "with plenty of free memory, a first touch allocates 2 MiB");
	ok(little < BLOCKS * 8,
	   "with little free memory, a first touch allocates one page and its tables");
	ok(again_plenty >= BLOCKS * 512,
	   "a first touch allocates 2 MiB again once plenty of memory is free");
	end_vm();
	munmap(memory_of_guest, LARGE);
}

int main(void)
{
	slots_are_searched_by_halves();
	little_memory_goes_page_by_page();
	printf("1..%d\n", claims);
	return failures != 0;
}
