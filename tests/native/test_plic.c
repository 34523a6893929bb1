// SPDX-License-Identifier: MIT
/*
 * test_plic.c - the PLIC in the kernel, against a model with one struct per source; its attributes.
 *
 * The model has neither words nor masks: it follows the specification and the rules at the top of
 * plic.c, so that a mistake with bits cannot be in both. After each of many random steps, the value
 * read and the vCPUs' external interrupts have to agree.
 */
#include "plic_vm.h"
#include "random.h"
#include "uapi/onereg.h"

#define STEPS 200000

/* ---- the model ---------------------------------------------------------------------------- */

static struct source {
	bool high, pending, in_service, edge;
	u32 priority;
	bool enabled[VCPUS];
} sources[SOURCES + 1];
static u32 thresholds[VCPUS];

static u32 model_best(unsigned int vcpu)
{
	u32 best = 0, i;

	for (i = SOURCES; i > 0; i--) {
		if (sources[i].pending && sources[i].enabled[vcpu] &&
		    sources[i].priority > thresholds[vcpu] &&
		    (!best || sources[i].priority >= sources[best].priority))
			best = i;
	}
	return best;
}

static void model_line(u32 i, bool high)
{
	if (high && !sources[i].in_service)
		sources[i].pending = true;
	else if (!high && sources[i].high)
		sources[i].pending = false;
	sources[i].high = high;
}

static void model_pulse(u32 i)
{
	if (sources[i].in_service)
		sources[i].edge = true;
	else
		sources[i].pending = true;
}

static u32 model_claim(unsigned int vcpu)
{
	u32 best = model_best(vcpu);

	if (best) {
		sources[best].pending = false;
		sources[best].in_service = true;
	}
	return best;
}

static void model_complete(unsigned int vcpu, u32 i)
{
	if (!i || i > SOURCES || !sources[i].enabled[vcpu])
		return;
	sources[i].in_service = false;
	if (sources[i].high || sources[i].edge)
		sources[i].pending = true;
	sources[i].edge = false;
}

static u32 model_word(u32 first, bool (*bit)(const struct source *source))
{
	u32 word = 0, i;

	for (i = first; i < first + 32 && i <= SOURCES; i++)
		word |= (u32)bit(&sources[i]) << (i - first);
	return word;
}

static bool is_pending(const struct source *source)
{
	return source->pending;
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void random_step(unsigned int nr_vcpus)
{
	static const unsigned int ids[VCPUS] = { 0, 1, 5 };
	unsigned int vcpu = (unsigned int)rnd(nr_vcpus), id = ids[vcpu];
	u32 i = (u32)rnd(SOURCES) + 1, value, bit;

	switch (rnd(9)) {
	case 0:
		value = (u32)rnd(2);
		assert_int_equal(irq_line(i, value), 0);
		model_line(i, value);
		break;
	case 1:
		assert_int_equal(vm.vm->irqchip->pulse(vm.vm, i), 0);
		model_pulse(i);
		break;
	case 2:
		assert_int_equal(load(CLAIM(id)), model_claim(vcpu));
		break;
	case 3:
		value = rnd(4) ? i : (u32)rnd(~0ULL);
		store(CLAIM(id), value);
		model_complete(vcpu, value);
		break;
	case 4:
		value = (u32)rnd(1ULL << 32);
		store(PRIORITY(i), value);
		sources[i].priority = value % 8;
		break;
	case 5:
		value = (u32)rnd(rnd(4) ? 2 : 8);
		store(THRESHOLD(id), value);
		thresholds[vcpu] = value;
		break;
	case 6:
		value = (u32)rnd(1ULL << 32);
		store(ENABLE(id, i), value);
		for (bit = 0; bit < 32; bit++) {
			if (i / 32 * 32 + bit <= SOURCES)
				sources[i / 32 * 32 + bit].enabled[vcpu] =
					(value >> bit & 1) && i / 32 * 32 + bit;
		}
		break;
	case 7:
		store(PENDING(i), (u32)rnd(1ULL << 32)); /* read-only */
		assert_int_equal(load(PENDING(i)), model_word(i / 32 * 32, is_pending));
		break;
	case 8:
		assert_int_equal(load(PRIORITY(i)), sources[i].priority);
		assert_int_equal(load(THRESHOLD(id)), thresholds[vcpu]);
		break;
	}
	for (vcpu = 0; vcpu < nr_vcpus; vcpu++)
		assert_int_equal(line_of(vcpus[vcpu]), model_best(vcpu) != 0);
}

static void make_random_steps(unsigned int nr_vcpus)
{
	unsigned int claims = 0;
	int step;

	memset(sources, 0, sizeof(sources));
	memset(thresholds, 0, sizeof(thresholds));
	for (step = 0; step < STEPS; step++) {
		random_step(nr_vcpus);
		claims += model_best(0) != 0;
	}
	assert_in_range(claims, STEPS / 10, STEPS); /* the steps reach interesting states */
}

static void random_steps_give_what_the_specification_says(void **state)
{
	(void)state;
	make_random_steps(VCPUS);
}

static void random_steps_of_one_vcpu_give_what_the_specification_says(void **state)
{
	(void)state;
	make_random_steps(1);
}

static void registers_that_do_not_exist_read_as_zero(void **state)
{
	static const u64 offsets[] = { 0,
				       PRIORITY(SOURCES + 1),
				       PRIORITY(1023),
				       PENDING(96),
				       0x1100, /* user space's own: the state of the lines */
				       0x1180,
				       0x1fff & ~3,
				       ENABLE(0, 1) - 0x80, /* of M-mode */
				       ENABLE(2, 1),        /* of a vCPU that does not exist */
				       ENABLE(6, 1),
				       ENABLE(0, 96),
				       THRESHOLD(0) - 0x1000,
				       THRESHOLD(0) + 8,
				       CLAIM(2),
				       CLAIM(1023),
				       KVM_DEV_HS_PLIC_SIZE - 4 };
	size_t i;
	u64 data;

	(void)state;
	for (i = 1; i <= SOURCES; i++)
		assert_int_equal(irq_line((u32)i, 1), 0);
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		store(offsets[i], ~0u);
		assert_int_equal(load(offsets[i]), 0);
	}
	store(PRIORITY(1), 5);
	for (i = 1; i <= 8; i *= 2) {
		data = 3;
		assert_true(vm.vm->irqchip->mmio(vcpus[0], BASE + PRIORITY(1), (unsigned int)i,
						 false, &data));
		assert_int_equal(data, i == 4 ? 5 : 0);
	}
	assert_false(vm.vm->irqchip->mmio(vcpus[0], BASE - 4, 4, false, &data));
	assert_false(vm.vm->irqchip->mmio(vcpus[0], BASE + KVM_DEV_HS_PLIC_SIZE, 4, true, &data));
}

static void state_that_is_read_can_be_written_back(void **state)
{
	u32 before[4];

	(void)state;
	store(PRIORITY(33), 2);
	store(PRIORITY(40), 1);
	store(ENABLE(1, 33), ~0u);
	assert_int_equal(irq_line(33, 1), 0);
	assert_int_equal(irq_line(40, 1), 0);
	assert_int_equal(load(CLAIM(1)), 33);
	before[0] = state_of(LEVEL(33));
	before[1] = state_of(SERVICE(33));
	before[2] = state_of(PENDING(33));
	assert_int_equal(before[0], 1 << 1 | 1 << 8);
	assert_int_equal(before[1], 1 << 1);
	assert_int_equal(before[2], 1 << 8);
	assert_int_equal(set_state(LEVEL(33), 0), 0);
	assert_int_equal(set_state(SERVICE(33), 0), 0);
	assert_true(line_of(vcpus[1]));
	assert_int_equal(set_state(PENDING(33), 0), 0);
	assert_false(line_of(vcpus[1]));
	assert_int_equal(set_state(LEVEL(33), before[0]), 0);
	assert_int_equal(set_state(SERVICE(33), before[1]), 0);
	assert_int_equal(set_state(PENDING(33), before[2]), 0);
	assert_true(line_of(vcpus[1]));
	store(CLAIM(1), 33); /* still high: pending again at once */
	assert_int_equal(load(CLAIM(1)), 33);
	assert_int_equal(load(CLAIM(1)), 40);
	/* An edge that arrives while its source, 40, is in service. */
	assert_int_equal(vm.vm->irqchip->pulse(vm.vm, 40), 0);
	assert_int_equal(state_of(EDGE(33)), 1 << 8);
	assert_int_equal(set_state(EDGE(33), 0), 0);
	assert_int_equal(set_state(LEVEL(33), 0), 0);
	store(CLAIM(1), 40);
	assert_int_equal(load(CLAIM(1)), 0);
	assert_int_equal(set_state(SERVICE(33), 1 << 8), 0);
	assert_int_equal(set_state(EDGE(33), 1 << 8), 0);
	store(CLAIM(1), 40);
	assert_int_equal(load(CLAIM(1)), 40);
	/* Bits of sources that do not exist are not kept. */
	assert_int_equal(set_state(PENDING(64), ~0u), 0);
	assert_int_equal(state_of(PENDING(64)), 0x7f);
	assert_int_equal(set_state(PENDING(0), ~0u), 0);
	assert_int_equal(state_of(PENDING(0)), ~1u);
}

static void attributes_are_checked(void **state)
{
	(void)state;
	assert_int_equal(create_device(), 0);
	assert_int_equal(irq_line(1, 1), -EBUSY);
	assert_int_equal(set_state(PRIORITY(1), 1), -ENXIO);
	assert_int_equal(init_device(), -EINVAL); /* no address */
	assert_int_equal(set_attr(KVM_DEV_HS_PLIC_GRP_CONFIG, 0, 0), -EINVAL);
	assert_int_equal(set_attr(KVM_DEV_HS_PLIC_GRP_CONFIG, 0, 1024), -EINVAL);
	assert_int_equal(set_attr(KVM_DEV_HS_PLIC_GRP_CONFIG, 1, 1), -ENXIO);
	assert_int_equal(set_attr(KVM_DEV_HS_PLIC_GRP_ADDR, 0, BASE + 4), -EINVAL);
	assert_int_equal(set_attr(KVM_DEV_HS_PLIC_GRP_ADDR, 0, 0 - PAGE_SIZE), -EINVAL);
	assert_int_equal(set_attr(4, 0, 0), -ENXIO);
	assert_int_equal(attr(KVM_HAS_DEVICE_ATTR, KVM_DEV_HS_PLIC_GRP_CTRL, 0, 0), 0);
	assert_int_equal(attr(KVM_HAS_DEVICE_ATTR, KVM_DEV_HS_PLIC_GRP_CTRL, 1, 0), -ENXIO);
	assert_int_equal(attr(KVM_GET_DEVICE_ATTR, KVM_DEV_HS_PLIC_GRP_CTRL, 0, 0), -ENXIO);
	assert_int_equal(set_attr(KVM_DEV_HS_PLIC_GRP_CONFIG, 0, 1023), 0);
	assert_int_equal(set_attr(KVM_DEV_HS_PLIC_GRP_ADDR, 0, BASE), 0);
	assert_int_equal(init_device(), 0);
	assert_int_equal(init_device(), -EBUSY);
	assert_int_equal(set_attr(KVM_DEV_HS_PLIC_GRP_CONFIG, 0, 5), -EBUSY);
	assert_int_equal(set_attr(KVM_DEV_HS_PLIC_GRP_ADDR, 0, BASE), -EBUSY);
	assert_int_equal(irq_line(1023, 1), 0);
	assert_int_equal(irq_line(1024, 1), -EINVAL);
	assert_int_equal(irq_line(0, 1), -EINVAL);
	assert_int_equal(set_state(PRIORITY(1023), 7), 0);
	assert_int_equal(load(PRIORITY(1023)), 7);
	assert_int_equal(native_ioctl(device, KVM_IRQ_LINE, 0), -ENOTTY);
	assert_int_equal(native_ioctl(device, KVM_GET_DEVICE_ATTR, 8), -EFAULT);
}

static void a_vm_has_one_device_and_makes_it_before_it_runs(void **state)
{
	(void)state;
	vcpus[1]->ran_once = true;
	assert_int_equal(create_device(), -EBUSY);
	vcpus[1]->ran_once = false;
	hv_mutex_lock(&vcpus[2]->mutex);
	assert_int_equal(create_device(), -EBUSY);
	hv_mutex_unlock(&vcpus[2]->mutex);
	native_fail_alloc(1);
	assert_int_equal(create_device(), -ENOMEM);
	native_fail_alloc(0);
	assert_int_equal(create_device(), 0);
	assert_int_equal(create_device(), -EEXIST);
}

static void running_out_of_memory_in_init_leaves_nothing(void **state)
{
	unsigned int nth;

	(void)state;
	assert_int_equal(create_device(), 0);
	assert_int_equal(set_attr(KVM_DEV_HS_PLIC_GRP_ADDR, 0, BASE), 0);
	for (nth = 1; nth <= 5; nth++) {
		native_fail_alloc(nth);
		assert_int_equal(init_device(), -ENOMEM);
	}
	native_fail_alloc(0);
	assert_int_equal(init_device(), 0);
}

static void sip_does_not_change_a_line_of_the_controller(void **state)
{
	static const u64 values[] = { BIT(IRQ_S_EXT), 0 };
	struct kvm_one_reg sip;

	(void)state;
	store(PRIORITY(3), 1);
	store(ENABLE(1, 3), 1 << 3);
	for (unsigned int i = 0; i < ARRAY_SIZE(values); i++) {
		assert_int_equal(irq_line(3, i), 0);
		sip = sip_reg(values[i]);
		assert_int_equal(onereg_set(vcpus[1], &sip), 0);
		assert_int_equal(line_of(vcpus[1]), i);
	}
}

static void a_reset_vcpu_sees_its_interrupt_again(void **state)
{
	struct kvm_mp_state reset = { .mp_state = KVM_MP_STATE_INIT_RECEIVED };

	(void)state;
	store(PRIORITY(3), 1);
	store(ENABLE(1, 3), 1 << 3);
	assert_int_equal(irq_line(3, 1), 0);
	assert_true(line_of(vcpus[1]));
	WRITE_ONCE(vm.vm->mp_state_reset, true);
	assert_int_equal(
		native_ioctl(vm.vcpu_fd[1], KVM_SET_MP_STATE, to_user(0, &reset, sizeof(reset))),
		0);
	assert_true(line_of(vcpus[1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(random_steps_give_what_the_specification_says),
		cmocka_unit_test_setup_teardown(
			random_steps_of_one_vcpu_give_what_the_specification_says, setup_one, end),
		CASE(registers_that_do_not_exist_read_as_zero),
		CASE(state_that_is_read_can_be_written_back),
		CASE_BARE(attributes_are_checked),
		CASE_BARE(a_vm_has_one_device_and_makes_it_before_it_runs),
		CASE_BARE(running_out_of_memory_in_init_leaves_nothing),
		CASE(sip_does_not_change_a_line_of_the_controller),
		CASE(a_reset_vcpu_sees_its_interrupt_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
