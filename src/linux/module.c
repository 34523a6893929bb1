// SPDX-License-Identifier: MIT
/*
 * module.c - load and unload the module.
 */
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include "linux.h"

/* on_each_cpu() calls this with interrupts off. */
static void hart_init(void *unused)
{
	kvm_hart_init();
}

static int __init hyperscope_init(void)
{
	int err;

	hv_hartmask_words = hartmask_words_for(nr_cpu_ids);
	enter_core();
	err = kvm_init();
	leave_core();
	if (err)
		return err;
	on_each_cpu(hart_init, NULL, 1);
	preempt_notifier_inc();
	err = file_init();
	if (err)
		preempt_notifier_dec();
	return err;
}

static void __exit hyperscope_exit(void)
{
	file_exit();
	preempt_notifier_dec();
}

module_init(hyperscope_init);
module_exit(hyperscope_exit);
MODULE_DESCRIPTION("hyperscope: an instrumented hypervisor");
MODULE_LICENSE("Dual MIT/GPL");
