// SPDX-License-Identifier: MIT
/*
 * stats.h - tables of the counters, shared by stats.c and stats_debug.c.
 */
#ifndef KVM_STATS_H
#define KVM_STATS_H

#include "kvm.h"

/* A counter of struct vcpu_stats or struct vm_stats: `size` words at byte `offset`. */
struct stat_row {
	const char *name;
	u32 flags; /* KVM_STATS_* */
	s16 exponent;
	u16 size;
	u32 offset;
};

enum {
#define VCPU_STAT(name, kind) VCPU_STAT_##name,
#define VM_STAT(name, kind)
#include "stats.def"
#undef VCPU_STAT
#undef VM_STAT
	VCPU_STAT_COUNT
};

enum {
#define VCPU_STAT(name, kind)
#define VM_STAT(name, kind) VM_STAT_##name,
#include "stats.def"
#undef VCPU_STAT
#undef VM_STAT
	VM_STAT_COUNT
};

extern const struct stat_row vcpu_stat_rows[VCPU_STAT_COUNT];
extern const struct stat_row vm_stat_rows[VM_STAT_COUNT];

int stats_create_vm_fd(struct kvm *vm);
int stats_create_vcpu_fd(struct kvm_vcpu *vcpu);

/* stats_debug.c: show the VM in /sys/kernel/debug/kvm as THREAD-FD, until the VM is freed. */
void stats_vm_show(struct kvm *vm, int fd);

#endif
