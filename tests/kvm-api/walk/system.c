// SPDX-License-Identifier: MIT
/*
 * system.c - the walk's rows for /dev/kvm itself, and for ioctls on every kind of descriptor,
 * including kinds that do not implement them.
 */
#include "walk.h"

void chapter_system(void)
{
	struct walk w = walk_new();
	struct call version = { "GET_API_VERSION", w.vm.kvm, KVM_GET_API_VERSION };
	struct call create = { "CREATE_VM", w.vm.kvm, KVM_CREATE_VM, .gives_fd = true };
	struct call size = { "GET_VCPU_MMAP_SIZE", w.vm.kvm, KVM_GET_VCPU_MMAP_SIZE };
	struct call cap = { "CHECK_EXTENSION", w.vm.kvm, KVM_CHECK_EXTENSION };
	struct call vm_cap = { "CHECK_EXTENSION of a VM", w.vm.fd, KVM_CHECK_EXTENSION };

	call_number(&w, &version, 0, "0");
	walk_number_bits(&w, &version);
	walk_command_bits(&w, &version);
	call_number(&w, &create, 0, "0");
	walk_number_bits(&w, &create);
	walk_command_bits(&w, &create);
	call_number(&w, &size, 0, "0");
	walk_number_bits(&w, &size);
	walk_command_bits(&w, &size);
	for (unsigned long n = 0; n < 300; n++) {
		call_number(&w, &cap, n, "%lu", n);
		call_number(&w, &vm_cap, n, "%lu", n);
	}
	walk_number_bits(&w, &cap);
	walk_number_bits(&w, &vm_cap);
	walk_command_bits(&w, &vm_cap);
	walk_free(&w);
}

#define CALL(name, ...)                          \
	{                                        \
#name, KVM_##name, ##__VA_ARGS__ \
	}

/*
 * Calls that only some kinds of descriptor implement; every_call() makes them on all kinds.
 * gives_fd: the call returns a descriptor.
 */
static const struct {
	const char *name;
	unsigned long cmd;
	bool gives_fd;
} calls[] = {
	CALL(GET_API_VERSION),
	CALL(GET_VCPU_MMAP_SIZE),
	CALL(CHECK_EXTENSION),
	CALL(CREATE_VCPU, true),
	CALL(GET_DIRTY_LOG),
	CALL(CLEAR_DIRTY_LOG),
	CALL(SET_NR_MMU_PAGES),
	CALL(GET_NR_MMU_PAGES),
	CALL(SET_USER_MEMORY_REGION),
	CALL(SET_USER_MEMORY_REGION2),
	CALL(SET_TSS_ADDR),
	CALL(SET_IDENTITY_MAP_ADDR),
	CALL(CREATE_IRQCHIP),
	CALL(IRQ_LINE),
	CALL(IRQ_LINE_STATUS),
	CALL(GET_IRQCHIP),
	CALL(SET_IRQCHIP),
	CALL(CREATE_PIT),
	CALL(REGISTER_COALESCED_MMIO),
	CALL(UNREGISTER_COALESCED_MMIO),
	CALL(SET_GSI_ROUTING),
	CALL(REINJECT_CONTROL),
	CALL(IRQFD),
	CALL(SET_BOOT_CPU_ID),
	CALL(IOEVENTFD),
	CALL(SET_CLOCK),
	CALL(GET_CLOCK),
	CALL(SET_TSC_KHZ),
	CALL(GET_TSC_KHZ),
	CALL(SIGNAL_MSI),
	CALL(CREATE_DEVICE),
	CALL(SET_DEVICE_ATTR),
	CALL(GET_DEVICE_ATTR),
	CALL(HAS_DEVICE_ATTR),
	CALL(GET_REGS),
	CALL(SET_REGS),
	CALL(GET_SREGS),
	CALL(SET_SREGS),
	CALL(TRANSLATE),
	CALL(INTERRUPT),
	CALL(SET_SIGNAL_MASK),
	CALL(GET_FPU),
	CALL(SET_FPU),
	CALL(GET_MP_STATE),
	CALL(SET_MP_STATE),
	CALL(NMI),
	CALL(SET_GUEST_DEBUG),
	CALL(ENABLE_CAP),
	CALL(DIRTY_TLB),
	CALL(GET_ONE_REG),
	CALL(SET_ONE_REG),
	CALL(KVMCLOCK_CTRL),
	CALL(GET_REG_LIST),
	CALL(SMI),
	CALL(MEMORY_ENCRYPT_OP),
	CALL(MEMORY_ENCRYPT_REG_REGION),
	CALL(MEMORY_ENCRYPT_UNREG_REGION),
	CALL(RESET_DIRTY_RINGS),
	CALL(GET_STATS_FD, true),
	CALL(SET_MEMORY_ATTRIBUTES),
	CALL(CREATE_GUEST_MEMFD),
	CALL(PRE_FAULT_MEMORY),
};

/*
 * Make each of `calls` on each kind of descriptor, once with a zeroed buffer and once with the
 * invalid address 8. Calls that succeed may change the VM and the vCPU, which only this chapter
 * uses.
 */
static void every_call(struct walk *w)
{
	struct {
		const char *name;
		int fd;
	} on[] = {
		{ "/dev/kvm", w->vm.kvm },
		{ "VM", w->vm.fd },
		{ "vCPU", w->vcpu.fd },
		{ "statistics", ioctl(w->vcpu.fd, KVM_GET_STATS_FD, 0) },
	};
	static uint64_t zero[1024];

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		for (int j = 0; j < 4; j++) {
			struct call c = { on[j].name, on[j].fd, calls[i].cmd,
					  .gives_fd = calls[i].gives_fd && j };

			memset(zero, 0, sizeof(zero));
			call_number(w, &c, (uintptr_t)zero, "%s with zeroes", calls[i].name);
			call_number(w, &c, 8, "%s at 8", calls[i].name);
		}
	}
	close(on[3].fd);
}

/*
 * Call every ioctl number from 0 to 255 as _IO(), except KVM_RUN on the vCPU, and then
 * KVM_GET_STATS_FD with each bit of its command flipped. Most of these calls are invalid.
 */
static void every_number(struct walk *w)
{
	static uint64_t zero[1024];
	struct call on[] = {
		{ .name = "/dev/kvm", .fd = w->vm.kvm },
		{ .name = "VM", .fd = w->vm.fd },
		{ .name = "vCPU", .fd = w->vcpu.fd },
	};

	for (unsigned int nr = 0; nr < 256; nr++) {
		for (int j = 0; j < 3; j++) {
			on[j].cmd = _IO(KVMIO, nr);
			on[j].gives_fd = (j == 0 && on[j].cmd == KVM_CREATE_VM) ||
					 (j == 1 && on[j].cmd == KVM_CREATE_VCPU) ||
					 (j >= 1 && on[j].cmd == KVM_GET_STATS_FD);
			if (on[j].cmd == KVM_RUN && j == 2)
				continue;
			call_number(w, &on[j], (uintptr_t)zero, "number %u", nr);
		}
	}
	for (int bit = 0; bit < 32; bit++) {
		for (int j = 0; j < 3; j++) {
			on[j].cmd = KVM_GET_STATS_FD ^ 1UL << bit;
			on[j].gives_fd = false;
			call_number(w, &on[j], 0, "GET_STATS_FD with command bit %d", bit);
		}
	}
}

void chapter_numbers(void)
{
	struct walk w = walk_new();

	w.registers = true;
	every_call(&w);
	every_number(&w);
	walk_free(&w);
}
