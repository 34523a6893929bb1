// SPDX-License-Identifier: MIT
/*
 * mmio.c - device loads and stores of every width, form and register, and device interrupts.
 *
 * The device is the VMM's testdev, which reports the width and offset of the last access. Without
 * the testdev (bare), only the UART and the PLIC are tested.
 */
#include "testdev.h"

#define ENABLE 0x2080 /* of context 1: hart 0, S mode */

static unsigned long uart, plic;

void mmio_load_regs(unsigned long addr, unsigned long *out);
void mmio_store_regs(unsigned long addr);
void mmio_word_regs(unsigned long addr, unsigned long *out);
unsigned long mmio_c_lwsp(unsigned long addr, unsigned long value);
unsigned long mmio_c_ldsp(unsigned long addr, unsigned long value);
unsigned long mmio_c_swsp(unsigned long addr, unsigned long value);
unsigned long mmio_c_sdsp(unsigned long addr, unsigned long value);

/* Return whether there was one access, with this width, offset and direction. Clear the count. */
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

/* ---- each form ---- */

/* The functions use a4 and a5, because the compressed forms can encode only x8 to x15. */
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
	{ "lb of the byte at offset 3", do_lb, 1, 3, 0xffffffffffffff84UL },
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

/* Linux 6.12 keeps the value in its copy of x0, and later stores of x0 store that value. */
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
	ok_eq(dev_reg(0x48), 0, "a store of x0 stores 0 after lw to x0");
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
		ok_eq(got, stores[i].want, "%s: no other byte changes", stores[i].name);
	}
	do_sd_imm(dev + 2048, PATTERN);
	ok_eq(dev_reg(0), PATTERN, "a store with offset -2048 reaches the first byte");
}

static void test_sp_forms(void)
{
	dev_set(0x108, PATTERN);
	ok(same(mmio_c_lwsp(dev + 0x100, 0), 0xffffffff84a3f2e1UL, 4),
	   "c.lwsp loads from the device through sp");
	ok_eq(mmio_c_ldsp(dev + 0x100, 0), PATTERN, "c.ldsp loads from the device through sp");
	dev_set(0x108, 0);
	mmio_c_swsp(dev + 0x100, 0x99887766);
	ok_eq(dev_reg(0x108), 0x99887766, "c.swsp stores to the device through sp");
	mmio_c_sdsp(dev + 0x100, ~PATTERN);
	ok_eq(dev_reg(0x108), ~PATTERN, "c.sdsp stores to the device through sp");
}

static void test_registers(void)
{
	unsigned long out[32], i, bad = 0;

	for (i = 0; i < 32; i++)
		dev_set(0x200 + 8 * i, 0x7000000000000000UL + i);
	mmio_load_regs(dev + 0x200, out);
	for (i = 1; i < 32; i++)
		bad += out[i] != 0x7000000000000000UL + i;
	ok_eq(bad, 0, "any of x1 to x31 may receive the result of a load");
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
		skip("UART", "no UART in the device tree");
		return;
	}
	for (i = 0; i < 256; i++) {
		reg[7] = (u8)i;
		bad += reg[7] != (u8)i;
	}
	ok_eq(bad, 0, "the UART's scratch register gives back each of 256 values");
	reg[7] = 0xa5;
	ok(same(do_lb(uart + 7), 0xffffffffffffffa5UL, 1), "lb of the UART is sign-extended");
	ok((reg[5] & 0x60) == 0x60, "the UART's line status reports an empty transmitter");
}

/* With the PLIC in the kernel, the fast path carries out all of these accesses but the first. */
static void test_plic_registers(volatile u32 *enable)
{
	unsigned long out[32], i, bad = 0;

	mmio_word_regs((unsigned long)enable, out);
	for (i = 1; i < 32; i++)
		bad += !same(out[i], 0xffffffff80000000UL + 2 * i, 4);
	ok_eq(bad, 0, "any of x1 to x31 may be stored to the PLIC, and loaded from it");
	*enable = ~1U;
	ok_eq(do_lwu((unsigned long)enable), 0xfffffffeUL, "lwu from the PLIC zero-extends");
	ok(same(do_c_lw((unsigned long)enable), ~1UL, 4), "c.lw from the PLIC sign-extends");
	do_c_sw((unsigned long)enable, 2);
	ok_eq(*enable, 2, "c.sw stores to the PLIC");
	/* Linux 6.12 would remember the value as that of x0, and use it in later stores of x0. */
	if (!on_linux())
		ok_eq(do_lw_x0((unsigned long)enable), 0x5555,
		      "lw to x0 from the PLIC changes no register");
	*enable = 0;
}

static void test_plic(void)
{
	volatile u32 *priority = (volatile u32 *)plic;
	u32 i, bad = 0;

	if (!plic) {
		skip("PLIC", "no PLIC in the device tree");
		return;
	}
	for (i = 1; i < 8; i++) {
		priority[i] = i;
		bad += priority[i] != i;
	}
	ok_eq(bad, 0, "the PLIC's priorities of sources 1 to 7 read back as written");
	for (i = 1; i < 8; i++)
		priority[i] = 0;
	priority[0] = 7;
	ok_eq(priority[0], 0, "the PLIC's source 0 has no priority");
	test_plic_registers((volatile u32 *)(plic + ENABLE));
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

/*
 * Raise the device's line. Through the PLIC, it makes an external interrupt pending, until the
 * handler has claimed the interrupt, lowered the line and completed the interrupt.
 */
static void test_external(unsigned long source)
{
	volatile u32 *enable = (volatile u32 *)(plic + ENABLE);
	struct hart *hart = this_hart();
	unsigned long before = hart->irqs[IRQ_S_EXT], end;

	if (!plic) {
		skip("a device's line", "no PLIC in the device tree");
		return;
	}
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
	ok_eq(claimed, source, "the PLIC's claim register returns the device's source");
	ok_eq(hart->irqs[IRQ_S_EXT], before + 1, "after completion, the interrupt does not return");
	ok(!(csr_read(sip) & BIT(IRQ_S_EXT)), "after completion, no external interrupt is pending");
	hart->on_irq = NULL;
	csr_write(sie, 0);
	*enable = 0;
}

void payload_main(void)
{
	struct fdt_reg reg;

	if (fdt_find("ns16550a", 0, &reg))
		uart = reg.base;
	if (fdt_find("riscv,plic0", 0, &reg))
		plic = reg.base;
	test_uart();
	test_plic();
	testdev_find();
	test_loads();
	test_stores();
	test_sp_forms();
	test_registers();
	test_external(11);
	test_load_to_x0();
	done();
}
