// SPDX-License-Identifier: MIT
/*
 * sbi_pmu.c - SBI §11: configure, start, stop and read the guest's counters.
 *
 * A call names a set of counters by a base and a mask. The calls that start and stop counters skip
 * the counters of the set that have no event, so a guest can name all possible counters to stop
 * those in use. The snapshot is a page of guest memory. The page is looked up at each use: if its
 * memory slot is gone by then, only the call that needs the page fails.
 */
#include "mmu/memslot.h"
#include "request.h"
#include "sbi/sbi.h"
#include "vcpu/isa.h"
#include "vcpu/pmu.h"

#define SNAPSHOT_VALUES (sizeof(u64)) /* offset of the values, after the overflow bits */
#define SHMEM_OFF       (~0UL)        /* in both halves of the address: disable the snapshot */

/* The flags that SBI §11 defines. Those of the start call and of the stop call have the same bits. */
#define CONFIG_FLAGS     GENMASK(7, 0)
#define START_STOP_FLAGS (SBI_PMU_START_SET_INIT | SBI_PMU_START_INIT_SNAPSHOT)

/*
 * Return the set as a mask whose bit n stands for counter n, or 0 if the set is empty or has
 * invalid members.
 */
static u64 counter_set(const struct kvm_pmu *pmu, unsigned long base, unsigned long mask)
{
	u64 all = ~0ULL >> (64 - pmu->nr);

	if (base >= pmu->nr || ((u64)mask & ~(all >> base)))
		return 0;
	return (u64)mask << base;
}

static bool is_counter(const struct kvm_pmu *pmu, unsigned long number)
{
	return number < pmu->nr && number != PMU_TIME;
}

static long counter_info(const struct kvm_pmu *pmu, unsigned long number, struct sbiret *ret)
{
	unsigned long info = FIELD_PREP(SBI_PMU_INFO_WIDTH, 63);

	if (!is_counter(pmu, number))
		return SBI_ERR_INVALID_PARAM;
	if (pmu_is_firmware(pmu, (unsigned int)number))
		info |= SBI_PMU_INFO_FW;
	else
		info = FIELD_PREP(SBI_PMU_INFO_WIDTH, pmu->width - 1) |
		       FIELD_PREP(SBI_PMU_INFO_CSR, CSR_cycle + number);
	ret->value = (long)info;
	return SBI_SUCCESS;
}

/* ---- config_matching ------------------------------------------------------------------ */

/* Return the lowest number of a set, or -1 if it is empty. */
static int first_of(u64 set)
{
	int i;

	for (i = 0; i < PMU_MAX_COUNTERS; i++) {
		if (set >> i & 1)
			return i;
	}
	return -1;
}

/*
 * Translate the flags that inhibit counting in the guest's S and U modes. The flags for other modes
 * are ignored: the guest has no M mode, and no modes with V = 1.
 */
static unsigned int inhibit_flags(unsigned long flags)
{
	unsigned int inhibit = 0;

	if (flags & SBI_PMU_CFG_UINH)
		inhibit |= HV_PMC_NOT_IN_VU;
	if (flags & SBI_PMU_CFG_SINH)
		inhibit |= HV_PMC_NOT_IN_VS;
	return inhibit;
}

static long config_matching(struct kvm_pmu *pmu, const unsigned long *args, struct sbiret *ret)
{
	u64 set = counter_set(pmu, args[0], args[1]);
	unsigned long flags = args[2], event = args[3];
	u64 fit = pmu_counters_for(pmu, event), data = args[4];
	bool was_started = false;
	int number, err;

	if (sizeof(unsigned long) == 4)
		data |= (u64)args[5] << 32;
	if (!set || (flags & ~CONFIG_FLAGS))
		return SBI_ERR_INVALID_PARAM;
	if (flags & SBI_PMU_CFG_SKIP_MATCH) {
		number = first_of(set);
		if (!(pmu->configured >> number & 1))
			return SBI_ERR_FAILED;
		if (!(fit >> number & 1))
			return SBI_ERR_NOT_SUPPORTED;
		was_started = pmu->started >> number & 1;
		if (was_started)
			pmu_stop(pmu, (unsigned int)number);
	} else {
		number = first_of(set & fit & ~pmu->configured);
		if (number < 0)
			return SBI_ERR_NOT_SUPPORTED;
	}
	err = pmu_configure(pmu, (unsigned int)number, event, data, inhibit_flags(flags));
	if (err) {
		if (was_started)
			pmu_start(pmu, (unsigned int)number);
		return err == -ENOMEM ? SBI_ERR_FAILED : SBI_ERR_NOT_SUPPORTED;
	}
	if (flags & SBI_PMU_CFG_CLEAR_VALUE)
		pmu_set_value(pmu, (unsigned int)number, 0);
	if ((flags & SBI_PMU_CFG_AUTO_START) && pmu_start(pmu, (unsigned int)number)) {
		if (!(flags & SBI_PMU_CFG_SKIP_MATCH))
			pmu_unconfigure(pmu, (unsigned int)number);
		return SBI_ERR_FAILED;
	}
	ret->value = number;
	return SBI_SUCCESS;
}

/* ---- start, stop --------------------------------------------------------------------------- */

/*
 * Return the guest address of counter `number`'s value in the snapshot. `base` is the base of the
 * call's set.
 */
static gpa_t snapshot_value(const struct kvm_pmu *pmu, unsigned int number, unsigned long base)
{
	return pmu->snapshot + SNAPSHOT_VALUES + (number - base) * sizeof(u64);
}

static long start_one(struct kvm_pmu *pmu, unsigned int number, const unsigned long *args)
{
	unsigned long flags = args[2];
	u64 value = args[3];

	if (pmu->started >> number & 1)
		return SBI_ERR_ALREADY_STARTED;
	if (sizeof(unsigned long) == 4)
		value |= (u64)args[4] << 32;
	if (flags & SBI_PMU_START_SET_INIT) {
		pmu_set_value(pmu, number, value);
	} else if (flags & SBI_PMU_START_INIT_SNAPSHOT) {
		if (kvm_read_guest(pmu->vcpu->kvm, snapshot_value(pmu, number, args[0]), &value,
				   sizeof(value)))
			return SBI_ERR_FAILED;
		pmu_set_value(pmu, number, value);
	}
	return pmu_start(pmu, number) ? SBI_ERR_FAILED : SBI_SUCCESS;
}

static long stop_one(struct kvm_pmu *pmu, unsigned int number, const unsigned long *args)
{
	bool counted = pmu->started >> number & 1;
	long error = counted ? SBI_SUCCESS : SBI_ERR_ALREADY_STOPPED;
	u64 value;

	if (counted) {
		pmu_stop(pmu, number);
		value = pmu_read(pmu, number);
		if ((args[2] & SBI_PMU_STOP_TAKE_SNAPSHOT) &&
		    kvm_write_guest(pmu->vcpu, snapshot_value(pmu, number, args[0]), &value,
				    sizeof(value)))
			error = SBI_ERR_FAILED;
	}
	if (args[2] & SBI_PMU_STOP_RESET)
		pmu_unconfigure(pmu, number);
	return error;
}

/*
 * Call `one` for each counter of the set that has an event, even after a failure. Returns the last
 * error. Fails without calling `one` if the set or the flags are invalid, or if a snapshot is requested
 * but no snapshot page is set.
 */
static long for_each_counter(struct kvm_pmu *pmu, const unsigned long *args,
			     long (*one)(struct kvm_pmu *pmu, unsigned int number,
					 const unsigned long *args))
{
	u64 set = counter_set(pmu, args[0], args[1]);
	long error = SBI_SUCCESS, err;
	unsigned int i;

	if (!set || (args[2] & ~START_STOP_FLAGS))
		return SBI_ERR_INVALID_PARAM;
	/* The snapshot flag is bit 1 in both the start call and the stop call. */
	if ((args[2] & SBI_PMU_STOP_TAKE_SNAPSHOT) && pmu->snapshot == PMU_NO_SNAPSHOT)
		return SBI_ERR_NO_SHMEM;
	for (i = 0; i < pmu->nr; i++) {
		if (!(set & pmu->configured & 1ULL << i))
			continue;
		err = one(pmu, i, args);
		if (err)
			error = err;
	}
	return error;
}

/* An initial value from the call and one from the snapshot exclude each other. */
static long counter_start(struct kvm_pmu *pmu, const unsigned long *args)
{
	if (args[2] == (SBI_PMU_START_SET_INIT | SBI_PMU_START_INIT_SNAPSHOT))
		return SBI_ERR_INVALID_PARAM;
	return for_each_counter(pmu, args, start_one);
}

static long counter_stop(struct kvm_pmu *pmu, const unsigned long *args)
{
	long error = for_each_counter(pmu, args, stop_one);
	u64 overflown = 0;

	if (!(args[2] & SBI_PMU_STOP_TAKE_SNAPSHOT) || error == SBI_ERR_INVALID_PARAM ||
	    error == SBI_ERR_NO_SHMEM)
		return error;
	if (isa_has(pmu->vcpu, KVM_RISCV_ISA_EXT_SSCOFPMF))
		overflown = pmu->overflown >> args[0];
	if (kvm_write_guest(pmu->vcpu, pmu->snapshot, &overflown, sizeof(overflown)))
		return SBI_ERR_FAILED;
	return error;
}

/* ---- the rest ---------------------------------------------------------------------------------- */

static long fw_read(const struct kvm_pmu *pmu, unsigned long number, unsigned int shift,
		    struct sbiret *ret)
{
	if (!is_counter(pmu, number) || !pmu_is_firmware(pmu, (unsigned int)number))
		return SBI_ERR_INVALID_PARAM;
	if (!(pmu->configured >> number & 1)) /* it has no event, as on Linux 7.3 */
		return SBI_ERR_INVALID_PARAM;
	ret->value = (long)(pmu_read(pmu, (unsigned int)number) >> shift);
	return SBI_SUCCESS;
}

/*
 * Set the snapshot page, or disable the snapshot. Zeroing a new page also checks that it is
 * writable memory.
 */
static long set_shmem(struct kvm_pmu *pmu, const unsigned long *args)
{
	static const u8 zero[PAGE_SIZE];
	gpa_t gpa = args[0];

	if (args[2])
		return SBI_ERR_INVALID_PARAM;
	if (args[0] == SHMEM_OFF && args[1] == SHMEM_OFF) {
		pmu->snapshot = PMU_NO_SNAPSHOT;
		return SBI_SUCCESS;
	}
	if (args[0] & (PAGE_SIZE - 1))
		return SBI_ERR_INVALID_PARAM;
	if (sizeof(unsigned long) == 4)
		gpa |= (u64)args[1] << 32;
	else if (args[1])
		return SBI_ERR_INVALID_ADDRESS;
	if (kvm_write_guest(pmu->vcpu, gpa, zero, PAGE_SIZE))
		return SBI_ERR_INVALID_ADDRESS;
	pmu->snapshot = gpa;
	return SBI_SUCCESS;
}

/* A write of guest memory adds an entry to the dirty ring, so write many answers at once. */
#define EVENTS_BATCH 32

/* Answer `count` entries of event_get_info, at most EVENTS_BATCH. */
static long event_infos(struct kvm_pmu *pmu, gpa_t gpa, unsigned long count)
{
	struct sbi_pmu_event_info infos[EVENTS_BATCH];
	size_t len = count * sizeof(*infos);
	unsigned long i;

	if (kvm_read_guest(pmu->vcpu->kvm, gpa, infos, len))
		return SBI_ERR_INVALID_ADDRESS;
	for (i = 0; i < count; i++) {
		infos[i].output = pmu_can_count(pmu, infos[i].event, infos[i].data);
		hv_cond_resched();
	}
	return kvm_write_guest(pmu->vcpu, gpa, infos, len) ? SBI_ERR_INVALID_ADDRESS : SBI_SUCCESS;
}

/* So many events delay a signal by a few million instructions: each takes calls of the firmware. */
#define EVENTS_MAX 512

/*
 * Tell the guest which events can be counted. As on Linux 7.3, an event_idx that SBI does not
 * define is an event that cannot be counted.
 */
static long event_get_info(struct kvm_pmu *pmu, const unsigned long *args)
{
	unsigned long count = args[2], i;
	gpa_t gpa = args[0];
	long error = SBI_SUCCESS;

	if (args[3] || !count || gpa % sizeof(struct sbi_pmu_event_info))
		return SBI_ERR_INVALID_PARAM;
	if (sizeof(unsigned long) == 4)
		gpa |= (u64)args[1] << 32;
	else if (args[1])
		return SBI_ERR_INVALID_ADDRESS;
	if (count > EVENTS_MAX)
		return SBI_ERR_FAILED;
	for (i = 0; i < count && !error; i += EVENTS_BATCH)
		error = event_infos(pmu, gpa + i * sizeof(struct sbi_pmu_event_info),
				    MIN(count - i, EVENTS_BATCH));
	vcpu_set_request(pmu->vcpu, REQ_HOST);
	return error;
}

int sbi_pmu(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	const unsigned long *args = &vcpu->guest.gpr[GPR_A0];
	struct kvm_pmu *pmu = vcpu->pmu;

	(void)ext;
	if (!pmu) {
		ret->error = SBI_ERR_NOT_SUPPORTED;
		return RESUME_GUEST;
	}
	pmu_claim(vcpu);
	switch (fid) {
	case SBI_PMU_NUM_COUNTERS:
		ret->value = (long)pmu->nr;
		break;
	case SBI_PMU_COUNTER_GET_INFO:
		ret->error = counter_info(pmu, args[0], ret);
		break;
	case SBI_PMU_COUNTER_CONFIG_MATCHING:
		ret->error = config_matching(pmu, args, ret);
		break;
	case SBI_PMU_COUNTER_START:
		ret->error = counter_start(pmu, args);
		break;
	case SBI_PMU_COUNTER_STOP:
		ret->error = counter_stop(pmu, args);
		break;
	case SBI_PMU_COUNTER_FW_READ:
		ret->error = fw_read(pmu, args[0], 0, ret);
		break;
	case SBI_PMU_COUNTER_FW_READ_HI:
		/*
		 * On RV64, COUNTER_FW_READ returns the whole value, so the upper half reads as 0.
		 */
		ret->error = fw_read(pmu, args[0], 32, ret);
		if (sizeof(unsigned long) == 8)
			ret->value = 0;
		break;
	case SBI_PMU_SNAPSHOT_SET_SHMEM:
		ret->error = set_shmem(pmu, args);
		break;
	case SBI_PMU_EVENT_GET_INFO:
		ret->error = event_get_info(pmu, args);
		break;
	default:
		ret->error = SBI_ERR_NOT_SUPPORTED;
		break;
	}
	/*
	 * If the snapshot page had to be faulted in, interrupts may have been taken, and a signal
	 * may have arrived. Make run.c look for a signal.
	 */
	if (pmu->snapshot != PMU_NO_SNAPSHOT)
		vcpu_set_request(vcpu, REQ_HOST);
	return RESUME_GUEST;
}
