// SPDX-License-Identifier: MIT
/*
 * test_device_page.c - a vCPU remembers a page without a slot, and words of the irqchip's, but only
 * until the VM's memory map changes.
 */
#include "exit/bus.h"
#include "exit/exit.h"
#include "plic_vm.h"

#define MMIO 0x10000000UL
#define LW   0x2503   /* htinst: lw a0,0(a1) */
#define SW   0xa02023 /* sw a0,0(a1) */

#define LOADED(claim) cmocka_unit_test_setup_teardown(claim, setup_loaded, one_vm_end)

static int setup_loaded(void **state)
{
	(void)state;
	one_vm_ready(NULL, NATIVE_GUEST_BASE);
	vcpu_load(vm.vcpu);
	return 0;
}

static int access_at(gpa_t gpa, unsigned long scause, unsigned long htinst)
{
	struct hv_trap trap = { .sepc = vm.vcpu->guest.sepc,
				.scause = scause,
				.stval = gpa,
				.htval = gpa >> 2,
				.htinst = htinst };
	int ret = exit_gstage_fault(vm.vcpu, &trap);

	complete_exit(vm.vcpu);
	native_trap(&trap);
	return ret;
}

static int load_device(void)
{
	return access_at(MMIO, EXC_LOAD_GUEST_PAGE_FAULT, LW);
}

static int store_device(void)
{
	return access_at(MMIO, EXC_STORE_GUEST_PAGE_FAULT, SW);
}

/* A hart may write 0 to htval at any fault (H §2.8): stval tells where it was. */
static void page_0_is_not_remembered(void **state)
{
	struct hv_trap trap = { .scause = EXC_LOAD_GUEST_PAGE_FAULT,
				.stval = NATIVE_GUEST_BASE + 0x3000,
				.htinst = LW };

	(void)state;
	assert_int_equal(access_at(8, EXC_LOAD_GUEST_PAGE_FAULT, LW), RESUME_USER);
	assert_int_equal(exit_gstage_fault(vm.vcpu, &trap), RESUME_GUEST);
}

static void a_slot_added_over_a_device_is_memory(void **state)
{
	(void)state;
	assert_int_equal(load_device(), RESUME_USER);
	assert_int_equal(vm.vcpu->device_gfn, gpa_to_gfn(MMIO));
	assert_int_equal(store_device(), RESUME_USER);
	assert_int_equal(native_set_slot(vm.vm, 1, MMIO, PAGE_SIZE, NATIVE_USER_BASE, 0), 0);
	assert_int_equal(load_device(), RESUME_GUEST);
	assert_int_equal(store_device(), RESUME_GUEST);
	assert_int_equal(native_set_slot(vm.vm, 1, MMIO, 0, 0, 0), 0);
	assert_int_equal(load_device(), RESUME_USER);
}

static void read_only_memory_is_not_remembered_as_a_device(void **state)
{
	(void)state;
	assert_int_equal(
		native_set_slot(vm.vm, 1, MMIO, PAGE_SIZE, NATIVE_USER_BASE, KVM_MEM_READONLY), 0);
	assert_int_equal(store_device(), RESUME_USER);
	assert_int_equal(load_device(), RESUME_GUEST);
	assert_int_equal(store_device(), RESUME_USER);
}

static void an_access_by_the_page_table_walk_is_not_emulated(void **state)
{
	(void)state;
	assert_int_equal(load_device(), RESUME_USER);
	/* If a page-table walk reads an entry in the device, there is no load to emulate. */
	assert_int_equal(access_at(MMIO, EXC_LOAD_GUEST_PAGE_FAULT, 0x3000), RESUME_GUEST);
	assert_int_equal(csr_read(vscause), EXC_LOAD_ACCESS_FAULT);
}

static bool is_remembered(gpa_t gpa)
{
	return vm.vcpu->device_words[gpa_to_gfn(gpa) % DEVICE_WORDS] == gpa >> 2;
}

/* Load the word twice. Returns whether the fast path finishes the second load. */
static bool second_load_is_fast(gpa_t gpa, unsigned long htinst)
{
	assert_int_equal(access_at(gpa, EXC_LOAD_GUEST_PAGE_FAULT, htinst), RESUME_GUEST);
	return is_remembered(gpa) && vcpu_fast_load(vm.vcpu).class;
}

static void a_slot_added_over_a_word_is_memory(void **state)
{
	const gpa_t page = ALIGN_DOWN(BASE + CLAIM(0), PAGE_SIZE);
	u64 faults;

	(void)state;
	vcpu_load(vm.vcpu);
	native_slow_path_events_off();
	assert_true(second_load_is_fast(BASE + CLAIM(0), LW));
	assert_int_equal(native_set_slot(vm.vm, 1, page, PAGE_SIZE, NATIVE_USER_BASE, 0), 0);
	assert_false(vcpu_fast_load(vm.vcpu).class);
	faults = vm.vcpu->stats.gstage_faults;
	assert_false(second_load_is_fast(BASE + CLAIM(0), LW));
	assert_int_equal(vm.vcpu->stats.gstage_faults, faults + 1);
	vcpu_put(vm.vcpu);
}

static void only_words_that_the_fast_path_can_access_are_remembered(void **state)
{
	(void)state;
	vcpu_load(vm.vcpu);
	native_slow_path_events_off();
	assert_false(second_load_is_fast(BASE + PRIORITY(1), 0x503));  /* lb */
	assert_false(second_load_is_fast(BASE + PRIORITY(1), 0x3503)); /* ld */
	vm.vcpu->wfi_native = true;
	assert_false(second_load_is_fast(BASE + PRIORITY(1), LW));
	vm.vcpu->wfi_native = false;
	assert_true(second_load_is_fast(BASE + PRIORITY(1), LW));
	/* Words of different pages do not displace each other. */
	assert_true(second_load_is_fast(BASE + CLAIM(0), LW));
	assert_true(second_load_is_fast(BASE + PRIORITY(1), LW));
	vcpu_request(vm.vcpu, REQ_FENCE_I);
	assert_false(vcpu_fast_load(vm.vcpu).class);
	vcpu_put(vm.vcpu);
}

/* An ioeventfd in the VMM's first page after the PLIC, for stores of 0. */
static struct kvm_ioeventfd signal_for_0(void)
{
	struct kvm_ioeventfd args = { .addr = BASE + KVM_DEV_HS_PLIC_SIZE,
				      .len = 4,
				      .datamatch = 0,
				      .flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
				      .fd = native_eventfd() };

	assert_int_equal(kvm_vm_ioctl_ioeventfd(vm.vm, &args), 0);
	return args;
}

/* Store a value. Returns whether the fast path finishes the store. */
static bool store_is_fast(gpa_t gpa, unsigned long value)
{
	vm.vcpu->guest.gpr[GPR_A0] = value;
	native_trap(&(struct hv_trap){ .scause = EXC_STORE_GUEST_PAGE_FAULT,
				       .stval = gpa,
				       .htval = gpa >> 2,
				       .htinst = SW });
	return is_remembered(gpa) && vcpu_fast_store(vm.vcpu).class;
}

static void store_slowly(gpa_t gpa, unsigned long value, int want)
{
	vm.vcpu->guest.gpr[GPR_A0] = value;
	assert_int_equal(access_at(gpa, EXC_STORE_GUEST_PAGE_FAULT, SW), want);
}

static void a_store_to_an_ioeventfd_is_fast_if_its_value_matches(void **state)
{
	struct kvm_ioeventfd io = signal_for_0();
	struct kvm_coalesced_mmio_zone zone = { .addr = MMIO, .size = 8 };

	(void)state;
	vcpu_load(vm.vcpu);
	native_events_off();
	assert_false(store_is_fast(io.addr, 0));
	store_slowly(io.addr, 0, RESUME_GUEST);
	assert_true(store_is_fast(io.addr, 0));
	assert_int_equal(native_eventfd_count(io.fd), 2);
	/*
	 * A load is the VMM's, and so is a store of another value, which also ends the fast path.
	 */
	native_trap(&(struct hv_trap){ .stval = io.addr, .htval = io.addr >> 2, .htinst = LW });
	assert_false(vcpu_fast_load(vm.vcpu).class);
	assert_int_equal(native_eventfd_count(io.fd), 2);
	assert_false(store_is_fast(io.addr, 8));
	assert_false(store_is_fast(io.addr, 0));
	store_slowly(io.addr, 8, RESUME_USER);
	assert_false(store_is_fast(io.addr, 0));
	store_slowly(io.addr, 0, RESUME_GUEST);
	assert_true(store_is_fast(io.addr, 0));
	assert_int_equal(native_eventfd_count(io.fd), 4);
	/* Events, and zones, need the slow path. */
	trace_any_key.enabled = 1;
	assert_false(store_is_fast(io.addr, 0));
	store_slowly(io.addr, 0, RESUME_GUEST);
	assert_false(is_remembered(io.addr));
	trace_any_key.enabled = 0;
	store_slowly(io.addr, 0, RESUME_GUEST);
	assert_true(is_remembered(io.addr));
	assert_int_equal(kvm_vm_ioctl_register_coalesced(vm.vm, &zone), 0);
	assert_false(store_is_fast(io.addr, 0));
	store_slowly(io.addr, 0, RESUME_GUEST);
	assert_false(is_remembered(io.addr));
	assert_int_equal(kvm_vm_ioctl_unregister_coalesced(vm.vm, &zone), 0);
	/* After its removal, the VMM gets the store. */
	store_slowly(io.addr, 0, RESUME_GUEST);
	io.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
	assert_int_equal(kvm_vm_ioctl_ioeventfd(vm.vm, &io), 0);
	assert_false(store_is_fast(io.addr, 0));
	store_slowly(io.addr, 0, RESUME_USER);
	vcpu_put(vm.vcpu);
	native_close(io.fd);
}

/* A store that the fast path carries out, but after which it leaves the guest as for an interrupt. */
static void store_ends_the_run(gpa_t gpa)
{
	const unsigned long pc = NATIVE_GUEST_BASE + 0x40;
	u64 done = vm.vcpu->stats.mmio_exit_kernel;

	csr_write(sepc, pc);
	assert_true(is_remembered(gpa));
	assert_false(store_is_fast(gpa, 0));
	assert_int_equal(csr_read(scause), CAUSE_IRQ_FLAG | IRQ_S_SOFT);
	assert_int_equal(csr_read(sepc), pc + 4);
	assert_int_equal(vm.vcpu->stats.mmio_exit_kernel, done + 1);
	assert_int_equal(vm.vcpu->requests, 0);
}

static void the_run_ends_if_a_store_wakes_a_thread_that_needs_the_hart(void **state)
{
	struct kvm_ioeventfd io = signal_for_0();

	(void)state;
	vcpu_load(vm.vcpu);
	native_events_off();
	store_slowly(io.addr, 0, RESUME_GUEST);
	store_slowly(BASE + PRIORITY(1), 0, RESUME_GUEST);
	assert_true(second_load_is_fast(BASE + CLAIM(0), LW));
	assert_int_equal(vm.vcpu->requests, 0);
	native_hart_wanted = 1;
	/* A load cannot have woken a thread. */
	assert_true(vcpu_fast_load(vm.vcpu).class);
	store_slowly(io.addr, 0, RESUME_GUEST);
	assert_int_equal(vm.vcpu->requests, BIT(REQ_HOST));
	vm.vcpu->requests = 0;
	store_ends_the_run(io.addr);
	assert_int_equal(native_eventfd_count(io.fd), 3);
	store_slowly(BASE + PRIORITY(1), 0, RESUME_GUEST);
	assert_int_equal(vm.vcpu->requests, BIT(REQ_HOST));
	vm.vcpu->requests = 0;
	store_ends_the_run(BASE + PRIORITY(1));
	native_hart_wanted = 0;
	assert_true(store_is_fast(BASE + PRIORITY(1), 0));
	vcpu_put(vm.vcpu);
	native_close(io.fd);
}

static void a_word_of_an_irqchip_that_is_not_initialized_is_not_remembered(void **state)
{
	struct kvm_ioeventfd io = signal_for_0();

	(void)state;
	assert_int_equal(create_device(), 0);
	vcpu_load(vm.vcpu);
	native_events_off();
	store_slowly(io.addr, 0, RESUME_GUEST);
	assert_false(store_is_fast(io.addr, 0));
	vcpu_put(vm.vcpu);
	native_close(io.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOADED(page_0_is_not_remembered),
		LOADED(a_slot_added_over_a_device_is_memory),
		LOADED(read_only_memory_is_not_remembered_as_a_device),
		LOADED(an_access_by_the_page_table_walk_is_not_emulated),
		CASE(a_slot_added_over_a_word_is_memory),
		CASE(only_words_that_the_fast_path_can_access_are_remembered),
		CASE(a_store_to_an_ioeventfd_is_fast_if_its_value_matches),
		CASE(the_run_ends_if_a_store_wakes_a_thread_that_needs_the_hart),
		CASE_BARE(a_word_of_an_irqchip_that_is_not_initialized_is_not_remembered),
	};

	return cmocka_run_group_tests_name("device pages", tests, NULL, NULL);
}
