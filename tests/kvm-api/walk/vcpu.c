// SPDX-License-Identifier: MIT
/*
 * vcpu.c - the walk's rows for a vCPU, except its registers, and for file operations on all
 * descriptors.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include "walk.h"

static void mp_states(struct walk *w)
{
	struct kvm_mp_state state = { 0 }, runnable = { KVM_MP_STATE_RUNNABLE };
	struct call get = { "GET_MP_STATE", w->vcpu.fd, KVM_GET_MP_STATE, &state, sizeof(state) };
	struct call set = { "SET_MP_STATE", w->vcpu.fd, KVM_SET_MP_STATE, &state, sizeof(state) };

	walk_pointers(w, &get);
	walk_command_bits(w, &get);
	walk_pointers(w, &set);
	walk_command_bits(w, &set);
	walk_bits(w, &set, "of bit", FIELD(struct kvm_mp_state, mp_state));
	for (uint32_t n = 0; n < 16; n++) {
		state.mp_state = n;
		call_with(w, &set, &state, "%u", n);
		state.mp_state = 99;
		ioctl(w->vcpu.fd, KVM_GET_MP_STATE, &state);
		row_result((long)state.mp_state, "GET_MP_STATE after %u", n);
		ioctl(w->vcpu.fd, KVM_SET_MP_STATE, &runnable);
	}
}

static void undebug(struct walk *w, const void *arg)
{
	struct kvm_guest_debug none = { 0 };

	(void)arg;
	ioctl(w->vcpu.fd, KVM_SET_GUEST_DEBUG, &none);
}

static void debugging(struct walk *w)
{
	struct kvm_guest_debug debug = { 0 };
	struct call c = { "SET_GUEST_DEBUG", w->vcpu.fd,     KVM_SET_GUEST_DEBUG, &debug,
			  sizeof(debug),     .undo = undebug };

	walk_bits(w, &c, "control", FIELD(struct kvm_guest_debug, control));
	walk_bits(w, &c, "pad", FIELD(struct kvm_guest_debug, pad));
	debug.control = KVM_GUESTDBG_ENABLE;
	walk_bits(w, &c, "enabled, control", FIELD(struct kvm_guest_debug, control));
	walk_pointers(w, &c);
	walk_command_bits(w, &c);
}

static void signal_masks(struct walk *w)
{
	struct {
		struct kvm_signal_mask head;
		uint8_t set[8];
	} __attribute__((packed)) mask = { { .len = 8 }, { 0 } };
	struct call c = { "SET_SIGNAL_MASK", w->vcpu.fd, KVM_SET_SIGNAL_MASK, &mask, sizeof(mask) };

	walk_bits(w, &c, "len", offsetof(struct kvm_signal_mask, len), 32);
	walk_bits(w, &c, "mask", 4, 64);
	walk_pointers(w, &c);
	walk_command_bits(w, &c);
	call_number(w, &c, 0, "none");
}

static void interrupts(struct walk *w)
{
	struct kvm_interrupt irq = { .irq = KVM_INTERRUPT_UNSET };
	struct call c = { "INTERRUPT", w->vcpu.fd, KVM_INTERRUPT, &irq, sizeof(irq) };

	walk_bits(w, &c, "irq", FIELD(struct kvm_interrupt, irq));
	walk_pointers(w, &c);
	walk_command_bits(w, &c);
	irq.irq = KVM_INTERRUPT_SET;
	call_with(w, &c, &irq, "set");
	row_result((long)get_reg(&w->vcpu, CSRREG(sip)), "sip after INTERRUPT set");
	irq.irq = 5;
	call_with(w, &c, &irq, "5");
	row_result((long)get_reg(&w->vcpu, CSRREG(sip)), "sip after INTERRUPT 5");
}

/* Make calls that exist only on other architectures. */
static void foreign(struct walk *w)
{
	static uint64_t zero[1024];
	struct call calls[] = {
		{ "GET_REGS", w->vcpu.fd, KVM_GET_REGS, zero, sizeof(struct kvm_regs) },
		{ "SET_REGS", w->vcpu.fd, KVM_SET_REGS, zero, sizeof(struct kvm_regs) },
		{ "GET_SREGS", w->vcpu.fd, KVM_GET_SREGS, zero, sizeof(struct kvm_sregs) },
		{ "SET_SREGS", w->vcpu.fd, KVM_SET_SREGS, zero, sizeof(struct kvm_sregs) },
		{ "GET_FPU", w->vcpu.fd, KVM_GET_FPU, zero, sizeof(struct kvm_fpu) },
		{ "SET_FPU", w->vcpu.fd, KVM_SET_FPU, zero, sizeof(struct kvm_fpu) },
		{ "TRANSLATE", w->vcpu.fd, KVM_TRANSLATE, zero, sizeof(struct kvm_translation) },
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		/* An empty structure gets one byte, because walk_pointers() needs a last byte. */
		if (!calls[i].size)
			calls[i].size = 1;
		walk_pointers(w, &calls[i]);
		walk_command_bits(w, &calls[i]);
	}
}

static void runs(struct walk *w)
{
	struct call c = { "RUN", w->vcpu.fd, KVM_RUN };

	walk_number_bits(w, &c);
	walk_command_bits(w, &c);
	for (int n = 0; n < 256; n += 85) {
		w->vcpu.run->immediate_exit = (uint8_t)n;
		if (!n)
			continue;
		errno = 0;
		row_result(vcpu_run(&w->vcpu), "RUN with immediate_exit %d", n);
	}
	w->vcpu.run->immediate_exit = 0;
}

void chapter_vcpu(void)
{
	struct walk w = walk_new();

	w.registers = true;
	mp_states(&w);
	debugging(&w);
	signal_masks(&w);
	interrupts(&w);
	foreign(&w);
	runs(&w);
	walk_free(&w);
}

/* ---- descriptors --------------------------------------------------------------------------- */

static void as_file(const char *name, int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN | POLLOUT };
	char path[64], link[128];
	uint64_t word = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, link, sizeof(link) - 1);
	link[n < 0 ? 0 : n] = '\0';
	row(link, "%s is called", name);
	row_result(fcntl(fd, F_GETFD), "%s F_GETFD", name);
	row_result(fcntl(fd, F_GETFL) & O_ACCMODE, "%s access mode", name);
	row_result(lseek(fd, 0, SEEK_SET), "%s lseek to 0", name);
	row_result(lseek(fd, 8, SEEK_SET), "%s lseek to 8", name);
	row_result(lseek(fd, 0, SEEK_CUR), "%s where it is then", name);
	row_result(lseek(fd, 0, SEEK_END), "%s lseek to the end", name);
	row_result(lseek(fd, 0, 77), "%s lseek by no rule", name);
	row_result(write(fd, &word, 8), "%s write", name);
	row_result(pwrite(fd, &word, 8, 0), "%s pwrite", name);
	row_result(read(fd, &word, 0), "%s read of nothing", name);
	row_result(read(fd, &word, 8), "%s read", name);
	row_result(syscall(SYS_read, fd, 8UL, 8UL), "%s read to 8", name);
	row_result(pread(fd, &word, 8, 0), "%s pread", name);
	row_result(ftruncate(fd, 0), "%s ftruncate", name);
	row_result(poll(&poll_fd, 1, 0), "%s poll", name);
	row_result(poll_fd.revents, "%s is ready for", name);
}

static void maps(const char *name, int fd, size_t size, int prot, int flags, off_t offset)
{
	void *p = mmap(NULL, size, prot, flags, fd, offset);

	row_result(p == MAP_FAILED ? -1 : 0, "%s mmap of %zu at %ld, protection %d, flags %d", name,
		   size, (long)offset, prot, flags);
	if (p != MAP_FAILED)
		munmap(p, size);
}

static void mappings(const char *name, int fd)
{
	maps(name, fd, 4096, PROT_READ, MAP_SHARED, 0);
	maps(name, fd, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	maps(name, fd, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 4096);
	maps(name, fd, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 8192);
	maps(name, fd, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	maps(name, fd, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	maps(name, fd, 8192, PROT_READ | PROT_EXEC, MAP_SHARED, 0);
	maps(name, fd, 8192, PROT_READ, MAP_SHARED, 2048);
}

void chapter_files(void)
{
	struct walk w = walk_new();
	int vm_stats = ioctl(w.vm.fd, KVM_GET_STATS_FD, 0);
	int vcpu_stats = ioctl(w.vcpu.fd, KVM_GET_STATS_FD, 0);

	as_file("/dev/kvm", w.vm.kvm);
	as_file("VM", w.vm.fd);
	as_file("vCPU", w.vcpu.fd);
	as_file("statistics of a VM", vm_stats);
	as_file("statistics of a vCPU", vcpu_stats);
	mappings("/dev/kvm", w.vm.kvm);
	mappings("VM", w.vm.fd);
	mappings("vCPU", w.vcpu.fd);
	mappings("statistics of a VM", vm_stats);
	close(vm_stats);
	close(vcpu_stats);
	walk_free(&w);
}
