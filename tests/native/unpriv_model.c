// SPDX-License-Identifier: MIT
/*
 * unpriv_model.c - the host's accesses to guest memory: copies, HLV and HLVX through the TLB model.
 */
#include "native.h"
#include "native_host.h"
#include "kvm_asm.h"

#define READ_RELAXED(p)     __atomic_load_n(p, __ATOMIC_RELAXED)
#define WRITE_RELAXED(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)

/* Guest memory has no lock: copy it with atomic accesses of 8, 4 or 1 bytes. */
void native_copy(void *dst, const void *src, size_t n)
{
	size_t step;

	for (; n; n -= step, dst = (u8 *)dst + step, src = (const u8 *)src + step) {
		bool words = IS_ALIGNED((uintptr_t)dst | (uintptr_t)src, sizeof(u64));
		bool halves = IS_ALIGNED((uintptr_t)dst | (uintptr_t)src, sizeof(u32));

		step = words && n >= sizeof(u64) ? sizeof(u64) : halves && n >= sizeof(u32) ? 4 : 1;
		if (step == sizeof(u64))
			WRITE_RELAXED((u64 *)dst, READ_RELAXED((const u64 *)src));
		else if (step == sizeof(u32))
			WRITE_RELAXED((u32 *)dst, READ_RELAXED((const u32 *)src));
		else
			WRITE_RELAXED((u8 *)dst, READ_RELAXED((const u8 *)src));
	}
}

static struct hv_trap next_unpriv_trap;

void native_unpriv_trap(const struct hv_trap *trap)
{
	next_unpriv_trap = *trap;
}

static bool unpriv_trapped(struct hv_trap *trap)
{
	if (!next_unpriv_trap.scause)
		return false;
	*trap = next_unpriv_trap;
	next_unpriv_trap.scause = 0;
	return true;
}

/* As on a hart that does not support misaligned accesses, such as Spike's without Zicclsm. */
unsigned long unpriv_hlv(gva_t gva, struct hv_trap *trap, unsigned long hstatus)
{
	unsigned long value = 0;

	(void)hstatus;
	if (gva % sizeof(value))
		*trap = (struct hv_trap){ .scause = EXC_LOAD_MISALIGNED, .stval = gva };
	else if (!unpriv_trapped(trap))
		native_guest_access(gva, NATIVE_LOAD, &value, sizeof(value), trap);
	return trap->scause ? 0 : value;
}

static unsigned long misaligned(enum native_access kind)
{
	return kind == NATIVE_STORE ? EXC_STORE_MISALIGNED : EXC_LOAD_MISALIGNED;
}

#define ACCESS(name, type, kind)                                                              \
	unsigned long name(gva_t gva, struct hv_trap *trap, unsigned long hstatus,            \
			   unsigned long stored)                                              \
	{                                                                                     \
		type value = (type)stored;                                                    \
                                                                                              \
		(void)hstatus;                                                                \
		if (gva % sizeof(value))                                                      \
			*trap = (struct hv_trap){ .scause = misaligned(kind), .stval = gva }; \
		else if (!unpriv_trapped(trap))                                               \
			native_guest_access(gva, kind, &value, sizeof(value), trap);          \
		return trap->scause ? 0 : (unsigned long)(long)value;                         \
	}

ACCESS(unpriv_hlv_b, s8, NATIVE_LOAD)
ACCESS(unpriv_hlv_bu, u8, NATIVE_LOAD)
ACCESS(unpriv_hlv_h, s16, NATIVE_LOAD)
ACCESS(unpriv_hlv_hu, u16, NATIVE_LOAD)
ACCESS(unpriv_hlv_w, s32, NATIVE_LOAD)
ACCESS(unpriv_hlv_wu, u32, NATIVE_LOAD)
ACCESS(unpriv_hlv_d, u64, NATIVE_LOAD)
ACCESS(unpriv_hlvx_wu, u32, NATIVE_FETCH)
ACCESS(unpriv_hsv_b, u8, NATIVE_STORE)
ACCESS(unpriv_hsv_h, u16, NATIVE_STORE)
ACCESS(unpriv_hsv_w, u32, NATIVE_STORE)
ACCESS(unpriv_hsv_d, u64, NATIVE_STORE)

/*
 * HLVX checks the permissions of a fetch, but traps with the causes of a load (H §3.1). QEMU always
 * reports cause 12.
 */
unsigned long unpriv_hlvx_hu(gva_t gva, struct hv_trap *trap, unsigned long hstatus)
{
	u16 value = 0;

	(void)hstatus;
	if (unpriv_trapped(trap))
		return 0;
	native_guest_access(gva, NATIVE_FETCH, &value, sizeof(value), trap);
	if (trap->scause && native_quirks.hlvx_as_qemu)
		trap->scause = EXC_INST_PAGE_FAULT;
	else if (trap->scause == EXC_INST_GUEST_PAGE_FAULT)
		trap->scause = EXC_LOAD_GUEST_PAGE_FAULT;
	else if (trap->scause == EXC_INST_PAGE_FAULT)
		trap->scause = EXC_LOAD_PAGE_FAULT;
	return trap->scause ? 0 : value;
}

void native_unpriv_reset(void)
{
	next_unpriv_trap.scause = 0;
}
