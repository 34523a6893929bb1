// SPDX-License-Identifier: MIT
/*
 * tagged.c - a slot must not have a tagged address (Linux with Ssnpm only).
 *
 * Linux calls MMU notifiers with untagged addresses. So a slot with a tagged address would keep its
 * pages after user space has unmapped them, and the guest could access what Linux uses them for.
 */
#include <sys/prctl.h>
#include "vm.h"

#ifndef PR_PMLEN_SHIFT
#define PR_PMLEN_SHIFT 24
#endif

#define PAGE_GPA 0x90000000UL
#define HIGH_GPA 0xa0000000UL
#define TAG      (1UL << 48) /* the lowest of 16 bits that loads and stores ignore */

/* a0: address */
GUEST(store, "sd a0, 0(a0)\nli a7, 0x08000000\necall\n");

/* Let the guest store to an address. Returns 0, or the errno of KVM_RUN. */
static int guest_stores(struct vm *vm, struct vcpu *vcpu, uint64_t gpa)
{
	vm_load(vm, store);
	must(set_reg(vcpu, R_PC, MEM_GPA) == 0 && set_reg(vcpu, R_A0, gpa) == 0, "registers");
	return ioctl(vcpu->fd, KVM_RUN, 0) ? errno : 0;
}

int main(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t tagged = (uintptr_t)page | TAG;
	int err;

	must(vm_set_slot(&vm, 2, HIGH_GPA, 4096, (void *)tagged, 0) == 0, "a slot without memory");
	if (prctl(PR_SET_TAGGED_ADDR_CTRL, PR_TAGGED_ADDR_ENABLE | 16UL << PR_PMLEN_SHIFT, 0, 0,
		  0)) {
		printf("1..0 # SKIP there are no tagged addresses\n");
		return 0;
	}
	ok(*(volatile int *)tagged == 0, "a program can load from a tagged address");
	ok(guest_stores(&vm, &vcpu, HIGH_GPA) == EFAULT,
	   "a slot that is older than the tags does not find a page by its tagged address");
	err = vm_set_slot(&vm, 1, PAGE_GPA, 4096, (void *)tagged, 0) ? errno : 0;
	ok(err == EINVAL, "a slot with a tagged address is refused");
	if (!err) {
		ok(guest_stores(&vm, &vcpu, PAGE_GPA) == 0, "the guest stores to the page");
		munmap(page, 4096);
		ok(guest_stores(&vm, &vcpu, PAGE_GPA) == EFAULT,
		   "after munmap(), the guest cannot store to the page");
	}
	vcpu_free(&vcpu);
	vm_free(&vm);
	return tap_done();
}
