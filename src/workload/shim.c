// SPDX-License-Identifier: MIT
/*
 * shim.c - a firmware for simulators that have none: it starts the host in HS mode on hart 0, and
 * answers the host's SBI calls.
 *
 * The only device needed is a console: an ns16550 at UART, if a load from there succeeds, else HTIF.
 * To end the machine, the shim writes 1 (success) or 3 (failure) to the word tohost, as the tests of
 * riscv-tests do, and then ends QEMU's machine virt by SiFive's test device at FINISHER. Neither this
 * device nor the CLINT at MTIMECMP has to exist.
 *
 * With workload_clock 0, no instruction reads a clock of the machine: mcounteren is 0, so reading
 * time, cycle or instret traps to M mode, and the shim answers with a clock that advances by STEP
 * ticks at each reading, and to the next deadline when the host sleeps (SBI HSM hart_suspend). So a
 * run is the same on each correct implementation. All illegal instructions then trap to M mode, and
 * the shim passes the others on, as OpenSBI does.
 *
 * Spec: SBI §4 to §12; M §1.8, §1.11 (medeleg, mcounteren); H §6.1, §6.2 (trap delegation and entry).
 */
#include "shim.h"
#include "hv/bits.h"
#include "hv/cause.h"
#include "hv/csr.h"
#include "hv/sbi.h"

#define UART          0x10000000UL
#define UART_LSR      5
#define UART_LSR_THRE 0x20
#define MTIMECMP      0x2004000UL               /* of hart 0, in the CLINT */
#define HTIF_WRITE    (1ULL << 56 | 1ULL << 48) /* device 1, the console; command 1 */
#define FINISHER      0x100000UL
#define FINISHER_PASS 0x5555
#define FINISHER_FAIL 0x13333

#define CSR_MENVCFG   0x30a
#define CSR_PMPCFG0   0x3a0
#define CSR_PMPADDR0  0x3b0
#define CSR_MSTATEEN0 0x30c

#define STEP  100 /* ticks that pass at each reading of the clock */
#define NEVER (~0UL)

#define MISA_H        BIT('H' - 'A')
#define MSTATUS_MPP   GENMASK(12, 11)
#define MSTATUS_MPP_S 1
#define MSTATUS_MPV   BIT(39)
#define MIDELEG_S     (BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER) | BIT(IRQ_S_EXT))
#define PMP_ALL       0x1f /* NAPOT, and R, W, X */

#define INSN_CSRR            0x2073 /* csrrs, csrrc, csrrsi or csrrci that writes nothing */
#define INSN_CSRR_MASK       0x000fa07f
#define INSN_CSRW_MASK       0xfff07fff
#define INSN_CSRW_HTIMEDELTA 0x60501073 /* csrrw x0, htimedelta, rs1 */
#define IMPL_SHIM            0x48535348 /* no registered SBI implementation */

/* Access a CSR of M mode. */
#define m_read(csr)                                                      \
	({                                                               \
		unsigned long v_;                                        \
		__asm__ volatile("csrr %0, " #csr : "=r"(v_)::"memory"); \
		v_;                                                      \
	})
#define m_write(csr, v) __asm__ volatile("csrw " #csr ", %0" ::"r"((unsigned long)(v)) : "memory")
#define m_set(csr, v)   __asm__ volatile("csrs " #csr ", %0" ::"r"((unsigned long)(v)) : "memory")
#define m_clear(csr, v) __asm__ volatile("csrc " #csr ", %0" ::"r"((unsigned long)(v)) : "memory")

/* Write a CSR that may not exist (trap_in_m changes a0 and t6, and steps over 4 bytes). */
#define m_try_write(csr, v) \
	__asm__ volatile("csrw %0, %1" ::"i"(csr), "r"((unsigned long)(v)) : "memory", "a0", "t6")

/* Words that a simulator with HTIF watches; it finds them by their symbols. */
volatile u64 tohost __attribute__((section(".tohost"), aligned(64)));
volatile u64 fromhost __attribute__((section(".tohost"), aligned(64)));

static bool has_uart;
static bool no_htimedelta; /* the hart lacks this CSR: time_delta is used instead */
static unsigned long clock, deadline = NEVER, time_delta;

static void put(char c)
{
	if (!has_uart) {
		while (tohost)
			fromhost = 0;
		tohost = HTIF_WRITE | (u8)c;
		return;
	}
	while (!(*(volatile u8 *)(UART + UART_LSR) & UART_LSR_THRE))
		;
	*(volatile u8 *)UART = (u8)c;
}

static void print(const char *text)
{
	while (*text)
		put(*text++);
}

static void end_machine(bool failed) __attribute__((noreturn));
static void end_machine(bool failed)
{
	while (!has_uart && tohost)
		fromhost = 0;
	tohost = failed ? 3 : 1;
	m_write(mtvec, (unsigned long)shim_forever); /* there may be no test device */
	*(volatile u32 *)FINISHER = failed ? FINISHER_FAIL : FINISHER_PASS;
	for (;;)
		;
}

static void clock_to(unsigned long now)
{
	clock = now;
	if (clock >= deadline)
		m_set(mip, BIT(IRQ_S_TIMER));
}

static void set_timer(unsigned long time)
{
	deadline = time;
	if (workload_clock)
		return;
	m_clear(mip, BIT(IRQ_S_TIMER));
	clock_to(clock);
}

/* Sleep until an interrupt of S mode is pending. Time passes until the next deadline. */
static void suspend(void)
{
	if (workload_clock)
		__asm__ volatile("wfi");
	else if (!(m_read(mip) & m_read(mie) & MIDELEG_S) && deadline != NEVER)
		clock_to(MAX(clock, deadline));
}

/* On a machine with one hart, each remote fence is one of this hart. Fence everything. */
static void fence_all(void)
{
	__asm__ volatile("fence.i\n"
			 "sfence.vma\n"
			 ".insn r 0x73, 0, 0x31, x0, x0, x0\n" /* hfence.gvma */
			 ".insn r 0x73, 0, 0x11, x0, x0, x0\n" /* hfence.vvma */
			 ::
				 : "memory");
}

static struct sbiret base_call(unsigned long fid, unsigned long ext)
{
	switch (fid) {
	case SBI_BASE_GET_SPEC_VERSION:
		return (struct sbiret){ 0, 2 << 24 };
	case SBI_BASE_GET_IMPL_ID:
		return (struct sbiret){ 0, IMPL_SHIM };
	case SBI_BASE_PROBE_EXTENSION:
		return (struct sbiret){ 0, ext == SBI_EXT_BASE || ext == SBI_EXT_TIME ||
						   ext == SBI_EXT_IPI || ext == SBI_EXT_RFENCE ||
						   ext == SBI_EXT_HSM || ext == SBI_EXT_SRST ||
						   ext == SBI_EXT_DBCN };
	default:
		return (struct sbiret){ 0, 0 };
	}
}

static struct sbiret sbi(unsigned long ext, unsigned long fid, const unsigned long *a)
{
	switch (ext) {
	case SBI_EXT_BASE:
		return base_call(fid, a[0]);
	case SBI_EXT_TIME:
		set_timer(a[0]);
		return (struct sbiret){ 0, 0 };
	case SBI_EXT_IPI:
		m_set(mip, BIT(IRQ_S_SOFT));
		return (struct sbiret){ 0, 0 };
	case SBI_EXT_RFENCE:
		fence_all();
		return (struct sbiret){ 0, 0 };
	case SBI_EXT_HSM:
		if (fid == SBI_HSM_HART_SUSPEND)
			suspend();
		return (struct sbiret){ fid == SBI_HSM_HART_SUSPEND ? 0 : SBI_ERR_INVALID_PARAM,
					0 };
	case SBI_EXT_SRST:
		end_machine(a[1] != SBI_SRST_REASON_NONE);
	case SBI_EXT_DBCN:
		if (fid != SBI_DBCN_CONSOLE_WRITE)
			break;
		for (unsigned long i = 0; i < a[0]; i++)
			put(((const char *)a[1])[i]);
		return (struct sbiret){ 0, (long)a[0] };
	case SBI_LEGACY_CONSOLE_PUTCHAR:
		put((char)a[0]);
		return (struct sbiret){ 0, 0 };
	}
	return (struct sbiret){ SBI_ERR_NOT_SUPPORTED, 0 };
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

static void illegal(struct shim_frame *frame)
{
	unsigned long cause = EXC_ILLEGAL_INST, tval = m_read(mtval);
	/* The instruction in mtval may be 0, and is wrong for mret in QEMU. */
	long insn = workload_clock ? -1 : shim_fetch(m_read(mepc));

	if (insn >= 0)
		cause = emulate(frame, (u32)insn);
	if (cause)
		pass_on(cause, tval);
}

void shim_trap(struct shim_frame *frame)
{
	unsigned long cause = m_read(mcause), *a = &frame->regs[10];
	struct sbiret ret;

	if (cause == EXC_ILLEGAL_INST) {
		illegal(frame);
		return;
	}
	if (cause != EXC_ECALL_S)
		end_machine(true);
	ret = sbi(a[7], a[6], a);
	a[0] = (unsigned long)ret.error;
	if (a[7] > SBI_LEGACY_SHUTDOWN)
		a[1] = (unsigned long)ret.value;
	m_write(mepc, m_read(mepc) + 4);
}

void shim_main(void)
{
	unsigned long to_m = BIT(EXC_ECALL_S) | (workload_clock ? 0 : BIT(EXC_ILLEGAL_INST));
	unsigned long misa = m_read(misa); /* 0: not implemented */
	u8 lsr;

	has_uart = !probe_load8(UART + UART_LSR, &lsr);
	if (misa && !(misa & MISA_H)) {
		print("workload: FAIL: the hart has no H extension (misa)\n");
		end_machine(true);
	}
	m_try_write(CSR_PMPADDR0, NEVER);
	m_try_write(CSR_PMPCFG0, PMP_ALL);
	/* QEMU shows a pending MTIP in hvip, and after reset, MTIP is pending. */
	probe_store32(MTIMECMP, ~0U);
	probe_store32(MTIMECMP + 4, ~0U);
	m_write(medeleg, ~to_m);
	m_write(mie, 0);
	m_write(mideleg, MIDELEG_S);
	m_write(mcounteren, workload_clock ? COUNTEREN_CY | COUNTEREN_TM | COUNTEREN_IR : 0);
	m_try_write(CSR_MSTATEEN0, NEVER);
	m_try_write(CSR_MENVCFG, ENVCFG_PBMTE | ENVCFG_CBZE | ENVCFG_CBCFE | ENVCFG_CBIE |
					 (workload_clock ? ENVCFG_STCE : 0));
	/* QEMU raises VSTIP by vstimecmp, which is 0 after reset, even if menvcfg.STCE is 0. */
	m_try_write(CSR_stimecmp, NEVER);
	m_try_write(CSR_vstimecmp, NEVER);
	m_write(mstatus, FIELD_PREP(MSTATUS_MPP, MSTATUS_MPP_S));
	m_write(mepc, HOST_START);
}
