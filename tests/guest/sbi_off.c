// SPDX-License-Identifier: MIT
/*
 * sbi_off.c - SBI extensions that the VMM has disabled (its option --sbi): the guest finds none of
 * them, whatever it calls.
 *
 * With boot argument off=legacy, the legacy extensions are disabled; otherwise, all others are,
 * except base.
 */
#include "rt.h"

static unsigned long answered(unsigned long ext)
{
	unsigned long fid, wrong = 0;

	for (fid = 0; fid < 8; fid++) {
		struct sbiret ret = sbi_call(ext, fid, 0, 0, 0);

		if (ret.error == SBI_ERR_NOT_SUPPORTED && !ret.value)
			continue;
		note("extension %lx function %lu: error %ld value %ld", ext, fid, ret.error,
		     ret.value);
		wrong++;
	}
	return wrong;
}

static void test_absent(const unsigned long *ids, unsigned long n, const char *which)
{
	unsigned long i, found = 0, wrong = 0;

	for (i = 0; i < n; i++) {
		found += sbi_has(ids[i]);
		wrong += answered(ids[i]);
	}
	ok_eq(found, 0, "probe finds none of the %lu %s extensions that were disabled", n, which);
	ok_eq(wrong, 0, "no function of the disabled extensions is supported");
	ok(sbi_has(SBI_EXT_BASE), "the base extension cannot be disabled");
}

void payload_main(void)
{
	static const unsigned long legacy[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	static const unsigned long others[] = {
		SBI_EXT_TIME,
		SBI_EXT_IPI,
		SBI_EXT_RFENCE,
		SBI_EXT_HSM,
		SBI_EXT_SRST,
		SBI_EXT_STA,
		SBI_EXT_SUSP,
		SBI_EXT_FWFT,
		SBI_EXT_PMU,
		SBI_EXT_EXPERIMENTAL_START,
		SBI_EXT_EXPERIMENTAL_END,
		SBI_EXT_VENDOR_START,
		SBI_EXT_VENDOR_END,
		SBI_EXT_DBCN, /* last, because it has to stay if it is the only console */
	};
	unsigned long n = ARRAY_SIZE(others) - !sbi_has(SBI_LEGACY_CONSOLE_PUTCHAR);
	char off[16];

	if (boot_arg("off", off, sizeof(off)) && !strcmp(off, "legacy"))
		test_absent(legacy, ARRAY_SIZE(legacy), "legacy");
	else
		test_absent(others, n, "other");
	done();
}
