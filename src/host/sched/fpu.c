// SPDX-License-Identifier: MIT
/*
 * fpu.c - the FP unit, shared lazily by threads and vCPUs.
 *
 * While a thread runs, its FP registers are either in the unit of its hart (fp_in_unit is set, and
 * the hart's fp_owner is the thread) or in thread->fp. In the latter case, the thread's FS is Off,
 * and its first FP instruction traps. A thread that has used FP (fp_in_unit) gets its registers
 * back as soon as it is scheduled in. A thread that runs a vCPU does not: the unit may belong to
 * the vCPU, and fp_owner is then the owner that the core passed to hv_fp_take(). Spec: M §1.6 (FS),
 * F §2.
 */
#include "hv/csr.h"
#include "smp.h"

void fp_store(struct fp_state *fp);
void fp_load(const struct fp_state *fp);

static unsigned long frame_fs(const struct trap_frame *frame)
{
	return FIELD_GET(SSTATUS_FS, frame->status);
}

static void set_frame_fs(struct trap_frame *frame, unsigned long fs)
{
	frame->status = (frame->status & ~(SSTATUS_FS | SSTATUS_SD)) | FIELD_PREP(SSTATUS_FS, fs);
}

/*
 * Save t's FP registers if the FS in its frame says that the unit has newer values. t runs on this
 * hart, or did until now.
 */
static void save_if_dirty(struct thread *t)
{
	struct trap_frame *frame = thread_frame(t);

	if (!t->fp_in_unit || frame_fs(frame) != FS_DIRTY)
		return;
	csr_set(sstatus, SSTATUS_FS);
	fp_store(&t->fp);
	csr_clear(sstatus, SSTATUS_FS);
	set_frame_fs(frame, FS_CLEAN);
}

static void leave_unit(struct thread *t)
{
	t->fp_in_unit = false;
	set_frame_fs(thread_frame(t), FS_OFF);
	/* Read once: fpu_thread_exit() on another hart may remove another thread. */
	if (READ_ONCE(my_hart()->fp_owner) == t)
		WRITE_ONCE(my_hart()->fp_owner, NULL);
}

static void enter_unit(struct thread *t)
{
	csr_set(sstatus, SSTATUS_FS);
	fp_load(&t->fp);
	csr_clear(sstatus, SSTATUS_FS);
	t->fp_in_unit = true;
	t->fp_hart = this_hart();
	WRITE_ONCE(my_hart()->fp_owner, t);
	set_frame_fs(thread_frame(t), FS_CLEAN);
}

void fpu_switch_out(struct thread *t)
{
	save_if_dirty(t);
}

void fpu_switch_in(struct thread *t)
{
	/* A vCPU is about to be loaded. It may use the unit; its VMM rarely does. */
	if (t->hook)
		t->fp_in_unit = false;
	if (!t->fp_in_unit)
		set_frame_fs(thread_frame(t), FS_OFF);
	else if (READ_ONCE(my_hart()->fp_owner) != t || t->fp_hart != this_hart())
		enter_unit(t);
}

bool fpu_trap(struct trap_frame *frame)
{
	if (frame_fs(frame) != FS_OFF)
		return false;
	sched_hook_drop(); /* the unit may hold a guest's registers */
	enter_unit(current);
	return true;
}

void fpu_save(struct thread *t)
{
	save_if_dirty(t);
}

void fpu_discard(struct thread *t)
{
	leave_unit(t);
}

void fpu_thread_exit(struct thread *t)
{
	for (unsigned int i = 0; i < nr_harts; i++) {
		const void *owner = t;

		__atomic_compare_exchange_n(&harts[i].fp_owner, &owner, NULL, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
}

void hv_fp_take(const void *owner)
{
	save_if_dirty(current);
	if (current->fp_in_unit)
		leave_unit(current);
	WRITE_ONCE(my_hart()->fp_owner, owner);
}

bool hv_fp_is_of(const void *owner)
{
	return READ_ONCE(my_hart()->fp_owner) == owner;
}

/* User programs find VS Off, and the host has no vector code. */
void hv_vector_take(void)
{
}
