// SPDX-License-Identifier: MIT
/*
 * lab08.c - check what a policy of toggle fp moves in each turn (hv/turn.h), and that two vCPUs on
 * one hart, or moving between harts, never see a register that is not their own
 *
 * On the command line: policy=N, the VM's policy; rule, evidence, rule0 to rule3, cycle, writes and
 * reads, which are from the variant; seed=N for the random operations; long=1 for enough turns to
 * tell two rules apart; mix=1 to try every pair of policies; count=1 to count the workload's
 * instructions instead.
 */
#include "lab08_turns.h"
#include "provoke.h"

#define TURNS      300UL
#define LONG_TURNS 1500UL
#define MIX_STEPS  150UL
#define CYCLES     64UL
#define LOOP_MS    40UL

/* ---- two vCPUs ---- */

static unsigned long host_lost; /* number of the VMM's FP registers that were overwritten */

static long move_to(unsigned long hart)
{
	return sbi_call(SBI_EXT_MOVE, MOVE_TO_HART, hart, 0, 0).error;
}

static void host_uses_fp(void)
{
	host_lost += (unsigned long)sbi_call(SBI_EXT_MOVE, MOVE_KEEP_FP, 0, 0, 0).value;
}

static void on_other_move(unsigned long hart)
{
	move_to(hart);
}

static unsigned long found;

static void on_other_gather(unsigned long unused)
{
	(void)unused;
	fs_set(FS_INITIAL);
	found = fp_any();
}

static void on_other_fill(unsigned long unused)
{
	(void)unused;
	fs_set(FS_DIRTY);
	fill_anew(&mine[1]);
}

static void on_other_off(unsigned long unused)
{
	(void)unused;
	fs_set(FS_OFF);
	found = catch_trap(fp_read, 0x5eed)->cause;
}

static void other_does(hart_fn fn, unsigned long arg)
{
	hart_run(1, fn, arg);
	if (!hart_wait(1, 20000))
		bail("the other vCPU does not answer");
}

/* Check cases in which a wrong policy could give a vCPU another vCPU's registers or stale ones. */
static void test_known_ways(void)
{
	fs_set(FS_DIRTY);
	fill_anew(&mine[0]);
	other_does(on_other_gather, 0);
	ok_eq(found, 0, "a vCPU that never used FP finds zeros in f0 to f31 and fcsr");
	other_does(on_other_fill, 0);
	ok_eq(are_wrong(&mine[0]), 0,
	      "if one of two vCPUs on a hart writes all registers, the other keeps its own");
	other_does(on_other_off, 0);
	ok_eq(found, EXC_ILLEGAL_INST,
	      "a guest whose own FS is Off takes the trap, whatever the unit contains");

	fill_anew(&mine[0]);
	move_to(1);
	fill_anew(&mine[0]);
	move_to(0);
	ok_eq(are_wrong(&mine[0]), 0,
	      "registers changed on hart 1 are restored on hart 0, whose unit has older values");
	fill_anew(&mine[0]);
	other_does(on_other_move, 1);
	other_does(on_other_fill, 0);
	move_to(1);
	ok_eq(are_wrong(&mine[0]), 0,
	      "a vCPU that moves to a hart on which another vCPU used FP keeps its registers");
	other_does(on_other_move, 0);
	move_to(0);
}

/*
 * Random steps of two vCPUs, each of which has to find its registers as it left them. mix_wrong
 * counts how often a vCPU did not; for the first such case, mix_bits has the registers
 * (fp_changed()) and mix_who the vCPU.
 */
static unsigned long mix_wrong, mix_bits, mix_who;

static void mix_check(unsigned long n)
{
	unsigned long changed = fp_changed(mine[n].base, mine[n].fcsr);

	if (changed && !mix_wrong++) {
		mix_bits = changed;
		mix_who = n;
	}
}

static void mix_step(unsigned long n)
{
	struct registers *regs = &mine[n];

	fs_set(FS_DIRTY);
	switch (below(4)) {
	case 0:
		break;
	case 1:
		fill_anew(regs);
		break;
	case 2:
		do_use(USE_FCSR, regs);
		break;
	case 3:
		mix_check(n);
		break;
	}
	fs_set(below(4));
	if (below(2))
		one_by_turns(below(3) + 1);
	else if (below(2))
		one_illegal();
	else
		*(volatile unsigned long *)fresh_page() = n;
	if (below(4) == 0)
		host_uses_fp();
	if (below(4) == 0)
		move_to(below(2));
	fs_set(FS_DIRTY);
	if (below(2))
		mix_check(n);
}

/* Set the policy of the calling vCPU. */
static void choose(unsigned long which)
{
	sbi_call(SBI_EXT_TURN, TURN_CHOOSE, which, 0, 0);
}

static void mix(unsigned long steps)
{
	fs_set(FS_DIRTY);
	fill_anew(&mine[0]);
	other_does(on_other_fill, 0);
	while (steps--) {
		if (below(2))
			mix_step(0);
		else
			other_does(mix_step, 1);
	}
	fs_set(FS_DIRTY);
	mix_check(0);
	other_does(mix_step, 1);
}

static void say_mixed(void)
{
	if (mix_wrong)
		note("first wrong on vCPU %lu: 0x%lx (bit N: fN, bit 32: fcsr)", mix_who, mix_bits);
}

static void test_mixed(void)
{
	unsigned long one, other;

	if (!boot_number("mix", 0)) {
		mix(MIX_STEPS);
		say_mixed();
		ok_eq(mix_wrong, 0,
		      "two vCPUs that alternate, sleep, exit and move between harts keep their "
		      "own registers");
	} else {
		for (one = 0; one < NR_POLICIES; one++) {
			for (other = 0; other < NR_POLICIES; other++) {
				choose(one);
				other_does(choose, other);
				mix(MIX_STEPS / 4);
			}
		}
		say_mixed();
		ok_eq(mix_wrong, 0,
		      "two vCPUs keep their own registers under each of the %d pairs of policies",
		      NR_POLICIES * NR_POLICIES);
	}
	ok_eq(host_lost, 0, "the VMM keeps its FP registers");
}

/* Run on both vCPUs, which do not wait for each other: the host's scheduler alternates them. */
static void loop(unsigned long n)
{
	struct registers regs = { 0x7000000000000000UL + (n << 32), n };

	fs_set(FS_DIRTY);
	while (now() < loop_end) {
		regs.base += 0x100;
		regs.fcsr = (regs.fcsr + 2) % 0x20;
		fp_fill(regs.base, regs.fcsr);
		one_by_turns(loop_rounds[n]++);
		if (loop_rounds[n] & 8)
			fs_set(FS_CLEAN);
		loop_bad[n] += are_wrong(&regs);
	}
}

static void test_at_once(void)
{
	unsigned long bad;

	move_to(0);
	other_does(on_other_move, 0);
	loop_together(loop, LOOP_MS, &bad);
	ok_eq(bad, 0, "two vCPUs that share a hart for %lu ms keep their own registers", LOOP_MS);
}

static void test_pair(void)
{
	hart_need(1);
	if (move_to(0) || (other_does(on_other_move, 0), 0))
		bail("the VMM does not move vCPUs");
	test_known_ways();
	test_mixed();
	test_at_once();
}

/* ---- counting the workload's instructions ---- */

static void count_workload(void)
{
	unsigned long cycle = boot_need("cycle"), writes = boot_need("writes"),
		      reads = boot_need("reads");
	unsigned long round, i, start = 0, turns = cycle * CYCLES;

	fs_set(FS_DIRTY);
	fp_write(0);
	for (round = 0; round < 2 * CYCLES; round++) {
		if (round == CYCLES)
			start = csr_read(instret);
		for (i = 0; i < cycle; i++) {
			if (writes >> i & 1)
				fp_write(i);
			if (reads >> i & 1)
				fp_read(0);
			sbi_call(SBI_EXT_TURN, TURN_ONLY, 0, 0, 0);
		}
	}
	i = (csr_read(instret) - start) * 10 / turns;
	printf("workload: %lu.%lu instructions per turn\n", i / 10, i % 10);
	at_end();
	power_off(0);
}

void payload_main(void)
{
	struct fdt_reg reg;

	if (!isa_has("d"))
		bail("this hart has no D extension");
	if (fdt_find("ns16550a", 0, &reg))
		uart = reg.base;
	if (boot_number("count", 0))
		count_workload();
	random_begin();
	policy = boot_need("policy");
	test_turns(TURNS, false);
	if (boot_number("long", 0))
		test_turns(LONG_TURNS, true);
	test_pair();
	done();
}
