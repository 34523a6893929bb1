// SPDX-License-Identifier: MIT
/*
 * test_bus.c - the bus: coalesced-MMIO zones, a ring that user space corrupts, and the order of
 * devices. The file also covers irqfds that end before or with their VM, allocations that fail, and
 * halt polling: how a vCPU's polling time adapts.
 */
#include <pthread.h>
#include <unistd.h>
#include "exit/bus.h"
#include "irqchip/route.h"
#include "vcpu/halt_poll.h"
#include "one_vm.h"
#include "race.h"
#include "random.h"

#define ZONE 0x10000000UL
#define RING_SIZE                                                     \
	((u32)((PAGE_SIZE - sizeof(struct kvm_coalesced_mmio_ring)) / \
	       sizeof(struct kvm_coalesced_mmio)))

static int setup(void **state)
{
	(void)state;
	return one_vm_ready(NULL, NATIVE_GUEST_BASE);
}

static int zone_on(gpa_t gpa, u32 size)
{
	return kvm_vm_ioctl_register_coalesced(
		vm.vm, &(struct kvm_coalesced_mmio_zone){ .addr = gpa, .size = size });
}

static void a_ring_holds_one_less_than_its_entries(void **state)
{
	u32 i;

	(void)state;
	assert_int_equal(zone_on(ZONE, 0x100), 0);
	for (i = 0; i < RING_SIZE - 1; i++)
		assert_int_equal(bus_store(vm.vcpu, ZONE + 8, 4, i), 0);
	assert_int_equal(bus_store(vm.vcpu, ZONE + 8, 4, i), -ENOENT);
	assert_int_equal(vm.vm->ring->coalesced_mmio[RING_SIZE - 2].phys_addr, ZONE + 8);
	vm.vm->ring->first = 1;
	assert_int_equal(bus_store(vm.vcpu, ZONE + 8, 4, i), 0);
	assert_int_equal(vm.vm->ring->last, 0);
}

static void any_indices_stay_within_the_ring(void **state)
{
	static const u32 values[] = { 0, 1, RING_SIZE - 1, RING_SIZE, RING_SIZE + 1, 4096, ~0u };
	u32 i, j;

	(void)state;
	assert_int_equal(zone_on(0, ~0u), 0);
	for (i = 0; i < ARRAY_SIZE(values); i++) {
		for (j = 0; j < ARRAY_SIZE(values); j++) {
			vm.vm->ring->last = values[i];
			vm.vm->ring->first = values[j];
			if (bus_store(vm.vcpu, 0x800, 8, ~0ULL) == 0)
				assert_true(values[i] < RING_SIZE && vm.vm->ring->last < RING_SIZE);
			else
				assert_int_equal(vm.vm->ring->last, values[i]);
		}
	}
}

static void a_store_must_lie_within_the_zone(void **state)
{
	(void)state;
	assert_int_equal(zone_on(ZONE, 0x10), 0);
	assert_int_equal(zone_on(~0ULL - 7, 8), 0);
	assert_int_equal(bus_store(vm.vcpu, ZONE + 8, 8, 0), 0);
	assert_int_equal(bus_store(vm.vcpu, ZONE + 12, 8, 0), -ENOENT);
	assert_int_equal(bus_store(vm.vcpu, ZONE - 1, 1, 0), -ENOENT);
	assert_int_equal(bus_store(vm.vcpu, ZONE + 16, 1, 0), -ENOENT);
	assert_int_equal(bus_store(vm.vcpu, ~0ULL - 7, 8, 0), 0);
	assert_int_equal(bus_store(vm.vcpu, 0, 1, 0), -ENOENT);
}

static void zones_are_counted(void **state)
{
	struct kvm_coalesced_mmio_zone all = { .addr = ZONE, .size = 1 };
	int i;

	(void)state;
	for (i = 0; i < BUS_MAX_ZONES; i++)
		assert_int_equal(zone_on(ZONE, 16), 0);
	assert_int_equal(zone_on(ZONE, 16), -ENOSPC);
	assert_int_equal(kvm_vm_ioctl_unregister_coalesced(vm.vm, &all), 0);
	assert_int_equal(bus_store(vm.vcpu, ZONE, 1, 0), -ENOENT);
	assert_int_equal(zone_on(ZONE, 16), 0);
}

/* ---- the order of devices, compared with a linear search of a list ------------------------- */

#define DEVICES 60

struct fake {
	struct bus_device dev;
	bool on;
	unsigned int id;
};

static struct fake fakes[DEVICES];
static unsigned int listed[DEVICES], nr_listed;
static unsigned int asked[DEVICES], nr_asked;

/*
 * Return whether the device covers an access. A device with a length is like a zone, which covers
 * only accesses within it. A device of length 0 is like an ioeventfd of length 0, which covers
 * accesses of any length at its address.
 */
static bool fake_covers(const struct bus_device *dev, gpa_t gpa, unsigned int len)
{
	if (!dev->len)
		return dev->gpa == gpa;
	return gpa >= dev->gpa && gpa - dev->gpa <= dev->len && len <= dev->len - (gpa - dev->gpa);
}

static bool fake_store(struct kvm *kvm, struct bus_device *dev, gpa_t gpa, unsigned int len,
		       u64 data)
{
	struct fake *fake = container_of(dev, struct fake, dev);

	(void)kvm;
	if (!fake_covers(dev, gpa, len))
		return false;
	asked[nr_asked++] = fake->id;
	return (fake->id + data) % 4 == 0;
}

/* Insert a device into listed[], at its place in Linux's order. */
static void list_in_order(unsigned int id)
{
	const struct bus_device *dev = &fakes[id].dev;
	unsigned int at, i;

	for (at = 0; at < nr_listed; at++) {
		const struct bus_device *other = &fakes[listed[at]].dev;

		if (other->gpa >= dev->gpa &&
		    (dev->len ? other->gpa + other->len > dev->gpa + dev->len
			      : other->gpa > dev->gpa))
			break;
	}
	for (i = nr_listed++; i > at; i--)
		listed[i] = listed[i - 1];
	listed[at] = id;
}

static void unlist(unsigned int id)
{
	unsigned int i = 0;

	while (listed[i] != id)
		i++;
	for (nr_listed--; i < nr_listed; i++)
		listed[i] = listed[i + 1];
}

static void toggle_fake(unsigned int id, gpa_t base)
{
	static const u32 lens[] = { 0, 1, 2, 4, 8, 8, 16, 40, 200, ~0u };
	struct fake *fake = &fakes[id];

	fake->id = id;
	fake->on = !fake->on;
	if (fake->on) {
		fake->dev.gone = false;
		fake->dev.gpa = base + rnd(200);
		fake->dev.len = lens[rnd(ARRAY_SIZE(lens))];
		fake->dev.store = fake_store;
		assert_int_equal(bus_add(vm.vm, KVM_BUS_MMIO, &fake->dev), 0);
		list_in_order(id);
	} else {
		fake->dev.gone = true;
		bus_sweep(vm.vm, KVM_BUS_MMIO);
		unlist(id);
	}
}

static void store_as_listed(gpa_t gpa, unsigned int len, u64 data)
{
	unsigned int i, n = 0;
	int want = -ENOENT;

	nr_asked = 0;
	for (i = 0; i < nr_listed && want; i++) {
		if (fake_covers(&fakes[listed[i]].dev, gpa, len) && (listed[i] + data) % 4 == 0)
			want = 0;
	}
	assert_int_equal(bus_store(vm.vcpu, gpa, len, data), want);
	for (i = 0; i < nr_listed && n < nr_asked; i++) {
		if (fake_covers(&fakes[listed[i]].dev, gpa, len))
			assert_int_equal(asked[n++], listed[i]);
	}
	assert_int_equal(n, nr_asked);
	/* If no device took the store, no device in the rest of the list may cover it. */
	for (; want && i < nr_listed; i++)
		assert_false(fake_covers(&fakes[listed[i]].dev, gpa, len));
}

/*
 * Test with few and many devices, apart and overlapping, and at the end of the address space too.
 */
static void stores_are_offered_in_linuxs_order(void **state)
{
	static const gpa_t bases[] = { 0, ZONE, ~0ULL - 220 };
	unsigned int round, id;

	(void)state;
	for (round = 0; round < 60000; round++) {
		gpa_t base = bases[round / 20000];

		if (round % 20000 == 0) {
			for (id = 0; id < DEVICES; id++) {
				if (fakes[id].on)
					toggle_fake(id, base);
			}
		}
		/* Alternate every 1000 rounds: toggle one of the first 6 devices, or any one. */
		if (rnd(3) == 0)
			toggle_fake((unsigned int)rnd(round / 1000 % 2 ? DEVICES : 6), base);
		store_as_listed(base + rnd(220), 1U << rnd(4), rnd(100));
	}
	for (id = 0; id < DEVICES; id++) {
		if (fakes[id].on)
			toggle_fake(id, 0);
	}
}

/* ---- a removal during a store --------------------------------------------------------------- */

static unsigned long in_store, may_end, removed;

static bool slow_store(struct kvm *kvm, struct bus_device *dev, gpa_t gpa, unsigned int len,
		       u64 data)
{
	(void)kvm;
	(void)dev;
	(void)gpa;
	(void)len;
	(void)data;
	__atomic_store_n(&in_store, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&may_end, __ATOMIC_SEQ_CST))
		sched_yield();
	return false;
}

static void *store_once(void *arg)
{
	assert_int_equal(bus_store(vm.vcpu, ZONE, 4, 0), -ENOENT);
	return arg;
}

static void *remove_device(void *arg)
{
	struct bus_device *dev = arg;

	hv_mutex_lock(&vm.vm->slots_lock);
	dev->gone = true;
	bus_sweep(vm.vm, KVM_BUS_MMIO);
	hv_mutex_unlock(&vm.vm->slots_lock);
	__atomic_store_n(&removed, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void a_removal_waits_until_no_store_uses_the_device(void **state)
{
	struct bus_device dev = { .gpa = ZONE, .len = 4, .store = slow_store };
	pthread_t storing, removing;

	(void)state;
	in_store = may_end = removed = 0;
	assert_int_equal(bus_add(vm.vm, KVM_BUS_MMIO, &dev), 0);
	pthread_create(&storing, NULL, store_once, NULL);
	assert_true(race_wait(&in_store, 0));
	pthread_create(&removing, NULL, remove_device, &dev);
	while (__atomic_load_n(&vm.vm->bus[KVM_BUS_MMIO].nr, __ATOMIC_SEQ_CST))
		sched_yield();
	usleep(20000);
	assert_int_equal(__atomic_load_n(&removed, __ATOMIC_SEQ_CST), 0);
	__atomic_store_n(&may_end, 1, __ATOMIC_SEQ_CST);
	pthread_join(storing, NULL);
	pthread_join(removing, NULL);
	assert_int_equal(removed, 1);
	assert_int_equal(bus_store(vm.vcpu, ZONE, 4, 0), -ENOENT);
}

static int irqfd(int fd, u32 gsi, u32 flags)
{
	return kvm_vm_ioctl_irqfd(vm.vm,
				  &(struct kvm_irqfd){ .fd = (u32)fd, .gsi = gsi, .flags = flags });
}

static void an_irqfd_consumes_events_until_it_is_deassigned(void **state)
{
	int fd = native_eventfd();
	struct hv_event *event;

	(void)state;
	assert_int_equal(hv_event_get(fd, &event), 0);
	assert_int_equal(irqfd(fd, 3, 0), 0);
	hv_event_signal(event, 1);
	assert_int_equal(native_eventfd_count(fd), 0);
	assert_int_equal(irqfd(fd, 4, 0), -EBUSY);
	assert_int_equal(irqfd(fd, 4, KVM_IRQFD_FLAG_DEASSIGN), 0); /* no irqfd has line 4 */
	assert_int_equal(irqfd(fd, 3, 0), -EBUSY);
	assert_int_equal(irqfd(fd, 3, KVM_IRQFD_FLAG_DEASSIGN), 0);
	hv_event_signal(event, 1);
	assert_int_equal(native_eventfd_count(fd), 1);
	hv_event_put(event);
	native_close(fd);
}

static void irqfds_end_with_their_eventfd_or_their_vm(void **state)
{
	int fd = native_eventfd(), resample = native_eventfd(), left = native_eventfd();
	struct kvm_irqfd args = { .fd = (u32)left,
				  .resamplefd = (u32)resample,
				  .flags = KVM_IRQFD_FLAG_RESAMPLE };

	(void)state;
	assert_int_equal(irqfd(fd, 1, 0), 0);
	native_close(fd);
	assert_int_equal(kvm_vm_ioctl_irqfd(vm.vm, &args), 0);
	native_close(resample);
	native_close(left);
	/* one_vm_end() checks that nothing has leaked. */
}

static void running_out_of_memory_leaks_nothing(void **state)
{
	int fd = native_eventfd();
	struct kvm_ioeventfd io = { .addr = ZONE, .len = 4, .fd = fd };

	(void)state;
	native_fail_alloc(1);
	assert_int_equal(zone_on(ZONE, 16), -ENOMEM);
	native_fail_alloc(1);
	assert_int_equal(irqfd(fd, 1, 0), -ENOMEM);
	native_fail_alloc(1);
	assert_int_equal(kvm_vm_ioctl_ioeventfd(vm.vm, &io), -ENOMEM);
	native_fail_alloc(0);
	assert_int_equal(bus_store(vm.vcpu, ZONE, 4, 0), -ENOENT);
	native_close(fd);
}

/* ---- halt polling ------------------------------------------------------------------------ */

static u64 over_at; /* time at which the wait ends */

static bool is_over(struct kvm_vcpu *vcpu)
{
	(void)vcpu;
	return hv_time() >= over_at;
}

/* Advance time while the thread sleeps. */
static bool is_over_asleep(struct kvm_vcpu *vcpu)
{
	(void)vcpu;
	native_time_set(over_at);
	return true;
}

static void a_tick(void)
{
	native_time_set(hv_time() + 1);
}

static void halt_for_us(u64 us)
{
	native_poll_hook = a_tick;
	over_at = hv_time() + us * hv_timebase_hz() / 1000000;
	vcpu_load(vm.vcpu);
	vcpu_halt(vm.vcpu, is_over, is_over_asleep);
	vcpu_put(vm.vcpu);
	native_poll_hook = NULL;
}

static void short_waits_are_polled_and_long_ones_sleep(void **state)
{
	const struct vcpu_stats *stats = &vm.vcpu->stats;

	(void)state;
	assert_int_equal(vm.vcpu->halt_poll_ns, 0);
	halt_for_us(50);
	assert_int_equal(stats->halt_attempted_poll, 0);
	assert_int_equal(vm.vcpu->halt_poll_ns, 10000);
	halt_for_us(50);
	assert_int_equal(vm.vcpu->halt_poll_ns, 20000);
	assert_int_equal(stats->halt_attempted_poll, 1);
	assert_int_equal(stats->halt_poll_fail_ns, 10000);
	halt_for_us(15);
	assert_int_equal(stats->halt_successful_poll, 1);
	assert_int_equal(stats->halt_poll_success_ns, 14900);   /* until the second-to-last check */
	assert_int_equal(stats->halt_poll_success_hist[14], 1); /* 2^13 to 2^14 - 1 ns */
	assert_int_equal(vm.vcpu->halt_poll_ns, 20000);
	halt_for_us(1000);
	assert_int_equal(vm.vcpu->halt_poll_ns, 10000);
	halt_for_us(1000);
	assert_int_equal(vm.vcpu->halt_poll_ns, 0);
	assert_int_equal(stats->halt_wakeup, 4);
}

static void a_vms_own_polling_maximum_applies(void **state)
{
	(void)state;
	assert_int_equal(halt_poll_set_max(vm.vm, 1ULL << 32), -EINVAL);
	assert_int_equal(halt_poll_set_max(vm.vm, 0), 0);
	halt_for_us(50);
	assert_int_equal(vm.vcpu->halt_poll_ns, 0);
	assert_int_equal(halt_poll_set_max(vm.vm, 12000), 0);
	halt_for_us(50);
	assert_int_equal(vm.vcpu->halt_poll_ns, 0);
	halt_for_us(5);
	assert_int_equal(vm.vcpu->halt_poll_ns, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_ring_holds_one_less_than_its_entries),
		TEST(any_indices_stay_within_the_ring),
		TEST(a_store_must_lie_within_the_zone),
		TEST(zones_are_counted),
		TEST(stores_are_offered_in_linuxs_order),
		TEST(a_removal_waits_until_no_store_uses_the_device),
		TEST(an_irqfd_consumes_events_until_it_is_deassigned),
		TEST(irqfds_end_with_their_eventfd_or_their_vm),
		TEST(running_out_of_memory_leaks_nothing),
		TEST(short_waits_are_polled_and_long_ones_sleep),
		TEST(a_vms_own_polling_maximum_applies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
