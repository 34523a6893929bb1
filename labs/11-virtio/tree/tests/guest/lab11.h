/* SPDX-License-Identifier: MIT */
/*
 * lab11.h - shared by the three guests of lab 11: a driver that divides requests at random
 *
 * Each guest takes part=NAME and seed=N (for the random choices) on its command line, and needs a
 * writable disk of 1 MiB.
 */
#ifndef GUEST_LAB11_H
#define GUEST_LAB11_H

#include "random.h"
#include "virtio.h"

/*
 * Indirect tables use at most the first half. The descriptors beyond a table's end look valid, but
 * the device must not follow them.
 */
static struct desc table[2 * DISK_QUEUE] __attribute__((aligned(16)));

static inline void fill(u8 *bytes, unsigned long count)
{
	while (count--)
		*bytes++ = (u8)below(256);
}

/* End the test if the device neither answers nor needs a reset, because resetting it might hang. */
static inline void needs_answer(bool answered, const char *what)
{
	if (!answered && !disk_needs_reset())
		bail("%s: the device neither answers nor needs a reset", what);
}

static inline unsigned long request(u32 type, u64 sector, void *buffer, u32 len)
{
	unsigned long status = disk_request(type, sector, buffer, len);

	needs_answer(status != NO_ANSWER, "a request");
	return status;
}

static inline bool submit(u16 head, const char *what)
{
	u16 before = disk_used_index();
	unsigned long t = now();
	bool answered;

	disk_offer(head);
	disk_set(REG_QUEUE_NOTIFY, 0);
	while (disk_used_index() == before && !disk_needs_reset() &&
	       now() - t <= us_to_ticks(DISK_WAIT_US))
		wait_irq(0, 100); /* sleep, so that the disk's thread can run */
	answered = disk_used_index() != before;
	needs_answer(answered, what);
	return answered;
}

static inline u32 used_head(u16 index)
{
	return disk_used[2 * (index % DISK_QUEUE) + 1];
}

/*
 * Write the next `pieces` descriptors of a chain of `count`, and divide the `total` bytes at
 * `bytes` among them at random. Descriptor n of the chain is d[place[n]]. Begin with n = *at, and
 * advance *at.
 */
static inline void cut(struct desc *d, const u8 *place, unsigned int count, void *bytes, u32 total,
		       u32 pieces, u16 flags, unsigned int *at)
{
	u32 done = 0, len, i;

	for (i = 0; i < pieces; i++, (*at)++, done += len) {
		len = i == pieces - 1 ? total - done
				      : 1 + (u32)below(total - done - (pieces - 1 - i));
		desc_set(&d[place[*at]], (u8 *)bytes + done, len,
			 (u16)(flags | (*at == count - 1 ? 0 : DESC_NEXT)),
			 *at == count - 1 ? 0 : place[*at + 1]);
	}
}

static inline void shuffle(u8 *place, unsigned int count)
{
	unsigned int i, j;
	u8 kept;

	for (i = 0; i < count; i++)
		place[i] = (u8)i;
	for (i = count - 1; i > 0; i--) {
		j = (unsigned int)below(i + 1);
		kept = place[i];
		place[i] = place[j];
		place[j] = kept;
	}
}

/* A device walks a table from entry 0, so make entry 0 the chain's first. */
static inline void begin_at_0(u8 *place)
{
	unsigned int i = 0;

	while (place[i])
		i++;
	place[i] = place[0];
	place[0] = 0;
}

static struct {
	struct header header;
	u8 out[8 * SECTOR];
} request_bytes;
static u8 answer_bytes[8 * SECTOR + 1];

/*
 * Submit a request that has `out` readable bytes after its header and `in` writable bytes before
 * its status, and divide it into buffers at random. If `indirect`, use an indirect table. Return
 * the request's status, or NO_ANSWER.
 */
static inline unsigned long cut_request(u32 type, u64 sector, u32 out, u32 in, bool indirect)
{
	u32 readable = 1 + (u32)below(3), writable = 1 + (u32)below(in < 3 ? 1 : 3);
	unsigned int count = readable + writable, at = 0;
	struct desc *d = indirect ? table : disk_desc;
	u8 place[DISK_QUEUE];
	u16 head;

	shuffle(place, indirect ? count : DISK_QUEUE);
	if (indirect)
		begin_at_0(place);
	head = place[0];
	request_bytes.header = (struct header){ .type = type, .sector = sector };
	memset(answer_bytes, NO_ANSWER, sizeof(answer_bytes));
	cut(d, place, count, &request_bytes, sizeof(struct header) + out, readable, 0, &at);
	cut(d, place, count, answer_bytes, in + 1, writable, DESC_WRITE, &at);
	if (indirect) {
		head = (u16)below(DISK_QUEUE);
		desc_set(&disk_desc[head], table, count * sizeof(*table), DESC_INDIRECT, 0);
	}
	if (!submit(head, "a request in several pieces"))
		return NO_ANSWER;
	if (used_head((u16)(disk_used_index() - 1)) != head) {
		note("used: head %d, expected %d", (int)used_head((u16)(disk_used_index() - 1)),
		     head);
		return NO_ANSWER;
	}
	return answer_bytes[in];
}

/* The length of the longest queue, and of the longest chain. */
#define LONG 128
static struct desc long_desc[LONG] __attribute__((aligned(16)));
static volatile u16 long_avail[3 + LONG] __attribute__((aligned(4)));
/* In a page of its own, which only the device writes after long_start(). */
static volatile u32 long_used[PAGE_SIZE / 4] __attribute__((aligned(PAGE_SIZE)));

static inline void long_start(void)
{
	memset((void *)long_avail, 0, sizeof(long_avail));
	memset((void *)long_used, 0, sizeof(long_used));
	disk_start_queue(LONG, (unsigned long)long_desc, (unsigned long)long_avail,
			 (unsigned long)long_used);
}

/* Submit the chain that begins at long_desc[head]. Return false if it is not answered. */
static inline bool long_submit(u16 head)
{
	u16 index = long_avail[1];
	unsigned long t = now();

	long_avail[2 + index++ % LONG] = head;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	long_avail[1] = index;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	disk_set(REG_QUEUE_NOTIFY, 0);
	while ((u16)(long_used[0] >> 16) != index) {
		if (disk_needs_reset() || now() - t > us_to_ticks(DISK_WAIT_US))
			return false;
		wait_irq(0, 100); /* sleep, so that the disk's thread can run */
	}
	return true;
}

/*
 * Read the disk's name with a chain of `count` buffers in an indirect table. Return the request's
 * status, or NO_ANSWER.
 */
static inline unsigned long long_chain(u32 count)
{
	static struct desc d[LONG + 1] __attribute__((aligned(16)));
	static volatile u8 bytes[LONG + 1];
	u32 i;

	long_start();
	request_bytes.header = (struct header){ .type = BLK_GET_ID };
	desc_set(&d[0], &request_bytes.header, sizeof(struct header), DESC_NEXT, 1);
	for (i = 1; i < count; i++)
		desc_set(&d[i], &bytes[i], 1, (u16)(DESC_WRITE | (i < count - 1 ? DESC_NEXT : 0)),
			 (u16)(i + 1));
	desc_set(&long_desc[0], d, count * sizeof(*d), DESC_INDIRECT, 0);
	bytes[count - 1] = NO_ANSWER;
	needs_answer(long_submit(0), "a chain of more than a hundred buffers");
	return bytes[count - 1];
}

struct part {
	const char *name;
	void (*run)(void);
};

/* Run the part that the command line names, by default the first, and end the guest. */
static inline void run_part(const struct part *parts, unsigned int count)
{
	char part[16] = "";
	unsigned int i;

	random_begin();
	boot_arg("part", part, sizeof(part));
	if (!disk_find())
		bail("no disk in the device tree");
	for (i = 0; i < count; i++) {
		if (!part[0] ? i == 0 : !strcmp(part, parts[i].name)) {
			parts[i].run();
			done();
		}
	}
	bail("part=%s: no such part", part);
}

#endif
