// SPDX-License-Identifier: MIT
/*
 * lab03.c - check the SBI extension of lab 3 against its variant
 *
 * The variant is on the command line: ext, fid_mix, fid_reg, fid_check, fid_skip, first, second,
 * checked (n, for register an), saved (n, for register sn), rotate, operation (0 +, 1 -, 2 ^),
 * addend, bound, factor, error_number (without its sign), skipped. The command line also has seed
 * (for the arguments) and neighbor (an extension that does not exist).
 */
#include "random.h"

unsigned long lab_reg(unsigned long ext, unsigned long fid, unsigned long value, unsigned long n);
unsigned long lab_skip(unsigned long ext, unsigned long fid);

static unsigned long ext;

static struct sbiret call(unsigned long fid, const unsigned long *a)
{
	return sbi_call6(ext, fid, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void draw(unsigned long *a)
{
	int i;

	for (i = 0; i < 6; i++)
		a[i] = random_next(&state);
}

static unsigned long mixed(unsigned long x, unsigned long y)
{
	unsigned long rotate = boot_need("rotate");

	x = x << rotate | x >> (64 - rotate);
	switch (boot_need("operation")) {
	case 0:
		return x + y;
	case 1:
		return x - y;
	}
	return x ^ y;
}

static void test_mix(void)
{
	unsigned long first = boot_need("first"), second = boot_need("second");
	unsigned long a[6], want, wrong = 0, i;
	struct sbiret ret;

	for (i = 0; i < 50; i++) {
		draw(a);
		want = mixed(a[first], a[second]);
		ret = call(boot_need("fid_mix"), a);
		if (!ret.error && (unsigned long)ret.value == want)
			continue;
		if (!wrong++)
			note("a%lu 0x%lx, a%lu 0x%lx: error %ld value 0x%lx, expected 0x%lx", first,
			     a[first], second, a[second], ret.error, ret.value, want);
	}
	ok_eq(wrong, 0, "mix: 50 values computed from its two arguments are right");
}

static void test_reg(void)
{
	unsigned long i, value, wrong = 0;

	for (i = 0; i < 20; i++) {
		value = random_next(&state);
		wrong += lab_reg(ext, boot_need("fid_reg"), value, boot_need("saved")) !=
			 value + boot_need("addend");
	}
	ok_eq(wrong, 0, "reg: 20 values computed from register s%lu are right", boot_need("saved"));
}

static void test_check(void)
{
	unsigned long a[6], n = boot_need("checked"), bound = boot_need("bound"), wrong = 0, i;
	struct sbiret ret;

	for (i = 0; i < 50; i++) {
		draw(a);
		a[n] %= bound;
		ret = call(boot_need("fid_check"), a);
		wrong += ret.error || (unsigned long)ret.value != a[n] * boot_need("factor");
	}
	draw(a);
	a[n] = bound - 1;
	ret = call(boot_need("fid_check"), a);
	wrong += ret.error || (unsigned long)ret.value != a[n] * boot_need("factor");
	ok_eq(wrong, 0, "check: 51 arguments below the bound are answered with the correct value");
	for (wrong = i = 0; i < 3; i++) {
		draw(a);
		a[n] = i == 0 ? bound : i == 1 ? ~0UL : bound + below(1000000);
		ret = call(boot_need("fid_check"), a);
		wrong += ret.error != -(long)boot_need("error_number") || ret.value;
	}
	ok_eq(wrong, 0, "check: the bound and values above it give the error, and value 0");
}

static void test_skip(void)
{
	ok_eq(lab_skip(ext, boot_need("fid_skip")), 63 & ~((1UL << boot_need("skipped")) - 1),
	      "skip: error and value are 0, and the first %lu of six instructions are not executed",
	      boot_need("skipped"));
}

static void test_numbers(void)
{
	unsigned long fid, wrong = 0, neighbor = boot_number("neighbor", 0);
	unsigned long known[] = { boot_need("fid_mix"), boot_need("fid_reg"),
				  boot_need("fid_check"), boot_need("fid_skip") };
	struct sbiret ret = sbi_call(SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION, ext, 0, 0);

	ok(!ret.error && ret.value == 1, "probe finds extension 0x%lx", ext);
	for (fid = 0; fid < 80; fid++) {
		if (fid == known[0] || fid == known[1] || fid == known[2] || fid == known[3])
			continue;
		ret = sbi_call(ext, fid, 0, 0, 0);
		wrong += ret.error != SBI_ERR_NOT_SUPPORTED || ret.value;
	}
	ok_eq(wrong, 0, "76 other functions return SBI_ERR_NOT_SUPPORTED");
	for (wrong = 0, fid = ext - 2; fid <= ext + 2; fid++) {
		if (fid == ext)
			continue;
		wrong += sbi_call(fid, known[0], 0, 0, 0).error != SBI_ERR_NOT_SUPPORTED ||
			 sbi_has(fid);
	}
	if (neighbor)
		wrong += sbi_call(neighbor, known[0], 0, 0, 0).error != SBI_ERR_NOT_SUPPORTED ||
			 sbi_has(neighbor);
	ok_eq(wrong, 0, "calls to other extensions still go to user space, which refuses them");
}

void payload_main(void)
{
	ext = boot_need("ext");
	random_begin();
	test_numbers();
	test_mix();
	test_reg();
	test_check();
	test_skip();
	done();
}
