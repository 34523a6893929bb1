// SPDX-License-Identifier: MIT
/*
 * pmu.c - performance counters (SBI §11): events, values, snapshots, overflow, invalid calls.
 *
 * The claims do not say how much is counted: on a machine without a cycle model, that depends on
 * the clock. Where Linux 6.12 answers differently, the claim accepts its answer or is skipped.
 * rough-counters=1: the machine's counters count in every mode, whatever the setting, and report an
 * overflow as soon as they start. QEMU before 9.1 has such counters.
 *
 * spoiled-redirects=1: illegal instructions are not counted (QEMU 10.0.13).
 */
#include "rt.h"

#define CYCLES    SBI_PMU_HW_CYCLES
#define INSTRET   SBI_PMU_HW_INSTRUCTIONS
#define FW(code)  (FIELD_PREP(SBI_PMU_EVENT_TYPE, SBI_PMU_TYPE_FW) | (code))
#define NO_MEMORY 0x7f00000000UL

static unsigned long nr;  /* number of counters */
static unsigned long all; /* mask of the existing counters */
static unsigned long hardware;

static u64 snapshot[512] __attribute__((aligned(4096)));

static struct sbiret pmu(unsigned long fid, unsigned long a0, unsigned long a1, unsigned long a2,
			 unsigned long a3)
{
	return sbi_call6(SBI_EXT_PMU, fid, a0, a1, a2, a3, 0, 0);
}

static long configure(unsigned long event, unsigned long flags)
{
	struct sbiret ret = pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, 0, all, flags, event);

	return ret.error ? ret.error : ret.value;
}

static long start(long counter, unsigned long flags, unsigned long value)
{
	return pmu(SBI_PMU_COUNTER_START, (unsigned long)counter, 1, flags, value).error;
}

static long stop(long counter, unsigned long flags)
{
	return pmu(SBI_PMU_COUNTER_STOP, (unsigned long)counter, 1, flags, 0).error;
}

static unsigned long fw_read(long counter)
{
	return (unsigned long)pmu(SBI_PMU_COUNTER_FW_READ, (unsigned long)counter, 0, 0, 0).value;
}

static void work(unsigned long rounds)
{
	while (rounds--)
		__asm__ volatile("" ::: "memory");
}

static void read_cycle(unsigned long arg)
{
	*(unsigned long *)arg = csr_read(cycle);
}

static void read_instret(unsigned long arg)
{
	*(unsigned long *)arg = csr_read(instret);
}

/* U mode has no memory to write the value to; the trap shows whether the read was allowed. */
static void read_in_user(unsigned long arg)
{
	(void)arg;
	csr_read(cycle);
	__asm__ volatile("ecall" ::: "memory");
}

static void write_cycle(unsigned long arg)
{
	(void)arg;
	__asm__ volatile("csrw cycle, zero");
}

/* ---- what is offered --------------------------------------------------------------- */

static void test_info(void)
{
	unsigned long i, csrs = 0, wrong = 0, none = 0;
	struct sbiret ret;

	nr = (unsigned long)pmu(SBI_PMU_NUM_COUNTERS, 0, 0, 0, 0).value;
	ok(nr > 3 && nr < 64, "there are more than 3 counters and fewer than 64");
	for (i = 0; i < nr; i++) {
		unsigned long info, csr;

		ret = pmu(SBI_PMU_COUNTER_GET_INFO, i, 0, 0, 0);
		if (ret.error) {
			none++;
			continue;
		}
		all |= BIT(i);
		info = (unsigned long)ret.value;
		if (info & SBI_PMU_INFO_FW)
			continue;
		hardware |= BIT(i);
		csr = FIELD_GET(SBI_PMU_INFO_CSR, info) - CSR_cycle;
		wrong += csr > 31 || csr == 1 || (csrs & BIT(csr)) ||
			 FIELD_GET(SBI_PMU_INFO_WIDTH, info) < 31;
		csrs |= BIT(csr);
	}
	note("%lu counters, mask of hardware counters %lx, of all %lx", nr, hardware, all);
	ok_eq(wrong, 0, "each hardware counter has its own CSR and at least 32 bits");
	ok_eq(none, 1, "every number but that of time belongs to a counter");
	ok((csrs & 5) == 5, "cycle and instret are counters");
	ok(all != hardware, "there are counters of firmware events");
	ok_sbi(pmu(SBI_PMU_COUNTER_GET_INFO, 1, 0, 0, 0), SBI_ERR_INVALID_PARAM,
	       "counter 1, which would be that of time, is invalid");
	ok_sbi(pmu(SBI_PMU_COUNTER_GET_INFO, ~0UL, 0, 0, 0), SBI_ERR_INVALID_PARAM,
	       "counter -1 is invalid");
	ok_sbi(pmu(0x77, 0, 0, 0, 0), SBI_ERR_NOT_SUPPORTED,
	       "an unknown function is not supported");
}

/* ---- hardware counters ------------------------------------------------------------ */

static void test_counter(const char *name, unsigned long event, long number, hart_fn read)
{
	unsigned long a = 0, b = 0, c = 0;

	ok_trap(catch_trap(read, (unsigned long)&a), EXC_ILLEGAL_INST, ANY,
		"%s: without an event, its CSR cannot be read", name);
	ok_eq((unsigned long)configure(event, SBI_PMU_CFG_CLEAR_VALUE), (unsigned long)number,
	      "%s: the event gets the expected counter", name);
	ok_trap(catch_trap(read, (unsigned long)&a), NO_TRAP, ANY, "%s: its CSR can be read", name);
	ok_eq(a, 0, "%s: a cleared counter is 0", name);
	ok_eq((unsigned long)start(number, 0, 0), 0, "%s: the counter starts", name);
	work(10000);
	catch_trap(read, (unsigned long)&a);
	work(10000);
	ok_eq((unsigned long)stop(number, 0), 0, "%s: the counter stops", name);
	catch_trap(read, (unsigned long)&b);
	ok(a > 0 && b > a, "%s: a started counter counts", name);
	start(number, SBI_PMU_START_SET_INIT, 1UL << 40);
	stop(number, 0);
	catch_trap(read, (unsigned long)&a);
	ok(a >= 1UL << 40 && a < 1UL << 41, "%s: the counter starts at the given value", name);
	work(10000);
	catch_trap(read, (unsigned long)&c);
	/* At each read, Linux 6.12 adds the count to the value again. */
	ok(c == a || on_linux(), "%s: a stopped counter keeps its value", name);
	ok_eq((unsigned long)stop(number, SBI_PMU_STOP_RESET),
	      (unsigned long)SBI_ERR_ALREADY_STOPPED, "%s: stopping a stopped counter is an error",
	      name);
	ok_trap(catch_trap(read, (unsigned long)&a), EXC_ILLEGAL_INST, ANY,
		"%s: after a reset, its CSR cannot be read", name);
}

static bool rough_counters(void)
{
	return boot_arg("rough-counters", NULL, 0);
}

static void test_modes(void)
{
	unsigned long a = 1, b = 1;
	long n;

	if (rough_counters()) {
		skip("a counter that excludes S mode", "QEMU before 9.1 counts in all modes");
		return;
	}
	n = configure(INSTRET, SBI_PMU_CFG_CLEAR_VALUE | SBI_PMU_CFG_SINH);
	start(n, SBI_PMU_START_SET_INIT, 0);
	work(10000);
	stop(n, 0);
	catch_trap(read_instret, (unsigned long)&a);
	stop(n, SBI_PMU_STOP_RESET);
	n = configure(INSTRET, SBI_PMU_CFG_CLEAR_VALUE | SBI_PMU_CFG_UINH);
	start(n, SBI_PMU_START_SET_INIT, 0);
	work(10000);
	stop(n, 0);
	catch_trap(read_instret, (unsigned long)&b);
	stop(n, SBI_PMU_STOP_RESET);
	ok(!a && b, "a counter counts nothing (%lu) without S mode, but counts without U mode", a);
}

static void test_user(void)
{
	long n = configure(CYCLES, 0);

	csr_write(scounteren, 0);
	if (on_linux())
		skip("a counter that scounteren hides from U mode", "Linux 6.12 allows the read");
	else
		ok_trap(catch_user(read_in_user, 0), EXC_ILLEGAL_INST, ANY,
			"U mode cannot read a counter that scounteren hides");
	csr_write(scounteren, COUNTEREN_CY);
	ok_trap(catch_user(read_in_user, 0), EXC_ECALL_U, ANY,
		"U mode can read a counter that scounteren allows");
	ok_trap(catch_trap(write_cycle, 0), EXC_ILLEGAL_INST, ANY, "a counter's CSR is read-only");
	csr_write(scounteren, 0);
	stop(n, SBI_PMU_STOP_RESET);
}

static void test_twice(void)
{
	long n = configure(CYCLES, SBI_PMU_CFG_AUTO_START);

	/* Linux 6.12 does not record that AUTO_START has started the counter. */
	ok(start(n, 0, 0) == SBI_ERR_ALREADY_STARTED || on_linux(),
	   "a counter configured with AUTO_START has been started");
	ok_eq((unsigned long)start(n, 0, 0), (unsigned long)SBI_ERR_ALREADY_STARTED,
	      "starting a started counter is an error");
	stop(n, SBI_PMU_STOP_RESET);
	ok_eq((unsigned long)start(n, 0, 0), 0, "starting a counter without an event is ignored");
	ok_eq((unsigned long)stop(n, 0), 0, "stopping a counter without an event is ignored");
	if (on_linux()) {
		skip("a second counter of cycles", "Linux gives counter 0 to every request");
		return;
	}
	configure(CYCLES, 0);
	ok(configure(CYCLES, 0) > 2, "a second request for cycles gets another counter");
	pmu(SBI_PMU_COUNTER_STOP, 0, all, SBI_PMU_STOP_RESET, 0);
}

/* ---- firmware events ----------------------------------------------------------------- */

static void illegal(unsigned long arg)
{
	(void)arg;
	__asm__ volatile(".4byte 0xffffffff");
}

static void ask_illegal(void)
{
	catch_trap(illegal, 0);
}

static void ask_timer(void)
{
	sbi_set_timer(~0UL);
}

static void ask_ipi(void)
{
	sbi_send_ipi(1, this_hart()->id);
	ipi_clear();
}

static void ask_fence(unsigned long fid)
{
	sbi_call6(SBI_EXT_RFENCE, fid, 1, this_hart()->id, 0, ~0UL, 0, 0);
}

static void ask_fence_i(void)
{
	ask_fence(SBI_RFENCE_REMOTE_FENCE_I);
}

static void ask_sfence(void)
{
	ask_fence(SBI_RFENCE_REMOTE_SFENCE_VMA);
}

#define TIMES 7

/* Return an event's count of TIMES calls to ask(), which is also called before and after. */
static unsigned long counted(unsigned long event, void (*ask)(void))
{
	long n = configure(FW(event), 0);
	unsigned long i, value;

	if (n < 0)
		return ~0UL;
	ask();
	start(n, SBI_PMU_START_SET_INIT, 0);
	for (i = 0; i < TIMES; i++)
		ask();
	stop(n, 0);
	ask();
	value = fw_read(n);
	stop(n, SBI_PMU_STOP_RESET);
	return value;
}

static void test_firmware(void)
{
	/* Linux counts a guest's remote sfence.vma as the hfence.vvma that the host executes. */
	unsigned long sfence =
		on_linux() ? SBI_PMU_FW_HFENCE_VVMA_SENT : SBI_PMU_FW_SFENCE_VMA_SENT;
	long n, m;

	ok_eq(counted(SBI_PMU_FW_SET_TIMER, ask_timer), TIMES, "set_timer is counted");
	ok_eq(counted(SBI_PMU_FW_IPI_SENT, ask_ipi), TIMES, "IPIs are counted as sent");
	ok_eq(counted(SBI_PMU_FW_IPI_RECEIVED, ask_ipi), TIMES, "IPIs are counted as received");
	ok_eq(counted(SBI_PMU_FW_FENCE_I_SENT, ask_fence_i), TIMES, "fence.i is counted as sent");
	ok_eq(counted(SBI_PMU_FW_FENCE_I_SENT + 1, ask_fence_i), TIMES,
	      "fence.i is counted as received");
	ok_eq(counted(sfence, ask_sfence), TIMES, "sfence.vma is counted as sent");
	if (on_linux())
		skip("illegal instructions", "Linux 6.12 does not count them");
	else if (boot_arg("spoiled-redirects", NULL, 0))
		skip("illegal instructions", "QEMU 10.0.13 spoils redirected traps");
	else
		ok_eq(counted(SBI_PMU_FW_ILLEGAL_INSN, ask_illegal), TIMES,
		      "illegal instructions are counted");
	ok_eq(counted(SBI_PMU_FW_SET_TIMER, ask_ipi), 0, "an IPI is not counted as set_timer");

	n = configure(FW(SBI_PMU_FW_SET_TIMER), 0);
	m = configure(FW(SBI_PMU_FW_SET_TIMER), 0);
	ok(n != m && (hardware >> n & 1) == 0, "two counters can have the same event");
	start(n, SBI_PMU_START_SET_INIT, 1000);
	ask_timer();
	start(m, SBI_PMU_START_SET_INIT, 0);
	ask_timer();
	/* Linux 6.12 has one value for both counters. */
	ok((fw_read(n) == 1002 && fw_read(m) == 1) || on_linux(),
	   "two counters of one event have separate values");
	ok_eq((unsigned long)pmu(SBI_PMU_COUNTER_FW_READ_HI, (unsigned long)n, 0, 0, 0).value, 0,
	      "fw_read_hi of a 64-bit value returns 0");
	pmu(SBI_PMU_COUNTER_STOP, 0, all, SBI_PMU_STOP_RESET, 0);
	ok_sbi(pmu(SBI_PMU_COUNTER_FW_READ, nr, 0, 0, 0), SBI_ERR_INVALID_PARAM,
	       "a counter that does not exist cannot be read");
}

/* ---- invalid sets and events ------------------------------------------------------- */

static void test_bad_sets(void)
{
	const unsigned long sets[][2] = { { 0, 0 },           { nr, 1 },  { 0, BIT(nr) },
					  { nr - 1, 2 },      { 64, 1 },  { 1UL << 63, 1 },
					  { 1, BIT(nr - 1) }, { 0, ~0UL } };
	static const unsigned long events[] = { 0x1234, FW(22), FW(0xfffe), 0x4ffff, 0xe0000 };
	unsigned long i, f, wrong = 0;

	for (i = 0; i < ARRAY_SIZE(sets); i++) {
		for (f = SBI_PMU_COUNTER_CONFIG_MATCHING; f <= SBI_PMU_COUNTER_STOP; f++)
			wrong += pmu(f, sets[i][0], sets[i][1], 0, CYCLES).error !=
				 SBI_ERR_INVALID_PARAM;
	}
	ok_eq(wrong, 0, "a set that is empty or contains counters that do not exist is invalid");
	for (wrong = 0, i = 0; i < ARRAY_SIZE(events); i++)
		wrong += configure(events[i], 0) != SBI_ERR_NOT_SUPPORTED;
	ok_eq(wrong, 0, "unknown events are not supported");
	if (on_linux())
		skip("a base of -1", "Linux adds the mask's bits and ignores the overflow");
	else
		ok_sbi(pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, ~0UL, 2, 0, CYCLES),
		       SBI_ERR_INVALID_PARAM, "a base of -1 does not wrap around to a counter");
}

/* ---- snapshot -------------------------------------------------------------------------------- */

static long shmem(unsigned long low, unsigned long high, unsigned long flags)
{
	return pmu(SBI_PMU_SNAPSHOT_SET_SHMEM, low, high, flags, 0).error;
}

static void test_snapshot(void)
{
	unsigned long here = (unsigned long)snapshot, value = 0;
	long n = configure(CYCLES, 0);

	ok_eq((unsigned long)start(n, SBI_PMU_START_INIT_SNAPSHOT, 0),
	      (unsigned long)SBI_ERR_NO_SHMEM, "a counter cannot start from an unset snapshot");
	ok_eq((unsigned long)stop(n, SBI_PMU_STOP_TAKE_SNAPSHOT), (unsigned long)SBI_ERR_NO_SHMEM,
	      "a counter cannot stop into an unset snapshot");
	ok(shmem(here + 8, 0, 0) == SBI_ERR_INVALID_PARAM || on_linux(),
	   "a snapshot that is not aligned is invalid (Linux: accepted)");
	ok_eq((unsigned long)shmem(here, 0, 1), (unsigned long)SBI_ERR_INVALID_PARAM,
	      "a snapshot with flags is invalid");
	ok_eq((unsigned long)shmem(NO_MEMORY, 0, 0), (unsigned long)SBI_ERR_INVALID_ADDRESS,
	      "a snapshot outside memory has an invalid address");
	ok_eq((unsigned long)shmem(here, 1, 0), (unsigned long)SBI_ERR_INVALID_ADDRESS,
	      "a snapshot beyond 64 bits has an invalid address");
	memset(snapshot, 0x55, sizeof(snapshot));
	ok_eq((unsigned long)shmem(here, 0, 0), 0, "a snapshot in a page of memory is accepted");
	ok(!snapshot[0] && !snapshot[64], "a new snapshot is cleared");
	snapshot[1] = 5000;
	ok_eq((unsigned long)start(n, SBI_PMU_START_INIT_SNAPSHOT, 0), 0,
	      "a counter starts from the snapshot");
	stop(n, SBI_PMU_STOP_TAKE_SNAPSHOT);
	ok(snapshot[1] >= 5000 && snapshot[1] < 1UL << 40, "a counter stops into the snapshot");
	if (rough_counters())
		skip("the snapshot shows no overflow", "QEMU before 9.1 reports an overflow");
	else
		ok(!snapshot[0], "the snapshot shows no overflow");
	catch_trap(read_cycle, (unsigned long)&value);
	ok(value == snapshot[1] || on_linux(), "the snapshot has the counter's value");
	stop(n, SBI_PMU_STOP_RESET);
	ok_eq((unsigned long)shmem(~0UL, ~0UL, 0), 0, "the snapshot can be disabled");
	ok_eq((unsigned long)stop(n, SBI_PMU_STOP_TAKE_SNAPSHOT), (unsigned long)SBI_ERR_NO_SHMEM,
	      "a disabled snapshot is no longer used");
}

/* ---- overflow -------------------------------------------------------------------------------- */

static long overflowing;

static void on_overflow(unsigned long code)
{
	if (code != IRQ_PMU_OVF)
		return;
	stop(overflowing, SBI_PMU_STOP_TAKE_SNAPSHOT);
	csr_clear(sip, BIT(IRQ_PMU_OVF));
}

static bool overflow_comes(unsigned long event)
{
	unsigned long before = this_hart()->irqs[IRQ_PMU_OVF], start_time = now();

	overflowing = configure(event, 0);
	snapshot[0] = 0;
	start(overflowing, SBI_PMU_START_SET_INIT, (unsigned long)-100000);
	csr_write(sie, BIT(IRQ_PMU_OVF));
	csr_set(sstatus, SSTATUS_SIE);
	while (READ_ONCE(this_hart()->irqs[IRQ_PMU_OVF]) == before &&
	       now() - start_time < us_to_ticks(5000000))
		work(100);
	csr_clear(sstatus, SSTATUS_SIE);
	csr_write(sie, 0);
	return this_hart()->irqs[IRQ_PMU_OVF] == before + 1;
}

static void test_overflow(void)
{
	if (!isa_has("_sscofpmf")) {
		skip("overflow", "no Sscofpmf here");
		return;
	}
	shmem((unsigned long)snapshot, 0, 0);
	this_hart()->on_irq = on_overflow;
	ok(overflow_comes(CYCLES), "cycles: an overflow interrupts exactly once");
	ok_eq(snapshot[0], 1, "the snapshot shows which counter overflowed");
	ok(snapshot[1] < 1UL << 60, "the counter that overflowed has wrapped");
	ok(!(csr_read(sip) & BIT(IRQ_PMU_OVF)), "the guest can clear the overflow interrupt");
	stop(overflowing, SBI_PMU_STOP_RESET | SBI_PMU_STOP_TAKE_SNAPSHOT);
	ok(overflow_comes(INSTRET), "instructions: an overflow interrupts exactly once");
	stop(overflowing, SBI_PMU_STOP_RESET);
	this_hart()->on_irq = NULL;
	shmem(~0UL, ~0UL, 0);
}

/* ---- random calls ---------------------------------------------------------------------------- */

static unsigned long bits = 0x9e3779b97f4a7c15UL;

static unsigned long any(void)
{
	switch (random_next(&bits) & 3) {
	case 0:
		return bits >> 2;
	case 1:
		return bits >> 58;
	case 2:
		return BIT(bits >> 58);
	default:
		return FW(bits >> 59);
	}
}

static void test_anything(void)
{
	unsigned long i, own = 0;

	for (i = 0; i < 3000; i++) {
		struct sbiret ret = sbi_call6(SBI_EXT_PMU, 1 + (bits >> 40) % 6, any(), any(),
					      any() & ~3UL, any(), any(), any());

		own += ret.error < SBI_ERR_NO_SHMEM || ret.error > 0;
	}
	ok_eq(own, 0, "each of 3000 random calls returns success or a defined error");
	pmu(SBI_PMU_COUNTER_STOP, 0, all, SBI_PMU_STOP_RESET, 0);
	ok(configure(CYCLES, 0) == 0, "cycles can be counted after the random calls");
	stop(0, SBI_PMU_STOP_RESET);
}

void payload_main(void)
{
	if (!sbi_has(SBI_EXT_PMU)) {
		ok(!isa_has("_sscofpmf"), "without the PMU, there is no Sscofpmf");
		ok_sbi(pmu(SBI_PMU_NUM_COUNTERS, 0, 0, 0, 0), SBI_ERR_NOT_SUPPORTED,
		       "without the PMU, its calls are not supported");
		done();
	}
	test_info();
	test_counter("cycle", CYCLES, 0, read_cycle);
	test_counter("instret", INSTRET, 2, read_instret);
	test_modes();
	test_user();
	test_twice();
	test_firmware();
	test_bad_sets();
	test_snapshot();
	test_overflow();
	test_anything();
	done();
}
