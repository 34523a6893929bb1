// SPDX-License-Identifier: MIT
/*
 * rt.h - the runtime of every payload; a payload is a program that is the whole of a guest.
 *
 * A payload runs in VS mode under a hypervisor, or in HS mode directly under OpenSBI
 * (`qemu-system-riscv64 -M virt -kernel NAME.bin`, the "bare" floor). It is linked at 0x80200000,
 * runs with interrupts off and satp = 0 until it changes that, and reports its results as TAP on
 * the SBI console.
 */
#ifndef GUEST_RT_H
#define GUEST_RT_H

#define MAX_HARTS       64
#define BOOT_STACK_SIZE 0x4000
#define STACK_SIZE      0x2000 /* of another hart */
#define TRAP_STACK_SIZE 0x1000
#define USER_STACK_SIZE 0x1000
#define NOT_CLEARED     __attribute__((section(".noinit"))) /* the start does not set it to zero */
#define LOAD_OFFSET     0x200000

/* Offsets into struct hart for start.S; rt.c asserts each of them. */
#define HART_REGS     0
#define HART_EPC      256
#define HART_STATUS   264
#define HART_CAUSE    272
#define HART_TVAL     280
#define HART_TRAP_SP  288
#define HART_CATCH_SP 296
#define HART_SP       304

#ifndef __ASSEMBLER__

#include <stdarg.h>
#include "hv/csr.h"
#include "hv/pte.h"
#include "hv/sbi.h"
#include "hv/types.h"

#define REG_RA 1
#define REG_SP 2
#define REG_TP 4
#define REG_A0 10

/* A caught trap. cause is NO_TRAP if no trap occurred. */
#define NO_TRAP (~0UL)
struct trap {
	unsigned long cause;
	unsigned long tval;
	unsigned long epc;
	unsigned long status; /* sstatus as the trap left it: SPP, SPIE */
	unsigned long a0;
};

typedef void (*hart_fn)(unsigned long arg);

/*
 * One hart (in a guest, a vCPU). regs to tval are the frame of the trap being
 * handled. Each hart has one frame, so a trap inside the handler is fatal.
 */
struct hart {
	unsigned long regs[32];
	unsigned long epc, status, cause, tval;
	unsigned long trap_sp;
	unsigned long catch_sp; /* sp of the catch_call() that an exception ends, or 0 */
	unsigned long sp;
	unsigned long id; /* in SBI calls and in the device tree */
	int index;
	bool in_trap;
	struct trap trap;      /* the last trap recorded */
	bool catch_irqs;       /* an interrupt also ends the catch in progress */
	bool skip;             /* record exceptions and step over their instructions */
	unsigned long skipped; /* how many instructions were stepped over */
	void (*on_irq)(unsigned long code);
	unsigned long irqs[16]; /* interrupts taken, by code */
	/* Work for a secondary hart: fn is set last, and cleared when the work is done. */
	hart_fn fn;
	unsigned long arg;
};

extern struct hart harts[MAX_HARTS];
extern int nr_harts; /* harts in the device tree, at most MAX_HARTS */
extern const void *dtb;
extern char _start[], _end[];

static inline struct hart *this_hart(void)
{
	struct hart *hart;

	__asm__ volatile("mv %0, tp" : "=r"(hart));
	return hart;
}

/* The payload itself, called on the boot hart. When it returns, power_off(0) is called. */
void payload_main(void);

/* ---- start.S ---- */
void trap_entry(void);
void catch_call(hart_fn fn, unsigned long arg);
void catch_return(void);
void secondary_start(void);
void enter_user(unsigned long pc, unsigned long arg, unsigned long sp);
void enter_code(unsigned long regs);
void rt_main(unsigned long hartid, const void *fdt);
void rt_secondary(struct hart *hart);

/* ---- rt.c: console, strings, the end ---- */
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
const char *strstr(const char *s, const char *part);
void printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void vprintf(const char *fmt, va_list ap);
void power_off(int status) __attribute__((noreturn));
unsigned long random_next(unsigned long *state); /* xorshift64 (Marsaglia 2003); *state is not 0 */

/* ---- sbi.c ---- */
struct sbiret sbi_call6(unsigned long ext, unsigned long fid, unsigned long a0, unsigned long a1,
			unsigned long a2, unsigned long a3, unsigned long a4, unsigned long a5);
static inline struct sbiret sbi_call(unsigned long ext, unsigned long fid, unsigned long a0,
				     unsigned long a1, unsigned long a2)
{
	return sbi_call6(ext, fid, a0, a1, a2, 0, 0, 0);
}
long sbi_legacy(unsigned long ext, unsigned long a0, unsigned long a1);
bool sbi_has(unsigned long ext);
void sbi_set_timer(unsigned long long time);
void sbi_send_ipi(unsigned long mask, unsigned long base);

/* ---- trap.c ---- */
void rt_trap(struct hart *hart);
/*
 * Call fn(arg); an exception ends the call. The returned struct is this hart's, valid until the
 * hart's next trap.
 */
const struct trap *catch_trap(hart_fn fn, unsigned long arg);
/* Like catch_trap(), but in U mode. An exception always ends fn, normally an ecall (cause 8). */
const struct trap *catch_user(hart_fn fn, unsigned long arg);
/*
 * Run the code at regs[0] with x1 to x31 from regs[] until the first trap, for example an ebreak at
 * the end of the code. Afterwards, this_hart()->regs[] holds the registers as they were at the
 * trap, except sp and tp. A timer interrupt ends the code after five seconds.
 */
const struct trap *catch_code(const unsigned long *regs);
/*
 * Until skip_end() is called, step over instructions that trap. skip_end() returns the number of
 * instructions that were stepped over.
 */
void skip_begin(void);
unsigned long skip_end(void);

/* ---- smp.c: harts, IPI, timer ---- */
void smp_init(unsigned long boot_id);
int hart_start(int index); /* start a hart, wait until it runs: 0, an SBI error, or -1 (timeout) */
void hart_need(int index); /* like hart_start(), but bails out on an error */
long hart_status(unsigned long id);
void hart_run(int index, hart_fn fn, unsigned long arg); /* start work on an idle hart */
bool hart_idle(int index);
unsigned long harts_others(void);            /* a mask of all ids except that of harts[0] */
bool hart_wait(int index, unsigned long ms); /* wait for the end of its work; false on a timeout */
void hart_ipi(int index);
void ipi_clear(void);
unsigned long timebase(void); /* ticks per second */
unsigned long us_to_ticks(unsigned long us);
void delay_us(unsigned long us);
bool has_sstc(void);
void timer_at(unsigned long long time); /* by stimecmp if the hart has Sstc, else by SBI */
void timer_off(void);
/*
 * Sleep in WFI until an interrupt of `sie_bits` is pending, for at most `us` microseconds. Returns
 * false if none of these interrupts is pending. Uses the timer, and leaves it off.
 */
bool wait_irq(unsigned long sie_bits, unsigned long us);
bool isa_has(const char *ext); /* as in the device tree's riscv,isa, e.g. "_sstc" or "d" */

/* ---- fdt.c ---- */
struct fdt_reg {
	unsigned long base, size;
};
const void *fdt_prop(const char *path, const char *name, int *len);
const char *fdt_string(const char *path, const char *name); /* "" if there is none */
/*
 * Get reg of the n-th node (from 0) whose compatible list contains this string. Returns false if
 * there is no such node, or if it has no reg.
 */
bool fdt_find(const char *compatible, int n, struct fdt_reg *reg);
bool fdt_memory(struct fdt_reg *reg);
unsigned long fdt_cell(const void *prop, int index);
/* Get the hart ids of /cpus/cpu, at most max of them. Returns their number. */
int fdt_cpus(unsigned long *ids, int max);
/*
 * Return whether name or name=value is a boot argument. If it is, copy the value (or ""), at most
 * size bytes.
 */
bool boot_arg(const char *name, char *value, size_t size);
unsigned long boot_number(const char *name, unsigned long fallback); /* decimal; else bails out */
unsigned long boot_need(const char *name); /* bails out if the argument is missing */

/* ---- paging.c: Sv39; everything below TEST_VA is mapped one to one ---- */
#define TEST_VA 0x2000000000UL /* 4 KiB mappings of the tests start here */
void *page_alloc(void);
pte_t *pt_new(void);                           /* a new root with the one-to-one map */
pte_t *pt_find(pte_t *root, unsigned long va); /* va's 4 KiB entry; creates missing tables */
void pt_map(pte_t *root, unsigned long va, unsigned long pa, unsigned long flags);
void pt_on(const pte_t *root, unsigned long asid);
void pt_off(void);
#define PTE_KERNEL (PTE_V | PTE_R | PTE_W | PTE_X | PTE_A | PTE_D)

static inline unsigned long now(void)
{
	return (unsigned long)csr_time();
}

static inline void sfence_vma(void)
{
	__asm__ volatile("sfence.vma" ::: "memory");
}

static inline void fence_i(void)
{
	__asm__ volatile("fence.i" ::: "memory");
}

static inline void fence_rw(void)
{
	__asm__ volatile("fence rw, rw" ::: "memory");
}

static inline void wfi(void)
{
	__asm__ volatile("wfi" ::: "memory");
}

static inline unsigned long satp_make(const pte_t *root, unsigned long asid)
{
	return FIELD_PREP(SATP_MODE, SATP_MODE_SV39) | FIELD_PREP(SATP_ASID, asid) |
	       (unsigned long)root >> PAGE_SHIFT;
}

/* ---- tap.c: one claim per line; its name is a sentence ---- */
bool ok(bool good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool ok_eq(unsigned long got, unsigned long want, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Claim that the caught trap has this cause and this tval; ANY stands for any tval. */
#define ANY (~1UL)
bool ok_trap(const struct trap *trap, unsigned long cause, unsigned long tval, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
bool ok_sbi(struct sbiret ret, long error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void skip(const char *claim, const char *why);
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void bail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void done(void) __attribute__((noreturn));
/* For a payload without claims: print the empty plan 1..0 if a grader has set a key (tap.c). */
void at_end(void);
/* SBI implementation ids, for results that legitimately differ between systems. */
#define IMPL_OPENSBI 1
#define IMPL_KVM     3
unsigned long impl_id(void);
/*
 * Return whether the payload runs on Linux KVM: its test script then passes the boot argument
 * on=linux.
 */
bool on_linux(void);

#endif
#endif
