// SPDX-License-Identifier: MIT
/*
 * module.c - load and unload the module.
 */
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include "linux.h"
#include "trace.h"

static_assert(!IS_ENABLED(CONFIG_PREEMPT_RT), "the core calls Linux with interrupts off");

static int __init hyperscope_init(void)
{
	int err;

	hv_hartmask_words = hartmask_words_for(nr_cpu_ids);
	err = harts_probe();
	if (err == -EBUSY)
		pr_err("hyperscope: kvm.ko has reserved the harts: unload it, or load it with "
		       "enable_virt_at_load=0\n");
	if (err == -ENODEV)
		pr_err("hyperscope: a hart lacks the H extension or a G-stage mode, "
		       "riscv,isa-extensions in the device tree does not list h, "
		       "or the firmware lacks the SBI extension RFENCE\n");
	if (!err)
		err = events_init();
	if (err)
		goto no_events;
	preempt_notifier_inc();
	pmu_init();
	debugfs_init();
	err = file_init();
	if (!err)
		return 0;
	debugfs_exit();
	preempt_notifier_dec();
no_events:
	events_exit(); /* also if it failed: a tracepoint may have been used before */
	return err;
}

static void __exit hyperscope_exit(void)
{
	file_exit();
	debugfs_exit();
	preempt_notifier_dec();
	events_exit();
}

module_init(hyperscope_init);
module_exit(hyperscope_exit);
MODULE_DESCRIPTION("hyperscope: an instrumented hypervisor");
MODULE_LICENSE("Dual MIT/GPL");
