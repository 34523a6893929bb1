// SPDX-License-Identifier: MIT
/*
 * choosing.c - hostile threads use the files of tracefs while VMs run: nothing hangs, no byte is
 * leaked, and every record is in a ring or counted as lost.
 *
 *   choosing [ROUNDS [SEED]]     rounds of each thread (3000). Runs on hyperscope only.
 */
#include <dirent.h>
#include <stdarg.h>
#include "bytes.h"

#define TRACING "/sys/kernel/tracing/"
#define EVENTS  TRACING "events/hs/"

GUEST(mmio, "li t0, 0x10000000\n1: lw t1, 0(t0)\nsw t1, 4(t0)\nj 1b\n");
GUEST(sbi, "1: li a0, 1\nli a6, 0\nli a7, 0x10\necall\n" REPORT "j 1b\n");
GUEST(touch, "1: li t0, 0x80100000\nli t1, 0x80300000\nli t2, 4096\n"
	     "2: sd t0, 0(t0)\nadd t0, t0, t2\nbltu t0, t1, 2b\nj 1b\n");

static unsigned int rounds = 3000;
static void *volatile nowhere = (void *)8;
static volatile bool stop;

static int put(const char *path, const void *text, size_t size, int flags)
{
	int fd = open(path, O_WRONLY | flags);
	long n = -1;

	if (fd < 0)
		return -1;
	n = write(fd, text, size);
	close(fd);
	return n == (long)size ? 0 : -1;
}

static int put_text(const char *path, const char *text)
{
	return put(path, text, strlen(text), 0);
}

/* ---- names ---- */

static char events[200][40];
static unsigned int nr_events;

static void read_names(void)
{
	FILE *f = fopen(TRACING "available_events", "r");
	char line[80];

	must(f != NULL, TRACING "available_events");
	while (nr_events < 200 && fgets(line, sizeof(line), f))
		if (sscanf(line, "hs:%39s", events[nr_events]) == 1)
			nr_events++;
	fclose(f);
}

/* ---- hostile threads ---- */

struct chance {
	uint64_t state;
};

static unsigned int below(struct chance *c, unsigned int n)
{
	c->state = c->state * 6364136223846793005 + 1442695040888963407;
	return (unsigned int)(c->state >> 33) % n;
}

static size_t garbage(struct chance *c, char *buf, size_t size)
{
	static const char alphabet[] = "()!&|<>=0x9-\0\n \t,*?:tracfonvmid%s";
	size_t n = below(c, (unsigned int)size);

	for (size_t i = 0; i < n; i++)
		buf[i] = below(c, 8) ? alphabet[below(c, sizeof(alphabet) - 1)]
				     : (char)below(c, 256);
	return n;
}

static const char *const filters[] = {
	"0",
	"vm == 1",
	"hart != 0 && vcpu >= 0",
	"vm == 99999999999999999999",
	"vm & -1",
	"((((((((((((((((((((((((((vm == 1",
	"!!!!!!!!!!!!!!!!!!!!!!!!!!!vm == 1",
	"vm==1||vm==2||vm==3",
	"vm == 0x8000000000000000 || vm < -1",
	"(vm == 1) && (vcpu == 0) && !(hart == 3)",
	"",
};
static const char *const triggers[] = {
	"traceoff",
	"traceon",
	"!traceoff",
	"!traceon",
	"traceoff:1",
	"traceon:99999999999999999999",
	"traceoff:3 if vm == 1",
	"traceon if hart >= 0",
	"traceoff:-1",
	"traceoff if ((((",
};
static const char *const chosen[] = { "*",
				      "!*",
				      "kvm_*",
				      "!kvm_*",
				      "hs:*",
				      "sys_*",
				      "!sys_*",
				      "*:*",
				      "hs:kvm_exit,!kvm_exit, nonesuch",
				      "****************?" };
static const char *const switches[] = { "tracing_on", "options/overwrite", "events/enable",
					"events/hs/enable", "buffer_size_kb" };

#define ANY(c, of) (of[below(c, sizeof(of) / sizeof((of)[0]))])

static void odd_reads(struct chance *c, const char *path)
{
	int fd = open(path, below(c, 2) ? O_RDONLY : O_RDWR), copy;
	char buf[700];
	void *map;

	if (fd < 0)
		return;
	copy = dup(fd);
	for (unsigned int i = 0; i < 4; i++) {
		read(below(c, 2) ? fd : copy, buf, below(c, sizeof(buf)));
		lseek(fd, below(c, 3) ? (long)below(c, 900) - 100 : (long)(~0UL >> 1), below(c, 3));
		pread(fd, buf, below(c, sizeof(buf)), (long)below(c, 5000));
	}
	read(fd, nowhere, 100);
	write(fd, nowhere, 100);
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		munmap(map, 4096);
	close(fd);
	close(copy);
}

static void step(struct chance *c)
{
	char path[200], buf[400];
	const char *name = events[below(c, nr_events)];
	size_t n;

	switch (below(c, 10)) {
	case 0:
		snprintf(path, sizeof(path), EVENTS "%s/enable", name);
		put_text(path, below(c, 2) ? "1" : "0");
		break;
	case 1:
	case 2:
		snprintf(path, sizeof(path), EVENTS "%s/filter", name);
		put_text(path, ANY(c, filters));
		break;
	case 3:
		snprintf(path, sizeof(path), EVENTS "%s/trigger", name);
		put_text(path, ANY(c, triggers));
		break;
	case 4:
		put(TRACING "set_event", buf,
		    (size_t)snprintf(buf, sizeof(buf), "%s\n", ANY(c, chosen)),
		    below(c, 2) ? O_APPEND : O_TRUNC);
		break;
	case 5:
		snprintf(path, sizeof(path), TRACING "%s", ANY(c, switches));
		put_text(path, below(c, 4) ? "1" : "0");
		break;
	case 6:
		n = garbage(c, buf, sizeof(buf));
		put(TRACING "trace_marker", buf, n, 0);
		break;
	case 7:
		n = garbage(c, buf, sizeof(buf));
		snprintf(path, sizeof(path), EVENTS "%s/%s", name,
			 below(c, 2) ? "filter" : "trigger");
		put(path, buf, n, 0);
		break;
	case 8:
		snprintf(path, sizeof(path), TRACING "%s", ANY(c, switches));
		n = garbage(c, buf, sizeof(buf));
		put(path, buf, n, 0);
		break;
	default:
		snprintf(path, sizeof(path), below(c, 2) ? EVENTS "%s/format" : EVENTS "%s/filter",
			 name);
		odd_reads(c, path);
	}
}

static void *hostile(void *arg)
{
	struct chance c = { (uintptr_t)arg };

	for (unsigned int i = 0; i < rounds; i++)
		step(&c);
	return NULL;
}

static void *run_vcpu(void *arg)
{
	const struct vcpu *vcpu = arg;

	while (!stop)
		if (vcpu_run(vcpu) && errno != EINTR && errno != EAGAIN)
			break;
	return NULL;
}

/* Restore tracefs to its state after boot. */
static void reset_all(void)
{
	static const char *const never[] = { "!traceoff", "!traceon" };
	char path[200];

	for (unsigned int i = 0; i < nr_events; i++) {
		snprintf(path, sizeof(path), EVENTS "%.39s/filter", events[i]);
		put_text(path, "0");
		snprintf(path, sizeof(path), EVENTS "%.39s/trigger", events[i]);
		put_text(path, never[0]);
		put_text(path, never[1]);
	}
	put_text(TRACING "events/enable", "0");
	put_text(TRACING "options/overwrite", "1");
	put_text(TRACING "tracing_on", "1");
}

#define HOSTILE 6
#define GUESTS  3

static void on_alarm(int number)
{
	(void)number;
}

/* Open as many files as allowed, fork with them, and exit without closing any. */
static void many_open(void)
{
	char path[200];
	int n = 0;

	for (unsigned int i = 0; i < 5000; i++) {
		snprintf(path, sizeof(path), EVENTS "%s/%s", events[i % nr_events],
			 i % 3 ? "format" : "filter");
		if (open(path, i % 2 || i % 3 ? O_RDONLY : O_RDWR) < 0)
			break;
		n++;
	}
	if (fork() == 0)
		_exit(0);
	wait(NULL);
	_exit(n > 500 ? 7 : 8);
}

static void all_at_once(void)
{
	static struct vm vms[GUESTS];
	static struct vcpu vcpus[GUESTS];
	pthread_t threads[HOSTILE], runners[GUESTS];
	struct sigaction action = { .sa_handler = on_alarm };

	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < GUESTS; i++) {
		vms[i] = vm_new();
		if (i == 0)
			vm_load(&vms[i], mmio);
		else if (i == 1)
			vm_load(&vms[i], sbi);
		else
			vm_load(&vms[i], touch);
		vcpus[i] = vcpu_new(&vms[i], 0);
		must(!pthread_create(&runners[i], NULL, run_vcpu, &vcpus[i]), "pthread_create");
	}
	for (uintptr_t i = 0; i < HOSTILE; i++)
		must(!pthread_create(&threads[i], NULL, hostile, (void *)(seed + i)),
		     "pthread_create");
	for (int i = 0; i < HOSTILE; i++)
		pthread_join(threads[i], NULL);
	stop = true;
	for (int i = 0; i < GUESTS; i++)
		pthread_kill(runners[i], SIGUSR1);
	/* The vCPU threads end with the process. */
	_exit(7);
}

/* ---- counting records ---- */

/* Return the number of records in the rings, overwritten and dropped, over all harts. */
static unsigned long long counted(void)
{
	unsigned long long sum = 0, value;
	char path[80], line[80];
	FILE *f;

	for (int hart = 0;; hart++) {
		snprintf(path, sizeof(path), TRACING "per_cpu/cpu%d/stats", hart);
		f = fopen(path, "r");
		if (!f)
			return sum;
		while (fgets(line, sizeof(line), f))
			if (sscanf(line, "entries: %llu", &value) == 1 ||
			    sscanf(line, "overrun: %llu", &value) == 1 ||
			    sscanf(line, "dropped events: %llu", &value) == 1)
				sum += value;
		fclose(f);
	}
}

static void *mark(void *arg)
{
	static const char text[] = "thirty-two characters and more";
	int fd = open(TRACING "trace_marker", O_WRONLY);
	unsigned long *refused = arg;

	for (unsigned int i = 0; i < rounds; i++)
		*refused += write(fd, text, sizeof(text)) != sizeof(text);
	close(fd);
	return NULL;
}

/* Change filters, triggers and options all the time; none of the filters drops a marker. */
static void *flip(void *arg)
{
	static const char *const always[] = { "part == 0", "0", "vm >= 0 || vm < 0", "bad (" };
	char path[200];

	for (unsigned int i = 0; !stop; i++) {
		put_text(EVENTS "print/filter", always[i % 4]);
		put_text(TRACING "options/overwrite", i & 1 ? "1" : "0");
		put_text(EVENTS "kvm_exit/filter", i & 2 ? "0" : "vm == 7");
		put_text(EVENTS "kvm_exit/enable", i & 4 ? "0" : "1");
		snprintf(path, sizeof(path), EVENTS "print/trigger");
		put_text(path, i & 1 ? "!traceoff" : "traceoff if part == 77");
	}
	return arg;
}

static void test_counted(void)
{
	unsigned long refused[4] = { 0 };
	unsigned long long before;
	pthread_t marks[4], flips[2];

	put_text(EVENTS "print/enable", "1");
	before = counted();
	stop = false;
	for (int i = 0; i < 2; i++)
		pthread_create(&flips[i], NULL, flip, NULL);
	for (int i = 0; i < 4; i++)
		pthread_create(&marks[i], NULL, mark, &refused[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(marks[i], NULL);
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(flips[i], NULL);
	reset_all();
	printf("# %llu of %u marks counted, %lu refused\n", counted() - before, 4 * rounds,
	       refused[0] + refused[1] + refused[2] + refused[3]);
	ok(counted() - before == 4ULL * rounds,
	   "while filters change on other harts, every lost record is counted");
}

static void round_of(void)
{
	status_of(many_open);
	status_of(all_at_once);
	reset_all();
}

int main(int argc, char **argv)
{
	unsigned int all;
	unsigned long before;

	setvbuf(stdout, NULL, _IONBF, 0);
	rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : rounds;
	if (argc > 2)
		seed ^= strtoull(argv[2], NULL, 0) * 0x9e3779b97f4a7c15;
	read_names();
	all = rounds;
	rounds = 50;
	round_of();
	claim_equal(free_bytes(), NULL);
	before = settled_bytes(0);
	rounds = all;
	ok(status_of(many_open) == 7 << 8,
	   "a process and its child can hold hundreds of tracefs files open");
	ok(status_of(all_at_once) == 7 << 8,
	   "hostile threads can use tracefs's files while VMs run");
	reset_all();
	claim_equal(before, "no byte is missing after the hostile processes have ended");
	test_counted();
	return tap_done();
}
