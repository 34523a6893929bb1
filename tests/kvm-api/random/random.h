// SPDX-License-Identifier: MIT
/*
 * random.h - interface between the parts of the program `random`: main.c (processes and threads),
 * env.c (the machine of the random VMM), memory.c (the memory of its guests), guest.c (its guests),
 * steps.c (more of its steps).
 */
#ifndef KVM_API_RANDOM_H
#define KVM_API_RANDOM_H

#include "../../native/any_vmm_impl.h"

/* Numbers of the whole program, in memory that its processes share. */
struct counts {
	unsigned long steps, no_memory, runs, mmio, sbi, interrupted, other, failed_runs;
	unsigned long slots, logs, rings, regs, routes; /* calls of steps.c that have succeeded */
	unsigned long hypervisors;                      /* vCPUs that were given H */
	unsigned long l2;       /* programs of guest.c that start in the guest of a guest */
	unsigned long faults;   /* that memory.c has answered */
	unsigned long failures; /* wrong results: calls of env_fail() */
	unsigned long stopped;  /* rounds whose threads had to stop before their last step */
	bool stop;              /* the threads make no more steps */
};

extern struct counts *counts;

#define COUNT(what) __atomic_add_fetch(&counts->what, 1, __ATOMIC_RELAXED)

#define ENV_FIRST 8 /* number of a process's first thread; the others have the numbers before */

/*
 * Prepare the calling thread, whose part of the user memory for arguments is the nth. On a Linux with
 * fault injection, the allocations of half of the threads fail at random, but never those of the
 * first thread.
 */
void env_thread(unsigned int nth);

/* Map a page of the vCPU's descriptor, such as that of kvm_run (0). Returns NULL if it fails. */
void *env_vcpu_page(int vcpu, unsigned long page);

/* Write a random program into the VM's memory, and let the vCPU start it. */
void guest_write(int vcpu);
/* Make the vCPUs guest hypervisors, if they can be: hyperscope has this extension of KVM's API. */
void guest_hypervisors(void);

/* ---- memory.c ---- */

/* Call once in a process, before its threads are made. */
void memory_begin(void);
/* Change a part of the VM's memory. */
void step_memory(int vcpu);
/* Answer the faults of other threads on memory of this process. Does not wait. One thread calls it. */
void memory_answer(void);

/* ---- steps.c ---- */

/* Make a step that depends on the state of the VM that all threads use. */
void step_known(void);
/* Change a register of the vCPU, usually to another valid value. */
void step_register(int vcpu);
/* Let VMs have few VMIDs, or many. */
void step_vmid_bits(void);
/* In a child of the VMM's process: use a descriptor that it has inherited. */
void step_other_process(void);

#endif
