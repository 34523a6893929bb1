// SPDX-License-Identifier: MIT
/* smp.h - harts: per-hart state, start-up, and interrupts between harts. */
#ifndef HOST_SMP_H
#define HOST_SMP_H

#include "hv/host.h"
#include "thread.h"

#define HPM_CSRS 32 /* from cycle to hpmcounter31 */

struct hart {
	unsigned long hartid; /* the firmware's number */
	bool online;

	/*
	 * sched.c; rq_lock guards run_queue, nr_queued, running and left. nr_queued and
	 * need_resched are also read without it, each as one word: a hart that misses a change is
	 * interrupted by the hart that made it.
	 */
	struct spinlock rq_lock;
	struct list_head run_queue;
	unsigned int nr_queued;
	struct thread *running;
	struct thread *idle;
	bool need_resched;
	bool is_idling;      /* the running thread waits in sched_idle_here() */
	struct thread *left; /* the previous thread, if it is dead or has to move */
	struct mm *mm;       /* address space in satp; NULL: the kernel's own table */

	/* fpu.c: the owner of the FP unit's values, a thread or a vCPU; NULL: none */
	const void *fp_owner;

	/* clock.c */
	struct spinlock timer_lock;
	struct list_head timers; /* armed timers, by deadline */
	struct hv_timer *running_timer;
	u64 programmed; /* first deadline when hardware was last programmed; 0: it has passed */
	struct hv_timer slice;

	unsigned long timer_irqs, ipis; /* taken by this hart, for /proc/interrupts */

	/* pmu.c: the borrowers of the hart's counters, by CSR; accessed only by the hart itself */
	struct hv_pmc *lent[HPM_CSRS];
}
__attribute__((aligned(512))); /* a power of two makes my_hart() a shift, and harts share no line */

/* Read by boot.S on a secondary hart, with the MMU off. */
struct hart_boot_info {
	unsigned long satp;
	struct thread *thread; /* the hart's idle thread (kernel address) */
};

extern struct hart *harts;             /* harts_init() */
extern bool have_kvm;                  /* kvm_init() succeeded, so the harts have the H extension */
extern unsigned int nr_harts;          /* online harts have indices 0 .. nr_harts - 1 */
extern unsigned int nr_possible_harts; /* harts of the device tree, at most HV_MAX_HARTS */

static inline struct hart *my_hart(void)
{
	return &harts[(int)this_hart()]; /* int: the load has extended its sign already */
}

/*
 * Returns true if the running thread has to call schedule() soon, usually because another thread
 * waits for this hart.
 */
static inline bool need_resched(void)
{
	return READ_ONCE(my_hart()->need_resched);
}

/*
 * Allocate `harts` and set hv_hartmask_words, by the number of harts in the device tree. Called at
 * boot, once pages can be allocated. Panics if there is no memory.
 */
void harts_init(void);
/*
 * Start the other harts of the device tree with SBI HSM, up to HV_MAX_HARTS harts in total. Logs a
 * failed start; panics if a started hart does not come up within 10 s. Then the interrupts of
 * devices are divided among the harts.
 */
void smp_start_all(void);
/*
 * Wait until an interrupt that is enabled in sie is pending; may return earlier. With the boot argument
 * idle=suspend, the hart waits in the firmware (SBI §9, hart_suspend) and not by WFI.
 */
void hart_idle(void);
void smp_kvm_hart_init(void); /* prepare this hart for VMs; have_kvm is true */
void secondary_main(void) __attribute__((noreturn));
void ipi_send(unsigned int hart); /* interrupt the hart, which then calls sched_ipi() */
void ipi_send_mask(const struct hv_hartmask *mask);

struct ipi_method {
	const char *name;
	void (*hart_init)(void); /* called on each hart but the first; or NULL */
	void (*raise)(unsigned int hart);
};

/* How harts are interrupted: by SBI calls until a driver changes it, before other harts start. */
extern const struct ipi_method *ipi_method;

void ipi_raise_sbi(unsigned int hart); /* for harts that another method does not reach */

/* trap.c: take all pending interrupts, without a trap. */
void irq_poll(void);
void irq_handle(unsigned long cause);
void trap_hart_init(void); /* set this hart's sscratch, stvec, sie and scounteren */
/* trap.S: restores thread_frame(current) */
void trap_return_to_user(void) __attribute__((noreturn));
void trap_user_exit(struct trap_frame *frame); /* reschedule and handle signals before user mode */

/* pmu.c: the harts' counters, which are lent to the core (hv/host.h). */
void pmu_init(void);      /* called once: find the firmware's counters */
void pmu_hart_init(void); /* each hart */
void pmu_interrupt(void);

void clock_init(void);
void clock_hart_init(void);
void clock_interrupt(void);

void sched_init(unsigned int hart, struct thread *idle);
void sched_idle_loop(void) __attribute__((noreturn));
/*
 * Called when the running thread has nothing to do: wait on its hart for an interrupt, and take the
 * pending interrupts. Returns false if the thread should give up the hart: a thread is queued here
 * or on another busy hart, or need_resched is set.
 */
bool sched_idle_here(void);
void sched_ipi(void);
void sched_finish_switch(void);

void fpu_switch_out(struct thread *t);
void fpu_switch_in(struct thread *t);
bool fpu_trap(struct trap_frame *frame); /* true: the unit was off and now belongs to this thread */
void fpu_thread_exit(struct thread *t);

#endif
