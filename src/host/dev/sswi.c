// SPDX-License-Identifier: MIT
/*
 * sswi.c - interrupts between harts by an ACLINT's supervisor software interrupt device (SSWI).
 *
 * The device has a register of 4 bytes for each hart, in the order of interrupts-extended. A store
 * of 1 sets SSIP in the hart's sip, where the hart clears it. Source: ACLINT, "Supervisor-level
 * Software Interrupt Device (SSWI)"; the binding riscv,aclint-sswi in Linux.
 */
#include "drivers.h"
#include "hv/csr.h"
#include "lib/printk.h"
#include "platform/fdt.h"
#include "sched/smp.h"

#define TRIES 10000 /* reads of sip until the test interrupt must have arrived */

static int sswi_node;
static unsigned long base;
static u64 reg_size;
static unsigned long reg_of[HV_MAX_HARTS]; /* 0: the hart is reached through the firmware */

/*
 * The host would hang if IPIs got lost, so a hart first sends one to itself. No other hart sends
 * one to it yet: it is not online.
 */
static bool register_works(unsigned long reg)
{
	unsigned int tries = 0;

	if (!mmio_try_write32(reg, 1))
		return false;
	while (!(csr_read(sip) & BIT(IRQ_S_SOFT)))
		if (++tries == TRIES)
			return false;
	csr_clear(sip, BIT(IRQ_S_SOFT));
	return true;
}

static void sswi_hart_init(void)
{
	unsigned int hart = this_hart();
	int index = fdt_hart_irq_index(sswi_node, harts[hart].hartid, IRQ_S_SOFT);

	if (index < 0 || 4 * ((u64)index + 1) > reg_size ||
	    !register_works(base + 4UL * (unsigned int)index))
		printk("host: the SSWI does not work for hart %lu: IPIs to it use the SBI\n",
		       harts[hart].hartid);
	else
		WRITE_ONCE(reg_of[hart], base + 4UL * (unsigned int)index);
}

static void sswi_raise(unsigned int hart)
{
	unsigned long reg = READ_ONCE(reg_of[hart]);

	if (reg)
		mmio_write32(reg, 0, 1);
	else
		ipi_raise_sbi(hart);
}

void sswi_init(void)
{
	static const struct ipi_method method = {
		.name = "SSWI",
		.hart_init = sswi_hart_init,
		.raise = sswi_raise,
	};

	sswi_node = fdt_next_compatible(-1, "riscv,aclint-sswi");
	if (sswi_node < 0)
		return;
	base = fdt_map(sswi_node, 0, 4, &reg_size);
	if (!base) {
		printk("host: the SSWI is not used: reg is missing or wrong\n");
		return;
	}
	sswi_hart_init();
	if (reg_of[this_hart()])
		ipi_method = &method;
}
