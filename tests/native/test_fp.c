// SPDX-License-Identifier: MIT
/*
 * test_fp.c - FP and vector registers under each variant of toggle fp: a million steps of guests,
 * user programs, moves between harts and ONE_REG, compared with a model without units.
 *
 * The same steps are taken with each variant and, in shorter runs, with two VMs of different
 * variants (fp_guest.h). The values read on the way must not depend on the variants either.
 */
#include "fp_guest.h"

#define STEPS     1000000U
#define SHORT_RUN 100000U

/* ---- user space ------------------------------------------------------------------------------------ */

/* Let the user on this hart, if any, put the vCPU that it has loaded, or else load one. */
static void load_step(void)
{
	unsigned int user = user_on[hv_hart()], n = (unsigned int)rnd(VCPUS);

	if (user == NOBODY)
		return;
	if (vcpu_of[user] != NOBODY) {
		vcpu_put(vcpus[vcpu_of[user]]);
		vcpu_of[user] = NOBODY;
	} else if (!is_loaded(n)) {
		vcpu_load(vcpus[n]);
		vcpu_of[user] = n;
		found += fp_state(vcpus[n]) != FS_OFF;
	}
}

/*
 * Use FP in the user's program. If the user has loaded a vCPU, put it before, as the bare-metal host
 * does, or release its registers, as Linux does.
 */
static void user_step(unsigned int user)
{
	unsigned int n = (unsigned int)rnd(32);
	struct fp_state *unit;

	if (vcpu_of[user] != NOBODY && rnd(2))
		release_units(vcpus[vcpu_of[user]]);
	else if (vcpu_of[user] != NOBODY)
		load_step();
	unit = native_user_fp();
	assert_same_fp(unit, &user_twins[user]);
	user_twins[user].f[n] = unit->f[n] = random_state;
	user_twins[user].fcsr = unit->fcsr = (u32)rnd(0x100);
}

static void onereg_fp(struct kvm_vcpu *vcpu, struct twin *twin)
{
	unsigned int n = (unsigned int)rnd(33);
	u64 size = n == 32 ? KVM_REG_SIZE_U32 : KVM_REG_SIZE_U64;
	struct kvm_one_reg reg = { .id = KVM_REG_RISCV | KVM_REG_RISCV_FP_D | size | n,
				   .addr = HVA };
	u64 *value = native_user(HVA);

	*value = 0;
	assert_int_equal(onereg_get(vcpu, &reg), 0);
	assert_int_equal(*value, n == 32 ? twin->fp.fcsr : twin->fp.f[n]);
	add_to_sum(*value);
	if (rnd(2))
		return;
	*value = n == 32 ? rnd(0x100) : random_state;
	assert_int_equal(onereg_set(vcpu, &reg), 0);
	if (n == 32)
		twin->fp.fcsr = (u32)*value;
	else
		twin->fp.f[n] = *value;
}

static void onereg_vector(struct kvm_vcpu *vcpu, struct twin *twin)
{
	unsigned int n = (unsigned int)rnd(32);
	struct kvm_one_reg reg = { .id = KVM_REG_RISCV | KVM_REG_RISCV_VECTOR | KVM_REG_SIZE_U128 |
					 KVM_REG_RISCV_VECTOR_REG(n),
				   .addr = HVA };
	u8 *value = native_user(HVA), *want = twin->v + n * NATIVE_VLENB;

	assert_int_equal(onereg_get(vcpu, &reg), 0);
	assert_memory_equal(value, want, NATIVE_VLENB);
	if (rnd(2))
		return;
	memset(value, (int)rnd(256), NATIVE_VLENB);
	assert_int_equal(onereg_set(vcpu, &reg), 0);
	memcpy(want, value, NATIVE_VLENB);
}

/* Unless the vCPU is loaded, reset it or access one of its registers with ONE_REG. */
static void ioctl_step(unsigned int n)
{
	if (is_loaded(n))
		return;
	switch (rnd(64)) {
	case 0:
		vcpu_reset(vcpus[n], PC, 0);
		vcpus[n]->csrs.vstvec = STVEC;
		guests[n] = (struct twin){ 0 };
		break;
	case 1 ... 32:
		onereg_vector(vcpus[n], &guests[n]);
		break;
	default:
		onereg_fp(vcpus[n], &guests[n]);
		break;
	}
}

/*
 * Switch this hart to a random user and the vCPU that the user has loaded, or to no user. Do
 * nothing if the user is on a hart already.
 */
static void schedule_step(void)
{
	unsigned int hart = hv_hart(), user = (unsigned int)rnd(USERS + 1), i;

	if (user == USERS)
		user = NOBODY;
	for (i = 0; i < HARTS; i++)
		if (user != NOBODY && user_on[i] == user)
			return;
	native_user_switch(user == NOBODY ? NULL : &users[user]);
	user_on[hart] = user;
}

static void step(void)
{
	native_hart_set((unsigned int)rnd(HARTS));
	switch (rnd(16)) {
	case 0 ... 1:
		schedule_step();
		break;
	case 2 ... 4:
		load_step();
		break;
	case 5 ... 6:
		ioctl_step((unsigned int)rnd(VCPUS));
		break;
	case 7 ... 8:
		if (user_on[hv_hart()] != NOBODY)
			user_step(user_on[hv_hart()]);
		break;
	case 9:
		native_vector_use(random_state);
		break;
	default:
		if (loaded_here() != NOBODY)
			guest_step(loaded_here());
		break;
	}
}

/* Put all vCPUs, and compare their state in memory and the users' registers with the model. */
static void check_memory(void)
{
	unsigned int i;

	for (i = 0; i < HARTS; i++) {
		native_hart_set(i);
		if (loaded_here() != NOBODY)
			load_step();
		native_user_switch(NULL);
		user_on[i] = NOBODY;
	}
	for (i = 0; i < USERS; i++) {
		native_user_switch(&users[i]);
		user_on[hv_hart()] = i;
		if (vcpu_of[i] != NOBODY)
			load_step();
		assert_same_fp(native_user_fp(), &user_twins[i]);
	}
	native_user_switch(NULL);
	user_on[hv_hart()] = NOBODY;
	for (i = 0; i < VCPUS; i++) {
		assert_same_fp(&vcpus[i]->fp, &guests[i].fp);
		assert_memory_equal(vcpus[i]->vector.regs, guests[i].v, VBYTES);
		assert_int_equal(fp_state(vcpus[i]), FS_OFF);
	}
}

/* Take random steps with two VMs of these variants. Returns a checksum of values read. */
static u64 walk(const char *first, const char *second, unsigned int steps)
{
	unsigned int i;

	begin(first, second);
	random_state = 0x9e3779b97f4a7c15ULL;
	for (i = 0; i < steps; i++) {
		step();
		if (i % 5000 == 4999)
			check_memory();
	}
	check_memory();
	print_message("# %s and %s: %u guest instructions, %u traps, %u units filled at the load\n",
		      first, second, uses, traps, found);
	add_to_sum(uses);
	native_hart_set(0);
	end();
	return sum;
}

/* ---- claims ---------------------------------------------------------------------------------------- */

static u64 sum_eager;

static void eager_keeps_every_register(void **state)
{
	(void)state;
	sum_eager = walk("eager", "eager", STEPS);
	assert_int_equal(traps, 0);
}

static void lazy_save_reads_what_eager_reads(void **state)
{
	(void)state;
	assert_int_equal(walk("lazy_save", "lazy_save", STEPS), sum_eager);
	assert_int_equal(traps, 0);
}

static void lazy_trap_reads_what_eager_reads(void **state)
{
	(void)state;
	assert_int_equal(walk("lazy_trap", "lazy_trap", STEPS), sum_eager);
	/* Some instructions trap, and some vCPU loads find the registers still in the unit. */
	assert_in_range(traps, uses / 100, uses / 2);
	assert_in_range(found, 1000, STEPS);
}

static const char *const variants[] = { "eager", "lazy_save", "lazy_trap" };

/*
 * After a unit has been used for something else while the vCPU was loaded, only lazy_trap leaves it
 * Off, and only if the guest had not changed a register.
 */
static void loads_again(unsigned int variant, unsigned long unit, bool dirty, bool preempted)
{
	begin(variants[variant], variants[variant]);
	native_user_switch(&users[0]);
	vcpu_load(vcpus[0]);
	mark(vcpus[0], unit, false);
	assert_true(executes(vcpus[0], unit, unit == SSTATUS_FS ? FP_INSN : VEC_INSN));
	mark(vcpus[0], unit, dirty);
	if (unit == SSTATUS_FS)
		release_units(vcpus[0]);
	else
		native_vector_use(0);
	assert_int_equal(vcpus[0]->guest.sstatus & unit, 0);
	if (preempted)
		vcpu_reload(vcpus[0]);
	load_units(vcpus[0]);
	assert_int_equal(!(vcpus[0]->guest.sstatus & unit), variant == 2 && !dirty);
	vcpu_put(vcpus[0]);
	end();
}

static void the_unit_is_loaded_again_after_another_use(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(variants) * 8; i++)
		loads_again(i / 8, i & 4 ? SSTATUS_FS : SSTATUS_VS, i & 2, i & 1);
}

/* Variants other than eager trust FS: a register that changes while FS says Clean is lost. */
static void only_eager_saves_what_is_clean(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(variants); i++) {
		begin(variants[i], variants[i]);
		vcpu_load(vcpus[0]);
		mark(vcpus[0], SSTATUS_FS | SSTATUS_VS, false);
		assert_true(executes(vcpus[0], SSTATUS_FS, FP_INSN));
		assert_true(executes(vcpus[0], SSTATUS_VS, VEC_INSN));
		assert_int_equal(fp_state(vcpus[0]), FS_CLEAN);
		assert_int_equal(vector_state(vcpus[0]), FS_CLEAN);
		native_fp_unit()->f[5] = 7;
		native_vector_unit()->regs[5] = 7;
		vcpu_put(vcpus[0]);
		assert_int_equal(vcpus[0]->fp.f[5], i == 0 ? 7 : 0);
		assert_int_equal(vcpus[0]->vector.regs[5], i == 0 ? 7 : 0);
		end();
	}
}

static void take_away(unsigned int extension)
{
	struct kvm_one_reg reg = { .id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_ISA_EXT |
					 KVM_REG_RISCV_ISA_SINGLE | extension,
				   .addr = HVA };

	*(u64 *)native_user(HVA) = 0;
	assert_int_equal(onereg_set(vcpus[0], &reg), 0);
}

static void a_unit_stays_off_without_its_extension(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(variants); i++) {
		begin(variants[i], variants[i]);
		take_away(KVM_RISCV_ISA_EXT_V);
		take_away(KVM_RISCV_ISA_EXT_D);
		take_away(KVM_RISCV_ISA_EXT_F);
		vcpu_load(vcpus[0]);
		mark(vcpus[0], SSTATUS_FS | SSTATUS_VS, false);
		assert_false(executes(vcpus[0], SSTATUS_FS, FP_INSN));
		assert_false(executes(vcpus[0], SSTATUS_VS, VEC_INSN));
		assert_int_equal(traps, 0);
		vcpu_put(vcpus[0]);
		end();
	}
}

/* One trap fills both units. After that, neither is Off, so the core gets no more traps. */
static void with_both_units_off_an_illegal_instruction_exits_once(void **state)
{
	static const unsigned long units[] = { 0, SSTATUS_FS, SSTATUS_VS };
	unsigned int i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		begin("lazy_trap", "lazy_trap");
		vcpu_load(vcpus[0]);
		assert_false(csr_read(vsstatus) & (SSTATUS_FS | SSTATUS_VS));
		for (j = 0; j < 3; j++) {
			assert_false(executes(vcpus[0], units[i], ILLEGAL));
			assert_int_equal(traps, 1);
		}
		assert_int_equal(fp_state(vcpus[0]), FS_CLEAN);
		assert_int_equal(vector_state(vcpus[0]), FS_CLEAN);
		vcpu_put(vcpus[0]);
		end();
	}
}

static void two_variants_on_one_host_do_not_interfere(void **state)
{
	static const char *const pairs[][2] = {
		{ "eager", "lazy_trap" },
		{ "lazy_trap", "lazy_save" },
		{ "lazy_save", "eager" },
	};
	u64 sums[ARRAY_SIZE(pairs)];
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(pairs); i++)
		sums[i] = walk(pairs[i][0], pairs[i][1], SHORT_RUN);
	assert_int_equal(sums[1], sums[0]);
	assert_int_equal(sums[2], sums[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eager_keeps_every_register),
		cmocka_unit_test(lazy_save_reads_what_eager_reads),
		cmocka_unit_test(lazy_trap_reads_what_eager_reads),
		cmocka_unit_test(only_eager_saves_what_is_clean),
		cmocka_unit_test(the_unit_is_loaded_again_after_another_use),
		cmocka_unit_test(a_unit_stays_off_without_its_extension),
		cmocka_unit_test(with_both_units_off_an_illegal_instruction_exits_once),
		cmocka_unit_test(two_variants_on_one_host_do_not_interfere),
	};

	return cmocka_run_group_tests_name("FP and vector", tests, NULL, NULL);
}
