// SPDX-License-Identifier: MIT
/*
 * test_lazy_put.c - a vCPU stays loaded on its hart while its thread runs in user space (rule 20 of
 * docs/locking.md).
 */
#include <pthread.h>
#include "one_vm.h"
#include "native_host.h"
#include "vcpu/fp.h"

#define EXPERIMENTAL 0x08000000UL

/* Increment a CSR that vcpu_load() restores and vcpu_put() saves, and exit to user space. */
static void counting_guest(struct kvm_vcpu *vcpu)
{
	csr_write(vsscratch, csr_read(vsscratch) + 1);
	vcpu->guest.gpr[GPR_A7] = EXPERIMENTAL;
	native_trap(&(struct hv_trap){ .scause = EXC_ECALL_VS });
}

static int begin(void **state)
{
	(void)state;
	one_vm_ready(NULL, NATIVE_GUEST_BASE);
	native_vcpu_make(&vm, 1);
	hsm_power_on(native_file_priv(vm.vcpu_fd[1]));
	native_harts_set(2);
	native_guest = counting_guest;
	return 0;
}

static long run(unsigned int vcpu)
{
	return native_ioctl(vm.vcpu_fd[vcpu], KVM_RUN, 0);
}

static u64 read_scratch(unsigned int vcpu)
{
	u64 value = 0;
	struct kvm_one_reg reg = {
		.id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CSR |
		      KVM_REG_RISCV_CSR_REG(sscratch),
		.addr = NATIVE_USER_BASE,
	};
	struct kvm_one_reg *user = native_user(NATIVE_USER_BASE + 64);

	*user = reg;
	assert_int_equal(native_ioctl(vm.vcpu_fd[vcpu], KVM_GET_ONE_REG, NATIVE_USER_BASE + 64), 0);
	memcpy(&value, native_user(NATIVE_USER_BASE), sizeof(value));
	return value;
}

static void a_threads_next_run_writes_no_guest_csr(void **state)
{
	unsigned int writes, i;

	(void)state;
	assert_int_equal(run(0), 0);
	assert_true(vm.vcpu->put_pending);
	assert_int_not_equal(csr_read(hgatp), 0);
	writes = native_csr_writes(CSR_hgatp) + native_csr_writes(CSR_vsatp) +
		 native_csr_writes(CSR_hvip);
	for (i = 0; i < 5; i++)
		assert_int_equal(run(0), 0);
	assert_int_equal(native_csr_writes(CSR_hgatp) + native_csr_writes(CSR_vsatp) +
				 native_csr_writes(CSR_hvip),
			 writes);
	assert_int_equal(csr_read(vsscratch), 6);
}

static void the_programs_csrs_are_restored_after_each_run(void **state)
{
	(void)state;
	vm.vcpu->csrs.scounteren = 2;
	vm.vcpu->csrs.senvcfg = ENVCFG_CBZE;
	csr_write(scounteren, 7);
	csr_write(senvcfg, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(run(0), 0);
		assert_int_equal(csr_read(scounteren), 7);
		assert_int_equal(csr_read(senvcfg), 0);
	}
	native_hook_out();
	assert_int_equal(csr_read(scounteren), 7);
	assert_int_equal(vm.vcpu->csrs.scounteren, 2);
	assert_int_equal(vm.vcpu->csrs.senvcfg, ENVCFG_CBZE);
}

static void other_ioctls_find_the_state_in_memory(void **state)
{
	(void)state;
	assert_int_equal(run(0), 0);
	assert_int_equal(read_scratch(0), 1);
	assert_false(vm.vcpu->put_pending);
	assert_int_equal(csr_read(hgatp), 0);
	assert_int_equal(run(0), 0);
	assert_int_equal(read_scratch(0), 2);
}

static void a_vcpu_is_put_when_its_thread_leaves_the_hart(void **state)
{
	(void)state;
	assert_int_equal(run(0), 0);
	native_hook_in(native_hook_out());
	assert_false(vm.vcpu->loaded);
	assert_int_equal(csr_read(hgatp), 0);
	/* The guest is not marked as preempted, because its thread was in user space. */
	assert_false(vm.vcpu->sta.preempted);
	assert_int_equal(run(0), 0);
	assert_int_equal(csr_read(vsscratch), 2);
}

static void running_another_vcpu_puts_the_first(void **state)
{
	struct kvm_vcpu *second = native_file_priv(vm.vcpu_fd[1]);

	(void)state;
	for (unsigned int i = 1; i < 4; i++) {
		assert_int_equal(run(0), 0);
		assert_int_equal(run(1), 0);
		assert_false(vm.vcpu->put_pending);
		assert_true(second->put_pending);
		assert_int_equal(csr_read(vsscratch), i);
	}
	assert_int_equal(read_scratch(0), 3);
}

/* native_hart_set() makes the calling thread act as another thread, on another hart. */
static void a_run_on_another_hart_fetches_the_state(void **state)
{
	(void)state;
	assert_int_equal(run(0), 0);
	native_hart_set(1);
	assert_int_equal(run(0), 0);
	assert_int_equal(csr_read(vsscratch), 2);
	native_hart_set(0);
	assert_int_equal(csr_read(hgatp), 0);
	assert_int_equal(read_scratch(0), 2);
	native_hart_set(1);
	assert_int_equal(csr_read(hgatp), 0);
	native_hart_set(0);
}

/* Run the vCPU, and then take the units from it, as Linux does. */
static void run_and_release(void)
{
	assert_int_equal(run(0), 0);
	fp_set_state(vm.vcpu, FS_CLEAN);
	kvm_units_release();
	assert_int_equal(vm.vcpu->put_pending, PUT_PENDING_UNITS_OUT);
}

static void a_vcpu_without_its_units_is_loaded_and_put_as_others(void **state)
{
	(void)state;
	run_and_release();
	assert_int_equal(run(0), 0);
	assert_int_equal(vm.vcpu->put_pending, PUT_PENDING);
	assert_int_equal(csr_read(vsscratch), 2);
	run_and_release();
	native_hart_set(1);
	assert_int_equal(run(0), 0);
	assert_int_equal(csr_read(vsscratch), 4);
	native_hart_set(0);
	assert_int_equal(csr_read(hgatp), 0);
	run_and_release();
	assert_int_equal(read_scratch(0), 5);
	assert_int_equal(vm.vcpu->put_pending, PUT_NONE);
	run_and_release();
	native_hook_in(native_hook_out());
	assert_false(vm.vcpu->loaded);
	assert_int_equal(run(0), 0);
	assert_int_equal(csr_read(vsscratch), 7);
}

static void signal_comes(bool begins)
{
	if (begins)
		native_signal_set(true);
}

/*
 * While the state is fetched, the thread sleeps and gets no interrupt for a signal, so it must
 * check for one before the guest runs.
 */
static void a_signal_during_the_fetch_ends_the_run(void **state)
{
	(void)state;
	assert_int_equal(run(0), 0);
	native_hart_set(1);
	native_wait_hook = signal_comes;
	assert_int_equal(run(0), -EINTR);
	native_wait_hook = NULL;
	native_signal_set(false);
	assert_int_equal(run(0), 0);
	assert_int_equal(csr_read(vsscratch), 2);
	native_hart_set(0);
}

static void no_hart_keeps_the_table_of_a_freed_vm(void **state)
{
	(void)state;
	assert_int_equal(run(0), 0);
	native_hart_set(1);
	assert_int_equal(run(1), 0);
	native_vm_free(&vm);
	assert_int_equal(csr_read(hgatp), 0);
	native_hart_set(0);
	assert_int_equal(csr_read(hgatp), 0);
	native_vm_make(&vm, 0);
}

static void *run_once_and_end(void *arg)
{
	(void)arg;
	native_hart_set(1);
	assert_int_equal(run(0), 0);
	return NULL;
}

static void a_vcpu_is_put_when_its_thread_ends(void **state)
{
	pthread_t thread;

	(void)state;
	pthread_create(&thread, NULL, run_once_and_end, NULL);
	pthread_join(thread, NULL);
	assert_false(vm.vcpu->put_pending);
	assert_int_equal(read_scratch(0), 1);
}

static void a_line_raised_between_runs_reaches_the_next_entry(void **state)
{
	(void)state;
	assert_int_equal(run(0), 0);
	vcpu_set_irq(vm.vcpu, IRQ_VS_EXT);
	assert_false(native_kicked(0));
	assert_int_equal(run(0), 0);
	assert_true(csr_read(hvip) & BIT(IRQ_VS_EXT));
}

static void a_clock_set_between_runs_reaches_the_guest(void **state)
{
	(void)state;
	assert_int_equal(run(0), 0);
	WRITE_ONCE(vm.vm->time_delta, 12345); /* as another vCPU's ONE_REG does */
	assert_int_equal(run(0), 0);
	assert_int_equal(csr_read(htimedelta), 12345);
}

static void *run_and_read(void *arg)
{
	unsigned long me = (unsigned long)arg;
	unsigned int i, bad = 0;

	native_hart_set(1 + (unsigned int)me);
	for (i = 0; i < 300; i++) {
		if (run(0))
			bad++;
		if (i % 7 == me)
			native_hook_out();
	}
	return (void *)(unsigned long)bad;
}

static void threads_that_run_a_vcpu_alternately_lose_nothing(void **state)
{
	pthread_t threads[3];
	unsigned long i;
	void *bad;

	(void)state;
	native_harts_set(4);
	for (i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, run_and_read, (void *)i);
	for (i = 0; i < 3; i++) {
		pthread_join(threads[i], &bad);
		assert_null(bad);
	}
	assert_int_equal(read_scratch(0), 900);
}

#define CLAIM(claim) cmocka_unit_test_setup_teardown(claim, begin, one_vm_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(a_threads_next_run_writes_no_guest_csr),
		CLAIM(the_programs_csrs_are_restored_after_each_run),
		CLAIM(other_ioctls_find_the_state_in_memory),
		CLAIM(a_vcpu_is_put_when_its_thread_leaves_the_hart),
		CLAIM(running_another_vcpu_puts_the_first),
		CLAIM(a_run_on_another_hart_fetches_the_state),
		CLAIM(a_vcpu_without_its_units_is_loaded_and_put_as_others),
		CLAIM(a_signal_during_the_fetch_ends_the_run),
		CLAIM(no_hart_keeps_the_table_of_a_freed_vm),
		CLAIM(a_vcpu_is_put_when_its_thread_ends),
		CLAIM(a_line_raised_between_runs_reaches_the_next_entry),
		CLAIM(a_clock_set_between_runs_reaches_the_guest),
		CLAIM(threads_that_run_a_vcpu_alternately_lose_nothing),
	};

	return cmocka_run_group_tests_name("lazy put of vCPUs", tests, NULL, NULL);
}
