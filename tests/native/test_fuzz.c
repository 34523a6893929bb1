// SPDX-License-Identifier: MIT
/*
 * test_fuzz.c - run the random VMM and guest of any_vmm.c under ASan and UBSan.
 *
 * The test checks that negative results are -errno, that nothing is leaked, and that no sanitizer
 * reports anything. tests/fuzz runs the same code with choices made by a coverage-guided fuzzer.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include "native.h"
#include "any_vmm.h"

static u64 state;

static u64 xorshift(u64 below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % below;
}

static void round_of(u64 seed, unsigned int steps)
{
	unsigned int i;

	state = seed * 0x9e3779b97f4a7c15ULL + 1;
	any_choice = xorshift;
	any_vmm_start(seed % 2 ? ANY_USUAL : ANY_OTHER);
	any_vmm_begin();
	for (i = 0; i < steps; i++)
		any_vmm_step();
	print_message(
		"# seed %llu: %u exits, %u faults, %u leaves, %u MMIO, %u slots, %u injected\n",
		seed, native_events(TRACE_kvm_exit), native_events(TRACE_kvm_page_fault),
		native_events(TRACE_gstage_map), native_events(TRACE_kvm_mmio),
		native_events(TRACE_kvm_memslot), native_events(TRACE_kvm_inject_trap));
	any_vmm_end();
}

/* Set HS_FUZZ_SEED and HS_FUZZ_ROUNDS to run more rounds, or to repeat one. */
static void random_programs_get_answers_and_leak_nothing(void **s)
{
	const char *seed = getenv("HS_FUZZ_SEED"), *rounds = getenv("HS_FUZZ_ROUNDS");
	u64 first = seed ? strtoull(seed, NULL, 0) : 1;
	u64 n = rounds ? strtoull(rounds, NULL, 0) : 20, i;

	(void)s;
	for (i = first; i < first + n; i++)
		round_of(i, 8000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_programs_get_answers_and_leak_nothing),
	};

	return cmocka_run_group_tests_name("fuzz", tests, NULL, NULL);
}
