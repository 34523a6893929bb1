// SPDX-License-Identifier: MIT
/*
 * state.h - what is saved of a VM, and how it lies in a file: --save, --restore.
 *
 *   0           struct save_header, written last: without it the file is no saved VM
 *   4096        pages of guest memory, in the order in which they were first written
 *   sections_at sections, each a struct save_section and its contents; then zeroes up to 4096
 *
 *   pages       for each page in the file its number in RAM, and its sum; pages of zeroes are
 *               not in the file
 *   machine     the guest's clock
 *   vcpu N      HSM state, then every register that KVM_GET_REG_LIST names: id, value
 *   plic, uart, console, disk N, device N (device.def)
 *
 * All numbers are little-endian, as guest and host are. A sum is 64 bits wide: it finds damage,
 * not malice; so what is read is checked besides.
 */
#ifndef VMM_STATE_H
#define VMM_STATE_H

#include "vmm.h"

#define SAVE_MAGIC   "HSVMSAVE"
#define SAVE_VERSION 1
#define SAVE_PAGES   SZ_4K /* where the first one is */

struct save_header {
	char magic[8];
	u32 version;
	u32 xlen;
	u64 length; /* of all */
	u64 pages;
	u64 sections_at, sections_len;
	u64 ram_base, ram_size;
	u32 vcpus, disks;
	u32 devices; /* a bit for each row of device.def that there is */
	u32 zero;
	u64 sum; /* of what stands before it */
};

struct save_section {
	char name[8];
	u32 index;
	u32 zero;
	u64 len;
	u64 sum; /* of what stands before it and of the contents */
};

/* ---- state.c: fields to bytes and back, by one function of each device --------------------- */

struct state {
	bool loading;
	u8 *data;
	size_t len; /* saving: so far; loading: of all */
	size_t room, at;
	const char *bad; /* why it cannot be so; the first reason counts */
};

void state_bytes(struct state *s, void *at, size_t len);
void state_bool(struct state *s, bool *value);
void state_refuse(struct state *s, const char *why);
#define STATE(s, object) state_bytes(s, &(object), sizeof(object))
u64 state_sum(u64 sum, const void *data, size_t len); /* of whole words; begins with 0 */

/* Saving: a new section behind the others, and its end. */
size_t section_begin(struct state *s, const char *name, unsigned int index);
void section_end(struct state *s, size_t begin);
/* Loading: the next section has to be this one; gives its contents, or false and s->bad. */
bool section_open(struct state *s, const char *name, unsigned int index, struct state *contents);

/* ---- pages.c: guest memory in the file ------------------------------------------------------ */

struct pages {
	int fd;
	u8 *ram;
	u64 nr_ram; /* pages of guest memory */
	u32 *place; /* by page of RAM: 1 + where in the file; 0: nowhere yet */
	u64 nr, room;
	struct page_entry {
		u64 number; /* of the page in RAM */
		u64 sum;
	} * entries; /* by place in the file */
};

/* All of it, or -errno: -ENOSPC, -ENODATA where the file ends before. */
int file_write(int fd, const void *from, size_t len, u64 offset);
int file_read(int fd, void *to, size_t len, u64 offset);

int pages_begin(struct pages *pages, struct machine *m, int fd);
/* Those of the bitmap, or all if it is NULL; how many were written, or -errno. */
long pages_write(struct pages *pages, const u64 *bitmap);
void pages_end(struct pages *pages);

/*
 * ---- what a section is of: saved, or loaded and put into force; by its own file -------------
 *
 * Loading, the machine is as it was built and no vCPU has run; pages has fd and nr.
 */
typedef void section_fn(void *of, struct state *s);
section_fn pages_state, vcpu_state, plic_state, uart_state, console_state, virtio_mmio_state;
#define DEVICE(name, NAME, base, size, irq, help) section_fn name##_state;
#include "device.def"
#undef DEVICE

/* ---- state_machine.c ---------------------------------------------------------- */

void clock_read(struct machine *m); /* the guest's, to be saved */
void sections_state(struct machine *m, struct pages *pages, struct state *s);

/* ---- dirty.c: which pages of guest memory were written to ------------------------------------ */

struct dirty;
struct dirty *dirty_start(struct machine *m); /* NULL: no memory, or KVM refused; errno */
u64 dirty_take(struct dirty *dirty); /* what the logs say now joins the pages; how many they are */
const u64 *dirty_pages(const struct dirty *dirty); /* a bitmap */
void dirty_written(struct dirty *dirty);           /* none is left of them */
void dirty_end(struct dirty *dirty);

/* ---- precopy.c: the rounds of one save, when it is worth another ----------------------------- */

void precopy_begin(u64 pages, unsigned int most); /* of guest memory, all dirty; rounds allowed */
/* A round has written so many, and so many have become dirty meanwhile. */
bool precopy_goes_on(u64 written, u64 left);

#endif
