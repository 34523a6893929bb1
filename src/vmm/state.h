// SPDX-License-Identifier: MIT
/*
 * state.h - the saved state of a VM, and the format of its file (--save, --restore).
 *
 *   0           struct save_header, written last: without it, the file is not a saved VM
 *   4096        pages of guest memory, in the order in which they were first written
 *   sections_at sections, each a struct save_section and its contents; padded with zeroes to a
 *               multiple of 4096
 *
 * The sections are:
 *
 *   pages       for each page in the file, its number in RAM and its sum; all other pages are
 *               zero
 *   machine     the guest's clock
 *   vcpu N      HSM state, number of registers, then id and value of every register that
 *               KVM_GET_REG_LIST names, except the time
 *   plic, aia or aplic, uart, console, disk N, device N (device.def)
 *
 * All numbers are little-endian, as are guest and host. A sum has 64 bits. It detects damage, but
 * not malice, so everything that is read is checked as well.
 */
#ifndef VMM_STATE_H
#define VMM_STATE_H

#include "vmm.h"

#define SAVE_MAGIC   "HSVMSAVE"
#define SAVE_PARTIAL "HSVMPART" /* the file's first bytes until the save is complete */
#define SAVE_VERSION 2
#define SAVE_PAGES   SZ_4K /* file offset of the first page */

struct save_header {
	char magic[8];
	u32 version;
	u32 xlen;
	u64 length; /* of the whole file, in bytes */
	u64 pages;
	u64 sections_at, sections_len;
	u64 ram_base, ram_size;
	u32 vcpus, disks;
	u32 devices; /* bit n: the machine has the device in row n of device.def */
	u32 nested;  /* 1: the vCPUs have H */
	u64 sum;     /* of all fields before it */
};

struct save_section {
	char name[8];
	u32 index;
	u32 zero;
	u64 len;
	u64 sum; /* of all fields before it and of the contents */
};

/* ---- state.c: fields to bytes and back, in one function per device ------------------------- */

struct state {
	bool loading;
	u8 *data;
	size_t len; /* in bytes: written so far when saving, the total when loading */
	size_t room, at;
	const char *bad; /* why the data was refused, or cannot be saved; NULL: it is good */
	int err;         /* an errno for `bad`, or 0 */
};

void state_bytes(struct state *s, void *at, size_t len);
void state_bool(struct state *s, bool *value);
void state_refuse(struct state *s, const char *why);
void state_no_memory(struct state *s); /* refuse because memory could not be allocated */
#define STATE(s, object) state_bytes(s, &(object), sizeof(object))
u64 state_sum(u64 sum, const void *data, size_t len); /* of the u64s in data; start with sum = 0 */

/*
 * For saving: section_begin() begins a section after those already written. section_end() ends this
 * section; it needs the value that section_begin() returned.
 */
size_t section_begin(struct state *s, const char *name, unsigned int index);
void section_end(struct state *s, size_t begin);
/*
 * For loading: set *contents to the next section, which must have this name and index. Returns
 * false, with s->bad set, if the section is missing or invalid.
 */
bool section_open(struct state *s, const char *name, unsigned int index, struct state *contents);

/* ---- pages.c: guest memory in the file ------------------------------------------------------ */

struct pages {
	int fd;
	u8 *ram;
	u64 nr_ram; /* pages of guest memory */
	u32 *place; /* by page of RAM: 1 + its place in the file; 0: not in the file yet */
	u64 nr, room;
	struct machine *live; /* NULL: the guest is stopped */
	struct page_entry {
		u64 number; /* of the page in RAM */
		u64 sum;
	} * entries; /* by place in the file */
};

/*
 * Write or read all `len` bytes. Returns 0 or -errno: -ENOSPC if no more can be written, -ENODATA
 * if the file is too short.
 */
int file_write(int fd, const void *from, size_t len, u64 offset);
int file_read(int fd, void *to, size_t len, u64 offset);

int pages_begin(struct pages *pages, struct machine *m, int fd);
/*
 * Write the pages in the bitmap, or all pages if it is NULL. Pages that contain only zeroes and are
 * not in the file yet are skipped. Returns the number of pages written, or -errno. If the guest runs,
 * this ends early once the machine ends, because then nothing is saved.
 */
long pages_write(struct pages *pages, const u64 *bitmap);
void pages_end(struct pages *pages);

/*
 * ---- contents of sections: saved, or loaded and applied; each in its owner's file ------------
 *
 * When sections are loaded, the machine has just been built, no vCPU has run yet, and `fd`, `ram`,
 * `nr_ram` and `nr` of struct pages are set.
 */
typedef void section_fn(void *of, struct state *s);
section_fn pages_state, vcpu_state, irqchip_state, uart_state, console_state, virtio_mmio_state;
#define DEVICE(name, NAME, base, size, irq, help) section_fn name##_state;
#include "device.def"
#undef DEVICE

/* ---- state_machine.c ---------------------------------------------------------- */

void clock_read(struct machine *m); /* reads the guest's clock into m->saved_time */
void sections_state(struct machine *m, struct pages *pages, struct state *s);

/* ---- dirty.c: the pages of guest memory that were written ------------------------------------ */

struct dirty;
struct dirty *dirty_start(struct machine *m); /* NULL with errno: out of memory, or KVM refused */
/*
 * Move the pages in both logs (KVM's and the VMM's own) to the dirty pages. Returns the number of
 * dirty pages.
 */
u64 dirty_take(struct dirty *dirty);
const u64 *dirty_pages(const struct dirty *dirty); /* the dirty pages, as a bitmap */
void dirty_written(struct dirty *dirty);           /* the dirty pages are now in the file */
void dirty_end(struct dirty *dirty);

/* ---- save_file.c: the file of --save; all return 0 or -errno ---------------------------------- */

/*
 * Open the file for writing. Returns its descriptor, or -errno: -EWOULDBLOCK if it is in use, -EEXIST
 * if another file has the name that is needed until the save is complete.
 */
int save_file_open(const char *path);
int save_file_empty(int fd); /* before each attempt to save */
/* keep: give the complete file its name; otherwise, remove it. */
int save_file_end(bool keep);

/* ---- precopy.c: whether a save needs another round ------------------------------------------- */

void precopy_begin(u64 pages, unsigned int most); /* pages of guest memory; at most `most` rounds */
/*
 * Is another round worthwhile if the last one wrote `written` pages and `left` pages are dirty now?
 */
bool precopy_goes_on(u64 written, u64 left);

#endif
