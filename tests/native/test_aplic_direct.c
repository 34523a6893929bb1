// SPDX-License-Identifier: MIT
/*
 * test_aplic_direct.c - the APLIC with direct delivery, against a model with one struct per source
 * and per IDC.
 *
 * The model (sources: aplic_model.h) follows the specification and has neither words nor masks nor
 * values that are kept, so that a mistake with them cannot be in both. After each of many random
 * steps, the value read, the pending bits and the vCPUs' external interrupts have to agree.
 * test_aplic_claim.c has single steps.
 */
#include "aplic_model.h"

#define STEPS 200000

/* ---- the model ---------------------------------------------------------------------------- */

static struct {
	bool delivery, force;
	unsigned int threshold;
} idcs[VCPUS];

static bool model_pending(const struct source *source)
{
	return source->mode >= 6 ? model_asserted(source) : source->pending;
}

static u32 model_top(unsigned int hart)
{
	u32 best = 0, i;

	for (i = SOURCES; i > 0; i--) {
		const struct source *source = &sources[i];

		if (source->hart != hart || !model_pending(source) || !source->enabled)
			continue;
		if (idcs[hart].threshold && source->priority >= idcs[hart].threshold)
			continue;
		if (!best || source->priority <= sources[best].priority)
			best = i;
	}
	return best ? best << 16 | sources[best].priority : 0;
}

/* ---- random steps --------------------------------------------------------------------------- */

static void step_source(u32 i)
{
	struct source *source = &sources[i];
	bool before = model_asserted(source);
	u32 value = (u32)rnd(1ULL << 32);

	switch (rnd(4)) {
	case 0:
		source->high = value & 1;
		assert_int_equal(vm.vm->irqchip->set_line(vm.vm, i, value & 1), 0);
		source->pending |= source->mode < 6 && model_asserted(source) && !before;
		break;
	case 1:
		assert_int_equal(vm.vm->irqchip->pulse(vm.vm, i), 0);
		source->high |= source->mode >= 6;
		source->pending |= source->mode == 4 || source->mode == 5;
		break;
	case 2:
		if (rnd(4))
			value = (u32)rnd(4) + 4;
		store(SOURCECFG(i), value);
		if (source->mode >= 6) /* a change of the mode does not clear the pending bit */
			source->pending = before;
		source->mode = value & 0x400 ? 0 : value & 7;
		source->enabled &= source->mode != 0;
		source->pending &= source->mode != 0;
		assert_int_equal(load(SOURCECFG(i)), source->mode);
		break;
	case 3:
		value = (u32)(rnd(VCPUS + 1) << 18 | rnd(4));
		if (!rnd(8))
			value = (u32)rnd(1ULL << 32);
		store(TARGET(i), value);
		source->hart = value >> 18;
		source->priority = value & 0xff ? value & 0xff : 1;
		assert_int_equal(load(TARGET(i)),
				 source->mode ? source->hart << 18 | source->priority : 0);
		break;
	}
}

static void step_idc(unsigned int hart)
{
	u32 value = (u32)rnd(1ULL << 32), top = model_top(hart);

	switch (rnd(8)) {
	case 0:
		value |= rnd(4) != 0;
		store(IDELIVERY(hart), value);
		idcs[hart].delivery = value & 1;
		assert_int_equal(load(IDELIVERY(hart)), value & 1);
		break;
	case 1:
		value = rnd(4) ? value & ~1u : value;
		store(IFORCE(hart), value);
		idcs[hart].force = value & 1;
		assert_int_equal(load(IFORCE(hart)), value & 1);
		break;
	case 2:
		value = rnd(2) ? 0 : value;
		store(ITHRESHOLD(hart), value);
		idcs[hart].threshold = value & 0xff;
		assert_int_equal(load(ITHRESHOLD(hart)), value & 0xff);
		break;
	case 3:
		store(rnd(2) ? TOPI(hart) : CLAIMI(hart), value); /* read-only */
		assert_int_equal(load(TOPI(hart)), top);
		break;
	default:
		assert_int_equal(load(CLAIMI(hart)), top);
		if (top)
			sources[top >> 16].pending = false;
		else
			idcs[hart].force = false;
	}
}

static void random_step(void)
{
	u32 i = (u32)rnd(SOURCES) + 1, number;

	switch (rnd(16)) {
	case 0:
		domain = rnd(8) != 0;
		store(0, domain ? ~0u : ~0x100u);
		assert_int_equal(load(0), domain ? 0x80000100 : 0x80000000);
		break;
	case 1:
		store(0x3000, ~0u); /* genmsi is read-only zero */
		assert_int_equal(load(0x3000), 0);
		break;
	case 2:
		assert_int_equal(load(CLRIP(i / 32)), model_word(i / 32, model_asserted));
		assert_int_equal(load(SETIE(i / 32)), model_word(i / 32, model_enabled));
		break;
	case 3:
	case 4:
	case 5:
		step_bank(i);
		break;
	case 6:
	case 7:
	case 8:
	case 9:
	case 10:
		step_source(i);
		break;
	default:
		step_idc((unsigned int)rnd(VCPUS));
	}
	number = i / 32;
	assert_int_equal(load(SETIP(number)), model_word(number, model_pending));
	for (i = 0; i < VCPUS; i++)
		assert_int_equal(line_of(vcpus[i]),
				 domain && idcs[i].delivery && (idcs[i].force || model_top(i)));
}

static void random_steps_give_what_the_specification_says(void **state)
{
	unsigned int raised = 0, i;
	int step;

	(void)state;
	memset(sources, 0, sizeof(sources));
	memset(idcs, 0, sizeof(idcs));
	domain = false;
	for (i = 1; i <= SOURCES; i++)
		sources[i].priority = 1;
	for (step = 0; step < STEPS; step++) {
		random_step();
		raised += line_of(vcpus[0]);
	}
	assert_in_range(raised, STEPS / 10, STEPS * 9 / 10); /* interesting states are reached */
}

/* ---- hostile calls -------------------------------------------------------------------------- */

static void random_attributes_and_addresses_do_no_harm(void **state)
{
	int step;
	u64 data;

	(void)state;
	for (step = 0; step < STEPS; step++) {
		random_attribute();
		data = rnd(~0ULL) >> rnd(64);
		vm.vm->irqchip->mmio(vcpus[rnd(VCPUS)], APLIC_BASE + rnd(0x6000),
				     (unsigned int)(1 << rnd(4)), rnd(2), &data);
		vm.vm->irqchip->set_line(vm.vm, (u32)data, rnd(2));
		vm.vm->irqchip->pulse(vm.vm, (u32)data);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE_DIRECT(random_steps_give_what_the_specification_says),
		CASE_DIRECT(random_attributes_and_addresses_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
