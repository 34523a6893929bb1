// SPDX-License-Identifier: MIT
/*
 * vmm_host.h - a machine of src/vmm for fuzz targets, on a model of its host.
 *
 * The machine has every device but no vCPU threads. Its system calls and KVM are models. A thread
 * of a device runs only in host_run_threads(), until it would block.
 */
#ifndef FUZZ_VMM_HOST_H
#define FUZZ_VMM_HOST_H

#include "vmm.h"
#include "fuzz.h"
#include "snapshot.h"

#define HOST_VCPUS     2
#define HOST_RAM       RAM_MIN
#define HOST_DISK_SIZE 0x4000ul

extern struct machine machine;
extern u8 host_disk[HOST_DISK_SIZE];
extern const u8 *host_file; /* contents of the file to restore */
extern size_t host_file_size;
extern struct choices host_choices; /* errors, short transfers, input; empty: all calls succeed */

/* Build the machine, with the interrupt controller of this name. */
void host_prepare(const char *irqchip);
/* Run the devices' threads until all of them wait. */
void host_run_threads(void);
/* Call fn(). Returns false if it called die(), whose message is then in host_reason. */
bool host_try(void (*fn)(void));
extern char host_reason[200];

#endif
