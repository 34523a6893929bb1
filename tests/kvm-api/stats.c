// SPDX-License-Identifier: MIT
/*
 * stats.c - counters from KVM_GET_STATS_FD and from /sys/kernel/debug/kvm, and halt polling, which
 * has its own counters and four module parameters.
 */
#include <dirent.h>
#include <sys/mount.h>
#include "vm.h"

GUEST(events, "li t0, 0x10000000\nsw t0, 0(t0)\nli a7, 0x10\nli a6, 0\necall\nli a0, 1\n" REPORT);
/*
 * Does this a2 times: set a timer a1 ticks ahead by SBI (even with Sstc), and wait with WFI until
 * it fires.
 */
GUEST(naps, ".option norvc\nli t0, 0x20\ncsrw sie, t0\nmv s0, a1\nmv s1, a2\n"
	    "1: rdtime a0\nadd a0, a0, s0\nli a7, 0x54494d45\nli a6, 0\necall\nwfi\n"
	    "addi s1, s1, -1\nbnez s1, 1b\nli a0, 1\n" REPORT);

#define DEBUG "/sys/kernel/debug/kvm"

static const char *const vcpu_names[] = {
	"halt_successful_poll",
	"halt_attempted_poll",
	"halt_poll_invalid",
	"halt_wakeup",
	"halt_poll_success_ns",
	"halt_poll_fail_ns",
	"halt_wait_ns",
	"halt_poll_success_hist",
	"halt_poll_fail_hist",
	"halt_wait_hist",
	"blocking",
	"ecall_exit_stat",
	"wfi_exit_stat",
	"wrs_exit_stat",
	"mmio_exit_user",
	"mmio_exit_kernel",
	"csr_exit_user",
	"csr_exit_kernel",
	"signal_exits",
	"exits",
	/* newer than Linux 6.12: */
	"instr_illegal_exits",
	"load_misaligned_exits",
	"store_misaligned_exits",
	"load_access_exits",
	"store_access_exits",
};
#define NEWER_VCPU_NAMES 5

static const char *const vm_names[] = { "remote_tlb_flush", "remote_tlb_flush_requests" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct stats {
	struct kvm_stats_header head;
	char id[48];
	struct {
		uint32_t flags;
		int16_t exponent;
		uint16_t size;
		uint32_t offset, bucket_size;
		char name[48];
	} descs[64];
	uint64_t data[256];
};

static struct stats stats_read(int owner)
{
	struct stats s = { 0 };
	int fd = ioctl(owner, KVM_GET_STATS_FD, 0);

	must(fd >= 0 && pread(fd, &s.head, sizeof(s.head), 0) == sizeof(s.head), "the header");
	must(s.head.name_size == sizeof(s.descs[0].name), "names of 48 bytes");
	must(pread(fd, s.id, 48, s.head.id_offset) == 48, "the id");
	must(pread(fd, s.descs, sizeof(s.descs), s.head.desc_offset) > 0, "the descriptors");
	must(pread(fd, s.data, sizeof(s.data), s.head.data_offset) > 0, "the data");
	close(fd);
	return s;
}

static uint64_t value_of(const struct stats *s, const char *name)
{
	for (unsigned int i = 0; i < s->head.num_desc; i++) {
		if (!strcmp(s->descs[i].name, name))
			return s->data[s->descs[i].offset / 8];
	}
	must(false, name);
	return 0;
}

static bool lists(const struct stats *s, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i >= s->head.num_desc || strcmp(s->descs[i].name, names[i])) {
			printf("# no %s\n", names[i]);
			return false;
		}
	}
	return true;
}

static size_t count_vcpu_names(const struct vm *vm)
{
	return COUNT(vcpu_names) - (is_linux_7_3(vm) ? 0 : NEWER_VCPU_NAMES);
}

static void layout(struct vm *vm, struct vcpu *vcpu)
{
	struct stats of_vm = stats_read(vm->fd), of_vcpu = stats_read(vcpu->fd);
	const typeof(of_vcpu.descs[0]) *hist = &of_vcpu.descs[7], *state = &of_vcpu.descs[10],
				       *ns = &of_vcpu.descs[6];
	char id[48];

	ok(lists(&of_vcpu, vcpu_names, count_vcpu_names(vm)),
	   "a vCPU has Linux's counters in Linux's order");
	ok(lists(&of_vm, vm_names, COUNT(vm_names)), "a VM has Linux's counters in Linux's order");
	snprintf(id, sizeof(id), "kvm-%d", gettid());
	ok(!strcmp(of_vm.id, id), "a VM's id names the thread that created it");
	snprintf(id, sizeof(id), "kvm-%d/vcpu-0", gettid());
	ok(!strcmp(of_vcpu.id, id), "a vCPU's id names the vCPU and the thread that created it");
	ok(hist->size == 32 && hist->exponent == -9 && !hist->bucket_size &&
		   hist->flags == (KVM_STATS_TYPE_LOG_HIST | KVM_STATS_UNIT_SECONDS |
				   KVM_STATS_BASE_POW10),
	   "a histogram of times has 32 buckets, one for each power of 2");
	ok(state->flags == (KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_BOOLEAN | KVM_STATS_BASE_POW10),
	   "the counter blocking is an instantaneous boolean");
	ok(ns->flags == (KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_SECONDS |
			 KVM_STATS_BASE_POW10) &&
		   ns->exponent == -9,
	   "halt_wait_ns is a sum of nanoseconds");
}

static void counts(struct vm *vm, struct vcpu *vcpu)
{
	struct stats before = stats_read(vcpu->fd), after;

	vm_load(vm, events);
	must(vcpu_run(vcpu) == 0 && vcpu->run->exit_reason == KVM_EXIT_MMIO, "the store");
	must(vcpu_run(vcpu) == 0 && is_report(vcpu, 1), "the report");
	after = stats_read(vcpu->fd);
	ok(value_of(&after, "mmio_exit_user") == value_of(&before, "mmio_exit_user") + 1,
	   "a store to an address without memory is counted");
	ok(value_of(&after, "ecall_exit_stat") == value_of(&before, "ecall_exit_stat") + 1,
	   "of two SBI calls, ecall_exit_stat counts only the forwarded one");
	ok(value_of(&after, "exits") >= value_of(&before, "exits") + 3,
	   "the counter exits counts exits of all kinds");
}

/* ---- halt polling ----------------------------------------------------------------------- */

static struct stats naps(struct vm *vm, struct vcpu *vcpu, uint64_t ticks, uint64_t count)
{
	vm_load(vm, naps);
	vcpu->run->immediate_exit = 1;
	vcpu_run(vcpu);
	vcpu->run->immediate_exit = 0;
	set_reg(vcpu, R_PC, MEM_GPA);
	set_reg(vcpu, R_A1, ticks);
	set_reg(vcpu, CORE(regs.a2), count);
	must(vcpu_run(vcpu) == 0 && is_report(vcpu, 1), "the naps' end");
	return stats_read(vcpu->fd);
}

static uint64_t hist_sum(const struct stats *s, unsigned int row)
{
	uint64_t sum = 0;

	for (int i = 0; i < 32; i++)
		sum += s->data[s->descs[row].offset / 8 + i];
	return sum;
}

static void polling(struct vm *vm, struct vcpu *vcpu)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_HALT_POLL, .args = { 0 } };
	struct stats s;
	uint64_t tried, won, ticks;
	int round;

	if (toggle_is("wfi", "native")) {
		printf("ok %d - waits are counted # SKIP wfi=native: a vCPU alone on its hart "
		       "waits without an exit\n",
		       ++tap_count);
		return;
	}
	must(ioctl(vm->fd, KVM_ENABLE_CAP, &cap) == 0, "KVM_CAP_HALT_POLL");
	/* On a busy machine, a short nap may be over before the vCPU waits. */
	for (ticks = 400; ticks < 2000000; ticks *= 8) {
		s = naps(vm, vcpu, ticks, 30);
		if (value_of(&s, "halt_wakeup") && value_of(&s, "halt_wait_ns"))
			break;
	}
	ok(value_of(&s, "halt_attempted_poll") == 0,
	   "with KVM_CAP_HALT_POLL set to 0, no wait is polled");
	ok(value_of(&s, "wfi_exit_stat") > 0 && hist_sum(&s, 9) > 0 &&
		   value_of(&s, "halt_wait_ns") > 0 && value_of(&s, "halt_wakeup") > 0,
	   "the number and the duration of waits are counted");
	/*
	 * A nap is not polled if it is over before the vCPU waits (on a busy machine), or if
	 * another program has the hart meanwhile. So nap longer each time until a poll succeeds.
	 */
	cap.args[0] = 4000000000;
	must(ioctl(vm->fd, KVM_ENABLE_CAP, &cap) == 0, "KVM_CAP_HALT_POLL");
	for (round = 0; round < 20; round++) {
		s = naps(vm, vcpu, ticks, 50);
		ticks += ticks < 1000000 ? ticks : 0;
		/* A successful poll may end at its first check and take no measurable time. */
		if (value_of(&s, "halt_poll_success_ns"))
			break;
	}
	tried = value_of(&s, "halt_attempted_poll");
	won = value_of(&s, "halt_successful_poll");
	ok(won > 0, "short waits are polled successfully after a while");
	ok(tried >= won && hist_sum(&s, 7) == won && hist_sum(&s, 8) == tried - won,
	   "every poll is in the histogram of successes or of failures");
	ok(value_of(&s, "halt_poll_success_ns") > 0 && !value_of(&s, "halt_poll_invalid"),
	   "the time of successful polls is counted, and no poll is invalid");
}

static long read_number(const char *path)
{
	char text[32] = { 0 };
	int fd = open(path, O_RDONLY);
	long n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	return n > 0 ? atol(text) : -1;
}

/* Return the path of a parameter of KVM, which may be hyperscope's Linux module. */
static const char *parameter(const char *name)
{
	static char path[80];

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s",
		 access("/sys/module/hyperscope", F_OK) ? "kvm" : "hyperscope", name);
	return path;
}

static void parameters(void)
{
	static const struct {
		const char *name;
		long value;
	} params[] = {
		{ "halt_poll_ns_grow", 2 },
		{ "halt_poll_ns_grow_start", 10000 },
		{ "halt_poll_ns_shrink", 2 },
	};
	long first = read_number(parameter("halt_poll_ns"));
	char back[24];
	bool good = first >= 0;

	/* halt_poll_ns is a toggle, which this run may have set (tests/toggles/rows.t tests it). */
	for (size_t i = 0; i < COUNT(params); i++)
		good = good && read_number(parameter(params[i].name)) == params[i].value;
	snprintf(back, sizeof(back), "%ld", first);
	ok(good, "the other parameters of halt polling have Linux's default values");
	ok(write_file(parameter("halt_poll_ns"), "1234\n") == 0 &&
		   read_number(parameter("halt_poll_ns")) == 1234,
	   "halt_poll_ns can be changed");
	fails_with(write_file(parameter("halt_poll_ns"), "some"), EINVAL,
		   "halt_poll_ns refuses text that is not a number");
	ok(write_file(parameter("halt_poll_ns"), "4294967296") == -1 &&
		   read_number(parameter("halt_poll_ns")) == 1234,
	   "halt_poll_ns refuses 2^32");
	ok(write_file(parameter("halt_poll_ns"), back) == 0, "halt_poll_ns can be restored");
}

/* ---- /sys/kernel/debug/kvm ---------------------------------------------------------------- */

static bool dir_has(const char *path, const char *name)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool found = false;

	while (dir && (entry = readdir(dir)))
		found |= !strcmp(entry->d_name, name);
	if (dir)
		closedir(dir);
	return found;
}

static long counter(const char *dir, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return read_number(path);
}

static void debug_files(struct vm *vm, struct vcpu *vcpu)
{
	struct stats s = stats_read(vcpu->fd);
	char dir[64], path[96];
	bool all = true;
	struct vm gone;

	if (access(DEBUG, F_OK))
		mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	snprintf(dir, sizeof(dir), DEBUG "/%d-%d", gettid(), vm->fd);
	ok(dir_has(DEBUG, strrchr(dir, '/') + 1),
	   "a VM has a directory named after its thread and descriptor");
	for (size_t i = 0; i < count_vcpu_names(vm); i++)
		all = all && dir_has(dir, vcpu_names[i]) && dir_has(DEBUG, vcpu_names[i]) &&
		      counter(dir, vcpu_names[i]) >= 0 && counter(DEBUG, vcpu_names[i]) >= 0;
	for (size_t i = 0; i < COUNT(vm_names); i++)
		all = all && counter(dir, vm_names[i]) >= 0 && counter(DEBUG, vm_names[i]) >= 0;
	ok(all, "a VM's directory and its parent have a file for every counter");
	ok((uint64_t)counter(dir, "exits") == value_of(&s, "exits") &&
		   counter(DEBUG, "exits") >= counter(dir, "exits"),
	   "a VM's files hold its counters, and the parent directory's the sums over all VMs");
	snprintf(path, sizeof(path), "%s/exits", dir);
	fails_with(write_file(path, "1"), EINVAL, "a counter cannot be set to 1");
	ok(write_file(path, "0") == 0 && counter(dir, "exits") == 0, "a counter can be cleared");
	s = stats_read(vcpu->fd);
	ok(value_of(&s, "exits") == 0, "KVM_GET_STATS_FD also reads a cleared counter as 0");
	gone = vm_new();
	snprintf(dir, sizeof(dir), DEBUG "/%d-%d", gettid(), gone.fd);
	all = counter(dir, "exits") == 0;
	vm_free(&gone);
	ok(all && counter(dir, "exits") == -1, "a VM's directory is removed with the VM");
}

/*
 * A VM lives as long as its vCPU's descriptor, but the number of its own closed descriptor is free for
 * another VM, whose directory would then have the same name. (The module creates none.) The module's
 * test also looks for messages of the kernel.
 */
static void same_name(void)
{
	struct vm first = vm_new(), second;
	struct vcpu vcpu = vcpu_new(&first, 0);
	char dir[96];

	snprintf(dir, sizeof(dir), DEBUG "/%d-%d", getpid(), first.fd);
	close(first.fd);
	second.fd = ioctl(first.kvm, KVM_CREATE_VM, 0);
	must(second.fd == first.fd, "the descriptor is used again");
	ok(counter(dir, "exits") == 0, "two VMs may have the same name");
	close(second.fd);
	vcpu_free(&vcpu);
	close(first.kvm);
}

int main(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);

	layout(&vm, &vcpu);
	counts(&vm, &vcpu);
	polling(&vm, &vcpu);
	parameters();
	debug_files(&vm, &vcpu);
	same_name();
	vcpu_free(&vcpu);
	vm_free(&vm);
	return tap_done();
}
