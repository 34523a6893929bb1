// SPDX-License-Identifier: MIT
/*
 * virtio.h - a virtio device: its queue, its registers, and the disk, which is the only such
 * device.
 */
#ifndef VMM_VIRTIO_H
#define VMM_VIRTIO_H

#include "vmm.h"

/* ---- virtio_ring.c: one split virtqueue ---- */

#define VIRTQUEUE_SIZE 128
/* No valid chain is longer than the largest ring. The limit also ends a chain that loops. */
#define CHAIN_MAX VIRTQUEUE_SIZE
/* A driver must not add a longer chain (virtio §2.7.5). */
#define CHAIN_BYTES_MAX (1ull << 32)

struct virtqueue {
	u32 size;
	bool ready;
	u16 next_avail; /* free-running, like idx in the ring */
	gpa_t desc_gpa, avail_gpa, used_gpa;
	struct vring_desc *desc;
	volatile u16 *avail; /* flags, idx, ring[] */
	volatile u16 *used;  /* flags, idx, then elements of 8 bytes */
};

struct chain {
	u16 head;
	unsigned int nr_out, nr_in;
	u64 bytes;                   /* of all buffers */
	struct iovec out[CHAIN_MAX]; /* read by the device */
	struct iovec in[CHAIN_MAX];  /* written by the device */
};

bool virtqueue_start(struct machine *m, struct virtqueue *vq, const char **why);
bool virtqueue_empty(const struct virtqueue *vq);
int virtqueue_pop(struct machine *m, struct virtqueue *vq, struct chain *chain, const char **why);
void virtqueue_unpop(struct virtqueue *vq);
void virtqueue_push(struct virtqueue *vq, const struct chain *chain, u32 written);
void virtqueue_mute(struct virtqueue *vq, bool mute);
bool virtqueue_wants_irq(const struct virtqueue *vq);
u64 virtqueue_used_bytes(const struct virtqueue *vq);

/* ---- virtio_mmio.c: the transport, version 2 ("modern") ---- */

struct virtio_device {
	struct machine *machine;
	char name[16];
	unsigned int irq;
	u32 device_id;
	u64 features;
	const void *config;
	size_t config_len;
	/* Execute up to VIRTQUEUE_SIZE requests. Called with io_lock held. */
	void (*process)(struct virtio_device *device);
	/* Make completed writes durable; io_lock is held. Returns false if they may be lost. */
	bool (*sync)(struct virtio_device *device);
	void (*state)(struct virtio_device *device, struct state *s); /* its own state, or NULL */

	pthread_mutex_t lock; /* guards the registers and the interrupt line */
	u32 status, interrupt_status;
	u32 features_select, driver_features_select, queue_select;
	u64 driver_features;

	/*
	 * Held while requests are executed. A reset takes this lock, so no request writes after the
	 * reset.
	 */
	pthread_mutex_t io_lock;
	struct virtqueue queue;
	int kick; /* eventfd: signaled when the guest notifies the queue, and on resume */
	pthread_t thread;
};

void virtio_mmio_add(struct virtio_device *device, struct machine *m, unsigned int slot);
void virtio_mmio_reset(struct virtio_device *device);
void virtio_mmio_used_buffer(struct virtio_device *device);
void virtio_mmio_broken(struct virtio_device *device, const char *why);
void virtio_mmio_resume(struct virtio_device *device); /* when the machine starts or resumes */
/*
 * Must the device's thread release io_lock, because the machine stops or the main thread wants the
 * lock? Checked after each request, and within a long one.
 */
bool virtio_mmio_must_yield(const struct virtio_device *device);
/*
 * Take the io_lock of every disk, or release it again. Called by the main thread. A request in
 * progress is either executed completely (its result is in guest memory, and its interrupt is
 * raised), or is back in the ring and begins again later.
 */
void virtio_mmio_hold(struct machine *m);
void virtio_mmio_release(struct machine *m);
/* Do both: a request that was in progress before the call is not in progress any more. */
void virtio_mmio_drain(struct machine *m);

/* ---- virtio_blk.c ---- */

void virtio_blk_add(struct machine *m, const char *path, unsigned int slot);

#endif
