// SPDX-License-Identifier: MIT
/*
 * race.h - vCPUs that run on threads, through KVM_RUN, for tests of what races with them.
 *
 * A runner is a thread of the VMM: it calls KVM_RUN again and again until it is stopped. The
 * guest is native_guest, as for every test; it has to look at race_interrupted() often.
 */
#ifndef NATIVE_RACE_H
#define NATIVE_RACE_H

#include <pthread.h>
#include "native.h"

struct race_runner {
	struct kvm_vcpu *vcpu;
	int fd;
	/*
	 * After each KVM_RUN; false ends the thread. NULL: only what is neither 0, -EINTR nor
	 * -EFAULT does. With it `mmio` does not count: the vCPU may be gone.
	 */
	bool (*after)(struct race_runner *r, long ret);
	unsigned long runs,
		mmio; /* KVM_RUNs, and those that ended with KVM_EXIT_MMIO; read by others, too */
	long error;   /* the unexpected return that ended it; 0: none did */
	bool stop, done;
	u32 *signal;       /* NULL before the thread has begun */
	unsigned int hart; /* ~0: none */
	pthread_t thread;
};

/*
 * Is there time for round `i` of a test, from 1 or 2 on? 30 are for any, however busy the
 * machine is; more for 0.3 s, or HS_RACE seconds.
 */
bool race_round(u64 i);
/* Waits, for a minute at most, until *word is another value than `old`; false: it is not. */
bool race_wait(unsigned long *word, unsigned long old);

/* Harts 0 to n - 1 are free for runners; the test's own thread is hart n. */
void race_harts(unsigned int n);
void race_start(struct race_runner *r, int fd, struct kvm_vcpu *vcpu);
/* As the host sends a signal: pending for the thread, and the hart is interrupted. */
void race_signal(struct race_runner *r);
/* Stops and joins; r->error says how it was. */
void race_stop(struct race_runner *r);

/*
 * For a guest: does the hart have an interrupt, which it takes by this, or has the guest run
 * long enough? Then it must return, and its trap is set.
 */
bool race_interrupted(struct kvm_vcpu *vcpu, unsigned int steps_left);
/*
 * For a guest: 8 bytes at a guest physical address. False: it trapped, and must return.
 * load's htinst is given as ld a0, store's as sd a0.
 */
bool race_load(struct kvm_vcpu *vcpu, gpa_t gpa, u64 *data);
bool race_store(struct kvm_vcpu *vcpu, gpa_t gpa, u64 data);

/* A number below `below` from the calling thread's own sequence. */
unsigned int race_random(unsigned int below);

#endif
