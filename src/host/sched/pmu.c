// SPDX-License-Identifier: MIT
/*
 * pmu.c - the harts' programmable counters, lent to the core for its guests (hv/host_pmu.h).
 *
 * The firmware programs the counters (SBI §11); their values are read from CSRs. Only counters that
 * can be configured not to count in HS, U and M (Sscofpmf) are lent. cycle and instret are never
 * lent, because all measurements use them. Nothing else in the host uses programmable counters.
 *
 * An overflow raises an interrupt, LCOFI, on the counter's hart. The interrupt may be late, or
 * arrive after the counter was stopped, so hv_pmc_stop() itself checks whether the counter has
 * wrapped.
 */
#include <linux/errno.h>
#include "hv/csr.h"
#include "hv/host_pmu.h"
#include "hv/sbi.h"
#include "smp.h"
#include "platform/sbi.h"

#define FIRST_HPM 3 /* counters 0 to 2 are cycle, time and instret */

unsigned long hpm_read(unsigned int number);

static unsigned int nr_counters, counter_width;
static bool one_per_event;             /* if two counters have the same event, only one counts */
static unsigned long by_csr[HPM_CSRS]; /* for each CSR, the firmware's index of its counter */
static u32 available;                  /* bit n: counter n can be lent (numbered as in scountovf) */

static void add_counter(unsigned long index)
{
	struct sbiret ret = sbi_call(SBI_EXT_PMU, SBI_PMU_COUNTER_GET_INFO, index, 0, 0, 0, 0);
	unsigned long info = (unsigned long)ret.value;
	unsigned long csr = FIELD_GET(SBI_PMU_INFO_CSR, info) - CSR_cycle;
	unsigned int width = (unsigned int)FIELD_GET(SBI_PMU_INFO_WIDTH, info) + 1;

	if (ret.error || (info & SBI_PMU_INFO_FW) || csr < FIRST_HPM || csr >= HPM_CSRS)
		return;
	/* The counter mask of an SBI call has only one word. */
	if (index >= BITS_PER_LONG)
		return;
	by_csr[csr] = index;
	available |= 1U << csr;
	nr_counters++;
	if (!counter_width || width < counter_width)
		counter_width = width;
}

void pmu_hart_init(void)
{
	if (!available)
		return;
	csr_clear(sip, BIT(IRQ_PMU_OVF));
	csr_set(sie, BIT(IRQ_PMU_OVF));
}

unsigned int hv_pmu_counters(unsigned int *width)
{
	*width = counter_width;
	return nr_counters;
}

static u64 value_mask(void)
{
	return ~0ULL >> (64 - counter_width);
}

static void report_overflow(struct hv_pmc *pmc)
{
	if (pmc->overflow_reported)
		return;
	pmc->overflow_reported = true;
	pmc->overflow(pmc);
}

/*
 * Clear the interrupt before reading scountovf: an overflow between the two is seen twice, not
 * lost.
 */
void pmu_interrupt(void)
{
	struct hv_pmc **mine = my_hart()->lent;
	unsigned long passed;
	unsigned int csr;

	csr_clear(sip, BIT(IRQ_PMU_OVF));
	passed = csr_read(scountovf);
	for (csr = FIRST_HPM; csr < HPM_CSRS; csr++) {
		if (mine[csr] && (passed >> csr & 1))
			report_overflow(mine[csr]);
	}
}

/* Return this hart's free counters, as the mask for an SBI call. */
static unsigned long free_counters(void)
{
	unsigned long mask = 0;
	unsigned int csr;

	for (csr = FIRST_HPM; csr < HPM_CSRS; csr++) {
		if ((available >> csr & 1) && !my_hart()->lent[csr])
			mask |= BIT(by_csr[csr]);
	}
	return mask;
}

/* Have the firmware configure a free counter for the event. Returns its number (3 to 31) or 0. */
static unsigned int configure(unsigned long event, u64 data, unsigned long flags)
{
	unsigned long mask = free_counters();
	struct sbiret ret;
	unsigned int csr;

	/*
	 * With an empty mask, OpenSBI would set up cycle or instret with our filter, for all users.
	 */
	if (!mask)
		return 0;
	ret = sbi_call(SBI_EXT_PMU, SBI_PMU_COUNTER_CONFIG_MATCHING, 0, mask, flags, event,
		       (unsigned long)data);
	if (ret.error)
		return 0;
	for (csr = FIRST_HPM; csr < HPM_CSRS; csr++) {
		if ((available >> csr & 1) && by_csr[csr] == (unsigned long)ret.value &&
		    (mask & BIT(by_csr[csr])))
			return csr;
	}
	return 0;
}

static bool is_counted(unsigned long event)
{
	struct hv_pmc **mine = my_hart()->lent;
	unsigned int csr;

	for (csr = FIRST_HPM; csr < HPM_CSRS; csr++) {
		if (mine[csr] && mine[csr]->event == event)
			return true;
	}
	return false;
}

static void release(unsigned int csr)
{
	sbi_call(SBI_EXT_PMU, SBI_PMU_COUNTER_STOP, by_csr[csr], 1, SBI_PMU_STOP_RESET, 0, 0);
	my_hart()->lent[csr] = NULL;
}

static bool start(unsigned int csr, u64 value)
{
	return !sbi_call(SBI_EXT_PMU, SBI_PMU_COUNTER_START, by_csr[csr], 1, SBI_PMU_START_SET_INIT,
			 (unsigned long)value, 0)
			.error;
}

/* The firmware is asked at each start, and all threads of a hart share its counters. */
int hv_pmc_prepare(struct hv_pmc *pmc)
{
	(void)pmc;
	return 0;
}

void hv_pmc_release(struct hv_pmc *pmc)
{
	(void)pmc;
}

int hv_pmc_start(struct hv_pmc *pmc)
{
	unsigned long flags = SBI_PMU_CFG_UINH | SBI_PMU_CFG_SINH | SBI_PMU_CFG_MINH;
	unsigned int csr;

	if (one_per_event && is_counted(pmc->event))
		return -ENOENT;
	/* A pending interrupt would keep the firmware from arming the new counter's interrupt. */
	if (csr_read(sip) & BIT(IRQ_PMU_OVF))
		pmu_interrupt();
	if (pmc->inhibit & HV_PMC_NOT_IN_VU)
		flags |= SBI_PMU_CFG_VUINH;
	if (pmc->inhibit & HV_PMC_NOT_IN_VS)
		flags |= SBI_PMU_CFG_VSINH;
	csr = configure(pmc->event, pmc->data, flags);
	if (!csr)
		return -ENOENT;
	pmc->from = pmc->value & value_mask();
	pmc->overflow_reported = false;
	if (!start(csr, pmc->from)) {
		release(csr);
		return -ENOENT;
	}
	my_hart()->lent[csr] = pmc;
	pmc->counter = csr;
	return 0;
}

u64 hv_pmc_read(const struct hv_pmc *pmc)
{
	return pmc->counter ? hpm_read(pmc->counter) & value_mask() : pmc->value;
}

/* The counter does not count in HS, so it cannot overflow between the check and the stop. */
void hv_pmc_stop(struct hv_pmc *pmc)
{
	unsigned int csr = pmc->counter;

	if (!csr)
		return;
	pmc->value = hv_pmc_read(pmc);
	if (pmc->value < pmc->from || (csr_read(scountovf) >> csr & 1))
		report_overflow(pmc);
	release(csr);
	pmc->counter = 0;
}

/* ---- at boot ---- */

/*
 * Return true if a second counter for the same event counts. QEMU has only one counter per event:
 * the value of a second one would not change, and the guest that uses it would take that value for
 * the true count.
 */
static bool second_counts(void)
{
	struct hv_pmc first = { .event = SBI_PMU_HW_INSTRUCTIONS };
	unsigned long before = 0;
	unsigned int a, b;
	bool counts;

	a = configure(first.event, 0, 0);
	if (!a)
		return true;
	start(a, 0);
	my_hart()->lent[a] = &first;
	b = configure(first.event, 0, 0);
	counts = b && start(b, 0);
	if (counts)
		before = hpm_read(b);
	counts = counts && hpm_read(b) != before;
	if (b)
		release(b);
	release(a);
	return counts;
}

void pmu_init(void)
{
	unsigned long n, i;

	if (!hv_isa_has("sscofpmf") || !firmware_has_sbi(SBI_EXT_PMU))
		return;
	n = (unsigned long)sbi_call(SBI_EXT_PMU, SBI_PMU_NUM_COUNTERS, 0, 0, 0, 0, 0).value;
	for (i = 0; i < n && i < BITS_PER_LONG; i++)
		add_counter(i);
	if (available)
		one_per_event = !second_counts();
}
