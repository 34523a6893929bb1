// SPDX-License-Identifier: MIT
/*
 * fixture.c - make VMs and vCPUs as user space does, with the ioctls of /dev/kvm.
 */
#include <stdlib.h>
#include "native.h"
#include "mmu/shadow.h"
#include "vcpu/isa.h"

static int must_fd(long fd, const char *what)
{
	if (fd < 0)
		hv_panic("fixture: %s: %ld\n", what, fd);
	return (int)fd;
}

void native_core_start(void)
{
	unsigned int hart;

	if (kvm_init() != 0)
		hv_panic("fixture: kvm_init() failed\n");
	for (hart = hv_nr_harts(); hart-- > 0;) {
		native_hart_set(hart);
		kvm_hart_init();
	}
}

int native_set_slot(struct kvm *vm, u32 slot, gpa_t gpa, u64 size, hva_t hva, u32 flags)
{
	struct kvm_userspace_memory_region2 r = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = hva,
	};

	return kvm_vm_ioctl_set_memory_region(vm, &r);
}

struct kvm_vcpu *native_vcpu_make(struct native_vm *f, unsigned int id)
{
	int fd = must_fd(native_ioctl(f->vm_fd, KVM_CREATE_VCPU, id), "KVM_CREATE_VCPU");

	f->vcpu_fd[f->nr_vcpus++] = fd;
	return native_file_priv(fd);
}

void native_vm_open(struct native_vm *f)
{
	int dev = must_fd(hv_file_create("kvm", &kvm_dev_ops, NULL), "/dev/kvm");

	*f = (struct native_vm){ .vm_fd = -1 };
	f->vm_fd = must_fd(native_ioctl(dev, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	f->vm = native_file_priv(f->vm_fd);
	native_close(dev);
}

void native_h_add(struct kvm_vcpu *vcpu)
{
	if (shadow_create(vcpu))
		hv_panic("fixture: shadow_create() failed\n");
	isa_set_put(&vcpu->isa, KVM_RISCV_ISA_EXT_H, true);
	vcpu_isa_changed(vcpu);
}

void native_vm_make(struct native_vm *f, unsigned int user_flags)
{
	native_user_map(NATIVE_USER_BASE, NATIVE_GUEST_SIZE, user_flags);
	native_vm_open(f);
	if (native_set_slot(f->vm, 0, NATIVE_GUEST_BASE, NATIVE_GUEST_SIZE, NATIVE_USER_BASE, 0))
		hv_panic("fixture: cannot set the memory slot\n");
	f->vcpu = native_vcpu_make(f, 0);
	vcpu_load(f->vcpu);
}

int native_run(struct kvm_vcpu *vcpu)
{
	int ret = vcpu_run(vcpu);

	vcpu_finish_put(vcpu);
	return ret;
}

void native_vm_free(struct native_vm *f)
{
	unsigned int i;

	if (f->vcpu && f->vcpu->loaded && !f->vcpu->put_pending)
		vcpu_put(f->vcpu);
	for (i = 0; i < f->nr_vcpus; i++)
		native_close(f->vcpu_fd[i]);
	native_close(f->vm_fd);
}

void native_user_unmap_elsewhere(hva_t hva, size_t size)
{
	unsigned int hart = hv_hart();

	native_hart_set(hart ? 0 : 1);
	native_user_unmap(hva, size);
	native_hart_set(hart);
}
