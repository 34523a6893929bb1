// SPDX-License-Identifier: MIT
/*
 * sbi.c - fuzz target: SBI calls to every extension, with any arguments, from two vCPUs.
 *
 * The input decides which vCPU makes which call with which arguments, how user space answers a
 * forwarded call, which extensions are enabled, and when time passes.
 */
#include "native.h"
#include "any_vmm.h"
#include "core.h"

#define VCPUS     2
#define MAX_CALLS 60

static struct choices choices;
static struct native_vm vm;
static unsigned int calls; /* calls left in this KVM_RUN */

static u64 from_input(u64 below)
{
	return choose(&choices, below);
}

/* Return a typical argument: a hart mask, an address, a small number, or any value. */
static unsigned long argument(void)
{
	unsigned long page = NATIVE_GUEST_BASE + choose(&choices, 4) * PAGE_SIZE;

	switch (choose(&choices, 8)) {
	case 0:
		return 0;
	case 1:
		return choose(&choices, 256);
	case 2:
		return ~0UL;
	case 3:
		return page;
	case 4:
		return page + choose(&choices, PAGE_SIZE);
	case 5:
		return NATIVE_GUEST_BASE + NATIVE_GUEST_SIZE - choose(&choices, 256);
	case 6:
		return 1UL << choose(&choices, 64);
	default:
		return choose(&choices, ~0ULL);
	}
}

static void guest(struct kvm_vcpu *vcpu)
{
	unsigned long *gpr = vcpu->guest.gpr;
	unsigned int i;

	if (!calls || !choices.left) {
		native_signal_set(true);
		native_trap(&(struct hv_trap){ .scause = CAUSE_IRQ_FLAG | IRQ_S_TIMER });
		return;
	}
	calls--;
	for (i = 0; i < 6; i++)
		gpr[GPR_A0 + i] = argument();
	gpr[GPR_A6] = (unsigned long)choose(&choices, 16);
	gpr[GPR_A7] = any_sbi_extension();
	if (choose(&choices, 2))
		any_sbi_arguments(gpr);
	/* The call may stop or suspend the vCPU, which then sleeps until a signal is pending. */
	native_signal_set(true);
	native_trap(&(struct hv_trap){ .scause = EXC_ECALL_VS });
}

static void run(unsigned int i)
{
	struct kvm_vcpu *vcpu = native_file_priv(vm.vcpu_fd[i]);
	long ret;

	calls = 1 + (unsigned int)choose(&choices, 8);
	/* Without a signal, a stopped vCPU would wait to be started. */
	native_signal_set(hsm_is_stopped(vcpu));
	ret = native_ioctl(vm.vcpu_fd[i], KVM_RUN, 0);
	CLAIM(ret <= 0 && ret > -134);
	vcpu->run->riscv_sbi.ret[0] = (unsigned long)choose(&choices, 256) - 128;
	vcpu->run->riscv_sbi.ret[1] = (unsigned long)choose(&choices, 256);
}

/* Enable or disable extensions as the input says. Called before a vCPU first runs. */
static void switch_extensions(unsigned int i)
{
	struct kvm_vcpu *vcpu = native_file_priv(vm.vcpu_fd[i]);
	unsigned long ext;

	for (ext = 0; ext < 32; ext++)
		if (choose(&choices, 4) != 0)
			sbi_ext_set(vcpu, ext, choose(&choices, 2));
}

static void start(void)
{
	unsigned int i;

	any_choice = from_input;
	native_reset();
	native_isa_set("h i m a f d c sstc sscofpmf zicbom zicboz smstateen");
	native_pmu_set(4, 64);
	native_core_start();
	native_vm_make(&vm, 0);
	vcpu_put(vm.vcpu);
	native_guest = guest;
	for (i = 1; i < VCPUS; i++)
		native_vcpu_make(&vm, i);
	core_snapshot();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int i, left = MAX_CALLS;

	if (!core_restore())
		start();
	choices = (struct choices){ data, size };
	for (i = 0; i < VCPUS; i++)
		if (choose(&choices, 2))
			switch_extensions(i);
	while (choices.left && left--) {
		run((unsigned int)choose(&choices, VCPUS));
		if (choose(&choices, 8) == 7)
			native_time_set(hv_time() + choose(&choices, 100000));
	}
	native_vm_free(&vm);
	core_end();
	return 0;
}
