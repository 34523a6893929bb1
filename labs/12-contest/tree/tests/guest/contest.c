// SPDX-License-Identifier: MIT
/*
 * contest.c - check that the SBI extensions that the contest's workload calls give the right
 * answers for other arguments too, whatever path the hypervisor takes
 */
#include "hv/sbi.h"
#include "rt.h"

#define GARBAGE 0x5eed5eed5eed5eedUL
#define ALL     (-1UL) /* hart_mask_base: every hart */

static void answers(unsigned long ext, unsigned long fid, unsigned long a0, unsigned long a1,
		    long error, unsigned long value, const char *what)
{
	struct sbiret ret = sbi_call6(ext, fid, a0, a1, GARBAGE, GARBAGE, GARBAGE, GARBAGE);

	if (!ok(ret.error == error && (unsigned long)ret.value == value, "%s", what))
		note("error %ld, value 0x%lx", (long)ret.error, (unsigned long)ret.value);
}

void payload_main(void)
{
	unsigned long version =
		(unsigned long)sbi_call(SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION, 0, 0, 0).value;

	answers(SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION, GARBAGE, GARBAGE, SBI_SUCCESS, version,
		"the version does not depend on arguments");
	answers(SBI_EXT_BASE, 7, GARBAGE, GARBAGE, SBI_ERR_NOT_SUPPORTED, 0,
		"the base extension has no function 7");
	answers(SBI_EXT_TIME, SBI_TIME_SET_TIMER, -1UL, GARBAGE, SBI_SUCCESS, 0,
		"set_timer returns the value 0, whatever a1 is");
	answers(SBI_EXT_TIME, 1, -1UL, GARBAGE, SBI_ERR_NOT_SUPPORTED, 0,
		"the timer extension has no function 1");
	answers(SBI_EXT_IPI, SBI_IPI_SEND_IPI, GARBAGE, ALL, SBI_SUCCESS, 0,
		"an IPI to all harts returns the value 0");
	ok(csr_read(sip) & BIT(IRQ_S_SOFT), "an IPI to all harts reaches the sender as well");
	ipi_clear();
	answers(SBI_EXT_IPI, 1, 1, 0, SBI_ERR_NOT_SUPPORTED, 0,
		"the IPI extension has no function 1");
	ok(!(csr_read(sip) & BIT(IRQ_S_SOFT)),
	   "an unknown function of the IPI extension does not send an IPI");
	answers(SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_FENCE_I, GARBAGE, ALL, SBI_SUCCESS, 0,
		"a fence for all harts returns the value 0");
	answers(SBI_EXT_RFENCE, 99, 1, 0, SBI_ERR_NOT_SUPPORTED, 0,
		"the fence extension has no function 99");
	done();
}
