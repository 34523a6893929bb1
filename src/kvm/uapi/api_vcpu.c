// SPDX-License-Identifier: MIT
/*
 * api_vcpu.c - a vCPU's ioctls: copy in, check, call, under the vCPU's mutex.
 *
 * KVM_INTERRUPT and KVM_GET_STATS_FD do not take the mutex: they have to work while the vCPU runs.
 */
#include "exit/exit.h"
#include "mmu/dirty_ring.h"
#include "uapi/onereg.h"
#include "uapi/stats.h"
#include "vcpu/hsm.h"
#include "vcpu/irq.h"

static long set_one_reg(struct kvm_vcpu *vcpu, hva_t arg)
{
	struct kvm_one_reg reg;

	if (hv_copy_from_user(&reg, arg, sizeof(reg)))
		return -EFAULT;
	return onereg_set(vcpu, &reg);
}

static long get_one_reg(struct kvm_vcpu *vcpu, hva_t arg)
{
	struct kvm_one_reg reg;

	if (hv_copy_from_user(&reg, arg, sizeof(reg)))
		return -EFAULT;
	return onereg_get(vcpu, &reg);
}

static long get_mp_state(struct kvm_vcpu *vcpu, hva_t arg)
{
	struct kvm_mp_state state = {
		.mp_state = hsm_is_stopped(vcpu) ? KVM_MP_STATE_STOPPED : KVM_MP_STATE_RUNNABLE,
	};

	return hv_copy_to_user(arg, &state, sizeof(state));
}

static long set_mp_state(struct kvm_vcpu *vcpu, hva_t arg)
{
	struct kvm_mp_state state;

	if (hv_copy_from_user(&state, arg, sizeof(state)))
		return -EFAULT;
	switch (state.mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		hsm_power_on(vcpu);
		return 0;
	case KVM_MP_STATE_STOPPED:
		hsm_power_off(vcpu);
		return 0;
	/* Not a state but a command: reset the vCPU, which stays stopped or runnable as it was. */
	case KVM_MP_STATE_INIT_RECEIVED:
		if (!READ_ONCE(vcpu->kvm->mp_state_reset))
			return -EINVAL;
		hsm_reset_by_user(vcpu);
		return 0;
	default:
		return -EINVAL;
	}
}

/*
 * Switch debugging by user space on or off. While it is on, breakpoints in the guest belong to the
 * debugger and cause KVM_EXIT_DEBUG.
 */
static long set_guest_debug(struct kvm_vcpu *vcpu, hva_t arg)
{
	struct kvm_guest_debug debug;

	if (hv_copy_from_user(&debug, arg, sizeof(debug)))
		return -EFAULT;
	if (debug.control & KVM_GUESTDBG_ENABLE)
		vcpu->hedeleg &= ~BIT(EXC_BREAKPOINT);
	else
		vcpu->hedeleg |= BIT(EXC_BREAKPOINT);
	return 0;
}

static long set_signal_mask(struct kvm_vcpu *vcpu, hva_t arg)
{
	struct kvm_signal_mask mask;
	u64 set;

	if (!arg) {
		vcpu->sigmask_set = false;
		return 0;
	}
	if (hv_copy_from_user(&mask, arg, sizeof(mask)))
		return -EFAULT;
	if (mask.len != sizeof(set))
		return -EINVAL;
	if (hv_copy_from_user(&set, arg + offsetof(struct kvm_signal_mask, sigset), sizeof(set)))
		return -EFAULT;
	vcpu->sigmask = set;
	vcpu->sigmask_set = true;
	return 0;
}

/* Not supported on RISC-V, but the argument is read first, as on Linux. */
static long translate(hva_t arg)
{
	struct kvm_translation translation;

	return hv_copy_from_user(&translation, arg, sizeof(translation)) ? -EFAULT : -EINVAL;
}

static long interrupt(struct kvm_vcpu *vcpu, hva_t arg)
{
	struct kvm_interrupt irq;

	if (hv_copy_from_user(&irq, arg, sizeof(irq)))
		return -EFAULT;
	if (irq.irq == KVM_INTERRUPT_SET)
		vcpu_set_irq(vcpu, IRQ_VS_EXT);
	else
		vcpu_clear_irq(vcpu, IRQ_VS_EXT);
	return 0;
}

/* Execute an ioctl that needs the mutex, except KVM_RUN (vcpu_run()). */
static long locked_ioctl(struct kvm_vcpu *vcpu, unsigned int cmd, unsigned long arg)
{
	vcpu_finish_put(vcpu);
	switch (cmd) {
	case KVM_GET_ONE_REG:
		return get_one_reg(vcpu, arg);
	case KVM_SET_ONE_REG:
		return set_one_reg(vcpu, arg);
	case KVM_GET_REG_LIST:
		return onereg_list(vcpu, arg);
	case KVM_GET_MP_STATE:
		return get_mp_state(vcpu, arg);
	case KVM_SET_MP_STATE:
		return set_mp_state(vcpu, arg);
	case KVM_SET_GUEST_DEBUG:
		return set_guest_debug(vcpu, arg);
	case KVM_TRANSLATE:
		return translate(arg);
	case KVM_SET_SIGNAL_MASK:
		return set_signal_mask(vcpu, arg);
	default:
		return -EINVAL;
	}
}

/* Execute an ioctl that has to work while the vCPU runs, and therefore does not take the mutex. */
static long unlocked_ioctl(struct kvm_vcpu *vcpu, unsigned int cmd, unsigned long arg)
{
	return cmd == KVM_INTERRUPT ? interrupt(vcpu, arg) : stats_create_vcpu_fd(vcpu);
}

/* Execute an ioctl other than KVM_RUN. */
static __attribute__((noinline)) long other_ioctl(struct kvm_vcpu *vcpu, unsigned int cmd,
						  unsigned long arg)
{
	long ret = vcpu_refuse_ioctl(vcpu);

	if (ret)
		return ret;
	if (cmd == KVM_INTERRUPT || cmd == KVM_GET_STATS_FD)
		return unlocked_ioctl(vcpu, cmd, arg);
	if (hv_mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	trace_kvm_ioctl(cmd, arg);
	ret = locked_ioctl(vcpu, cmd, arg);
	trace_kvm_ioctl_return(cmd, ret);
	hv_mutex_unlock(&vcpu->mutex);
	return ret;
}

/* KVM_RUN with an argument is not valid: locked_ioctl() refuses it. */
static long vcpu_ioctl(void *priv, unsigned int cmd, unsigned long arg)
{
	return cmd == KVM_RUN && !arg ? vcpu_run(priv) : other_ioctl(priv, cmd, arg);
}

static int vcpu_mmap_page(void *priv, u64 index, hpa_t *pa)
{
	struct kvm_vcpu *vcpu = priv;

	if (index >= KVM_DIRTY_LOG_PAGE_OFFSET)
		return dirty_ring_page(vcpu, index - KVM_DIRTY_LOG_PAGE_OFFSET, pa);
	if (index >= KVM_RUN_PAGES)
		return -EINVAL;
	*pa = index == KVM_COALESCED_MMIO_PAGE_OFFSET ? vcpu->kvm->ring_pa : vcpu->run_pa;
	return 0;
}

/* As on Linux, a mapping that begins or ends in the ring must be shared and not executable. */
static int vcpu_mmap_check(void *priv, u64 first, u64 pages, bool shared, bool exec)
{
	struct kvm_vcpu *vcpu = priv;
	u64 last = first + pages - 1;
	hpa_t pa;

	if (shared && !exec)
		return 0;
	if ((first >= KVM_DIRTY_LOG_PAGE_OFFSET && !vcpu_mmap_page(vcpu, first, &pa)) ||
	    (last >= KVM_DIRTY_LOG_PAGE_OFFSET && !vcpu_mmap_page(vcpu, last, &pa)))
		return -EINVAL;
	return 0;
}

/*
 * Drop only the reference to the VM. The vCPU lives as long as its VM, because other vCPUs may be
 * sending it an interrupt.
 */
static void vcpu_file_release(void *priv)
{
	struct kvm_vcpu *vcpu = priv;

	vm_release(vcpu->kvm);
}

const struct hv_file_ops kvm_vcpu_ops = {
	.ioctl = vcpu_ioctl,
	.mmap_check = vcpu_mmap_check,
	.mmap_page = vcpu_mmap_page,
	.release = vcpu_file_release,
};
