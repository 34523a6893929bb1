// SPDX-License-Identifier: MIT
/*
 * onereg_pmu.c - registers with the state of the guest's PMU, so that a migrated guest keeps its
 * counts (hv/kvm_pmu.h).
 *
 * The vCPU is not loaded, so each counter's value is in memory, also while the counter is started.
 * Values that the guest could not have set by SBI calls are refused; only whether the hart can
 * count a hardware event is not known before the vCPU is loaded (pmu_load()).
 */
#include "hv/kvm_pmu.h"
#include "uapi/onereg.h"
#include "vcpu/pmu.h"

#define FIRST  KVM_HS_PMU_COUNTER(0, 0)
#define FIELDS 4

static unsigned int counter_of(unsigned long num)
{
	return (unsigned int)(num - FIRST) / FIELDS;
}

static bool exists(const struct kvm_vcpu *vcpu, u64 num)
{
	if (!vcpu->pmu || !(vcpu->sbi_ext >> KVM_RISCV_SBI_EXT_PMU & 1))
		return false;
	if (num == KVM_HS_PMU_LAYOUT || (num >= KVM_HS_PMU_CONFIGURED && num < KVM_HS_PMU_COUNT))
		return true;
	return num >= FIRST && num < KVM_HS_PMU_COUNTER(vcpu->pmu->nr, 0) &&
	       counter_of((unsigned long)num) != PMU_TIME;
}

static int pmu_check(const struct kvm_vcpu *vcpu, u64 num, unsigned int size)
{
	if (!exists(vcpu, num))
		return -ENOENT;
	return size == sizeof(u64) ? 0 : -EINVAL;
}

static unsigned int pmu_listed(const struct kvm_vcpu *vcpu, unsigned long num)
{
	return exists(vcpu, num) ? sizeof(u64) : 0;
}

static u64 layout(const struct kvm_pmu *pmu)
{
	return FIELD_PREP(KVM_HS_PMU_LAYOUT_HW, pmu->nr_hw) |
	       FIELD_PREP(KVM_HS_PMU_LAYOUT_ALL, pmu->nr) |
	       FIELD_PREP(KVM_HS_PMU_LAYOUT_WIDTH, pmu->width);
}

/* ---- reading ------------------------------------------------------------------------ */

static u64 counter_get(const struct kvm_pmu *pmu, unsigned int number, unsigned int field)
{
	const struct pmu_counter *c = &pmu->counters[number];

	switch (field) {
	case KVM_HS_PMU_VALUE:
		return pmu_read(pmu, number);
	case KVM_HS_PMU_EVENT:
		return c->hw.event;
	case KVM_HS_PMU_DATA:
		return c->hw.data;
	default:
		return c->hw.inhibit;
	}
}

static int pmu_reg_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	const struct kvm_pmu *pmu = vcpu->pmu;

	switch (num) {
	case KVM_HS_PMU_LAYOUT:
		*value = layout(pmu);
		break;
	case KVM_HS_PMU_CONFIGURED:
		*value = pmu->configured;
		break;
	case KVM_HS_PMU_OVERFLOWN:
		*value = pmu->overflown;
		break;
	case KVM_HS_PMU_STARTED:
		*value = pmu->started;
		break;
	case KVM_HS_PMU_SNAPSHOT:
		*value = pmu->snapshot;
		break;
	case KVM_HS_PMU_CLAIMED:
		*value = pmu->claimed;
		break;
	default:
		*value = counter_get(pmu, counter_of(num), (num - FIRST) % FIELDS);
		break;
	}
	return 0;
}

/* ---- writing ------------------------------------------------------------------------ */

static bool fits(const struct kvm_pmu *pmu, unsigned int number, u64 event)
{
	return pmu_counters_for(pmu, (unsigned long)event) >> number & 1;
}

static int event_set(struct kvm_pmu *pmu, unsigned int number, u64 event)
{
	if ((event || pmu->configured >> number & 1) && !fits(pmu, number, event))
		return -EINVAL;
	WRITE_ONCE(pmu->counters[number].hw.event, (unsigned long)event);
	return 0;
}

/* The count of a started counter may be set, but not what it counts: EBUSY. */
static int counter_set(struct kvm_pmu *pmu, unsigned int number, unsigned int field, u64 value)
{
	struct hv_pmc *hw = &pmu->counters[number].hw;

	if (field == KVM_HS_PMU_VALUE) {
		pmu_set_value(pmu, number, value);
		return 0;
	}
	if (pmu->started >> number & 1)
		return value == counter_get(pmu, number, field) ? 0 : -EBUSY;
	hv_pmc_release(hw); /* it is prepared again for what it counts when the guest starts it */
	if (field == KVM_HS_PMU_EVENT)
		return event_set(pmu, number, value);
	if (field == KVM_HS_PMU_DATA) {
		hw->data = value;
		return 0;
	}
	if (value & ~(u64)(HV_PMC_NOT_IN_VU | HV_PMC_NOT_IN_VS))
		return -EINVAL;
	hw->inhibit = (unsigned int)value;
	return 0;
}

/* The started counters must stay configured, and each configured counter needs an event. */
static int configured_set(struct kvm_pmu *pmu, u64 mask)
{
	unsigned int i;

	if (mask & ~(~0ULL >> (64 - pmu->nr)) || (mask >> PMU_TIME & 1) || (pmu->started & ~mask))
		return -EINVAL;
	for (i = 0; i < pmu->nr; i++) {
		if ((mask >> i & 1) && !fits(pmu, i, pmu->counters[i].hw.event))
			return -EINVAL;
	}
	pmu->configured = mask;
	pmu->overflown &= mask;
	for (i = 0; i < pmu->nr_hw; i++) {
		if (!(mask >> i & 1))
			hv_pmc_release(&pmu->counters[i].hw);
	}
	return 0;
}

static int pmu_reg_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	struct kvm_pmu *pmu = vcpu->pmu;

	switch (num) {
	case KVM_HS_PMU_LAYOUT:
		return value == layout(pmu) ? 0 : -EINVAL;
	case KVM_HS_PMU_CONFIGURED:
		return configured_set(pmu, value);
	case KVM_HS_PMU_OVERFLOWN:
		if (value & ~pmu->configured)
			return -EINVAL;
		pmu->overflown = value;
		return 0;
	case KVM_HS_PMU_STARTED:
		if (value & ~pmu->configured)
			return -EINVAL;
		pmu_restore_started(pmu, value);
		return 0;
	case KVM_HS_PMU_SNAPSHOT:
		if (value != PMU_NO_SNAPSHOT && value % PAGE_SIZE)
			return -EINVAL;
		pmu->snapshot = value;
		return 0;
	case KVM_HS_PMU_CLAIMED:
		if (value > 1)
			return -EINVAL;
		pmu_restore_claim(pmu, value);
		return 0;
	default:
		return counter_set(pmu, counter_of(num), (num - FIRST) % FIELDS, value);
	}
}

const struct reg_group reg_group_pmu = {
	.type = KVM_REG_RISCV_HS_PMU,
	.check = pmu_check,
	.get = pmu_reg_get,
	.set = pmu_reg_set,
	.listed = pmu_listed,
	.count = KVM_HS_PMU_COUNT,
};
