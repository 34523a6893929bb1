// SPDX-License-Identifier: MIT
/*
 * test_kick.c - requests from other threads are served before the vCPU's guest continues.
 *
 * The first tests make a request just before the vCPU enters its guest, and while the vCPU is in
 * its guest. The next ones make it at the full fences, where one side has written its own word but
 * has not yet read the other side's. The others are mostly races with a thread that runs the guest,
 * or idles, until its hart is kicked.
 */
#include "race.h"
#include "mmu/tlb.h"
#include "sbi/sbi.h"
#include "vcpu/halt_poll.h"
#include "one_vm.h"

static unsigned int kicks;
static unsigned long seen_hvip;

static int setup(void **state)
{
	(void)state;
	return one_vm_ready(NULL, NATIVE_GUEST_BASE);
}

/*
 * Make a request as another thread might, after the vCPU has served its requests and before it sets
 * IN_GUEST.
 */
static void request_late(void)
{
	native_signal_hook = NULL;
	vcpu_set_irq(vm.vcpu, IRQ_VS_EXT);
}

static void see_first_entry(struct kvm_vcpu *vcpu)
{
	(void)vcpu;
	seen_hvip = csr_read(hvip);
	host_interrupt();
}

static void a_late_request_is_served_before_the_guest_runs(void **state)
{
	(void)state;
	native_guest = see_first_entry;
	native_signal_hook = request_late;
	vcpu_set_request(vm.vcpu, REQ_HOST); /* KVM_RUN checks for a signal and calls the hook */
	assert_int_equal(native_run(vm.vcpu), -EINTR);
	assert_int_equal(seen_hvip, BIT(IRQ_VS_EXT));
	assert_false(native_kicked(0));
}

static void request_from_the_guest(struct kvm_vcpu *vcpu)
{
	vcpu_set_irq(vcpu, IRQ_VS_EXT);
	kicks += native_kicked(vcpu->hart);
	vcpu_set_irq(vcpu, IRQ_VS_SOFT);
	kicks += native_kicked(vcpu->hart);
	host_interrupt();
}

static void requests_to_a_running_guest_kick_it_once(void **state)
{
	(void)state;
	kicks = 0;
	native_guest = request_from_the_guest;
	assert_int_equal(native_run(vm.vcpu), -EINTR);
	assert_int_equal(kicks, 1);
	vcpu_set_irq(vm.vcpu, IRQ_VS_TIMER);
	assert_false(native_kicked(0)); /* the vCPU has left its guest */
}

/* ---- kicks of several vCPUs ---- */

#define MANY 4

/* As if each vCPU ran its guest, on harts in different words of a mask. */
static unsigned int hart_of(unsigned int vcpu)
{
	return 70 * vcpu + 3;
}

static void enter_guests(unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		vm.vm->vcpus[i]->hart = hart_of(i);
		vm.vm->vcpus[i]->mode = VCPU_IN_GUEST;
	}
}

/* Leave the guests. Returns how many of the vCPUs were kicked, each on its own hart. */
static unsigned int leave_guests(void)
{
	unsigned int i, kicked = 0, hart;

	for (i = 0; i < MANY; i++) {
		kicked += native_kicked(hart_of(i));
		vm.vm->vcpus[i]->mode = VCPU_OUTSIDE;
	}
	for (hart = 0; hart < HV_MAX_HARTS; hart++)
		assert_false(native_kicked(hart));
	return kicked;
}

static void kicks_of_several_vcpus_are_one_call_of_the_host(void **state)
{
	struct hfence fence = { .kind = HFENCE_VVMA, .size = ~0ULL };
	struct hv_kicks gathered = { .count = 0 };
	unsigned int i;

	(void)state;
	for (i = 1; i < MANY; i++)
		native_vcpu_make(&vm, i);
	enter_guests(MANY);
	assert_true(vm_request_all(vm.vm, REQ_TRACE));
	assert_int_equal(leave_guests(), MANY);
	assert_int_equal(native_kick_calls, 1);

	enter_guests(MANY);
	assert_int_equal(sbi_ipi_send_mask(vm.vcpu, BIT(1) | BIT(2), 1), SBI_SUCCESS);
	assert_int_equal(leave_guests(), 2);
	assert_int_equal(native_kick_calls, 2);

	enter_guests(MANY);
	for (i = 0; i < MANY; i++)
		vcpu_request_fence(vm.vm->vcpus[i], &fence, &gathered);
	assert_false(native_kicked(hart_of(0))); /* not before the kicks are sent */
	hv_kicks_send(&gathered);
	assert_int_equal(leave_guests(), MANY);
	assert_int_equal(native_kick_calls, 3);

	/* One hart needs no mask, and none needs no call. */
	enter_guests(1);
	assert_true(vm_request_all(vm.vm, REQ_TRACE));
	assert_int_equal(leave_guests(), 1);
	assert_false(vm_request_all(vm.vm, REQ_TRACE));
	assert_int_equal(leave_guests(), 0);
	assert_int_equal(native_kick_calls, 3);
}

static void an_ipi_to_several_vcpus_gathers_the_wake_ups_of_those_that_sleep(void **state)
{
	u32 before = native_single_wakes;
	unsigned int i;

	(void)state;
	for (i = 1; i < MANY; i++)
		native_vcpu_make(&vm, i)->blocking = VCPU_ASLEEP;
	assert_int_equal(sbi_ipi_send_mask(vm.vcpu, BIT(1) | BIT(2), 1), SBI_SUCCESS);
	assert_int_equal(native_single_wakes, before);
	vcpu_request(vm.vm->vcpus[1], REQ_IRQ);
	assert_int_equal(native_single_wakes, before + 1);
	for (i = 1; i < MANY; i++)
		vm.vm->vcpus[i]->blocking = VCPU_AWAKE;
}

/* ---- the full fences: docs/locking.md, rules 9 and 10 ---- */

static unsigned int arrivals; /* calls to the hook at the fence that the test is about */

static void request_at_the_last_check(void)
{
	if (vm.vcpu->mode != VCPU_IN_GUEST || arrivals++)
		return;
	vcpu_set_irq(vm.vcpu, IRQ_VS_EXT);
}

static void a_request_at_the_last_check_kicks_and_is_served(void **state)
{
	(void)state;
	arrivals = 0;
	native_guest = see_first_entry;
	native_fence_hook = request_at_the_last_check;
	assert_int_equal(native_run(vm.vcpu), -EINTR);
	assert_true(arrivals);
	assert_int_equal(seen_hvip, BIT(IRQ_VS_EXT));
	assert_true(native_kicked(0));
}

static void enter_at_the_kick(void)
{
	arrivals += (vm.vcpu->requests & BIT(REQ_IRQ)) != 0;
	vm.vcpu->mode = VCPU_IN_GUEST;
}

static void idle_at_the_kick(void)
{
	arrivals += (vm.vcpu->requests & BIT(REQ_IRQ)) != 0;
	vm.vcpu->blocking = VCPU_IDLE;
}

static void a_vcpu_that_enters_or_idles_at_the_fence_is_kicked(void **state)
{
	(void)state;
	arrivals = 0;
	vm.vcpu->hart = 0;
	native_fence_hook = enter_at_the_kick;
	vcpu_request(vm.vcpu, REQ_IRQ);
	assert_true(native_kicked(0));
	vm.vcpu->mode = VCPU_OUTSIDE;
	native_fence_hook = idle_at_the_kick;
	vcpu_request(vm.vcpu, REQ_IRQ);
	assert_true(native_kicked(0));
	vm.vcpu->blocking = VCPU_AWAKE;
	assert_int_equal(arrivals, 2);
}

static u32 waits_as; /* the value of `blocking` at the fence that the test is about */

static void note_waiter(void)
{
	arrivals += vm.vcpu->blocking == waits_as;
}

static bool has_arrived(struct kvm_vcpu *vcpu)
{
	(void)vcpu;
	return arrivals;
}

static bool never(struct kvm_vcpu *vcpu)
{
	(void)vcpu;
	return false;
}

/* After a missed wake-up, the wait would never end, so end it at the second check. */
static bool has_arrived_or_second_check(struct kvm_vcpu *vcpu)
{
	static unsigned int checks;

	(void)vcpu;
	checks = arrivals ? 0 : checks + 1;
	return arrivals || checks > 1;
}

static void a_request_as_a_vcpu_begins_to_wait_is_seen(void **state)
{
	(void)state;
	vcpu_load(vm.vcpu);
	native_fence_hook = note_waiter;
	arrivals = 0;
	waits_as = VCPU_IDLE;
	vcpu_halt(vm.vcpu, has_arrived, has_arrived_or_second_check);
	assert_true(arrivals);
	arrivals = 0;
	waits_as = VCPU_ASLEEP;
	vcpu_halt(vm.vcpu, never, has_arrived_or_second_check);
	assert_true(arrivals);
	vcpu_put(vm.vcpu);
}

#define ROUNDS 3000

static struct {
	bool stop;
	unsigned long asked;  /* requests made so far */
	unsigned long served; /* requests seen by the guest at its last entry */
	u32 in_guest;
	unsigned long fast; /* fast exits of the guest */
} race;

static unsigned long load(unsigned long *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

/*
 * Stay in the guest until the hart is kicked or the test ends. The test's last request does not
 * kick the hart if the vCPU serves it just before the entry.
 */
static void stay_until_kicked(struct kvm_vcpu *vcpu)
{
	bool stop = false;

	while (!stop && !native_kicked(vcpu->hart)) {
		sched_yield();
		stop = __atomic_load_n(&race.stop, __ATOMIC_SEQ_CST);
	}
	__atomic_store_n(&race.in_guest, 0, __ATOMIC_SEQ_CST);
	native_signal_set(stop);
	native_trap(&(struct hv_trap){ .scause = CAUSE_IRQ_FLAG | IRQ_S_SOFT });
}

/* Stay in the guest until kicked. The entry has served all requests made before it. */
static void kicked_guest(struct kvm_vcpu *vcpu)
{
	__atomic_store_n(&race.served, load(&race.asked), __ATOMIC_SEQ_CST);
	__atomic_store_n(&race.in_guest, 1, __ATOMIC_SEQ_CST);
	stay_until_kicked(vcpu);
}

static void *run_kicked(void *arg)
{
	struct kvm_vcpu *vcpu = arg;

	native_hart_set(1);
	native_run(vcpu);
	return NULL;
}

/*
 * Make `rounds` requests to a guest on hart 1, and wait for each to be served. If `first` is not
 * NULL, wait for *first to change before each request.
 */
static void repeat_waited_request(void (*guest)(struct kvm_vcpu *vcpu), unsigned long rounds,
				  unsigned long *first)
{
	unsigned long mine, i, late = 0;
	pthread_t thread;

	memset(&race, 0, sizeof(race));
	native_guest = guest;
	pthread_create(&thread, NULL, run_kicked, vm.vcpu);
	for (i = 0; i < rounds; i++) {
		if (first)
			assert_true(race_wait(first, load(first)));
		mine = __atomic_add_fetch(&race.asked, 1, __ATOMIC_SEQ_CST);
		vm_request_all_and_wait(vm.vm, REQ_FENCE_I);
		/* The vCPU must have left the guest, or have entered it again since the request. */
		if (__atomic_load_n(&race.in_guest, __ATOMIC_SEQ_CST) && load(&race.served) < mine)
			late++;
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_SEQ_CST);
	vcpu_request(vm.vcpu, REQ_HOST);
	pthread_join(thread, NULL);
	assert_int_equal(late, 0);
	assert_true(load(&race.served) > 0);
}

static void a_waited_request_stops_a_running_guest(void **state)
{
	(void)state;
	repeat_waited_request(kicked_guest, ROUNDS, NULL);
}

/*
 * Get the SBI version in a loop. The return from a call on the fast path is not an entry, so
 * race.served stays as it was.
 */
static void fast_guest(struct kvm_vcpu *vcpu)
{
	static unsigned long fast; /* native_fast_exits at the previous call, initially 0 */
	bool stop = __atomic_load_n(&race.stop, __ATOMIC_SEQ_CST);

	if (native_fast_exits == fast)
		__atomic_store_n(&race.served, load(&race.asked), __ATOMIC_SEQ_CST);
	else
		__atomic_add_fetch(&race.fast, 1, __ATOMIC_SEQ_CST);
	fast = native_fast_exits;
	__atomic_store_n(&race.in_guest, 1, __ATOMIC_SEQ_CST);
	sched_yield();
	__atomic_store_n(&race.in_guest, 0, __ATOMIC_SEQ_CST);
	if (stop || native_kicked(vcpu->hart)) {
		native_signal_set(stop);
		native_trap(&(struct hv_trap){ .scause = CAUSE_IRQ_FLAG | IRQ_S_SOFT });
		return;
	}
	vcpu->guest.gpr[GPR_A7] = SBI_EXT_BASE;
	vcpu->guest.gpr[GPR_A6] = SBI_BASE_GET_SPEC_VERSION;
	native_trap(&(struct hv_trap){ .scause = EXC_ECALL_VS });
}

static void a_waited_request_stops_a_guest_with_fast_exits(void **state)
{
	(void)state;
	native_slow_path_events_off(); /* otherwise the fast path does not finish any call */
	repeat_waited_request(fast_guest, ROUNDS / 10, &race.fast);
	assert_true(native_fast_exits >= ROUNDS / 10);
}

static unsigned long received;

static void counting_guest(struct kvm_vcpu *vcpu)
{
	if (csr_read(hvip) & BIT(IRQ_VS_EXT)) {
		csr_clear(hvip, BIT(IRQ_VS_EXT));
		__atomic_add_fetch(&received, 1, __ATOMIC_SEQ_CST);
	}
	stay_until_kicked(vcpu);
}

static void no_interrupt_is_lost_on_its_way_to_a_running_guest(void **state)
{
	unsigned long i, before;
	pthread_t thread;

	(void)state;
	memset(&race, 0, sizeof(race));
	received = 0;
	native_guest = counting_guest;
	pthread_create(&thread, NULL, run_kicked, vm.vcpu);
	for (i = 0; i < ROUNDS; i++) {
		before = load(&received);
		vcpu_set_irq(vm.vcpu, IRQ_VS_EXT);
		while (load(&received) == before)
			sched_yield();
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_SEQ_CST);
	vcpu_request(vm.vcpu, REQ_HOST);
	pthread_join(thread, NULL);
	assert_int_equal(received, ROUNDS);
}

/* ---- a vCPU that waits while its hart idles ---- */

static bool is_due(void)
{
	return load(&race.asked) != load(&race.served);
}

static bool is_requested(struct kvm_vcpu *vcpu)
{
	(void)vcpu;
	return is_due();
}

static void *run_idle(void *arg)
{
	struct kvm_vcpu *vcpu = arg;

	native_hart_set(1);
	vcpu_load(vcpu);
	while (!__atomic_load_n(&race.stop, __ATOMIC_SEQ_CST)) {
		vcpu_halt(vcpu, is_requested, is_requested);
		__atomic_store_n(&race.served, load(&race.asked), __ATOMIC_SEQ_CST);
	}
	vcpu_put(vcpu);
	return NULL;
}

static void request_until_served(enum vcpu_request req)
{
	unsigned long mine = __atomic_add_fetch(&race.asked, 1, __ATOMIC_SEQ_CST);

	vcpu_request(vm.vcpu, req);
	while (load(&race.served) != mine)
		sched_yield();
}

static void no_interrupt_is_lost_on_its_way_to_an_idle_hart(void **state)
{
	static const enum vcpu_request reqs[] = { REQ_IRQ, REQ_HSM, REQ_HOST };
	unsigned long i;
	pthread_t thread;

	(void)state;
	memset(&race, 0, sizeof(race));
	native_idle_due = is_due;
	pthread_create(&thread, NULL, run_idle, vm.vcpu);
	for (i = 0; i < ROUNDS / 3; i++) {
		/* If another thread wants the hart, the vCPU sleeps instead of idling. */
		__atomic_store_n(&native_hart_wanted, i % 64 < 8, __ATOMIC_SEQ_CST);
		request_until_served(reqs[i % ARRAY_SIZE(reqs)]);
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_SEQ_CST);
	request_until_served(REQ_HOST);
	pthread_join(thread, NULL);
	assert_int_equal(vm.vcpu->blocking, VCPU_AWAKE);
}

static void an_idle_hart_is_kicked_once_and_not_for_a_fence(void **state)
{
	(void)state;
	vm.vcpu->hart = 0;
	vm.vcpu->blocking = VCPU_IDLE;
	vcpu_request(vm.vcpu, REQ_FENCE_I);
	vcpu_request(vm.vcpu, REQ_TLB_FLUSH);
	assert_false(native_kicked(0));
	vcpu_request(vm.vcpu, REQ_IRQ);
	assert_true(native_kicked(0));
	vcpu_request(vm.vcpu, REQ_IRQ);
	assert_false(native_kicked(0));
	vm.vcpu->blocking = VCPU_AWAKE;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_late_request_is_served_before_the_guest_runs),
		TEST(requests_to_a_running_guest_kick_it_once),
		TEST(kicks_of_several_vcpus_are_one_call_of_the_host),
		TEST(an_ipi_to_several_vcpus_gathers_the_wake_ups_of_those_that_sleep),
		TEST(a_request_at_the_last_check_kicks_and_is_served),
		TEST(a_vcpu_that_enters_or_idles_at_the_fence_is_kicked),
		TEST(a_request_as_a_vcpu_begins_to_wait_is_seen),
		TEST(a_waited_request_stops_a_running_guest),
		TEST(a_waited_request_stops_a_guest_with_fast_exits),
		TEST(no_interrupt_is_lost_on_its_way_to_a_running_guest),
		TEST(no_interrupt_is_lost_on_its_way_to_an_idle_hart),
		TEST(an_idle_hart_is_kicked_once_and_not_for_a_fence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
