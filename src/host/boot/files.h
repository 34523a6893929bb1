// SPDX-License-Identifier: MIT
/* files.h - set up the file layer: the directory tree, and the first program's standard files. */
#ifndef HOST_FILES_H
#define HOST_FILES_H

#include "hv/types.h"

struct exec_spec;
struct fd_table;

/*
 * Set up the file layer: unpack the initramfs, and make /tmp, /dev, /proc and /sys. Called after
 * drivers_init().
 */
void files_init(hpa_t initrd, size_t size);
/* Open descriptors 0 to 2 as `spec` says. Returns 0 or -errno; logs a file that fails to open. */
int files_open_std(struct fd_table *fds, const struct exec_spec *spec);

#endif
