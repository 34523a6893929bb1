// SPDX-License-Identifier: MIT
/*
 * switch_full.c - everything that is the guest's leaves the hart at every exit (switch=full).
 *
 * How hypervisors began: between two runs of a guest the hart is the host's, to the last
 * register. VS CSRs, hgatp, timer, interrupts, counters, FP and vector registers go to memory, what
 * the host shares with the guest comes back, and all of it returns for the next run. The other
 * variant is to leave it where it is until another thread wants the hart (vcpu.c): exit_dispatch()
 * follows the world switch directly.
 *
 * The state returns in front of the handler, not in front of the entry: handlers look at the
 * guest's CSRs in the hart (inject.c, wfi.c, unpriv.c), in both variants. As often as it leaves, it
 * returns; where in between changes no count. An exit that the fast path finishes is none to either.
 *
 * On entry: SIE = 0, the vCPU is loaded, its mode OUTSIDE; the trap's CSRs have been read.
 */
#include "exit/exit.h"
#include "kvm.h"

int exit_handle_full(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	vcpu_reload(vcpu);
	return exit_dispatch(vcpu, trap);
}
