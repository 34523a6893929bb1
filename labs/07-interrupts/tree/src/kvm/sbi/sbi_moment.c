// SPDX-License-Identifier: MIT
/*
 * sbi_moment.c - make an interrupt arrive at the worst moment, as often as a test needs it. This
 * file is complete: there is nothing to write here.
 *
 * By chance, a vCPU's entry loses the race with a sender only once in a million entries. With this
 * extension, the guest chooses at which moment of its own vCPU's entry a sender intervenes: at
 * these moments run.c and wfi.c call irq_moment_comes(), which does what the sender's thread would
 * do then. Each full fence of run.c and request.c is also such a moment, and so is each atomic
 * change in irq.c (irq_step.h).
 *
 * Functions (the caller is the vCPU that calls them):
 *
 *   0  arm moment a0
 *   1  lower the caller's external line
 *   2  raise the external line of the vCPU with the ID a0
 *   3  do nothing, on the slow path
 *   4  raise (a0 = 1) or lower (a0 = 0) the caller's external line, and take the marks
 *      (irq_changed) just before each atomic change that this makes
 *   5  raise the caller's external line; at kick()'s fence, let the caller enter its guest (a0 =
 *      MOMENT_AT_KICK) or begin to idle (MOMENT_AT_KICK_IDLE); return whether it was kicked
 *   6  request a fence as if the caller's hart were idle; return whether the vCPU was kicked
 *   7  disarm; return whether a moment was still armed, because it was not reached
 *   8  return whether the caller's mode was ever other than OUTSIDE at MOMENT_BEFORE_LOOK
 *   9  return vcpu_has_irq(), with vsie = a0 and hvip = a1
 */
#include "exit/exit.h"
#include "vcpu/irq.h"
#include "request.h"
#include "sbi/sbi_moment.h"

#define VCPUS 64

bool irq_moments;

static u8 armed[VCPUS]; /* by vCPU index; armed only by the vCPU's own SBI calls */
static bool inside_early[VCPUS];

void irq_moment_now(struct kvm_vcpu *vcpu, enum irq_moment moment)
{
	if (vcpu->idx >= VCPUS)
		return;
	if (moment == MOMENT_BEFORE_LOOK && READ_ONCE(vcpu->mode) != VCPU_OUTSIDE)
		inside_early[vcpu->idx] = true;
	if (armed[vcpu->idx] != moment)
		return;
	armed[vcpu->idx] = MOMENT_NONE;
	vcpu_set_irq(vcpu, IRQ_VS_EXT);
}

void irq_step_now(struct kvm_vcpu *vcpu, bool fence)
{
	u8 moment;

	if (vcpu->idx >= VCPUS)
		return;
	moment = armed[vcpu->idx];
	if (moment < MOMENT_AT_LOOK ||
	    fence == (moment == MOMENT_AT_TAKE || moment == MOMENT_AT_CHANGE))
		return;
	armed[vcpu->idx] = MOMENT_NONE;
	switch (moment) {
	case MOMENT_AT_LOOK:
		/* Act as a sender that read `mode` before IN_GUEST was visible: do not kick. */
		if (READ_ONCE(vcpu->mode) == VCPU_IN_GUEST)
			vcpu_set_own_irq(vcpu, IRQ_VS_EXT);
		else
			armed[vcpu->idx] = moment;
		break;
	case MOMENT_AT_TAKE:
		vcpu_set_own_irq(vcpu, IRQ_VS_EXT);
		break;
	case MOMENT_AT_CHANGE:
		vcpu_flush_irqs(vcpu);
		armed[vcpu->idx] = moment;
		break;
	/*
	 * Act as the vCPU's thread would if it had read the requests before the sender's request
	 * was visible: enter the guest, or begin to idle.
	 */
	case MOMENT_AT_KICK:
		WRITE_ONCE(vcpu->mode, VCPU_IN_GUEST);
		break;
	case MOMENT_AT_KICK_IDLE:
		WRITE_ONCE(vcpu->blocking, VCPU_IDLE);
		break;
	}
}

static bool kicked_at(struct kvm_vcpu *vcpu, enum irq_moment moment)
{
	bool kicked;

	armed[vcpu->idx] = (u8)moment;
	WRITE_ONCE(irq_moments, true);
	vcpu_set_irq(vcpu, IRQ_VS_EXT);
	armed[vcpu->idx] = MOMENT_NONE;
	kicked = READ_ONCE(vcpu->mode) == VCPU_KICKED ||
		 READ_ONCE(vcpu->blocking) == VCPU_IDLE_KICKED;
	WRITE_ONCE(vcpu->mode, VCPU_OUTSIDE);
	WRITE_ONCE(vcpu->blocking, VCPU_AWAKE);
	return kicked;
}

static bool kicked_for_a_fence(struct kvm_vcpu *vcpu)
{
	bool kicked;

	WRITE_ONCE(vcpu->blocking, VCPU_IDLE);
	vcpu_request(vcpu, REQ_FENCE_I);
	kicked = READ_ONCE(vcpu->blocking) != VCPU_IDLE;
	WRITE_ONCE(vcpu->blocking, VCPU_AWAKE);
	return kicked;
}

/*
 * Return what vcpu_has_irq() returns for a sleeping vCPU with these CSRs. vcpu->csrs may be
 * overwritten, because no other thread reads it while the vCPU is loaded.
 */
static bool has_irq_with(struct kvm_vcpu *vcpu, unsigned long vsie, unsigned long hvip)
{
	vcpu_flush_irqs(vcpu);
	vcpu->csrs.vsie = vsie;
	vcpu->csrs.hvip = hvip;
	return vcpu_has_irq(vcpu);
}

static void arm(struct kvm_vcpu *vcpu, unsigned long moment)
{
	/* Mark the line, so that the next entry has a mark to take. */
	if (moment == MOMENT_AT_TAKE)
		vcpu_clear_irq(vcpu, IRQ_VS_EXT);
	armed[vcpu->idx] = (u8)moment;
	WRITE_ONCE(irq_moments, true);
}

static void change_by_steps(struct kvm_vcpu *vcpu, bool up)
{
	arm(vcpu, MOMENT_AT_CHANGE);
	if (up)
		vcpu_set_irq(vcpu, IRQ_VS_EXT);
	else
		vcpu_clear_irq(vcpu, IRQ_VS_EXT);
	armed[vcpu->idx] = MOMENT_NONE;
}

int sbi_moment(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	unsigned long a0 = vcpu->guest.gpr[GPR_A0];
	struct kvm_vcpu *other = vm_find_vcpu(vcpu->kvm, a0);

	(void)ext;
	if (vcpu->idx >= VCPUS)
		fid = ~0UL;
	switch (fid) {
	case 0:
		if (a0 > MOMENT_AT_TAKE)
			break;
		arm(vcpu, a0);
		return RESUME_GUEST;
	case 1:
		vcpu_clear_irq(vcpu, IRQ_VS_EXT);
		return RESUME_GUEST;
	case 2:
		if (!other)
			break;
		vcpu_set_irq(other, IRQ_VS_EXT);
		return RESUME_GUEST;
	case 3:
		return RESUME_GUEST;
	case 4:
		change_by_steps(vcpu, a0);
		return RESUME_GUEST;
	case 5:
		if (a0 != MOMENT_AT_KICK && a0 != MOMENT_AT_KICK_IDLE)
			break;
		ret->value = kicked_at(vcpu, a0);
		return RESUME_GUEST;
	case 6:
		ret->value = kicked_for_a_fence(vcpu);
		return RESUME_GUEST;
	case 7:
		ret->value = armed[vcpu->idx] != MOMENT_NONE;
		armed[vcpu->idx] = MOMENT_NONE;
		return RESUME_GUEST;
	case 8:
		ret->value = inside_early[vcpu->idx];
		return RESUME_GUEST;
	case 9:
		ret->value = has_irq_with(vcpu, a0, vcpu->guest.gpr[GPR_A1]);
		return RESUME_GUEST;
	}
	ret->error = SBI_ERR_INVALID_PARAM;
	return RESUME_GUEST;
}
