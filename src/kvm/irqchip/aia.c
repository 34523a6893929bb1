// SPDX-License-Identifier: MIT
/*
 * aia.c - the AIA in the kernel: where an MSI goes, and the guest's accesses.
 *
 * Each vCPU's IMSIC has one page of guest physical memory, to which devices and vCPUs store MSIs.
 * The next pages belong to the vCPU's guest interrupt files, if it has any (imsic_nested.c). As on
 * Linux, an MSI that a device, user space or the APLIC sends to any other page is dropped, and a
 * store of the guest to such a page goes to user space. An MSI reaches only vCPUs of its own VM,
 * because it is looked up in this VM's table.
 *
 * The tables of struct aia are constant once vm->irqchip_ready is set, so they need no lock.
 */
#include "irqchip/aia.h"
#include "vcpu/aia.h"

#define SETEIPNUM_LE 0
#define SETEIPNUM_BE 4

#define TARGET_HART  GENMASK(31, 18)
#define TARGET_GUEST GENMASK(17, 12)
#define TARGET_EIID  GENMASK(10, 0)

static struct imsic *search(const struct aia *aia, u64 page)
{
	u32 low = 0, high = aia->nr_pages, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (aia->by_page[middle]->page < page)
			low = middle + 1;
		else
			high = middle;
	}
	return low < aia->nr_pages && aia->by_page[low]->page == page ? aia->by_page[low] : NULL;
}

/*
 * Find the IMSIC of a page. Look first at place `index` of the table: there it is if the vCPUs' IMSICs
 * follow one another, as they usually do, and `index` is the hart index.
 */
static inline struct imsic *imsic_at(const struct aia *aia, u64 page, u64 index)
{
	if (index < aia->nr_pages && aia->by_page[index]->page == page)
		return aia->by_page[index];
	return search(aia, page);
}

/* Returns -ENODEV if there is no such file. Not inlined: most MSIs are for a vCPU's own file. */
static __attribute__((noinline)) int send_to_guest(struct imsic *imsic, u64 guest, u32 id,
						   const struct kvm_vcpu *self)
{
	imsic = imsic_nested_find(imsic, guest);
	return imsic ? imsic_nested_send(imsic, id, self) : -ENODEV;
}

/* From the low to the high bits, a hart index consists of the hart's number and the group's. */
void aia_send_to_target(struct kvm *vm, u32 target, const struct kvm_vcpu *self)
{
	const struct aia *aia = vm->aia;
	const u32 *config = aia->config;
	u64 index = FIELD_GET(TARGET_HART, target), hart, group, page;
	struct imsic *imsic;

	group = index >> config[KVM_DEV_RISCV_AIA_CONFIG_HART_BITS];
	hart = index - (group << config[KVM_DEV_RISCV_AIA_CONFIG_HART_BITS]);
	if (group >> config[KVM_DEV_RISCV_AIA_CONFIG_GROUP_BITS])
		return;
	page = aia->base_page | hart << config[KVM_DEV_RISCV_AIA_CONFIG_GUEST_BITS];
	page |= group << (config[KVM_DEV_RISCV_AIA_CONFIG_GROUP_SHIFT] - PAGE_SHIFT);
	imsic = imsic_at(aia, page, index);
	if (!imsic)
		return;
	if (target & TARGET_GUEST)
		send_to_guest(imsic, FIELD_GET(TARGET_GUEST, target), target & (u32)TARGET_EIID,
			      self);
	else
		imsic_send(imsic, target & (u32)TARGET_EIID, self);
}

/*
 * As on Linux, returns 0 if the page is not part of any IMSIC, and -ENODEV if it is that of a guest
 * interrupt file that does not exist.
 */
static int send(struct kvm *vm, gpa_t gpa, u32 data, const struct kvm_vcpu *self)
{
	const struct aia *aia = vm->aia;
	u64 page = gpa >> PAGE_SHIFT, offset = gpa % PAGE_SIZE;
	u32 guest_bits = aia->config[KVM_DEV_RISCV_AIA_CONFIG_GUEST_BITS];
	u64 guest = page & (BIT(guest_bits) - 1);
	struct imsic *imsic = imsic_at(aia, page - guest, (page - aia->base_page) >> guest_bits);

	if (!imsic)
		return 0;
	if (offset != SETEIPNUM_LE && offset != SETEIPNUM_BE)
		return -ENODEV;
	data = offset == SETEIPNUM_BE ? bytes_swap(data) : data;
	return guest ? send_to_guest(imsic, guest, data, self) : imsic_send(imsic, data, self);
}

static int send_msi(struct kvm *vm, gpa_t gpa, u32 data)
{
	trace_kvm_msi_set_irq(gpa, data);
	return send(vm, gpa, data, NULL);
}

static bool access_aplic(struct kvm_vcpu *vcpu, u64 offset, bool is_store, u64 *data)
{
	struct kvm *vm = vcpu->kvm;
	u32 value;

	if (is_store)
		return !aplic_write(vm, offset, (u32)*data, vcpu);
	if (aplic_read(vm->aia->aplic, offset, &value))
		return false;
	*data = value;
	return true;
}

/* Is this the page of an IMSIC, or of a guest interrupt file? */
static bool has_page(const struct aia *aia, u64 page)
{
	u64 guest = page & (BIT(aia->config[KVM_DEV_RISCV_AIA_CONFIG_GUEST_BITS]) - 1);
	struct imsic *imsic;

	if (search(aia, page))
		return true;
	imsic = guest ? search(aia, page - guest) : NULL;
	return imsic && imsic_nested_find(imsic, guest);
}

/* Not inlined, so that accesses to the APLIC do not pay for it. */
static __attribute__((noinline)) bool access_imsics(struct kvm_vcpu *vcpu, gpa_t gpa, bool is_store,
						    u64 *data)
{
	struct kvm *vm = vcpu->kvm;

	if (!has_page(vm->aia, gpa >> PAGE_SHIFT))
		return false;
	if (is_store)
		send(vm, gpa, (u32)*data, vcpu);
	else
		*data = 0;
	return true;
}

static bool mmio(struct kvm_vcpu *vcpu, gpa_t gpa, unsigned int len, bool is_store, u64 *data)
{
	const struct aia *aia = vcpu->kvm->aia;

	if (len != 4 || gpa % 4)
		return false;
	if (aia->aplic && gpa - aia->aplic_addr < KVM_DEV_RISCV_APLIC_SIZE)
		return access_aplic(vcpu, gpa - aia->aplic_addr, is_store, data);
	return access_imsics(vcpu, gpa, is_store, data);
}

/*
 * Does an access that imsic_check() refuses have no effect? AIA ("Indirectly accessed interrupt-file
 * registers") demands it of reserved registers, and of ids that are not implemented. On Linux, such
 * accesses fail.
 */
static bool has_no_effect(unsigned long select, int err)
{
	if (err == -ENOENT)
		return select >= IMSIC_EIDELIVERY && select < IMSIC_EIP0;
	return err == -EINVAL && !(select & 1);
}

/*
 * `nested`: the file is one of imsic->guests. Inlined, so that the vCPU's own file does not pay for the
 * others.
 */
static inline __attribute__((always_inline)) int
access_file(struct imsic *imsic, bool nested, struct kvm_vcpu *vcpu, unsigned long select,
	    const struct csr_access *access, unsigned long *value)
{
	bool write = access->write_mask != 0;
	int err;

	if (access->csr == CSR_stopei) {
		*value = (nested ? imsic_nested_top : imsic_top)(imsic, write, vcpu);
		return 0;
	}
	err = imsic_check(imsic, select);
	if (!err)
		*value = (nested ? imsic_nested_access : imsic_access)(
			imsic, select, access->new_value, access->write_mask, vcpu);
	if (!err || !has_no_effect(select, err))
		return err;
	*value = 0;
	return 0;
}

static int access_csr(struct kvm_vcpu *vcpu, unsigned long select, const struct csr_access *access,
		      unsigned long *value)
{
	struct imsic *imsic = vcpu->kvm->aia->imsic[vcpu->idx];

	return imsic ? access_file(imsic, false, vcpu, select, access, value) : -ENOENT;
}

static int access_guest_file(struct kvm_vcpu *vcpu, unsigned int file, unsigned long select,
			     const struct csr_access *access, unsigned long *value)
{
	struct imsic *imsic = imsic_nested_find(vcpu->kvm->aia->imsic[vcpu->idx], file);

	return access_file(imsic, true, vcpu, select, access, value);
}

static void reset_vcpu(struct kvm_vcpu *vcpu)
{
	struct imsic *imsic = vcpu->kvm->aia->imsic[vcpu->idx];

	if (!imsic)
		return;
	imsic_reset(imsic);
	imsic_nested_reset(imsic);
}

/*
 * KVM_DEV_RISCV_AIA_CTRL_INIT makes the IMSICs while vCPUs may run, and then sets guest_file. The
 * caller has found it set; load it again to order the accesses to the IMSIC after that.
 */
static struct imsic *complete_imsic(const struct kvm_vcpu *vcpu)
{
	(void)__atomic_load_n(&vcpu->guest_file, __ATOMIC_ACQUIRE);
	return vcpu->kvm->aia->imsic[vcpu->idx];
}

static void load(struct kvm_vcpu *vcpu)
{
	imsic_guest_load(complete_imsic(vcpu));
}

static void put(struct kvm_vcpu *vcpu)
{
	imsic_guest_put(complete_imsic(vcpu));
}

static void reset_lines(struct kvm_vcpu *vcpu)
{
	struct imsic *imsic = vcpu->kvm->aia->imsic[vcpu->idx];

	if (imsic)
		imsic_drive_again(imsic);
}

const struct irqchip_ops irqchip_aia_ops = {
	.name = "kvm-riscv-aia",
	.create = aia_create,
	.destroy = aia_destroy,
	.set_attr = aia_set_attr,
	.get_attr = aia_get_attr,
	.has_attr = aia_has_attr,
	.set_line = aplic_set_line,
	.pulse = aplic_pulse,
	.send_msi = send_msi,
	.mmio = mmio,
	.access_csr = access_csr,
	.access_guest_file = access_guest_file,
	.reset_vcpu = reset_vcpu,
	.load = load,
	.put = put,
	.idle = imsic_guest_idle,
	.reset_lines = reset_lines,
};
