// SPDX-License-Identifier: MIT
/*
 * escape.c - a guest that has taken over its VMM, and tries to leave the VMM's sandbox.
 *
 * It runs only in the VMM of tests/vmm/taken_over.c, whose planted device makes any system call for
 * the guest, with pointers into guest memory. After its attacks, it waits for a byte on the VMM's
 * standard input, so that tests/vmm/sandbox_probe.c can observe the VMM. Boot arguments:
 *
 *   victim=PID  the VMM of another VM, which it must not reach (other_vm.c)
 *   ram=N       the address, in this VMM, of a word of the other guest's memory
 *   scr=N       the address, in this VMM, of its serial port's scratch register
 *   vcpu=N      this VMM's descriptor of a vCPU
 *   fd=N        a file with the text "secret" that the parent of the own VMM has left open
 *   linux=1     the host is Linux, where capabilities have an effect
 *   open=1      the own VMM has no sandbox, so that the attacks have to succeed
 *
 * The system calls' numbers are riscv64 Linux's.
 */
#include "rt.h"
#include "../vmm/taken_over.h"

#define NR_CALLS    480
#define NR_FDS      64
#define EINTR       4
#define EFAULT      14
#define AT_FDCWD    -100
#define O_RDWR      2
#define O_DIRECTORY 0200000

enum { /* numbers */
	SYS_ioctl = 29,
	SYS_openat = 56,
	SYS_close = 57,
	SYS_read = 63,
	SYS_pread64 = 67,
	SYS_pwrite64 = 68,
	SYS_sched_setaffinity = 122,
	SYS_kill = 129,
	SYS_tgkill = 131,
	SYS_getpid = 172,
	SYS_mmap = 222,
	SYS_mprotect = 226,
	SYS_process_vm_readv = 270,
	SYS_process_vm_writev = 271,
	SYS_pidfd_open = 434,
	SYS_pidfd_getfd = 438,
};

enum { /* ioctl requests */
	KVM_CHECK_EXTENSION = 0xae03,
	KVM_GET_DIRTY_LOG = 0x4010ae42,
	KVM_SET_ONE_REG = 0x4010aeac,
};

/* A VS CSR that no trap of the other guest changes while it waits: stval. */
#define REG_STVAL 0x8030000003000006ul

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
static long attack(long result, const char *what)
{
	if (!ok((result == TAKEN_OVER_REFUSED) != open_vm, "%s %s", what, outcome()))
		printf("# %ld\n", result);
	return result;
}

static bool is_allowed(unsigned int number)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(allowed); i++) {
		if (allowed[i] == number)
			return true;
	}
	return false;
}

/* Ends with the first call that is not refused: the kernel executes it, and others could do harm. */
static void test_all_calls(void)
{
	unsigned int tried = 0, bad = 0;

	for (unsigned int number = 0; number < NR_CALLS && !bad; number++) {
		if (is_allowed(number))
			continue;
		tried++;
		if (call(number, 0, 0, 0, 0, 0) != TAKEN_OVER_REFUSED) {
			printf("# system call %u is not refused\n", number);
			bad++;
		}
	}
	if (!bad)
		note("%u system calls were tried", tried);
	ok(tried > 400 && !bad, "all system calls that the VMM does not need are refused");
}

static void attack_open(const char *path, long flags, const char *what)
{
	long fd = attack(call(SYS_openat, AT_FDCWD, in_vmm(path), flags, 0, 0), what);

	if (fd >= 0)
		call(SYS_close, fd, 0, 0, 0, 0);
}

static void test_files(long inherited)
{
	static char path[] = "/", kvm[] = "/dev/kvm", memory[] = "/proc/self/mem";
	static char bytes[16];

	attack_open(path, O_DIRECTORY, "opening a directory");
	attack_open(kvm, O_RDWR, "opening /dev/kvm");
	attack_open(memory, O_RDWR, "opening /proc/self/mem");
	call(SYS_pread64, inherited, in_vmm(bytes), sizeof(bytes), 0, 0);
	ok(strncmp(bytes, "secret", 6) != 0, "a file that the VMM's parent left open is closed");
}

/*
 * The sandbox allows KVM_CHECK_EXTENSION, which succeeds for /dev/kvm and for a VM. Only a VM has a
 * dirty log.
 */
static void test_kvm_descriptor(void)
{
	unsigned int vms = 0, systems = 0;

	for (long fd = 0; fd < NR_FDS; fd++) {
		if (call(SYS_ioctl, fd, KVM_CHECK_EXTENSION, 1, 0, 0) < 0)
			continue;
		if (call(SYS_ioctl, fd, KVM_GET_DIRTY_LOG, 0, 0, 0) == -EFAULT)
			vms++;
		else
			systems++;
	}
	if (!ok(vms == 1 && systems == open_vm, "the VMM has one VM and %s of /dev/kvm",
		open_vm ? "its descriptor" : "no descriptor"))
		note("%u VMs, %u descriptors of /dev/kvm", vms, systems);
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

static unsigned long mark = 0x4444444444444444;

static long write_other_vmm(long victim, unsigned long address, unsigned long len)
{
	static struct {
		unsigned long base, len;
	} local, remote;

	local.base = (unsigned long)in_vmm(&mark);
	remote.base = address;
	local.len = remote.len = len;
	return call(SYS_process_vm_writev, victim, in_vmm(&local), 1, in_vmm(&remote), 1);
}

/* Change the other guest's memory, its serial port, its disk, and a register of its vCPU. */
static void test_other_vm(long victim)
{
	static char disk[] = "/other-disk";
	static struct {
		unsigned long id, address;
	} reg = { REG_STVAL, 0 };
	long fd;

	attack(write_other_vmm(victim, boot_need("ram"), sizeof(mark)),
	       "writing another VM's memory");
	attack(write_other_vmm(victim, boot_need("scr"), 1),
	       "writing the state of another VM's serial port");

	fd = attack(call(SYS_openat, AT_FDCWD, in_vmm(disk), O_RDWR, 0, 0),
		    "opening another VM's disk");
	call(SYS_pwrite64, fd, in_vmm(&mark), sizeof(mark), 0, 0);

	fd = attack(call(SYS_pidfd_open, victim, 0, 0, 0, 0), "getting a handle of another VMM");
	fd = attack(call(SYS_pidfd_getfd, fd, (long)boot_need("vcpu"), 0, 0, 0),
		    "taking another VMM's descriptor of its vCPU");
	reg.address = (unsigned long)in_vmm(&mark);
	call(SYS_ioctl, fd, KVM_SET_ONE_REG, in_vmm(&reg), 0, 0);
}

static void test_memory(bool capable)
{
	const long read_write = 3, executable = 7, private = 2, anonymous = 0x22, locked = 0x2022;
	long page;

	attack(call(SYS_mmap, 0, 4096, executable, anonymous, -1), "mapping executable memory");
	attack(call(SYS_mmap, 0, 4096, read_write, private, 0), "mapping a file");
	page = call(SYS_mmap, 0, 64 << 20, read_write, locked, -1);
	ok((page < 0 && page != TAKEN_OVER_REFUSED) != capable,
	   capable ? "CAP_IPC_LOCK lets it lock more memory than the limit"
		   : "no more memory can be locked than the limit");
	page = call(SYS_mmap, 0, 4096, read_write, anonymous, -1);
	ok(page > 0, "memory of its own can be mapped");
	attack(call(SYS_mprotect, page, 4096, executable, 0, 0), "making memory executable");
}

static void wait_for_byte(void)
{
	static char byte;

	note("waiting");
	while (call(SYS_read, 0, in_vmm(&byte), 1, 0, 0) == -EINTR)
		;
}

void payload_main(void)
{
	long victim = (long)boot_need("victim"), inherited = (long)boot_need("fd");

	open_vm = boot_number("open", 0);
	ram = door_get(TAKEN_OVER_RAM);
	ok(call(SYS_getpid, 0, 0, 0, 0, 0) > 0, "the planted device makes system calls");
	test_kvm_descriptor();
	test_files(inherited);
	test_descriptors();
	test_processes(victim);
	test_other_vm(victim);
	test_memory(open_vm && boot_number("linux", 0));
	if (!open_vm) {
		test_all_calls();
		test_all_requests();
	}
	wait_for_byte();
}
