// SPDX-License-Identifier: MIT
/*
 * shadow_guest.h - a vCPU that runs L2 with a shadow table, and a second translation.
 *
 * The accesses of L2 are made through the model of the hart's TLB. The second translation,
 * reference(), says what each access must yield. Each page of the VM contains its own number, so an
 * access to a page that the VM no longer has is noticed.
 */
#ifndef SHADOW_GUEST_H
#define SHADOW_GUEST_H

#include "one_vm.h"
#include "random.h"
#include "exit/exit.h"
#include "exit/insn.h"
#include "mmu/shadow.h"
#include "mmu/vmid.h"
#include "vcpu/nested.h"

#define BASE    NATIVE_GUEST_BASE
#define HVA     NATIVE_USER_BASE
#define LOG_HVA (HVA + NATIVE_GUEST_SIZE) /* where the dirty log is written */

/* L1 has more guests than there are shadow tables. Their tables: a root of 16 KiB, aligned, and two others. */
#define NR_GUESTS (SHADOW_GUESTS + 2)
#define ROOT(n)   (BASE + 0x100000 + (n)*0x8000)
#define LEVEL1(n) (ROOT(n) + 0x4000)
#define LEVEL0(n) (ROOT(n) + 0x5000)

/*
 * L2 has a region of 4 KiB pages, and one that a leaf of 2 MiB may map. The VM's memory is in the
 * same two parts: single pages from DATA on, and whole 2 MiB from BASE + 2 MiB on.
 */
#define NR_SMALL 24UL
#define SMALL    0UL
#define LARGE    (2UL << 20)
#define FAR      (700UL << 30) /* both regions again */
#define HUGE     (1UL << 30)   /* a region that a leaf of 1 GiB may map to all of the VM's memory */
#define DATA     (BASE + 0x180000)
#define NR_DATA  24UL

#define VMID  (5UL + guest) /* in L1's hgatp */
#define HARTS 2U

static u64
	numbers[NATIVE_GUEST_SIZE / PAGE_SIZE]; /* in the VM's pages; 0: the page is not mapped */
static bool stored[ARRAY_SIZE(numbers)];        /* by L2 since the dirty log was last read */
static u64 last_number;
static unsigned int guest;          /* of L1, which is L2 */
static u64 *root, *level1, *level0; /* its tables */
static bool logging;
static bool mxr; /* sstatus.MXR of L1 */

static void *memory(gpa_t gpa)
{
	return native_user(HVA + (gpa - BASE));
}

/* Give the VM a new page at gpa. */
static void number_page(gpa_t gpa)
{
	numbers[(gpa - BASE) / PAGE_SIZE] = ++last_number;
	*(u64 *)memory(gpa) = last_number;
}

static void enter_l2(void)
{
	vm.vcpu->nested.v = true;
	nested_enter(vm.vcpu);
	nested_settle(vm.vcpu);
}

static void leave_l2(void)
{
	nested_unsettle(vm.vcpu);
	vm.vcpu->nested.v = false;
	nested_leave(vm.vcpu);
}

static void choose_guest(unsigned int n)
{
	guest = n;
	root = memory(ROOT(n));
	level1 = memory(LEVEL1(n));
	level0 = memory(LEVEL0(n));
	vm.vcpu->nested.hgatp = FIELD_PREP(HGATP_MODE, SATP_MODE_SV39) |
				FIELD_PREP(HGATP_VMID, VMID) | ROOT(n) >> PAGE_SHIFT;
}

/* Map all of the small region. */
static inline void map_all(void)
{
	for (u64 i = 0; i < NR_SMALL; i++)
		level0[i] = pte_make(DATA + i * PAGE_SIZE,
				     PTE_V | PTE_R | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D);
}

static int setup_toggled(unsigned int flags, bool protects)
{
	native_reset();
	native_icache();
	native_harts_set(HARTS);
	native_isa_set("h f d sstc svinval svnapot svpbmt");
	native_core_start();
	assert_int_equal(native_param_set("shadow", protects ? "protect" : "fence"), 0);
	native_vm_make(&vm, flags);
	vcpu_put(vm.vcpu);
	native_h_add(vm.vcpu);

	last_number = 0;
	logging = false;
	mxr = false;
	memset(stored, 0, sizeof(stored));
	native_user_map(LOG_HVA, 16 * PAGE_SIZE, 0);
	for (gpa_t gpa = BASE; gpa < BASE + NATIVE_GUEST_SIZE; gpa += PAGE_SIZE)
		number_page(gpa);
	for (unsigned int n = NR_GUESTS; n-- > 0;) {
		choose_guest(n);
		root[0] = pte_make(LEVEL1(n), PTE_V);
		root[HUGE >> 30] = 0;
		*(u64 *)memory(ROOT(n) + (FAR >> 30) * sizeof(*root)) = pte_make(LEVEL1(n), PTE_V);
		level1[0] = pte_make(LEVEL0(n), PTE_V);
		level1[1] = 0;
		memset(level0, 0, PAGE_SIZE);
	}

	vcpu_load(vm.vcpu);
	enter_l2();
	return 0;
}

static inline int setup(void **state)
{
	(void)state;
	return setup_toggled(0, false);
}

static inline int setup_huge(void **state)
{
	(void)state;
	return setup_toggled(NATIVE_HUGE, false);
}

static inline int setup_protect(void **state)
{
	(void)state;
	return setup_toggled(0, true);
}

static inline int setup_protect_huge(void **state)
{
	(void)state;
	return setup_toggled(NATIVE_HUGE, true);
}

/* ---- the reference ---------------------------------------------------------------------------- */

/* Does L1's table permit the access? *gpa is L1's address. */
static bool reference(u64 l2, enum native_access access, gpa_t *gpa)
{
	bool huge = l2 / SZ_1G == HUGE / SZ_1G, large = (l2 &= SZ_1G - 1) >= LARGE;
	u64 pte = huge ? root[HUGE >> 30] : large ? level1[1] : level0[l2 / PAGE_SIZE];
	u64 base = (pte >> 10 & ((1ULL << 44) - 1)) << 12;
	u64 size = huge ? SZ_1G : large ? LARGE : PAGE_SIZE;

	if ((pte & (PTE_V | PTE_U | PTE_A)) != (PTE_V | PTE_U | PTE_A) || pte >> 54 ||
	    ((pte & PTE_W) && !(pte & PTE_R)))
		return false;
	if (base % size)
		return false;
	*gpa = base | (l2 & (size - 1));
	if (access == NATIVE_STORE)
		return (pte & PTE_W) && (pte & PTE_D);
	if (access == NATIVE_LOAD && mxr)
		return pte & (PTE_R | PTE_X);
	return pte & (access == NATIVE_FETCH ? PTE_X : PTE_R);
}

/* ---- one access of L1 or L2 --------------------------------------------------------------------------- */

static u64 last_l2; /* of the last access */

/*
 * What KVM_RUN and the world switch do before each entry. The hart may walk the tables at any time, as if
 * for an access.
 */
static void serve(void)
{
	unsigned long requests = __atomic_exchange_n(&vm.vcpu->requests, 0, __ATOMIC_ACQUIRE);
	hpa_t hpa;

	tlb_serve(vm.vcpu, requests);
	if (requests & BIT(REQ_SHADOW)) {
		native_gstage_access(last_l2, NATIVE_LOAD, &hpa);
		shadow_serve(vm.vcpu);
	}
	vmid_update(vm.vcpu);
	native_csr_poke(CSR_sstatus, vm.vcpu->guest.sstatus & SSTATUS_MXR);
}

/*
 * Returns 0; RESUME_USER: the address is not memory; -EACCES: the fault went to L1; -EFAULT, as
 * KVM_RUN: user space has no memory there; -ENOMEM.
 */
static int access_l2(u64 l2, enum native_access access, hpa_t *hpa)
{
	struct hv_trap trap;
	int ret;

	last_l2 = l2;
	for (unsigned int i = 0; i < 8; i++) {
		serve();
		trap = (struct hv_trap){ .scause = native_gstage_access(l2, access, hpa),
					 .htval = l2 >> 2,
					 .stval = l2,
					 .htinst = access == NATIVE_FETCH ? 0 : 0x2503 };
		if (!trap.scause)
			return 0;
		nested_unsettle(vm.vcpu);
		ret = nested_fault(vm.vcpu, &trap);
		if (!vm.vcpu->nested.v) {
			assert_int_equal(ret, RESUME_GUEST);
			enter_l2();
			return -EACCES;
		}
		nested_settle(vm.vcpu);
		if (ret != RESUME_GUEST)
			return ret;
	}
	return -ELOOP;
}

static inline void check(u64 l2, enum native_access access)
{
	gpa_t gpa = 0;
	hpa_t hpa = 0;
	bool permitted = reference(l2, access, &gpa);
	int ret = access_l2(l2, access, &hpa);
	u64 page;

	if (!permitted) {
		assert_int_equal(ret, -EACCES);
		return;
	}
	page = (gpa - BASE) / PAGE_SIZE;
	if (!numbers[page]) {
		assert_int_equal(ret, -EFAULT);
		return;
	}
	assert_int_equal(ret, 0);
	assert_int_equal(*(u64 *)native_ram(ALIGN_DOWN(hpa, PAGE_SIZE)), numbers[page]);
	if (access == NATIVE_STORE)
		stored[page] = true;
}

/* The host takes the page at gpa back, or gives a new one. */
static inline void change_page(gpa_t gpa)
{
	u64 *number = &numbers[(gpa - BASE) / PAGE_SIZE];

	if (*number) {
		native_user_unmap(HVA + (gpa - BASE), PAGE_SIZE);
		*number = 0;
	} else {
		native_user_map(HVA + (gpa - BASE), PAGE_SIZE, 0);
		number_page(gpa);
	}
}

#define HLV_D   0x6c05c573UL /* hlv.d a0, (a1) */
#define HSV_D   0x6ea5c073UL /* hsv.d a0, (a1) */
#define HLVX_HU 0x6435c573UL /* hlvx.hu a0, (a1) */
#define GPR_A1  11

/* The CSRs of L1 that an HLV exchanges. */
struct own_csrs {
	unsigned long vsstatus, vsatp, vstvec, vsie, hvip, hgatp, hideleg;
	u64 henvcfg, htimedelta;
};

static struct own_csrs own_csrs(void)
{
	return (struct own_csrs){ csr_read(vsstatus), csr_read(vsatp),   csr_read(vstvec),
				  csr_read(vsie),     csr_read(hvip),    csr_read(hgatp),
				  csr_read(hideleg),  csr_read(henvcfg), csr_read(htimedelta) };
}

/* L1 executes one of these instructions for `l2`. Requests may be pending. Returns as access_l2(). */
static int access_by_hlv(u64 l2, unsigned long insn)
{
	struct guest_context *context = &vm.vcpu->guest;
	struct own_csrs before = own_csrs(), after;
	int result = 0;

	context->sstatus |= SSTATUS_SPP;
	context->gpr[GPR_A1] = l2;
	for (unsigned int i = 0; i < 8; i++) {
		context->sepc = 0x1000;
		csr_write(vsepc, 0);
		before.hgatp = csr_read(hgatp);
		assert_true(nested_emulate(vm.vcpu, insn, &result));
		if (csr_read(vsepc) == 0x1000) /* a trap of L1 */
			return -EACCES;
		after = own_csrs();
		assert_memory_equal(&after, &before, sizeof(after));
		assert_int_equal(vm.vcpu->loaded, VCPU_LOADED);
		if (context->sepc == 0x1004)
			return 0;
		assert_int_equal(context->sepc, 0x1000);
		if (result != RESUME_GUEST)
			return result;
		serve();
	}
	return -ELOOP;
}

/*
 * L1 accesses its guest's memory, while its own CSRs are loaded. When the exit has begun, the host takes
 * the page at `taken` back, or gives a new one, unless `taken` is 0.
 */
static inline void check_hlv(u64 l2, bool store, gpa_t taken)
{
	gpa_t gpa = 0;
	bool permitted = reference(l2, store ? NATIVE_STORE : NATIVE_LOAD, &gpa);
	u64 page = (gpa - BASE) / PAGE_SIZE;
	int ret;

	serve();
	if (taken)
		change_page(taken);
	csr_write(vsstatus,
		  SSTATUS_SUM | (mxr ? SSTATUS_MXR : 0)); /* two values that L2 does not have */
	csr_write(vsatp, 1);
	vm.vcpu->guest.gpr[GPR_A0] = permitted ? numbers[page] : 0;
	ret = access_by_hlv(l2, store ? HSV_D : HLV_D);
	assert_int_equal(ret, !permitted ? -EACCES : numbers[page] ? 0 : -EFAULT);
	if (!ret)
		assert_int_equal(vm.vcpu->guest.gpr[GPR_A0], numbers[page]);
	if (!ret && store)
		stored[page] = true;
	csr_write(vsatp, 0);
}

/* The trap of an access of L1 that the VM's own table does not permit. */
static inline struct hv_trap l1_fault(gpa_t gpa, unsigned long scause)
{
	return (struct hv_trap){
		.scause = scause, .htval = gpa >> 2, .stval = gpa, .htinst = 0x2503
	};
}

/* L1 accesses gpa, while its CSRs are loaded. Returns 0, or -EFAULT if the address is not memory. */
static inline int access_l1(gpa_t gpa, enum native_access access, hpa_t *hpa)
{
	struct hv_trap trap;

	for (unsigned int i = 0; i < 8; i++) {
		serve();
		trap = l1_fault(gpa, native_gstage_access(gpa, access, hpa));
		if (!trap.scause)
			return 0;
		if (exit_gstage_fault(vm.vcpu, &trap) != RESUME_GUEST)
			return -EFAULT;
	}
	return -ELOOP;
}

static inline void check_l1(gpa_t gpa, enum native_access access)
{
	u64 number = numbers[(gpa - BASE) / PAGE_SIZE];
	hpa_t hpa;
	int ret = access_l1(gpa, access, &hpa);

	if (ret == -EFAULT) {
		assert_false(number);
		return;
	}
	assert_int_equal(ret, 0);
	assert_int_equal(*(u64 *)native_ram(ALIGN_DOWN(hpa, PAGE_SIZE)), number);
}

/*
 * L1 stores to its memory, while its CSRs are loaded. Without write protection, the store is made without
 * a translation.
 */
static inline void store_l1(gpa_t gpa, u64 value)
{
	hpa_t hpa;

	if (vm.vcpu->shadow->protects)
		assert_int_equal(access_l1(gpa, NATIVE_STORE, &hpa), 0);
	*(u64 *)memory(gpa) = value;
}

/* Every page that L2 has stored to since the log was last read must be marked. */
static inline void read_log(void)
{
	static u64 bits[NATIVE_GUEST_SIZE / PAGE_SIZE / 64];
	struct kvm_dirty_log log = { .dirty_bitmap = (void *)LOG_HVA };

	assert_int_equal(kvm_vm_ioctl_get_dirty_log(vm.vm, &log), 0);
	memcpy(bits, native_user(LOG_HVA), sizeof(bits));
	for (size_t i = 0; i < ARRAY_SIZE(stored); i++)
		assert_true(!stored[i] || (bits[i / 64] >> i % 64 & 1));
	memset(stored, 0, sizeof(stored));
}

static inline void set_logging(bool on)
{
	assert_int_equal(native_set_slot(vm.vm, 0, BASE, NATIVE_GUEST_SIZE, HVA,
					 on ? KVM_MEM_LOG_DIRTY_PAGES : 0),
			 0);
	logging = on;
	memset(stored, 0, sizeof(stored));
}

/* A fence, between an exit of L2 and its next entry. */
static inline void fence_gvma(unsigned long vmid, gpa_t start, gpa_t last)
{
	leave_l2();
	shadow_fence(vm.vcpu, vmid, start, last);
	enter_l2();
}

/* An unpriv_fn: the access of an HLV. */
static inline unsigned long hlv(gva_t gva, struct hv_trap *trap, unsigned long hstatus,
				unsigned long value)
{
	hpa_t hpa;

	(void)hstatus;
	trap->scause = native_gstage_access(gva, NATIVE_LOAD, &hpa);
	return value;
}

static inline unsigned long access_once(u64 l2)
{
	hpa_t hpa;

	last_l2 = l2; /* serve() may find the old translation */
	serve();
	return native_gstage_access(l2, NATIVE_LOAD, &hpa);
}

/* L1 changes its sstatus.MXR, while its own CSRs are loaded. */
static inline void set_mxr(bool on)
{
	mxr = on;
	csr_write(vsstatus, mxr ? SSTATUS_MXR : 0);
}

/* L1 enters another of its guests. */
static inline void switch_guest(unsigned int n)
{
	leave_l2();
	choose_guest(n);
	enter_l2();
}

static inline void enter_guest(unsigned int n)
{
	switch_guest(n);
	map_all();
}

#endif
