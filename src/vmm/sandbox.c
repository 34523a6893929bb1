// SPDX-License-Identifier: MIT
/*
 * sandbox.c - give up, before the guest runs, all rights that the VMM no longer needs.
 *
 * A guest that finds a defect in a device may execute code in the VMM. The sandbox limits this code:
 * the VMM has no capabilities and no descriptor of /dev/kvm, and its seccomp filter allows only the
 * system calls below. With them, the VMM can use its open descriptors, its own memory and clocks.
 * It cannot open a file, create a process, thread, VM or socket, make memory executable, or send a
 * signal to another process.
 *
 * The filter is installed for all threads at once. They already exist, have given up their
 * capabilities, and wait in machine_vcpu_park() or for work.
 */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include "vmm.h"

/* TCGETS2 and TCSETS2, which newer C libraries use; their struct is not in the headers. */
#define GET_TERMIOS2 0x802c542au
#define SET_TERMIOS2 0x402c542bu

/* The system calls that are allowed whatever their arguments. */
static const u32 calls[] = {
	__NR_read,
	__NR_write,
	__NR_readv,
	__NR_writev,
	__NR_pread64,
	__NR_pwrite64,
	__NR_preadv,
	__NR_pwritev,
	__NR_futex,
	__NR_ppoll,
	__NR_clock_gettime,
	__NR_clock_nanosleep,
	__NR_rt_sigreturn,
	__NR_rt_sigprocmask,
	__NR_restart_syscall,
	__NR_getpid,
	__NR_gettid,
	__NR_lseek,
	__NR_ftruncate,
	__NR_fsync,
	__NR_fdatasync,
	__NR_close,
	__NR_brk,
	__NR_munmap,
	__NR_mremap,
	__NR_madvise,
	__NR_getrandom,
	__NR_riscv_flush_icache,
	__NR_exit,
	__NR_exit_group,
};

/* The ioctl requests that are allowed; the most frequent one first. */
static const u32 requests[] = {
	KVM_RUN,
	KVM_INTERRUPT,
	KVM_IRQ_LINE,
	KVM_GET_ONE_REG,
	KVM_SET_ONE_REG,
	KVM_GET_REG_LIST,
	KVM_GET_MP_STATE,
	KVM_SET_MP_STATE,
	KVM_SET_DEVICE_ATTR,
	KVM_GET_DEVICE_ATTR,
	KVM_SET_USER_MEMORY_REGION,
	KVM_ENABLE_CAP, /* of the dirty log */
	KVM_GET_DIRTY_LOG,
	KVM_CLEAR_DIRTY_LOG,
	KVM_CHECK_EXTENSION,
	KVM_GET_STATS_FD,
	TCGETS, /* tcsetattr() reads back what it has set */
	TCSETS,
	GET_TERMIOS2,
	SET_TERMIOS2,
};

struct filter {
	struct sock_filter insns[256];
	unsigned short len;
};

static void add(struct filter *f, struct sock_filter insn)
{
	if (f->len == ARRAY_SIZE(f->insns))
		die(STATUS_SETUP, "the sandbox has too many rules");
	f->insns[f->len++] = insn;
}

static void load(struct filter *f, size_t offset)
{
	add(f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (u32)offset));
}

static void result(struct filter *f, u32 action)
{
	add(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* Execute the next `skip` instructions only if the loaded word fulfills the condition. */
static void unless_skip(struct filter *f, u16 condition, u32 value, u8 skip)
{
	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | condition | BPF_K, value, 0, skip));
}

static void result_if(struct filter *f, u16 condition, u32 value, u32 action)
{
	unless_skip(f, condition, value, 1);
	result(f, action);
}

static void allow_if_equal(struct filter *f, u32 value)
{
	result_if(f, BPF_JEQ, value, SECCOMP_RET_ALLOW);
}

/* The low half of an argument: those compared here are ints for the kernel, or have no other bits. */
static void load_arg(struct filter *f, unsigned int n)
{
	load(f, offsetof(struct seccomp_data, args) + n * sizeof(u64));
}

/* Begin the rules for a call's arguments. Returns where the length of the rules is stored. */
static struct sock_filter *begin_call(struct filter *f, u32 number)
{
	unless_skip(f, BPF_JEQ, number, 0);
	return &f->insns[f->len - 1];
}

/* End the rules for a call's arguments; `otherwise` is the result if none of them applies. */
static void end_call(struct filter *f, struct sock_filter *call, u32 otherwise)
{
	result(f, otherwise);
	call->jf = (u8)(&f->insns[f->len - 1] - call);
}

static void ioctl_rules(struct filter *f)
{
	struct sock_filter *call = begin_call(f, __NR_ioctl);

	load_arg(f, 1);
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		allow_if_equal(f, requests[i]);
	end_call(f, call, SECCOMP_RET_TRAP);
}

/* Memory: nothing executable, and new mappings only of anonymous memory. */
static void memory_rules(struct filter *f)
{
	struct sock_filter *call = begin_call(f, __NR_mmap);

	load_arg(f, 2);
	result_if(f, BPF_JSET, PROT_EXEC, SECCOMP_RET_TRAP);
	load_arg(f, 3);
	result_if(f, BPF_JSET, MAP_ANONYMOUS, SECCOMP_RET_ALLOW);
	end_call(f, call, SECCOMP_RET_TRAP);

	call = begin_call(f, __NR_mprotect);
	load_arg(f, 2);
	result_if(f, BPF_JSET, PROT_EXEC, SECCOMP_RET_TRAP);
	end_call(f, call, SECCOMP_RET_ALLOW);
}

/* Signals, and the choice of processors, only for the VMM's own threads. */
static void thread_rules(struct filter *f)
{
	struct sock_filter *call = begin_call(f, __NR_tgkill);

	load_arg(f, 0);
	allow_if_equal(f, (u32)getpid());
	end_call(f, call, SECCOMP_RET_TRAP);

	call = begin_call(f, __NR_sched_setaffinity);
	load_arg(f, 0);
	allow_if_equal(f, 0);
	end_call(f, call, SECCOMP_RET_TRAP);
}

static void install_filter(void)
{
	static struct filter f;
	struct sock_fprog program = { .filter = f.insns };

	load(&f, offsetof(struct seccomp_data, arch));
	add(&f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_RISCV64, 1, 0));
	result(&f, SECCOMP_RET_KILL_PROCESS);
	load(&f, offsetof(struct seccomp_data, nr));
	ioctl_rules(&f);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		allow_if_equal(&f, calls[i]);
	memory_rules(&f);
	thread_rules(&f);
	result(&f, SECCOMP_RET_TRAP);
	program.len = f.len;
	if (syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program))
		die(STATUS_SETUP, "seccomp: %s; --no-sandbox runs the guest without a sandbox",
		    strerror(errno));
}

/* Of the calling thread: the kernel keeps capabilities for each thread. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(__NR_capset, &header, none))
		die(STATUS_SETUP, "cannot give up capabilities: %s", strerror(errno));
}

void sandbox_begin(void)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

static struct {
	void *(*fn)(void *);
	void *arg;
	sem_t taken;
} new_thread;

static void *start_thread(void *unused)
{
	void *(*fn)(void *) = new_thread.fn;
	void *arg = new_thread.arg;

	(void)unused;
	drop_capabilities();
	sem_post(&new_thread.taken);
	return fn(arg);
}

int thread_create(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	int err;

	new_thread.fn = fn;
	new_thread.arg = arg;
	err = pthread_create(thread, NULL, start_thread, NULL);
	while (!err && sem_wait(&new_thread.taken) < 0)
		; /* EINTR */
	return err;
}

/*
 * A forbidden system call. The process may be controlled by the guest, so nothing but the message is
 * attempted.
 */
static void refused(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	char line[120];
	int n = snprintf(line, sizeof(line),
			 "vmm: the sandbox refused system call %d (0x%lx, 0x%lx, 0x%lx)\n",
			 info->si_syscall, uc->uc_mcontext.__gregs[REG_A0],
			 uc->uc_mcontext.__gregs[REG_A0 + 1], uc->uc_mcontext.__gregs[REG_A0 + 2]);
	ssize_t written = write(STDERR_FILENO, line, (size_t)n);

	(void)signal;
	(void)written; /* the process ends whether or not the message was written */
	console_restore_terminal();
	_exit(STATUS_SANDBOX);
}

/*
 * If the parent has closed descriptors 0 to 2, they become /dev/null: otherwise, the files opened
 * first would be the guest's console. With more than one arena, malloc() would read the number of
 * processors from a file when a thread calls it for the first time.
 */
void sandbox_prepare(void)
{
	struct sigaction action = { .sa_sigaction = refused, .sa_flags = SA_SIGINFO };
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	mallopt(M_ARENA_MAX, 1);
	syscall(__NR_close_range, STDERR_FILENO + 1, ~0u, 0); /* what the parent has left open */
	sigaction(SIGSYS, &action, NULL);
	sem_init(&new_thread.taken, 0, 0);
}

void sandbox_enter(struct machine *m)
{
	close(m->kvm_fd);
	m->kvm_fd = -1;
	drop_capabilities();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		die(STATUS_SETUP, "cannot give up new privileges: %s", strerror(errno));
	install_filter();
}
