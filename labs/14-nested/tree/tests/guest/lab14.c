// SPDX-License-Identifier: MIT
/*
 * lab14.c - a guest hypervisor (L1) that checks what its own guest (L2) may access, and which leaves
 * the shadow table has (src/kvm/sbi/sbi_shadow.c)
 *
 * do=boots, permissions, walks, sizes, faults, random or zero selects the claims. seed=N is for do=random,
 * which also needs the device logdev if log=1 is given.
 */
#include "lab14.h"
#include "logdev.h"
#include "random.h"

_Static_assert(offsetof(struct l2, pc) == L2_PC, "switch.S");
_Static_assert(offsetof(struct l2, host_hstatus) == L2_HOST_HSTATUS, "switch.S");

struct l2 l2;

void prepare(const char *code, bool user)
{
	l2 = l2_at(code, user);
}

unsigned long run(const char *code, unsigned long a0, unsigned long a1)
{
	prepare(code, false);
	l2.regs[REG_A0] = a0;
	l2.regs[REG_A0 + 1] = a1;
	l2_switch(&l2);
	return l2.scause;
}

/* ---- do=boots ---------------------------------------------------------------------------------- */

static void test_boots(void)
{
	ok_eq(run(l2_ecall, 0, 0), EXC_ECALL_VS, "L2 runs through L1's table");
	ok_eq(run(l2_load, SMALL + PAGE_SIZE, 0), EXC_ECALL_VS, "L2 loads");
	ok_eq(l2.regs[REG_A0], 1001, "and gets the value of the page that L1's table maps");
	ok_eq(run(l2_store, SMALL + 2 * PAGE_SIZE + AT_STORE, 77), EXC_ECALL_VS, "L2 stores");
	ok_eq(small[2][AT_STORE / 8], 77, "and L1 reads the value");
}

/* ---- do=permissions ------------------------------------------------------------------------------ */

static const unsigned long bits[] = { PTE_R, PTE_W, PTE_X, PTE_U, PTE_A, PTE_D };

static pte_t combination(unsigned long n)
{
	unsigned long i, flags = PTE_V;

	for (i = 0; i < ARRAY_SIZE(bits); i++)
		if (n >> i & 1)
			flags |= bits[i];
	return leaf_of(small[0], flags);
}

static const char *letters(pte_t pte)
{
	static char text[9];
	unsigned long i;

	for (i = 0; i < 8; i++)
		text[i] = pte >> (7 - i) & 1 ? "DAGUXWRV"[i] : '-';
	return text;
}

/* Make one access through level0[0]. Returns whether its outcome is right. */
static bool is_right(pte_t pte, enum access access, const char *when)
{
	unsigned long value = 7, want, got;

	want = is_permitted(pte, access) ? EXC_ECALL_VS : fault_of[access];
	got = access_l2(SMALL, access, &value);
	if (got == want && (access != LOAD || want != EXC_ECALL_VS || value == 1000))
		return true;
	note("L1's leaf %s: a %s%s has cause %lu, expected %lu", letters(pte), name_of[access],
	     when, got, want);
	return false;
}

static void test_permissions(void)
{
	unsigned long n, first, second, wrong[ACCESSES] = { 0 }, later = 0;
	static const char *const after[] = { " after a fetch", " after a load", " after a store" };

	write_ecalls();
	for (n = 0; n < 64; n++) {
		for (first = 0; first < ACCESSES; first++) {
			level0[0] = combination(n);
			do_hfence();
			if (wrong[first] < 2)
				wrong[first] += !is_right(level0[0], (enum access)first, "");
		}
	}
	for (n = 0; n < 64; n++) {
		for (first = 0; first < ACCESSES && later < 3; first++) {
			level0[0] = combination(n);
			if (!is_permitted(level0[0], (enum access)first))
				continue;
			for (second = 0; second < ACCESSES; second++) {
				unsigned long value = 7;

				do_hfence();
				access_l2(SMALL, (enum access)first, &value);
				later += !is_right(level0[0], (enum access)second, after[first]);
			}
		}
	}
	for (first = 0; first < ACCESSES; first++)
		ok_eq(wrong[first], 0,
		      "with each combination of flags in L1's leaf, a %s has the right outcome",
		      name_of[first]);
	ok_eq(later, 0, "and so has a second access, after the first has filled the shadow table");
}

static void test_mxr(void)
{
	level0[0] = leaf_of(small[0], PTE_V | PTE_X | PTE_U | PTE_A);
	do_hfence();
	csr_set(sstatus, SSTATUS_MXR);
	ok_eq(run(l2_load, SMALL, 0), EXC_ECALL_VS,
	      "with MXR of L1, a page with X alone can be read");
	level0[0] = leaf_of(small[0], PTE_V | PTE_X | PTE_A);
	do_hfence();
	ok_eq(run(l2_load, SMALL, 0), EXC_LOAD_GUEST_PAGE_FAULT, "but not without U");
	csr_clear(sstatus, SSTATUS_MXR);
}

/* ---- do=walks: the page-table walks of L2 --------------------------------------------------------- */

#define PSEUDO_READ 0x3000UL /* htinst: the walk has read an entry (H §6.3) */

/*
 * L2's page table for TEST_VA is small[5], at SMALL + 5 pages: a leaf of 2 MiB there maps this
 * payload. So the flags of level0[5] decide what L2's walk may do.
 */
static unsigned long walk(unsigned long flags)
{
	level0[5] = leaf_of(small[5], flags);
	small[5][0] = pte_make((unsigned long)_start & ~(SZ_2M - 1), PTE_V | PTE_R | PTE_A);
	do_hfence();
	return run(l2_load, TEST_VA + ((unsigned long)_start & (SZ_2M - 1)), 0);
}

static void ok_walk_faults(unsigned long flags, const char *what)
{
	unsigned long cause = walk(flags);

	if (!ok(cause == EXC_LOAD_GUEST_PAGE_FAULT && l2.htinst == PSEUDO_READ &&
			PAGE(l2.htval << 2) == SMALL + 5 * PAGE_SIZE,
		"%s", what))
		note("cause %lu, htval %lx, htinst %lx", cause, l2.htval, l2.htinst);
}

static void test_walks(void)
{
	pte_t *vs = pt_new();

	vs[TEST_VA / SZ_1G] = pte_make(SMALL + 5 * PAGE_SIZE, PTE_V);
	csr_write(vsatp, satp_make(vs, 1));
	ok_eq(walk(LEAF), EXC_ECALL_VS, "L2 loads through a page table in a page of 4 KiB");
	ok_eq(walk(LEAF & ~(PTE_W | PTE_D)), EXC_ECALL_VS, "a walk reads a page table without W");
	ok_walk_faults(LEAF & ~PTE_U, "a walk of a page table without U faults in L1");
	csr_set(sstatus, SSTATUS_MXR);
	ok_walk_faults(PTE_V | PTE_X | PTE_U | PTE_A,
		       "MXR does not let a walk read a page table without R");
	csr_clear(sstatus, SSTATUS_MXR);
	csr_write(vsatp, 0);
}

/* ---- do=sizes ------------------------------------------------------------------------------------ */

static unsigned long smaller(unsigned long level, unsigned long own)
{
	return level < own >> 8 ? level : own >> 8;
}

/* Claim that the shadow table has the largest leaf that both tables permit. */
static void ok_level(unsigned long l2_gpa, unsigned long level, const void *gpa, const char *what)
{
	unsigned long own = own_leaf(gpa), shadow = shadow_leaf(l2_gpa);

	if (!ok(own != NOT_MAPPED && shadow != NOT_MAPPED && shadow >> 8 == smaller(level, own),
		"%s", what))
		note("levels: L1's leaf %lu, the VM's own %lu, the shadow leaf %ld", level,
		     own >> 8, (long)shadow >> 8);
}

static void test_small(void)
{
	unsigned long i, value, wrong = 0;

	for (i = 0; i < NR_SMALL; i++)
		level0[i] = leaf_of(small[(5 * i + 3) % NR_SMALL], LEAF);
	do_hfence();
	for (i = 0; i < NR_SMALL; i++) {
		access_l2(SMALL + i * PAGE_SIZE, LOAD, &value);
		wrong += value != 1000 + (5 * i + 3) % NR_SMALL;
	}
	ok_eq(wrong, 0, "each of 16 leaves of 4 KiB leads to its own page");
	ok_level(SMALL, 0, small[3], "their shadow leaves have 4 KiB");
}

static void test_large(void)
{
	unsigned long n, i, value, wrong = 0, block;

	for (block = 0; block < 2; block++) {
		level1[1] = leaf_of(large[block], LEAF);
		do_hfence();
		for (n = 0; n < NR_LARGE; n++) {
			i = (n * 77 + 300) % NR_LARGE;
			access_l2(LARGE + i * PAGE_SIZE, LOAD, &value);
			wrong += value != 10000 * (block + 1) + i;
		}
		ok_level(LARGE + 300 * PAGE_SIZE, 1, large[block][300],
			 "a leaf of 2 MiB has the largest shadow leaf that the VM's own table "
			 "permits");
	}
	ok_eq(wrong, 0, "each page of a leaf of 2 MiB is found, in any order");
	ok_level((unsigned long)l2_load, 2, l2_load, "and so has a leaf of 1 GiB");
	for (wrong = i = 0; i < NR_LARGE; i += 37) {
		value = 5000 + i;
		access_l2(LARGE + i * PAGE_SIZE, STORE, &value);
		wrong += large[1][i][AT_STORE / 8] != 5000 + i;
	}
	ok_eq(wrong, 0, "what L2 stores is where L1's table says");
}

/* ---- do=faults ----------------------------------------------------------------------------------- */

/* Claim that the access faulted in L1's table, at `gpa` of L2. */
static void ok_fault(unsigned long cause, unsigned long gva, unsigned long gpa, const char *what)
{
	if (!ok(l2.scause == cause && l2.stval == gva && l2.htval << 2 == (gpa & ~3UL) &&
			(l2.hstatus & HSTATUS_GVA) && (l2.hstatus & HSTATUS_SPV),
		"%s", what))
		note("cause %lu, stval %lx, htval %lx, hstatus %lx", l2.scause, l2.stval, l2.htval,
		     l2.hstatus);
}

/* htinst is the instruction without its address, or 0 (H §6.3). Bit 1 is 0 if it is compressed. */
static void ok_htinst(unsigned long want, const char *what)
{
	ok_eq(l2.htinst & ~2UL, want & ~2UL, "%s", what);
}

static void test_reflected(void)
{
	run(l2_load, NOWHERE, 0);
	ok_fault(EXC_LOAD_GUEST_PAGE_FAULT, NOWHERE, NOWHERE, "a load without a leaf faults in L1");
	ok_htinst(0x3503, "htinst describes the load");
	run(l2_store, NOWHERE + 8, 1);
	ok_fault(EXC_STORE_GUEST_PAGE_FAULT, NOWHERE + 8, NOWHERE + 8, "a store, too");
	ok_htinst(0xb53023 & ~0xf8000UL, "htinst describes the store");
	run(l2_load_byte, NOWHERE + 3, 0);
	ok_fault(EXC_LOAD_GUEST_PAGE_FAULT, NOWHERE + 3, NOWHERE + 3,
		 "htval has the address without its lowest two bits, and stval has all");
	prepare((const char *)NOWHERE, false);
	l2_switch(&l2);
	ok_fault(EXC_INST_GUEST_PAGE_FAULT, NOWHERE, NOWHERE, "a fetch, too");
	level0[(NOWHERE - SMALL) / PAGE_SIZE] = leaf_of(small[4], LEAF);
	do_hfence();
	ok_eq(run(l2_load, NOWHERE, 0), EXC_ECALL_VS,
	      "after L1 has added the leaf, the load succeeds");
	ok_eq(l2.regs[REG_A0], 1004, "and gets the value of the page");
	run(l2_ecall, 0, 0);
	ok(!l2.htval && !l2.htinst, "at an ecall, htval and htinst are 0");
}

static void hlv(unsigned long va)
{
	do_hlv_d(va);
}

static void test_hlv(void)
{
	unsigned long at = NOWHERE + PAGE_SIZE;
	const struct trap *trap;

	csr_write(hstatus, VXL | HSTATUS_SPVP);
	ok_eq(do_hlv_d(SMALL + 6 * PAGE_SIZE), 1006, "hlv.d reads through L1's table");
	trap = catch_trap(hlv, at);
	ok_trap(trap, EXC_LOAD_GUEST_PAGE_FAULT, at, "hlv.d without a leaf faults in L1");
	ok_eq(csr_read(htval) << 2, at, "htval has the address");
	ok_eq(csr_read(htinst), 0, "htinst does not describe an instruction of L0");
	ok_eq(csr_read(hstatus) & (HSTATUS_SPV | HSTATUS_GVA), HSTATUS_GVA,
	      "GVA is 1, and SPV is 0");
	csr_write(hstatus, VXL);
}

/* Faults that L0 handles: L1 must not see them. */
static void test_of_l0(void)
{
	struct fdt_reg ram, uart;
	unsigned long fresh;

	if (!fdt_memory(&ram) || !fdt_find("ns16550a", 0, &uart))
		bail("the device tree has no memory or no UART");
	fresh = ram.base + ram.size / 2 + SZ_2M;
	ok_eq(run(l2_load, fresh, 0), EXC_ECALL_VS, "L2 loads from memory that L1 has not used");
	ok_eq(run(l2_store, fresh + SZ_2M, 123), EXC_ECALL_VS, "L2 stores to such memory");
	ok_eq(*(unsigned long *)(fresh + SZ_2M), 123, "L1 finds the value there");
	ok_eq(run(l2_load_byte, uart.base + 5, 0), EXC_ECALL_VS, "L2 reads a device of L1");
	ok_eq(l2.regs[REG_A0] & 0x60, 0x60, "and gets the register's value");
	root[6] = pte_make(ram.base + ram.size, PTE_V);
	ok_eq(run(l2_load, 6 * SZ_1G, 0), EXC_LOAD_ACCESS_FAULT,
	      "if a table of L1 is not in memory, L2's load has an access fault");
	ok_eq(run(l2_store, 6 * SZ_1G, 0), EXC_STORE_ACCESS_FAULT, "and so has a store");
	level0[7] = pte_make(ram.base + ram.size, LEAF);
	do_hfence();
	prepare((const char *)(SMALL + 7 * PAGE_SIZE), false);
	l2_switch(&l2);
	ok_eq(l2.scause, EXC_INST_ACCESS_FAULT,
	      "if L1's leaf leads to no memory and no device, a fetch has an access fault");
}

/* ---- do=random ----------------------------------------------------------------------------------- */

static unsigned long stored[NR_SMALL]; /* what small[n] holds at AT_STORE */
/* Pages that L2 has written since the log was last read. */
static bool written[NR_SMALL], large_written[2][NR_LARGE];

static void change_leaf(void)
{
	unsigned long flags = LEAF;

	if (!below(2))
		flags &= ~bits[below(ARRAY_SIZE(bits))];
	level0[below(NR_SMALL)] = leaf_of(small[below(NR_SMALL)], flags);
	if (!below(8)) {
		flags = below(2) ? LEAF : LEAF & ~(below(2) ? PTE_W : PTE_D);
		level1[1] = leaf_of(large[below(2)], flags);
	}
	do_hfence();
}

static unsigned long page_of(pte_t pte)
{
	return ((unsigned long)(pte_to_hpa(pte)) - (unsigned long)small) / PAGE_SIZE;
}

static bool small_access_is_right(void)
{
	unsigned long entry = below(NR_SMALL), value = random_next(&state) >> 1, kept = value, got;
	enum access access = (enum access)below(ACCESSES);
	unsigned long page = page_of(level0[entry]);

	got = access_l2(SMALL + entry * PAGE_SIZE, access, &value);
	if (!is_permitted(level0[entry], access))
		return got == fault_of[access] && PAGE(l2.htval << 2) == SMALL + entry * PAGE_SIZE;
	if (access == STORE) {
		stored[page] = kept;
		written[page] = true;
	}
	return got == EXC_ECALL_VS && (access != LOAD || value == 1000 + page);
}

/* About every second access is to the page of the one before: a store often follows a load. */
static bool large_access_is_right(void)
{
	static unsigned long i;
	unsigned long value = 1, got;
	unsigned long block = pte_to_hpa(level1[1]) == (hpa_t)(unsigned long)large[1];
	bool load = below(2);

	if (below(2))
		i = below(NR_LARGE);
	got = access_l2(LARGE + i * PAGE_SIZE, load ? LOAD : STORE, &value);
	if (!load && is_permitted(level1[1], STORE)) {
		large_written[block][i] = true;
		return got == EXC_ECALL_VS;
	}
	if (!load)
		return got == EXC_STORE_GUEST_PAGE_FAULT;
	return got == EXC_ECALL_VS &&
	       value == *(unsigned long *)(pte_to_hpa(level1[1]) + i * PAGE_SIZE);
}

static bool is_in_log(const void *page)
{
	unsigned long at = ((unsigned long)page - ram_base) >> PAGE_SHIFT;

	return logdev_word((void *)(ram_base + (at & ~63UL) * PAGE_SIZE)) >> (at & 63) & 1;
}

/* Each page that L2 has written must be in the log. Returns how many are not. */
static unsigned long lost_in_log(void)
{
	unsigned long i, block, lost = 0;

	logdev_set(LOGDEV_GET, 0);
	for (i = 0; i < NR_SMALL; i++)
		lost += written[i] && !is_in_log(small[i]);
	for (block = 0; block < 2; block++)
		for (i = 0; i < NR_LARGE; i++)
			lost += large_written[block][i] && !is_in_log(large[block][i]);
	memset(written, 0, sizeof(written));
	memset(large_written, 0, sizeof(large_written));
	return lost;
}

static void test_random(void)
{
	unsigned long n, i, wrong = 0, lost = 0, logged = boot_number("log", 0);

	random_begin();
	write_ecalls();
	if (logged && !logdev_find())
		bail("there is no logdev");
	if (logged)
		logdev_set(LOGDEV_LOG, 1);
	for (n = 0; n < 3000; n++) {
		if (!below(4))
			change_leaf();
		wrong += !(below(4) ? small_access_is_right() : large_access_is_right());
		if (logged && !below(16))
			lost += lost_in_log();
	}
	ok_eq(wrong, 0, "3000 random accesses have the right outcomes");
	for (wrong = i = 0; i < NR_SMALL; i++)
		wrong += small[i][AT_STORE / 8] != stored[i];
	ok_eq(wrong, 0, "L1 finds what L2 has stored");
	if (logged)
		ok_eq(lost, 0, "each page that L2 has written is in the dirty log");
}

/* With zero_page=1, a load of unused memory maps the host's page of zeroes, without W. */
static void test_zero_page(void)
{
	struct fdt_reg ram;
	unsigned long fresh;

	if (!fdt_memory(&ram))
		bail("the device tree has no memory");
	fresh = ram.base + ram.size / 2 + SZ_2M;
	ok_eq(run(l2_load, fresh, 0), EXC_ECALL_VS, "L2 loads from unused memory");
	ok_eq(l2.regs[REG_A0], 0, "and gets 0");
	ok_eq(run(l2_store, fresh, 321), EXC_ECALL_VS, "L2 stores to the same page");
	ok_eq(*(unsigned long *)fresh, 321, "L1 finds the value there");
	ok_eq(*(unsigned long *)(fresh + 8 * SZ_2M), 0, "and no value in other unused memory");
}

void payload_main(void)
{
	char what[16] = "";

	boot_arg("do", what, sizeof(what) - 1);
	if (!isa_has("h"))
		bail("this machine has no H extension: use vmm --nested");
	table_on();
	if (!strcmp(what, "boots")) {
		test_boots();
	} else if (!strcmp(what, "permissions")) {
		test_permissions();
		test_mxr();
	} else if (!strcmp(what, "walks")) {
		test_walks();
	} else if (!strcmp(what, "sizes")) {
		test_small();
		test_large();
	} else if (!strcmp(what, "faults")) {
		test_reflected();
		test_hlv();
		test_of_l0();
	} else if (!strcmp(what, "random")) {
		test_random();
	} else if (!strcmp(what, "zero")) {
		test_zero_page();
	} else {
		bail("do=%s: unknown", what);
	}
	done();
}
