// SPDX-License-Identifier: MIT
/*
 * mmio_changed.c - the instruction that accessed a device has changed by the time the hypervisor
 * fetches it (docs/mmio.md).
 *
 * The code at TEST_VA maps another page in its own place, without a fence, and then loads from the
 * device. Until it traps, the hart may still use the old translation, and QEMU does. A fetch after
 * the trap finds the instruction in the new page; htinst holds the one from the old page. The guest
 * may see the complete effect of either instruction, but not a mixture of the two. There is no
 * second hart, so the result is the same every time.
 */
#include "testdev.h"

#define TIMES   8
#define LOAD_AT 4 /* offset of the load in its page, after the store */
#define CELL    0x40

/* a0 to a2 in the code: the loaded value, the device's address, data of other loads and stores. */
#define R_RESULT 10
#define R_DEVICE 11
#define R_OTHER  12

#define STORE_PTE  0x00533023U /* sd t0, 0(t1) */
#define LOAD       0x0005a503U /* lw a0, 0(a1) */
#define ADDI       0x00150513U /* addi a0, a0, 1 */
#define LOAD_CELL2 0x0085b603U /* ld a2, 8(a1) */
#define LOAD_BYTE  0x0005c603U /* lbu a2, 0(a1) */
#define STORE      0x00c5a023U /* sw a2, 0(a1) */
#define EBREAK     0x00100073U

static pte_t *root, *entry;
static unsigned long first_page, second_page, state = 88172645463325252UL, regs[32];

static void begin(u32 instead, unsigned long flags)
{
	u32 *first = (u32 *)first_page, *second = (u32 *)second_page;
	unsigned int i;

	first[0] = STORE_PTE;
	first[1] = LOAD;
	first[2] = EBREAK;
	second[0] = EBREAK;
	second[1] = instead;
	second[2] = EBREAK;
	fence_i();
	for (i = 1; i < 32; i++)
		regs[i] = random_next(&state);
	regs[0] = TEST_VA;
	regs[5] = pte_make(second_page, flags);
	regs[6] = (unsigned long)entry;
	regs[R_DEVICE] = dev + CELL;
	dev_set(CELL, PATTERN);
	dev_set(CELL + 8, ~PATTERN >> 1);
	pt_map(root, TEST_VA, first_page, PTE_KERNEL);
	dev_set(DEV_COUNT, 0);
	pt_on(root, 1);
}

struct seen {
	unsigned long cause, epc, tval, count, offset, write, len;
};

static struct seen once(u32 instead, unsigned long flags)
{
	const struct trap *trap;

	begin(instead, flags);
	trap = catch_code(regs);
	pt_off();
	if (trap->cause & CAUSE_IRQ_FLAG)
		bail("the guest loops forever at %lx", trap->epc);
	return (struct seen){ trap->cause,        trap->epc,           trap->tval,
			      dev_reg(DEV_COUNT), dev_reg(DEV_OFFSET), dev_reg(DEV_WRITE),
			      dev_reg(DEV_LEN) };
}

/*
 * Check that the old load was executed, and that the guest then fetched from either page: an ebreak,
 * or, if `ends` is set, perhaps a page fault, because the second page is not mapped or not executable.
 */
static bool as_before(const struct seen *seen, bool ends)
{
	return (seen->cause == EXC_BREAKPOINT || (ends && seen->cause == EXC_INST_PAGE_FAULT)) &&
	       seen->epc == TEST_VA + LOAD_AT + 4 && seen->count == 1 && seen->offset == CELL &&
	       !seen->write && seen->len == 4 &&
	       this_hart()->regs[R_RESULT] == 0xffffffff84a3f2e1UL &&
	       this_hart()->regs[R_OTHER] == regs[R_OTHER];
}

static bool went_on(const struct seen *seen, unsigned long count)
{
	return seen->cause == EXC_BREAKPOINT && seen->epc == TEST_VA + LOAD_AT + 4 &&
	       seen->count == count;
}

static bool no_access(const struct seen *seen)
{
	return went_on(seen, 0) && this_hart()->regs[R_RESULT] == regs[R_RESULT] + 1;
}

static bool other_address(const struct seen *seen)
{
	return went_on(seen, 1) && seen->offset == CELL + 8 && !seen->write &&
	       this_hart()->regs[R_OTHER] == ~PATTERN >> 1 &&
	       this_hart()->regs[R_RESULT] == regs[R_RESULT];
}

static bool other_width(const struct seen *seen)
{
	return went_on(seen, 1) && seen->offset == CELL && !seen->write && seen->len == 1 &&
	       this_hart()->regs[R_OTHER] == (PATTERN & 0xff) &&
	       this_hart()->regs[R_RESULT] == regs[R_RESULT];
}

static bool a_store(const struct seen *seen)
{
	return went_on(seen, 1) && seen->offset == CELL && seen->write && seen->len == 4 &&
	       dev_reg(CELL) == ((PATTERN & ~0xffffffffUL) | (regs[R_OTHER] & 0xffffffffUL)) &&
	       this_hart()->regs[R_RESULT] == regs[R_RESULT];
}

static bool no_page(const struct seen *seen)
{
	return seen->cause == EXC_INST_PAGE_FAULT && seen->epc == TEST_VA + LOAD_AT &&
	       seen->tval == TEST_VA + LOAD_AT && !seen->count;
}

static void changed(u32 instead, unsigned long flags, bool (*holds)(const struct seen *seen),
		    const char *what)
{
	unsigned long i, wrong = 0, seen_new = 0;

	for (i = 0; i < TIMES; i++) {
		struct seen seen = once(instead, flags);

		if (holds(&seen)) {
			seen_new++;
			continue;
		}
		if (as_before(&seen, holds == no_page))
			continue;
		if (!wrong++) {
			note("cause %ld sepc %lx stval %lx a0 %lx a2 %lx", (long)seen.cause,
			     seen.epc, seen.tval, this_hart()->regs[R_RESULT],
			     this_hart()->regs[R_OTHER]);
			note("%lu accesses, the last at %lx, write %lu, of %lu bytes", seen.count,
			     seen.offset, seen.write, seen.len);
		}
	}
	ok_eq(wrong, 0, "a load replaced by %s: the guest sees the effect of either, not a mixture",
	      what);
	note("the guest saw the effect of the replacement %lu times", seen_new);
}

void payload_main(void)
{
	testdev_find();
	root = pt_new();
	entry = pt_find(root, TEST_VA);
	first_page = (unsigned long)page_alloc();
	second_page = (unsigned long)page_alloc();
	changed(ADDI, PTE_KERNEL, no_access, "an addi");
	changed(LOAD_CELL2, PTE_KERNEL, other_address, "a load of another address");
	changed(LOAD_BYTE, PTE_KERNEL, other_width, "a load of another width and register");
	changed(STORE, PTE_KERNEL, a_store, "a store");
	changed(EBREAK, 0, no_page, "an unmapped page");
	changed(EBREAK, PTE_KERNEL & ~PTE_X, no_page, "a page that may not be executed");
	done();
}
