// SPDX-License-Identifier: MIT
/*
 * test_random.c - a VMM and a guest that do anything: the core answers, and nothing breaks.
 *
 * Random ioctls with arguments that are good, nearly good and wild, on VMs whose
 * guests trap for random reasons with random registers. There is no right answer to
 * check; ASan, UBSan, the core's own hv_panic() and the count of what is left at the
 * end are the judges. A seed repeats its run: HS_SEED=n, HS_ROUNDS=n.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "native.h"

#define SCRATCH   (NATIVE_USER_BASE + NATIVE_GUEST_SIZE) /* where structures for ioctls stand */
#define NR_VCPUS  3
#define NR_EVENTS 2

static struct native_vm vm;
static struct kvm_run *run_page[NR_VCPUS];
static int events[NR_EVENTS];
static u64 random_state;
static unsigned int entries_left;

static u64 rnd(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static u64 below(u64 n)
{
	return rnd() % n;
}

/* Small numbers, addresses near something, bits, anything. */
static u64 wild(void)
{
	switch (below(7)) {
	case 0:
		return below(40);
	case 1:
		return NATIVE_GUEST_BASE + below(NATIVE_GUEST_SIZE + 0x10000);
	case 2:
		return NATIVE_USER_BASE + below(2 * NATIVE_GUEST_SIZE);
	case 3:
		return 1ULL << below(64);
	case 4:
		return ~below(0x2000);
	case 5:
		return below(16) << 12;
	default:
		return rnd();
	}
}

/* ---- the guest: any trap, any registers ------------------------------------------------------ */

static unsigned long random_cause(void)
{
	static const u8 usual[] = { EXC_VS_ECALL, EXC_VIRTUAL_INST, EXC_LOAD_GUEST_PAGE_FAULT,
				    EXC_STORE_GUEST_PAGE_FAULT, EXC_INST_GUEST_PAGE_FAULT };

	if (below(4))
		return usual[below(ARRAY_SIZE(usual))];
	return below(2) ? below(28) : CAUSE_IRQ_FLAG | below(14);
}

static unsigned long random_insn(void)
{
	static const u32 some[] = { 0x10500073, 0x00d00073, 0x01501573, 0x60002573, 0x0005a503,
				    0x00a5b023, 0x4508,     0xc188,     0x1005a52f, 0x0005b507 };

	return below(3) ? some[below(ARRAY_SIZE(some))] : (unsigned long)wild();
}

static gpa_t random_gpa(void)
{
	switch (below(4)) {
	case 0:
		return 0x10000000 + (below(8) << 3); /* where ioeventfds may be */
	case 1:
		return 0x90000000 + below(1 << 18);
	case 2:
		return NATIVE_GUEST_BASE + below(NATIVE_GUEST_SIZE);
	default:
		return wild();
	}
}

static void random_guest(struct kvm_vcpu *vcpu)
{
	static const unsigned long exts[] = { SBI_EXT_BASE, SBI_EXT_TIME,
					      SBI_EXT_IPI,  SBI_EXT_RFENCE,
					      SBI_EXT_HSM,  SBI_EXT_DBCN,
					      SBI_EXT_SRST, SBI_EXT_EXPERIMENTAL_START };
	struct hv_trap trap = { .scause = random_cause() };
	unsigned int i;

	for (i = 1; i < 32; i++) {
		if (!below(4))
			vcpu->guest.gpr[i] = (unsigned long)wild();
	}
	vcpu->guest.gpr[GPR_A7] = below(6) ? exts[below(ARRAY_SIZE(exts))] : (unsigned long)wild();
	vcpu->guest.gpr[GPR_A6] = below(6);
	vcpu->guest.sepc = (unsigned long)(NATIVE_GUEST_BASE + below(NATIVE_GUEST_SIZE)) & ~1UL;
	vcpu->guest.sstatus ^= below(4) ? 0 : SSTATUS_SPP;
	vcpu->guest.sstatus |= below(4) ? 0 : SSTATUS_FS;
	csr_write(vsie, below(2) ? ~0UL : 0);
	csr_write(vsatp, below(8) ? 0 : (unsigned long)wild());
	trap.stval = trap.scause == EXC_VIRTUAL_INST ? random_insn() : (unsigned long)wild();
	trap.htval = below(8) ? (unsigned long)random_gpa() >> 2 : 0;
	trap.htinst = below(2) ? 0 : random_insn();
	/* Often enough all parts of the trap fit each other: an aligned load or store. */
	if (below(2)) {
		trap.stval &= ~7UL;
		trap.htval &= ~1UL;
		trap.htinst = trap.scause == EXC_LOAD_GUEST_PAGE_FAULT    ? 0x3503
			      : trap.scause == EXC_STORE_GUEST_PAGE_FAULT ? 0xa03023
									  : 0;
	}
	native_quirks.htinst = trap.htinst;
	/* Whatever may sleep (WFI, HSM) needs somebody to end it. */
	if (!entries_left || trap.scause == EXC_VIRTUAL_INST ||
	    (trap.scause == EXC_VS_ECALL && vcpu->guest.gpr[GPR_A7] == SBI_EXT_HSM))
		native_signal_set(true);
	entries_left -= entries_left > 0;
	native_trap(&trap);
}

/* ---- the VMM ------------------------------------------------------------------------------------ */

static void *scratch(size_t size)
{
	void *p = native_user(SCRATCH);

	memset(p, 0, size);
	return p;
}

static int any_vcpu(void)
{
	return vm.vcpu_fd[below(NR_VCPUS)];
}

static void do_run(void)
{
	unsigned int n = (unsigned int)below(NR_VCPUS);
	struct kvm_run *run = run_page[n];
	unsigned int i;

	/* What user space leaves there between two runs is its own business. */
	for (i = 0; i < 4; i++)
		((u8 *)run)[8 + below(300)] = (u8)rnd();
	run->immediate_exit = !below(10);
	entries_left = (unsigned int)below(80);
	native_signal_set(false);
	if (hsm_is_stopped(vm.vm->vcpus[n]))
		native_signal_set(true);
	native_ioctl(vm.vcpu_fd[n], KVM_RUN, 0);
	native_signal_set(false);
}

static void do_one_reg(void)
{
	struct kvm_one_reg *reg = scratch(sizeof(*reg) + 16);
	static const u64 types[] = {
		KVM_REG_RISCV_CONFIG,  KVM_REG_RISCV_CORE,    KVM_REG_RISCV_CSR,
		KVM_REG_RISCV_TIMER,   KVM_REG_RISCV_FP_F,    KVM_REG_RISCV_FP_D,
		KVM_REG_RISCV_ISA_EXT, KVM_REG_RISCV_SBI_EXT, KVM_REG_RISCV_VECTOR,
	};

	reg->id = KVM_REG_RISCV | (below(8) ? KVM_REG_SIZE_U64 : below(16) << KVM_REG_SIZE_SHIFT) |
		  types[below(ARRAY_SIZE(types))] | below(4) << KVM_REG_RISCV_SUBTYPE_SHIFT |
		  below(70);
	if (!below(10))
		reg->id = rnd();
	reg->addr = below(8) ? SCRATCH + sizeof(*reg) : wild();
	memcpy(reg + 1, &(u64){ wild() }, sizeof(u64));
	native_ioctl(any_vcpu(), below(2) ? KVM_GET_ONE_REG : KVM_SET_ONE_REG, SCRATCH);
}

static void do_slot(void)
{
	struct kvm_userspace_memory_region *r = scratch(sizeof(*r));

	r->slot = (u32)(below(4) ? 1 + below(6) : below(5) ? 0 : wild());
	r->flags = (u32)(below(8) ? below(4) : wild());
	r->guest_phys_addr = below(4) ? 0x90000000 + (below(64) << 12) : wild();
	r->memory_size = below(4) ? below(64) << 12 : wild();
	r->userspace_addr = below(4) ? NATIVE_USER_BASE + (below(64) << 12) : wild();
	native_ioctl(vm.vm_fd, KVM_SET_USER_MEMORY_REGION, SCRATCH);
}

static void do_dirty_log(void)
{
	struct kvm_dirty_log *log = scratch(sizeof(*log));

	log->slot = (u32)below(8);
	log->dirty_bitmap = (void *)(uintptr_t)(SCRATCH + 64);
	native_ioctl(vm.vm_fd, KVM_GET_DIRTY_LOG, SCRATCH);
}

static void do_ioeventfd(void)
{
	struct kvm_ioeventfd *io = scratch(sizeof(*io));

	io->addr = below(4) ? 0x10000000 + (below(8) << 3) : wild();
	io->len = (u32)(below(4) ? 8 : below(12));
	io->fd = below(8) ? events[below(NR_EVENTS)] : (s32)rnd();
	io->flags = (u32)(below(2) ? 0 : below(8) ? below(8) : wild());
	io->datamatch = below(4);
	native_ioctl(vm.vm_fd, KVM_IOEVENTFD, SCRATCH);
}

static void do_vcpu_state(void)
{
	u32 *words = scratch(64);

	words[0] = (u32)(below(2) ? below(7) : wild());
	switch (below(5)) {
	case 0:
		words[0] = below(2) ? KVM_MP_STATE_RUNNABLE : words[0];
		native_ioctl(any_vcpu(), KVM_SET_MP_STATE, SCRATCH);
		break;
	case 1:
		native_ioctl(any_vcpu(), KVM_SET_GUEST_DEBUG, SCRATCH);
		break;
	case 2:
		words[0] = below(2) ? KVM_INTERRUPT_SET : KVM_INTERRUPT_UNSET;
		native_ioctl(any_vcpu(), KVM_INTERRUPT, SCRATCH);
		break;
	case 3:
		memcpy(words, &(u64){ below(200) }, sizeof(u64));
		native_ioctl(any_vcpu(), KVM_GET_REG_LIST, SCRATCH);
		break;
	default:
		native_ioctl(any_vcpu(), KVM_SET_SIGNAL_MASK, below(2) ? SCRATCH : 0);
		break;
	}
}

static void do_anything(void)
{
	unsigned int cmd = _IOC((unsigned int)below(4), KVMIO, (unsigned int)below(256),
				(unsigned int)below(64));

	/* Not what makes descriptors, which the test would have to close. */
	if (cmd == KVM_CREATE_VCPU || cmd == KVM_GET_STATS_FD || cmd == KVM_RUN)
		return;
	scratch(256);
	native_ioctl(below(2) ? vm.vm_fd : any_vcpu(), cmd, below(2) ? SCRATCH : wild());
}

static void do_host(void)
{
	hva_t hva = NATIVE_USER_BASE + (below(1024) << 12);

	if (below(2))
		native_user_unmap(hva, (below(16) + 1) << 12);
	else
		native_user_map(hva, (below(16) + 1) << 12, (unsigned int)below(8));
	native_time_set(hv_time() + below(1000));
}

/* ------------------------------------------------------------------------------------------------- */

static unsigned long number_from(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : otherwise;
}

static void setup_vm(void)
{
	unsigned int i;
	hpa_t pa;

	native_reset();
	native_isa_set("h i m a f d c sstc svinval zicbom zicboz smstateen zkr zawrs");
	native_core_start();
	native_vm_make(&vm, 0);
	vcpu_put(vm.vcpu);
	native_user_map(SCRATCH, 1 << 20, 0);
	for (i = 1; i < NR_VCPUS; i++)
		native_vcpu_make(&vm, i);
	for (i = 0; i < NR_VCPUS; i++) {
		assert_int_equal(kvm_vcpu_ops.mmap_page(vm.vm->vcpus[i], 0, &pa), 0);
		run_page[i] = native_ram(pa);
	}
	for (i = 0; i < NR_EVENTS; i++)
		events[i] = native_eventfd();
	native_guest = random_guest;
}

static void one_life(u64 seed)
{
	static void (*const actions[])(void) = {
		do_run,  do_run,       do_run,       do_run,        do_one_reg,  do_one_reg,
		do_slot, do_dirty_log, do_ioeventfd, do_vcpu_state, do_anything, do_host,
	};
	unsigned int i;

	random_state = seed * 0x9e3779b97f4a7c15 + 1;
	setup_vm();
	for (i = 0; i < 1000; i++)
		actions[below(ARRAY_SIZE(actions))]();
	native_guest = NULL;
	native_signal_set(false);
	native_vm_free(&vm);
	for (i = 0; i < NR_EVENTS; i++)
		native_close(events[i]);
	native_user_exit();
	if (native_objects_in_use() || native_maps_in_use())
		print_message("# seed %llu leaves something behind\n", seed);
	assert_int_equal(native_objects_in_use(), 0);
	assert_int_equal(native_maps_in_use(), 0);
}

static void nothing_that_a_vmm_and_its_guest_do_breaks_the_core(void **state)
{
	u64 seed = number_from("HS_SEED", 1);
	unsigned long rounds = number_from("HS_ROUNDS", 30);

	(void)state;
	while (rounds--)
		one_life(seed++);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_that_a_vmm_and_its_guest_do_breaks_the_core),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
