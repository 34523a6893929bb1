// SPDX-License-Identifier: MIT
/*
 * device_memory.c - a slot of registers that the process has mapped, such as those of a device that
 * is passed through: the guest's accesses reach the device without exits.
 *
 * Runs on Linux with QEMU's PCI device `edu`, whose register at 4 is read as the complement of what
 * was written to it.
 */
#include "pci.h"

#define REGS_GPA  0x40000000UL
#define REGS_SIZE 0x100000

/* a0: address of the registers. Report what the register at 4 then contains, or the one at 0. */
GUEST(store, "li a1, 0x12345678\nsw a1, 4(a0)\nlwu a0, 4(a0)\nli a7, 0x08000000\necall\n");
GUEST(load, "lwu a0, 0(a0)\nli a7, 0x08000000\necall\n");
/* Report the trap's cause. A fetch is an access fault, because the device allows no loads of 2 bytes. */
GUEST(fetch, "lla a1, 1f\ncsrw stvec, a1\njr a0\n.balign 4\n"
	     "1: csrr a0, scause\nli a7, 0x08000000\necall\n");

/* Report the error of SBI NACL's set_shmem(a0). */
GUEST(set_shmem, "li a7, 0x4e41434c\nli a6, 1\nli a1, 0\nli a2, 0\necall\n" REPORT);

#define ISA_H                   (KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_ISA_EXT | KVM_RISCV_ISA_EXT_H)
#define SBI_ERR_INVALID_ADDRESS (-5UL)

static struct vm vm;
static struct vcpu vcpu;

static volatile uint32_t *map_registers(int fd, int prot, int sharing)
{
	uint32_t flags = prot & PROT_WRITE ? 0 : KVM_MEM_READONLY;
	void *regs = mmap(NULL, REGS_SIZE, prot, sharing, fd, 0);

	must(regs != MAP_FAILED, "mmap of resource0");
	vm_set_slot(&vm, 1, REGS_GPA, 0, NULL, 0);
	must(vm_set_slot(&vm, 1, REGS_GPA, REGS_SIZE, regs, flags) == 0, "a slot of registers");
	return regs;
}

/* Let the guest run from its beginning. Returns 0, or the errno of KVM_RUN. */
static int run_guest(void)
{
	vcpu_finish(&vcpu);
	must(set_reg(&vcpu, R_PC, MEM_GPA) == 0 && set_reg(&vcpu, R_A0, REGS_GPA) == 0,
	     "registers");
	return vcpu_run(&vcpu) ? errno : 0;
}

/* The core accesses the memory of SBI NACL itself. */
static void nested_acceleration(void)
{
	struct vcpu hs = vcpu_new(&vm, 1);
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };

	ioctl(hs.fd, KVM_SET_MP_STATE, &runnable);
	must(set_reg(&hs, ISA_H, 1) == 0 && set_reg(&hs, R_A0, REGS_GPA) == 0, "extension H");
	vm_load(&vm, set_shmem);
	ok(vcpu_run(&hs) == 0 && is_report(&hs, SBI_ERR_INVALID_ADDRESS),
	   "SBI NACL does not accept registers of a device as its memory (hyperscope only)");
	vcpu_free(&hs);
}

static void ignore(int sig)
{
	(void)sig;
}

/*
 * In Linux 7.2, [vvar] has VM_IO and ordinary pages, on which get_user_pages() takes no reference.
 */
static void mapping_of_linux(void)
{
	struct sigaction action = { .sa_handler = ignore };
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start = 0;
	char line[256];
	int err;

	while (maps && !start && fgets(line, sizeof(line), maps)) {
		if (strstr(line, "[vvar]"))
			start = strtoul(line, NULL, 16);
	}
	must(start && !vm_set_slot(&vm, 1, REGS_GPA, 0, NULL, 0) &&
		     !vm_set_slot(&vm, 1, REGS_GPA, 4096, (void *)start, KVM_MEM_READONLY),
	     "a slot of [vvar]");
	fclose(maps);
	sigaction(SIGALRM, &action, NULL);
	alarm(10);
	vm_load(&vm, load);
	err = run_guest();
	ok(err == 0 || err == EFAULT, "KVM_RUN ends if the guest loads from [vvar]");
	alarm(0);
}

int main(void)
{
	struct pci edu;
	volatile uint32_t *regs;
	int fd;

	if (!pci_find(&edu, EDU)) {
		printf("1..0 # SKIP there is no PCI device edu\n");
		return 0;
	}
	pci_write(&edu, "enable", "1");
	fd = pci_open(&edu, "resource0", O_RDWR);
	must(fd >= 0, "resource0");
	vm = vm_new();
	vcpu = vcpu_new(&vm, 0);

	regs = map_registers(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	regs[1] = 1;
	ok(regs[0] == EDU_ID && regs[1] == ~1U, "the process can use the registers");
	vm_load(&vm, store);
	ok(run_guest() == 0 && is_report(&vcpu, ~0x12345678U), "the guest stores and loads");
	ok(regs[1] == ~0x12345678U, "the guest's store reaches the device");
	ok(run_guest() == 0 && is_report(&vcpu, ~0x12345678U),
	   "the guest's later stores and loads also reach the device");
	if (getenv("HS_OURS")) {
		vm_load(&vm, fetch);
		ok(run_guest() == 0 && is_report(&vcpu, 1),
		   "a fetch reaches the device, which refuses it (hyperscope only)");
		nested_acceleration();
	}

	vm_load(&vm, load);
	mprotect((void *)regs, REGS_SIZE, PROT_NONE);
	if (getenv("HS_OURS")) /* Linux does not look at the process's permission to read */
		ok(run_guest() == EFAULT,
		   "if the process may not read the registers, nor may the guest "
		   "(hyperscope only)");
	mprotect((void *)regs, REGS_SIZE, PROT_READ);
	ok(run_guest() == 0 && is_report(&vcpu, EDU_ID),
	   "if the process may read the registers, the guest may, too");
	vm_load(&vm, store);
	ok(run_guest() == EFAULT,
	   "if the process may not write to the registers, the guest may not either");
	mprotect((void *)regs, REGS_SIZE, PROT_READ | PROT_WRITE);
	ok(run_guest() == 0 && is_report(&vcpu, ~0x12345678U),
	   "if the process may write to the registers, the guest may, too");
	munmap((void *)regs, REGS_SIZE);
	ok(run_guest() == EFAULT, "after munmap(), the guest cannot store to the registers");

	regs = map_registers(fd, PROT_READ, MAP_SHARED);
	ok(run_guest() == 0 && vcpu.run->exit_reason == KVM_EXIT_MMIO,
	   "if the slot of registers is read-only, the guest's store is an exit");
	vm_load(&vm, load);
	ok(run_guest() == 0 && is_report(&vcpu, EDU_ID),
	   "if the slot of registers is read-only, the guest can load from it");

	regs = map_registers(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	ok(run_guest() == 0 && is_report(&vcpu, EDU_ID), "a private mapping shows the registers");
	if (getenv("HS_OURS")) { /* on Linux, KVM_RUN fails with EFAULT */
		vm_load(&vm, store);
		ok(run_guest() == 0 && is_report(&vcpu, 0x12345678) && regs[1] == 0x12345678,
		   "a store to a private mapping changes a copy, which the process sees "
		   "(hyperscope only)");
	}
	mapping_of_linux();
	vcpu_free(&vcpu);
	vm_free(&vm);
	return tap_done();
}
