// SPDX-License-Identifier: MIT
/*
 * caps.c - what a VM is like once KVM_ENABLE_CAP has changed it, as on Linux 7.3.
 *
 * The capabilities' own errors are also in the walk; the dirty ring has a program of its own.
 */
#include "vm.h"

GUEST(report, "li a0, 11\n" REPORT);
/* Load from an address of 44 bits, then report. */
GUEST(far, "li t0, 0x80000000000\nld a0, (t0)\n" REPORT);

static int enable(const struct vm *vm, uint32_t cap, uint32_t flags, uint64_t value)
{
	struct kvm_enable_cap request = { .cap = cap, .flags = flags, .args = { value } };

	return ioctl(vm->fd, KVM_ENABLE_CAP, &request);
}

static int gpa_bits(const struct vm *vm)
{
	return ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_VM_GPA_BITS);
}

/* Return a VM like vm_new()'s whose slot has been deleted. */
static struct vm vm_without_slots(void)
{
	struct vm vm = vm_new();

	must(vm_set_slot(&vm, 0, MEM_GPA, 0, vm.mem, 0) == 0, "delete the slot");
	return vm;
}

/* In a VM with `bits` bits, a slot has to end below them, and a guest runs. */
static void one_width(unsigned int bits)
{
	struct vm vm = vm_without_slots();
	uint64_t limit = 1UL << bits;
	struct vcpu vcpu;
	char claim[96];

	snprintf(claim, sizeof(claim), "%u bits: the setting is what the VM then reports", bits);
	ok(enable(&vm, KVM_CAP_VM_GPA_BITS, 0, bits) == 0 && gpa_bits(&vm) == (int)bits, claim);
	snprintf(claim, sizeof(claim), "%u bits: a slot beyond them is refused", bits);
	fails_with(vm_set_slot(&vm, 1, limit, 4096, vm.mem, 0), EFAULT, claim);
	snprintf(claim, sizeof(claim), "%u bits: a slot next to the last page is accepted", bits);
	ok(vm_set_slot(&vm, 1, limit - 8192, 4096, vm.mem, 0) == 0, claim);
	must(vm_set_slot(&vm, 0, MEM_GPA, MEM_SIZE, vm.mem, 0) == 0, "slot");
	vcpu = vcpu_new(&vm, 0);
	vm_load(&vm, report);
	snprintf(claim, sizeof(claim), "%u bits: the guest runs", bits);
	ok(vcpu_run(&vcpu) == 0 && is_report(&vcpu, 11), claim);
	vcpu_free(&vcpu);
	vm_free(&vm);
}

/*
 * The same address, of 44 bits, is a device of a VM with 50 bits, and beyond the G-stage table of a
 * VM with 41 bits: both cause an MMIO exit.
 */
static void beyond_the_table(void)
{
	struct vm vm = vm_without_slots();
	struct vcpu vcpu;

	must(enable(&vm, KVM_CAP_VM_GPA_BITS, 0, 41) == 0, "41 bits");
	must(vm_set_slot(&vm, 0, MEM_GPA, MEM_SIZE, vm.mem, 0) == 0, "slot");
	vcpu = vcpu_new(&vm, 0);
	vm_load(&vm, far);
	ok(vcpu_run(&vcpu) == 0 && vcpu.run->exit_reason == KVM_EXIT_MMIO &&
		   vcpu.run->mmio.phys_addr == 0x80000000000,
	   "41 bits: a load from beyond them ends with KVM_EXIT_MMIO");
	vcpu_free(&vcpu);
	vm_free(&vm);
}

static void when_it_may_be_set(int widest)
{
	struct vm vm = vm_new(), empty = vm_without_slots();

	fails_with(enable(&vm, KVM_CAP_VM_GPA_BITS, 0, 41), EBUSY,
		   "the number of bits cannot be set once there is a slot");
	fails_with(enable(&empty, KVM_CAP_VM_GPA_BITS, 0, (uint64_t)widest + 1), EINVAL,
		   "more bits than the machine has are refused");
	fails_with(enable(&empty, KVM_CAP_VM_GPA_BITS, 1, 41), EINVAL, "flags are refused");
	ok(gpa_bits(&empty) == widest, "a refused setting has changed nothing");
	ok(enable(&empty, KVM_CAP_VM_GPA_BITS, 0, 0) == 0 && gpa_bits(&empty) == 41,
	   "0 bits: the narrowest mode");
	must(ioctl(empty.fd, KVM_CREATE_VCPU, 0) >= 0, "KVM_CREATE_VCPU");
	fails_with(enable(&empty, KVM_CAP_VM_GPA_BITS, 0, 41), EBUSY,
		   "the number of bits cannot be set once there is a vCPU");
	vm_free(&vm);
	vm_free(&empty);
}

int main(void)
{
	static const unsigned int widths[] = { 41, 50, 59 };
	struct vm vm = vm_new();
	int widest = gpa_bits(&vm);

	ok(widest == ioctl(vm.kvm, KVM_CHECK_EXTENSION, KVM_CAP_VM_GPA_BITS),
	   "a new VM has the widest mode, which /dev/kvm reports");
	vm_free(&vm);
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++)
		if ((int)widths[i] <= widest)
			one_width(widths[i]);
	beyond_the_table();
	when_it_may_be_set(widest);
	return tap_done();
}
