// SPDX-License-Identifier: MIT
/*
 * errors.c - invalid calls to /dev/kvm fail with the errno of Linux 6.12 and change nothing.
 */
#include <sys/eventfd.h>
#include <sys/wait.h>
#include "vm.h"

static void system_calls(struct vm *vm)
{
	ok(ioctl(vm->kvm, KVM_GET_API_VERSION, 0) == 12, "the API version is 12");
	fails_with(ioctl(vm->kvm, KVM_GET_API_VERSION, 1), EINVAL,
		   "KVM_GET_API_VERSION refuses an argument other than 0");
	ok(ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0) == 8192, "a vCPU's mapping has 8192 bytes");
	fails_with(ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 1), EINVAL,
		   "KVM_GET_VCPU_MMAP_SIZE refuses an argument other than 0");
	fails_with(ioctl(vm->kvm, KVM_RUN, 0), EINVAL, "/dev/kvm refuses an unknown ioctl");
	fails_with(ioctl(vm->fd, KVM_RUN, 0), EINVAL, "a VM refuses an unknown ioctl");
	ok(ioctl(vm->kvm, KVM_CHECK_EXTENSION, 0x7fffffff) == 0,
	   "KVM_CHECK_EXTENSION returns 0 for an unknown capability");
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
		snprintf(name, sizeof(name), "/dev/kvm and a VM have capability %s", caps[i].name);
		ok(ioctl(vm->kvm, KVM_CHECK_EXTENSION, caps[i].cap) == 1 &&
			   ioctl(vm->fd, KVM_CHECK_EXTENSION, caps[i].cap) == 1,
		   name);
	}
	ok(ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS) == 1024,
	   "a VM has at most 1024 vCPUs");
	ok(ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_VM_GPA_BITS) >= 41,
	   "a gpa has at least 41 bits");
}

static void vcpu_creation(struct vm *vm)
{
	fails_with(ioctl(vm->fd, KVM_CREATE_VCPU, 1024), EINVAL, "vCPU id 1024 is refused");
	fails_with(ioctl(vm->fd, KVM_CREATE_VCPU, -1L), EINVAL, "vCPU id -1 is refused");
	fails_with(ioctl(vm->fd, KVM_CREATE_VCPU, 0), EEXIST,
		   "vCPU id 0 is refused the second time");
}

static void memory_slots(struct vm *vm)
{
	uint8_t *mem = vm->mem;
	void *bad = (void *)1UL;

	fails_with(vm_set_slot(vm, 1, MEM_GPA, 4096, mem, 0), EEXIST,
		   "a slot that overlaps another is refused");
	fails_with(vm_set_slot(vm, 1, 0x1001, 4096, mem, 0), EINVAL,
		   "a slot with an unaligned gpa is refused");
	fails_with(vm_set_slot(vm, 1, 0x1000, 4095, mem, 0), EINVAL,
		   "a slot with an unaligned size is refused");
	fails_with(vm_set_slot(vm, 1, 0x1000, 4096, mem + 1, 0), EINVAL,
		   "a slot with an unaligned hva is refused");
	fails_with(vm_set_slot(vm, 1, 0x1000, 4096, mem, 1u << 31), EINVAL,
		   "a slot with an unknown flag is refused");
	fails_with(vm_set_slot(vm, 40000, 0x1000, 4096, mem, 0), EINVAL,
		   "slot number 40000 is refused");
	fails_with(vm_set_slot(vm, 2, 0x1000, 0, mem, 0), EINVAL,
		   "a slot that does not exist cannot be deleted");
	fails_with(vm_set_slot(vm, 0, MEM_GPA, 4096, mem, 0), EINVAL,
		   "a slot's size cannot be changed");
	fails_with(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, bad), EFAULT,
		   "KVM_SET_USER_MEMORY_REGION refuses a bad address for its argument");
}

static void registers(struct vcpu *vcpu)
{
	struct kvm_one_reg reg = { .id = R_PC, .addr = 8 };
	struct {
		uint64_t n;
		uint64_t reg[4];
	} list = { .n = 1 };
	uint64_t value = 0;

	fails_with(ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg), EFAULT,
		   "KVM_GET_ONE_REG refuses a bad address for the value");
	fails_with(ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg), EFAULT,
		   "KVM_SET_ONE_REG refuses a bad address for the value");
	fails_with(ioctl(vcpu->fd, KVM_GET_ONE_REG, 8), EFAULT,
		   "KVM_GET_ONE_REG refuses a bad address for its argument");
	reg.addr = (uintptr_t)&value;
	reg.id = (R_PC & ~KVM_REG_SIZE_MASK) | KVM_REG_SIZE_U32;
	fails_with(ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg), EINVAL,
		   "a register id with a wrong size is refused");
	reg.id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | (0x3fUL << 24);
	fails_with(ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg), ENOENT,
		   "a register id of an unknown type is refused");
	reg.id = R_PC + 500;
	fails_with(ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg), ENOENT,
		   "a register id beyond the last register is refused");
	fails_with(ioctl(vcpu->fd, KVM_GET_REG_LIST, &list), E2BIG,
		   "KVM_GET_REG_LIST refuses a list that is too short");
	ok(list.n > 60, "KVM_GET_REG_LIST reports the required length");
	fails_with(set_reg(vcpu,
			   KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_ISA_EXT |
				   KVM_RISCV_ISA_EXT_I,
			   0),
		   EINVAL, "extension I cannot be removed");
}

static void vcpu_calls(struct vcpu *vcpu)
{
	struct kvm_mp_state state = { .mp_state = 99 };
	struct kvm_signal_mask mask = { .len = 4 };
	char big[512] = { 0 };

	fails_with(ioctl(vcpu->fd, KVM_RUN, 1), EINVAL, "KVM_RUN refuses an argument other than 0");
	fails_with(ioctl(vcpu->fd, KVM_SET_MP_STATE, &state), EINVAL,
		   "an unknown MP state is refused");
	fails_with(ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, &mask), EINVAL,
		   "a signal mask of 4 bytes is refused");
	fails_with(ioctl(vcpu->fd, KVM_GET_REGS, big), EINVAL,
		   "KVM_GET_REGS does not exist on RISC-V");
	fails_with(ioctl(vcpu->fd, KVM_GET_SREGS, big), EINVAL,
		   "KVM_GET_SREGS does not exist on RISC-V");
	fails_with(ioctl(vcpu->fd, KVM_INTERRUPT, 8), EFAULT,
		   "KVM_INTERRUPT refuses a bad address");
}

static void no_irqchip(struct vm *vm)
{
	struct kvm_irqfd irqfd = { .fd = 0x7fffffff };
	struct kvm_msi msi = { 0 };
	struct kvm_irq_level level = { .irq = 1, .level = 1 };
	struct kvm_irq_routing routing = { 0 };
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_RISCV_AIA };

	if (ioctl(vm->kvm, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP) > 0) {
		printf("# skipped: this machine has an AIA\n");
		return;
	}
	fails_with(ioctl(vm->fd, KVM_IRQFD, &irqfd), EBADF,
		   "KVM_IRQFD refuses an invalid descriptor");
	irqfd.flags = 1u << 30;
	fails_with(ioctl(vm->fd, KVM_IRQFD, &irqfd), EINVAL, "KVM_IRQFD refuses an unknown flag");
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	fails_with(ioctl(vm->fd, KVM_IRQFD, &irqfd), EBADF,
		   "KVM_IRQFD refuses to remove an invalid descriptor");
	fails_with(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), EINVAL,
		   "KVM_SIGNAL_MSI fails without an irqchip");
	fails_with(ioctl(vm->fd, KVM_IRQ_LINE, &level), ENXIO,
		   "KVM_IRQ_LINE fails without an irqchip");
	fails_with(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routing), EINVAL,
		   "KVM_SET_GSI_ROUTING fails without an irqchip");
	fails_with(ioctl(vm->fd, KVM_CREATE_DEVICE, &device), ENODEV,
		   "KVM_CREATE_DEVICE cannot create an AIA on a machine without one");
}

static void ioeventfds(struct vm *vm)
{
	struct kvm_ioeventfd io = { .addr = 0x1000, .len = 4, .fd = 0x7fffffff };

	fails_with(ioctl(vm->fd, KVM_IOEVENTFD, &io), EBADF,
		   "KVM_IOEVENTFD refuses an invalid descriptor");
	io.fd = vm->fd;
	fails_with(ioctl(vm->fd, KVM_IOEVENTFD, &io), EINVAL,
		   "KVM_IOEVENTFD refuses a descriptor that is not an eventfd");
	io.fd = eventfd(0, EFD_CLOEXEC);
	must(io.fd >= 0, "eventfd");
	io.len = 3;
	fails_with(ioctl(vm->fd, KVM_IOEVENTFD, &io), EINVAL,
		   "KVM_IOEVENTFD refuses a length of 3 bytes");
	io.len = 4;
	io.flags = 1u << 20;
	fails_with(ioctl(vm->fd, KVM_IOEVENTFD, &io), EINVAL,
		   "KVM_IOEVENTFD refuses an unknown flag");
	io.flags = KVM_IOEVENTFD_FLAG_DATAMATCH;
	io.len = 0;
	fails_with(ioctl(vm->fd, KVM_IOEVENTFD, &io), EINVAL,
		   "KVM_IOEVENTFD refuses a datamatch of length 0");
	close(io.fd);
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
	ok(WIFEXITED(status) && !WEXITSTATUS(status),
	   "a child's calls on its parent's VM fail with EIO");
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
