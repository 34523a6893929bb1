// SPDX-License-Identifier: MIT
/*
 * save.c - a guest that uses a little of everything must not notice that it is saved midway.
 *
 * A store to the test device's register SAVE requests the save (--save). Every claim is the same
 * whether the machine is saved and restored at that store or runs without --save. Registers hold
 * patterns across that store; a timer is due later, an IPI is pending, one hart waits in WFI, one
 * was never started, a disk has a request in its ring, the PLIC has a source in service and one
 * pending, and pages hold patterns.
 *
 * Needs --testdev; makes more claims with 3 vCPUs and a disk of 1 MiB.
 */
#include "testdev.h"
#include "virtio.h"

#define DEV_SAVE 0x850
#define TIMER_US 1000000UL
#define PAGES    512

void save_with(unsigned long *gprs, unsigned long store_to);
void save_fp_put(const unsigned long *values, unsigned long fcsr);
unsigned long save_fp_get(unsigned long *values);
void save_vec_put(const u8 *bytes, unsigned long vcsr);
unsigned long save_vec_get(u8 *bytes);

static unsigned long pattern(unsigned long seed)
{
	return (seed + 1) * 0x9e3779b97f4a7c15UL;
}

/* ---- memory ---- */

static unsigned long memory[PAGES][PAGE_SIZE / 8] __attribute__((aligned(PAGE_SIZE)));

static void memory_fill(void)
{
	for (int page = 0; page < PAGES; page += 2) /* every other page stays zero */
		for (unsigned int i = 0; i < PAGE_SIZE / 8; i++)
			memory[page][i] = pattern(page * 1000UL + i);
}

static unsigned long memory_wrong(void)
{
	unsigned long wrong = 0;

	for (int page = 0; page < PAGES; page++)
		for (unsigned int i = 0; i < PAGE_SIZE / 8; i++)
			wrong += memory[page][i] != (page % 2 ? 0 : pattern(page * 1000UL + i));
	return wrong;
}

/* ---- a disk with requests in its ring ---- */

static struct header headers[2];
static volatile u8 answers[2];
static u8 written[SECTOR], read_back[SECTOR];
static bool disk;

/* Put request n (0: a write, 1: a read) for sector 5 into the ring, without a notification. */
static void disk_put(int n)
{
	struct desc *d = &disk_desc[3 * n];

	headers[n] = (struct header){ .type = n ? BLK_IN : BLK_OUT, .sector = 5 };
	answers[n] = NO_ANSWER;
	d[0] = (struct desc){ (unsigned long)&headers[n], sizeof(headers[n]), DESC_NEXT,
			      (u16)(3 * n + 1) };
	d[1] = (struct desc){ (unsigned long)(n ? read_back : written), SECTOR,
			      (u16)(DESC_NEXT | (n ? DESC_WRITE : 0)), (u16)(3 * n + 2) };
	d[2] = (struct desc){ (unsigned long)&answers[n], 1, DESC_WRITE, 0 };
	disk_offer((u16)(3 * n));
}

static bool disk_answered(int n)
{
	unsigned long t = now();

	while (disk_used_index() <= n && now() - t < us_to_ticks(10000000))
		;
	return disk_used_index() > n;
}

static void disk_prepare(void)
{
	for (int i = 0; i < SECTOR; i++)
		written[i] = (u8)pattern(i);
	disk_put(0);
	disk_set(REG_QUEUE_NOTIFY, 0); /* the request may be in progress at the save */
}

static void disk_check(void)
{
	ok(disk_answered(0) && answers[0] == 0,
	   "the disk request that was in progress is answered");
	disk_put(1);
	disk_set(REG_QUEUE_NOTIFY, 0);
	ok(disk_answered(1) && answers[1] == 0, "the disk answers the next request");
	ok(!memcmp(written, read_back, SECTOR), "the disk reads back what was written");
}

/* ---- registers ---- */

static unsigned long gprs[32], floats[32], floats_then[32];
static u8 vectors[32 * 256], vectors_then[32 * 256];

static unsigned long csrs_wrong, clock_saved, clock_restored;

static void test_registers(void)
{
	unsigned long wrong = 0, i, fcsr = 0, vector = 0, vector_then = 0;
	bool fp = isa_has("d"), vec = isa_has("v");

	for (i = 0; i < 32; i++) {
		gprs[i] = pattern(i);
		floats[i] = pattern(100 + i);
	}
	for (i = 0; i < sizeof(vectors); i++)
		vectors[i] = (u8)pattern(i);
	csr_set(sstatus, SSTATUS_FS | (vec ? SSTATUS_VS : 0));
	if (vec) {
		save_vec_put(vectors, 5);
		vector = save_vec_get(vectors_then);
		save_vec_put(vectors, 5);
	}
	if (fp)
		save_fp_put(floats, 0x65);
	csr_write(sepc, 0x123456789abcUL);
	csr_write(scause, 13);
	csr_write(stval, pattern(7));
	csr_write(scounteren, 5);
	clock_saved = now();
	save_with(gprs, dev + DEV_SAVE);
	clock_restored = now();
	csrs_wrong = (csr_read(sepc) != 0x123456789abcUL) + (csr_read(scause) != 13) +
		     (csr_read(stval) != pattern(7)) + (csr_read(scounteren) != 5);
	if (fp)
		fcsr = save_fp_get(floats_then);
	memset(vectors_then, 0, sizeof(vectors_then));
	if (vec)
		vector_then = save_vec_get(vectors_then);

	for (i = 1; i < 32; i++)
		wrong += i != 5 && gprs[i] != pattern(i);
	ok_eq(wrong, 0, "the general registers keep their values across a save");
	ok_eq(csrs_wrong, 0, "sepc, scause, stval, scounteren keep their values across a save");
	ok(!fp || (fcsr == 0x65 && !memcmp(floats, floats_then, sizeof(floats))),
	   "the FP registers keep their values across a save");
	ok(!vec || (vector == vector_then && !memcmp(vectors, vectors_then, 32 * csr_read(vlenb))),
	   "the vector registers keep their values across a save");
}

/* ---- performance counters: one of the hart, and one that counts the IPIs sent ---- */

#define IPIS_SENT (FIELD_PREP(SBI_PMU_EVENT_TYPE, SBI_PMU_TYPE_FW) | SBI_PMU_FW_IPI_SENT)

/* Cycles are counted from here on. A count that is lost, and restarts at 0, stays below this. */
#define CYCLES_START (1UL << 40)

static bool counting;
static unsigned long cycles_before, cycle_counter, ipis_counter;

static struct sbiret count_from_zero(unsigned long event)
{
	unsigned long n = (unsigned long)sbi_call(SBI_EXT_PMU, SBI_PMU_NUM_COUNTERS, 0, 0, 0).value;

	return sbi_call6(SBI_EXT_PMU, SBI_PMU_COUNTER_CONFIG_MATCHING, 0, BIT(n) - 1 - BIT(1),
			 SBI_PMU_CFG_CLEAR_VALUE | SBI_PMU_CFG_AUTO_START, event, 0, 0);
}

static unsigned long ipis(void)
{
	return (unsigned long)sbi_call(SBI_EXT_PMU, SBI_PMU_COUNTER_FW_READ, ipis_counter, 0, 0)
		.value;
}

/* Linux has no registers for the state of the PMU. */
static void counters_prepare(void)
{
	counting = !on_linux() && sbi_has(SBI_EXT_PMU);
	if (!counting)
		return;
	cycle_counter = (unsigned long)count_from_zero(SBI_PMU_HW_CYCLES).value;
	sbi_call(SBI_EXT_PMU, SBI_PMU_COUNTER_STOP, cycle_counter, 1, 0);
	sbi_call6(SBI_EXT_PMU, SBI_PMU_COUNTER_START, cycle_counter, 1, SBI_PMU_START_SET_INIT,
		  CYCLES_START, 0, 0);
	ipis_counter = (unsigned long)count_from_zero(IPIS_SENT).value;
	hart_ipi(0);
	hart_ipi(0);
	cycles_before = csr_read(cycle);
}

static void test_counters(void)
{
	unsigned long cycles, sent;

	if (!counting) {
		skip("performance counters", "no PMU, or it is not saved here");
		return;
	}
	cycles = csr_read(cycle);
	sent = ipis();
	ok(cycles_before >= CYCLES_START && cycles > cycles_before,
	   "a counter of the hart keeps its count across a save");
	ok_eq(sent, 2, "a counter of a firmware event keeps its count across a save");
	hart_ipi(0);
	ok(csr_read(cycle) > cycles && ipis() == 3, "both counters still count after a save");
}

/* ---- harts and interrupts ---- */

static unsigned long wake, woken;

/* Wait in WFI for the IPI that test_sleeper() sends after the restore. */
static void sleeper(unsigned long arg)
{
	(void)arg;
	csr_write(sie, BIT(IRQ_S_SOFT));
	while (!__atomic_load_n(&wake, __ATOMIC_ACQUIRE)) {
		wfi();
		ipi_clear();
	}
	__atomic_store_n(&woken, 1, __ATOMIC_RELEASE);
}

static void test_sleeper(void)
{
	ok_eq(READ_ONCE(woken), 0, "the hart in WFI still waits");
	/* 1 is "stopped"; Linux reports a waiting hart as "suspended". */
	ok(hart_status(harts[1].id) != 1, "HSM does not report the hart in WFI as stopped");
	__atomic_store_n(&wake, 1, __ATOMIC_RELEASE);
	hart_ipi(1);
	ok(hart_wait(1, 5000) && READ_ONCE(woken), "an IPI wakes the hart in WFI");
	if (nr_harts < 3)
		return;
	ok_eq(hart_status(harts[2].id), 1, "the hart that was stopped is still stopped");
	ok_eq(hart_start(2), 0, "the hart that was stopped can be started");
}

/* ---- the PLIC: the test device's interrupt is in service, the serial port's is pending ---- */

#define UART_SOURCE    1
#define UART_IER       1
#define UART_IER_THRI  2
#define TESTDEV_SOURCE 11

static unsigned long plic, uart;

static volatile u32 *plic_reg(unsigned long offset)
{
	return (volatile u32 *)(plic + offset);
}

/* Context 1 is that of the first hart in S-mode. */
#define PLIC_PRIORITY(source) plic_reg(4 * (source))
#define PLIC_ENABLE           plic_reg(0x2080)
#define PLIC_CLAIM            plic_reg(0x201004)

static void plic_prepare(void)
{
	struct fdt_reg reg;

	if (!fdt_find("riscv,plic0", 0, &reg))
		return;
	plic = reg.base;
	fdt_find("ns16550a", 0, &reg);
	uart = reg.base;
	*PLIC_PRIORITY(UART_SOURCE) = 1;
	*PLIC_PRIORITY(TESTDEV_SOURCE) = 2;
	*PLIC_ENABLE = BIT(UART_SOURCE) | BIT(TESTDEV_SOURCE);
	dev_set(DEV_IRQ, 1);
	ok_eq(*PLIC_CLAIM, TESTDEV_SOURCE, "the test device's interrupt can be claimed");
	*(volatile u8 *)(uart + UART_IER) = UART_IER_THRI;
}

static void test_plic(void)
{
	if (!plic) {
		skip("the PLIC", "there is none");
		return;
	}
	ok(csr_read(sip) & BIT(IRQ_S_EXT), "the external interrupt is still pending");
	ok_eq(*PLIC_CLAIM, UART_SOURCE, "the source that was pending can be claimed");
	ok_eq(*PLIC_CLAIM, 0, "the source in service can't be claimed");
	*PLIC_CLAIM = TESTDEV_SOURCE;
	ok_eq(*PLIC_CLAIM, TESTDEV_SOURCE, "once completed, it can be: its line is still high");
	dev_set(DEV_IRQ, 0);
	*(volatile u8 *)(uart + UART_IER) = 0;
	*PLIC_CLAIM = TESTDEV_SOURCE;
	*PLIC_CLAIM = UART_SOURCE;
	ok(!(csr_read(sip) & BIT(IRQ_S_EXT)), "completed, with its line low, it is not pending");
	*PLIC_ENABLE = 0;
}

/* ---- interrupts of the hart itself ---- */

static unsigned long timer_due, timer_came;

static void on_irq(unsigned long code)
{
	if (code == IRQ_S_TIMER) {
		timer_came = now();
		timer_off();
	}
	csr_clear(sie, BIT(code));
}

static void test_interrupts(void)
{
	struct hart *hart = this_hart();
	unsigned long ipis = hart->irqs[IRQ_S_SOFT];

	/* Saving and restoring take seconds on a busy machine, and a test may pause in between. */
	ok(clock_restored >= clock_saved &&
		   clock_restored - clock_saved < us_to_ticks(1000000 * boot_number("pause", 2)),
	   "the guest's clock stood still while the guest was saved");
	ok(csr_read(sip) & BIT(IRQ_S_SOFT), "the pending IPI is still pending");
	if (on_linux()) {
		skip("the pending IPI ends a WFI", "Linux 6.12 ignores a sip that was set");
	} else {
		/* No other interrupt is enabled: without the IPI, the test would time out here. */
		csr_write(sie, BIT(IRQ_S_SOFT));
		wfi();
		ok(csr_read(sip) & BIT(IRQ_S_SOFT), "the pending IPI ends a WFI");
	}
	hart->on_irq = on_irq;
	csr_write(sie, BIT(IRQ_S_SOFT));
	csr_set(sstatus, SSTATUS_SIE);
	csr_clear(sstatus, SSTATUS_SIE);
	ok_eq(hart->irqs[IRQ_S_SOFT], ipis + 1, "the pending IPI is taken once");
	ipi_clear();
	csr_write(sie, BIT(IRQ_S_TIMER));
	csr_set(sstatus, SSTATUS_SIE);
	while (!READ_ONCE(timer_came) && now() < timer_due + us_to_ticks(5000000))
		;
	csr_clear(sstatus, SSTATUS_SIE);
	ok(timer_came >= timer_due, "the timer fires, and not before its time");
}

void payload_main(void)
{
	unsigned long count = 0;

	testdev_find();
	memory_fill();
	disk = disk_find();
	if (disk)
		disk_start();
	if (nr_harts > 1) {
		hart_start(1);
		hart_run(1, sleeper, 0);
		delay_us(20000); /* by then the hart is in WFI */
	}
	csr_write(sie, 0);
	dev_set(0x10, pattern(1));
	timer_due = now() + us_to_ticks(TIMER_US);
	timer_at(timer_due);
	hart_ipi(0);
	while (!(csr_read(sip) & BIT(IRQ_S_SOFT)) && count < 1000000)
		count++;
	if (disk)
		disk_prepare();
	plic_prepare();
	counters_prepare();
	note("saving");
	test_registers();
	test_counters();
	test_plic();
	test_interrupts();
	ok_eq(memory_wrong(), 0, "memory keeps its contents across a save");
	ok_eq(dev_reg(0x10), pattern(1), "the device's memory keeps its contents across a save");
	if (nr_harts > 1)
		test_sleeper();
	else
		skip("a hart in WFI", "there is one hart");
	if (disk)
		disk_check();
	else
		skip("the disk", "there is no disk");
	done();
}
