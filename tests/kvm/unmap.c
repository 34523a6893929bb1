// SPDX-License-Identifier: MIT
/*
 * unmap.c - what it costs to take single pages from guests.
 *
 *   unmap running      a vCPU that runs on another hart does not exit for pages that it does not use
 *   unmap vms          the instructions of one MADV_DONTNEED of a page, with 1, 8 and 64 VMs in the
 *                      process
 *   unmap vms N R      the same with N VMs, R times, as a result that a sweep reads
 *   unmap slots        the same with 1 and 4097 memory slots
 *   unmap areas        the instructions of fork() and ftruncate() for many areas, with 1 and 64 VMs
 *
 * Run all but the first with --icount and one hart.
 *
 * Only for hyperscope: Linux KVM kicks the vCPU. Prints TAP.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include "guest.h"

#define STORM   (DATA + 2 * MB) /* 64 pages */
#define PAGES   (DATA + 3 * MB) /* the pages that are taken */
#define UNMAPS  200UL
#define MAX_VMS 64
#define AREAS   300UL

static long exits(void)
{
	FILE *f = fopen("/sys/kernel/debug/kvm/exits", "r");
	long n = -1;

	must(f && fscanf(f, "%ld", &n) == 1, "/sys/kernel/debug/kvm/exits");
	fclose(f);
	return n;
}

static volatile bool stop;

static void *storm(void *arg)
{
	struct vcpu *vcpu = arg;

	run(vcpu); /* run up to its first call */
	vcpu->run->riscv_sbi.ret[0] = OP_STORM;
	vcpu->run->riscv_sbi.ret[1] = STORM;
	while (!stop)
		run(vcpu);
	return NULL;
}

static void on_signal(int sig)
{
	(void)sig;
}

/* Let the guest use the pages to be taken. */
static void touch_pages(void)
{
	for (uint64_t i = 0; i < UNMAPS; i++)
		must(loads(PAGES + i * PAGE, 0), "a load");
}

static void take_pages(void)
{
	for (uint64_t i = 0; i < UNMAPS; i++)
		must(madvise(user(PAGES + i * PAGE), PAGE, MADV_DONTNEED) == 0, "madvise");
}

static void while_a_vcpu_runs(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	volatile uint64_t *last = user(STORM + 63 * PAGE);
	pthread_t thread;
	bool zero = true;
	long before, n;

	sigaction(SIGUSR1, &action, NULL);
	for (uint64_t i = 0; i < UNMAPS; i++)
		must(stores(PAGES + i * PAGE), "a store");
	must(pthread_create(&thread, NULL, storm, &vcpus[1]) == 0, "pthread_create");
	while (!*last)
		usleep(1000);
	before = exits();
	take_pages();
	n = exits() - before;
	printf("# %ld exits for %lu pages\n", n, UNMAPS);
	ok(n <= (long)UNMAPS / 10, "unmapping pages does not make a running vCPU exit");
	stop = true;
	vcpus[1].run->immediate_exit = 1;
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
	for (uint64_t i = 0; i < UNMAPS; i++)
		zero &= loads(PAGES + i * PAGE, 0);
	ok(zero, "the guest loads zero from all pages that were unmapped");
}

static uint64_t instret(void)
{
	uint64_t count;

	__asm__ volatile("rdinstret %0" : "=r"(count)::"memory");
	return count;
}

static uint64_t cost_of_one(void)
{
	uint64_t from;

	touch_pages();
	from = instret();
	take_pages();
	return (instret() - from) / UNMAPS;
}

/* The other VMs map memory of the same process, but not these pages. */
static void add_vms(unsigned int vms)
{
	static unsigned int have = 1;
	int kvm = open("/dev/kvm", O_RDWR), other;

	for (; have < vms; have++) {
		struct kvm_userspace_memory_region r = { 0, 0, GUEST_BASE, MB, (uintptr_t)memory };

		other = ioctl(kvm, KVM_CREATE_VM, 0);
		must(other >= 0 && ioctl(other, KVM_SET_USER_MEMORY_REGION, &r) == 0, "another VM");
	}
	close(kvm);
	cost_of_one(); /* warm up */
}

static void measure(unsigned int vms, unsigned int rounds)
{
	uint64_t cost = 0;

	add_vms(vms);
	while (rounds--)
		cost = cost_of_one();
	printf("result unmap %lu instructions\n", cost);
}

static void with_other_vms(void)
{
	static const unsigned int counts[] = { 1, 8, 64 };
	uint64_t cost[3];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		add_vms(counts[i]);
		cost[i] = cost_of_one();
		printf("# %u VMs: %lu instructions for each page unmapped\n", counts[i], cost[i]);
	}
	ok(cost[2] - cost[0] <= 63 * 400,
	   "each other VM of the process adds at most 400 instructions to an unmap");
}

/* One-page slots with holes between them, elsewhere in the process and in the guest. */
static void with_many_slots(void)
{
	const uint32_t count = 4096;
	char *at = mmap(NULL, 2 * count * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t few, many;

	must(at != MAP_FAILED, "mmap");
	cost_of_one(); /* warm up */
	few = cost_of_one();
	for (uint32_t i = 0; i < count; i++)
		must(set_slot(1 + i, 2 * GUEST_BASE + 2 * i * PAGE, PAGE, at + 2 * i * PAGE, 0) ==
			     0,
		     "a slot");
	many = cost_of_one();
	printf("# 1 and %u slots: %lu and %lu instructions for each page unmapped\n", count + 1,
	       few, many);
	ok(many - few <= count, "each of 4096 other slots adds less than an instruction");
}

static uint64_t cost_of_fork(void)
{
	uint64_t from = instret();
	pid_t child = fork();

	if (!child)
		_exit(0);
	from = instret() - from;
	must(child > 0 && waitpid(child, NULL, 0) == child, "fork");
	return from;
}

static uint64_t cost_of_truncate(int file, const volatile char *mapped)
{
	uint64_t from;

	*mapped; /* while no page is mapped, there is nothing to unmap */
	from = instret();
	must(ftruncate(file, 0) == 0, "ftruncate");
	from = instret() - from;
	must(ftruncate(file, PAGE) == 0, "ftruncate");
	return from;
}

/* Private areas that cannot be merged, because they alternate with areas of a shared file. */
static void with_many_areas(void)
{
	int file = memfd_create("areas", 0);
	uint64_t fork1, fork64, truncate1, truncate64;
	char *at = mmap(NULL, 2 * AREAS * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	must(at != MAP_FAILED && file >= 0 && ftruncate(file, PAGE) == 0, "memory");
	for (uint64_t i = 0; i < AREAS; i++)
		must(mmap(at + 2 * i * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0) !=
			     MAP_FAILED,
		     "mmap");
	cost_of_fork(); /* warm up */
	fork1 = cost_of_fork();
	truncate1 = cost_of_truncate(file, at);
	add_vms(MAX_VMS);
	fork64 = cost_of_fork();
	truncate64 = cost_of_truncate(file, at);
	printf("# 1 and 64 VMs: %lu and %lu instructions for fork(), %lu and %lu for ftruncate()\n",
	       fork1, fork64, truncate1, truncate64);
	ok(fork64 < fork1 + 63 * 10000, "a fork() does not notify each VM of each area");
	ok(truncate64 < truncate1 + 63 * 10000,
	   "an ftruncate() does not notify each VM of each mapping");
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	make_vm();
	must(madvise(memory, GUEST_SIZE, MADV_NOHUGEPAGE) == 0, "madvise");
	must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "the guest's first call");
	if (argc > 3 && !strcmp(argv[1], "vms"))
		measure((unsigned int)atoi(argv[2]), (unsigned int)atoi(argv[3]));
	else if (argc > 1 && !strcmp(argv[1], "vms"))
		with_other_vms();
	else if (argc > 1 && !strcmp(argv[1], "areas"))
		with_many_areas();
	else if (argc > 1 && !strcmp(argv[1], "slots"))
		with_many_slots();
	else
		while_a_vcpu_runs();
	if (claims)
		printf("1..%d\n", claims);
	return failures != 0;
}
