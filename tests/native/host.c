// SPDX-License-Identifier: MIT
/*
 * host.c - hv/host.h on pthreads: harts, locks, waiting, timers and the log.
 *
 * Memory is in host_memory.c, files and parameters in host_file.c.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "native.h"
#include "native_host.h"

/* ---- harts -------------------------------------------------------------------- */

static __thread unsigned int this_hart;
static __thread u32 signal_pending;   /* other threads may set it (native_signal_word()) */
static __thread const char *no_sleep; /* why sleeping is forbidden; NULL if it is allowed */
static unsigned int nr_harts = 1;
static u32 kicked[HV_MAX_HARTS];
static char isa_names[256];

void native_hart_set(unsigned int hart)
{
	this_hart = hart;
}

void native_harts_set(unsigned int count)
{
	nr_harts = count;
}

bool native_kicked(unsigned int hart)
{
	return __atomic_exchange_n(&kicked[hart], 0, __ATOMIC_SEQ_CST);
}

void (*native_signal_hook)(void);
void (*native_fence_hook)(void);
void (*native_poll_hook)(void);

void native_signal_set(bool pending)
{
	__atomic_store_n(&signal_pending, pending, __ATOMIC_SEQ_CST);
}

u32 *native_signal_word(void)
{
	return &signal_pending;
}

static bool has_signal(void)
{
	return __atomic_load_n(&signal_pending, __ATOMIC_SEQ_CST);
}

void native_no_sleep(const char *why)
{
	no_sleep = why;
}

void native_may_sleep(const char *what)
{
	if (no_sleep)
		hv_panic("native host: %s in %s\n", what, no_sleep);
}

void native_isa_set(const char *names)
{
	snprintf(isa_names, sizeof(isa_names), " %s ", names);
}

unsigned int hv_hart(void)
{
	return this_hart;
}

unsigned int hv_nr_harts(void)
{
	return nr_harts;
}

unsigned int hv_nr_online_harts(void)
{
	return nr_harts;
}

void hv_hart_kick(unsigned int hart)
{
	__atomic_store_n(&kicked[hart], 1, __ATOMIC_SEQ_CST);
}

void hv_handle_interrupt(unsigned long scause)
{
	(void)scause;
}

bool native_firmware_fwft, native_firmware_delegates;

struct sbiret hv_sbi_call(unsigned long ext, unsigned long fid, unsigned long a0, unsigned long a1,
			  unsigned long a2, unsigned long a3, unsigned long a4)
{
	(void)a2, (void)a3, (void)a4;
	if (!native_firmware_fwft)
		return (struct sbiret){ .error = SBI_ERR_NOT_SUPPORTED };
	if (ext == SBI_EXT_BASE && fid == SBI_BASE_PROBE_EXTENSION)
		return (struct sbiret){ .value = a0 == SBI_EXT_FWFT };
	if (ext != SBI_EXT_FWFT || a0 != SBI_FWFT_MISALIGNED)
		return (struct sbiret){ .error = SBI_ERR_NOT_SUPPORTED };
	if (fid == SBI_FWFT_SET)
		native_firmware_delegates = a1;
	return (struct sbiret){ .value = native_firmware_delegates };
}

void hv_remote_fence(unsigned long fid, const struct hv_hartmask *harts, unsigned long start,
		     unsigned long size, unsigned long id)
{
	if (fid != SBI_RFENCE_REMOTE_HFENCE_GVMA_VMID)
		hv_panic("native host: unexpected SBI remote fence; vCPUs fence themselves\n");
	__atomic_fetch_add(&native_fences.remote_gvma, 1, __ATOMIC_RELAXED);
	native_tlb_remote_fence(harts, start, size, id);
}

bool hv_isa_has(const char *name)
{
	char word[64];

	snprintf(word, sizeof(word), " %s ", name);
	return strstr(isa_names, word) != NULL;
}

unsigned int hv_cbo_block_size(const char *which)
{
	return hv_isa_has(which) ? 64 : 0;
}

/* ---- threads -------------------------------------------------------------------- */

bool hv_signal_pending(void)
{
	if (native_signal_hook)
		native_signal_hook();
	return has_signal();
}

bool hv_poll_interrupts(void)
{
	if (native_poll_hook)
		native_poll_hook();
	return true;
}

u32 native_hart_wanted;

bool hv_resched_needed(void)
{
	return __atomic_load_n(&native_hart_wanted, __ATOMIC_SEQ_CST);
}

bool hv_host_needed(void)
{
	bool wanted = hv_resched_needed();

	return hv_signal_pending() || wanted;
}

void hv_resched(void)
{
	struct hv_sched_hook *left;

	native_may_sleep("hv_resched()");
	left = native_hook_out();
	if (native_wait_hook)
		native_wait_hook(true);
	sched_yield();
	if (native_wait_hook)
		native_wait_hook(false);
	native_hook_in(left);
}

void hv_cond_resched(void)
{
	native_may_sleep("hv_cond_resched()");
	hv_poll_interrupts();
	if (hv_resched_needed())
		hv_resched();
}

int hv_thread_id(void)
{
	return (int)getpid();
}

static __thread u64 run_delay_ns;

void native_run_delay_set(u64 ns)
{
	run_delay_ns = ns;
}

u64 hv_run_delay_ns(void)
{
	return run_delay_ns;
}

void hv_sigmask_begin(u64 set)
{
	(void)set;
}

void hv_sigmask_end(void)
{
}

void native_migrate(unsigned int hart)
{
	struct hv_sched_hook *left = native_hook_out();
	this_hart = hart;
	native_hook_in(left);
}

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(struct hv_mutex), "hv_mutex is large enough");

static pthread_mutex_t *mutex(struct hv_mutex *m)
{
	return (pthread_mutex_t *)m->opaque;
}

void hv_mutex_init(struct hv_mutex *m)
{
	pthread_mutex_init(mutex(m), NULL);
}

void hv_mutex_lock(struct hv_mutex *m)
{
	native_may_sleep("a mutex is taken");
	pthread_mutex_lock(mutex(m));
}

int hv_mutex_lock_killable(struct hv_mutex *m)
{
	hv_mutex_lock(m);
	return 0;
}

bool hv_mutex_trylock(struct hv_mutex *m)
{
	return pthread_mutex_trylock(mutex(m)) == 0;
}

void hv_mutex_unlock(struct hv_mutex *m)
{
	pthread_mutex_unlock(mutex(m));
}

struct waitq {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	u64 wakes;
};

_Static_assert(sizeof(struct waitq) <= sizeof(struct hv_waitq), "hv_waitq is large enough");

unsigned int native_missed_wakes;
void (*native_wait_hook)(bool begins);

static struct waitq *waitq(struct hv_waitq *wq)
{
	return (struct waitq *)wq->opaque;
}

void hv_waitq_init(struct hv_waitq *wq)
{
	pthread_mutex_init(&waitq(wq)->lock, NULL);
	pthread_cond_init(&waitq(wq)->cond, NULL);
}

void hv_waitq_destroy(struct hv_waitq *wq)
{
	pthread_cond_destroy(&waitq(wq)->cond);
	pthread_mutex_destroy(&waitq(wq)->lock);
}

/* Sleep until a wake-up, or for ms milliseconds. Returns true after a wake-up. w->lock is held. */
static bool doze(struct waitq *w, unsigned int ms)
{
	u64 wakes = w->wakes;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (w->wakes == wakes && pthread_cond_timedwait(&w->cond, &w->lock, &until) != ETIMEDOUT)
		;
	return w->wakes != wakes;
}

/*
 * Sleep in short pieces, because a test may change time and signals without a wake-up. Code that
 * makes cond true must wake the sleeper. The wake-up may come a little late, and much later on a
 * busy machine, so it counts as missing only if it has not come after two seconds.
 */
static void sleep_until(struct waitq *w, bool (*cond)(void *arg), void *arg, bool interruptible)
{
	pthread_mutex_lock(&w->lock);
	while (!cond(arg) && !(interruptible && has_signal())) {
		if (doze(w, 1) || !cond(arg))
			continue;
		if (!doze(w, 2000))
			__atomic_fetch_add(&native_missed_wakes, 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&w->lock);
}

static int wait_for(struct hv_waitq *wq, bool (*cond)(void *arg), void *arg, bool interruptible)
{
	struct hv_sched_hook *left;

	native_may_sleep("a wait");
	left = native_hook_out();
	if (native_wait_hook)
		native_wait_hook(true);
	sleep_until(waitq(wq), cond, arg, interruptible);
	if (native_wait_hook)
		native_wait_hook(false);
	native_hook_in(left);
	if (!cond(arg) && interruptible && has_signal())
		return -EINTR;
	return 0; /* cond may be false again */
}

int hv_wait(struct hv_waitq *wq, bool (*cond)(void *arg), void *arg)
{
	return wait_for(wq, cond, arg, true);
}

void hv_wait_uninterruptible(struct hv_waitq *wq, bool (*cond)(void *arg), void *arg)
{
	wait_for(wq, cond, arg, false);
}

void hv_wake_all(struct hv_waitq *wq, struct hv_kicks *kicks)
{
	struct waitq *w = waitq(wq);

	__atomic_fetch_add(&native_single_wakes, !kicks, __ATOMIC_RELAXED);
	pthread_mutex_lock(&w->lock);
	w->wakes++;
	pthread_cond_broadcast(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

/* ---- time -------------------------------------------------------------------------- */

static struct list_head timers = LIST_HEAD_INIT(timers);
static pthread_mutex_t timers_lock = PTHREAD_MUTEX_INITIALIZER;

unsigned long hv_timebase_hz(void)
{
	return 10000000;
}

void hv_timer_init(struct hv_timer *timer, void (*fn)(struct hv_timer *timer))
{
	*timer = (struct hv_timer){ .fn = fn };
	list_init(&timer->link);
}

void hv_timer_start(struct hv_timer *timer, u64 deadline)
{
	pthread_mutex_lock(&timers_lock);
	if (timer->armed)
		list_del(&timer->link);
	timer->deadline = deadline;
	timer->armed = true;
	list_add_tail(&timer->link, &timers);
	pthread_mutex_unlock(&timers_lock);
}

/* The timer whose function runs now; hv_timer_cancel() on another thread waits until it returns. */
static struct hv_timer *timer_running;
static __thread bool in_timer;

void hv_timer_cancel(struct hv_timer *timer)
{
	pthread_mutex_lock(&timers_lock);
	while (timer_running == timer && !in_timer) {
		pthread_mutex_unlock(&timers_lock);
		sched_yield();
		pthread_mutex_lock(&timers_lock);
	}
	if (timer->armed)
		list_del(&timer->link);
	timer->armed = false;
	pthread_mutex_unlock(&timers_lock);
}

static struct hv_timer *timer_take_due(u64 now)
{
	struct hv_timer *timer, *due = NULL;

	pthread_mutex_lock(&timers_lock);
	list_for_each_entry(timer, &timers, link)
		if (timer->deadline <= now && (!due || timer->deadline < due->deadline))
			due = timer;
	if (due) {
		list_del(&due->link);
		due->armed = false;
	}
	timer_running = due;
	pthread_mutex_unlock(&timers_lock);
	return due;
}

/* Set the time and run the timers that are due. Only one thread may call this at a time. */
void native_time_set(u64 ticks)
{
	struct hv_timer *timer;

	native_clock_set(ticks);
	in_timer = true;
	while ((timer = timer_take_due(ticks)) != NULL)
		timer->fn(timer);
	in_timer = false;
}

/* ---- user memory, on top of host_memory.c ---------------------------------------------------- */

int hv_clear_user(hva_t dst, size_t size)
{
	static const u8 zeroes[PAGE_SIZE];
	size_t at;
	int err = 0;

	for (at = 0; at < size && !err; at += PAGE_SIZE)
		err = hv_copy_to_user(dst + at, zeroes, MIN(size - at, PAGE_SIZE));
	return err;
}

/* ---- log ------------------------------------------------------------------------------ */

/* Format the line, so that the sanitizers check its arguments, and discard it. */
void hv_log(const char *fmt, ...)
{
	char line[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
}

void hv_panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	abort();
}

void native_reset(void)
{
	this_hart = 0;
	native_signal_set(false);
	native_missed_wakes = native_kick_calls = 0;
	native_idle_due = NULL;
	native_wait_hook = NULL;
	native_hart_wanted = 0;
	native_hart_queued = 0;
	no_sleep = NULL;
	native_signal_hook = NULL;
	native_fence_hook = NULL;
	native_poll_hook = NULL;
	native_hooks_reset();
	nr_harts = 1;
	run_delay_ns = 0;
	native_firmware_delegates = false;
	memset(kicked, 0, sizeof(kicked));
	native_isa_set("h sstc svinval zicboz zicbom");
	list_init(&timers);
	native_memory_reset();
	native_icache_reset();
	native_files_reset();
	native_csrs_reset();
	native_tlb_reset();
	native_trace_reset();
	native_switch_reset();
	native_fp_reset();
	native_pmu_reset();
	native_guest_file_reset();
	native_clock_set(1000);
}
