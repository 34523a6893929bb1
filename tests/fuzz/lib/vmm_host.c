// SPDX-License-Identifier: MIT
/*
 * vmm_host.c - models of the system calls and of KVM that src/vmm uses (see vmm_host.h).
 *
 * Descriptors are small numbers: KVM, the VM, the vCPUs, the disk, the file, then eventfds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include "state.h"
#include "virtio.h"
#include "vmm_host.h"

#define FD_KVM     10
#define FD_VM      11
#define FD_VCPU    12
#define FD_DISK    20
#define FD_FILE    21
#define FD_EVENT   30
#define MAX_EVENTS 16
#define MAX_THREAD 8
#define REG_MAX    256 /* bytes of a register */

struct machine machine;
u8 host_disk[HOST_DISK_SIZE];
const u8 *host_file;
size_t host_file_size;
struct choices host_choices;
char host_reason[200];

static u64 event_count[MAX_EVENTS];
static bool event_blocks[MAX_EVENTS];
static unsigned int nr_events, nr_threads;
static struct {
	void *(*fn)(void *arg);
	void *arg;
} threads[MAX_THREAD];
/* Not in the snapshot: they have addresses of the stack. */
static jmp_buf blocked __attribute__((section("host_jumps")));
static jmp_buf died __attribute__((section("host_jumps")));
static bool progress;

/* Does the host carry out a request that it may refuse? */
static bool host_agrees(void)
{
	return choose(&host_choices, 16) != 15;
}

/* ---- files ------------------------------------------------------------------------- */

void sandbox_enter(struct machine *m)
{
	(void)m;
}

int save_file_open(const char *path)
{
	(void)path;
	return FD_FILE;
}

int save_file_empty(int fd)
{
	(void)fd;
	return 0;
}

int save_file_end(bool keep)
{
	(void)keep;
	return 0;
}

int host_open(const char *path, int flags, ...)
{
	(void)flags;
	return strcmp(path, "disk") ? FD_FILE : FD_DISK;
}

int host_close(int fd)
{
	(void)fd;
	return 0;
}

off_t host_lseek(int fd, off_t offset, int whence)
{
	(void)offset, (void)whence;
	return fd == FD_DISK ? (off_t)HOST_DISK_SIZE : (off_t)host_file_size;
}

static ssize_t transfer(int fd, size_t *len, off_t offset)
{
	size_t size = fd == FD_DISK ? HOST_DISK_SIZE : host_file_size;

	/* A file to restore may be shorter than its header says; the disk must not be exceeded. */
	CLAIM(fd != FD_DISK || (offset >= 0 && (u64)offset + *len <= size));
	if (!host_agrees()) {
		errno = EIO;
		return -1;
	}
	if (offset < 0 || (size_t)offset >= size)
		return 0;
	if (*len > size - (size_t)offset)
		*len = size - (size_t)offset;
	if (*len > 1 && !host_agrees())
		*len /= 2;
	return (ssize_t)*len;
}

ssize_t host_pread(int fd, void *to, size_t len, off_t offset)
{
	ssize_t n = transfer(fd, &len, offset);

	if (n > 0)
		memcpy(to, (fd == FD_DISK ? host_disk : host_file) + offset, len);
	return n;
}

ssize_t host_pwrite(int fd, const void *from, size_t len, off_t offset)
{
	ssize_t n = transfer(fd, &len, offset);

	if (n > 0 && fd == FD_DISK)
		memcpy(host_disk + offset, from, len);
	return n;
}

/* ---- eventfds, the console and threads --------------------------------------------------- */

int host_eventfd(unsigned int count, int flags)
{
	(void)count;
	if (nr_events == MAX_EVENTS)
		return -1;
	event_blocks[nr_events] = !(flags & EFD_NONBLOCK);
	return FD_EVENT + (int)nr_events++;
}

/* A read that would block returns to host_run_threads(). */
ssize_t host_read(int fd, void *to, size_t len)
{
	u64 *count = &event_count[fd < FD_EVENT ? 0 : fd - FD_EVENT];
	size_t i;

	if (fd < FD_EVENT) { /* the console's input */
		for (i = 0; i < len && i < 4; i++)
			((u8 *)to)[i] = (u8)choose(&host_choices, 256);
		return (ssize_t)i;
	}
	if (!*count && event_blocks[fd - FD_EVENT])
		longjmp(blocked, 1);
	if (!*count) {
		errno = EAGAIN;
		return -1;
	}
	memcpy(to, count, sizeof(*count));
	*count = 0;
	progress = true;
	return sizeof(*count);
}

ssize_t host_write(int fd, const void *from, size_t len)
{
	volatile u8 sum = 0;

	if (fd >= FD_EVENT && fd < FD_EVENT + MAX_EVENTS)
		event_count[fd - FD_EVENT]++;
	else
		for (size_t i = 0; i < len; i++)
			sum += ((
				const u8 *)from)[i]; /* so that ASan sees what the console prints */
	return (ssize_t)len;
}

static bool is_ready(int fd)
{
	if (fd >= FD_EVENT)
		return event_count[fd - FD_EVENT];
	return fd >= 0 && choose(&host_choices, 4) == 3;
}

int host_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	int ready = 0;

	(void)timeout;
	for (nfds_t i = 0; i < count; i++) {
		fds[i].revents = is_ready(fds[i].fd) ? POLLIN : 0;
		ready += fds[i].revents != 0;
	}
	if (!ready)
		longjmp(blocked, 1);
	progress = true;
	return ready;
}

int thread_create(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	(void)thread;
	CLAIM(nr_threads < MAX_THREAD);
	threads[nr_threads].fn = fn;
	threads[nr_threads++].arg = arg;
	return 0;
}

void host_run_threads(void)
{
	unsigned int rounds = 0;
	volatile unsigned int i;

	do {
		progress = false;
		for (i = 0; i < nr_threads; i++)
			if (!setjmp(blocked))
				threads[i].fn(threads[i].arg);
	} while (progress && rounds++ < 16);
}

/* ---- KVM ------------------------------------------------------------------------------ */

#define ID(size, type, number) (KVM_REG_RISCV | KVM_REG_SIZE_##size | (type) | (number))
#define ISA(ext)               ID(U64, KVM_REG_RISCV_ISA_EXT, KVM_RISCV_ISA_EXT_##ext)
#define TIMER(reg)             ID(U64, KVM_REG_RISCV_TIMER, KVM_REG_RISCV_TIMER_REG(reg))

static const u64 ids[] = {
	ID(U64, KVM_REG_RISCV_CONFIG, 0),
	ID(U64, KVM_REG_RISCV_CORE, 0),
	ID(U64, KVM_REG_RISCV_CORE, 1),
	ID(U64, KVM_REG_RISCV_CSR, 0),
	TIMER(frequency),
	TIMER(time),
	TIMER(compare),
	TIMER(state),
	ID(U32, KVM_REG_RISCV_FP_F, 3),
	ID(U64, KVM_REG_RISCV_FP_D, 3),
	ID(U256, KVM_REG_RISCV_VECTOR, 8),
	ISA(A),
	ISA(SSTC),
	ID(U64, KVM_REG_RISCV_SBI_EXT, 2),
};

static struct {
	u8 value[ARRAY_SIZE(ids)][REG_MAX];
	u32 mp_state;
	bool interrupted;
} vcpus[HOST_VCPUS];

static int one_reg(unsigned int vcpu, const struct kvm_one_reg *reg, bool set)
{
	size_t width = 1ul << ((reg->id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT);

	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
		if (ids[i] != reg->id)
			continue;
		if (set && !host_agrees())
			return -EINVAL;
		if (set)
			memcpy(vcpus[vcpu].value[i], (void *)(uintptr_t)reg->addr, width);
		else
			memcpy((void *)(uintptr_t)reg->addr, vcpus[vcpu].value[i], width);
		return 0;
	}
	return -ENOENT;
}

static int list_regs(struct kvm_reg_list *list)
{
	u64 room = list->n;

	list->n = ARRAY_SIZE(ids);
	if (room < list->n)
		return -E2BIG;
	memcpy(list->reg, ids, sizeof(ids));
	return 0;
}

static int vcpu_ioctl(unsigned int vcpu, unsigned long request, void *arg)
{
	switch (request) {
	case KVM_GET_ONE_REG:
	case KVM_SET_ONE_REG:
		return one_reg(vcpu, arg, request == KVM_SET_ONE_REG);
	case KVM_GET_REG_LIST:
		return list_regs(arg);
	case KVM_GET_MP_STATE:
		((struct kvm_mp_state *)arg)->mp_state = vcpus[vcpu].mp_state;
		return 0;
	case KVM_SET_MP_STATE:
		vcpus[vcpu].mp_state = ((struct kvm_mp_state *)arg)->mp_state;
		return vcpus[vcpu].mp_state <= KVM_MP_STATE_STOPPED ? 0 : -EINVAL;
	case KVM_INTERRUPT:
		vcpus[vcpu].interrupted =
			((struct kvm_interrupt *)arg)->irq == (u32)KVM_INTERRUPT_SET;
		return 0;
	}
	return -EINVAL;
}

/* The ioctls that build the machine succeed; others of KVM and the VM may fail. */
static int vm_ioctl(unsigned long request)
{
	switch (request) {
	case KVM_CHECK_EXTENSION:
		return 1;
	case KVM_IOEVENTFD:
	case KVM_SET_USER_MEMORY_REGION:
		return 0;
	default:
		return host_agrees() ? 0 : -EINVAL;
	}
}

int host_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;
	int ret;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	ret = fd >= FD_VCPU && fd < FD_VCPU + HOST_VCPUS
		      ? vcpu_ioctl((unsigned int)(fd - FD_VCPU), request, arg)
		      : vm_ioctl(request);
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

/* Clear the memory: the only advice given to this model is MADV_DONTNEED. */
int host_madvise(void *start, size_t len, int advice)
{
	(void)advice;
	memset(start, 0, len);
	return 0;
}

/* ---- the rest of the VMM -------------------------------------------------------------- */

bool quiet;

u64 clock_now(void)
{
	static u64 now;

	return ++now;
}

/* Format the message, so that ASan sees what it prints. */
static void message(const char *format, va_list args)
{
	vsnprintf(host_reason, sizeof(host_reason), format, args);
}

#define MESSAGE(name)                      \
	void name(const char *format, ...) \
	{                                  \
		va_list args;              \
                                           \
		va_start(args, format);    \
		message(format, args);     \
		va_end(args);              \
	}
MESSAGE(complain)
MESSAGE(inform)
MESSAGE(guest_error)

void guest_reboots(void)
{
}

/* This machine runs no vCPUs. */
void vcpu_create(struct vcpu *vcpu, struct machine *m, unsigned int id)
{
	(void)vcpu, (void)m, (void)id;
}

void vcpu_start_thread(struct vcpu *vcpu)
{
	(void)vcpu;
}

void vcpu_kick(struct vcpu *vcpu)
{
	(void)vcpu;
}

void die(enum exit_status status, const char *format, ...)
{
	va_list args;

	(void)status;
	va_start(args, format);
	message(format, args);
	va_end(args);
	longjmp(died, 1);
}

bool host_try(void (*fn)(void))
{
	if (setjmp(died))
		return false;
	fn();
	return true;
}

static const char *irqchip_name;

static void build(void)
{
	struct machine *m = &machine;

	m->options.irqchip = irqchip_parse(irqchip_name);
	irqchip_init(m);
	uart_init(&m->uart, m);
	syscon_init(m);
	console_start(m);
#define DEVICE(name, NAME, base, size, irq, help) \
	m->options.device[DEVICE_##name] = true;  \
	name##_init(m);
#include "device.def"
#undef DEVICE
	virtio_blk_add(m, "disk", 0);
	irqchip_start(m);
	irqchip_reset(m);
	uart_reset(&m->uart);
	console_reset();
	virtio_mmio_reset(m->disks[0]);
	console_listen();
}

void host_prepare(const char *irqchip)
{
	struct machine *m = &machine;

	irqchip_name = irqchip;
	m->options = (struct options){ .vcpus = HOST_VCPUS,
				       .ram_size = HOST_RAM,
				       .nr_disks = 1,
				       .input = true,
				       .restore = "file",
				       .save = "file" };
	m->kvm_fd = FD_KVM;
	m->vm_fd = FD_VM;
	m->ram_size = HOST_RAM;
	for (unsigned int i = 0; i < HOST_VCPUS; i++) {
		m->vcpus[i].machine = m;
		m->vcpus[i].id = i;
		m->vcpus[i].fd = FD_VCPU + (int)i;
		memset(vcpus[i].value[4], 5, sizeof(u64));    /* the timer's frequency */
		memset(vcpus[i].value[6], 0xff, sizeof(u64)); /* its compare: never */
	}
	CLAIM(host_try(build));
	m->ram = snapshot_alloc(HOST_RAM); /* the last object, so that none follows it */
}
