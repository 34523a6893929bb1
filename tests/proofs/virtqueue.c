// SPDX-License-Identifier: MIT
/*
 * virtqueue.c - bounded proof of src/vmm/virtio_ring.c: one virtqueue in a hostile guest's memory.
 *
 * Proved: for every content of guest memory, every address of the rings and every size of the queue,
 * virtqueue_start() accepts only rings that are aligned and lie in RAM; virtqueue_pop() ends, and
 * returns a chain of at most CHAIN_MAX buffers, each of which lies in RAM; virtqueue_push() writes
 * only inside the used ring. All 16-bit values of both indices are covered, with their wrap-around.
 * Bounds: RAM of 64 bytes (queues of 1 or 2 descriptors); a chain is followed for up to 3 buffers,
 * because CHAIN_MAX is 3 here.
 * Assumed: guest memory does not change during a call. (Each field is read once, so a change has the
 * effect of another content.)
 * Models: machine_wrote() only checks that its range is RAM.
 *
 * Folder: vmm
 * Sources: machine.c
 * Options: --unwind 6
 */
#include "proof.h"
#include "virtio.h"

/* A shorter limit than the real one, so that a chain that is too long can be followed to its end. */
#undef CHAIN_MAX
#define CHAIN_MAX 3

#include "virtio_ring.c"

#define RAM_BYTES 64

static u8 ram[RAM_BYTES];
static struct machine m;
static struct virtqueue vq;
static struct chain chain;
static const char *why;

void machine_wrote(struct machine *machine, const void *at, u64 len)
{
	(void)machine;
	claim(writable(at, len), "only guest memory is logged as written");
}

/* A queue that the driver has set up in any way, in memory with any content. */
static bool any_queue(void)
{
	havoc_array(ram);
	havoc(&vq);
	m.ram = ram;
	m.ram_size = RAM_BYTES;
	return virtqueue_start(&m, &vq, &why);
}

static bool in_ram(const volatile void *at, u64 len)
{
	u64 offset = (uintptr_t)at - (uintptr_t)ram;

	return offset <= RAM_BYTES && len <= RAM_BYTES - offset;
}

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
	claim(!(vq.desc_gpa % 16) && !(vq.avail_gpa % 2) && !(vq.used_gpa % 4), "all are aligned");
	reached(vq.size == 2);
}

void prove_pop(void)
{
	u16 next, available;
	unsigned int i;
	int ret;

	suppose(any_queue());
	vq.next_avail = next;
	available = vq.avail[1] - next;
	ret = virtqueue_pop(&m, &vq, &chain, &why);
	claim(ret == 0 || ret == 1 || ret == -1, "empty, a chain, or broken");
	claim((ret == 0) == (available == 0), "empty: the indices are equal");
	claim(available <= vq.size || ret == -1, "an index that is too far ahead is refused");
	claim((ret == -1) == (why != NULL), "broken: with a reason");
	claim(ret != 1 || vq.next_avail == (u16)(next + 1), "a chain is taken once");
	claim(ret != 1 || chain.head < vq.size, "its head is a descriptor");
	claim(chain.nr_in + chain.nr_out <= CHAIN_MAX, "a chain has at most CHAIN_MAX buffers");
	for (i = 0; i < CHAIN_MAX; i++) {
		if (i < chain.nr_in)
			claim(in_ram(chain.in[i].iov_base, chain.in[i].iov_len), "in RAM");
		if (i < chain.nr_out)
			claim(in_ram(chain.out[i].iov_base, chain.out[i].iov_len), "in RAM");
	}
	reached(ret == 1 && chain.nr_in == 1 && chain.nr_out == 1);
	reached(ret == 1 && next == 0xffff && available == 2);
	reached(ret == -1 && available > vq.size);
	reached(ret == 0);
}

void prove_push(void)
{
	u32 written, at;
	u16 idx;
	u8 before;

	suppose(any_queue());
	suppose(at < RAM_BYTES);
	before = ram[at];
	idx = vq.used[1];
	chain.head = 3;
	virtqueue_push(&vq, &chain, written);
	claim(ram[at] == before || (&ram[at] >= (u8 *)vq.used &&
				    &ram[at] < (u8 *)vq.used + virtqueue_used_bytes(&vq)),
	      "nothing outside the used ring is written");
	claim(vq.used[1] == (u16)(idx + 1), "the index has moved by one");
	reached(idx == 0xffff && vq.size == 2);
}
