// SPDX-License-Identifier: MIT
/*
 * hart.c - harts: kicks, remote fences, firmware calls, idling. A hart's index is its CPU number.
 */
#include <linux/cpumask.h>
#include <linux/kprobes.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/sched/stat.h>
#include <linux/smp.h>
#include <asm/processor.h>
#include <asm/vdso/processor.h>
#include "linux.h"

unsigned int hv_hartmask_words = 1;

unsigned int __kprobes hv_hart(void)
{
	return smp_processor_id();
}

unsigned int hv_nr_harts(void)
{
	return nr_cpu_ids;
}

unsigned int hv_nr_online_harts(void)
{
	return num_online_cpus();
}

/* The reschedule interrupt does nothing on the target but end its guest's run. */
void __kprobes hv_hart_kick(unsigned int hart)
{
	const struct trap_csrs csrs = trap_csrs_save();

	arch_smp_send_reschedule(hart);
	trap_csrs_restore(&csrs);
}

void __kprobes hv_harts_kick(const struct hv_hartmask *harts)
{
	const struct trap_csrs csrs = trap_csrs_save();
	unsigned int hart;

	hartmask_for_each(hart, harts)
		arch_smp_send_reschedule(hart);
	trap_csrs_restore(&csrs);
}

/*
 * The interrupt is pending, and is taken as soon as interrupts are on. If it is the tick, PF_VCPU
 * makes Linux count the time since the last tick as the guest's (not on CPUs of nohz_full=). A guest
 * does not read data that RCU protects, so its exit is a quiescent state, as a program's trap is. The
 * interrupt may also be a counter's, or have made another thread ready on this hart.
 */
void hv_handle_interrupt(unsigned long scause)
{
	struct hv_sched_hook *hook;

	check_not_pinned();
	preempt_disable(); /* this thread must not be switched out with the flag set */
	current->flags |= PF_VCPU;
	interrupts_on();
	enter_core();
	current->flags &= ~PF_VCPU;
	preempt_enable();
	rcu_virt_note_context_switch();
	pmu_report_overflows();
	hook = hv_sched_hook_get();
	if (hook && hook->wanted && hv_hart_wanted())
		hook->wanted(hook);
}

/* Also called by notifiers, which Linux may have called with spinlocks held. */
bool hv_poll_interrupts(void)
{
	interrupts_on();
	enter_core();
	return !(read_thread_flags() & RESCHED_FLAGS) && single_task_running();
}

/* Linux idles in its own idle thread. */
bool hv_idle(void)
{
	return false;
}

struct sbiret hv_sbi_call(unsigned long ext, unsigned long fid, unsigned long a0, unsigned long a1,
			  unsigned long a2, unsigned long a3, unsigned long a4)
{
	return sbi_ecall(ext, fid, a0, a1, a2, a3, a4, 0);
}

void hv_remote_fence(unsigned long fid, const struct hv_hartmask *harts, unsigned long start,
		     unsigned long size, unsigned long id)
{
	struct cpumask some;
	const struct cpumask *mask = cpu_online_mask;
	unsigned int hart;

	if (harts) {
		cpumask_clear(&some);
		hartmask_for_each(hart, harts)
			if (hart < nr_cpu_ids && cpu_online(hart))
				cpumask_set_cpu(hart, &some);
		if (cpumask_empty(&some))
			return;
		mask = &some;
	}
	switch (fid) {
	case SBI_EXT_RFENCE_REMOTE_FENCE_I:
		sbi_remote_fence_i(mask);
		break;
	case SBI_EXT_RFENCE_REMOTE_HFENCE_GVMA_VMID:
		sbi_remote_hfence_gvma_vmid(mask, start, size, id);
		break;
	case SBI_EXT_RFENCE_REMOTE_HFENCE_GVMA:
		sbi_remote_hfence_gvma(mask, start, size);
		break;
	case SBI_EXT_RFENCE_REMOTE_HFENCE_VVMA_ASID:
		sbi_remote_hfence_vvma_asid(mask, start, size, id);
		break;
	case SBI_EXT_RFENCE_REMOTE_HFENCE_VVMA:
		sbi_remote_hfence_vvma(mask, start, size);
		break;
	default:
		panic("hyperscope: remote fence %lu", fid);
	}
}

void __kprobes hv_cpu_relax(void)
{
	cpu_relax();
}

/* ---- log --------------------------------------------------------------------------------- */

void __kprobes hv_log(const char *fmt, ...)
{
	static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 10);
	const struct trap_csrs csrs = trap_csrs_save();
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	if (__ratelimit(&limit)) {
		va_start(args, fmt);
		vaf.va = &args;
		pr_info("hyperscope: %pV", &vaf);
		va_end(args);
	}
	trap_csrs_restore(&csrs);
}
