/* SPDX-License-Identifier: MIT */
/*
 * lab10.h - more registers of --logdev, for the tests of lab 10 (lab10.c)
 *
 * The functions are weak: without lab10.c there are no such registers.
 */
#ifndef VMM_LAB10_H
#define VMM_LAB10_H

#include "vmm.h"

#define LAB10 0x100 /* offset of the first register */

__attribute__((weak)) u64 lab10_read(u64 offset);
__attribute__((weak)) void lab10_write(struct machine *m, u64 offset, u64 value);
/* Called after kvm_call() has made an ioctl that succeeded. */
__attribute__((weak)) void lab10_kvm_did(unsigned long request);
/*
 * lab10_get_reg() is called before KVM_GET_ONE_REG; if it returns true, *value is the answer and
 * the ioctl is not made. lab10_set_reg() is called before KVM_SET_ONE_REG. lab10_list_regs() is
 * called instead of KVM_GET_REG_LIST, and returns 0 or -errno.
 */
__attribute__((weak)) bool lab10_get_reg(u64 id, void *value);
__attribute__((weak)) void lab10_set_reg(int vcpu_fd, u64 id);
__attribute__((weak)) int lab10_list_regs(int vcpu_fd, struct kvm_reg_list *list);

#endif
