// SPDX-License-Identifier: MIT
/*
 * mmio_hard.c - accesses to a device by code that is hard to fetch a second time, and by
 * instructions that a hypervisor does not emulate.
 *
 * The expected results of instructions that are not emulated are those of src/kvm/exit/mmio.c:
 * access faults, as from hardware whose I/O region supports neither atomics nor FP.
 */
#include "testdev.h"

void mmio_flw(unsigned long addr);
void mmio_fld(unsigned long addr);
void mmio_fsw(unsigned long addr);
void mmio_fsd(unsigned long addr);
void mmio_c_fld(unsigned long addr);
extern char mmio_body[], mmio_body_end[];

/* ---- code that is hard to fetch again ---- */

#define BODY_RESULT 0xffffffff84a3f2e1UL /* lw of PATTERN */
static unsigned long body_result;

static void call_body(unsigned long va)
{
	body_result = ((unsigned long (*)(unsigned long))va)(dev + 0x40);
}

static unsigned long body_page(void)
{
	void *page = page_alloc();

	memcpy(page, mmio_body, (size_t)(mmio_body_end - mmio_body));
	fence_i();
	return (unsigned long)page;
}

static void call_from(pte_t *root, unsigned long va, const char *how)
{
	const struct trap *trap;

	body_result = 0;
	pt_on(root, 1);
	trap = catch_trap(call_body, va);
	pt_off();
	ok(trap->cause == NO_TRAP && same(body_result, BODY_RESULT, 4), "MMIO works from %s", how);
	if (trap->cause != NO_TRAP)
		note("cause %ld stval %lx sepc %lx", (long)trap->cause, trap->tval, trap->epc);
}

static void copy_code(unsigned long page, unsigned long at)
{
	memcpy((void *)(page + at), mmio_body, (size_t)(mmio_body_end - mmio_body));
	fence_i();
}

static void test_pages(pte_t *root)
{
	unsigned long page = body_page(), two = (unsigned long)page_alloc();
	u16 *half;

	dev_set(0x40, PATTERN);
	pt_map(root, TEST_VA, page, PTE_V | PTE_X | PTE_A);
	call_from(root, TEST_VA, "an execute-only page");
	csr_set(sstatus, SSTATUS_MXR);
	call_from(root, TEST_VA, "an execute-only page with MXR on");
	csr_clear(sstatus, SSTATUS_MXR);
	/* The lw crosses into the next virtual page, which maps another physical page. */
	half = (u16 *)mmio_body;
	memcpy((void *)(page + 0xffe), half, 2);
	memcpy((void *)two, half + 1, (size_t)(mmio_body_end - mmio_body) - 2);
	fence_i();
	pt_map(root, TEST_VA + PAGE_SIZE, two, PTE_V | PTE_X | PTE_A);
	call_from(root, TEST_VA + 0xffe, "an instruction across two execute-only pages");
	copy_code(page, 0x100);
	pt_map(root, TEST_VA, page, PTE_V | PTE_R | PTE_X | PTE_G | PTE_A);
	call_from(root, TEST_VA + 0x100, "a global page");
}

/* Run the code in U mode: its page and the device are mapped with U, and it uses no stack. */
static void test_user(pte_t *root)
{
	unsigned long page = body_page();
	const struct trap *trap;

	pt_map(root, TEST_VA + 0x10000, page, PTE_V | PTE_X | PTE_U | PTE_A);
	pt_map(root, TEST_VA + 0x11000, dev, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D);
	/* Replace the ret after the lw with an ecall, which ends the U-mode code. */
	((u32 *)page)[1] = 0x00000073;
	fence_i();
	dev_set(0x40, PATTERN);
	pt_on(root, 1);
	trap = catch_user((hart_fn)(TEST_VA + 0x10000), TEST_VA + 0x11040);
	pt_off();
	ok(trap->cause == EXC_ECALL_U && same(trap->a0, BODY_RESULT, 4),
	   "MMIO works from U mode, in an execute-only U page");
	if (trap->cause != EXC_ECALL_U)
		note("cause %ld stval %lx sepc %lx", (long)trap->cause, trap->tval, trap->epc);
}

/* In each round, the host drops the page with the code, and the guest writes the code again. */
static void test_zapped(void)
{
	unsigned long page = body_page(), i, bad = 0;

	for (i = 0; i < 20; i++) {
		dev_set(DEV_ZAP, page);
		bad += *(volatile u32 *)page != 0;
		copy_code(page, 0);
		bad += catch_trap(call_body, page)->cause != NO_TRAP;
		bad += !same(body_result, BODY_RESULT, 4);
	}
	ok_eq(bad, 0, "a page that the host dropped reads as zeros and can be filled again");
}

static volatile bool watch_stop;
static volatile unsigned long watch_seen, watch_turns;

/* Read the page without making an exit, which might drop a stale TLB entry of this hart. */
static void watch(unsigned long page)
{
	while (!watch_stop) {
		watch_seen = *(volatile unsigned long *)page;
		fence_rw();
		watch_turns++;
	}
}

/*
 * Return whether watch() on the other hart sees this value now. Wait for three of its rounds to
 * end: the third one began after the call, because the fence orders the first round's increment of
 * watch_turns before the third round's read of the page. Do not wait longer: the other hart's next
 * exit, perhaps for a tick of the host, may drop a stale translation.
 */
static bool watched(unsigned long value)
{
	unsigned long turns = watch_turns, end = now() + us_to_ticks(2000000);

	while (watch_turns - turns < 3)
		if (now() > end)
			return false;
	fence_rw();
	return watch_seen == value;
}

/* Drop a page and write it again: the other hart must not continue to read the old page. */
static void test_zapped_elsewhere(void)
{
	unsigned long page = (unsigned long)page_alloc(), i, stale = 0;

	if (nr_harts < 2) {
		skip("a page dropped while another hart reads it", "one hart only");
		return;
	}
	hart_need(1);
	hart_run(1, watch, page);
	for (i = 1; i <= 50; i++) {
		*(volatile unsigned long *)page = 2 * i;
		fence_rw();
		stale += !watched(2 * i);
		dev_set(DEV_ZAP, page);
		stale += !watched(0);
		*(volatile unsigned long *)page = 2 * i + 1;
		fence_rw();
		stale += !watched(2 * i + 1);
	}
	watch_stop = true;
	hart_wait(1, 20000);
	ok_eq(stale, 0,
	      "a hart that stays in VS sees a page dropped and then written again, 50 times");
	note("the hart read the page %lu times", watch_turns);
}

/* ---- accesses that are not plain loads or stores ---- */

static void do_amo(unsigned long addr)
{
	__asm__ volatile("amoadd.d zero, %0, (%1)" ::"r"(1UL), "r"(addr) : "memory");
}

static void do_lr(unsigned long addr)
{
	__asm__ volatile("lr.d zero, (%0)" ::"r"(addr) : "memory");
}

/* Without a reservation, sc.d may fail without an access, or get the same fault as an AMO. */
static unsigned long sc_result;

static void do_sc(unsigned long addr)
{
	__asm__ volatile("sc.d %0, zero, (%1)" : "=&r"(sc_result) : "r"(addr) : "memory");
}

static void do_fetch(unsigned long addr)
{
	((void (*)(void))addr)();
}

/* In assembly, because the compiler might split the access for a pointer known to be misaligned. */
static void load_double(unsigned long addr)
{
	__asm__ volatile("ld zero, (%0)" ::"r"(addr) : "memory");
}

static void store_double(unsigned long addr)
{
	__asm__ volatile("sd zero, (%0)" ::"r"(addr) : "memory");
}

static void do_misaligned_load(unsigned long addr)
{
	load_double(addr + 1);
}

static void do_misaligned_store(unsigned long addr)
{
	store_double(addr + 1);
}

/* Load across the end of addr's page: the first half is in that page, the second half beyond. */
static void do_crossing_load(unsigned long addr)
{
	load_double(ALIGN_DOWN(addr, PAGE_SIZE) + PAGE_SIZE - 4);
}

static void do_crossing_store(unsigned long addr)
{
	store_double(ALIGN_DOWN(addr, PAGE_SIZE) + PAGE_SIZE - 4);
}

static void refused(const char *what, hart_fn fn, unsigned long cause)
{
	unsigned long count;
	const struct trap *trap;

	dev_set(DEV_COUNT, 0);
	trap = catch_trap(fn, dev + 0x48);
	count = dev_reg(DEV_COUNT);
	ok(trap->cause == cause && !count, "%s at a device: cause %lu, and no access", what, cause);
	if (trap->cause != cause || count)
		note("cause %ld stval %lx, %lu accesses", (long)trap->cause, trap->tval, count);
}

/*
 * Make an access whose first half is in memory and whose second half is in the device, which is
 * mapped at the next page. The faulting address is that of the second half's first byte: it is
 * aligned, although the access is not. The first half may be stored before the trap, by the hart or
 * by the firmware that emulates the store, as on Spike: only the bytes before it must be unchanged.
 */
static void refused_behind_memory(pte_t *root, const char *what, hart_fn fn, unsigned long cause)
{
	unsigned long page = (unsigned long)page_alloc(), count;
	u32 before;
	const struct trap *trap;

	*(unsigned long *)(page + PAGE_SIZE - 8) = PATTERN;
	dev_set(0, PATTERN);
	dev_set(DEV_COUNT, 0);
	pt_map(root, TEST_VA, page, PTE_KERNEL);
	pt_map(root, TEST_VA + PAGE_SIZE, dev, PTE_KERNEL);
	pt_on(root, 1);
	trap = catch_trap(fn, TEST_VA);
	pt_off();
	count = dev_reg(DEV_COUNT);
	before = *(u32 *)(page + PAGE_SIZE - 8);
	ok(trap->cause == cause && trap->tval == TEST_VA + PAGE_SIZE && !count &&
		   before == (u32)PATTERN,
	   "%s that begins in memory: cause %lu at the device's first byte, and no access", what,
	   cause);
	if (trap->cause != cause || count)
		note("cause %ld stval %lx, %lu accesses", (long)trap->cause, trap->tval, count);
}

static void test_refused(pte_t *root)
{
	if (on_linux()) {
		skip("AMO, LR/SC, FP, misaligned, fetch at a device",
		     "Linux 6.12 ends KVM_RUN with an error for each");
		return;
	}
	refused("an AMO", do_amo, EXC_STORE_ACCESS_FAULT);
	refused("a load-reserved", do_lr, EXC_LOAD_ACCESS_FAULT);
	dev_set(DEV_COUNT, 0);
	if (catch_trap(do_sc, dev + 0x48)->cause == NO_TRAP)
		ok(sc_result && !dev_reg(DEV_COUNT),
		   "a store-conditional at a device fails without a reservation, and no access");
	else
		refused("a store-conditional", do_sc, EXC_STORE_ACCESS_FAULT);
	refused("an instruction fetch", do_fetch, EXC_INST_ACCESS_FAULT);
	refused("a misaligned load", do_misaligned_load, EXC_LOAD_ACCESS_FAULT);
	refused("a misaligned store", do_misaligned_store, EXC_STORE_ACCESS_FAULT);
	refused("a load across two pages", do_crossing_load, EXC_LOAD_ACCESS_FAULT);
	refused("a store across two pages", do_crossing_store, EXC_STORE_ACCESS_FAULT);
	refused_behind_memory(root, "a load", do_crossing_load, EXC_LOAD_ACCESS_FAULT);
	refused_behind_memory(root, "a store", do_crossing_store, EXC_STORE_ACCESS_FAULT);
	if (!isa_has("d")) {
		skip("FP loads and stores", "this processor has no D extension");
		return;
	}
	csr_set(sstatus, FIELD_PREP(SSTATUS_FS, FS_INITIAL));
	refused("flw", mmio_flw, EXC_LOAD_ACCESS_FAULT);
	refused("fld", mmio_fld, EXC_LOAD_ACCESS_FAULT);
	refused("c.fld", mmio_c_fld, EXC_LOAD_ACCESS_FAULT);
	refused("fsw", mmio_fsw, EXC_STORE_ACCESS_FAULT);
	refused("fsd", mmio_fsd, EXC_STORE_ACCESS_FAULT);
	csr_clear(sstatus, SSTATUS_FS);
}

void payload_main(void)
{
	pte_t *root = pt_new();

	testdev_find();
	test_pages(root);
	test_user(root);
	test_zapped();
	test_zapped_elsewhere();
	test_refused(root);
	done();
}
