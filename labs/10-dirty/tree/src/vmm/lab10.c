// SPDX-License-Identifier: MIT
/*
 * lab10.c - more registers of --logdev. Through them, a guest drives the VMM's part of the dirty
 * log and the VMM's pre-copy rule, and finds out in which order registers were restored. This file
 * is complete: there is nothing to write in it. The registers, by offset from LAB10:
 *
 *   0x00 START    1: dirty_start(), 0: dirty_end(); a load: is memory logged?
 *   0x08 TAKE     a store: dirty_take()
 *   0x10 FIRST    number of a page of RAM, which selects the word that BITS shows
 *   0x18 BITS     64 bits of dirty_pages(): the word with FIRST's bit
 *   0x20 WRITTEN  a store: dirty_written()
 *   0x28 AT       a guest-physical address, for WROTE
 *   0x30 WROTE    N: call machine_wrote() as a device does that has written N bytes at AT
 *   0x38 MOMENT   guest-physical address of a word: the next time that KVM has returned its log,
 *                 the VMM sets this word to 1, and waits until the guest sets it to 2 (at most 5 s)
 *   0x40 MOMENTS  how often the guest has set such a word to 2 in time
 *   0x48 PAGES    number of pages of memory, for BEGIN
 *   0x50 BEGIN    N: precopy_begin() with PAGES and at most N rounds
 *   0x58 ROUND    number of pages that this round has written; a store to LEFT ends the round
 *   0x60 LEFT     number of pages that are left after the round: precopy_goes_on(); a load: what
 *                 precopy_goes_on() returned
 *   0x68 OLD      1: from now on, KVM appears to be another host's: its list of registers lacks
 *                 Zicboz, and the timer's state reads as off, as on Linux 6.12 with Sstc
 *   0x70 SET      a load: how many registers --restore has set
 *   0x78 LATE     the first register that was read or set after a register of a later step had been
 *                 set; correct only if there is one vCPU
 *   0x80 OMITTED  the first register of the step "all others" that was neither read nor set;
 *                 correct only if there is one vCPU
 *   0x88 ZICBOZ   does the vCPU have Zicboz?
 */
#include <stdlib.h>
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
	REG_OLD = 0x68,
	REG_SET = 0x70,
	REG_LATE = 0x78,
	REG_OMITTED = 0x80,
	REG_ZICBOZ = 0x88,
};

#define REGS_MAX 4096
#define ISA_ZICBOZ \
	(KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_ISA_EXT | KVM_RISCV_ISA_EXT_ZICBOZ)
#define TYPE(id)   ((id) & (u64)KVM_REG_RISCV_TYPE_MASK)
#define NUMBER(id) ((id) & ~(KVM_REG_ARCH_MASK | KVM_REG_SIZE_MASK | (u64)KVM_REG_RISCV_TYPE_MASK))

static struct lab10 {
	struct dirty *dirty;
	struct machine *machine;
	u64 first, at, moments, pages, round;
	atomic_ullong *moment;
	bool goes_on, old;

	/* The VMM's accesses to a vCPU's registers. */
	int vcpu_fd, step; /* step: the highest step of the registers set so far */
	u64 sets, late;
	u64 looked_at[REGS_MAX];
	size_t nr_looked_at;
} lab10;

/*
 * After KVM_GET_DIRTY_LOG, let another vCPU, which polls the word at the address in MOMENT, write
 * to memory. Wait for that vCPU for at most 5 s.
 */
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

/* ---- the order in which registers are set: see the comment at the top of state_vcpu.c ---- */

/* Return the step in which a register is set, or 0 if any will do. */
static int step_of(u64 id)
{
	switch (TYPE(id)) {
	case KVM_REG_RISCV_CONFIG:
	case KVM_REG_RISCV_ISA_EXT:
	case KVM_REG_RISCV_SBI_EXT:
		return 1;
	case KVM_REG_RISCV_TIMER:
		if (NUMBER(id) == KVM_REG_RISCV_TIMER_REG(compare))
			return 4;
		return NUMBER(id) == KVM_REG_RISCV_TIMER_REG(state) ? 5 : 0;
	default:
		return 3;
	}
}

static bool was_looked_at(const struct lab10 *dev, u64 id)
{
	for (size_t i = 0; i < dev->nr_looked_at; i++) {
		if (dev->looked_at[i] == id)
			return true;
	}
	return false;
}

static void look_at(struct lab10 *dev, u64 id)
{
	if (!was_looked_at(dev, id) && dev->nr_looked_at < REGS_MAX)
		dev->looked_at[dev->nr_looked_at++] = id;
	if (step_of(id) && step_of(id) < dev->step && !dev->late)
		dev->late = id;
}

void lab10_set_reg(int vcpu_fd, u64 id)
{
	struct lab10 *dev = &lab10;

	look_at(dev, id);
	dev->vcpu_fd = vcpu_fd;
	dev->sets++;
	if (step_of(id) > dev->step)
		dev->step = step_of(id);
}

/*
 * Record a read like a set: a register that already has the right value need not be set. If OLD is
 * 1, answer a read of the timer's state (step 5): set *value to "off", and return true.
 */
bool lab10_get_reg(u64 id, void *value)
{
	struct lab10 *dev = &lab10;

	look_at(dev, id);
	if (!dev->old || step_of(id) != 5)
		return false;
	*(u64 *)value = KVM_RISCV_TIMER_STATE_OFF;
	return true;
}

int lab10_list_regs(int vcpu_fd, struct kvm_reg_list *list)
{
	int err = kvm_try(vcpu_fd, KVM_GET_REG_LIST, (unsigned long)list);
	u64 left = 0;

	if (err || !lab10.old)
		return err;
	for (u64 i = 0; i < list->n; i++) {
		u64 id = list->reg[i];
		bool is_size = TYPE(id) == KVM_REG_RISCV_CONFIG &&
			       NUMBER(id) == KVM_REG_RISCV_CONFIG_REG(zicboz_block_size);

		if (id != ISA_ZICBOZ && !is_size)
			list->reg[left++] = id;
	}
	list->n = left;
	return 0;
}

/*
 * Return the first register of step 3, "all others", that was not accessed, or 0. Skip F's
 * registers: if the vCPU has D, they are a view of D's.
 */
static u64 omitted(const struct lab10 *dev)
{
	struct kvm_reg_list *list = calloc(1, sizeof(*list) + REGS_MAX * sizeof(list->reg[0]));
	u64 first = 0;

	if (!list)
		die(STATUS_SETUP, "no memory for the list of registers");
	list->n = REGS_MAX;
	kvm_call(dev->vcpu_fd, KVM_GET_REG_LIST, list);
	for (u64 i = 0; i < list->n && !first; i++) {
		u64 id = list->reg[i];

		if (step_of(id) == 3 && TYPE(id) != KVM_REG_RISCV_FP_F && !was_looked_at(dev, id))
			first = id;
	}
	free(list);
	return first;
}

static bool has_zicboz(const struct lab10 *dev)
{
	u64 value = 0;
	struct kvm_one_reg reg = { .id = ISA_ZICBOZ, .addr = (unsigned long)&value };

	return kvm_try(dev->vcpu_fd, KVM_GET_ONE_REG, (unsigned long)&reg) == 0 && value;
}

/* ---- the guest's accesses ---- */

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
	case REG_SET:
		return dev->sets;
	case REG_LATE:
		return dev->late;
	case REG_OMITTED:
		return omitted(dev);
	case REG_ZICBOZ:
		return has_zicboz(dev);
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
	else if (offset == REG_OLD)
		dev->old = value;
}
