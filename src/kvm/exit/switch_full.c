// SPDX-License-Identifier: MIT
/*
 * switch_full.c - move all guest state out of the hart at every exit (switch=full).
 *
 * The first hypervisors worked like this: between two runs of a guest, every register of the hart
 * is the host's. VS CSRs, hgatp, timer, interrupts, counters, FP and vector registers are saved to
 * memory, the CSRs that the host shares with the guest get the host's values back, and all of the
 * guest's state is loaded again for the next run. In the other variant (switch=minimal), the state
 * stays in the hart until another thread wants the hart (vcpu.c), and exit_dispatch() directly
 * follows the world switch.
 *
 * The state is loaded again before the handler, not before the entry, because handlers read the
 * guest's CSRs in the hart (inject.c, wfi.c, unpriv.c) in both variants. This order does not change
 * how often the state moves: it is saved and loaded once for each exit. An exit that the fast path
 * finishes does not move this state in either variant.
 *
 * On entry: SIE = 0, the vCPU is loaded, its mode is OUTSIDE, and the trap's CSRs have been read.
 */
#include "exit/exit.h"
#include "kvm.h"

int exit_handle_full(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	vcpu_reload(vcpu);
	return exit_dispatch(vcpu, trap);
}
