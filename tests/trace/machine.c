// SPDX-License-Identifier: MIT
/* machine.c - harts whose index, time and instret a test sets. */
#include "machine.h"
#include "hv/csr.h"
#include "hv/host.h"

struct machine machine;

unsigned int hv_hart(void)
{
	return machine.hart;
}

unsigned long native_csr_read(enum csr_number csr)
{
	return csr == CSR_time ? machine.time : csr == CSR_instret ? machine.instret : 0;
}
