// SPDX-License-Identifier: MIT
/*
 * producer.c - act as a running machine: write events to its RAM file at a steady rate.
 *
 * usage: producer RAM HARTS RING EVENTS RATE
 *
 * Creates the file RAM, in which each hart's ring has RING bytes. Writes EVENTS events in all, RATE
 * per second of wall time (0: without a pause); the harts take turns. A hart's events are
 * alternately kvm_exit and kvm_entry, and an event's pc is its number on its hart. After half of
 * them, kvm_wfi is switched on, too. Prints a line when the trace can be found, and a line with the
 * rate at the end. Then sets the run descriptor's state to exited.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "hv/csr.h"
#include "hv/run_desc.h"
#include "machine.h"
#include "trace_control.h"
#include "trace_native.h"

#define RAM_BASE  0x80000000UL
#define TRACE_HPA 0x80400000UL
#define BURST     64 /* events that a hart writes per reading of the clock */

static unsigned long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long)t.tv_sec * 1000000000UL + (unsigned long)t.tv_nsec;
}

static void burst(unsigned long number, unsigned long n)
{
	for (unsigned long i = number; i < number + n; i++) {
		machine.instret++;
		if (i % 2)
			trace_kvm_entry(i, 0);
		else
			trace_kvm_exit(i, EXC_ECALL_VS, 0, 0, 0);
	}
}

static void produce(unsigned int harts, unsigned long events, unsigned long rate)
{
	unsigned long start = now_ns(), done = 0, each = events / harts;

	for (unsigned long number = 0; number < each; number += BURST) {
		unsigned long n = each - number < BURST ? each - number : BURST;

		if (number >= each / 2 && number < each / 2 + BURST)
			trace_select("kvm_entry,kvm_exit,kvm_wfi", NULL);
		for (machine.hart = 0; machine.hart < harts; machine.hart++) {
			machine.time = now_ns() / 100;
			burst(number, n);
			done += n;
		}
		while (rate && (now_ns() - start) / 1000 * rate / 1000000 < done)
			usleep(50);
	}
	printf("%lu events, %lu a second\n", done,
	       done * 1000000 / ((now_ns() - start) / 1000 + 1));
}

int main(int argc, char **argv)
{
	unsigned int harts;
	struct hs_run_desc *desc;
	size_t size, ram_size;
	char *ram;
	int fd;

	if (argc != 6) {
		fputs("usage: producer RAM HARTS RING EVENTS RATE\n", stderr);
		return 2;
	}
	harts = (unsigned int)atoi(argv[2]);
	size = trace_mem_size(harts, strtoul(argv[3], NULL, 0));
	ram_size = TRACE_HPA - RAM_BASE + size;
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)ram_size)) {
		perror(argv[1]);
		return 1;
	}
	ram = mmap(NULL, ram_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ram == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	machine.time = now_ns() / 100;
	trace_native_start_in(ram + (TRACE_HPA - RAM_BASE), size, harts, "kvm_entry,kvm_exit");
	for (machine.hart = 0; machine.hart < harts; machine.hart++)
		trace_set_vcpu(1, machine.hart);
	desc = (struct hs_run_desc *)(ram + 0x200000 + HS_RUN_DESC_OFFSET);
	desc->version = HS_RUN_DESC_VERSION;
	desc->state = HS_RUN_RUNNING;
	desc->trace_size = size;
	desc->trace_hpa = TRACE_HPA;
	__atomic_store_n(&desc->magic, HS_RUN_DESC_MAGIC, __ATOMIC_RELEASE);
	puts("ready");
	fflush(stdout);
	produce(harts, strtoul(argv[4], NULL, 0), strtoul(argv[5], NULL, 0));
	__atomic_store_n(&desc->state, HS_RUN_EXITED, __ATOMIC_RELEASE);
	return 0;
}
