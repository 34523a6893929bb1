// SPDX-License-Identifier: MIT
/*
 * sbi.c - SBI calls with valid and with invalid arguments.
 *
 * A claim, or a comment at it, says where the specification leaves a choice or where Linux 6.12
 * differs from it.
 * Spec: SBI, the chapter of each extension.
 *
 * silent-sip=1: sip shows no pending timer (timer.c).
 */
#include "rt.h"

#define NO_SUCH_EXT  0x0a000abc
#define NO_SUCH_FID  0x77
#define NO_SUCH_HART 0x7fff0000UL
#define NO_MEMORY    0x7f00000000UL /* a physical address without memory */

unsigned long sbi_regs_changed(unsigned long ext, unsigned long fid, unsigned long a0);

/*
 * Return whether the answer for a hart that does not exist is right: INVALID_PARAM according to the
 * specification, or also SUCCESS on Linux 6.12, which skips such harts.
 */
static bool bad_hart_answer(struct sbiret ret)
{
	return ret.error == SBI_ERR_INVALID_PARAM || (on_linux() && ret.error == SBI_SUCCESS);
}

static void ok_pending(bool good, const char *claim)
{
	if (boot_arg("silent-sip", NULL, 0))
		skip(claim, "QEMU before 8.0 shows no pending timer in sip");
	else
		ok(good && csr_read(sip) & BIT(IRQ_S_TIMER), "%s", claim);
}

static void test_base(void)
{
	static const unsigned long required[] = { SBI_EXT_BASE, SBI_EXT_TIME,   SBI_EXT_IPI,
						  SBI_EXT_HSM,  SBI_EXT_RFENCE, SBI_EXT_SRST };
	struct sbiret ret = sbi_call(SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION, 0, 0, 0);
	unsigned long i, fid, good = 0;

	ok(!ret.error && ret.value >= 1 << 24 && !((unsigned long)ret.value & ~0x7fffffffUL),
	   "the SBI version is at least 1.0 and its upper bits are zero");
	note("SBI %ld.%ld, implementation %lu", ret.value >> 24, ret.value & 0xffffff, impl_id());
	for (fid = SBI_BASE_GET_IMPL_ID; fid <= SBI_BASE_GET_MIMPID; fid++)
		good += !sbi_call(SBI_EXT_BASE, fid, SBI_EXT_TIME, 0, 0).error;
	ok_eq(good, 6, "the calls for implementation id, versions and machine ids succeed");
	for (good = i = 0; i < ARRAY_SIZE(required); i++)
		good += sbi_has(required[i]);
	ok_eq(good, ARRAY_SIZE(required), "probe finds base, time, IPI, HSM, remote fence, reset");
	ret = sbi_call(SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION, NO_SUCH_EXT, 0, 0);
	ok(!ret.error && !ret.value, "probing an unknown extension returns 0 and no error");
	ret = sbi_call(SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION, ~0UL, 0, 0);
	/* In Linux 6.12's table, extensions that it was built without have the ID -1. */
	ok(!ret.error && (!ret.value || on_linux()), "probing extension -1 returns 0 and no error");
	ok_sbi(sbi_call(SBI_EXT_BASE, NO_SUCH_FID, 0, 0, 0), SBI_ERR_NOT_SUPPORTED,
	       "an unknown function of the base extension is not supported");
	ok_eq(sbi_regs_changed(SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION, 0), 0,
	      "a base call keeps every register but a0 and a1");
}

static void test_unknown(void)
{
	static const unsigned long ids[] = { SBI_EXT_PMU, SBI_EXT_DBCN, SBI_EXT_SUSP,
					     SBI_EXT_STA, SBI_EXT_FWFT, 0x435050ff,
					     0x4e41434c,  0x535345,     NO_SUCH_EXT,
					     ~0UL,        0x9,          0xf,
					     0x08000000,  0x09000000,   0xffffffff00000010UL };
	unsigned long i, wrong = 0;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		struct sbiret ret = sbi_call(ids[i], NO_SUCH_FID, 0, 0, 0);

		if (ret.error == SBI_ERR_NOT_SUPPORTED)
			continue;
		note("extension %lx function %x: error %ld", ids[i], NO_SUCH_FID, ret.error);
		wrong++;
	}
	ok_eq(wrong, 0, "unknown extensions and functions are not supported");
	for (wrong = i = 0; i < ARRAY_SIZE(ids); i++)
		if (!sbi_has(ids[i]) && sbi_call(ids[i], 0, 0, 0, 0).error != SBI_ERR_NOT_SUPPORTED)
			wrong++;
	ok_eq(wrong, 0, "calls to an extension that probe does not find are not supported");
	ok_eq(sbi_regs_changed(NO_SUCH_EXT, 0, 0), 0,
	      "an unknown call keeps every register but a0 and a1");
}

static void test_time(void)
{
	struct sbiret ret;

	csr_write(sie, 0);
	ret = sbi_call(SBI_EXT_TIME, SBI_TIME_SET_TIMER, now() - 1, 0, 0);
	ok_pending(!ret.error, "set_timer to the past makes the timer pending at once");
	ret = sbi_call(SBI_EXT_TIME, SBI_TIME_SET_TIMER, ~0UL, 0, 0);
	ok(!ret.error && !(csr_read(sip) & BIT(IRQ_S_TIMER)),
	   "set_timer to -1 clears the pending timer");
	ok_sbi(sbi_call(SBI_EXT_TIME, NO_SUCH_FID, 0, 0, 0), SBI_ERR_NOT_SUPPORTED,
	       "an unknown function of the timer extension is not supported");
}

static bool ipi_arrives(unsigned long mask, unsigned long base)
{
	bool came;

	ipi_clear();
	if (sbi_call(SBI_EXT_IPI, SBI_IPI_SEND_IPI, mask, base, 0).error)
		return false;
	came = wait_irq(BIT(IRQ_S_SOFT), 100000);
	ipi_clear();
	return came;
}

static void test_ipi(void)
{
	unsigned long me = this_hart()->id;

	ok(ipi_arrives(1, me), "a hart's IPI to itself (mask 1, its own id as base) arrives");
	ok(ipi_arrives(0, ~0UL), "an IPI to all harts, base -1, arrives at the sender");
	ipi_clear();
	ok(!sbi_call(SBI_EXT_IPI, SBI_IPI_SEND_IPI, 0, 0, 0).error &&
		   !(csr_read(sip) & BIT(IRQ_S_SOFT)),
	   "an empty hart mask succeeds and interrupts no hart");
	ok(bad_hart_answer(sbi_call(SBI_EXT_IPI, SBI_IPI_SEND_IPI, 1, NO_SUCH_HART, 0)),
	   "an IPI to a missing hart fails with INVALID_PARAM (Linux: ignored)");
	ok_sbi(sbi_call(SBI_EXT_IPI, NO_SUCH_FID, 1, me, 0), SBI_ERR_NOT_SUPPORTED,
	       "an unknown function of the IPI extension is not supported");
}

static void test_rfence(void)
{
	unsigned long me = this_hart()->id, fid, wrong = 0;

	for (fid = SBI_RFENCE_REMOTE_FENCE_I; fid <= SBI_RFENCE_REMOTE_SFENCE_VMA_ASID; fid++) {
		wrong += !!sbi_call6(SBI_EXT_RFENCE, fid, 1, me, 0, ~0UL, 0, 0).error;
		wrong += !!sbi_call6(SBI_EXT_RFENCE, fid, 1, me, 0x1000, 0x1000, 5, 0).error;
		wrong += !!sbi_call6(SBI_EXT_RFENCE, fid, 0, ~0UL, ~0xfffUL, 0x1000, 5, 0).error;
		wrong += !!sbi_call6(SBI_EXT_RFENCE, fid, 0, 0, 0, 0, 0, 0).error;
	}
	ok_eq(wrong, 0,
	      "remote fence.i and sfence.vma with and without ASID succeed for self, range, all, "
	      "none");
	ok(bad_hart_answer(sbi_call(SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_FENCE_I, 1, NO_SUCH_HART, 0)),
	   "a remote fence at a missing hart fails with INVALID_PARAM (Linux: ignored)");
	for (wrong = 0, fid = SBI_RFENCE_REMOTE_HFENCE_GVMA_VMID;
	     fid <= SBI_RFENCE_REMOTE_HFENCE_VVMA; fid++) {
		wrong += sbi_call6(SBI_EXT_RFENCE, fid, 1, me, 0, 0x1000, 0, 0).error !=
			 SBI_ERR_NOT_SUPPORTED;
	}
	ok_eq(wrong, 0, "a remote hfence without an H extension is not supported");
	ok_sbi(sbi_call(SBI_EXT_RFENCE, NO_SUCH_FID, 1, me, 0), SBI_ERR_NOT_SUPPORTED,
	       "an unknown function of the remote fence extension is not supported");
}

static void test_hsm(void)
{
	unsigned long me = this_hart()->id;
	struct sbiret ret;
	unsigned long t;

	ret = sbi_call(SBI_EXT_HSM, SBI_HSM_HART_GET_STATUS, me, 0, 0);
	ok(!ret.error && ret.value == SBI_HSM_STARTED, "this hart's status is STARTED");
	/* Linux 6.12 loses the error, and returns success and STARTED. */
	ret = sbi_call(SBI_EXT_HSM, SBI_HSM_HART_GET_STATUS, NO_SUCH_HART, 0, 0);
	ok(ret.error == SBI_ERR_INVALID_PARAM || on_linux(),
	   "asking for the status of a hart that does not exist is invalid");
	ok_sbi(sbi_call(SBI_EXT_HSM, SBI_HSM_HART_START, me, (unsigned long)_start, 0),
	       SBI_ERR_ALREADY_AVAILABLE, "starting the calling hart fails: already available");
	ok_sbi(sbi_call(SBI_EXT_HSM, SBI_HSM_HART_START, NO_SUCH_HART, (unsigned long)_start, 0),
	       SBI_ERR_INVALID_PARAM, "starting a hart that does not exist is invalid");
	t = now();
	timer_at(t + us_to_ticks(1000));
	csr_write(sie, BIT(IRQ_S_TIMER));
	ret = sbi_call(SBI_EXT_HSM, SBI_HSM_HART_SUSPEND, SBI_HSM_SUSPEND_RETENTIVE, 0, 0);
	csr_write(sie, 0);
	ok_pending(!ret.error && now() - t >= us_to_ticks(1000),
		   "retentive suspend returns success when the timer is due");
	timer_off();
	ret = sbi_call(SBI_EXT_HSM, SBI_HSM_HART_SUSPEND, 1, 0, 0);
	ok_sbi(ret, SBI_ERR_INVALID_PARAM, "a reserved suspend type is invalid");
	/* Only the lower 32 bits are the type. */
	ret = sbi_call(SBI_EXT_HSM, SBI_HSM_HART_SUSPEND, BIT(32) | SBI_HSM_SUSPEND_NON_RETENTIVE,
		       (unsigned long)_start, 0);
	ok_sbi(ret, SBI_ERR_NOT_SUPPORTED, "non-retentive suspend is not supported");
	ret = sbi_call(SBI_EXT_HSM, SBI_HSM_HART_SUSPEND, SBI_HSM_SUSPEND_NON_RETENTIVE + 1,
		       (unsigned long)_start, 0);
	ok_sbi(ret, SBI_ERR_INVALID_PARAM, "a reserved non-retentive suspend type is invalid");
	ok_sbi(sbi_call(SBI_EXT_HSM, NO_SUCH_FID, 0, 0, 0), SBI_ERR_NOT_SUPPORTED,
	       "an unknown function of HSM is not supported");
}

static void test_srst(void)
{
	long error = sbi_call(SBI_EXT_SRST, SBI_SRST_SYSTEM_RESET, 0x1234, 0, 0).error;

	ok(error == SBI_ERR_INVALID_PARAM || error == SBI_ERR_NOT_SUPPORTED,
	   "a reserved reset type is refused, and nothing is reset");
	if (on_linux()) {
		skip("a reset with a reserved reason is refused", "Linux resets the machine");
	} else {
		error = sbi_call(SBI_EXT_SRST, SBI_SRST_SYSTEM_RESET, SBI_SRST_TYPE_SHUTDOWN,
				 SBI_SRST_REASON_SYSFAIL + 1, 0)
				.error;
		ok(error == SBI_ERR_INVALID_PARAM, "a reset with a reserved reason is refused");
	}
	ok_sbi(sbi_call(SBI_EXT_SRST, NO_SUCH_FID, 0, 0, 0), SBI_ERR_NOT_SUPPORTED,
	       "an unknown function of system reset is not supported");
}

static void test_dbcn(void)
{
	static const char text[] = "# (this line was written by DBCN byte by byte)\n";
	struct sbiret ret;
	unsigned long i, good = 0;
	u8 byte;

	if (!sbi_has(SBI_EXT_DBCN)) {
		skip("debug console", "no DBCN here");
		return;
	}
	for (i = 0; i < sizeof(text) - 1; i++)
		good += !sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_WRITE_BYTE, (u8)text[i], 0, 0)
				 .error;
	ok_eq(good, sizeof(text) - 1, "write_byte succeeds for each byte");
	ret = sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_WRITE, 0, (unsigned long)text, 0);
	ok(!ret.error && !ret.value, "writing no bytes succeeds and writes 0");
	ret = sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_READ, 1, (unsigned long)&byte, 0);
	ok(!ret.error && !ret.value, "reading without input succeeds and reads 0");
	ret = sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_WRITE, 4, (unsigned long)text, 1);
	ok(ret.error == SBI_ERR_INVALID_PARAM || ret.error == SBI_ERR_FAILED,
	   "an address with upper bits is refused on RV64");
	if (impl_id() == IMPL_OPENSBI)
		skip("writing from an address without memory", "OpenSBI itself faults");
	else
		ok_sbi(sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_WRITE, 4, NO_MEMORY, 0),
		       SBI_ERR_INVALID_PARAM, "writing from an address without memory is invalid");
	ok_sbi(sbi_call(SBI_EXT_DBCN, NO_SUCH_FID, 0, 0, 0), SBI_ERR_NOT_SUPPORTED,
	       "an unknown function of the debug console is not supported");
}

static void test_pmu(void)
{
	struct sbiret ret;

	if (!sbi_has(SBI_EXT_PMU)) {
		skip("performance counters", "no PMU extension here");
		return;
	}
	ret = sbi_call(SBI_EXT_PMU, 0, 0, 0, 0);
	ok(!ret.error && ret.value >= 0, "the PMU reports its number of counters");
	ok_sbi(sbi_call(SBI_EXT_PMU, 1, 0xffffff, 0, 0), SBI_ERR_INVALID_PARAM,
	       "asking for a counter that does not exist is invalid");
}

static void legacy_ipi(unsigned long mask_address)
{
	sbi_legacy(SBI_LEGACY_SEND_IPI, mask_address, 0);
}

/* SBI §5: each legacy extension has one function, which changes no register but a0. */
static void test_legacy(void)
{
	unsigned long mask = 1UL << this_hart()->id;
	struct sbiret ret;

	if (!sbi_has(SBI_LEGACY_SET_TIMER)) {
		skip("legacy calls", "no legacy extensions here");
		return;
	}
	ret = sbi_call(SBI_LEGACY_SET_TIMER, 0, now() - 1, 0x1111, 0);
	ok_pending(!ret.error, "legacy set_timer to the past makes the timer pending at once");
	ok_eq((unsigned long)ret.value, 0x1111, "a legacy call leaves a1 alone");
	sbi_legacy(SBI_LEGACY_SET_TIMER, ~0UL, 0);
	ipi_clear();
	ok(!sbi_legacy(SBI_LEGACY_SEND_IPI, (unsigned long)&mask, 0) &&
		   wait_irq(BIT(IRQ_S_SOFT), 100000),
	   "a hart's legacy IPI to itself, with its mask in memory, arrives");
	/* On Linux KVM, the result is 0 even if an IPI was pending. */
	ok(sbi_legacy(SBI_LEGACY_CLEAR_IPI, 0, 0) >= 0 && !(csr_read(sip) & BIT(IRQ_S_SOFT)),
	   "legacy clear_ipi clears the IPI");
	ok(!sbi_legacy(SBI_LEGACY_REMOTE_FENCE_I, (unsigned long)&mask, 0) &&
		   !sbi_call(SBI_LEGACY_REMOTE_SFENCE_VMA, 0, (unsigned long)&mask, 0, 0x1000)
			    .error,
	   "legacy remote fences of the calling hart succeed");
	ok_trap(catch_trap(legacy_ipi, NO_MEMORY), EXC_LOAD_ACCESS_FAULT, NO_MEMORY,
		"a legacy mask outside memory: the caller gets a load access fault");
	ok_trap(catch_trap(legacy_ipi, 1), EXC_LOAD_ACCESS_FAULT, 1,
		"a legacy mask at address 1, where address / 4 is 0: a load access fault");
	ok_eq((unsigned long)sbi_legacy(SBI_LEGACY_CONSOLE_GETCHAR, 0, 0), ~0UL,
	      "legacy getchar without input returns -1");
}

void payload_main(void)
{
	test_base();
	test_unknown();
	test_time();
	test_ipi();
	test_rfence();
	test_hsm();
	test_srst();
	test_dbcn();
	test_pmu();
	test_legacy();
	done();
}
