// SPDX-License-Identifier: MIT
/*
 * test_sbi_sta.c - steal time: the time that a vCPU's thread waited is reported to its guest.
 */
#include "sbi_guest.h"

#define STA      KVM_REG_RISCV_SBI_STA
#define AREA     0x8000UL /* offset of the guest's structure in its memory */
#define AREA_GPA (NATIVE_GUEST_BASE + AREA)

struct sta {
	u32 sequence, flags;
	u64 steal;
	u8 preempted, pad[47];
};

static struct sta *area(void)
{
	return native_user(NATIVE_USER_BASE + AREA);
}

static long set_shmem(unsigned long lo, unsigned long hi, unsigned long flags)
{
	struct call c = made(CALL(SBI_EXT_STA, SBI_STA_SET_SHMEM, lo, hi, flags));

	assert_int_equal(c.value, 0);
	return c.error;
}

static void run_delay_becomes_steal_time(void **state)
{
	struct call nothing = CALL(SBI_EXT_BASE, 0, 0);

	(void)state;
	memset(area(), 0x55, sizeof(struct sta));
	native_run_delay_set(1000); /* from before set_shmem(), so not reported */
	assert_int_equal(set_shmem(AREA_GPA, 0, 0), SBI_SUCCESS);
	assert_memory_equal(area(), &(struct sta){ 0 }, sizeof(struct sta));

	run_script(&nothing, 1);
	assert_int_equal(area()->sequence, 0); /* nothing changed, so no write */
	native_run_delay_set(1700);
	run_script(&nothing, 1);
	assert_int_equal(area()->steal, 700);
	assert_int_equal(area()->sequence, 2);
	native_run_delay_set(1800);
	run_script(&nothing, 1);
	assert_int_equal(area()->steal, 800);
	assert_int_equal(area()->sequence, 4);
	assert_int_equal(native_event_args(TRACE_kvm_steal_time)[0], 100);

	assert_int_equal(set_shmem(ANY, ANY, 0), SBI_SUCCESS);
	native_run_delay_set(9999);
	run_script(&nothing, 1);
	assert_int_equal(area()->steal, 800);
}

static void without_sta_no_steal_time_is_stored(void **state)
{
	struct call nothing = CALL(SBI_EXT_BASE, 0, 0);

	(void)state;
	assert_int_equal(set_shmem(AREA_GPA, 0, 0), SBI_SUCCESS);
	assert_int_equal(sbi_ext_set(vm.vcpu, KVM_RISCV_SBI_EXT_STA, 0), 0);
	native_run_delay_set(500);
	run_script(&nothing, 1);
	assert_int_equal(area()->steal, 0);
	assert_int_equal(area()->preempted, 0);
	/* The registers of STA do not exist, as on Linux. */
	assert_int_equal(reg_set(STA, 0, AREA_GPA), -EINVAL);
	assert_int_equal(reg_get(STA, 0), -EINVAL);
	run_script(&nothing, 1);
	assert_int_equal(area()->sequence, 0);
}

static void an_odd_sequence_number_becomes_even(void **state)
{
	struct call nothing = CALL(SBI_EXT_BASE, 0, 0);

	(void)state;
	set_shmem(AREA_GPA, 0, 0);
	area()->sequence = ~0U;
	area()->preempted = 1;
	native_run_delay_set(50);
	run_script(&nothing, 1);
	assert_int_equal(area()->sequence, 0);
	assert_int_equal(area()->preempted, 0);
}

static void steal_time_needs_writable_memory(void **state)
{
	(void)state;
	assert_int_equal(set_shmem(AREA_GPA, 0, 1), SBI_ERR_INVALID_PARAM);
	assert_int_equal(set_shmem(AREA_GPA, 0, 1UL << 32), SBI_ERR_INVALID_PARAM);
	assert_int_equal(set_shmem(AREA_GPA + 8, 0, 0), SBI_ERR_INVALID_PARAM);
	assert_int_equal(set_shmem(AREA_GPA, 1, 0), SBI_ERR_INVALID_ADDRESS);
	assert_int_equal(set_shmem(AREA_GPA, ANY, 0), SBI_ERR_INVALID_ADDRESS);
	assert_int_equal(set_shmem(0, 0, 0), SBI_ERR_INVALID_ADDRESS);
	assert_int_equal(set_shmem(~63UL, 0, 0), SBI_ERR_INVALID_ADDRESS);
	assert_int_equal(vm.vcpu->sta.shmem, STA_OFF);
	assert_int_equal(made(CALL(SBI_EXT_STA, 1, AREA_GPA)).error, SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(
		native_set_slot(vm.vm, 7, 0x10000, PAGE_SIZE, NATIVE_USER_BASE, KVM_MEM_READONLY),
		0);
	assert_int_equal(set_shmem(0x10000, 0, 0), SBI_ERR_INVALID_ADDRESS);
	native_user_unmap(NATIVE_USER_BASE + AREA, PAGE_SIZE);
	assert_int_equal(set_shmem(AREA_GPA, 0, 0), SBI_ERR_FAILED);
	assert_int_equal(vm.vcpu->sta.shmem, STA_OFF);
}

static void steal_time_ends_when_its_memory_is_unmapped(void **state)
{
	struct call nothing = CALL(SBI_EXT_BASE, 0, 0);

	(void)state;
	set_shmem(AREA_GPA, 0, 0);
	native_user_unmap(NATIVE_USER_BASE + AREA, PAGE_SIZE);
	native_run_delay_set(50);
	assert_int_equal(run_script(&nothing, 1), -EINTR);
	assert_int_equal(vm.vcpu->sta.shmem, STA_OFF);
	assert_int_equal(nothing.error, 0);
}

static struct sta seen;

static void preempted_guest(struct kvm_vcpu *vcpu)
{
	(void)vcpu;
	native_run_delay_set(300);
	native_migrate(0); /* put and load again */
	seen = *area();
	host_interrupt();
}

static void a_preempted_vcpu_is_marked_until_it_runs(void **state)
{
	struct call nothing = CALL(SBI_EXT_BASE, 0, 0);

	(void)state;
	set_shmem(AREA_GPA, 0, 0);
	native_guest = preempted_guest;
	native_signal_set(false);
	native_run(vm.vcpu);
	assert_int_equal(seen.preempted, 1);
	assert_int_equal(seen.steal, 0); /* reported before the next entry, not by the preemption */
	run_script(&nothing, 1);
	assert_int_equal(area()->preempted, 0);
	assert_int_equal(area()->steal, 300);
}

#define OTHER_GPA 0x10000UL

static void deleting_guest(struct kvm_vcpu *vcpu)
{
	(void)vcpu;
	vm.vcpu->mode = VCPU_OUTSIDE; /* as after an exit: the deletion waits for it */
	assert_int_equal(native_set_slot(vm.vm, 7, OTHER_GPA, 0, 0, 0), 0);
	native_run_delay_set(300);
	native_migrate(0);
	seen = *area();
	host_interrupt();
}

/* User space may use the memory for something else by now. */
static void steal_time_is_not_written_after_its_slot_is_deleted(void **state)
{
	struct call nothing = CALL(SBI_EXT_BASE, 0, 0);

	(void)state;
	native_set_slot(vm.vm, 7, OTHER_GPA, PAGE_SIZE, NATIVE_USER_BASE + AREA, 0);
	assert_int_equal(set_shmem(OTHER_GPA, 0, 0), SBI_SUCCESS);
	native_guest = deleting_guest;
	native_signal_set(false);
	native_run(vm.vcpu);
	assert_int_equal(seen.preempted, 0);
	run_script(&nothing, 1);
	assert_memory_equal(area(), &(struct sta){ 0 }, sizeof(struct sta));
	assert_int_equal(vm.vcpu->sta.shmem, STA_OFF);
}

static void a_write_of_steal_time_is_in_the_dirty_log(void **state)
{
	struct call nothing = CALL(SBI_EXT_BASE, 0, 0);
	struct kvm_dirty_log log = { .slot = 0,
				     .dirty_bitmap = (void *)(NATIVE_USER_BASE + 0x1000) };
	u64 *bits = native_user(NATIVE_USER_BASE + 0x1000);

	(void)state;
	set_shmem(AREA_GPA, 0, 0);
	native_set_slot(vm.vm, 0, NATIVE_GUEST_BASE, NATIVE_GUEST_SIZE, NATIVE_USER_BASE,
			KVM_MEM_LOG_DIRTY_PAGES);
	assert_int_equal(kvm_vm_ioctl_get_dirty_log(vm.vm, &log), 0);
	native_run_delay_set(10);
	run_script(&nothing, 1);
	assert_int_equal(kvm_vm_ioctl_get_dirty_log(vm.vm, &log), 0);
	assert_int_equal(bits[0], BIT(AREA / PAGE_SIZE));
}

/* KVM_RUN ends before it serves the request for an update, as after an exit to user space. */
static void preempted_before_an_exit(struct kvm_vcpu *vcpu)
{
	native_migrate(0);
	__atomic_fetch_and(&vcpu->requests, ~BIT(REQ_STEAL), __ATOMIC_RELAXED);
	host_interrupt();
}

static void a_preemption_is_in_the_dirty_log(void **state)
{
	struct kvm_dirty_log log = { .slot = 0,
				     .dirty_bitmap = (void *)(NATIVE_USER_BASE + 0x1000) };
	u64 *bits = native_user(NATIVE_USER_BASE + 0x1000);

	(void)state;
	set_shmem(AREA_GPA, 0, 0);
	native_set_slot(vm.vm, 0, NATIVE_GUEST_BASE, NATIVE_GUEST_SIZE, NATIVE_USER_BASE,
			KVM_MEM_LOG_DIRTY_PAGES);
	native_guest = preempted_before_an_exit;
	native_signal_set(false);
	native_run(vm.vcpu);
	assert_int_equal(area()->preempted, 1);
	assert_int_equal(kvm_vm_ioctl_get_dirty_log(vm.vm, &log), 0);
	assert_int_equal(bits[0], BIT(AREA / PAGE_SIZE));
}

static void steal_time_has_two_registers(void **state)
{
	struct call nothing = CALL(SBI_EXT_BASE, 0, 0);

	(void)state;
	assert_int_equal(reg_get(STA, 0), 0);
	assert_int_equal(reg_buf, ANY);
	assert_int_equal(reg_get(STA, 1), 0);
	assert_int_equal(reg_buf, 0);
	assert_int_equal(reg_set(STA, 1, 1), -EINVAL);
	assert_int_equal(reg_set(STA, 1, 0), 0);
	assert_int_equal(reg_get(STA, 2), -ENOENT);
	assert_int_equal(reg_set(STA, 0, AREA_GPA + 32), -EINVAL); /* misaligned */
	assert_int_equal(reg_get(STA, 0), 0);
	assert_int_equal(reg_buf, ANY);
	native_run_delay_set(100);
	run_script(&nothing, 1);
	assert_int_equal(area()->sequence, 0);

	/*
	 * As in a restore, user space sets the address: only the time that this thread waits after
	 * its first KVM_RUN counts.
	 */
	assert_int_equal(reg_set(STA, 0, AREA_GPA), 0);
	area()->steal = 5;
	run_script(&nothing, 1);
	assert_int_equal(area()->steal, 5);
	native_run_delay_set(140);
	run_script(&nothing, 1);
	assert_int_equal(area()->steal, 45);
	vcpu_reset(vm.vcpu, PC, 0);
	assert_int_equal(reg_get(STA, 0), 0);
	assert_int_equal(reg_buf, ANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(run_delay_becomes_steal_time),
		TEST(without_sta_no_steal_time_is_stored),
		TEST(an_odd_sequence_number_becomes_even),
		TEST(steal_time_needs_writable_memory),
		TEST(steal_time_ends_when_its_memory_is_unmapped),
		TEST(a_preempted_vcpu_is_marked_until_it_runs),
		TEST(a_preemption_is_in_the_dirty_log),
		TEST(steal_time_is_not_written_after_its_slot_is_deleted),
		TEST(a_write_of_steal_time_is_in_the_dirty_log),
		TEST(steal_time_has_two_registers),
	};

	return cmocka_run_group_tests_name("SBI, steal time", tests, NULL, NULL);
}
