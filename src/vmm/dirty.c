// SPDX-License-Identifier: MIT
/*
 * dirty.c - the pages of guest memory that were written: KVM's dirty log and the VMM's own log.
 *
 * KVM logs what vCPUs write and what KVM writes for them. It does not log the VMM's own stores to
 * guest memory, such as those of a disk's thread. The VMM logs these with machine_wrote().
 *
 * Order: a page is first removed from the logs and then copied, so a later write logs the page
 * again. A disk logs each write before performing it. So the VMM's log is read while no disk is
 * working on a request (io_lock), and dirty_start() returns when no request is in progress any more
 * that began without the log.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "state.h"
#include "virtio.h"

struct dirty {
	struct machine *machine;
	u64 nr;       /* pages of guest memory */
	size_t words; /* of a bitmap with a bit for each page */
	bool manual;  /* reading KVM's log does not clear it */
	u64 *log;     /* KVM's log, as last read */
	u64 *found;   /* taken out of the logs, not written to the file yet */
	atomic_ullong own[];
};

void machine_wrote(struct machine *m, const void *at, u64 len)
{
	struct dirty *dirty = atomic_load_explicit(&m->dirty, memory_order_acquire);
	u64 offset = (u64)((const u8 *)at - m->ram);

	if (!dirty || !len)
		return;
	/* lab 10: write the setting of the touched pages' bits; other threads set bits as well */
	for (u64 page = offset / SZ_4K; page <= (offset + len - 1) / SZ_4K; page++)
		atomic_fetch_or(&dirty->own[page / 64], 1ull << page % 64);
	/* lab 10 end */
}

/*
 * Have KVM_CLEAR_DIRTY_LOG, not KVM_GET_DIRTY_LOG, clear the log and write-protect its pages. Then
 * a write to one of them between the two calls neither faults nor makes the page dirty again.
 * Returns false if KVM cannot do this.
 */
static bool choose_manual(struct machine *m)
{
	struct kvm_enable_cap manual = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
		.args[0] = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE,
	};

	return kvm_try(m->vm_fd, KVM_ENABLE_CAP, (unsigned long)&manual) == 0;
}

static void free_dirty(struct dirty *dirty)
{
	free(dirty->log);
	free(dirty->found);
	free(dirty);
}

struct dirty *dirty_start(struct machine *m)
{
	u64 nr = m->ram_size / SZ_4K;
	size_t words = (nr + 63) / 64;
	struct dirty *dirty = calloc(1, sizeof(*dirty) + words * sizeof(dirty->own[0]));

	if (!dirty)
		return NULL;
	dirty->machine = m;
	dirty->nr = nr;
	dirty->words = words;
	dirty->log = calloc(words, sizeof(u64));
	dirty->found = calloc(words, sizeof(u64));
	dirty->manual = choose_manual(m);
	errno = dirty->log && dirty->found ? -machine_log_writes(m, true) : ENOMEM;
	if (errno) {
		free_dirty(dirty);
		return NULL;
	}
	atomic_store(&m->dirty, dirty);
	virtio_mmio_drain(m); /* requests that began before may not have been logged */
	return dirty;
}

static void take_from_kvm(struct dirty *dirty)
{
	int vm = dirty->machine->vm_fd;
	/* lab 10: write the calls that take KVM's log and protect its pages again */
	struct kvm_dirty_log log = { .dirty_bitmap = dirty->log };
	struct kvm_clear_dirty_log clear = {
		.num_pages = (u32)dirty->nr,
		.dirty_bitmap = dirty->log,
	};

	kvm_call(vm, KVM_GET_DIRTY_LOG, &log);
	if (dirty->manual)
		kvm_call(vm, KVM_CLEAR_DIRTY_LOG, &clear);
	/* lab 10 end */
}

u64 dirty_take(struct dirty *dirty)
{
	u64 count = 0;

	take_from_kvm(dirty);
	virtio_mmio_hold(dirty->machine);
	/* lab 10: write the merge of both logs into the pages found before */
	for (size_t i = 0; i < dirty->words; i++)
		dirty->found[i] |= dirty->log[i] | atomic_exchange(&dirty->own[i], 0);
	/* lab 10 end */
	virtio_mmio_release(dirty->machine);
	for (size_t i = 0; i < dirty->words; i++)
		count += __builtin_popcountll(dirty->found[i]);
	return count;
}

const u64 *dirty_pages(const struct dirty *dirty)
{
	return dirty->found;
}

void dirty_written(struct dirty *dirty)
{
	memset(dirty->found, 0, dirty->words * sizeof(dirty->found[0]));
}

void dirty_end(struct dirty *dirty)
{
	atomic_store(&dirty->machine->dirty, NULL);
	virtio_mmio_drain(dirty->machine); /* a disk could still be using it in machine_wrote() */
	machine_log_writes(dirty->machine, false);
	free_dirty(dirty);
}
