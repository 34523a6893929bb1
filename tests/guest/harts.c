// SPDX-License-Identifier: MIT
/*
 * harts.c - several harts: start, stop, suspend; IPIs; the time; remote fences; and MMIO
 * instructions that another hart unmaps or rewrites.
 *
 * Runs with one hart or more; boot argument rounds=N sets how often each race is tried. Except for
 * a moment in test_suspend(), harts that wait for each other do so in WFI: when only one hart runs
 * at a time (more vCPUs than harts, or -icount), a spinning hart would use up its time slice.
 */
#include "rt.h"

#define WAIT_MS 20000UL

static int others; /* number of other harts that are started */
static unsigned long rounds = 100;

/* ---- HSM ---- */

static volatile unsigned long seen_a0, seen_a1, seen_satp, seen_sie, seen_hart;

/* Linux 6.12 reports a hart in WFI as SUSPENDED. */
static bool is_started(unsigned long id)
{
	long status = hart_status(id);

	return status == SBI_HSM_STARTED || (on_linux() && status == SBI_HSM_SUSPENDED);
}

static void note_state(unsigned long arg)
{
	seen_a1 = arg;
	seen_hart = this_hart()->id;
	seen_satp = csr_read(satp);
	seen_sie = csr_read(sstatus) & SSTATUS_SIE;
}

static void test_start(void)
{
	unsigned long i, bad = 0, stopped = 0;
	struct sbiret ret;

	for (i = 1; i < (unsigned long)nr_harts; i++) {
		stopped += hart_status(harts[i].id) == SBI_HSM_STOPPED;
		bad += hart_start((int)i) != 0;
	}
	ok_eq(stopped, (unsigned long)nr_harts - 1, "the other %d harts are stopped at first",
	      nr_harts - 1);
	if (!ok_eq(bad, 0, "all other harts start"))
		bail("cannot continue without the other harts");
	others = nr_harts - 1;
	for (bad = 0, i = 1; i < (unsigned long)nr_harts; i++) {
		hart_run((int)i, note_state, 0x1000 + i);
		bad += !hart_wait((int)i, WAIT_MS) || seen_a1 != 0x1000 + i ||
		       seen_hart != harts[i].id || seen_satp || seen_sie;
		bad += !is_started(harts[i].id);
	}
	ok_eq(bad, 0,
	      "all other harts run with their id, satp 0 and interrupts off, and are STARTED");
	if (!others)
		return;
	ret = sbi_call(SBI_EXT_HSM, SBI_HSM_HART_START, harts[1].id, (unsigned long)_start, 0);
	ok_sbi(ret, SBI_ERR_ALREADY_AVAILABLE, "starting a running hart fails: already available");
}

static void stop_self(unsigned long arg)
{
	(void)arg;
	sbi_call(SBI_EXT_HSM, SBI_HSM_HART_STOP, 0, 0, 0);
	bail("hart_stop returned");
}

void harts_restart(void);
static unsigned long restart_stack[64];
unsigned long *harts_restart_top = restart_stack + 64;
void harts_restarted(unsigned long hartid, unsigned long opaque);

/* Called by harts.S on a restarted hart, where tp is not set: this_hart() must not be used. */
void harts_restarted(unsigned long hartid, unsigned long opaque)
{
	seen_a0 = hartid;
	__atomic_store_n(&seen_a1, opaque, __ATOMIC_RELEASE);
	hart_ipi(0);
	sbi_call(SBI_EXT_HSM, SBI_HSM_HART_STOP, 0, 0, 0);
}

static bool wait_status(unsigned long id, long status)
{
	unsigned long end = now() + us_to_ticks(WAIT_MS * 1000);

	while (hart_status(id) != status) {
		if (now() > end)
			return false;
		wait_irq(0, 200);
	}
	return true;
}

static void test_stop(void)
{
	int last = nr_harts - 1;
	unsigned long i, bad = 0, id = harts[last].id, end;

	hart_run(last, stop_self, 0);
	ok(wait_status(id, SBI_HSM_STOPPED), "a hart that stops itself is STOPPED");
	hart_ipi(last);
	wait_irq(0, 2000);
	ok(hart_status(id) == SBI_HSM_STOPPED, "an IPI does not wake a STOPPED hart");
	for (i = 0; i < 20; i++) {
		seen_a1 = 0;
		bad += sbi_call(SBI_EXT_HSM, SBI_HSM_HART_START, id, (unsigned long)harts_restart,
				0xabc0 + i)
			       .error != 0;
		end = now() + us_to_ticks(WAIT_MS * 1000);
		while (__atomic_load_n(&seen_a1, __ATOMIC_ACQUIRE) != 0xabc0 + i && now() < end) {
			wait_irq(BIT(IRQ_S_SOFT), 1000);
			ipi_clear();
		}
		bad += seen_a1 != 0xabc0 + i || seen_a0 != id;
		bad += !wait_status(id, SBI_HSM_STOPPED);
	}
	ok_eq(bad, 0,
	      "a hart restarts 20 times at another address with its id and argument, and stops");
	others--;
}

static volatile bool wake_up, has_work;

/* A late IPI may end a suspend early. Clear IPIs before checking wake_up, so as to miss none. */
static void suspend_self(unsigned long arg)
{
	csr_write(sie, BIT(IRQ_S_SOFT));
	has_work = true;
	for (ipi_clear(); !READ_ONCE(wake_up); ipi_clear())
		seen_a0 =
			(unsigned long)sbi_call(SBI_EXT_HSM, SBI_HSM_HART_SUSPEND, arg, 0, 0).error;
}

static void test_suspend(void)
{
	unsigned long id = harts[1].id, end = now() + us_to_ticks(WAIT_MS * 1000);
	bool slept;

	seen_a0 = 99;
	wake_up = has_work = false;
	hart_run(1, suspend_self, SBI_HSM_SUSPEND_RETENTIVE);
	/* On Linux KVM, a hart that waits for work in WFI is SUSPENDED too. */
	while (!READ_ONCE(has_work) && now() < end)
		;
	slept = wait_status(id, SBI_HSM_SUSPENDED);
	ok(slept, "a hart in retentive suspend is SUSPENDED");
	wake_up = true;
	hart_ipi(1);
	ok(hart_wait(1, WAIT_MS) && seen_a0 == 0,
	   "an IPI wakes a SUSPENDED hart, and its suspend call returns success");
	ok(is_started(id), "a hart woken from suspend is STARTED again");
}

/* ---- IPI ---- */

static volatile bool race_stop;
static volatile unsigned long arrived;

static void announce(void)
{
	__atomic_fetch_add(&arrived, 1, __ATOMIC_RELEASE);
	hart_ipi(0);
}

static bool wait_arrived(unsigned long n)
{
	unsigned long end = now() + us_to_ticks(WAIT_MS * 1000);

	while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) < n) {
		if (now() > end)
			return false;
		wait_irq(BIT(IRQ_S_SOFT), 1000);
		ipi_clear();
	}
	return true;
}

/*
 * Take software interrupts until told to stop. SIE is off around the check of race_stop, so that no
 * interrupt is taken between the check and the WFI.
 */
static void take_ipis(unsigned long arg)
{
	(void)arg;
	announce();
	while (!READ_ONCE(race_stop)) {
		wfi();
		csr_set(sstatus, SSTATUS_SIE);
		csr_clear(sstatus, SSTATUS_SIE);
	}
}

/*
 * Send n IPIs to hart j, each once the previous one has arrived or has not arrived in time. Returns
 * how many did not arrive in time. A late IPI may be counted as the next one.
 */
static unsigned long lost_ipis(int j, unsigned long n)
{
	unsigned long lost = 0, i;

	for (i = 0; i < n; i++) {
		unsigned long before = READ_ONCE(harts[j].irqs[IRQ_S_SOFT]);
		unsigned long end = now() + us_to_ticks(WAIT_MS * 100);

		hart_ipi(j);
		while (READ_ONCE(harts[j].irqs[IRQ_S_SOFT]) == before && now() < end)
			wait_irq(0, 50);
		if (READ_ONCE(harts[j].irqs[IRQ_S_SOFT]) == before) {
			printf("# hart %d: IPI %lu did not arrive in %lu ms\n", j, i, WAIT_MS / 10);
			lost++;
		}
	}
	return lost;
}

static void test_ipi_each(void)
{
	unsigned long lost = 0;
	int j;

	for (j = 1; j <= others; j++) {
		race_stop = false;
		arrived = 0;
		hart_run(j, take_ipis, 0);
		lost += !wait_arrived(1);
		wait_irq(0, 2000);
		lost += lost_ipis(j, 30);
		race_stop = true;
		hart_ipi(j);
		lost += !hart_wait(j, WAIT_MS);
	}
	ok_eq(lost, 0, "30 IPIs to each of the other harts arrive one by one as interrupts");
}

static void one_ipi(unsigned long arg)
{
	(void)arg;
	wait_irq(0, 2000);
	ipi_clear(); /* the IPI that started this work */
	announce();
	while (!(csr_read(sip) & BIT(IRQ_S_SOFT)))
		wfi();
	ipi_clear();
}

/* Claim that all other harts get an IPI sent with this hart mask and base (base -1: to all). */
static void test_ipi_mask(const char *how, unsigned long mask, unsigned long base)
{
	unsigned long bad = 0;
	int i;

	arrived = 0;
	for (i = 1; i <= others; i++)
		hart_run(i, one_ipi, 0);
	bad += !wait_arrived((unsigned long)others);
	sbi_send_ipi(mask, base);
	for (i = 1; i <= others; i++)
		bad += !hart_wait(i, WAIT_MS);
	ipi_clear();
	ok_eq(bad, 0, "an IPI by %s reaches all %d other harts", how, others);
}

/* ---- time ---- */

static void read_time(unsigned long arg)
{
	(void)arg;
	seen_a0 = now();
}

/* The harts hand over by IPI and memory, so the order of the three readings is certain. */
static void test_time(void)
{
	unsigned long i, before, bad = 0;

	for (i = 0; i < 50; i++) {
		int j = 1 + (int)(i % (unsigned long)others);

		before = now();
		hart_run(j, read_time, 0);
		bad += !hart_wait(j, WAIT_MS) || seen_a0 < before || now() < seen_a0;
	}
	ok_eq(bad, 0, "time does not run backwards from one hart to another");
}

/* ---- remote fences: what they make visible ---- */

static u32 *patch;
static pte_t *race_root;
static unsigned long race_pages[2];

#define LI_A0(n) (0x00000513U | (u32)(n) << 20)
#define RET      0x00008067U

static void call_patch(unsigned long arg)
{
	(void)arg;
	seen_a0 = ((unsigned long (*)(void))(unsigned long)patch)();
}

static void test_fence_i(void)
{
	unsigned long i, bad = 0;

	patch = page_alloc();
	for (i = 0; i < 50; i++) {
		patch[0] = LI_A0(i + 1);
		patch[1] = RET;
		fence_i();
		sbi_call(SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_FENCE_I, harts_others(), 0, 0);
		hart_run(1, call_patch, 0);
		bad += !hart_wait(1, WAIT_MS) || seen_a0 != i + 1;
	}
	ok_eq(bad, 0, "after a remote fence.i, another hart runs the new code, 50 times");
}

static void read_under(unsigned long va)
{
	csr_write(satp, satp_make(race_root, 3));
	seen_a0 = *(volatile unsigned long *)va;
	csr_write(satp, 0);
}

/* After the remote fence `fid`, hart 1 must use the changed translation. */
static void test_sfence(const char *name, unsigned long fid)
{
	unsigned long i, bad = 0;

	for (i = 0; i < 50; i++) {
		*pt_find(race_root, TEST_VA) = pte_make(race_pages[i & 1], PTE_KERNEL);
		sfence_vma();
		bad += sbi_call6(SBI_EXT_RFENCE, fid, harts_others(), 0, TEST_VA, PAGE_SIZE, 3, 0)
			       .error != 0;
		hart_run(1, read_under, TEST_VA);
		bad += !hart_wait(1, WAIT_MS) || seen_a0 != 0x100 + (i & 1);
	}
	ok_eq(bad, 0, "after %s, another hart sees the new page, 50 times", name);
}

/* ---- MMIO by an instruction that another hart unmaps or rewrites ---- */

static unsigned long device; /* a register that may be read at any time; 0: there is none */
static unsigned long race_good, race_fault, race_other;
static struct trap race_trap; /* the trap of the first wrong outcome */
static unsigned long race_result, race_want;

/*
 * lw a0, 0(a0) reads the device; lwu and mv replace it. The three differ only in their lower 16
 * bits: QEMU fetches an instruction in halves, and once combined a half of lw and a half of li into
 * a third instruction.
 */
#define LW_A0  0x00052503U
#define LWU_A0 0x00056503U
#define MV_A0  0x00050513U /* mv a0, a0 */

static void call_race(unsigned long va)
{
	this_hart()->regs[0] = ((unsigned long (*)(unsigned long))va)(device);
}

static void race_judge(const struct trap *trap, unsigned long result, unsigned long va)
{
	if (trap->cause == NO_TRAP && (result == race_want || result == device)) {
		race_good++;
	} else if (trap->cause == EXC_INST_PAGE_FAULT &&
		   (trap->tval == va || trap->tval == va + 4)) {
		race_fault++;
	} else if (!race_other++) {
		race_trap = *trap;
		race_result = result;
	}
}

/* Run the code at va repeatedly, and count the outcomes. A fetch fault at lw or ret is correct. */
static void race_runner(unsigned long va)
{
	struct hart *hart = this_hart();
	unsigned long n = 0;

	race_want = *(volatile u32 *)device;
	csr_write(satp, satp_make(race_root, 3));
	sfence_vma();
	while (!READ_ONCE(race_stop) && n++ < 300000) {
		const struct trap *trap = catch_trap(call_race, va);

		race_judge(trap, hart->regs[0], va);
		fence_i();
	}
	csr_write(satp, 0);
	sfence_vma();
}

static void race_begin(void)
{
	race_stop = false;
	race_good = race_fault = race_other = 0;
	hart_run(1, race_runner, TEST_VA);
}

/* Wait until the other hart has succeeded once more, but for at most 50 ms. */
static void race_turn(void)
{
	unsigned long before = READ_ONCE(race_good), end = now() + us_to_ticks(50000);

	do
		wait_irq(0, 20);
	while (READ_ONCE(race_good) == before && now() < end);
}

static void race_end(const char *what)
{
	bool ended;

	race_stop = true;
	ended = hart_wait(1, WAIT_MS);
	ok(ended && !race_other && race_good, "MMIO works from a page that is %s by another hart",
	   what);
	note("%lu times right, %lu fetch faults, %lu other", race_good, race_fault, race_other);
	if (race_other)
		note("first: cause %ld stval %lx sepc %lx result %lx, wanted %lx",
		     (long)race_trap.cause, race_trap.tval, race_trap.epc, race_result, race_want);
}

static void test_races(void)
{
	volatile u32 *page = (volatile u32 *)race_pages[0];
	volatile pte_t *pte = pt_find(race_root, TEST_VA);
	unsigned long i;

	page[0] = LW_A0;
	page[1] = RET;
	fence_i();
	*pte = pte_make(race_pages[0], PTE_V | PTE_X | PTE_A);
	race_begin();
	for (i = 0; i < rounds; i++) {
		race_turn();
		*pte = 0;
		sbi_call6(SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_SFENCE_VMA, harts_others(), 0, TEST_VA,
			  PAGE_SIZE, 0, 0);
		*pte = pte_make(race_pages[0], PTE_V | PTE_X | PTE_A);
	}
	race_end("unmapped and mapped");
	race_begin();
	for (i = 0; i < rounds; i++) {
		race_turn();
		page[0] = LWU_A0;
		sbi_call(SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_FENCE_I, harts_others(), 0, 0);
		race_turn();
		page[0] = MV_A0;
		sbi_call(SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_FENCE_I, harts_others(), 0, 0);
		race_turn();
		page[0] = LW_A0;
	}
	race_end("rewritten");
}

static void find_device(void)
{
	struct fdt_reg reg;

	if (fdt_find("riscv,plic0", 0, &reg)) {
		device = reg.base + 4; /* the priority of source 1 */
		*(volatile u32 *)device = 5;
	}
}

void payload_main(void)
{
	int i;

	rounds = boot_number("rounds", rounds);
	note("%d harts, rounds=%lu", nr_harts, rounds);
	test_start();
	if (others) {
		test_suspend();
		test_ipi_each();
		test_ipi_mask("mask with base 0", harts_others(), 0);
		test_ipi_mask("base -1", 0, ~0UL);
		test_time();
		test_fence_i();
		race_root = pt_new();
		for (i = 0; i < 2; i++) {
			race_pages[i] = (unsigned long)page_alloc();
			*(unsigned long *)race_pages[i] = 0x100 + (unsigned long)i;
		}
		test_sfence("remote sfence.vma", SBI_RFENCE_REMOTE_SFENCE_VMA);
		test_sfence("remote sfence.vma with ASID", SBI_RFENCE_REMOTE_SFENCE_VMA_ASID);
		find_device();
		if (device)
			test_races();
		else
			skip("races at a device", "no PLIC in the device tree");
		test_stop();
	}
	done();
}
