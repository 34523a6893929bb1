// SPDX-License-Identifier: MIT
/*
 * sbi_turn.c - put and load a guest's vCPU on request, and report what moved. Given; nothing to
 * write.
 *
 * No real hypervisor offers such a call. This one does, so that a test, which is a guest, can see
 * what the policies of lab 8 do. Before the put, the vCPU's state in memory is overwritten with
 * known values, which shows what the put writes.
 */
#include "exit/exit.h"
#include "vcpu/fp.h"
#include "hv/turn.h"
#include "kvm_asm.h"
#include "sbi/sbi.h"
#include "toggle.h"
#include "vcpu/vector.h"

#define NOT_SAVED 0x5c4188e100000000ULL /* plus the register's number; no test uses these values */
#define ANOTHERS  0x07be400000000000ULL

static void scribble(struct fp_state *fp)
{
	for (unsigned int i = 0; i < 32; i++)
		fp->f[i] = NOT_SAVED + i;
	fp->fcsr = ~0U; /* invalid: fcsr has 8 bits */
}

/* Return which registers the put has written, as TURN_SAVED_* bits. Restore the others. */
static unsigned long saved(struct fp_state *fp, const struct fp_state *before)
{
	unsigned int i, count = 0;
	unsigned long told = 0;

	for (i = 0; i < 32; i++) {
		if (fp->f[i] == NOT_SAVED + i)
			fp->f[i] = before->f[i];
		else
			count++;
	}
	if (fp->fcsr == ~0U)
		fp->fcsr = before->fcsr;
	else
		told |= TURN_SAVED_FCSR;
	return told | (count == 32 ? TURN_SAVED_ALL : 0) | (count ? TURN_SAVED_SOME : 0);
}

/* Return the word that shows whether a put has written the vector registers. */
static u64 *vector_word(struct kvm_vcpu *vcpu)
{
	static u64 none;

	return vector_present(vcpu) ? (u64 *)(void *)vcpu->vector.regs : &none;
}

static unsigned long vector_told(struct kvm_vcpu *vcpu, u64 before)
{
	u64 *word = vector_word(vcpu);
	unsigned long told = vector_state(vcpu) != FS_OFF ? TURN_VS_LEFT_ON : 0;

	if (*word != NOT_SAVED)
		return told | TURN_VS_SAVED;
	*word = before;
	return told;
}

/* Do what a thread that uses FP would do if it ran on this hart between put and load. */
static void another_takes_the_unit(void)
{
	static struct fp_state others;

	for (unsigned int i = 0; i < 32; i++)
		others.f[i] = ANOTHERS + i;
	others.fcsr = 0x1f;
	hv_fp_take(&others);
	fp_restore_regs(&others);
}

static unsigned long turn(struct kvm_vcpu *vcpu, bool taken)
{
	const struct fp_state before = vcpu->fp;
	const u64 vector_before = *vector_word(vcpu);
	unsigned long told = FIELD_PREP(TURN_FS_USED, fp_state(vcpu)) |
			     FIELD_PREP(TURN_VS_USED, vector_state(vcpu));

	if (csr_read(hedeleg) & BIT(EXC_ILLEGAL_INST))
		told |= TURN_DELEGATED;
	csr_clear(sstatus, SSTATUS_FS); /* may be on from user code; saved in its trap frame */
	scribble(&vcpu->fp);
	*vector_word(vcpu) = NOT_SAVED;
	vcpu_put(vcpu);
	told |= saved(&vcpu->fp, &before) | vector_told(vcpu, vector_before);
	if (vcpu->guest.sstatus & SSTATUS_FS)
		told |= TURN_LEFT_ON;
	if (taken)
		another_takes_the_unit();
	vcpu_load(vcpu);
	told |= FIELD_PREP(TURN_FS_LOADED, fp_state(vcpu));
	if (vector_state(vcpu) != FS_OFF)
		told |= TURN_VS_LOADED;
	if (hv_fp_is_of(vcpu))
		told |= TURN_OWNER;
	if (csr_read(sstatus) & SSTATUS_FS)
		told |= TURN_HOST_ON;
	return told | FIELD_PREP(TURN_COUNT, vcpu->turns);
}

/* Set the policy of this vCPU only. The others keep the one that the VM was created with. */
static int choose(struct kvm_vcpu *vcpu, unsigned long policy)
{
	u8 *toggle = &vcpu->kvm->toggle[TOGGLE_fp], own = *toggle;

	if (policy >= NR_POLICIES)
		return SBI_ERR_INVALID_PARAM;
	vcpu_put(vcpu);
	*toggle = (u8)policy;
	fp_vcpu_init(vcpu);
	*toggle = own;
	vcpu_load(vcpu);
	return 0;
}

int sbi_turn(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	unsigned long a0 = vcpu->guest.gpr[GPR_A0];

	(void)ext;
	switch (fid) {
	case TURN_TELL:
		ret->value = (long)turn(vcpu, a0);
		break;
	case TURN_CHOOSE:
		ret->error = choose(vcpu, a0);
		break;
	case TURN_ONLY:
		vcpu_put(vcpu);
		another_takes_the_unit();
		vcpu_load(vcpu);
		break;
	default:
		ret->error = SBI_ERR_NOT_SUPPORTED;
		break;
	}
	return RESUME_GUEST;
}
