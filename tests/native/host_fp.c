// SPDX-License-Identifier: MIT
/*
 * host_fp.c - the host's user programs, their FP registers, and the owner of each hart's FP unit
 * (see hv_fp_take()); and a host that uses the vector unit.
 *
 * A user is a thread of the host. It runs on one hart at a time, has its FP registers in the unit
 * or in memory (in_unit), and keeps the scheduler's hook of the vCPU that it has loaded, if any.
 */
#include <string.h>
#include "native.h"
#include "native_host.h"

static const void *owner_of[HV_MAX_HARTS];
static bool vector_taken[HV_MAX_HARTS]; /* hv_vector_take() was called since the host's last use */
static __thread struct native_user *current[HV_MAX_HARTS]; /* by hart; NULL: no user */

static void set_owner(const void *owner)
{
	__atomic_store_n(&owner_of[hv_hart()], owner, __ATOMIC_RELAXED);
}

bool hv_fp_is_of(const void *owner)
{
	return __atomic_load_n(&owner_of[hv_hart()], __ATOMIC_RELAXED) == owner;
}

/*
 * Save the user's registers if they are in the unit. Changes to them are not tracked, so they are
 * always saved, as if FS were Dirty.
 */
static void leave_unit(struct native_user *user)
{
	if (user && user->in_unit)
		user->fp = *native_fp_unit();
	if (user)
		user->in_unit = false;
}

void hv_fp_take(const void *owner)
{
	leave_unit(current[hv_hart()]);
	set_owner(owner);
}

struct fp_state *native_user_fp(void)
{
	struct native_user *user = current[hv_hart()];

	if (!user->in_unit) {
		*native_fp_unit() = user->fp;
		set_owner(user);
		user->in_unit = true;
	}
	return native_fp_unit();
}

void native_user_switch(struct native_user *user)
{
	unsigned int hart = hv_hart();
	struct native_user *old = current[hart];

	if (old) {
		old->hook = native_hook_out();
		leave_unit(old);
	}
	current[hart] = user;
	if (user)
		native_hook_in(user->hook);
}

void hv_vector_take(void)
{
	__atomic_store_n(&vector_taken[hv_hart()], true, __ATOMIC_RELAXED);
}

void native_vector_use(u64 values)
{
	struct vector_state *unit = native_vector_unit();

	if (__atomic_exchange_n(&vector_taken[hv_hart()], false, __ATOMIC_RELAXED))
		kvm_vector_release();
	memset(unit->regs, (int)values, 32 * NATIVE_VLENB);
	unit->vl = values >> 8 & 7;
	unit->vcsr = values >> 16 & 7;
}

void native_fp_reset(void)
{
	unsigned int i;

	for (i = 0; i < HV_MAX_HARTS; i++) {
		owner_of[i] = NULL;
		vector_taken[i] = false;
		current[i] = NULL;
	}
}
