// SPDX-License-Identifier: MIT
/*
 * ids.c - ONE_REG returns Linux's errno for ids that differ from a valid one in one bit.
 *
 * This covers what walk/registers.c does not: register groups with two sizes, groups that some
 * processors lack, and writes after the vCPU has run.
 *
 * A row of ids.rec has three strings: for reading, for writing, and for writing once the vCPU has
 * run. Each string has 64 letters: the results with bit 63, 62, ... 0 of the id flipped. This
 * program recorded the rows on Linux KVM:
 *
 *     scripts/hyperscope linux-kvm exec [--cpu max] build/tests/kvm-api/ids record
 *
 * Rows for the machine "rv64, 7.3" or "max, 7.3" are those where Linux 7.3, which hyperscope follows,
 * checks otherwise than 6.12 (vcpu_onereg.c, aia.c and vcpu_sbi.c in arch/riscv/kvm).
 */
#include "vm.h"

#define ULONG  (KVM_REG_RISCV | KVM_REG_SIZE_U64)
#define UINT   (KVM_REG_RISCV | KVM_REG_SIZE_U32)
#define REG128 (KVM_REG_RISCV | KVM_REG_SIZE_U128) /* the size of v0 to v31 where VLEN = 128 */

static const struct {
	const char *name;
	uint64_t id;
} bases[] = {
	{ "CSR AIA siselect", CSRREG(sstatus) | KVM_REG_RISCV_CSR_AIA },
	{ "CSR AIA iprio2h", CSRREG(sstatus) | KVM_REG_RISCV_CSR_AIA | 6 },
	{ "CSR smstateen", CSRREG(sstatus) | KVM_REG_RISCV_CSR_SMSTATEEN },
	{ "FP_F f0", UINT | KVM_REG_RISCV_FP_F },
	{ "FP_F fcsr", UINT | KVM_REG_RISCV_FP_F | KVM_REG_RISCV_FP_F_REG(fcsr) },
	{ "FP_D fcsr", UINT | KVM_REG_RISCV_FP_D | KVM_REG_RISCV_FP_D_REG(fcsr) },
	{ "VECTOR vlenb", ULONG | KVM_REG_RISCV_VECTOR | KVM_REG_RISCV_VECTOR_CSR_REG(vlenb) },
	{ "VECTOR datap", ULONG | KVM_REG_RISCV_VECTOR | KVM_REG_RISCV_VECTOR_CSR_REG(datap) },
	{ "VECTOR v0", REG128 | KVM_REG_RISCV_VECTOR | KVM_REG_RISCV_VECTOR_REG(0) },
	{ "VECTOR v31", REG128 | KVM_REG_RISCV_VECTOR | KVM_REG_RISCV_VECTOR_REG(31) },
	{ "ISA_EXT Zba", ULONG | KVM_REG_RISCV_ISA_EXT | KVM_RISCV_ISA_EXT_ZBA },
	{ "SBI_EXT TIME", ULONG | KVM_REG_RISCV_SBI_EXT | KVM_RISCV_SBI_EXT_TIME },
	{ "SBI_EXT enable", ULONG | KVM_REG_RISCV_SBI_EXT | KVM_REG_RISCV_SBI_MULTI_EN },
};

enum mode {
	GET,
	SET,
	SET_AFTER_RUN,
	MODES,
};

static const struct {
	const char *machine, *name, *letters[MODES];
} recorded[] = {
#include "ids.rec"
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint8_t bytes[1 << 16]; /* twice the largest size that an id can encode */
static struct vm vm;
static unsigned long next_vcpu;

static char letter(int ret)
{
	if (!ret)
		return '.';
	switch (errno) {
	case ENOENT:
		return 'n';
	case EINVAL:
		return 'i';
	case EBUSY:
		return 'b';
	default:
		return '?';
	}
}

/*
 * Read a register or, if the mode is not GET, write its value with bit 0 flipped (write 1 if it
 * cannot be read). Return the letter for the result.
 */
static char one(const struct vcpu *vcpu, uint64_t id, enum mode mode)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)bytes };
	int ret;

	memset(bytes, 0, sizeof(bytes));
	ret = ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg);
	if (mode != GET) {
		bytes[0] ^= 1;
		ret = ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg);
	}
	return letter(ret);
}

static void try_all(uint64_t id, enum mode mode, char *letters)
{
	struct vcpu vcpu = vcpu_new(&vm, next_vcpu++);

	if (mode == SET_AFTER_RUN) {
		vcpu.run->immediate_exit = 1;
		vcpu_run(&vcpu);
	}
	for (int bit = 63; bit >= 0; bit--)
		letters[63 - bit] = one(&vcpu, id ^ 1ULL << bit, mode);
	letters[64] = '\0';
	vcpu_free(&vcpu);
}

static bool has_extension(struct vcpu *vcpu, uint64_t number)
{
	return one(vcpu, ULONG | KVM_REG_RISCV_ISA_EXT | number, GET) == '.';
}

/* The recorded machine that has this one's extensions, or NULL. */
static const char *machine(void)
{
	struct vcpu vcpu = vcpu_new(&vm, next_vcpu++);
	const char *on = NULL;

	if (has_extension(&vcpu, KVM_RISCV_ISA_EXT_V))
		on = "max";
	else if (!has_extension(&vcpu, KVM_RISCV_ISA_EXT_SSAIA) &&
		 has_extension(&vcpu, KVM_RISCV_ISA_EXT_ZBA))
		on = "rv64";
	vcpu_free(&vcpu);
	return on;
}

static void record(const char *on)
{
	char letters[65];

	for (size_t i = 0; i < COUNT(bases); i++) {
		printf("{ \"%s\", \"%s\",\n  {", on, bases[i].name);
		for (enum mode mode = GET; mode < MODES; mode++) {
			try_all(bases[i].id, mode, letters);
			printf(" \"%s\"%s", letters, mode < MODES - 1 ? ",\n   " : " } },\n");
		}
	}
}

/* Return the recorded letters: those of the row for Linux 7.3 if KVM follows it and there is one. */
static const char *expected(const char *on, size_t base, enum mode mode)
{
	const char *want = NULL;
	bool newer = is_linux_7_3(&vm);
	char later[16];

	snprintf(later, sizeof(later), "%s, 7.3", on);
	for (size_t i = 0; i < COUNT(recorded); i++) {
		if (strcmp(recorded[i].name, bases[base].name))
			continue;
		if (!strcmp(recorded[i].machine, on) ||
		    (newer && !strcmp(recorded[i].machine, later)))
			want = recorded[i].letters[mode];
	}
	return want;
}

static void compare(const char *on, size_t base)
{
	static const char *const how[] = { "read", "written", "written after a run" };
	char letters[65], claim[128];

	for (enum mode mode = GET; mode < MODES; mode++) {
		const char *want = expected(on, base, mode);

		try_all(bases[base].id, mode, letters);
		snprintf(claim, sizeof(claim),
			 "%s: an id with any one bit flipped gives Linux's result when %s",
			 bases[base].name, how[mode]);
		if (!ok(want && !strcmp(letters, want), claim))
			printf("# got:  %s\n# want: %s\n", letters, want ? want : "(not recorded)");
	}
}

int main(int argc, char **argv)
{
	const char *on;

	vm = vm_new();
	on = machine();
	if (argc > 1 && !strcmp(argv[1], "record")) {
		record(on);
		return 0;
	}
	if (!on)
		printf("ok %d - ids with a bit flipped # SKIP nothing is recorded for a machine "
		       "with these extensions\n",
		       ++tap_count);
	for (size_t i = 0; on && i < COUNT(bases); i++)
		compare(on, i);
	return tap_done();
}
