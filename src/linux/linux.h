/* SPDX-License-Identifier: MIT */
/*
 * linux.h - hv/host.h and hv/core.h with the kernel's own types, for the files of src/linux.
 *
 * hv/host.h includes small headers of its own for integers, lists, locks and CSRs. The kernel has
 * all of these, under the same names or with the same layout. So the guards of these headers are
 * defined here, and only the few names that the kernel lacks are added.
 */
#ifndef HS_LINUX_H
#define HS_LINUX_H

#include <linux/bits.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <asm/csr.h>
#include <asm/sbi.h>
#include <asm/timex.h>

/* The thread should let others run. A kernel with PREEMPT_LAZY has a second flag. */
#ifdef TIF_NEED_RESCHED_LAZY
#define RESCHED_FLAGS (_TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY)
#else
#define RESCHED_FLAGS _TIF_NEED_RESCHED
#endif

#define HV_TYPES_H
#define HV_BITS_H
#define HV_LIST_H
#define HV_SPINLOCK_H
#define HV_CSR_H
#define HV_SBI_H

typedef u64 gpa_t;
typedef u64 hpa_t;
typedef unsigned long gva_t;
typedef unsigned long hva_t;

static inline u64 csr_time(void)
{
	return get_cycles64();
}

void hv_cpu_relax(void); /* declared in hv/spinlock.h */

#include "hv/core.h"
#include "hv/host.h"

/*
 * thread.c: which of this hart's units the core has taken (hv_fp_take(), hv_vector_take()) and not yet
 * given back. Used with interrupts off. FP_UNHOOKED is set together with FP_TAKEN if the thread's hook
 * has been removed, because hook_out() would then not clear FP_TAKEN; it is never set while interrupts
 * are on. The ways out of the core, below, call units_give_back() and units_give_back_early().
 */
enum {
	FP_TAKEN = 1,
	VECTOR_TAKEN = 2,
	FP_UNHOOKED = 4
};

struct units {
	u8 taken;
	const void *fp_owner; /* of the last hv_fp_take() */
};

DECLARE_PER_CPU(struct units, units);
void units_give_back(void);
void units_give_back_early(void);

/*
 * vector.c: this hart's vector unit. vector_give_back() saves the guest's registers, and is called
 * with interrupts off. vector_probe() finds out whether vectors can be used, before kvm_init();
 * vector_is_usable() returns the result. vector_hart_fits() is called on a hart that comes online,
 * and returns whether vCPUs can run there.
 */
void vector_give_back(void);
void vector_probe(void);
bool vector_is_usable(void);
bool vector_hart_fits(void);

/*
 * pmu.c: pmu_init() is called once, and sleeps. pmu_report_overflows() reports overflows of the
 * counters that are started on this hart; it is called with interrupts off.
 */
void pmu_init(void);
void pmu_report_overflows(void);

/*
 * The core runs with interrupts off. To switch them on is to leave the core: meanwhile, the thread may be
 * preempted, and its hook puts the vCPU (thread.c). First, each way out gives back those of the hart's
 * units that its caller may have taken:
 *
 *                          FP           vector  use
 *   leave_core()           if unhooked  yes     in a function of hv/host.h that may sleep; at the end of
 *                                               any call of the core but an ioctl
 *   interrupts_on()        if unhooked  yes     the same where preempt_count() may be raised (hart.c)
 *   leave_core_to_user()   yes          yes     at the end of an ioctl: the program may use FP at any time
 *   local_irq_enable()     no           no      at the end of an ioctl of /dev/kvm, which takes no unit
 *   return from hook_in()  no           yes     in the scheduler, which restores interrupts later
 *
 * Linux may open, read and release files in the middle of a thread's KVM_RUN (task work, for example of
 * io_uring). These calls use leave_core(), so the guest that is running keeps its FP registers.
 *
 * A pinned section (hv/pin.h) raises preempt_count() on a kernel that checks where threads sleep.
 */
static inline void check_not_pinned(void)
{
	WARN_ON_ONCE(IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP) && preempt_count());
}

static inline void interrupts_on(void)
{
	if (__this_cpu_read(units.taken) & (VECTOR_TAKEN | FP_UNHOOKED))
		units_give_back_early();
	local_irq_enable();
}

static inline void leave_core(void)
{
	check_not_pinned();
	interrupts_on();
}

static inline void leave_core_to_user(void)
{
	check_not_pinned();
	if (__this_cpu_read(units.taken))
		units_give_back();
	local_irq_enable();
}

static inline void enter_core(void)
{
	local_irq_disable();
}

/*
 * The CSRs that a trap of the host changes. On the fast path (src/kvm/exit/switch_fast.S), they are
 * the guest's, and decide in which mode the hart continues. Unlike the bare-metal host, Linux may
 * trap in any function: perf and BPF programs that are attached to it or to its tracepoints read
 * memory that may not be there, and a kprobe is a breakpoint. So each function that the fast path
 * may call, and that calls Linux, saves them. A breakpoint before that would change them. So these
 * functions, and those that the fast path calls and that call nothing, are marked __kprobes: they can
 * be neither probed nor traced.
 */
struct trap_csrs {
	unsigned long status, epc, cause, tval, hstatus, htval, htinst;
};

static __always_inline struct trap_csrs trap_csrs_save(void)
{
	return (struct trap_csrs){
		csr_read(CSR_STATUS), csr_read(CSR_EPC),     csr_read(CSR_CAUSE),
		csr_read(CSR_TVAL),   csr_read(CSR_HSTATUS), csr_read(CSR_HTVAL),
		csr_read(CSR_HTINST),
	};
}

static inline void trap_csrs_restore(const struct trap_csrs *csrs)
{
	csr_write(CSR_STATUS, csrs->status);
	csr_write(CSR_EPC, csrs->epc);
	csr_write(CSR_CAUSE, csrs->cause);
	csr_write(CSR_TVAL, csrs->tval);
	csr_write(CSR_HSTATUS, csrs->hstatus);
	csr_write(CSR_HTVAL, csrs->htval);
	csr_write(CSR_HTINST, csrs->htinst);
}

/*
 * memory.c: memory set aside for the calling thread. hv_pages_alloc() and hv_alloc() use it if Linux
 * has none that can be allocated without sleeping. It consists of single pages and, unless `order` is
 * 0, of blocks of this order. If it has no block for a request, the request's order is recorded in
 * `wanted` (the largest one counts); the next reserve_begin() allocates blocks of that order. The
 * caller sets `wanted` to 0 before the first one. reserve_begin() waits until Linux has reclaimed and
 * compacted enough memory, and may let it kill a process. It returns false if Linux has no memory, or
 * if the thread is being killed, and then reserve_end() must not be called.
 */
struct reserve {
	struct hlist_node link;
	const struct task_struct *thread;
	struct list_head pages, blocks;
	unsigned int order;  /* of the blocks; 0: there are none */
	unsigned int wanted; /* the order for the next reserve_begin() */
	bool taken;          /* some page or block has been used */
};

bool reserve_begin(struct reserve *reserve, unsigned int pages);
bool reserve_end(struct reserve *reserve); /* returns `taken` */

/* Return true if the scheduler is calling out() of the calling thread's hook. */
bool in_sched_out(void);

/*
 * enable.c: the harts' H extension, of which kvm.ko is another user. -EBUSY: kvm.ko is using it.
 * harts_probe() calls kvm_init() and kvm_hart_init(). harts_use() enables the extension on all
 * harts, and on those that come online later, until the same number of calls to harts_unuse(). They
 * sleep, and are called outside the core.
 */
int harts_probe(void);
int harts_use(void);
void harts_unuse(void);

/*
 * imsic.c: find this hart's guest interrupt files, with interrupts off. Returns false if the hart has
 * fewer of them than those before it.
 */
bool imsic_hart_init(void);

/*
 * timer.c: time_suspend() notes the time, and time_resume() lets guest time continue if the time CSR has
 * gone back since then. Called with interrupts off, while only this hart is online and all user threads
 * are frozen, so no vCPU is loaded.
 */
void time_suspend(void);
void time_resume(void);

extern bool replace_kvm; /* file.c: a parameter of the module */

int file_init(void);
void file_exit(void);

#endif
