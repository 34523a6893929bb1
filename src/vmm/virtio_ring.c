// SPDX-License-Identifier: MIT
/*
 * virtio_ring.c - the device's side of a split virtqueue (virtio §2.7).
 *
 * A hostile guest can change the rings at any time. So a field is always read into a local
 * variable, and only this copy is checked and used; every address goes through machine_ram(); and
 * every loop ends, whatever the guest does.
 */
#include <linux/virtio_ring.h>
#include "virtio.h"

/* Layout: avail is flags, idx, ring[size] of u16; used is flags, idx, then {id, len} of u32. */
#define RING_FLAGS 0
#define RING_IDX   1
#define RING_FIRST 2

#define AVAIL_BYTES(size) (2 * (RING_FIRST + (u64)(size)))
#define USED_BYTES(size)  (2 * RING_FIRST + 8 * (u64)(size))

/*
 * After this load, everything that the guest wrote before it wrote idx is visible. The reverse
 * holds for store_release(): a guest that reads the new idx sees everything that the device wrote
 * before it.
 */
static u16 load_acquire(const volatile u16 *at)
{
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static void store_release(volatile u16 *at, u16 value)
{
	__atomic_store_n(at, value, __ATOMIC_RELEASE);
}

u64 virtqueue_used_bytes(const struct virtqueue *vq)
{
	return USED_BYTES(vq->size);
}

bool virtqueue_start(struct machine *m, struct virtqueue *vq, const char **why)
{
	vq->desc = machine_ram(m, vq->desc_gpa, 16 * (u64)vq->size);
	vq->avail = machine_ram(m, vq->avail_gpa, AVAIL_BYTES(vq->size));
	vq->used = machine_ram(m, vq->used_gpa, USED_BYTES(vq->size));
	vq->next_avail = 0;
	*why = NULL;
	if (vq->size == 0 || vq->size > VIRTQUEUE_SIZE || (vq->size & (vq->size - 1)))
		*why = "the queue's size is not a power of two, or too large";
	else if (!vq->desc || !vq->avail || !vq->used)
		*why = "a ring is not in RAM";
	else if (!IS_ALIGNED(vq->desc_gpa, 16) || !IS_ALIGNED(vq->avail_gpa, 2) ||
		 !IS_ALIGNED(vq->used_gpa, 4))
		*why = "a ring is not aligned";
	return *why == NULL;
}

bool virtqueue_empty(const struct virtqueue *vq)
{
	return load_acquire(&vq->avail[RING_IDX]) == vq->next_avail;
}

static struct vring_desc read_desc(const struct vring_desc *table, u32 index)
{
	const volatile struct vring_desc *from = &table[index];

	return (struct vring_desc){
		.addr = from->addr,
		.len = from->len,
		.flags = from->flags,
		.next = from->next,
	};
}

/*
 * Add one buffer to the chain. Buffers that the device reads come first (virtio §2.7.4.2). Returns
 * false and sets *why if the buffer is not in RAM or is in the wrong order, or if the chain already
 * has CHAIN_MAX buffers. A buffer that the device may write is logged as dirty here
 * (machine_wrote()).
 */
static bool add_buffer(struct machine *m, struct chain *chain, const struct vring_desc *desc,
		       const char **why)
{
	/* lab 11: write add_buffer: check the buffer, and add it to chain->in or chain->out */
	struct iovec iov = {
		.iov_base = machine_ram(m, desc->addr, desc->len),
		.iov_len = desc->len,
	};
	bool in = desc->flags & VRING_DESC_F_WRITE;

	if (!iov.iov_base)
		*why = "a buffer is not in RAM";
	else if (chain->nr_in && !in)
		*why = "a readable buffer follows a writable one";
	else if (chain->nr_in + chain->nr_out == CHAIN_MAX)
		*why = "a chain is longer than its ring, or loops";
	else if (chain->bytes + desc->len > CHAIN_BYTES_MAX)
		*why = "a chain has more than 2^32 bytes";
	if (*why)
		return false;
	chain->bytes += desc->len;
	if (in) {
		machine_wrote(m, iov.iov_base, iov.iov_len); /* before io_lock is released */
		chain->in[chain->nr_in++] = iov;
	} else
		chain->out[chain->nr_out++] = iov;
	return true;
	/* lab 11 end */
}

/*
 * Follow a chain through a table of `size` descriptors, from `index` to the first descriptor that
 * does not have the flag NEXT. No descriptor may be indirect, not even the first: it is read again
 * here, and may differ from what virtqueue_pop() read. add_buffer() refuses a chain that loops.
 */
static bool walk(struct machine *m, struct chain *chain, const struct vring_desc *table, u32 size,
		 u32 index, const char **why)
{
	/* lab 11: write walk: read each descriptor once, check it, add its buffer, take the next */
	for (;;) {
		struct vring_desc desc;

		if (index >= size) {
			*why = "a descriptor's index is outside its table";
			return false;
		}
		desc = read_desc(table, index);
		if (desc.flags & VRING_DESC_F_INDIRECT) {
			*why = "an indirect descriptor is not allowed here";
			return false;
		}
		if (!add_buffer(m, chain, &desc, why))
			return false;
		if (!(desc.flags & VRING_DESC_F_NEXT))
			return true;
		index = desc.next;
	}
	/* lab 11 end */
}

/*
 * Follow a chain through an indirect table in RAM, from entry 0. `head` has the table's address,
 * which must be aligned to 8, and its length in bytes, which must be that of one or more whole
 * descriptors. A descriptor that points to an indirect table must not have the flag NEXT.
 */
static bool walk_indirect(struct machine *m, struct chain *chain, const struct vring_desc *head,
			  const char **why)
{
	/* lab 11: write walk_indirect: check the table, and walk it from its first descriptor */
	struct vring_desc *table = machine_ram(m, head->addr, head->len);
	u32 size = head->len / sizeof(*table);

	if (!table || size == 0 || head->len % sizeof(*table) || !IS_ALIGNED(head->addr, 8) ||
	    head->flags & VRING_DESC_F_NEXT) {
		*why = "an indirect table is not in RAM, or malformed";
		return false;
	}
	return walk(m, chain, table, size, 0, why);
	/* lab 11 end */
}

/*
 * Returns 1 if *chain has been filled in, 0 if the queue is empty, -1 if the guest broke a rule
 * (see *why).
 */
int virtqueue_pop(struct machine *m, struct virtqueue *vq, struct chain *chain, const char **why)
{
	/* lab 11: write virtqueue_pop: the next chain that the driver has made available */
	u16 available = load_acquire(&vq->avail[RING_IDX]) - vq->next_avail;
	struct vring_desc head;
	bool ok;

	*why = NULL;
	chain->nr_in = 0;
	chain->nr_out = 0;
	chain->bytes = 0;
	if (available == 0)
		return 0;
	if (available > vq->size) {
		*why = "the ring's index is ahead by more than its size";
		return -1;
	}
	chain->head = vq->avail[RING_FIRST + vq->next_avail % vq->size];
	if (chain->head >= vq->size) {
		*why = "a descriptor's index is outside its table";
		return -1;
	}
	head = read_desc(vq->desc, chain->head);
	if (head.flags & VRING_DESC_F_INDIRECT)
		ok = walk_indirect(m, chain, &head, why);
	else
		ok = walk(m, chain, vq->desc, vq->size, chain->head, why);
	vq->next_avail++;
	return ok ? 1 : -1;
	/* lab 11 end */
}

/* Let the next virtqueue_pop() return the same chain again. */
void virtqueue_unpop(struct virtqueue *vq)
{
	vq->next_avail--;
}

/*
 * Return the chain to the driver. `written` is the number of bytes that the device may have
 * written. The used ring's index is kept only in the ring: if a driver changes it, the driver
 * merely gets its answers elsewhere in its own ring.
 */
void virtqueue_push(struct virtqueue *vq, const struct chain *chain, u32 written)
{
	/* lab 11: write virtqueue_push: fill the used ring's next element, then write its index */
	u16 idx = vq->used[RING_IDX];
	volatile u32 *element = (volatile u32 *)&vq->used[RING_FIRST] + 2 * (idx % vq->size);

	element[0] = chain->head;
	element[1] = written;
	store_release(&vq->used[RING_IDX], idx + 1);
	/* lab 11 end */
}

/*
 * Tell the driver whether to notify the device, which need not be notified while it executes
 * requests.
 */
void virtqueue_mute(struct virtqueue *vq, bool mute)
{
	vq->used[RING_FLAGS] = mute ? VRING_USED_F_NO_NOTIFY : 0;
	/* Unmute before looking at the ring: otherwise a notification could be missed. */
	atomic_thread_fence(memory_order_seq_cst);
}

bool virtqueue_wants_irq(const struct virtqueue *vq)
{
	atomic_thread_fence(memory_order_seq_cst); /* store used idx before loading flags */
	return !(vq->avail[RING_FLAGS] & VRING_AVAIL_F_NO_INTERRUPT);
}
