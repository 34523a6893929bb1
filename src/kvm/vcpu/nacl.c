// SPDX-License-Identifier: MIT
/*
 * nacl.c - nested acceleration: the memory that L1 shares with this hypervisor (nacl.h).
 *
 * All CSRs but vstopi and hgeip are in the first page of the CSR space. L1 reads these two by CSR
 * instructions, so only the first two pages of the memory are used. They are mapped in the kernel
 * (mmu/guest_map.h). Between begin() and guest_map_end(), no function here sleeps.
 */
#include <asm-generic/errno.h>
#include "mmu/guest_map.h"
#include "mmu/memslot.h"
#include "mmu/shadow.h"
#include "request.h"
#include "toggle.h"
#include "vcpu/csr_access.h"
#include "vcpu/nacl.h"
#include "vcpu/nested.h"

#define WORDS (PAGE_SIZE / sizeof(unsigned long)) /* in a page */

/* Offsets in the first page, in words. */
#define SRET_CONTEXT 0
#define SWAP_FLAGS   (0x200 / sizeof(unsigned long))
#define SWAP_HSTATUS (SWAP_FLAGS + 1)
#define HFENCES      (0x800 / sizeof(unsigned long))
#define DIRTY        (0xf80 / sizeof(unsigned long))

#define DIRTY_WORDS    (128 / sizeof(unsigned long))
#define SWAP_IS_WANTED BIT(0)

/* The pages that a section has written to, for guest_map_end(). */
#define WROTE_FIRST BIT(0)
#define WROTE_CSRS  BIT(1)

/* The values of the toggle: all features, none, and then all but one, in the order of the features. */
unsigned long nacl_permitted(const struct kvm_vcpu *vcpu)
{
	unsigned int value = vcpu->kvm->toggle[TOGGLE_nacl];
	unsigned long all = BIT(NACL_FEATURES) - 1;

	if (value == 1)
		return 0;
	return value ? all & ~BIT(value - 2) : all;
}

void nacl_off(struct kvm_vcpu *vcpu)
{
	vcpu->nested.nacl = 0;
	vcpu->nested.nacl_swap = false;
	guest_map_set(vcpu, 0);
}

static void on(struct kvm_vcpu *vcpu, gpa_t gpa, bool swap)
{
	vcpu->nested.nacl = (u8)nacl_permitted(vcpu);
	vcpu->nested.nacl_swap = swap;
	guest_map_set(vcpu, gpa);
}

u64 nacl_reg_get(const struct kvm_vcpu *vcpu)
{
	return nacl_is_on(vcpu) ? vcpu->map.gpa | vcpu->nested.nacl_swap : NACL_OFF;
}

int nacl_reg_set(struct kvm_vcpu *vcpu, u64 value)
{
	u64 swap = value & (PAGE_SIZE - 1);

	if (value == NACL_OFF) {
		nacl_off(vcpu);
		return 0;
	}
	if (!nacl_permitted(vcpu) || swap > nacl_permits(vcpu, NACL_AUTOSWAP_CSR))
		return -EINVAL;
	on(vcpu, value - swap, swap);
	nacl_csr_changed(vcpu);
	return 0;
}

static int begin(struct kvm_vcpu *vcpu)
{
	int err = guest_map_begin(vcpu);

	if (err == -EFAULT)
		nacl_off(vcpu);
	return err;
}

/* ---- in a section: from the CSRs to the memory --------------------------------------------------- */

static bool is_dirty(const unsigned long *bitmap, unsigned int index)
{
	return READ_ONCE(bitmap[index / BITS_PER_LONG]) >> index % BITS_PER_LONG & 1;
}

/* Is one of the first `count` words of the bitmap not 0? */
static inline bool any_dirty(const unsigned long *bitmap, unsigned int count)
{
	unsigned long any = 0;

#pragma GCC unroll 16
	for (unsigned int i = 0; i < count; i++)
		any |= READ_ONCE(bitmap[i]);
	return any;
}

/*
 * The positions of the CSRs in memory. A CSR comes after those on which its value depends: hvip
 * before hip, and the H CSRs before the VS CSRs. The first RV32_INDICES exist on RV32 only. The last
 * AIA_INDICES need Ssaia, as does hvien, whose word is not used without it.
 */
#define AT(csr) NACL_INDEX(CSR_##csr)
static const u16 indices[] = {
	AT(henvcfgh),   AT(htimedeltah), AT(hstateen0h), AT(vstimecmph), AT(hviprio1h),
	AT(hviprio2h),  AT(hideleg),     AT(hvip),       AT(hvien),      AT(henvcfg),
	AT(hstatus),    AT(hedeleg),     AT(hie),        AT(hip),        AT(hgeie),
	AT(hcounteren), AT(htimedelta),  AT(hstateen0),  AT(htval),      AT(htinst),
	AT(hgatp),      AT(vsstatus),    AT(vsie),       AT(vsip),       AT(vstvec),
	AT(vsscratch),  AT(vsepc),       AT(vscause),    AT(vstval),     AT(vstimecmp),
	AT(vsatp),      AT(vsiselect),   AT(hvictl),     AT(hviprio1),   AT(hviprio2),
};
#undef AT

#define RV32_INDICES 6
#define AIA_INDICES  4
#define FIRST_INDEX  (BITS_PER_LONG == 32 ? 0 : RV32_INDICES)

static unsigned int end_of_indices(const struct kvm_vcpu *vcpu)
{
	return ARRAY_SIZE(indices) - (vcpu->has_aia ? 0 : AIA_INDICES);
}

/*
 * A word that is dirty is L1's new value, so it is not overwritten for good. Without SYNC_CSR, there is
 * no bitmap.
 */
static void update(struct kvm_vcpu *vcpu)
{
	const unsigned long *bitmap = (const unsigned long *)vcpu->map.va[0] + DIRTY;
	unsigned long *words = vcpu->map.va[1], kept[ARRAY_SIZE(indices)];
	bool keeps = nacl_has(vcpu, NACL_SYNC_CSR) && any_dirty(bitmap, WORDS / BITS_PER_LONG);
	unsigned int i, end = keeps ? end_of_indices(vcpu) : 0;

	for (i = FIRST_INDEX; i < end; i++)
		kept[i] = READ_ONCE(words[indices[i]]);
	nested_csr_words(vcpu, words);
	for (i = FIRST_INDEX; i < end; i++)
		if (is_dirty(bitmap, indices[i]))
			WRITE_ONCE(words[indices[i]], kept[i]);
}

/* Swap hstatus with the value in memory, if L1 wants that. */
static void swap_hstatus(struct kvm_vcpu *vcpu)
{
	struct csr_access access = { .csr = CSR_hstatus, .write_mask = ~0UL };
	unsigned long *words = vcpu->map.va[0], old;

	vcpu->nested.nacl_swap = false;
	if (!(READ_ONCE(words[SWAP_FLAGS]) & SWAP_IS_WANTED))
		return;
	access.new_value = READ_ONCE(words[SWAP_HSTATUS]);
	nested_csr(vcpu, &access, &old);
	WRITE_ONCE(words[SWAP_HSTATUS], old);
}

/* ---- in a section: from the memory to the CSRs --------------------------------------------------- */

static void apply(struct kvm_vcpu *vcpu, unsigned int index)
{
	const unsigned long *words = vcpu->map.va[1];
	struct csr_access access = { .csr = NACL_CSR(index), .write_mask = ~0UL };
	unsigned long old;

	access.new_value = READ_ONCE(words[index]);
	nested_csr(vcpu, &access, &old);
}

/* Apply the CSR's new value, if L1 has marked it as dirty, and clear the mark. */
static void sync_one(struct kvm_vcpu *vcpu, unsigned int csr)
{
	unsigned int index = NACL_INDEX(csr);
	unsigned long *word = (unsigned long *)vcpu->map.va[0] + DIRTY + index / BITS_PER_LONG;
	unsigned long bits = READ_ONCE(*word), bit = BIT(index % BITS_PER_LONG);

	if (!(bits & bit))
		return;
	WRITE_ONCE(*word, bits & ~bit);
	if (index < WORDS) /* hgeip is not, on RV64 */
		apply(vcpu, index);
}

/* Apply and clear all marks. Marks of other CSRs than those in `indices` have no effect. */
static void sync_csrs(struct kvm_vcpu *vcpu)
{
	unsigned long *bitmap = (unsigned long *)vcpu->map.va[0] + DIRTY, dirty[DIRTY_WORDS];
	unsigned int i, end;

	if (!any_dirty(bitmap, DIRTY_WORDS))
		return;
	for (i = 0; i < DIRTY_WORDS; i++) {
		dirty[i] = READ_ONCE(bitmap[i]);
		if (dirty[i])
			WRITE_ONCE(bitmap[i], 0);
	}
	end = end_of_indices(vcpu);
	for (i = FIRST_INDEX; i < end; i++)
		if (is_dirty(dirty, indices[i]))
			apply(vcpu, indices[i]);
}

struct hfence_entry {
	unsigned long config, page_number, reserved, page_count;
};

/* Fields of config. Types below 4 are for the G-stage. */
#define PENDING    BIT(BITS_PER_LONG - 1)
#define TYPE       GENMASK(BITS_PER_LONG - 5, BITS_PER_LONG - 8)
#define ORDER      GENMASK(BITS_PER_LONG - 10, BITS_PER_LONG - 16)
#define ENTRY_VMID (BITS_PER_LONG == 64 ? GENMASK(29, 16) : GENMASK(15, 9))
#define TYPE_ALL   1 /* in a type for the G-stage: all addresses */
#define TYPE_VMID  2 /* of the guest with this VMID only */
#define TYPE_VVMA  4

static struct hfence_entry *entries(const struct kvm_vcpu *vcpu)
{
	return (struct hfence_entry *)((unsigned long *)vcpu->map.va[0] + HFENCES);
}

static bool any_pending(const struct hfence_entry *entry)
{
	unsigned long any = 0;

#pragma GCC unroll 10
	for (unsigned int i = 0; i < NACL_HFENCES; i++)
		any |= READ_ONCE(entry[i].config);
	return any & PENDING;
}

/*
 * Execute the fence of an entry for the G-stage. L1 can write any values: a range that exceeds 64
 * bits becomes a fence of all addresses, and an empty range is ignored.
 */
static void fence_gvma(struct kvm_vcpu *vcpu, unsigned long config,
		       const struct hfence_entry *entry)
{
	unsigned long type = FIELD_GET(TYPE, config);
	unsigned long vmid = type & TYPE_VMID ? FIELD_GET(ENTRY_VMID, config) : SHADOW_ANY_VMID;
	u64 number = READ_ONCE(entry->page_number), count = READ_ONCE(entry->page_count);
	unsigned int shift = PAGE_SHIFT + (unsigned int)FIELD_GET(ORDER, config);
	u64 max = shift < 64 ? ~0ULL >> shift : 0;

	if (type & TYPE_ALL || number > max || count > max - number)
		shadow_fence(vcpu, vmid, 0, ~0ULL);
	else if (count)
		shadow_fence(vcpu, vmid, number << shift, ((number + count) << shift) - 1);
}

/*
 * Execute the pending ones of `count` entries, beginning with entry `first`. Changes of the memory
 * map wait for the end of the section, so it has to be short: two or more fences for the G-stage
 * are executed as a single fence of all addresses and VMIDs.
 */
static void sync_entries(struct kvm_vcpu *vcpu, unsigned long first, unsigned long count)
{
	struct hfence_entry *entry = entries(vcpu) + first, *gvma = NULL;
	unsigned long config, of_gvma = 0;
	unsigned int fences = 0;

	for (; count; count--, entry++) {
		config = READ_ONCE(entry->config);
		if (!(config & PENDING))
			continue;
		WRITE_ONCE(entry->config, config & ~PENDING);
		if (FIELD_GET(TYPE, config) >= TYPE_VVMA) {
			shadow_fence_vvma(vcpu, FIELD_GET(ENTRY_VMID, config));
		} else {
			gvma = entry;
			of_gvma = config;
			fences++;
		}
	}
	if (fences == 1)
		fence_gvma(vcpu, of_gvma, gvma);
	else if (fences)
		shadow_fence(vcpu, SHADOW_ANY_VMID, 0, ~0ULL);
}

static void sync_all_entries(struct kvm_vcpu *vcpu)
{
	if (any_pending(entries(vcpu)))
		sync_entries(vcpu, 0, NACL_HFENCES);
}

/* ---- sections ------------------------------------------------------------------------------------ */

/* In a section, which this function ends. Returns true if hstatus may have changed. */
static bool serve(struct kvm_vcpu *vcpu)
{
	bool swaps = vcpu->nested.nacl_swap;

	if (swaps)
		swap_hstatus(vcpu);
	update(vcpu);
	guest_map_end(vcpu, swaps ? WROTE_FIRST | WROTE_CSRS : WROTE_CSRS);
	return swaps;
}

int nacl_serve(struct kvm_vcpu *vcpu)
{
	int err;

	if (!nacl_is_on(vcpu) || vcpu->nested.v)
		return 0;
	err = begin(vcpu);
	if (err == -EAGAIN) {
		/* Serve it after the other requests: one of them may be a signal. */
		vcpu_set_request(vcpu, REQ_NACL);
		return 0;
	}
	if (err)
		return err == -EFAULT ? 0 : err;
	if (serve(vcpu))
		nested_settle(vcpu);
	if (vcpu->nested.checks)
		nested_check_irqs(vcpu);
	return 0;
}

void nacl_end_exit(struct kvm_vcpu *vcpu)
{
	unsigned long bit = BIT(REQ_NACL);

	if (vcpu->nested.v || !(READ_ONCE(vcpu->requests) & bit) || !guest_map_try(vcpu))
		return;
	/*
	 * This is in a section. So a thread that waits for the end of sections must not wait for
	 * this request (vcpu_wait_request()).
	 */
	__atomic_fetch_and(&vcpu->requests, ~bit, __ATOMIC_RELAXED);
	serve(vcpu);
}

/* The rest of the memory, after the pages that are mapped, has to be there, too. */
static bool rest_is_memory(struct kvm_vcpu *vcpu, gpa_t gpa)
{
	const struct memslot *slot;

	memslot_vcpu_refresh(vcpu);
	slot = memslot_find(vcpu, gpa_to_gfn(gpa + NACL_SIZE - 1));
	return slot && !(slot->flags & KVM_MEM_READONLY) && gpa + NACL_SIZE > gpa;
}

int nacl_begin(struct kvm_vcpu *vcpu, gpa_t gpa)
{
	bool was_on = nacl_is_on(vcpu), swap = vcpu->nested.nacl_swap;
	gpa_t was = vcpu->map.gpa;
	int err;

	on(vcpu, gpa, false);
	err = rest_is_memory(vcpu, gpa) ? guest_map_begin(vcpu) : -EFAULT;
	if (!err) {
		update(vcpu);
		guest_map_end(vcpu, WROTE_CSRS);
	} else if (was_on) {
		on(vcpu, was, swap);
	} else {
		nacl_off(vcpu);
	}
	return err;
}

int nacl_sync_csr(struct kvm_vcpu *vcpu, unsigned long csr)
{
	struct csr_access read = { .csr = (unsigned int)csr };
	unsigned long value;
	int err;

	if (csr != NACL_ALL && !nested_csr(vcpu, &read, &value))
		return -ENOENT;
	err = begin(vcpu);
	if (err)
		return err;
	if (csr == NACL_ALL)
		sync_csrs(vcpu);
	else
		sync_one(vcpu, read.csr);
	update(vcpu);
	guest_map_end(vcpu, WROTE_FIRST | WROTE_CSRS);
	return 0;
}

int nacl_sync_hfence(struct kvm_vcpu *vcpu, unsigned long entry)
{
	int err = begin(vcpu);

	if (err)
		return err;
	if (entry == NACL_ALL)
		sync_all_entries(vcpu);
	else
		sync_entries(vcpu, entry, 1);
	guest_map_end(vcpu, WROTE_FIRST);
	return 0;
}

int nacl_sync_sret(struct kvm_vcpu *vcpu)
{
	const unsigned long *words;
	int err = begin(vcpu);

	if (err)
		return err;
	words = vcpu->map.va[0];
	if (nacl_has(vcpu, NACL_SYNC_CSR))
		sync_csrs(vcpu);
	if (nacl_has(vcpu, NACL_SYNC_HFENCE))
		sync_all_entries(vcpu);
	if (nacl_has(vcpu, NACL_AUTOSWAP_CSR))
		swap_hstatus(vcpu);
#pragma GCC unroll 31
	for (unsigned int i = 1; i < 32; i++)
		vcpu->guest.gpr[i] = READ_ONCE(words[SRET_CONTEXT + i]);
	guest_map_end(vcpu, WROTE_FIRST);
	return 0;
}
