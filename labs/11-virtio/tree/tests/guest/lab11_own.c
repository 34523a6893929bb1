// SPDX-License-Identifier: MIT
/*
 * lab11_own.c - test the two requests of the student's variant (labs/11-virtio/YOURS.md), whose
 * values are on the command line
 */
#include "lab11.h"

static u8 back[8 * SECTOR];

/* ---- part own ---- */

static u8 image[64 * SECTOR]; /* expected contents of the first sectors */

static u32 sum_of(u64 sector, u32 count, u32 stride)
{
	u32 sum = (u32)boot_need("first"), poly = (u32)boot_need("poly"), n, i, bit;
	bool reflected = boot_need("reflected");

	for (n = 0; n < count; n++) {
		for (i = 0; i < SECTOR; i++) {
			u32 byte = image[(sector + (u64)n * stride) * SECTOR + i];

			sum ^= reflected ? byte : byte << 24;
			for (bit = 0; bit < 8; bit++)
				sum = reflected ? sum >> 1 ^ (sum & 1 ? poly : 0)
						: sum << 1 ^ (sum >> 31 ? poly : 0);
		}
	}
	return sum ^ (u32)boot_need("last");
}

static void put32(u8 *at, u32 value)
{
	memcpy(at, &value, sizeof(value));
}

/* Make one of the variant's requests. Return its status; the result is in answer_bytes. */
static unsigned long own(const char *type, u64 sector, u32 count, u32 other, u32 params, u32 room)
{
	u8 made[16 + 8];

	fill(made, sizeof(made));
	put32(made + boot_need("count_at"), count);
	put32(made + boot_need("other_at"), other);
	memcpy(request_bytes.out, made, params);
	return cut_request((u32)boot_need(type), sector, params, room, below(2));
}

static bool right_sum(u64 sector, u32 count, u32 stride)
{
	u8 want[16];

	memset(want, (int)boot_need("filler"), sizeof(want));
	put32(want + boot_need("sum_at"), sum_of(sector, count, stride));
	put32(want + boot_need("done_at"), count);
	if (!memcmp(want, answer_bytes, sizeof(want)))
		return true;
	note("sum of %d sectors from %d, %d apart: the result is", (int)count, (int)sector,
	     (int)stride);
	note("  %lx %lx, expected", *(unsigned long *)answer_bytes,
	     *(unsigned long *)(answer_bytes + 8));
	note("  %lx %lx (16 bytes as two numbers, lowest byte last)", *(unsigned long *)want,
	     *(unsigned long *)(want + 8));
	return false;
}

static unsigned long write_image(void)
{
	unsigned long wrong = 0, i;

	fill(image, sizeof(image));
	for (i = 0; i < 64; i += 8)
		wrong += request(BLK_OUT, i, image + i * SECTOR, 8 * SECTOR) != S_OK;
	return wrong;
}

static unsigned long image_differs(void)
{
	unsigned long wrong = 0, i;

	for (i = 0; i < 64; i += 8)
		wrong += request(BLK_IN, i, back, 8 * SECTOR) != S_OK ||
			 memcmp(back, image + i * SECTOR, 8 * SECTOR);
	return wrong;
}

static void test_sums(void)
{
	unsigned long i, wrong = 0;
	u32 most = (u32)boot_need("most"), count, stride;
	u64 sector;

	ok_eq(own("type_sum", 3, 1, 1, 16, 16), S_OK, "a sum of one sector is answered");
	ok_eq(disk_used_length(), 17, "the used ring counts the result and the status of a sum");
	ok(right_sum(3, 1, 1), "a sum of one sector is right");
	for (i = 0; i < 12; i++) {
		count = 1 + (u32)below(most < 20 ? most : 20);
		stride = (u32)below(4);
		sector = below(64 - (count - 1) * (stride > 2 ? stride : 3));
		wrong += own("type_sum", sector, count, stride, 16 + (u32)below(9),
			     16 + (u32)below(9)) != S_OK ||
			 !right_sum(sector, count, stride);
		if (wrong)
			break;
	}
	ok_eq(wrong, 0, "12 sums of several sectors with different strides are right");
}

static void test_fills(void)
{
	unsigned long by_sector = boot_need("by_sector"), by_byte = boot_need("by_byte");
	unsigned long i, n, wrong = 0, seed, twist = boot_need("twist");
	u64 sector;
	u32 count;

	for (i = 0; i < 6; i++) {
		count = 1 + (u32)below(8);
		sector = below(64 - count);
		seed = below(1UL << 32);
		wrong += own("type_fill", sector, count, (u32)seed, 16, 0) != S_OK;
		for (n = 0; n < count * SECTOR; n++)
			image[sector * SECTOR + n] =
				(u8)((seed + (sector + n / SECTOR) * by_sector +
				      n % SECTOR * by_byte) ^
				     twist);
		wrong += image_differs();
		if (wrong)
			break;
	}
	ok_eq(wrong, 0, "6 fills write the pattern to the requested sectors, and nowhere else");
}

static void test_own_refused(void)
{
	u32 most = (u32)boot_need("most");
	u64 end = disk_reg(REG_CAPACITY);
	static const char *const types[] = { "type_sum", "type_fill" };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		const char *type = types[i];

		ok_eq(own(type, 0, 0, 0, 16, 16), S_IOERR, "%s: a count of 0 is refused", type);
		ok_eq(own(type, 0, most + 1, 0, 16, 16), S_IOERR,
		      "%s: a count of one more than the maximum is refused", type);
		ok_eq(own(type, 0, most, 1, 16, 16), S_OK, "%s: the maximum count is answered",
		      type);
		if (i == 1)
			break; /* the disk now has the fill's pattern, not the image */
		ok_eq(own(type, 0, ~0U, 1, 16, 16), S_IOERR, "%s: a count of 2^32 - 1 is refused",
		      type);
		ok_eq(own(type, end, 1, 1, 16, 16), S_IOERR,
		      "%s: a sector beyond the end is refused", type);
		ok_eq(own(type, end - 2, 3, 1, 16, 16), S_IOERR,
		      "%s: sectors across the end are refused", type);
		ok_eq(own(type, end - 2, 2, 1, 16, 16), S_OK,
		      "%s: sectors up to the end are answered", type);
		ok_eq(own(type, ~0ULL, 2, 1, 16, 16), S_IOERR,
		      "%s: sectors from 2^64 - 1 are refused", type);
		ok_eq(own(type, ~0ULL - 2, 2, 4, 16, 16), S_IOERR,
		      "%s: sectors that wrap around are refused", type);
		ok_eq(own(type, 0, 3, 0x80000000U, 16, 16), S_IOERR,
		      "%s: a stride that leaves the disk is refused", type);
		ok_eq(own(type, 0, 1, 1, 15, 16), S_IOERR, "%s: 15 bytes of parameters are refused",
		      type);
		ok_eq(own(type, 0, 1, 1, 16, 15), S_IOERR,
		      "%s: too little room for the result is refused", type);
	}
	fill(image, sizeof(image));
	ok_eq(own("type_fill", end - 1, 2, 1, 16, 0), S_IOERR,
	      "type_fill: sectors across the end are refused");
	ok_eq(own("type_fill", ~0ULL, 2, 1, 16, 0), S_IOERR,
	      "type_fill: sectors from 2^64 - 1 are refused");
	ok_eq(own("type_fill", 0, 1, 1, 15, 0), S_IOERR,
	      "type_fill: 15 bytes of parameters are refused");
	ok_eq(request((u32)boot_need("type_sum") + 0x10000, 0, back, SECTOR), S_UNSUPP,
	      "a request of another type is unsupported");
}

static void test_own(void)
{
	disk_start();
	ok_eq(write_image(), 0, "64 sectors are written");
	test_sums();
	test_fills();
	test_own_refused();
	ok(!disk_needs_reset(), "the device does not need a reset");
}

void payload_main(void)
{
	static const struct part parts[] = {
		{ "own", test_own },
	};

	run_part(parts, ARRAY_SIZE(parts));
}
