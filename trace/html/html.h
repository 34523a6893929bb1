/* SPDX-License-Identifier: MIT */
/*
 * html.h - what the parts of `hstrace html` share: one run, added up for a page.
 *
 * A trace of a million events becomes a page of a few hundred kilobytes: everything is counted
 * into a fixed number of bins of time, and single events are kept for the slowest exits and the
 * end of the run alone. Two passes: html_scan() learns span, vCPUs and the slowest exits,
 * html_collect() counts.
 *
 * Times are ticks of the time CSR since the first event; `span` is never 0.
 */
#ifndef HTML_H
#define HTML_H

#include "hstrace/table.h"

#define HTML_EVENT_BINS  256   /* of each kind of event, all harts together */
#define HTML_MMIO_BINS   96    /* of each register */
#define HTML_VCPU_BINS   4096  /* of each vCPU, at most */
#define HTML_ALL_BINS    32768 /* of all vCPUs together */
#define HTML_LANES       64    /* vCPUs that are drawn; the others are counted */
#define HTML_VCPUS       4096  /* that are told apart */
#define HTML_CELLS       1024  /* of a memory slot's map */
#define HTML_SLOTS       64
#define HTML_REGISTERS   4096 /* of devices */
#define HTML_CALLS       256  /* kinds of SBI call */
#define HTML_ERRORS      8    /* of an SBI call, told apart */
#define HTML_SLOWEST     3    /* exits of each cause that are kept in full */
#define HTML_WINDOW      48   /* events of such an exit */
#define HTML_LAST        64   /* events at the end */
#define HTML_CAUSES      HST_MAX_SLOTS
#define HTML_DETAIL_SIZE 256

/* ---- text of the page (json.c); all of it is safe inside <script> ---- */

void json_string(FILE *out, const char *text);
/* The first len bytes. */
void json_text(FILE *out, const char *text, size_t len);
/* An array of counts: n >= 0 is a value, -n says that the one before stands n times more. */
void json_runs(FILE *out, const u32 *values, size_t n);

/* ---- events that are more than counted (run.c) ---- */

/* ORDER: run.c has names and fields. */
enum html_kind {
	HTML_OTHER,
	HTML_ENTRY,
	HTML_EXIT,
	HTML_USERSPACE_EXIT,
	HTML_IOCTL,
	HTML_PAGE_FAULT,
	HTML_MMIO,
	HTML_SBI_CALL,
	HTML_SBI_RETURN,
	HTML_BLOCK,
	HTML_WAKEUP,
	HTML_MAP,
	HTML_CREATE_VM,
	HTML_MEMSLOT,
	HTML_LOAD,
	HTML_PUT,
	HTML_KINDS,
};

/* An event as all parts see it. */
struct html_event {
	enum html_kind kind;
	const struct hst_seen *seen;
	u64 time; /* since the first event */
	u32 who; /* as in a record; for an event of no vCPU the one that its hart served last, or 0 */
	u64 arg[TRACE_ARGS]; /* the fields that run.c names for the kind, in its order */
};

/* ---- vCPUs (vcpu.c) ---- */

/* From kvm_exit to the next kvm_entry of one vCPU. */
struct html_exit {
	bool open;
	u64 time, instret;
	unsigned int hart;
	struct hst_exit is;
};

enum html_state {
	HTML_GUEST,
	HTML_CORE,
	HTML_USER,    /* in the VMM */
	HTML_BLOCKED, /* waits, or is off its hart */
	HTML_STATES,
	HTML_AWAY = HTML_STATES, /* nothing is known of it */
};

struct html_vcpu {
	u32 who;
	u64 exits;
	enum html_state state;
	u64 since;
	struct html_exit exit;
	bool drawn;
	double *time[HTML_STATES];   /* ticks in each bin */
	u32 *exit_bins[HTML_CAUSES]; /* by slot; NULL: none */
};

struct html_vcpus {
	struct html_vcpu *all;
	unsigned int nr, nr_bins;
	u16 *hash;
	u64 others; /* events of those that found no room */
};

/* One exit in full, or the end of the run. */
struct html_line {
	u64 time;
	unsigned int hart, event_nr;
	int vm, vcpu;
	char text[HTML_DETAIL_SIZE];
};

struct html_window {
	unsigned int slot;
	u32 who;
	u64 from, to, cost; /* cost 0: there is none */
	u64 nr_lines;       /* that there are; the first HTML_WINDOW of an exit are kept */
	struct html_line *lines;
};

/* ---- what is counted besides (mmio.c, sbi.c, memory.c) ---- */

struct html_register {
	u64 gpa, reads, writes;
	u32 bins[HTML_MMIO_BINS];
};

struct html_call {
	u64 ext, fid;
	u64 calls, returns, sum, max; /* sum and max in the unit of exits' costs */
	u64 error[HTML_ERRORS], errors[HTML_ERRORS], other_errors;
};

/* A call that has not been answered yet. */
struct html_open_call {
	bool open;
	u64 ext, fid, time, instret;
	unsigned int hart;
};

struct html_memory {
	u32 vm;
	u64 slot, gpa, size;
	u64 cell;      /* bytes, a power of two */
	u64 faults[3]; /* fetch, load, store */
	u64 leaves[4]; /* written, by level */
	u32 cell_faults[HTML_CELLS];
	u32 cell_levels[HTML_CELLS]; /* bit L: a leaf of level L was written here */
};

struct html_run {
	struct hst_file *file;
	const struct hst_select *select;
	enum hst_unit unit;
	u8 kind[HST_MAX_EVENTS]; /* enum html_kind, by the file's number */
	u8 field[HTML_KINDS][TRACE_ARGS];

	u64 first, span, events; /* of what was chosen: the first event's time, ticks, how many */
	u64 event_count[HST_MAX_EVENTS];
	u32 **event_bins; /* HTML_EVENT_BINS each, NULL: none */
	u32 on_hart[HST_MAX_HARTS];
	struct html_vcpus vcpus;
	u64 *slot_exits;                             /* exits among the events, by slot */
	struct html_window (*slowest)[HTML_SLOWEST]; /* by slot, the costliest first */
	struct html_window **chosen;                 /* those of them that there are */
	unsigned int nr_chosen;
	struct html_window last;
	struct html_register *registers;
	u16 *register_hash;
	struct html_call *calls;
	struct html_open_call *call_open; /* by vCPU, in html_vcpus' order */
	struct html_memory *memory;
	unsigned int nr_registers, nr_calls, nr_memory;
	u64 other_accesses, other_calls;
	u32 vm_made; /* VM of the last kvm_create_vm */
};

/* Which of `bins` parts of the run this time lies in. */
static inline unsigned int html_bin(const struct html_run *run, u64 time, unsigned int bins)
{
	double at = (double)time / (double)run->span * bins;

	return at >= bins ? bins - 1 : (unsigned int)at;
}

/* The whole of a file, read twice; -1 after saying why. html_free() in either case. */
int html_read(struct html_run *run, struct hst_file *file, const struct hst_select *select);
void html_free(struct html_run *run);

/* The vCPU, made if need be; NULL if there is no room. */
struct html_vcpu *html_vcpu_of(struct html_vcpus *vcpus, u32 who);
/* Between the passes: who is drawn, with how many bins. -1: out of memory. */
int html_vcpus_start(struct html_vcpus *vcpus);
int html_vcpu_event(struct html_run *run, struct html_vcpu *vcpu, const struct html_event *event);
int html_vcpus_end(struct html_run *run);
/* What passed from there to `end`, in the unit of exits' costs. */
u64 html_cost(const struct html_run *run, u64 time, u64 instret, const struct html_event *end);
void html_vcpus_free(struct html_vcpus *vcpus);

int html_windows_start(struct html_run *run);
/* First pass: is this exit, which just ended, one of the slowest? */
void html_windows_offer(struct html_run *run, const struct html_vcpu *vcpu, u64 now, u64 cost);
/* Second pass: an event that may stand in some of the windows. */
/* Between the passes. -1: out of memory. */
int html_windows_choose(struct html_run *run);
/* Second pass: event `number` (from 0) may stand in some of them. */
void html_windows_event(struct html_run *run, const struct html_event *event, u64 number);
void html_windows_free(struct html_run *run);
/* The slot's windows end here: how many there are. */
unsigned int html_windows_of(const struct html_run *run, unsigned int slot);

void html_mmio_event(struct html_run *run, const struct html_event *event);
void html_sbi_event(struct html_run *run, const struct html_event *event);
void html_memory_event(struct html_run *run, const struct html_event *event);

/* The names of a device and its register at this address, HST_NAME_SIZE each. */
void html_device_name(const struct hst_file *file, u64 gpa, char *device, char *reg);

/* ---- the page (write.c, page.c, anatomy.c) ---- */

void html_write_run(const struct html_run *run, FILE *out);
/* Tables that scripts/hyperscope anatomy printed, as JSON; -1 after saying what is wrong with the file. */
int html_write_anatomy(const char *path, FILE *out);
extern const char html_help[];
int hst_cmd_html(int argc, char **argv);

#endif
