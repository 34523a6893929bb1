// SPDX-License-Identifier: MIT
/*
 * host_imsic.c - a model of the harts' guest interrupt files, and of hv/host.h's functions for
 * them.
 *
 * Each hart has one file, or none. hstatus.VGEIN selects it, vsiselect selects one of its
 * registers, and vsireg is that register. At power-on, the files' registers have arbitrary values.
 * A test can have stores to the files take effect later, in their order: one at every eighth access to
 * vsireg. Spec: AIA, "Interrupts for virtual machines (VS level)", "Memory region for an interrupt file".
 */
#include <string.h>
#include "irqchip/aia.h"
#include "native.h"
#include "native_host.h"

#define FILES_PA    0x28000000ULL /* the pages of a hart: of its own file, and of file 1 */
#define MAX_WAITING 64
#define DELAY       8 /* accesses to vsireg until a store takes effect */

static struct native_guest_file files[HV_MAX_HARTS];
static bool exist, powered_on, delayed;
static struct {
	u32 ids[MAX_WAITING];
	unsigned int count;
} waiting[HV_MAX_HARTS]; /* stores that have not taken effect, oldest first */
static unsigned int accesses;
static void (*guest_irq)(void);
void (*native_guest_file_hook)(void);

void native_guest_file_reset(void)
{
	exist = false;
	delayed = false;
	memset(waiting, 0, sizeof(waiting));
	native_guest_file_hook = NULL;
	if (!powered_on)
		memset(files, 0x5a, sizeof(files));
	powered_on = true;
}

void native_guest_files_set(bool value)
{
	exist = value;
}

struct native_guest_file *native_guest_file(unsigned int hart)
{
	return &files[hart];
}

unsigned int hv_guest_files(void)
{
	return exist;
}

unsigned int hv_guest_ids(void)
{
	return exist ? 64 * NATIVE_FILE_WORDS - 1 : 0;
}

hpa_t hv_guest_file_pa(unsigned int hart, unsigned int file)
{
	if (!exist || file != 1)
		hv_panic("native IMSIC: hart %u has no file %u\n", hart, file);
	return FILES_PA + (2 * hart + file) * PAGE_SIZE;
}

void hv_guest_file_send(unsigned int hart, unsigned int file, u32 id)
{
	if (!native_guest_file_store(hv_guest_file_pa(hart, file), id))
		hv_panic("native IMSIC: hart %u has no file %u\n", hart, file);
}

void native_guest_files_delay(void)
{
	delayed = true;
}

static void set_pending(unsigned int hart, u32 id)
{
	__atomic_fetch_or(&files[hart].pending[id / 64], BIT(id % 64), __ATOMIC_RELAXED);
}

/* The oldest store that waits for the hart's file takes effect. */
static void arrive(unsigned int hart)
{
	u32 *ids = waiting[hart].ids;

	set_pending(hart, ids[0]);
	memmove(ids, ids + 1, --waiting[hart].count * sizeof(*ids));
}

void native_guest_files_settle(void)
{
	unsigned int hart;

	for (hart = 0; hart < HV_MAX_HARTS; hart++)
		while (waiting[hart].count)
			arrive(hart);
}

bool native_guest_file_store(hpa_t pa, u32 id)
{
	u64 page = (pa - FILES_PA) / PAGE_SIZE;
	unsigned int hart = (unsigned int)(page / 2);

	if (!exist || pa < FILES_PA || page >= 2 * HV_MAX_HARTS || page % 2 == 0)
		return false;
	if (!id || id >= 64 * NATIVE_FILE_WORDS)
		return true;
	if (!delayed) {
		set_pending(hart, id);
		return true;
	}
	if (waiting[hart].count == MAX_WAITING)
		arrive(hart);
	waiting[hart].ids[waiting[hart].count++] = id;
	return true;
}

void hv_guest_irq_set(void (*fn)(void))
{
	guest_irq = fn;
}

void native_guest_file_interrupt(void)
{
	guest_irq();
}

u32 native_guest_file_top(unsigned int hart)
{
	const struct native_guest_file *file = &files[hart];
	u32 id;

	for (id = 1; id < 64 * NATIVE_FILE_WORDS; id++) {
		if (file->threshold && id >= file->threshold)
			return 0;
		if (file->pending[id / 64] & file->enabled[id / 64] & BIT(id % 64))
			return id;
	}
	return 0;
}

static bool is_selected(void)
{
	unsigned long vgein = FIELD_GET(HSTATUS_VGEIN, csr_read(hstatus));

	if (vgein > 1)
		hv_panic("native IMSIC: VGEIN is %lu\n", vgein);
	return exist && vgein == 1;
}

unsigned long native_guest_file_line(void)
{
	struct native_guest_file *file = &files[hv_hart()];

	if (!exist || !is_selected() || !file->delivery || !native_guest_file_top(hv_hart()))
		return 0;
	return BIT(IRQ_VS_EXT);
}

unsigned long *native_guest_file_register(void)
{
	struct native_guest_file *file = &files[hv_hart()];
	unsigned long select = csr_read(vsiselect), word = select % 64 / 2;

	if (!is_selected())
		hv_panic("native IMSIC: vsireg without a file\n");
	if (waiting[hv_hart()].count && ++accesses % DELAY == 0)
		arrive(hv_hart());
	if (native_guest_file_hook)
		native_guest_file_hook();
	if (select == IMSIC_EIDELIVERY)
		return &file->delivery;
	if (select == IMSIC_EITHRESHOLD)
		return &file->threshold;
	if (select < IMSIC_EIP0 || select > IMSIC_EIE63 || select % 2 || word >= NATIVE_FILE_WORDS)
		hv_panic("native IMSIC: register 0x%lx\n", select);
	return select < IMSIC_EIE0 ? &file->pending[word] : &file->enabled[word];
}
