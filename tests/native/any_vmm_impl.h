// SPDX-License-Identifier: MIT
/*
 * any_vmm_impl.h - interface between any_vmm.c, any_guest.c and any_irqchip.c.
 */
#ifndef NATIVE_ANY_VMM_IMPL_H
#define NATIVE_ANY_VMM_IMPL_H

#include "any_vmm.h"

#define ANY_ARGS (NATIVE_USER_BASE + 0x1000000UL) /* user address of the ioctls' arguments */

/* Return one of the arguments. */
#define PICK(...)                                                    \
	({                                                           \
		const u64 __set[] = { __VA_ARGS__ };                 \
		__set[any_choice(sizeof(__set) / sizeof(__set[0]))]; \
	})

#define IOCTL(fd, cmd, type, ...)                                                         \
	({                                                                                \
		type __args = { __VA_ARGS__ };                                            \
		any_answer(native_ioctl((fd), (cmd), any_args(&__args, sizeof(__args)))); \
	})

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

/* ---- any_guest.c ---- */

/* The guest (native_guest). It traps any_entries_left times, and then by a timer interrupt. */
void any_guest(struct kvm_vcpu *vcpu);
extern unsigned int any_entries_left;

/* ---- any_irqchip.c ---- */

/* Give a VM whose vCPUs have not run an interrupt controller, or none. Call once for each input. */
void any_irqchip_begin(int vm);
/* Use the controller: an ioctl of the VM or of the device, or a signal of one of the eventfds. */
void any_irqchip_step(int vm, int event, int other_event);
/* Return the address of a register of one of the controllers. */
gpa_t any_irqchip_gpa(void);
/* Return an instruction that accesses a CSR of an IMSIC with a0, and select an indirect register. */
u32 any_irqchip_insn(void);
/* Return a value that a register of a controller often has. */
u64 any_irqchip_value(void);

#endif
