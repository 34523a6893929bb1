// SPDX-License-Identifier: MIT
/*
 * host_hook.c - each thread's scheduler hook, which other threads may also call.
 *
 * After native_hart_set(), a thread acts as another thread of the machine, so it has one hook per
 * hart. Test code stands for user space: a hook may stay set while it runs. On the real machine, a
 * request to put a vCPU interrupts the vCPU's thread, which then goes through the scheduler, where
 * out() is called. Here the requester calls out() on behalf of that thread; hooks_lock keeps the
 * thread on its hart meanwhile.
 */
#include <pthread.h>
#include <string.h>
#include "native.h"
#include "native_host.h"

struct slot {
	struct hv_sched_hook *hook;
	unsigned int hart;
};

static pthread_mutex_t hooks_lock; /* recursive, because out() sets the hook */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_exit;
static __thread struct slot slots[HV_MAX_HARTS];
static __thread struct slot *acting_for; /* NULL if the thread acts for itself */

static struct slot *slot(void)
{
	return acting_for ? acting_for : &slots[hv_hart()];
}

__thread bool native_in_out, native_in_hook;

static void out_of(struct hv_sched_hook *hook)
{
	native_in_out = true;
	native_in_hook = true;
	hook->out(hook);
	native_in_hook = false;
	native_in_out = false;
}

/* Call out() as if the hook's thread were scheduled out on its own hart. hooks_lock is held. */
static void call_out(struct slot *s)
{
	unsigned int hart = hv_hart();
	struct slot *before = acting_for;

	acting_for = s;
	native_hart_set(s->hart);
	out_of(s->hook);
	native_hart_set(hart);
	acting_for = before;
}

/* Called when a thread ends: call out() of each hook that the thread has left set. */
static void drop_all(void *arg)
{
	struct slot *of_thread = arg;
	unsigned int i;

	pthread_mutex_lock(&hooks_lock);
	for (i = 0; i < HV_MAX_HARTS; i++)
		if (of_thread[i].hook)
			call_out(&of_thread[i]);
	pthread_mutex_unlock(&hooks_lock);
}

static void init(void)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&hooks_lock, &attr);
	pthread_mutexattr_destroy(&attr);
	pthread_key_create(&at_exit, drop_all);
}

static void lock(void)
{
	pthread_once(&once, init);
	pthread_mutex_lock(&hooks_lock);
}

void hv_sched_hook_set(struct hv_sched_hook *hook)
{
	struct slot *s = slot();

	lock();
	if (s->hook)
		s->hook->host = NULL;
	s->hook = hook;
	if (hook) {
		s->hart = hv_hart();
		hook->host = s;
		pthread_setspecific(at_exit, slots);
	}
	pthread_mutex_unlock(&hooks_lock);
}

struct hv_sched_hook *hv_sched_hook_get(void)
{
	struct hv_sched_hook *hook;

	lock();
	hook = slot()->hook;
	pthread_mutex_unlock(&hooks_lock);
	return hook;
}

void hv_sched_hook_request_out(struct hv_sched_hook *hook, unsigned int hart)
{
	(void)hart;
	lock();
	hook->out_requested = true;
	if (hook->host)
		call_out(hook->host);
	pthread_mutex_unlock(&hooks_lock);
}

void hv_sched_hook_destroy(struct hv_sched_hook *hook)
{
	if (hook->host)
		hv_panic("a thread still has the hook of a vCPU that is being freed\n");
}

struct hv_sched_hook *native_hook_out(void)
{
	struct hv_sched_hook *left;

	lock();
	if (slot()->hook)
		out_of(slot()->hook);
	left = slot()->hook;
	hv_sched_hook_set(NULL);
	pthread_mutex_unlock(&hooks_lock);
	return left;
}

void native_hook_in(struct hv_sched_hook *left)
{
	if (!left)
		return;
	hv_sched_hook_set(left);
	native_in_hook = true;
	left->in(left, hv_hart());
	native_in_hook = false;
}

void native_hooks_reset(void)
{
	pthread_once(&once, init);
	memset(slots, 0, sizeof(slots));
}
