// SPDX-License-Identifier: MIT
/*
 * test_mmio.c - MMIO from the trap to user space and back into the register.
 *
 * The guest's few instructions are written out, because that is clearer than entries from the
 * assembler's table. Each claim is checked with htinst, with a fetch (htinst 0), and with the
 * toggle mmio_decode=fetch, which requires a fetch although htinst is valid.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "native.h"
#include "exit/bus.h"

#define CODE    (NATIVE_GUEST_BASE + 0x1000)
#define MMIO    0x10000000UL
#define POINTER (MMIO | 0xa5UL << 56) /* a masked pointer: the trap's address lacks the tag */
#define T0      5
#define A0      10
#define A1      11

/* An access: its instruction as it is fetched and as it is in htinst, and its expected effect. */
struct access {
	const char *text;
	u32 insn;   /* base x11, register x10, offset 0 */
	u32 htinst; /* base field 0 */
	unsigned int insn_len, len;
	bool store, sign;
};

static const struct access accesses[] = {
	{ "lb a0,0(a1)", 0x00058503, 0x00000503, 4, 1, false, true },
	{ "lh a0,0(a1)", 0x00059503, 0x00001503, 4, 2, false, true },
	{ "lw a0,0(a1)", 0x0005a503, 0x00002503, 4, 4, false, true },
	{ "ld a0,0(a1)", 0x0005b503, 0x00003503, 4, 8, false, true },
	{ "lbu a0,0(a1)", 0x0005c503, 0x00004503, 4, 1, false, false },
	{ "lhu a0,0(a1)", 0x0005d503, 0x00005503, 4, 2, false, false },
	{ "lwu a0,0(a1)", 0x0005e503, 0x00006503, 4, 4, false, false },
	{ "sb a0,0(a1)", 0x00a58023, 0x00a00023, 4, 1, true, false },
	{ "sh a0,0(a1)", 0x00a59023, 0x00a01023, 4, 2, true, false },
	{ "sw a0,0(a1)", 0x00a5a023, 0x00a02023, 4, 4, true, false },
	{ "sd a0,0(a1)", 0x00a5b023, 0x00a03023, 4, 8, true, false },
	{ "c.lw a0,0(a1)", 0x4188, 0x00002501, 2, 4, false, true },
	{ "c.ld a0,0(a1)", 0x6188, 0x00003501, 2, 8, false, true },
	{ "c.sw a0,0(a1)", 0xc188, 0x00a02021, 2, 4, true, false },
	{ "c.sd a0,0(a1)", 0xe188, 0x00a03021, 2, 8, true, false },
};

static bool with_htinst;

static void write_code(gpa_t gpa, u32 insn)
{
	assert_int_equal(hv_copy_to_user(NATIVE_USER_BASE + (gpa - NATIVE_GUEST_BASE), &insn, 4),
			 0);
}

/* Handle the guest's trap on an access to `address`, at gpa. Returns the handler's result. */
static int trap_on(struct kvm_vcpu *vcpu, unsigned long scause, gva_t address, gpa_t gpa,
		   u32 htinst)
{
	struct hv_trap trap = {
		.sepc = vcpu->guest.sepc,
		.scause = scause,
		.stval = address,
		.htval = (unsigned long)gpa >> 2,
		.htinst = with_htinst ? htinst : 0,
	};

	return exit_gstage_fault(vcpu, &trap);
}

static void setup_vm(struct native_vm *f)
{
	native_reset();
	native_core_start();
	native_vm_make(f, 0);
	f->vcpu->guest.sepc = CODE;
	/* Map the code's page, because the guest has just run in it. */
	trap_on(f->vcpu, EXC_INST_GUEST_PAGE_FAULT, CODE, CODE, 0);
}

static void free_vm(struct native_vm *f)
{
	native_vm_free(f);
	assert_int_equal(native_maps_in_use(), 0);
	assert_int_equal(native_objects_in_use(), 0);
}

static int run_access(struct native_vm *f, const struct access *a)
{
	write_code(CODE, a->insn);
	f->vcpu->guest.gpr[A1] = POINTER;
	return trap_on(f->vcpu, a->store ? EXC_STORE_GUEST_PAGE_FAULT : EXC_LOAD_GUEST_PAGE_FAULT,
		       MMIO, MMIO, a->htinst);
}

static void every_access_reaches_user_space(struct native_vm *f)
{
	struct kvm_vcpu *vcpu = f->vcpu;

	for (unsigned int i = 0; i < ARRAY_SIZE(accesses); i++) {
		const struct access *a = &accesses[i];
		u64 data = 0;

		vcpu->guest.sepc = CODE;
		vcpu->guest.gpr[A0] = 0x8182838485868788;
		assert_int_equal(run_access(f, a), RESUME_USER);
		assert_int_equal(native_events(TRACE_kvm_mmio_insn), i + 1);
		assert_int_equal(native_event_args(TRACE_kvm_mmio_insn)[1],
				 !with_htinst || f->vm->toggle[TOGGLE_mmio_decode]);
		assert_int_equal(vcpu->run->exit_reason, KVM_EXIT_MMIO);
		assert_int_equal(vcpu->run->mmio.phys_addr, MMIO);
		assert_int_equal(vcpu->run->mmio.len, a->len);
		assert_int_equal(vcpu->run->mmio.is_write, a->store);
		assert_int_equal(vcpu->guest.sepc, CODE); /* unchanged until the answer */
		if (a->store) {
			memcpy(&data, vcpu->run->mmio.data, a->len);
			assert_int_equal(data, 0x8182838485868788 & (~0ULL >> (64 - 8 * a->len)));
		}
		complete_exit(vcpu);
		assert_int_equal(vcpu->guest.sepc, CODE + a->insn_len);
	}
}

static void a_loaded_value_is_sign_or_zero_extended(struct native_vm *f)
{
	struct kvm_vcpu *vcpu = f->vcpu;
	unsigned int i, high;

	for (i = 0; i < ARRAY_SIZE(accesses); i++) {
		const struct access *a = &accesses[i];

		for (high = 0; high < 2 && !a->store; high++) {
			u64 value = high ? 0xf1f2f3f4f5f6f7f8 : 0x7172737475767778;
			unsigned int unused = 64 - 8 * a->len;
			u64 wanted = a->sign ? (u64)((s64)(value << unused) >> unused)
					     : value << unused >> unused;

			vcpu->guest.sepc = CODE;
			run_access(f, a);
			memcpy(vcpu->run->mmio.data, &value, 8);
			complete_exit(vcpu);
			assert_int_equal(vcpu->guest.gpr[A0], wanted);
		}
	}
}

static void an_exit_is_completed_once(struct native_vm *f)
{
	struct kvm_vcpu *vcpu = f->vcpu;

	run_access(f, &accesses[3]);
	memset(vcpu->run->mmio.data, 0x11, 8);
	complete_exit(vcpu);
	memset(vcpu->run->mmio.data, 0x22, 8);
	complete_exit(vcpu);
	assert_int_equal(vcpu->guest.gpr[A0], 0x1111111111111111);
	assert_int_equal(vcpu->guest.sepc, CODE + 4);
}

static void user_spaces_writes_outside_the_data_are_ignored(struct native_vm *f)
{
	struct kvm_vcpu *vcpu = f->vcpu;

	run_access(f, &accesses[4]);
	memset(vcpu->run, 0xf1, sizeof(*vcpu->run));
	vcpu->run->mmio.len = 8;
	complete_exit(vcpu);
	assert_int_equal(vcpu->guest.gpr[A0], 0xf1);
	assert_int_equal(vcpu->guest.sepc, CODE + 4);
}

static void a_load_into_x0_changes_no_register(struct native_vm *f)
{
	static const struct access a = { "lw x0,0(a1)", 0x0005a003, 0x2003, 4, 4, false, true };
	unsigned long before[32];

	memcpy(before, f->vcpu->guest.gpr, sizeof(before));
	before[A1] = POINTER;
	assert_int_equal(run_access(f, &a), RESUME_USER);
	memset(f->vcpu->run->mmio.data, 0xff, 8);
	complete_exit(f->vcpu);
	assert_memory_equal(before + 1, f->vcpu->guest.gpr + 1, sizeof(before) - sizeof(before[0]));
}

static void a_store_of_x0_stores_zero(struct native_vm *f)
{
	static const struct access a = { "sw x0,0(a1)", 0x0005a023, 0x2023, 4, 4, true, false };

	f->vcpu->guest.gpr[0] = 0x1234; /* must not be used */
	assert_int_equal(run_access(f, &a), RESUME_USER);
	assert_int_equal(*(u32 *)f->vcpu->run->mmio.data, 0);
}

static void an_ioeventfd_takes_its_store(struct native_vm *f)
{
	struct kvm_ioeventfd args = { .addr = MMIO, .len = 4, .fd = native_eventfd() };

	assert_int_equal(kvm_vm_ioctl_ioeventfd(f->vm, &args), 0);
	assert_int_equal(run_access(f, &accesses[9]), RESUME_GUEST);
	assert_int_equal(native_eventfd_count(args.fd), 1);
	assert_int_equal(f->vcpu->guest.sepc, CODE + 4);
	complete_exit(f->vcpu);
	assert_int_equal(f->vcpu->guest.sepc, CODE + 4);
	/* An access of another width does not match. */
	f->vcpu->guest.sepc = CODE;
	assert_int_equal(run_access(f, &accesses[7]), RESUME_USER);
	native_close(args.fd);
}

static void a_store_to_read_only_memory_is_mmio(struct native_vm *f)
{
	native_user_map(NATIVE_USER_BASE + NATIVE_GUEST_SIZE, SZ_2M, 0);
	assert_int_equal(native_set_slot(f->vm, 1, 0x20000000, SZ_2M,
					 NATIVE_USER_BASE + NATIVE_GUEST_SIZE, KVM_MEM_READONLY),
			 0);
	write_code(CODE, accesses[9].insn);
	f->vcpu->guest.gpr[A1] = 0x20000100;
	assert_int_equal(trap_on(f->vcpu, EXC_STORE_GUEST_PAGE_FAULT, 0x20000100, 0x20000100,
				 accesses[9].htinst),
			 RESUME_USER);
	assert_int_equal(f->vcpu->run->mmio.phys_addr, 0x20000100);
	csr_write(vscause, 99);
	assert_int_equal(trap_on(f->vcpu, EXC_LOAD_GUEST_PAGE_FAULT, 0x20000100, 0x20000100, 0),
			 RESUME_GUEST);
	assert_int_equal(csr_read(vscause), 99); /* not a fault of the guest's own */
}

/* ---- accesses that are not emulated ------------------------------------------------ */

static void assert_injected(struct kvm_vcpu *vcpu, unsigned long cause, gva_t tval)
{
	assert_int_equal(csr_read(vscause), cause);
	assert_int_equal(csr_read(vstval), tval);
	assert_int_equal(csr_read(vsepc), CODE);
	assert_int_equal(vcpu->guest.sepc, csr_read(vstvec));
	vcpu->guest.sepc = CODE;
	csr_write(vscause, 99);
}

struct refused {
	const char *text;
	u32 insn, htinst;
	bool store;
};

static void unsupported_accesses_get_an_access_fault(struct native_vm *f)
{
	static const struct refused refused[] = {
		{ "lr.w a0,(a1)", 0x1005a52f, 0x1000252f, false },
		{ "sc.w a0,a2,(a1)", 0x18c5a52f, 0x18c0252f, true },
		{ "amoadd.d a0,a2,(a1)", 0x00c5b52f, 0x00c0352f, true },
		{ "flw fa0,0(a1)", 0x0005a507, 0x00002507, false },
		{ "fsd fa0,0(a1)", 0x00a5b027, 0x00a03027, true },
		{ "c.fld fa0,0(a1)", 0x2188, 0x00003505, false },
		{ "c.fsd fa0,0(a1)", 0xa188, 0x00a03025, true },
		{ "vle8.v v0,(a1)", 0x02058007, 0x02000007, false },
		{ "vse8.v v0,(a1)", 0x02058027, 0x02000027, true },
		{ "cbo.zero (a1)", 0x0045a00f, 0, true },
	};

	csr_write(vstvec, NATIVE_GUEST_BASE + 0x100);
	for (unsigned int i = 0; i < ARRAY_SIZE(refused); i++) {
		const struct refused *r = &refused[i];

		write_code(CODE, r->insn);
		f->vcpu->guest.gpr[A1] = MMIO;
		assert_int_equal(
			trap_on(f->vcpu,
				r->store ? EXC_STORE_GUEST_PAGE_FAULT : EXC_LOAD_GUEST_PAGE_FAULT,
				MMIO, MMIO, r->htinst),
			RESUME_GUEST);
		assert_injected(f->vcpu, r->store ? EXC_STORE_ACCESS_FAULT : EXC_LOAD_ACCESS_FAULT,
				MMIO);
	}
}

static void a_misaligned_access_gets_an_access_fault(struct native_vm *f)
{
	csr_write(vstvec, NATIVE_GUEST_BASE + 0x100);
	for (unsigned int i = 0; i < ARRAY_SIZE(accesses); i++) {
		const struct access *a = &accesses[i];
		gva_t address = MMIO + a->len / 2;

		if (a->len == 1)
			continue;
		write_code(CODE, a->insn);
		f->vcpu->guest.gpr[A1] = address;
		assert_int_equal(
			trap_on(f->vcpu,
				a->store ? EXC_STORE_GUEST_PAGE_FAULT : EXC_LOAD_GUEST_PAGE_FAULT,
				address, address, a->htinst),
			RESUME_GUEST);
		assert_injected(f->vcpu, a->store ? EXC_STORE_ACCESS_FAULT : EXC_LOAD_ACCESS_FAULT,
				address);
	}
}

/* The access begins in one page; its second half, at the start of the next page, faults. */
static void an_access_across_pages_gets_an_access_fault(struct native_vm *f)
{
	csr_write(vstvec, NATIVE_GUEST_BASE + 0x100);
	write_code(CODE, 0x0005b503); /* ld a0,0(a1) */
	f->vcpu->guest.gpr[A1] = MMIO - 4;
	assert_int_equal(
		trap_on(f->vcpu, EXC_LOAD_GUEST_PAGE_FAULT, MMIO, MMIO, 0x00003503 | 4 << 15),
		RESUME_GUEST);
	assert_injected(f->vcpu, EXC_LOAD_ACCESS_FAULT, MMIO);
}

static void a_fetch_from_no_memory_gets_an_instruction_access_fault(struct native_vm *f)
{
	struct hv_trap trap = {
		.sepc = MMIO, .scause = EXC_INST_GUEST_PAGE_FAULT, .stval = MMIO, .htval = MMIO >> 2
	};

	assert_int_equal(exit_gstage_fault(f->vcpu, &trap), RESUME_GUEST);
	assert_int_equal(csr_read(vscause), EXC_INST_ACCESS_FAULT);
	assert_int_equal(csr_read(vsepc), MMIO);
	assert_int_equal(csr_read(vstval), MMIO);
}

static void a_page_table_outside_memory_faults_with_the_accesss_cause(struct native_vm *f)
{
	struct hv_trap trap = { .sepc = CODE, .stval = 0x1234, .htval = MMIO >> 2 };

	csr_write(vstvec, NATIVE_GUEST_BASE + 0x100);
	trap.htinst = 0x3000;
	trap.scause = EXC_STORE_GUEST_PAGE_FAULT;
	assert_int_equal(exit_gstage_fault(f->vcpu, &trap), RESUME_GUEST);
	assert_injected(f->vcpu, EXC_STORE_ACCESS_FAULT, 0x1234);
	trap.scause = EXC_LOAD_GUEST_PAGE_FAULT;
	trap.htinst = 0x3020;
	assert_int_equal(exit_gstage_fault(f->vcpu, &trap), RESUME_GUEST);
	assert_injected(f->vcpu, EXC_LOAD_ACCESS_FAULT, 0x1234);
}

/* ---- fetching the instruction that trapped: faults, and code that has changed ---------------- */

static void fetch_with_trap(struct native_vm *f, unsigned long cause, unsigned long htval)
{
	struct hv_trap trap = { .scause = cause, .stval = CODE, .htval = htval };

	with_htinst = false;
	csr_write(vstvec, NATIVE_GUEST_BASE + 0x100);
	csr_write(vscause, 99);
	native_unpriv_trap(&trap);
	assert_int_equal(run_access(f, &accesses[2]), RESUME_GUEST);
}

static void a_page_fault_of_the_fetch_goes_to_the_guest(struct native_vm *f)
{
	fetch_with_trap(f, EXC_LOAD_PAGE_FAULT, 0);
	assert_injected(f->vcpu, EXC_INST_PAGE_FAULT, CODE);
	fetch_with_trap(f, EXC_INST_PAGE_FAULT, 0);
	assert_injected(f->vcpu, EXC_INST_PAGE_FAULT, CODE);
	fetch_with_trap(f, EXC_LOAD_ACCESS_FAULT, 0);
	assert_injected(f->vcpu, EXC_INST_ACCESS_FAULT, CODE);
}

static void a_gstage_fault_of_the_fetch_retries_the_instruction(struct native_vm *f)
{
	static const unsigned long causes[] = { EXC_LOAD_GUEST_PAGE_FAULT,
						EXC_INST_GUEST_PAGE_FAULT, EXC_INST_PAGE_FAULT };

	for (unsigned int i = 0; i < ARRAY_SIZE(causes); i++) {
		native_fences.gvma_vmid = 0;
		fetch_with_trap(f, causes[i], CODE >> 2);
		assert_true(native_fences.gvma_vmid);
		assert_int_equal(csr_read(vscause), 99);
		assert_int_equal(f->vcpu->guest.sepc, CODE);
	}
}

static void an_instruction_changed_since_the_fault_is_run_again(struct native_vm *f)
{
	static const u32 other[] = {
		0x00000013, /* nop */
		0x0001,     /* c.nop */
		0x00a5a023, /* a store, although a load trapped */
		0x0006a503, /* lw a0,0(a3): another address */
		0x0000006f, /* j . */
	};

	with_htinst = false;
	for (unsigned int i = 0; i < ARRAY_SIZE(other); i++) {
		write_code(CODE, other[i]);
		f->vcpu->guest.gpr[A1] = MMIO;
		csr_write(vscause, 99);
		assert_int_equal(trap_on(f->vcpu, EXC_LOAD_GUEST_PAGE_FAULT, MMIO, MMIO, 0),
				 RESUME_GUEST);
		assert_int_equal(f->vcpu->guest.sepc, CODE);
		assert_int_equal(csr_read(vscause), 99);
		assert_null(f->vcpu->completion.complete);
	}
}

static void a_32_bit_instruction_across_pages_is_fetched_in_halves(struct native_vm *f)
{
	with_htinst = false;
	trap_on(f->vcpu, EXC_INST_GUEST_PAGE_FAULT, CODE + 0x1000, CODE + 0x1000, 0);
	f->vcpu->guest.sepc = CODE + 0xffe;
	write_code(CODE + 0xffe, accesses[2].insn);
	f->vcpu->guest.gpr[A1] = MMIO;
	assert_int_equal(trap_on(f->vcpu, EXC_LOAD_GUEST_PAGE_FAULT, MMIO, MMIO, 0), RESUME_USER);
	complete_exit(f->vcpu);
	assert_int_equal(f->vcpu->guest.sepc, CODE + 0x1002);
}

/* The instruction is in the last half-word before a missing page. */
static void a_compressed_instruction_at_a_pages_end_needs_no_next_page(struct native_vm *f)
{
	u16 insn = 0x4188; /* c.lw a0,0(a1) */

	with_htinst = false;
	hv_copy_to_user(NATIVE_USER_BASE + 0x1ffe, &insn, 2);
	f->vcpu->guest.sepc = CODE + 0xffe;
	f->vcpu->guest.gpr[A1] = MMIO;
	assert_int_equal(trap_on(f->vcpu, EXC_LOAD_GUEST_PAGE_FAULT, MMIO, MMIO, 0), RESUME_USER);
	assert_int_equal(f->vcpu->completion.mmio.insn_len, 2);
}

/*
 * The host does not wait for a vCPU outside its guest when it takes a page back, so the TLB still
 * has the translation of the code's page. tlb_model.c would panic if the fetch read that page.
 */
static void a_fetch_reads_no_page_that_the_host_took_back(struct native_vm *f)
{
	struct hv_trap trap;
	u32 insn;

	with_htinst = false;
	write_code(CODE, accesses[2].insn);
	assert_int_equal(native_guest_access(CODE, NATIVE_FETCH, &insn, 4, &trap), 0);
	native_user_unmap_elsewhere(NATIVE_USER_BASE + (CODE - NATIVE_GUEST_BASE), PAGE_SIZE);
	f->vcpu->guest.gpr[A1] = MMIO;
	assert_int_equal(trap_on(f->vcpu, EXC_LOAD_GUEST_PAGE_FAULT, MMIO, MMIO, 0), RESUME_GUEST);
	assert_null(f->vcpu->completion.complete);
	assert_int_equal(f->vcpu->mode, VCPU_OUTSIDE);
	assert_true(f->vcpu->requests & BIT(REQ_HFENCE)); /* served at the next entry */
}

/* ---- each claim with htinst, with a fetch, and with the toggle ------------------------------- */

static void run(void (*claim)(struct native_vm *f))
{
	struct native_vm f;

	for (unsigned int round = 0; round < 3; round++) {
		setup_vm(&f);
		with_htinst = round != 1;
		/* In the last round, the toggle requires a fetch, although htinst is valid. */
		f.vm->toggle[TOGGLE_mmio_decode] = round == 2;
		claim(&f);
		free_vm(&f);
	}
}

/* List each claim once, for both its wrapper and main(). */
#define CLAIMS(X)                                                    \
	X(every_access_reaches_user_space)                           \
	X(a_loaded_value_is_sign_or_zero_extended)                   \
	X(an_exit_is_completed_once)                                 \
	X(user_spaces_writes_outside_the_data_are_ignored)           \
	X(a_load_into_x0_changes_no_register)                        \
	X(a_store_of_x0_stores_zero)                                 \
	X(an_ioeventfd_takes_its_store)                              \
	X(a_store_to_read_only_memory_is_mmio)                       \
	X(unsupported_accesses_get_an_access_fault)                  \
	X(a_misaligned_access_gets_an_access_fault)                  \
	X(an_access_across_pages_gets_an_access_fault)               \
	X(a_fetch_from_no_memory_gets_an_instruction_access_fault)   \
	X(a_page_table_outside_memory_faults_with_the_accesss_cause) \
	X(a_page_fault_of_the_fetch_goes_to_the_guest)               \
	X(a_gstage_fault_of_the_fetch_retries_the_instruction)       \
	X(an_instruction_changed_since_the_fault_is_run_again)       \
	X(a_fetch_reads_no_page_that_the_host_took_back)             \
	X(a_32_bit_instruction_across_pages_is_fetched_in_halves)    \
	X(a_compressed_instruction_at_a_pages_end_needs_no_next_page)

#define WRAP(claim)                        \
	static void each_##claim(void **s) \
	{                                  \
		(void)s;                   \
		run(claim);                \
	}
#define LIST(claim) cmocka_unit_test(each_##claim),

CLAIMS(WRAP)

int main(void)
{
	const struct CMUnitTest tests[] = { CLAIMS(LIST) };

	return cmocka_run_group_tests_name("MMIO", tests, NULL, NULL);
}
