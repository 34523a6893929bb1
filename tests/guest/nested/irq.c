// SPDX-License-Identifier: MIT
/* irq.c - interrupts and time of the guest and of HS */
#include "nested.h"
#include "rt.h"

#define IRQ(n) (CAUSE_IRQ_FLAG | (n))
#define SPINS  200000000UL

/* Checks H §2.3, §2.12. */
void test_guest_interrupts(void)
{
	clear_vs();
	csr_write(hvip, BIT(IRQ_VS_SOFT));
	run(l2_interrupts, SPINS, BIT(IRQ_S_SOFT));
	ok(l2.regs[10] == L2_TRAPPED && l2.regs[11] == IRQ(IRQ_S_SOFT),
	   "a software interrupt in hvip is taken by the guest");
	csr_write(hvip, BIT(IRQ_VS_EXT));
	run(l2_interrupts, SPINS, BIT(IRQ_S_EXT));
	ok(l2.regs[10] == L2_TRAPPED && l2.regs[11] == IRQ(IRQ_S_EXT),
	   "so is an external interrupt");
	csr_write(hvip, BIT(IRQ_VS_TIMER));
	run(l2_interrupts, 1000, BIT(IRQ_S_EXT));
	ok_eq(l2.regs[10], 0, "but no interrupt that sie of the guest masks");
	csr_write(hvip, 0);

	csr_write(hideleg, 0);
	csr_write(hie, BIT(IRQ_VS_SOFT));
	csr_write(hvip, BIT(IRQ_VS_SOFT));
	run(l2_spin, SPINS, 0);
	ok_eq(l2.scause, IRQ(IRQ_VS_SOFT), "one that is not delegated is taken by HS");
	csr_write(hvip, 0);
	csr_write(hie, 0);
	csr_write(hideleg, VS_LINES);
}

/* Checks H §6.1. */
void test_host_interrupts(void)
{
	clear_vs();
	csr_set(sie, BIT(IRQ_S_SOFT));
	csr_set(sip, BIT(IRQ_S_SOFT));
	run(l2_spin, SPINS, 0);
	ok_eq(l2.scause, IRQ(IRQ_S_SOFT),
	      "an interrupt of HS that is pending ends the guest's run");
	ok_eq(l2.pc, (unsigned long)l2_spin, "before its first instruction");
	csr_clear(sip, BIT(IRQ_S_SOFT));
	csr_clear(sie, BIT(IRQ_S_SOFT));

	csr_set(sie, BIT(IRQ_S_TIMER));
	timer_at(now() + us_to_ticks(2000));
	/* Without Sstc, the clock may be one that advances only when it is read (src/workload/clock.c). */
	run(has_sstc() ? l2_spin : l2_poll_time, SPINS * 100, 0);
	ok_eq(l2.scause, IRQ(IRQ_S_TIMER), "HS's timer interrupts a guest that computes");
	timer_at(now() + us_to_ticks(2000));
	run(l2_wfi, 0, 0);
	ok_eq(l2.scause, IRQ(IRQ_S_TIMER), "and one that waits in wfi");
	timer_off();
	csr_clear(sie, BIT(IRQ_S_TIMER));
}

/* Checks H §2.7. */
void test_time(void)
{
	unsigned long before, delta = 0x100000000000;

	clear_vs();
	csr_write(htimedelta, delta);
	before = now();
	run(l2_time, 0, 0);
	ok(l2.regs[10] - delta >= before && l2.regs[10] - delta <= now(),
	   "the guest's time is HS's time plus htimedelta");
	if (!has_sstc()) {
		skip("the guest's timer", "no Sstc");
		return;
	}
	csr_write(henvcfg, ENVCFG_STCE);
	prepare(l2_interrupts, false);
	l2.regs[10] = SPINS * 100;
	l2.regs[11] = BIT(IRQ_S_TIMER);
	l2.regs[12] = now() + delta + us_to_ticks(2000);
	l2_run(&l2);
	ok(l2.regs[10] == L2_TRAPPED && l2.regs[11] == IRQ(IRQ_S_TIMER),
	   "the guest's stimecmp interrupts it");
	ok(now() + delta >= csr_read(vstimecmp), "not before its time");
	ok_eq(csr_read(hip) & BIT(IRQ_VS_TIMER), BIT(IRQ_VS_TIMER), "hip.VSTIP shows it to HS");
	/* The bits of hie are not those of sie, whichever registers they share in a VM. */
	csr_write(hideleg, 0);
	csr_write(hie, 0);
	csr_set(sie, BIT(IRQ_S_TIMER));
	csr_write(vstimecmp, 0);
	ok_eq(run(l2_ecall, 0, 0), EXC_ECALL_VS,
	      "an interrupt of VS that hie masks is not taken, although sie enables the one of HS");
	csr_clear(sie, BIT(IRQ_S_TIMER));
	csr_write(hideleg, VS_LINES);
	csr_write(vstimecmp, ~0UL);
	ok_eq(csr_read(hip) & BIT(IRQ_VS_TIMER), 0,
	      "hip.VSTIP is 0 once vstimecmp is in the future");
	csr_write(henvcfg, 0);
	csr_write(htimedelta, 0);
}
