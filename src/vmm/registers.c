// SPDX-License-Identifier: MIT
/*
 * registers.c - a vCPU's registers by ONE_REG: reset, samples for the watchdog, register dump.
 *
 * All of this runs while the vCPU is outside KVM_RUN: in its own thread, or in the main thread
 * while the vCPU is parked.
 */
#include <stdio.h>
#include "vmm.h"

/* ORDER: struct kvm_riscv_core (pc in x0's place), then the mode. */
static const char *const core_names[] = {
	"pc", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
	"a1", "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
	"s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6", "mode",
};

/* ORDER: struct kvm_riscv_csr */
static const char *const csr_names[] = {
	"sstatus", "sie", "stvec", "sscratch",   "sepc",    "scause",
	"stval",   "sip", "satp",  "scounteren", "senvcfg",
};

#define CORE_PC   KVM_REG_RISCV_CORE_REG(regs.pc)
#define CORE_A0   KVM_REG_RISCV_CORE_REG(regs.a0)
#define CORE_A1   KVM_REG_RISCV_CORE_REG(regs.a1)
#define CORE_MODE KVM_REG_RISCV_CORE_REG(mode)

#define STA_SHMEM_LO \
	(KVM_REG_RISCV_SBI_STATE | KVM_REG_RISCV_SBI_STA | KVM_REG_RISCV_SBI_STA_REG(shmem_lo))
#define CSR_SCOUNTEREN KVM_REG_RISCV_CSR_REG(scounteren)

/*
 * Let user mode read cycle, time and instret, as firmware and KVM's own reset do. Linux enables
 * these counters only if it finds an SBI PMU, but its vDSO reads time in any case.
 */
#define COUNTERS_OPEN 7

static void set(struct vcpu *vcpu, u64 reg, unsigned long value, const char *name)
{
	int err = kvm_set_reg(vcpu->fd, reg, value);

	if (err)
		die(STATUS_SETUP, "KVM_SET_ONE_REG %s = 0x%lx of vCPU %u: errno %d", name, value,
		    vcpu->id, -err);
}

/*
 * Reset what has no register, or none on all kernels. Linux 6.12 resets a vCPU only when the guest
 * starts it. There, at least nothing is written any more to the memory of steal time, which the next
 * kernel may use for something else.
 */
static void reset_rest(struct vcpu *vcpu)
{
	struct kvm_mp_state reset = { .mp_state = KVM_MP_STATE_INIT_RECEIVED };

	if (vcpu->machine->can_reset)
		kvm_call(vcpu->fd, KVM_SET_MP_STATE, &reset);
	else
		kvm_set_reg(vcpu->fd, STA_SHMEM_LO, ~0ul); /* an error if there is no STA */
}

/*
 * Set the state in which SBI HSM starts a hart (SBI HSM FID 0), which is also the state that
 * Linux's boot protocol requires: a0 is the hart id, a1 is the address of the device tree, and satp
 * and sstatus.SIE are zero. All harts except the first wait to be started, and KVM itself sets
 * their state when they start.
 */
void registers_reset(struct vcpu *vcpu, gpa_t entry, gpa_t dtb)
{
	bool boots = vcpu->id == 0;
	struct kvm_mp_state state = {
		.mp_state = boots ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_STOPPED,
	};

	kvm_call(vcpu->fd, KVM_SET_MP_STATE, &state);
	reset_rest(vcpu);
	for (unsigned int i = 0; i < ARRAY_SIZE(core_names); i++)
		set(vcpu, REG_CORE(i), 0, core_names[i]);
	for (unsigned int i = 0; i < ARRAY_SIZE(csr_names); i++)
		set(vcpu, REG_CSR(i), i == CSR_SCOUNTEREN ? COUNTERS_OPEN : 0, csr_names[i]);
	kvm_set_timer(vcpu->fd, KVM_REG_RISCV_TIMER_REG(compare), ~0ull);
	kvm_set_timer(vcpu->fd, KVM_REG_RISCV_TIMER_REG(state), KVM_RISCV_TIMER_STATE_OFF);
	set(vcpu, REG_CORE(CORE_MODE), KVM_RISCV_MODE_S, "mode");
	set(vcpu, REG_CORE(CORE_PC), entry, "pc");
	set(vcpu, REG_CORE(CORE_A0), vcpu->id, "a0");
	set(vcpu, REG_CORE(CORE_A1), dtb, "a1");
}

static unsigned long get(const struct vcpu *vcpu, u64 reg)
{
	unsigned long value = 0;

	kvm_get_reg(vcpu->fd, reg, &value);
	return value;
}

static void dump_table(struct vcpu *vcpu, u64 first, const char *const *names, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		fprintf(stderr, "%s%-10s %016lx%s", i % 3 == 0 ? "  " : "", names[i],
			get(vcpu, first + i), i % 3 == 2 || i == count - 1 ? "\n" : "  ");
}

void registers_dump(struct vcpu *vcpu)
{
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_RUNNABLE };

	kvm_try(vcpu->fd, KVM_GET_MP_STATE, (unsigned long)&state);
	if (state.mp_state == KVM_MP_STATE_STOPPED) {
		complain("vCPU %u: stopped", vcpu->id);
		return;
	}
	complain("vCPU %u:", vcpu->id);
	dump_table(vcpu, REG_CORE(0), core_names, ARRAY_SIZE(core_names));
	dump_table(vcpu, REG_CSR(0), csr_names, ARRAY_SIZE(csr_names));
}

void registers_sample(const struct vcpu *vcpu, struct trap_sample *sample)
{
	sample->pc = get(vcpu, REG_CORE(CORE_PC));
	sample->stvec = get(vcpu, REG_CSR(KVM_REG_RISCV_CSR_REG(stvec)));
	sample->sepc = get(vcpu, REG_CSR(KVM_REG_RISCV_CSR_REG(sepc)));
	sample->scause = get(vcpu, REG_CSR(KVM_REG_RISCV_CSR_REG(scause)));
	sample->stval = get(vcpu, REG_CSR(KVM_REG_RISCV_CSR_REG(stval)));
}

/* If KVM refuses, the register keeps its value. */
void registers_set_stval(const struct vcpu *vcpu, unsigned long stval)
{
	kvm_set_reg(vcpu->fd, REG_CSR(KVM_REG_RISCV_CSR_REG(stval)), stval);
}
