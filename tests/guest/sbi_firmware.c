// SPDX-License-Identifier: MIT
/*
 * sbi_firmware.c - system suspend (SUSP) and firmware features (FWFT), which the VMM has
 * to enable: --sbi susp,fwft; and which events the PMU can count (event_get_info).
 *
 * Which features exist depends on the processor; a missing one must be reported as such.
 */
#include "rt.h"

#define NO_MEMORY   0x7f00000000UL
#define WAIT_MS     20000UL
#define UART_SOURCE 1
#define UART_IER    1
#define IER_THRI    2

struct state {
	unsigned long kept[16];
	unsigned long a0, satp, sstatus;
};

long suspend_to(struct state *state, unsigned long resume);
extern char suspend_resume[];

/* ---- SUSP ---- */

static struct sbiret suspend(unsigned long type, unsigned long resume)
{
	return sbi_call(SBI_EXT_SUSP, SBI_SUSP_SYSTEM_SUSPEND, type, resume, 0);
}

static void stop_self(unsigned long arg)
{
	(void)arg;
	sbi_call(SBI_EXT_HSM, SBI_HSM_HART_STOP, 0, 0, 0);
}

static bool stop_other(void)
{
	unsigned long end = now() + us_to_ticks(WAIT_MS * 1000);

	hart_run(1, stop_self, 0);
	while (hart_status(harts[1].id) != SBI_HSM_STOPPED) {
		if (now() > end)
			return false;
		wait_irq(0, 200);
	}
	return true;
}

/*
 * Raise the serial port's line, which stays raised, so that its interrupt ends the suspend at once.
 * Return false if there is no serial port or no PLIC.
 */
static bool raise_wakeup(void)
{
	struct fdt_reg uart, plic;

	if (!fdt_find("ns16550a", 0, &uart) || !fdt_find("riscv,plic0", 0, &plic))
		return false;
	*(volatile u32 *)(plic.base + 4 * UART_SOURCE) = 1;
	*(volatile u32 *)(plic.base + 0x2000 + 0x80 * (2 * this_hart()->id + 1)) = BIT(UART_SOURCE);
	*(volatile u32 *)(plic.base + 0x200000 + 0x1000 * (2 * this_hart()->id + 1)) = 0;
	*(volatile u8 *)(uart.base + UART_IER) = 0;
	*(volatile u8 *)(uart.base + UART_IER) = IER_THRI;
	return true;
}

static void test_resume(void)
{
	struct state state = { .a0 = ~0UL };
	unsigned long stvec = csr_read(stvec), sscratch = csr_read(sscratch);
	long error;

	if (!raise_wakeup()) {
		skip("a suspend that resumes", "no serial port or no PLIC");
		return;
	}
	csr_set(sstatus, SSTATUS_SIE); /* sie masks all interrupts; the resume has to clear SIE */
	error = suspend_to(&state, (unsigned long)suspend_resume);
	csr_clear(sstatus, SSTATUS_SIE);
	csr_write(sscratch, sscratch);
	csr_write(stvec, stvec);
	ok_eq((unsigned long)error, 0,
	      "the last running hart may suspend, and resumes at the given address");
	ok_eq(state.a0, this_hart()->id,
	      "the resumed hart has its id in a0 and its argument in a1");
	ok(!state.satp && !(state.sstatus & SSTATUS_SIE),
	   "the resumed hart has satp 0 and interrupts off");
	ok(csr_read(sip) & BIT(IRQ_S_EXT), "the interrupt that ended the suspend is pending");
}

static void test_susp(void)
{
	unsigned long here = (unsigned long)suspend_resume;

	if (!sbi_has(SBI_EXT_SUSP)) {
		skip("system suspend", "no SUSP extension here");
		return;
	}
	ok_sbi(suspend(1, here), SBI_ERR_INVALID_PARAM, "a reserved sleep type is invalid");
	ok_sbi(suspend(0x80000000, here), SBI_ERR_INVALID_PARAM,
	       "a platform-specific sleep type is invalid on this platform");
	ok_sbi(suspend(0, NO_MEMORY), SBI_ERR_INVALID_ADDRESS,
	       "a resume address without memory is an invalid address");
	ok_sbi(sbi_call(SBI_EXT_SUSP, 1, 0, here, 0), SBI_ERR_NOT_SUPPORTED,
	       "an unknown function of SUSP is not supported");
	if (nr_harts > 1) {
		hart_need(1);
		ok_sbi(suspend(0, here), SBI_ERR_DENIED,
		       "a suspend is denied while another hart runs");
		if (!stop_other())
			bail("hart 1 does not stop");
	}
	test_resume();
}

/* ---- FWFT ---- */

static struct sbiret fwft_get(unsigned long feature)
{
	return sbi_call(SBI_EXT_FWFT, SBI_FWFT_GET, feature, 0, 0);
}

static long fwft_set(unsigned long feature, unsigned long value, unsigned long flags)
{
	return sbi_call(SBI_EXT_FWFT, SBI_FWFT_SET, feature, value, flags).error;
}

static void test_numbers(void)
{
	static const unsigned long unknown[] = { 6,          0x3fffffff, 0x40000000, 0x7fffffff,
						 0x80000000, 0xbfffffff, 0xc0000000, 0xffffffff };
	struct sbiret version = sbi_call(SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION, 0, 0, 0);
	unsigned long i, wrong = 0;

	ok_eq((unsigned long)version.value >> 24, 3, "with FWFT, the SBI version is 3.0");
	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		wrong += fwft_get(unknown[i]).error != SBI_ERR_DENIED;
		wrong += fwft_set(unknown[i], 0, 0) != SBI_ERR_DENIED;
	}
	ok_eq(wrong, 0, "reserved and platform features are denied");
	for (wrong = i = 0; i <= SBI_FWFT_POINTER_MASK_PMLEN; i++) {
		struct sbiret ret = fwft_get(i);

		note("feature %lu: error %ld value %ld", i, ret.error, ret.value);
		wrong += ret.error && (ret.error != SBI_ERR_NOT_SUPPORTED || ret.value);
		wrong += ret.error && fwft_set(i, 0, 0) != SBI_ERR_NOT_SUPPORTED;
		wrong += !ret.error && ret.value != 0;
	}
	ok_eq(wrong, 0, "each defined feature is supported and 0, or not supported");
	ok_sbi(sbi_call(SBI_EXT_FWFT, 2, 0, 0, 0), SBI_ERR_NOT_SUPPORTED,
	       "an unknown FWFT function returns SBI_ERR_NOT_SUPPORTED");
}

/*
 * Check what every feature with two values has to do. The feature must be locked last, because a
 * locked feature cannot be changed.
 */
static void test_switch(unsigned long feature, const char *name)
{
	if (fwft_get(feature).error) {
		skip(name, "not on this machine");
		return;
	}
	ok(fwft_set(feature, 2, 0) == SBI_ERR_INVALID_PARAM &&
		   fwft_set(feature, 1, 2) == SBI_ERR_INVALID_PARAM && !fwft_get(feature).value,
	   "%s: a bad value and bad flags are invalid and change nothing", name);
	ok(!fwft_set(feature, 1, 0) && fwft_get(feature).value == 1 && !fwft_set(feature, 0, 0) &&
		   fwft_get(feature).value == 0,
	   "%s: the feature can be switched on, and off again", name);
	ok(!fwft_set(feature, 1, SBI_FWFT_LOCK) &&
		   fwft_set(feature, 0, 0) == SBI_ERR_DENIED_LOCKED && fwft_get(feature).value == 1,
	   "%s: the feature cannot be changed once it is locked", name);
}

static void misaligned_lr(unsigned long address)
{
	__asm__ volatile("lr.w zero, (%0)" ::"r"(address) : "memory");
}

/* A misaligned LR may also be an access fault (unprivileged specification, Zalrsc). */
static void ok_misaligned(unsigned long odd, const char *what)
{
	const struct trap *trap = catch_trap(misaligned_lr, odd);

	ok_trap(trap,
		trap->cause == EXC_LOAD_ACCESS_FAULT ? EXC_LOAD_ACCESS_FAULT : EXC_LOAD_MISALIGNED,
		odd, "%s", what);
}

static void test_misaligned(void)
{
	static unsigned long words[4] __attribute__((aligned(32)));
	unsigned long odd = (unsigned long)words + 14;

	if (boot_arg("spoiled-redirects", NULL, 0))
		skip("a misaligned lr before the feature is set",
		     "QEMU 10.0.13 spoils redirected traps");
	else
		ok_misaligned(odd, "a misaligned lr traps to the guest before the feature is set");
	test_switch(SBI_FWFT_MISALIGNED, "misaligned exceptions delegated");
	ok_misaligned(odd, "a misaligned lr traps to the guest after the feature is set");
}

static void load_at(unsigned long address)
{
	this_hart()->regs[0] = *(volatile unsigned long *)address;
}

static bool loads(unsigned long address)
{
	return catch_trap(load_at, address)->cause == NO_TRAP &&
	       this_hart()->regs[0] == 0x1234567890UL;
}

static void test_pointers(void)
{
	static unsigned long word = 0x1234567890UL;
	unsigned long at = (unsigned long)&word, low = at | 0x55UL << 57, high = at | 0x55UL << 50;

	if (fwft_get(SBI_FWFT_POINTER_MASK_PMLEN).error) {
		skip("pointer masking", "not on this machine");
		return;
	}
	ok(!loads(low) && !loads(high), "a tag in a pointer faults without pointer masking");
	ok_eq((unsigned long)fwft_set(SBI_FWFT_POINTER_MASK_PMLEN, 5, 0),
	      (unsigned long)SBI_ERR_INVALID_PARAM, "pointer masking of 5 bits is not available");
	if (!fwft_set(SBI_FWFT_POINTER_MASK_PMLEN, 7, 0) && !loads(low)) {
		ok(!fwft_set(SBI_FWFT_POINTER_MASK_PMLEN, 0, 0), "pointer masking is off again");
		skip("pointer masking in VS", "henvcfg.PMM has no effect on this machine");
		return;
	}
	ok(!fwft_set(SBI_FWFT_POINTER_MASK_PMLEN, 7, 0) && loads(low) && !loads(high),
	   "with 7 bits masked, a tag in them is ignored, and a tag below them faults");
	ok(!fwft_set(SBI_FWFT_POINTER_MASK_PMLEN, 16, 0) && loads(low) && loads(high) &&
		   fwft_get(SBI_FWFT_POINTER_MASK_PMLEN).value == 16,
	   "with 16 bits masked, both tags are ignored");
	ok(!fwft_set(SBI_FWFT_POINTER_MASK_PMLEN, 0, 0) && !loads(low),
	   "pointer masking can be switched off again");
}

static void test_ad(void)
{
	static unsigned long page[PAGE_SIZE / 8] __attribute__((aligned(PAGE_SIZE)));
	const unsigned long flags = PTE_V | PTE_R | PTE_W;
	pte_t *root = pt_new(), *pte;
	unsigned long cause;

	if (fwft_get(SBI_FWFT_AD_HW_UPDATING).error) {
		skip("A and D bits", "this machine has no switch for updates by hardware");
		return;
	}
	pt_map(root, TEST_VA, (unsigned long)page, flags);
	pte = pt_find(root, TEST_VA);
	pt_on(root, 1);
	cause = catch_trap(load_at, TEST_VA)->cause;
	ok(cause == EXC_LOAD_PAGE_FAULT && !(*pte & PTE_A),
	   "at reset, an access to a page without A is a page fault");
	fwft_set(SBI_FWFT_AD_HW_UPDATING, 1, 0);
	cause = catch_trap(load_at, TEST_VA)->cause;
	ok(cause == NO_TRAP && (*pte & PTE_A), "with the feature on, the hart sets A itself");
	fwft_set(SBI_FWFT_AD_HW_UPDATING, 0, 0);
	*pte &= ~(pte_t)PTE_A;
	sfence_vma();
	ok(catch_trap(load_at, TEST_VA)->cause == EXC_LOAD_PAGE_FAULT,
	   "with the feature off, the access faults again");
	pt_off();
	test_switch(SBI_FWFT_AD_HW_UPDATING, "A and D bits by hardware");
}

static void test_fwft(void)
{
	if (!sbi_has(SBI_EXT_FWFT)) {
		skip("firmware features", "no FWFT extension here");
		return;
	}
	test_numbers();
	test_misaligned();
	test_ad();
	test_pointers();
}

/* ---- PMU event_get_info ---- */

static struct sbiret event_info(unsigned long gpa, unsigned long high, unsigned long n,
				unsigned long flags)
{
	return sbi_call6(SBI_EXT_PMU, SBI_PMU_EVENT_GET_INFO, gpa, high, n, flags, 0, 0);
}

static void test_events(void)
{
	const u32 firmware = FIELD_PREP(SBI_PMU_EVENT_TYPE, SBI_PMU_TYPE_FW);
	static struct sbi_pmu_event_info info[5] __attribute__((aligned(16)));
	unsigned long here = (unsigned long)info, n = ARRAY_SIZE(info), i;
	const u32 events[] = { SBI_PMU_HW_CYCLES, SBI_PMU_HW_INSTRUCTIONS,
			       firmware | SBI_PMU_FW_SET_TIMER, firmware | SBI_PMU_FW_COUNT,
			       0x1234 };

	for (i = 0; i < n; i++)
		info[i] = (struct sbi_pmu_event_info){ events[i], 7, 0 };
	if (!sbi_has(SBI_EXT_PMU) || event_info(here, 0, n, 0).error == SBI_ERR_NOT_SUPPORTED) {
		skip("event_get_info", "not here (Linux has it since 6.18)");
		return;
	}
	ok(info[0].output == 1 && info[1].output == 1 && info[2].output == 1,
	   "event_get_info: cycles, instructions and set_timer can be counted");
	ok(info[3].output == 0 && info[4].output == 0,
	   "event_get_info: unknown events cannot be counted");
	ok_sbi(event_info(here + 8, 0, 1, 0), SBI_ERR_INVALID_PARAM,
	       "event_get_info: an address that is not a multiple of 16 is invalid");
	ok_sbi(event_info(here, 0, n, 1), SBI_ERR_INVALID_PARAM,
	       "event_get_info: flags are invalid");
	ok_sbi(event_info(here, 1, n, 0), SBI_ERR_INVALID_ADDRESS,
	       "event_get_info: an address beyond 64 bits is invalid");
	ok_sbi(event_info(NO_MEMORY, 0, 1, 0), SBI_ERR_INVALID_ADDRESS,
	       "event_get_info: an address outside memory is invalid");
}

void payload_main(void)
{
	test_fwft();
	test_events();
	test_susp();
	done();
}
