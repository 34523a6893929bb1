// SPDX-License-Identifier: MIT
/*
 * test_race_life.c - vCPUs run, sleep, stop and end while other threads send them requests.
 *
 * Rule numbers are those of docs/locking.md. No event may be lost: one that does not arrive within
 * a minute counts as lost, however slow the machine is. The native host counts sleepers whose
 * condition became true without a wake-up, and one_vm_end() requires that there are none.
 */
#include <sched.h>
#include "vcpu/timer.h"
#include "one_vm.h"
#include "race.h"

#define BASE  NATIVE_GUEST_BASE
#define HARTS 2
#define WFI   ((struct hv_trap){ .scause = EXC_VIRTUAL_INST, .stval = 0x10500073 })

static struct race_runner runners[2];

static int setup(void **state)
{
	(void)state;
	native_reset();
	native_harts_set(HARTS + 1); /* the last one is the test's own: race_harts() */
	native_core_start();
	race_harts(HARTS);
	native_vm_make(&vm, 0);
	vcpu_put(vm.vcpu);
	native_vcpu_make(&vm, 1);
	memset(runners, 0, sizeof(runners));
	return 0;
}

static void start(unsigned int i)
{
	race_start(&runners[i], vm.vcpu_fd[i], native_file_priv(vm.vcpu_fd[i]));
}

static void stop(unsigned int i)
{
	race_stop(&runners[i]);
	assert_int_equal(runners[i].error, 0);
}

/* ---- rules 9, 10: a vCPU that runs or sleeps gets its interrupt ------------------------------ */

static unsigned long received;

/* Take the interrupt if it is pending. Then wait for the next one, unless the host interrupts. */
static void interrupted_guest(struct kvm_vcpu *vcpu)
{
	if (csr_read(hvip) & BIT(IRQ_VS_EXT)) {
		csr_clear(hvip, BIT(IRQ_VS_EXT));
		__atomic_fetch_add(&received, 1, __ATOMIC_SEQ_CST);
	}
	if (!race_interrupted(vcpu, race_random(4)))
		native_trap(&WFI);
}

static void no_interrupt_is_lost_on_a_vcpu_that_falls_asleep(void **state)
{
	unsigned long before;
	u64 i;

	(void)state;
	received = 0;
	vm.vcpu->csrs.vsie = BIT(IRQ_S_EXT);
	native_guest = interrupted_guest;
	start(0);
	for (i = 1; race_round(i); i++) {
		before = __atomic_load_n(&received, __ATOMIC_SEQ_CST);
		vcpu_set_irq(vm.vcpu, IRQ_VS_EXT);
		assert_true(race_wait(&received, before));
		if (!race_random(4))
			sched_yield();
	}
	stop(0);
}

static void busy_or_wfi_guest(struct kvm_vcpu *vcpu)
{
	if (!race_random(8)) {
		native_trap(&WFI);
		return;
	}
	while (!race_interrupted(vcpu, 1))
		sched_yield();
}

/* Each round sends one signal, whatever state the thread is in, and does not repeat it. */
static void no_signal_is_lost_on_a_vcpu_that_enters_or_falls_asleep(void **state)
{
	unsigned long before;
	u64 i;

	(void)state;
	native_guest = busy_or_wfi_guest;
	start(0);
	for (i = 1; race_round(i); i++) {
		before = __atomic_load_n(&runners[0].runs, __ATOMIC_SEQ_CST);
		race_signal(&runners[0]);
		assert_true(race_wait(&runners[0].runs, before));
	}
	stop(0);
}

/* Set the timer again whenever it has expired, and wait for it, unless the host interrupts. */
static void timed_guest(struct kvm_vcpu *vcpu)
{
	u64 now = timer_guest_time(vcpu->kvm);

	if (now >= csr_read64(vstimecmp)) {
		csr_write64(vstimecmp, now + 1 + race_random(100));
		__atomic_fetch_add(&received, 1, __ATOMIC_SEQ_CST);
	}
	if (!race_interrupted(vcpu, race_random(4)))
		native_trap(&WFI);
}

/* Time must go on: the vCPU polls for a while before it sleeps, and time ends that. */
static void no_timer_is_lost_on_a_vcpu_that_falls_asleep(void **state)
{
	unsigned long before;
	unsigned int n;
	u64 i;

	(void)state;
	received = 0;
	vm.vcpu->csrs.vsie = BIT(IRQ_S_TIMER);
	vm.vcpu->timer_ops->set(vm.vcpu, timer_guest_time(vm.vm) + 1);
	native_guest = timed_guest;
	start(0);
	for (i = 1; race_round(i); i++) {
		before = __atomic_load_n(&received, __ATOMIC_SEQ_CST);
		for (n = 0; n < 1000000; n++) {
			if (__atomic_load_n(&received, __ATOMIC_SEQ_CST) != before)
				break;
			native_time_set(hv_time() + 101);
			sched_yield();
		}
		assert_true(race_wait(&received, before));
	}
	stop(0);
}

/* ---- HSM: vCPU 0 starts vCPU 1, which stops itself ------------------------------------------- */

/* The opaque arguments of the last start that was made, and of the last one that arrived. */
static unsigned long wanted, started;
static unsigned long wrong; /* starts that arrived twice, or not in order */
static bool asked;

static void ecall(struct kvm_vcpu *vcpu, unsigned long fid, unsigned long a1, unsigned long a2)
{
	vcpu->guest.gpr[GPR_A0] = 1;
	vcpu->guest.gpr[GPR_A1] = a1;
	vcpu->guest.gpr[GPR_A2] = a2;
	vcpu->guest.gpr[GPR_A6] = fid;
	vcpu->guest.gpr[GPR_A7] = SBI_EXT_HSM;
	native_trap(&(struct hv_trap){ .scause = EXC_ECALL_VS });
}

/* Start vCPU 1 again once its last start has arrived. */
static void starting_guest(struct kvm_vcpu *vcpu)
{
	unsigned long now = __atomic_load_n(&started, __ATOMIC_SEQ_CST);

	if (asked && vcpu->guest.gpr[GPR_A0] != SBI_SUCCESS)
		wanted--; /* vCPU 1 has not stopped yet */
	asked = false;
	if (race_interrupted(vcpu, race_random(8)))
		return;
	if (now != wanted) {
		native_trap(&(struct hv_trap){ .scause = CAUSE_IRQ_FLAG | IRQ_S_TIMER });
		return;
	}
	asked = true;
	wanted++;
	ecall(vcpu, SBI_HSM_HART_START, BASE + 0x1000, wanted);
}

static void started_guest(struct kvm_vcpu *vcpu)
{
	unsigned long opaque = vcpu->guest.gpr[GPR_A1];

	if (vcpu->guest.sepc != BASE + 0x1000) {
		race_interrupted(vcpu, 0); /* hart_stop has failed, or the vCPU was never started */
		return;
	}
	if (race_interrupted(vcpu, race_random(8)))
		return;
	wrong += opaque != __atomic_load_n(&started, __ATOMIC_SEQ_CST) + 1;
	__atomic_store_n(&started, opaque, __ATOMIC_SEQ_CST);
	ecall(vcpu, SBI_HSM_HART_STOP, 0, 0);
}

static void either_guest(struct kvm_vcpu *vcpu)
{
	if (vcpu->id)
		started_guest(vcpu);
	else
		starting_guest(vcpu);
}

static void each_start_arrives_once_with_its_argument(void **state)
{
	u64 i;

	(void)state;
	wanted = started = wrong = 0;
	asked = false;
	native_guest = either_guest;
	start(0);
	start(1);
	for (i = 1; race_round(i); i++)
		assert_true(race_wait(&started, __atomic_load_n(&started, __ATOMIC_SEQ_CST)));
	stop(0);
	stop(1);
	assert_int_equal(wrong, 0);
}

/* ---- ioeventfds ----------------------------------------------------------------------------------- */

#define MMIO 0x10000000UL

static unsigned long stores[2];

static void storing_guest(struct kvm_vcpu *vcpu)
{
	if (race_interrupted(vcpu, race_random(16)))
		return;
	stores[vcpu->id]++;
	race_store(vcpu, MMIO, 7);
}

static long ioeventfd(const struct kvm_ioeventfd *io)
{
	assert_int_equal(hv_copy_to_user(NATIVE_USER_BASE, io, sizeof(*io)), 0);
	return native_ioctl(vm.vm_fd, KVM_IOEVENTFD, NATIVE_USER_BASE);
}

static void each_store_is_an_event_or_an_mmio_exit(void **state)
{
	struct kvm_ioeventfd io = { .addr = MMIO, .len = 8, .datamatch = 7 };
	int fd = native_eventfd();
	u64 i;

	(void)state;
	io.fd = fd;
	memset(stores, 0, sizeof(stores));
	hsm_power_on(native_file_priv(vm.vcpu_fd[1]));
	native_guest = storing_guest;
	start(0);
	start(1);
	for (i = 1; race_round(i); i++) {
		io.flags = i % 2 ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0;
		assert_int_equal(ioeventfd(&io), 0);
		if (race_random(2))
			sched_yield();
		io.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
		assert_int_equal(ioeventfd(&io), 0);
	}
	stop(0);
	stop(1);
	assert_int_equal(stores[0] + stores[1],
			 runners[0].mmio + runners[1].mmio + native_eventfd_count(fd));
	native_close(fd);
}

/* ---- descriptors closed while vCPUs run ------------------------------------------------------ */

static bool until_closed(struct race_runner *r, long ret)
{
	(void)r;
	return ret != -EBADF;
}

static void busy_guest(struct kvm_vcpu *vcpu)
{
	unsigned int steps = 10;

	while (!race_interrupted(vcpu, steps--))
		if (!race_store(vcpu, BASE + race_random(16) * PAGE_SIZE, 1))
			return;
}

static void close_all_in_any_order(struct native_vm *f)
{
	int fds[5], n = 0, i;

	fds[n++] = f->vm_fd;
	fds[n++] = f->vcpu_fd[0];
	fds[n++] = f->vcpu_fd[1];
	fds[n++] = (int)native_ioctl(f->vm_fd, KVM_GET_STATS_FD, 0);
	fds[n++] = (int)native_ioctl(f->vcpu_fd[0], KVM_GET_STATS_FD, 0);
	while (n) {
		i = (int)race_random((unsigned int)n);
		native_close(fds[i]);
		fds[i] = fds[--n];
		if (race_random(2))
			sched_yield();
	}
}

static void descriptors_may_be_closed_in_any_order_while_vcpus_run(void **state)
{
	struct native_vm f;
	unsigned int k;
	u64 i;

	(void)state;
	native_guest = busy_guest;
	for (i = 1; race_round(i); i++) {
		native_vm_open(&f);
		assert_int_equal(
			native_set_slot(f.vm, 0, BASE, NATIVE_GUEST_SIZE, NATIVE_USER_BASE, 0), 0);
		native_vcpu_make(&f, 0);
		hsm_power_on(native_vcpu_make(&f, 1));
		for (k = 0; k < 2; k++) {
			runners[k].after = until_closed;
			race_start(&runners[k], f.vcpu_fd[k], NULL);
		}
		native_user_unmap(NATIVE_USER_BASE, PAGE_SIZE);
		native_user_map(NATIVE_USER_BASE, PAGE_SIZE, 0);
		close_all_in_any_order(&f);
		for (k = 0; k < 2; k++)
			stop(k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_interrupt_is_lost_on_a_vcpu_that_falls_asleep),
		TEST(no_signal_is_lost_on_a_vcpu_that_enters_or_falls_asleep),
		TEST(no_timer_is_lost_on_a_vcpu_that_falls_asleep),
		TEST(each_start_arrives_once_with_its_argument),
		TEST(each_store_is_an_event_or_an_mmio_exit),
		TEST(descriptors_may_be_closed_in_any_order_while_vcpus_run),
	};

	return cmocka_run_group_tests_name("races for vCPUs", tests, NULL, NULL);
}
