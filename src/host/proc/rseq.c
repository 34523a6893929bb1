// SPDX-License-Identifier: MIT
/*
 * rseq.c - restartable sequences: tell a thread its hart, and abort what a switch interrupted.
 *
 * A thread registers an area (struct rseq). Before it returns to user mode after it was switched
 * in, the kernel stores the hart's number there. If the area then names a critical section that
 * contains the pc, the thread continues at the section's abort address. A signal aborts a section,
 * too, before the handler's frame is written, so that the handler returns to the abort address.
 *
 * The scheduler sets sig.rseq_due (sched_finish_switch()), and trap.c calls rseq_update() until it
 * is clear: the update itself may fault, sleep and continue on another hart. User memory cannot be
 * accessed where the switch happens, because the thread may hold locks there.
 *
 * As on Linux, an area or a section that cannot be used ends the process with SIGSEGV; no handler
 * could return, because the same check would fail again. The values and the order of the checks
 * are those of Linux 6.12. Only the thread itself uses its struct thread_rseq.
 */
#include <linux/errno.h>
#include <linux/rseq.h>
#include <asm-generic/signal.h>
#include "hv/bits.h"
#include "lib/printk.h"
#include "mm/uaccess.h"
#include "process.h"
#include "process_impl.h"
#include "syscall.h"

#define AREA_SIZE_MIN 32 /* the first version's size, with padding */

#define FIELD(area, name) ((area) + __builtin_offsetof(struct rseq, name))

/*
 * A concurrency id has to be unique among the running threads of a process: the hart's number is.
 */
static int write_ids(unsigned long area, u32 start, u32 cpu, u32 mm_cid)
{
	const u32 node = 0;

	if (put_user(start, FIELD(area, cpu_id_start)) < 0 ||
	    put_user(cpu, FIELD(area, cpu_id)) < 0 || put_user(node, FIELD(area, node_id)) < 0)
		return -EFAULT;
	return put_user(mm_cid, FIELD(area, mm_cid));
}

static int clear_section(unsigned long area)
{
	const u64 none = 0;

	return put_user(none, FIELD(area, rseq_cs));
}

/* Read and check the section at `at`. Returns 0, -EFAULT or -EINVAL. */
static int read_section(u64 at, struct rseq_cs *cs)
{
	u64 end;
	u32 sig;

	if (at >= USER_END)
		return -EINVAL;
	if (copy_from_user(cs, at, sizeof(*cs)) < 0)
		return -EFAULT;
	end = cs->start_ip + cs->post_commit_offset;
	if (cs->start_ip >= USER_END || end >= USER_END || cs->abort_ip >= USER_END || cs->version)
		return -EINVAL;
	if (end < cs->start_ip || cs->abort_ip - cs->start_ip < cs->post_commit_offset)
		return -EINVAL;
	/* The signature: a section that an attacker made up must not jump to just any code. */
	if (get_user(sig, cs->abort_ip - sizeof(sig)) < 0)
		return -EFAULT;
	return sig == current->rseq.sig ? 0 : -EINVAL;
}

static int abort_section(struct trap_frame *frame, unsigned long area)
{
	struct rseq_cs cs;
	u32 flags;
	u64 at;
	int err;

	if (get_user(at, FIELD(area, rseq_cs)) < 0)
		return -EFAULT;
	if (!at)
		return 0;
	err = read_section(at, &cs);
	if (err)
		return err;
	if (frame->epc - cs.start_ip >= cs.post_commit_offset)
		return clear_section(area);
	/* Flags that once prevented an abort are no longer supported. */
	if (get_user(flags, FIELD(area, flags)) < 0)
		return -EFAULT;
	if (flags || cs.flags)
		return -EINVAL;
	err = clear_section(area);
	if (!err)
		frame->epc = cs.abort_ip;
	return err;
}

static void end_process(const struct trap_frame *frame)
{
	if (READ_ONCE(current->sig.kill))
		return;
	printk_limited("host: %s (%d): invalid restartable sequence: area 0x%lx, pc 0x%lx\n",
		       current->name, current->tid, current->rseq.area, frame->epc);
	process_end(current_process, SIGSEGV);
}

bool rseq_abort(struct trap_frame *frame)
{
	if (!current->rseq.area || !abort_section(frame, current->rseq.area))
		return true;
	end_process(frame);
	return false;
}

void rseq_update(struct trap_frame *frame)
{
	unsigned long area = current->rseq.area;
	u32 hart = this_hart();

	/* Clear it first: if the thread is switched again below, the update has to be repeated. */
	WRITE_ONCE(current->sig.rseq_due, false);
	if (!write_ids(area, hart, hart, hart) && !abort_section(frame, area))
		return;
	/* A signal can end an access (userfaultfd): handle the signal first, then try again. */
	if (thread_signal_pending(current))
		WRITE_ONCE(current->sig.rseq_due, true);
	else
		end_process(frame);
}

void rseq_reset(void)
{
	current->rseq = (struct thread_rseq){ 0 };
	WRITE_ONCE(current->sig.rseq_due, false);
}

/* For a call that names the registered area: 0, -EINVAL or -EPERM. */
static int check_same(unsigned long area, u32 len, u32 sig)
{
	const struct thread_rseq *own = &current->rseq;

	if (!own->area || area != own->area || len != own->len)
		return -EINVAL;
	return sig == own->sig ? 0 : -EPERM;
}

static long unregister(unsigned long area, u32 len, u32 sig)
{
	int err = check_same(area, len, sig);

	if (err)
		return err;
	if (write_ids(area, 0, (u32)RSEQ_CPU_ID_UNINITIALIZED, 0) < 0)
		return -EFAULT;
	rseq_reset();
	return 0;
}

/*
 * rseq(area, len, flags, sig). A length other than the first version's has to have all fields, in
 * an area aligned as AT_RSEQ_ALIGN says, which is the first version's alignment.
 */
long sys_rseq(struct trap_frame *frame)
{
	unsigned long area = frame->a0;
	u32 len = (u32)frame->a1, flags = (u32)frame->a2, sig = (u32)frame->a3;

	if (flags & RSEQ_FLAG_UNREGISTER)
		return flags & ~RSEQ_FLAG_UNREGISTER ? -EINVAL : unregister(area, len, sig);
	if (flags)
		return -EINVAL;
	if (current->rseq.area) {
		int err = check_same(area, len, sig);

		return err ? err : -EBUSY;
	}
	if (len < AREA_SIZE_MIN || !IS_ALIGNED(area, __alignof__(struct rseq)))
		return -EINVAL;
	if (area > USER_END - len || clear_section(area) < 0)
		return -EFAULT;
	current->rseq = (struct thread_rseq){ .area = area, .len = len, .sig = sig };
	WRITE_ONCE(current->sig.rseq_due, true);
	return 0;
}
