// SPDX-License-Identifier: MIT
/*
 * vcpu.c - a vCPU's thread: call KVM_RUN, handle the exit, repeat.
 *
 * KVM completes an MMIO or SBI exit at the next KVM_RUN. So a thread that has to stop calls KVM_RUN
 * once more with immediate_exit set. KVM then completes the instruction, does not begin another
 * one, and returns EINTR, and the thread parks.
 */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include "vmm.h"

#define KICK_SIGNAL SIGUSR1

/*
 * Zkr (unprivileged spec): the entropy source's CSR, seed, and the state ES16 in it ("16 bits of
 * entropy").
 */
#define CSR_SEED        0x015
#define SEED_STATE_ES16 (2ul << 30)

static void kicked(int signal)
{
	(void)signal; /* the signal only has to make KVM_RUN return */
}

void vcpu_kick(struct vcpu *vcpu)
{
	pthread_kill(vcpu->thread, KICK_SIGNAL);
}

/*
 * The data begins at mmio.data[0], whatever its length, because guest and host are little-endian.
 */
static void handle_mmio(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	struct bus *bus = &vcpu->machine->bus;
	/* The type is bytes, so the compiler would copy them one by one. */
	void *data = __builtin_assume_aligned(run->mmio.data, sizeof(u64));
	unsigned int len = run->mmio.len;
	u64 value;

	if (run->mmio.is_write) {
		memcpy(&value, data, sizeof(value));
		if (len < sizeof(value))
			value &= (1ull << 8 * len) - 1;
		bus_write(bus, run->mmio.phys_addr, value, len);
	} else {
		value = bus_read(bus, run->mmio.phys_addr, len);
		memcpy(data, &value, sizeof(value));
	}
}

static void handle_system_event(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	switch (run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		/* Reason 1 is "system failure" (SBI SRST FID 0). */
		if (run->system_event.ndata > 0 && run->system_event.data[0] == 1) {
			complain("the guest shuts down because of a system failure");
			machine_stop(vcpu->machine, STOP_PANIC, STATUS_PANIC);
			return;
		}
		machine_stop(vcpu->machine, STOP_POWEROFF, STATUS_POWEROFF);
		return;
	case KVM_SYSTEM_EVENT_RESET:
		machine_stop(vcpu->machine, STOP_REBOOT, 0);
		return;
	}
	complain("the guest reports system event %u", run->system_event.type);
	machine_stop(vcpu->machine, STOP_PANIC, STATUS_PANIC);
}

/*
 * KVM forwards only accesses to seed; for any other CSR that it does not handle, it injects an
 * illegal-instruction exception.
 */
static void handle_csr(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	u16 entropy = 0;

	if (run->riscv_csr.csr_num != CSR_SEED)
		guest_error("KVM forwards an access to CSR 0x%lx, which is unknown",
			    run->riscv_csr.csr_num);
	else if (getrandom(&entropy, sizeof(entropy), 0) == sizeof(entropy))
		run->riscv_csr.ret_value = SEED_STATE_ES16 | entropy;
	else
		run->riscv_csr.ret_value = 0; /* "built-in self-test": try again */
}

__attribute__((format(printf, 2, 3))) static void vcpu_failed(struct vcpu *vcpu, const char *format,
							      ...)
{
	char why[200];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	complain("vCPU %u cannot continue: %s", vcpu->id, why);
	machine_stop(vcpu->machine, STOP_VCPU, STATUS_VCPU);
	machine_vcpu_park(vcpu); /* returns only if a reboot came first */
}

static void handle_exit(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		handle_mmio(vcpu);
		break;
	case KVM_EXIT_RISCV_SBI:
		sbi_handle(vcpu);
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		handle_system_event(vcpu);
		break;
	case KVM_EXIT_RISCV_CSR:
		handle_csr(vcpu);
		break;
	case KVM_EXIT_INTR:
		break;
	case KVM_EXIT_FAIL_ENTRY:
		vcpu_failed(vcpu, "KVM_EXIT_FAIL_ENTRY, reason 0x%llx",
			    (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		vcpu_failed(vcpu, "KVM_EXIT_INTERNAL_ERROR, suberror %u", run->internal.suberror);
		break;
	default:
		vcpu_failed(vcpu, "KVM_RUN returned with unknown exit reason %u", run->exit_reason);
	}
}

/* --pin: run vCPU n on the n-th processor that the VMM may use, counting cyclically from 0. */
static void pin(const struct vcpu *vcpu)
{
	unsigned int left;
	cpu_set_t all, one;
	int err, i = -1;

	if (sched_getaffinity(0, sizeof(all), &all) || !CPU_COUNT(&all))
		die(STATUS_SETUP, "--pin: sched_getaffinity: %s", strerror(errno));
	for (left = vcpu->id % CPU_COUNT(&all) + 1; left; left--)
		while (!CPU_ISSET(++i, &all))
			;
	CPU_ZERO(&one);
	CPU_SET(i, &one);
	err = pthread_setaffinity_np(vcpu->thread, sizeof(one), &one);
	if (err)
		die(STATUS_SETUP, "--pin: sched_setaffinity: %s", strerror(err));
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *vcpu = arg;

	machine_vcpu_park(vcpu); /* until the machine is loaded */
	for (;;) {
		int err = kvm_try(vcpu->fd, KVM_RUN, 0);

		if (err == 0) {
			handle_exit(vcpu);
			if (atomic_load(&vcpu->machine->stopping))
				vcpu->run->immediate_exit = 1;
		} else if (err == -EINTR || err == -EAGAIN) {
			if (atomic_exchange(&vcpu->sample_wanted, false))
				watchdog_sample(vcpu);
			if (atomic_load(&vcpu->machine->stopping))
				machine_vcpu_park(vcpu);
		} else {
			vcpu_failed(vcpu, "KVM_RUN: %s (errno %d)", strerror(-err), -err);
		}
	}
	return NULL;
}

/* KVM of Linux does not give a vCPU H. */
static void vcpu_add_hypervisor(const struct machine *m, struct vcpu *vcpu)
{
	if (kvm_set_reg(vcpu->fd, REG_ISA(KVM_RISCV_ISA_EXT_H), 1))
		die(STATUS_SETUP,
		    "%s: this KVM cannot give a guest the H extension; hyperscope can, but not "
		    "with gpa_from=walk",
		    m->options.restore ? "--restore" : "--nested");
}

void vcpu_create(struct vcpu *vcpu, struct machine *m, unsigned int id)
{
	int size = kvm_call(m->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	vcpu->machine = m;
	vcpu->id = id;
	vcpu->fd = kvm_call(m->vm_fd, KVM_CREATE_VCPU, id);
	vcpu->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		die(STATUS_SETUP, "mmap of vCPU %u: %s", id, strerror(errno));
	/*
	 * KVM offers the debug console only on request. An older KVM does not have a debug console
	 * and returns an error, which is ignored.
	 */
	kvm_set_reg(vcpu->fd, REG_SBI(KVM_RISCV_SBI_EXT_DBCN), 1);
	sbi_apply_list(vcpu);
	if (m->options.nested)
		vcpu_add_hypervisor(m, vcpu);
	if (m->options.linux_6_12)
		vcpu_hide_extensions(vcpu);
}

void vcpu_start_thread(struct vcpu *vcpu)
{
	struct sigaction action = { .sa_handler = kicked };
	int err;

	sigaction(KICK_SIGNAL, &action, NULL);
	err = thread_create(&vcpu->thread, vcpu_thread, vcpu);
	if (err)
		die(STATUS_SETUP, "cannot start vCPU %u's thread: %s", vcpu->id, strerror(err));
	if (vcpu->machine->options.pin)
		pin(vcpu);
}
