/* SPDX-License-Identifier: MIT */
/*
 * html.h - definitions shared by the parts of `hstrace html`: mainly the summary of a run, from
 * which a page is written.
 *
 * A trace of a million events becomes a page of a few hundred kilobytes: events are counted in a
 * fixed number of time bins, and individual events are kept only for the slowest exits and for the
 * end of the run. run.c describes the three passes over the events.
 *
 * Times are ticks of the time CSR since the first chosen event; `span`, the run's length, is never
 * 0.
 */
#ifndef HTML_H
#define HTML_H

#include "file/symbols.h"
#include "hstrace/levels.h"
#include "hstrace/table.h"

#define HTML_EVENT_BINS  256    /* per kind of event, over all harts */
#define HTML_MMIO_BINS   96     /* per register */
#define HTML_VCPU_BINS   4096   /* per vCPU, at most */
#define HTML_BIN_PARTS   100000 /* of a bin: the unit of the time that a state has in it */
#define HTML_ALL_BINS    32768  /* of all vCPUs together, at most */
#define HTML_LANES       64     /* vCPUs that are drawn; the others are only counted */
#define HTML_VCPUS       4096   /* vCPUs that are distinguished */
#define HTML_CELLS       1024   /* in the map of a memory slot, at most */
#define HTML_SLOTS       64
#define HTML_REGISTERS   4096 /* of all devices */
#define HTML_CALLS       256  /* kinds of SBI calls */
#define HTML_ERRORS      8    /* distinguished errors per kind of SBI call */
#define HTML_SLOWEST     3    /* exits per cause that are kept with their events */
#define HTML_WINDOW      48   /* events kept per slowest exit */
#define HTML_LAST        64   /* events kept from the end of the run */
#define HTML_CAUSES      HST_MAX_SLOTS
#define HTML_DETAIL_SIZE 256

/* ---- JSON output, all of which is safe inside <script> (json.c) ---- */

void json_string(FILE *out, const char *text);
/* Write the first len bytes of text as a JSON string. */
void json_text(FILE *out, const char *text, size_t len);
/* Write counts as an array: k >= 0 is a value, and -k repeats the preceding value k more times. */
void json_runs(FILE *out, const u32 *values, size_t n);

/* ---- events that are processed, not only counted (run.c) ---- */

/* ORDER: run.c has names and fields. */
enum html_kind {
	HTML_OTHER,
	HTML_ENTRY,
	HTML_EXIT,
	HTML_USERSPACE_EXIT,
	HTML_IOCTL,
	HTML_IOCTL_RETURN,
	HTML_PAGE_FAULT,
	HTML_MMIO,
	HTML_SBI_CALL,
	HTML_SBI_RETURN,
	HTML_BLOCK,
	HTML_WAKEUP,
	HTML_MAP,
	HTML_CREATE_VM,
	HTML_DESTROY_VM,
	HTML_MEMSLOT,
	HTML_LOAD,
	HTML_PUT,
	HTML_MSI,
	HTML_STOPEI,
	HTML_CSR,
	HTML_INJECT,
	HTML_KINDS,
};

/* An event, prepared for all parts of `hstrace html`. */
struct html_event {
	enum html_kind kind;
	const struct hst_seen *seen;
	u64 time; /* since the first event */
	u32 who;  /* as in a record; for an event without a vCPU, its hart's last vCPU, or 0 */
	u64 arg[TRACE_ARGS]; /* the fields that run.c lists for the kind, in its order */
};

/* ---- vCPUs (vcpu.c) ---- */

struct html_call;

/* What an exit does for an interrupt (irqchip.c). ORDER: report.js */
enum html_irq_work {
	HTML_IRQ_NONE,
	HTML_IRQ_KICK,     /* the host interrupts the vCPU to deliver an interrupt */
	HTML_IRQ_CLAIM,    /* the guest claims an interrupt: PLIC, stopei */
	HTML_IRQ_COMPLETE, /* PLIC */
	HTML_IRQ_SEND,     /* the guest stores an MSI */
	HTML_IRQ_REGISTER, /* another register of the controller */
	HTML_IRQ_WORKS,
};

/* A vCPU's exit. */
struct html_exit {
	u64 time;               /* of its kvm_exit, since the first event */
	struct html_call *call; /* the SBI call that it makes; NULL: none, or not known */
	enum html_irq_work irq_work;
	unsigned int nesting; /* as in hst_seen, at its kvm_exit */
	struct hst_exit is;
};

/* ORDER: report_base.js */
enum html_state {
	HTML_GUEST, /* L1 */
	HTML_CORE,
	HTML_USER,    /* in the VMM */
	HTML_BLOCKED, /* waiting, or not scheduled on a hart */
	HTML_L2,      /* in the guest's guest */
	HTML_STATES,
	HTML_AWAY = HTML_STATES, /* unknown */
};

struct html_vcpu {
	u32 who;
	u64 exits;
	enum html_state state;
	u64 since;
	struct html_exit exit;
	bool drawn;
	bool gone;                   /* its VM has been destroyed */
	bool external;               /* hvip.VSEIP, as of the last kvm_inject_irq */
	u64 before, after;           /* ticks before the first state, and after the last one */
	u64 lost;                    /* ticks between the states around missing records */
	u64 ticks[HTML_STATES];      /* by state; the sum of these and the three above is `span` */
	double *time[HTML_STATES];   /* by state: ticks in each bin */
	u32 *exit_bins[HTML_CAUSES]; /* by slot: exits in each bin; NULL: none */
};

struct html_vcpus {
	struct html_vcpu *all;
	unsigned int nr, nr_bins;
	u16 *hash;
	u64 others; /* events of vCPUs beyond HTML_VCPUS */
};

/* A line of a window: one event. */
struct html_line {
	u64 time;
	unsigned int hart, event_nr;
	int vm, vcpu;
	char text[HTML_DETAIL_SIZE];
};

/* One exit with its events, or the last events of the run. */
struct html_window {
	unsigned int slot;
	u32 who;
	u64 from, to, cost; /* cost 0: none */
	u64 nr_lines;       /* number of its events; an exit's window keeps the first HTML_WINDOW */
	struct html_line *lines;
};

/* ---- other counts (mmio.c, irqchip.c, sbi.c, memory.c) ---- */

struct html_register {
	u64 gpa, reads, writes;
	u32 bins[HTML_MMIO_BINS];
};

struct html_irqchip {
	u64 plic;    /* claims that returned a source */
	u64 msis[2]; /* MSIs that the core delivered: [0] to memory, [1] to a hart's guest file */
	/* priced: exits that have a cost; sum, max: of these costs, in the unit of exit costs */
	struct {
		u64 exits, priced, sum, max;
	} work[HTML_IRQ_WORKS];
};

struct html_call {
	u64 ext, fid;
	/*
	 * priced: calls whose exit has a cost; sum, max: of these costs, in the unit of exit costs
	 */
	u64 calls, priced, sum, max;
	u64 error[HTML_ERRORS], errors[HTML_ERRORS], other_errors;
};

struct html_memory {
	u32 vm;
	u64 slot, gpa, size;
	u64 cell;      /* bytes, a power of two */
	u64 faults[3]; /* fetch, load, store */
	u64 leaves[4]; /* number written, by level */
	u32 cell_faults[HTML_CELLS];
	u32 cell_levels[HTML_CELLS]; /* bit L: a leaf of level L was written in the cell */
};

struct html_run {
	struct hst_file *file;
	const struct hst_select *select;
	enum hst_unit unit;
	bool has_states;         /* the chosen events tell when a vCPU is in the guest */
	bool keeps_first;        /* a full ring kept its oldest records and dropped newer ones */
	u8 kind[HST_MAX_EVENTS]; /* enum html_kind, by the file's event number */
	u8 field[HTML_KINDS][TRACE_ARGS];

	u64 first, span, events; /* chosen events: time of the first, duration (ticks), number */
	u64 event_count[HST_MAX_EVENTS];
	u32 **event_bins; /* by event: HTML_EVENT_BINS bins; NULL: none */
	u32 on_hart[HST_MAX_HARTS];
	struct html_vcpus vcpus;
	u64 *slot_exits;                             /* exits among the events, by slot */
	u64 (*level_exits)[3];                       /* the same, by slot and level */
	struct html_window (*slowest)[HTML_SLOWEST]; /* by slot, most expensive first */
	struct html_window **chosen;                 /* pointers to the windows in use */
	unsigned int nr_chosen;
	struct html_window last;
	struct html_register *registers;
	u16 *register_hash;
	struct html_irqchip irqchip;
	struct html_call *calls;
	struct html_memory *memory;
	struct hst_guest *guest;    /* symbols; NULL: none */
	struct hst_table functions; /* of the guest, with their exits by class */
	bool has_l2;                /* a chosen event is of L2 */
	struct levels_table levels; /* exits of L2 */
	unsigned int nr_registers, nr_calls, nr_memory;
	u64 other_accesses, other_calls;
	u32 vm_made; /* VM of the last kvm_create_vm */
};

/* Return the bin of a time if the run is divided into `bins` equal parts. */
static inline unsigned int html_bin(const struct html_run *run, u64 time, unsigned int bins)
{
	double at = (double)time / (double)run->span * bins;

	return at >= bins ? bins - 1 : (unsigned int)at;
}

/*
 * Read a file; guest has its symbols, or is NULL. Returns -1 after printing the reason. Call
 * html_free() in any case.
 */
int html_read(struct html_run *run, struct hst_file *file, const struct hst_select *select,
	      struct hst_guest *guest);
void html_free(struct html_run *run);

/* Before the first pass. Returns -1 if out of memory. */
int html_vcpus_alloc(struct html_vcpus *vcpus);
/* Find or create a vCPU. Returns NULL if there are already HTML_VCPUS others. */
struct html_vcpu *html_vcpu_of(struct html_vcpus *vcpus, u32 who);
/*
 * Between the passes: choose the vCPUs to draw and the number of bins. Returns -1 if out of memory.
 */
int html_vcpus_start(struct html_vcpus *vcpus);
int html_vcpu_event(struct html_run *run, struct html_vcpu *vcpu, const struct html_event *event);
/*
 * Records are missing: end the vCPUs' exits, without a cost, and their states. Returns -1 if out of
 * memory.
 */
int html_vcpus_forget(struct html_run *run);
/* Second pass: end the states of the VM's vCPUs if the event is its kvm_destroy_vm. */
void html_vcpus_destroy(struct html_run *run, const struct html_event *event);
int html_vcpus_end(struct html_run *run);
void html_vcpus_free(struct html_vcpus *vcpus);

int html_windows_start(struct html_run *run);
/* First pass: keep the exit that just ended if it is one of the slowest of its slot. */
void html_windows_offer(struct html_run *run, const struct html_vcpu *vcpu, u64 now, u64 cost);
/* Between the passes: allocate the lines of the windows in use. Returns -1 if out of memory. */
int html_windows_choose(struct html_run *run);
/* Second pass: add event `number` (counted from 0) to the windows that it belongs to. */
void html_windows_event(struct html_run *run, const struct html_event *event, u64 number);
void html_windows_free(struct html_run *run);

void html_mmio_event(struct html_run *run, const struct html_event *event);
void html_irqchip_event(struct html_run *run, const struct html_event *event);
/* Second pass: count an exit that has ended, with its cost or HST_NO_COST. */
void html_irqchip_price(struct html_run *run, enum html_irq_work work, u64 cost);
void html_sbi_event(struct html_run *run, const struct html_event *event);
/* Second pass: add the cost of the exit that made this call. */
void html_sbi_price(struct html_call *call, u64 cost);
void html_memory_event(struct html_run *run, const struct html_event *event);
/* Write the exits of L2, or null if there are none (levels.c). */
void html_levels_write(const struct html_run *run, FILE *out);

/* Put the names of the device and register at an address into buffers of HST_NAME_SIZE. */
void html_device_name(const struct hst_file *file, u64 gpa, char *device, char *reg);

/* ---- the page (write.c, page.c, anatomy.c) ---- */

void html_write_run(const struct html_run *run, FILE *out);
/* Write the output of scripts/hyperscope anatomy as JSON. Returns -1 after printing the reason. */
int html_write_anatomy(const char *path, FILE *out);
extern const char html_help[];
int hst_cmd_html(int argc, char **argv);

#endif
