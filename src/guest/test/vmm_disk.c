// SPDX-License-Identifier: MIT
/*
 * vmm_disk.c - a virtio disk driven by hand: well, and as a hostile guest would.
 *
 * The VMM has to survive everything here, say DEVICE_NEEDS_RESET where the ring itself is broken,
 * answer an error where only a request is, and serve again after a reset. (Rings: virtio §2.7,
 * registers: §4.2.2, block device: §5.2.) Needs a disk of 1 MiB whose first sectors may be written.
 */
#include "virtio.h"

#define QUEUE_SIZE 8
#define SECTOR     512
#define WAIT_US    2000000UL

#define BLK_IN     0
#define BLK_OUT    1
#define BLK_FLUSH  4
#define BLK_GET_ID 8

#define S_OK      0
#define S_IOERR   1
#define S_UNSUPP  2
#define NO_ANSWER 0xff

static struct desc desc[QUEUE_SIZE] __attribute__((aligned(16)));
static struct desc table[QUEUE_SIZE] __attribute__((aligned(16)));
static volatile u16 avail[3 + QUEUE_SIZE] __attribute__((aligned(4)));
static volatile u32 used[1 + 2 * QUEUE_SIZE + 1] __attribute__((aligned(4)));
static struct header header;
static volatile u8 answer;
static u8 data[4 * SECTOR], back[4 * SECTOR];
static unsigned long base;

static u32 reg(int offset)
{
	return *(volatile u32 *)(base + offset);
}

static void set_reg(int offset, u32 value)
{
	*(volatile u32 *)(base + offset) = value;
}

static void set_address(int offset, unsigned long address)
{
	set_reg(offset, (u32)address);
	set_reg(offset + 4, (u32)(address >> 32));
}

static u16 used_index(void)
{
	return (u16)(used[0] >> 16);
}

/* Up to FEATURES_OK; true if the device agreed. */
static bool negotiate(u32 low, u32 high)
{
	set_reg(REG_STATUS, 0);
	set_reg(REG_STATUS, STATUS_DRIVER);
	set_reg(REG_DRIVER_FEATURES_SEL, 0);
	set_reg(REG_DRIVER_FEATURES, low);
	set_reg(REG_DRIVER_FEATURES_SEL, 1);
	set_reg(REG_DRIVER_FEATURES, high);
	set_reg(REG_STATUS, STATUS_DRIVER | STATUS_FEATURES_OK);
	return reg(REG_STATUS) & STATUS_FEATURES_OK;
}

static void start_queue(u32 size, unsigned long d, unsigned long a, unsigned long u)
{
	negotiate(FEATURE_INDIRECT, FEATURE_VERSION_1);
	memset((void *)avail, 0, sizeof(avail));
	memset((void *)used, 0, sizeof(used));
	set_reg(REG_QUEUE_SEL, 0);
	set_reg(REG_QUEUE_NUM, size);
	set_address(REG_DESC, d);
	set_address(REG_AVAIL, a);
	set_address(REG_USED, u);
	set_reg(REG_QUEUE_READY, 1);
	set_reg(REG_STATUS, STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
}

static void start(void)
{
	start_queue(QUEUE_SIZE, (unsigned long)desc, (unsigned long)avail, (unsigned long)used);
}

static bool needs_reset(void)
{
	return reg(REG_STATUS) & STATUS_NEEDS_RESET;
}

/* Put chain `head` into the ring and wait until it is used, or the device gives up. */
static bool submit(u16 head)
{
	u16 before = used_index(), index = avail[1];
	unsigned long t = now();

	avail[2 + index % QUEUE_SIZE] = head;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	avail[1] = (u16)(index + 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	set_reg(REG_QUEUE_NOTIFY, 0);
	while (used_index() == before) {
		if (needs_reset() || now() - t > us_to_ticks(WAIT_US))
			return false;
	}
	return true;
}

static void set_desc(struct desc *d, const volatile void *at, u32 len, u16 flags, u16 next)
{
	d->addr = (unsigned long)at;
	d->len = len;
	d->flags = flags;
	d->next = next;
}

/* The everyday chain in d[0..2]: header, data, status. */
static void make_request(struct desc *d, u32 type, u64 sector, void *buffer, u32 len)
{
	u16 direction = type == BLK_OUT ? 0 : DESC_WRITE;

	header.type = type;
	header.sector = sector;
	answer = NO_ANSWER;
	set_desc(&d[0], &header, sizeof(header), DESC_NEXT, 1);
	set_desc(&d[1], buffer, len, DESC_NEXT | direction, 2);
	set_desc(&d[2], &answer, 1, DESC_WRITE, 0);
}

static unsigned long request(u32 type, u64 sector, void *buffer, u32 len)
{
	make_request(desc, type, sector, buffer, len);
	return submit(0) ? answer : NO_ANSWER;
}

/* ---- the well-behaved part ---- */

static void test_registers(void)
{
	ok_eq(reg(REG_MAGIC), 0x74726976, "the magic is right");
	ok_eq(reg(REG_VERSION), 2, "the version is 2");
	ok_eq(reg(REG_DEVICE_ID), 2, "it is a disk");
	ok(reg(REG_CAPACITY) >= 16, "it has 16 sectors or more");
	ok(!negotiate(0, 0), "a driver of the legacy interface gets no FEATURES_OK");
	ok(!negotiate(BIT(31), FEATURE_VERSION_1), "nor one that takes what isn't offered");
	ok(negotiate(0, FEATURE_VERSION_1), "VERSION_1 alone is fine");
	set_reg(REG_QUEUE_SEL, 1);
	ok_eq(reg(REG_QUEUE_NUM_MAX), 0, "there is no second queue");
	set_reg(REG_QUEUE_SEL, 0);
	ok(reg(REG_QUEUE_NUM_MAX) >= QUEUE_SIZE, "the first is long enough");
}

static void test_requests(void)
{
	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = (u8)(i * 7 + i / 256);
	start();
	ok_eq(request(BLK_OUT, 1, data, 4 * SECTOR), S_OK, "four sectors are written");
	ok_eq(request(BLK_FLUSH, 0, data, 0), S_OK, "and flushed");
	ok_eq(request(BLK_IN, 1, back, 4 * SECTOR), S_OK, "and read");
	ok(!memcmp(data, back, sizeof(data)), "and are the same");
	ok_eq(used[2 * ((used_index() - 1U) % QUEUE_SIZE) + 2], 4 * SECTOR + 1,
	      "a read's length counts data and status");
	ok_eq(request(BLK_GET_ID, 0, back, 20), S_OK, "the disk has a name");
	note("the name is %s", (char *)back);
	ok_eq(request(99, 0, back, SECTOR), S_UNSUPP, "an unknown request is unsupported");
	ok_eq(request(BLK_IN, reg(REG_CAPACITY), back, SECTOR), S_IOERR, "no read after the end");
	ok_eq(request(BLK_OUT, ~0ULL, data, SECTOR), S_IOERR, "no write at sector 2^64 - 1");
	ok_eq(request(BLK_OUT, ~0ULL / SECTOR, data, SECTOR), S_IOERR, "nor where bytes overflow");
	ok_eq(request(BLK_IN, 0, back, 100), S_IOERR, "no part of a sector");
	ok(!needs_reset(), "none of this breaks the device");
}

static void test_framing(void)
{
	start();
	header.type = BLK_IN;
	header.sector = 1;
	answer = NO_ANSWER;
	set_desc(&desc[5], &header, 7, DESC_NEXT, 3);
	set_desc(&desc[3], (u8 *)&header + 7, sizeof(header) - 7, DESC_NEXT, 0);
	set_desc(&desc[0], back, 100, DESC_WRITE | DESC_NEXT, 1);
	set_desc(&desc[1], back + 100, SECTOR - 100, DESC_WRITE | DESC_NEXT, 7);
	set_desc(&desc[7], &answer, 1, DESC_WRITE, 0);
	memset(back, 0, SECTOR);
	ok(submit(5) && answer == S_OK, "a request may be cut anywhere");
	ok(!memcmp(data, back, SECTOR), "and reads the right data");

	start();
	make_request(table, BLK_IN, 1, back, SECTOR);
	set_desc(&desc[4], table, 3 * sizeof(*table), DESC_INDIRECT, 0);
	memset(back, 0, SECTOR);
	ok(submit(4) && answer == S_OK, "an indirect table serves");
	ok(!memcmp(data, back, SECTOR), "and reads the right data");
}

static void test_interrupt(void)
{
	start();
	ok_eq(reg(REG_INTERRUPT_STATUS), 0, "after a reset no interrupt is pending");
	request(BLK_FLUSH, 0, data, 0);
	/* The used index comes before the interrupt. */
	for (unsigned long t = now(); now() - t < us_to_ticks(WAIT_US);) {
		if (reg(REG_INTERRUPT_STATUS))
			break;
	}
	ok_eq(reg(REG_INTERRUPT_STATUS), 1, "a used buffer interrupts");
	set_reg(REG_INTERRUPT_ACK, 1);
	ok_eq(reg(REG_INTERRUPT_STATUS), 0, "until it is acknowledged");
	avail[0] = 1;
	request(BLK_FLUSH, 0, data, 0);
	delay_us(2000);
	ok_eq(reg(REG_INTERRUPT_STATUS), 0, "not at all if the driver doesn't want it");
}

/* ---- the hostile part ---- */

static void ok_broken(const char *what)
{
	bool used_it = submit(0);

	/* The device says so before anything can be used. */
	ok(!used_it && needs_reset(), "needs a reset: %s", what);
}

static void ok_queue_refused(u32 size, unsigned long d, unsigned long a, unsigned long u,
			     const char *what)
{
	start_queue(size, d, a, u);
	ok(needs_reset() && !reg(REG_QUEUE_READY), "needs a reset: %s", what);
}

static void test_bad_queues(void)
{
	unsigned long d = (unsigned long)desc, a = (unsigned long)avail, u = (unsigned long)used;

	ok_queue_refused(0, d, a, u, "a queue of 0 entries");
	ok_queue_refused(5, d, a, u, "a queue of 5 entries");
	ok_queue_refused(1U << 31, d, a, u, "a queue of 2^31 entries");
	ok_queue_refused(QUEUE_SIZE, 0x1000, a, u, "descriptors below RAM");
	ok_queue_refused(QUEUE_SIZE, d, ~0UL - 7, u, "an available ring at the end of everything");
	ok_queue_refused(QUEUE_SIZE, d, a, base, "a used ring in a device");
	ok_queue_refused(QUEUE_SIZE, d + 1, a, u, "descriptors at an odd address");
	ok_queue_refused(QUEUE_SIZE, d, a, u + 2, "a used ring out of alignment");
}

static void test_bad_chains(void)
{
	start();
	make_request(desc, BLK_IN, 0, back, SECTOR);
	desc[2].flags |= DESC_NEXT;
	desc[2].next = 1;
	ok_broken("a chain that bites its tail");
	start();
	make_request(desc, BLK_IN, 0, back, SECTOR);
	desc[1].next = QUEUE_SIZE;
	ok_broken("a next beyond the table");
	start();
	make_request(desc, BLK_IN, 0, (void *)0x1000, SECTOR);
	ok_broken("data below RAM");
	start();
	make_request(desc, BLK_IN, 0, (void *)(~0UL - 100), SECTOR);
	ok_broken("data that wraps around");
	start();
	make_request(desc, BLK_IN, 0, back, ~0U);
	ok_broken("data of 4 GiB");
	start();
	make_request(desc, BLK_IN, 0, back, SECTOR);
	desc[0].flags = DESC_NEXT | DESC_WRITE;
	desc[1].flags = DESC_NEXT;
	ok_broken("a readable buffer behind a writable one");
	start();
	make_request(desc, BLK_IN, 0, back, SECTOR);
	desc[0].len = 15;
	ok_broken("a header of 15 bytes");
	start();
	make_request(desc, BLK_OUT, 0, data, SECTOR);
	desc[1].flags = 0;
	ok_broken("no room for the status");
	start();
	make_request(desc, BLK_IN, 0, back, SECTOR);
	avail[1] = QUEUE_SIZE + 5;
	ok_broken("an available index far ahead");
	start();
	ok(!submit(QUEUE_SIZE) && needs_reset(), "needs a reset: a head beyond the table");
}

static void test_bad_tables(void)
{
	start();
	make_request(table, BLK_IN, 0, back, SECTOR);
	set_desc(&desc[0], table, 3 * sizeof(*table) + 1, DESC_INDIRECT, 0);
	ok_broken("an indirect table of a broken length");
	start();
	set_desc(&desc[0], table, 0, DESC_INDIRECT, 0);
	ok_broken("an empty indirect table");
	start();
	set_desc(&desc[0], (void *)0x10000000, 48, DESC_INDIRECT, 0);
	ok_broken("an indirect table in a device");
	start();
	set_desc(&desc[0], table, 3 * sizeof(*table), DESC_INDIRECT, 0);
	table[0].flags = DESC_INDIRECT;
	ok_broken("a table in a table");
	start();
	make_request(table, BLK_IN, 0, back, SECTOR);
	table[2].flags |= DESC_NEXT;
	table[2].next = 0;
	set_desc(&desc[0], table, 3 * sizeof(*table), DESC_INDIRECT, 0);
	ok_broken("a loop in a table");
	start();
	make_request(table, BLK_IN, 0, back, SECTOR);
	table[0].next = 60000;
	set_desc(&desc[0], table, 3 * sizeof(*table), DESC_INDIRECT, 0);
	ok_broken("a next beyond an indirect table");
}

static void test_odd_accesses(void)
{
	unsigned long sum = 0;

	start();
	for (unsigned long at = base; at < base + 0x200; at += 8) {
		sum += *(volatile u8 *)(at + 1);
		sum += *(volatile u16 *)(at + 2);
		sum += *(volatile u64 *)at;
		*(volatile u8 *)(at + 3) = 0xff;
		*(volatile u16 *)(at + 6) = 0xffff;
		*(volatile u64 *)at = sum;
	}
	ok(!needs_reset(), "accesses of a wrong width do nothing");
	set_reg(REG_QUEUE_NOTIFY, 1);
	set_reg(REG_QUEUE_NOTIFY, ~0U);
	set_reg(REG_QUEUE_SEL, ~0U);
	set_reg(REG_QUEUE_NUM, 0);
	set_reg(REG_FEATURES_SEL, 1000);
	ok_eq(reg(REG_FEATURES), 0, "features end after 64");
	set_reg(REG_QUEUE_SEL, 0);
	ok_eq(request(BLK_FLUSH, 0, data, 0), S_OK,
	      "notifying queues that aren't there is harmless");
	set_reg(REG_DESC, 0);
	set_reg(REG_QUEUE_NUM, 1);
	ok_eq(request(BLK_FLUSH, 0, data, 0), S_OK, "a queue in use doesn't move");
	set_reg(REG_STATUS, 0);
	set_reg(REG_QUEUE_NOTIFY, 0);
	delay_us(2000);
	ok_eq(reg(REG_STATUS), 0, "a notification without a queue is harmless");
}

void payload_main(void)
{
	struct fdt_reg found;

	if (!fdt_find("virtio,mmio", 0, &found))
		bail("no disk in the device tree");
	base = found.base;
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
