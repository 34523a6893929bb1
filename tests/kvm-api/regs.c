// SPDX-License-Identifier: MIT
/*
 * regs.c - ONE_REG: the guest reads what user space writes, and user space reads what the guest
 * writes.
 */
#include "vm.h"

#define ULONG_REG(type, num) (KVM_REG_RISCV | KVM_REG_SIZE_U64 | (type) | (num))
#define ISA(name)            ULONG_REG(KVM_REG_RISCV_ISA_EXT, KVM_RISCV_ISA_EXT_##name)
#define SBI(name)            ULONG_REG(KVM_REG_RISCV_SBI_EXT, KVM_RISCV_SBI_EXT_##name)
#define CONFIG(name)         ULONG_REG(KVM_REG_RISCV_CONFIG, KVM_REG_RISCV_CONFIG_REG(name))
#define TIMER(name)          ULONG_REG(KVM_REG_RISCV_TIMER, KVM_REG_RISCV_TIMER_REG(name))
#define FP_D(n)              (KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_FP_D | (n))
#define FP_F(n)              (KVM_REG_RISCV | KVM_REG_SIZE_U32 | KVM_REG_RISCV_FP_F | (n))

GUEST(csrs, "csrr a0, sscratch\nli t0, 0x77\ncsrw sscratch, t0\n" REPORT);
GUEST(fp, ".option arch, +d\nli t0, 0x6000\ncsrs sstatus, t0\nfmv.x.d a0, fa0\nli t0, 0x123456789\n"
	  "fmv.d.x fs1, t0\n" REPORT);
GUEST(time, "rdtime a0\n" REPORT);
GUEST(timer, ".option norvc\nlla t0, 1f\ncsrw stvec, t0\nli t0, 0x20\ncsrw sie, t0\n"
	     "csrsi sstatus, 2\n2: wfi\nj 2b\n.balign 4\n1: csrr a0, scause\n" REPORT);
GUEST(dbcn, "li a7, 0x4442434e\nli a6, 2\nli a0, 65\necall\n" REPORT);
GUEST(vendor, "li a7, 0x10\nli a6, 4\necall\nmv a0, a1\n" REPORT);
/*
 * Reads sstatus, makes 100 SBI calls, each of which leaves the guest and enters it again, and
 * reports the value of sstatus.
 */
GUEST(entries, "csrr s0, sstatus\nli s1, 100\n1: li a7, 0x10\nli a6, 0\necall\naddi s1, s1, -1\n"
	       "bnez s1, 1b\nmv a0, s0\n" REPORT);
GUEST(user, ".option norvc\necall\n.zero 60\ncsrr a0, scause\n" REPORT);
GUEST(trap, ".option norvc\n.option arch, +d\nlla t0, 1f\ncsrw stvec, t0\nli t0, 0x6000\n"
	    "csrs sstatus, t0\nfmv.x.d a0, fa0\n" REPORT "1: csrr a0, scause\n" REPORT);

static struct vm vm;
static struct vcpu vcpu;
static bool ours; /* HS_OURS is set: also make claims that do not hold on Linux 6.12 */

static void fresh(void)
{
	vm = vm_new();
	vcpu = vcpu_new(&vm, 0);
}

static void done(void)
{
	vcpu_free(&vcpu);
	vm_free(&vm);
}

/* Run the loaded guest from its start. Returns the value that it reports, or -1. */
static unsigned long report(void)
{
	/* Complete a pending call before setting pc. */
	vcpu_finish(&vcpu);
	set_reg(&vcpu, R_PC, MEM_GPA);
	if (vcpu_run(&vcpu) || vcpu.run->exit_reason != KVM_EXIT_RISCV_SBI ||
	    vcpu.run->riscv_sbi.extension_id != SBI_EXPERIMENTAL)
		return -1UL;
	return vcpu.run->riscv_sbi.args[0];
}

static uint64_t size_of(uint64_t id)
{
	return 1ULL << ((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT);
}

static void every_register(void)
{
	static struct {
		uint64_t n, reg[1024];
	} list;
	uint64_t value[32], i, unreadable = 0, unwritable = 0, twice = 0, j;
	struct kvm_one_reg reg = { .addr = (uintptr_t)value };

	fresh();
	list.n = 1024;
	ok(ioctl(vcpu.fd, KVM_GET_REG_LIST, &list) == 0 && list.n > 60,
	   "KVM_GET_REG_LIST lists more than 60 registers");
	for (i = 0; i < list.n; i++) {
		reg.id = list.reg[i];
		if (size_of(reg.id) > sizeof(value) || ioctl(vcpu.fd, KVM_GET_ONE_REG, &reg))
			unreadable++;
		else if (reg.id != TIMER(state) && ioctl(vcpu.fd, KVM_SET_ONE_REG, &reg)) {
			unwritable++;
			printf("# 0x%llx: %s\n", (unsigned long long)reg.id, strerror(errno));
		}
		for (j = 0; j < i; j++)
			twice += list.reg[j] == list.reg[i];
	}
	ok(!unreadable, "every listed register can be read");
	ok(!unwritable, "each value that was read can be written back");
	ok(!twice, "no register is listed twice");
	done();
}

static void values_cross(void)
{
	fresh();
	vm_load(&vm, csrs);
	set_reg(&vcpu, CSRREG(sscratch), 0x1357);
	ok(report() == 0x1357, "the guest reads the CSR value that user space wrote");
	ok(get_reg(&vcpu, CSRREG(sscratch)) == 0x77,
	   "user space reads the CSR value that the guest wrote");
	vm_load(&vm, fp);
	set_reg(&vcpu, FP_D(10), 0x4009000000000000);
	ok(report() == 0x4009000000000000,
	   "the guest reads the value of fa0 that user space wrote");
	ok(get_reg(&vcpu, FP_D(9)) == 0x123456789,
	   "user space reads the value of fs1 that the guest wrote");
	if (ours)
		ok((uint32_t)get_reg(&vcpu, FP_F(9)) == 0x23456789,
		   "the lower half of fs1 is its F register (hyperscope only)");
	done();
}

/*
 * Try each bit outside sstatus's fields: fields of mstatus, and reserved bits. Linux writes all of
 * these bits to QEMU's vsstatus.
 */
static void illegal_sstatus(void)
{
	const uint64_t fields = 0x80000003000de722;
	unsigned int bit, wrong = 0;

	if (!ours)
		return;
	fresh();
	vm_load(&vm, entries);
	for (bit = 0; bit < 64; bit++) {
		if (fields >> bit & 1)
			continue;
		set_reg(&vcpu, CSRREG(sstatus), 1UL << bit);
		wrong += (report() & ~fields) != 0;
	}
	set_reg(&vcpu, CSRREG(sstatus), ~fields);
	wrong += (report() & ~fields) != 0;
	ok(wrong == 0, "bits outside sstatus reach neither guest nor host (hyperscope only)");
	done();
}

static void restored_timer(uint64_t hz)
{
	vm_load(&vm, timer);
	set_reg(&vcpu, TIMER(compare), get_reg(&vcpu, TIMER(time)) + hz / 100);
	ok(set_reg(&vcpu, TIMER(state), KVM_RISCV_TIMER_STATE_ON) == 0 &&
		   report() == (1UL << 63 | 5),
	   "a timer fires after user space has restored it (hyperscope only)");
	ok(set_reg(&vcpu, TIMER(state), KVM_RISCV_TIMER_STATE_OFF) == 0 &&
		   get_reg(&vcpu, TIMER(state)) == KVM_RISCV_TIMER_STATE_OFF,
	   "user space can switch the guest's timer off (hyperscope only)");
}

static void clock_and_timer(void)
{
	uint64_t hz;

	fresh();
	vm_load(&vm, time);
	hz = get_reg(&vcpu, TIMER(frequency));
	ok(hz > 1000, "the timer's frequency can be read");
	fails_with(set_reg(&vcpu, TIMER(frequency), hz + 1), EINVAL,
		   "the timer's frequency cannot be changed");
	ok(set_reg(&vcpu, TIMER(time), 1ULL << 40) == 0, "the guest's time can be set");
	ok(report() - (1ULL << 40) < 60 * hz,
	   "the guest's time continues from the value that was set");
	if (ours)
		restored_timer(hz);
	done();
}

static void extensions(void)
{
	fresh();
	vm_load(&vm, dbcn);
	ok(report() == -2UL, "the debug console is off at first");
	fails_with(set_reg(&vcpu, SBI(DBCN), 1), EBUSY,
		   "the debug console cannot be switched on once the vCPU has run");
	done();

	fresh();
	vm_load(&vm, dbcn);
	ok(set_reg(&vcpu, SBI(DBCN), 1) == 0 && get_reg(&vcpu, SBI(DBCN)) == 1,
	   "the debug console can be switched on before the vCPU runs");
	set_reg(&vcpu, R_PC, MEM_GPA);
	ok(vcpu_run(&vcpu) == 0 && vcpu.run->exit_reason == KVM_EXIT_RISCV_SBI &&
		   vcpu.run->riscv_sbi.extension_id == 0x4442434e &&
		   vcpu.run->riscv_sbi.args[0] == 65,
	   "calls to the debug console exit to user space while it is switched on");
	done();

	fresh();
	vm_load(&vm, trap);
	ok(set_reg(&vcpu, ISA(D), 0) == 0 && set_reg(&vcpu, ISA(F), 0) == 0,
	   "F and D can be removed");
	ok(report() == 2, "without F and D, an FP instruction is illegal");
	fails_with(set_reg(&vcpu, ISA(D), 1), EBUSY, "D cannot be restored in a vCPU that has run");
	done();
}

static void identity(void)
{
	fresh();
	vm_load(&vm, vendor);
	ok(set_reg(&vcpu, CONFIG(mvendorid), 0x489) == 0, "user space can set mvendorid");
	ok(report() == 0x489, "the guest reads the mvendorid that user space has set");
	fails_with(set_reg(&vcpu, CONFIG(mvendorid), 1), EBUSY,
		   "mvendorid cannot be changed once the guest has run");
	ok(set_reg(&vcpu, CONFIG(mvendorid), 0x489) == 0,
	   "setting mvendorid to the same value again is not an error");
	ok(get_reg(&vcpu, CONFIG(satp_mode)) >= 8, "satp_mode is Sv39 or wider");
	done();
}

static void privilege(void)
{
	fresh();
	vm_load(&vm, user);
	set_reg(&vcpu, CSRREG(stvec), MEM_GPA + 64);
	ok(set_reg(&vcpu, CORE(mode), KVM_RISCV_MODE_U) == 0 &&
		   get_reg(&vcpu, CORE(mode)) == KVM_RISCV_MODE_U,
	   "a vCPU can be set to begin in VU");
	ok(report() == 8, "an ecall in VU traps to the guest's handler");
	ok(get_reg(&vcpu, CORE(mode)) == KVM_RISCV_MODE_S, "the guest's handler runs in VS");
	done();
}

int main(void)
{
	ours = getenv("HS_OURS") != NULL;
	every_register();
	values_cross();
	illegal_sstatus();
	clock_and_timer();
	extensions();
	identity();
	privilege();
	return tap_done();
}
