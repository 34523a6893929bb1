// SPDX-License-Identifier: MIT
/*
 * power.c - power-off, and panic.
 *
 * The host powers off by the first of these that the machine has:
 *
 *  - SiFive's test device, on QEMU's machine "virt": QEMU exits with a status that the host chooses.
 *  - HTIF with registers, on QEMU's machine "spike": likewise. OpenSBI 1.5's SRST loops there.
 *  - HTIF in memory, on the simulator Spike: likewise. Spike watches the word tohost of the run
 *    descriptor, whose address it gets from the launcher.
 *  - SBI SRST, with the reason "system failure" if the status is not 0.
 *
 * In any case, the run descriptor contains the first program's status, or says that the host panicked.
 * A panic prints the last 16 trace events of each hart; the boot argument trace.crash=N sets another
 * number (0: none).
 */
#include "power.h"
#include "bootargs.h"
#include "fdt.h"
#include "layout.h"
#include "hv/sbi.h"
#include "lib/printk.h"
#include "run_desc.h"
#include "sbi.h"
#include "sched/thread.h"
#include "trace/trace_dump.h"

#define FINISHER_FAIL 0x3333 /* with the status in bits 31:16 */
#define FINISHER_PASS 0x5555

#define HTIF_TOHOST     1 /* index of the register; fromhost's is 0 */
#define HTIF_EXIT(code) ((u64)(u32)(code) << 1 | 1)
#define HTIF_PATIENCE   10000000 /* iterations; Spike reads tohost every few thousand instructions */

#define PANIC_STATUS 125

#define CRASH_EVENTS     16
#define CRASH_EVENTS_MAX 10000

static void sbi_shutdown(int code)
{
	sbi_call(SBI_EXT_SRST, SBI_SRST_SYSTEM_RESET, SBI_SRST_TYPE_SHUTDOWN,
		 code ? SBI_SRST_REASON_SYSFAIL : SBI_SRST_REASON_NONE, 0, 0, 0);
}

static volatile void *registers_of(const char *compatible)
{
	int node = fdt_next_compatible(-1, compatible);
	hpa_t base;

	return node >= 0 && fdt_reg(node, 0, &base, NULL) ? pa_to_va(base) : NULL;
}

static bool finisher_off(int code)
{
	volatile u32 *finisher = registers_of("sifive,test0");

	if (finisher)
		*finisher = code ? (u32)code << 16 | FINISHER_FAIL : FINISHER_PASS;
	return finisher;
}

static bool htif_off(int code)
{
	volatile u64 *htif = registers_of("ucb,htif0");

	if (htif)
		htif[HTIF_TOHOST] = HTIF_EXIT(code);
	return htif;
}

/*
 * Let a simulator that watches run_desc.tohost end the machine. The launcher cannot read the run
 * descriptor of such a machine, so its state is in the number as well.
 */
static void htif_memory_off(int code)
{
	if (fdt_next_compatible(-1, "ucb,htif0") < 0)
		return;
	WRITE_ONCE(run_desc.tohost, HTIF_EXIT(run_desc.state << 8 | (u8)code));
	for (unsigned int i = 0; i < HTIF_PATIENCE; i++)
		hv_cpu_relax();
}

void power_off(int code)
{
	if (!finisher_off(code) && !htif_off(code)) {
		htif_memory_off(code);
		sbi_shutdown(code);
	}
	/* QEMU exits a little later; a call to SRST now would overwrite the status. */
	for (;;)
		__asm__ volatile("wfi");
}

const char *power_off_method(void)
{
	if (registers_of("sifive,test0"))
		return "finisher";
	return fdt_next_compatible(-1, "ucb,htif0") >= 0 ? "HTIF" : "SBI";
}

static void log_line(const char *line)
{
	printk("%s\n", line);
}

static void log_events(unsigned long count)
{
	trace_dump((unsigned int)MIN(count, 0xffffffffUL), log_line);
}

void log_last_events(void)
{
	log_events(MIN(bootarg_size("trace.crash", CRASH_EVENTS), (unsigned long)CRASH_EVENTS_MAX));
}

void log_events_at_end(void)
{
	log_events(bootarg_size("trace.end", 0));
}

/* Other harts keep running: the machine ends soon, and stopping them could fail. */
void panic(const char *fmt, ...)
{
	static u32 panicking; /* number of the panicking hart + 1; 0: none */
	static bool again;
	u32 me = this_hart() + 1, other = 0;
	char line[256];
	va_list ap;

	if (!__atomic_compare_exchange_n(&panicking, &other, me, false, __ATOMIC_RELAXED,
					 __ATOMIC_RELAXED)) {
		/* The panic code itself has panicked. Power off without further output. */
		if (other == me && !again) {
			again = true;
			run_desc.state = HS_RUN_PANICKED;
			power_off(PANIC_STATUS);
		}
		/* power_off() has also failed. It reads the device tree; this SBI call does not. */
		if (other == me)
			sbi_shutdown(PANIC_STATUS);
		for (;;)
			__asm__ volatile("wfi");
	}
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	printk_force_unlock();
	printk("host: panic: %s\n", line);
	run_desc.state = HS_RUN_PANICKED;
	log_last_events();
	power_off(PANIC_STATUS);
}
