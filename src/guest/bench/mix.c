// SPDX-License-Identifier: MIT
/*
 * mix.c - a row of typical guest requests in fixed proportions; one operation is a round of them.
 *
 * Each digit of the boot argument mix=NUMBER says how often a round makes one kind of request. From
 * the last digit to the first, the kinds are: a null SBI call, set_timer, an IPI to this hart, a
 * fence of one page on this hart, WFI with an interrupt pending, an MMIO read, an MMIO write, and
 * the first touch of a page. The labs' contest uses this row.
 */
#include "bench.h"
#include "hv/sbi.h"

#define MIX_USUAL 21121238UL
#define KINDS     8

#define MIX_BATCHES 32
#define MIX_TURNS   16
/*
 * The pages to touch: after the memory that memory.c touches, with enough space for 9 pages in each
 * round.
 */
#define MIX_OFFSET (192 * SZ_2M)
#define MIX_SPACE  (10 * SZ_2M)

static unsigned long device, page;

static void one(unsigned int kind)
{
	unsigned long me = this_hart()->id;

	switch (kind) {
	case 0:
		sbi_call(SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION, 0, 0, 0);
		break;
	case 1:
		sbi_call(SBI_EXT_TIME, SBI_TIME_SET_TIMER, -1UL, 0, 0);
		break;
	case 2:
		sbi_call(SBI_EXT_IPI, SBI_IPI_SEND_IPI, 1, me, 0);
		csr_clear(sip, BIT(IRQ_S_SOFT));
		break;
	case 3:
		op_sbi_sfence_page(1, me);
		break;
	case 4:
		csr_set(sip, BIT(IRQ_S_SOFT));
		op_wfi(1, 0);
		csr_clear(sip, BIT(IRQ_S_SOFT));
		break;
	case 5:
		get(device);
		break;
	case 6:
		set(device, 0);
		break;
	case 7:
		*(volatile u8 *)page;
		page += SZ_4K;
		break;
	}
}

void mix_turn(unsigned long mix); /* called by op_mix */
void mix_turn(unsigned long mix)
{
	unsigned int kind;
	unsigned long n;

	for (kind = 0; kind < KINDS; kind++, mix /= 10)
		for (n = mix % 10; n; n--)
			one(kind);
}

void bench_mix(void)
{
	struct fdt_reg plic;

	if (!asked_for("mix") || !fdt_find("riscv,plic0", 0, &plic))
		return;
	page = ALIGN_UP((unsigned long)_end, SZ_2M) + SZ_2M + MIX_OFFSET;
	if (page + MIX_SPACE > memory_end())
		return;
	device = plic.base + 4;
	csr_write(sie, BIT(IRQ_S_SOFT));
	bench_steps("mix", op_mix, boot_number("mix", MIX_USUAL), MIX_TURNS, MIX_BATCHES, 0);
	csr_write(sie, 0);
}
