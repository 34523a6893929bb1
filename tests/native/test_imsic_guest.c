// SPDX-License-Identifier: MIT
/*
 * test_imsic_guest.c - IMSICs in guest interrupt files of the harts
 * (src/kvm/irqchip/imsic_guest.c).
 *
 * Two VMs with two vCPUs each share three harts, so there are fewer files than vCPUs. In random
 * steps, vCPUs are loaded and put on any hart, stopped and reset; MSIs come from the kernel and
 * from the guests' stores, also while the registers are moved; guests claim interrupts and change
 * their registers; and user space reads and writes those of vCPUs that are not loaded. Stores to a
 * file take effect late. After each step, once all have, the registers are those that a model
 * predicts: no MSI is lost, and none arrives twice or elsewhere.
 */
#include "imsic_vms.h"
#include "random.h"

#define STEPS 200000

/* ---- stores of other harts' guests while the registers are moved -------------------------- */

/* A store that faults is carried out by the core, which waits for the lock of the IMSIC. */
static struct {
	unsigned int v, hart;
	u32 id;
} waiting[64];
static unsigned int nr_waiting, nr_raced;

static void store_from_elsewhere(void)
{
	unsigned int here = hv_hart(), hart = (unsigned int)rnd(HARTS), v, self = vcpu_on(hart);
	u32 id = 1 + (u32)rnd(64 * WORDS - 1);

	if (hart == here || self == ALL || rnd(4) || nr_waiting == 64)
		return;
	v = self / VCPUS * VCPUS + (unsigned int)rnd(VCPUS);
	expect_msi(v, id);
	native_hart_set(hart);
	if (guest_file_has(page_of(v), id)) {
		nr_raced++;
	} else {
		waiting[nr_waiting].v = v;
		waiting[nr_waiting].hart = hart;
		waiting[nr_waiting++].id = id;
	}
	native_hart_set(here);
}

static void finish_stores(void)
{
	while (nr_waiting) {
		nr_waiting--;
		native_hart_set(waiting[nr_waiting].hart);
		guest_store(waiting[nr_waiting].v, waiting[nr_waiting].id);
	}
}

/* ---- the steps ----------------------------------------------------------------------------- */

static void msi(unsigned int v)
{
	unsigned int hart = (unsigned int)rnd(HARTS), self = vcpu_on(hart);
	u32 id = 1 + (u32)rnd(64 * WORDS - 1);

	native_hart_set(hart);
	if (self / VCPUS == v / VCPUS && vcpus[self]->mode == VCPU_IN_GUEST)
		guest_store(v, id);
	else
		assert_int_equal(vm_of(v)->irqchip->send_msi(vm_of(v), page_of(v), id), 0);
	expect_msi(v, id);
}

/* MSIs may be on their way to the file when the vCPU is put. */
static void move(unsigned int v)
{
	unsigned int hart = (unsigned int)rnd(HARTS);

	while (rnd(2))
		msi(v);
	native_guest_file_hook = store_from_elsewhere;
	if (expected[v].hart != NOT_LOADED)
		put(v);
	if (rnd(3) && vcpu_on(hart) == ALL)
		load(v, hart);
	native_guest_file_hook = NULL;
	finish_stores();
}

static void claim(unsigned int v)
{
	struct expected *e = &expected[v];
	u32 id = top_expected(e);

	if (e->hart != NOT_LOADED) {
		assert_int_equal(native_guest_file_top(e->hart), id);
		native_guest_file(e->hart)->pending[id / 64] &= ~BIT(id % 64);
	} else {
		assert_int_equal(imsic_top(imsic_of(v), true, NULL) & 0xffff, id);
	}
	e->pending[id / 64] &= ~BIT(id % 64);
}

/* The guest changes a register, which may be of ids that the VM's IMSICs do not have. */
static void change(unsigned int v)
{
	struct expected *e = &expected[v];
	struct native_guest_file *file;
	unsigned int word = (unsigned int)rnd(NATIVE_FILE_WORDS);
	u64 bits = rnd(~0ULL) & ~(word ? 0ULL : 1ULL);

	if (e->hart == NOT_LOADED)
		return;
	file = native_guest_file(e->hart);
	file->enabled[word] = bits;
	file->delivery = rnd(4) != 0;
	file->threshold = rnd(2) ? 0 : rnd(64 * WORDS);
	if (word < WORDS)
		e->enabled[word] = bits;
	else
		file->enabled[word] = 0, file->pending[word] = bits;
	e->delivery = file->delivery;
	e->threshold = file->threshold;
}

/* User space reads and replaces a register. It could not if a thread were in KVM_RUN. */
static void user_access(unsigned int v)
{
	struct expected *e = &expected[v];
	unsigned int word = (unsigned int)rnd(WORDS);
	bool is_pending = rnd(2);
	u64 *at = is_pending ? &e->pending[word] : &e->enabled[word], value = ~0ULL;
	u64 number = KVM_DEV_RISCV_AIA_IMSIC_MKATTR(
		(u64)v % VCPUS, (is_pending ? IMSIC_EIP0 : IMSIC_EIE0) + 2 * word);

	if (e->hart != NOT_LOADED)
		return;
	assert_int_equal(
		attr(KVM_GET_DEVICE_ATTR, v / VCPUS, KVM_DEV_RISCV_AIA_GRP_IMSIC, number, &value),
		0);
	assert_int_equal(value, *at);
	*at = rnd(~0ULL) & ~(word ? 0ULL : 1ULL);
	set_attr(v / VCPUS, KVM_DEV_RISCV_AIA_GRP_IMSIC, number, *at);
}

/*
 * The guest stops the vCPU, and starts it again, perhaps before its thread sleeps. MSIs that arrive
 * afterwards are kept.
 */
static void restart(unsigned int v)
{
	if (expected[v].hart == NOT_LOADED)
		return;
	stop(v);
	if (rnd(2))
		vcpu_reload(vcpus[v]);
	start(v);
	if (rnd(2))
		msi(v);
	settle(v);
}

static void (*const steps[])(unsigned int v) = { move,  move,  msi,    msi,         msi,
						 claim, claim, change, user_access, restart };

/* ---- claims ----------------------------------------------------------------------------------- */

/* The first claim, because only the first load on a hart finds such values. */
static void the_values_of_a_file_at_power_on_do_not_reach_a_guest(void **state)
{
	static const struct native_guest_file empty;
	unsigned int hart;

	(void)state;
	for (hart = 0; hart < HARTS; hart++) {
		assert_memory_not_equal(native_guest_file(hart), &empty, sizeof(empty));
		load(0, hart);
		assert_memory_equal(native_guest_file(hart), &empty, sizeof(empty));
		put(0);
	}
}

/* On Linux, a hart may go offline, and another hypervisor may use its file. */
static void the_values_of_a_file_do_not_reach_a_guest_if_the_hart_was_off(void **state)
{
	static const struct native_guest_file empty;

	(void)state;
	load(0, 1);
	put(0);
	memset(native_guest_file(1), 0x5a, sizeof(empty));
	native_hart_set(1);
	assert_true(kvm_hart_init());
	load(0, 1);
	assert_memory_equal(native_guest_file(1), &empty, sizeof(empty));
	put(0);
}

static void no_msi_is_lost_or_arrives_twice_in_random_steps(void **state)
{
	unsigned int i, v, hart;

	(void)state;
	native_guest_files_delay();
	for (i = 0; i < STEPS; i++) {
		steps[rnd(sizeof(steps) / sizeof(steps[0]))]((unsigned int)rnd(ALL));
		native_guest_files_settle();
		for (v = 0; v < ALL; v++)
			check_vcpu(v);
		for (hart = 0; hart < HARTS; hart++)
			check_hart(hart);
	}
	assert_true(nr_raced > STEPS / 1000);
	for (v = 0; v < ALL; v++) {
		for (i = 0; top_expected(&expected[v]); i++)
			claim(v);
		check_vcpu(v);
	}
}

/* KVM_RUN of a stopped vCPU loads it, sleeps, and loads it again if a signal ends the sleep. */
static void a_vcpu_that_user_space_stops_keeps_its_registers(void **state)
{
	(void)state;
	load(0, 1);
	use_file(0);
	put(0);
	hsm_power_off(vcpus[0]);
	load(0, 2);
	put(0);
	check_vcpu(0);
	load(0, 1);
	put(0);
	hsm_power_on(vcpus[0]);
	check_vcpu(0);
	load(0, 1);
	check_vcpu(0);
}

static void a_vcpu_that_is_started_before_its_thread_sleeps_is_reset(void **state)
{
	(void)state;
	load(0, 1);
	use_file(0);
	stop(0);
	start(0);
	assert_int_equal(vm_of(0)->irqchip->send_msi(vm_of(0), page_of(0), 7), 0);
	expect_msi(0, 7);
	settle(0);
	check_vcpu(0);
	/* The same if user space has stopped it. */
	load(0, 1);
	use_file(0);
	put(0);
	hsm_power_off(vcpus[0]);
	load(0, 2);
	start(0);
	settle(0);
	check_vcpu(0);
}

static void a_store_to_a_loaded_vcpu_needs_no_exit_and_to_another_one_does(void **state)
{
	(void)state;
	load(0, 0);
	load(1, 2);
	native_hart_set(0);
	assert_true(guest_file_has(page_of(1), 5));
	assert_true(guest_file_has(page_of(0), 6));
	assert_int_equal(native_guest_file(2)->pending[0], BIT(5));
	assert_int_equal(native_guest_file(0)->pending[0], BIT(6));
	put(1);
	native_hart_set(0);
	assert_false(guest_file_has(page_of(1), 7));
	guest_store(1, 7);
	assert_int_equal(imsic_of(1)->file.pending[0], BIT(5) | BIT(7));
}

static void the_page_of_another_vm_is_not_reachable(void **state)
{
	(void)state;
	load(0, 0);
	load(VCPUS, 1);
	native_hart_set(0);
	assert_true(guest_file_has(page_of(VCPUS), 9)); /* the same address, but VM 0's vCPU 0 */
	assert_int_equal(native_guest_file(0)->pending[0], BIT(9));
	assert_int_equal(native_guest_file(1)->pending[0], 0);
}

static void without_memory_for_tables_a_store_exits_and_arrives(void **state)
{
	(void)state;
	native_fail_alloc(1);
	load(0, 0);
	native_fail_alloc(0);
	assert_false(guest_file_has(page_of(0), 3));
	guest_store(0, 3);
	assert_int_equal(native_guest_file(0)->pending[0], BIT(3));
}

static void a_memory_slot_at_the_page_keeps_its_pages(void **state)
{
	hva_t hva = NATIVE_USER_BASE + 0x200000;
	struct hv_trap trap;
	u64 data = 1;
	hpa_t pa;

	(void)state;
	assert_int_equal(native_set_slot(vms[0].vm, 0, IMSIC_BASE, PAGE_SIZE, hva, 0), 0);
	load(1, 1);
	assert_int_not_equal(native_guest_access(IMSIC_BASE, NATIVE_STORE, &data, 8, &trap), 0);
	assert_int_equal(exit_gstage_fault(vcpus[1], &trap), RESUME_GUEST);
	load(0, 0);
	assert_int_equal(native_gstage_access(page_of(0), NATIVE_STORE, &pa), 0);
	assert_ptr_equal(native_ram(pa), native_user(hva));
	put(0);
	native_hart_set(1);
	assert_int_equal(native_gstage_access(page_of(0), NATIVE_STORE, &pa), 0);
}

static void an_interrupt_of_the_file_ends_the_wfi_of_an_idle_hart_once(void **state)
{
	(void)state;
	load(0, 0);
	vm_of(0)->irqchip->idle(true);
	assert_int_equal(csr_read(hgeie), BIT(1));
	native_guest_file_interrupt();
	assert_int_equal(csr_read(hgeie), 0);
	vm_of(0)->irqchip->idle(true);
	vm_of(0)->irqchip->idle(false);
	assert_int_equal(csr_read(hgeie), 0);
}

static void an_ipi_that_arrives_before_a_load_has_an_event(void **state)
{
	unsigned int before;

	(void)state;
	load(0, 0);
	put(0);
	vcpu_set_irq(vcpus[0], IRQ_VS_SOFT);
	before = native_events(TRACE_kvm_ipi_receive);
	load(0, 0);
	assert_true(csr_read(hvip) & BIT(IRQ_VS_SOFT));
	assert_int_equal(native_events(TRACE_kvm_ipi_receive), before + 1);
	put(0);
	load(0, 0);
	assert_int_equal(native_events(TRACE_kvm_ipi_receive), before + 1);
}

static void registers_are_busy_while_the_vcpu_runs(void **state)
{
	u64 value = 0, number = KVM_DEV_RISCV_AIA_IMSIC_MKATTR(0UL, IMSIC_EIP0);

	(void)state;
	hv_mutex_lock(&vcpus[0]->mutex);
	assert_int_equal(attr(KVM_GET_DEVICE_ATTR, 0, KVM_DEV_RISCV_AIA_GRP_IMSIC, number, &value),
			 -EBUSY);
	hv_mutex_unlock(&vcpus[0]->mutex);
	assert_int_equal(attr(KVM_GET_DEVICE_ATTR, 0, KVM_DEV_RISCV_AIA_GRP_IMSIC, number, &value),
			 0);
}

static int setup_all_ids(void **state)
{
	int ret;

	nr_ids = 64 * NATIVE_FILE_WORDS - 1;
	ret = setup(state);
	nr_ids = 64 * WORDS - 1;
	return ret;
}

/* The core stores the highest id itself, to find out whether other stores have arrived. */
static void the_highest_id_is_pending_only_if_it_has_been_sent(void **state)
{
	u32 last = 64 * NATIVE_FILE_WORDS - 1;
	const u64 *word;

	(void)state;
	word = &imsic_of(0)->file.pending[NATIVE_FILE_WORDS - 1];
	load(0, 0);
	put(0);
	assert_int_equal(*word, 0);
	load(0, 0);
	assert_true(guest_file_has(page_of(0), last));
	put(0);
	assert_int_equal(*word, BIT(63));
	load(0, 1);
	put(0);
	assert_int_equal(*word, BIT(63));
}

static int setup_unreachable(void **state)
{
	int ret;

	imsic_base = IMSIC_BASE | 1ULL << 62;
	ret = setup(state);
	imsic_base = IMSIC_BASE;
	return ret;
}

/* If the page's address were truncated, VM 0 could send MSIs to VM 1, which has the file next. */
static void a_page_that_no_guest_can_address_is_not_mapped(void **state)
{
	(void)state;
	load(0, 0);
	native_hart_set(0);
	assert_false(guest_file_has(page_of(0), 9));
	put(0);
	load(VCPUS, 0);
	load(1, 1);
	native_hart_set(1);
	assert_false(guest_file_has(page_of(0), 9));
	assert_int_equal(native_guest_file(0)->pending[0], 0);
}

/*
 * A thread that deletes a memory slot over the page has removed it from the table, but has not
 * fenced. Another hart can still store to the file until the put has fenced (locking.md, rule 6).
 */
static void a_put_waits_for_the_fence_of_a_slots_deletion(void **state)
{
	struct gstage *gs = &vm_of(0)->gstage;
	struct gstage_pending_flush pending;

	(void)state;
	load(0, 0);
	load(1, 1);
	native_hart_set(1);
	assert_true(guest_file_has(page_of(0), 5));
	__atomic_store_n(&vcpus[1]->mode, VCPU_OUTSIDE, __ATOMIC_RELEASE);
	gstage_unmap(gs, page_of(0), page_of(0) + PAGE_SIZE);
	pending = gstage_take_pending_flush(gs);
	put(0);
	load(VCPUS, 0);
	native_hart_set(1);
	tlb_serve(vcpus[1], __atomic_exchange_n(&vcpus[1]->requests, 0, __ATOMIC_ACQUIRE));
	assert_false(guest_file_has(page_of(0), 9));
	assert_int_equal(native_guest_file(0)->pending[0], 0);
	tlb_flush_pending(vm_of(0), &pending);
}

/*
 * On Linux, the scheduler calls put() with a lock held for which the other vCPU may be waiting, to
 * wake a thread. Here, the other vCPU never leaves its guest.
 */
static void a_put_does_not_wait_for_a_vcpu_in_its_guest(void **state)
{
	struct gstage *gs = &vm_of(0)->gstage;
	struct gstage_pending_flush pending;

	(void)state;
	load(0, 0);
	load(1, 1);
	native_hart_set(1);
	assert_true(guest_file_has(page_of(0), 5));
	__atomic_store_n(&vcpus[1]->mode, VCPU_IN_GUEST, __ATOMIC_RELEASE);
	gstage_note_change(gs, 0, 0);
	pending = gstage_take_pending_flush(gs); /* another thread's, which fences later */
	put(0);
	load(VCPUS, 0);
	native_hart_set(1);
	assert_false(guest_file_has(page_of(0), 9));
	assert_int_equal(native_guest_file(0)->pending[0], 0);
	__atomic_store_n(&vcpus[1]->mode, VCPU_OUTSIDE, __ATOMIC_RELEASE);
	tlb_flush_pending(vm_of(0), &pending);
}

#define CASE(claim) cmocka_unit_test_setup_teardown(claim, setup, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_values_of_a_file_at_power_on_do_not_reach_a_guest),
		CASE(the_values_of_a_file_do_not_reach_a_guest_if_the_hart_was_off),
		CASE(no_msi_is_lost_or_arrives_twice_in_random_steps),
		CASE(a_vcpu_that_user_space_stops_keeps_its_registers),
		CASE(a_vcpu_that_is_started_before_its_thread_sleeps_is_reset),
		CASE(a_store_to_a_loaded_vcpu_needs_no_exit_and_to_another_one_does),
		CASE(the_page_of_another_vm_is_not_reachable),
		CASE(without_memory_for_tables_a_store_exits_and_arrives),
		CASE(a_memory_slot_at_the_page_keeps_its_pages),
		CASE(an_interrupt_of_the_file_ends_the_wfi_of_an_idle_hart_once),
		CASE(a_put_waits_for_the_fence_of_a_slots_deletion),
		CASE(a_put_does_not_wait_for_a_vcpu_in_its_guest),
		CASE(an_ipi_that_arrives_before_a_load_has_an_event),
		CASE(registers_are_busy_while_the_vcpu_runs),
		cmocka_unit_test_setup_teardown(the_highest_id_is_pending_only_if_it_has_been_sent,
						setup_all_ids, end),
		cmocka_unit_test_setup_teardown(a_page_that_no_guest_can_address_is_not_mapped,
						setup_unreachable, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
