// SPDX-License-Identifier: MIT
/*
 * any_vmm_impl.h - interface between the parts of the random VMM: any_vmm.c, any_irqchip.c and
 * any_sbi.c, which run on any machine, and the machine itself, which is native (any_native.c,
 * any_guest.c) or a process that opens /dev/kvm (tests/kvm-api/random).
 */
#ifndef NATIVE_ANY_VMM_IMPL_H
#define NATIVE_ANY_VMM_IMPL_H

#include <linux/kvm.h>
#include "any_vmm.h"
#include "hv/bits.h"

/*
 * The user address of the memory for VMs. Linux places the heap of a program anywhere in the first GiB
 * after it (arch_randomize_brk()), where a mapping would replace parts of the heap.
 */
#define ANY_HVA     0x60000000UL
#define ANY_SIZE    0x800000UL
#define ANY_GPA     0x80000000ULL
#define ANY_MAX_FDS 12

/* Registers that have the arguments of an SBI call. */
enum {
	A0 = 10,
	A1,
	A2,
	A3,
	A4,
	A5,
	A6,
	A7
};

/* Return a choice, a number less than `below`. */
static inline u64 rnd(u64 below)
{
	return any_choice(below);
}

/* Return one of the arguments. */
#define PICK(...)                                                    \
	({                                                           \
		const u64 __set[] = { __VA_ARGS__ };                 \
		__set[any_choice(sizeof(__set) / sizeof(__set[0]))]; \
	})

#define IOCTL(fd, cmd, type, ...)                                                      \
	({                                                                             \
		type __args = { __VA_ARGS__ };                                         \
		any_answer(env_ioctl((fd), (cmd), any_args(&__args, sizeof(__args)))); \
	})

struct any_fds {
	int fd[ANY_MAX_FDS];
	unsigned int n;
};

/* The descriptors of a thread. */
struct any_vmm {
	int dev;    /* /dev/kvm */
	int device; /* the latest interrupt controller */
	struct any_fds vms, vcpus, events;
};

extern __thread struct any_vmm any_vmm;

/*
 * Make a VM with memory at ANY_GPA, two vCPUs and two eventfds. Makes no choice. If the VM cannot
 * have dirty rings, any_machine becomes ANY_USUAL.
 */
void any_vmm_open(int dev, enum any_machine machine);
/* Give each toggle its usual value; for ANY_OTHER, give each but fastpath another one. */
void any_toggles(enum any_machine machine);
/* Return one of the descriptors, or -1 if there is none. */
int any_fd(const struct any_fds *fds);
/* Give one toggle one of its values. */
void any_toggle(void);

/* Put the arguments of an ioctl into user memory. Return their address, or seldom another one. */
unsigned long any_args(const void *args, size_t size);
/* Check that the value is a result or -errno, and return it. */
long any_answer(long ret);

/*
 * Return a guest physical address: usually within 4 MiB from the VM's memory, else a controller's
 * register, an edge case or random.
 */
u64 any_gpa(void);

extern enum any_machine any_machine;

/* ---- any_sbi.c ---- */

/* Return an event of the PMU, as an SBI call names it. */
unsigned long any_pmu_event(void);

/* ---- any_irqchip.c ---- */

/* Give a VM whose vCPUs have not run an interrupt controller, or none. Call once for each input. */
void any_irqchip_begin(int vm);
/* Use the controller: an ioctl of the VM or of the device, or a signal of one of the eventfds. */
void any_irqchip_step(int vm, int event, int other_event);
/* Return the address of a register of one of the controllers. */
gpa_t any_irqchip_gpa(void);
/* Return an instruction that accesses a CSR of an IMSIC with a0, and a value for siselect. */
u32 any_irqchip_insn(unsigned long *select);
/* Return a value that a register of a controller often has. */
u64 any_irqchip_value(void);

/* ---- the machine ---- */

enum env_memory {
	ENV_USUAL,
	ENV_READ_ONLY,
	ENV_COW, /* a write replaces the page, or makes the same page writable */
	ENV_HUGE /* 2 MiB blocks, where possible */
};

extern __thread unsigned long env_args; /* user address of the ioctls' arguments, 64 KiB */

/* End the test, because the program or the core has made an error. */
void __attribute__((noreturn, format(printf, 1, 2))) env_fail(const char *format, ...);

/* System calls. They return a result or -errno. */
long env_ioctl(int fd, unsigned int cmd, unsigned long arg);
long env_read(int fd, unsigned long va, size_t size, u64 pos);
void env_close(int fd);
int env_event(void); /* make an eventfd */
void env_signal(int event);

/* Copy to or from user memory. Return false if there is none. */
bool env_put(unsigned long va, const void *from, size_t size);
bool env_get(void *to, unsigned long va, size_t size);
void env_map(unsigned long va, size_t size, enum env_memory kind);
void env_unmap(unsigned long va, size_t size);

/* Write to kvm_run, and call KVM_RUN, with a random guest. */
void env_run(int vcpu);
/* Write to an entry of a vCPU's dirty ring. */
void env_ring_write(int vcpu);
void env_pass_time(unsigned long ticks);
void env_fail_alloc(unsigned int nth); /* the nth allocation from now on fails; 0: none */
/* Set the toggle of VMs that are made from now on, if the machine has what the value needs. */
void env_set_toggle(const char *name, const char *value);

#endif
