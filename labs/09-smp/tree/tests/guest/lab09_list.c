// SPDX-License-Identifier: MIT
/*
 * lab09_list.c - check a variant's fence call: the harts in its list, the range, the ASID, the
 * answer (lab 9)
 *
 * The other harts are not started until the end, so their requests stay pending and can be
 * examined. Command line: see lab09.h.
 */
#include "lab09.h"

/* Return a list of n entries. If `unknown`, one of them is not a hart. Unused bits are random. */
static struct list list_of(unsigned long n, bool unknown)
{
	struct list list = { random_next(&state), 0, unknown };
	unsigned long i, id, strange = unknown ? below(n) : ALL;

	for (i = 0; i < n; i++) {
		id = below(harts_there);
		if (i == strange)
			id = harts_there + below(boot_need("ones") - harts_there);
		else
			list.told |= BIT(id);
		set_entry(&list, i, id);
	}
	if (n < boot_need("most"))
		set_entry(&list, n, boot_need("ones"));
	if (boot_need("caller"))
		list.told &= ~1UL;
	if (unknown)
		list.told = 0;
	return list;
}

static unsigned long bits_in(unsigned long word)
{
	unsigned long n = 0;

	for (; word; word &= word - 1)
		n++;
	return n;
}

static bool answered(struct sbiret ret, const struct list *list)
{
	long error = list->unknown ? -(long)boot_need("error_number") : 0;
	unsigned long value = list->unknown ? 0 : bits_in(list->told);

	if (ret.error == error && (unsigned long)ret.value == value)
		return true;
	note("error %ld, value %ld; expected %ld and %lu", ret.error, ret.value, error, value);
	return false;
}

static bool list_fence_is(unsigned long n, bool unknown)
{
	struct list list = list_of(n, unknown);
	unsigned long a[6], i, unit = boot_need("unit"), flag = boot_need("flag");
	unsigned long count = below(3) * below(10), start = below(1UL << 20);
	bool any = below(2), good;
	struct fence fence;

	for (i = 0; i < 6; i++)
		a[i] = random_next(&state);
	a[boot_need("list")] = list.word;
	a[boot_need("start")] = start;
	a[boot_need("count")] = count;
	i = a[boot_need("asid")];
	i = any ? i & ~(1UL << flag) : i | 1UL << flag;
	a[boot_need("asid")] = i;
	fence = (struct fence){ any ? VVMA : VVMA_ASID, start << unit, count ? count << unit : ALL,
				i & 0xffff };
	good = answered(lab_call(boot_need("fid_fence"), a), &list);
	good = asked_are(list.told, bit_of_fence(), &fence) && good;
	if (!good)
		note("list 0x%lx: %lu entries%s, start 0x%lx count %lu asid 0x%lx", list.word, n,
		     unknown ? ", one of them not a hart" : "", start, count, i);
	forget_all();
	return good;
}

static bool list_ipi_is(unsigned long n, bool unknown)
{
	struct list list = list_of(n, unknown);
	unsigned long a[6], i, self;
	bool good;

	for (i = 0; i < 6; i++)
		a[i] = random_next(&state);
	a[boot_need("list")] = list.word;
	good = answered(lab_call(boot_need("fid_ipi"), a), &list);
	good = asked_are(list.told, REQ_IRQ, NULL) && good;
	self = csr_read(sip) & BIT(IRQ_S_SOFT) ? 1 : 0;
	good = good && self == (list.told & 1);
	if (!good)
		note("IPI, list 0x%lx: %lu entries%s; IPIs to itself: %lu, expected %lu", list.word,
		     n, unknown ? ", one of them not a hart" : "", self, list.told & 1);
	forget_all();
	return good;
}

static void fence_target(unsigned long arg)
{
	struct list list = { ALL, 0, false };
	unsigned long a[6] = { arg };

	set_entry(&list, 0, WAITED_FOR);
	a[boot_need("list")] = list.word;
	lab_call(boot_need("fid_fence"), a);
}

static void test_list(void)
{
	unsigned long most = boot_need("most"), i, fid, wrong = 0;

	for (i = 0; i < 40 && !wrong; i++)
		wrong += !list_fence_is(i % most, false);
	ok_eq(wrong, 0,
	      "your fence: each hart of the list gets one request, and other harts get none");
	for (wrong = i = 0; i < 10 && !wrong; i++)
		wrong += !list_fence_is(most, false);
	ok_eq(wrong, 0, "a list of %lu entries needs no end mark", most);
	for (wrong = i = 0; i < 20 && !wrong; i++)
		wrong += !list_fence_is(1 + i % most, true);
	ok_eq(wrong, 0, "a list that names an unknown hart gives your error; no hart is notified");
	for (wrong = i = 0; i < 40 && !wrong; i++)
		wrong += !list_ipi_is(i % (most + 1), false);
	for (i = 0; i < 10 && !wrong; i++)
		wrong += !list_ipi_is(1 + i % most, true);
	ok_eq(wrong, 0, "your IPI reaches exactly the harts of the list");
	for (wrong = 0, fid = 0; fid < 80; fid++) {
		struct sbiret ret;

		if (fid == boot_need("fid_fence") || fid == boot_need("fid_ipi"))
			continue;
		ret = sbi_call(boot_need("ext"), fid, 0, 0, 0);
		wrong += ret.error != SBI_ERR_NOT_SUPPORTED || ret.value;
	}
	ok(!wrong && asked_are(0, 0, NULL), "78 other functions are not supported");
	hart_need(1);
	call_waits(fence_target, "your fence returns when its target is out of its guest");
}

void payload_main(void)
{
	begin();
	test_list();
	done();
}
