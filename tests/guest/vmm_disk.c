// SPDX-License-Identifier: MIT
/*
 * vmm_disk.c - a virtio disk driven by hand, correctly and as a hostile guest would.
 *
 * The VMM has to survive everything here: set DEVICE_NEEDS_RESET if the ring itself is broken,
 * return an error if only a request is, and work again after a reset. (Rings: virtio §2.7,
 * registers: §4.2.2, block device: §5.2.) Needs a disk of 1 MiB whose first sectors may be written.
 */
#include "virtio.h"

static struct desc table[DISK_QUEUE] __attribute__((aligned(16)));
static u8 data[4 * SECTOR], back[4 * SECTOR];

/* ---- correct use ---- */

static void test_registers(void)
{
	ok_eq(disk_reg(REG_MAGIC), 0x74726976, "the magic number is right");
	ok_eq(disk_reg(REG_VERSION), 2, "the version is 2");
	ok_eq(disk_reg(REG_DEVICE_ID), 2, "the device is a disk");
	ok(disk_reg(REG_CAPACITY) >= 16, "the disk has 16 sectors or more");
	ok(!disk_negotiate(0, 0), "a legacy driver doesn't get FEATURES_OK");
	ok(!disk_negotiate(BIT(31), FEATURE_VERSION_1),
	   "a driver that accepts features that aren't offered doesn't get FEATURES_OK");
	ok(disk_negotiate(0, FEATURE_VERSION_1),
	   "a driver that accepts VERSION_1 alone gets FEATURES_OK");
	disk_set(REG_QUEUE_SEL, 1);
	ok_eq(disk_reg(REG_QUEUE_NUM_MAX), 0, "there is no second queue");
	disk_set(REG_QUEUE_SEL, 0);
	ok(disk_reg(REG_QUEUE_NUM_MAX) >= DISK_QUEUE,
	   "the first queue can have as many entries as this test uses");
}

static void test_requests(void)
{
	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = (u8)(i * 7 + i / 256);
	disk_start();
	ok_eq(disk_request(BLK_OUT, 1, data, 4 * SECTOR), S_OK, "a write of four sectors succeeds");
	ok_eq(disk_request(BLK_FLUSH, 0, data, 0), S_OK, "a flush succeeds");
	ok_eq(disk_request(BLK_IN, 1, back, 4 * SECTOR), S_OK, "a read of four sectors succeeds");
	ok(!memcmp(data, back, sizeof(data)), "the read returns the data that was written");
	ok_eq(disk_used_length(), 4 * SECTOR + 1,
	      "the used length of a read counts the data and the status byte");
	ok_eq(disk_request(BLK_GET_ID, 0, back, 20), S_OK, "the disk has a name");
	note("the name is %s", (char *)back);
	ok_eq(disk_request(99, 0, back, SECTOR), S_UNSUPP,
	      "an unknown request fails with S_UNSUPP");
	ok_eq(disk_request(BLK_IN, disk_reg(REG_CAPACITY), back, SECTOR), S_IOERR,
	      "a read beyond the end of the disk is an I/O error");
	ok_eq(disk_request(BLK_OUT, ~0ULL, data, SECTOR), S_IOERR,
	      "a write at sector 2^64 - 1 is an I/O error");
	ok_eq(disk_request(BLK_OUT, ~0ULL / SECTOR, data, SECTOR), S_IOERR,
	      "a write whose byte offset overflows is an I/O error");
	ok_eq(disk_request(BLK_IN, 0, back, 100), S_IOERR,
	      "a read of part of a sector is an I/O error");
	ok(!disk_needs_reset(), "failed requests don't break the device");
}

static void test_framing(void)
{
	disk_start();
	disk_header.type = BLK_IN;
	disk_header.sector = 1;
	disk_answer = NO_ANSWER;
	desc_set(&disk_desc[5], &disk_header, 7, DESC_NEXT, 3);
	desc_set(&disk_desc[3], (u8 *)&disk_header + 7, sizeof(disk_header) - 7, DESC_NEXT, 0);
	desc_set(&disk_desc[0], back, 100, DESC_WRITE | DESC_NEXT, 1);
	desc_set(&disk_desc[1], back + 100, SECTOR - 100, DESC_WRITE | DESC_NEXT, 7);
	desc_set(&disk_desc[7], &disk_answer, 1, DESC_WRITE, 0);
	memset(back, 0, SECTOR);
	ok(disk_submit(5) && disk_answer == S_OK,
	   "a request may be split into buffers at any byte");
	ok(!memcmp(data, back, SECTOR), "a split request reads the right data");

	disk_start();
	disk_make(table, BLK_IN, 1, back, SECTOR);
	desc_set(&disk_desc[4], table, 3 * sizeof(*table), DESC_INDIRECT, 0);
	memset(back, 0, SECTOR);
	ok(disk_submit(4) && disk_answer == S_OK, "a request in an indirect table succeeds");
	ok(!memcmp(data, back, SECTOR), "a request in an indirect table reads the right data");
}

static void test_interrupt(void)
{
	disk_start();
	ok_eq(disk_reg(REG_INTERRUPT_STATUS), 0, "after a reset, no interrupt is pending");
	disk_request(BLK_FLUSH, 0, data, 0);
	/* The device sets the used index before it interrupts. */
	for (unsigned long t = now(); now() - t < us_to_ticks(DISK_WAIT_US);) {
		if (disk_reg(REG_INTERRUPT_STATUS))
			break;
	}
	ok_eq(disk_reg(REG_INTERRUPT_STATUS), 1,
	      "the device interrupts after it has used a buffer");
	disk_set(REG_INTERRUPT_ACK, 1);
	ok_eq(disk_reg(REG_INTERRUPT_STATUS), 0, "an acknowledged interrupt is no longer pending");
	disk_avail[0] = 1;
	disk_request(BLK_FLUSH, 0, data, 0);
	delay_us(2000);
	ok_eq(disk_reg(REG_INTERRUPT_STATUS), 0,
	      "the device doesn't interrupt if the driver has turned interrupts off");
}

/* ---- hostile use ---- */

static void ok_broken(const char *what)
{
	bool used_it = disk_submit(0);

	/* The device must report the error before it uses any buffer. */
	ok(!used_it && disk_needs_reset(), "needs a reset: %s", what);
}

static void ok_queue_refused(u32 size, unsigned long d, unsigned long a, unsigned long u,
			     const char *what)
{
	disk_start_queue(size, d, a, u);
	ok(disk_needs_reset() && !disk_reg(REG_QUEUE_READY), "needs a reset: %s", what);
}

static void test_bad_queues(void)
{
	unsigned long d = (unsigned long)disk_desc, a = (unsigned long)disk_avail,
		      u = (unsigned long)disk_used;

	ok_queue_refused(0, d, a, u, "a queue of 0 entries");
	ok_queue_refused(5, d, a, u, "a queue of 5 entries");
	ok_queue_refused(1U << 31, d, a, u, "a queue of 2^31 entries");
	ok_queue_refused(DISK_QUEUE, 0x1000, a, u, "descriptors below RAM");
	ok_queue_refused(DISK_QUEUE, d, ~0UL - 7, u,
			 "an available ring at the end of the address space");
	ok_queue_refused(DISK_QUEUE, d, a, disk_base, "a used ring in a device");
	ok_queue_refused(DISK_QUEUE, d + 1, a, u, "descriptors at an odd address");
	ok_queue_refused(DISK_QUEUE, d, a, u + 2, "a used ring out of alignment");
}

static void test_bad_chains(void)
{
	disk_start();
	disk_make(disk_desc, BLK_IN, 0, back, SECTOR);
	disk_desc[2].flags |= DESC_NEXT;
	disk_desc[2].next = 1;
	ok_broken("a chain that loops");
	disk_start();
	disk_make(disk_desc, BLK_IN, 0, back, SECTOR);
	disk_desc[1].next = DISK_QUEUE;
	ok_broken("a next index beyond the table");
	disk_start();
	disk_make(disk_desc, BLK_IN, 0, (void *)0x1000, SECTOR);
	ok_broken("data below RAM");
	disk_start();
	disk_make(disk_desc, BLK_IN, 0, (void *)(~0UL - 100), SECTOR);
	ok_broken("data that wraps around");
	disk_start();
	disk_make(disk_desc, BLK_IN, 0, back, ~0U);
	ok_broken("data of 4 GiB");
	disk_start();
	disk_make(disk_desc, BLK_IN, 0, back, SECTOR);
	disk_desc[0].flags = DESC_NEXT | DESC_WRITE;
	disk_desc[1].flags = DESC_NEXT;
	ok_broken("a readable buffer after a writable one");
	disk_start();
	disk_make(disk_desc, BLK_IN, 0, back, SECTOR);
	disk_desc[0].len = 15;
	ok_broken("a header of 15 bytes");
	disk_start();
	disk_make(disk_desc, BLK_OUT, 0, data, SECTOR);
	disk_desc[1].flags = 0;
	ok_broken("no byte for the status");
	disk_start();
	disk_make(disk_desc, BLK_IN, 0, back, SECTOR);
	disk_avail[1] = DISK_QUEUE + 5;
	ok_broken("an available index more than the queue's size ahead");
	disk_start();
	ok(!disk_submit(DISK_QUEUE) && disk_needs_reset(),
	   "needs a reset: a head beyond the table");
}

static void test_bad_tables(void)
{
	disk_start();
	disk_make(table, BLK_IN, 0, back, SECTOR);
	desc_set(&disk_desc[0], table, 3 * sizeof(*table) + 1, DESC_INDIRECT, 0);
	ok_broken("an indirect table of an invalid length");
	disk_start();
	desc_set(&disk_desc[0], table, 0, DESC_INDIRECT, 0);
	ok_broken("an empty indirect table");
	disk_start();
	desc_set(&disk_desc[0], (void *)0x10000000, 48, DESC_INDIRECT, 0);
	ok_broken("an indirect table in a device");
	disk_start();
	desc_set(&disk_desc[0], table, 3 * sizeof(*table), DESC_INDIRECT, 0);
	table[0].flags = DESC_INDIRECT;
	ok_broken("an indirect table in an indirect table");
	disk_start();
	disk_make(table, BLK_IN, 0, back, SECTOR);
	table[2].flags |= DESC_NEXT;
	table[2].next = 0;
	desc_set(&disk_desc[0], table, 3 * sizeof(*table), DESC_INDIRECT, 0);
	ok_broken("a loop in an indirect table");
	disk_start();
	disk_make(table, BLK_IN, 0, back, SECTOR);
	table[0].next = 60000;
	desc_set(&disk_desc[0], table, 3 * sizeof(*table), DESC_INDIRECT, 0);
	ok_broken("a next index beyond an indirect table");
}

static void test_odd_accesses(void)
{
	unsigned long sum = 0;

	disk_start();
	for (unsigned long at = disk_base; at < disk_base + 0x200; at += 8) {
		sum += *(volatile u8 *)(at + 1);
		sum += *(volatile u16 *)(at + 2);
		sum += *(volatile u64 *)at;
		*(volatile u8 *)(at + 3) = 0xff;
		*(volatile u16 *)(at + 6) = 0xffff;
		*(volatile u64 *)at = sum;
	}
	ok(!disk_needs_reset(), "accesses of a wrong width don't break the device");
	disk_set(REG_QUEUE_NOTIFY, 1);
	disk_set(REG_QUEUE_NOTIFY, ~0U);
	disk_set(REG_QUEUE_SEL, ~0U);
	disk_set(REG_QUEUE_NUM, 0);
	disk_set(REG_FEATURES_SEL, 1000);
	ok_eq(disk_reg(REG_FEATURES), 0, "feature bits beyond the first 64 read as 0");
	disk_set(REG_QUEUE_SEL, 0);
	ok_eq(disk_request(BLK_FLUSH, 0, data, 0), S_OK,
	      "notifying queues that don't exist is harmless");
	disk_set(REG_DESC, 0);
	disk_set(REG_QUEUE_NUM, 1);
	ok_eq(disk_request(BLK_FLUSH, 0, data, 0), S_OK,
	      "a queue in use keeps its address and size");
	disk_set(REG_STATUS, 0);
	disk_set(REG_QUEUE_NOTIFY, 0);
	delay_us(2000);
	ok_eq(disk_reg(REG_STATUS), 0, "a notification without a queue is harmless");
}

void payload_main(void)
{
	if (!disk_find())
		bail("no disk in the device tree");
	test_registers();
	test_requests();
	test_framing();
	test_interrupt();
	test_bad_queues();
	test_bad_chains();
	test_bad_tables();
	test_odd_accesses();
	test_requests();
	done();
}
