// SPDX-License-Identifier: MIT
/*
 * pmu_none.c - in place of pmu.c if Linux is configured without the SBI PMU's driver: guests have no
 * counters.
 */
#include "linux.h"
#include "hv/host_pmu.h"

unsigned int hv_pmu_counters(unsigned int *width)
{
	*width = 0;
	return 0;
}

void pmu_init(void)
{
}

int hv_pmc_prepare(struct hv_pmc *pmc)
{
	return -ENOENT;
}

void hv_pmc_release(struct hv_pmc *pmc)
{
}

int hv_pmc_start(struct hv_pmc *pmc)
{
	return -ENOENT;
}

void hv_pmc_stop(struct hv_pmc *pmc)
{
}

u64 hv_pmc_read(const struct hv_pmc *pmc)
{
	return pmc->value;
}

void pmu_report_overflows(void)
{
}
