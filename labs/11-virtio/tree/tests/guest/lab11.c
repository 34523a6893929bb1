// SPDX-License-Identifier: MIT
/*
 * lab11.c - a driver that follows the rules: requests of every legal shape, requests outside the
 * disk, interrupts, notifications, and a save while the disk is working
 */
#include "lab11.h"
#include "irqchip.h"

#define MANY   66048
#define ROUNDS 80

static u8 data[8 * SECTOR], back[8 * SECTOR];

/* ---- part basic ---- */

static void test_basic(void)
{
	unsigned long i, n, wrong = 0;

	fill(data, sizeof(data));
	disk_start();
	ok_eq(request(BLK_OUT, 1, data, 4 * SECTOR), S_OK, "a write of four sectors succeeds");
	ok_eq(request(BLK_FLUSH, 0, data, 0), S_OK, "the disk is flushed");
	ok_eq(request(BLK_IN, 1, back, 4 * SECTOR), S_OK, "the four sectors are read");
	ok(!memcmp(data, back, 4 * SECTOR), "the data read is the data written");
	for (i = 0; i < 64; i++) {
		memset(data, (int)i + 1, SECTOR);
		wrong += request(BLK_OUT, 10 + i, data, SECTOR) != S_OK;
	}
	for (i = 0; i < 64; i++) {
		n = i * 29 % 64;
		memset(data, (int)n + 1, SECTOR);
		wrong +=
			request(BLK_IN, 10 + n, back, SECTOR) != S_OK || memcmp(data, back, SECTOR);
	}
	ok_eq(wrong, 0, "64 sectors are written one by one, and read in another order");
	ok(!disk_needs_reset(), "the device does not need a reset");
}

/* ---- part chains ---- */

static unsigned long cut_and_read(bool indirect)
{
	unsigned long i, wrong = 0, sector;
	u32 len;

	for (i = 0; i < 40; i++) {
		len = SECTOR * (1 + (u32)below(4));
		sector = below(64);
		fill(request_bytes.out, len);
		memcpy(data, request_bytes.out, len);
		wrong += cut_request(BLK_OUT, sector, len, 0, indirect) != S_OK;
		wrong += cut_request(BLK_IN, sector, 0, len, indirect) != S_OK;
		wrong += !!memcmp(data, answer_bytes, len);
		if (wrong)
			break;
	}
	return wrong;
}

/*
 * Submit two requests of three descriptors with one notification, 50 times. Return the number of
 * failures.
 */
static unsigned long two_at_once(void)
{
	static struct header headers[2];
	static volatile u8 answers[2];
	unsigned long i, n, wrong = 0;

	for (n = 0; n < 50; n++) {
		u16 before = disk_used_index();

		for (i = 0; i < 2; i++) {
			struct desc *d = &disk_desc[3 * i];

			headers[i] = (struct header){ .type = BLK_IN, .sector = i };
			answers[i] = NO_ANSWER;
			desc_set(&d[0], &headers[i], sizeof(headers[i]), DESC_NEXT,
				 (u16)(3 * i + 1));
			desc_set(&d[1], back + i * SECTOR, SECTOR, DESC_NEXT | DESC_WRITE,
				 (u16)(3 * i + 2));
			desc_set(&d[2], &answers[i], 1, DESC_WRITE, 0);
			disk_offer((u16)(3 * i));
		}
		disk_set(REG_QUEUE_NOTIFY, 0);
		needs_answer(disk_wait(before) && (disk_used_index() == (u16)(before + 2) ||
						   disk_wait((u16)(before + 1))),
			     "the second of two requests with one notification");
		wrong += answers[0] != S_OK || answers[1] != S_OK ||
			 used_head(before) + used_head((u16)(before + 1)) != 3;
	}
	return wrong;
}

/*
 * Make more requests than a ring's index can count, 64 at a time. Each request reads the disk's
 * name. Return the number of failures.
 */
static unsigned long past_the_index(void)
{
	static struct header name = { .type = BLK_GET_ID };
	static u8 names[LONG / 2][21];
	unsigned long n, i, t, wrong = 0;
	u16 index = 0;

	for (i = 0; i < LONG; i += 2) {
		desc_set(&long_desc[i], &name, sizeof(name), DESC_NEXT, (u16)(i + 1));
		desc_set(&long_desc[i + 1], names[i / 2], 21, DESC_WRITE, 0);
	}
	long_start();
	long_avail[0] = 1; /* no interrupts */
	for (n = 0; n < MANY; n += LONG / 2) {
		for (i = 0; i < LONG / 2; i++) {
			names[i][20] = NO_ANSWER;
			long_avail[2 + index++ % LONG] = (u16)(2 * i);
		}
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		long_avail[1] = index;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		disk_set(REG_QUEUE_NOTIFY, 0);
		for (t = now(); (u16)(long_used[0] >> 16) != index;) {
			wait_irq(0, 100); /* sleep, so that the disk's thread can run */
			if (!disk_needs_reset() && now() - t < us_to_ticks(DISK_WAIT_US))
				continue;
			note("request %lu or a later one is not answered", n);
			needs_answer(false, "a request");
			return 1;
		}
		for (i = 0; i < LONG / 2; i++)
			wrong += names[i][20] != S_OK;
	}
	return wrong;
}

static void test_chains(void)
{
	static u8 name[24];
	unsigned long wrong = 0, i;

	disk_start();
	ok_eq(cut_and_read(false), 0,
	      "40 writes and 40 reads are served, divided at random, in shuffled descriptors");
	disk_start();
	for (i = 0; i < 20; i++) {
		wrong += cut_request(BLK_GET_ID, 0, 0, 20, false) != S_OK;
		memcpy(name, answer_bytes, 20);
		wrong += !!strcmp((char *)name, "disk0");
	}
	ok_eq(wrong, 0, "the disk's name is read into any number of buffers");
	ok_eq(two_at_once(), 0, "two requests with one notification are both answered");
	ok_eq(past_the_index(), 0, "%d requests are answered: the indices wrap around after 65535",
	      MANY);
	disk_start();
	ok_eq(cut_and_read(true), 0, "40 writes and 40 reads in indirect tables are served");
	disk_make(table, BLK_IN, 0, back, SECTOR);
	desc_set(&disk_desc[0], table, 3 * sizeof(*table), DESC_INDIRECT | DESC_WRITE, 0);
	ok(submit(0, "a table") && disk_answer == S_OK,
	   "an indirect table is read, even if its descriptor is marked writable");
	ok_eq(long_chain(LONG), S_OK, "a chain may have %d buffers", LONG);
}

/* ---- part requests ---- */

static void test_requests(void)
{
	u64 end = disk_reg(REG_CAPACITY);

	disk_start();
	fill(data, sizeof(data));
	ok_eq(request(BLK_OUT, end - 2, data, 2 * SECTOR), S_OK,
	      "the last two sectors are written");
	ok_eq(disk_used_length(), 1, "a write's length in the used ring counts only the status");
	ok_eq(request(BLK_IN, end - 2, back, 2 * SECTOR), S_OK, "the last two sectors are read");
	ok_eq(disk_used_length(), 2 * SECTOR + 1,
	      "a read's length in the used ring counts data and status");
	ok(!memcmp(data, back, 2 * SECTOR), "the data read is the data written");
	ok_eq(request(BLK_IN, end, back, SECTOR), S_IOERR, "a read beyond the end is refused");
	ok_eq(request(BLK_IN, end - 1, back, 2 * SECTOR), S_IOERR,
	      "a read across the end is refused");
	ok_eq(request(BLK_OUT, end - 1, back + SECTOR, 2 * SECTOR), S_IOERR,
	      "a write across the end is refused");
	ok_eq(request(BLK_OUT, ~0ULL, data, SECTOR), S_IOERR,
	      "a write at sector 2^64 - 1 is refused");
	ok_eq(request(BLK_OUT, ~0ULL, data, 2 * SECTOR), S_IOERR,
	      "a write from sector 2^64 - 1 that ends at sector 1 is refused");
	ok_eq(request(BLK_OUT, 1ULL << 55, data, SECTOR), S_IOERR,
	      "a write at a sector whose byte offset overflows is refused");
	ok_eq(request(BLK_IN, 0, back, 100), S_IOERR, "a read of part of a sector is refused");
	ok_eq(request(BLK_IN, 0, back, SECTOR + 1), S_IOERR,
	      "a read of one byte more than a sector is refused");
	memset(back, 0, sizeof(back));
	ok_eq(request(BLK_IN, end - 2, back, 2 * SECTOR), S_OK,
	      "the last two sectors are read again");
	ok(!memcmp(data, back, 2 * SECTOR), "the refused requests have not changed the disk");
	ok(!disk_needs_reset(), "the device does not need a reset");
}

/* ---- part irq ---- */

static bool line(void)
{
	return csr_read(sip) & BIT(IRQ_S_EXT);
}

static bool wait_line(bool up)
{
	unsigned long t = now();

	while (line() != up && now() - t < us_to_ticks(DISK_WAIT_US))
		;
	return line() == up;
}

/* Offer a request as a driver that obeys NO_NOTIFY does. Return false if it is not answered. */
static bool offered(void)
{
	u16 before = disk_used_index();
	unsigned long t;

	disk_make(disk_desc, BLK_IN, 0, back, SECTOR);
	disk_offer(0);
	if (!(disk_used[0] & 1))
		disk_set(REG_QUEUE_NOTIFY, 0);
	for (t = now(); disk_used_index() == before;)
		if (now() - t > us_to_ticks(DISK_WAIT_US))
			return false;
	return true;
}

/* Acknowledge the interrupt at the device, and complete it at the PLIC. */
static void serve(void)
{
	u32 source = irq_claim();

	disk_set(REG_INTERRUPT_ACK, disk_reg(REG_INTERRUPT_STATUS));
	irq_complete(source);
}

/*
 * Offer two requests, the second at a random time after the first was answered: the device may
 * still be raising the interrupt, checking for more requests or unmuting notifications. Return 1 if
 * a request or an interrupt is missed, else 0.
 */
static unsigned long missed(void)
{
	unsigned long n, k;

	for (n = 0; n < ROUNDS; n++) {
		bool first = offered();

		for (k = below(n & 1 ? 40 : 400); k; k--)
			__asm__ volatile("");
		if (!first || !offered()) {
			note("the %s request of round %lu was never answered: used.flags is %d",
			     first ? "second" : "first", n, (int)(disk_used[0] & 1));
			return 1;
		}
		if (!wait_line(true))
			return 1;
		serve();
	}
	return 0;
}

static void test_irq(void)
{
	unsigned long t;
	u32 source, n;

	irqchip_open(DISK_IRQS);
	csr_write(sie, 0);
	disk_start();
	ok_eq(disk_reg(REG_INTERRUPT_STATUS), 0, "after a reset, no interrupt is pending");
	ok(!line(), "after a reset, the line is low");
	request(BLK_FLUSH, 0, data, 0);
	ok(wait_line(true), "a used buffer raises the line");
	ok_eq(disk_reg(REG_INTERRUPT_STATUS), 1, "a used buffer sets bit 0 of InterruptStatus");
	disk_set(REG_INTERRUPT_ACK, 2);
	ok_eq(disk_reg(REG_INTERRUPT_STATUS), 1, "acknowledging another bit changes nothing");
	disk_set(REG_INTERRUPT_ACK, 1);
	ok_eq(disk_reg(REG_INTERRUPT_STATUS), 0, "acknowledging bit 0 clears it");
	source = irq_claim();
	irq_complete(source);
	ok(wait_line(false), "after the completion at the PLIC, the line is low");
	ok_eq(irq_claim(), 0, "after the completion, there is nothing more to claim");
	for (n = 0; n < 20; n++) {
		request(BLK_FLUSH, 0, data, 0);
		if (!wait_line(true))
			break;
		serve();
		if (!wait_line(false))
			break;
	}
	ok_eq(n, 20, "20 interrupts are raised, acknowledged and completed");
	disk_avail[0] = 1;
	request(BLK_FLUSH, 0, data, 0);
	delay_us(2000);
	ok_eq(disk_reg(REG_INTERRUPT_STATUS), 0,
	      "there is no interrupt if the driver does not want one");
	for (t = now(); disk_used[0] & 1 && now() - t < us_to_ticks(DISK_WAIT_US);)
		;
	ok(!(disk_used[0] & 1), "an idle device wants to be notified");
	disk_start();
	ok_eq(missed(), 0, "%d requests of a driver that notifies only if it must: none is missed",
	      2 * ROUNDS);
}

/* ---- part notify ---- */

static void test_notify(void)
{
	unsigned long count = boot_need("count"), n;

	disk_start();
	for (n = 0; n < count; n++)
		request(BLK_IN, 0, back, SECTOR);
	ok(disk_used_index() == count, "%lu requests, each with a notification, are answered",
	   count);
	for (n = 0; n < boot_need("others"); n++) {
		disk_set(REG_QUEUE_NOTIFY, 1 + (u32)n);
		*(volatile u16 *)(disk_base + REG_QUEUE_NOTIFY) = 0;
		*(volatile u8 *)(disk_base + REG_QUEUE_NOTIFY) = 0;
		disk_set(REG_QUEUE_NOTIFY + 4, 0);
		disk_set(REG_QUEUE_NOTIFY - 4, 0);
	}
	ok_eq(disk_used_index(), count,
	      "stores of other values, widths and addresses are not notifications");
	ok(!disk_needs_reset(), "stores of other values, widths and addresses break nothing");
	ok_eq(request(BLK_IN, 0, back, SECTOR), S_OK, "the next request is answered");
}

/* ---- part saved ---- */

#define BLOCK  PAGE_SIZE
#define BLOCKS 256 /* blocks of the disk */
#define PAGES  128 /* pages that only the disk writes in the rounds */

static u64 pages[PAGES][BLOCK / 8] __attribute__((aligned(PAGE_SIZE)));

static bool long_block(u32 type, unsigned long block, u64 *page)
{
	disk_make(long_desc, type, block * (BLOCK / SECTOR), page, BLOCK);
	needs_answer(long_submit(0), "a request");
	return disk_answer == S_OK;
}

/*
 * In each round, read a different block of the disk into each page. The machine is saved meanwhile:
 * if the disk's write to a page was not logged, the page has its old contents in the restored
 * machine.
 */
static void test_saved(void)
{
	unsigned long rounds = boot_need("rounds"), round, p, i, failed = 0, lost = 0;

	long_start();
	for (i = 0; i < BLOCKS; i++) {
		pages[0][0] = pages[0][BLOCK / 8 - 1] = i;
		failed += !long_block(BLK_OUT, i, pages[0]);
	}
	for (round = 0; round < rounds; round++) {
		if (round == 1)
			note("reading");
		for (p = 0; p < PAGES; p++) {
			i = (round + p) % BLOCKS;
			lost += round && (pages[p][0] != (i + BLOCKS - 1) % BLOCKS ||
					  pages[p][BLOCK / 8 - 1] != (i + BLOCKS - 1) % BLOCKS);
			failed += !long_block(BLK_IN, i, pages[p]);
		}
	}
	ok_eq(failed, 0, "each request is served");
	ok_eq(lost, 0, "each page holds what the disk wrote to it last");
}

void payload_main(void)
{
	static const struct part parts[] = {
		{ "basic", test_basic }, { "chains", test_chains }, { "requests", test_requests },
		{ "irq", test_irq },     { "notify", test_notify }, { "saved", test_saved },
	};

	run_part(parts, ARRAY_SIZE(parts));
}
