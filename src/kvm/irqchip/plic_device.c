// SPDX-License-Identifier: MIT
/*
 * plic_device.c - the attributes of the PLIC in the kernel: configuration, initialization, state.
 *
 * The attributes are described in hv/kvm_plic.h. As with Linux's AIA device, the configuration is
 * fixed by the initialization (-EBUSY from then on), and an attribute that does not exist is
 * -ENXIO. A state attribute exists once the device is initialized.
 *
 * Locks: vm->lock serializes configuration and initialization; plic->lock guards the registers.
 */
#include "irqchip/plic.h"
#include "irqchip/route.h"
#include "hv/kvm_plic.h"

#define SOURCES_DEFAULT 31

int plic_create(struct kvm *vm)
{
	struct plic *plic = hv_alloc(sizeof(*plic));

	if (!plic)
		return -ENOMEM;
	plic->base = PLIC_NO_BASE;
	plic->sources = SOURCES_DEFAULT;
	vm->plic = plic;
	return 0;
}

static void free_contexts(u32 nr, struct plic_context **context)
{
	while (nr--) {
		hv_free(context[nr]);
		hv_cond_resched();
	}
	hv_free(context);
}

void plic_destroy(struct kvm *vm)
{
	free_contexts(vm->plic->nr_contexts, vm->plic->context);
	hv_free(vm->plic);
	vm->plic = NULL;
}

/* vm->lock held. */
static int alloc_contexts(struct kvm *vm, u32 *nrp, struct plic_context ***contextp)
{
	struct plic_context **context;
	struct kvm_vcpu *vcpu;
	unsigned int i;
	u32 nr = 0;

	kvm_for_each_vcpu(i, vcpu, vm)
		nr = MAX(nr, vcpu->id + 1);
	context = hv_alloc(MAX(nr, 1) * sizeof(void *));
	if (!context)
		return -ENOMEM;
	kvm_for_each_vcpu(i, vcpu, vm) {
		context[vcpu->id] = hv_alloc(sizeof(**context));
		if (!context[vcpu->id]) {
			free_contexts(nr, context);
			return -ENOMEM;
		}
		context[vcpu->id]->vcpu = vcpu;
		hv_cond_resched();
	}
	*nrp = nr;
	*contextp = context;
	return 0;
}

/* vm->lock held. */
static int init(struct kvm *vm)
{
	struct plic *plic = vm->plic;
	struct plic_context **context;
	u32 nr;
	int err;

	if (irqchip_is_ready(vm))
		return -EBUSY;
	if (plic->base == PLIC_NO_BASE)
		return -EINVAL;
	err = alloc_contexts(vm, &nr, &context);
	if (err)
		return err;
	err = route_set_default(vm, plic->sources + 1);
	if (err) {
		free_contexts(nr, context);
		return err;
	}
	plic->nr_contexts = nr;
	plic->context = context;
	__atomic_store_n(&vm->irqchip_ready, true, __ATOMIC_RELEASE);
	return 0;
}

static int set_sources(struct kvm *vm, hva_t addr)
{
	int err = 0;
	u32 value;

	if (hv_copy_from_user(&value, addr, sizeof(value)))
		return -EFAULT;
	hv_mutex_lock(&vm->lock);
	if (irqchip_is_ready(vm))
		err = -EBUSY;
	else if (!value || value > KVM_DEV_HS_PLIC_SOURCES_MAX)
		err = -EINVAL;
	else
		vm->plic->sources = value;
	hv_mutex_unlock(&vm->lock);
	return err;
}

static int set_base(struct kvm *vm, hva_t addr)
{
	int err = 0;
	u64 value;

	if (hv_copy_from_user(&value, addr, sizeof(value)))
		return -EFAULT;
	hv_mutex_lock(&vm->lock);
	if (irqchip_is_ready(vm))
		err = -EBUSY;
	else if (!IS_ALIGNED(value, PAGE_SIZE) || value + KVM_DEV_HS_PLIC_SIZE < value)
		err = -EINVAL;
	else
		vm->plic->base = value;
	hv_mutex_unlock(&vm->lock);
	return err;
}

static int set_state(struct kvm *vm, u64 offset, hva_t addr)
{
	struct plic *plic = vm->plic;
	struct plic_place place;
	int err = -ENXIO;
	u32 value;

	if (hv_copy_from_user(&value, addr, sizeof(value)))
		return -EFAULT;
	if (!irqchip_is_ready(vm))
		return -ENXIO;
	spin_lock(&plic->lock);
	if (plic_find(plic, offset, &place)) {
		if (place.priority)
			plic_set_priority(plic, (u32)(offset / 4), value & place.mask);
		else
			*place.word = value & place.mask;
		plic_drive_all(plic);
		err = 0;
	}
	spin_unlock(&plic->lock);
	return err;
}

int plic_set_attr(struct kvm *vm, const struct kvm_device_attr *attr)
{
	hva_t addr = (hva_t)attr->addr;
	int err = plic_has_attr(vm, attr);

	if (err)
		return err;
	switch (attr->group) {
	case KVM_DEV_HS_PLIC_GRP_CONFIG:
		return set_sources(vm, addr);
	case KVM_DEV_HS_PLIC_GRP_ADDR:
		return set_base(vm, addr);
	case KVM_DEV_HS_PLIC_GRP_CTRL:
		hv_mutex_lock(&vm->lock);
		err = init(vm);
		hv_mutex_unlock(&vm->lock);
		return err;
	default:
		return set_state(vm, attr->attr, addr);
	}
}

static int get_state(struct kvm *vm, u64 offset, u32 *value)
{
	struct plic *plic = vm->plic;
	struct plic_place place;
	int err = -ENXIO;

	if (!irqchip_is_ready(vm))
		return -ENXIO;
	spin_lock(&plic->lock);
	if (plic_find(plic, offset, &place)) {
		*value = place.priority ? *place.priority : *place.word;
		err = 0;
	}
	spin_unlock(&plic->lock);
	return err;
}

int plic_get_attr(struct kvm *vm, const struct kvm_device_attr *attr)
{
	int err = plic_has_attr(vm, attr);
	u64 base;
	u32 value;

	if (err)
		return err;
	switch (attr->group) {
	case KVM_DEV_HS_PLIC_GRP_CONFIG:
		value = READ_ONCE(vm->plic->sources);
		break;
	case KVM_DEV_HS_PLIC_GRP_ADDR:
		base = READ_ONCE(vm->plic->base);
		return hv_copy_to_user((hva_t)attr->addr, &base, sizeof(base));
	case KVM_DEV_HS_PLIC_GRP_STATE:
		err = get_state(vm, attr->attr, &value);
		if (err)
			return err;
		break;
	default:
		return -ENXIO; /* the initialization has no value */
	}
	return hv_copy_to_user((hva_t)attr->addr, &value, sizeof(value));
}

int plic_has_attr(struct kvm *vm, const struct kvm_device_attr *attr)
{
	u32 unused;

	switch (attr->group) {
	case KVM_DEV_HS_PLIC_GRP_CONFIG:
	case KVM_DEV_HS_PLIC_GRP_ADDR:
	case KVM_DEV_HS_PLIC_GRP_CTRL:
		return attr->attr ? -ENXIO : 0; /* each of them has one attribute, 0 */
	case KVM_DEV_HS_PLIC_GRP_STATE:
		return get_state(vm, attr->attr, &unused);
	default:
		return -ENXIO;
	}
}
