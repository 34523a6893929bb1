// SPDX-License-Identifier: MIT
/*
 * vector.c - a vCPU's vector state in memory, and in a hart's vector unit.
 *
 * A vCPU has memory for v0 to v31 whenever the harts have V, even if the VMM has removed V from the
 * vCPU: until the vCPU first runs, the VMM can add V again.
 */
#include <string.h>
#include "kvm_asm.h"
#include "request.h"
#include "vcpu/fp.h"
#include "vcpu/nested.h"
#include "vcpu/vector.h"

static unsigned int vlenb; /* written once, by vector_init() */
/*
 * For each hart, the vCPU whose values its vector unit holds; used on that hart only. NULL after
 * the host may have used the unit (kvm_vector_release()). For the FP unit, hv_fp_is_of() tells
 * this.
 */
static const struct kvm_vcpu *unit_of[HV_MAX_HARTS];

void vector_init(void)
{
	if (!hv_isa_has("v"))
		return;
	csr_set(sstatus, SSTATUS_VS);
	vlenb = (unsigned int)csr_read(vlenb);
	csr_clear(sstatus, SSTATUS_VS);
}

unsigned int vector_vlenb(void)
{
	return vlenb;
}

int vector_vcpu_init(struct kvm_vcpu *vcpu)
{
	if (!vlenb)
		return 0;
	vcpu->vector.regs = hv_alloc(32UL * vlenb);
	return vcpu->vector.regs ? 0 : -ENOMEM;
}

void vector_vcpu_destroy(struct kvm_vcpu *vcpu)
{
	hv_free(vcpu->vector.regs);
}

void vector_reset(struct kvm_vcpu *vcpu)
{
	u8 *regs = vcpu->vector.regs;

	vcpu->vector = (struct vector_state){ .regs = regs };
	if (regs)
		memset(regs, 0, 32UL * vlenb);
}

void vector_restore(struct kvm_vcpu *vcpu)
{
	unsigned int hart = hv_hart();

	hv_vector_take();
	vector_restore_regs(&vcpu->vector);
	unit_of[hart] = vcpu;
	vcpu->vector_hart = hart;
	vector_set_state(vcpu, FS_CLEAN);
	if (trace_kvm_vector_enabled())
		trace_kvm_vector(1, vcpu->loaded && !vcpu->put_pending);
}

void vector_save(struct kvm_vcpu *vcpu)
{
	vector_save_regs(&vcpu->vector);
	vector_set_state(vcpu, FS_OFF);
	trace_kvm_vector(0, false);
}

void vector_save_clean(struct kvm_vcpu *vcpu)
{
	vector_save_csrs(&vcpu->vector); /* for the same reason as with fcsr: see fp.h */
	vector_set_state(vcpu, FS_OFF);
}

bool vector_is_resident(const struct kvm_vcpu *vcpu)
{
	return vcpu->vector_hart == hv_hart() && unit_of[hv_hart()] == vcpu;
}

/*
 * A variant without first_use() never enters the guest without its registers. lazy_trap loads them
 * again only if the guest has changed them since they were loaded: it then expects the next use to
 * be near, as at a load. A request that is pending when the vCPU is put remains pending, so a
 * preemption does not change this.
 */
void kvm_vector_release(void)
{
	struct hv_sched_hook *hook = hv_sched_hook_get();
	struct kvm_vcpu *vcpu;

	hv_pin();
	unit_of[hv_hart()] = NULL;
	hv_unpin();
	if (!hook)
		return;
	vcpu = container_of(hook, struct kvm_vcpu, sched_hook);
	if (vector_state(vcpu) == FS_OFF)
		return;
	if (!vcpu->fp_ops->first_use || vector_state(vcpu) == FS_DIRTY)
		vcpu_set_request(vcpu, REQ_VECTOR);
	if (vcpu->has_h)
		nested_mark_dirty(vcpu);
	if (vcpu->fp_ops == &fp_eager_ops)
		vector_save(vcpu); /* eager does not rely on VS */
	else
		vector_save_changed(vcpu);
	if (vcpu->fp_ops->first_use)
		fp_delegate(vcpu);
}

void vector_reload(struct kvm_vcpu *vcpu)
{
	hv_pin();
	/* Otherwise, the vCPU has been put and loaded meanwhile, or the unit is Off for L2. */
	if (vector_is_disabled(vcpu) && !vcpu->nested.units_put) {
		vector_restore(vcpu);
		if (vcpu->fp_ops->first_use)
			fp_delegate(vcpu);
	}
	hv_unpin();
}
