// SPDX-License-Identifier: MIT
/*
 * race.h - run vCPUs on threads, through KVM_RUN, to test for races.
 *
 * A runner is a thread of the VMM: it calls KVM_RUN in a loop until it is stopped. The guest is
 * native_guest, as in every test. The guest has to call race_interrupted() often.
 */
#ifndef NATIVE_RACE_H
#define NATIVE_RACE_H

#include <pthread.h>
#include "native.h"

struct race_runner {
	struct kvm_vcpu *vcpu;
	int fd;
	/*
	 * Called after each KVM_RUN; if it returns false, the thread ends. If `after` is NULL, any
	 * result but 0, -EINTR and -EFAULT ends the thread. If it is not NULL, `mmio` is not
	 * counted, because the vCPU may no longer exist.
	 */
	bool (*after)(struct race_runner *r, long ret);
	unsigned long runs,
		mmio; /* KVM_RUNs, and those that ended with KVM_EXIT_MMIO; read by other threads */
	long error;   /* the unexpected result that ended the thread, or 0 */
	bool stop, done;
	u32 *signal;       /* NULL until the thread has started */
	unsigned int hart; /* ~0 if the runner has none */
	pthread_t thread;
};

/*
 * Return whether a test should run round `i`. Rounds up to 30 always run, however busy the machine
 * is. Later rounds run until 0.3 s, or HS_RACE seconds, have passed. Rounds 1 and 2 restart the
 * clock, so a test begins with one of them.
 */
bool race_round(u64 i);
/* Wait up to a minute for *word to differ from `old`. Returns false if it still does not. */
bool race_wait(unsigned long *word, unsigned long old);

/* Let runners use harts 0 to n - 1; the test's own thread is hart n. */
void race_harts(unsigned int n);
void race_start(struct race_runner *r, int fd, struct kvm_vcpu *vcpu);
/* Send a signal as the host does: it is pending for the thread, and the hart is interrupted. */
void race_signal(struct race_runner *r);
/* Stop the thread and join it; r->error has the result. */
void race_stop(struct race_runner *r);

/*
 * For a guest: take the hart's pending interrupt, or a timer interrupt if no steps are left.
 * Returns true if the guest took an interrupt; the guest must then return.
 */
bool race_interrupted(struct kvm_vcpu *vcpu, unsigned int steps_left);
/*
 * For a guest: access 8 bytes at a guest physical address. Returns false if the access trapped; the
 * guest must then return. The trap's htinst is that of ld a0 for a load, and that of sd a0 for a
 * store.
 */
bool race_load(struct kvm_vcpu *vcpu, gpa_t gpa, u64 *data);
bool race_store(struct kvm_vcpu *vcpu, gpa_t gpa, u64 data);

/* Return a number less than `below`, from the calling thread's own sequence. */
unsigned int race_random(unsigned int below);

#endif
