// SPDX-License-Identifier: MIT
/*
 * symbols.h - names of addresses: of the host's kernel, of programs, of the guest's kernel.
 *
 * A file is an ELF file of riscv64, or text as /proc/kallsyms and System.map have it; nothing in it is
 * trusted. Which file stands for a sample is for the images below.
 */
#ifndef HST_SYMBOLS_H
#define HST_SYMBOLS_H

#include "hst.h"

#define HST_MAX_SEGMENTS 8

struct hst_symbol {
	u64 start, end;
	const char *name;
};

struct hst_symbols {
	char *path;       /* absolute */
	const char *name; /* its last part */
	bool is_text;     /* kallsyms, System.map: there is no ELF file */
	bool moves;       /* linked to run at any address: `entry` tells by how much it was moved */
	u64 entry;
	unsigned int nr_segments; /* what is executable of it */
	struct {
		u64 address, size, offset;
	} segment[HST_MAX_SEGMENTS];
	size_t n;
	struct hst_symbol *symbol; /* by address; none overlap */
	char *data;
};

struct hst_symbols *hst_symbols_open(const char *path); /* NULL: said why */
void hst_symbols_close(struct hst_symbols *symbols);    /* NULL is allowed */
const struct hst_symbol *hst_symbols_find(const struct hst_symbols *symbols, u64 address);

/* ---- which file stands for what (images.c) ---- */

#define HST_PROGRAM_NAME 25

struct hst_program {
	u32 pid;
	u64 entry;
	char name[HST_PROGRAM_NAME];
	const struct hst_symbols *symbols; /* NULL: no file is known */
};

struct hst_images;

/* Lines for a subcommand's help: the options that hst_images_option() takes. */
extern const char hst_images_help[];

struct hst_images *hst_images_new(void); /* NULL: said why */
void hst_images_free(struct hst_images *images);
/* As hst_select_option(): the words it had, 0 if it is none of these, -1 after saying what is wrong. */
int hst_images_option(struct hst_images *images, int argc, char **argv);
/* Opens what was named, and finds in the trace which program a pid runs. 0; -1: said why. */
int hst_images_load(struct hst_images *images, struct hst_file *file);
const struct hst_symbols *hst_images_host(const struct hst_images *images);
const struct hst_symbols *hst_images_guest(const struct hst_images *images);

/* ORDER: enum sample_mode (hv/trace.h) */
enum hst_mode {
	HST_MODE_U,
	HST_MODE_HS,
	HST_MODE_VU,
	HST_MODE_VS,
	HST_MODE_IDLE,
	HST_NR_MODES
};

struct hst_place {
	enum hst_mode mode;
	u64 pc, period; /* ticks */
	u32 pid;
	const char *program;               /* never NULL */
	const char *symbol;                /* "[unknown]" */
	const struct hst_symbols *symbols; /* NULL: no file is known */
	u64 moved;                         /* what to take from pc for an address of the file */
};

/* Is the event a sample of a kind that we know? Then where it was. Samples in the order of time. */
bool hst_images_place(struct hst_images *images, const struct hst_seen *seen,
		      struct hst_place *place);

#endif
