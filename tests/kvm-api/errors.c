// SPDX-License-Identifier: MIT
/*
 * errors.c - wrong calls to /dev/kvm fail with the errno of Linux 6.12 and change nothing.
 */
#include <sys/wait.h>
#include "vm.h"

static void system_calls(struct vm *vm)
{
	ok(ioctl(vm->kvm, KVM_GET_API_VERSION, 0) == 12, "API version 12");
	fails_with(ioctl(vm->kvm, KVM_GET_API_VERSION, 1), EINVAL, "its argument must be 0");
	ok(ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0) == 8192, "a vCPU maps 8192 bytes");
	fails_with(ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 1), EINVAL, "that argument, too");
	fails_with(ioctl(vm->kvm, KVM_RUN, 0), EINVAL, "/dev/kvm: a call that it does not know");
	fails_with(ioctl(vm->fd, KVM_RUN, 0), EINVAL, "VM: a call that it does not know");
	ok(ioctl(vm->kvm, KVM_CHECK_EXTENSION, 0x7fffffff) == 0, "an unknown capability is 0");
}

static void capabilities(struct vm *vm)
{
	static const struct {
		int cap;
		const char *name;
	} caps[] = {
		{ KVM_CAP_USER_MEMORY, "USER_MEMORY" },
		{ KVM_CAP_ONE_REG, "ONE_REG" },
		{ KVM_CAP_MP_STATE, "MP_STATE" },
		{ KVM_CAP_IMMEDIATE_EXIT, "IMMEDIATE_EXIT" },
		{ KVM_CAP_IOEVENTFD, "IOEVENTFD" },
		{ KVM_CAP_READONLY_MEM, "READONLY_MEM" },
		{ KVM_CAP_SYNC_MMU, "SYNC_MMU" },
		{ KVM_CAP_SET_GUEST_DEBUG, "SET_GUEST_DEBUG" },
		{ KVM_CAP_CHECK_EXTENSION_VM, "CHECK_EXTENSION_VM" },
		{ KVM_CAP_BINARY_STATS_FD, "BINARY_STATS_FD" },
	};
	char name[64];

	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		snprintf(name, sizeof(name), "capability %s, of the system and the VM",
			 caps[i].name);
		ok(ioctl(vm->kvm, KVM_CHECK_EXTENSION, caps[i].cap) == 1 &&
			   ioctl(vm->fd, KVM_CHECK_EXTENSION, caps[i].cap) == 1,
		   name);
	}
	ok(ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS) == 1024, "1024 vCPUs at most");
	ok(ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_VM_GPA_BITS) >= 41, "41 bits of gpa or more");
}

static void vcpu_creation(struct vm *vm)
{
	fails_with(ioctl(vm->fd, KVM_CREATE_VCPU, 1024), EINVAL, "vCPU id 1024");
	fails_with(ioctl(vm->fd, KVM_CREATE_VCPU, -1L), EINVAL, "vCPU id -1");
	fails_with(ioctl(vm->fd, KVM_CREATE_VCPU, 0), EEXIST, "vCPU id 0 a second time");
}

static void memory_slots(struct vm *vm)
{
	uint8_t *mem = vm->mem;
	void *bad = (void *)1UL;

	fails_with(vm_set_slot(vm, 1, MEM_GPA, 4096, mem, 0), EEXIST, "slots that overlap");
	fails_with(vm_set_slot(vm, 1, 0x1001, 4096, mem, 0), EINVAL, "gpa within a page");
	fails_with(vm_set_slot(vm, 1, 0x1000, 4095, mem, 0), EINVAL, "size within a page");
	fails_with(vm_set_slot(vm, 1, 0x1000, 4096, mem + 1, 0), EINVAL, "hva within a page");
	fails_with(vm_set_slot(vm, 1, 0x1000, 4096, mem, 1u << 31), EINVAL, "an unknown flag");
	fails_with(vm_set_slot(vm, 40000, 0x1000, 4096, mem, 0), EINVAL, "slot 40000");
	fails_with(vm_set_slot(vm, 2, 0x1000, 0, mem, 0), EINVAL, "deleting what is not there");
	fails_with(vm_set_slot(vm, 0, MEM_GPA, 4096, mem, 0), EINVAL, "another size of a slot");
	fails_with(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, bad), EFAULT, "a bad pointer");
}

static void registers(struct vcpu *vcpu)
{
	struct kvm_one_reg reg = { .id = R_PC, .addr = 8 };
	struct {
		uint64_t n;
		uint64_t reg[4];
	} list = { .n = 1 };
	uint64_t value = 0;

	fails_with(ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg), EFAULT, "ONE_REG to a bad address");
	fails_with(ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg), EFAULT, "ONE_REG from a bad address");
	fails_with(ioctl(vcpu->fd, KVM_GET_ONE_REG, 8), EFAULT, "ONE_REG at a bad address");
	reg.addr = (uintptr_t)&value;
	reg.id = (R_PC & ~KVM_REG_SIZE_MASK) | KVM_REG_SIZE_U32;
	fails_with(ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg), EINVAL, "a register of another size");
	reg.id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | (0x3fUL << 24);
	fails_with(ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg), ENOENT, "a register of no type");
	reg.id = R_PC + 500;
	fails_with(ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg), ENOENT, "a register beyond the last");
	fails_with(ioctl(vcpu->fd, KVM_GET_REG_LIST, &list), E2BIG, "a list that is too short");
	ok(list.n > 60, "... says how long it must be");
	fails_with(set_reg(vcpu,
			   KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_ISA_EXT |
				   KVM_RISCV_ISA_EXT_I,
			   0),
		   EINVAL, "taking I away");
	fails_with(set_reg(vcpu,
			   KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_ISA_EXT |
				   KVM_RISCV_ISA_EXT_H,
			   1),
		   EINVAL, "giving H");
}

static void vcpu_calls(struct vcpu *vcpu)
{
	struct kvm_mp_state state = { .mp_state = 99 };
	struct kvm_signal_mask mask = { .len = 4 };
	char big[512] = { 0 };

	fails_with(ioctl(vcpu->fd, KVM_RUN, 1), EINVAL, "KVM_RUN's argument must be 0");
	fails_with(ioctl(vcpu->fd, KVM_SET_MP_STATE, &state), EINVAL, "an unknown MP state");
	fails_with(ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, &mask), EINVAL, "a mask of 4 bytes");
	fails_with(ioctl(vcpu->fd, KVM_GET_REGS, big), EINVAL, "KVM_GET_REGS is x86's");
	fails_with(ioctl(vcpu->fd, KVM_GET_SREGS, big), EINVAL, "KVM_GET_SREGS is x86's");
	fails_with(ioctl(vcpu->fd, KVM_INTERRUPT, 8), EFAULT, "KVM_INTERRUPT at a bad address");
}

static void no_irqchip(struct vm *vm)
{
	struct kvm_irqfd irqfd = { .fd = 0x7fffffff };
	struct kvm_msi msi = { 0 };
	struct kvm_irq_level level = { .irq = 1, .level = 1 };
	struct kvm_irq_routing routing = { 0 };
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_RISCV_AIA };

	if (ioctl(vm->kvm, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP) > 0) {
		printf("# this machine has an AIA: not tried without\n");
		return;
	}
	fails_with(ioctl(vm->fd, KVM_IRQFD, &irqfd), EBADF, "IRQFD without a descriptor");
	irqfd.flags = 1u << 30;
	fails_with(ioctl(vm->fd, KVM_IRQFD, &irqfd), EINVAL, "IRQFD with an unknown flag");
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	fails_with(ioctl(vm->fd, KVM_IRQFD, &irqfd), EBADF, "removing an invalid descriptor");
	fails_with(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), EINVAL, "SIGNAL_MSI without an irqchip");
	fails_with(ioctl(vm->fd, KVM_IRQ_LINE, &level), ENXIO, "IRQ_LINE without an irqchip");
	fails_with(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routing), EINVAL, "routing without one");
	fails_with(ioctl(vm->fd, KVM_CREATE_DEVICE, &device), ENODEV, "an AIA that is not there");
}

static void ioeventfds(struct vm *vm)
{
	struct kvm_ioeventfd io = { .addr = 0x1000, .len = 4, .fd = 0x7fffffff };

	fails_with(ioctl(vm->fd, KVM_IOEVENTFD, &io), EBADF, "IOEVENTFD without a descriptor");
	io.fd = vm->fd;
	fails_with(ioctl(vm->fd, KVM_IOEVENTFD, &io), EINVAL, "IOEVENTFD on no eventfd");
	io.len = 3;
	fails_with(ioctl(vm->fd, KVM_IOEVENTFD, &io), EINVAL, "IOEVENTFD of 3 bytes");
	io.len = 4;
	io.flags = 1u << 20;
	fails_with(ioctl(vm->fd, KVM_IOEVENTFD, &io), EINVAL, "IOEVENTFD with an unknown flag");
	io.flags = KVM_IOEVENTFD_FLAG_DATAMATCH;
	io.len = 0;
	fails_with(ioctl(vm->fd, KVM_IOEVENTFD, &io), EINVAL, "a match of no bytes");
}

/* A VM can be used only from the address space that created it. */
static void other_process(struct vm *vm, struct vcpu *vcpu)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		errno = 0;
		status |= ioctl(vm->fd, KVM_CREATE_VCPU, 5) != -1 || errno != EIO;
		status |= (ioctl(vcpu->fd, KVM_RUN, 0) != -1 || errno != EIO) << 1;
		_exit(status);
	}
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && !WEXITSTATUS(status), "a child's calls get EIO");
}

int main(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);

	system_calls(&vm);
	capabilities(&vm);
	vcpu_creation(&vm);
	memory_slots(&vm);
	registers(&vcpu);
	vcpu_calls(&vcpu);
	no_irqchip(&vm);
	ioeventfds(&vm);
	other_process(&vm, &vcpu);
	return tap_done();
}
