/* SPDX-License-Identifier: MIT */
/*
 * lab09.h - shared by lab 9's payloads: the requests of a vCPU, and the variant's call
 *
 * On the command line: the variant, the seed, and flush=all if the toggle tlb_flush is all.
 */
#ifndef GUEST_LAB09_H
#define GUEST_LAB09_H

#include "random.h"

#define EXT_WATCH   0x0a0009abUL
#define UNANNOUNCED 0x8000UL
#define ALL         (~0UL)
#define WAIT_MS     2000UL

/* These have the values of src/kvm/sbi/sbi_watch.h, request.h and vcpu.h. */
enum {
	ASKED,
	FENCE,
	FORGET,
	KICK,
	WAIT,
	LET_GO,
	ASK_ALL,
	STAGE,
	ENDED,
	TURN
};
enum {
	REQ_HOST,
	REQ_IRQ,
	REQ_HSM,
	REQ_TLB_FLUSH = 6,
	REQ_HFENCE,
	REQ_HFENCE_ALL,
	REQ_FENCE_I
};
enum {
	OUTSIDE,
	IN_GUEST,
	KICKED
};
enum {
	AWAKE,
	ASLEEP,
	IDLE,
	IDLE_KICKED
};
enum {
	VVMA = 1,
	VVMA_ASID
};

static unsigned long harts_there; /* number of vCPUs; the IDs are 0 to harts_there - 1 */

/* Call this first. It gives the threads of the other harts, all stopped, time to fall asleep. */
static inline void begin(void)
{
	random_begin();
	harts_there = (unsigned long)nr_harts;
	if (harts_there != 6)
		bail("this payload needs 6 harts (--vcpus 6)");
	wait_irq(0, 10000);
}

static inline unsigned long watch(unsigned long fid, unsigned long a0, unsigned long a1,
				  unsigned long a2, unsigned long a3)
{
	struct sbiret ret = sbi_call6(EXT_WATCH, fid, a0, a1, a2, a3, 0, 0);

	return ret.error ? ALL : (unsigned long)ret.value;
}

static inline unsigned long requests(unsigned long id)
{
	return watch(ASKED, id, 0, 0, 0) & 0xffff;
}

static inline unsigned long queued(unsigned long id)
{
	return watch(ASKED, id, 0, 0, 0) >> 16;
}

static inline void forget_all(void)
{
	unsigned long id;

	for (id = 1; id < harts_there; id++)
		watch(FORGET, id, 0, 0, 0);
	ipi_clear();
}

static inline bool flush_all(void)
{
	return boot_arg("flush", NULL, 0);
}

/* A requested fence. Size ALL means everything. */
struct fence {
	unsigned long kind, start, size, asid;
};

static inline bool has_fence(unsigned long id, unsigned long n, const struct fence *want)
{
	struct fence got = { watch(FENCE, id, n, 0, 0), watch(FENCE, id, n, 1, 0),
			     watch(FENCE, id, n, 2, 0), watch(FENCE, id, n, 3, 0) };

	if (got.kind == want->kind && got.size == want->size &&
	    (want->size == ALL || got.start == want->start) &&
	    (want->kind == VVMA || got.asid == want->asid))
		return true;
	note("hart %lu: kind %lu start 0x%lx size 0x%lx asid 0x%lx", id, got.kind, got.start,
	     got.size, got.asid);
	note("expected: kind %lu start 0x%lx size 0x%lx asid 0x%lx", want->kind, want->start,
	     want->size, want->asid);
	return false;
}

/*
 * Check that, among the harts other than the caller, exactly those in `told` have request `bit`
 * and, unless `fence` is NULL, that fence in their queue.
 */
static inline bool asked_are(unsigned long told, unsigned long bit, const struct fence *fence)
{
	unsigned long id, want, count;

	for (id = 1; id < harts_there; id++) {
		want = told >> id & 1 ? BIT(bit) : 0;
		count = fence && want && !flush_all();
		if (requests(id) != want || queued(id) != count) {
			note("hart %lu has requests 0x%lx and %lu fences; expected 0x%lx, %lu", id,
			     requests(id), queued(id), want, count);
			return false;
		}
		if (count && !has_fence(id, 0, fence))
			return false;
	}
	return true;
}

static inline unsigned long bit_of_fence(void)
{
	return flush_all() ? REQ_HFENCE_ALL : REQ_HFENCE;
}

/* ---- waits for hart 2, which pretends to be in its guest until hart 1 lets it go ---- */

#define WAITED_FOR 2 /* hart */

/*
 * Run on hart 1: after a while, end the wait in the way that `how` selects (see WATCH_LET_GO), and
 * later in both ways.
 */
static inline void let_go(unsigned long how)
{
	wait_irq(0, 3000);
	watch(LET_GO, WAITED_FOR, how, 0, 0);
	wait_irq(0, 3000);
	watch(LET_GO, WAITED_FOR, 2, 0, 0);
}

/* Check that a call that fences hart 2 waits until hart 1 lets hart 2 go. */
static inline void call_waits(hart_fn call, const char *name)
{
	unsigned long got;

	hart_run(1, let_go, 0);
	watch(STAGE, WAITED_FOR, 0, 0, 0);
	call(0);
	got = watch(ENDED, WAITED_FOR, 0, 0, 0) & 3;
	hart_wait(1, WAIT_MS);
	if (!ok_eq(got, 1, "%s", name))
		note(got == 0 ? "the call returned at once" : "the call did not return");
	forget_all();
}

/* ---- the variant's call ---- */

struct list {
	unsigned long word, told; /* told: the harts to be notified, as bits */
	bool unknown;
};

static inline void set_entry(struct list *list, unsigned long i, unsigned long id)
{
	unsigned long width = boot_need("width"), ones = boot_need("ones");
	unsigned long at = boot_need("order") ? 64 - (i + 1) * width : i * width;

	list->word = (list->word & ~(ones << at)) | id << at;
}

static inline struct sbiret lab_call(unsigned long fid, const unsigned long *a)
{
	return sbi_call6(boot_need("ext"), fid, a[0], a[1], a[2], a[3], a[4], a[5]);
}

#endif
