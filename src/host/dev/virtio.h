// SPDX-License-Identifier: MIT
/*
 * virtio.h - virtio devices behind memory-mapped registers: transport and queues.
 *
 * Source: virtio §2, §3, §4.2. Legacy (version 1) devices, which are QEMU's default, follow the
 * legacy interface sections of the same chapters.
 */
#ifndef HOST_VIRTIO_H
#define HOST_VIRTIO_H

#include <linux/virtio_ring.h>
#include "hv/spinlock.h"
#include "hv/types.h"

#define VIRTQ_MAX 64 /* largest queue: as many entries as the drivers here need */

struct virtio_dev;

struct virtq {
	struct virtio_dev *dev;
	unsigned int index, size;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	u16 free_head, num_free, last_used;
	void *token[VIRTQ_MAX]; /* indexed by the chain's first descriptor */
};

struct virtio_dev {
	unsigned long regs;
	u32 version, device_id;
	int node;
	char name[16]; /* in /proc/interrupts */
	bool has_irq;
	u64 features;                           /* negotiated */
	void (*interrupt)(struct virtio_dev *); /* called in any context; check for used buffers */
	void *priv;
};

struct virtq_seg {
	hpa_t pa;
	u32 len;
};

/*
 * Reset the device, accept those of the wanted features that it offers, and set FEATURES_OK on
 * version 2. Returns 0, or -ENODEV if the device refuses.
 */
int virtio_negotiate(struct virtio_dev *dev, u64 wanted);
void virtio_ready(struct virtio_dev *dev); /* sets DRIVER_OK; interrupts may arrive from now on */
u32 virtio_config32(struct virtio_dev *dev, unsigned int offset);
u64 virtio_config64(struct virtio_dev *dev, unsigned int offset);

/*
 * Set up a queue of at most `most` entries. Returns 0, -ENOENT if the device has no such queue, or
 * -ENOMEM.
 */
int virtq_setup(struct virtio_dev *dev, struct virtq *vq, unsigned int index, unsigned int most);

/*
 * Add a chain to the queue: first the segments that the device reads, then those that it writes.
 * The caller holds its lock for the queue. Returns false if there is no room.
 */
bool virtq_add(struct virtq *vq, const struct virtq_seg *segs, unsigned int nr_out,
	       unsigned int nr_in, void *token);
void virtq_kick(struct virtq *vq);
void *virtq_get(struct virtq *vq, u32 *len); /* returns a used chain's token; NULL: none */
bool virtq_has_used(const struct virtq *vq);
/*
 * Ask the device for an interrupt whenever it has used a chain, or ask it not to send any. The
 * device may see the request late: chains used meanwhile may cause no interrupt, and unwanted
 * interrupts may still come.
 */
void virtq_want_interrupt(struct virtq *vq, bool want);
/* Do the interrupt handler's work. Also called to poll the device: it may have no interrupt. */
void virtio_poll(struct virtio_dev *dev);

int virtio_blk_probe(struct virtio_dev *dev);

#endif
