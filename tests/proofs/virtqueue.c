// SPDX-License-Identifier: MIT
/*
 * virtqueue.c - bounded proof of src/vmm/virtio_ring.c: one virtqueue in a hostile guest's memory.
 *
 * Proved, while the guest may change its memory at any time: for every address of the rings and every
 * size of the queue, virtqueue_start() accepts only rings that are aligned and lie in RAM;
 * virtqueue_pop() ends, reads descriptors only inside their table, and returns a chain of at most
 * CHAIN_MAX buffers and CHAIN_BYTES_MAX bytes, all in RAM; virtqueue_push() and virtqueue_mute() write only
 * inside the used ring. All 16-bit values of both indices are covered, with their wrap-around.
 * Bounds: RAM of up to 4 KiB, and chains of up to 4 buffers (CHAIN_MAX is 4 here). The size of a
 * queue has no bound. The loop that follows a chain is proved by induction over its steps, which does
 * not depend on the number of steps: see any_step().
 * Models: a descriptor or the ring's index is read within RAM, but may have any value each time;
 * machine_wrote() only checks that its range is RAM.
 *
 * Folder: vmm
 * Sources: machine.c
 * Constants: virtio.h:CHAIN_MAX=4
 * Calls: virtio_ring.c:add_buffer=any_step
 * Calls: virtio_ring.c:read_desc=any_desc
 * Calls: virtio_ring.c:load_acquire=any_index
 * Options: --unwind 3 --arrays-uf-always
 */
#include <linux/virtio_ring.h>
#include "proof.h"
#include "virtio.h"

static bool any_step(struct machine *machine, struct chain *c, const struct vring_desc *desc,
		     const char **reason);
static struct vring_desc any_desc(const struct vring_desc *table, u32 index);
static u16 any_index(const volatile u16 *at);

#include "virtio_ring.c"

#define RAM_BYTES 4096

static u8 ram[RAM_BYTES];
static struct machine m;
static struct virtqueue vq;
static struct chain chain;
static const char *why;

static u16 idx_read;            /* the available ring's index, as it was read last */
static unsigned int descs_read; /* the first one is the chain's head */
static u32 table_size;          /* of the table from which the next one is read */
static unsigned int any;        /* an index of a chain's arrays */
static unsigned int steps, nr_before;

void machine_wrote(struct machine *machine, const void *at, u64 len)
{
	(void)machine;
	claim(writable(at, len), "only guest memory is logged as written");
}

/* ---- guest memory ----------------------------------------------------------------- */

static bool in_ram(const volatile void *at, u64 len)
{
	u64 offset = (uintptr_t)at - (uintptr_t)ram;

	return offset <= m.ram_size && len <= m.ram_size - offset;
}

static struct vring_desc any_desc(const struct vring_desc *table, u32 index)
{
	struct vring_desc desc;

	claim(in_ram(&table[index], sizeof(desc)), "a descriptor is read inside RAM");
	claim(index < table_size, "a descriptor is read inside its table");
	if (!descs_read++ && (desc.flags & VRING_DESC_F_INDIRECT))
		table_size = desc.len / sizeof(desc);
	return desc;
}

static u16 any_index(const volatile u16 *at)
{
	claim(at == &vq.avail[1], "the available ring's index is read");
	load_acquire(at);
	havoc(&idx_read);
	return idx_read;
}

/* A queue that the driver has set up in any way, in memory with any content. */
static bool any_queue(void)
{
	havoc_array(ram);
	havoc(&vq);
	m.ram = ram;
	havoc(&m.ram_size);
	suppose(m.ram_size <= RAM_BYTES);
	return virtqueue_start(&m, &vq, &why);
}

/* ---- proofs --------------------------------------------------------------------- */

void prove_start(void)
{
	bool ok = any_queue();

	claim(ok == !why, "a queue is refused with a reason");
	if (!ok)
		return;
	claim(vq.size >= 1 && vq.size <= 128 && !(vq.size & (vq.size - 1)), "the size is valid");
	claim(in_ram(vq.desc, 16 * (u64)vq.size), "the descriptors lie in RAM");
	claim(in_ram(vq.avail, 4 + 2 * (u64)vq.size), "the available ring lies in RAM");
	claim(in_ram(vq.used, 4 + 8 * (u64)vq.size), "the used ring lies in RAM");
	claim(!(vq.desc_gpa % 16) && !(vq.avail_gpa % 2) && !(vq.used_gpa % 4),
	      "the table and both rings are aligned");
	reached(vq.size == 1 && m.ram_size == 32);
	reached(vq.size == 128);
}

/* What holds for a chain whenever the loop reaches add_buffer(), and at the end. */
static bool chain_is_valid(void)
{
	return chain.nr_in <= CHAIN_MAX && chain.nr_out <= CHAIN_MAX - chain.nr_in &&
	       chain.bytes <= CHAIN_BYTES_MAX &&
	       (any >= chain.nr_in || in_ram(chain.in[any].iov_base, chain.in[any].iov_len)) &&
	       (any >= chain.nr_out || in_ram(chain.out[any].iov_base, chain.out[any].iov_len));
}

/*
 * Called for add_buffer(), which each step of walk() calls once. The first call gives the chain any
 * state in which the claims below hold, which covers the state in every step, as the descriptor may
 * have any value. The second call shows that they hold one step later, so they hold in all steps.
 */
static bool any_step(struct machine *machine, struct chain *c, const struct vring_desc *desc,
		     const char **reason)
{
	u16 head = chain.head;

	claim(machine == &m && c == &chain && reason == &why && !why,
	      "add_buffer() gets this chain");
	claim(chain_is_valid(), "a chain is within both limits and in RAM");
	if (steps++) {
		claim(chain.nr_in + chain.nr_out == nr_before + 1, "each step adds a buffer");
		reached(nr_before == CHAIN_MAX - 1);
		suppose(false);
	}
	havoc(&chain);
	chain.head = head;
	suppose(chain_is_valid());
	nr_before = chain.nr_in + chain.nr_out;
	return add_buffer(machine, c, desc, reason);
}

void prove_pop(void)
{
	u16 next, available;
	int ret;

	suppose(any_queue());
	havoc(&any);
	suppose(any < CHAIN_MAX);
	vq.next_avail = next;
	table_size = vq.size;
	ret = virtqueue_pop(&m, &vq, &chain, &why);
	available = idx_read - next;
	claim(ret == 0 || ret == 1 || ret == -1, "virtqueue_pop() returns 0, 1 or -1");
	claim((ret == 0) == (available == 0),
	      "the queue is empty if and only if the indices are equal");
	claim(available <= vq.size || ret == -1, "an index that is too far ahead is refused");
	claim((ret == -1) == (why != NULL), "a broken queue has a reason");
	claim(ret != 1 || vq.next_avail == (u16)(next + 1), "a chain is taken once");
	claim(ret != 1 || chain.head < vq.size, "the head of a chain is a descriptor of the queue");
	claim(ret != 1 || chain.nr_in + chain.nr_out, "a chain has a buffer");
	claim(chain_is_valid(), "a chain is within both limits and in RAM");
	reached(ret == 1 && chain.nr_in == 1 && chain.nr_out == CHAIN_MAX - 1);
	reached(ret == 1 && next == 0xffff && available == 128);
	reached(ret == -1 && steps && nr_before == CHAIN_MAX);
	reached(ret == -1 && available > vq.size);
	reached(ret == 0);
}

void prove_push(void)
{
	u32 written, at;
	bool mute;
	u16 idx;
	u8 before;

	suppose(any_queue());
	suppose(at < RAM_BYTES);
	before = ram[at];
	idx = vq.used[1];
	chain.head = 3;
	virtqueue_push(&vq, &chain, written);
	claim(vq.used[1] == (u16)(idx + 1), "the used ring's index has been incremented");
	virtqueue_mute(&vq, mute);
	claim(ram[at] == before || (&ram[at] >= (u8 *)vq.used &&
				    &ram[at] < (u8 *)vq.used + virtqueue_used_bytes(&vq)),
	      "nothing outside the used ring is written");
	reached(idx == 0xffff && vq.size == 128);
}
