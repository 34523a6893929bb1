// SPDX-License-Identifier: MIT
/*
 * memory.c - show where guest physical memory has page faults, and the sizes of the leaves written.
 *
 * The memory slots come from kvm_memslot. That event belongs to the VMM, so its record has no VM:
 * the slot is assigned to the VM that was created last. If the events that describe the memory are
 * missing (overwritten or not chosen), the aligned 1 GiB region that contains a leaf is used as its
 * slot.
 */
#include "html.h"

#define SZ_GIB      (1ULL << 30)
#define NR_LEVELS   4
#define NEW_SLOT    (~0ULL)
#define FETCH_FAULT 20
#define LOAD_FAULT  21

static struct html_memory *slot_at(struct html_run *run, u32 vm, u64 gpa)
{
	for (unsigned int i = 0; i < run->nr_memory; i++)
		if (run->memory[i].vm == vm && gpa >= run->memory[i].gpa &&
		    gpa - run->memory[i].gpa < run->memory[i].size)
			return &run->memory[i];
	return NULL;
}

static struct html_memory *add(struct html_run *run, u32 vm, u64 slot, u64 gpa, u64 size)
{
	struct html_memory *memory;

	for (unsigned int i = 0; i < run->nr_memory; i++) /* set again, perhaps with other flags */
		if (run->memory[i].vm == vm && run->memory[i].gpa == gpa &&
		    run->memory[i].size == size)
			return &run->memory[i];
	if (run->nr_memory == HTML_SLOTS)
		return NULL;
	memory = &run->memory[run->nr_memory++];
	*memory = (struct html_memory){ .vm = vm, .slot = slot, .gpa = gpa, .size = size };
	memory->cell = PAGE_SIZE;
	while ((size - 1) / memory->cell >= HTML_CELLS)
		memory->cell *= 2;
	return memory;
}

static unsigned int cell_of(const struct html_memory *memory, u64 gpa)
{
	return (unsigned int)((gpa - memory->gpa) / memory->cell);
}

/* Ignore faults outside known memory slots: they are device accesses, or precede the first leaf. */
static void add_fault(struct html_run *run, u32 vm, u64 gpa, u64 scause)
{
	struct html_memory *memory = slot_at(run, vm, gpa);

	if (!memory)
		return;
	memory->faults[scause == FETCH_FAULT ? 0 : scause == LOAD_FAULT ? 1 : 2]++;
	memory->cell_faults[cell_of(memory, gpa)]++;
}

static void add_leaf(struct html_run *run, u32 vm, u64 gpa, u64 level)
{
	struct html_memory *memory = slot_at(run, vm, gpa);
	unsigned int first, last;
	u64 size;

	if (level >= NR_LEVELS)
		return;
	if (!memory)
		memory = add(run, vm, NEW_SLOT, gpa & ~(SZ_GIB - 1), SZ_GIB);
	if (!memory)
		return;
	size = PAGE_SIZE << (9 * level);
	memory->leaves[level]++;
	first = cell_of(memory, gpa);
	last = size - 1 > memory->size - 1 - (gpa - memory->gpa)
		       ? (unsigned int)((memory->size - 1) / memory->cell)
		       : cell_of(memory, gpa + size - 1);
	for (unsigned int i = first; i <= last; i++)
		memory->cell_levels[i] |= 1U << level;
}

void html_memory_event(struct html_run *run, const struct html_event *event)
{
	u32 vm = TRACE_VM_OF(event->who);

	switch (event->kind) {
	case HTML_CREATE_VM:
		run->vm_made = (u32)event->arg[0];
		break;
	case HTML_MEMSLOT:
		if (event->arg[2]) /* size 0 deletes the slot */
			add(run, run->vm_made, event->arg[0], event->arg[1], event->arg[2]);
		break;
	case HTML_PAGE_FAULT:
		add_fault(run, vm, event->arg[0], event->arg[1]);
		break;
	case HTML_MAP:
		add_leaf(run, vm, event->arg[0], event->arg[1]);
		break;
	default:
		break;
	}
}
