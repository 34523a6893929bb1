// SPDX-License-Identifier: MIT
/*
 * bench.h - the measuring functions (measure.c), and the groups of rows that use them.
 *
 * A row is a name and samples; a sample is the cost of a batch of operations. To add a row, write
 * an operation in bench.S (OP below), a call to bench() in the group's file, and a line each in
 * scripts/hs/bench/rows.py and docs/bench.md that describes the row.
 */
#ifndef GUEST_BENCH_H
#define GUEST_BENCH_H

#include "rt.h"

#define BATCHES     128
#define PER_BATCH   256
#define MAX_SAMPLES 1024

/* Execute an operation n times, in as few instructions as possible (bench.S). */
typedef void (*op_fn)(unsigned long n, unsigned long arg);
#define OP(name) void op_##name(unsigned long n, unsigned long arg);
OP(nothing)
OP(sbi_version)
OP(sbi_probe)
OP(sbi_set_timer)
OP(sbi_ipi_self)
OP(sbi_fence_i_self)
OP(sbi_sfence_all)
OP(sbi_sfence_page)
OP(sbi_user)
OP(sbi_user_fp)
OP(mmio_read_fp)
OP(mmio_read)
OP(mmio_write)
OP(wfi)
OP(csr_stimecmp)
OP(csr_instret)
OP(csr_time)
OP(virtual_insn)
OP(illegal_insn)
OP(ebreak)
OP(fp)
OP(plic_eoi)
OP(aplic_eoi)
OP(irq_inject)
OP(msi_self)
OP(timer_now)
OP(mix)
OP(touch_4k)
OP(touch_2m)
OP(blk_read)
OP(store_4k)
OP(store_2m)
OP(h_read)
OP(h_write)
OP(h_hlv)
OP(l2_call_nacl)
OP(h_fence)
OP(h_wfi)
OP(l2_call)
OP(l2_wfi)
OP(l2_fault)
OP(l2_changed)
OP(l2_pages)
OP(l2_exit) /* nacl.c */
OP(l2_load)
OP(l2_map)
#undef OP
void bench_skip(void);
void bench_lower(void);
void bench_lower_msi(void);
void bench_claim(void);
extern unsigned long bench_timers_lost; /* counted by op_timer_now */
void bench_timer_own(void);
void bench_timer_call(void);
void bench_read_block(void); /* called by op_blk_read */
unsigned long bench_ring(unsigned long bell, unsigned long steps, unsigned long *rung,
			 unsigned long enable);
void bench_answered(void);

/* ---- measure.c ---- */
extern bool icount; /* true if a tick of the clock is 100 instructions */
void measure_init(void);
bool wanted(const char *name); /* true if this row is selected, or if no row is selected */
/* Return whether this row is selected by name, for rows that need a special machine. */
bool asked_for(const char *name);
/* Measure batches of op(n, arg), after one extra batch to warm up. */
void bench(const char *name, op_fn op, unsigned long arg);
/* Like bench(), but without warming up; arg grows by `step` after each batch. */
void bench_steps(const char *name, op_fn op, unsigned long arg, unsigned long per_batch,
		 unsigned long batches, unsigned long step);
/*
 * Like bench(), but with FP enabled (sstatus.FS), for operations that write an FP register. Does
 * nothing if the hart lacks the D extension.
 */
void bench_fp(const char *name, op_fn op, unsigned long arg);
/*
 * Measure an operation that raises the external interrupt; `lower` is the interrupt's handler
 * (devices.c).
 */
void bench_taken(const char *name, op_fn op, unsigned long arg, void (*lower)(void));
/*
 * Measure step by step: begin a row, take samples (either from sample_start() to sample_stop(), or
 * as a number of ticks), and print the row's line.
 */
void row_begin(void);
void row_begin_single(void); /* each sample is one operation, measured by rdinstret if possible */
void sample_start(void);
void sample_stop(void);
void sample_ticks(unsigned long ticks);
void row_end(const char *name, unsigned long per_batch);

/* ---- a device's registers ---- */
static inline u32 get(unsigned long address)
{
	return *(volatile u32 *)address;
}

static inline void set(unsigned long address, u32 value)
{
	*(volatile u32 *)address = value;
}

/*
 * Return the end of the memory that rows may touch, or 0 if it is unknown. The last 64 MiB of
 * memory are left out, because they may hold the device tree and the initrd.
 */
unsigned long memory_end(void); /* memory.c */

/* ---- groups of rows ---- */
void bench_devices(void);  /* devices.c */
void bench_disk(void);     /* disk.c */
void bench_bell(void);     /* bell.c */
void bench_memory(void);   /* memory.c */
void bench_mix(void);      /* mix.c */
void bench_logged(void);   /* logged.c */
void bench_time(void);     /* time.c */
void bench_due(void);      /* time.c */
void bench_pingpong(void); /* time.c */
void bench_hypervisor(void);
void bench_nacl_call(void); /* nacl.c */
void bench_nacl_exit(void);

#endif
