// SPDX-License-Identifier: MIT
/* test_exit_class.c - check that the record that ends an exit contains the exit's class. */
#include "one_vm.h"

#define PC (NATIVE_GUEST_BASE + 0x1000)

static int setup(void **state)
{
	(void)state;
	one_vm_ready("h i m a f d c sstc zkr", PC);
	return 0;
}

static struct hv_trap trap_once;
static unsigned int entries;

static void one_trap_guest(struct kvm_vcpu *vcpu)
{
	(void)vcpu;
	if (entries++ == 0)
		native_trap(&trap_once);
	else
		host_interrupt();
}

static int run_trap(struct hv_trap trap)
{
	entries = 0;
	trap_once = trap;
	native_guest = one_trap_guest;
	native_signal_set(false);
	return native_run(vm.vcpu);
}

static u64 class_seen[4];
static unsigned int nr_seen;

static void record_class(enum trace_event_nr event, const u64 *args)
{
	if (event == TRACE_kvm_entry || event == TRACE_kvm_userspace_exit)
		class_seen[nr_seen++ % ARRAY_SIZE(class_seen)] =
			args[event == TRACE_kvm_entry ? 1 : 2];
}

static void the_record_that_ends_an_exit_has_its_class(void **state)
{
	const struct hv_trap call = { .scause = EXC_ECALL_VS };
	const struct hv_trap read_seed = { .scause = EXC_VIRTUAL_INST, .stval = 0x01501073 };

	(void)state;
	for (unsigned int mode = 0; mode < 4; mode++) {
		if (mode == 2)
			native_slow_path_events_off(); /* use the fast path from here on */
		trace_exit_key.enabled = mode & 1;
		native_event_hook = record_class;
		nr_seen = 0;
		vm.vcpu->guest.gpr[GPR_A7] = SBI_EXT_BASE;
		run_trap(call);
		/*
		 * There are three records: the first entry, the entry that ends the call, and the
		 * return to user space that ends a host interrupt. Only the call has a class.
		 */
		assert_int_equal(nr_seen, 3);
		assert_int_equal(class_seen[0], 0);
		assert_int_equal(class_seen[1], EXIT_SBI_BASE);
		assert_int_equal(class_seen[2], 0);
		assert_int_equal(native_fast_exits != 0, mode >= 2);
		nr_seen = 0;
		assert_int_equal(run_trap(read_seed), 0);
		assert_int_equal(class_seen[1], EXIT_CSR_USER);
		run_trap(call);
		assert_int_equal(class_seen[2], EXIT_CSR_USER);
		assert_int_equal(class_seen[3], EXIT_SBI_BASE);
	}
}

/*
 * Act as if events had been turned off during an exit of class WFI, and on again after it: the next
 * record must not have that class.
 */
static void a_class_from_before_its_events_were_disabled_is_dropped(void **state)
{
	(void)state;
	trace_exit_key.enabled = false;
	trace_exit_class(&vm.vcpu->exit_clock, EXIT_WFI);
	native_event_hook = record_class;
	nr_seen = 0;
	vcpu_set_request(vm.vcpu, REQ_TRACE);
	run_trap((struct hv_trap){ .scause = CAUSE_IRQ_FLAG | IRQ_S_TIMER });
	assert_true(nr_seen > 0);
	assert_int_equal(class_seen[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_record_that_ends_an_exit_has_its_class),
		TEST(a_class_from_before_its_events_were_disabled_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
