// SPDX-License-Identifier: MIT
/*
 * reset.c - every register's value after KVM_CREATE_VCPU, and after a reset by SBI HSM.
 *
 * Each row states the value of one or several registers. A register that KVM_GET_REG_LIST lists and
 * no row covers is an error, so none can be forgotten. Before the reset, dirty_all() writes other
 * values, so that a register that is not reset is detected.
 *
 * vCPU 1 stops itself with one ecall, and vCPU 0 starts it again. vCPU 1 then leaves KVM_RUN with
 * an MMIO exit at its very first instruction.
 */
#include "hv/kvm_pmu.h"
#include "vm.h"

#define START_GPA  (MEM_GPA + 0x1000)
#define STOP_GPA   (MEM_GPA + 0x2000)
#define OPAQUE     0x5a5a1234UL
#define ANY_NUM    0xffffUL
#define GROUP_MASK (KVM_REG_RISCV_TYPE_MASK | KVM_REG_RISCV_SUBTYPE_MASK)
#define TIMER(name) \
	(KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_TIMER | KVM_REG_RISCV_TIMER_REG(name))

GUEST(stop, ".option norvc\necall\n");
GUEST(start, ".option norvc\nlw t0, 0(zero)\n");
/* Calls hart_start(1, START_GPA, OPAQUE) until it is no longer refused as already started. */
GUEST(starter, ".option norvc\n1: li a7, 0x48534d\nli a6, 0\nli a0, 1\nli a1, 0x80001000\n"
	       "li a2, 0x5a5a1234\necall\nli t0, -6\nbeq a0, t0, 1b\n" REPORT);

enum what {
	VALUE,   /* exactly this value */
	MACHINE, /* given by the machine, not written here, same after a reset */
	CLOCK,   /* keeps running */
};

struct row {
	const char *name;
	uint64_t group; /* type and subtype */
	unsigned long first, last;
	enum what what;
	uint64_t created, reset;
	bool keep;       /* not written before the reset, because the vCPU needs it until then */
	uint64_t ignore; /* bits that may have any value: WARL, read back from hardware */
};

#define CORE_NUM(name)   KVM_REG_RISCV_CORE_REG(name)
#define CSR_NUM(name)    KVM_REG_RISCV_CSR_REG(name)
#define TIMER_NUM(name)  KVM_REG_RISCV_TIMER_REG(name)
#define VECTOR_NUM(name) KVM_REG_RISCV_VECTOR_CSR_REG(name)
#define UXL              (3ULL << 32)

/* clang-format off */
#define ROW(label, type, from, to, ...) \
	{ .name = (label), .group = KVM_REG_RISCV_##type, .first = (from), .last = (to), __VA_ARGS__ }
#define ONE(type, num, ...) ROW(#type " " #num, type, type##_NUM(num), type##_NUM(num), __VA_ARGS__)
#define IS(value)           .created = (uint64_t)(value), .reset = (uint64_t)(value)

/* The first row that covers a register applies. */
static const struct row rows[] = {
	ROW("CONFIG", CONFIG, 0, ANY_NUM, .what = MACHINE),
	ONE(CORE, regs.pc, .created = 0, .reset = START_GPA, .keep = true),
	ONE(CORE, regs.a0, .created = 0, .reset = 1),
	ONE(CORE, regs.a1, .created = 0, .reset = OPAQUE),
	ONE(CORE, regs.a6, IS(0), .keep = true),
	ONE(CORE, regs.a7, IS(0), .keep = true),
	ONE(CORE, mode, IS(KVM_RISCV_MODE_S), .keep = true),
	ROW("CORE x", CORE, 1, 31, IS(0)),
	ONE(CSR, sstatus, IS(0), .ignore = UXL),
	ONE(CSR, satp, IS(0), .keep = true),
	ONE(CSR, scounteren, IS(7)),
	ROW("CSR", CSR, 0, CSR_NUM(senvcfg), IS(0)),
	ROW("CSR AIA", CSR | KVM_REG_RISCV_CSR_AIA, 0, 6, IS(0)),
	ROW("CSR smstateen", CSR | KVM_REG_RISCV_CSR_SMSTATEEN, 0, 0, IS(0)),
	ONE(TIMER, frequency, .what = MACHINE),
	ONE(TIMER, time, .what = CLOCK),
	ONE(TIMER, compare, IS(-1)),
	ONE(TIMER, state, IS(KVM_RISCV_TIMER_STATE_OFF), .keep = true),
	ROW("FP_F", FP_F, 0, 32, IS(0)),
	ROW("FP_D", FP_D, 0, 32, IS(0)),
	ONE(VECTOR, vlenb, .what = MACHINE),
	ROW("VECTOR", VECTOR, 0, KVM_REG_RISCV_VECTOR_REG(31), IS(0)),
	ROW("ISA_EXT", ISA_EXT, 0, ANY_NUM, .what = MACHINE),
	ROW("SBI_EXT", SBI_EXT, 0, ANY_NUM, .what = MACHINE),
	ROW("SBI_STATE STA.shmem_lo", SBI_STATE, 0, 0, IS(-1), .keep = true),
	ROW("SBI_STATE STA.shmem_hi", SBI_STATE, 1, 1, IS(0), .keep = true),
	ROW("SBI_STATE FWFT misaligned.enable", SBI_STATE | KVM_COMPAT_REG_SBI_FWFT, 0, 0, IS(1), .keep = true),
	ROW("SBI_STATE FWFT misaligned", SBI_STATE | KVM_COMPAT_REG_SBI_FWFT, 1, 2, IS(0), .keep = true),
	ROW("SBI_STATE FWFT pmlen.enable", SBI_STATE | KVM_COMPAT_REG_SBI_FWFT, 3, 3, IS(1), .keep = true),
	ROW("SBI_STATE FWFT pmlen", SBI_STATE | KVM_COMPAT_REG_SBI_FWFT, 4, 5, IS(0), .keep = true),
	ROW("SBI_STATE FWFT ad_hw.enable", SBI_STATE | KVM_COMPAT_REG_SBI_FWFT, 6, 6, IS(1), .keep = true),
	ROW("SBI_STATE FWFT ad_hw", SBI_STATE | KVM_COMPAT_REG_SBI_FWFT, 7, 8, IS(0), .keep = true),
	ROW("PMU layout", HS_PMU, KVM_HS_PMU_LAYOUT, KVM_HS_PMU_LAYOUT, .what = MACHINE),
	ROW("PMU snapshot", HS_PMU, KVM_HS_PMU_SNAPSHOT, KVM_HS_PMU_SNAPSHOT, IS(-1), .keep = true),
	ROW("PMU", HS_PMU, 1, KVM_HS_PMU_COUNT - 1, IS(0), .keep = true),
};
/* clang-format on */

#define ROWS  (sizeof(rows) / sizeof(rows[0]))
#define MAX   1024
#define BYTES 512 /* the longest register: VLEN = 4096 */

static struct {
	uint64_t n, reg[MAX];
} list;
static uint8_t at_first[MAX][BYTES];
static struct vm vm;
static struct vcpu boot, vcpu;

static unsigned long size_of(uint64_t id)
{
	return 1UL << ((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT);
}

static const struct row *row_of(uint64_t id)
{
	for (size_t i = 0; i < ROWS; i++) {
		if ((id & GROUP_MASK) == rows[i].group && (id & 0xffff) >= rows[i].first &&
		    (id & 0xffff) <= rows[i].last)
			return &rows[i];
	}
	return NULL;
}

static bool read_reg(uint64_t id, uint8_t *bytes)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)bytes };

	memset(bytes, 0xee, BYTES);
	return size_of(id) <= BYTES && ioctl(vcpu.fd, KVM_GET_ONE_REG, &reg) == 0;
}

/*
 * Return the value as a number. If the value is wider than 64 bits, the number is 0 only if all
 * bits of the value are 0.
 */
static uint64_t number(uint64_t id, const uint8_t *bytes)
{
	unsigned long size = size_of(id), i;
	uint64_t value = 0, rest = 0;

	memcpy(&value, bytes, size < 8 ? size : 8);
	for (i = 8; i < size; i++)
		rest |= bytes[i];
	return value ? value : rest;
}

static bool is_right(const struct row *row, unsigned int i, bool was_reset)
{
	uint64_t id = list.reg[i], got, want = was_reset ? row->reset : row->created;
	uint8_t bytes[BYTES];

	if (!read_reg(id, bytes)) {
		printf("# 0x%llx cannot be read: %s\n", (unsigned long long)id, strerror(errno));
		return false;
	}
	got = number(id, bytes);
	if (!was_reset)
		memcpy(at_first[i], bytes, BYTES);
	switch (row->what) {
	case MACHINE:
		if (memcmp(at_first[i], bytes, size_of(id)) == 0)
			return true;
		want = number(id, at_first[i]);
		break;
	case CLOCK:
		want = number(id, at_first[i]);
		if (got >= want && got - want < 600 * get_reg(&vcpu, TIMER(frequency)))
			return true;
		break;
	default:
		if (size_of(id) < 8)
			want &= (1ULL << size_of(id) * 8) - 1;
		want &= ~row->ignore;
		if ((got & ~row->ignore) == want)
			return true;
	}
	printf("# 0x%llx is 0x%llx, not 0x%llx\n", (unsigned long long)id, (unsigned long long)got,
	       (unsigned long long)want);
	return false;
}

static void check_all(bool was_reset)
{
	const char *when = was_reset ? ", after a reset" : ", after KVM_CREATE_VCPU";
	bool good, known;
	char claim[128];
	unsigned int count;

	for (size_t r = 0; r < ROWS; r++) {
		good = true;
		count = 0;
		for (unsigned int i = 0; i < list.n; i++) {
			if (row_of(list.reg[i]) != &rows[r])
				continue;
			count++;
			good &= is_right(&rows[r], i, was_reset);
		}
		known = was_reset || rows[r].what == VALUE;
		snprintf(claim, sizeof(claim), "%s%s: %u registers %s", rows[r].name, when, count,
			 known ? "have the expected value" : "can be read");
		if (count)
			ok(good, claim);
	}
}

/*
 * Write a value to every register whose row has VALUE, and not `keep`. The registers implement
 * different bits, but none refuses this value.
 */
static void dirty_all(void)
{
	struct kvm_one_reg reg;
	uint8_t bytes[BYTES];
	unsigned int refused = 0, written = 0;

	for (unsigned int i = 0; i < list.n; i++) {
		const struct row *row = row_of(list.reg[i]);

		if (!row || row->what != VALUE || row->keep)
			continue;
		memset(bytes, 0, BYTES);
		bytes[0] = 0x20; /* sstatus.SPIE; the timer in sie and sip */
		bytes[size_of(list.reg[i]) - 1] |= 0x11;
		reg = (struct kvm_one_reg){ .id = list.reg[i], .addr = (uintptr_t)bytes };
		written++;
		refused += ioctl(vcpu.fd, KVM_SET_ONE_REG, &reg) != 0;
	}
	ok(written > 100 && !refused, "every register accepts another value");
}

static void *run_to_reset(void *arg)
{
	(void)arg;
	errno = 0;
	return (void *)(intptr_t)vcpu_run(&vcpu);
}

static void reset(void)
{
	pthread_t thread;
	void *ret;

	vm_load_code(&vm, 0, guest_starter, guest_starter_end);
	vm_load_code(&vm, START_GPA - MEM_GPA, guest_start, guest_start_end);
	vm_load_code(&vm, STOP_GPA - MEM_GPA, guest_stop, guest_stop_end);
	set_reg(&vcpu, CORE(regs.a7), 0x48534d);
	set_reg(&vcpu, CORE(regs.a6), 1);
	set_reg(&vcpu, R_PC, STOP_GPA);
	ioctl(vcpu.fd, KVM_SET_MP_STATE, &(struct kvm_mp_state){ KVM_MP_STATE_RUNNABLE });
	pthread_create(&thread, NULL, run_to_reset, NULL);
	ok(vcpu_run(&boot) == 0 && is_report(&boot, 0), "vCPU 0 starts vCPU 1 again");
	pthread_join(thread, &ret);
	ok(!ret && vcpu.run->exit_reason == KVM_EXIT_MMIO && get_reg(&vcpu, R_PC) == START_GPA,
	   "vCPU 1 exits at its first instruction");
}

int main(void)
{
	unsigned int unknown = 0;

	vm = vm_new();
	boot = vcpu_new(&vm, 0);
	vcpu.fd = ioctl(vm.fd, KVM_CREATE_VCPU, 1);
	vcpu.run = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu.fd, 0);
	must(vcpu.fd >= 0 && vcpu.run != MAP_FAILED, "vCPU 1");
	list.n = MAX;
	must(ioctl(vcpu.fd, KVM_GET_REG_LIST, &list) == 0, "KVM_GET_REG_LIST");
	for (unsigned int i = 0; i < list.n; i++) {
		if (row_of(list.reg[i]))
			continue;
		unknown++;
		printf("# 0x%llx\n", (unsigned long long)list.reg[i]);
	}
	ok(!unknown, "every listed register has a row in this test");
	check_all(false);
	dirty_all();
	reset();
	check_all(true);
	return tap_done();
}
