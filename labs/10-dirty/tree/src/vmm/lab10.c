// SPDX-License-Identifier: MIT
/*
 * lab10.c - registers of --logdev by which a guest asks the VMM's own part of the log, and its rule of
 * pre-copy. Given; nothing to write. From LAB10 on:
 *
 *   0x00 START    1: dirty_start(), 0: dirty_end(); a load: does it log?
 *   0x08 TAKE     a store: dirty_take()
 *   0x10 FIRST    number of a page of RAM: the first that BITS shows
 *   0x18 BITS     64 of dirty_pages(), from the word on that has FIRST's
 *   0x20 WRITTEN  a store: dirty_written()
 *   0x28 AT       an address of the guest's
 *   0x30 WROTE    a device has written so many bytes there: machine_wrote()
 *   0x38 MOMENT   the address of a word of the guest's: the next time that KVM has given the log, and
 *                 before anything else happens, it is set to 1; then the VMM waits until it is 2
 *   0x40 MOMENTS  how often that happened
 *   0x48 PAGES    of the memory whose rounds are told next
 *   0x50 BEGIN    precopy_begin() with PAGES, and so many rounds
 *   0x58 ROUND    a round has written so many pages
 *   0x60 LEFT     and so many are left: precopy_goes_on(); a load: what it answered
 */
#include <time.h>
#include "lab10.h"
#include "state.h"

enum lab10_register {
	REG_START = 0x00,
	REG_TAKE = 0x08,
	REG_FIRST = 0x10,
	REG_BITS = 0x18,
	REG_WRITTEN = 0x20,
	REG_AT = 0x28,
	REG_WROTE = 0x30,
	REG_MOMENT = 0x38,
	REG_MOMENTS = 0x40,
	REG_PAGES = 0x48,
	REG_BEGIN = 0x50,
	REG_ROUND = 0x58,
	REG_LEFT = 0x60,
};

static struct lab10 {
	struct dirty *dirty;
	struct machine *machine;
	u64 first, at, moments, pages, round;
	atomic_ullong *moment;
	bool goes_on;
} lab10;

/* Another vCPU writes now, if it looks for this word. At most 5 s. */
void lab10_kvm_did(unsigned long request)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	atomic_ullong *word = lab10.moment;

	if (request != KVM_GET_DIRTY_LOG || !word)
		return;
	lab10.moment = NULL;
	atomic_store(word, 1);
	for (int i = 0; i < 5000 && atomic_load(word) != 2; i++)
		nanosleep(&ms, NULL);
	lab10.moments += atomic_load(word) == 2;
}

static u64 bits(const struct lab10 *dev)
{
	if (!dev->dirty || dev->first >= dev->machine->ram_size / SZ_4K)
		return 0;
	return dirty_pages(dev->dirty)[dev->first / 64];
}

u64 lab10_read(u64 offset)
{
	const struct lab10 *dev = &lab10;

	switch (offset) {
	case REG_START:
		return dev->dirty != NULL;
	case REG_BITS:
		return bits(dev);
	case REG_MOMENTS:
		return dev->moments;
	case REG_LEFT:
		return dev->goes_on;
	default:
		return 0;
	}
}

static void start(struct lab10 *dev, bool on)
{
	if (on && !dev->dirty)
		dev->dirty = dirty_start(dev->machine);
	if (!on && dev->dirty) {
		dirty_end(dev->dirty);
		dev->dirty = NULL;
	}
}

static void wrote(struct lab10 *dev, u64 len)
{
	u8 *at = machine_ram(dev->machine, dev->at, len);

	if (at)
		machine_wrote(dev->machine, at, len);
}

void lab10_write(struct machine *m, u64 offset, u64 value)
{
	struct lab10 *dev = &lab10;

	dev->machine = m;
	if (offset == REG_START)
		start(dev, value);
	else if (offset == REG_TAKE && dev->dirty)
		dirty_take(dev->dirty);
	else if (offset == REG_FIRST)
		dev->first = value;
	else if (offset == REG_WRITTEN && dev->dirty)
		dirty_written(dev->dirty);
	else if (offset == REG_AT)
		dev->at = value;
	else if (offset == REG_WROTE)
		wrote(dev, value);
	else if (offset == REG_MOMENT)
		dev->moment = machine_ram(dev->machine, value & ~7ull, sizeof(u64));
	else if (offset == REG_PAGES)
		dev->pages = value;
	else if (offset == REG_BEGIN)
		precopy_begin(dev->pages, (unsigned int)value);
	else if (offset == REG_ROUND)
		dev->round = value;
	else if (offset == REG_LEFT)
		dev->goes_on = precopy_goes_on(dev->round, value);
}
