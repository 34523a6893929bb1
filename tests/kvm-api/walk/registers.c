// SPDX-License-Identifier: MIT
/*
 * registers.c - the walk's rows for KVM_{GET,SET}_ONE_REG and KVM_GET_REG_LIST: one register of
 * each group, with each bit of its id flipped and with each size; register 0 of each type; and bad
 * pointers. Which registers exist depends on the processor and is tested elsewhere (reset.c,
 * regs.t).
 */
#include "walk.h"

static uint64_t value[64];

/* For each group, a register that can be read and written back. */
static const struct {
	const char *name;
	uint64_t id;
} groups[] = {
	{ "CONFIG zicbom_block_size",
	  KVM_REG_RISCV_CONFIG | KVM_REG_RISCV_CONFIG_REG(zicbom_block_size) },
	{ "CONFIG isa", KVM_REG_RISCV_CONFIG | KVM_REG_RISCV_CONFIG_REG(isa) },
	{ "CONFIG mvendorid", KVM_REG_RISCV_CONFIG | KVM_REG_RISCV_CONFIG_REG(mvendorid) },
	{ "CORE a5", KVM_REG_RISCV_CORE | KVM_REG_RISCV_CORE_REG(regs.a5) },
	{ "CORE mode", KVM_REG_RISCV_CORE | KVM_REG_RISCV_CORE_REG(mode) },
	{ "CSR sscratch",
	  KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_GENERAL | KVM_REG_RISCV_CSR_REG(sscratch) },
	{ "TIMER frequency", KVM_REG_RISCV_TIMER | KVM_REG_RISCV_TIMER_REG(frequency) },
	{ "TIMER compare", KVM_REG_RISCV_TIMER | KVM_REG_RISCV_TIMER_REG(compare) },
	{ "FP_D f3", KVM_REG_RISCV_FP_D | KVM_REG_RISCV_FP_D_REG(f[3]) },
	{ "ISA_EXT single",
	  KVM_REG_RISCV_ISA_EXT | KVM_REG_RISCV_ISA_SINGLE | KVM_RISCV_ISA_EXT_M },
	{ "ISA_EXT enable", KVM_REG_RISCV_ISA_EXT | KVM_REG_RISCV_ISA_MULTI_EN },
	{ "ISA_EXT disable", KVM_REG_RISCV_ISA_EXT | KVM_REG_RISCV_ISA_MULTI_DIS },
	{ "SBI_EXT single",
	  KVM_REG_RISCV_SBI_EXT | KVM_REG_RISCV_SBI_SINGLE | KVM_RISCV_SBI_EXT_TIME },
	{ "SBI_EXT enable", KVM_REG_RISCV_SBI_EXT | KVM_REG_RISCV_SBI_MULTI_EN },
	{ "SBI_EXT disable", KVM_REG_RISCV_SBI_EXT | KVM_REG_RISCV_SBI_MULTI_DIS },
	{ "SBI_STATE sta",
	  KVM_REG_RISCV_SBI_STATE | KVM_REG_RISCV_SBI_STA | KVM_REG_RISCV_SBI_STA_REG(shmem_lo) },
};

/*
 * A flipped bit may give the id of another register that exists. Its value depends on the machine,
 * so the row says only whether it could be read. The value written is the one that was read, so
 * nothing needs to be undone.
 */
static void one(struct walk *w, uint64_t id, const char *name, const char *what, int bit)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };
	struct call get = { "GET_ONE_REG", w->vcpu.fd, KVM_GET_ONE_REG, &reg, sizeof(reg) };
	struct call set = { "SET_ONE_REG", w->vcpu.fd, KVM_SET_ONE_REG, &reg, sizeof(reg) };

	memset(value, 0, sizeof(value));
	call_with(w, &get, &reg, "%s, %s %d", name, what, bit);
	call_with(w, &set, &reg, "%s, %s %d", name, what, bit);
}

static void id_bits(struct walk *w)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		uint64_t id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | groups[i].id;

		one(w, id, groups[i].name, "as it is", 0);
		for (int bit = 0; bit < 64; bit++)
			one(w, id ^ 1UL << bit, groups[i].name, "id bit", bit);
		for (uint64_t size = 0; size < 16; size++)
			one(w, (id & ~KVM_REG_SIZE_MASK) | size << KVM_REG_SIZE_SHIFT,
			    groups[i].name, "size", (int)size);
	}
}

static void types(struct walk *w)
{
	for (uint64_t type = 0; type < 256; type++)
		one(w, KVM_REG_RISCV | KVM_REG_SIZE_U64 | type << KVM_REG_RISCV_TYPE_SHIFT,
		    "register 0 of", "type", (int)type);
}

static void values(struct walk *w)
{
	uint64_t id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | groups[3].id;
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };
	struct call get = { "GET_ONE_REG", w->vcpu.fd, KVM_GET_ONE_REG, &reg, sizeof(reg) };
	struct call set = { "SET_ONE_REG", w->vcpu.fd, KVM_SET_ONE_REG, &reg, sizeof(reg) };
	static const uint64_t bad[] = { 0, 16, -8UL, 0xffffffff80000000UL, 1UL << 62 };

	walk_pointers(w, &get);
	walk_command_bits(w, &get);
	walk_pointers(w, &set);
	walk_command_bits(w, &set);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		reg.addr = bad[i];
		call_with(w, &get, &reg, "value at the %zuth bad address", i);
		call_with(w, &set, &reg, "value at the %zuth bad address", i);
	}
	reg.addr = (uintptr_t)value + 1;
	call_with(w, &get, &reg, "value at an odd address");
	call_with(w, &set, &reg, "value at an odd address");
}

static void lists(struct walk *w)
{
	static struct {
		uint64_t n;
		uint64_t reg[1024];
	} list = { .n = 0 };
	struct call c = { "GET_REG_LIST", w->vcpu.fd, KVM_GET_REG_LIST, &list, sizeof(list.n) };
	uint64_t n;

	walk_pointers(w, &c);
	walk_command_bits(w, &c);
	list.n = 0;
	ioctl(w->vcpu.fd, KVM_GET_REG_LIST, &list);
	n = list.n;
	list.n = n - 1;
	row_result(ioctl(w->vcpu.fd, KVM_GET_REG_LIST, &list), "GET_REG_LIST of one too few");
	row(list.n == n ? "yes" : "no", "GET_REG_LIST says how many there are");
	list.n = n;
	row_result(ioctl(w->vcpu.fd, KVM_GET_REG_LIST, &list), "GET_REG_LIST of just as many");
	list.n = n + 1;
	row_result(ioctl(w->vcpu.fd, KVM_GET_REG_LIST, &list), "GET_REG_LIST of one more");
	row(list.n == n ? "yes" : "no", "GET_REG_LIST says how many it gave");
	list.n = ~0UL;
	row_result(ioctl(w->vcpu.fd, KVM_GET_REG_LIST, &list), "GET_REG_LIST of -1");
	list.n = 1UL << 32;
	row_result(ioctl(w->vcpu.fd, KVM_GET_REG_LIST, &list), "GET_REG_LIST of 2^32");
	list.n = 1UL << 32 | n;
	row_result(ioctl(w->vcpu.fd, KVM_GET_REG_LIST, &list), "GET_REG_LIST of 2^32 and as many");
}

/*
 * Some registers can be written only before the vCPU first runs, so read and write each group's
 * register again after a run.
 */
static void after_a_run(struct walk *w)
{
	w->vcpu.run->immediate_exit = 1;
	vcpu_run(&w->vcpu);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		one(w, KVM_REG_RISCV | KVM_REG_SIZE_U64 | groups[i].id, groups[i].name,
		    "after a run", 1);
}

void chapter_registers(void)
{
	struct walk w = walk_new();

	w.registers = true;
	id_bits(&w);
	types(&w);
	values(&w);
	lists(&w);
	after_a_run(&w);
	walk_free(&w);
}
