// SPDX-License-Identifier: MIT
/*
 * one_vm.h - the fixture of most native tests: one VM, and a check that it leaks nothing.
 *
 * The VM is `vm`. A test that needs a VM other than one_vm_ready()'s makes it with the fixtures of
 * native.h. TEST(claim) uses the including file's `setup`. Include this file after the core's
 * headers: some have parameters called vm, which would shadow this variable (-Wshadow).
 */
#ifndef NATIVE_ONE_VM_H
#define NATIVE_ONE_VM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "native.h"

#define ONE_VM_HARTS 8 /* harts of the machine, in tests that load vCPUs on several */

static struct native_vm vm;

/*
 * Make a VM with memory and an unloaded vCPU 0 at pc. `isa` names the extensions; if it is NULL,
 * the VM has those of native_reset().
 */
static inline int one_vm_ready(const char *isa, gva_t pc)
{
	native_reset();
	native_harts_set(ONE_VM_HARTS);
	if (isa)
		native_isa_set(isa);
	native_core_start();
	native_vm_make(&vm, 0);
	vcpu_put(vm.vcpu);
	vm.vcpu->guest.sepc = pc;
	return 0;
}

static inline int one_vm_end(void **state)
{
	(void)state;
	native_guest = NULL;
	native_signal_hook = NULL;
	native_fence_hook = NULL;
	native_signal_set(false);
	native_vm_free(&vm);
	native_user_exit();
	assert_int_equal(native_objects_in_use(), 0);
	assert_int_equal(native_maps_in_use(), 0);
	assert_int_equal(native_pages_in_use(), 0);
	assert_int_equal(native_pmu_prepared(), 0);
	assert_int_equal(native_missed_wakes, 0);
	return 0;
}

/*
 * End the guest's run: the host interrupts the guest because of a signal, and KVM_RUN returns
 * -EINTR.
 */
static inline void host_interrupt(void)
{
	native_signal_set(true);
	native_trap(&(struct hv_trap){ .scause = CAUSE_IRQ_FLAG | IRQ_S_TIMER });
}

#define TEST(claim) cmocka_unit_test_setup_teardown(claim, setup, one_vm_end)

#endif
