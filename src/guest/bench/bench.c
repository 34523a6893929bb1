// SPDX-License-Identifier: MIT
/*
 * bench.c - what an operation costs, from VS mode and back.
 *
 * 64 batches of 256 operations (fewer where memory runs out), each batch timed
 * by rdtime, which every hypervisor gives, and by rdinstret where that counts.
 * Under QEMU -icount shift=0 a tick is 100 instructions, so a batch resolves
 * 0.4 of one; whether that is so is measured first and said in column `unit`.
 * A loop of 2 to 4 instructions is included: row `nothing`. TLB misses and
 * walks cost nothing in that unit.
 *
 * Boot arguments: settle=SECONDS to wait first (a booting Linux host works in
 * the background), only=NAME. fault_4k_present and fault_4k_fresh are measured only so: the
 * VMM's --small-pages, with --populate and without, makes the memory what they are named after.
 */
#include "rt.h"

#define BATCHES        64
#define PER_BATCH      256
#define INSNS_PER_TICK 100

typedef void (*op_fn)(unsigned long n, unsigned long arg);

#define OP(name) void op_##name(unsigned long n, unsigned long arg);
OP(nothing)
OP(sbi_version)
OP(sbi_probe)
OP(sbi_set_timer)
OP(sbi_ipi_self)
OP(sbi_fence_i_self)
OP(sbi_sfence_all)
OP(sbi_sfence_page)
OP(sbi_user)
OP(sbi_user_fp)
OP(mmio_read_fp)
OP(mmio_read)
OP(mmio_write)
OP(wfi)
OP(csr_stimecmp)
OP(virtual_insn)
OP(illegal_insn)
OP(ebreak)
OP(touch_4k)
OP(touch_2m)
void bench_skip(void);

static bool icount; /* a tick is 100 instructions */
static bool has_instret;
static unsigned long next_fresh; /* memory that nobody has touched */
static char only[24];

struct sample {
	unsigned long ticks[BATCHES];
	unsigned long insns[BATCHES];
};
static struct sample sample;

static unsigned long instret(void)
{
	return has_instret ? csr_read(instret) : 0;
}

static void sort(unsigned long *v, unsigned long n)
{
	unsigned long i, j;

	for (i = 1; i < n; i++) {
		unsigned long x = v[i];

		for (j = i; j && v[j - 1] > x; j--)
			v[j] = v[j - 1];
		v[j] = x;
	}
}

/* A batch's ticks as hundredths of the unit for one operation. */
static unsigned long each(unsigned long ticks, unsigned long per_batch)
{
	return ticks * 100 * (icount ? INSNS_PER_TICK : 1000000000 / timebase()) / per_batch;
}

static void print_value(unsigned long hundredths)
{
	printf(",%lu.%02lu", hundredths / 100, hundredths % 100);
}

static void report(const char *name, unsigned long per_batch)
{
	unsigned long i, sum = 0;

	for (i = 0; i < BATCHES; i++)
		sum += sample.ticks[i];
	sort(sample.ticks, BATCHES);
	sort(sample.insns, BATCHES);
	printf("bench,%s,%s,%lu", name, icount ? "instructions" : "ns", BATCHES * per_batch);
	print_value(each(sample.ticks[0], per_batch));
	print_value(each(sample.ticks[BATCHES / 2], per_batch));
	print_value(each(sum, per_batch) / BATCHES);
	print_value(each(sample.ticks[BATCHES - 1], per_batch));
	if (has_instret)
		print_value(sample.insns[BATCHES / 2] * 100 / per_batch);
	else
		printf(",");
	printf("\n");
}

static bool wanted(const char *name)
{
	return !only[0] || !strcmp(only, name);
}

/* step: how much arg grows from batch to batch. */
static void bench_steps(const char *name, op_fn op, unsigned long arg, unsigned long per_batch,
			unsigned long step)
{
	unsigned long b, t, i;

	if (!wanted(name))
		return;
	if (!step)
		op(per_batch, arg); /* once for what is done only once */
	for (b = 0; b < BATCHES; b++) {
		t = now();
		i = instret();
		op(per_batch, arg);
		sample.insns[b] = instret() - i;
		sample.ticks[b] = now() - t;
		arg += step;
	}
	report(name, per_batch);
}

static void bench(const char *name, op_fn op, unsigned long arg)
{
	bench_steps(name, op, arg, PER_BATCH, 0);
}

/* Traps that the guest handles itself, in four instructions. */
static void bench_trap(const char *name, op_fn op)
{
	csr_write(stvec, bench_skip);
	bench(name, op, 0);
	csr_write(stvec, trap_entry);
}

/* With FS on, which the operation makes Dirty each time. */
static void bench_fp(const char *name, op_fn op, unsigned long arg)
{
	if (!isa_has("d"))
		return;
	csr_set(sstatus, FIELD_PREP(SSTATUS_FS, FS_INITIAL));
	bench(name, op, arg);
	csr_clear(sstatus, SSTATUS_FS);
}

/* rdtime against a loop of known length: 2 instructions a turn. */
static void find_unit(void)
{
	unsigned long t, a, b, trap = 0;

	op_nothing(1000, 0);
	t = now();
	op_nothing(500000, 0);
	t = now() - t;
	icount = t >= 9990 && t <= 10010 + 1000; /* a host's tick may fall into it */
	skip_begin();
	a = csr_read(instret);
	op_nothing(1000, 0);
	b = csr_read(instret);
	trap = skip_end();
	has_instret = !trap && b - a >= 2000 && b - a < 2100;
}

/* How late a sleeper wakes: ticks between the time asked for and the first look at the clock. */
static void bench_late(const char *name, unsigned long us)
{
	unsigned long b, target;

	if (!wanted(name))
		return;
	csr_write(sie, BIT(IRQ_S_TIMER));
	for (b = 0; b < BATCHES; b++) {
		target = now() + us_to_ticks(us);
		timer_at(target);
		while (now() < target)
			wfi();
		sample.ticks[b] = now() - target;
		sample.insns[b] = 0;
	}
	timer_off();
	csr_write(sie, 0);
	report(name, 1);
}

/*
 * What the host takes from a guest that makes no exit: 10 ms of computing, and how much longer
 * than that they last.
 */
static void bench_busy(void)
{
	unsigned long b, t;

	if (!icount || !wanted("busy_10ms_more"))
		return;
	for (b = 0; b < BATCHES; b++) {
		t = now();
		op_nothing(500000, 0);
		t = now() - t;
		sample.ticks[b] = t > 10000 ? t - 10000 : 0;
		sample.insns[b] = 0;
	}
	report("busy_10ms_more", 1);
}

static volatile unsigned long ball;

static void pong(unsigned long rounds)
{
	unsigned long i;

	for (i = 0; i < rounds; i++) {
		while (ball != 2 * i + 1) {
			wfi();
			ipi_clear();
		}
		ball = 2 * i + 2;
		hart_ipi(0);
	}
}

/* There and back, both harts asleep in WFI in between. */
static void bench_pingpong(void)
{
	unsigned long b, i, n = 16, round = 0, t;

	if (nr_harts < 2 || !wanted("ipi_pingpong") || hart_start(1))
		return;
	csr_write(sie, BIT(IRQ_S_SOFT));
	ball = 0;
	hart_run(1, pong, (BATCHES + 1) * n);
	for (b = 0; b <= BATCHES; b++) {
		t = now();
		for (i = 0; i < n; i++, round++) {
			ball = 2 * round + 1;
			hart_ipi(1);
			while (ball != 2 * round + 2) {
				wfi();
				ipi_clear();
			}
		}
		sample.ticks[b ? b - 1 : 0] = now() - t; /* the first batch only warms up */
		sample.insns[b ? b - 1 : 0] = 0;
	}
	csr_write(sie, 0);
	hart_wait(1, 1000);
	report("ipi_pingpong", n);
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

static void bench_mmio(void)
{
	struct fdt_reg reg;

	/* The priority of PLIC source 1: a register without side effects that every VMM has. */
	if (!fdt_find("riscv,plic0", 0, &reg))
		return;
	bench("mmio_read", op_mmio_read, reg.base + 4);
	bench("mmio_write", op_mmio_write, reg.base + 4);
	bench_fp("mmio_read_fp", op_mmio_read_fp, reg.base + 4);
}

static void bench_wfi(void)
{
	csr_write(sie, BIT(IRQ_S_SOFT));
	csr_set(sip, BIT(IRQ_S_SOFT));
	bench("wfi_pending", op_wfi, 0);
	csr_clear(sip, BIT(IRQ_S_SOFT));
	csr_write(sie, 0);
	bench_late("timer_late_5us", 5);
	bench_late("timer_late_2ms", 2000);
}

/*
 * First touches, by 4 KiB pages and once in each 2 MiB: a batch is 2 MiB of pages, so that it
 * costs the same whether the hypervisor maps pages or 2 MiB leaves.
 */
static void bench_memory(void)
{
	struct fdt_reg mem;
	unsigned long end;

	fdt_memory(&mem);
	/* The upper end is the loader's (device tree, initrd), so leave 64 MiB of it alone. */
	end = mem.base + mem.size - (64UL << 20);
	next_fresh = ALIGN_UP((unsigned long)_end, SZ_2M) + SZ_2M;
	if (next_fresh + 2 * BATCHES * SZ_2M > end)
		return;
	if (!strncmp(only, "fault_4k_", 9))
		bench_steps(only, op_touch_4k, next_fresh, SZ_2M / SZ_4K, SZ_2M);
	bench_steps("touch_4k", op_touch_4k, next_fresh, SZ_2M / SZ_4K, SZ_2M);
	bench_steps("touch_2m", op_touch_2m, next_fresh + BATCHES * SZ_2M, 1, SZ_2M);
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
	boot_arg("only", only, sizeof(only));
	find_unit();
	printf("bench,operation,unit,n,min,median,mean,max,instret\n");
	bench("nothing", op_nothing, 0);
	bench_sbi();
	bench_mmio();
	bench_wfi();
	if (has_sstc())
		bench("stimecmp_write", op_csr_stimecmp, 0);
	if (impl_id() != IMPL_OPENSBI)
		bench_trap("virtual_insn", op_virtual_insn);
	bench_trap("illegal_insn", op_illegal_insn);
	bench_trap("ebreak", op_ebreak);
	bench_busy();
	bench_memory();
	bench_pingpong();
}
