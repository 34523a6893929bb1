// SPDX-License-Identifier: MIT
/* descriptors.h - leave the process without a free descriptor. */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include <sys/resource.h>
#include <unistd.h>

/* Lower RLIMIT_NOFILE so that no descriptor is free. Returns the former limit. */
static inline struct rlimit forbid_descriptors(void)
{
	struct rlimit was, now;

	getrlimit(RLIMIT_NOFILE, &was);
	now = was;
	now.rlim_cur = (rlim_t)dup(0);
	close((int)now.rlim_cur);
	setrlimit(RLIMIT_NOFILE, &now);
	return was;
}

#endif
