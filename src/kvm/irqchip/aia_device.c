// SPDX-License-Identifier: MIT
/*
 * aia_device.c - the attributes of the AIA in the kernel: configuration, initialization, state.
 *
 * The attributes, their checks, the order of the checks and their errno values are Linux's
 * (Documentation/virt/kvm/devices), except that the registers of an IMSIC that can be in a guest
 * interrupt file are accessible only while its vCPU does not run (-EBUSY).
 *
 * Locks: vm->lock serializes configuration and initialization, and keeps the number of vCPUs fixed.
 */
#include "irqchip/aia.h"
#include "irqchip/route.h"
#include "vcpu/isa.h"
#include "vcpu/nested.h"
#include "hv/kvm_aplic.h"
#include "hv/kvm_hext.h"

/*
 * An IMSIC's registers are in attributes of 64 bits, those of the APLIC and the configuration of
 * 32.
 */
enum direction {
	GET,
	SET
};

/* A configuration's values are min to end - 1; in each of them, the bits of `ones` are set. */
static const struct limit {
	u32 min, end, ones, initial;
} limits[AIA_CONFIGS] = {
	[KVM_DEV_RISCV_AIA_CONFIG_MODE] = { 0, KVM_DEV_RISCV_AIA_MODE_AUTO + 1, 0,
					    KVM_DEV_RISCV_AIA_MODE_EMUL },
	[KVM_DEV_RISCV_AIA_CONFIG_IDS] = { KVM_DEV_RISCV_AIA_IDS_MIN, KVM_DEV_RISCV_AIA_IDS_MAX,
					   KVM_DEV_RISCV_AIA_IDS_MIN,
					   KVM_DEV_RISCV_AIA_IDS_MAX - 1 },
	[KVM_DEV_RISCV_AIA_CONFIG_SRCS] = { 0, KVM_DEV_RISCV_AIA_SRCS_MAX, 0, 0 },
	[KVM_DEV_RISCV_AIA_CONFIG_GROUP_BITS] = { 0, KVM_DEV_RISCV_AIA_GROUP_BITS_MAX, 0, 0 },
	[KVM_DEV_RISCV_AIA_CONFIG_GROUP_SHIFT] = { KVM_DEV_RISCV_AIA_GROUP_SHIFT_MIN,
						   KVM_DEV_RISCV_AIA_GROUP_SHIFT_MAX, 0,
						   KVM_DEV_RISCV_AIA_GROUP_SHIFT_MIN },
	[KVM_DEV_RISCV_AIA_CONFIG_HART_BITS] = { 0, KVM_DEV_RISCV_AIA_HART_BITS_MAX, 0, 0 },
	[KVM_DEV_RISCV_AIA_CONFIG_GUEST_BITS] = { 0, KVM_DEV_RISCV_AIA_GUEST_BITS_MAX, 0, 0 },
	[AIA_DELIVERY] = { KVM_DEV_HS_AIA_DELIVERY_MSI, KVM_DEV_HS_AIA_DELIVERY_DIRECT + 1, 0,
			   KVM_DEV_HS_AIA_DELIVERY_MSI },
};

static bool is_direct(const struct aia *aia)
{
	return aia->config[AIA_DELIVERY] == KVM_DEV_HS_AIA_DELIVERY_DIRECT;
}

/* The highest id of an IMSIC: that of the hart's guest files, so that any mode can be chosen. */
static u32 max_ids(void)
{
	return hv_guest_ids() ? hv_guest_ids() : KVM_DEV_RISCV_AIA_IDS_MAX - 1;
}

int aia_create(struct kvm *vm)
{
	struct aia *aia = hv_alloc(sizeof(*aia));
	u32 i;

	if (!aia)
		return -ENOMEM;
	for (i = 0; i < AIA_CONFIGS; i++)
		aia->config[i] = limits[i].initial;
	aia->config[KVM_DEV_RISCV_AIA_CONFIG_IDS] = max_ids();
	if (hv_guest_files())
		aia->config[KVM_DEV_RISCV_AIA_CONFIG_MODE] = KVM_DEV_RISCV_AIA_MODE_AUTO;
	aia->aplic_addr = AIA_NO_ADDR;
	for (i = 0; i < KVM_MAX_VCPUS; i++)
		aia->imsic_addr[i] = AIA_NO_ADDR;
	vm->aia = aia;
	return 0;
}

/* ---- initialization ---------------------------------------------------------------- */

static void free_parts(struct aia *aia)
{
	u32 i;

	for (i = 0; i < KVM_MAX_VCPUS; i++) {
		if (!aia->imsic[i])
			continue;
		imsic_destroy(aia->imsic[i]);
		aia->imsic[i] = NULL;
		hv_cond_resched();
	}
	aia->nr_pages = 0;
	hv_free(aia->aplic);
	aia->aplic = NULL;
}

void aia_destroy(struct kvm *vm)
{
	free_parts(vm->aia);
	hv_free(vm->aia);
	vm->aia = NULL;
}

/* Return the address's page number without the bits that select group, hart and guest. */
static u64 base_page(const struct aia *aia, gpa_t addr)
{
	u32 group_bits = aia->config[KVM_DEV_RISCV_AIA_CONFIG_GROUP_BITS];
	u32 group_shift = aia->config[KVM_DEV_RISCV_AIA_CONFIG_GROUP_SHIFT];
	u32 low_bits = aia->config[KVM_DEV_RISCV_AIA_CONFIG_HART_BITS] +
		       aia->config[KVM_DEV_RISCV_AIA_CONFIG_GUEST_BITS] + PAGE_SHIFT;

	addr &= ~(BIT(low_bits) - 1);
	addr &= ~((BIT(group_bits) - 1) << group_shift);
	return addr >> PAGE_SHIFT;
}

static void add_page(struct aia *aia, struct imsic *imsic)
{
	u32 i, at = 0;

	while (at < aia->nr_pages && aia->by_page[at]->page < imsic->page)
		at++;
	if (at < aia->nr_pages && aia->by_page[at]->page == imsic->page)
		return;
	for (i = aia->nr_pages++; i > at; i--)
		aia->by_page[i] = aia->by_page[i - 1];
	aia->by_page[at] = imsic;
}

/*
 * A vCPU with H and Ssaia has a guest interrupt file for each further page of its IMSIC, at most
 * XLEN - 1, because bit 0 of hgeie is always 0. On a hart without Smstateen, there are none: L1's
 * reads of stopi cannot be made to trap there, so they would not show SGEI (nested_irq.c).
 */
static int make_guest_files(const struct aia *aia, struct imsic *imsic)
{
	u32 pages = (u32)1 << aia->config[KVM_DEV_RISCV_AIA_CONFIG_GUEST_BITS];

	if (pages == 1 || !imsic->vcpu->has_h || !imsic->vcpu->has_aia ||
	    !isa_host_has(KVM_RISCV_ISA_EXT_SMSTATEEN))
		return 0;
	return imsic_nested_create(imsic, MIN(pages, (u32)BITS_PER_LONG) - 1);
}

static int make_imsics(struct kvm *vm, struct aia *aia)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;
	gpa_t addr;

	kvm_for_each_vcpu(i, vcpu, vm) {
		addr = aia->imsic_addr[i];
		if (addr == AIA_NO_ADDR)
			return -EINVAL;
		if (i == 0)
			aia->base_page = base_page(aia, addr);
		if (aia->base_page != base_page(aia, addr))
			return -EINVAL;
		aia->imsic[i] = imsic_create(vcpu, addr, aia->config[KVM_DEV_RISCV_AIA_CONFIG_IDS]);
		if (!aia->imsic[i] || make_guest_files(aia, aia->imsic[i]))
			return -ENOMEM;
		add_page(aia, aia->imsic[i]);
		hv_cond_resched();
	}
	return 0;
}

static int check_config(const struct aia *aia)
{
	const u32 *config = aia->config;
	u32 sources = config[KVM_DEV_RISCV_AIA_CONFIG_SRCS];

	if (sources && aia->aplic_addr == AIA_NO_ADDR)
		return -EINVAL;
	if (is_direct(aia)) {
		return sources && config[KVM_DEV_RISCV_AIA_CONFIG_MODE] ==
					       KVM_DEV_RISCV_AIA_MODE_EMUL
			       ? 0
			       : -EINVAL;
	}
	if (config[KVM_DEV_RISCV_AIA_CONFIG_IDS] < sources)
		return -EINVAL;
	/* The bits of the group must be above those of the hart and the guest. */
	if (config[KVM_DEV_RISCV_AIA_CONFIG_GROUP_BITS] &&
	    config[KVM_DEV_RISCV_AIA_CONFIG_GROUP_SHIFT] <
		    PAGE_SHIFT + config[KVM_DEV_RISCV_AIA_CONFIG_GUEST_BITS] +
			    config[KVM_DEV_RISCV_AIA_CONFIG_HART_BITS])
		return -EINVAL;
	return 0;
}

/* vm->lock held. After a failure, user space can correct the configuration and try again. */
static int init(struct kvm *vm)
{
	struct aia *aia = vm->aia;
	u32 sources = aia->config[KVM_DEV_RISCV_AIA_CONFIG_SRCS];
	struct kvm_vcpu *vcpu;
	unsigned int i;
	int err;

	if (irqchip_is_ready(vm))
		return -EBUSY;
	err = check_config(aia);
	if (err)
		return err;
	if (sources) {
		aia->aplic = is_direct(aia) ? aplic_direct_create(vm, sources)
					    : aplic_create(sources, 0);
		if (!aia->aplic)
			return -ENOMEM;
	}
	err = is_direct(aia) ? 0 : make_imsics(vm, aia);
	if (!err && sources)
		err = route_set_default(vm, sources + 1);
	if (err) {
		free_parts(aia);
		return err;
	}
	if (is_direct(aia))
		__atomic_store_n(&vm->irqchip, &irqchip_aplic_ops, __ATOMIC_RELEASE);
	__atomic_store_n(&vm->irqchip_ready, true, __ATOMIC_RELEASE);
	kvm_for_each_vcpu(i, vcpu, vm) {
		if (aia->imsic[i] && aia->imsic[i]->nr_guests)
			nested_make_files(vcpu, aia->imsic[i]->nr_guests);
	}
	if (aia->config[KVM_DEV_RISCV_AIA_CONFIG_MODE] != KVM_DEV_RISCV_AIA_MODE_EMUL) {
		for (i = 0; i < vm->nr_vcpus; i++)
			__atomic_store_n(&vm->vcpus[i]->guest_file, true, __ATOMIC_RELEASE);
	}
	return 0;
}

/* ---- attributes ---------------------------------------------------------------------- */

/* vm->lock held, as for the next two. */
static int config(struct kvm *vm, u64 type, enum direction direction, u32 *value)
{
	const struct limit *limit;

	if (direction == SET && irqchip_is_ready(vm))
		return -EBUSY;
	if (type == KVM_DEV_HS_AIA_CONFIG_DELIVERY)
		type = AIA_DELIVERY;
	else if (type >= AIA_DELIVERY)
		return -ENXIO;
	if (direction == GET) {
		*value = vm->aia->config[type];
		return 0;
	}
	limit = &limits[type];
	if (*value < limit->min || *value >= limit->end || (*value & limit->ones) != limit->ones)
		return -EINVAL;
	if ((type == KVM_DEV_RISCV_AIA_CONFIG_IDS || type == KVM_DEV_RISCV_AIA_CONFIG_SRCS) &&
	    *value > max_ids())
		return -EINVAL;
	if (type == KVM_DEV_RISCV_AIA_CONFIG_MODE && *value != KVM_DEV_RISCV_AIA_MODE_EMUL &&
	    !hv_guest_files())
		return -EINVAL;
	vm->aia->config[type] = *value;
	return 0;
}

static int address(struct kvm *vm, u64 type, enum direction direction, u64 *value)
{
	gpa_t *addr = &vm->aia->aplic_addr;

	if (type >= KVM_DEV_RISCV_AIA_ADDR_IMSIC(vm->nr_vcpus))
		return -ENXIO;
	if (type != KVM_DEV_RISCV_AIA_ADDR_APLIC)
		addr = &vm->aia->imsic_addr[type - KVM_DEV_RISCV_AIA_ADDR_IMSIC(0)];
	if (direction == GET) {
		*value = *addr;
		return 0;
	}
	if (irqchip_is_ready(vm))
		return -EBUSY;
	if (!IS_ALIGNED(*value, KVM_DEV_RISCV_IMSIC_ALIGN))
		return -EINVAL;
	*addr = *value;
	return 0;
}

/*
 * Returns -ENODEV if the APLIC does not exist: before the initialization, or without sources.
 * KVM_HAS_DEVICE_ATTR calls this without vm->lock. So the pointer is read only once the VM is ready:
 * until then, an initialization that fails frees the APLIC.
 */
static int aplic_state(struct kvm *vm, u64 offset, enum direction direction, u32 *value)
{
	struct aplic *aplic = irqchip_is_ready(vm) ? vm->aia->aplic : NULL;

	if (!aplic)
		return -ENODEV;
	if (is_direct(vm->aia))
		return direction == SET ? aplic_direct_write(aplic, offset, *value, NULL)
					: aplic_direct_read(aplic, offset, value);
	return direction == SET ? aplic_write(vm, offset, *value, NULL)
				: aplic_read(aplic, offset, value);
}

/*
 * Find a register of an IMSIC, or of a guest interrupt file. The attribute has the vCPU's id, which
 * need not be its index.
 */
static int find_imsic(struct kvm *vm, u64 type, struct imsic **imsicp)
{
	struct kvm_vcpu *vcpu;
	struct imsic *imsic;

	if (!irqchip_is_ready(vm))
		return -ENODEV;
	vcpu = vm_find_vcpu(vm, (u32)KVM_DEV_RISCV_AIA_IMSIC_GET_VCPU(type));
	imsic = vcpu ? vm->aia->imsic[vcpu->idx] : NULL;
	if (imsic)
		imsic = imsic_nested_find(imsic, KVM_DEV_HS_AIA_IMSIC_GET_GUEST(type));
	if (!imsic)
		return -ENODEV;
	*imsicp = imsic;
	return imsic_check(imsic, KVM_DEV_RISCV_AIA_IMSIC_GET_ISEL(type));
}

static int imsic_state(struct kvm *vm, u64 type, enum direction direction, u64 *value)
{
	u64 select = KVM_DEV_RISCV_AIA_IMSIC_GET_ISEL(type), old;
	struct imsic *imsic;
	int err = find_imsic(vm, type, &imsic);

	if (err)
		return err;
	/* While the vCPU is loaded, the registers may be in a guest interrupt file. */
	if (imsic->vcpu->guest_file) {
		if (!hv_mutex_trylock(&imsic->vcpu->mutex))
			return -EBUSY;
		vcpu_finish_put(imsic->vcpu);
	}
	old = (imsic->guest ? imsic_nested_access : imsic_access)(
		imsic, select, *value, direction == SET ? ~0ULL : 0, NULL);
	if (imsic->vcpu->guest_file)
		hv_mutex_unlock(&imsic->vcpu->mutex);
	if (direction == GET)
		*value = old;
	return 0;
}

/*
 * Transfer the value between user space and the functions above. As on Linux, the old value is read
 * from user space for a GET, too. `value` is large enough for both sizes (little-endian).
 */
static int transfer(struct kvm *vm, const struct kvm_device_attr *attr, enum direction direction)
{
	union {
		u32 u32;
		u64 u64;
	} value = { 0 };
	size_t size = sizeof(value.u64);
	int err;

	if (attr->group == KVM_DEV_RISCV_AIA_GRP_CONFIG ||
	    attr->group == KVM_DEV_RISCV_AIA_GRP_APLIC)
		size = sizeof(value.u32);
	if (hv_copy_from_user(&value, (hva_t)attr->addr, size))
		return -EFAULT;
	hv_mutex_lock(&vm->lock);
	switch (attr->group) {
	case KVM_DEV_RISCV_AIA_GRP_CONFIG:
		err = config(vm, attr->attr, direction, &value.u32);
		break;
	case KVM_DEV_RISCV_AIA_GRP_ADDR:
		err = address(vm, attr->attr, direction, &value.u64);
		break;
	case KVM_DEV_RISCV_AIA_GRP_APLIC:
		err = aplic_state(vm, attr->attr, direction, &value.u32);
		break;
	default:
		err = imsic_state(vm, attr->attr, direction, &value.u64);
		break;
	}
	hv_mutex_unlock(&vm->lock);
	if (err || direction == SET)
		return err;
	return hv_copy_to_user((hva_t)attr->addr, &value, size);
}

int aia_set_attr(struct kvm *vm, const struct kvm_device_attr *attr)
{
	int err = -ENXIO;

	if (attr->group > KVM_DEV_RISCV_AIA_GRP_IMSIC)
		return -ENXIO;
	if (attr->group != KVM_DEV_RISCV_AIA_GRP_CTRL)
		return transfer(vm, attr, SET);
	if (attr->attr == KVM_DEV_RISCV_AIA_CTRL_INIT) {
		hv_mutex_lock(&vm->lock);
		err = init(vm);
		hv_mutex_unlock(&vm->lock);
	}
	return err;
}

int aia_get_attr(struct kvm *vm, const struct kvm_device_attr *attr)
{
	if (attr->group > KVM_DEV_RISCV_AIA_GRP_IMSIC || attr->group == KVM_DEV_RISCV_AIA_GRP_CTRL)
		return -ENXIO;
	return transfer(vm, attr, GET);
}

int aia_has_attr(struct kvm *vm, const struct kvm_device_attr *attr)
{
	u32 nr_vcpus = __atomic_load_n(&vm->nr_vcpus, __ATOMIC_ACQUIRE), unused;
	struct imsic *imsic;

	switch (attr->group) {
	case KVM_DEV_RISCV_AIA_GRP_CONFIG:
		return attr->attr < AIA_DELIVERY || attr->attr == KVM_DEV_HS_AIA_CONFIG_DELIVERY
			       ? 0
			       : -ENXIO;
	case KVM_DEV_RISCV_AIA_GRP_ADDR:
		return attr->attr < KVM_DEV_RISCV_AIA_ADDR_IMSIC(nr_vcpus) ? 0 : -ENXIO;
	case KVM_DEV_RISCV_AIA_GRP_CTRL:
		return attr->attr == KVM_DEV_RISCV_AIA_CTRL_INIT ? 0 : -ENXIO;
	case KVM_DEV_RISCV_AIA_GRP_APLIC:
		return aplic_state(vm, attr->attr, GET, &unused);
	case KVM_DEV_RISCV_AIA_GRP_IMSIC:
		return find_imsic(vm, attr->attr, &imsic);
	default:
		return -ENXIO;
	}
}
