// SPDX-License-Identifier: MIT
/*
 * api.c - /dev/kvm and the VM's ioctls: copy in, check, call.
 *
 * Numbers, structures and error codes are Linux's. With a few exceptions (check_extension()), a
 * capability is reported only if it works here. An unknown request gets Linux's answer on RISC-V
 * (-EINVAL). A call that fails has not changed anything, except that KVM_GET_DIRTY_LOG may have
 * cleared bits of the log (dirty_log_get()).
 */
#include <string.h>
#include "exit/bus.h"
#include "irqchip/aia.h"
#include "irqchip/route.h"
#include "mmu/dirty_ring.h"
#include "mmu/memslot.h"
#include "mmu/tlb.h"
#include "mmu/vmid.h"
#include "number.h"
#include "toggle.h"
#include "uapi/device.h"
#include "uapi/dirty_log_ioctl.h"
#include "uapi/stats.h"
#include "vcpu/fp.h"
#include "vcpu/fwft.h"
#include "vcpu/halt_poll.h"
#include "vcpu/hsm.h"
#include "vcpu/isa.h"
#include "vcpu/timer.h"
#include "vcpu/vector.h"

/* ---- capabilities --------------------------------------------------------------- */

/* `vm` is NULL for a query on /dev/kvm. */
static long check_extension(const struct kvm *vm, unsigned long cap)
{
	switch (cap) {
	case KVM_CAP_IOEVENTFD:
	case KVM_CAP_IOEVENTFD_ANY_LENGTH:
	case KVM_CAP_USER_MEMORY:
	case KVM_CAP_USER_MEMORY2:
	case KVM_CAP_SYNC_MMU:
	case KVM_CAP_DESTROY_MEMORY_REGION_WORKS:
	case KVM_CAP_JOIN_MEMORY_REGIONS_WORKS:
	case KVM_CAP_ENABLE_CAP_VM:
	case KVM_CAP_ONE_REG:
	case KVM_CAP_READONLY_MEM:
	case KVM_CAP_MP_STATE:
	case KVM_CAP_IMMEDIATE_EXIT:
	case KVM_CAP_SET_GUEST_DEBUG:
	case KVM_CAP_INTERNAL_ERROR_DATA:
	case KVM_CAP_SYSTEM_EVENT_DATA:
	case KVM_CAP_CHECK_EXTENSION_VM:
	case KVM_CAP_BINARY_STATS_FD:
	case KVM_CAP_COALESCED_PIO:
	case KVM_CAP_HALT_POLL:
	case KVM_CAP_RISCV_MP_STATE_RESET:
	case KVM_CAP_SIGNAL_MSI:
	case KVM_CAP_IRQFD:
	case KVM_CAP_DEVICE_CTRL:
		return 1;
	case KVM_CAP_IRQCHIP:
		return isa_host_has(KVM_RISCV_ISA_EXT_SSAIA);
	case KVM_CAP_NR_VCPUS:
		return (long)MIN(hv_nr_online_harts(), KVM_MAX_VCPUS);
	case KVM_CAP_MAX_VCPUS:
		return KVM_MAX_VCPUS;
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET;
	case KVM_CAP_COALESCED_MMIO:
		return KVM_COALESCED_MMIO_PAGE_OFFSET;
	case KVM_CAP_IRQ_ROUTING:
		return KVM_MAX_IRQ_ROUTES;
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		return DIRTY_RING_MAX_SIZE;
	case KVM_CAP_NR_MEMSLOTS:
		return MEMSLOT_MAX_ID;
	case KVM_CAP_VM_GPA_BITS:
		return (long)(vm ? gstage_gpa_bits(&vm->gstage) : gstage_max_gpa_bits());
	default:
		return 0;
	}
}

/* ---- a VM's descriptor ------------------------------------------------------------- */

static long create_vcpu(struct kvm *vm, unsigned long id)
{
	char name[24] = "kvm-vcpu:";
	struct kvm_vcpu *vcpu;
	long ret;

	if (id >= KVM_MAX_VCPUS)
		return -EINVAL;
	vm_hold(vm); /* for the vCPU's file */
	hv_mutex_lock(&vm->lock);
	ret = vm_find_vcpu(vm, id) ? -EEXIST : vcpu_create(vm, id, &vcpu);
	if (ret)
		goto unlock;
	vcpu->idx = vm->nr_vcpus;
	/* Only the first vCPU starts out running; the guest starts the others (SBI HSM). */
	if (vcpu->idx)
		hsm_power_off(vcpu);
	number_append(name + strlen(name), vcpu->id);
	ret = hv_file_create(name, &kvm_vcpu_ops, vcpu);
	if (ret < 0) {
		vcpu_destroy(vcpu);
		goto unlock;
	}
	__atomic_store_n(&vm->vcpu_by_id[id], vcpu, __ATOMIC_RELEASE);
	vm->vcpus[vcpu->idx] = vcpu;
	__atomic_store_n(&vm->nr_vcpus, vcpu->idx + 1, __ATOMIC_RELEASE);
	trace_kvm_create_vcpu(vm->id, id);
unlock:
	hv_mutex_unlock(&vm->lock);
	if (ret < 0)
		vm_release(vm);
	return ret;
}

static long set_memory_region(struct kvm *vm, hva_t arg)
{
	struct kvm_userspace_memory_region2 region = { 0 };

	/* The argument, a struct kvm_userspace_memory_region, is the beginning of `region`. */
	if (hv_copy_from_user(&region, arg, sizeof(struct kvm_userspace_memory_region)))
		return -EFAULT;
	return kvm_vm_ioctl_set_memory_region(vm, &region);
}

static long set_memory_region2(struct kvm *vm, hva_t arg)
{
	struct kvm_userspace_memory_region2 region;

	if (hv_copy_from_user(&region, arg, sizeof(region)))
		return -EFAULT;
	return kvm_vm_ioctl_set_memory_region(vm, &region);
}

static long get_dirty_log(struct kvm *vm, hva_t arg)
{
	struct kvm_dirty_log log;

	if (hv_copy_from_user(&log, arg, sizeof(log)))
		return -EFAULT;
	return kvm_vm_ioctl_get_dirty_log(vm, &log);
}

static long clear_dirty_log(struct kvm *vm, hva_t arg)
{
	struct kvm_clear_dirty_log log;

	if (hv_copy_from_user(&log, arg, sizeof(log)))
		return -EFAULT;
	return kvm_vm_ioctl_clear_dirty_log(vm, &log);
}

/* Only before the VM has a vCPU or a slot, while its table is empty and no hart has used it. */
static long set_gpa_bits(struct kvm *vm, u64 bits)
{
	long err = -EBUSY;

	if (bits > gstage_max_gpa_bits())
		return -EINVAL;
	hv_mutex_lock(&vm->lock);
	hv_mutex_lock(&vm->slots_lock);
	if (!vm->nr_vcpus && !vm->slots->nr) {
		spin_lock(&vm->gstage.mmu_lock);
		err = gstage_set_gpa_bits(&vm->gstage, bits);
		spin_unlock(&vm->gstage.mmu_lock);
	}
	hv_mutex_unlock(&vm->slots_lock);
	hv_mutex_unlock(&vm->lock);
	return err;
}

static long enable_cap(struct kvm *vm, hva_t arg)
{
	struct kvm_enable_cap cap;

	if (hv_copy_from_user(&cap, arg, sizeof(cap)))
		return -EFAULT;
	/* As on Linux, the flags are not checked, and the size is truncated to 32 bits. */
	if (cap.cap == KVM_CAP_DIRTY_LOG_RING_ACQ_REL)
		return dirty_ring_set_size(vm, (u32)cap.args[0]);
	if (cap.flags)
		return -EINVAL;
	switch (cap.cap) {
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return dirty_log_set_manual(vm, cap.args[0]);
	case KVM_CAP_HALT_POLL:
		return halt_poll_set_max(vm, cap.args[0]);
	case KVM_CAP_RISCV_MP_STATE_RESET:
		WRITE_ONCE(vm->mp_state_reset, true);
		return 0;
	case KVM_CAP_VM_GPA_BITS:
		return set_gpa_bits(vm, cap.args[0]);
	default:
		return -EINVAL;
	}
}

static long set_ioeventfd(struct kvm *vm, hva_t arg)
{
	struct kvm_ioeventfd io;

	if (hv_copy_from_user(&io, arg, sizeof(io)))
		return -EFAULT;
	return kvm_vm_ioctl_ioeventfd(vm, &io);
}

static long set_irqfd(struct kvm *vm, hva_t arg)
{
	struct kvm_irqfd irqfd;

	if (hv_copy_from_user(&irqfd, arg, sizeof(irqfd)))
		return -EFAULT;
	return kvm_vm_ioctl_irqfd(vm, &irqfd);
}

static long set_zone(struct kvm *vm, hva_t arg, bool there)
{
	struct kvm_coalesced_mmio_zone zone;

	if (hv_copy_from_user(&zone, arg, sizeof(zone)))
		return -EFAULT;
	return there ? kvm_vm_ioctl_register_coalesced(vm, &zone)
		     : kvm_vm_ioctl_unregister_coalesced(vm, &zone);
}

static long vm_ioctl(void *priv, unsigned int cmd, unsigned long arg)
{
	struct kvm *vm = priv;

	if (!hv_mm_is_current(vm->mm))
		return -EIO;
	switch (cmd) {
	case KVM_CREATE_VCPU:
		return create_vcpu(vm, arg);
	case KVM_CHECK_EXTENSION:
		return check_extension(vm, arg);
	case KVM_SET_USER_MEMORY_REGION:
		return set_memory_region(vm, arg);
	case KVM_SET_USER_MEMORY_REGION2:
		return set_memory_region2(vm, arg);
	case KVM_GET_DIRTY_LOG:
		return get_dirty_log(vm, arg);
	case KVM_CLEAR_DIRTY_LOG:
		return clear_dirty_log(vm, arg);
	case KVM_RESET_DIRTY_RINGS:
		return dirty_ring_reset_all(vm);
	case KVM_ENABLE_CAP:
		return enable_cap(vm, arg);
	case KVM_IOEVENTFD:
		return set_ioeventfd(vm, arg);
	case KVM_IRQFD:
		return set_irqfd(vm, arg);
	case KVM_REGISTER_COALESCED_MMIO:
		return set_zone(vm, arg, true);
	case KVM_UNREGISTER_COALESCED_MMIO:
		return set_zone(vm, arg, false);
	case KVM_GET_STATS_FD:
		return stats_create_vm_fd(vm);
	case KVM_IRQ_LINE:
		return irqchip_line(vm, arg, false);
	default:
		return irqchip_ioctl(vm, cmd, arg);
	}
}

/* Not inlined, so that vm_ioctl_traced() does not save registers for these calls. */
static __attribute__((noinline)) long trace_vm_ioctl(void *priv, unsigned int cmd,
						     unsigned long arg)
{
	long ret;

	trace_kvm_ioctl(cmd, arg);
	ret = vm_ioctl(priv, cmd, arg);
	trace_kvm_ioctl_return(cmd, ret);
	return ret;
}

static long vm_ioctl_traced(void *priv, unsigned int cmd, unsigned long arg)
{
	if (trace_kvm_ioctl_enabled() || trace_kvm_ioctl_return_enabled())
		return trace_vm_ioctl(priv, cmd, arg);
	return vm_ioctl(priv, cmd, arg);
}

static void vm_file_release(void *priv)
{
	vm_release(priv);
}

static const struct hv_file_ops kvm_vm_ops = {
	.ioctl = vm_ioctl_traced,
	.release = vm_file_release,
};

/* ---- /dev/kvm --------------------------------------------------------------------------- */

static long create_vm(void)
{
	struct kvm *vm;
	int ret = vm_create(&vm);

	if (ret)
		return ret;
	/* User space may guess the new descriptor and close it before we are done here. */
	vm_hold(vm);
	ret = hv_file_create("kvm-vm", &kvm_vm_ops, vm);
	if (ret < 0)
		vm_release(vm);
	else
		stats_vm_show(vm, ret);
	vm_release(vm);
	return ret;
}

static long dev_ioctl(void *priv, unsigned int cmd, unsigned long arg)
{
	(void)priv;
	switch (cmd) {
	case KVM_GET_API_VERSION:
		return arg ? -EINVAL : KVM_API_VERSION;
	case KVM_CREATE_VM:
		/* There is only one type of VM. As on Linux for RISC-V, the argument is ignored. */
		return create_vm();
	case KVM_CHECK_EXTENSION:
		return check_extension(NULL, arg);
	case KVM_GET_VCPU_MMAP_SIZE:
		return arg ? -EINVAL : (long)(KVM_RUN_PAGES * PAGE_SIZE);
	default:
		return -EINVAL;
	}
}

static int dev_open(void **priv)
{
	*priv = NULL;
	return 0;
}

const struct hv_file_ops kvm_dev_ops = {
	.open = dev_open,
	.ioctl = dev_ioctl,
};

/* ---- start-up ---------------------------------------------------------------------------- */

int kvm_init(void)
{
	int err;

	if (!hv_isa_has("h"))
		return -ENODEV;
	err = gstage_probe();
	if (err)
		return err;
	hv_pin();
	vmid_init();
	tlb_init();
	vector_init();
	isa_init();
	fp_init();
	fwft_init();
	lazy_put_init();
	imsic_guest_init();
	hv_unpin();
	err = vmid_param_init();
	if (!err)
		err = halt_poll_init();
	return err ? err : toggle_init();
}

bool kvm_hart_init(void)
{
	bool same;

	hv_pin();
	same = gstage_hart_init();
	same &= vmid_hart_init();
	isa_hart_init();
	vcpu_hart_init();
	imsic_guest_hart_init();
	hv_unpin();
	return same;
}
