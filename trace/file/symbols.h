// SPDX-License-Identifier: MIT
/*
 * symbols.h - symbols for addresses in the host's kernel, the host's programs and the guest's
 * kernel.
 *
 * A symbol file is an ELF file for riscv64, or text in the format of /proc/kallsyms and System.map.
 * Nothing in a symbol file is trusted. struct hst_images chooses the file for each sample.
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
	const char *name; /* last component of path */
	bool is_text;     /* kallsyms or System.map, not an ELF file */
	bool moves;       /* position-independent (ET_DYN); load offset: run-time entry - `entry` */
	u64 entry;
	unsigned int nr_segments; /* executable ones */
	struct {
		u64 address, size, offset;
		u64 in_file; /* bytes at offset in data; 0 in a text file */
	} segment[HST_MAX_SEGMENTS];
	size_t n;
	struct hst_symbol *symbol; /* sorted by address; they do not overlap */
	char *data;                /* the file's contents */
};

struct hst_symbols *hst_symbols_open(const char *path); /* NULL after printing the reason */
void hst_symbols_close(struct hst_symbols *symbols);    /* NULL is allowed */
const struct hst_symbol *hst_symbols_find(const struct hst_symbols *symbols, u64 address);
/* Return the n bytes of code at the address, or NULL if the file does not have them. */
const u8 *hst_symbols_code(const struct hst_symbols *symbols, u64 address, u64 n);

/* ---- the guest's code (guest.c) ---- */

struct hst_guest;

/* Help text for the options that hst_guest_option() accepts. */
extern const char hst_guest_help[];

struct hst_guest *hst_guest_new(void); /* NULL after printing the reason */
void hst_guest_free(struct hst_guest *guest);
/* Parse an option. Returns the same values as hst_select_option(). */
int hst_guest_option(struct hst_guest *guest, int argc, char **argv);
/* Return whether an option has named a file. */
bool hst_guest_is_named(const struct hst_guest *guest);
/*
 * Open the files that the options name or, if there are none, the file of the guest that ran,
 * according to the trace. May be called again for another trace. Returns 0, or -1 after printing
 * the reason.
 */
int hst_guest_load(struct hst_guest *guest, const struct hst_file *file);
/* Print which symbols are used or, if there are none, how to obtain them. */
void hst_guest_print(const struct hst_guest *guest, FILE *out);

enum hst_code_kind {
	HST_CODE_FUNCTION,
	HST_CODE_USER, /* a program of a Linux guest */
	HST_CODE_UNKNOWN,
};

struct hst_code {
	enum hst_code_kind kind;
	u64 pc;
	const struct hst_symbols *symbols; /* this and the following: only of a function */
	const struct hst_symbol *symbol;
	u64 offset; /* pc minus the start of the function */
};

/*
 * Find the code at a pc; guest may be NULL. If `early`, the vCPU's MMU may still be off, so the
 * kernel may run at its physical address.
 */
void hst_guest_find(const struct hst_guest *guest, u64 pc, bool early, struct hst_code *code);

/* Put the path of a file in hstrace's own directory into path[]. Returns whether it is readable. */
bool hst_beside(const char *name, char *path, size_t size);

/* ---- which file has the symbols of a sample (images.c) ---- */

#define HST_PROGRAM_NAME 25

struct hst_program {
	u32 pid;
	u64 entry;
	char name[HST_PROGRAM_NAME];
	const struct hst_symbols *symbols; /* NULL: no file known */
};

struct hst_images;

/* Help text for the options that hst_images_option() accepts. */
extern const char hst_images_help[];

struct hst_images *hst_images_new(void); /* NULL after printing the reason */
void hst_images_free(struct hst_images *images);
/* Parse an option. Returns the same values as hst_select_option(). */
int hst_images_option(struct hst_images *images, int argc, char **argv);
/*
 * Open the symbol files (those that the options name, and by default the host kernel's), and read
 * from the trace which program each pid ran. Returns 0, or -1 after printing the reason.
 */
int hst_images_load(struct hst_images *images, struct hst_file *file);
struct hst_guest *hst_images_guest(const struct hst_images *images);

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
	const char *symbol;                /* "[unknown]" if there is none */
	const struct hst_symbols *symbols; /* NULL: no file known */
	u64 moved;                         /* load offset: pc - moved is an address in the file */
};

/*
 * If the event is a sample in a known mode, find its program and symbol, fill in *place and return
 * true; else return false. Call this for samples in chronological order.
 */
bool hst_images_place(struct hst_images *images, const struct hst_seen *seen,
		      struct hst_place *place);

/* images.c: for tdestroy() of a tree whose keys are freed elsewhere: free nothing else. */
void hst_keep_node(void *node);

#endif
