// SPDX-License-Identifier: MIT
/*
 * bench.c - the benchmark payload: it measures SBI calls, counters and traps, and runs all other
 * groups of rows.
 *
 * docs/bench.md explains each row. A row's cost includes the instructions of a loop, 2 in most
 * rows; the row `nothing` shows the cost of the loop alone. TLB misses and page table walks cost
 * nothing in QEMU's unit (measure.c).
 *
 * Boot arguments: settle=SECONDS delays the first row, because a Linux host works in the background
 * for some seconds after booting; only=NAME,NAME selects rows; measure.c describes `single` and
 * `cycles`.
 */
#include "bench.h"

/* Measure a trap that the guest handles itself, in four instructions. */
static void bench_trap(const char *name, op_fn op)
{
	csr_write(stvec, bench_skip);
	bench(name, op, 0);
	csr_write(stvec, trap_entry);
}

static void bench_traps(void)
{
	if (impl_id() != IMPL_OPENSBI)
		bench_trap("virtual_insn", op_virtual_insn);
	bench_trap("illegal_insn", op_illegal_insn);
	bench_trap("ebreak", op_ebreak);
}

/*
 * Measure reads of counters, which the hypervisor either gives to the guest or emulates. Leave out
 * csr_instret if reading instret traps in the guest.
 */
static void bench_counters(void)
{
	bench("csr_time", op_csr_time, 0);
	skip_begin();
	op_csr_instret(1, 0);
	if (!skip_end())
		bench("csr_instret", op_csr_instret, 0);
}

static void bench_sbi(void)
{
	unsigned long me = this_hart()->id;

	bench("sbi_version", op_sbi_version, 0);
	bench("sbi_probe", op_sbi_probe, SBI_EXT_TIME);
	bench("sbi_set_timer", op_sbi_set_timer, 0);
	bench("sbi_ipi_self", op_sbi_ipi_self, me);
	bench("sbi_fence_i_self", op_sbi_fence_i_self, me);
	bench("sbi_sfence_all", op_sbi_sfence_all, me);
	bench("sbi_sfence_page", op_sbi_sfence_page, me);
	if (impl_id() == IMPL_OPENSBI)
		return;
	bench("sbi_user", op_sbi_user, 0);
	bench_fp("sbi_user_fp", op_sbi_user_fp, 0);
}

static void settle(void)
{
	unsigned long seconds = boot_number("settle", 0);

	if (seconds)
		wait_irq(0, seconds * 1000000);
}

void payload_main(void)
{
	settle();
	measure_init();
	bench("nothing", op_nothing, 0);
	bench_sbi();
	bench_devices();
	bench_disk();
	bench_time();
	bench_counters();
	bench_traps();
	bench_memory();
	bench_mix();
	bench_logged();
	bench_bell();
	bench_due();
	bench_pingpong();
	bench_hypervisor();
}
