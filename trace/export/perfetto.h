// SPDX-License-Identifier: MIT
/*
 * perfetto.h - definitions shared by the two files of the export to Perfetto.
 */
#ifndef EXPORT_PERFETTO_H
#define EXPORT_PERFETTO_H

#include "export.h"
#include "perfetto.pb-c.h"

#define MAX_VCPUS   4096 /* slots; vCPUs without one (damaged trace) share their VM's track */
#define MAX_DEVICES 256
#define MAX_DEPTH   6
#define IRQ_CODES   16

/* Track ids: the top byte has the type. */
#define TRACK(what, number) ((u64)(what) << 56 | (u64)(number))
enum {
	TRACK_VM = 1,
	TRACK_VCPU,
	TRACK_HOST,
	TRACK_HART,
	TRACK_DEVICE
};

/* What an event means for slices, devices' tracks and flows. PLAIN: nothing. */
enum meaning {
	PLAIN,
	ENTRY,
	EXIT,
	BLOCK,
	WAKEUP,
	USER_EXIT,
	LOAD,
	MMIO,
	IRQ_PENDING,
	IRQ_SHOWN,
	IRQ_TAKEN,
};

struct vcpu {
	bool known;
	u32 who;             /* VM and vCPU */
	unsigned int depth;  /* open slices */
	unsigned int levels; /* how many of these are levels: L1, or L1 and L2 */
	enum meaning open[MAX_DEPTH];
	u64 flow[IRQ_CODES]; /* by the guest's interrupt number; 0: none */
	u64 shown; /* a bit per interrupt number: shown to the guest since becoming pending */
};

struct perfetto {
	struct export_job *job;
	FILE *out;
	struct vcpu vcpu[MAX_VCPUS];
	unsigned int nr_devices;
	u64 device[MAX_DEVICES];      /* TRACK_DEVICE numbers: VM and page */
	bool in_guest[HST_MAX_HARTS]; /* the hart's slice is open */
	bool hart_known[HST_MAX_HARTS], host_known;
	u64 vm_known[65536 / 64];
	unsigned char meaning[HST_MAX_EVENTS];
	signed char field[HST_MAX_EVENTS][2];
	unsigned int
		first_name[HST_MAX_EVENTS]; /* name id of an event's first field; 0: none yet */
	unsigned int next_name;
	u64 next_flow;
	bool stacks; /* a guest's guest has run: levels are nested slices */
	bool begun;
	u8 *buf;
	size_t buf_size;
};

/*
 * ---- packets and tracks (perfetto_track.c) ----
 *
 * Functions that return int return 0, or -1 after printing the reason.
 */

/* Write a packet with an event at `time` (ns). names: the names that it defines, or NULL. */
int perfetto_put_event(struct perfetto *p, u64 time, TrackEvent *event, InternedData *names);
/* Write a packet that is only for the display, without a category. */
int perfetto_draw(struct perfetto *p, u64 time, u64 track, TrackEvent__Type type, char *name);

/* perfetto_know_...() write the description of a track, unless an earlier call has written it. */
int perfetto_know_hart(struct perfetto *p, unsigned int hart);
int perfetto_know_vm(struct perfetto *p, u32 vm);
/* Set *vcpu to the vCPU's slot, or to NULL (and return 0) if no slot is free for it. */
int perfetto_know_vcpu(struct perfetto *p, u32 vm, u32 nr, struct vcpu **vcpu);
/* Set *track to the track of the device (page) at gpa, or to 0 if there are too many devices. */
int perfetto_know_device(struct perfetto *p, u32 vm, u64 gpa, u64 *track);
/*
 * Return the slot of vCPU `who` (VM | vCPU number << 16), or a free one if it has none yet; NULL if
 * the 64 slots in which it may be are used by other vCPUs.
 */
struct vcpu *perfetto_find_vcpu(struct perfetto *p, u32 who);

#endif
