// SPDX-License-Identifier: MIT
/*
 * vm.h - a VM of one memory slot and small guests, for the tests of /dev/kvm.
 *
 * Except for programs whose header says that they run on hyperscope only, the programs here claim
 * Linux's behavior: they also pass on Linux 6.12 KVM (scripts/hyperscope linux-kvm exec). Claims
 * that end with "(hyperscope only)" are made only if HS_OURS is set.
 */
#ifndef KVM_API_VM_H
#define KVM_API_VM_H

#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include "hv/kvm_compat.h"
#include "tap.h"

#define MEM_GPA  0x80000000UL
#define MEM_SIZE 0x400000UL

#define CORE(name) \
	(KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE | KVM_REG_RISCV_CORE_REG(name))
#define CSRREG(name) \
	(KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_REG(name))
#define R_PC CORE(regs.pc)
#define R_A0 CORE(regs.a0)
#define R_A1 CORE(regs.a1)
#define R_A2 CORE(regs.a2)

#define SBI_EXPERIMENTAL 0x08000000UL /* KVM forwards this extension's calls to user space */

struct vm {
	int kvm, fd;
	uint8_t *mem;
};

struct vcpu {
	int fd;
	struct kvm_run *run;
};

static inline void must(bool good, const char *what)
{
	if (good)
		return;
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

/* A guest is a range of position-independent code between two labels. */
#define GUEST(name, text)                                                           \
	__asm__(".pushsection .rodata\n.balign 4\n.option push\n"                   \
		".option norelax\n.global guest_" #name "\nguest_" #name ":\n" text \
		"\n.global guest_" #name "_end\nguest_" #name "_end:\n"             \
		".option pop\n.popsection");                                        \
	extern const uint8_t guest_##name[], guest_##name##_end[]

#define vm_load(vm, name) vm_load_code((vm), 0, guest_##name, guest_##name##_end)

static inline void vm_load_code(struct vm *vm, size_t offset, const uint8_t *code,
				const uint8_t *end)
{
	memcpy(vm->mem + offset, code, (size_t)(end - code));
	__asm__ volatile("fence.i" ::: "memory");
}

static inline int vm_set_slot(const struct vm *vm, uint32_t slot, uint64_t gpa, uint64_t size,
			      const void *mem, uint32_t flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)mem,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

static inline struct vm vm_new(void)
{
	struct vm vm;

	vm.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	must(vm.kvm >= 0, "/dev/kvm");
	vm.fd = ioctl(vm.kvm, KVM_CREATE_VM, 0);
	must(vm.fd >= 0, "KVM_CREATE_VM");
	vm.mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(vm.mem != MAP_FAILED, "mmap");
	must(vm_set_slot(&vm, 0, MEM_GPA, MEM_SIZE, vm.mem, 0) == 0, "memory slot");
	return vm;
}

/*
 * Return whether KVM behaves as in Linux 7.3, which hyperscope follows, and not as in 6.12, the
 * other version for which the programs know what to expect. 6.12 has no initially set dirty logs.
 */
static inline bool is_linux_7_3(const struct vm *vm)
{
	return ioctl(vm->kvm, KVM_CHECK_EXTENSION, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2) ==
	       (KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET);
}

static inline int set_reg(const struct vcpu *vcpu, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	return ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg);
}

static inline uint64_t get_reg(const struct vcpu *vcpu, uint64_t id)
{
	uint64_t value = 0;
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	must(ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg) == 0, "KVM_GET_ONE_REG");
	return value;
}

static inline struct vcpu vcpu_new(const struct vm *vm, unsigned long id)
{
	struct vcpu vcpu;
	int size = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	vcpu.fd = ioctl(vm->fd, KVM_CREATE_VCPU, id);
	must(vcpu.fd >= 0, "KVM_CREATE_VCPU");
	vcpu.run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu.fd, 0);
	must(vcpu.run != MAP_FAILED, "mmap of a vCPU");
	must(set_reg(&vcpu, R_PC, MEM_GPA) == 0, "pc");
	return vcpu;
}

static inline void vcpu_free(struct vcpu *vcpu)
{
	munmap(vcpu->run, 8192);
	close(vcpu->fd);
}

static inline void vm_free(struct vm *vm)
{
	munmap(vm->mem, MEM_SIZE);
	close(vm->fd);
	close(vm->kvm);
}

static inline int vcpu_run(const struct vcpu *vcpu)
{
	return ioctl(vcpu->fd, KVM_RUN, 0);
}

/* Complete a pending exit, so that the guest can be started at another pc. */
static inline void vcpu_finish(const struct vcpu *vcpu)
{
	vcpu->run->immediate_exit = 1;
	vcpu_run(vcpu);
	vcpu->run->immediate_exit = 0;
}

/* Return whether the guest has made its REPORT with this value in a0. */
static inline bool is_report(const struct vcpu *vcpu, unsigned long value)
{
	return vcpu->run->exit_reason == KVM_EXIT_RISCV_SBI &&
	       vcpu->run->riscv_sbi.extension_id == SBI_EXPERIMENTAL &&
	       vcpu->run->riscv_sbi.args[0] == value;
}

/*
 * Return whether hyperscope's toggle `name` is set to `value`, so that new VMs get this value. On
 * Linux, return false.
 */
static inline bool toggle_is(const char *name, const char *value)
{
	char path[80], text[32] = "";
	int fd;
	bool good;

	snprintf(path, sizeof(path), "/sys/module/kvm/parameters/%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	good = read(fd, text, sizeof(text) - 1) > 0;
	close(fd);
	text[strcspn(text, "\n")] = '\0';
	return good && !strcmp(text, value);
}

/* Write a file in one call. Returns 0, or -1 with errno. */
static inline int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), error;
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

static inline void sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

/* The guest's report: an SBI call that exits to user space, with the value in a0. */
#define REPORT "li a7, 0x08000000\nli a6, 7\necall\n"

#endif
