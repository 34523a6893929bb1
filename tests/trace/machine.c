// SPDX-License-Identifier: MIT
/* machine.c - model harts whose index, time and instret are set by the test. */
#include <stdlib.h>
#include "machine.h"
#include "hv/core.h"
#include "hv/csr.h"
#include "trace_sample.h"

struct machine machine;

unsigned int hv_hart(void)
{
	return machine.hart;
}

void *hv_alloc(size_t size)
{
	return calloc(1, size);
}

void hv_free(void *p)
{
	free(p);
}

void hv_cpu_relax(void)
{
	if (machine.relax)
		machine.relax();
}

void kvm_trace_changed(void)
{
}

void trace_sample_changed(void)
{
}

unsigned long native_csr_read(enum csr_number csr)
{
	return csr == CSR_time ? machine.time : csr == CSR_instret ? machine.instret : 0;
}
