// SPDX-License-Identifier: MIT
/*
 * mmio.c - loads and stores of a device: every width and form, every register,
 * and code that is hard to fetch a second time.
 *
 * The device is the VMM's testdev (src/vmm/testdev.c), which tells width and
 * offset of the last access. Without it (bare), only the UART and the PLIC are
 * asked. What AMOs and other hard cases do to a device: docs/mmio.md.
 */
#include "rt.h"

#define PATTERN 0x8877665584a3f2e1UL /* each byte, half and word of it is negative */

enum testdev_register {
	DEV_LEN = 0x800,
	DEV_OFFSET = 0x808,
	DEV_WRITE = 0x810,
	DEV_VALUE = 0x818,
	DEV_COUNT = 0x820,
	DEV_MAGIC = 0x828,
	DEV_ZAP = 0x830,
	DEV_IRQ = 0x838,
};

static unsigned long dev; /* its address, 0: there is none */
static unsigned long uart, plic;

void mmio_load_regs(unsigned long addr, unsigned long *out);
void mmio_store_regs(unsigned long addr);
unsigned long mmio_c_lwsp(unsigned long addr, unsigned long value);
unsigned long mmio_c_ldsp(unsigned long addr, unsigned long value);
unsigned long mmio_c_swsp(unsigned long addr, unsigned long value);
unsigned long mmio_c_sdsp(unsigned long addr, unsigned long value);
void mmio_flw(unsigned long addr);
void mmio_fld(unsigned long addr);
void mmio_fsw(unsigned long addr);
void mmio_fsd(unsigned long addr);
void mmio_c_fld(unsigned long addr);
extern char mmio_body[], mmio_body_end[];

static unsigned long dev_reg(enum testdev_register reg)
{
	return *(volatile unsigned long *)(dev + reg);
}

static void dev_set(enum testdev_register reg, unsigned long value)
{
	*(volatile unsigned long *)(dev + reg) = value;
}

/* The last access and no other: width, offset, direction. */
static bool one_access(unsigned long len, unsigned long offset, unsigned long write)
{
	bool good = dev_reg(DEV_COUNT) == 1 && dev_reg(DEV_LEN) == len &&
		    dev_reg(DEV_OFFSET) == offset && dev_reg(DEV_WRITE) == write;

	if (!good)
		note("the device saw %lu accesses, the last of %lu bytes at %lx, write %lu",
		     dev_reg(DEV_COUNT), dev_reg(DEV_LEN), dev_reg(DEV_OFFSET), dev_reg(DEV_WRITE));
	dev_set(DEV_COUNT, 0);
	return good;
}

/*
 * Linux 6.12 shifts an unsigned long to sign-extend a load, so it does not: there
 * only the loaded bytes are compared.
 */
static bool same(unsigned long got, unsigned long want, unsigned long len)
{
	unsigned long mask = on_linux() && len < 8 ? BIT(8 * len) - 1 : ~0UL;
	bool good = (got & mask) == (want & mask);

	if (!good)
		note("got %lx, expected %lx", got, want);
	return good;
}

/* ---- each form ---- */

/* a4 and a5, so that the compressed forms can name them. */
#define LOAD_FN(name, insn)                                             \
	static unsigned long name(unsigned long addr)                   \
	{                                                               \
		register unsigned long at __asm__("a4") = addr;         \
		register unsigned long to __asm__("a5") = 0x5555;       \
		__asm__ volatile(insn : "+r"(to) : "r"(at) : "memory"); \
		return to;                                              \
	}
#define STORE_FN(name, insn)                                            \
	static void name(unsigned long addr, unsigned long value)       \
	{                                                               \
		register unsigned long at __asm__("a4") = addr;         \
		register unsigned long from __asm__("a5") = value;      \
		__asm__ volatile(insn ::"r"(from), "r"(at) : "memory"); \
	}
#define WIDE(insn) ".option push\n.option norvc\n" insn "\n.option pop"

LOAD_FN(do_lb, WIDE("lb a5, 0(a4)"))
LOAD_FN(do_lbu, WIDE("lbu a5, 0(a4)"))
LOAD_FN(do_lh, WIDE("lh a5, 0(a4)"))
LOAD_FN(do_lhu, WIDE("lhu a5, 0(a4)"))
LOAD_FN(do_lw, WIDE("lw a5, 0(a4)"))
LOAD_FN(do_lwu, WIDE("lwu a5, 0(a4)"))
LOAD_FN(do_ld, WIDE("ld a5, 0(a4)"))
LOAD_FN(do_ld_imm, WIDE("ld a5, -2048(a4)"))
LOAD_FN(do_c_lw, "c.lw a5, 0(a4)")
LOAD_FN(do_c_ld, "c.ld a5, 0(a4)")
LOAD_FN(do_lw_x0, WIDE("lw zero, 0(a4)"))
LOAD_FN(do_lw_self, WIDE("lw a4, 0(a4)") "\nmv a5, a4")
LOAD_FN(do_c_ld_self, "c.ld a4, 0(a4)\nmv a5, a4")
STORE_FN(do_sb, WIDE("sb a5, 0(a4)"))
STORE_FN(do_sh, WIDE("sh a5, 0(a4)"))
STORE_FN(do_sw, WIDE("sw a5, 0(a4)"))
STORE_FN(do_sd, WIDE("sd a5, 0(a4)"))
STORE_FN(do_sd_imm, WIDE("sd a5, -2048(a4)"))
STORE_FN(do_c_sw, "c.sw a5, 0(a4)")
STORE_FN(do_c_sd, "c.sd a5, 0(a4)")

static const struct {
	const char *name;
	unsigned long (*load)(unsigned long addr);
	unsigned long len, offset, want;
} loads[] = {
	{ "lb sign-extends", do_lb, 1, 0, 0xffffffffffffffe1UL },
	{ "lb of the byte at 3", do_lb, 1, 3, 0xffffffffffffff84UL },
	{ "lbu zero-extends", do_lbu, 1, 1, 0xf2 },
	{ "lh sign-extends", do_lh, 2, 0, 0xfffffffffffff2e1UL },
	{ "lhu zero-extends", do_lhu, 2, 2, 0x84a3 },
	{ "lw sign-extends", do_lw, 4, 0, 0xffffffff84a3f2e1UL },
	{ "lwu zero-extends", do_lwu, 4, 4, 0x88776655 },
	{ "ld loads 8 bytes", do_ld, 8, 0, PATTERN },
	{ "c.lw sign-extends", do_c_lw, 4, 4, 0xffffffff88776655UL },
	{ "c.ld loads 8 bytes", do_c_ld, 8, 0, PATTERN },
	{ "lw with one register as base and result", do_lw_self, 4, 0, 0xffffffff84a3f2e1UL },
	{ "c.ld with one register as base and result", do_c_ld_self, 8, 0, PATTERN },
};

static const struct {
	const char *name;
	void (*store)(unsigned long addr, unsigned long value);
	unsigned long len, offset, want;
} stores[] = {
	{ "sb stores one byte", do_sb, 1, 0, 0x11111111111111e1UL },
	{ "sb at offset 7", do_sb, 1, 7, 0xe111111111111111UL },
	{ "sh stores two bytes", do_sh, 2, 2, 0x11111111f2e11111UL },
	{ "sw stores four bytes", do_sw, 4, 4, 0x84a3f2e111111111UL },
	{ "sd stores eight bytes", do_sd, 8, 0, PATTERN },
	{ "c.sw stores four bytes", do_c_sw, 4, 0, 0x1111111184a3f2e1UL },
	{ "c.sd stores eight bytes", do_c_sd, 8, 0, PATTERN },
};

static void test_loads(void)
{
	unsigned long i, got;

	dev_set(0x40, PATTERN);
	for (i = 0; i < ARRAY_SIZE(loads); i++) {
		dev_set(DEV_COUNT, 0);
		got = loads[i].load(dev + 0x40 + loads[i].offset);
		ok(same(got, loads[i].want, loads[i].len) &&
			   one_access(loads[i].len, 0x40 + loads[i].offset, 0),
		   "%s: one read of %lu bytes", loads[i].name, loads[i].len);
	}
	dev_set(0x7f8, PATTERN);
	dev_set(DEV_COUNT, 0);
	ok(do_ld_imm(dev + 0x7f8 + 2048) == PATTERN && one_access(8, 0x7f8, 0),
	   "a load with offset -2048 reaches the end of the range");
}

/* Linux 6.12 keeps the value in its copy of x0, and later stores of x0 write that. */
static void test_load_to_x0(void)
{
	if (on_linux()) {
		skip("lw to x0", "Linux 6.12 spoils x0 for later MMIO stores");
		return;
	}
	dev_set(0x40, PATTERN);
	dev_set(0x48, 1);
	dev_set(DEV_COUNT, 0);
	ok(do_lw_x0(dev + 0x40) == 0x5555 && one_access(4, 0x40, 0),
	   "lw to x0 reads the device once");
	dev_set(0x48, 0);
	ok_eq(dev_reg(0x48), 0, "and x0 is still 0 for a store");
}

static void test_stores(void)
{
	unsigned long i, got;

	for (i = 0; i < ARRAY_SIZE(stores); i++) {
		dev_set(0x80, 0x1111111111111111UL);
		dev_set(DEV_COUNT, 0);
		stores[i].store(dev + 0x80 + stores[i].offset, PATTERN);
		ok(one_access(stores[i].len, 0x80 + stores[i].offset, 1),
		   "%s: one write of %lu bytes", stores[i].name, stores[i].len);
		got = dev_reg(0x80);
		ok_eq(got, stores[i].want, "%s: and no other byte", stores[i].name);
	}
	do_sd_imm(dev + 2048, PATTERN);
	ok_eq(dev_reg(0), PATTERN, "a store with offset -2048 reaches the first byte");
}

static void test_sp_forms(void)
{
	dev_set(0x108, PATTERN);
	ok(same(mmio_c_lwsp(dev + 0x100, 0), 0xffffffff84a3f2e1UL, 4),
	   "c.lwsp with sp in the device");
	ok_eq(mmio_c_ldsp(dev + 0x100, 0), PATTERN, "c.ldsp with sp in the device");
	dev_set(0x108, 0);
	mmio_c_swsp(dev + 0x100, 0x99887766);
	ok_eq(dev_reg(0x108), 0x99887766, "c.swsp with sp in the device");
	mmio_c_sdsp(dev + 0x100, ~PATTERN);
	ok_eq(dev_reg(0x108), ~PATTERN, "c.sdsp with sp in the device");
}

static void test_registers(void)
{
	unsigned long out[32], i, bad = 0;

	for (i = 0; i < 32; i++)
		dev_set(0x200 + 8 * i, 0x7000000000000000UL + i);
	mmio_load_regs(dev + 0x200, out);
	for (i = 1; i < 32; i++)
		bad += out[i] != 0x7000000000000000UL + i;
	ok_eq(bad, 0, "a load may have any of x1 to x31 as its result");
	mmio_store_regs(dev + 0x200);
	for (bad = 0, i = 0; i < 32; i++)
		bad += dev_reg(0x200 + 8 * i) != (i ? 0x4000 + i : 0);
	ok_eq(bad, 0, "a store may take its value from any of x0 to x31");
}

/* ---- other devices ---- */

static void test_uart(void)
{
	volatile u8 *reg = (volatile u8 *)uart;
	unsigned long i, bad = 0;

	if (!uart) {
		skip("UART", "none in the device tree");
		return;
	}
	for (i = 0; i < 256; i++) {
		reg[7] = (u8)i;
		bad += reg[7] != (u8)i;
	}
	ok_eq(bad, 0, "the UART's scratch register gives back each of 256 values");
	reg[7] = 0xa5;
	ok(same(do_lb(uart + 7), 0xffffffffffffffa5UL, 1), "and lb of it is sign-extended");
	ok((reg[5] & 0x60) == 0x60, "the UART's line status says: transmitter empty");
}

static void test_plic(void)
{
	volatile u32 *priority = (volatile u32 *)plic;
	u32 i, bad = 0;

	if (!plic) {
		skip("PLIC", "none in the device tree");
		return;
	}
	for (i = 1; i < 8; i++) {
		priority[i] = i;
		bad += priority[i] != i;
	}
	ok_eq(bad, 0, "the PLIC's priorities of sources 1 to 7 read back");
	for (i = 1; i < 8; i++)
		priority[i] = 0;
	priority[0] = 7;
	ok_eq(priority[0], 0, "source 0 has none");
}

static unsigned long claimed;

static void on_external(unsigned long code)
{
	volatile u32 *claim = (volatile u32 *)(plic + 0x201004); /* context 1: hart 0, S mode */

	(void)code;
	claimed = *claim;
	dev_set(DEV_IRQ, 0);
	*claim = (u32)claimed;
}

/* The device's line, through the PLIC, to an external interrupt and back. */
static void test_external(unsigned long source)
{
	volatile u32 *enable = (volatile u32 *)(plic + 0x2080);
	struct hart *hart = this_hart();
	unsigned long before = hart->irqs[IRQ_S_EXT], end;

	((volatile u32 *)plic)[source] = 1;
	*(volatile u32 *)(plic + 0x201000) = 0;
	*enable = 1U << source;
	dev_set(DEV_IRQ, 1);
	ok(csr_read(sip) & BIT(IRQ_S_EXT), "a device's line makes an external interrupt pending");
	dev_set(DEV_IRQ, 0);
	dev_set(DEV_IRQ, 1);
	hart->on_irq = on_external;
	csr_write(sie, BIT(IRQ_S_EXT));
	end = now() + us_to_ticks(1000000);
	csr_set(sstatus, SSTATUS_SIE);
	while (hart->irqs[IRQ_S_EXT] == before && now() < end)
		;
	csr_clear(sstatus, SSTATUS_SIE);
	ok_eq(claimed, source, "the PLIC's claim register names it");
	ok_eq(hart->irqs[IRQ_S_EXT], before + 1, "after completion it does not come again");
	ok(!(csr_read(sip) & BIT(IRQ_S_EXT)), "and is no longer pending");
	hart->on_irq = NULL;
	csr_write(sie, 0);
	*enable = 0;
}

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
	ok(trap->cause == NO_TRAP && same(body_result, BODY_RESULT, 4), "MMIO from %s", how);
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
	/* The instruction's second half in another page, which lies elsewhere. */
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

/* U mode: the device is mapped for it, code and stack are U pages. */
static void test_user(pte_t *root)
{
	unsigned long page = body_page();
	const struct trap *trap;

	pt_map(root, TEST_VA + 0x10000, page, PTE_V | PTE_X | PTE_U | PTE_A);
	pt_map(root, TEST_VA + 0x11000, dev, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D);
	/* lw a0, 0(a0); then ecall where ret was. */
	((u32 *)page)[1] = 0x00000073;
	fence_i();
	dev_set(0x40, PATTERN);
	pt_on(root, 1);
	trap = catch_user((hart_fn)(TEST_VA + 0x10000), TEST_VA + 0x11040);
	pt_off();
	ok(trap->cause == EXC_U_ECALL && same(trap->a0, BODY_RESULT, 4),
	   "MMIO from U mode, in an execute-only U page");
	if (trap->cause != EXC_U_ECALL)
		note("cause %ld stval %lx sepc %lx", (long)trap->cause, trap->tval, trap->epc);
}

/* The host takes back the page with the code, just before the code needs it again. */
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

/* ---- what has no plain load or store to emulate ---- */

static void do_amo(unsigned long addr)
{
	__asm__ volatile("amoadd.d zero, %0, (%1)" ::"r"(1UL), "r"(addr) : "memory");
}

static void do_lr(unsigned long addr)
{
	__asm__ volatile("lr.d zero, (%0)" ::"r"(addr) : "memory");
}

/* No reservation, so it fails without an access, or traps as any store there would. */
static void do_sc(unsigned long addr)
{
	__asm__ volatile("sc.d t0, zero, (%0)" ::"r"(addr) : "t0", "memory");
}

static void do_fetch(unsigned long addr)
{
	((void (*)(void))addr)();
}

static void do_misaligned_load(unsigned long addr)
{
	do_ld(addr + 1);
}

static void do_misaligned_store(unsigned long addr)
{
	do_sd(addr + 1, 0);
}

/* Half of it in the device, half beyond. */
static void do_crossing_load(unsigned long addr)
{
	do_ld(ALIGN_DOWN(addr, PAGE_SIZE) + PAGE_SIZE - 4);
}

static void do_crossing_store(unsigned long addr)
{
	do_sd(ALIGN_DOWN(addr, PAGE_SIZE) + PAGE_SIZE - 4, 0);
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

static void test_refused(void)
{
	if (on_linux()) {
		skip("AMO, LR/SC, FP, misaligned, fetch at a device",
		     "Linux 6.12 ends KVM_RUN with an error for each");
		return;
	}
	refused("an AMO", do_amo, EXC_STORE_ACCESS);
	refused("a load-reserved", do_lr, EXC_LOAD_ACCESS);
	if (catch_trap(do_sc, dev + 0x48)->cause == NO_TRAP)
		ok(true, "a store-conditional at a device fails without a reservation");
	else
		refused("a store-conditional", do_sc, EXC_STORE_ACCESS);
	refused("an instruction fetch", do_fetch, EXC_INST_ACCESS);
	refused("a misaligned load", do_misaligned_load, EXC_LOAD_ACCESS);
	refused("a misaligned store", do_misaligned_store, EXC_STORE_ACCESS);
	refused("a load across two pages", do_crossing_load, EXC_LOAD_ACCESS);
	refused("a store across two pages", do_crossing_store, EXC_STORE_ACCESS);
	if (!isa_has("d")) {
		skip("FP loads and stores", "no D extension here");
		return;
	}
	csr_set(sstatus, FIELD_PREP(SSTATUS_FS, FS_INITIAL));
	refused("flw", mmio_flw, EXC_LOAD_ACCESS);
	refused("fld", mmio_fld, EXC_LOAD_ACCESS);
	refused("c.fld", mmio_c_fld, EXC_LOAD_ACCESS);
	refused("fsw", mmio_fsw, EXC_STORE_ACCESS);
	refused("fsd", mmio_fsd, EXC_STORE_ACCESS);
	csr_clear(sstatus, SSTATUS_FS);
}

void payload_main(void)
{
	struct fdt_reg reg;
	pte_t *root = pt_new();

	if (fdt_find("ns16550a", 0, &reg))
		uart = reg.base;
	if (fdt_find("riscv,plic0", 0, &reg))
		plic = reg.base;
	test_uart();
	test_plic();
	if (!fdt_find("hyperscope,testdev", 0, &reg)) {
		skip("widths, registers, pages", "no testdev here (a VMM's --testdev)");
		done();
	}
	dev = reg.base;
	ok_eq(dev_reg(DEV_MAGIC), 0x0076656474736574UL, "the test device is there");
	test_loads();
	test_stores();
	test_sp_forms();
	test_registers();
	test_external(11);
	test_pages(root);
	test_user(root);
	test_zapped();
	test_load_to_x0();
	test_refused();
	done();
}
