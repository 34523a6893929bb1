// SPDX-License-Identifier: MIT
/*
 * vmid_vms.h - VMs that each have their own page at the same address, for test_vmid*.c.
 */
#ifndef NATIVE_VMID_VMS_H
#define NATIVE_VMID_VMS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "native.h"

#define GPA 0x80000000ULL
#define HVA NATIVE_USER_BASE
#define VMS 6

static struct native_vm vms[VMS];

/* Make all of vms[]. VM i has its own page at GPA, whose first word is 1000 + i. */
static inline void make_only_vms(void)
{
	unsigned int i;

	native_user_map(HVA, VMS * 0x10000, 0);
	for (i = 0; i < VMS; i++) {
		native_vm_open(&vms[i]);
		assert_int_equal(native_set_slot(vms[i].vm, 0, GPA, 0x10000, HVA + i * 0x10000, 0),
				 0);
		*(u64 *)native_user(HVA + i * 0x10000) = 1000 + i;
		vms[i].vcpu = native_vcpu_make(&vms[i], 0);
	}
}

static inline void free_vms(void)
{
	unsigned int i;

	for (i = 0; i < VMS; i++)
		native_vm_free(&vms[i]);
	native_user_exit();
	assert_int_equal(native_objects_in_use(), 0);
}

static inline void make_vms(unsigned int vmid_bits, unsigned int harts)
{
	native_reset();
	native_harts_set(harts);
	native_hgatp_set(1 << SATP_MODE_SV39, vmid_bits);
	native_core_start();
	make_only_vms();
}

#endif
