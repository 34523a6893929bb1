// SPDX-License-Identifier: MIT
/*
 * enable.c - reserve the harts' H extension, which kvm.ko uses as well; CPU hotplug, idle states,
 * suspend, reboot.
 *
 * The H CSRs of all harts belong to one hypervisor. Linux has one CPU hotplug state for it, which
 * kvm.ko sets up when it is loaded or, with its parameter enable_virt_at_load=0, when it creates its
 * first VM. This module sets up the same state with its own first VM. Linux refuses a state that is
 * in use, so whoever comes second gets -EBUSY.
 */
#include <linux/cpu.h>
#include <linux/cpu_pm.h>
#include <linux/cpuhotplug.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>
#include <asm/hwcap.h>
#include <asm/insn-def.h>
#include <asm/sbi.h>
#include "linux.h"

static DEFINE_MUTEX(users_mutex);
/* Open files of the core, and calls of KVM_CREATE_VM in progress. Protected by users_mutex. */
static unsigned int nr_users;

/*
 * Harts on which the existing VMs must not run: they have fewer G-stage modes, VMIDs or guest
 * interrupt files than a VM may use, or another VLEN. The first attempt to bring such a hart online
 * lowers the limits for later VMs, so without this mask, a second attempt would find nothing wrong.
 * Emptied with the last VM. Changed only by the hotplug callbacks, and by disable() after it has
 * removed them.
 */
static struct cpumask unfit;

/*
 * Harts that come out of an idle state call this at any time, so there is a lock. Linux has no handler
 * for guest external interrupts, which the core enables in hie for a host that sleeps in hv_idle(). While
 * kvm.ko looks how many bits hgeie has, one may be pending.
 */
static bool hart_enable(void)
{
	static DEFINE_RAW_SPINLOCK(lock);
	unsigned long flags;
	bool same;

	raw_spin_lock_irqsave(&lock, flags);
	same = imsic_hart_init();
	same &= kvm_hart_init();
	csr_write(CSR_HIE, 0);
	raw_spin_unlock_irqrestore(&lock, flags);
	return same;
}

static void hart_enable_here(void *unused)
{
	hart_enable();
}

/*
 * Leave the CSRs as kvm.ko leaves them, and drop all translations: kvm.ko numbers its VMIDs itself,
 * so a VM of kvm.ko may get the VMID of one of ours. Conversely, kvm_hart_init() drops the translations
 * that kvm.ko left, and those that fences missed while the hart was offline.
 */
static void hart_disable(void *unused)
{
	asm volatile(HFENCE_GVMA(zero, zero) : : : "memory");
	csr_write(CSR_HIE, 0);
	csr_write(CSR_HVIP, 0);
	csr_write(CSR_VSIE, 0);
	csr_write(CSR_HEDELEG, 0);
	csr_write(CSR_HIDELEG, 0);
	if (riscv_isa_extension_available(NULL, SSAIA))
		csr_write(CSR_HVIEN, 0);
}

/* While VMs exist, Linux keeps a hart offline on which they must not run. */
static int hart_online(unsigned int cpu)
{
	if ((!hart_enable() && READ_ONCE(nr_users)) || !vector_hart_fits())
		cpumask_set_cpu(cpu, &unfit);
	if (!cpumask_test_cpu(cpu, &unfit))
		return 0;
	hart_disable(NULL);
	pr_err("hyperscope: CPU %u stays offline while VMs exist: it has fewer G-stage modes, "
	       "VMIDs or guest interrupt files than those before it, or another VLEN\n",
	       cpu);
	return -EOPNOTSUPP;
}

static int hart_offline(unsigned int cpu)
{
	hart_disable(NULL);
	return 0;
}

/*
 * The hart may have lost its CSRs in an idle state (SBI §9, non-retentive suspend). It runs Linux's
 * idle thread, so no vCPU is loaded.
 */
static int hart_idled(struct notifier_block *self, unsigned long event, void *unused)
{
	if (event == CPU_PM_EXIT)
		hart_enable();
	return NOTIFY_OK;
}

static struct notifier_block idle_notifier = { .notifier_call = hart_idled };

#ifndef HAVE_REGISTER_SYSCORE
#define SYSCORE_ARGUMENT void
#else
#define SYSCORE_ARGUMENT void *data
#endif

/* Suspend stops the other harts by hotplug; the last one is stopped here. */
static int suspend(SYSCORE_ARGUMENT)
{
	hart_disable(NULL);
	time_suspend();
	return 0;
}

static void resume(SYSCORE_ARGUMENT)
{
	time_resume();
	hart_enable();
}

/* Before a reboot, or another kernel (kexec). */
static void shut_down(SYSCORE_ARGUMENT)
{
	on_each_cpu(hart_disable, NULL, 1);
}

static struct syscore_ops syscore_ops = {
	.suspend = suspend,
	.resume = resume,
	.shutdown = shut_down,
};

#ifndef HAVE_REGISTER_SYSCORE
#define syscore            syscore_ops
#define register_syscore   register_syscore_ops
#define unregister_syscore unregister_syscore_ops
#else
static struct syscore syscore = { .ops = &syscore_ops };
#endif

/* After hart_offline() has run in a thread of each hart, none is in hart_idled() any more. */
static void disable(void)
{
	unregister_syscore(&syscore);
	cpu_pm_unregister_notifier(&idle_notifier);
	cpuhp_remove_state(CPUHP_AP_KVM_ONLINE);
	cpumask_clear(&unfit);
}

static int enable(void)
{
	int err = cpuhp_setup_state(CPUHP_AP_KVM_ONLINE, "hyperscope:online", hart_online,
				    hart_offline);

	if (err)
		return err;
	register_syscore(&syscore);
	cpu_pm_register_notifier(&idle_notifier);
	/* A hart may have lost its CSRs between hart_online() and the registration. */
	on_each_cpu(hart_enable_here, NULL, 1);
	if (system_state > SYSTEM_RUNNING) { /* shut_down() may have been called already */
		disable();
		return -EBUSY;
	}
	return 0;
}

int harts_use(void)
{
	int err;

	mutex_lock(&users_mutex);
	err = nr_users ? 0 : enable();
	if (!err)
		WRITE_ONCE(nr_users, nr_users + 1);
	mutex_unlock(&users_mutex);
	return err;
}

void harts_unuse(void)
{
	mutex_lock(&users_mutex);
	WRITE_ONCE(nr_users, nr_users - 1);
	if (!nr_users)
		disable();
	mutex_unlock(&users_mutex);
}

/*
 * kvm_init() finds out what the first hart can do, and kvm_hart_init() what all harts can do. Both
 * write H CSRs, so the harts are reserved meanwhile. hart_online() is not registered here, because it
 * calls kvm_hart_init(), which must come after kvm_init().
 */
int harts_probe(void)
{
	int cpu, err;

	/* Without H, hart_offline() must not be called; Linux's remote fences need RFENCE. */
	if (!hv_isa_has("h") || sbi_probe_extension(SBI_EXT_RFENCE) <= 0)
		return -ENODEV;
	err = cpuhp_setup_state_nocalls(CPUHP_AP_KVM_ONLINE, "hyperscope:probe", NULL,
					hart_offline);
	if (err)
		return err;
	vector_probe();
	kernel_param_lock(THIS_MODULE); /* kvm_init() reads values that were written earlier */
	enter_core();
	err = kvm_init();
	leave_core();
	kernel_param_unlock(THIS_MODULE);
	if (err) { /* no hart has been enabled */
		cpuhp_remove_state_nocalls(CPUHP_AP_KVM_ONLINE);
		return err;
	}
	cpus_read_lock();
	for_each_online_cpu(cpu)
		smp_call_function_single(cpu, hart_enable_here, NULL, 1);
	cpus_read_unlock();
	cpuhp_remove_state(CPUHP_AP_KVM_ONLINE); /* calls hart_offline() on each hart */
	return 0;
}
