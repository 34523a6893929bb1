// SPDX-License-Identifier: MIT
/* aia_code.S - what the payload's guest executes to access CSRs of Ssaia (aia.c) */
#include "guest_code.h"

	.text

guest_code l2_siselect			/* a1: the old value */
	csrrw	a1, 0x150, a0
	ecall
guest_code l2_sireg
	csrr	a0, 0x151
	ecall
guest_code l2_stopei
	csrr	a0, 0x15c
	ecall
guest_code l2_claim			/* a1: sip afterwards */
	csrrw	a0, 0x15c, zero
	csrr	a1, sip
	ecall
guest_code l2_stopi
	csrr	a0, 0xdb0
	ecall
guest_code l2_sip
	csrr	a0, sip
	ecall
guest_code l2_clear_sip			/* a0: the bits */
	csrc	sip, a0
	csrr	a0, sip
	ecall
