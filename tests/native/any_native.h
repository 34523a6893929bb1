// SPDX-License-Identifier: MIT
/*
 * any_native.h - interface between the native machine of the random VMM (any_native.c) and its guest
 * (any_guest.c).
 */
#ifndef NATIVE_ANY_NATIVE_H
#define NATIVE_ANY_NATIVE_H

#include "native.h"
#include "any_vmm_impl.h"
#include "hv/sbi.h"

/* The guest (native_guest). It traps any_entries_left times, and then by a timer interrupt. */
void any_guest(struct kvm_vcpu *vcpu);
extern unsigned int any_entries_left;
/* The guest of env_run(): any_guest(), or one that also counts any_entries_left down. */
extern void (*any_run_guest)(struct kvm_vcpu *vcpu);

#endif
