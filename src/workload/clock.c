// SPDX-License-Identifier: MIT
/*
 * clock.c - the counted clock of the workloads' firmware: a run with it is the same on each correct
 * machine, because no instruction reads a clock of the machine.
 *
 * mcounteren is 0, so a read of time, cycle or instret traps to M mode. It is emulated here: the clock
 * advances by STEP ticks at each reading, and to the next deadline when the host sleeps. All other
 * illegal instructions trap to M mode, too, and are passed on, as OpenSBI does.
 *
 * Spec: M §1.11 (mcounteren); H §2.6, §2.7 (hcounteren, htimedelta), §6.1, §6.2 (trap delegation and
 * entry).
 */
#include "shim.h"
#include "hv/csr.h"

#define STEP  100 /* ticks that pass at each reading of the clock */
#define NEVER (~0UL)

#define INSN_CSRR            0x2073 /* csrrs, csrrc, csrrsi or csrrci that writes nothing */
#define INSN_CSRR_MASK       0x000fa07f
#define INSN_CSRW_MASK       0xfff07fff
#define INSN_CSRW_HTIMEDELTA 0x60501073 /* csrrw x0, htimedelta, rs1 */

static bool no_htimedelta; /* the hart lacks this CSR: time_delta is used instead */
static unsigned long clock, deadline = NEVER, time_delta;

static void clock_to(unsigned long now)
{
	clock = now;
	if (clock >= deadline)
		m_set(mip, BIT(IRQ_S_TIMER));
}

/* Raise the timer interrupt of HS mode when the clock reaches `time`, and clear it until then. */
void clock_set_timer(unsigned long time)
{
	deadline = time;
	m_clear(mip, BIT(IRQ_S_TIMER));
	clock_to(clock);
}

/* Sleep until an interrupt of HS mode is pending: the clock advances to the next deadline. */
void clock_sleep(void)
{
	if (!(m_read(mip) & m_read(mie) & MIDELEG_S) && deadline != NEVER)
		clock_to(MAX(clock, deadline));
}

/* Let HS or VS mode handle an exception, as the hart does if medeleg delegates its cause. */
static void pass_on(unsigned long cause, unsigned long tval)
{
	unsigned long status = m_read(mstatus), before, entered;
	bool virtual = status & MSTATUS_MPV,
	     from_s = FIELD_GET(MSTATUS_MPP, status) == MSTATUS_MPP_S;
	bool to_vs = virtual && cause != EXC_VIRTUAL_INST && csr_read(hedeleg) & BIT(cause);

	before = to_vs ? csr_read(vsstatus) : status;
	entered = before & ~(SSTATUS_SPP | SSTATUS_SPIE | SSTATUS_SIE);
	if (from_s)
		entered |= SSTATUS_SPP;
	if (before & SSTATUS_SIE)
		entered |= SSTATUS_SPIE;
	if (to_vs) {
		csr_write(vsstatus, entered);
		csr_write(vsepc, m_read(mepc));
		csr_write(vscause, cause);
		csr_write(vstval, tval);
		m_write(mepc, csr_read(vstvec) & ~3UL);
		m_write(mstatus, (status & ~MSTATUS_MPP) | FIELD_PREP(MSTATUS_MPP, MSTATUS_MPP_S));
		return;
	}
	csr_clear(hstatus, HSTATUS_SPV | HSTATUS_GVA);
	if (virtual) {
		csr_clear(hstatus, HSTATUS_SPVP);
		csr_set(hstatus, HSTATUS_SPV | (from_s ? HSTATUS_SPVP : 0));
	}
	csr_write(htval, 0);
	csr_write(htinst, 0);
	csr_write(sepc, m_read(mepc));
	csr_write(scause, cause);
	csr_write(stval, tval);
	m_write(mepc, csr_read(stvec) & ~3UL);
	m_write(mstatus,
		(entered & ~(MSTATUS_MPP | MSTATUS_MPV)) | FIELD_PREP(MSTATUS_MPP, MSTATUS_MPP_S));
}

/*
 * Emulate an instruction that reads a counter, unless a counteren register of HS or VS mode forbids
 * it. Returns the exception to pass on, or 0.
 */
static unsigned long read_counter(struct shim_frame *frame, u32 insn)
{
	unsigned long status = m_read(mstatus), bit = BIT(insn >> 20 & 3), value;
	bool virtual = status & MSTATUS_MPV, user = !(status & MSTATUS_MPP);

	if (virtual && !(csr_read(hcounteren) & bit))
		return EXC_VIRTUAL_INST;
	if (user && !(csr_read(scounteren) & bit)) /* HS and VS mode share scounteren */
		return virtual ? EXC_VIRTUAL_INST : EXC_ILLEGAL_INST;
	clock_to(clock + STEP);
	value = clock;
	if (virtual && bit == COUNTEREN_TM)
		value += no_htimedelta ? time_delta : csr_read(htimedelta);
	frame->regs[insn >> 7 & 31] = value;
	return 0;
}

/* Emulate an instruction that the host or a guest needs. Returns the exception to pass on, or 0. */
static unsigned long emulate(struct shim_frame *frame, u32 insn)
{
	unsigned long cause = EXC_ILLEGAL_INST;

	if ((insn & INSN_CSRR_MASK) == INSN_CSRR && insn >> 20 >= CSR_cycle &&
	    insn >> 20 <= CSR_instret)
		cause = read_counter(frame, insn);
	/* QEMU's machine spike has no CSR time, and therefore no htimedelta. The host only writes it. */
	if ((insn & INSN_CSRW_MASK) == INSN_CSRW_HTIMEDELTA &&
	    (m_read(mstatus) & (MSTATUS_MPV | MSTATUS_MPP)) ==
		    FIELD_PREP(MSTATUS_MPP, MSTATUS_MPP_S)) {
		no_htimedelta = true;
		time_delta = frame->regs[insn >> 15 & 31];
		cause = 0;
	}
	if (!cause)
		m_write(mepc, m_read(mepc) + 4);
	return cause;
}

/*
 * Emulate the instruction that trapped, or let HS or VS mode handle the exception. With the machine's
 * clock, this happens only on a hart whose medeleg cannot delegate illegal instructions.
 */
void clock_illegal_insn(struct shim_frame *frame)
{
	unsigned long cause = EXC_ILLEGAL_INST, tval = m_read(mtval);
	/* The instruction in mtval may be 0, and is wrong for mret in QEMU. */
	long insn = workload_clock ? -1 : shim_fetch(m_read(mepc));

	if (insn >= 0)
		cause = emulate(frame, (u32)insn);
	if (cause)
		pass_on(cause, tval);
}
