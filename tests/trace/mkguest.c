// SPDX-License-Identifier: MIT
/*
 * mkguest.c - make the RAM file of a machine whose guest made all kinds of exits, using the host's
 * own trace code.
 *
 * usage: mkguest OUT HARTS VCPUS EVENTS instret|time|none [CHOICE [RECORDS]]
 *
 * vCPU n runs on hart n % HARTS. The vCPUs make exits of random kinds in turn until all harts
 * together have written EVENTS records. With CHOICE, which selects the events that are recorded,
 * EVENTS is the number of exits instead. Each ring keeps the last RECORDS records, a power of two
 * (default: all). Each kind of exit has its own base cost, which is a hundred times as high for
 * about one exit in 500. The random numbers are the same in every run. Exits are accounted as in
 * the core. If MKGUEST_KEEP is set in the environment, full rings keep their oldest records. If
 * MKGUEST_DESTROY is set, the VM is destroyed 500 ticks before the end of the trace. If
 * MKGUEST_MOVE is set, vCPUs change harts during some exits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hv/bits.h"
#include "hv/csr.h"
#include "hv/host.h"
#include "hv/sbi.h"
#include "machine.h"
#include "trace_control.h"
#include "trace_native.h"

#define RAM_BASE    0x80000000UL
#define START       10000000UL
#define INSNS_TICK  100 /* as under icount shift=0 with a clock of 10 MHz */
#define MAX_VCPUS   64
#define UART        0x10000000UL
#define MEMORY_SIZE (256UL << 20)
#define KVM_RUN     0xae80
#define REASON_MMIO 6
#define REASON_SBI  35

static unsigned long hart_time[64], vcpu_time[MAX_VCPUS];
static struct trace_exit_clock clocks[MAX_VCPUS];
static unsigned long random_state = 1;

static unsigned long random_below(unsigned long n)
{
	random_state = random_state * 6364136223846793005UL + 1442695040888963407UL;
	return (random_state >> 33) % n;
}

/* Advance the current hart by this many instructions. */
static void pass(unsigned long insns)
{
	machine.instret += insns;
	machine.time = machine.instret / INSNS_TICK;
}

/* Return to the VMM and enter KVM_RUN again. The VMM's events have no vCPU. */
static void to_user(unsigned int vcpu, u64 reason)
{
	trace_set_vcpu(0, 0);
	trace_kvm_userspace_exit(reason, 0, trace_exit_class_of(&clocks[vcpu]));
	trace_kvm_ioctl_return(KVM_RUN, 0);
	pass(300);
	trace_kvm_ioctl(KVM_RUN, 0);
	trace_set_vcpu(1, vcpu);
}

static void mmio(unsigned int vcpu, bool write)
{
	u64 gpa = UART + (write ? 0 : 5);

	trace_kvm_page_fault(gpa, write ? EXC_STORE_GUEST_PAGE_FAULT : EXC_LOAD_GUEST_PAGE_FAULT);
	trace_kvm_mmio_insn(0x2503, 0, 0x80200000);
	trace_exit_class(&clocks[vcpu], write ? EXIT_MMIO_WRITE_USER : EXIT_MMIO_READ_USER);
	if (write)
		trace_kvm_mmio(2, 1, gpa, 'x', 0);
	to_user(vcpu, REASON_MMIO);
	if (!write)
		trace_kvm_mmio(1, 1, gpa, 0x60, 0);
}

static void sbi(unsigned int vcpu, u64 ext, enum exit_class class)
{
	trace_kvm_sbi_call(ext, 0, 1, 2, 3);
	trace_exit_class(&clocks[vcpu], class);
	if (class == EXIT_SBI_USER)
		to_user(vcpu, REASON_SBI);
	trace_kvm_sbi_return(ext, 0, class == EXIT_SBI_OTHER ? (u64)-2 : 0, 0);
}

static void fault(unsigned int vcpu)
{
	u64 gpa = RAM_BASE + random_below(MEMORY_SIZE >> 12 << 12);
	bool large = random_below(4) == 0;

	trace_kvm_page_fault(gpa, EXC_STORE_GUEST_PAGE_FAULT);
	trace_exit_class(&clocks[vcpu], EXIT_FAULT_STORE);
	trace_gstage_map(gpa & (large ? ~0x1fffffUL : ~0xfffUL), large, 0xdf);
}

static void wait_for_interrupt(unsigned int vcpu)
{
	trace_kvm_virtual_inst(0x10500073);
	trace_kvm_wfi(0);
	trace_exit_class(&clocks[vcpu], EXIT_WFI);
	trace_kvm_vcpu_block(0);
	pass(20000 + random_below(20000));
	trace_kvm_vcpu_wakeup(1000, 1, 1);
}

/* Let the vCPU change to another hart. */
static void move(unsigned int vcpu, unsigned int harts)
{
	trace_kvm_vcpu_put(0);
	trace_set_vcpu(0, 0);
	hart_time[machine.hart] = machine.instret;
	machine.hart = (machine.hart + 1) % harts;
	if (machine.instret < hart_time[machine.hart])
		machine.instret = hart_time[machine.hart];
	pass(200);
	trace_set_vcpu(1, vcpu);
	trace_kvm_vcpu_load(0);
}

/* Make one exit, from kvm_exit to kvm_entry. */
static void exit_once(unsigned int vcpu, unsigned int kind, unsigned int harts)
{
	static const unsigned long cause[] = { EXC_LOAD_GUEST_PAGE_FAULT,
					       EXC_STORE_GUEST_PAGE_FAULT,
					       EXC_ECALL_VS,
					       EXC_ECALL_VS,
					       EXC_ECALL_VS,
					       EXC_STORE_GUEST_PAGE_FAULT,
					       EXC_VIRTUAL_INST,
					       CAUSE_IRQ_FLAG | IRQ_S_TIMER };

	trace_native_begin(&clocks[vcpu], cause[kind]);
	trace_kvm_exit(0x80200000 + 4 * kind, cause[kind], 0, 0, 0);
	pass((100 + 50 * kind) * (random_below(500) ? 1 : 100));
	switch (kind) {
	case 0:
	case 1:
		mmio(vcpu, kind == 1);
		break;
	case 2:
		sbi(vcpu, SBI_EXT_TIME, EXIT_SBI_TIME);
		break;
	case 3:
		sbi(vcpu, SBI_EXT_DBCN, EXIT_SBI_USER);
		break;
	case 4:
		sbi(vcpu, 0x12345678, EXIT_SBI_OTHER);
		break;
	case 5:
		fault(vcpu);
		break;
	case 6:
		wait_for_interrupt(vcpu);
		break;
	default:
		trace_kvm_host_irq(cause[kind]);
	}
	pass(20);
	if (getenv("MKGUEST_MOVE") && !random_below(5))
		move(vcpu, harts);
	trace_native_end(&clocks[vcpu]);
	trace_kvm_entry(0x80200000 + 4 * kind, trace_exit_class_of(&clocks[vcpu]));
	trace_exit_init(&clocks[vcpu]);
}

static size_t written(unsigned int harts)
{
	size_t n = 0;

	for (unsigned int hart = 0; hart < harts; hart++)
		n += trace_native_written(hart);
	return n;
}

/*
 * Make exits until the harts have written `events` records in all or, if by_exits, until they have
 * made `events` exits.
 */
static void run(unsigned int harts, unsigned int vcpus, size_t events, bool by_exits)
{
	size_t exits = 0;

	for (unsigned int hart = 0; hart < harts; hart++)
		hart_time[hart] = START * INSNS_TICK + hart * 77;
	machine.hart = 0;
	pass(hart_time[0]);
	if (events > 1)
		trace_kvm_create_vm(1);
	if (events)
		trace_kvm_memslot(0, RAM_BASE, MEMORY_SIZE, 0x3fd0000000, 0);
	for (unsigned int vcpu = 0; vcpu < vcpus; vcpu++)
		trace_exit_init(&clocks[vcpu]);
	for (; (by_exits ? exits : written(harts)) < events; exits++) {
		unsigned int vcpu = exits % vcpus;

		machine.hart = vcpu % harts;
		machine.instret = hart_time[machine.hart];
		if (machine.instret < vcpu_time[vcpu]) /* if it has changed harts */
			machine.instret = vcpu_time[vcpu];
		pass(1000 + random_below(3000));
		trace_set_vcpu(1, vcpu);
		exit_once(vcpu, (unsigned int)random_below(8), harts);
		trace_set_vcpu(0, 0);
		hart_time[machine.hart] = vcpu_time[vcpu] = machine.instret;
	}
}

/* The VMM calls KVM_RUN once more, which does not run the guest, and destroys the VM. */
static void destroy(void)
{
	trace_set_vcpu(1, 0);
	trace_kvm_exit(0x80200000, EXC_STORE_GUEST_PAGE_FAULT, 0, 0, 0);
	to_user(0, REASON_MMIO);
	trace_set_vcpu(0, 0);
	trace_kvm_ioctl_return(KVM_RUN, (u64)-4);
	pass(5000 * INSNS_TICK);
	trace_kvm_vcpu_put(0);
	trace_kvm_destroy_vm(1);
	pass(500 * INSNS_TICK);
	trace_kvm_create_vm(2);
}

int main(int argc, char **argv)
{
	unsigned int harts, vcpus;
	size_t events, records = 64, size;
	void *memory;

	if (argc < 6 || argc > 8) {
		fputs("usage: mkguest OUT HARTS VCPUS EVENTS instret|time|none [CHOICE "
		      "[RECORDS]]\n",
		      stderr);
		return 2;
	}
	harts = (unsigned int)atoi(argv[2]);
	vcpus = (unsigned int)atoi(argv[3]);
	events = (size_t)atol(argv[4]);
	if (!harts || !vcpus || vcpus > MAX_VCPUS)
		return 2;
	while (argc < 8 && records < (argc > 6 ? 16 : 2) * events / harts + 64)
		records *= 2;
	if (argc == 8)
		records = (size_t)atol(argv[7]);
	size = ALIGN_UP(trace_mem_size(harts, records * sizeof(struct trace_record)), PAGE_SIZE);
	memory = aligned_alloc(PAGE_SIZE, size);
	if (!memory) {
		perror("mkguest");
		return 1;
	}
	trace_native_start_in(memory, size, harts, argc > 6 ? argv[6] : "all");
	trace_native_account(argv[5]);
	trace_set_overwrite(!getenv("MKGUEST_KEEP"));
	run(harts, vcpus, events, argc > 6);
	if (getenv("MKGUEST_DESTROY"))
		destroy();
	if (trace_native_save(argv[1])) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
