// SPDX-License-Identifier: MIT
/*
 * pmu.c - a vCPU's performance counters: counting, load and put.
 *
 * The guest's SBI calls are handled in sbi_pmu.c. The hart counts for a guest in VS and VU only, so
 * nothing has to be done at an exit. That needs Sscofpmf; without it, the platform has no counters
 * for guests.
 */
#include "vcpu/counters.h"
#include "vcpu/fp.h"
#include "vcpu/irq.h"
#include "vcpu/isa.h"
#include "vcpu/pmu.h"

bool pmu_available(void)
{
	unsigned int width;

	return hv_pmu_counters(&width) > 0;
}

/* ---- events ------------------------------------------------------------- */

u64 pmu_counters_for(const struct kvm_pmu *pmu, unsigned long event)
{
	u64 hpm = ((1ULL << pmu->nr_hw) - 1) & ~7ULL;
	unsigned long code = FIELD_GET(SBI_PMU_EVENT_CODE, event);

	if (event & ~(SBI_PMU_EVENT_TYPE | SBI_PMU_EVENT_CODE))
		return 0;
	switch (FIELD_GET(SBI_PMU_EVENT_TYPE, event)) {
	case SBI_PMU_TYPE_HW:
		if (code == SBI_PMU_HW_CYCLES)
			return hpm | BIT(PMU_CYCLE);
		return code == SBI_PMU_HW_INSTRUCTIONS ? hpm | BIT(PMU_INSTRET) : hpm;
	case SBI_PMU_TYPE_CACHE:
	case SBI_PMU_TYPE_RAW:
	case SBI_PMU_TYPE_RAW_V2:
		return hpm;
	case SBI_PMU_TYPE_FW:
		return code < SBI_PMU_FW_COUNT ? ~0ULL << pmu->nr_hw : 0;
	default:
		return 0;
	}
}

void pmu_count_event(struct kvm_vcpu *vcpu, unsigned int code)
{
	struct kvm_pmu *pmu = vcpu->pmu;
	u64 started = __atomic_load_n(&pmu->started, __ATOMIC_ACQUIRE);
	unsigned int i;

	for (i = pmu->nr_hw; i < pmu->nr; i++) {
		struct pmu_counter *c = &pmu->counters[i];

		if ((started >> i & 1) &&
		    FIELD_GET(SBI_PMU_EVENT_CODE, READ_ONCE(c->hw.event)) == code)
			__atomic_fetch_add(&c->count, 1, __ATOMIC_RELAXED);
	}
}

/*
 * Tell pmu_count() which events have a started counter. Illegal instructions are delegated to the
 * guest unless the guest counts them: then they exit, and are redirected to the guest.
 */
static void update_events(struct kvm_pmu *pmu)
{
	struct kvm_vcpu *vcpu = pmu->vcpu;
	u32 events = 0;
	unsigned int i;

	for (i = pmu->nr_hw; i < pmu->nr; i++) {
		if (pmu->started >> i & 1)
			events |= 1U << FIELD_GET(SBI_PMU_EVENT_CODE, pmu->counters[i].hw.event);
	}
	__atomic_store_n(&vcpu->pmu_events, events, __ATOMIC_RELEASE);
	if (events & BIT(SBI_PMU_FW_ILLEGAL_INSN))
		vcpu->hedeleg &= ~BIT(EXC_ILLEGAL_INST);
	else
		vcpu->hedeleg |= BIT(EXC_ILLEGAL_INST);
	if (vcpu->loaded)
		fp_delegate(vcpu);
}

/* ---- one counter -------------------------------------------------------------------- */

static void set_started(struct kvm_pmu *pmu, unsigned int number, bool started)
{
	u64 bit = 1ULL << number;

	__atomic_store_n(&pmu->started, started ? pmu->started | bit : pmu->started & ~bit,
			 __ATOMIC_RELEASE);
}

/*
 * Called on the hart on which the vCPU is loaded. The vCPU's thread is outside the guest and awake
 * (vcpu_sleep() puts the vCPU first), so neither a kick nor a wake-up is needed.
 */
static void counter_overflow(struct hv_pmc *hw)
{
	struct pmu_counter *c = container_of(hw, struct pmu_counter, hw);
	struct kvm_pmu *pmu = c->pmu;
	unsigned int number = (unsigned int)(c - pmu->counters);

	trace_kvm_pmu_overflow(number);
	pmu->overflown |= 1ULL << number;
	if (isa_has(pmu->vcpu, KVM_RISCV_ISA_EXT_SSCOFPMF))
		vcpu_set_own_irq(pmu->vcpu, IRQ_PMU_OVF);
}

/*
 * Preparing may sleep, so that a signal may have arrived. The counter must not be marked as started
 * yet: if the thread is preempted meanwhile, the next load starts all marked counters.
 */
static int start_hardware(struct kvm_pmu *pmu, struct hv_pmc *hw)
{
	int err = hv_pmc_prepare(hw);

	vcpu_set_request(pmu->vcpu, REQ_HOST);
	return err ? err : hv_pmc_start(hw);
}

static void set_event(struct pmu_counter *c, unsigned long event, u64 data, unsigned int inhibit)
{
	WRITE_ONCE(c->hw.event, event);
	c->hw.data = data;
	c->hw.inhibit = inhibit;
}

int pmu_configure(struct kvm_pmu *pmu, unsigned int number, unsigned long event, u64 data,
		  unsigned int inhibit)
{
	struct pmu_counter *c = &pmu->counters[number];
	struct hv_pmc old = c->hw;
	int err;

	if (pmu_is_firmware(pmu, number)) {
		WRITE_ONCE(c->hw.event, event);
	} else {
		hv_pmc_release(&c->hw);
		set_event(c, event, data, inhibit);
		err = start_hardware(pmu, &c->hw);
		hv_pmc_stop(&c->hw);
		if (err) {
			hv_pmc_release(&c->hw);
			set_event(c, old.event, old.data, old.inhibit);
			return err;
		}
	}
	pmu->configured |= 1ULL << number;
	pmu->overflown &= ~(1ULL << number);
	return 0;
}

void pmu_unconfigure(struct kvm_pmu *pmu, unsigned int number)
{
	pmu->configured &= ~(1ULL << number);
	pmu->overflown &= ~(1ULL << number);
	hv_pmc_release(&pmu->counters[number].hw);
	vcpu_set_request(pmu->vcpu, REQ_HOST);
}

int pmu_start(struct kvm_pmu *pmu, unsigned int number)
{
	struct pmu_counter *c = &pmu->counters[number];
	int err = 0;

	trace_kvm_pmu_start(number, c->hw.event, pmu_read(pmu, number));
	if (!pmu_is_firmware(pmu, number))
		err = start_hardware(pmu, &c->hw);
	if (err)
		return err;
	pmu->overflown &= ~(1ULL << number);
	set_started(pmu, number, true);
	if (pmu_is_firmware(pmu, number))
		update_events(pmu);
	return 0;
}

void pmu_stop(struct kvm_pmu *pmu, unsigned int number)
{
	struct pmu_counter *c = &pmu->counters[number];

	if (!pmu_is_firmware(pmu, number))
		hv_pmc_stop(&c->hw);
	set_started(pmu, number, false);
	if (pmu_is_firmware(pmu, number))
		update_events(pmu);
	trace_kvm_pmu_stop(number, c->hw.event, pmu_read(pmu, number));
}

u64 pmu_read(const struct kvm_pmu *pmu, unsigned int number)
{
	const struct pmu_counter *c = &pmu->counters[number];

	if (pmu_is_firmware(pmu, number))
		return __atomic_load_n(&c->count, __ATOMIC_RELAXED);
	return hv_pmc_read(&c->hw);
}

void pmu_set_value(struct kvm_pmu *pmu, unsigned int number, u64 value)
{
	struct pmu_counter *c = &pmu->counters[number];

	if (pmu_is_firmware(pmu, number))
		__atomic_store_n(&c->count, value, __ATOMIC_RELAXED);
	else
		c->hw.value = value & ~0ULL >> (64 - pmu->width);
}

int pmu_read_csr(struct kvm_vcpu *vcpu, unsigned long number, u64 *value)
{
	const struct kvm_pmu *pmu = vcpu->pmu;

	if (!pmu || !pmu->claimed) {
		if (number < PMU_FIRST_HPM)
			return counters_of(vcpu->kvm)->read(vcpu, value);
		/* Zihpm promises that hpmcounters can be read, not that they count. */
		*value = 0;
		return 0;
	}
	if (number >= pmu->nr_hw || !(pmu->configured >> number & 1))
		return -ENOENT;
	*value = pmu_read(pmu, (unsigned int)number);
	return 0;
}

/* ---- the vCPU's PMU: claim, load, put, reset --------------------------------------------- */

void pmu_claim(struct kvm_vcpu *vcpu)
{
	if (vcpu->pmu->claimed)
		return;
	vcpu->pmu->claimed = true;
	vcpu->hcounteren = COUNTEREN_TM;
	csr_write(hcounteren, vcpu->hcounteren);
}

/*
 * hv_pmc_start() fails if this hart has no free counter for the event. The guest's counter then
 * does not count while the vCPU is loaded here. Returns true if preparing some counter would help.
 */
static bool start_all(struct kvm_pmu *pmu)
{
	bool unprepared = false;
	unsigned int i;

	for (i = 0; i < pmu->nr_hw && pmu->started >> i; i++) {
		if (pmu->started >> i & 1)
			unprepared |= hv_pmc_start(&pmu->counters[i].hw) == -EAGAIN;
	}
	return unprepared;
}

/* The scheduler may be the caller, so leave what may sleep to run.c. */
void pmu_load(struct kvm_vcpu *vcpu)
{
	if (start_all(vcpu->pmu))
		vcpu_set_request(vcpu, REQ_PMU);
}

void pmu_put(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu->pmu;
	unsigned int i;

	for (i = 0; i < pmu->nr_hw && pmu->started >> i; i++) {
		if (pmu->started >> i & 1)
			hv_pmc_stop(&pmu->counters[i].hw);
	}
}

/*
 * The vCPU is loaded by another thread than before, or another user of the hart's counters has
 * prevented some from starting. If a counter cannot be prepared, it does not count until the next
 * load, which requests this again; so do not request it here.
 */
void pmu_serve(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu->pmu;
	unsigned int i;

	for (i = 0; i < pmu->nr_hw && pmu->started >> i; i++) {
		struct hv_pmc *hw = &pmu->counters[i].hw;

		if (!(pmu->started >> i & 1) || hv_pmc_prepare(hw))
			continue;
		hv_pmc_stop(hw); /* if the thread was preempted, the load has started it */
		hv_pmc_start(hw);
	}
	vcpu_set_request(vcpu, REQ_HOST);
}

/* A trial's counter counts nothing, and is stopped at once. */
static void ignore_overflow(struct hv_pmc *hw)
{
	(void)hw;
}

/*
 * Only a trial shows which hardware events the hart can count. A trial needs a free counter of the
 * hart, and some harts count an event only in one counter, so stop the guest's counters meanwhile.
 */
bool pmu_can_count(struct kvm_pmu *pmu, unsigned long event, u64 data)
{
	struct hv_pmc trial = { .event = event, .data = data, .overflow = ignore_overflow };
	u64 counters = pmu_counters_for(pmu, event);
	int err;

	if (!counters || FIELD_GET(SBI_PMU_EVENT_TYPE, event) == SBI_PMU_TYPE_FW)
		return counters;
	pmu_put(pmu->vcpu);
	err = hv_pmc_prepare(&trial);
	pmu_put(pmu->vcpu); /* if the thread was preempted, the load has started some */
	if (!err)
		err = hv_pmc_start(&trial);
	hv_pmc_stop(&trial);
	pmu_load(pmu->vcpu);
	hv_pmc_release(&trial);
	return !err;
}

void pmu_restore_started(struct kvm_pmu *pmu, u64 started)
{
	__atomic_store_n(&pmu->started, started, __ATOMIC_RELEASE);
	update_events(pmu);
}

void pmu_restore_claim(struct kvm_pmu *pmu, bool claimed)
{
	struct kvm_vcpu *vcpu = pmu->vcpu;

	pmu->claimed = claimed;
	vcpu->hcounteren = claimed ? COUNTEREN_TM : counters_of(vcpu->kvm)->hcounteren;
}

void pmu_reset(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu->pmu;
	unsigned int i;

	vcpu->hcounteren = counters_of(vcpu->kvm)->hcounteren;
	if (!pmu)
		return;
	pmu_restore_started(pmu, 0);
	/* A pending interrupt belongs to the old counters. */
	__atomic_fetch_and(&vcpu->irq_changed, ~BIT(IRQ_PMU_OVF), __ATOMIC_RELAXED);
	__atomic_fetch_and(&vcpu->irq_pending, ~BIT(IRQ_PMU_OVF), __ATOMIC_RELAXED);
	vcpu->csrs.hvip &= ~BIT(IRQ_PMU_OVF);
	pmu->claimed = false;
	pmu->configured = 0;
	pmu->overflown = 0;
	pmu->snapshot = PMU_NO_SNAPSHOT;
	for (i = 0; i < pmu->nr; i++) {
		hv_pmc_release(&pmu->counters[i].hw);
		pmu_set_value(pmu, i, 0);
		set_event(&pmu->counters[i], 0, 0, 0);
	}
}

int pmu_vcpu_init(struct kvm_vcpu *vcpu)
{
	unsigned int width, n = hv_pmu_counters(&width), i;
	struct kvm_pmu *pmu;

	if (!n)
		return 0;
	pmu = hv_alloc(sizeof(*pmu));
	if (!pmu)
		return -ENOMEM;
	pmu->vcpu = vcpu;
	pmu->width = width;
	pmu->nr_hw = MIN(PMU_FIRST_HPM + n, PMU_MAX_HW);
	pmu->nr = pmu->nr_hw + SBI_PMU_FW_COUNT;
	for (i = 0; i < pmu->nr; i++) {
		pmu->counters[i].hw.overflow = counter_overflow;
		pmu->counters[i].pmu = pmu;
	}
	vcpu->pmu = pmu;
	return 0;
}

void pmu_vcpu_destroy(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu->pmu;
	unsigned int i;

	for (i = 0; pmu && i < pmu->nr_hw; i++)
		hv_pmc_release(&pmu->counters[i].hw);
	hv_free(pmu);
}
