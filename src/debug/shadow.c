// SPDX-License-Identifier: MIT
/*
 * shadow.c - search a vCPU's shadow tables for pages in the quarantine (mapped.c).
 *
 * This is done whenever the vCPU's thread has served REQ_SHADOW, which is before its next entry. A page
 * that another thread takes back meanwhile is freed only after the vCPU has got another REQ_SHADOW.
 */
#include "check.h"
#include "mmu/shadow.h"
#include "request.h"

void __real_shadow_serve(struct kvm_vcpu *vcpu);
void __wrap_shadow_serve(struct kvm_vcpu *vcpu);

bool debug_shadow_pending(const struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests) & BIT(REQ_SHADOW);
}

/* A forgotten table (hgatp is 0) is dropped before it is used again. */
void __wrap_shadow_serve(struct kvm_vcpu *vcpu)
{
	const struct shadow_table *table;

	__real_shadow_serve(vcpu);
	if (!vcpu->shadow)
		return;
	for_each_shadow_table(table, vcpu->shadow)
	{
		if (table->hgatp)
			debug_check_shadow(vcpu, &table->gstage);
	}
}
