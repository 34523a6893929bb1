// SPDX-License-Identifier: MIT
/*
 * work.c - what Linux does for a thread on its way to user space, done before it enters a guest.
 *
 * This file includes Linux's KVM headers, whose names the core uses as well.
 */
#include <linux/version.h>
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#include <linux/entry-kvm.h>
#include <linux/kvm_host.h>
#else
#include <linux/entry-virt.h>
#endif
#include "work.h"

void do_thread_work(void)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
	/* Before 6.18, a signal is also recorded in the vCPU, of which the core has its own kind. */
	static struct kvm_run run;
	static struct kvm_vcpu vcpu = { .run = &run };

	xfer_to_guest_mode_handle_work(&vcpu);
#else
	xfer_to_guest_mode_handle_work();
#endif
}
