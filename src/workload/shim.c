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
 * With workload_clock 0, clock.c provides the time. mcounteren is 0 then, and all illegal instructions
 * trap to M mode.
 *
 * Spec: SBI §4 to §12; M §1.8, §1.11 (medeleg, mcounteren).
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

#define MISA_H    BIT('H' - 'A')
#define PMP_ALL   0x1f       /* NAPOT, and R, W, X */
#define IMPL_SHIM 0x48535348 /* no registered SBI implementation */
#define ALL_ONES  (~0UL)

/* Write a CSR that may not exist (trap_in_m changes a0 and t6, and steps over 4 bytes). */
#define m_try_write(csr, v) \
	__asm__ volatile("csrw %0, %1" ::"i"(csr), "r"((unsigned long)(v)) : "memory", "a0", "t6")

/* Words that a simulator with HTIF watches; it finds them by their symbols. */
volatile u64 tohost __attribute__((section(".tohost"), aligned(64)));
volatile u64 fromhost __attribute__((section(".tohost"), aligned(64)));

static bool has_uart;

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
		if (!workload_clock) /* else the host uses Sstc */
			clock_set_timer(a[0]);
		return (struct sbiret){ 0, 0 };
	case SBI_EXT_IPI:
		m_set(mip, BIT(IRQ_S_SOFT));
		return (struct sbiret){ 0, 0 };
	case SBI_EXT_RFENCE:
		fence_all();
		return (struct sbiret){ 0, 0 };
	case SBI_EXT_HSM:
		if (fid != SBI_HSM_HART_SUSPEND)
			return (struct sbiret){ SBI_ERR_INVALID_PARAM, 0 };
		if (workload_clock)
			__asm__ volatile("wfi");
		else
			clock_sleep();
		return (struct sbiret){ 0, 0 };
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

void shim_trap(struct shim_frame *frame)
{
	unsigned long cause = m_read(mcause), *a = &frame->regs[10];
	struct sbiret ret;

	if (cause == EXC_ILLEGAL_INST) {
		clock_illegal_insn(frame);
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
	m_try_write(CSR_PMPADDR0, ALL_ONES);
	m_try_write(CSR_PMPCFG0, PMP_ALL);
	/* QEMU shows a pending MTIP in hvip, and after reset, MTIP is pending. */
	probe_store32(MTIMECMP, ~0U);
	probe_store32(MTIMECMP + 4, ~0U);
	m_write(medeleg, ~to_m);
	m_write(mie, 0);
	m_write(mideleg, MIDELEG_S);
	m_write(mcounteren, workload_clock ? COUNTEREN_CY | COUNTEREN_TM | COUNTEREN_IR : 0);
	m_try_write(CSR_MSTATEEN0, ALL_ONES);
	m_try_write(CSR_MENVCFG, ENVCFG_PBMTE | ENVCFG_CBZE | ENVCFG_CBCFE | ENVCFG_CBIE |
					 (workload_clock ? ENVCFG_STCE : 0));
	/* QEMU raises VSTIP by vstimecmp, which is 0 after reset, even if menvcfg.STCE is 0. */
	m_try_write(CSR_stimecmp, ALL_ONES);
	m_try_write(CSR_vstimecmp, ALL_ONES);
	m_write(mstatus, FIELD_PREP(MSTATUS_MPP, MSTATUS_MPP_S));
	m_write(mepc, HOST_START);
}
