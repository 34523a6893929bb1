// SPDX-License-Identifier: MIT
/* files.h - the start of the file layer: the tree, and the first program's three files. */
#ifndef HOST_FILES_H
#define HOST_FILES_H

#include "hv/types.h"

struct exec_spec;
struct fd_table;

/* Unpack the initramfs; make /dev, /proc and /sys. drivers_init() comes before it. */
void files_init(hpa_t initrd, size_t size);
/* Open descriptors 0 to 2 as /.hs/exec says: 0 or -errno, logged. */
int files_open_std(struct fd_table *fds, const struct exec_spec *spec);

#endif
