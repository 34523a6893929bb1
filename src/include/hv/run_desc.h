// SPDX-License-Identifier: MIT
/*
 * run_desc.h - the run descriptor, in which a reader of RAM finds the data of a run.
 *
 * The descriptor is in the kernel image, right after the 64-byte Image header. The image is loaded
 * 0x200000 bytes above the start of RAM. So a tool that has the machine's RAM as a file (hstrace,
 * scripts/hyperscope) finds the descriptor at offset 0x200000 + HS_RUN_DESC_OFFSET, without
 * symbols, even if the machine has crashed. All fields are little-endian. Only the host writes the
 * descriptor, except for tohost, fromhost, and what is set in the image's file.
 */
#ifndef HV_RUN_DESC_H
#define HV_RUN_DESC_H

#define HS_RUN_DESC_OFFSET  0x40
#define HS_RUN_DESC_MAGIC   0x31304e5552505348ULL /* "HSPRUN01" */
#define HS_RUN_DESC_VERSION 1

#ifndef __ASSEMBLER__
#include "hv/types.h"

enum hs_run_state {
	HS_RUN_BOOTING = 0, /* the host has not started its program yet */
	HS_RUN_RUNNING = 1,
	HS_RUN_EXITED = 2,   /* exit_status is the program's wait status */
	HS_RUN_PANICKED = 3, /* the host itself stopped; the log says why */
};

struct hs_run_desc {
	u64 magic;
	u32 version;
	u32 state;       /* enum hs_run_state */
	u32 exit_status; /* wait status as wait4() reports it; valid when EXITED */
	u32 nr_harts;
	u64 trace_hpa;  /* trace memory, laid out as in hv/trace_mem.h; 0: none */
	u64 trace_size; /* bytes */
	u64 timebase_hz;
	u64 instret; /* of the hart, from the first program's start to its end; valid when EXITED */
	/*
	 * HTIF's two words, for a simulator such as Spike, which finds their addresses in the symbols
	 * of the ELF file that it starts (scripts/hs/run/spike.py). To end the machine, the host stores
	 * 2 * number + 1 to tohost, where the number is 256 * state + the exit status in the form that
	 * a shell uses; the simulator clears the word.
	 */
	u64 tohost, fromhost;
	/*
	 * Set in the image of a workload (scripts/hs/workload/build.py): the initramfs that is loaded
	 * with the image, by physical address and size in bytes. Size 0: the device tree names it.
	 */
	u64 initramfs_hpa, initramfs_size;
	u64 reserved[5];
};

/* These numbers are also in src/workload/opensbi.S and in spike.py and build.py of scripts/hs. */
_Static_assert(__builtin_offsetof(struct hs_run_desc, tohost) == 56, "it has moved");
_Static_assert(__builtin_offsetof(struct hs_run_desc, initramfs_hpa) == 72, "it has moved");
#endif

#endif
