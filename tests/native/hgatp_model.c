// SPDX-License-Identifier: MIT
/*
 * hgatp_model.c - model which MODEs a hart may have cached translations for, by VMID (H §3.2).
 *
 * A hart may translate speculatively with any value of hgatp (H §2.10). So for each VMID it may
 * have cached translations under every MODE that hgatp has had with this VMID since the last fence
 * for all of the VMID's addresses. A guest may run only if all of these MODEs equal its own: a
 * translation cached under Bare maps a guest physical address to the same host physical address.
 */
#include <string.h>
#include "native.h"
#include "native_host.h"

static struct remembered {
	u16 modes[BIT(14)];     /* by VMID; bit n stands for MODE n */
	unsigned long nr_vmids; /* entries from this VMID on are 0 */
} harts[HV_MAX_HARTS];

static unsigned long vmid_now(void)
{
	return FIELD_GET(HGATP_VMID, csr_read(hgatp));
}

static u16 mode_now(void)
{
	return (u16)BIT(FIELD_GET(HGATP_MODE, csr_read(hgatp)));
}

void native_hgatp_written(void)
{
	struct remembered *here = &harts[hv_hart()];
	unsigned long vmid = vmid_now();

	here->modes[vmid] |= mode_now();
	here->nr_vmids = MAX(here->nr_vmids, vmid + 1);
}

void native_modes_forget(bool any_vmid, unsigned long vmid)
{
	struct remembered *here = &harts[hv_hart()];

	if (any_vmid)
		memset(here->modes, 0, here->nr_vmids * sizeof(here->modes[0]));
	else
		here->modes[vmid] = 0;
	native_hgatp_written(); /* the hart may use the current hgatp again immediately */
}

void native_modes_check(void)
{
	unsigned long vmid = vmid_now();

	if (harts[hv_hart()].modes[vmid] & ~mode_now())
		hv_panic("native MMU: hgatp.MODE was changed for VMID %lu without a fence after "
			 "it\n",
			 vmid);
}

void native_modes_reset(void)
{
	unsigned int hart;

	for (hart = 0; hart < HV_MAX_HARTS; hart++)
		if (harts[hart].nr_vmids)
			memset(&harts[hart], 0, sizeof(harts[hart]));
}
