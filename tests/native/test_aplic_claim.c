// SPDX-License-Identifier: MIT
/*
 * test_aplic_claim.c - the APLIC with direct delivery: its initialization, registers that do not
 * exist, its state, resets, resampling, and claims while other threads make edges. Also, with any
 * delivery, accesses during the initialization.
 */
#include <pthread.h>
#include "aia_vm.h"
#include "exit/exit.h"
#include "race.h"
#include "uapi/onereg.h"

/* ---- registers ------------------------------------------------------------------------------ */

/* Make the source active and enabled, and the domain and the vCPU's IDC. */
static void use(u32 source, u32 mode, unsigned int vcpu)
{
	store(SOURCECFG(source), mode);
	store(TARGET(source), vcpu << 18 | 1);
	store(0x1edc, source);
	store(IDELIVERY(vcpu), 1);
	store(0, 0x100);
}

static void no_access_to_the_region_exits_to_user_space(void **state)
{
	u64 offset, data;

	(void)state;
	use(7, EDGE1, 2);
	store(0x1cdc, 7);
	for (offset = 0; offset < 0x5000; offset += 4) {
		if (offset == CLAIMI(2))
			continue;
		data = ~0ULL;
		assert_true(guest(APLIC_BASE + offset, false, &data));
		assert_in_range(data, 0, ~0u);
	}
	for (offset = 1; offset <= 8; offset *= 2) {
		data = ~0ULL;
		assert_true(vm.vm->irqchip->mmio(vcpus[0], APLIC_BASE + CLAIMI(2),
						 (unsigned int)offset, false, &data) &&
			    (offset == 4 || !data));
		if (offset == 4)
			store(0x1cdc, 7);
	}
	data = ~0ULL;
	assert_true(guest(APLIC_BASE + CLAIMI(2) - 2, false, &data) && !data);
	assert_true(line_of(vcpus[2])); /* nothing was claimed by these */
	data = 0;
	assert_true(vm.vm->irqchip->mmio(vcpus[0], APLIC_BASE, 8, true, &data));
	assert_int_equal(load(0), 0x80000100); /* nor written */
	store(IDELIVERY(VCPUS), 1);            /* no vCPU has this hart index */
	assert_int_equal(load(IDELIVERY(VCPUS)), 0);
	store(0x1bc0, ~0u);
	assert_int_equal(load(0x1bc0), 0);
	assert_false(guest(APLIC_BASE + 0x5000, false, &data));
	assert_false(guest(APLIC_BASE - 4, true, &data));
	assert_false(guest(IMSIC_BASE, true, &data)); /* no IMSICs */
}

static u32 state_of(u64 offset)
{
	assert_int_equal(attr(KVM_GET_DEVICE_ATTR, KVM_DEV_RISCV_AIA_GRP_APLIC, offset, 0), 0);
	return *(u32 *)native_user(NATIVE_USER_BASE + 256);
}

static long set_state(u64 offset, u32 value)
{
	return set_attr(KVM_DEV_RISCV_AIA_GRP_APLIC, offset, value);
}

static void the_state_can_be_restored(void **state)
{
	static const u64 offsets[] = { SOURCECFG(5),  SOURCECFG(40), TARGET(5),    TARGET(40),
				       SETIE(0),      SETIE(1),      SETIP(0),     SETIP(1),
				       ITHRESHOLD(1), IFORCE(1),     IDELIVERY(1), 0 };
	u32 saved[ARRAY_SIZE(offsets)];
	size_t i;

	(void)state;
	use(5, EDGE1, 1);
	use(40, LEVEL1, 1);
	store(ITHRESHOLD(1), 9);
	store(IFORCE(1), 1);
	assert_int_equal(vm.vm->irqchip->set_line(vm.vm, 40, true), 0);
	assert_int_equal(vm.vm->irqchip->pulse(vm.vm, 5), 0);
	assert_int_equal(state_of(CLAIMI(1)), 5 << 16 | 1);
	assert_int_equal(state_of(CLAIMI(1)), 5 << 16 | 1); /* reading it claims nothing */
	assert_int_equal(set_state(CLAIMI(1), 0), 0);
	assert_int_equal(state_of(TOPI(1)), 5 << 16 | 1);
	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		saved[i] = state_of(offsets[i]);
	native_close(device);
	one_vm_end(state);
	assert_int_equal(setup_direct(state), 0);
	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		assert_int_equal(set_state(offsets[i], saved[i]), 0);
	assert_true(line_of(vcpus[1]));
	assert_int_equal(load(CLAIMI(1)), 5 << 16 | 1);
	assert_int_equal(load(CLAIMI(1)), 0); /* iforce ends */
	assert_false(line_of(vcpus[1]));
	assert_int_equal(vm.vm->irqchip->set_line(vm.vm, 40, true), 0); /* lines are not state */
	assert_int_equal(load(CLAIMI(1)), 40 << 16 | 1);
	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		assert_int_equal(state_of(offsets[i]), offsets[i] == SETIP(0)    ? 0
						       : offsets[i] == IFORCE(1) ? 0
										 : saved[i]);
	assert_int_equal(set_state(KVM_DEV_HS_APLIC_IDC(1) + 0xc, 0), -ENODEV);
	assert_int_equal(set_state(KVM_DEV_HS_APLIC_IDC(VCPUS), 0), -ENODEV);
	assert_int_equal(set_state(IFORCE(1) + 2, 0), -EOPNOTSUPP);
	assert_int_equal(set_state(0x3000, 1), 0); /* genmsi */
	assert_int_equal(set_state(TARGET(SOURCES + 1), 1), -ENODEV);
}

/* ---- initialization ---------------------------------------------------------------------- */

static void the_initialization_is_checked(void **state)
{
	struct kvm_irq_routing_entry *entry;
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} args = { .head.nr = 1, .entry = { .gsi = 3, .type = KVM_IRQ_ROUTING_MSI } };
	struct aia *aia = vm.vm->aia;

	(void)state;
	entry = &args.entry;
	entry->u.msi.data = 1;
	assert_int_equal(set_delivery(2), -EINVAL);
	assert_int_equal(set_delivery(1), 0);
	assert_int_equal(attr(KVM_HAS_DEVICE_ATTR, 0, KVM_DEV_HS_AIA_CONFIG_DELIVERY, 0), 0);
	assert_int_equal(attr(KVM_HAS_DEVICE_ATTR, 0, KVM_DEV_HS_AIA_CONFIG_DELIVERY + 1, 0),
			 -ENXIO);
	aia->config[KVM_DEV_RISCV_AIA_CONFIG_MODE] = KVM_DEV_RISCV_AIA_MODE_AUTO;
	assert_int_equal(init_device(), -EINVAL);
	aia->config[KVM_DEV_RISCV_AIA_CONFIG_MODE] = KVM_DEV_RISCV_AIA_MODE_EMUL;
	assert_int_equal(set_attr(0, KVM_DEV_RISCV_AIA_CONFIG_SRCS, 0), 0);
	assert_int_equal(init_device(), -EINVAL);
	assert_int_equal(set_attr(0, KVM_DEV_RISCV_AIA_CONFIG_SRCS, SOURCES), 0);
	aia->aplic_addr = AIA_NO_ADDR;
	assert_int_equal(init_device(), -EINVAL);
	aia->aplic_addr = APLIC_BASE;
	/* Neither ids nor the IMSICs' addresses matter. */
	assert_int_equal(set_attr(0, KVM_DEV_RISCV_AIA_CONFIG_IDS, 63), 0);
	aia->imsic_addr[1] = AIA_NO_ADDR;
	/* Until the initialization, a route may lead to an MSI; afterwards, there are none. */
	assert_int_equal(
		native_ioctl(vm.vm_fd, KVM_SET_GSI_ROUTING, to_user(2, &args, sizeof(args))), 0);
	native_fail_alloc(1);
	assert_int_equal(init_device(), -ENOMEM);
	native_fail_alloc(2);
	assert_int_equal(init_device(), -ENOMEM);
	native_fail_alloc(0);
	assert_int_equal(init_device(), 0);
	assert_int_equal(init_device(), -EBUSY);
	assert_int_equal(set_delivery(0), -EBUSY);
	assert_int_equal(route_of(vm.vm, 3).type, KVM_IRQ_ROUTING_IRQCHIP);
	assert_int_equal(
		native_ioctl(vm.vm_fd, KVM_SET_GSI_ROUTING, to_user(2, &args, sizeof(args))),
		-EINVAL);
	assert_int_equal(native_ioctl(vm.vm_fd, KVM_SIGNAL_MSI,
				      to_user(0, &(struct kvm_msi){ .address_lo = IMSIC_BASE },
					      sizeof(struct kvm_msi))),
			 -EINVAL);
	assert_null(vm.vm->irqchip->access_csr);
	assert_int_equal(
		attr(KVM_HAS_DEVICE_ATTR, KVM_DEV_RISCV_AIA_GRP_IMSIC, IMSIC_EIDELIVERY, 0),
		-ENODEV);
	assert_int_equal(vm.vm->irqchip->set_line(vm.vm, SOURCES + 1, true), -ENODEV);
	assert_int_equal(vm.vm->irqchip->pulse(vm.vm, 0), -ENODEV);
}

static void a_reset_keeps_the_line_and_the_idc(void **state)
{
	struct kvm_one_reg sip = sip_reg(0);
	struct kvm_vcpu *late = native_vcpu_make(&vm, 3);

	(void)state;
	use(9, LEVEL1, 1);
	assert_int_equal(vm.vm->irqchip->set_line(vm.vm, 9, true), 0);
	assert_int_equal(onereg_set(vcpus[1], &sip), 0);
	assert_true(line_of(vcpus[1])); /* user space cannot lower it */
	hsm_reset_by_user(vcpus[1]);
	assert_true(line_of(vcpus[1]));
	hsm_power_off(vcpus[1]);
	assert_true(hsm_start(vcpus[1], NATIVE_GUEST_BASE, 0));
	hsm_settle(vcpus[1]);
	assert_true(line_of(vcpus[1]));
	assert_int_equal(vm.vm->irqchip->set_line(vm.vm, 9, false), 0);
	sip.addr = to_user(0, &(u64){ BIT(IRQ_S_EXT) }, 8);
	assert_int_equal(onereg_set(vcpus[1], &sip), 0);
	assert_false(line_of(vcpus[1])); /* nor raise it */
	/* A vCPU that is created after the initialization has no IDC. */
	hsm_reset_by_user(late);
	use(9, LEVEL1, 3);
	assert_int_equal(vm.vm->irqchip->set_line(vm.vm, 9, true), 0);
	assert_false(line_of(late));
}

/* ---- resampling ---------------------------------------------------------------------------- */

static void the_next_claim_resamples(void **state)
{
	int fd = native_eventfd(), resample = native_eventfd();
	struct hv_event *event;

	(void)state;
	use(4, LEVEL1, 0);
	use(6, LEVEL1, 0);
	assert_int_equal(
		kvm_vm_ioctl_irqfd(vm.vm, &(struct kvm_irqfd){ .fd = (u32)fd,
							       .resamplefd = (u32)resample,
							       .gsi = 4,
							       .flags = KVM_IRQFD_FLAG_RESAMPLE }),
		0);
	assert_int_equal(hv_event_get(fd, &event), 0);
	hv_event_signal(event, 1);
	assert_int_equal(load(CLAIMI(0)), 4 << 16 | 1);
	assert_true(line_of(vcpus[0])); /* a claim does not change a level */
	assert_int_equal(load(TOPI(0)), 4 << 16 | 1);
	assert_int_equal(native_eventfd_count(resample), 0);
	assert_int_equal(load(CLAIMI(0)), 0); /* the line has fallen first */
	assert_false(line_of(vcpus[0]));
	assert_int_equal(native_eventfd_count(resample), 1);
	assert_int_equal(vm.vm->irqchip->set_line(vm.vm, 6, true), 0);
	assert_int_equal(load(CLAIMI(0)), 6 << 16 | 1);
	assert_int_equal(load(CLAIMI(0)), 6 << 16 | 1); /* 6 has no resampler */
	assert_int_equal(native_eventfd_count(resample), 1);
	hv_event_put(event);
	native_close(fd);
	native_close(resample);
}

/* ---- threads -------------------------------------------------------------------------------- */

#define EDGES 20000

static unsigned int sending;

static void *send_many(void *arg)
{
	u32 source = *(u32 *)arg, i;

	for (i = 0; i < EDGES; i++)
		assert_int_equal(vm.vm->irqchip->pulse(vm.vm, source), 0);
	__atomic_fetch_sub(&sending, 1, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * While two threads make edges, the vCPU claims them. The line has to be high while one is
 * pending.
 */
static void no_edge_is_lost_to_a_claim(void **state)
{
	static u32 of[2] = { 5, 69 };
	pthread_t sender[2];
	unsigned int claims = 0, i;

	(void)state;
	use(5, EDGE1, 0);
	use(69, EDGE1, 0);
	sending = 2;
	for (i = 0; i < 2; i++)
		pthread_create(&sender[i], NULL, send_many, &of[i]);
	while (__atomic_load_n(&sending, __ATOMIC_ACQUIRE)) {
		if (line_of(vcpus[0]))
			claims += load(CLAIMI(0)) != 0;
	}
	for (i = 0; i < 2; i++)
		pthread_join(sender[i], NULL);
	while (line_of(vcpus[0])) {
		assert_int_not_equal(load(CLAIMI(0)), 0);
		claims++;
	}
	assert_int_equal(load(SETIP(0)) | load(SETIP(2)), 0);
	assert_in_range(claims, 2, 2 * EDGES);
}

static unsigned long has_calls;

static void *ask_until_aplic_exists(void *unused)
{
	static const struct kvm_device_attr domaincfg = { .group = KVM_DEV_RISCV_AIA_GRP_APLIC };

	(void)unused;
	/* The atomic is relaxed, so that for TSan, it orders nothing. */
	while (vm.vm->irqchip->has_attr(vm.vm, &domaincfg))
		__atomic_fetch_add(&has_calls, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* TSan finds a race if the thread may use the APLIC of the first initialization, which is freed. */
static void an_aplic_exists_only_after_an_initialization_that_succeeds(void **state)
{
	u64 addr = KVM_DEV_RISCV_AIA_ADDR_IMSIC(1);
	gpa_t page = IMSIC_BASE + hart_of[1] * PAGE_SIZE;
	pthread_t asking;

	(void)state;
	has_calls = 0;
	assert_int_equal(set_attr(KVM_DEV_RISCV_AIA_GRP_ADDR, addr, 2 * IMSIC_BASE), 0);
	pthread_create(&asking, NULL, ask_until_aplic_exists, NULL);
	assert_true(race_wait(&has_calls, 0));
	assert_int_equal(init_device(), -EINVAL);
	assert_int_equal(set_attr(KVM_DEV_RISCV_AIA_GRP_ADDR, addr, page), 0);
	assert_int_equal(init_device(), 0);
	pthread_join(asking, NULL);
}

/* The second claim, a fast load, wakes the thread that waits for the resampling; the line stays high. */
static void a_fast_claim_lets_the_resampler_run(void **state)
{
	struct kvm_irqfd args = { .fd = (u32)native_eventfd(),
				  .resamplefd = (u32)native_eventfd(),
				  .gsi = 5,
				  .flags = KVM_IRQFD_FLAG_RESAMPLE };
	struct hv_trap trap = { .scause = EXC_LOAD_GUEST_PAGE_FAULT,
				.stval = APLIC_BASE + CLAIMI(0),
				.htval = (APLIC_BASE + CLAIMI(0)) >> 2,
				.htinst = 0x2503 /* lw */ };
	struct hv_event *event;

	(void)state;
	use(5, LEVEL1, 0);
	use(6, LEVEL1, 0);
	assert_int_equal(vm.vm->irqchip->set_line(vm.vm, 6, true), 0);
	assert_int_equal(kvm_vm_ioctl_irqfd(vm.vm, &args), 0);
	vcpu_load(vm.vcpu);
	native_slow_path_events_off();
	assert_int_equal(hv_event_get((int)args.fd, &event), 0);
	hv_event_signal(event, 1);
	hv_event_put(event);
	vcpu_flush_irqs(vm.vcpu);
	native_trap(&trap);
	assert_int_equal(exit_gstage_fault(vm.vcpu, &trap), RESUME_GUEST);
	assert_int_equal(native_eventfd_count((int)args.resamplefd), 0);
	vm.vcpu->requests = 0;
	native_trap(&trap);
	native_hart_wanted = 1; /* a thread waits for this hart */
	vm.vcpu->mode = VCPU_IN_GUEST;
	assert_true(vcpu_fast_load(vm.vcpu).class); /* it was fast */
	vm.vcpu->mode = VCPU_OUTSIDE;
	native_hart_wanted = 0;
	assert_int_equal(native_eventfd_count((int)args.resamplefd), 1);
	assert_true(vm.vcpu->requests & BIT(REQ_HOST));
	vcpu_put(vm.vcpu);
	native_close((int)args.fd);
	native_close((int)args.resamplefd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE_DIRECT(no_access_to_the_region_exits_to_user_space),
		CASE_DIRECT(the_state_can_be_restored),
		cmocka_unit_test_setup_teardown(the_initialization_is_checked, setup_configured,
						end),
		CASE_DIRECT(a_reset_keeps_the_line_and_the_idc),
		CASE_DIRECT(the_next_claim_resamples),
		CASE_DIRECT(a_fast_claim_lets_the_resampler_run),
		CASE_DIRECT(no_edge_is_lost_to_a_claim),
		cmocka_unit_test_setup_teardown(
			an_aplic_exists_only_after_an_initialization_that_succeeds,
			setup_configured, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
