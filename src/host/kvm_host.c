// SPDX-License-Identifier: MIT
/*
 * kvm_host.c - hv/host.h on the bare-metal host: functions that merely wrap others.
 *
 * The other functions of hv/host.h are in the files of their subjects: user pages and notifiers in
 * mm.c, timers in clock.c, FP in fpu.c, counters in pmu.c, signals in signal.c, events in
 * eventfd.c, files in kvm_file.c, parameters in sysfs.c, samples in trace_sample.c, ISA in isa.c.
 */
#include <string.h>
#include "sched/clock.h"
#include "hv/host.h"
#include "mm/page.h"
#include "lib/printk.h"
#include "platform/sbi.h"
#include "proc/process.h"
#include "sched/insn.h"
#include "sched/smp.h"
#include "mm/uaccess.h"
#include "sched/wait.h"

/* ---- memory ---- */

hpa_t hv_pages_alloc(unsigned int order)
{
	return page_alloc_zeroed(order);
}

void hv_pages_free(hpa_t pa, unsigned int order)
{
	page_free(pa, order);
}

void *hv_page_map(hpa_t pa)
{
	return pa_to_va(pa);
}

void hv_page_unmap(void *va)
{
	(void)va; /* the linear map is always there */
}

void *hv_alloc(size_t size)
{
	return kmalloc(size);
}

void hv_free(void *p)
{
	kfree(p);
}

int hv_copy_from_user(void *dst, hva_t src, size_t size)
{
	return copy_from_user(dst, src, size);
}

int hv_copy_to_user(hva_t dst, const void *src, size_t size)
{
	return copy_to_user(dst, src, size);
}

int hv_clear_user(hva_t dst, size_t size)
{
	return clear_user(dst, size);
}

int hv_copy_to_user_nofault(hva_t dst, const void *src, size_t size)
{
	return copy_to_user_nofault(dst, src, size);
}

/* ---- sleeping ---- */

_Static_assert(sizeof(struct mutex) <= sizeof(struct hv_mutex), "hv_mutex is too small");
_Static_assert(sizeof(struct waitq) <= sizeof(struct hv_waitq), "hv_waitq is too small");

static struct mutex *mutex_of(struct hv_mutex *m)
{
	return (struct mutex *)m;
}

static struct waitq *waitq_of(struct hv_waitq *wq)
{
	return (struct waitq *)wq;
}

void hv_mutex_init(struct hv_mutex *m)
{
	mutex_init(mutex_of(m));
}

void hv_mutex_lock(struct hv_mutex *m)
{
	mutex_lock(mutex_of(m));
}

int hv_mutex_lock_killable(struct hv_mutex *m)
{
	return mutex_lock_killable(mutex_of(m));
}

bool hv_mutex_trylock(struct hv_mutex *m)
{
	return mutex_trylock(mutex_of(m));
}

void hv_mutex_unlock(struct hv_mutex *m)
{
	mutex_unlock(mutex_of(m));
}

void hv_waitq_init(struct hv_waitq *wq)
{
	waitq_init(waitq_of(wq));
}

void hv_waitq_destroy(struct hv_waitq *wq)
{
	BUG_ON(!list_empty(&waitq_of(wq)->entries));
}

int hv_wait(struct hv_waitq *wq, bool (*cond)(void *arg), void *arg)
{
	return wait_event_interruptible(waitq_of(wq), cond(arg));
}

void hv_wait_uninterruptible(struct hv_waitq *wq, bool (*cond)(void *arg), void *arg)
{
	wait_event(waitq_of(wq), cond(arg));
}

void hv_wake_all(struct hv_waitq *wq, struct hv_kicks *kicks)
{
	waitq_wake_gather(waitq_of(wq), kicks);
}

bool hv_signal_pending(void)
{
	return thread_signal_pending(current);
}

bool hv_resched_needed(void)
{
	return need_resched();
}

bool hv_hart_wanted(void)
{
	return hart_is_wanted();
}

bool hv_host_needed(void)
{
	return need_resched() || thread_signal_pending(current);
}

void hv_resched(void)
{
	irq_poll();
	schedule();
}

void hv_cond_resched(void)
{
	irq_window();
}

int hv_thread_id(void)
{
	return current->tid;
}

u64 hv_run_delay_ns(void)
{
	return ticks_to_ns(current->wait_time);
}

void hv_sched_hook_set(struct hv_sched_hook *hook)
{
	current->hook = hook;
}

struct hv_sched_hook *hv_sched_hook_get(void)
{
	return current->hook;
}

/* The interrupt makes the hook's thread call schedule() if it runs on `hart` (sched_ipi()). */
void hv_sched_hook_request_out(struct hv_sched_hook *hook, unsigned int hart)
{
	__atomic_store_n(&hook->out_requested, true, __ATOMIC_SEQ_CST);
	ipi_send(hart);
}

void hv_sched_hook_destroy(struct hv_sched_hook *hook)
{
	(void)hook;
}

/* ---- harts ---- */

unsigned int hv_hart(void)
{
	return this_hart();
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
	ipi_send(hart);
}

void hv_harts_kick(const struct hv_hartmask *mask)
{
	ipi_send_mask(mask);
}

void hv_handle_interrupt(unsigned long scause)
{
	irq_handle(scause);
}

bool hv_poll_interrupts(void)
{
	irq_poll();
	return !need_resched() && !hart_is_wanted();
}

bool hv_idle(void)
{
	return sched_idle_here();
}

struct sbiret hv_sbi_call(unsigned long ext, unsigned long fid, unsigned long a0, unsigned long a1,
			  unsigned long a2, unsigned long a3, unsigned long a4)
{
	return sbi_call(ext, fid, a0, a1, a2, a3, a4);
}

void hv_remote_fence(unsigned long fid, const struct hv_hartmask *mask, unsigned long start,
		     unsigned long size, unsigned long id)
{
	sbi_remote_fence(fid, mask, start, size, id);
}

void hv_cpu_relax(void)
{
	pause_hint();
}

/* ---- log ---- */

void hv_log(const char *fmt, ...)
{
	char line[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	printk_limited("%s%s", line, line[0] && strchr(line, '\n') ? "" : "\n");
}
