// SPDX-License-Identifier: MIT
/*
 * sbi_dbcn.c - SBI §12: forward debug-console calls to user space, which also accesses their
 * buffers in guest memory.
 *
 * The extension is off until user space enables it (KVM_REG_RISCV_SBI_EXT): a VMM that does not
 * know the extension could not answer its calls.
 */
#include "sbi/sbi.h"

int sbi_dbcn(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	(void)ext;
	if (fid <= SBI_DBCN_CONSOLE_WRITE_BYTE)
		return sbi_forward(vcpu);
	ret->error = SBI_ERR_NOT_SUPPORTED;
	return RESUME_GUEST;
}
