// SPDX-License-Identifier: MIT
/* kvm.c - wrappers for KVM's ioctls, with error messages that name the call and the errno. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include "vmm.h"
#include "../include/hv/kvm_compat.h"

/* The machine needs these capabilities. Optional ones are checked where they are used. */
static const struct {
	unsigned int number;
	const char *name;
} needed[] = {
	{ KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY" },
	{ KVM_CAP_ONE_REG, "KVM_CAP_ONE_REG" },
	{ KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE" },
	{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
};

int kvm_call_named(int fd, unsigned long request, const char *name, unsigned long arg)
{
	int result = kvm_try(fd, request, arg);

	if (result < 0)
		die(STATUS_SETUP, "%s: %s (errno %d)", name, strerror(-result), -result);
	return result;
}

int kvm_capability(const struct machine *m, unsigned int capability)
{
	int result = kvm_try(m->vm_fd, KVM_CHECK_EXTENSION, capability);

	return result < 0 ? 0 : result;
}

void kvm_open(struct machine *m)
{
	struct kvm_enable_cap reset = { .cap = KVM_CAP_RISCV_MP_STATE_RESET };
	int version;

	m->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (m->kvm_fd < 0)
		die(STATUS_SETUP, "/dev/kvm: %s (errno %d)", strerror(errno), errno);
	version = kvm_call(m->kvm_fd, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION)
		die(STATUS_SETUP, "/dev/kvm has API version %d, not %d", version, KVM_API_VERSION);
	m->vm_fd = kvm_call(m->kvm_fd, KVM_CREATE_VM, 0);
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (!kvm_capability(m, needed[i].number))
			die(STATUS_SETUP, "/dev/kvm lacks %s", needed[i].name);
	}
	/* Since Linux 6.16, where KVM_CHECK_EXTENSION does not tell that it exists. */
	m->can_reset = !kvm_try(m->vm_fd, KVM_ENABLE_CAP, (unsigned long)&reset);
}

static int one_reg(int vcpu_fd, unsigned long request, u64 reg, void *value)
{
	struct kvm_one_reg one = { .id = KVM_REG_RISCV | reg, .addr = (unsigned long)value };

	return kvm_try(vcpu_fd, request, (unsigned long)&one);
}

int kvm_set_mp_state(int vcpu_fd, u32 state)
{
	struct kvm_mp_state mp_state = { .mp_state = state };

	return kvm_try(vcpu_fd, KVM_SET_MP_STATE, (unsigned long)&mp_state);
}

static u64 long_reg(u64 reg)
{
	return reg | (sizeof(long) == 8 ? KVM_REG_SIZE_U64 : KVM_REG_SIZE_U32);
}

int kvm_get_any_reg(int vcpu_fd, u64 id, void *value)
{
	struct kvm_one_reg one = { .id = id, .addr = (unsigned long)value };

	return kvm_try(vcpu_fd, KVM_GET_ONE_REG, (unsigned long)&one);
}

int kvm_set_any_reg(int vcpu_fd, u64 id, const void *value)
{
	struct kvm_one_reg one = { .id = id, .addr = (unsigned long)value };

	return kvm_try(vcpu_fd, KVM_SET_ONE_REG, (unsigned long)&one);
}

int kvm_list_regs(int vcpu_fd, struct kvm_reg_list *list)
{
	return kvm_try(vcpu_fd, KVM_GET_REG_LIST, (unsigned long)list);
}

int kvm_get_reg(int vcpu_fd, u64 reg, unsigned long *value)
{
	return one_reg(vcpu_fd, KVM_GET_ONE_REG, long_reg(reg), value);
}

int kvm_set_reg(int vcpu_fd, u64 reg, unsigned long value)
{
	return one_reg(vcpu_fd, KVM_SET_ONE_REG, long_reg(reg), &value);
}

static u64 timer_reg(unsigned int index)
{
	return KVM_REG_RISCV_TIMER | KVM_REG_SIZE_U64 | index;
}

int kvm_get_timer(int vcpu_fd, unsigned int index, u64 *value)
{
	return one_reg(vcpu_fd, KVM_GET_ONE_REG, timer_reg(index), value);
}

int kvm_set_timer(int vcpu_fd, unsigned int index, u64 value)
{
	return one_reg(vcpu_fd, KVM_SET_ONE_REG, timer_reg(index), &value);
}
