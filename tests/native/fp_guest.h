// SPDX-License-Identifier: MIT
/*
 * fp_guest.h - vCPUs, user programs, and harts with an FP unit and a vector unit, for test_fp.c.
 *
 * There are four vCPUs in two VMs, three harts, and five user threads that use FP and may each have
 * a vCPU loaded. The guests' instructions obey sstatus.FS and vsstatus.FS as on hardware (H §2.11).
 * guests[] and user_twins[] keep the values that each guest and each user program must find in its
 * registers, whichever unit or memory holds them.
 */
#ifndef NATIVE_FP_GUEST_H
#define NATIVE_FP_GUEST_H

#include "one_vm.h"
#include "vcpu/fp.h"
#include "kvm_asm.h"
#include "random.h"
#include "request.h"
#include "vcpu/vector.h"

#define HVA      NATIVE_USER_BASE
#define HARTS    3
#define USERS    5
#define VCPUS    4
#define NOBODY   (~0U)
#define STVEC    0x80004000UL
#define PC       0x80001000UL
#define VBYTES   (32 * NATIVE_VLENB)
#define ILLEGAL  0xffffffffUL
#define FP_INSN  0x02000053UL /* fadd.d ft0, ft0, ft0 */
#define VEC_INSN 0x02000057UL /* vadd.vv v0, v0, v0 */

/* The register values that a guest must find. */
struct twin {
	struct fp_state fp;
	unsigned long vl, vcsr;
	u8 v[VBYTES];
};

static struct native_vm vms[2];
static struct kvm_vcpu *vcpus[VCPUS];
static struct twin guests[VCPUS];
static struct native_user users[USERS];
static struct fp_state user_twins[USERS];
static unsigned int user_on[HARTS], vcpu_of[USERS];
static unsigned int uses;  /* instructions that the guests have executed or tried */
static unsigned int traps; /* traps of these instructions into HS */
static unsigned int found; /* vCPU loads that leave FS on, with the vCPU's registers in the unit */
static u64 sum;

/* Add a value that the test has read to the checksum, which also depends on the reads' order. */
static inline void add_to_sum(u64 value)
{
	sum = (sum ^ value) * 0x100000001b3ULL;
}

static inline void assert_same_fp(const struct fp_state *got, const struct fp_state *want)
{
	assert_memory_equal(got->f, want->f, sizeof(want->f));
	assert_int_equal(got->fcsr, want->fcsr);
	add_to_sum(got->f[rnd(32)]);
}

/* ---- the machine ------------------------------------------------------------------------------ */

static inline void open_vm(struct native_vm *f, const char *variant, unsigned int first)
{
	unsigned int i;

	assert_int_equal(native_param_set("fp", variant), 0);
	native_vm_open(f);
	assert_int_equal(native_set_slot(f->vm, 0, NATIVE_GUEST_BASE, 1 << 20, HVA, 0), 0);
	for (i = first; i < first + VCPUS / 2; i++) {
		vcpus[i] = native_vcpu_make(f, i);
		assert_string_equal(vcpus[i]->fp_ops->name, variant);
		vcpus[i]->csrs.vstvec = STVEC;
		vcpus[i]->guest.sepc = PC;
	}
}

static inline void begin(const char *first, const char *second)
{
	unsigned int i;

	native_reset();
	native_isa_set("h i m a f d c v sstc");
	native_harts_set(HARTS);
	native_core_start();
	native_user_map(HVA, 1 << 20, 0);
	memset(users, 0, sizeof(users));
	memset(user_twins, 0, sizeof(user_twins));
	memset(guests, 0, sizeof(guests));
	open_vm(&vms[0], first, 0);
	open_vm(&vms[1], second, VCPUS / 2);
	for (i = 0; i < HARTS; i++)
		user_on[i] = NOBODY;
	for (i = 0; i < USERS; i++)
		vcpu_of[i] = NOBODY;
	uses = traps = found = 0;
	sum = 0;
}

static inline void end(void)
{
	native_vm_free(&vms[0]);
	native_vm_free(&vms[1]);
	native_user_exit();
	assert_int_equal(native_objects_in_use(), 0);
	assert_int_equal(native_pages_in_use(), 0);
}

static inline bool is_loaded(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < USERS; i++)
		if (vcpu_of[i] == n)
			return true;
	return false;
}

/* Return the number of the vCPU that is loaded on this hart, or NOBODY. */
static inline unsigned int loaded_here(void)
{
	unsigned int user = user_on[hv_hart()];

	return user == NOBODY ? NOBODY : vcpu_of[user];
}

/* ---- the guest ---------------------------------------------------------------------------------- */

/*
 * Execute `insn` as the guest of the vCPU that is loaded on this hart. `unit` is the field of
 * sstatus and vsstatus that must not be Off (SSTATUS_FS or SSTATUS_VS), or 0 if the instruction is
 * always illegal. Returns true if the instruction is executed, and false if the guest takes the
 * trap.
 */
static inline bool executes(struct kvm_vcpu *vcpu, unsigned long unit, unsigned long insn)
{
	struct hv_trap trap = { .scause = EXC_ILLEGAL_INST, .stval = insn, .sepc = PC };
	unsigned int i;

	uses++;
	for (i = 0; i < 4; i++) {
		if (unit && (vcpu->guest.sstatus & unit) && (csr_read(vsstatus) & unit))
			return true;
		csr_write(vscause, 0);
		if (csr_read(hedeleg) & BIT(EXC_ILLEGAL_INST))
			return false;
		traps++;
		vcpu->guest.sepc = PC;
		assert_int_equal(exit_dispatch(vcpu, &trap), RESUME_GUEST);
		if (vcpu->guest.sepc != STVEC)
			continue;
		assert_int_equal(csr_read(vscause), EXC_ILLEGAL_INST);
		assert_int_equal(csr_read(vstval), insn);
		vcpu->guest.sepc = PC;
		return false;
	}
	fail_msg("the instruction still traps after four attempts");
	return false;
}

static inline void mark(struct kvm_vcpu *vcpu, unsigned long unit, bool both)
{
	csr_set(vsstatus, unit);
	if (both)
		vcpu->guest.sstatus |= unit;
}

static inline void guest_fp(struct kvm_vcpu *vcpu, struct twin *twin)
{
	bool may = csr_read(vsstatus) & SSTATUS_FS;
	struct fp_state *unit = native_fp_unit();

	assert_int_equal(executes(vcpu, SSTATUS_FS, FP_INSN), may);
	if (!may)
		return;
	assert_same_fp(unit, &twin->fp);
	if (rnd(2)) {
		unsigned int n = (unsigned int)rnd(32);

		twin->fp.f[n] = unit->f[n] = random_state;
		mark(vcpu, SSTATUS_FS, true);
	}
	if (rnd(4) == 0) { /* a write to fcsr makes only vsstatus.FS Dirty in QEMU: see fp.h */
		twin->fp.fcsr = unit->fcsr = (u32)rnd(0x100);
		mark(vcpu, SSTATUS_FS, false);
	}
}

static inline void guest_vector(struct kvm_vcpu *vcpu, struct twin *twin)
{
	bool may = csr_read(vsstatus) & SSTATUS_VS;
	struct vector_state *unit = native_vector_unit();

	assert_int_equal(executes(vcpu, SSTATUS_VS, VEC_INSN), may);
	if (!may)
		return;
	assert_memory_equal(unit->regs, twin->v, VBYTES);
	assert_int_equal(unit->vl, twin->vl);
	assert_int_equal(unit->vcsr, twin->vcsr);
	add_to_sum(unit->regs[rnd(VBYTES)]);
	if (rnd(2)) {
		unsigned int n = (unsigned int)rnd(VBYTES);

		twin->v[n] = unit->regs[n] = (u8)random_state;
		twin->vl = unit->vl = rnd(9);
		mark(vcpu, SSTATUS_VS, true);
	}
	if (rnd(4) == 0) {
		twin->vcsr = unit->vcsr = rnd(8);
		mark(vcpu, SSTATUS_VS, false);
	}
}

static inline void guest_insn(unsigned int n)
{
	struct kvm_vcpu *vcpu = vcpus[n];
	unsigned long vsstatus = csr_read(vsstatus);

	switch (rnd(8)) {
	case 0:
		vsstatus &= ~(rnd(2) ? SSTATUS_FS : SSTATUS_VS);
		csr_write(vsstatus, vsstatus | rnd(4) << (rnd(2) ? 13 : 9));
		break;
	case 1:
		assert_false(executes(vcpu, 0, ILLEGAL));
		break;
	case 2:
	case 3:
		guest_vector(vcpu, &guests[n]);
		break;
	default:
		guest_fp(vcpu, &guests[n]);
		break;
	}
}

/*
 * Take the units from the vCPU that this hart's user has loaded, as if the user were about to return
 * to user space and could use FP without a trap. A put is pending only meanwhile, so that the vCPU
 * stays loaded whatever the user does next.
 */
static inline void release_units(struct kvm_vcpu *vcpu)
{
	bool on = vcpu->guest.sstatus & (SSTATUS_FS | SSTATUS_VS);

	vcpu->put_pending = PUT_PENDING;
	kvm_units_release();
	assert_int_equal(vcpu->put_pending, on ? PUT_PENDING_UNITS_OUT : PUT_PENDING);
	assert_false(vcpu->guest.sstatus & (SSTATUS_FS | SSTATUS_VS));
	vcpu->put_pending = PUT_NONE;
}

/* Load the units unless they are loaded, and serve REQ_VECTOR, as KVM_RUN does before an entry. */
static inline void load_units(struct kvm_vcpu *vcpu)
{
	if (strcmp(vcpu->fp_ops->name, "released") == 0)
		vcpu->fp_ops->load(vcpu);
	if (!(vcpu->requests & BIT(REQ_VECTOR)))
		return;
	vcpu->requests &= ~BIT(REQ_VECTOR);
	vector_reload(vcpu);
}

static inline void guest_step(unsigned int n)
{
	u64 insns = 1 + rnd(12);

	load_units(vcpus[n]);
	while (insns--)
		guest_insn(n);
}

#endif
