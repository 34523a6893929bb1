// SPDX-License-Identifier: MIT
/*
 * firmware.c - models of the firmware, the device tree and the log, and stubs for devices that this
 * machine lacks.
 */
#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dev/uart.h"
#include "hv/host.h"
#include "lib/printk.h"
#include "machine.h"
#include "platform/fdt.h"
#include "platform/platform.h"
#include "platform/sbi.h"
#include "proc/syscall.h"
#include "sched/smp.h"
#include "trace/trace_sample.h"

bool machine_verbose;
extern __thread bool native_in_hook; /* for the model of the counters, which then must not sleep */
__thread bool native_in_hook;
const void *host_fdt;
hpa_t kernel_image_pa = MACHINE_RAM_BASE;
char _image_start[1], _text_end[1], _rodata_end[1], _image_end[1];

unsigned long native_guest_file_line(void);
unsigned long *native_guest_file_register(void);
void sysrq_init(void);
void tracefs_init(void);
void trap_entry(void);
size_t strlcpy(char *dst, const char *src, size_t size);
void start_secondary(void);
void fp_store(struct fp_state *fp);
void fp_load(const struct fp_state *fp);
void machine_vfail(const char *fmt, va_list ap) __attribute__((noreturn));
void hv_panic(const char *fmt, ...) __attribute__((noreturn)); /* for the models of tests/native */

void machine_vfail(const char *fmt, va_list ap)
{
	fprintf(stderr, "machine: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	abort();
}

void machine_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	machine_vfail(fmt, ap);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	machine_vfail(fmt, ap);
}

void hv_panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	machine_vfail(fmt, ap);
}

void uart_write(const char *s, size_t size)
{
	if (machine_verbose)
		fwrite(s, 1, size, stderr);
}

void uart_force_unlock(void)
{
}

size_t strlcpy(char *dst, const char *src, size_t size)
{
	size_t len = strlen(src);

	if (size) {
		size_t n = MIN(len, size - 1);

		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return len;
}

/* ---- SBI ---- */

struct sbiret sbi_call(unsigned long ext, unsigned long fid, unsigned long a0, unsigned long a1,
		       unsigned long a2, unsigned long a3, unsigned long a4)
{
	(void)a3, (void)a4;
	if (ext == SBI_EXT_HSM && fid == SBI_HSM_HART_START) {
		machine_start_hart(((struct hart_boot_info *)(a2 - kernel_image_pa +
							      (unsigned long)_image_start))
					   ->thread);
		return (struct sbiret){ 0 };
	}
	if (ext == SBI_EXT_IPI && fid == SBI_IPI_SEND_IPI) {
		for (unsigned int i = 0; i < MACHINE_HARTS; i++)
			if (i >= a1 && a0 >> (i - a1) & 1)
				machine_ipi(i);
		return (struct sbiret){ 0 };
	}
	return (struct sbiret){ .error = SBI_ERR_NOT_SUPPORTED };
}

void sbi_call_harts(unsigned long ext, unsigned long fid, const struct hv_hartmask *to,
		    unsigned long a2, unsigned long a3, unsigned long a4)
{
	unsigned int hart;

	(void)fid, (void)a2, (void)a3, (void)a4;
	if (ext == SBI_EXT_IPI)
		hartmask_for_each(hart, to)
			machine_ipi(hart);
}

void sbi_remote_fence(unsigned long fid, const struct hv_hartmask *to, unsigned long start,
		      unsigned long size, unsigned long id)
{
	unsigned int hart;

	if (fid == SBI_RFENCE_REMOTE_SFENCE_VMA)
		hartmask_for_each(hart, to)
			machine_fence(hart, start, size);
	if (fid == SBI_RFENCE_REMOTE_HFENCE_GVMA_VMID)
		native_tlb_remote_fence(to, start, size, id);
}

/* ---- the device tree: memory, harts with Sstc, no devices ---- */

void fdt_each_memory(void (*fn)(hpa_t start, hpa_t end))
{
	fn(MACHINE_RAM_BASE, MACHINE_RAM_BASE + MACHINE_RAM_SIZE);
}

void fdt_each_reserved(void (*fn)(hpa_t start, hpa_t end))
{
	(void)fn;
}

void fdt_each_cpu(void (*fn)(int node, unsigned long hartid))
{
	for (unsigned int i = 0; i < MACHINE_HARTS; i++)
		fn(0, i);
}

unsigned int fdt_surplus_cpus(void)
{
	return 0;
}

u64 fdt_number(int node, const char *name, u64 fallback)
{
	(void)node;
	return strcmp(name, "timebase-frequency") ? fallback : MACHINE_HZ;
}

const char *fdt_bootargs(void)
{
	return "hugepages=4";
}

int fdt_chosen(void)
{
	return -1;
}

bool fdt_interrupt(int node, int controller, struct fdt_interrupt *irq)
{
	(void)node, (void)controller, (void)irq;
	return false;
}

int fdt_path_offset(const void *fdt, const char *path)
{
	(void)fdt, (void)path;
	return -1;
}

int fdt_first_subnode(const void *fdt, int offset)
{
	(void)fdt, (void)offset;
	return -1;
}

int fdt_next_subnode(const void *fdt, int offset)
{
	(void)fdt, (void)offset;
	return -1;
}

const void *fdt_getprop(const void *fdt, int node, const char *name, int *len)
{
	(void)fdt, (void)node, (void)name, (void)len;
	return NULL;
}

bool hv_isa_has(const char *name)
{
	return !strcmp(name, "sstc") || !strcmp(name, "h");
}

unsigned int hv_cbo_block_size(const char *which)
{
	(void)which;
	return 0;
}

/* ---- what this machine lacks: other harts, counters, events, consoles ---- */

void trap_entry(void)
{
	machine_fail("trap_entry() was called, but this machine passes traps to C functions");
}

void start_secondary(void)
{
}

void pmu_interrupt(void)
{
	machine_fail("pmu_interrupt() was called, but this machine has no counters");
}

void pmu_hart_init(void)
{
}

void trace_sample_kernel(unsigned long ra)
{
	(void)ra;
}

void tracefs_init(void)
{
}

void sysrq_init(void)
{
}

long sys_sync(struct trap_frame *frame)
{
	(void)frame;
	return 0;
}

unsigned int hv_guest_files(void)
{
	return 0;
}

unsigned int hv_guest_ids(void)
{
	return 0;
}

hpa_t hv_guest_file_pa(unsigned int hart, unsigned int file)
{
	machine_fail("hart %u has no guest file %u", hart, file);
}

void hv_guest_file_send(unsigned int hart, unsigned int file, u32 id)
{
	machine_fail("hart %u has no guest file %u for %u", hart, file, id);
}

unsigned long native_guest_file_line(void)
{
	return 0;
}

unsigned long *native_guest_file_register(void)
{
	static unsigned long zero;

	return &zero;
}

/* ---- the FP unit: no program uses it ---- */

void fp_store(struct fp_state *fp)
{
	(void)fp;
}

void fp_load(const struct fp_state *fp)
{
	(void)fp;
}

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0:allocator_may_return_null=1";
}
