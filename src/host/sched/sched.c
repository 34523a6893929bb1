// SPDX-License-Identifier: MIT
/*
 * sched.c - the scheduler: run queues, wake-ups, thread switches.
 *
 * Each hart has a first-in, first-out run queue. Time slices are used only while a thread is
 * queued: a hart with one runnable thread does not need a timer interrupt. A woken thread goes to
 * an idle hart that it may use, preferably the one on which it last ran. A hart with nothing to run
 * takes queued threads from other harts. A vCPU's thread that waits may stay on its hart while no
 * other thread needs the hart; the hart then counts as idle (sched_idle_here()). If the waker is
 * about to sleep (`hands_over`), the woken thread is queued on the waker's hart, because waking
 * another hart would take longer.
 *
 * Invariant: a thread is `running` on exactly one hart, or in at most one queue; its `hart` says
 * which. A ready thread that place() moves is in neither, and only that hart may queue it. state,
 * hart and queued_at change under that hart's rq_lock, except that a running thread sets its own
 * state without the lock. Locks: rq_lock is held across switch_context() and released by the thread that
 * is switched to. A second rq_lock is taken only by trylock, in steal().
 */
#include <asm-generic/errno-base.h>
#include "clock.h"
#include "platform/bootargs.h"
#include "hv/trace.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "lib/printk.h"
#include "proc/process.h"
#include "insn.h"
#include "smp.h"

#define SLICE_MS 4

void switch_context(struct thread *prev, struct thread *next);

static struct hv_hartmask idle_harts; /* atomic: harts that are idle or in sched_idle_here() */

/*
 * Return the length of a slice in ticks. The boot argument is for debuggers: time passes during
 * each stop, so with short slices, threads would be switched between the stops.
 */
static u64 slice_ticks(void)
{
	static u64 known; /* every hart computes the same value */
	u64 ticks = READ_ONCE(known);

	if (!ticks) {
		ticks = hv_timebase_hz() / 1000 * bootarg_size("sched.slice_ms", SLICE_MS);
		WRITE_ONCE(known, ticks);
	}
	return ticks;
}

static struct hart *lock_rq_of(struct thread *t)
{
	for (;;) {
		struct hart *hart = &harts[READ_ONCE(t->hart)];

		spin_lock(&hart->rq_lock);
		if (hart == &harts[READ_ONCE(t->hart)])
			return hart;
		spin_unlock(&hart->rq_lock);
	}
}

static void enqueue(struct hart *hart, struct thread *t)
{
	WRITE_ONCE(t->queued_at, hart);
	t->wait_start = hv_time();
	list_add_tail(&t->run_link, &hart->run_queue);
	WRITE_ONCE(hart->nr_queued, hart->nr_queued + 1);
}

static void dequeue(struct hart *hart, struct thread *t)
{
	WRITE_ONCE(t->queued_at, NULL);
	list_del(&t->run_link);
	WRITE_ONCE(hart->nr_queued, hart->nr_queued - 1);
	WRITE_ONCE(t->wait_time, t->wait_time + (hv_time() - t->wait_start));
}

/*
 * Choose a hart for a woken thread: this one if the waker hands over, the thread may run here, and
 * no thread is queued here. Otherwise, the first of these that the thread may use: its last hart if
 * idle, another idle hart, its last hart even if busy, any other hart.
 */
static unsigned int pick_hart(const struct thread *t)
{
	unsigned int last = READ_ONCE(t->hart), i;
	bool last_is_allowed = hartmask_test(&t->affinity, last);

	if (current->hands_over && hartmask_test(&t->affinity, this_hart()) &&
	    !READ_ONCE(my_hart()->nr_queued))
		return this_hart();
	if (last_is_allowed && hartmask_test(&idle_harts, last))
		return last;
	hartmask_for_each(i, &idle_harts)
		if (hartmask_test(&t->affinity, i))
			return i;
	if (last_is_allowed)
		return last;
	i = hartmask_next(&t->affinity, 0);
	return i < nr_harts ? i : last; /* sched_set_affinity() is changing the mask, and moves t */
}

/*
 * A thread was queued on this hart: tell the running thread's hook. Then, if the hart is idle,
 * request a reschedule; otherwise, limit the running thread to a slice.
 */
static void slice_begin(struct hart *hart)
{
	struct hv_sched_hook *hook = current->hook;

	if (hook && hook->wanted)
		hook->wanted(hook);
	if (hart->running == hart->idle || hart->is_idling)
		WRITE_ONCE(hart->need_resched, true);
	else if (!hart->slice.armed)
		hv_timer_start(&hart->slice, hv_time() + slice_ticks());
}

static void notify_hart(unsigned int index, struct hv_kicks *kicks)
{
	if (index == this_hart())
		slice_begin(&harts[index]);
	else if (kicks)
		hv_kicks_add(kicks, index);
	else
		ipi_send(index);
}

/*
 * Queue t, which is THREAD_RUNNING, but neither running nor queued: no other hart wakes, moves or
 * frees it. Releases the rq_lock of its hart. Inlined, to keep wake-ups cheap.
 */
static inline __attribute__((always_inline)) void place(struct hart *hart, struct thread *t,
							struct hv_kicks *kicks)
{
	unsigned int target = pick_hart(t);

	while (&harts[target] != hart) {
		spin_unlock(&hart->rq_lock);
		hart = &harts[target];
		spin_lock(&hart->rq_lock);
		trace_sched_migrate_task((u64)t->tid, t->hart, target);
		WRITE_ONCE(t->hart, target);
		/* Pairs with sched_set_affinity(): it sees the new hart, or we see the new mask. */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (!hartmask_test(&t->affinity, target))
			target = pick_hart(t);
	}
	trace_sched_wakeup((u64)t->tid, target);
	enqueue(hart, t);
	spin_unlock(&hart->rq_lock);
	notify_hart(target, kicks);
}

void thread_wake(struct thread *t, struct hv_kicks *kicks)
{
	struct hart *hart = lock_rq_of(t);
	enum thread_state state = READ_ONCE(t->state);

	if (state == THREAD_RUNNING || state == THREAD_DEAD) {
		spin_unlock(&hart->rq_lock);
		return;
	}
	WRITE_ONCE(t->state, THREAD_RUNNING);
	if (hart->running == t) /* t is about to sleep: schedule() will see the state */
		spin_unlock(&hart->rq_lock);
	else
		place(hart, t, kicks);
}

static __attribute__((noinline)) void place_elsewhere(struct thread *t)
{
	place(lock_rq_of(t), t, NULL);
}

void thread_signal_kick(struct thread *t)
{
	enum thread_state state;
	bool sleeping, elsewhere;
	unsigned int index;
	struct hart *hart;

	/*
	 * Pairs with wait_prepare(), wait_for() in mutex.c, and place(): either we see t's new state
	 * and hart, or t sees the signal that our caller has stored.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	hart = lock_rq_of(t);
	state = READ_ONCE(t->state);
	sleeping = state == THREAD_INTERRUPTIBLE ||
		   (state == THREAD_KILLABLE && READ_ONCE(t->sig.kill));
	elsewhere = hart->running == t && t != current;
	index = (unsigned int)(hart - harts);
	spin_unlock(&hart->rq_lock);
	if (sleeping)
		thread_wake(t, NULL);
	else if (elsewhere)
		ipi_send(index);
}

bool hart_is_wanted(void)
{
	return READ_ONCE(my_hart()->nr_queued);
}

/* Threads queued on an idle hart do not count: the hart was notified and will run them itself. */
static bool has_queued_threads(unsigned int index)
{
	return READ_ONCE(harts[index].nr_queued) && !hartmask_test(&idle_harts, index);
}

static bool threads_queued_elsewhere(void)
{
	for (unsigned int i = 0; i < nr_harts; i++)
		if (i != this_hart() && has_queued_threads(i))
			return true;
	return false;
}

/*
 * Take a thread that may run here from another hart's queue. Skips idle harts, and harts whose
 * rq_lock is held. Returns NULL if no thread was found.
 */
static struct thread *steal(struct hart *me)
{
	unsigned int self = (unsigned int)(me - harts);
	struct thread *t;

	for (unsigned int i = 0; i < nr_harts; i++) {
		struct hart *other = &harts[i];

		if (i == self || !has_queued_threads(i) || !spin_trylock(&other->rq_lock))
			continue;
		list_for_each_entry(t, &other->run_queue, run_link) {
			if (!hartmask_test(&t->affinity, self))
				continue;
			dequeue(other, t);
			trace_sched_migrate_task((u64)t->tid, i, self);
			WRITE_ONCE(t->hart, self);
			spin_unlock(&other->rq_lock);
			return t;
		}
		spin_unlock(&other->rq_lock);
	}
	return NULL;
}

/* Choose the thread to run next; if it is queued, dequeue it. me->rq_lock is held. */
static struct thread *pick_next(struct hart *me, struct thread *prev, bool may_stay)
{
	struct thread *next;

	if (!list_empty(&me->run_queue)) {
		next = list_first_entry(&me->run_queue, struct thread, run_link);
		dequeue(me, next);
		return next;
	}
	if (prev->state == THREAD_RUNNING && !prev->is_idle && may_stay)
		return prev;
	next = steal(me); /* uses only trylock: no deadlock with a hart that does the same */
	return next ? next : me->idle;
}

static struct mm *mm_of(const struct thread *t)
{
	return t->process ? t->process->mm : NULL;
}

/* Finish a switch on the new thread, which releases the rq_lock that the old thread took. */
void sched_finish_switch(void)
{
	struct hart *me = my_hart();
	struct thread *left = me->left;

	me->left = NULL;
	current->run_start = hv_time();
	WRITE_ONCE(current->run_count, current->run_count + 1);
	spin_unlock(&me->rq_lock);
	if (left && left->state == THREAD_DEAD)
		thread_free(left);
	else if (left)
		place_elsewhere(left);
	if (current->process)
		fpu_switch_in(current);
	if (current->rseq.area)
		WRITE_ONCE(current->sig.rseq_due, true);
	if (current->hook)
		current->hook->in(current->hook, this_hart());
	/* Start the slice last: it can be so short that loading a vCPU would use it up. */
	if (READ_ONCE(me->nr_queued) && !me->slice.armed)
		hv_timer_start(&me->slice, hv_time() + slice_ticks());
}

static __attribute__((noinline)) void observe_switch(const struct thread *prev,
						     const struct thread *next)
{
	trace_sched_switch((u64)prev->tid, prev->state, (u64)next->tid);
	if (trace_sample_enabled() && !prev->is_idle)
		hv_sample(SAMPLE_HS, (unsigned long)schedule);
}

static void switch_to(struct hart *me, struct thread *prev, struct thread *next)
{
	if (prev->process)
		fpu_switch_out(prev);
	WRITE_ONCE(prev->run_time, prev->run_time + (hv_time() - prev->run_start));
	if (prev->queued_at) /* prev waits from now on */
		prev->wait_start = hv_time();
	/* It is ready, but not queued: it has to move. It stays RUNNING, so that nobody wakes it. */
	if (prev->state == THREAD_DEAD ||
	    (prev->state == THREAD_RUNNING && !prev->queued_at && !prev->is_idle))
		me->left = prev;
	/* sched_tick() is not running: only this hart starts the timer, and it calls no schedule(). */
	if (!me->nr_queued && me->slice.armed)
		timer_remove(&me->slice); /* no other thread waits: no tick needed */
	if (trace_group_switch())
		observe_switch(prev, next);
	me->running = next;
	mm_activate(mm_of(next));
	switch_context(prev, next);
	sched_finish_switch();
}

/*
 * On entry, interrupts are off and no spinlock is held; current->state says whether the caller
 * still wants to run. On return, the caller is running, perhaps on another hart.
 */
void schedule(void)
{
	struct thread *prev = current, *next;
	struct hart *me;
	bool may_stay;

	BUG_ON(*(unsigned long *)prev->kstack != KSTACK_CANARY);
	if (prev->hook)
		prev->hook->out(prev->hook);
	me = my_hart();
	spin_lock(&me->rq_lock);
	may_stay = hartmask_test(&prev->affinity, this_hart());
	WRITE_ONCE(me->need_resched, false);
	if (prev->state == THREAD_RUNNING && !prev->is_idle && may_stay &&
	    !list_empty(&me->run_queue))
		enqueue(me, prev);
	next = pick_next(me, prev, may_stay);
	if (next != prev) {
		switch_to(me, prev, next);
		return;
	}
	spin_unlock(&me->rq_lock);
	if (prev->hook)
		prev->hook->in(prev->hook, this_hart());
}

int sched_set_affinity(struct thread *t, const struct hv_hartmask *mask)
{
	struct hart *hart;
	unsigned int index;

	if (hartmask_next(mask, 0) >= nr_harts)
		return -EINVAL;
	hart = lock_rq_of(t);
	thread_write_affinity(t, mask);
	/* place() may be moving t under a lock that we do not hold: follow t. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	while (hart != &harts[READ_ONCE(t->hart)]) {
		spin_unlock(&hart->rq_lock);
		hart = lock_rq_of(t);
	}
	index = (unsigned int)(hart - harts);
	if (hartmask_test(mask, index)) {
		spin_unlock(&hart->rq_lock);
	} else if (READ_ONCE(t->queued_at) == hart) { /* place() may queue it elsewhere meanwhile */
		dequeue(hart, t);
		spin_unlock(&hart->rq_lock);
		place_elsewhere(t);
	} else if (hart->running == t) {
		WRITE_ONCE(hart->need_resched, true);
		spin_unlock(&hart->rq_lock);
		if (t == current)
			schedule();
		else
			ipi_send(index);
	} else {
		spin_unlock(&hart->rq_lock);
	}
	return 0;
}

/* The slice is over: if another thread is queued, let it run. */
static void sched_tick(struct hv_timer *timer)
{
	struct hart *hart = container_of(timer, struct hart, slice);
	unsigned int idle;

	if (!READ_ONCE(hart->nr_queued))
		return;
	WRITE_ONCE(hart->need_resched, true);
	idle = hartmask_next(&idle_harts, 0);
	if (idle < HV_MAX_HARTS) { /* it may have missed the thread: make it look again */
		WRITE_ONCE(harts[idle].need_resched, true);
		ipi_send(idle);
	}
}

/*
 * Another hart queued a thread here, tells this idle hart to look for queued threads, or wants the
 * running thread to leave user or guest mode, perhaps to put its vCPU (out_requested).
 */
void sched_ipi(void)
{
	struct hart *me = my_hart();

	/*
	 * The interrupt was found by a CSR read, which counts as device input: without a fence, the
	 * loads below could come first, and miss what the sender stored before it raised the
	 * interrupt.
	 */
	fence_input();
	me->ipis++;
	if (me->running == me->idle)
		WRITE_ONCE(me->need_resched, true);
	else if (READ_ONCE(me->nr_queued))
		slice_begin(me);
	if (current->hook && READ_ONCE(current->hook->out_requested))
		WRITE_ONCE(me->need_resched, true);
}

void sched_hook_drop(void)
{
	if (current->hook)
		current->hook->out(current->hook);
}

void sched_init(unsigned int hart, struct thread *idle)
{
	struct hart *h = &harts[hart];

	list_init(&h->run_queue);
	hv_timer_init(&h->slice, sched_tick);
	h->idle = idle;
	h->running = idle;
	idle->is_idle = true;
	idle->state = THREAD_RUNNING;
	WRITE_ONCE(idle->hart, hart);
}

static bool is_wanted(const struct hart *me)
{
	return READ_ONCE(me->nr_queued) || READ_ONCE(me->need_resched);
}

/*
 * As in the idle loop, an interrupt that arrives after the check for work makes wfi fall through.
 */
bool sched_idle_here(void)
{
	struct hart *me = my_hart();
	u64 start = hv_time(), idle;
	bool wanted;

	me->is_idling = true;
	hartmask_set_atomic(&idle_harts, this_hart());
	wanted = is_wanted(me) || threads_queued_elsewhere();
	if (!wanted)
		hart_idle();
	irq_poll();
	hartmask_clear_atomic(&idle_harts, this_hart());
	me->is_idling = false;
	idle = hv_time() - start;
	current->run_start += idle;
	WRITE_ONCE(me->idle->run_time, me->idle->run_time + idle);
	return !wanted && !is_wanted(me);
}

void sched_idle_loop(void)
{
	struct hart *me = my_hart();

	for (;;) {
		hartmask_set_atomic(&idle_harts, this_hart());
		irq_poll();
		/*
		 * SIE is 0: an interrupt that arrives after the poll makes wfi fall through
		 * (M §3.3: wfi resumes if an interrupt is pending and enabled in sie, whatever SIE
		 * is).
		 */
		if (!is_wanted(me))
			hart_idle();
		irq_poll();
		hartmask_clear_atomic(&idle_harts, this_hart());
		if (is_wanted(me))
			schedule();
	}
}
