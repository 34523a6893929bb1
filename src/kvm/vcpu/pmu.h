// SPDX-License-Identifier: MIT
/*
 * pmu.h - a vCPU's performance counters: what they are, and who counts them.
 *
 *   0        cycle      3 ..  as many as the hart has    nr_hw ..  one for each
 *   2        instret          (hpmcounter3 ...)                    firmware event
 *
 * Hardware counters have the numbers of their CSRs; there is no counter 1, which would be time. A
 * started hardware counter occupies a counter of the hart whenever the vCPU is loaded
 * (hv_pmc_start()), and its value moves with the vCPU from hart to hart. Firmware events are what
 * this hypervisor does for the guest; any thread may count them.
 *
 * Until its first SBI PMU call, a vCPU reads cycle and instret as toggle `counters` says
 * (counters.h). From then on, these two CSRs are the guest's own counters as well, and reading them
 * traps (pmu_claim()).
 */
#ifndef KVM_PMU_H
#define KVM_PMU_H

#include "hv/host_pmu.h"
#include "kvm.h"

#define PMU_MAX_COUNTERS 64
#define PMU_MAX_HW       32 /* CSRs cycle to hpmcounter31 */
#define PMU_CYCLE        0
#define PMU_TIME         1 /* no counter */
#define PMU_INSTRET      2
#define PMU_FIRST_HPM    3

#define PMU_NO_SNAPSHOT (~(gpa_t)0)

struct pmu_counter {
	struct hv_pmc hw; /* all counters use `event`; only hardware counters use the rest */
	u64 count;        /* a firmware counter's value; any thread, atomically */
	struct kvm_pmu *pmu;
};

struct kvm_pmu {
	struct kvm_vcpu *vcpu;
	unsigned int nr_hw, nr; /* hardware counters are below nr_hw, firmware counters below nr */
	unsigned int width;     /* width of a hardware counter in bits */
	bool claimed;           /* the guest has made an SBI PMU call since its reset */
	u64 configured;         /* bit n: counter n has an event */
	u64 started;            /* bit n: counter n counts; any thread reads firmware-event bits */
	u64 overflown;          /* bit n: counter n has overflowed since it was started */
	gpa_t snapshot;         /* shared memory, or PMU_NO_SNAPSHOT */
	struct pmu_counter counters[PMU_MAX_COUNTERS];
};

/* Unless a comment says otherwise: called by the vCPU's own thread, with the vCPU loaded. */

bool pmu_available(void); /* do vCPUs have counters on this platform? any thread */
int pmu_vcpu_init(struct kvm_vcpu *vcpu);
void pmu_vcpu_destroy(struct kvm_vcpu *vcpu);
void pmu_reset(struct kvm_vcpu *vcpu); /* reset to the state after power-on; vCPU not loaded */
void pmu_load(struct kvm_vcpu *vcpu);  /* make started counters count on this hart */
void pmu_put(struct kvm_vcpu *vcpu);
void pmu_serve(struct kvm_vcpu *vcpu); /* serve REQ_PMU; may sleep */

/*
 * Return the mask of the counters for events of this type, or 0 if there are none. Only
 * pmu_can_count() finds out whether the hart can count a hardware event.
 */
u64 pmu_counters_for(const struct kvm_pmu *pmu, unsigned long event);
/* Can this hart count the event, or is it a firmware event that is counted? May sleep. */
bool pmu_can_count(struct kvm_pmu *pmu, unsigned long event, u64 data);

/* Make cycle and instret the guest's own counters until the next reset. */
void pmu_claim(struct kvm_vcpu *vcpu);
/*
 * Restore the PMU of a vCPU that is not loaded, from ONE_REG: which counters count (all of them
 * configured), and whether cycle and instret are the guest's own counters.
 */
void pmu_restore_started(struct kvm_pmu *pmu, u64 started);
void pmu_restore_claim(struct kvm_pmu *pmu, bool claimed);
/*
 * Let a stopped counter count another event; a hardware counter, also with other data and another
 * inhibit. Returns 0, or -errno if the hart cannot count this hardware event, which only a trial can
 * show; the counter then is as before. May sleep.
 */
int pmu_configure(struct kvm_pmu *pmu, unsigned int number, unsigned long event, u64 data,
		  unsigned int inhibit);
void pmu_unconfigure(struct kvm_pmu *pmu, unsigned int number); /* a stopped counter; may sleep */
/*
 * Start a configured, stopped counter. Returns 0, or -errno if the hart has no free counter for the
 * event. May sleep.
 */
int pmu_start(struct kvm_pmu *pmu, unsigned int number);
void pmu_stop(struct kvm_pmu *pmu, unsigned int number);
u64 pmu_read(const struct kvm_pmu *pmu, unsigned int number); /* of a configured counter */
void pmu_set_value(struct kvm_pmu *pmu, unsigned int number, u64 value); /* of a stopped counter */

static inline bool pmu_is_firmware(const struct kvm_pmu *pmu, unsigned int number)
{
	return number >= pmu->nr_hw;
}

void pmu_count_event(struct kvm_vcpu *vcpu, unsigned int code) __attribute__((cold));

/* Count a firmware event of SBI §11 (SBI_PMU_FW_*) that has happened to the vCPU. Any thread. */
static inline void pmu_count(struct kvm_vcpu *vcpu, unsigned int code)
{
	if (__builtin_expect(READ_ONCE(vcpu->pmu_events) & BIT(code), 0))
		pmu_count_event(vcpu, code);
}

/*
 * Read the CSR of counter `number` (CSR number: cycle + number). Returns 0, or -ENOENT if the guest
 * may not read it.
 */
int pmu_read_csr(struct kvm_vcpu *vcpu, unsigned long number, u64 *value);

#endif
