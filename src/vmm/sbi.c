// SPDX-License-Identifier: MIT
/*
 * sbi.c - the SBI calls that KVM leaves to user space: the consoles, suspend, the legacy
 * shutdown.
 *
 * KVM writes ret[0] and ret[1] to the guest's a0 and a1. A legacy call (SBI Legacy) returns only
 * a0, so ret[1] is set to the old value of a1.
 */
#include <time.h>
#include "vmm.h"

/* Use only the numbers of sbi.def: the VMM does not include the hypervisor's headers. */
enum {
#define SBI_EXTENSION(ext, number, class, version)      SBI_EXT_##ext = number,
#define SBI_LEGACY(call, number, class, name, version)  SBI_LEGACY_##call = number,
#define SBI_FUNCTION(ext, function, fid, name, version) SBI_##ext##_##function = fid,
#define SBI_ERROR(error, value, name)                   SBI_##error = value,
#include "../include/hv/sbi.def"
};

/* A call may write less than requested (SBI DBCN FID 0). The limit keeps a call short. */
#define DBCN_MAX 0x10000ul

/*
 * Return the buffer of a DBCN call. Its length is args[0]; its address is args[1] and, for the bits
 * above XLEN, args[2]. Returns NULL if the buffer is not in RAM.
 */
static void *dbcn_buffer(struct machine *m, const unsigned long *args)
{
	gpa_t gpa = args[1];

	if (sizeof(long) == 4)
		gpa |= (u64)args[2] << 32;
	else if (args[2])
		return NULL;
	return machine_ram(m, gpa, args[0]);
}

static long dbcn_write(struct machine *m, const unsigned long *args, unsigned long *value)
{
	void *text = dbcn_buffer(m, args);

	if (!text)
		return SBI_ERR_INVALID_PARAM;
	*value = args[0] < DBCN_MAX ? args[0] : DBCN_MAX;
	console_write(text, *value);
	return SBI_SUCCESS;
}

static long dbcn_read(struct machine *m, const unsigned long *args, unsigned long *value)
{
	u8 *buffer = dbcn_buffer(m, args);
	unsigned long n = 0;

	if (!buffer)
		return SBI_ERR_INVALID_PARAM;
	while (n < args[0]) {
		int byte = console_read();

		if (byte < 0)
			break;
		buffer[n++] = (u8)byte;
	}
	machine_wrote(m, buffer, n);
	*value = n;
	return SBI_SUCCESS;
}

static long dbcn(struct machine *m, unsigned long function, const unsigned long *args,
		 unsigned long *value)
{
	u8 byte = (u8)args[0];

	*value = 0;
	switch (function) {
	case SBI_DBCN_CONSOLE_WRITE:
		return dbcn_write(m, args, value);
	case SBI_DBCN_CONSOLE_READ:
		return dbcn_read(m, args, value);
	case SBI_DBCN_CONSOLE_WRITE_BYTE:
		console_write(&byte, 1);
		return SBI_SUCCESS;
	}
	return SBI_ERR_NOT_SUPPORTED;
}

/* Is the vCPU's external interrupt pending, whichever interrupt controller drives it? */
static bool external_is_pending(const struct vcpu *vcpu)
{
	unsigned long sip = 0;

	kvm_get_reg(vcpu->fd, REG_CSR(KVM_REG_RISCV_CSR_REG(sip)), &sip);
	return sip & 1ul << IRQ_S_EXT;
}

/*
 * Sleep until an interrupt that the guest left enabled at its PLIC is pending, or until the machine
 * is being stopped. KVM has checked the call and prepared the resume.
 */
static void suspend(struct vcpu *vcpu)
{
	const struct timespec millisecond = { .tv_nsec = 1000000 };
	struct machine *m = vcpu->machine;

	while (!external_is_pending(vcpu) && !atomic_load(&m->stopping))
		nanosleep(&millisecond, NULL);
}

void sbi_handle(struct vcpu *vcpu)
{
	struct machine *m = vcpu->machine;
	unsigned long *args = vcpu->run->riscv_sbi.args;
	unsigned long *ret = vcpu->run->riscv_sbi.ret;
	u8 byte = (u8)args[0];

	switch (vcpu->run->riscv_sbi.extension_id) {
	case SBI_LEGACY_CONSOLE_PUTCHAR:
		console_write(&byte, 1);
		ret[0] = SBI_SUCCESS;
		ret[1] = args[1];
		break;
	case SBI_LEGACY_CONSOLE_GETCHAR:
		ret[0] = (long)console_read();
		ret[1] = args[1];
		break;
	case SBI_LEGACY_SHUTDOWN:
		machine_stop(m, STOP_POWEROFF, STATUS_POWEROFF);
		break;
	case SBI_EXT_DBCN:
		ret[0] = dbcn(m, vcpu->run->riscv_sbi.function_id, args, &ret[1]);
		break;
	case SBI_EXT_BASE: /* a probe for a user-space extension: the VMM does not have any */
		ret[0] = SBI_SUCCESS;
		ret[1] = 0;
		break;
	case SBI_EXT_SUSP:
		suspend(vcpu);
		break;
	default:
		ret[0] = SBI_ERR_NOT_SUPPORTED;
		ret[1] = 0;
	}
}
