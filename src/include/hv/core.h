// SPDX-License-Identifier: MIT
/*
 * core.h - the functions of the hypervisor core that its host calls.
 *
 * The host also calls the functions that the core passes to it (host.h): those of a file, a timer, a
 * notifier, an eventfd's watch and a thread's hook.
 */
#ifndef HV_CORE_H
#define HV_CORE_H

#include "hv/types.h"

struct hv_file_ops;

/*
 * At boot, the host calls kvm_init() once, on the first hart; then kvm_hart_init() on every hart, one
 * after the other. If that returns false, this hart has fewer G-stage modes or VMIDs than those before
 * it, and a VM that exists already must not run on it. On a hart with Svade, guests can have Svadu
 * only if the host has set menvcfg.ADUE before (SBI FWFT). Hardware then also updates A and D in the
 * host's own tables.
 */
int kvm_init(void); /* -errno: no guest can run (-ENODEV: no H extension, or no G-stage mode) */
bool kvm_hart_init(void);
extern const struct hv_file_ops kvm_dev_ops; /* /dev/kvm */
/* Tell running vCPUs that events were switched on or off. Any thread of the host may call this. */
void kvm_trace_changed(void);
/*
 * If the put of the vCPU that the calling thread has loaded is pending (its hook stays set in user
 * mode), save the FP and vector registers that are in this hart's units. The next KVM_RUN loads them
 * again, or waits for their first use. Otherwise, do nothing. A host whose programs can use FP without a
 * trap calls this with interrupts off, at the end of each ioctl in which hv_fp_take() was called.
 */
void kvm_units_release(void);
/*
 * Save the vector registers of the vCPU that the calling thread has loaded, if they are in this
 * hart's unit. The core takes the unit again before it enters the guest. A host in which something
 * other than the core uses the unit calls this on the hart, with interrupts off, after
 * hv_vector_take() and before it switches interrupts on.
 */
void kvm_vector_release(void);

/*
 * The time CSR has gone back by `ticks`, as when a hibernated machine is started again: let guest time
 * of all VMs continue. Called while no vCPU is loaded and no other hart executes the core; it does not
 * sleep. The host itself corrects the deadlines of timers that are armed.
 */
void kvm_time_went_back(u64 ticks);

/*
 * The core's counters for /sys/kernel/debug/kvm. They are numbered from 0; a counter has the same
 * number for every VM and for the sum over all VMs. Any thread may call these functions; they do
 * not sleep.
 */
#define HV_DEBUG_NAME 24

/*
 * Return the lowest VM number >= from, or 0 if there is none; `name` receives that VM's name
 * (HV_DEBUG_NAME bytes).
 */
unsigned int kvm_debug_vm(unsigned int from, char *name);
const char *kvm_debug_counter(unsigned int index, bool *writable); /* NULL beyond the last */
/*
 * *value receives the VM's counter or, if vm is 0, the sum over all VMs. If `clear` is true, the
 * counter is then set to 0, in every VM if vm is 0. Returns -ENOENT if the VM no longer exists.
 */
int kvm_debug_value(unsigned int vm, unsigned int counter, u64 *value, bool clear);

#endif
