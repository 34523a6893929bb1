// SPDX-License-Identifier: MIT
/*
 * lab11_hostile.c - a driver that breaks the rules of a ring: one by one (part hostile), or at
 * random (part random)
 */
#include "lab11.h"

static u8 data[SECTOR], back[SECTOR];

/* ---- part hostile ---- */

static void ok_broken(u16 head, const char *what)
{
	bool used_it = submit(head, what);

	ok(!used_it && disk_needs_reset(), "refused: %s", what);
	/* After the reset, the device must work again. */
	disk_start();
	if (request(BLK_FLUSH, 0, data, 0) != S_OK)
		ok(false, "the device answers after a reset");
}

/*
 * The ring's descriptors, for the part "hostile", followed by as many descriptors beyond the ring's
 * end.
 */
static struct desc ring[2 * DISK_QUEUE] __attribute__((aligned(16)));

/*
 * Make a good request (header, data, status) in the ring, or in an indirect table if `in_table`,
 * for the caller to break. A copy of its three descriptors follows beyond the end of the ring or
 * table. Return the request's first descriptor.
 */
static struct desc *good(bool in_table)
{
	struct desc *d = in_table ? table : ring;
	unsigned int i, end = in_table ? 3 : DISK_QUEUE;

	disk_start_queue(DISK_QUEUE, (unsigned long)ring, (unsigned long)disk_avail,
			 (unsigned long)disk_used);
	memset(ring, 0, sizeof(ring));
	memset(table, 0, sizeof(table));
	disk_make(d, BLK_IN, 0, back, SECTOR);
	for (i = 0; i < 3; i++) {
		d[end + i] = d[i];
		d[end + i].next = (u16)(end + i + 1);
	}
	if (in_table)
		desc_set(&ring[0], table, 3 * sizeof(*table), DESC_INDIRECT, 0);
	return d;
}

static void test_bad_chains(void)
{
	struct desc *d = good(false);

	d[2].flags |= DESC_NEXT;
	d[2].next = 1;
	ok_broken(0, "a chain with a loop");
	d = good(false);
	d[0].next = 0;
	ok_broken(0, "a descriptor that is its own next");
	d = good(false);
	d[0].next = DISK_QUEUE + 1;
	ok_broken(0, "a next descriptor beyond the ring");
	d = good(false);
	d[1].next = DISK_QUEUE;
	d[DISK_QUEUE] = d[2];
	ok_broken(0, "a next descriptor just beyond the ring");
	good(true);
	ring[DISK_QUEUE] = ring[0];
	ok_broken(DISK_QUEUE, "a head beyond the ring");
	good(false);
	ok_broken(0xffff, "a head far beyond the ring");
	d = good(false);
	d[1].addr = 0x1000;
	ok_broken(0, "data below RAM");
	d = good(false);
	d[1].addr = disk_base;
	ok_broken(0, "data in a device");
	d = good(false);
	d[1].addr = ~0UL - 100;
	ok_broken(0, "data that wraps around");
	d = good(false);
	d[1].len = ~0U;
	ok_broken(0, "data of 4 GiB");
	d = good(false);
	d[0].flags = DESC_NEXT | DESC_WRITE;
	d[1].flags = DESC_NEXT;
	ok_broken(0, "a readable buffer after a writable one");
	d = good(false);
	d[0].len = sizeof(struct header) - 1;
	ok_broken(0, "a header of 15 bytes");
	d = good(false);
	d[1].flags = 0;
	ok_broken(0, "a chain without room for the status");
	good(false);
	disk_avail[1] = DISK_QUEUE + 5;
	ok_broken(0, "an available index that is ahead by more than the ring");
}

static void test_bad_tables(void)
{
	struct desc *d, kept[3];

	good(true);
	ring[0].len = 3 * sizeof(*d) + 1;
	ok_broken(0, "an indirect table that is not made of whole descriptors");
	good(true);
	ring[0].len = 0;
	ok_broken(0, "an empty indirect table");
	good(true);
	ring[0].addr = disk_base;
	ok_broken(0, "an indirect table in a device");
	d = good(true);
	memcpy(kept, d, sizeof(kept));
	memcpy((u8 *)d + 4, kept, sizeof(kept));
	ring[0].addr += 4;
	ok_broken(0, "an indirect table that is not aligned");
	good(true);
	ring[0].flags |= DESC_NEXT;
	ring[0].next = 1;
	ok_broken(0, "a descriptor after an indirect one");
	d = good(true);
	d[0].flags = DESC_INDIRECT;
	ok_broken(0, "a table in a table");
	d = good(false);
	d[1].flags |= DESC_INDIRECT;
	ok_broken(0, "a table in the middle of a chain");
	d = good(true);
	d[2].flags |= DESC_NEXT;
	d[2].next = 0;
	ok_broken(0, "a loop in a table");
	d = good(true);
	d[1].next = 3;
	d[3] = d[2];
	ok_broken(0, "a next descriptor just beyond a table");
	d = good(true);
	d[0].next = 60000;
	ok_broken(0, "a next descriptor far beyond a table");
	ok(long_chain(LONG + 1) == NO_ANSWER && disk_needs_reset(),
	   "refused: a chain of %d buffers", LONG + 1);
}

/* Submit a request, whatever the device's state. Return true if the device answers it. */
static bool served(void)
{
	u16 before = disk_used_index();

	disk_make(ring, BLK_IN, 0, back, SECTOR);
	disk_offer(0);
	disk_set(REG_QUEUE_NOTIFY, 0);
	delay_us(3000); /* enough time for an incorrect device to answer */
	return disk_used_index() != before;
}

static void test_unserved(void)
{
	struct desc *d = good(false);

	d[0].len = 1;
	disk_submit(0);
	ok(disk_needs_reset() && !served(), "a device that needs a reset does not serve requests");
	good(false);
	disk_set(REG_STATUS, STATUS_DRIVER | STATUS_FEATURES_OK);
	ok(!served(), "the device does not serve requests before DRIVER_OK is set");
	disk_set(REG_STATUS, STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
	ok(served() || disk_wait(0), "the device serves requests after DRIVER_OK is set");
}

static void test_hostile(void)
{
	test_bad_chains();
	test_bad_tables();
	test_unserved();
	disk_start();
	ok_eq(request(BLK_IN, 0, back, SECTOR), S_OK,
	      "the disk still serves requests after all broken rings");
}

/* ---- part random ---- */

/*
 * Return true if a device has to answer the chain that begins at d[index], in a table of `size`
 * descriptors. Follow the chain as a device does.
 */
static bool is_good(const struct desc *d, u32 size, u32 index)
{
	u32 readable = 0, writable = 0, n;

	for (n = 0; n < DISK_QUEUE; n++) {
		if (index >= size || d[index].flags & DESC_INDIRECT)
			return false;
		if (d[index].addr < (unsigned long)_start)
			return false;
		if (d[index].flags & DESC_WRITE)
			writable += d[index].len;
		else if (writable)
			return false;
		else
			readable += d[index].len;
		if (!(d[index].flags & DESC_NEXT))
			return readable >= sizeof(struct header) && writable >= 1;
		index = d[index].next;
	}
	return false;
}

/*
 * Make a chain with at most one random defect, and set *head to its first descriptor in the ring.
 * Return true if the chain is still good.
 */
static bool random_chain(bool indirect, u16 *head)
{
	u32 count = 2 + (u32)below(DISK_QUEUE - 2), readable = 1 + (u32)below(count - 1);
	struct desc *d = indirect ? table : disk_desc;
	u32 size = DISK_QUEUE, i;
	u8 place[DISK_QUEUE];
	u16 first;

	shuffle(place, DISK_QUEUE);
	if (indirect)
		begin_at_0(place);
	memset(d, 0, sizeof(disk_desc));
	request_bytes.header = (struct header){ .type = BLK_GET_ID };
	for (i = 0; i < count; i++) {
		bool in = i >= readable;
		u8 *bytes =
			in ? answer_bytes + 32 * i : (u8 *)&request_bytes + (i ? 512 + 32 * i : 0);

		desc_set(&d[place[i]], bytes, i ? 1 + (u32)below(24) : sizeof(struct header),
			 (u16)((in ? DESC_WRITE : 0) | (i < count - 1 ? DESC_NEXT : 0)),
			 i < count - 1 ? place[i + 1] : (u16)below(DISK_QUEUE));
	}
	first = place[0];
	i = place[below(count)];
	switch (below(10)) {
	case 0:
		d[i].next = (u16)below(2 * DISK_QUEUE);
		break;
	case 1:
		d[i].flags ^= DESC_WRITE;
		break;
	case 2:
		d[i].flags |= DESC_NEXT;
		break;
	case 3:
		d[i].flags |= DESC_INDIRECT;
		break;
	case 4:
		d[i].addr -= below(2) << 31;
		break;
	case 5:
		d[first].len -= (u32)below(3);
		break;
	case 6:
		if (indirect)
			size = 1 + (u32)below(DISK_QUEUE);
		break;
	}
	*head = first;
	if (indirect) {
		*head = (u16)below(DISK_QUEUE);
		desc_set(&disk_desc[*head], table, size * sizeof(*table), DESC_INDIRECT, 0);
		first = 0;
	} else if (d[first].flags & DESC_INDIRECT) {
		return false; /* d[first]'s buffer is the request's header, not a table */
	}
	return is_good(d, size, first);
}

static void test_random(void)
{
	unsigned long n, good_ones = 0, wrong = 0;

	for (n = 0; n < 400 && !wrong; n++) {
		bool indirect = below(2), good_one, answered;
		u16 head;

		disk_start();
		good_one = random_chain(indirect, &head);
		good_ones += good_one;
		answered = submit(head, "a random chain");
		if (answered != good_one || disk_needs_reset() == good_one) {
			note("chain %lu, %s: it is %s, and was %s", n,
			     indirect ? "indirect" : "direct", good_one ? "good" : "bad",
			     answered ? "answered" : "refused");
			wrong++;
		}
	}
	ok_eq(wrong, 0, "400 random chains: each good one is answered, each bad one refused");
	ok(good_ones > 50 && good_ones < 350, "over 50 random chains are good, and over 50 bad");
}

void payload_main(void)
{
	static const struct part parts[] = {
		{ "hostile", test_hostile },
		{ "random", test_random },
	};

	run_part(parts, ARRAY_SIZE(parts));
}
