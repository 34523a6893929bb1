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
	/*
	 * Before 6.18, this function also records a signal in a struct kvm_vcpu of kvm.ko. The core has
	 * a struct of its own, so nothing reads this one.
	 */
	static struct kvm_run run;
	static struct kvm_vcpu vcpu = { .run = &run };

	xfer_to_guest_mode_handle_work(&vcpu);
#else
	xfer_to_guest_mode_handle_work();
#endif
}
