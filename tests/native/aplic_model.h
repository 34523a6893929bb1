// SPDX-License-Identifier: MIT
/*
 * aplic_model.h - a model of the APLIC's sources, with one struct per source, random accesses to
 * its arrays of bits, and random attributes.
 *
 * The model has neither words nor masks, so that a mistake with bits cannot be both here and in the
 * kernel. Delivery is modeled by the tests: test_aia.c (MSIs), test_aplic_direct.c.
 */
#ifndef NATIVE_APLIC_MODEL_H
#define NATIVE_APLIC_MODEL_H

#include "aia_vm.h"
#include "random.h"

static struct source {
	unsigned int mode;
	bool high, enabled;
	bool pending; /* with direct delivery, unless the source is level-sensitive */
	unsigned int hart;
	unsigned int guest, id; /* with MSIs */
	unsigned int priority;  /* with direct delivery */
} sources[SOURCES + 1];
static bool domain;

static inline bool model_asserted(const struct source *source)
{
	switch (source->mode) {
	case 4:
	case 6:
		return source->high;
	case 5:
	case 7:
		return !source->high;
	default:
		return false;
	}
}

static inline bool model_enabled(const struct source *source)
{
	return source->enabled;
}

static inline u32 model_word(u32 word, bool (*bit)(const struct source *source))
{
	u32 bits = 0, i;

	for (i = word * 32; i < word * 32 + 32; i++) {
		if (i >= 1 && i <= SOURCES && bit(&sources[i]))
			bits |= (u32)1 << i % 32;
	}
	return bits;
}

static inline void model_set_pending(u32 i)
{
	if (!sources[i].mode)
		return;
	if (sources[i].mode < 6 || model_asserted(&sources[i]))
		sources[i].pending = true;
}

/* Set or clear pending or enable bits: that of source i by its number, or any in its word. */
static inline void step_bank(u32 i)
{
	u32 bank = (u32)rnd(4), word = i / 32, bits = (u32)rnd(1ULL << 32), number;

	if (rnd(2)) {
		bits = (u32)1 << i % 32;
		store(bank == 0 && rnd(2) ? 0x2000 : 0x1cdc + bank * 0x100, i);
	} else {
		store(0x1c00 + bank * 0x100 + word * 4, bits);
	}
	for (number = word * 32; number < word * 32 + 32; number++) {
		if (!(bits >> number % 32 & 1) || !number || number > SOURCES)
			continue;
		if (bank == 0)
			model_set_pending(number);
		else if (bank == 1)
			sources[number].pending = false;
		else
			sources[number].enabled = bank == 2 && sources[number].mode;
	}
}

/* Call an ioctl for a random attribute of the device. */
static inline void random_attribute(void)
{
	static const unsigned int cmd[] = { KVM_SET_DEVICE_ATTR, KVM_GET_DEVICE_ATTR,
					    KVM_HAS_DEVICE_ATTR };
	u64 number = rnd(2) ? rnd(0x5000) : rnd(~0ULL) >> rnd(64);
	u32 group = rnd(8) ? (u32)rnd(6) : (u32)rnd(1ULL << 32);

	attr(cmd[rnd(3)], group, number, rnd(~0ULL) >> rnd(64));
}

#endif
