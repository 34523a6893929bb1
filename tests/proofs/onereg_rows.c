// SPDX-License-Identifier: MIT
/*
 * onereg_rows.c - bounded proof of src/kvm/uapi/onereg_*.c: the registers of each row.
 *
 * Proved, for each row, every 64-bit number and size, every value, every state of the vCPU and any
 * set of extensions: what check() accepts is a register of at most 8 bytes, or one whose bytes lie
 * in the vCPU's vector registers; reading and writing it accesses nothing out of bounds; the list
 * gives numbers that check() accepts with the same size.
 * Bounds: vlenb is 16, 32 or 64. All loops are complete.
 * Assumed: the vCPU's index into pmlens is valid, which is claimed again afterwards.
 * Not proved: the rows of the PMU and of the masks of extensions.
 * Models: the timer, interrupts, the H CSRs and firmware. vcpu_isa_changed() changes nothing here.
 *
 * Folder: kvm
 * Sources: uapi/onereg_csr.c uapi/onereg_isa.c uapi/onereg_sbi.c
 * Sources: uapi/onereg_vector.c vcpu/isa.c vcpu/fwft.c sbi/sbi.c
 * Options: --unwind 130
 */
#include "proof.h"
#include "uapi/onereg.c"
#include "vcpu/vector.h"

static unsigned int vlenb;

unsigned int vector_vlenb(void)
{
	return vlenb;
}

static u64 model_get(const struct kvm_vcpu *vcpu)
{
	return vcpu->timer.compare;
}

static void model_set(struct kvm_vcpu *vcpu, u64 compare)
{
	vcpu->timer.compare = compare;
}

static const struct timer_ops model_timer = { .get = model_get, .set = model_set };

static struct kvm vm;
static struct kvm_vcpu vcpu;
static u64 used, stored, seen; /* the last register's number, value written and value read */

/* Firmware and the rest of the host, which may return any value. */

bool hv_isa_has(const char *name)
{
	bool has;

	(void)name;
	return has;
}

unsigned int hv_cbo_block_size(const char *which)
{
	unsigned int size;

	(void)which;
	return size;
}

bool pmu_available(void)
{
	bool available;

	return available;
}

unsigned long hv_timebase_hz(void)
{
	return 10000000;
}

/* The real functions change only state that no register of these rows shows. */
static void changes_nothing(const void *p)
{
	(void)p;
}

void vcpu_isa_changed(struct kvm_vcpu *vcpu)
{
	changes_nothing(vcpu);
}

void timer_clock_set(struct kvm_vcpu *vcpu)
{
	changes_nothing(vcpu);
}

void sta_reset(struct kvm_vcpu *vcpu)
{
	changes_nothing(vcpu);
}

bool nested_reg_get(struct kvm_vcpu *vcpu, unsigned int csr, u64 *value)
{
	bool exists;
	u64 any;

	(void)csr;
	changes_nothing(vcpu);
	*value = any;
	return exists;
}

int nested_reg_set(struct kvm_vcpu *vcpu, unsigned int csr, u64 value)
{
	bool exists, fits;

	(void)csr;
	(void)value;
	changes_nothing(vcpu);
	return !exists ? -ENOENT : fits ? 0 : -EINVAL;
}

void nested_set_v(struct kvm_vcpu *vcpu, bool v)
{
	vcpu->nested.v = v;
}

void shadow_fence_vvma(struct kvm_vcpu *vcpu, unsigned long vmid)
{
	(void)vmid;
	changes_nothing(vcpu);
}

u64 nacl_reg_get(const struct kvm_vcpu *vcpu)
{
	u64 any;

	(void)vcpu;
	return any;
}

int nacl_reg_set(struct kvm_vcpu *vcpu, u64 value)
{
	bool fits;

	(void)value;
	changes_nothing(vcpu);
	return fits ? 0 : -EINVAL;
}

int shadow_create(struct kvm_vcpu *vcpu)
{
	bool memory;

	changes_nothing(vcpu);
	return memory ? 0 : -ENOMEM;
}

void vcpu_flush_irqs(struct kvm_vcpu *vcpu)
{
	havoc(&vcpu->csrs.hvip);
}

/* ---- any vCPU --------------------------------------------------------------------------- */

static struct kvm vm;
static struct kvm_vcpu vcpu;

static void any_vcpu(void)
{
	havoc(&vcpu);
	havoc(&vlenb);
	suppose(vlenb == 16 || vlenb == 32 || vlenb == 64);
	suppose(vcpu.fwft.pmlen < 3);
	vcpu.kvm = &vm;
	vcpu.timer_ops = &model_timer;
	havoc(&isa_host);
	vcpu.vector.regs = malloc(32 * vlenb);
	suppose(vcpu.vector.regs);
	vcpu.pmu = NULL;
}

/* Let user space write or read any register of one row. Returns 0 if that succeeds. */
static int use(const struct reg_group *group)
{
	u64 num, value;
	unsigned int size, listed;
	void *wide;
	bool write;
	int err = group->check(&vcpu, num, size);

	used = num;
	listed = num < group->count ? group->listed(&vcpu, num) : 0;
	claim(!listed || (listed == size) == !err, "a listed register is accepted with its size");
	claim(!err || err == -ENOENT || err == -EINVAL,
	      "a register is accepted, or refused with ENOENT or EINVAL");
	if (err)
		return err;
	claim(num < 1UL << 16, "no bit of the type, the subtype or the reserved bits is left");
	claim(!group->count || num < group->count, "the number lies inside the row's table");
	wide = group->wide ? group->wide(&vcpu, num) : NULL;
	if (wide) {
		claim(size == vlenb, "a wide register has vlenb bytes");
		claim(writable(wide, size), "a wide register lies in the vCPU's memory");
		return 0;
	}
	claim(size == 4 || size == 8, "any other register has 4 or 8 bytes");
	stored = value;
	err = write ? group->set(&vcpu, num, value) : 0;
	seen = value;
	err = err ? err : group->get(&vcpu, num, &seen);
	stored = write ? stored : seen;
	claim(vcpu.fwft.pmlen < 3, "the index into pmlens stays valid");
	return err;
}

void prove_core(void)
{
	const struct reg_group *const rows[] = { &core_groups[0], &core_groups[1], &core_groups[2],
						 &core_groups[3], &reg_group_config };
	unsigned long pc, sstatus;
	unsigned int i;
	int err;

	any_vcpu();
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		pc = vcpu.guest.sepc;
		sstatus = vcpu.guest.sstatus;
		err = use(rows[i]);
		claim(used == CORE_PC || vcpu.guest.sepc == pc, "only pc changes pc");
		claim(used == CORE_MODE || vcpu.guest.sstatus == sstatus, "only mode changes SPP");
		if (i == 0 && !err)
			claim(seen == (used == CORE_MODE ? stored == 1 : stored),
			      "a register has the value that was written");
		claim(!((vcpu.guest.sstatus ^ sstatus) & ~SSTATUS_SPP),
		      "no register changes other bits of sstatus");
		reached(!err && i == 0 && vcpu.guest.sepc != pc);
		reached(!err && i == 1);
		reached(!err && i == 2);
		reached(!err && i == 3);
		reached(!err && i == 4);
	}
}

void prove_csr(void)
{
	unsigned int i;
	int err;

	any_vcpu();
	for (i = 0; i < ARRAY_SIZE(reg_groups_csr); i++) {
		err = use(&reg_groups_csr[i]);
		reached(!err && i == 0);
		reached(!err && i == 1);
		reached(!err && i == 2);
		reached(!err && i == 3);
	}
}

void prove_vector(void)
{
	int err;

	any_vcpu();
	err = use(&reg_group_vector);
	reached(!err);
}

void prove_extensions(void)
{
	int err;

	any_vcpu();
	err = use(&reg_groups_isa[0]);
	reached(!err);
	err = use(&reg_groups_sbi[0]);
	reached(!err);
	err = use(&reg_groups_state[0]);
	reached(!err);
	err = use(&reg_groups_state[1]);
	reached(!err);
}
