// SPDX-License-Identifier: MIT
/*
 * race.c - run vCPUs on threads (see race.h).
 *
 * Runners share harts as a host's threads do. A runner gives up its hart when it sleeps or is
 * preempted in KVM_RUN, or when it has left KVM_RUN and will not call it again at once. It
 * continues on any free hart, so vCPUs migrate.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include "native_host.h"
#include "race.h"

static pthread_mutex_t harts_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long free_harts;

#define NO_HART (~0U)

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

bool race_round(u64 i)
{
	static double end;
	const char *length = getenv("HS_RACE");

	if (i <= 2)
		end = seconds() + (length ? strtod(length, NULL) : 0.3);
	return i <= 30 || seconds() < end;
}

bool race_wait(unsigned long *word, unsigned long old)
{
	double end = seconds() + 60;

	while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == old && seconds() < end)
		sched_yield();
	return __atomic_load_n(word, __ATOMIC_SEQ_CST) != old;
}

unsigned int race_random(unsigned int below)
{
	static __thread u64 state;

	if (!state)
		state = (u64)(uintptr_t)&state | 1;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned int)(state >> 20) % below;
}

/* The calling thread's runner; NULL on the test's own thread. */
static __thread struct race_runner *self;

static void take_hart(void)
{
	unsigned long set = 0;
	unsigned int skip, hart = 0;

	__atomic_fetch_add(&native_hart_wanted, 1, __ATOMIC_SEQ_CST);
	while (!set) {
		pthread_mutex_lock(&harts_lock);
		set = free_harts;
		if (set) {
			for (skip = race_random(8); skip; skip--)
				set = set & (set - 1) ? set & (set - 1) : free_harts;
			hart = (unsigned int)__builtin_ctzl(set);
			free_harts &= ~BIT(hart);
		}
		pthread_mutex_unlock(&harts_lock);
		if (!set)
			sched_yield();
	}
	__atomic_fetch_sub(&native_hart_wanted, 1, __ATOMIC_SEQ_CST);
	native_hart_set(hart);
	__atomic_store_n(&self->hart, hart, __ATOMIC_SEQ_CST);
}

static void give_hart(void)
{
	__atomic_store_n(&self->hart, NO_HART, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&harts_lock);
	free_harts |= BIT(hv_hart());
	pthread_mutex_unlock(&harts_lock);
}

/* Deschedule the thread as the host's scheduler does: call the hook's out(), then free the hart. */
static void leave_hart(void)
{
	native_hook_out();
	give_hart();
}

static void while_asleep(bool begins)
{
	if (!self)
		return;
	if (begins)
		give_hart();
	else
		take_hart();
}

void race_harts(unsigned int n)
{
	free_harts = BIT(n) - 1;
	native_wait_hook = while_asleep;
	native_hart_set(n);
}

static bool goes_on(struct race_runner *r, long ret)
{
	__atomic_fetch_add(&r->runs, 1, __ATOMIC_SEQ_CST);
	if (r->after)
		return r->after(r, ret);
	if (!ret && READ_ONCE(r->vcpu->run->exit_reason) == KVM_EXIT_MMIO)
		__atomic_fetch_add(&r->mmio, 1, __ATOMIC_RELAXED);
	if (!ret || ret == -EINTR || ret == -EFAULT)
		return true;
	r->error = ret;
	return false;
}

static void *run(void *arg)
{
	struct race_runner *r = arg;
	bool on = true;
	long ret;

	self = r;
	__atomic_store_n(&r->signal, native_signal_word(), __ATOMIC_RELEASE);
	take_hart();
	while (on && !__atomic_load_n(&r->stop, __ATOMIC_SEQ_CST)) {
		bool stays = !r->after && race_random(2);

		ret = native_ioctl(r->fd, KVM_RUN, 0);
		if (!stays)
			leave_hart();
		native_signal_set(false);
		on = goes_on(r, ret);
		if (!stays)
			take_hart();
	}
	leave_hart();
	__atomic_store_n(&r->done, true, __ATOMIC_RELEASE);
	return NULL;
}

void race_start(struct race_runner *r, int fd, struct kvm_vcpu *vcpu)
{
	*r = (struct race_runner){ .fd = fd, .vcpu = vcpu, .after = r->after, .hart = NO_HART };
	pthread_create(&r->thread, NULL, run, r);
	while (!__atomic_load_n(&r->signal, __ATOMIC_ACQUIRE))
		sched_yield();
}

/*
 * Set the runner's signal and kick its hart. This works in any state of the runner: a kick sent
 * before the guest runs stays pending.
 */
void race_signal(struct race_runner *r)
{
	unsigned int hart;

	__atomic_store_n(r->signal, 1, __ATOMIC_SEQ_CST);
	hart = __atomic_load_n(&r->hart, __ATOMIC_SEQ_CST);
	if (hart != NO_HART)
		hv_hart_kick(hart);
}

void race_stop(struct race_runner *r)
{
	__atomic_store_n(&r->stop, true, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&r->done, __ATOMIC_ACQUIRE)) {
		race_signal(r);
		sched_yield();
	}
	pthread_join(r->thread, NULL);
}

/* ---- for guests ---------------------------------------------------------------------- */

bool race_interrupted(struct kvm_vcpu *vcpu, unsigned int steps_left)
{
	unsigned long irq = native_kicked(vcpu->hart) ? IRQ_S_SOFT : IRQ_S_TIMER;

	if (irq == IRQ_S_TIMER && steps_left)
		return false;
	native_trap(&(struct hv_trap){ .scause = CAUSE_IRQ_FLAG | irq });
	return true;
}

static bool access(gpa_t gpa, enum native_access kind, u64 *data, unsigned long htinst)
{
	struct hv_trap trap;

	if (!native_guest_access((gva_t)gpa, kind, data, sizeof(*data), &trap))
		return true;
	trap.htinst = htinst;
	native_trap(&trap);
	return false;
}

bool race_load(struct kvm_vcpu *vcpu, gpa_t gpa, u64 *data)
{
	(void)vcpu;
	return access(gpa, NATIVE_LOAD, data, 0x3503);
}

bool race_store(struct kvm_vcpu *vcpu, gpa_t gpa, u64 data)
{
	vcpu->guest.gpr[GPR_A0] = data;
	return access(gpa, NATIVE_STORE, &data, 0xa03023);
}
