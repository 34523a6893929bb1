// SPDX-License-Identifier: MIT
/*
 * stats.c - --stats: print the counters that KVM has kept for the vCPUs, summed over all vCPUs.
 *
 * KVM always counts, so printing the counters at the end does not change what the guest has done.
 * The file of KVM_GET_STATS_FD describes itself, so the counters of any kernel can be printed.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "vmm.h"

static void read_at(int fd, void *to, size_t len, u64 offset)
{
	if (pread(fd, to, len, offset) != (ssize_t)len)
		die(STATUS_SETUP, "--stats: the counters of a vCPU cannot be read: %s",
		    strerror(errno));
}

/* Is this a number of events, and not a time, a state or a histogram? */
static bool is_count(const struct kvm_stats_desc *desc)
{
	return (desc->flags & KVM_STATS_TYPE_MASK) == KVM_STATS_TYPE_CUMULATIVE &&
	       (desc->flags & KVM_STATS_UNIT_MASK) == KVM_STATS_UNIT_NONE && desc->size == 1;
}

static void print_sum(const struct machine *m, const int *fds, const char *name, u64 offset)
{
	u64 value, sum = 0;

	for (unsigned int i = 0; i < m->options.vcpus; i++) {
		read_at(fds[i], &value, sizeof(value), offset);
		sum += value;
	}
	complain("counter %s %llu", name, (unsigned long long)sum);
}

/* All vCPUs' files have the same layout, so those of the first vCPU are used for all. */
void stats_print(const struct machine *m)
{
	struct kvm_stats_header header;
	struct kvm_stats_desc *desc;
	int fds[MAX_VCPUS] = { 0 };
	size_t size;

	for (unsigned int i = 0; i < m->options.vcpus; i++)
		fds[i] = kvm_call(m->vcpus[i].fd, KVM_GET_STATS_FD, 0);
	read_at(fds[0], &header, sizeof(header), 0);
	size = sizeof(*desc) + header.name_size;
	desc = malloc(size);
	if (!desc)
		die(STATUS_SETUP, "--stats: no memory for %zu bytes", size);
	for (u32 i = 0; i < header.num_desc; i++) {
		read_at(fds[0], desc, size, header.desc_offset + i * size);
		if (is_count(desc))
			print_sum(m, fds, desc->name, header.data_offset + desc->offset);
	}
	free(desc);
	for (unsigned int i = 0; i < m->options.vcpus; i++)
		close(fds[i]);
}
