// SPDX-License-Identifier: MIT
/*
 * mmu.c - the first stage of translation, and user memory as the kernel (uaccess.S) and the
 * program access it.
 *
 * The TLB keeps every translation until a fence covers it or another page needs its entry, so a
 * missing sfence.vma shows. A walk sets A and D, as with Svadu. Spec: S §4 (Sv39), S §2.1.
 */
#include <string.h>
#include <sys/mman.h>
#include "hv/csr.h"
#include "hv/pte.h"
#include "machine.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "proc/process.h"
#include "sched/insn.h"
#include "sched/smp.h"

#define TLB_ENTRIES 64

struct translation {
	unsigned long va; /* of the 4K page */
	pte_t pte;        /* with the page's own address, even in a 2M leaf; 0: no translation */
};

static struct translation tlbs[MACHINE_HARTS][TLB_ENTRIES];
static struct spinlock accesses[MACHINE_HARTS];

void trap_kernel(struct trap_frame *frame);
int user_copy(void *dst, const void *src, size_t n);
int user_clear(unsigned long dst, size_t n);
long user_strncpy(char *dst, unsigned long src, size_t n);
int user_load_8(void *value, unsigned long addr);
int user_load_4(void *value, unsigned long addr);
int user_store_8(unsigned long addr, const void *value);
int user_store_4(unsigned long addr, const void *value);
int user_cmpxchg_4(unsigned long addr, u32 old, u32 new, u32 *seen);

/* The table of accesses that may fault has one row: an epc of 4 continues at 8. */
#define USER_INSN  4
#define USER_FIXUP 8
__asm__(".section .rodata\n"
	"	.balign 8\n"
	"	.globl _ex_table_start, _ex_table_end\n"
	"_ex_table_start:\n"
	"	.quad 4, 8\n"
	"_ex_table_end:\n"
	"	.previous\n");

void *native_ram(hpa_t pa)
{
	return pa - MACHINE_RAM_BASE < MACHINE_RAM_SIZE ? pa_to_va(pa) : NULL;
}

unsigned int native_page_refs(hpa_t pa)
{
	return (unsigned int)page_refs(pa);
}

/* The instruction caches are not modeled. */
bool native_icache_is_clean(hpa_t pa)
{
	(void)pa;
	return true;
}

void machine_access_begin(void)
{
	while (__atomic_exchange_n(&accesses[this_hart()].locked, 1, __ATOMIC_ACQUIRE))
		;
}

void machine_access_end(void)
{
	__atomic_store_n(&accesses[this_hart()].locked, 0, __ATOMIC_RELEASE);
}

void machine_fence(unsigned int hart, unsigned long start, unsigned long size)
{
	struct translation *tlb = tlbs[hart];

	while (__atomic_exchange_n(&accesses[hart].locked, 1, __ATOMIC_ACQUIRE))
		;
	for (unsigned int i = 0; i < TLB_ENTRIES; i++)
		if (tlb[i].va - ALIGN_DOWN(start, PAGE_SIZE) < size)
			tlb[i].pte = 0;
	__atomic_store_n(&accesses[hart].locked, 0, __ATOMIC_RELEASE);
}

void native_sfence_vma(unsigned long va, bool all)
{
	struct translation *tlb = tlbs[this_hart()];

	machine_access_begin();
	if (all)
		memset(tlb, 0, sizeof(tlbs[0]));
	else if (tlb[va / PAGE_SIZE % TLB_ENTRIES].va == ALIGN_DOWN(va, PAGE_SIZE))
		tlb[va / PAGE_SIZE % TLB_ENTRIES].pte = 0;
	machine_access_end();
}

/* Return the leaf for va, with the address of va's own 4K page, or 0. Sets A, and D for a store. */
static pte_t walk(unsigned long va, bool touch, bool store)
{
	hpa_t table = (hpa_t)FIELD_GET(SATP_PPN, native_csr_read(CSR_satp)) << PAGE_SHIFT;

	for (int level = 2; level >= 0; level--) {
		unsigned long size = PAGE_SIZE << (9 * level);
		pte_t *pte = native_ram(table), now, mark;

		if (!pte || !page_refs(table))
			machine_fail("the page table of 0x%lx has a freed table at 0x%lx", va,
				     (unsigned long)table);
		pte += va / size % 512;
		if (!(*pte & PTE_V))
			return 0;
		if (!pte_is_leaf(*pte)) {
			table = pte_to_hpa(*pte);
			continue;
		}
		if (!IS_ALIGNED(pte_to_hpa(*pte), size))
			machine_fail("0x%lx has a misaligned leaf 0x%lx", va, (unsigned long)*pte);
		now = *pte;
		mark = store && (now & PTE_W) ? PTE_A | PTE_D : PTE_A;
		if (touch && (now & mark) != mark &&
		    !__atomic_compare_exchange_n(pte, &now, now | mark, false, __ATOMIC_RELAXED,
						 __ATOMIC_RELAXED))
			return 0; /* it has changed: the access is tried again */
		return pte_make(pte_to_hpa(now) + ALIGN_DOWN(va % size, PAGE_SIZE),
				(now | (touch ? mark : 0)) & ~PTE_PPN);
	}
	return 0;
}

static pte_t right_for(enum machine_access access)
{
	return access == MACHINE_STORE ? PTE_W : access == MACHINE_FETCH ? PTE_X : PTE_R;
}

bool machine_translate(unsigned long va, enum machine_access access, unsigned long *pa)
{
	struct translation *t = &tlbs[this_hart()][va / PAGE_SIZE % TLB_ENTRIES];

	if (va >= USER_END)
		return false;
	if (t->va != ALIGN_DOWN(va, PAGE_SIZE) || !t->pte) {
		t->va = ALIGN_DOWN(va, PAGE_SIZE);
		t->pte = walk(va, true, access == MACHINE_STORE);
	}
	if (!(t->pte & PTE_U) || !(t->pte & right_for(access)))
		return false;
	*pa = pte_to_hpa(t->pte) + va % PAGE_SIZE;
	if (!native_ram(*pa) || !page_refs(*pa))
		machine_fail("0x%lx is mapped to the freed page 0x%lx", va, *pa);
	return true;
}

void machine_check_tlb(void)
{
	const pte_t rights = PTE_U | PTE_R | PTE_W | PTE_X;
	const struct translation *tlb = tlbs[this_hart()];

	for (unsigned int i = 0; i < TLB_ENTRIES; i++) {
		pte_t cached = tlb[i].pte, now = cached ? walk(tlb[i].va, false, false) : 0;

		if (cached && (pte_to_hpa(cached) != pte_to_hpa(now) || (cached & rights & ~now)))
			machine_fail("0x%lx: the TLB has 0x%lx and the page table 0x%lx", tlb[i].va,
				     (unsigned long)cached, (unsigned long)now);
	}
}

/* ---- uaccess.S ---- */

/*
 * Make va accessible for the kernel. Returns its address in the linear map, which is valid until
 * machine_access_end(), or NULL.
 */
static void *reach(unsigned long va, bool store)
{
	struct trap_frame frame;
	unsigned long pa;

	for (;;) {
		machine_access_begin();
		if (machine_translate(va, store ? MACHINE_STORE : MACHINE_LOAD, &pa))
			return pa_to_va(pa);
		machine_access_end();
		frame = (struct trap_frame){
			.epc = USER_INSN,
			.status = SSTATUS_SUM | SSTATUS_SPP,
			.cause = store ? EXC_STORE_PAGE_FAULT : EXC_LOAD_PAGE_FAULT,
			.tval = va,
		};
		native_sfence_vma(va, false); /* an invalid entry need not be cached */
		trap_kernel(&frame);
		if (frame.epc == USER_FIXUP)
			return NULL;
	}
}

static int copy(unsigned long user, void *kernel, size_t n, bool store)
{
	while (n) {
		size_t step = MIN(n, PAGE_SIZE - user % PAGE_SIZE);
		void *p = reach(user, store);

		if (!p)
			return -14;
		machine_copy(p, kernel, step, store);
		machine_access_end();
		user += step;
		kernel = (char *)kernel + step;
		n -= step;
	}
	return 0;
}

int user_copy(void *dst, const void *src, size_t n)
{
	if ((unsigned long)dst < USER_END)
		return copy((unsigned long)dst, (void *)src, n, true);
	return copy((unsigned long)src, dst, n, false);
}

int user_clear(unsigned long dst, size_t n)
{
	static char zeroes[PAGE_SIZE];

	for (size_t step; n; n -= step, dst += step) {
		step = MIN(n, PAGE_SIZE - dst % PAGE_SIZE);
		if (copy(dst, zeroes, step, true))
			return -14;
	}
	return 0;
}

long user_strncpy(char *dst, unsigned long src, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (copy(src + i, dst + i, 1, false))
			return -14;
		else if (!dst[i])
			return (long)i;
	return (long)n;
}

int user_load_8(void *value, unsigned long addr)
{
	return copy(addr, value, 8, false);
}

int user_load_4(void *value, unsigned long addr)
{
	return copy(addr, value, 4, false);
}

int user_store_8(unsigned long addr, const void *value)
{
	return copy(addr, (void *)value, 8, true);
}

int user_store_4(unsigned long addr, const void *value)
{
	return copy(addr, (void *)value, 4, true);
}

int user_cmpxchg_4(unsigned long addr, u32 old, u32 new, u32 *seen)
{
	u32 *p = reach(addr, true);

	if (!p)
		return -14;
	*seen = old;
	__atomic_compare_exchange_n(p, seen, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	machine_access_end();
	return 0;
}
