// SPDX-License-Identifier: MIT
/*
 * sbi.c - handle an ecall from VS: find the extension, call it, return to the guest.
 *
 * A call that is neither ours nor forwarded by KVM, or whose extension user space has disabled,
 * gets SBI_ERR_NOT_SUPPORTED here: user space sees only calls that could be meant for it. sepc
 * moves past the ecall when the call is answered; for a forwarded call, that is at the next
 * KVM_RUN.
 */
#include "sbi/sbi.h"
#include "vcpu/fwft.h"
#include "vcpu/hsm.h"
#include "vcpu/pmu.h"

#define ECALL_LEN 4 /* there is no compressed ecall */

struct sbi_extension {
	unsigned long first, last; /* extension ids */
	sbi_fn *handle;
	int id;    /* enum KVM_RISCV_SBI_EXT_ID, or ALWAYS */
	bool off;  /* until user space enables it */
	u32 class; /* enum exit_class: the row of these calls in the exit table */
};

#define ALWAYS (-1)

int sbi_forward_any(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	(void)ext;
	(void)fid;
	(void)ret;
	return sbi_forward(vcpu);
}

static const struct sbi_extension extensions[] = {
#define SBI_HANDLER(ext, function, id, off) \
	{ SBI_EXT_##ext, SBI_EXT_##ext, function, id, off, SBI_CLASS_##ext },
#define SBI_HANDLER_RANGE(first, last, function, id, class) \
	{ first, last, function, id, false, EXIT_##class },
#include "sbi/sbi_ext.def"
};

/* The PMU extension exists only on a platform with counters for guests. */
static bool is_possible(const struct sbi_extension *e)
{
	return e->handle != sbi_pmu || pmu_available();
}

static const struct sbi_extension *find_extension(const struct kvm_vcpu *vcpu, unsigned long ext)
{
	const struct sbi_extension *e;

	/* lab 3: write the search for this ID; user space may have disabled the extension */
	for (e = extensions; e < extensions + ARRAY_SIZE(extensions); e++) {
		if (ext < e->first || ext > e->last)
			continue;
		return e->id == ALWAYS || (vcpu->sbi_ext >> e->id & 1) ? e : NULL;
	}
	return NULL;
	/* lab 3 end */
}

unsigned long sbi_probe(const struct kvm_vcpu *vcpu, unsigned long ext)
{
	return find_extension(vcpu, ext) != NULL;
}

u32 sbi_default_extensions(void)
{
	const struct sbi_extension *e;
	u32 bits = 0;

	for (e = extensions; e < extensions + ARRAY_SIZE(extensions); e++) {
		if (e->id != ALWAYS && !e->off && is_possible(e))
			bits |= 1u << e->id;
	}
	return bits;
}

static bool is_implemented(unsigned long id)
{
	const struct sbi_extension *e;

	for (e = extensions; e < extensions + ARRAY_SIZE(extensions); e++) {
		if (e->id == (int)id)
			return is_possible(e);
	}
	return false;
}

int sbi_ext_get(const struct kvm_vcpu *vcpu, unsigned long ext, unsigned long *enabled)
{
	if (ext >= KVM_RISCV_SBI_EXT_MAX || !is_implemented(ext))
		return -ENOENT;
	*enabled = vcpu->sbi_ext >> ext & 1;
	return 0;
}

int sbi_ext_set(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long enabled)
{
	if (enabled > 1)
		return -EINVAL;
	if (ext >= KVM_RISCV_SBI_EXT_MAX || !is_implemented(ext))
		return -ENOENT;
	if (enabled)
		vcpu->sbi_ext |= 1u << ext;
	else
		vcpu->sbi_ext &= ~(1u << ext);
	/*
	 * No FWFT setting may remain while FWFT is disabled: the FWFT registers can then be neither
	 * listed nor read, so a VMM could not migrate the setting. fwft_apply() is called in either
	 * case, because whether FWFT is enabled also decides a feature's default.
	 */
	if (ext == KVM_RISCV_SBI_EXT_FWFT && !enabled)
		vcpu->fwft = (struct vcpu_fwft){ 0 };
	fwft_apply(vcpu);
	return 0;
}

int exit_sbi(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	unsigned long *gpr = vcpu->guest.gpr;
	unsigned long ext = gpr[GPR_A7], fid = gpr[GPR_A6];
	const struct sbi_extension *e = find_extension(vcpu, ext);
	struct sbiret ret = { 0, 0 };
	int result = RESUME_GUEST;

	(void)trap;
	trace_kvm_sbi_call(ext, fid, gpr[GPR_A0], gpr[GPR_A1], gpr[GPR_A2]);
	/* lab 3: write the call of the extension and the return to the guest */
	if (e) {
		trace_exit_class(&vcpu->exit_clock, e->class);
		result = e->handle(vcpu, ext, fid, &ret);
	} else {
		trace_exit_class(&vcpu->exit_clock, EXIT_SBI_OTHER);
		ret.error = SBI_ERR_NOT_SUPPORTED;
	}
	/*
	 * Do not move sepc if user space answers the call, the vCPU was stopped, or the guest takes
	 * a trap or repeats the call.
	 */
	if (result != RESUME_GUEST)
		return result == SBI_NO_RETURN ? RESUME_GUEST : result;
	vcpu->guest.sepc += ECALL_LEN;
	gpr[GPR_A0] = (unsigned long)ret.error;
	gpr[GPR_A1] = (unsigned long)ret.value;
	if (trace_kvm_sbi_return_enabled())
		trace_kvm_sbi_return(gpr[GPR_A7], gpr[GPR_A6], ret.error, (u64)ret.value);
	return RESUME_GUEST;
	/* lab 3 end */
}

static void sbi_complete(struct kvm_vcpu *vcpu)
{
	unsigned long *gpr = vcpu->guest.gpr;

	gpr[GPR_A0] = READ_ONCE(vcpu->run->riscv_sbi.ret[0]);
	if (gpr[GPR_A7] > SBI_LEGACY_SHUTDOWN) /* a legacy call changes only a0 (SBI §5) */
		gpr[GPR_A1] = READ_ONCE(vcpu->run->riscv_sbi.ret[1]);
	vcpu->guest.sepc += ECALL_LEN;
	trace_kvm_sbi_return(gpr[GPR_A7], gpr[GPR_A6], (long)gpr[GPR_A0], gpr[GPR_A1]);
}

int sbi_forward(struct kvm_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	const unsigned long *gpr = vcpu->guest.gpr;
	unsigned int i;

	trace_exit_class(&vcpu->exit_clock, EXIT_SBI_USER);
	vcpu->stats.ecall_exit_stat++; /* counts only forwarded calls, as on Linux */
	WRITE_ONCE(run->exit_reason, KVM_EXIT_RISCV_SBI);
	run->riscv_sbi.extension_id = gpr[GPR_A7];
	run->riscv_sbi.function_id = gpr[GPR_A6];
	for (i = 0; i < 6; i++)
		run->riscv_sbi.args[i] = gpr[GPR_A0 + i];
	/* The guest gets this if user space does not answer. */
	run->riscv_sbi.ret[0] = (unsigned long)SBI_ERR_NOT_SUPPORTED;
	run->riscv_sbi.ret[1] = 0;
	vcpu->completion.complete = sbi_complete;
	return RESUME_USER;
}

int sbi_system_event(struct kvm_vcpu *vcpu, unsigned int type, u64 reason)
{
	struct kvm_run *run = vcpu->run;
	struct kvm_vcpu *other;
	unsigned int i;

	kvm_for_each_vcpu(i, other, vcpu->kvm)
		hsm_power_off(other);
	run->system_event.type = type;
	run->system_event.ndata = 1;
	run->system_event.data[0] = reason;
	WRITE_ONCE(run->exit_reason, KVM_EXIT_SYSTEM_EVENT);
	return RESUME_USER;
}
