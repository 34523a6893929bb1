// SPDX-License-Identifier: MIT
/*
 * smp.c - secondary harts, interrupts between harts, and the timer.
 *
 * A secondary hart sleeps in WFI until it is given work; the hart that waits for this work also
 * sleeps in WFI. Harts avoid spinning, because under -icount they run alternately in slices, and a
 * spinning hart uses up its slice.
 */
#include "rt.h"

struct hart harts[MAX_HARTS];
int nr_harts;

static u8 stacks[MAX_HARTS][STACK_SIZE] __attribute__((aligned(16))) NOT_CLEARED;
static u8 trap_stacks[MAX_HARTS][TRAP_STACK_SIZE] __attribute__((aligned(16))) NOT_CLEARED;
static int online[MAX_HARTS]; /* set by the hart itself */
static unsigned long tick_rate;
static bool sstc;

static void hart_init(int index, unsigned long id)
{
	struct hart *hart = &harts[index];

	hart->id = id;
	hart->index = index;
	hart->trap_sp = (unsigned long)trap_stacks[index] + TRAP_STACK_SIZE;
	hart->sp = (unsigned long)stacks[index] + STACK_SIZE;
}

/* The boot hart is harts[0]; the others follow in the device tree's order. */
void smp_init(unsigned long boot_id)
{
	unsigned long ids[MAX_HARTS];
	const void *prop;
	int n, i;

	hart_init(0, boot_id); /* first: the handler of a trap needs its stack */
	n = fdt_cpus(ids, MAX_HARTS);
	prop = fdt_prop("/cpus", "timebase-frequency", NULL);
	tick_rate = prop ? fdt_cell(prop, 0) : 10000000;
	sstc = isa_has("_sstc");
	online[0] = 1;
	nr_harts = 1;
	for (i = 0; i < n; i++)
		if (ids[i] != boot_id && nr_harts < MAX_HARTS)
			hart_init(nr_harts++, ids[i]);
}

/* "_name" is a multi-letter extension; a single letter is looked up before the first _. */
bool isa_has(const char *ext)
{
	const char *isa = fdt_string("/cpus/cpu", "riscv,isa");
	size_t n = strlen(ext), i;

	if (ext[0] != '_') {
		for (i = 4; isa[0] && isa[i] && isa[i] != '_'; i++)
			if (isa[i] == ext[0])
				return true;
		return false;
	}
	for (isa = strstr(isa, ext); isa; isa = strstr(isa + 1, ext))
		if (!isa[n] || isa[n] == '_')
			return true;
	return false;
}

/* ---- work for other harts ---- */

void rt_secondary(struct hart *hart)
{
	csr_write(sie, BIT(IRQ_S_SOFT));
	__atomic_store_n(&online[hart->index], 1, __ATOMIC_RELEASE);
	hart_ipi(0);
	for (;;) {
		hart_fn fn = __atomic_load_n(&hart->fn, __ATOMIC_ACQUIRE);

		if (!fn) {
			wfi();
			ipi_clear();
			continue;
		}
		fn(hart->arg);
		csr_clear(sstatus, SSTATUS_SIE);
		csr_write(sie, BIT(IRQ_S_SOFT));
		__atomic_store_n(&hart->fn, NULL, __ATOMIC_RELEASE);
		hart_ipi(0);
	}
}

long hart_status(unsigned long id)
{
	struct sbiret ret = sbi_call(SBI_EXT_HSM, SBI_HSM_HART_GET_STATUS, id, 0, 0);

	return ret.error ? ret.error : ret.value;
}

/*
 * Wait until done_yet(index) is true, for at most `ms` milliseconds. The hart that makes the
 * condition true then sends an IPI to harts[0]; on any other hart, the wait polls every 10 ms.
 * Returns false on a timeout.
 */
static bool wait_flag(bool (*done_yet)(int), int index, unsigned long ms)
{
	unsigned long end = now() + us_to_ticks(ms * 1000);

	while (!done_yet(index)) {
		if (now() >= end)
			return false;
		wait_irq(BIT(IRQ_S_SOFT), 10000);
		ipi_clear();
	}
	return true;
}

static bool is_online(int index)
{
	return __atomic_load_n(&online[index], __ATOMIC_ACQUIRE);
}

int hart_start(int index)
{
	struct sbiret ret;

	if (is_online(index))
		return 0;
	ret = sbi_call(SBI_EXT_HSM, SBI_HSM_HART_START, harts[index].id,
		       (unsigned long)secondary_start, (unsigned long)&harts[index]);
	if (ret.error)
		return (int)ret.error;
	return wait_flag(is_online, index, 10000) ? 0 : -1;
}

void hart_need(int index)
{
	if (hart_start(index))
		bail("hart %d does not start", index);
}

bool hart_idle(int index)
{
	return !__atomic_load_n(&harts[index].fn, __ATOMIC_ACQUIRE);
}

void hart_run(int index, hart_fn fn, unsigned long arg)
{
	harts[index].arg = arg;
	__atomic_store_n(&harts[index].fn, fn, __ATOMIC_RELEASE);
	hart_ipi(index);
}

bool hart_wait(int index, unsigned long ms)
{
	return wait_flag(hart_idle, index, ms);
}

void hart_ipi(int index)
{
	sbi_send_ipi(1, harts[index].id);
}

void ipi_clear(void)
{
	csr_clear(sip, BIT(IRQ_S_SOFT));
}

/* ---- time ---- */

unsigned long timebase(void)
{
	return tick_rate;
}

unsigned long us_to_ticks(unsigned long us)
{
	return us * (tick_rate / 10000) / 100;
}

void delay_us(unsigned long us)
{
	unsigned long end = now() + us_to_ticks(us);

	while (now() < end)
		;
}

bool has_sstc(void)
{
	return sstc;
}

void timer_at(unsigned long long time)
{
	if (sstc)
		csr_write(stimecmp, time);
	else
		sbi_set_timer(time);
}

void timer_off(void)
{
	timer_at(~0ULL);
}

/* A pending interrupt that sie enables ends WFI, even if sstatus.SIE = 0. */
bool wait_irq(unsigned long sie_bits, unsigned long us)
{
	unsigned long old = csr_read(sie), end = now() + us_to_ticks(us);
	bool came;

	timer_at(end);
	csr_write(sie, sie_bits | BIT(IRQ_S_TIMER));
	while (!(came = csr_read(sip) & sie_bits) && now() < end)
		wfi();
	timer_off();
	csr_write(sie, old);
	return came;
}

unsigned long harts_others(void)
{
	unsigned long mask = 0;
	int i;

	for (i = 1; i < nr_harts; i++)
		mask |= 1UL << harts[i].id;
	return mask;
}
