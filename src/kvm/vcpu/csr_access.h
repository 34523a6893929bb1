// SPDX-License-Identifier: MIT
/* csr_access.h - a trapped CSR instruction, decoded. */
#ifndef KVM_CSR_ACCESS_H
#define KVM_CSR_ACCESS_H

/* old = csr; csr = (old & ~write_mask) | (new_value & write_mask). */
struct csr_access {
	unsigned int csr;
	unsigned int rd; /* register for the old value; 0: not wanted */
	unsigned long new_value;
	unsigned long write_mask; /* 0: read only */
};

static inline unsigned long csr_access_result(const struct csr_access *access, unsigned long old)
{
	return (old & ~access->write_mask) | (access->new_value & access->write_mask);
}

#endif
