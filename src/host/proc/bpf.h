/* SPDX-License-Identifier: MIT */
/* bpf.h - classic BPF programs over a struct seccomp_data. */
#ifndef HOST_BPF_H
#define HOST_BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include "hv/types.h"

/*
 * Can the program be run? It has to consist of the instructions that Linux allows in a seccomp
 * filter, only jump forwards to instructions of its own, end with a return, and load only aligned
 * words of the data.
 */
bool bpf_check(const struct sock_filter *program, unsigned int len);

/*
 * Run a checked program. Each instruction is executed at most once. A division by zero returns 0.
 * If only_number is set, nothing but nr and arch of the data is known: the result is false if the
 * program loads anything else, and *value is then undefined.
 */
bool bpf_run(const struct sock_filter *program, const struct seccomp_data *data, bool only_number,
	     u32 *value);

#endif
