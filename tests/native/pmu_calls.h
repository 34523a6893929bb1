// SPDX-License-Identifier: MIT
/*
 * pmu_calls.h - a vCPU with counters, and its guest's PMU calls (SBI §11), for tests of the PMU.
 *
 * The harts' counters are the model of host_pmu.c; native_pmu_happen() simulates the guest's work.
 */
#ifndef NATIVE_PMU_CALLS_H
#define NATIVE_PMU_CALLS_H

#include "vcpu/pmu.h"
#include "sbi/sbi.h"
#include "one_vm.h"

#define ISA_MAX   "h sstc svinval zicboz zicbom sscofpmf ssaia"
#define HARDWARE  4              /* hpmcounter3 to 6 */
#define NR_HW     (3 + HARDWARE) /* plus cycle, time (its number is unused), and instret */
#define NR        (NR_HW + SBI_PMU_FW_COUNT)
#define CYCLES    SBI_PMU_HW_CYCLES
#define INSTRET   SBI_PMU_HW_INSTRUCTIONS
#define FW(code)  (FIELD_PREP(SBI_PMU_EVENT_TYPE, SBI_PMU_TYPE_FW) | (code))
#define ALL       (BIT(NR) - 1)
#define SNAPSHOT  (NATIVE_GUEST_BASE + 0x3000)
#define SNAP_WORD ((u64 *)native_user(NATIVE_USER_BASE + 0x3000))

static struct kvm_vcpu *vcpu;

static inline int make(const char *isa, unsigned int counters, unsigned int width)
{
	native_reset();
	native_harts_set(2);
	native_isa_set(isa);
	native_pmu_set(counters, width);
	native_core_start();
	native_vm_make(&vm, 0);
	vcpu = vm.vcpu;
	return 0;
}

static inline int setup(void **state)
{
	(void)state;
	return make(ISA_MAX, HARDWARE, 64);
}

static inline struct sbiret call(unsigned long ext, unsigned long fid, unsigned long a0,
				 unsigned long a1, unsigned long a2, unsigned long a3,
				 unsigned long a4)
{
	unsigned long *gpr = vcpu->guest.gpr, args[] = { a0, a1, a2, a3, a4, 0, fid, ext };
	struct hv_trap trap = { .scause = EXC_ECALL_VS };

	memcpy(&gpr[GPR_A0], args, sizeof(args));
	assert_int_equal(exit_sbi(vcpu, &trap), RESUME_GUEST);
	return (struct sbiret){ (long)gpr[GPR_A0], (long)gpr[GPR_A1] };
}

static inline struct sbiret pmu(unsigned long fid, unsigned long a0, unsigned long a1,
				unsigned long a2, unsigned long a3)
{
	return call(SBI_EXT_PMU, fid, a0, a1, a2, a3, 0);
}

static inline long configured(unsigned long event, unsigned long flags)
{
	struct sbiret ret = pmu(SBI_PMU_COUNTER_CONFIG_MATCHING, 0, ALL, flags, event);

	assert_int_equal(ret.error, SBI_SUCCESS);
	return ret.value;
}

static inline long start_at(long counter, u64 value)
{
	return pmu(SBI_PMU_COUNTER_START, (unsigned long)counter, 1, SBI_PMU_START_SET_INIT, value)
		.error;
}

static inline long stop(long counter, unsigned long flags)
{
	return pmu(SBI_PMU_COUNTER_STOP, (unsigned long)counter, 1, flags, 0).error;
}

/*
 * As the guest, read CSR number CSR_cycle + number into *value. Returns false if the instruction is
 * illegal.
 */
static inline bool reads(unsigned long number, u64 *value)
{
	unsigned long pc = vcpu->guest.sepc;
	struct hv_trap trap = {
		.scause = EXC_VIRTUAL_INST,
		.sepc = pc,
		.stval = (CSR_cycle + number) << 20 | 2 << 12 | 10 << 7 | 0x73,
	};

	assert_int_equal(exit_virtual_inst(vcpu, &trap), RESUME_GUEST);
	*value = vcpu->guest.gpr[GPR_A0];
	return vcpu->guest.sepc == pc + 4;
}

static inline u64 value_of(long number)
{
	u64 value;

	if (number >= NR_HW)
		return (u64)pmu(SBI_PMU_COUNTER_FW_READ, (unsigned long)number, 0, 0, 0).value;
	assert_true(reads((unsigned long)number, &value));
	return value;
}

#endif
