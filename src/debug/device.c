// SPDX-License-Identifier: MIT
/*
 * device.c - memory that virtio devices may access: the rings of all queues, and the segments of the
 * chains that a driver has added and not yet received back.
 *
 * The segments of a chain in flight are read from its descriptors, which only the driver writes
 * (virtio §2.7.5). A queue is never taken from its device again, so it stays registered.
 *
 * Locks: devices_lock guards the registry and the descriptors, which drivers change while it is held.
 * No lock is taken under it. It is taken without the checks of lock.c.
 */
#include "check.h"
#include "dev/virtio.h"
#include "lib/printk.h"
#include "mm/page.h"

#define QUEUES_MAX 64 /* 44 are possible: 1 per disk (26), 2 per port (8), 2 for control messages */
#define RING_SIZE  (2 * PAGE_SIZE)

struct queue {
	const struct virtq *vq; /* identifies the queue; its object may be freed */
	const struct vring_desc *desc;
	u64 in_flight; /* a bit for the first descriptor of each chain */
};

static struct queue queues[QUEUES_MAX];
static unsigned int nr_queues;
static struct spinlock devices_lock;

_Static_assert(VIRTQ_MAX <= 64, "a queue's chains fit into queue.in_flight");

int __real_virtq_setup(struct virtio_dev *dev, struct virtq *vq, unsigned int index,
		       unsigned int most);
bool __real_virtq_add(struct virtq *vq, const struct virtq_seg *segs, unsigned int nr_out,
		      unsigned int nr_in, void *token);
void *__real_virtq_get(struct virtq *vq, u32 *len);
int __wrap_virtq_setup(struct virtio_dev *dev, struct virtq *vq, unsigned int index,
		       unsigned int most);
bool __wrap_virtq_add(struct virtq *vq, const struct virtq_seg *segs, unsigned int nr_out,
		      unsigned int nr_in, void *token);
void *__wrap_virtq_get(struct virtq *vq, u32 *len);

#undef spin_lock
#undef spin_unlock

static bool overlap(hpa_t a, u64 a_size, hpa_t b, u64 b_size)
{
	return a < b + b_size && b < a + a_size;
}

static bool chain_has(const struct vring_desc *desc, unsigned int at, hpa_t pa, size_t size)
{
	for (; !overlap(desc[at].addr, desc[at].len, pa, size); at = desc[at].next)
		if (!(desc[at].flags & VRING_DESC_F_NEXT))
			return false;
	return true;
}

static bool queue_has(const struct queue *q, hpa_t pa, size_t size)
{
	if (overlap(va_to_pa(q->desc), RING_SIZE, pa, size))
		return true;
	for (unsigned int head = 0; head < VIRTQ_MAX; head++)
		if ((q->in_flight >> head & 1) && chain_has(q->desc, head, pa, size))
			return true;
	return false;
}

bool debug_device_uses(hpa_t pa, size_t size)
{
	bool used = false;

	spin_lock(&devices_lock);
	for (unsigned int i = 0; i < nr_queues && !used; i++)
		used = queue_has(&queues[i], pa, size);
	spin_unlock(&devices_lock);
	return used;
}

/* Search backwards: a new queue may have the address of one that was freed. */
static struct queue *queue_of(const struct virtq *vq)
{
	for (unsigned int i = nr_queues; i-- > 0;)
		if (queues[i].vq == vq)
			return &queues[i];
	panic("virtq %p was not set up", vq);
}

int __wrap_virtq_setup(struct virtio_dev *dev, struct virtq *vq, unsigned int index,
		       unsigned int most)
{
	int err = __real_virtq_setup(dev, vq, index, most);

	if (err)
		return err;
	spin_lock(&devices_lock);
	if (nr_queues == QUEUES_MAX)
		panic("more than %d virtqueues", QUEUES_MAX);
	queues[nr_queues++] = (struct queue){ vq, vq->desc, 0 };
	spin_unlock(&devices_lock);
	return 0;
}

bool __wrap_virtq_add(struct virtq *vq, const struct virtq_seg *segs, unsigned int nr_out,
		      unsigned int nr_in, void *token)
{
	unsigned int head = vq->free_head;
	bool added;

	for (unsigned int i = 0; i < nr_out + nr_in; i++)
		if (debug_page_is_freed(segs[i].pa))
			debug_page_panic("given to a device", segs[i].pa,
					 __builtin_return_address(0));
	spin_lock(&devices_lock);
	added = __real_virtq_add(vq, segs, nr_out, nr_in, token);
	if (added)
		queue_of(vq)->in_flight |= 1ULL << head;
	spin_unlock(&devices_lock);
	return added;
}

void *__wrap_virtq_get(struct virtq *vq, u32 *len)
{
	void *token;

	spin_lock(&devices_lock);
	token = __real_virtq_get(vq, len);
	if (token) /* the chain is now the first of the free descriptors */
		queue_of(vq)->in_flight &= ~(1ULL << vq->free_head);
	spin_unlock(&devices_lock);
	return token;
}
