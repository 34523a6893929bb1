// SPDX-License-Identifier: MIT
/*
 * enable.c - who uses the harts' H extension: this module or kvm.ko; and harts that come and go.
 *
 * The H CSRs of all harts belong to one hypervisor. Linux has one CPU hotplug state for it, which
 * kvm.ko sets up when it is loaded or, with its parameter enable_virt_at_load=0, when it creates its
 * first VM. This module sets up the same state with its own first VM. Linux refuses a state that is
 * in use, so whoever comes second gets -EBUSY.
 */
#include <linux/cpuhotplug.h>
#include <linux/mutex.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>
#include <asm/insn-def.h>
#include "linux.h"

static DEFINE_MUTEX(users_mutex);
static unsigned int nr_users; /* files of VMs and vCPUs; protected by users_mutex */

static void hart_enable(void *unused)
{
	unsigned long flags;

	local_irq_save(flags);
	kvm_hart_init();
	local_irq_restore(flags);
}

/*
 * Leave the CSRs as kvm.ko does, and no translation: kvm.ko numbers its VMIDs itself, so a VM of
 * kvm.ko may get the VMID of one of ours. For the same reason, kvm_hart_init() drops what kvm.ko
 * left, and what fences missed while the hart was offline.
 */
static void hart_disable(void *unused)
{
	asm volatile(HFENCE_GVMA(zero, zero) : : : "memory");
	csr_write(CSR_HIE, 0);
	csr_write(CSR_HVIP, 0);
	csr_write(CSR_VSIE, 0);
	csr_write(CSR_HEDELEG, 0);
	csr_write(CSR_HIDELEG, 0);
}

static int hart_online(unsigned int cpu)
{
	hart_enable(NULL);
	return 0;
}

static int hart_offline(unsigned int cpu)
{
	hart_disable(NULL);
	return 0;
}

/* Suspend stops the other harts by hotplug; the last one is stopped here. */
static int suspend(void)
{
	hart_disable(NULL);
	return 0;
}

static void resume(void)
{
	hart_enable(NULL);
}

/* Before a reboot, or another kernel (kexec). */
static void shut_down(void)
{
	on_each_cpu(hart_disable, NULL, 1);
}

static struct syscore_ops syscore_ops = {
	.suspend = suspend,
	.resume = resume,
	.shutdown = shut_down,
};

int harts_use(void)
{
	int err = 0;

	mutex_lock(&users_mutex);
	if (!nr_users)
		err = cpuhp_setup_state(CPUHP_AP_KVM_ONLINE, "hyperscope:online", hart_online,
					hart_offline);
	if (!err && !nr_users++)
		register_syscore_ops(&syscore_ops);
	mutex_unlock(&users_mutex);
	return err;
}

void harts_unuse(void)
{
	mutex_lock(&users_mutex);
	if (!--nr_users) {
		unregister_syscore_ops(&syscore_ops);
		cpuhp_remove_state(CPUHP_AP_KVM_ONLINE);
	}
	mutex_unlock(&users_mutex);
}

/*
 * kvm_init() finds out what the first hart can do, and kvm_hart_init() what all can do; both write
 * H CSRs. So the harts are held meanwhile, without the callbacks, which are for later.
 */
int harts_probe(void)
{
	int err = cpuhp_setup_state_nocalls(CPUHP_AP_KVM_ONLINE, "hyperscope:probe", NULL,
					    hart_offline);

	if (err)
		return err;
	enter_core();
	err = kvm_init();
	leave_core();
	if (err) { /* a hart without the H extension has no CSRs to reset */
		cpuhp_remove_state_nocalls(CPUHP_AP_KVM_ONLINE);
		return err;
	}
	on_each_cpu(hart_enable, NULL, 1);
	cpuhp_remove_state(CPUHP_AP_KVM_ONLINE); /* calls hart_offline() on each hart */
	return 0;
}
