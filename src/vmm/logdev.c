// SPDX-License-Identifier: MIT
/*
 * logdev.c - a device that shows a guest the dirty log of its own memory (--logdev).
 *
 * With this device, a payload can test and measure the log by itself, since the payload knows which
 * pages it has written.
 *
 *   0x00 LOG     1: log the guest's memory from now on; 0: stop
 *   0x08 GET     a store: KVM_GET_DIRTY_LOG; a load: the number of bits set in the whole bitmap
 *   0x10 FIRST   number of a page of RAM: selects BITS, and is where CLEAR begins
 *   0x18 BITS    the 64 bits of the bitmap's word that contains FIRST's bit
 *   0x20 CLEAR   N: KVM_CLEAR_DIRTY_LOG for those of the N pages, beginning with FIRST, whose bits
 *                are set
 *   0x28 MANUAL  flags: enable KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 with them
 *   0x30 ANSWER  the result of the last store to LOG, GET, CLEAR or MANUAL: 0 or an errno
 *
 * Registers can be accessed with any width. Do not use the device while the machine is being saved,
 * because saving uses the same log.
 *
 * Locks: logdev.lock.
 */
#include <stdlib.h>
#include "state.h"

enum logdev_register {
	REG_LOG = 0x00,
	REG_GET = 0x08,
	REG_FIRST = 0x10,
	REG_BITS = 0x18,
	REG_CLEAR = 0x20,
	REG_MANUAL = 0x28,
	REG_ANSWER = 0x30,
};

static struct logdev {
	struct machine *machine;
	struct lock lock;
	size_t words;
	u64 *bits; /* one bit per page of RAM, written by KVM and by the guest */
	u64 log, first;
	int answer; /* 0 or -errno */
} logdev;

static u64 count_bits(const struct logdev *dev)
{
	u64 count = 0;

	for (size_t i = 0; i < dev->words; i++)
		count += __builtin_popcountll(dev->bits[i]);
	return count;
}

/* Return the word that contains FIRST's bit, or NULL if FIRST is beyond the bitmap. */
static u64 *word(struct logdev *dev)
{
	return dev->first / 64 < dev->words ? &dev->bits[dev->first / 64] : NULL;
}

static u64 logdev_read(void *device, u64 offset, unsigned int len)
{
	struct logdev *dev = device;
	u64 value = 0;

	(void)len; /* KVM uses only as many bytes as the guest loads */
	lock_take(&dev->lock);
	if (offset == REG_LOG)
		value = dev->log;
	else if (offset == REG_GET)
		value = count_bits(dev);
	else if (offset == REG_FIRST)
		value = dev->first;
	else if (offset == REG_BITS && word(dev))
		value = *word(dev);
	else if (offset == REG_ANSWER)
		value = (u64)-dev->answer;
	lock_release(&dev->lock);
	return value;
}

static int clear(struct logdev *dev, u64 nr)
{
	struct kvm_clear_dirty_log log = {
		.num_pages = (u32)nr,
		.first_page = dev->first,
		.dirty_bitmap = word(dev),
	};

	return word(dev) && nr <= 64 * dev->words
		       ? kvm_try(dev->machine->vm_fd, KVM_CLEAR_DIRTY_LOG, (unsigned long)&log)
		       : -EINVAL;
}

static void write_register(struct logdev *dev, u64 offset, u64 value)
{
	struct kvm_dirty_log get = { .dirty_bitmap = dev->bits };
	struct kvm_enable_cap manual = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
		.args[0] = value,
	};

	switch (offset) {
	case REG_LOG:
		dev->log = value & 1;
		dev->answer = machine_log_writes(dev->machine, value & 1);
		break;
	case REG_GET:
		dev->answer = kvm_try(dev->machine->vm_fd, KVM_GET_DIRTY_LOG, (unsigned long)&get);
		break;
	case REG_FIRST:
		dev->first = value;
		break;
	case REG_BITS:
		if (word(dev))
			*word(dev) = value;
		break;
	case REG_CLEAR:
		dev->answer = clear(dev, value);
		break;
	case REG_MANUAL:
		dev->answer = kvm_try(dev->machine->vm_fd, KVM_ENABLE_CAP, (unsigned long)&manual);
		break;
	}
}

static void logdev_write(void *device, u64 offset, u64 value, unsigned int len)
{
	struct logdev *dev = device;

	(void)len;
	lock_take(&dev->lock);
	write_register(dev, offset, value);
	lock_release(&dev->lock);
}

/* State for --save: FIRST only. After a restore, logging is off until the guest sets LOG again. */
void logdev_state(void *of, struct state *s)
{
	struct logdev *dev = &logdev;

	(void)of;
	lock_take(&dev->lock);
	STATE(s, dev->first);
	lock_release(&dev->lock);
}

void logdev_init(struct machine *m)
{
	logdev.machine = m;
	logdev.words = (m->ram_size / SZ_4K + 63) / 64;
	logdev.bits = calloc(logdev.words, sizeof(u64));
	if (!logdev.bits)
		die(STATUS_SETUP, "--logdev: no memory for its bitmap");
	bus_add(&m->bus, &(struct region){
				 .name = "logdev",
				 .base = LOGDEV_BASE,
				 .size = LOGDEV_SIZE,
				 .device = &logdev,
				 .read = logdev_read,
				 .write = logdev_write,
			 });
}
