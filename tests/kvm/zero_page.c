// SPDX-License-Identifier: MIT
/*
 * zero_page.c - guests that load from untouched memory before anything is stored there.
 *
 * Linux and, with zero_page=1, the host map their zero page then. The guest, its VMM, another
 * process or another slot may be the first to store; nobody else may see that store, and those who
 * share the memory must. The claims hold on Linux KVM, too. Prints TAP.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include "guest.h"

#define AREA      (4 * MB)
#define AREA_GPA  0x100000000UL
#define OTHER_GPA 0x200000000UL
#define RW        (PROT_READ | PROT_WRITE)

static char *area;

/* Map AREA bytes at a multiple of 2 MiB. */
static char *map_area(void)
{
	char *at =
		mmap(NULL, AREA + 2 * MB, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	must(at != MAP_FAILED, "mmap");
	return (char *)(((uintptr_t)at + 2 * MB - 1) & ~(2 * MB - 1));
}

static bool all_zero(const char *at, size_t size)
{
	for (size_t i = 0; i < size; i += sizeof(uint64_t))
		if (*(const volatile uint64_t *)(at + i))
			return false;
	return true;
}

/* Does the guest load 0 from each page of [gpa, gpa + AREA) except those at `but`? */
static bool guest_loads_zero(uint64_t gpa, uint64_t but)
{
	for (uint64_t at = gpa; at < gpa + AREA; at += PAGE)
		if (at != but && !loads(at, 0))
			return false;
	return true;
}

/* Put fresh memory, from which the guest has loaded, into slot 1. */
static void fresh(uint32_t flags)
{
	set_slot(1, 0, 0, NULL, 0);
	area = map_area();
	must(set_slot(1, AREA_GPA, AREA, area, flags) == 0, "slot 1");
	must(guest_loads_zero(AREA_GPA, 0), "the guest's first loads");
}

static uint64_t host_word(uint64_t gpa)
{
	return *(volatile uint64_t *)(area + (gpa - AREA_GPA));
}

static void guest_stores_first(void)
{
	uint64_t at = AREA_GPA + 2 * MB + 5 * PAGE;

	fresh(0);
	ok(stores(at) && loads(at, at) && host_word(at) == at,
	   "a store after the load is seen by guest and host");
	ok(guest_loads_zero(AREA_GPA, at), "the guest's other pages are still zero");
	ok(all_zero(area, 2 * MB + 5 * PAGE), "so are they for the host");
}

static void host_stores_first(void)
{
	uint64_t at = AREA_GPA + MB;

	fresh(0);
	*(volatile uint64_t *)(area + MB) = 17;
	ok(loads(at, 17) && loads(at + PAGE, 0),
	   "the guest sees a store by the host after its load");
	ok(stores(at + PAGE) && host_word(at + PAGE) == at + PAGE && host_word(at) == 17,
	   "the host sees the guest's store next to it");
}

static void two_areas(void)
{
	char *first;

	fresh(0);
	first = area;
	must(set_slot(2, OTHER_GPA, AREA, map_area(), 0) == 0, "slot 2");
	must(guest_loads_zero(OTHER_GPA, 0), "the guest's loads from slot 2");
	ok(stores(AREA_GPA) && stores(OTHER_GPA + PAGE) && loads(OTHER_GPA, 0) &&
		   loads(AREA_GPA + PAGE, 0),
	   "a store to one area does not reach another one");
	must(set_slot(2, 0, 0, NULL, 0) == 0 && set_slot(2, OTHER_GPA, AREA, first, 0) == 0,
	     "slot 2 of the same memory");
	ok(loads(OTHER_GPA, AREA_GPA) && loads(OTHER_GPA + MB, 0) && stores(OTHER_GPA + MB) &&
		   loads(AREA_GPA + MB, OTHER_GPA + MB),
	   "a store to memory of two slots is seen at both addresses");
	set_slot(2, 0, 0, NULL, 0);
}

static void read_only(void)
{
	fresh(KVM_MEM_READONLY);
	ok(is_mmio(OP_STORE, AREA_GPA + PAGE) && loads(AREA_GPA + PAGE, 0),
	   "a store to a read-only slot is MMIO");
	*(volatile uint64_t *)(area + PAGE) = 3;
	ok(loads(AREA_GPA + PAGE, 3), "the guest sees the host's store to a read-only slot");
	mprotect(area, AREA, PROT_READ);
	fresh(0);
	mprotect(area, AREA, PROT_READ);
	ok(fails_with_efault(OP_STORE, AREA_GPA) && loads(AREA_GPA, 0),
	   "a store to memory that the host cannot write fails");
	mprotect(area, AREA, RW);
	ok(stores(AREA_GPA) && host_word(AREA_GPA) == AREA_GPA,
	   "the store works once the host can write");
}

static void logged(void)
{
	static uint64_t bits[AREA / PAGE / 64];
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bits };
	uint64_t at = AREA_GPA + 70 * PAGE;

	fresh(KVM_MEM_LOG_DIRTY_PAGES);
	must(ioctl(vm, KVM_GET_DIRTY_LOG, &log) == 0, "KVM_GET_DIRTY_LOG");
	ok(all_zero((char *)bits, sizeof(bits)), "loads from the zero page are not logged");
	must(stores(at), "a store");
	must(ioctl(vm, KVM_GET_DIRTY_LOG, &log) == 0, "KVM_GET_DIRTY_LOG");
	ok(bits[1] == 1UL << (70 - 64) && bits[0] == 0 &&
		   all_zero((char *)(bits + 2), sizeof(bits) - 16),
	   "the first store is logged, and only its page");
	ok(stores(at + 8) && ioctl(vm, KVM_GET_DIRTY_LOG, &log) == 0 && bits[1] == 1UL << (70 - 64),
	   "a store after the log was read is logged again");
	ok(guest_loads_zero(AREA_GPA, at) && loads(at, at), "the memory has only these stores");
}

static void dropped(void)
{
	uint64_t at = AREA_GPA + MB;

	fresh(0);
	must(stores(at), "a store");
	must(madvise(area, AREA, MADV_DONTNEED) == 0, "MADV_DONTNEED");
	ok(guest_loads_zero(AREA_GPA, 0) && stores(at) && loads(at, at),
	   "memory that was dropped reads as zero, and takes stores again");
	must(munmap(area + PAGE, PAGE) == 0, "munmap");
	ok(loads(AREA_GPA, 0) && fails_with_efault(OP_LOAD, AREA_GPA + PAGE) &&
		   loads(AREA_GPA + 2 * PAGE, 0),
	   "an unmapped page of the zero page is gone for the guest");
}

static void forked(void)
{
	int status = -1;
	pid_t child;

	fresh(0);
	child = fork();
	if (!child) {
		memset(area, 1, AREA);
		_exit(0);
	}
	waitpid(child, &status, 0);
	ok(child > 0 && !status && guest_loads_zero(AREA_GPA, 0),
	   "the guest does not see a child's stores");
	child = fork();
	if (!child) {
		usleep(100000);
		_exit(all_zero(area, AREA) ? 0 : 1);
	}
	ok(stores(AREA_GPA) && stores(AREA_GPA + 3 * MB), "the guest stores after fork");
	waitpid(child, &status, 0);
	ok(child > 0 && !status, "the child does not see the guest's stores");
}

/* ---- a guest that stores while the host loads, stores and drops -------------------- */

static volatile bool storm_is_over;

static void *storm(void *arg)
{
	struct vcpu *vcpu = arg;

	while (!storm_is_over)
		ioctl(vcpu->fd, KVM_RUN, 0);
	return NULL;
}

static void on_signal(int sig)
{
	(void)sig;
}

static void at_the_same_time(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	uint64_t at = AREA_GPA + MB, word;
	bool good = true;
	pthread_t thread;

	sigaction(SIGUSR1, &action, NULL);
	fresh(0);
	must(run(&vcpus[1]).exit == KVM_EXIT_RISCV_SBI, "the second vCPU's first call");
	vcpus[1].run->riscv_sbi.ret[0] = OP_STORM;
	vcpus[1].run->riscv_sbi.ret[1] = at;
	must(pthread_create(&thread, NULL, storm, &vcpus[1]) == 0, "pthread_create");
	for (int i = 0; i < 400; i++) {
		uint64_t page = (uint64_t)(i % 64) * PAGE;

		madvise(area, AREA, MADV_DONTNEED);
		good &= loads(AREA_GPA + 2 * MB + page, 0);
		word = guest(OP_LOAD, at + page).result;
		good &= word == 0 || word == at + page;
		*(volatile uint64_t *)(area + 2 * MB + page) = 5;
		good &= loads(AREA_GPA + 2 * MB + page, 5);
		word = host_word(at + page);
		good &= word == 0 || word == at + page;
	}
	storm_is_over = true;
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
	ok(good, "every load gives zero or what was stored there, while another vCPU stores");
}

int main(void)
{
	char *untouched;

	setvbuf(stdout, NULL, _IOLBF, 0);
	make_vm();
	must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "the guest's first call");
	fresh(0);
	untouched = area;
	guest_stores_first();
	host_stores_first();
	two_areas();
	read_only();
	logged();
	dropped();
	forked();
	at_the_same_time();
	ok(all_zero(untouched, AREA), "after all these stores, the zero page is still zero");
	end_vm();
	printf("1..%d\n", claims);
	return failures != 0;
}
