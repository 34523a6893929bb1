// SPDX-License-Identifier: MIT
/*
 * broadcast.c - what IPIs and remote fences to all other harts cost, while these sleep in WFI.
 *
 * With -icount, the results are instructions of all harts together: no hart spins, so QEMU, which
 * runs the harts alternately, executes nothing but the work. ipi_all ends when every hart has taken
 * its interrupt and the last one has woken this hart. A fence ends when the SBI call returns; it
 * does not wake a hart that sleeps.
 */
#include "result.h"

#define ROUNDS  16UL
#define WARM_UP 4UL
#define REST_US 1000 /* in which all harts fall asleep again */
#define WAIT_US 1000000

static unsigned long answered;

/* Sleep until an IPI comes, `rounds` times. The last hart of a round wakes harts[0]. */
static void answer(unsigned long rounds)
{
	unsigned long others = (unsigned long)nr_harts - 1;

	ipi_clear(); /* the IPI that started this work */
	__atomic_fetch_add(&answered, 1, __ATOMIC_RELEASE);
	while (rounds) {
		wfi();
		if (!(csr_read(sip) & BIT(IRQ_S_SOFT)))
			continue;
		ipi_clear();
		rounds--;
		if (__atomic_add_fetch(&answered, 1, __ATOMIC_ACQ_REL) % others == 0)
			hart_ipi(0);
	}
}

static void rest(void)
{
	ipi_clear();
	wait_irq(BIT(IRQ_S_SOFT), REST_US);
}

static bool broadcast(unsigned long *ticks)
{
	unsigned long begin;

	rest();
	begin = now();
	sbi_send_ipi(harts_others(), 0);
	if (!wait_irq(BIT(IRQ_S_SOFT), WAIT_US))
		return false;
	*ticks += now() - begin;
	return true;
}

static void test_ipis(void)
{
	unsigned long i, good = 0, ticks = 0;
	int hart;

	for (hart = 1; hart < nr_harts; hart++)
		hart_run(hart, answer, WARM_UP + ROUNDS);
	while (__atomic_load_n(&answered, __ATOMIC_ACQUIRE) < (unsigned long)nr_harts - 1)
		rest();
	for (i = 0; i < WARM_UP + ROUNDS; i++) {
		if (i == WARM_UP)
			ticks = 0;
		good += broadcast(&ticks);
	}
	ok(good == WARM_UP + ROUNDS, "each IPI to all other harts is taken by all of them");
	for (hart = 1; hart < nr_harts; hart++)
		hart_wait(hart, 10000);
	rest();
	result_each("ipi_all", ticks, ROUNDS);
}

static void test_fence(const char *name, unsigned long fid, unsigned long start, unsigned long size)
{
	unsigned long i, begin, sum = 0, bad = 0;

	for (i = 0; i < WARM_UP + ROUNDS; i++) {
		rest();
		begin = now();
		bad += sbi_call6(SBI_EXT_RFENCE, fid, harts_others(), 0, start, size, 0, 0).error !=
		       0;
		if (i >= WARM_UP)
			sum += now() - begin;
	}
	ok(!bad, "%s: each remote fence of all other harts succeeds", name);
	result_each(name, sum, ROUNDS);
}

void payload_main(void)
{
	int i;

	if (nr_harts < 2) {
		skip("IPIs and fences to all other harts", "only one hart (use --vcpus 2)");
		done();
	}
	for (i = 1; i < nr_harts; i++)
		hart_need(i);
	test_ipis();
	test_fence("fence_i", SBI_RFENCE_REMOTE_FENCE_I, 0, 0);
	test_fence("fence_page", SBI_RFENCE_REMOTE_SFENCE_VMA, TEST_VA, PAGE_SIZE);
	test_fence("fence_all", SBI_RFENCE_REMOTE_SFENCE_VMA, 0, 0);
	done();
}
