// SPDX-License-Identifier: MIT
/*
 * outcome.c - print the outcome of a program, which is compared: as a digest, or as lines of text.
 */
#include "equivalence.h"

static const char *const csr_names[] = { "sie",        "sip",      "satp",     "stvec", "sscratch",
					 "scounteren", "senvcfg",  "scause",   "stval", "sepc",
					 "sstatus",    "stimecmp", "sstateen0" };
static const char *const hcsr_names[] = { "hstatus", "hedeleg",    "hideleg",    "hie",
					  "hvip",    "hip",        "hcounteren", "henvcfg",
					  "hgatp",   "htimedelta", "vsstatus",   "vsie",
					  "vstvec",  "vsscratch",  "vsepc",      "vscause",
					  "vstval",  "vsatp",      "vstimecmp",  "hgeie" };
static const char *const level_names[NR_LEVELS] = { "V=0", "V=1", "VS" };
static const char *const vector_names[] = { "vl", "vtype", "vstart", "vcsr", "vlenb" };

/* The random entries of a struct groot. */
static const struct {
	const char *name;
	unsigned int offset, first, end;
} gentries[] = {
	{ "arena page", offsetof(struct groot, arena), 0, ARENA_PAGES },
	{ "page", offsetof(struct groot, small), 0, SMALL_PAGES },
	{ "page", offsetof(struct groot, small), TABLE_PAGE + 2 * S_ROOTS, TABLE_PAGE + 2 * ROOTS },
	{ "2M", offsetof(struct groot, middle), 1, LARGE_PAGES + 1 },
	{ "1G", offsetof(struct groot, top), TOP_INDEX + 1, TOP_INDEX + 2 },
};

static const pte_t *gtable(unsigned int root, unsigned int range)
{
	return (const pte_t *)((const char *)&groots[root] + gentries[range].offset);
}

static u64 fold_groots(u64 digest)
{
	unsigned int n, i, e;

	for (n = 0; n < GROOTS; n++)
		for (i = 0; i < ARRAY_SIZE(gentries); i++)
			for (e = gentries[i].first; e < gentries[i].end; e++)
				digest = fold(digest, gtable(n, i)[e]);
	return digest;
}

static void print_groots(void)
{
	unsigned int n, i, e;

	for (n = 0; n < GROOTS; n++)
		for (i = 0; i < ARRAY_SIZE(gentries); i++)
			for (e = gentries[i].first; e < gentries[i].end; e++)
				printf("pte G-stage root %u %s %u = %lx\n", n, gentries[i].name, e,
				       gtable(n, i)[e]);
}

static unsigned long vector_words(void)
{
	return has[HAS_v] ? 4 * sandbox.v[4] : 0;
}

u64 outcome_digest(unsigned long number)
{
	const u64 *word = (const u64 *)arena,
		  *end = (const u64 *)(arena + (SPILL_PAGE + 1) * PAGE_SIZE);
	const unsigned long *log = (const unsigned long *)sandbox.log;
	u64 digest = fold(0, number);
	unsigned long i, n;

	for (i = 0; i < sandbox.traps * (sizeof(struct record) / 8); i++)
		digest = fold(digest, log[i]);
	for (i = 1; i < 32; i++)
		digest = fold(digest, sandbox.regs[i]);
	for (i = 0; i < ARRAY_SIZE(csr_names); i++)
		digest = fold(digest, sandbox.csrs[i]);
	for (i = 0; hs_programs && i < ARRAY_SIZE(hcsr_names); i++)
		digest = fold(digest, sandbox.hcsrs[i]);
	for (i = 0; has[HAS_d] && i < 32; i++)
		digest = fold(digest, sandbox.fregs[i]);
	digest = fold(digest, sandbox.fcsr);
	for (i = 0; i < ARRAY_SIZE(vector_names); i++)
		digest = fold(digest, sandbox.v[i]);
	for (i = 0; i < vector_words(); i++)
		digest = fold(digest, ((const u64 *)sandbox.vregs)[i]);
	for (n = 0; n < (hs_programs ? ROOTS : S_ROOTS); n++) {
		for (i = 0; i < SMALL_PAGES; i++)
			digest = fold(digest, roots[n].small[i]);
		for (i = 1; i <= LARGE_PAGES; i++)
			digest = fold(digest, roots[n].middle[i]);
		digest = fold(digest, roots[n].top[WINDOW / SZ_1G + 1]);
	}
	if (hs_programs)
		digest = fold_groots(digest);
	for (; word < end; word++)
		digest = fold(digest, *word);
	return digest;
}

static void print_roots(void)
{
	unsigned long i, n;

	for (n = 0; n < (hs_programs ? ROOTS : S_ROOTS); n++) {
		for (i = 0; i < SMALL_PAGES; i++)
			printf("pte root %lu page %lu = %lx\n", n, i, roots[n].small[i]);
		for (i = 1; i <= LARGE_PAGES; i++)
			printf("pte root %lu 2M %lu = %lx\n", n, i, roots[n].middle[i]);
		printf("pte root %lu 1G = %lx\n", n, roots[n].top[WINDOW / SZ_1G + 1]);
	}
}

void outcome_print(unsigned long number)
{
	unsigned long i, at;

	for (i = 0; i < sandbox.traps; i++) {
		const struct record *rec = &sandbox.log[i];

		printf("trap %lu: scause %lx stval %lx sepc %lx sstatus %lx sip %lx vector %lu\n",
		       i, rec->cause, rec->tval, rec->epc, rec->status, rec->ip, rec->entry);
		if (hs_programs)
			printf("trap %lu, H: %s hstatus %lx htval %lx htinst %lx hip %lx vsstatus "
			       "%lx\n",
			       i, level_names[rec->level], rec->hstatus, rec->htval, rec->htinst,
			       rec->hip, rec->vsstatus);
	}
	for (i = 1; i < 32; i++)
		printf("x%lu = %lx\n", i, sandbox.regs[i]);
	for (i = 0; i < ARRAY_SIZE(csr_names); i++)
		printf("%s = %lx\n", csr_names[i], sandbox.csrs[i]);
	for (i = 0; hs_programs && i < ARRAY_SIZE(hcsr_names); i++)
		printf("%s = %lx\n", hcsr_names[i], sandbox.hcsrs[i]);
	for (i = 0; has[HAS_d] && i < 32; i++)
		printf("f%lu = %lx\n", i, (unsigned long)sandbox.fregs[i]);
	printf("fcsr = %lx\n", sandbox.fcsr);
	for (i = 0; has[HAS_v] && i < ARRAY_SIZE(vector_names); i++)
		printf("%s = %lx\n", vector_names[i], sandbox.v[i]);
	for (i = 0; i < vector_words(); i++)
		printf("v%lu[%lu] = %lx\n", i * 8 / sandbox.v[4], i * 8 % sandbox.v[4] / 8,
		       (unsigned long)((const u64 *)sandbox.vregs)[i]);
	print_roots();
	if (hs_programs)
		print_groots();
	for (at = 0; at < (SPILL_PAGE + 1) * PAGE_SIZE; at += 8)
		if (*(unsigned long *)(arena + at) != data_pattern(number, at))
			printf("memory %lx = %lx\n", at, *(unsigned long *)(arena + at));
}
