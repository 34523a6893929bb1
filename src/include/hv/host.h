// SPDX-License-Identifier: MIT
/*
 * host.h - the functions of the host that the hypervisor core calls; it uses nothing else of its
 * host, except performance counters (host_pmu.h). core.h has the functions of the core that the host
 * calls.
 *
 * Implemented by src/host (bare metal; kvm_host.c lists the files), by src/linux (a Linux module),
 * and by tests/native/host*.c (pthreads and malloc). If the core needs something that is not here,
 * this header grows by one well-named function.
 *
 * Unless a comment says otherwise, functions return 0 or -errno (Linux's numbers), and are called
 * with interrupts off. A function that is marked "may sleep" takes interrupts, and may continue on
 * another hart; it must not be called while the core is pinned to its hart, and so not with a
 * spinlock held (hv/pin.h).
 *
 * The fast path (src/kvm/exit/switch_fast.S) calls the functions that are marked "any context"
 * while sepc, scause, stval, sstatus, hstatus, htval and htinst are the guest's, and relies on them
 * afterwards: these functions leave these CSRs as they are.
 */
#ifndef HV_HOST_H
#define HV_HOST_H

#include "hv/hartmask.h"
#include "hv/list.h"
#include "hv/pin.h"
#include "hv/sbi.h"
#include "hv/spinlock.h"
#include "hv/types.h"

/* ---- memory ------------------------------------------------------------ */

#define HV_ORDER_4K 0

/*
 * Allocate 2^order contiguous zeroed pages, aligned to their total size. Returns 0 if there is not
 * enough memory.
 */
hpa_t hv_pages_alloc(unsigned int order);
void hv_pages_free(hpa_t pa, unsigned int order);
/* Map a page (or the block that starts with it) into the kernel, until hv_page_unmap(). */
void *hv_page_map(hpa_t pa);
void hv_page_unmap(void *va);
/*
 * Allocate a small block of zeroed memory, or return NULL if there is not enough memory. This may wake
 * a thread of the host, so no spinlock may be held. hv_free(NULL) is allowed.
 */
void *hv_alloc(size_t size);
void hv_free(void *p);

/* ---- user memory of the calling process (may sleep) --------------------- */

/*
 * Return 0 or -EFAULT. Eight bytes from an aligned address are read by one load: they may be an entry
 * of a guest's page table, which the guest changes meanwhile.
 */
int hv_copy_from_user(void *dst, hva_t src, size_t size);
int hv_copy_to_user(hva_t dst, const void *src, size_t size);
int hv_clear_user(hva_t dst, size_t size); /* zeroes */
/*
 * Like hv_copy_to_user(), but does not sleep: also returns -EFAULT if a page would have to be
 * faulted in first.
 */
int hv_copy_to_user_nofault(hva_t dst, const void *src, size_t size);

struct hv_mm; /* an address space */
struct hv_mm *hv_mm_hold_current(void);
void hv_mm_release(struct hv_mm *mm);
bool hv_mm_is_current(const struct hv_mm *mm);

/*
 * The page behind a user address, after it was faulted in. On Linux, it may be a frame that is not
 * RAM, such as registers of a device that the process has mapped. The core may map such a frame into
 * a guest, but must not access it through hv_page_map(); hv_user_page_get() refuses it.
 */
struct hv_user_page {
	hpa_t pa;      /* of the 4K page that holds the address */
	u64 map_size;  /* SZ_4K or SZ_2M: the size of the naturally aligned block around the page,
		        * contiguous in both hva and hpa, that the host maps with one leaf */
	bool writable; /* the host mapping can be written now without a further fault */
	bool stale;    /* a hart may have fetched other instructions from the block's frame than
			  * it holds now; hv_user_page_get() need not fill this in */
	bool waited;   /* the look-up may have slept, or taken interrupts */
};

/*
 * Fault in a user page, for writing if `write` is true. Returns -EFAULT if there is no mapping or
 * no permission, and -EINTR if a fatal signal is pending. On Linux, it also returns -EINTR if any
 * signal is pending after a page fault in a mapping of a device's registers or memory. If this
 * function returns -ENOMEM or hv_pages_alloc() fails, the core's ioctl returns -ENOMEM; the host
 * then frees memory and repeats the ioctl. May sleep.
 *
 * No reference is held: on return the page may already be unmapped, and its frame reused. A caller
 * that maps the page must register a notifier that changes a sequence number. The caller reads this
 * number before it calls hv_user_page_look(). Under its own lock, it then maps the page only if the
 * number has not changed.
 */
int hv_user_page_look(struct hv_mm *mm, hva_t hva, bool write, struct hv_user_page *page);
/*
 * Like hv_user_page_look() for a load, but the page is not stale afterwards: if it is before, every
 * hart executes fence.i. May sleep.
 */
int hv_user_page_fetch(struct hv_mm *mm, hva_t hva, struct hv_user_page *page);
/*
 * Like hv_user_page_look(), but takes a reference on the 4K page: until hv_user_page_put(), its
 * frame stays allocated even if the page is unmapped.
 */
int hv_user_page_get(struct hv_mm *mm, hva_t hva, bool write, struct hv_user_page *page);
void hv_user_page_put(const struct hv_user_page *page);
/*
 * Return true if [start, start + size) lies within the user addresses of the current process, and
 * start has no tag, that is, has the form in which the notifier gets addresses. Any context.
 */
bool hv_user_range_is_valid(hva_t start, u64 size);
/*
 * Return true if all mappings in [start, start + size) are writable. Holes are ignored. May sleep.
 */
bool hv_user_range_writable(struct hv_mm *mm, hva_t start, u64 size);

/*
 * MMU notifier: functions that the host calls when it changes, moves or removes the pages behind a
 * range of user addresses, or asks whether guests use these pages. They may run on any thread, with
 * the host's mm lock held. They must not take a lock under which the core accesses user memory, and
 * must not sleep unless `may_sleep` is set.
 */
struct hv_notifier {
	/*
	 * The mapping of [start, end) is about to be removed, write-protected or moved to other
	 * frames. Returns when no vCPU can use it anymore. Faults in the range must retry until
	 * invalidate_end().
	 */
	void (*invalidate_start)(struct hv_notifier *n, hva_t start, hva_t end, bool may_sleep);
	void (*invalidate_end)(struct hv_notifier *n, hva_t start, hva_t end);
	/*
	 * The range has new frames, whose contents may be instructions. Called between
	 * invalidate_start() and invalidate_end() if the old contents were copied. Called without
	 * these two if a page of a file, or a page filled through a userfaultfd, was mapped where
	 * no page was mapped before. Not called for pages of zeroes.
	 */
	void (*moved)(struct hv_notifier *n, hva_t start, hva_t end);
	/* True if a guest has used some page of the range since the last clear_young(). */
	bool (*test_young)(struct hv_notifier *n, hva_t start, hva_t end);
	void (*clear_young)(struct hv_notifier *n, hva_t start, hva_t end);
	/* The address space is going away: drop all mappings of its pages. */
	void (*release)(struct hv_notifier *n, bool may_sleep);
	struct list_head link; /* the host's */
	void *host;            /* the host's */
};

int hv_notifier_register(struct hv_mm *mm, struct hv_notifier *n);
void hv_notifier_unregister(struct hv_mm *mm, struct hv_notifier *n);

/* ---- threads, sleeping, signals ----------------------------------------- */

#ifndef HV_MUTEX_WORDS /* a host's build can define a larger number */
#define HV_MUTEX_WORDS 8
#endif

struct hv_mutex { /* a sleeping lock; opaque, large enough for every host */
	u64 opaque[HV_MUTEX_WORDS];
};

void hv_mutex_init(struct hv_mutex *m);
void hv_mutex_lock(struct hv_mutex *m);         /* may sleep */
int hv_mutex_lock_killable(struct hv_mutex *m); /* 0, or -EINTR: being killed; may sleep */
bool hv_mutex_trylock(struct hv_mutex *m);
void hv_mutex_unlock(struct hv_mutex *m);

struct hv_kicks; /* below */

struct hv_waitq { /* opaque */
	u64 opaque[16];
};

void hv_waitq_init(struct hv_waitq *wq);
void hv_waitq_destroy(struct hv_waitq *wq);
/*
 * Sleep until cond(arg) is true (returns 0), or a signal has arrived (-EINTR). While cond() runs,
 * the host does not hold any lock that the caller takes. May sleep.
 */
int hv_wait(struct hv_waitq *wq, bool (*cond)(void *arg), void *arg);
/* Like hv_wait(), but signals do not end the wait. For waits that are known to be short. May sleep. */
void hv_wait_uninterruptible(struct hv_waitq *wq, bool (*cond)(void *arg), void *arg);
/*
 * Wake all threads that wait on wq. If `kicks` is not NULL, the interrupts that this needs are
 * gathered in it, and the caller sends them. Any context; neither faults nor sleeps.
 */
void hv_wake_all(struct hv_waitq *wq, struct hv_kicks *kicks);

bool hv_signal_pending(void); /* for the calling thread: KVM_RUN must return -EINTR */
/*
 * The calling thread should yield this hart now. On Linux, this is also true after the thread has
 * woken one that should preempt it, which no interrupt announces, and if Linux has other work for the
 * thread (task work, rseq). On the bare-metal host, a wake-up does not preempt the thread that causes
 * it.
 */
bool hv_resched_needed(void);
bool hv_hart_wanted(void); /* another thread is waiting for this hart */
void hv_resched(void);     /* take pending interrupts, then let other threads run; may sleep */
/*
 * For long loops: take pending interrupts, and let other threads run if the calling thread should
 * yield. The caller may hold sleeping locks, including the host's. May sleep.
 */
void hv_cond_resched(void);
bool hv_host_needed(void); /* a signal is pending, or the thread should yield */
int hv_thread_id(void);
/*
 * Return the total time, in ns, for which the calling thread was ready but had no hart, as in
 * /proc/TID/schedstat.
 */
u64 hv_run_delay_ns(void);

/*
 * Replace the calling thread's mask of 64 signals until hv_sigmask_end(). KVM_RUN has a mask of its
 * own (KVM_SET_SIGNAL_MASK). A signal that only the thread's usual mask blocks ends KVM_RUN, but
 * takes effect only once the usual mask permits it. SIGKILL and SIGSTOP cannot be blocked.
 */
void hv_sigmask_begin(u64 set);
void hv_sigmask_end(void);

/*
 * Callbacks for the thread that set the hook: in() is called after the thread was scheduled in on
 * `hart`, and out() before the thread leaves that hart. One hook per thread; setting NULL removes
 * it. Interrupts are off during the calls. out() is called within the host's scheduler: it must
 * neither allocate memory nor wake a thread, nor take a lock under which the core wakes one.
 * (hv_pages_alloc() wakes none.)
 */
struct hv_sched_hook {
	void (*in)(struct hv_sched_hook *hook, unsigned int hart);
	void (*out)(struct hv_sched_hook *hook);
	/*
	 * Called on the thread's hart when another thread begins to wait for that hart; may be
	 * NULL.
	 */
	void (*wanted)(struct hv_sched_hook *hook);
	bool out_requested; /* out() has been requested; the requester clears this after out() */
	union {
		void *host; /* the host's, as the rest */
		u64 opaque[4];
	};
};

void hv_sched_hook_set(struct hv_sched_hook *hook);
struct hv_sched_hook *hv_sched_hook_get(void); /* the calling thread's, or NULL */
/*
 * Request a call to out() soon, on the hart where the hook's thread runs. `hart`, on which the
 * hook's vCPU was last loaded, gets an interrupt. Any thread may make the request. On Linux, out()
 * has been called when this returns. A hook may stay set while its thread is in user mode; out() is
 * then also called when the thread ends, when it executes another program and, unless the host calls
 * kvm_units_release(), before it uses FP. May sleep.
 */
void hv_sched_hook_request_out(struct hv_sched_hook *hook, unsigned int hart);
/*
 * Wait until the host no longer uses the hook, which must not be set for any thread. Call this before
 * the hook's memory is freed. May sleep.
 */
void hv_sched_hook_destroy(struct hv_sched_hook *hook);

/* ---- harts -------------------------------------------------------------- */

/*
 * The index of this hart, 0 .. hv_nr_harts() - 1. Call only while pinned to the hart. Any context.
 */
unsigned int hv_hart(void);
unsigned int hv_nr_harts(void);        /* harts that are online or may come online */
unsigned int hv_nr_online_harts(void); /* at present. Any context */
/* Make the hart leave its guest, if it runs one. Any context, also the next function. */
void hv_hart_kick(unsigned int hart);
/* The same for each hart in the mask, with as few calls to the firmware as possible. */
void hv_harts_kick(const struct hv_hartmask *harts);

/*
 * Harts to interrupt: gathered while several vCPUs get requests or several threads are woken, and
 * interrupted with one call, which is one call of the firmware for up to 64 harts. From the first
 * hv_kicks_add() until hv_kicks_send(), the caller must neither sleep nor wait for a vCPU.
 */
struct hv_kicks {
	unsigned int count;       /* initially 0 */
	unsigned int first;       /* the hart to interrupt, if count is 1 */
	struct hv_hartmask harts; /* the harts to interrupt, if count is 2 or more */
};

static inline void hv_kicks_add(struct hv_kicks *kicks, unsigned int hart)
{
	if (!kicks->count++) {
		kicks->first = hart;
		return;
	}
	if (kicks->count == 2) {
		hartmask_clear_all(&kicks->harts);
		hartmask_set(&kicks->harts, kicks->first);
	}
	hartmask_set(&kicks->harts, hart);
}

static inline void hv_kicks_send(const struct hv_kicks *kicks)
{
	if (kicks->count == 1)
		hv_hart_kick(kicks->first);
	else if (kicks->count)
		hv_harts_kick(&kicks->harts);
}

/*
 * Handle the host interrupt that ended a guest's run; `scause` is its cause. May sleep.
 */
void hv_handle_interrupt(unsigned long scause);
/*
 * For long loops that should not yield the hart: take the interrupts pending on it. Returns false if
 * the calling thread should yield, or if another thread is waiting for the hart. The thread may
 * continue on another hart, so this must not be called in a pinned section. It does not sleep itself:
 * a notifier may call it under the host's locks.
 */
bool hv_poll_interrupts(void);
/*
 * Wait on this hart for an interrupt: either one of the host's, which is then taken, or one that
 * the loaded guest would take. The time counts as the hart's idle time, not as the calling thread's
 * run time. May return spuriously. Returns false if the hart is needed for another thread; the
 * caller should then sleep. May sleep itself.
 */
bool hv_idle(void);
/*
 * Guest interrupt files of the harts' IMSICs. Every hart has files 1 to hv_guest_files(), which is
 * at most 63; 0: there are none. hv_guest_file_pa() is the physical address of a file's page, and
 * hv_guest_ids() the number of interrupt identities of a file. A hart that comes online can lower
 * hv_guest_files(): ask for it when a VM is created, not in kvm_init().
 */
unsigned int hv_guest_files(void);
hpa_t hv_guest_file_pa(unsigned int hart, unsigned int file);
unsigned int hv_guest_ids(void);
/* Store an identity to a file of any hart; its pending bit is set later. Any context. */
void hv_guest_file_send(unsigned int hart, unsigned int file, u32 id);
/*
 * Set the function that is called on a hart, with interrupts off, when a guest external interrupt
 * (IRQ_S_GEXT) is pending there. It must end the interrupt, through hgeie or hie. The host writes
 * neither hie, hgeie nor hstatus.
 */
void hv_guest_irq_set(void (*fn)(void));
/* Make an SBI call to the firmware of this hart. */
struct sbiret hv_sbi_call(unsigned long ext, unsigned long fid, unsigned long a0, unsigned long a1,
			  unsigned long a2, unsigned long a3, unsigned long a4);
/*
 * Execute the SBI remote fence `fid` (SBI_RFENCE_*) on the harts in `harts`, which may include this
 * hart; NULL: on all harts. `start` and `size` are in bytes; a size of ~0UL means all addresses.
 * `id` is the VMID or ASID, if the fence has one.
 */
void hv_remote_fence(unsigned long fid, const struct hv_hartmask *harts, unsigned long start,
		     unsigned long size, unsigned long id);

/*
 * True if every hart has this ISA extension ("sstc", "zba", "v", ...), according to the device
 * tree. `name` must be a string constant: the host may cache the result by the string's address.
 */
bool hv_isa_has(const char *name);
/* The block size of "zicbom", "zicbop" or "zicboz" in bytes; 0 if a hart lacks the extension. */
unsigned int hv_cbo_block_size(const char *which);

/*
 * This hart's FP unit, which the core's guests share with user programs. hv_fp_take(): the unit
 * belongs to `owner` from now on. The calling thread's user registers are saved if they are dirty,
 * and are restored before user code uses them again. hv_fp_is_of(): true if nothing else has been
 * loaded into the unit since `owner` took it.
 */
void hv_fp_take(const void *owner);
bool hv_fp_is_of(const void *owner);
/*
 * This hart's vector unit. On the bare-metal host, only the core uses it. On Linux, user programs
 * use it as well, and so does the kernel itself while interrupts are on. hv_vector_take(): the core
 * is about to load the registers of the calling thread's vCPU. The thread's user registers are
 * saved if they are dirty, and are restored before user code uses them again. From then on, the
 * unit is the core's until the host calls kvm_vector_release().
 */
void hv_vector_take(void);

/* ---- time ---------------------------------------------------------------- */

static inline u64 hv_time(void); /* ticks of the time CSR */
unsigned long hv_timebase_hz(void);

struct hv_timer {
	void (*fn)(struct hv_timer *timer); /* in interrupt context on some hart; must not sleep */
	union {
		struct {
			u64 deadline; /* the host's while armed */
			struct list_head link;
			unsigned int armed; /* 0: not armed */
		};
		u64 opaque[11]; /* as large as any host's */
	};
};

void hv_timer_init(struct hv_timer *timer, void (*fn)(struct hv_timer *timer));
void hv_timer_start(struct hv_timer *timer, u64 deadline); /* re-arms the timer if it is armed */
/* When this returns, fn is not running and will not run. Must not be called from fn itself. */
void hv_timer_cancel(struct hv_timer *timer);

/*
 * Used while the event `sample` is on. If the host's timer has requested a sample that has not been
 * taken yet, record that the hart was at `pc` and in `mode` (enum sample_mode) at the time of the
 * request.
 */
void hv_sample(unsigned int mode, unsigned long pc);

/* ---- files ---------------------------------------------------------------- */

/*
 * The core's operations on a file descriptor. Any member may be NULL. Without ioctl, mmap_page or
 * read, the operation fails with -ENOTTY, -ENODEV or -EINVAL respectively.
 */
struct hv_file_ops {
	int (*open)(void **priv); /* only for a device node: /dev/kvm */
	long (*ioctl)(void *priv, unsigned int cmd, unsigned long arg); /* may sleep */
	/*
	 * Optional: return 0 if pages [first, first + pages) may be mapped in this way, or -errno.
	 */
	int (*mmap_check)(void *priv, u64 first, u64 pages, bool shared, bool exec);
	int (*mmap_page)(void *priv, u64 page_index, hpa_t *pa);    /* -EINVAL beyond the end */
	long (*read)(void *priv, hva_t buf, size_t size, u64 *pos); /* may sleep */
	void (*release)(void *priv); /* the last reference is gone; may sleep */
};

/*
 * Create a file descriptor (O_CLOEXEC) in the calling process, and return it. If the function
 * returns -errno, the caller keeps priv: release() is not called.
 */
int hv_file_create(const char *name, const struct hv_file_ops *ops, void *priv);

struct hv_event;                                   /* an eventfd of a user process */
int hv_event_get(int fd, struct hv_event **event); /* -EBADF: not open; -EINVAL: not an eventfd */
void hv_event_put(struct hv_event *event);
void hv_event_signal(struct hv_event *event, u64 count); /* any context */

/*
 * fn is called each time the eventfd is signaled, and with `closed` set when its last descriptor
 * has been closed; after that, the eventfd is no longer watched. fn returns true if it has taken
 * the event, as a read() would. fn may be called in any context, under the eventfd's lock, so it
 * must not sleep or call hv_event_*().
 */
struct hv_event_watch {
	bool (*fn)(struct hv_event_watch *watch, bool closed);
	struct list_head link; /* the host's */
};

/*
 * Returns 1 if the eventfd has been signaled and not been read yet (its count stays), 0 if not, -EBUSY
 * if the eventfd is already watched (an event has one receiver), or -EBADF if it has been closed.
 */
int hv_event_watch(struct hv_event *event, struct hv_event_watch *watch);
/*
 * If the eventfd is watched by this watch, end that, and take its signals as a read() would. After
 * the return, fn is not running and will not be called, even if the eventfd had been closed.
 */
void hv_event_unwatch(struct hv_event *event, struct hv_event_watch *watch);

/* ---- parameters, log ----------------------------------------------------- */

/*
 * A named setting: on the bare-metal host, boot argument kvm.NAME=VALUE and
 * /sys/module/kvm/parameters/NAME; on Linux, parameter NAME of the module. set() gets a NUL-terminated
 * value without a newline; if set() returns -EINVAL, the setting is unchanged.
 */
struct hv_param {
	const char *name;
	int (*get)(const struct hv_param *param, char *buf, size_t size);
	int (*set)(const struct hv_param *param, const char *value);
	void *data;
};

int hv_param_register(const struct hv_param *param);

/*
 * The VM of this number has got its name, or ends (name: NULL). For a host that keeps a folder for
 * each VM. May sleep.
 */
void hv_debug_vm(unsigned int vm, const char *name);

/*
 * Write a line to the host's log. Rate-limited, so that a guest or a VMM cannot flood it. Any
 * context.
 */
void hv_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- accessors ------------------------------------------------------------- */

#include "hv/csr.h"

static inline u64 hv_time(void)
{
	return csr_time();
}

#endif
