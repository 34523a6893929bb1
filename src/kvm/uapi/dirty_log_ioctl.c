// SPDX-License-Identifier: MIT
/*
 * dirty_log_ioctl.c - KVM_GET_DIRTY_LOG, KVM_CLEAR_DIRTY_LOG, and
 * KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2.
 *
 * Locks: slots_lock keeps the slot and its log from being freed. Source: Linux,
 * Documentation/virt/kvm/api.rst.
 */
#include <asm-generic/errno.h>
#include "mmu/dirty_log.h"
#include "mmu/memslot.h"
#include "uapi/dirty_log_ioctl.h"

/* The range must lie in the slot, and consist of whole bitmap words or reach the slot's end. */
static bool clear_range_is_valid(const struct memslot *slot, const struct kvm_clear_dirty_log *log)
{
	u64 left;

	if (log->first_page > slot->npages)
		return false;
	left = slot->npages - log->first_page;
	return log->num_pages <= left && (log->num_pages == left || log->num_pages % 64 == 0);
}

/* Execute either ioctl; `clear` is NULL for KVM_GET_DIRTY_LOG. Called with slots_lock held. */
static int log_ioctl(struct kvm *vm, u32 id, hva_t to, const struct kvm_clear_dirty_log *clear)
{
	const struct memslot *slot = memslot_by_id(vm, id);
	hpa_t pa;
	u64 *copy;
	int err;

	if (!slot || !slot->dirty)
		return -ENOENT;
	if (clear && !clear_range_is_valid(slot, clear))
		return -EINVAL;
	pa = hv_pages_alloc(HV_ORDER_4K);
	if (!pa)
		return -ENOMEM;
	copy = hv_page_map(pa);
	err = clear ? dirty_log_clear(vm, slot, copy, clear, false)
		    : dirty_log_get(vm, slot, copy, to);
	if (clear && !err)
		err = dirty_log_clear(vm, slot, copy, clear, true);
	hv_page_unmap(copy);
	hv_pages_free(pa, HV_ORDER_4K);
	return err;
}

int kvm_vm_ioctl_get_dirty_log(struct kvm *vm, const struct kvm_dirty_log *log)
{
	int err;

	if (READ_ONCE(vm->dirty_ring_size))
		return -ENXIO;
	if (log->slot >= MEMSLOT_MAX_ID)
		return -EINVAL;
	hv_mutex_lock(&vm->slots_lock);
	err = log_ioctl(vm, log->slot, (hva_t)(uintptr_t)log->dirty_bitmap, NULL);
	hv_mutex_unlock(&vm->slots_lock);
	return err;
}

int kvm_vm_ioctl_clear_dirty_log(struct kvm *vm, const struct kvm_clear_dirty_log *log)
{
	int err;

	if (READ_ONCE(vm->dirty_ring_size))
		return -ENXIO;
	if (log->slot >= MEMSLOT_MAX_ID || log->first_page % 64)
		return -EINVAL;
	hv_mutex_lock(&vm->slots_lock);
	err = log_ioctl(vm, log->slot, 0, log);
	hv_mutex_unlock(&vm->slots_lock);
	return err;
}

int dirty_log_set_manual(struct kvm *vm, u64 flags)
{
	u64 allowed = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;

	/*
	 * INITIALLY_SET is valid only together with MANUAL_PROTECT_ENABLE (Linux's documentation of
	 * the capability).
	 */
	if (flags & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)
		allowed |= KVM_DIRTY_LOG_INITIALLY_SET;
	if (flags & ~allowed)
		return -EINVAL;
	hv_mutex_lock(&vm->slots_lock);
	vm->dirty_log_manual = flags;
	hv_mutex_unlock(&vm->slots_lock);
	return 0;
}
