// SPDX-License-Identifier: MIT
/*
 * sandbox_probe.c - run a VMM that its guest has taken over, and observe it from outside.
 *
 *   sandbox_probe linux|hyperscope          /taken_over with and without its sandbox
 *   sandbox_probe linux|hyperscope VMM...   each VMM with its sandbox
 *
 * The guest is the payload escape. Beside it, the payload other_vm runs in a second VMM. While the
 * guest waits after its attacks, this program reads /proc of its VMM: the capabilities and the
 * filter of each thread, and the descriptors. Then the other guest checks whether it was changed.
 *
 * A process of root normally has no inheritable and no ambient capabilities. This program raises
 * both, so that a VMM without a sandbox has capabilities in all sets. hyperscope has no
 * capabilities, and no process can read another one's descriptors there.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OTHER_DISK  "/other-disk"
#define LOCKED_MAX  (8 << 20)
#define THREADS_MIN 3  /* the main thread, the console's and the vCPU's */
#define DEADLINE    90 /* seconds for a guest's claims; then its VMM is killed */

struct vm {
	pid_t pid;
	int to;     /* its standard input */
	FILE *from; /* its standard output and error */
};

/* In the other VMM: of a word of guest memory, and of its serial port's scratch register. */
struct addresses {
	unsigned long ram, scr;
};

/* A line of /proc/PID/task/TID/status, and how many threads have which value. */
struct field {
	const char *name;
	bool is_set; /* of capabilities */
	int wanted;  /* of all threads in the sandbox; without a sandbox, it is 0, or a set not 0 */
	unsigned int wanted_count, zero_count;
};

static bool on_linux;
static unsigned int claims, failures;
static volatile sig_atomic_t is_late;
static char line[4096];

static bool claim(bool good, const char *label, const char *format, ...)
{
	va_list args;

	printf("%sok %u - %s: ", good ? "" : "not ", ++claims, label);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	failures += !good;
	return good;
}

static bool skip(const char *label, const char *name, const char *why)
{
	printf("ok %u - %s: %s # SKIP %s\n", ++claims, label, name, why);
	return true;
}

/* ---- VMs ---- */

static void raise_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	syscall(__NR_capget, &header, data);
	for (unsigned int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].inheritable = data[i].permitted;
	syscall(__NR_capset, &header, data);
	for (int cap = 0; prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) == 0; cap++)
		;
}

static void start(struct vm *vm, char *const argv[], bool capable)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		exit(2);
	vm->pid = fork();
	if (vm->pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(out[1], 2);
		if (capable)
			setenv("KEEP_CAPABILITIES", "1", 1);
		execv(argv[0], argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	vm->to = in[1];
	vm->from = fdopen(out[0], "r");
}

/* Ends the read in follow() with EINTR. */
static void on_alarm(int signal)
{
	(void)signal;
	is_late = 1;
}

static void repeat_claim(const char *label, bool good)
{
	const char *name = strstr(line, " - ");

	claim(good, label, "%s", name ? name + 3 : line);
}

/*
 * Repeat the guest's claims until it waits or ends. Returns true if it waits. If it prints addresses,
 * sets them. A child of the VMM may keep the pipe open for ever, so the wait has a deadline.
 */
static bool follow(const struct vm *vm, const char *label, struct addresses *at)
{
	bool waits = false;

	is_late = 0;
	alarm(DEADLINE);
	while (fgets(line, sizeof(line), vm->from)) {
		line[strcspn(line, "\r\n")] = '\0';
		waits = strcmp(line, "# waiting") == 0;
		if (waits)
			break;
		if (strncmp(line, "ok ", 3) == 0)
			repeat_claim(label, true);
		else if (strncmp(line, "not ok ", 7) == 0)
			repeat_claim(label, false);
		else if (sscanf(line, "# ram %lu scr %lu", &at->ram, &at->scr) != 2 && line[0])
			printf("# %s: %s\n", label, line);
	}
	alarm(0);
	if (is_late)
		kill(vm->pid, SIGKILL);
	return waits;
}

static void tell(const struct vm *vm, char byte)
{
	if (write(vm->to, &byte, 1) < 0)
		printf("# the VMM has closed its standard input\n");
}

static void end(struct vm *vm, const char *label)
{
	struct addresses unused;
	int status = -1;

	tell(vm, 'q');
	follow(vm, label, &unused);
	close(vm->to);
	fclose(vm->from);
	waitpid(vm->pid, &status, 0);
	if (!claim(status == 0, label, "the guest powers off, so the VMM was not killed"))
		printf("# wait status 0x%x\n", status);
}

/* ---- /proc ---- */

/* Returns the number of links in /proc/PID/fd to `target`, and sets *last to the last of them. */
static int count_links(pid_t pid, const char *target, int *last)
{
	char path[300], to[300];
	const struct dirent *entry;
	int count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, entry->d_name);
		n = readlink(path, to, sizeof(to) - 1);
		to[n < 0 ? 0 : n] = '\0';
		if (strcmp(to, target) == 0) {
			*last = atoi(entry->d_name);
			count++;
		}
	}
	if (dir)
		closedir(dir);
	return count;
}

static void read_field(struct field *field, FILE *status)
{
	size_t len = strlen(field->name);

	rewind(status);
	while (fgets(line, sizeof(line), status)) {
		if (strncmp(line, field->name, len) == 0 && line[len] == ':') {
			unsigned long long value = strtoull(line + len + 1, NULL, 16);

			field->wanted_count += value == (unsigned long long)field->wanted;
			field->zero_count += value == 0;
		}
	}
}

static unsigned int read_threads(pid_t pid, struct field *fields, size_t n)
{
	const struct dirent *entry;
	unsigned int threads = 0;
	char path[300];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		FILE *status;

		if (entry->d_name[0] == '.')
			continue;
		threads++;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid, entry->d_name);
		status = fopen(path, "r");
		for (size_t i = 0; status && i < n; i++)
			read_field(&fields[i], status);
		if (status)
			fclose(status);
	}
	if (dir)
		closedir(dir);
	return threads;
}

static void claim_field(const struct field *f, const char *label, bool caged, unsigned int threads)
{
	bool good = caged       ? f->wanted_count == threads
		    : f->is_set ? f->zero_count == 0
				: f->zero_count == threads;

	if (!f->is_set)
		good = claim(good, label, "%s is %d in every thread", f->name,
			     caged ? f->wanted : 0);
	else if (on_linux)
		good = claim(good, label, "%s is empty in %s thread", f->name,
			     caged ? "every" : "no");
	else
		good = skip(label, f->name, "hyperscope has no capabilities");
	if (!good)
		printf("# of %u threads, %u have %d, %u have 0\n", threads, f->wanted_count,
		       f->wanted, f->zero_count);
}

static void observe(const struct vm *vm, const char *label, bool caged)
{
	struct field fields[] = {
		{ .name = "CapInh", .is_set = true },
		{ .name = "CapPrm", .is_set = true },
		{ .name = "CapEff", .is_set = true },
		{ .name = "CapBnd", .is_set = true },
		{ .name = "CapAmb", .is_set = true },
		{ .name = "NoNewPrivs", .wanted = 1 },
		{ .name = "Seccomp", .wanted = SECCOMP_MODE_FILTER },
	};
	size_t n = sizeof(fields) / sizeof(fields[0]);
	unsigned int threads = read_threads(vm->pid, fields, n);
	int fd, count;

	claim(threads >= THREADS_MIN, label, "the VMM has its main thread, a console and a vCPU");
	for (size_t i = 0; i < n; i++)
		claim_field(&fields[i], label, caged, threads);
	if (!on_linux) {
		skip(label, "/proc/PID/fd", "no process can read it of another one on hyperscope");
		return;
	}
	count = count_links(vm->pid, "/dev/kvm", &fd);
	claim(count == !caged, label, "/proc/PID/fd has %s link to /dev/kvm", caged ? "no" : "one");
}

/* ---- attacks ---- */

static void start_other(struct vm *other, struct addresses *at)
{
	static char *const argv[] = { "/taken_over", "--quiet",       "--no-console-input",
				      "--memory",    "64M",           "--disk",
				      OTHER_DISK,    "/other_vm.bin", NULL };
	int disk = open(OTHER_DISK, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (disk < 0 || ftruncate(disk, 1 << 20) < 0)
		exit(2);
	close(disk);
	start(other, argv, false);
	claim(follow(other, "other VM", at) && at->ram, "other VM", "it has filled its memory");
}

static void attack(const char *vmm, const char *label, bool caged, const struct vm *other,
		   const char *boot_args)
{
	struct addresses unused;
	struct vm vm;
	char append[300];
	char *argv[] = { (char *)vmm, "--quiet", "--no-console-input", "--memory",    "64M",
			 "--append",  append,    "--no-sandbox",       "/escape.bin", NULL };

	snprintf(append, sizeof(append), "%s%s", boot_args, caged ? "" : " open=1");
	if (caged) {
		argv[7] = argv[8];
		argv[8] = NULL;
	}
	start(&vm, argv, !caged);
	if (claim(follow(&vm, label, &unused), label, "the guest has made its attacks"))
		observe(&vm, label, caged);
	end(&vm, label);
	/* Without a sandbox, memory and devices can be changed on Linux, but only the disk on hyperscope. */
	tell(other, caged ? '0' : on_linux ? '7' : '4');
	claim(follow(other, label, &unused), label, "the other VM still runs");
}

int main(int argc, char *argv[])
{
	struct rlimit locked = { LOCKED_MAX, LOCKED_MAX };
	struct addresses at = { 0, 0 };
	struct vm other;
	char boot_args[200];
	int secret, vcpu = 0;

	if (argc < 2)
		return 2;
	on_linux = strcmp(argv[1], "linux") == 0;
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL);
	raise_capabilities();
	setrlimit(RLIMIT_MEMLOCK, &locked);
	secret = open("/left-open", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (write(secret, "secret", 6) != 6)
		return 2;
	start_other(&other, &at);
	count_links(other.pid, "anon_inode:kvm-vcpu:0", &vcpu);
	snprintf(boot_args, sizeof(boot_args), "victim=%d fd=%d ram=%lu scr=%lu vcpu=%d linux=%d",
		 other.pid, secret, at.ram, at.scr, vcpu, on_linux);
	if (argc == 2) {
		attack("/taken_over", "inside", true, &other, boot_args);
		attack("/taken_over", "outside", false, &other, boot_args);
	}
	for (int i = 2; i < argc; i++)
		attack(argv[i], argv[i] + 1, true, &other, boot_args);
	end(&other, "other VM");
	printf("1..%u\n", claims);
	return failures > 0;
}
