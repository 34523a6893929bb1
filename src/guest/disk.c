// SPDX-License-Identifier: MIT
/*
 * disk.c - a virtio disk driver for tests: it polls, executes one request at a time, and lets its
 * caller break any rule of virtio.
 */
#include "virtio.h"

struct desc disk_desc[DISK_QUEUE] __attribute__((aligned(16)));
volatile u16 disk_avail[3 + DISK_QUEUE] __attribute__((aligned(4)));
volatile u32 disk_used[1 + 2 * DISK_QUEUE + 1] __attribute__((aligned(4)));
struct header disk_header;
volatile u8 disk_answer;
unsigned long disk_base;

bool disk_find(void)
{
	struct fdt_reg found;
	int n;

	for (n = 0; fdt_find("virtio,mmio", n, &found); n++) {
		disk_base = found.base;
		if (disk_reg(REG_DEVICE_ID) == ID_BLOCK)
			return true;
	}
	return false;
}

u32 disk_reg(int offset)
{
	return *(volatile u32 *)(disk_base + offset);
}

void disk_set(int offset, u32 value)
{
	*(volatile u32 *)(disk_base + offset) = value;
}

static void set_address(int offset, unsigned long address)
{
	disk_set(offset, (u32)address);
	disk_set(offset + 4, (u32)(address >> 32));
}

u16 disk_used_index(void)
{
	return (u16)(disk_used[0] >> 16);
}

u32 disk_used_length(void)
{
	return disk_used[2 * ((disk_used_index() - 1U) % DISK_QUEUE) + 2];
}

bool disk_needs_reset(void)
{
	return disk_reg(REG_STATUS) & STATUS_NEEDS_RESET;
}

bool disk_negotiate(u32 low, u32 high)
{
	disk_set(REG_STATUS, 0);
	disk_set(REG_STATUS, STATUS_DRIVER);
	disk_set(REG_DRIVER_FEATURES_SEL, 0);
	disk_set(REG_DRIVER_FEATURES, low);
	disk_set(REG_DRIVER_FEATURES_SEL, 1);
	disk_set(REG_DRIVER_FEATURES, high);
	disk_set(REG_STATUS, STATUS_DRIVER | STATUS_FEATURES_OK);
	return disk_reg(REG_STATUS) & STATUS_FEATURES_OK;
}

void disk_start_queue(u32 size, unsigned long desc, unsigned long avail, unsigned long used)
{
	disk_negotiate(FEATURE_INDIRECT, FEATURE_VERSION_1);
	memset((void *)disk_avail, 0, sizeof(disk_avail));
	memset((void *)disk_used, 0, sizeof(disk_used));
	disk_set(REG_QUEUE_SEL, 0);
	disk_set(REG_QUEUE_NUM, size);
	set_address(REG_DESC, desc);
	set_address(REG_AVAIL, avail);
	set_address(REG_USED, used);
	disk_set(REG_QUEUE_READY, 1);
	disk_set(REG_STATUS, STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
}

void disk_start(void)
{
	disk_start_queue(DISK_QUEUE, (unsigned long)disk_desc, (unsigned long)disk_avail,
			 (unsigned long)disk_used);
}

void disk_offer(u16 head)
{
	u16 index = disk_avail[1];

	disk_avail[2 + index % DISK_QUEUE] = head;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	disk_avail[1] = (u16)(index + 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool disk_wait(u16 before)
{
	unsigned long t = now();

	while (disk_used_index() == before) {
		if (disk_needs_reset() || now() - t > us_to_ticks(DISK_WAIT_US))
			return false;
	}
	return true;
}

bool disk_submit(u16 head)
{
	u16 before = disk_used_index();

	disk_offer(head);
	disk_set(REG_QUEUE_NOTIFY, 0);
	return disk_wait(before);
}

void desc_set(struct desc *d, const volatile void *at, u32 len, u16 flags, u16 next)
{
	d->addr = (unsigned long)at;
	d->len = len;
	d->flags = flags;
	d->next = next;
}

void disk_make(struct desc *d, u32 type, u64 sector, void *buffer, u32 len)
{
	u16 direction = type == BLK_OUT ? 0 : DESC_WRITE;

	disk_header.type = type;
	disk_header.sector = sector;
	disk_answer = NO_ANSWER;
	desc_set(&d[0], &disk_header, sizeof(disk_header), DESC_NEXT, 1);
	desc_set(&d[1], buffer, len, DESC_NEXT | direction, 2);
	desc_set(&d[2], &disk_answer, 1, DESC_WRITE, 0);
}

unsigned long disk_request(u32 type, u64 sector, void *buffer, u32 len)
{
	disk_make(disk_desc, type, sector, buffer, len);
	return disk_submit(0) ? disk_answer : NO_ANSWER;
}
