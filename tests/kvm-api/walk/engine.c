// SPDX-License-Identifier: MIT
/*
 * engine.c - make the calls of the walk, print their rows, and detect whether a failed call has
 * changed anything.
 */
#include <stdarg.h>
#include "walk.h"

GUEST(probe, "ld a0, 0(a1)\nld a2, 0(a3)\n" REPORT);

#define PROBE_CODE 0x1000UL /* offset in the slot */
#define PROBE_DATA 0x2000UL /* offset in the slot */
#define PROBE_HOLE 0x1000UL /* a guest physical address outside all slots */
#define PROBE_WORD 0x5a5a5a5aUL

static void print_name(const char *fmt, va_list ap)
{
	vprintf(fmt, ap);
}

void row(const char *result, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_name(fmt, ap);
	va_end(ap);
	printf(": %s\n", result);
}

static void print_result(long ret, int error, bool gives_fd)
{
	if (ret < 0)
		printf(": %s", strerrorname_np(error) ?: "?");
	else if (gives_fd)
		printf(": fd");
	else
		printf(": = %ld", ret);
}

void row_result(long ret, const char *fmt, ...)
{
	int error = errno;
	va_list ap;

	va_start(ap, fmt);
	print_name(fmt, ap);
	va_end(ap);
	print_result(ret, error, false);
	printf("\n");
}

/* ---- the state --------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

static uint64_t registers_hash(const struct vcpu *vcpu)
{
	static struct {
		uint64_t n;
		uint64_t reg[1024];
	} list;
	uint64_t hash = 1;

	list.n = 1024;
	if (ioctl(vcpu->fd, KVM_GET_REG_LIST, &list))
		return 0;
	for (uint64_t i = 0; i < list.n; i++) {
		uint64_t value[32] = { 0 };
		struct kvm_one_reg reg = { .id = list.reg[i], .addr = (uintptr_t)value };

		/* Leave out the time, which changes between rows. */
		if (reg.id == (KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_TIMER |
			       KVM_REG_RISCV_TIMER_REG(time)))
			continue;
		ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg);
		hash = mix(hash, reg.id);
		for (int j = 0; j < 32; j++)
			hash = mix(hash, value[j]);
	}
	return hash;
}

/*
 * Run the probe, and return a hash of what its loads find: a word in memory, and an MMIO exit
 * outside memory.
 */
static uint64_t memory_hash(struct walk *w)
{
	uint64_t hash = 2;

	set_reg(&w->probe, R_PC, MEM_GPA + PROBE_CODE);
	set_reg(&w->probe, R_A1, MEM_GPA + PROBE_DATA);
	set_reg(&w->probe, CORE(regs.a3), PROBE_HOLE);
	hash = mix(hash, (uint64_t)vcpu_run(&w->probe));
	hash = mix(hash, w->probe.run->exit_reason);
	if (w->probe.run->exit_reason == KVM_EXIT_MMIO)
		hash = mix(hash, w->probe.run->mmio.phys_addr);
	hash = mix(hash, get_reg(&w->probe, R_A0));
	/* Complete the access before the registers are set again. */
	w->probe.run->immediate_exit = 1;
	vcpu_run(&w->probe);
	w->probe.run->immediate_exit = 0;
	return hash;
}

uint64_t walk_state(struct walk *w)
{
	struct kvm_mp_state state = { 99 };
	int fd = dup(0); /* the lowest free descriptor, which changes if a call leaks one */
	uint64_t hash = mix(0, (uint64_t)fd);

	close(fd);
	if (w->registers)
		hash = mix(hash, registers_hash(&w->vcpu));
	ioctl(w->vcpu.fd, KVM_GET_MP_STATE, &state);
	hash = mix(hash, state.mp_state);
	return w->probing ? mix(hash, memory_hash(w)) : hash;
}

struct walk walk_new(void)
{
	struct walk w = { .vm = vm_new() };
	struct kvm_mp_state state = { KVM_MP_STATE_RUNNABLE };
	unsigned long word = PROBE_WORD;

	w.vcpu = vcpu_new(&w.vm, 0);
	w.probe = vcpu_new(&w.vm, 1);
	ioctl(w.probe.fd, KVM_SET_MP_STATE, &state);
	vm_load_code(&w.vm, PROBE_CODE, guest_probe, guest_probe_end);
	memcpy(w.vm.mem + PROBE_DATA, &word, sizeof(word));
	return w;
}

void walk_free(struct walk *w)
{
	vcpu_free(&w->probe);
	vcpu_free(&w->vcpu);
	vm_free(&w->vm);
}

/* ---- one call --------------------------------------------------------------------------- */

/*
 * Make a call and print its row. If the call fails, compare the structure at `arg` with `was`, a
 * copy of it, unless `was` is NULL.
 */
static long make_call(struct walk *w, const struct call *c, unsigned long arg, const void *was,
		      const char *fmt, va_list ap)
{
	uint64_t before = w->state ?: walk_state(w);
	long ret;
	int error;

	printf("%s ", c->name);
	print_name(fmt, ap);
	errno = 0;
	ret = ioctl(c->fd, c->cmd, arg);
	error = errno;
	print_result(ret, error, c->gives_fd);
	if (ret >= 0 && c->gives_fd)
		close((int)ret);
	if (ret < 0 && was && memcmp((const void *)arg, was, c->size))
		printf(" and its argument has changed");
	w->state = ret < 0 ? walk_state(w) : 0;
	if (ret < 0 && w->state != before)
		printf(" and the state has changed");
	printf("\n");
	return ret;
}

void call_number(struct walk *w, const struct call *c, unsigned long arg, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	make_call(w, c, arg, NULL, fmt, ap);
	va_end(ap);
}

void call_with(struct walk *w, const struct call *c, const void *arg, const char *fmt, ...)
{
	static uint64_t buffer[1024];
	va_list ap;
	long ret;

	memcpy(buffer, arg, c->size);
	va_start(ap, fmt);
	ret = make_call(w, c, (unsigned long)buffer, arg, fmt, ap);
	va_end(ap);
	if (ret >= 0 && c->undo)
		c->undo(w, arg);
}

/* ---- rows by rule ------------------------------------------------------------------------- */

void walk_bits(struct walk *w, const struct call *c, const char *field, size_t offset, size_t nbits)
{
	uint8_t arg[512];

	for (size_t bit = 0; bit < nbits; bit++) {
		memcpy(arg, c->good, c->size);
		arg[offset + bit / 8] ^= (uint8_t)(1 << bit % 8);
		call_with(w, c, arg, "%s bit %zu", field, bit);
	}
}

void walk_number_bits(struct walk *w, const struct call *c)
{
	for (int bit = 0; bit < 64; bit++)
		call_number(w, c, 1UL << bit, "bit %d", bit);
}

void walk_pointers(struct walk *w, const struct call *c)
{
	static const struct {
		const char *name;
		unsigned long address;
	} bad[] = {
		{ "at NULL", 0 },
		{ "at 16", 16 },
		{ "in the kernel's half", 0xffffffff80000000UL },
		{ "in the kernel's linear map", 0xffffffd600000000UL },
		{ "at an address that is none", 1UL << 62 },
		{ "at the end of addresses", -8UL },
	};
	uint8_t *page =
		mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(page != MAP_FAILED, "mmap");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		call_number(w, c, bad[i].address, "%s", bad[i].name);
	memcpy(page, c->good, c->size);
	memcpy(page + 4097, c->good, c->size);
	memcpy(page + 8192 - c->size, c->good, c->size);
	call_number(w, c, (uintptr_t)(page + 4097), "at an odd address");
	if (c->undo)
		c->undo(w, c->good);
	mprotect(page, 4096, PROT_READ);
	mprotect(page + 8192, 4096, PROT_NONE);
	call_number(w, c, (uintptr_t)page, "in memory that is read-only");
	if (c->undo)
		c->undo(w, c->good);
	call_number(w, c, (uintptr_t)(page + 8192), "in memory without access");
	memcpy(page + 8192 - c->size + 1, c->good, c->size - 1);
	call_number(w, c, (uintptr_t)(page + 8192 - c->size + 1), "but for its last byte");
	munmap(page, 3 * 4096);
}

void walk_command_bits(struct walk *w, const struct call *c)
{
	uint8_t zero[16384] __attribute__((aligned(16))) = { 0 };
	struct call other = *c;

	for (int bit = 16; bit < 32; bit++) {
		if (c->good)
			memcpy(zero, c->good, c->size);
		other.cmd = c->cmd ^ 1UL << bit;
		call_number(w, &other, c->good ? (uintptr_t)zero : 0, "command bit %d", bit);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} chapters[] = {
		{ "system", chapter_system },
		{ "numbers", chapter_numbers },
		{ "vm", chapter_vm },
		{ "memory", chapter_memory },
		{ "dirty log", chapter_dirty_log },
		{ "irqchip", chapter_irqchip },
		{ "events", chapter_events },
		{ "vcpu", chapter_vcpu },
		{ "registers", chapter_registers },
		{ "files", chapter_files },
	};

	for (size_t i = 0; i < sizeof(chapters) / sizeof(chapters[0]); i++) {
		if (argc > 1 && strcmp(argv[1], chapters[i].name))
			continue;
		printf("== %s\n", chapters[i].name);
		fflush(stdout);
		chapters[i].run();
		fflush(stdout);
	}
	printf("== end\n");
	return 0;
}
