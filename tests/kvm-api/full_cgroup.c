// SPDX-License-Identifier: MIT
/*
 * full_cgroup.c - a guest runs on while the memory cgroup of its VMM is full, although each of its
 * stores needs a new table of the G-stage.
 *
 * usage: full_cgroup, in a cgroup with a limit of 32 MiB
 *
 * The rest of the cgroup's memory is lazily freed, so Linux can give out more, but only after it has
 * reclaimed some.
 */
#include "vm.h"

#define LIMIT    (32UL << 20)
#define HIGH_GPA (4UL << 30)
#define STRIDE   (2UL << 20) /* what a table of level 0 maps */
#define TABLES   1500UL

/* a0: address, a1: stride, a2: stores */
GUEST(stores, "1: sd a0, 0(a0)\nadd a0, a0, a1\naddi a2, a2, -1\nbnez a2, 1b\n"
	      "li a7, 0x08000000\necall\n");

static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	must(p != MAP_FAILED, "mmap()");
	madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

int main(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);
	void *memory = map(TABLES * STRIDE), *freed = map(LIMIT);

	must(vm_set_slot(&vm, 1, HIGH_GPA, TABLES * STRIDE, memory, 0) == 0, "a slot");
	vm_load(&vm, stores);
	must(set_reg(&vcpu, R_PC, MEM_GPA) == 0 && set_reg(&vcpu, R_A0, HIGH_GPA) == 0 &&
		     set_reg(&vcpu, R_A1, STRIDE) == 0 && set_reg(&vcpu, R_A2, TABLES) == 0,
	     "registers");
	for (unsigned long i = 0; i < TABLES; i++)
		*(volatile char *)((char *)memory + i * STRIDE) = 1;
	for (unsigned long at = 0; at < LIMIT; at += STRIDE) {
		memset((char *)freed + at, 1, STRIDE);
		must(madvise((char *)freed + at, STRIDE, MADV_FREE) == 0, "MADV_FREE");
	}
	ok(ioctl(vcpu.fd, KVM_RUN, 0) == 0, "KVM_RUN does not fail for lack of memory");
	ok(*(uint64_t *)((char *)memory + (TABLES - 1) * STRIDE) ==
		   HIGH_GPA + (TABLES - 1) * STRIDE,
	   "the guest has made its last store");
	vcpu_free(&vcpu);
	vm_free(&vm);
	return tap_done();
}
