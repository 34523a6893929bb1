// SPDX-License-Identifier: MIT
/*
 * watchdog.c - end a guest that does nothing but take faults in its own trap handler.
 *
 * A guest in such a loop (because stvec is invalid, the handler's stack is gone, ...) never exits
 * to user space. Therefore, every vCPU is kicked out of KVM_RUN a few times per period, and its
 * registers are sampled. A sample is suspicious if the last trap was a fault in the first
 * instructions of the trap handler, and pc is between the handler's start and the faulting
 * instruction. If all samples of a period are suspicious and show the same fault, the guest has done
 * nothing else during the period, because any other trap or interrupt would have changed sepc and
 * scause.
 *
 * A guest that took this fault only once and now waits in its handler has the same registers. So
 * before the last sample, the watchdog changes stval, which each fault sets again (S §1.9). If it
 * still has the changed value at the last sample, it is restored, and the guest is not ended.
 *
 * A guest that computes, waits, or spins on purpose is not ended.
 */
#include "vmm.h"

/* The fault must be within this many bytes after stvec. */
#define HANDLER_START 256

/*
 * A mask of the scause values that are faults (Priv. spec, S §1.8): those of fetches, illegal
 * instructions, loads and stores, but not those of ecall and ebreak.
 */
#define FAULTS ((1ul << 1) | (1ul << 2) | (0xful << 4) | (1ul << 12) | (1ul << 13) | (1ul << 15))

static bool suspicious(const struct trap_sample *now)
{
	unsigned long handler = now->stvec & ~3ul;

	return now->scause < 16 && (FAULTS >> now->scause & 1) &&
	       now->sepc - handler < HANDLER_START && now->pc - handler <= now->sepc - handler;
}

static bool same_fault(const struct trap_sample *a, const struct trap_sample *b)
{
	return a->stvec == b->stvec && a->sepc == b->sepc && a->scause == b->scause;
}

/* If stval is an address, it stays in the same page when this bit is changed. */
#define STVAL_CHANGE 1ul

/* Restore stval if the vCPU has not taken a trap since it was changed. Returns true in this case. */
static bool restore_stval(struct vcpu *vcpu)
{
	struct trap_sample now;

	if (!vcpu->stval_changed)
		return false;
	vcpu->stval_changed = false;
	registers_sample(vcpu, &now);
	if (!same_fault(&now, &vcpu->sample) || now.stval != (vcpu->sample.stval ^ STVAL_CHANGE))
		return false;
	registers_set_stval(vcpu, vcpu->sample.stval);
	return true;
}

/*
 * Sample the vCPU's registers, and count consecutive suspicious samples with the same fault. Called
 * by the vCPU's own thread, outside KVM_RUN.
 */
void watchdog_sample(struct vcpu *vcpu)
{
	bool waits = restore_stval(vcpu);
	struct trap_sample now;

	registers_sample(vcpu, &now);
	if (waits || !suspicious(&now))
		atomic_store(&vcpu->suspicions, 0);
	else if (same_fault(&now, &vcpu->sample))
		atomic_fetch_add(&vcpu->suspicions, 1);
	else
		atomic_store(&vcpu->suspicions, 1);
	vcpu->sample = now;
	if (atomic_load(&vcpu->suspicions) == WATCHDOG_SAMPLES - 1) {
		registers_set_stval(vcpu, now.stval ^ STVAL_CHANGE);
		vcpu->stval_changed = true;
	}
}

/*
 * Begin a new period. Called by the vCPU's own thread before it parks: the registers may be saved or
 * printed then.
 */
void watchdog_forget(struct vcpu *vcpu)
{
	restore_stval(vcpu);
	atomic_store(&vcpu->suspicions, 0);
}

/*
 * Report raised interrupt lines again, which KVM may have forgotten (plic.c:update_again()). Stop the
 * machine if the last WATCHDOG_SAMPLES samples of a vCPU were suspicious and showed the
 * same fault; otherwise, request new samples. Called by the main thread, WATCHDOG_SAMPLES times per
 * period.
 */
void watchdog_tick(struct machine *m)
{
	irqchip_report(m);
	for (unsigned int i = 0; i < m->options.vcpus; i++) {
		struct vcpu *vcpu = &m->vcpus[i];

		if (atomic_load(&vcpu->suspicions) >= WATCHDOG_SAMPLES) {
			complain("vCPU %u loops: its trap handler at 0x%lx faults at once (scause "
				 "%lu)",
				 i, vcpu->sample.stvec & ~3UL, vcpu->sample.scause);
			machine_stop(m, STOP_WATCHDOG, STATUS_WATCHDOG);
			return;
		}
		atomic_store(&vcpu->sample_wanted, true);
		vcpu_kick(vcpu);
	}
}
