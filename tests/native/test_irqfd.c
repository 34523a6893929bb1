// SPDX-License-Identifier: MIT
/*
 * test_irqfd.c - irqfds and GSI routes of a VM whose PLIC is in the kernel.
 *
 * test_bus.c tests irqfds of a VM without a controller in the kernel.
 */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>
#include "plic_vm.h"
#include "race.h"
#include "request.h"

static void enable_all(void)
{
	u32 i;

	for (i = 1; i <= SOURCES; i++) {
		store(PRIORITY(i), 1);
		store(ENABLE(0, i), ~0u);
	}
}

static int irqfd(int fd, int resample, u32 gsi, u32 flags)
{
	return kvm_vm_ioctl_irqfd(vm.vm, &(struct kvm_irqfd){ .fd = (u32)fd,
							      .resamplefd = (u32)resample,
							      .gsi = gsi,
							      .flags = flags });
}

static void signal(int fd)
{
	struct hv_event *event;

	assert_int_equal(hv_event_get(fd, &event), 0);
	hv_event_signal(event, 1);
	hv_event_put(event);
}

static long route(const struct kvm_irq_routing_entry *entries, u32 nr, u32 flags)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry[4];
	} args = { .head = { .nr = nr, .flags = flags } };

	if (nr <= ARRAY_SIZE(args.entry))
		memcpy(args.entry, entries, nr * sizeof(*entries));
	return native_ioctl(vm.vm_fd, KVM_SET_GSI_ROUTING, to_user(2, &args, sizeof(args)));
}

static void an_irqfd_is_an_edge_that_is_never_lost(void **state)
{
	int fd = native_eventfd();

	(void)state;
	enable_all();
	signal(fd); /* before the assignment */
	assert_int_equal(irqfd(fd, 0, 9, 0), 0);
	assert_int_equal(native_eventfd_count(fd), 1); /* as on Linux */
	assert_int_equal(load(CLAIM(0)), 9);
	signal(fd);
	signal(fd);
	assert_int_equal(load(CLAIM(0)), 0); /* in service */
	store(CLAIM(0), 9);
	assert_int_equal(load(CLAIM(0)), 9);
	store(CLAIM(0), 9);
	assert_int_equal(load(CLAIM(0)), 0);
	assert_int_equal(irqfd(fd, 0, 9, KVM_IRQFD_FLAG_DEASSIGN), 0);
	signal(fd);
	assert_false(line_of(vcpus[0]));
	native_close(fd);
}

static void a_resampled_line_falls_at_the_completion(void **state)
{
	int fd[2] = { native_eventfd(), native_eventfd() };
	int resample[2] = { native_eventfd(), native_eventfd() };

	(void)state;
	enable_all();
	assert_int_equal(irqfd(fd[0], resample[0], 4, KVM_IRQFD_FLAG_RESAMPLE), 0);
	assert_int_equal(irqfd(fd[1], resample[1], 4, KVM_IRQFD_FLAG_RESAMPLE), 0);
	signal(fd[0]);
	assert_int_equal(load(CLAIM(0)), 4);
	assert_int_equal(state_of(LEVEL(4)), 1 << 4);
	store(CLAIM(0), 4);
	assert_int_equal(state_of(LEVEL(4)), 0);
	assert_false(line_of(vcpus[0]));
	assert_int_equal(native_eventfd_count(resample[0]), 1);
	assert_int_equal(native_eventfd_count(resample[1]), 1); /* both devices share the line */
	/* The completion of another source does not resample. */
	assert_int_equal(irq_line(5, 1), 0);
	assert_int_equal(load(CLAIM(0)), 5);
	store(CLAIM(0), 5);
	assert_int_equal(native_eventfd_count(resample[0]), 1);
	assert_int_equal(irqfd(fd[0], 0, 4, KVM_IRQFD_FLAG_DEASSIGN), 0);
	native_close(fd[0]);
	native_close(fd[1]);
	native_close(resample[0]);
	native_close(resample[1]);
}

static void a_resampled_line_falls_with_its_last_irqfd(void **state)
{
	int fd[3] = { native_eventfd(), native_eventfd(), native_eventfd() };
	int resample = native_eventfd();
	struct kvm_irq_routing_entry moved = { .gsi = 4,
					       .type = KVM_IRQ_ROUTING_IRQCHIP,
					       .u.irqchip.pin = 5 };

	(void)state;
	enable_all();
	assert_int_equal(irqfd(fd[0], 0, 4, 0), 0); /* no resample eventfd: it keeps no line high */
	assert_int_equal(irqfd(fd[1], resample, 4, KVM_IRQFD_FLAG_RESAMPLE), 0);
	assert_int_equal(irqfd(fd[2], resample, 4, KVM_IRQFD_FLAG_RESAMPLE), 0);
	signal(fd[1]);
	assert_int_equal(state_of(LEVEL(4)), 1 << 4);
	assert_int_equal(irqfd(fd[1], 0, 4, KVM_IRQFD_FLAG_DEASSIGN), 0);
	assert_int_equal(state_of(LEVEL(4)), 1 << 4);
	native_close(fd[2]);
	assert_int_equal(irqfd(fd[1], resample, 4, KVM_IRQFD_FLAG_RESAMPLE),
			 0); /* removes fd[2]'s */
	assert_int_equal(state_of(LEVEL(4)), 0);

	/* The input falls to which the GSI leads now, even if KVM_IRQ_LINE has raised it. */
	signal(fd[1]);
	assert_int_equal(route(&moved, 1, 0), 0);
	assert_int_equal(irq_line(5, 1), 0);
	assert_int_equal(irqfd(fd[1], 0, 4, KVM_IRQFD_FLAG_DEASSIGN), 0);
	assert_int_equal(state_of(LEVEL(4)), 1 << 4);

	/* The removal of an irqfd that resamples does not take back an edge of another one. */
	assert_int_equal(irq_line(5, 0), 0);
	assert_int_equal(irqfd(fd[1], resample, 4, KVM_IRQFD_FLAG_RESAMPLE), 0);
	signal(fd[0]);
	assert_int_equal(irqfd(fd[1], 0, 4, KVM_IRQFD_FLAG_DEASSIGN), 0);
	assert_int_equal(state_of(PENDING(5)), 1 << 4 | 1 << 5);

	/* The removal of an irqfd that does not resample changes no line. */
	assert_int_equal(irq_line(5, 1), 0);
	assert_int_equal(irqfd(fd[0], 0, 4, KVM_IRQFD_FLAG_DEASSIGN), 0);
	assert_int_equal(state_of(LEVEL(4)), 1 << 4 | 1 << 5);
	native_close(fd[0]);
	native_close(fd[1]);
	native_close(resample);
}

/* ---- two removals at the same time --------------------------------------------------------- */

static unsigned long resampling, may_end, nr_started, nr_removed;

static bool slow_watcher(struct hv_event_watch *watch, bool closed)
{
	(void)watch;
	(void)closed;
	__atomic_store_n(&resampling, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&may_end, __ATOMIC_SEQ_CST))
		sched_yield();
	return false;
}

static void *complete(void *arg)
{
	store(CLAIM(0), 4);
	return arg;
}

static void *remove_irqfd(void *fd)
{
	__atomic_fetch_add(&nr_started, 1, __ATOMIC_SEQ_CST);
	if (irqfd(*(int *)fd, 0, 4, KVM_IRQFD_FLAG_DEASSIGN))
		return NULL;
	__atomic_fetch_add(&nr_removed, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void each_removal_waits_until_nobody_uses_the_irqfd(void **state)
{
	int fd = native_eventfd(), resample = native_eventfd();
	struct hv_event_watch watch = { .fn = slow_watcher };
	struct hv_event *event;
	pthread_t vcpu, removing[2];
	unsigned long early;

	(void)state;
	resampling = may_end = nr_started = nr_removed = 0;
	list_init(&watch.link);
	enable_all();
	assert_int_equal(irqfd(fd, resample, 4, KVM_IRQFD_FLAG_RESAMPLE), 0);
	assert_int_equal(hv_event_get(resample, &event), 0);
	assert_int_equal(hv_event_watch(event, &watch), 0);
	signal(fd);
	assert_int_equal(load(CLAIM(0)), 4);
	pthread_create(&vcpu, NULL, complete, NULL);
	assert_true(race_wait(&resampling, 0));
	pthread_create(&removing[0], NULL, remove_irqfd, &fd);
	while (__atomic_load_n(&vm.vm->irqfds.next, __ATOMIC_SEQ_CST) != &vm.vm->irqfds)
		sched_yield();
	pthread_create(&removing[1], NULL, remove_irqfd, &fd);
	assert_true(race_wait(&nr_started, 1));
	usleep(20000);
	early = __atomic_load_n(&nr_removed, __ATOMIC_SEQ_CST);
	__atomic_store_n(&may_end, 1, __ATOMIC_SEQ_CST);
	pthread_join(vcpu, NULL);
	pthread_join(removing[0], NULL);
	pthread_join(removing[1], NULL);
	assert_int_equal(early, 0);
	assert_int_equal(nr_removed, 2);
	hv_event_unwatch(event, &watch);
	hv_event_put(event);
	native_close(fd);
	native_close(resample);
}

/* ---- pieces ---------------------------------------------------------------------------------- */

/* Make `nr` irqfds of the GSI, and claim and complete an interrupt of the first. */
static void complete_one_of(int fd[][2], u32 nr, u32 gsi)
{
	u32 i;

	enable_all();
	for (i = 0; i < nr; i++) {
		fd[i][0] = native_eventfd();
		fd[i][1] = native_eventfd();
		assert_int_equal(irqfd(fd[i][0], fd[i][1], gsi, KVM_IRQFD_FLAG_RESAMPLE), 0);
	}
	signal(fd[0][0]);
	assert_int_equal(load(CLAIM(0)), gsi);
	store(CLAIM(0), gsi);
}

static u32 resampled(int fd[][2], u32 nr)
{
	u32 i, sum = 0;

	for (i = 0; i < nr; i++) {
		assert_in_range(native_eventfd_count(fd[i][1]), 0, 1);
		sum += (u32)native_eventfd_count(fd[i][1]);
	}
	return sum;
}

static void close_all(int fd[][2], u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		native_close(fd[i][0]);
		native_close(fd[i][1]);
	}
}

#define MANY 10

/* The line falls at once, so that the guest does not see the interrupt again. */
static void a_signal_ends_a_run_between_pieces_of_a_resample(void **state)
{
	int fd[MANY][2];
	u32 done;

	(void)state;
	complete_one_of(fd, MANY, 4);
	assert_int_equal(state_of(LEVEL(4)), 0);
	done = resampled(fd, MANY);
	assert_in_range(done, 1, MANY - 1);
	native_signal_set(true);
	assert_int_equal(native_run(vm.vcpu), -EINTR);
	assert_in_range(resampled(fd, MANY), done + 1, MANY - 1);
	assert_int_equal(native_run(vm.vcpu), -EINTR);
	assert_int_equal(resampled(fd, MANY), MANY);
	assert_int_equal(native_run(vm.vcpu), -EINTR);
	assert_int_equal(resampled(fd, MANY), MANY); /* each of them once */
	close_all(fd, MANY);
}

static void a_resample_continues_after_the_next_irqfd_is_removed(void **state)
{
	int fd[MANY][2];
	u32 done;

	(void)state;
	complete_one_of(fd, MANY, 4);
	done = resampled(fd, MANY);
	assert_int_equal(irqfd(fd[done][0], 0, 4, KVM_IRQFD_FLAG_DEASSIGN), 0);
	native_signal_set(true);
	while (vm.vcpu->requests & BIT(REQ_RESAMPLE))
		assert_int_equal(native_run(vm.vcpu), -EINTR);
	assert_int_equal(resampled(fd, MANY), MANY - 1);
	assert_int_equal(native_eventfd_count(fd[done][1]), 0);
	close_all(fd, MANY);
}

/* The vCPU completes the second interrupt before it serves REQ_RESAMPLE. */
static void resamples_of_two_lines_in_pieces_are_both_finished(void **state)
{
	int first[MANY][2], second[MANY][2];

	(void)state;
	complete_one_of(first, MANY, 4);
	complete_one_of(second, MANY, 5);
	native_signal_set(true);
	while (vm.vcpu->requests & BIT(REQ_RESAMPLE))
		assert_int_equal(native_run(vm.vcpu), -EINTR);
	assert_int_equal(resampled(first, MANY), MANY);
	assert_int_equal(resampled(second, MANY), MANY);
	close_all(first, MANY);
	close_all(second, MANY);
}

static struct irqchip_ops slow_ops;
static int (*set_line)(struct kvm *vm, u32 pin, bool level);
static int waiting;

/* Before the line falls, source 5 is completed, too, as if by another vCPU. */
static int set_line_slowly(struct kvm *kvm, u32 pin, bool level)
{
	if (pin == 4) {
		irqfd_resample(kvm->vcpus[0], 5);
		assert_int_equal(native_eventfd_count(waiting), 0);
	}
	return set_line(kvm, pin, level);
}

/* A device that is signaled before its line falls raises the line too early, and waits for ever. */
static void no_device_is_signaled_before_its_line_falls(void **state)
{
	int fd[3] = { native_eventfd(), native_eventfd(), native_eventfd() };
	int resample[3] = { native_eventfd(), native_eventfd(), native_eventfd() };
	u32 i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(irqfd(fd[i], resample[i], i == 1 ? 5 : 4, KVM_IRQFD_FLAG_RESAMPLE),
				 0);
	waiting = resample[2];
	set_line = vm.vm->irqchip->set_line;
	slow_ops = *vm.vm->irqchip;
	slow_ops.set_line = set_line_slowly;
	vm.vm->irqchip = &slow_ops;
	irqfd_resample(vm.vcpu, 4);
	assert_int_equal(native_eventfd_count(waiting), 1);
	assert_int_equal(native_eventfd_count(resample[1]), 1);
	for (i = 0; i < 3; i++) {
		native_close(fd[i]);
		native_close(resample[i]);
	}
}

#define MAX_RESAMPLERS 1024

/* The search for those of an input holds a spinlock. */
static void a_vm_has_at_most_1024_irqfds_that_resample(void **state)
{
	int fd[MAX_RESAMPLERS + 1], resample = native_eventfd(), i;

	(void)state;
	for (i = 0; i <= MAX_RESAMPLERS; i++) {
		fd[i] = native_eventfd();
		assert_int_equal(irqfd(fd[i], resample, 4, KVM_IRQFD_FLAG_RESAMPLE),
				 i < MAX_RESAMPLERS ? 0 : -ENOSPC);
	}
	assert_int_equal(irqfd(fd[MAX_RESAMPLERS], 0, 4, 0), 0);
	assert_int_equal(irqfd(fd[0], 0, 4, KVM_IRQFD_FLAG_DEASSIGN), 0);
	assert_int_equal(irqfd(fd[0], resample, 4, KVM_IRQFD_FLAG_RESAMPLE), 0);
	for (i = 0; i <= MAX_RESAMPLERS; i++)
		native_close(fd[i]);
	native_close(resample);
}

static void routes_lead_irqfds_to_sources(void **state)
{
	struct kvm_irq_routing_entry entry[2] = {
		{ .gsi = 4095, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip.pin = 6 },
		{ .gsi = 9, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip.pin = 1023 },
	};
	int fd[3] = { native_eventfd(), native_eventfd(), native_eventfd() };

	(void)state;
	enable_all();
	assert_int_equal(irqfd(fd[0], 0, 4095, 0), 0);
	assert_int_equal(irqfd(fd[1], 0, 9, 0), 0);
	assert_int_equal(irqfd(fd[2], 0, ~0u, 0), 0);
	signal(fd[0]);
	signal(fd[2]);
	assert_false(line_of(vcpus[0])); /* by default, only the GSIs of sources have routes */
	assert_int_equal(route(entry, 2, 0), 0);
	signal(fd[0]);
	assert_int_equal(load(CLAIM(0)), 6);
	signal(fd[1]); /* the route leads to a source that does not exist */
	signal(fd[2]);
	assert_int_equal(load(CLAIM(0)), 0);
	assert_int_equal(route(entry, 0, 0), 0);
	store(CLAIM(0), 6);
	signal(fd[0]);
	assert_int_equal(load(CLAIM(0)), 0);
	native_close(fd[0]);
	native_close(fd[1]);
	native_close(fd[2]);
}

static void a_bad_route_changes_nothing(void **state)
{
	struct kvm_irq_routing_entry good = { .gsi = 3, .type = KVM_IRQ_ROUTING_IRQCHIP };
	struct kvm_irq_routing_entry bad[2];

	(void)state;
	good.u.irqchip.pin = 3;
	assert_int_equal(route(&good, 1, 1), -EINVAL);
	assert_int_equal(route(&good, KVM_MAX_IRQ_ROUTES + 1, 0), -EINVAL);
#define REFUSED(field, value)                                \
	do {                                                 \
		bad[0] = bad[1] = good;                      \
		bad[1].gsi = 2;                              \
		bad[1].field = (value);                      \
		assert_int_equal(route(bad, 2, 0), -EINVAL); \
	} while (0)
	REFUSED(gsi, 3); /* twice */
	REFUSED(gsi, KVM_MAX_IRQ_ROUTES);
	REFUSED(type, 0);
	REFUSED(type, KVM_IRQ_ROUTING_MSI); /* a PLIC receives no messages */
	REFUSED(flags, KVM_MSI_VALID_DEVID);
	REFUSED(u.irqchip.pin, 1024);
	REFUSED(u.irqchip.irqchip, 1);
	assert_int_equal(route_of(vm.vm, 70).pin, 70); /* the default is still there */
	native_fail_alloc(1);
	assert_int_equal(route(&good, 1, 0), -ENOMEM);
	native_fail_alloc(0);
}

static void one_eventfd_has_one_irqfd_in_all_vms(void **state)
{
	struct native_vm other;
	struct kvm_irqfd args = { .fd = (u32)native_eventfd(), .gsi = 1 };

	(void)state;
	native_vm_open(&other);
	assert_int_equal(kvm_vm_ioctl_irqfd(other.vm, &args), 0);
	assert_int_equal(kvm_vm_ioctl_irqfd(vm.vm, &args), -EBUSY);
	native_close((int)args.fd);
	native_vm_free(&other);
}

static void *assign_irqfd(void *fd)
{
	native_hart_set(1);
	return (void *)(intptr_t)irqfd((int)(intptr_t)fd, 0, 9, 0);
}

/* Otherwise, nothing could remove the irqfd before the VM ends. */
static void an_eventfd_that_is_closed_meanwhile_gets_no_irqfd(void **state)
{
	int fd = native_eventfd();
	pthread_t thread;
	void *ret;

	(void)state;
	hv_mutex_lock(&vm.vm->lock);
	assert_int_equal(pthread_create(&thread, NULL, assign_irqfd, (void *)(intptr_t)fd), 0);
	usleep(20000); /* it has got the eventfd, and waits for the mutex */
	native_close(fd);
	hv_mutex_unlock(&vm.vm->lock);
	pthread_join(thread, &ret);
	assert_int_equal((intptr_t)ret, -EBADF);
	assert_true(list_empty(&vm.vm->irqfds));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_irqfd_is_an_edge_that_is_never_lost),
		CASE(a_resampled_line_falls_at_the_completion),
		CASE(a_resampled_line_falls_with_its_last_irqfd),
		CASE(each_removal_waits_until_nobody_uses_the_irqfd),
		CASE(a_signal_ends_a_run_between_pieces_of_a_resample),
		CASE(resamples_of_two_lines_in_pieces_are_both_finished),
		CASE(no_device_is_signaled_before_its_line_falls),
		CASE(a_resample_continues_after_the_next_irqfd_is_removed),
		CASE(a_vm_has_at_most_1024_irqfds_that_resample),
		CASE(routes_lead_irqfds_to_sources),
		CASE(a_bad_route_changes_nothing),
		CASE(one_eventfd_has_one_irqfd_in_all_vms),
		CASE(an_eventfd_that_is_closed_meanwhile_gets_no_irqfd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
