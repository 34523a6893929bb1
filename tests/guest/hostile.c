// SPDX-License-Identifier: MIT
/*
 * hostile.c - a guest that does what no guest should.
 *
 * Without do=, do everything after which a guest can continue, and print TAP. With boot argument
 * do=NAME, do one thing after which a guest cannot continue. The test script then checks how the VM
 * ends, and that the host runs the next VM. Boot argument seed=N selects the random numbers.
 * random_code=0 leaves out random instructions: on a machine whose clock may stand still, nothing
 * would end a loop of them, and which of them exist depends on the machine.
 */
#include "rt.h"

#define NO_MEMORY    0x7f00000000UL
#define RANDOM_RUNS  1000
#define RANDOM_CALLS 5000
#define RANDOM_INSNS 4000

static unsigned long seed = 1;

static unsigned long random_word(void)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return seed >> 32 ^ seed << 13;
}

/* Half of the values are edge values, at which arithmetic on addresses and lengths may go wrong. */
static unsigned long random_arg(void)
{
	static const unsigned long edges[] = { 0,
					       1,
					       ~0UL,
					       ~0UL - 4095,
					       1UL << 63,
					       0x7fffffffffffffffUL,
					       0x80000000UL,
					       0x80200000UL,
					       NO_MEMORY,
					       0xffffffff80000000UL,
					       0xffffffc000000000UL,
					       4096,
					       0x7fffffff,
					       0xffffffff };
	unsigned long r = random_word();

	return r & 1 ? edges[r / 2 % ARRAY_SIZE(edges)] : random_word() >> (r / 2 % 64);
}

/* ---- what the guest survives ---- */

/* Return whether a call could end or suspend the machine, start or stop a hart, or print. */
static bool harmful(unsigned long ext, unsigned long fid)
{
	return ext == SBI_EXT_SRST || ext == SBI_EXT_SUSP || ext == SBI_LEGACY_SHUTDOWN ||
	       ext == SBI_LEGACY_CONSOLE_PUTCHAR ||
	       (ext == SBI_EXT_DBCN && fid != SBI_DBCN_CONSOLE_READ) ||
	       (ext == SBI_EXT_HSM && fid != SBI_HSM_HART_GET_STATUS);
}

static unsigned long call_ext, call_fid;
static struct sbiret call_ret;

/* A legacy call with its hart mask at a bad address may trap: the caller catches that. */
static void random_call(unsigned long arg)
{
	(void)arg;
	call_ret = sbi_call6(call_ext, call_fid, random_arg(), random_arg(), random_arg(),
			     random_arg(), random_arg(), random_arg());
}

static bool strange_answer(const struct trap *trap)
{
	if (call_ext < SBI_EXT_BASE)
		return trap->cause != NO_TRAP && trap->cause != EXC_LOAD_ACCESS_FAULT &&
		       trap->cause != EXC_LOAD_PAGE_FAULT && trap->cause != EXC_LOAD_MISALIGNED;
	return trap->cause != NO_TRAP || call_ret.error > 0 || call_ret.error < -14;
}

static void test_random_calls(void)
{
	static const unsigned long exts[] = { 0,
					      1,
					      2,
					      3,
					      4,
					      5,
					      6,
					      7,
					      SBI_EXT_BASE,
					      SBI_EXT_TIME,
					      SBI_EXT_IPI,
					      SBI_EXT_RFENCE,
					      SBI_EXT_HSM,
					      SBI_EXT_PMU,
					      SBI_EXT_DBCN,
					      SBI_EXT_STA,
					      SBI_EXT_FWFT,
					      SBI_EXT_EXPERIMENTAL_START,
					      SBI_EXT_VENDOR_END };
	unsigned long i, strange = 0;

	for (i = 0; i < RANDOM_CALLS; i++) {
		const struct trap *trap;

		call_ext = exts[random_word() % ARRAY_SIZE(exts)];
		call_fid = random_word() % 9;
		if (harmful(call_ext, call_fid) ||
		    (impl_id() == IMPL_OPENSBI && call_ext == SBI_EXT_PMU))
			continue;
		trap = catch_trap(random_call, 0);
		if (strange_answer(trap)) {
			strange++;
			note("extension %lx function %lu: cause %ld error %ld", call_ext, call_fid,
			     (long)trap->cause, call_ret.error);
		}
	}
	sbi_set_timer(~0UL);
	ipi_clear();
	ok_eq(strange, 0, "%d SBI calls with wild arguments each return an SBI error or success",
	      RANDOM_CALLS);
}

/* Each call has to fail with INVALID_PARAM, and must not write or read at a wild address. */
static void test_wild_pointers(void)
{
	static const unsigned long bad[][2] = {
		{ 8, NO_MEMORY },          { 8, ~0UL },
		{ 8, ~0UL - 3 },           { ~0UL, 0x80200000 },
		{ 8, 0xffffffff80000000 }, { 1UL << 63, 0x80200000 }
	};
	unsigned long i, wrong = 0;

	if (impl_id() == IMPL_OPENSBI || !sbi_has(SBI_EXT_DBCN)) {
		skip("wild pointers to DBCN", "no DBCN, or OpenSBI's, which follows wild pointers");
		return;
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		wrong += sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_WRITE, bad[i][0], bad[i][1], 0)
				 .error != SBI_ERR_INVALID_PARAM;
		wrong += sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_READ, bad[i][0], bad[i][1], 0)
				 .error != SBI_ERR_INVALID_PARAM;
	}
	ok_eq(wrong, 0,
	      "DBCN rejects pointers outside memory or past its end, and lengths that wrap");
}

static void test_bad_start(void)
{
	static const unsigned long addrs[] = { NO_MEMORY, 0, 0x10000000, ~0UL, 0x7fffffffffff0000 };
	unsigned long i, wrong = 0;

	if (on_linux() || impl_id() == IMPL_OPENSBI) {
		skip("starting a hart at a bad address",
		     "OpenSBI and Linux 6.12 start the hart, and the VM ends");
		return;
	}
	if (nr_harts < 2) {
		skip("starting a hart at a bad address", "one hart only");
		return;
	}
	for (i = 0; i < ARRAY_SIZE(addrs); i++) {
		long error =
			sbi_call(SBI_EXT_HSM, SBI_HSM_HART_START, harts[1].id, addrs[i], 0).error;

		if (error == SBI_ERR_INVALID_ADDRESS || error == SBI_ERR_INVALID_PARAM)
			continue;
		note("hart_start at %lx: error %ld", addrs[i], error);
		wrong++;
		break; /* the hart may have been started, so the test cannot continue */
	}
	ok_eq(wrong, 0, "a hart cannot be started at an address without memory");
	if (!wrong)
		ok_eq((unsigned long)hart_start(1), 0,
		      "a hart that was not started at a bad address starts at a good one");
}

/*
 * Write `value` to the CSRs that a guest may write, including bits that are not implemented, and
 * restore those CSRs on which the payload depends.
 */
static void write_csrs(unsigned long value)
{
	unsigned long sie = csr_read(sie), counteren = csr_read(scounteren), envcfg, status;

	csr_write(sie, value);
	csr_write(sie, sie);
	csr_write(scounteren, value);
	csr_write(scounteren, counteren);
	status = csr_swap(sstatus, (value & ~SSTATUS_SIE) | SSTATUS_SPP);
	csr_write(sstatus, status);
	csr_write(sip, value);
	csr_write(sip, 0);
	csr_write(sepc, value);
	csr_write(scause, value);
	csr_write(stval, value);
	envcfg = csr_swap(senvcfg, value);
	csr_write(senvcfg, envcfg);
}

static void test_csrs(void)
{
	unsigned long i, mode, stuck = 0;

	for (i = 0; i < 200; i++)
		write_csrs(random_arg());
	ok(true, "wild values in sstatus, sie, sip, scounteren, senvcfg and sepc do no harm");
	if (boot_arg("satp-keeps-reserved", NULL, 0)) {
		skip("a reserved mode in satp changes nothing",
		     "the processor accepts a reserved mode, and cannot continue");
		return;
	}
	for (mode = 1; mode < 16; mode++) {
		if (mode >= SATP_MODE_SV39 && mode <= SATP_MODE_SV57)
			continue;
		csr_write(satp, FIELD_PREP(SATP_MODE, mode) | 0x80200);
		stuck += csr_read(satp) != 0;
		csr_write(satp, 0);
	}
	ok_eq(stuck, 0, "a reserved mode in satp changes nothing");
}

static unsigned long seen;

static void peek(unsigned long pa)
{
	seen = *(volatile unsigned long *)pa;
}

static void poke(unsigned long pa)
{
	*(volatile unsigned long *)pa = 0x6b6f6f6b6f6f6bUL;
}

/*
 * An address outside the guest's RAM is a guest physical address without memory. At the same host
 * physical address, there may be the host's kernel or its trace memory, which the guest must not
 * reach.
 */
static void test_other_memory(void)
{
	struct fdt_reg mem;
	unsigned long pa, read = 0, tried = 0;

	if (impl_id() == IMPL_OPENSBI) {
		skip("memory of the host", "no host here");
		return;
	}
	fdt_memory(&mem);
	for (pa = mem.base + mem.size; pa < 0x180000000UL && tried < 48; tried++) {
		const struct trap *trap = catch_trap(peek, pa);

		if (trap->cause == NO_TRAP && seen != ~0UL) {
			note("0x%lx reads 0x%lx", pa, seen);
			read++;
		}
		catch_trap(poke, pa);
		trap = catch_trap(peek, pa);
		read += trap->cause == NO_TRAP && seen != ~0UL;
		pa += tried < 8 ? PAGE_SIZE : 17 * SZ_2M;
	}
	for (pa = 0x1000; pa < 0x100000; pa += 0xf000, tried++) {
		const struct trap *trap = catch_trap(peek, pa);

		read += trap->cause == NO_TRAP && seen != ~0UL;
	}
	ok_eq(read, 0,
	      "reads of %lu addresses outside the guest's RAM give access faults or all ones",
	      tried);
}

/* Random code in U mode can hurt only itself; a timer ends code that does not end by itself. */
static void test_random_code(void)
{
	struct hart *hart = this_hart();
	unsigned long pages[2] = { (unsigned long)page_alloc(), (unsigned long)page_alloc() };
	unsigned long i, j, odd = 0, ended = 0, timeouts = 0;
	pte_t *root = pt_new();

	pt_map(root, TEST_VA, pages[0], PTE_KERNEL | PTE_U);
	pt_map(root, TEST_VA + PAGE_SIZE, pages[1], PTE_KERNEL | PTE_U);
	hart->catch_irqs = true;
	for (i = 0; i < RANDOM_RUNS; i++) {
		const struct trap *trap;

		for (j = 0; j < 256; j++)
			((u64 *)pages[j & 1])[random_word() % 512] = random_word();
		fence_i();
		pt_on(root, 1);
		timer_at(now() + us_to_ticks(500));
		csr_write(sie, BIT(IRQ_S_TIMER));
		trap = catch_user((hart_fn)(TEST_VA + 8 * (random_word() % 500)), random_arg());
		csr_write(sie, 0);
		csr_clear(sstatus, SSTATUS_SIE);
		pt_off();
		if (trap->cause == (CAUSE_IRQ_FLAG | IRQ_S_TIMER))
			timeouts++;
		else if (trap->cause <= EXC_STORE_PAGE_FAULT)
			ended++;
		else
			odd++;
	}
	hart->catch_irqs = false;
	timer_off();
	csr_clear(sstatus, SSTATUS_FS);
	ok_eq(odd, 0, "%d runs of random code in U mode end in the guest's own handler",
	      RANDOM_RUNS);
	note("%lu by a fault, %lu by the timer", ended, timeouts);
}

void hostile_go(const unsigned long *regs, const void *code);
static unsigned long insn_regs[32];
static u32 insn_code[2] __attribute__((aligned(64)));

/*
 * Return a random instruction that cannot hurt the payload itself: it does not jump or branch by an
 * offset, does not access the CSRs on which the payload's trap handler depends, and is not an
 * ecall, sret, WFI or the like (SYSTEM with funct3 0). Base registers point outside the payload's
 * RAM.
 */
static u32 random_insn(void)
{
	static const u32 majors[] = { 0x03, 0x07, 0x0f, 0x23, 0x27, 0x2f, 0x67, 0x73, 0x0b, 0x57 };

	for (;;) {
		u32 word = (u32)random_word();
		u32 csr = word >> 20;

		if (random_word() & 1)
			word = (word & ~0x7fU) | majors[random_word() % ARRAY_SIZE(majors)];
		else if ((word & 3) == 3)
			continue;
		if ((word & 3) == 1 && (word & 0xe000) >= 0xa000)
			continue; /* c.j, c.beqz, c.bnez */
		if (((word & 0xe07f) == 0x8002 && (word >> 7 & 31) == 1) ||
		    ((word & 0x7f) == 0x67 && (word >> 15 & 31) == 1))
			continue; /* jumps to ra, which holds the code's own address */
		if ((word & 0x7f) == 0x73 &&
		    (!(word & 0x7000) || csr == CSR_satp || csr == CSR_stvec ||
		     csr == CSR_sscratch || csr == CSR_sie))
			continue;
		return word;
	}
}

static void run_insn(unsigned long word)
{
	insn_code[0] = (word & 3) == 3 ? (u32)word : (u32)(word & 0xffff) | 0x90020000;
	insn_code[1] = 0x00100073; /* ebreak; 0x9002 is c.ebreak */
	fence_i();
	hostile_go(insn_regs, insn_code);
}

static void test_random_insns(void)
{
	unsigned long i, j, ran = 0, odd = 0,
			    bases[4] = { NO_MEMORY, NO_MEMORY + 0xffc, TEST_VA, NO_MEMORY };
	struct fdt_reg reg;

	if (on_linux() || impl_id() == IMPL_OPENSBI) {
		skip("random instructions",
		     "Linux 6.12 ends the VM for AMO or FP at an unused address");
		return;
	}
	if (fdt_find("hyperscope,testdev", 0, &reg))
		bases[3] = reg.base + 0x400;
	for (i = 0; i < RANDOM_INSNS; i++) {
		const struct trap *trap;
		u32 word = random_insn();

		for (j = 0; j < 32; j++)
			insn_regs[j] = bases[random_word() % 4] + random_word() % 64;
		csr_set(sstatus, FIELD_PREP(SSTATUS_FS, FS_INITIAL));
		trap = catch_trap(run_insn, word);
		csr_clear(sstatus, SSTATUS_FS | SSTATUS_SIE | SSTATUS_SUM | SSTATUS_MXR);
		ran += trap->cause == EXC_BREAKPOINT;
		if (trap->cause <= EXC_STORE_PAGE_FAULT)
			continue;
		note("instruction %x: cause %ld stval %lx", word, (long)trap->cause, trap->tval);
		odd++;
	}
	timer_off();
	csr_write(scounteren, COUNTEREN_TM);
	ok_eq(odd, 0, "%d random instructions in S mode end in the guest's own handler",
	      RANDOM_INSNS);
	note("%lu of the instructions were executed", ran);
}

/* ---- what the guest does not survive: do=NAME ---- */

static void do_stvec(void)
{
	csr_write(stvec, NO_MEMORY);
	__asm__ volatile(".word 0xffffffff");
}

static void do_nowhere(void)
{
	csr_write(stvec, NO_MEMORY);
	((void (*)(void))(NO_MEMORY + 0x1000))();
}

/* stvec's low two bits are its mode, so the handler is aligned. */
static void __attribute__((aligned(4))) fault_again(void)
{
	__asm__ volatile(".word 0xffffffff");
}

static void do_faultloop(void)
{
	csr_write(stvec, fault_again);
	fault_again();
}

/* Overwrite each entry of the root table while it is in use. */
static void do_tables(void)
{
	pte_t *root = pt_new();
	int i;

	pt_on(root, 1);
	for (i = 511; i >= 0; i--)
		root[i] = pte_make(NO_MEMORY + (hpa_t)i * SZ_4K, PTE_V);
	sfence_vma();
}

static void do_garbage(void)
{
	unsigned long base = ALIGN_UP((unsigned long)_end, SZ_2M), i;

	for (i = 0; i < SZ_4K; i++)
		((u64 *)base)[i] = random_word() << 32 ^ random_word();
	csr_write(stvec, base + 0x1000);
	csr_set(sstatus, FIELD_PREP(SSTATUS_FS, FS_DIRTY));
	fence_i();
	((void (*)(void))base)();
}

/* Use all the memory that the guest was given, which may be more than the host has. */
static void do_hog(void)
{
	struct fdt_reg mem;
	unsigned long pa;

	fdt_memory(&mem);
	for (pa = ALIGN_UP((unsigned long)_end, SZ_4K); pa < mem.base + mem.size; pa += SZ_4K)
		if (pa < ALIGN_DOWN((unsigned long)dtb, SZ_4K) || pa > (unsigned long)dtb + 0x10000)
			*(volatile unsigned long *)pa = pa;
	printf("hostile: has %lu MiB\n", mem.size >> 20);
	power_off(0);
}

/* Report a status whose low 8 bits, which are all that a process returns, are 0. */
static void do_status(void)
{
	power_off(256);
}

static const struct {
	const char *name;
	void (*fn)(void);
} deadly[] = {
	{ "stvec", do_stvec },   { "nowhere", do_nowhere }, { "faultloop", do_faultloop },
	{ "tables", do_tables }, { "garbage", do_garbage }, { "hog", do_hog },
	{ "status", do_status },
};

static void do_deadly(const char *name)
{
	unsigned long i;

	for (i = 0; i < ARRAY_SIZE(deadly); i++) {
		if (strcmp(name, deadly[i].name))
			continue;
		printf("hostile: now %s\n", name);
		deadly[i].fn();
		printf("hostile: still here\n");
		power_off(3);
	}
	bail("do=%s: unknown value", name);
}

void payload_main(void)
{
	char value[24];

	seed = boot_number("seed", seed);
	if (boot_arg("do", value, sizeof(value)))
		do_deadly(value);
	test_csrs();
	test_wild_pointers();
	test_random_calls();
	test_bad_start();
	test_other_memory();
	if (boot_number("random_code", 1)) {
		test_random_code();
		test_random_insns();
	}
	done();
}
