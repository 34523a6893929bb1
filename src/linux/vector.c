// SPDX-License-Identifier: MIT
/*
 * vector.c - the vector unit, shared with user programs and with Linux's own vector code.
 *
 * Guests' registers are in a hart's unit only while interrupts are off. With interrupts on, Linux
 * may use vectors at any time, in the thread (a copy to user memory) and in softirqs, and knows
 * nothing of a guest. So before the module switches interrupts on, the core saves the guest's
 * registers (kvm_vector_release()); it loads them again before it enters the guest. Neither a
 * preemption nor an interrupt that puts the vCPU then touches the unit, which may hold Linux's values.
 *
 * The program's registers are saved as if Linux were about to use vectors in the thread: they are in
 * thread.vstate, the status of the thread's frame says that the unit has no newer ones, and
 * TIF_RISCV_V_DEFER_RESTORE makes Linux load them on its way to user space. So signals, ptrace,
 * fork and execve find what they expect.
 *
 * vector_none.c takes the place of this file if Linux is configured without vectors.
 */
#include <linux/percpu.h>
#include <linux/smp.h>
#include <asm/vector.h>
#include "linux.h"

/*
 * A kernel whose own vector code is preemptible may use vectors even while interrupts are off, for
 * example to copy a user's stack for perf at a tracepoint. If the flag RISCV_PREEMPT_V is set, the
 * thread seems to be in such code already, and Linux copies by other means (may_use_simd()). So the
 * flag is set while the unit is the core's. `blocked`: it was set here, and not by Linux itself.
 */
static DEFINE_PER_CPU(bool, blocked);

static void block_linux(void)
{
	u32 *flags = &current->thread.riscv_v_flags;

	if (!IS_ENABLED(CONFIG_RISCV_ISA_V_PREEMPTIVE) || *flags & RISCV_PREEMPT_V)
		return;
	*flags |= RISCV_PREEMPT_V;
	this_cpu_write(blocked, true);
}

static void unblock_linux(void)
{
	if (!this_cpu_read(blocked))
		return;
	/*
	 * If the host trapped meanwhile, for example in perf's code, its trap handler took
	 * RISCV_PREEMPT_V for Linux's own vector code, and may have set the other two flags.
	 */
	current->thread.riscv_v_flags &=
		~(RISCV_PREEMPT_V | RISCV_PREEMPT_V_DIRTY | RISCV_PREEMPT_V_NEED_RESTORE);
	this_cpu_write(blocked, false);
}

/* Also called by hook_in(): the program's registers are then in memory already. */
void hv_vector_take(void)
{
	struct pt_regs *regs = task_pt_regs(current);

	if (__this_cpu_read(units.taken) & VECTOR_TAKEN)
		return;
	riscv_v_vstate_save(&current->thread.vstate, regs);
	riscv_v_vstate_set_restore(current, regs);
	block_linux();
	this_cpu_ptr(&units)->taken |= VECTOR_TAKEN;
}

void vector_give_back(void)
{
	kvm_vector_release();
	unblock_linux();
	this_cpu_ptr(&units)->taken &= ~VECTOR_TAKEN;
}

/* ---- harts of different VLEN ------------------------------------------------------------------ */

static bool differ; /* neither Linux nor guests can use vectors; written before a VM exists */

static bool hart_fits(void)
{
	unsigned long flags;
	bool fits;

	local_irq_save(flags);
	riscv_v_enable();
	fits = csr_read(CSR_VLENB) * 32 == riscv_v_vsize;
	riscv_v_disable();
	local_irq_restore(flags);
	return fits;
}

static void compare_vlen(void *unused)
{
	if (!hart_fits())
		WRITE_ONCE(differ, true);
}

void vector_probe(void)
{
	if (has_vector())
		on_each_cpu(compare_vlen, NULL, 1);
}

bool vector_is_usable(void)
{
	return has_vector() && !differ;
}

bool vector_hart_fits(void)
{
	return !vector_is_usable() || hart_fits();
}
