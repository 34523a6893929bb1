// SPDX-License-Identifier: MIT
/*
 * test_page.c - the quarantine of the debug kernel (src/debug/page.c) gets a page whose last two
 * references two threads drop at the same time.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include "check.h"
#include "hv/host.h"
#include "lib/printk.h"
#include "mm/account.h"
#include "mm/page.h"
#include <cmocka.h>

#define ROUNDS 2000

void __wrap_page_put(hpa_t pa);
void __wrap_page_free(hpa_t pa, unsigned int order);
void __real_page_put(hpa_t pa);
void __real_page_free(hpa_t pa, unsigned int order);

static u64 memory[PAGE_SIZE / 8] __attribute__((aligned(PAGE_SIZE)));
static struct page page;
static unsigned int bypassed; /* atomic: last references that did not pass through the quarantine */
static bool drains;

/* ---- the host that page.c sees ---- */

struct page *page_of(hpa_t pa)
{
	return pa - (hpa_t)memory < PAGE_SIZE ? &page : NULL;
}

hpa_t page_to_hpa(const struct page *p)
{
	return p == &page ? (hpa_t)memory : 0;
}

/* Another thread may run after the read. */
u64 page_refs(hpa_t pa)
{
	u64 refs = __atomic_load_n(&page_of(pa)->refs, __ATOMIC_ACQUIRE);

	sched_yield();
	return refs;
}

void __real_page_put(hpa_t pa)
{
	if (__atomic_fetch_sub(&page_of(pa)->refs, 1, __ATOMIC_ACQ_REL) == 1)
		__atomic_fetch_add(&bypassed, 1, __ATOMIC_RELAXED);
}

void __real_page_free(hpa_t pa, unsigned int order)
{
	assert_true(drains);
	assert_int_equal(order, 0);
	__real_page_put(pa);
}

void panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

void hv_cpu_relax(void)
{
	sched_yield();
}

/* The page is not charged to an account. */
void account_free(struct account *account)
{
	fail_msg("account %p", (void *)account);
}

void account_uncharge_dead(struct account *account, long pages)
{
	fail_msg("account %p, %ld pages", (void *)account, pages);
}

void debug_print_stack(const void *frame)
{
	(void)frame;
}

void debug_may_take(struct may_take *site)
{
	(void)site;
}

bool debug_device_uses(hpa_t pa, size_t size)
{
	(void)pa;
	(void)size;
	return false;
}

bool debug_holds_spinlock(void)
{
	return false;
}

void debug_check_mappings(void)
{
}

void debug_mappings_lock(void)
{
}

void debug_mappings_unlock(void)
{
}

/* ---- tests ---- */

static unsigned int arrived; /* atomic */

/* Put or free (`frees`) the page when both threads are here. */
static void *drop(void *frees)
{
	__atomic_fetch_add(&arrived, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) < 2)
		sched_yield();
	if (frees)
		__wrap_page_free((hpa_t)memory, 0);
	else
		__wrap_page_put((hpa_t)memory);
	return NULL;
}

static void drop_twice(bool one_frees)
{
	static char yes;
	pthread_t thread;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		page.refs = 2;
		bypassed = 0;
		arrived = 0;
		assert_int_equal(pthread_create(&thread, NULL, drop, one_frees ? &yes : NULL), 0);
		drop(NULL);
		pthread_join(thread, NULL);
		assert_int_equal(bypassed, 0);
		assert_true(debug_page_is_freed((hpa_t)memory));
		drains = true;
		assert_true(debug_pages_drain());
		drains = false;
		assert_int_equal(page.refs, 0);
	}
}

static void two_puts_at_the_same_time(void **state)
{
	(void)state;
	drop_twice(false);
}

static void a_put_and_a_free_at_the_same_time(void **state)
{
	(void)state;
	drop_twice(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_puts_at_the_same_time),
		cmocka_unit_test(a_put_and_a_free_at_the_same_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
