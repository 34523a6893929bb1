// SPDX-License-Identifier: MIT
/*
 * perfetto.h - what the parts of the export to Perfetto share.
 */
#ifndef EXPORT_PERFETTO_H
#define EXPORT_PERFETTO_H

#include "export.h"
#include "perfetto.pb-c.h"

#define MAX_VCPUS   4096 /* those that a damaged trace may have beyond share their VM's track */
#define MAX_DEVICES 256
#define MAX_DEPTH   4
#define IRQ_CODES   16

/* Tracks' numbers: what it is in the top byte. */
#define TRACK(what, number) ((u64)(what) << 56 | (u64)(number))
enum {
	TRACK_VM = 1,
	TRACK_VCPU,
	TRACK_HOST,
	TRACK_HART,
	TRACK_DEVICE
};

/* Events that mean more than an instant. */
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
	u32 who;            /* VM and vCPU */
	unsigned int depth; /* slices that are open */
	enum meaning open[MAX_DEPTH];
	u64 flow[IRQ_CODES]; /* by the guest's number of the interrupt; 0: none */
	u64 shown; /* bits by the same number: shown to the guest since it became pending */
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
		first_name[HST_MAX_EVENTS]; /* annotation name of its first field; 0: not told */
	unsigned int next_name;
	u64 next_flow;
	bool begun;
	u8 *buf;
	size_t buf_size;
};

/* ---- packets and tracks (perfetto_track.c); all: 0, or -1 after saying why ---- */

/* names: what the event's packet tells of them, or NULL. */
int perfetto_put_event(struct perfetto *p, u64 time, TrackEvent *event, InternedData *names);
/* A packet without category: it only draws. */
int perfetto_draw(struct perfetto *p, u64 time, u64 track, TrackEvent__Type type, char *name);

/* Each describes its track when it is first asked for. */
int perfetto_know_hart(struct perfetto *p, unsigned int hart);
int perfetto_know_vm(struct perfetto *p, u32 vm);
/* *vcpu NULL: there are too many of them. */
int perfetto_know_vcpu(struct perfetto *p, u32 vm, u32 nr, struct vcpu **vcpu);
/* The track of a device, a page of a VM's addresses; 0: there are too many. */
int perfetto_know_device(struct perfetto *p, u32 vm, u64 gpa, u64 *track);
/* The slot of a vCPU (VM, number << 16), known or free; NULL: there are too many. */
struct vcpu *perfetto_find_vcpu(struct perfetto *p, u32 who);

#endif
