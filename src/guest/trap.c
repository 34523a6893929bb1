// SPDX-License-Identifier: MIT
/*
 * trap.c - handle a payload's traps: count interrupts, catch exceptions that a test expects, and
 * end the payload on any other exception.
 */
#include "rt.h"

static void trap_record(struct hart *hart)
{
	hart->trap = (struct trap){
		.cause = hart->cause,
		.tval = hart->tval,
		.epc = hart->epc,
		.status = hart->status,
		.a0 = hart->regs[REG_A0],
	};
}

/*
 * Let on_irq() handle the interrupt. If there is no on_irq(), clear a software interrupt, and mask
 * any other until the test enables it: a level-triggered interrupt would be taken again at once.
 */
static void trap_irq(struct hart *hart)
{
	unsigned long code = hart->cause & ~CAUSE_IRQ_FLAG;

	trap_record(hart);
	if (hart->on_irq)
		hart->on_irq(code);
	else if (code == IRQ_S_SOFT)
		csr_clear(sip, BIT(IRQ_S_SOFT));
	else
		csr_clear(sie, BIT(code));
	/*
	 * Count an interrupt after clearing it: a hart that sees the count may send the next IPI at
	 * once.
	 */
	if (code < ARRAY_SIZE(hart->irqs))
		__atomic_fetch_add(&hart->irqs[code], 1, __ATOMIC_SEQ_CST);
}

static void trap_fatal(struct hart *hart, const char *what)
{
	int i;

	printf("# hart %lu: %s: scause %lx stval %lx sepc %lx sstatus %lx\n", hart->id, what,
	       hart->cause, hart->tval, hart->epc, hart->status);
	for (i = 0; i < 32; i++)
		printf("%sx%02d %016lx%s", i % 4 ? " " : "# ", i, i ? hart->regs[i] : 0,
		       i % 4 == 3 ? "\n" : "");
	bail("%s", what);
}

/*
 * Return the length of the instruction at epc, which was just fetched: 2 bytes unless the low two
 * bits of the instruction are 11.
 */
static unsigned long insn_length(unsigned long epc)
{
	return (*(volatile u16 *)epc & 3) == 3 ? 4 : 2;
}

static void trap_catch(struct hart *hart)
{
	trap_record(hart);
	hart->epc = (unsigned long)catch_return;
	hart->regs[REG_SP] = hart->catch_sp;
	hart->regs[REG_TP] = (unsigned long)hart;
	hart->status |= SSTATUS_SPP;
}

void rt_trap(struct hart *hart)
{
	if (hart->in_trap)
		trap_fatal(hart, "trap inside the trap handler");
	hart->in_trap = true;
	if (hart->cause & CAUSE_IRQ_FLAG) {
		trap_irq(hart);
		if (hart->catch_irqs && hart->catch_sp)
			trap_catch(hart);
	} else if (hart->skip) {
		trap_record(hart);
		hart->skipped++;
		hart->epc += insn_length(hart->epc);
	} else if (hart->catch_sp) {
		trap_catch(hart);
	} else {
		trap_fatal(hart, "unexpected trap");
	}
	hart->in_trap = false;
}

const struct trap *catch_trap(hart_fn fn, unsigned long arg)
{
	struct hart *hart = this_hart();

	hart->trap = (struct trap){ .cause = NO_TRAP };
	catch_call(fn, arg);
	return &hart->trap;
}

static u8 user_stack[MAX_HARTS][USER_STACK_SIZE] __attribute__((aligned(16))) NOT_CLEARED;
static hart_fn user_fn[MAX_HARTS];

static void go_user(unsigned long arg)
{
	int i = this_hart()->index;

	enter_user((unsigned long)user_fn[i], arg, (unsigned long)user_stack[i] + USER_STACK_SIZE);
}

const struct trap *catch_user(hart_fn fn, unsigned long arg)
{
	user_fn[this_hart()->index] = fn;
	return catch_trap(go_user, arg);
}

const struct trap *catch_code(const unsigned long *regs)
{
	struct hart *hart = this_hart();
	const struct trap *trap;

	hart->catch_irqs = true;
	timer_at(now() + us_to_ticks(5000000));
	csr_set(sie, BIT(IRQ_S_TIMER));
	trap = catch_trap(enter_code, (unsigned long)regs);
	csr_clear(sstatus, SSTATUS_SIE); /* the sret that ended the trap has set SIE */
	csr_clear(sie, BIT(IRQ_S_TIMER));
	timer_off();
	hart->catch_irqs = false;
	return trap;
}

void skip_begin(void)
{
	struct hart *hart = this_hart();

	hart->trap = (struct trap){ .cause = NO_TRAP };
	hart->skipped = 0;
	WRITE_ONCE(hart->skip, true);
}

unsigned long skip_end(void)
{
	struct hart *hart = this_hart();

	WRITE_ONCE(hart->skip, false);
	return READ_ONCE(hart->skipped);
}
