// SPDX-License-Identifier: MIT
/*
 * lab07_msi.c - test the emulated IMSIC of lab 7 through the guest's registers and its page
 *
 * The machine has an AIA (--set irqchip=aia_emul) and two vCPUs. On the command line: seed=N and
 * count=N for the random operations.
 */
#include "random.h"

#define EIDELIVERY  0x70
#define EITHRESHOLD 0x72
#define EIP0        0x80
#define EIE0        0xc0
#define WORDS       2
#define IDS         (64 * WORDS)

static unsigned long imsics;

/* What the IMSIC of this hart should have. */
static struct {
	unsigned long pending[WORDS], enabled[WORDS], threshold, delivery;
} model;

static void set(unsigned long select, unsigned long value)
{
	csr_write(siselect, select);
	csr_write(sireg, value);
}

static unsigned long get(unsigned long select)
{
	csr_write(siselect, select);
	return csr_read(sireg);
}

/* Store an MSI to the page of a hart. */
static void send(unsigned long hart, unsigned long id)
{
	*(volatile u32 *)(imsics + hart * PAGE_SIZE) = (u32)id;
}

static void send_here(unsigned long id)
{
	send(this_hart()->id, id);
}

static bool interrupted(void)
{
	return csr_read(sip) & BIT(IRQ_S_EXT);
}

static unsigned long top(void)
{
	return csr_read(stopei) >> 16;
}

static unsigned long claim(void)
{
	return csr_swap(stopei, 0) >> 16;
}

/* Nothing pending, everything enabled, no threshold. */
static void fresh(void)
{
	set(EIDELIVERY, 1);
	set(EITHRESHOLD, 0);
	for (unsigned long word = 0; word < WORDS; word++) {
		set(EIP0 + 2 * word, 0);
		set(EIE0 + 2 * word, ~0UL);
	}
}

static void test_delivery(void)
{
	fresh();
	ok(!interrupted() && top() == 0, "without an MSI, there is no interrupt");
	set(EIE0, ~BIT(5));
	send_here(5);
	ok(!interrupted() && top() == 0 && get(EIP0) == BIT(5),
	   "an id that is not enabled becomes pending, and does not interrupt");
	set(EIE0, ~0UL);
	ok(interrupted() && top() == 5, "it interrupts once it is enabled");
	ok(claim() == 5 && !interrupted() && get(EIP0) == 0,
	   "a claim clears the pending bit and lowers the line");
	set(EIDELIVERY, 0);
	send_here(70);
	ok(!interrupted() && get(EIP0 + 2) == BIT(6),
	   "without delivery, an id becomes pending, and does not interrupt");
	set(EIDELIVERY, 1);
	ok(interrupted() && claim() == 70, "it interrupts once delivery is on");
}

static void test_order(void)
{
	fresh();
	send_here(100);
	send_here(64);
	send_here(9);
	send_here(63);
	ok(top() == 9 && top() == 9, "a read of stopei claims nothing");
	ok(claim() == 9 && claim() == 63 && claim() == 64 && interrupted() && claim() == 100 &&
		   claim() == 0,
	   "the lowest id is claimed first, and the line stays high until the last one");
	send_here(17);
	send_here(17);
	ok(claim() == 17 && claim() == 0, "an id that is sent twice is pending once");
}

static void test_threshold(void)
{
	fresh();
	set(EITHRESHOLD, 64);
	send_here(64);
	ok(!interrupted() && top() == 0, "the id of the threshold does not interrupt");
	send_here(63);
	ok(interrupted() && claim() == 63 && !interrupted(), "the id below the threshold does");
	set(EITHRESHOLD, 65);
	ok(interrupted() && claim() == 64, "a higher threshold lets the waiting id interrupt");
}

static void send_to_boot_hart(unsigned long id)
{
	delay_us(20000);
	send(harts[0].id, id);
}

static void test_from_elsewhere(void)
{
	fresh();
	for (unsigned long id = 1; id < 127; id += 25) {
		hart_run(1, send_to_boot_hart, id);
		if (!wait_irq(BIT(IRQ_S_EXT), 5000000) || claim() != id) {
			ok(false, "an MSI from another hart ends WFI (id %lu)", id);
			return;
		}
		hart_wait(1, 5000);
	}
	ok(!interrupted(), "an MSI from another hart ends WFI, each time");
}

/* ---- random operations ----------------------------------------------------------------------- */

static unsigned long model_top(void)
{
	for (unsigned long id = 1; id < IDS; id++) {
		if (model.threshold && id >= model.threshold)
			return 0;
		if (model.pending[id / 64] & model.enabled[id / 64] & BIT(id % 64))
			return id;
	}
	return 0;
}

static void change(void)
{
	unsigned long word = below(WORDS);

	switch (below(3)) {
	case 0:
		model.enabled[word] = random_next(&state) & ~(word ? 0 : BIT(0));
		set(EIE0 + 2 * word, model.enabled[word]);
		break;
	case 1:
		model.threshold = below(2) ? 0 : below(IDS);
		set(EITHRESHOLD, model.threshold);
		break;
	default:
		model.delivery = below(4) != 0;
		set(EIDELIVERY, model.delivery);
	}
}

/* Returns false if the claimed id is not that of the model. */
static bool step(void)
{
	unsigned long id = below(2) ? 1 + below(IDS - 1) : model_top();

	if (below(8) == 0) {
		change();
	} else if (below(2) && id) {
		model.pending[id / 64] |= BIT(id % 64);
		send_here(id);
	} else {
		id = model_top();
		model.pending[id / 64] &= ~BIT(id % 64);
		return claim() == id;
	}
	return true;
}

static bool same(void)
{
	unsigned long id = model_top();

	return top() == id && interrupted() == (id && model.delivery) &&
	       get(EIP0) == model.pending[0] && get(EIP0 + 2) == model.pending[1];
}

static void test_drawn(unsigned long count)
{
	unsigned long i;

	fresh();
	model.enabled[0] = ~BIT(0);
	model.enabled[1] = ~0UL;
	model.delivery = 1;
	for (i = 0; i < count && step() && same(); i++)
		;
	if (i < count)
		note("operation %lu: stopei has id %lu, expected %lu; interrupted %d", i, top(),
		     model_top(), interrupted());
	ok_eq(i, count, "the IMSIC answers %lu random operations as a model of it does", count);
	fresh();
}

void payload_main(void)
{
	struct fdt_reg found;

	if (!fdt_find("riscv,imsics", 0, &found) || nr_harts < 2)
		bail("the test needs --set irqchip=aia_emul and two harts");
	imsics = found.base;
	random_begin();
	hart_need(1);
	test_delivery();
	test_order();
	test_threshold();
	test_from_elsewhere();
	test_drawn(boot_number("count", 500));
	done();
}
