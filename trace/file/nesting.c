// SPDX-License-Identifier: MIT
/*
 * nesting.c - find the level at which a vCPU runs: L1, or L1's guest L2.
 *
 * kvm_nested_vmenter (L1 enters L2) and kvm_nested_vmexit (an exit of L2 is given to L1) change the
 * level. A new vCPU runs L1. A reset of a vCPU has no event, but only L1 executes the hypervisor's
 * instructions that the core emulates. Where records are missing, the level of every vCPU is
 * unknown until its next such event.
 */
#include <stdlib.h>
#include <string.h>
#include "hst.h"

#define SLOTS  4096 /* for vCPUs; a power of two */
#define PROBES 64   /* a vCPU without a free slot among these has no level */
#define BATCH  512

struct vcpu {
	u32 who; /* 0: free */
	u8 level;
	u8 of_exit; /* the level that the last exit left */
};

struct hst_nesting {
	/* Numbers of events and indices of their fields; -1: not in this trace. */
	int vmenter, vmexit, exit, entry, class, create, create_vm, create_vcpu;
	u64 hypervisor_insn; /* its class */
	struct vcpu vcpu[SLOTS];
};

struct hst_nesting *hst_nesting_new(const struct hst_file *file)
{
	struct hst_nesting *nesting = calloc(1, sizeof(*nesting));

	if (!nesting)
		return NULL;
	nesting->vmenter = hst_event_index(file, "kvm_nested_vmenter");
	nesting->vmexit = hst_event_index(file, "kvm_nested_vmexit");
	nesting->exit = hst_event_index(file, "kvm_exit");
	nesting->entry = file->exits.entry;
	nesting->class = hst_event_field(file, nesting->entry, "class");
	nesting->hypervisor_insn = file->exits.slot[EXIT_H_INSN];
	nesting->create = hst_event_index(file, "kvm_create_vcpu");
	nesting->create_vm = hst_event_needs(file, &nesting->create, "vm_id");
	nesting->create_vcpu = hst_event_needs(file, &nesting->create, "vcpu_id");
	return nesting;
}

void hst_nesting_forget(struct hst_nesting *nesting)
{
	memset(nesting->vcpu, 0, sizeof(nesting->vcpu));
}

static struct vcpu *vcpu_of(struct hst_nesting *nesting, u32 who)
{
	u32 at = who * 2654435761U >> 20;

	for (u32 i = 0; i < PROBES; i++, at++) {
		struct vcpu *vcpu = &nesting->vcpu[at % SLOTS];

		if (!vcpu->who)
			vcpu->who = who;
		if (vcpu->who == who)
			return vcpu;
	}
	return NULL;
}

static void create(struct hst_nesting *nesting, const u64 *arg)
{
	u32 vm = TRACE_VM_OF((u32)arg[nesting->create_vm]);
	struct vcpu *vcpu = vm ? vcpu_of(nesting, vm | (u32)arg[nesting->create_vcpu] << 16) : NULL;

	if (vcpu)
		*vcpu = (struct vcpu){ .who = vcpu->who, .level = 1 };
}

unsigned int hst_nesting_event(struct hst_nesting *nesting, const struct hst_seen *seen)
{
	int nr = (int)seen->event_nr;
	struct vcpu *vcpu;
	unsigned int level;

	if (nr == nesting->create)
		create(nesting, seen->record->arg);
	vcpu = TRACE_VM_OF(seen->record->who) ? vcpu_of(nesting, seen->record->who) : NULL;
	if (!vcpu)
		return 0;
	if (nr == nesting->entry && nesting->class >= 0 && vcpu->of_exit == 2 &&
	    seen->record->arg[nesting->class] == nesting->hypervisor_insn)
		vcpu->level = 1;
	level = vcpu->level;
	if (nr == nesting->exit) {
		vcpu->of_exit = vcpu->level;
	} else if (nr == nesting->vmenter) {
		level = 1;
		vcpu->level = 2;
	} else if (nr == nesting->vmexit) {
		level = 2;
		vcpu->level = 1;
	}
	return level;
}

static bool is_on(const struct hst_file *file, int event)
{
	return event >= 0 && hst_was_on(file, (unsigned int)event);
}

/* Set *found if the hart has a record with a change of level. Returns -1 on an error. */
static int find_l2(struct hst_file *file, unsigned int hart, int vmenter, int vmexit, bool *found)
{
	static struct trace_record batch[BATCH];
	u64 count = file->ring[hart].count;

	for (u64 from = 0; from < count && !*found; from += BATCH) {
		size_t n = count - from < BATCH ? (size_t)(count - from) : BATCH;

		if (hst_read(file, hart, from, batch, n))
			return -1;
		for (size_t i = 0; i < n; i++) {
			int nr = (int)TRACE_EVENT_OF(batch[i].seq_event);

			*found |= nr == vmenter || nr == vmexit;
		}
	}
	return 0;
}

int hst_find_l2(struct hst_file *file, bool *found)
{
	int vmenter = hst_event_index(file, "kvm_nested_vmenter");
	int vmexit = hst_event_index(file, "kvm_nested_vmexit");

	*found = false;
	if (!is_on(file, vmenter) && !is_on(file, vmexit))
		return 0;
	for (unsigned int hart = 0; hart < HST_MAX_HARTS && !*found; hart++)
		if (find_l2(file, hart, vmenter, vmexit, found))
			return -1;
	return 0;
}
