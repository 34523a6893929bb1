// SPDX-License-Identifier: MIT
/*
 * guest_file_vm.h - a VM of guest hypervisors with guest interrupt files, for native tests. The
 * first vCPU executes; the others only receive MSIs.
 */
#ifndef NATIVE_GUEST_FILE_VM_H
#define NATIVE_GUEST_FILE_VM_H

#include "aia_vm.h"
#include "exit/exit.h"
#include "hv/kvm_hext.h"
#include "vcpu/nested.h"

#define GUEST_BITS 2
#define FILES      4 /* with the vCPU's own, number 0 */
#define SGEI       BIT(IRQ_S_GEXT)
#define VSEI       BIT(IRQ_VS_EXT)

static inline gpa_t page_of(unsigned int v, unsigned int file)
{
	return IMSIC_BASE + (hart_of[v] * PAGE_SIZE << GUEST_BITS) + file * PAGE_SIZE;
}

#define CSRRW 1UL
#define CSRRS 2UL

/* L1 executes `csrrw a0, csr, a1` or, with CSRRS, `csrr a0, csr`. Returns false if it is illegal. */
static inline bool execute(unsigned int number, unsigned long funct3, u64 value, u64 *old)
{
	unsigned long insn = (unsigned long)number << 20 | funct3 << 12 | 10 << 7 | 0x73;
	int result;

	if (funct3 == CSRRW)
		insn |= 11 << 15;
	vcpus[0]->guest.gpr[GPR_A1] = value;
	vcpus[0]->guest.sstatus |= SSTATUS_SPP;
	if (!nested_emulate(vcpus[0], insn, &result))
		return false;
	assert_int_equal(result, RESUME_GUEST);
	*old = vcpus[0]->guest.gpr[GPR_A0];
	return true;
}

static inline u64 read_csr(unsigned int number)
{
	u64 value;

	assert_true(execute(number, CSRRS, 0, &value));
	return value;
}

static inline void write_csr(unsigned int number, u64 value)
{
	u64 old;

	assert_true(execute(number, CSRRW, value, &old));
}

static inline unsigned int vgein(void)
{
	return (unsigned int)FIELD_GET(HSTATUS_VGEIN, vcpus[0]->nested.hstatus);
}

static inline int setup_files(void **state)
{
	(void)state;
	return setup_guests("h f d sstc ssaia smstateen", GUEST_BITS) || init_device();
}

#define CASE_FILES(claim) cmocka_unit_test_setup_teardown(claim, setup_files, end)

#endif
