// SPDX-License-Identifier: MIT
/*
 * gstage_variants.h - check a claim about the G-stage table with each walker and each mode.
 */
#ifndef NATIVE_GSTAGE_VARIANTS_H
#define NATIVE_GSTAGE_VARIANTS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "native.h"

struct variant {
	const struct gstage_ops *ops;
	unsigned int mode, levels;
};

struct fixture {
	struct gstage gs;
	struct gstage twin; /* a table used with the other walker, for comparison */
	const struct variant *variant;
};

static const struct variant variants[] = {
	{ &gstage_iter_ops, SATP_MODE_SV39, 3 }, { &gstage_iter_ops, SATP_MODE_SV48, 4 },
	{ &gstage_iter_ops, SATP_MODE_SV57, 5 }, { &gstage_rec_ops, SATP_MODE_SV39, 3 },
	{ &gstage_rec_ops, SATP_MODE_SV48, 4 },  { &gstage_rec_ops, SATP_MODE_SV57, 5 },
};

#define BASE 0x40000000ULL
#define RAM  0x80000000ULL
#define RW   (GSTAGE_LEAF | GSTAGE_LEAF_WRITE)

static inline int map(struct gstage *gs, gpa_t gpa, unsigned int level, hpa_t hpa, pte_t flags)
{
	pte_t old;

	return gstage_map(gs, gpa, level, pte_make(hpa, flags), &old);
}

static inline void assert_maps(struct gstage *gs, gpa_t gpa, unsigned int level, hpa_t hpa)
{
	struct gstage_leaf leaf;

	assert_int_equal(gstage_find(gs, gpa, &leaf), 0);
	assert_int_equal(leaf.level, level);
	assert_int_equal(gstage_leaf_hpa(&leaf, gpa), hpa);
}

static inline void assert_unmapped(struct gstage *gs, gpa_t gpa)
{
	struct gstage_leaf leaf;

	assert_int_equal(gstage_find(gs, gpa, &leaf), -ENOENT);
}

static inline bool writable(struct gstage *gs, gpa_t gpa)
{
	struct gstage_leaf leaf;

	assert_int_equal(gstage_find(gs, gpa, &leaf), 0);
	return leaf.pte & PTE_W;
}

static inline void free_retired(struct gstage *gs)
{
	gstage_free_retired(gstage_take_retired(gs), false);
}

/* Compare two tables and all tables below them. Only the addresses of lower tables may differ. */
static inline void assert_same_table(hpa_t a, hpa_t b, unsigned int level, unsigned long entries)
{
	pte_t *ta = native_ram(a), *tb = native_ram(b);
	unsigned long i;

	for (i = 0; i < entries; i++) {
		if (level > 0 && pte_is_table(ta[i]) && pte_is_table(tb[i]))
			assert_same_table(pte_to_hpa(ta[i]), pte_to_hpa(tb[i]), level - 1, 512);
		else if (ta[i] != tb[i]) /* assert only here: there are millions of entries */
			assert_int_equal(ta[i], tb[i]);
	}
}

static inline void run(void (*claim)(struct fixture *f))
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(variants); i++) {
		const struct variant *v = &variants[i];
		struct fixture f = { .variant = v };

		print_message("# %s, %u levels\n", v->ops->name, v->levels);
		native_reset();
		native_hgatp_set(1U << v->mode, 14);
		assert_int_equal(gstage_probe(), 0);
		assert_int_equal(gstage_init(&f.gs, v->ops, true), 0);
		assert_int_equal(
			gstage_init(&f.twin,
				    v->ops == &gstage_iter_ops ? &gstage_rec_ops : &gstage_iter_ops,
				    true),
			0);
		claim(&f);
		gstage_destroy(&f.gs);
		gstage_destroy(&f.twin);
		assert_int_equal(native_pages_in_use(), 0);
		assert_int_equal(native_maps_in_use(), 0);
	}
}

#define FOR_ALL_VARIANTS(claim)            \
	static void each_##claim(void **s) \
	{                                  \
		(void)s;                   \
		run(claim);                \
	}

#endif
