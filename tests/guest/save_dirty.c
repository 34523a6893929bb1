// SPDX-License-Identifier: MIT
/*
 * save_dirty.c - harts write memory all the time while the machine is saved: no store may be lost.
 *
 * Each hart goes over its own pages, checks that each page holds the value stored in the previous
 * round, and stores the next value. Arguments: rounds=N (60000), pages=N for each hart (256);
 * until=input: go on until the console has a byte, so that the guest cannot end before it has been
 * saved. rounds=N is then the largest number of rounds; the default is no limit.
 */
#include "rt.h"

#define PAGES_MAX 256
#define HARTS_MAX 8

static unsigned long memory[HARTS_MAX][PAGES_MAX][PAGE_SIZE / 8]
	__attribute__((aligned(PAGE_SIZE)));
static unsigned long rounds[HARTS_MAX], wrong[HARTS_MAX], pages, most;
static bool until_input;

/*
 * Return whether the hart has made all its rounds or, with until=input, hart 0 has read a byte from the
 * console. The legacy call returns a byte of the console, or -1, in a0.
 */
static bool is_over(unsigned long hart)
{
	if (until_input && !hart && rounds[0] % 256 == 0 &&
	    sbi_call(SBI_LEGACY_CONSOLE_GETCHAR, 0, 0, 0, 0).error >= 0)
		WRITE_ONCE(most, 0);
	return rounds[hart] >= READ_ONCE(most);
}

static void write_all_the_time(unsigned long hart)
{
	do {
		for (unsigned long page = 0; page < pages; page++) {
			/* The previous round stored to words[before]; store to the next word. */
			unsigned long before = (rounds[hart] + 7) % (PAGE_SIZE / 8);
			volatile unsigned long *words = memory[hart][page];

			wrong[hart] += rounds[hart] && words[before] != rounds[hart] + page;
			words[(before + 1) % (PAGE_SIZE / 8)] = rounds[hart] + 1 + page;
		}
		rounds[hart]++;
	} while (!is_over(hart));
}

void payload_main(void)
{
	unsigned long lost = 0;
	char until[8];
	int i;

	if (nr_harts > HARTS_MAX)
		bail("%d harts: at most %d can write", nr_harts, HARTS_MAX);
	until_input = boot_arg("until", until, sizeof(until)) && !strcmp(until, "input");
	most = boot_number("rounds", until_input ? ~0ul : 60000);
	pages = boot_number("pages", 256);
	if (pages > PAGES_MAX)
		pages = PAGES_MAX;
	for (i = 1; i < nr_harts; i++)
		hart_start(i);
	note("writing");
	for (i = 1; i < nr_harts; i++)
		hart_run(i, write_all_the_time, (unsigned long)i);
	write_all_the_time(0);
	for (i = 1; i < nr_harts; i++)
		ok(hart_wait(i, 60000), "hart %d finishes", i);
	for (i = 0; i < nr_harts; i++)
		lost += wrong[i];
	ok_eq(lost, 0, "no store was lost");
	done();
}
