// SPDX-License-Identifier: MIT
/*
 * taken_over.c - a planted defect: a device through which the guest makes the VMM's system calls.
 *
 * This file is linked with all of the VMM (rules.mk: taken_over). It stands for a guest that has
 * found a defect in a device and executes code of its own in the VMM, in a vCPU's thread. The code
 * also knows where guest memory is, and it has replaced the VMM's handler of SIGSYS, so that a
 * refused call fails and does not end the VMM. The payloads escape and other_vm use the device.
 *
 *   0x00 ... 0x28  arguments 0 to 5
 *   0x30           the system call's number
 *   0x38           a store makes the call; a load returns the result, REFUSED if it was refused
 *   0x40           the VMM's address of the start of guest memory
 *   0x48           the VMM's address of the serial port's scratch register
 */
#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>
#include "taken_over.h"
#include "vmm.h"

int __real_thread_create(pthread_t *thread, void *(*fn)(void *), void *arg);
int __wrap_thread_create(pthread_t *thread, void *(*fn)(void *), void *arg);

static struct machine *machine;
static u64 slots[TAKEN_OVER_SIZE / 8];

void __real_syscon_init(struct machine *m);
void __wrap_syscon_init(struct machine *m);
void __real_sandbox_enter(struct machine *m);
/*
 * Even with --no-sandbox, the VMM's threads give up their capabilities. For a test that has to
 * observe a VMM with capabilities, $KEEP_CAPABILITIES keeps them.
 */
int __wrap_thread_create(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	return getenv("KEEP_CAPABILITIES") ? pthread_create(thread, NULL, fn, arg)
					   : __real_thread_create(thread, fn, arg);
}

void __wrap_sandbox_enter(struct machine *m);

static u64 system_call(const u64 *args, u64 number)
{
	register u64 a0 __asm__("a0") = args[0];
	register u64 a1 __asm__("a1") = args[1];
	register u64 a2 __asm__("a2") = args[2];
	register u64 a3 __asm__("a3") = args[3];
	register u64 a4 __asm__("a4") = args[4];
	register u64 a5 __asm__("a5") = args[5];
	register u64 a7 __asm__("a7") = number;

	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7)
			 : "memory");
	return a0;
}

static u64 door_read(void *device, u64 offset, unsigned int len)
{
	(void)device;
	(void)len;
	if (offset == TAKEN_OVER_RAM)
		return (uintptr_t)machine->ram;
	if (offset == TAKEN_OVER_SCR)
		return (uintptr_t)&machine->uart.scr;
	return slots[offset / 8];
}

static void door_write(void *device, u64 offset, u64 value, unsigned int len)
{
	(void)device;
	(void)len;
	slots[offset / 8] = offset == TAKEN_OVER_CALL
				    ? system_call(slots, slots[TAKEN_OVER_NUMBER / 8])
				    : value;
}

static void refused(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)signal;
	(void)info;
	uc->uc_mcontext.__gregs[REG_A0] = (unsigned long)TAKEN_OVER_REFUSED;
}

void __wrap_syscon_init(struct machine *m)
{
	machine = m;
	__real_syscon_init(m);
	bus_add(&m->bus, &(struct region){
				 .name = "taken_over",
				 .base = TAKEN_OVER_BASE,
				 .size = TAKEN_OVER_SIZE,
				 .read = door_read,
				 .write = door_write,
			 });
}

void __wrap_sandbox_enter(struct machine *m)
{
	struct sigaction action = { .sa_sigaction = refused, .sa_flags = SA_SIGINFO };

	sigaction(SIGSYS, &action, NULL);
	__real_sandbox_enter(m);
}
