// SPDX-License-Identifier: MIT
/*
 * stores.c - what a guest's store to an ioeventfd costs among a thousand ioeventfds, and among a
 * thousand zones of coalesced MMIO.
 *
 * Run it with --icount and one hart, because it counts the instructions of all privilege modes.
 * Prints TAP.
 */
#include <sys/eventfd.h>
#include "guest.h"

#define SWEEP_AT (DATA + MB) /* of the struct sweep, in the guest's slot */
#define DEVICE   0x10000000UL
#define MANY     1000U
#define STEP     16UL /* between two devices' addresses */
#define STORES   256UL

/* A binary search looks at 10 of a thousand entries, at 16 instructions each. */
#define SEARCH (10 * 16)

static uint64_t instret(void)
{
	uint64_t count;

	__asm__ volatile("rdinstret %0" : "=r"(count)::"memory");
	return count;
}

static int event;

static int ioeventfd(uint64_t addr, uint32_t flags)
{
	struct kvm_ioeventfd args = { .addr = addr, .len = 8, .fd = event, .flags = flags };

	return ioctl(vm, KVM_IOEVENTFD, &args);
}

static int zone(uint64_t addr)
{
	struct kvm_coalesced_mmio_zone args = { .addr = addr, .size = 8 };

	return ioctl(vm, KVM_REGISTER_COALESCED_MMIO, &args);
}

/*
 * Return the number of instructions per store to the ioeventfd at `addr`, after as many stores to
 * warm up. The kernel handles the stores.
 */
static uint64_t store_cost(uint64_t addr)
{
	uint64_t before, count;
	uint64_t from;

	*(struct sweep *)user(SWEEP_AT) = (struct sweep){ addr, 0, STORES };
	must(guest(OP_SWEEP, SWEEP_AT).exit == KVM_EXIT_RISCV_SBI, "the guest's first stores");
	must(read(event, &before, sizeof(before)) == sizeof(before), "the event");
	from = instret();
	must(guest(OP_SWEEP, SWEEP_AT).exit == KVM_EXIT_RISCV_SBI, "the guest's stores");
	from = instret() - from;
	must(read(event, &count, sizeof(count)) == sizeof(count), "the event");
	must(count == STORES, "a signal for each store");
	return from / STORES;
}

static void among(const char *what, int (*add)(uint64_t addr))
{
	/* The ioeventfds that are measured: at the first, middle and last of MANY addresses. */
	uint64_t addrs[] = { DEVICE, DEVICE + MANY / 2 * STEP, DEVICE + (MANY - 1) * STEP };
	uint64_t alone, most = 0, cost;
	char name[100];
	unsigned int i, n;

	make_vm();
	must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "the guest's first call");
	for (i = 0; i < 3; i++)
		must(ioeventfd(addrs[i], 0) == 0, "KVM_IOEVENTFD");
	alone = store_cost(addrs[0]);
	for (n = 0; n < MANY; n++) {
		if (n && n != MANY / 2 && n != MANY - 1)
			must(add(DEVICE + n * STEP) == 0, what);
	}
	for (i = 0; i < 3; i++) {
		cost = store_cost(addrs[i]);
		most = cost > most ? cost : most;
	}
	printf("# a store to an ioeventfd: %lu instructions among 3, at most %lu among %u\n", alone,
	       most, MANY);
	snprintf(name, sizeof(name),
		 "a store among %u %s costs at most 10 search steps of 16 instructions more", MANY,
		 what);
	ok(most <= alone + SEARCH, name);
	for (i = 0; i < 3; i++)
		must(ioeventfd(addrs[i], KVM_IOEVENTFD_FLAG_DEASSIGN) == 0,
		     "KVM_IOEVENTFD with DEASSIGN");
	end_vm();
}

static int another(uint64_t addr)
{
	return ioeventfd(addr, 0);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	event = eventfd(0, EFD_CLOEXEC);
	must(event >= 0, "eventfd");
	among("ioeventfds", another);
	among("zones", zone);
	printf("1..%d\n", claims);
	return failures != 0;
}
