// SPDX-License-Identifier: MIT
/*
 * virtio.h - a virtio disk's registers, ring entries and requests, and a driver for tests.
 *
 * MMIO registers: virtio §4.2.2; rings: §2.7; block device: §5.2.
 */
#ifndef GUEST_VIRTIO_H
#define GUEST_VIRTIO_H

#include "rt.h"

enum {
	REG_MAGIC = 0x00,
	REG_VERSION = 0x04,
	REG_DEVICE_ID = 0x08,
	REG_FEATURES = 0x10,
	REG_FEATURES_SEL = 0x14,
	REG_DRIVER_FEATURES = 0x20,
	REG_DRIVER_FEATURES_SEL = 0x24,
	REG_QUEUE_SEL = 0x30,
	REG_QUEUE_NUM_MAX = 0x34,
	REG_QUEUE_NUM = 0x38,
	REG_QUEUE_READY = 0x44,
	REG_QUEUE_NOTIFY = 0x50,
	REG_INTERRUPT_STATUS = 0x60,
	REG_INTERRUPT_ACK = 0x64,
	REG_STATUS = 0x70,
	REG_DESC = 0x80,
	REG_AVAIL = 0x90,
	REG_USED = 0xa0,
	REG_CAPACITY = 0x100,
};

#define STATUS_DRIVER      3UL /* with ACKNOWLEDGE */
#define STATUS_FEATURES_OK 8UL
#define STATUS_DRIVER_OK   4UL
#define STATUS_NEEDS_RESET 64UL
#define FEATURE_VERSION_1  1UL /* bit 32: bit 0 of the upper word */
#define FEATURE_INDIRECT   BIT(28)

#define DESC_NEXT     1
#define DESC_WRITE    2
#define DESC_INDIRECT 4

struct desc {
	u64 addr;
	u32 len;
	u16 flags, next;
};

struct header {
	u32 type, unused;
	u64 sector;
};

#define ID_BLOCK  2
#define SECTOR    512
#define MAX_DISKS 8
#define DISK_IRQS (((1U << MAX_DISKS) - 1) << 2) /* of all disks: sources 2 to MAX_DISKS + 1 */

#define BLK_IN     0
#define BLK_OUT    1
#define BLK_FLUSH  4
#define BLK_GET_ID 8

#define S_OK      0
#define S_IOERR   1
#define S_UNSUPP  2
#define NO_ANSWER 0xff

/* ---- disk.c: the first disk, polled ---- */
#define DISK_QUEUE   8
#define DISK_WAIT_US 2000000UL

extern unsigned long disk_base;
extern struct desc disk_desc[DISK_QUEUE];
extern volatile u16 disk_avail[3 + DISK_QUEUE];        /* flags, index, heads */
extern volatile u32 disk_used[1 + 2 * DISK_QUEUE + 1]; /* flags and index, then id and length */
extern struct header disk_header;
extern volatile u8 disk_answer;

bool disk_find(void); /* false if there is no disk */
u32 disk_reg(int offset);
void disk_set(int offset, u32 value);
u16 disk_used_index(void);
u32 disk_used_length(void); /* of the last used element */
bool disk_needs_reset(void);
bool disk_negotiate(u32 low, u32 high); /* from a reset to FEATURES_OK; true if the device agreed */
void disk_start_queue(u32 size, unsigned long desc, unsigned long avail, unsigned long used);
void disk_start(void);     /* with the rings above */
void disk_offer(u16 head); /* put head into the available ring, without a notification */
/*
 * Wait until the used index differs from `before`. Returns false if the device needs a reset, or on
 * a timeout.
 */
bool disk_wait(u16 before);
bool disk_submit(u16 head); /* offer, notify, wait */
void desc_set(struct desc *d, const volatile void *at, u32 len, u16 flags, u16 next);
/* Make the usual chain in d[0..2]: header, data, status. */
void disk_make(struct desc *d, u32 type, u64 sector, void *buffer, u32 len);
unsigned long disk_request(u32 type, u64 sector, void *buffer,
			   u32 len); /* the request's status, or NO_ANSWER */

#endif
