// SPDX-License-Identifier: MIT
/*
 * test_store_order.c - the core's lock-free handshakes in every order that RVWMO allows.
 *
 * TSan does not report a missing full fence between a store and a later load of another word. Also,
 * the build machine reorders less than RISC-V may. So each handshake is written here as two short
 * programs. The accesses of a program may happen in any order that its fences allow, but accesses
 * to the same word stay in order. A store becomes visible to all harts at once, as in RVWMO. All
 * interleavings of all these orders are tried. With its fences, a handshake never ends badly. If
 * any one fence is left out, it can end badly; otherwise that fence would not be needed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#define MAX_OPS 5

enum kind {
	END,
	STORE,   /* word = value */
	LOAD,    /* result[value] = word */
	FULL,    /* like fence rw,rw: accesses before it precede all accesses after it */
	ACQUIRE, /* like fence r,rw: loads before it precede all accesses after it */
	RELEASE, /* like fence rw,w: accesses before it precede stores after it */
};

enum word {
	MODE,
	REQUESTS,
	HART,
	BLOCKING,
	AWAKE,
	CONDITION,
	VCPUS,
	PTE,
	SEQ,
	PAGE,
	BUS_STORES,
	BUS_TABLE,
	DEVICE,
	WORDS
};

struct op {
	enum kind kind;
	enum word word;
	unsigned int value;
};

struct handshake {
	struct op program[2][MAX_OPS];
	bool (*bad)(const unsigned int *result);
};

static bool is_fence(enum kind kind)
{
	return kind >= FULL;
}

static bool fence_orders(enum kind fence, enum kind before, enum kind behind)
{
	return (fence != ACQUIRE || before == LOAD) && (fence != RELEASE || behind == STORE);
}

/* Return whether op i of the program must be done before op j > i. */
static bool in_order(const struct op *program, unsigned int i, unsigned int j)
{
	unsigned int f;

	if (program[i].word == program[j].word)
		return true;
	for (f = i + 1; f < j; f++)
		if (is_fence(program[f].kind) &&
		    fence_orders(program[f].kind, program[i].kind, program[j].kind))
			return true;
	return false;
}

static bool may_be_next(const struct op *program, unsigned int done, unsigned int j)
{
	unsigned int i;

	if (program[j].kind == END || is_fence(program[j].kind) || done >> j & 1)
		return false;
	for (i = 0; i < j; i++)
		if (!is_fence(program[i].kind) && !(done >> i & 1) && in_order(program, i, j))
			return false;
	return true;
}

struct state {
	unsigned int done[2];
	unsigned int word[WORDS];
	unsigned int result[4];
};

/* Return whether some order of the remaining ops ends badly. */
static bool can_end_badly(const struct handshake *h, struct state s)
{
	bool over = true;
	unsigned int p, j;

	for (p = 0; p < 2; p++) {
		for (j = 0; j < MAX_OPS; j++) {
			const struct op *op = &h->program[p][j];
			struct state next = s;

			if (!may_be_next(h->program[p], s.done[p], j))
				continue;
			over = false;
			next.done[p] |= 1U << j;
			if (op->kind == STORE)
				next.word[op->word] = op->value;
			else
				next.result[op->value] = s.word[op->word];
			if (can_end_badly(h, next))
				return true;
		}
	}
	return over && h->bad(s.result);
}

static bool fails(const struct handshake *h)
{
	return can_end_badly(h, (struct state){ .done = { 0, 0 } });
}

/*
 * Check that the handshake never ends badly with all its fences, and that it can end badly if any
 * one of them is left out.
 */
static void needs_each_of_its_fences(const struct handshake *h)
{
	unsigned int p, j, fences = 0;

	assert_false(fails(h));
	for (p = 0; p < 2; p++) {
		for (j = 0; j < MAX_OPS; j++) {
			struct handshake without = *h;

			if (!is_fence(h->program[p][j].kind))
				continue;
			fences++;
			memmove(&without.program[p][j], &without.program[p][j + 1],
				(MAX_OPS - 1 - j) * sizeof(struct op));
			without.program[p][MAX_OPS - 1].kind = END;
			assert_true(fails(&without));
		}
	}
	assert_int_equal(fences, 2);
}

static bool both_zero(const unsigned int *result)
{
	return !result[0] && !result[1];
}

/* locking.md, rules 9 and 10: the vCPU never enters with a request unseen and no kick sent. */
static void a_kick_is_not_lost(void **state)
{
	(void)state;
	needs_each_of_its_fences(&(struct handshake){
		.program = { { { STORE, MODE, 1 }, { .kind = FULL }, { LOAD, REQUESTS, 0 } },
			     { { STORE, REQUESTS, 1 }, { .kind = FULL }, { LOAD, MODE, 1 } } },
		.bad = both_zero,
	});
}

/* Release and acquire are not enough: neither orders a store before a later load. */
static void a_kick_is_lost_with_release_and_acquire(void **state)
{
	(void)state;
	assert_true(fails(&(struct handshake){
		.program = { { { STORE, MODE, 1 },
			       { .kind = RELEASE },
			       { .kind = ACQUIRE },
			       { LOAD, REQUESTS, 0 } },
			     { { STORE, REQUESTS, 1 },
			       { .kind = RELEASE },
			       { .kind = ACQUIRE },
			       { LOAD, MODE, 1 } } },
		.bad = both_zero,
	}));
}

/*
 * locking.md, rule 10: vcpu_sleep() and vcpu_kick(). The condition that ends the sleep is a raised
 * line, a start or a signal.
 */
static void a_wake_up_is_not_lost(void **state)
{
	(void)state;
	needs_each_of_its_fences(&(struct handshake){
		.program = { { { STORE, BLOCKING, 1 }, { .kind = FULL }, { LOAD, CONDITION, 0 } },
			     { { STORE, CONDITION, 1 }, { .kind = FULL }, { LOAD, BLOCKING, 1 } } },
		.bad = both_zero,
	});
}

/* locking.md, rule 10: a waiting vCPU is not woken by a fence request, but sees it at its entry. */
static void a_fence_for_a_vcpu_that_waits_is_seen_at_its_entry(void **state)
{
	(void)state;
	needs_each_of_its_fences(&(struct handshake){
		.program = { { { STORE, AWAKE, 1 }, { .kind = FULL }, { LOAD, REQUESTS, 0 } },
			     { { STORE, REQUESTS, 1 }, { .kind = FULL }, { LOAD, AWAKE, 1 } } },
		.bad = both_zero,
	});
}

/*
 * locking.md, rule 10: a vCPU that is listed too late to get the request for a fence walks the
 * changed table.
 */
static void a_vcpu_listed_during_an_invalidation_sees_the_table_without_the_page(void **state)
{
	(void)state;
	needs_each_of_its_fences(&(struct handshake){
		.program = { { { STORE, VCPUS, 1 }, { .kind = FULL }, { LOAD, PTE, 0 } },
			     { { STORE, PTE, 1 }, { .kind = FULL }, { LOAD, VCPUS, 1 } } },
		.bad = both_zero, /* pte 0: the old leaf; 1: removed */
	});
}

static bool new_then_old(const unsigned int *result)
{
	return result[0] && !result[1];
}

/* run.c: a thread that sees IN_GUEST kicks the hart that vcpu_load() wrote, not an earlier one. */
static void a_kick_goes_to_the_right_hart(void **state)
{
	(void)state;
	needs_each_of_its_fences(&(struct handshake){
		.program = { { { STORE, HART, 1 }, { .kind = RELEASE }, { STORE, MODE, 1 } },
			     { { LOAD, MODE, 0 }, { .kind = ACQUIRE }, { LOAD, HART, 1 } } },
		.bad = new_then_old,
	});
}

/* locking.md, rule 2: a fault that reads the new inval_seq finds the page removed. */
static void a_new_sequence_number_shows_the_page_removed(void **state)
{
	(void)state;
	needs_each_of_its_fences(&(struct handshake){
		.program = { { { STORE, PAGE, 1 }, { .kind = RELEASE }, { STORE, SEQ, 1 } },
			     { { LOAD, SEQ, 0 }, { .kind = ACQUIRE }, { LOAD, PAGE, 1 } } },
		.bad = new_then_old,
	});
}

/* locking.md, rule 24: a removal waits for a store that reads the former table. */
static void a_removal_sees_the_store_or_the_store_the_new_table(void **state)
{
	(void)state;
	needs_each_of_its_fences(&(struct handshake){
		.program = { { { STORE, BUS_STORES, 1 }, { .kind = FULL }, { LOAD, BUS_TABLE, 0 } },
			     { { STORE, BUS_TABLE, 1 },
			       { .kind = FULL },
			       { LOAD, BUS_STORES, 1 } } },
		.bad = both_zero,
	});
}

static bool both_one(const unsigned int *result)
{
	return result[0] && result[1];
}

/* locking.md, rule 24: a device that is freed after the wait (DEVICE = 1) is not read any more. */
static void a_device_is_freed_after_the_last_store_has_read_it(void **state)
{
	(void)state;
	needs_each_of_its_fences(&(struct handshake){
		.program = { { { LOAD, DEVICE, 0 }, { .kind = RELEASE }, { STORE, BUS_STORES, 2 } },
			     { { LOAD, BUS_STORES, 1 },
			       { .kind = ACQUIRE },
			       { STORE, DEVICE, 1 } } },
		.bad = both_one,
	});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kick_is_not_lost),
		cmocka_unit_test(a_kick_is_lost_with_release_and_acquire),
		cmocka_unit_test(a_wake_up_is_not_lost),
		cmocka_unit_test(a_fence_for_a_vcpu_that_waits_is_seen_at_its_entry),
		cmocka_unit_test(
			a_vcpu_listed_during_an_invalidation_sees_the_table_without_the_page),
		cmocka_unit_test(a_kick_goes_to_the_right_hart),
		cmocka_unit_test(a_new_sequence_number_shows_the_page_removed),
		cmocka_unit_test(a_removal_sees_the_store_or_the_store_the_new_table),
		cmocka_unit_test(a_device_is_freed_after_the_last_store_has_read_it),
	};

	return cmocka_run_group_tests_name("orders of stores in models of the core", tests, NULL,
					   NULL);
}
