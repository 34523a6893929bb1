// SPDX-License-Identifier: MIT
/*
 * deep_idle.c - a module for Linux that acts as an idle state in which a hart loses its CSRs: on each hart,
 * a thread tells Linux's notifiers so (CPU_PM), and writes other values to the CSRs of hypervisors and
 * guests meanwhile. QEMU and OpenSBI have no such state. The parameter `idled` counts.
 */
#include <linux/cpu_pm.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <asm/csr.h>

static unsigned int pause = 300; /* in us, at least, between two idle states of a hart */
module_param(pause, uint, 0444);
static ulong idled;
module_param(idled, ulong, 0444);

static_assert(IS_ENABLED(CONFIG_CPU_PM)); /* or nobody would restore the CSRs */

static struct task_struct *threads[NR_CPUS];

static void lose_csrs(void)
{
	csr_write(CSR_HSTATUS, 0);
	csr_write(CSR_HEDELEG, 0);
	csr_write(CSR_HIDELEG, 0);
	csr_write(CSR_HIE, 0);
	csr_write(CSR_HGEIE, 0);
	csr_write(CSR_HVIP, 0);
	csr_write(CSR_HCOUNTEREN, 0);
	csr_write(CSR_HENVCFG, 0);
	csr_write(CSR_HTIMEDELTA, 0);
	csr_write(CSR_HGATP, 0);
	csr_write(CSR_VSSTATUS, 0);
	csr_write(CSR_VSIE, 0);
	csr_write(CSR_VSTVEC, 0);
	csr_write(CSR_VSSCRATCH, 0);
	csr_write(CSR_VSEPC, 0);
	csr_write(CSR_VSCAUSE, 0);
	csr_write(CSR_VSTVAL, 0);
	csr_write(CSR_VSATP, 0);
	csr_write(CSR_VSTIMECMP, 0);
}

static int idle(void *unused)
{
	unsigned long flags;

	while (!kthread_should_stop()) {
		local_irq_save(flags);
		if (!cpu_pm_enter()) {
			lose_csrs();
			cpu_pm_exit();
			WRITE_ONCE(idled, idled + 1); /* approximate */
		}
		local_irq_restore(flags);
		usleep_range(pause, 3 * pause);
	}
	return 0;
}

static void stop_all(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) if (threads[cpu]) kthread_stop(threads[cpu]);
}

static int __init deep_idle_init(void)
{
	struct task_struct *thread;
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		thread = kthread_create_on_cpu(idle, NULL, cpu, "deep_idle/%u");
		if (IS_ERR(thread)) {
			stop_all();
			return PTR_ERR(thread);
		}
		threads[cpu] = thread;
		wake_up_process(thread);
	}
	return 0;
}

module_init(deep_idle_init);
module_exit(stop_all);
MODULE_DESCRIPTION("An idle state in which harts lose their CSRs, for tests of hypervisors");
MODULE_LICENSE("Dual MIT/GPL");
