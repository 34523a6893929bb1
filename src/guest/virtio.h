// SPDX-License-Identifier: MIT
/*
 * virtio.h - a virtio disk as its driver sees it: registers, ring entries, a request's header.
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

#endif
