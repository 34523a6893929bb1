// SPDX-License-Identifier: MIT
/*
 * escape.c - a guest that has taken over its VMM, and tries to leave the VMM's sandbox.
 *
 * It runs only in the VMM of tests/vmm/taken_over.c, whose planted device makes any system call for
 * the guest, with pointers into guest memory. Boot arguments: victim=PID, a process that it must
 * not reach; fd=N, a file with the text "secret" that the VMM's parent has left open; open=1, the
 * VMM has no sandbox, so that the attacks have to succeed. The system calls' numbers are riscv64
 * Linux's.
 */
#include "rt.h"
#include "../vmm/taken_over.h"

#define NR_CALLS    480
#define NR_FDS      64
#define AT_FDCWD    -100
#define O_RDWR      2
#define O_DIRECTORY 0200000

enum { /* numbers */
	SYS_ioctl = 29,
	SYS_openat = 56,
	SYS_close = 57,
	SYS_lseek = 62,
	SYS_pread64 = 67,
	SYS_sched_setaffinity = 122,
	SYS_kill = 129,
	SYS_tgkill = 131,
	SYS_getpid = 172,
	SYS_mmap = 222,
	SYS_mprotect = 226,
	SYS_process_vm_readv = 270,
};

/* The calls that the sandbox allows, all or with some arguments. Everything else is refused. */
static const u16 allowed[] = {
	62 /* lseek */,
	46 /* ftruncate */,
	82 /* fsync */,
	83 /* fdatasync */,
	57 /* close */,
	63 /* read */,
	64 /* write */,
	65 /* readv */,
	66 /* writev */,
	67 /* pread64 */,
	68 /* pwrite64 */,
	69 /* preadv */,
	70 /* pwritev */,
	73 /* ppoll */,
	93 /* exit */,
	94 /* exit_group */,
	98 /* futex */,
	113 /* clock_gettime */,
	115 /* clock_nanosleep */,
	128 /* restart_syscall */,
	135 /* rt_sigprocmask */,
	139 /* rt_sigreturn */,
	172 /* getpid */,
	178 /* gettid */,
	214 /* brk */,
	215 /* munmap */,
	216 /* mremap */,
	233 /* madvise */,
	259 /* riscv_flush_icache */,
	278 /* getrandom */,
	/* with some arguments */
	SYS_ioctl,
	SYS_sched_setaffinity,
	SYS_tgkill,
	SYS_mmap,
	SYS_mprotect,
};

static unsigned long ram;
static bool open_vm;

static void door_set(unsigned long offset, unsigned long value)
{
	*(volatile unsigned long *)(TAKEN_OVER_BASE + offset) = value;
}

static unsigned long door_get(unsigned long offset)
{
	return *(volatile unsigned long *)(TAKEN_OVER_BASE + offset);
}

static long call(unsigned long number, long a0, long a1, long a2, long a3, long a4)
{
	long args[] = { a0, a1, a2, a3, a4, 0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(args); i++)
		door_set(8 * i, (unsigned long)args[i]);
	door_set(TAKEN_OVER_NUMBER, number);
	door_set(TAKEN_OVER_CALL, 1);
	return (long)door_get(TAKEN_OVER_CALL);
}

static const char *outcome(void)
{
	return open_vm ? "reaches the kernel" : "is refused";
}

/* The VMM's address of an object of this payload. */
static long in_vmm(const void *object)
{
	return (long)((unsigned long)object - 0x80000000ul + ram);
}

/* The sandbox must refuse the attack; without a sandbox, the attack must reach the kernel. */
static void attack(long result, const char *what)
{
	if (!ok((result == TAKEN_OVER_REFUSED) != open_vm, "%s %s", what, outcome()))
		printf("# %ld\n", result);
}

static bool is_allowed(unsigned int number)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(allowed); i++) {
		if (allowed[i] == number)
			return true;
	}
	return false;
}

static void test_all_calls(void)
{
	unsigned int tried = 0, bad = 0;

	for (unsigned int number = 0; number < NR_CALLS; number++) {
		if (is_allowed(number))
			continue;
		tried++;
		if (call(number, 0, 0, 0, 0, 0) != TAKEN_OVER_REFUSED) {
			printf("# system call %u is not refused\n", number);
			bad++;
		}
	}
	ok(tried > 400 && !bad, "all %u system calls that the VMM does not need are refused",
	   tried);
}

static void test_files(long inherited)
{
	static char path[] = "/", kvm[] = "/dev/kvm", memory[] = "/proc/self/mem";
	static char bytes[16];

	attack(call(SYS_openat, AT_FDCWD, in_vmm(path), O_DIRECTORY, 0, 0), "opening a directory");
	attack(call(SYS_openat, AT_FDCWD, in_vmm(kvm), O_RDWR, 0, 0), "opening /dev/kvm");
	attack(call(SYS_openat, AT_FDCWD, in_vmm(memory), O_RDWR, 0, 0), "opening /proc/self/mem");
	call(SYS_pread64, inherited, in_vmm(bytes), sizeof(bytes), 0, 0);
	ok(strncmp(bytes, "secret", 6) != 0, "a file that the VMM's parent left open is closed");
}

/* Requests that create VMs, or change terminals or disks, are refused for every descriptor. */
static void test_descriptors(void)
{
	static const struct {
		unsigned int request;
		const char *name;
	} requests[] = {
		{ 0xae00, "KVM_GET_API_VERSION" }, { 0xae01, "KVM_CREATE_VM" },
		{ 0xae41, "KVM_CREATE_VCPU" },     { 0x5412, "TIOCSTI" },
		{ 0x541c, "TIOCLINUX" },           { 0x1277, "BLKDISCARD" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(requests); i++) {
		unsigned int refusals = 0;

		for (long fd = 0; fd < NR_FDS; fd++)
			refusals += call(SYS_ioctl, fd, requests[i].request, 99, 0, 0) ==
				    TAKEN_OVER_REFUSED;
		ok(refusals == (open_vm ? 0 : NR_FDS), "ioctl %s of any descriptor %s",
		   requests[i].name, outcome());
	}
}

/* Repeat the last ioctl of descriptor -1 with another request. Returns 1 if it is not refused. */
static unsigned int request_allowed(u32 request)
{
	door_set(8, request);
	door_set(TAKEN_OVER_CALL, 1);
	return (long)door_get(TAKEN_OVER_CALL) != TAKEN_OVER_REFUSED;
}

/* Try all of KVM's request numbers, with the sizes that KVM's structures have. */
static void test_all_requests(void)
{
	static const u32 kvm[] = {
		0xae80 /* RUN */,
		0x4004ae86 /* INTERRUPT */,
		0x4008ae61 /* IRQ_LINE */,
		0x4010aeab /* GET_ONE_REG */,
		0x4010aeac /* SET_ONE_REG */,
		0xc008aeb0 /* GET_REG_LIST */,
		0x8004ae98 /* GET_MP_STATE */,
		0x4004ae99 /* SET_MP_STATE */,
		0x4018aee1 /* SET_DEVICE_ATTR */,
		0x4018aee2 /* GET_DEVICE_ATTR */,
		0x4020ae46 /* SET_USER_MEMORY_REGION */,
		0x4068aea3 /* ENABLE_CAP */,
		0x4010ae42 /* GET_DIRTY_LOG */,
		0xc018aec0 /* CLEAR_DIRTY_LOG */,
		0xae03 /* CHECK_EXTENSION */,
		0xaece /* GET_STATS_FD */,
	};
	static const u16 sizes[] = { 4, 8, 12, 16, 24, 32, 64, 72, 104, 160 };
	unsigned int allowed_requests = 0;

	call(SYS_ioctl, -1, 0, 0, 0, 0);
	for (u32 number = 0xae00; number < 0xaf00; number++) {
		allowed_requests += request_allowed(number);
		for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
			for (u32 way = 1; way < 4; way++)
				allowed_requests +=
					request_allowed(way << 30 | (u32)sizes[i] << 16 | number);
		}
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(kvm); i++)
		allowed_requests -= request_allowed(kvm[i]);
	ok(allowed_requests == 0, "all ioctl requests of KVM but %u are refused",
	   (unsigned int)ARRAY_SIZE(kvm));
}

static void test_processes(long victim)
{
	static unsigned long all_harts = 1;

	attack(call(SYS_kill, victim, 0, 0, 0, 0), "signaling another process");
	attack(call(SYS_tgkill, victim, victim, 0, 0, 0), "signaling another process's thread");
	attack(call(SYS_process_vm_readv, victim, 0, 0, 0, 0), "reading another process's memory");
	attack(call(SYS_sched_setaffinity, victim, sizeof(all_harts), in_vmm(&all_harts), 0, 0),
	       "moving another process to a processor");
}

static void test_memory(void)
{
	const long read_write = 3, executable = 7, private = 2, anonymous = 0x22, locked = 0x2022;
	long page;

	attack(call(SYS_mmap, 0, 4096, executable, anonymous, -1), "mapping executable memory");
	attack(call(SYS_mmap, 0, 4096, read_write, private, 0), "mapping a file");
	page = call(SYS_mmap, 0, 64 << 20, read_write, locked, -1);
	ok(page < 0 && page != TAKEN_OVER_REFUSED, "no more memory can be locked than the limit");
	page = call(SYS_mmap, 0, 4096, read_write, anonymous, -1);
	ok(page > 0, "memory of its own can be mapped");
	attack(call(SYS_mprotect, page, 4096, executable, 0, 0), "making memory executable");
}

void payload_main(void)
{
	long victim = (long)boot_need("victim"), inherited = (long)boot_need("fd");

	open_vm = boot_number("open", 0);
	ram = door_get(TAKEN_OVER_RAM);
	ok(call(SYS_getpid, 0, 0, 0, 0, 0) > 0, "the planted device makes system calls");
	test_files(inherited);
	test_descriptors();
	test_processes(victim);
	test_memory();
	if (!open_vm) {
		test_all_calls();
		test_all_requests();
	}
}
