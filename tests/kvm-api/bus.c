// SPDX-License-Identifier: MIT
/*
 * bus.c - stores that the kernel handles itself: coalesced MMIO, even with a corrupted ring, and
 * ioeventfds of every length. This program also tests irqfds in a VM without an interrupt
 * controller.
 */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include "vm.h"

#define ZONE 0x10000000UL

/* a0: address; a1: first value, incremented; a2: number of stores; a3: added to a0 each time. */
#define STORES(op)                                                                        \
	"1: " op " a1, 0(a0)\nadd a0, a0, a3\naddi a1, a1, 1\naddi a2, a2, -1\nbnez a2, " \
	"1b\n" REPORT

GUEST(stores1, STORES("sb"));
GUEST(stores2, STORES("sh"));
GUEST(stores4, STORES("sw"));
GUEST(stores8, STORES("sd"));
GUEST(load, "lw a0, 0(a0)\n" REPORT);

#define RING_SIZE \
	((4096 - sizeof(struct kvm_coalesced_mmio_ring)) / sizeof(struct kvm_coalesced_mmio))

static volatile struct kvm_coalesced_mmio_ring *ring_of(const struct vcpu *vcpu)
{
	return (void *)((uint8_t *)vcpu->run + 4096);
}

static int zone(struct vm *vm, unsigned long cmd, uint64_t addr, uint32_t size)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = addr, .size = size };

	return ioctl(vm->fd, cmd, &zone);
}

/*
 * Have the guest make `count` stores of 2^size bytes: the first stores `value` at `addr`, and each
 * further one adds 1 to the value and `step` to the address. Returns 0 if the kernel handled all
 * stores, or 1 if one exited to user space.
 */
static int stores(struct vm *vm, struct vcpu *vcpu, int size, uint64_t addr, uint64_t value,
		  unsigned long count, unsigned long step)
{
	const uint8_t *code[] = { guest_stores1, guest_stores2, guest_stores4, guest_stores8 };
	const uint8_t *end[] = { guest_stores1_end, guest_stores2_end, guest_stores4_end,
				 guest_stores8_end };

	vm_load_code(vm, 0, code[size], end[size]);
	set_reg(vcpu, R_PC, MEM_GPA);
	set_reg(vcpu, R_A0, addr);
	set_reg(vcpu, R_A1, value);
	set_reg(vcpu, CORE(regs.a2), count);
	set_reg(vcpu, CORE(regs.a3), step);
	must(vcpu_run(vcpu) == 0, "KVM_RUN");
	must(vcpu->run->exit_reason == KVM_EXIT_MMIO ||
		     vcpu->run->exit_reason == KVM_EXIT_RISCV_SBI,
	     "a store or the guest's report");
	vcpu_finish(vcpu);
	return vcpu->run->exit_reason == KVM_EXIT_MMIO;
}

static void collects(struct vm *vm, struct vcpu *vcpu)
{
	volatile struct kvm_coalesced_mmio_ring *ring = ring_of(vcpu);
	bool good = true;
	char name[64];

	ok(zone(vm, KVM_REGISTER_COALESCED_MMIO, ZONE, 0x1000) == 0,
	   "a zone of coalesced MMIO can be registered");
	for (int size = 0; size < 4; size++) {
		ring->first = ring->last = 0;
		snprintf(name, sizeof(name), "stores of %d bytes go into the ring", 1 << size);
		good = stores(vm, vcpu, size, ZONE, 0x1122334455667788, 5, 8) == 0 &&
		       ring->first == 0 && ring->last == 5;
		for (uint32_t i = 0; i < 5; i++) {
			uint64_t value = 0x1122334455667788 + i;

			good = good && ring->coalesced_mmio[i].phys_addr == ZONE + 8 * i &&
			       ring->coalesced_mmio[i].len == 1u << size &&
			       ring->coalesced_mmio[i].pio == 0 &&
			       !memcmp((void *)ring->coalesced_mmio[i].data, &value, 1u << size);
		}
		ok(good, name);
	}
	ok(stores(vm, vcpu, 3, ZONE + 0xff8, 1, 1, 0) == 0,
	   "a store to the zone's last 8 bytes goes into the ring");
	ok(stores(vm, vcpu, 2, ZONE + 0x1000, 1, 1, 0) == 1,
	   "a store just after the zone exits to user space");
	ok(stores(vm, vcpu, 2, ZONE - 4, 1, 1, 0) == 1,
	   "a store just before the zone exits to user space");
	vm_load(vm, load);
	set_reg(vcpu, R_PC, MEM_GPA);
	set_reg(vcpu, R_A0, ZONE);
	ok(vcpu_run(vcpu) == 0 && vcpu->run->exit_reason == KVM_EXIT_MMIO &&
		   !vcpu->run->mmio.is_write,
	   "a load from the zone exits to user space");
	vcpu_finish(vcpu);
}

static void fills(struct vm *vm, struct vcpu *vcpu)
{
	volatile struct kvm_coalesced_mmio_ring *ring = ring_of(vcpu);

	ring->first = ring->last = 0;
	ok(stores(vm, vcpu, 2, ZONE, 0, RING_SIZE - 1, 0) == 0 && ring->last == RING_SIZE - 1,
	   "the ring holds one store fewer than it has entries");
	ok(stores(vm, vcpu, 2, ZONE, 0x77, 1, 0) == 1 && vcpu->run->mmio.phys_addr == ZONE &&
		   vcpu->run->mmio.len == 4 && vcpu->run->mmio.data[0] == 0x77 &&
		   ring->last == RING_SIZE - 1,
	   "a store exits to user space when the ring is full");
	ring->first = 1;
	ok(stores(vm, vcpu, 2, ZONE, 0x78, 1, 0) == 0 && ring->last == 0,
	   "once user space has taken an entry, a store goes into the ring, which wraps");
	ring->first = ring->last = 0;
}

static volatile bool stop;

static void *scribble(void *arg)
{
	volatile struct kvm_coalesced_mmio_ring *ring = arg;
	unsigned int seed = 1;

	while (!stop) {
		ring->last = (uint32_t)rand_r(&seed) % 400;
		ring->first = (uint32_t)rand_r(&seed) << (rand_r(&seed) % 24);
	}
	return NULL;
}

static void corrupted(struct vm *vm, struct vcpu *vcpu)
{
	static const uint32_t wrong[] = { RING_SIZE, RING_SIZE + 1, 0x7fffffff, 0x80000000, ~0u };
	volatile struct kvm_coalesced_mmio_ring *ring = ring_of(vcpu);
	bool good = true;
	pthread_t thread;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ring->first = 0;
		ring->last = wrong[i];
		good = good && stores(vm, vcpu, 2, ZONE, 1, 1, 0) == 1 && ring->last == wrong[i];
	}
	ok(good, "a ring with an invalid last index counts as full");
	ring->last = 0;
	ring->first = ~0u;
	ok(stores(vm, vcpu, 2, ZONE, 1, 3, 0) == 0 && ring->last == 3,
	   "a ring with an invalid first index still collects stores");
	stop = false;
	pthread_create(&thread, NULL, scribble, (void *)ring);
	for (int rounds = 0; rounds < 300; rounds++)
		stores(vm, vcpu, rounds % 4, ZONE, 1, 20, 8);
	stop = true;
	pthread_join(thread, NULL);
	ring->first = ring->last = 0;
	ok(stores(vm, vcpu, 2, ZONE + 8, 0x79, 1, 0) == 0 && ring->first == 0 && ring->last == 1 &&
		   ring->coalesced_mmio[0].phys_addr == ZONE + 8 &&
		   ring->coalesced_mmio[0].len == 4 && ring->coalesced_mmio[0].data[0] == 0x79,
	   "after ring indices that changed all the time, the ring collects a store again");
	ring->first = ring->last = 0;
}

static void overlaps(struct vm *vm, struct vcpu *vcpu, struct vcpu *second)
{
	volatile struct kvm_coalesced_mmio_ring *ring = ring_of(vcpu);
	struct kvm_ioeventfd io = { .addr = ZONE + 0x100, .len = 4 };
	uint64_t count = 0;

	io.fd = eventfd(0, EFD_NONBLOCK);
	ok(ring_of(second)->last == ring->last && (ring->last = 7) == 7 &&
		   ring_of(second)->last == 7,
	   "all vCPUs of a VM share one ring");
	ring->first = ring->last = 0;
	zone(vm, KVM_REGISTER_COALESCED_MMIO, ZONE, 0x800);
	ok(stores(vm, vcpu, 2, ZONE + 0x10, 1, 1, 0) == 0 && ring->last == 1,
	   "a store where two zones overlap is collected once");
	ioctl(vm->fd, KVM_IOEVENTFD, &io);
	ok(stores(vm, vcpu, 2, ZONE + 0x100, 1, 1, 0) == 0 && ring->last == 2 &&
		   read(io.fd, &count, 8) == -1,
	   "a zone that is older than an ioeventfd in it gets the store");
	ring->first = 3;
	ok(stores(vm, vcpu, 2, ZONE + 0x100, 1, 1, 0) == 0 && ring->last == 2 &&
		   read(io.fd, &count, 8) == 8 && count == 1,
	   "an ioeventfd in an older zone gets the store when the ring is full");
	ring->first = ring->last = 0;
	zone(vm, KVM_UNREGISTER_COALESCED_MMIO, ZONE + 0x10, 4);
	ok(stores(vm, vcpu, 2, ZONE + 0x10, 1, 1, 0) == 1,
	   "unregistering a range removes every zone that contains it");
	zone(vm, KVM_REGISTER_COALESCED_MMIO, ZONE, 0x1000);
	ok(stores(vm, vcpu, 2, ZONE + 0x100, 1, 1, 0) == 0 && ring->last == 0 &&
		   read(io.fd, &count, 8) == 8,
	   "an ioeventfd that is older than the zone gets the store");
	ok(stores(vm, vcpu, 1, ZONE + 0x100, 1, 1, 0) == 0 && ring->last == 1,
	   "a store whose length differs from the ioeventfd's goes into the ring");
	ok(zone(vm, KVM_UNREGISTER_COALESCED_MMIO, ZONE, 0x1001) == 0 &&
		   stores(vm, vcpu, 2, ZONE, 1, 1, 0) == 0,
	   "unregistering a range larger than the zone leaves the zone registered");
	zone(vm, KVM_UNREGISTER_COALESCED_MMIO, ZONE, 0x1000);
	ok(stores(vm, vcpu, 2, ZONE, 1, 1, 0) == 1,
	   "unregistering exactly the zone's range removes the zone");
	io.flags = KVM_IOEVENTFD_FLAG_DEASSIGN;
	ioctl(vm->fd, KVM_IOEVENTFD, &io);
	close(io.fd);
}

/* Return a mask: bit n is set if a store of 2^n bytes of this value signals the eventfd. */
static int lengths_that_meet(struct vm *vm, struct vcpu *vcpu, struct kvm_ioeventfd io,
			     uint64_t value)
{
	uint64_t count;
	int met = 0;

	must(ioctl(vm->fd, KVM_IOEVENTFD, &io) == 0, "KVM_IOEVENTFD");
	for (int size = 0; size < 4; size++) {
		bool exits = stores(vm, vcpu, size, ZONE, value, 1, 0) == 1;
		bool event = read(io.fd, &count, 8) == 8 && count == 1;

		must(exits != event, "either an exit or an event");
		met |= event << size;
	}
	io.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
	must(ioctl(vm->fd, KVM_IOEVENTFD, &io) == 0, "KVM_IOEVENTFD to remove it");
	return met;
}

static void lengths(struct vm *vm, struct vcpu *vcpu)
{
	struct kvm_ioeventfd io = { .addr = ZONE, .fd = eventfd(0, EFD_NONBLOCK) };
	bool any = true, exact = true, higher = true, other = true;

	for (uint32_t size = 0; size < 4; size++) {
		io.flags = 0;
		io.len = 1u << size;
		any = any && lengths_that_meet(vm, vcpu, io, 0x1234567812345678) == 1 << size;
		io.flags = KVM_IOEVENTFD_FLAG_DATAMATCH;
		io.datamatch = 0x85;
		exact = exact && lengths_that_meet(vm, vcpu, io, 0x85) == 1 << size;
		other = other && lengths_that_meet(vm, vcpu, io, 0x86) == 0;
		if (size == 3)
			continue;
		io.datamatch = 0x85 | 1UL << (8 << size);
		higher = higher && lengths_that_meet(vm, vcpu, io, io.datamatch) == 0;
	}
	ok(any, "an ioeventfd of 1, 2, 4 or 8 bytes matches only stores of that length");
	ok(exact && other, "an ioeventfd with a datamatch matches only stores of that value");
	ok(higher, "a datamatch that exceeds the ioeventfd's length does not match any store");
	io.flags = 0;
	io.len = 0;
	ok(lengths_that_meet(vm, vcpu, io, 0x1234567812345678) == 15,
	   "an ioeventfd of length 0 matches stores of all four lengths");
	io.flags = KVM_IOEVENTFD_FLAG_PIO;
	io.len = 4;
	ok(lengths_that_meet(vm, vcpu, io, 1) == 0, "a port-I/O ioeventfd never matches a store");
	io.flags = KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY;
	ok(lengths_that_meet(vm, vcpu, io, 1) == 0, "a virtio-ccw ioeventfd never matches a store");
	close(io.fd);
}

/* The VMM may read an eventfd after it has removed the ioeventfd. */
static void unread(struct vm *vm, struct vcpu *vcpu)
{
	struct kvm_ioeventfd io = { .addr = ZONE, .len = 4, .fd = eventfd(0, EFD_NONBLOCK) };
	uint64_t count = 0;

	must(ioctl(vm->fd, KVM_IOEVENTFD, &io) == 0, "KVM_IOEVENTFD");
	must(stores(vm, vcpu, 2, ZONE, 1, 3, 0) == 0, "three stores");
	io.flags = KVM_IOEVENTFD_FLAG_DEASSIGN;
	ok(ioctl(vm->fd, KVM_IOEVENTFD, &io) == 0 && read(io.fd, &count, 8) == 8 && count == 3,
	   "removing an ioeventfd does not change the eventfd's count");
	count = 5;
	ok(write(io.fd, &count, 8) == 8 && ioctl(vm->fd, KVM_IOEVENTFD, &io) == -1 &&
		   errno == ENOENT && read(io.fd, &count, 8) == 8 && count == 5,
	   "failing to remove an ioeventfd does not change the eventfd's count");
	close(io.fd);
}

/* Add an irqfd to an eventfd with this count and these flags, and remove it; -1 if that fails. */
static int add_and_remove(struct vm *vm, uint64_t initial, int flags, int epoll)
{
	int fd = eventfd(0, flags | EFD_NONBLOCK);
	struct kvm_irqfd irqfd = { .fd = (uint32_t)fd, .gsi = 6 };
	struct epoll_event writable = { .events = EPOLLOUT };

	must(write(fd, &initial, 8) == 8, "write to an eventfd");
	must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &writable) == 0, "epoll_ctl");
	if (ioctl(vm->fd, KVM_IRQFD, &irqfd))
		return -1;
	irqfd.gsi = 7;
	must(ioctl(vm->fd, KVM_IRQFD, &irqfd) == -1 && errno == EBUSY, "a second irqfd");
	irqfd.gsi = 6;
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	return ioctl(vm->fd, KVM_IRQFD, &irqfd) ? -1 : fd;
}

/* A signal from before an irqfd must not interrupt the guest when the eventfd gets another irqfd. */
static void removal_reads(struct vm *vm)
{
	int epoll = epoll_create1(0), fd;
	struct epoll_event event;
	uint64_t count;

	fd = add_and_remove(vm, 2, 0, epoll);
	ok(read(fd, &count, 8) == -1 && errno == EAGAIN,
	   "removing an irqfd reads its eventfd, whose count becomes 0");
	close(fd);
	fd = add_and_remove(vm, 3, EFD_SEMAPHORE, epoll);
	ok(read(fd, &count, 8) == 8 && read(fd, &count, 8) == 8 && read(fd, &count, 8) == -1,
	   "removing an irqfd takes 1 from an eventfd that is a semaphore");
	close(fd);
	fd = add_and_remove(vm, UINT64_MAX - 1, 0, epoll);
	ok(epoll_wait(epoll, &event, 1, 0) == 1,
	   "removing an irqfd tells epoll that its eventfd can be written");
	close(fd);
	close(epoll);
}

static void irqfds(struct vm *vm)
{
	struct kvm_irqfd irqfd = { .fd = (uint32_t)eventfd(2, EFD_NONBLOCK), .gsi = 5 };
	uint64_t count = 3, one = 1;

	if (ioctl(vm->kvm, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP) > 0) {
		printf("# skipped: this machine has an AIA\n");
		return;
	}
	ok(ioctl(vm->fd, KVM_IRQFD, &irqfd) == 0,
	   "an irqfd can be created without an interrupt controller");
	ok(read((int)irqfd.fd, &count, 8) == 8 && count == 2,
	   "creating an irqfd does not change the eventfd's count");
	ok(write((int)irqfd.fd, &one, 8) == 8 && read((int)irqfd.fd, &count, 8) == -1,
	   "an irqfd consumes an event of its eventfd");
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	ok(ioctl(vm->fd, KVM_IRQFD, &irqfd) == 0 && write((int)irqfd.fd, &one, 8) == 8 &&
		   read((int)irqfd.fd, &count, 8) == 8 && count == 1,
	   "a removed irqfd does not consume events");
	irqfd.flags = 0;
	ok(ioctl(vm->fd, KVM_IRQFD, &irqfd) == 0 && close((int)irqfd.fd) == 0,
	   "an eventfd can be closed while it has an irqfd");
	irqfd.fd = (uint32_t)eventfd(0, EFD_NONBLOCK);
	ok(ioctl(vm->fd, KVM_IRQFD, &irqfd) == 0,
	   "after an irqfd's eventfd is closed, another irqfd can use its GSI");
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	must(ioctl(vm->fd, KVM_IRQFD, &irqfd) == 0 && close((int)irqfd.fd) == 0, "remove it");
	removal_reads(vm);
}

static void odd_sizes(struct vm *vm, struct vcpu *vcpu)
{
	volatile struct kvm_coalesced_mmio_ring *ring = ring_of(vcpu);

	ring->first = ring->last = 0;
	ok(zone(vm, KVM_REGISTER_COALESCED_MMIO, ZONE, 0) == 0 &&
		   stores(vm, vcpu, 2, ZONE, 1, 1, 0) == 1 && ring->last == 0,
	   "a zone of size 0 collects nothing");
	ok(zone(vm, KVM_UNREGISTER_COALESCED_MMIO, ZONE, 0) == 0,
	   "a zone of size 0 can be unregistered");
	ok(zone(vm, KVM_REGISTER_COALESCED_MMIO, ZONE, 1U << 31) == 0 &&
		   zone(vm, KVM_UNREGISTER_COALESCED_MMIO, ZONE, 1U << 31) == 0 &&
		   stores(vm, vcpu, 2, ZONE, 1, 1, 0) == 0 && ring->last == 1,
	   "unregistering a zone of 2 GiB does not remove it");
	ok(zone(vm, KVM_UNREGISTER_COALESCED_MMIO, ZONE, 1) == 0 &&
		   stores(vm, vcpu, 2, ZONE, 1, 1, 0) == 1,
	   "unregistering one byte of the 2 GiB zone removes it");
}

int main(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0), second = vcpu_new(&vm, 1);

	collects(&vm, &vcpu);
	fills(&vm, &vcpu);
	corrupted(&vm, &vcpu);
	overlaps(&vm, &vcpu, &second);
	odd_sizes(&vm, &vcpu);
	lengths(&vm, &vcpu);
	unread(&vm, &vcpu);
	irqfds(&vm);
	vcpu_free(&second);
	vcpu_free(&vcpu);
	vm_free(&vm);
	return tap_done();
}
