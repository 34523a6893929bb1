// SPDX-License-Identifier: MIT
/*
 * steal_time.c - tell the guest how long it was ready to run but had no hart (SBI §16).
 *
 *      0        4       8               16        17           64
 *      +--------+-------+---------------+---------+------------+
 *      |sequence| flags | steal (in ns) |preempted|  zero      |
 *      +--------+-------+---------------+---------+------------+
 *
 * The stolen time is the host's run delay of the vCPU's thread. It only grows while the thread is
 * scheduled out, so each load checks it (sta_load()) and requests an update by REQ_STEAL if it has
 * grown. The update may fault and sleep, and comes before the entry. If the thread leaves its hart
 * in KVM_RUN while the vCPU is loaded, `preempted` is set until the next update. This store is logged
 * as dirty when the thread continues, and so before KVM_RUN returns: logging may allocate memory,
 * which the scheduler's hook must not do (hv/host.h).
 */
#include "mmu/memslot.h"
#include "request.h"
#include "vcpu/steal_time.h"

#define STA_SEQUENCE  0
#define STA_STEAL     8
#define STA_PREEMPTED 16

void sta_reset(struct kvm_vcpu *vcpu)
{
	vcpu->sta = (struct vcpu_sta){ .shmem = STA_OFF };
}

/*
 * Before the vCPU first runs, user space may set the address, and then disable STA. STA_OFF is the only
 * address that is not aligned.
 */
static bool sta_is_on(const struct kvm_vcpu *vcpu)
{
	return IS_ALIGNED(vcpu->sta.shmem, STA_SIZE) &&
	       (vcpu->sbi_ext >> KVM_RISCV_SBI_EXT_STA & 1);
}

/* Start measuring now, on this thread. */
static void start_measuring(struct kvm_vcpu *vcpu, u64 delay)
{
	vcpu->sta.seen_ns = delay;
	vcpu->sta.thread = hv_thread_id();
}

/* Out of line, so that other loads do not save registers for the calls. */
static __attribute__((noinline)) void load(struct kvm_vcpu *vcpu)
{
	if (vcpu->sta.unlogged) {
		vcpu->sta.unlogged = false;
		memslot_mark_dirty(vcpu, gpa_to_gfn(vcpu->sta.shmem));
	}
	if (vcpu->sta.preempted || vcpu->sta.seen_ns != hv_run_delay_ns() ||
	    vcpu->sta.thread != hv_thread_id())
		vcpu_set_request(vcpu, REQ_STEAL);
}

void sta_load(struct kvm_vcpu *vcpu)
{
	if (sta_is_on(vcpu))
		load(vcpu);
}

/*
 * Store the structure's user address in *hva. Returns false if the structure is not in writable
 * memory.
 */
static bool sta_hva(struct kvm_vcpu *vcpu, hva_t *hva)
{
	const struct memslot *slot = memslot_find(vcpu, gpa_to_gfn(vcpu->sta.shmem));

	if (!slot || (slot->flags & KVM_MEM_READONLY))
		return false;
	*hva = memslot_hva(slot, vcpu->sta.shmem);
	return true;
}

/* One store by the host into the structure. */
struct store {
	unsigned int offset;
	const void *from;
	size_t size;
};

/*
 * Do all stores. Returns 0, -EFAULT if a page has to be faulted in first, or -EAGAIN if there is a
 * new memory map.
 */
static int store_all(struct kvm_vcpu *vcpu, hva_t hva, const struct store *s, unsigned int n)
{
	int err = memslot_store_begin(vcpu) ? 0 : -EAGAIN;

	for (; n && !err; n--, s++) {
		err = hv_copy_to_user_nofault(hva + s->offset, s->from, s->size);
		/* Keep the order: other vCPUs may be reading, and the sequence relies on it. */
		__atomic_thread_fence(__ATOMIC_RELEASE);
	}
	memslot_store_end(vcpu);
	return err;
}

void sta_preempted(struct kvm_vcpu *vcpu)
{
	static const u8 yes = 1;
	static const struct store mark = { STA_PREEMPTED, &yes, sizeof(yes) };
	hva_t hva;

	if (!sta_is_on(vcpu) || vcpu->sta.preempted || !sta_hva(vcpu, &hva) ||
	    store_all(vcpu, hva, &mark, 1))
		return;
	vcpu->sta.preempted = true;
	vcpu->sta.unlogged = true;
}

/* Store an odd sequence, the rest, and an even sequence. The errors are those of store_all(). */
static int write_steal(struct kvm_vcpu *vcpu, hva_t hva, u64 steal)
{
	static const u8 no = 0;
	u32 odd, even;
	const struct store stores[] = {
		{ STA_SEQUENCE, &odd, sizeof(odd) },
		{ STA_STEAL, &steal, sizeof(steal) },
		{ STA_PREEMPTED, &no, sizeof(no) },
		{ STA_SEQUENCE, &even, sizeof(even) },
	};

	if (hv_copy_from_user(&odd, hva + STA_SEQUENCE, sizeof(odd)))
		return -EFAULT;
	odd |= 1; /* whatever the guest has stored there */
	even = odd + 1;
	return store_all(vcpu, hva, stores, ARRAY_SIZE(stores));
}

/*
 * Add `stolen` to the guest's steal time, and store in *reported whether this was done. Returns
 * false if the structure is no longer in writable guest memory, or cannot be faulted in. After a
 * temporary failure (the result is true, and *reported is false), the next load retries.
 */
static bool report_steal(struct kvm_vcpu *vcpu, u64 stolen, bool *reported)
{
	unsigned int tries;
	u64 steal;
	hva_t hva;
	int err;

	*reported = false;
	for (tries = 0; tries < 4 && !*reported; tries++) {
		memslot_vcpu_refresh(vcpu);
		if (!sta_hva(vcpu, &hva))
			return false;
		/* Read the old value once: a try that failed halfway may have stored the sum. */
		if (!tries && hv_copy_from_user(&steal, hva + STA_STEAL, sizeof(steal)))
			return false;
		err = write_steal(vcpu, hva, steal + stolen);
		if (err == -EFAULT && memslot_fault_in(vcpu, hva))
			return false;
		*reported = !err;
	}
	return true;
}

void sta_update(struct kvm_vcpu *vcpu)
{
	u64 now = hv_run_delay_ns();
	/* Another thread's delay does not count: start measuring with this thread. */
	u64 stolen = vcpu->sta.thread == hv_thread_id() ? now - vcpu->sta.seen_ns : 0;
	bool reported;

	if (!sta_is_on(vcpu))
		return;
	if (!report_steal(vcpu, stolen, &reported)) {
		sta_reset(vcpu); /* off until an address is set again */
		return;
	}
	if (!reported)
		return;
	start_measuring(vcpu, now);
	vcpu->sta.preempted = false;
	memslot_mark_dirty(vcpu, gpa_to_gfn(vcpu->sta.shmem));
	trace_kvm_steal_time(stolen);
}

int sta_begin(struct kvm_vcpu *vcpu, gpa_t shmem)
{
	static const u8 zero[STA_SIZE];

	if (kvm_write_guest(vcpu, shmem, zero, sizeof(zero)))
		return -EFAULT;
	sta_reset(vcpu);
	vcpu->sta.shmem = shmem;
	start_measuring(vcpu, hv_run_delay_ns());
	return 0;
}
