// SPDX-License-Identifier: MIT
/*
 * mkram.c - make a RAM file as a machine leaves it, using the host's own trace code.
 *
 * usage: mkram OUT HARTS EVENTS instret|time|none [calls [EXTRA]|extremes|nested [CSRS]]
 *
 * Each hart has EVENTS records (alternately exit and entry), whose times interleave with those of
 * other harts, and accounts 1000 exits (900 of 500 instructions, 90 of 2000, and 10 of 40000) and a
 * timer interrupt of 7 instructions. With `calls`, the recorded exits are alternately for an SBI
 * call and an MMIO write, and exit N costs 100 + 400 N instructions; each of the 1000 accounted
 * exits costs EXTRA instructions more. With `extremes`, each hart first records every event several
 * times, with the smallest and largest values in its fields, VM and vCPU, and with jumps in time
 * that are too large for the time deltas of some formats. With `nested`, each hart's vCPU is a
 * hypervisor, whose guest (L2) makes EVENTS ecalls and as many page faults; CSRS (default: 1) is the
 * number of CSRs that it writes after an ecall: see nested().
 * Otherwise, kvm_exit_cost is not recorded, so costs from events are those between kvm_exit and
 * kvm_entry. If MKRAM_KEEP is set in the environment, full rings keep their oldest records.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hv/csr.h"
#include "machine.h"
#include "trace_control.h"
#include "trace_native.h"

static void exits(unsigned long extra)
{
	struct trace_exit_clock clock = { 0 };

	trace_exit_init(&clock);
	for (int i = 0; i < 1000; i++) {
		unsigned long cost = i < 900 ? 500 : i < 990 ? 2000 : 40000;

		trace_native_begin(&clock, EXC_STORE_GUEST_PAGE_FAULT);
		trace_exit_class(&clock, EXIT_FAULT_STORE);
		machine.instret += cost + extra;
		machine.time += cost / 100;
		trace_native_end(&clock);
	}
	trace_native_begin(&clock, CAUSE_IRQ_FLAG | IRQ_S_TIMER);
	machine.instret += 7;
	trace_native_end(&clock);
}

static void call(int i)
{
	if (i % 4)
		trace_kvm_mmio(2, 1, 0x10000000 + (u64)i, 'x', 0);
	else
		trace_kvm_sbi_call(0x54494d45, 0, 0, 0, 0);
	machine.instret += 100 + 200UL * (unsigned long)i;
}

static void extremes(void)
{
	static const u64 values[] = { 0,          1,          ~0ULL, 1ULL << 63,
				      ~0ULL >> 1, 1ULL << 32, ~0U,   0xdeadbeefcafe };
	const unsigned int n = sizeof(values) / sizeof(values[0]);

	for (unsigned int i = 0; i < TRACE_NR_EVENTS * n; i++) {
		enum trace_event_nr event = i / n;

		trace_set_vcpu(i % 3 ? (unsigned int)values[i % n] & 0xffff : 0, i * 977 & 0xffff);
		machine.time += i == 20 ? 1UL << 31 : i == 40 ? 1UL << 56 : i % 5;
		machine.instret = values[i % n] >> 1;
		trace_emit(event, values[i % n], values[(i + 1) % n], values[(i + 2) % n],
			   values[(i + 3) % n], values[(i + 4) % n]);
	}
	trace_emit((enum trace_event_nr)1023, 1, 2, 3, 4, 5); /* not in the table */
	trace_set_vcpu(65535, 65535);
	trace_kvm_entry(~0ULL, 0);
}

static void exit_of(u64 scause)
{
	machine.time += 10;
	machine.instret += 1000;
	trace_kvm_exit(0x80200000, scause, 0, 0, 0);
}

static void entry_of(enum exit_class class, unsigned int cost)
{
	machine.time += cost / 100;
	machine.instret += cost;
	trace_kvm_entry(0x80200000, class);
}

static void write_csr(void)
{
	exit_of(EXC_VIRTUAL_INST);
	trace_kvm_csr(0x600, 1, 0, 1); /* hstatus */
	entry_of(EXIT_H_INSN, 200);
}

static void enter_l2(void)
{
	exit_of(EXC_VIRTUAL_INST);
	trace_kvm_virtual_inst(0x10200073); /* sret */
	trace_kvm_nested_vmenter(0, 0);
	entry_of(EXIT_H_INSN, 300);
}

/*
 * L1 enters L2. Each ecall of L2 is given to L1, which writes CSRs, one more after the first ecall,
 * before it enters L2 again; then L0 handles a page fault of L2. The second ecall costs more than
 * later ones. Finally, the vCPU is reset while it runs L2, so what follows is L1's.
 */
static void nested(int ecalls, unsigned long csrs)
{
	trace_set_vcpu(0, 0);
	trace_kvm_create_vcpu(1, machine.hart);
	trace_set_vcpu(1, machine.hart);
	entry_of(0, 0);
	enter_l2();
	for (int i = 0; i < ecalls; i++) {
		exit_of(EXC_ECALL_VS);
		trace_kvm_nested_vmexit(EXC_ECALL_VS, 0, 0);
		entry_of(EXIT_INJECTED, i == 1 ? 150 : 100);
		for (unsigned long n = csrs + (i == 0); n > 0; n--)
			write_csr();
		enter_l2();
		exit_of(EXC_STORE_GUEST_PAGE_FAULT);
		entry_of(EXIT_FAULT_STORE, 400);
	}
	write_csr();
	exit_of(EXC_VIRTUAL_INST);
	entry_of(EXIT_WFI, 0);
}

int main(int argc, char **argv)
{
	unsigned long extra;
	unsigned int harts;

	if (argc < 5 || argc > 7) {
		fputs("usage: mkram OUT HARTS EVENTS instret|time|none "
		      "[calls [EXTRA]|extremes|nested [CSRS]]\n",
		      stderr);
		return 2;
	}
	harts = (unsigned int)atoi(argv[2]);
	extra = argc > 6 ? strtoul(argv[6], NULL, 0) : 0;
	trace_native_start(harts, "kvm_*,!kvm_exit_cost");
	trace_native_account(argv[4]);
	trace_set_overwrite(!getenv("MKRAM_KEEP"));
	for (machine.hart = 0; machine.hart < harts; machine.hart++) {
		unsigned long start = machine.time = 10000000;
		int records = atoi(argv[3]);

		if (argc == 6 && !strcmp(argv[5], "extremes")) {
			extremes();
			start = machine.time;
		}
		trace_set_vcpu(1, machine.hart);
		if (argc > 5 && !strcmp(argv[5], "nested")) {
			nested(records, argc > 6 ? extra : 1);
			records = 0;
		}
		for (int i = 0; i < records; i++) {
			machine.time = start + (unsigned long)i * 100 + machine.hart;
			if (argc == 5)
				machine.instret = (unsigned long)i * 10000;
			if (i % 2)
				trace_kvm_entry((u64)i, 0);
			else
				trace_kvm_exit((u64)i, EXC_ECALL_VS, 0, 0, 0);
			if (argc > 5 && i % 2 == 0)
				call(i);
		}
		exits(extra);
	}
	if (trace_native_save(argv[1])) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
