/* SPDX-License-Identifier: MIT */
/*
 * virtio_lab.h - the requests of your variant's disk (labs/11-virtio/YOURS.md)
 */
#ifndef VMM_VIRTIO_LAB_H
#define VMM_VIRTIO_LAB_H

#include "vmm.h"

#define LAB_BYTES 16 /* size of the parameters, and of a result */

struct lab_request {
	int fd;       /* the disk's file */
	u64 capacity; /* in sectors */
	u32 type;     /* from the driver's header */
	u64 sector;
	u8 params[LAB_BYTES]; /* the bytes after the header */
	size_t nr_params;
	u64 room;             /* for a result, in bytes */
	u8 result[LAB_BYTES]; /* goes to the driver if nr_result is not 0 and the status is OK */
	size_t nr_result;
};

u8 lab_request(struct lab_request *request); /* returns the status: VIRTIO_BLK_S_... */

#endif
