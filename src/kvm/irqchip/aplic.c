// SPDX-License-Identifier: MIT
/*
 * aplic.c - the APLIC in the kernel: wired interrupts become MSIs.
 *
 * The interrupt domain has MSI delivery (domaincfg.DM = 1) and little-endian registers. For direct
 * delivery, aplic_direct.c uses the registers of the sources here. A source whose pending and enable bits are set,
 * while the domain is enabled, is forwarded at once: its pending bit is cleared, and the MSI that its
 * register `target` describes is sent. So there is no pending and enabled source in an enabled
 * domain, except inside a call.
 *
 * Registers and answers are those of Linux's KVM, with these differences, where the AIA
 * specification decides: the pending bit of a level-sensitive source is cleared when its input is
 * no longer asserted; an inactive source has no pending bit, no enable bit, and a target that reads
 * as zero; a detached source has no input. A VMM that restores the registers in ascending order is
 * not affected. And each signal of an irqfd is an edge, where Linux ignores all but the first one.
 *
 * Locks: aplic->lock. MSIs are sent with it held: that of a genmsi has to follow those of all
 * sources whose pending bits have been cleared before.
 * Spec: AIA, "Advanced Platform-Level Interrupt Controller (APLIC)".
 */
#include "irqchip/aia.h"

#define DOMAINCFG       0x0000
#define SOURCECFG       0x0004
#define BANKS           0x1c00 /* of 0x100 bytes each: enum bank */
#define BANKS_END       0x2000
#define SETIPNUM_LE     0x2000
#define SETIPNUM_BE     0x2004
#define GENMSI          0x3000
#define TARGET          0x3004
#define BANK_SIZE       0x100
#define BANK_BY_NUMBER  0xdc /* the register of a bank that takes a source's number */
#define DOMAINCFG_FIXED 0x80000000U
#define DOMAINCFG_IE    BIT(8)
#define DOMAINCFG_DM    BIT(2)
#define SOURCECFG_D     BIT(10)
#define TARGET_HART     GENMASK(31, 18)
#define TARGET_EIID     GENMASK(10, 0)
#define TARGET_RESERVED BIT(11)

enum source_mode {
	INACTIVE = 0,
	DETACHED = 1,
	EDGE1 = 4,
	EDGE0 = 5,
	LEVEL1 = 6,
	LEVEL0 = 7
};
enum bank {
	SETIP,
	CLRIP,
	SETIE,
	CLRIE
};

#define WORD(source)   ((source) / 32)
#define SOURCE(source) ((u32)1 << ((source) % 32))

struct aplic *aplic_create(u32 nr_sources, u32 nr_idcs)
{
	struct aplic *aplic = hv_alloc(sizeof(*aplic) + nr_idcs * sizeof(struct aplic_idc));

	if (!aplic)
		return NULL;
	aplic->nr_sources = nr_sources;
	aplic->nr_idcs = nr_idcs;
	return aplic;
}

/* ---- pending sources ----------------------------------------------------------------- */

/*
 * If the source has to be forwarded, clear its pending bit and send the MSI that its target
 * describes. Lock held.
 */
static inline void forward_source(struct kvm *vm, u32 source, const struct kvm_vcpu *self)
{
	struct aplic *aplic = vm->aia->aplic;
	u32 word = WORD(source);

	if (!aplic->enabled || !(aplic->pending[word] & aplic->enable[word] & SOURCE(source)))
		return;
	aplic->pending[word] &= ~SOURCE(source);
	trace_kvm_aplic_forward(source, aplic->target[source]);
	aia_send_to_target(vm, aplic->target[source], self);
}

/*
 * Forward the word's sources. One that becomes pending meanwhile is forwarded by the thread that has
 * set its pending bit.
 */
static void forward(struct kvm *vm, u32 word, const struct kvm_vcpu *self)
{
	struct aplic *aplic = vm->aia->aplic;
	u32 bits = READ_ONCE(aplic->pending[word]) & READ_ONCE(aplic->enable[word]);

	if (!READ_ONCE(aplic->enabled))
		return;
	for (; bits; bits &= bits - 1) {
		spin_lock(&aplic->lock);
		forward_source(vm, word * 32 + bit_lowest(bits), self);
		spin_unlock(&aplic->lock);
	}
}

/* ---- lines ------------------------------------------------------------------------ */

static bool source_exists(const struct aplic *aplic, u32 source)
{
	return aplic && source && source <= aplic->nr_sources;
}

int aplic_set_line(struct kvm *vm, u32 source, bool level)
{
	struct aplic *aplic = vm->aia->aplic;
	u32 word = WORD(source), bit = SOURCE(source), before, after;

	if (!source_exists(aplic, source))
		return -ENODEV;
	spin_lock(&aplic->lock);
	before = aplic_asserted(aplic, word) & bit;
	if (level)
		aplic->input[word] |= bit;
	else
		aplic->input[word] &= ~bit;
	after = aplic_asserted(aplic, word) & bit;
	/* As on Linux, a level that is asserted again makes the source pending again. */
	if (after && (!before || (aplic->level[word] & bit)))
		aplic->pending[word] |= bit;
	else if (!after)
		aplic->pending[word] &= ~(bit & aplic->level[word]);
	forward_source(vm, source, NULL);
	spin_unlock(&aplic->lock);
	return 0;
}

/* For a level-sensitive source, user space lowers the line again, as on Linux. */
int aplic_pulse(struct kvm *vm, u32 source)
{
	struct aplic *aplic = vm->aia->aplic;
	u32 word = WORD(source), bit = SOURCE(source);

	if (!source_exists(aplic, source))
		return -ENODEV;
	if (READ_ONCE(aplic->level[word]) & bit)
		return aplic_set_line(vm, source, true);
	spin_lock(&aplic->lock);
	aplic->pending[word] |= bit & aplic->wired[word] & ~aplic->level[word];
	forward_source(vm, source, NULL);
	spin_unlock(&aplic->lock);
	return 0;
}

/* ---- registers ----------------------------------------------------------------------- */

static u32 read_bank(struct aplic *aplic, enum bank bank, u32 word)
{
	switch (bank) {
	case SETIP:
		return aplic->pending[word];
	case CLRIP:
		return aplic_asserted(aplic, word);
	case SETIE:
		return aplic->enable[word];
	default:
		return 0;
	}
}

/* A level-sensitive source can be made pending only while its input is asserted. */
static void write_bank(struct aplic *aplic, enum bank bank, u32 word, u32 bits)
{
	bits &= aplic->active[word];
	switch (bank) {
	case SETIP:
		aplic->pending[word] |= bits & (aplic_asserted(aplic, word) | ~aplic->level[word]);
		break;
	case CLRIP:
		aplic->pending[word] &= ~bits;
		break;
	case SETIE:
		aplic->enable[word] |= bits;
		break;
	case CLRIE:
		aplic->enable[word] &= ~bits;
		break;
	}
}

static void assign(u32 *word, u32 bit, bool value)
{
	*word = value ? *word | bit : *word & ~bit;
}

static void write_sourcecfg(struct aplic *aplic, u32 source, u32 value)
{
	u32 word = WORD(source), bit = SOURCE(source);
	u8 mode = value & SOURCECFG_D ? INACTIVE : value & 7; /* a leaf domain cannot delegate */

	aplic->mode[source] = mode;
	assign(&aplic->active[word], bit, mode != INACTIVE);
	assign(&aplic->wired[word], bit, mode >= EDGE1);
	assign(&aplic->level[word], bit, mode >= LEVEL1);
	assign(&aplic->inverted[word], bit, mode == EDGE0 || mode == LEVEL0);
	aplic->enable[word] &= aplic->active[word];
	aplic->pending[word] &= aplic->active[word];
	aplic->pending[word] &= aplic_asserted(aplic, word) | ~aplic->level[word];
}

/*
 * The registers of `target` and `sourcecfg` begin with that of source 1. Returns the source, or 0 if
 * the offset is outside of the array.
 */
static u32 source_at(const struct aplic *aplic, u64 offset, u64 array)
{
	u64 index = (offset - array) / 4;

	return offset >= array && index < aplic->nr_sources ? (u32)index + 1 : 0;
}

static bool in_bank(const struct aplic *aplic, u64 offset)
{
	return offset >= BANKS && offset < BANKS_END &&
	       (offset % BANK_SIZE / 4 <= WORD(aplic->nr_sources) ||
		offset % BANK_SIZE == BANK_BY_NUMBER);
}

static inline __attribute__((always_inline)) int read_locked(struct aplic *aplic, u64 offset,
							     u32 *value)
{
	u32 source;

	*value = 0;
	if (offset == DOMAINCFG) {
		*value = DOMAINCFG_FIXED | DOMAINCFG_DM | (aplic->enabled ? DOMAINCFG_IE : 0);
	} else if ((source = source_at(aplic, offset, TARGET)) != 0) {
		if (aplic->active[WORD(source)] & SOURCE(source))
			*value = aplic->target[source];
	} else if ((source = source_at(aplic, offset, SOURCECFG)) != 0) {
		*value = aplic->mode[source];
	} else if (in_bank(aplic, offset)) {
		if (offset % BANK_SIZE != BANK_BY_NUMBER)
			*value = read_bank(aplic, (offset - BANKS) / BANK_SIZE,
					   (u32)offset % BANK_SIZE / 4);
	} else if (offset == GENMSI) {
		*value = aplic->genmsi;
	} else if (offset != SETIPNUM_LE && offset != SETIPNUM_BE) {
		return -ENODEV;
	}
	return 0;
}

int aplic_read(struct aplic *aplic, u64 offset, u32 *value)
{
	int err;

	if (offset % 4)
		return -EOPNOTSUPP;
	spin_lock(&aplic->lock);
	err = read_locked(aplic, offset, value);
	spin_unlock(&aplic->lock);
	return err;
}

/* Set or clear a bit of the source with this number. Returns its word, to be forwarded. */
static u32 write_number(struct aplic *aplic, enum bank bank, u32 source)
{
	if (!source_exists(aplic, source))
		return 0;
	write_bank(aplic, bank, WORD(source), SOURCE(source));
	return WORD(source);
}

/* Words [*first, *last] may have sources to forward afterwards. */
static inline __attribute__((always_inline)) int write_locked(struct aplic *aplic, u64 offset,
							      u32 value, u32 *first, u32 *last)
{
	enum bank bank;
	u32 source, word;

	if (offset == DOMAINCFG) {
		aplic->enabled = value & DOMAINCFG_IE;
		*first = 0;
		*last = WORD(aplic->nr_sources);
		return 0;
	}
	if ((source = source_at(aplic, offset, TARGET)) != 0) {
		aplic->target[source] = value & ~(u32)TARGET_RESERVED;
		return 0;
	}
	if ((source = source_at(aplic, offset, SOURCECFG)) != 0) {
		write_sourcecfg(aplic, source, value);
		return 0;
	}
	if (offset == SETIPNUM_LE) {
		word = write_number(aplic, SETIP, value);
	} else if (offset == SETIPNUM_BE) {
		word = write_number(aplic, SETIP, bytes_swap(value));
	} else if (in_bank(aplic, offset)) {
		bank = (offset - BANKS) / BANK_SIZE;
		word = (u32)offset % BANK_SIZE / 4;
		if (offset % BANK_SIZE == BANK_BY_NUMBER)
			word = write_number(aplic, bank, value);
		else
			write_bank(aplic, bank, word, value);
	} else {
		return -ENODEV;
	}
	*first = *last = word;
	return 0;
}

int aplic_write(struct kvm *vm, u64 offset, u32 value, const struct kvm_vcpu *self)
{
	struct aplic *aplic = vm->aia->aplic;
	u32 first = 1, last = 0;
	int err;

	if (offset % 4)
		return -EOPNOTSUPP;
	if (offset == GENMSI) {
		/* Sent whether or not the domain is enabled. There is no guest index. */
		value &= (u32)(TARGET_HART | TARGET_EIID);
		spin_lock(&aplic->lock);
		aplic->genmsi = value;
		aia_send_to_target(vm, value, self);
		spin_unlock(&aplic->lock);
		return 0;
	}
	spin_lock(&aplic->lock);
	err = write_locked(aplic, offset, value, &first, &last);
	spin_unlock(&aplic->lock);
	for (; first <= last; first++)
		forward(vm, first, self);
	return err;
}

int aplic_read_locked(struct aplic *aplic, u64 offset, u32 *value)
{
	return read_locked(aplic, offset, value);
}

int aplic_write_locked(struct aplic *aplic, u64 offset, u32 value)
{
	u32 unused[2];

	return write_locked(aplic, offset, value, &unused[0], &unused[1]);
}
