// SPDX-License-Identifier: MIT
/*
 * grammar.c - turn bytes into system calls with arguments of the right types (calls.def).
 *
 * Every argument takes one byte (values.c). For a descriptor of a kind, the byte usually selects one
 * that an earlier call returned, and sometimes any other.
 */
#include "grammar_impl.h"
#include <string.h>

enum arg_type {
	T_NONE,
	T_ONE,
	T_BITS,
	T_FD,
	T_ADDR,
	T_LEN,
	T_SIZE,
	T_OFF,
	T_PATH,
	T_BUF,
	T_NEWFD,
	T_PID,
	T_SIGNO,
	T_MAPFLAGS,
	T_OPENFLAGS,
	T_BREAK,
	T_STACK,
	T_PAIR,
	T_STRUCT,
};

struct arg {
	unsigned char type, n; /* n: number of values, kind of descriptor, or struct */
	const void *values;
};

struct call {
	const char *name;
	long number;
	enum fd_kind result;
	struct arg args[6];
};

#define LIST(...)           \
	(const long[])      \
	{                   \
		__VA_ARGS__ \
	}
#define ONE(...)                                                                   \
	{                                                                          \
		T_ONE, sizeof(LIST(__VA_ARGS__)) / sizeof(long), LIST(__VA_ARGS__) \
	}
#define BITS(...)                                                                   \
	{                                                                           \
		T_BITS, sizeof(LIST(__VA_ARGS__)) / sizeof(long), LIST(__VA_ARGS__) \
	}
#define FD(kind)                 \
	{                        \
		T_FD, kind, NULL \
	}
#define ADDR                    \
	{                       \
		T_ADDR, 0, NULL \
	}
#define LEN                    \
	{                      \
		T_LEN, 0, NULL \
	}
#define SIZE                    \
	{                       \
		T_SIZE, 0, NULL \
	}
#define OFF                    \
	{                      \
		T_OFF, 0, NULL \
	}
#define PATH                    \
	{                       \
		T_PATH, 0, NULL \
	}
#define ANY_PATH                \
	{                       \
		T_PATH, 2, NULL \
	}
#define ONE_PATH(path)          \
	{                       \
		T_PATH, 1, path \
	}
#define BUF                    \
	{                      \
		T_BUF, 0, NULL \
	}
#define NEWFD                    \
	{                        \
		T_NEWFD, 0, NULL \
	}
#define PID                    \
	{                      \
		T_PID, 0, NULL \
	}
#define SIGNO                    \
	{                        \
		T_SIGNO, 0, NULL \
	}
#define MAPFLAGS                    \
	{                           \
		T_MAPFLAGS, 0, NULL \
	}
#define OPENFLAGS                    \
	{                            \
		T_OPENFLAGS, 0, NULL \
	}
#define BREAK                    \
	{                        \
		T_BREAK, 0, NULL \
	}
#define STACK                    \
	{                        \
		T_STACK, 0, NULL \
	}
#define PAIR                    \
	{                       \
		T_PAIR, 0, NULL \
	}
#define STRUCT(id)                     \
	{                              \
		T_STRUCT, S_##id, NULL \
	}
#define TIMES         STRUCT(TIMES)
#define IOVEC         STRUCT(IOVEC)
#define POLLFDS       STRUCT(POLLFDS)
#define EPOLL_EVENT   STRUCT(EPOLL_EVENT)
#define SOCKADDR      STRUCT(SOCKADDR)
#define MSGHDR        STRUCT(MSGHDR)
#define SIGSET        STRUCT(SIGSET)
#define SIGACTION     STRUCT(SIGACTION)
#define STACK_T       STRUCT(STACK_T)
#define RLIMIT        STRUCT(RLIMIT)
#define POINTED_SIZE  STRUCT(POINTED_SIZE)
#define ARGV          STRUCT(ARGV)
#define UFFD_API      STRUCT(UFFD_API)
#define UFFD_REGISTER STRUCT(UFFD_REGISTER)
#define UFFD_COPY     STRUCT(UFFD_COPY)
#define RANGE         STRUCT(RANGE)
#define SLOT          STRUCT(SLOT)
#define DIRTY_LOG     STRUCT(DIRTY_LOG)
#define CLEAR_DIRTY   STRUCT(CLEAR_DIRTY)
#define IOEVENTFD     STRUCT(IOEVENTFD)
#define SET_PC        STRUCT(SET_PC)

static const struct call calls[] = {
#define CALL(name, number, result, ...) { #name, number, result, { __VA_ARGS__ } },
#include "calls.def"
#undef CALL
};

#define NR_CALLS (sizeof(calls) / sizeof(calls[0]))
/* ORDER: calls.def */
#define MLOCKALL        11
#define MMAP_SHARED     (NR_CALLS - 2)
#define FTRUNCATE_SMALL (NR_CALLS - 1)
/* Values of a step's first byte from here on are accesses to memory, and time that passes. */
#define TOUCH_FROM 200
#define WAIT_FROM  250

const struct grammar_env *env;
static HART_LOCAL const unsigned char *input;
static HART_LOCAL size_t left;
HART_LOCAL const unsigned char *extra;
static int fds[NR_KINDS][4];
static unsigned int next_fd[NR_KINDS];
static HART_LOCAL bool tried[NR_KINDS]; /* a call that returns such a descriptor has been made */
static int children[4], self;
static unsigned int next_child;
static HART_LOCAL unsigned int nr_forks;
static HART_LOCAL unsigned long break_now;

int descriptor(unsigned char b, unsigned int kind)
{
	unsigned int k = kind;

	if (b >= 248)
		return b == 248 ? -1 : b == 249 ? 999 : (int)b - 250;
	if (kind == ANY || b >= 232)
		k = 1 + (b >> 2) % (NR_KINDS - 1);
	if (kind == MEMORY && (b & 4) && next_fd[REGULAR])
		k = REGULAR;
	for (unsigned int i = 0; kind == ANY && !next_fd[k] && i < NR_KINDS; i++)
		k = k % (NR_KINDS - 1) + 1;
	return fds[k][next_fd[k] > 4 ? b & 3 : next_fd[k] ? b % next_fd[k] : 0];
}

static void add_fd(unsigned int kind, int fd)
{
	fds[kind][next_fd[kind]++ & 3] = fd;
}

static int pid(unsigned char b)
{
	return b < 32    ? self
	       : b < 160 ? children[b & 3]
	       : b < 224 ? 0
	       : b < 230 ? 1
	       : b < 240 ? 99999
			 : 0;
}

static long any_bits(const struct arg *arg, unsigned char b)
{
	const long *values = arg->values;
	long bits = 0;

	for (unsigned int i = 0; i < arg->n; i++)
		bits |= b >> i & 1 ? values[i] : 0;
	return bits;
}

static long argument(const struct arg *arg, unsigned char b, unsigned int slot)
{
	switch ((enum arg_type)arg->type) {
	case T_NONE:
		return 0;
	case T_ONE:
		return ((const long *)arg->values)[b % arg->n];
	case T_BITS:
		return any_bits(arg, b);
	case T_FD:
		return descriptor(b, arg->n);
	case T_ADDR:
		return (long)address(b);
	case T_LEN:
		return (long)length(b);
	case T_SIZE:
		return (long)data_size(b);
	case T_OFF:
		return offset(b);
	case T_PATH:
		return (long)path(b & 128 ? b & 3 : b % (arg->n == 2 ? 24 : 16), arg->values);
	case T_BUF:
		return (long)buffer(b);
	case T_NEWFD:
		return b & 0x80 ? b & 0x3f : descriptor(b, ANY);
	case T_PID:
		return pid(b);
	case T_SIGNO:
		return signal_number(b);
	case T_MAPFLAGS:
		return map_flags(b);
	case T_OPENFLAGS:
		return open_flags(b);
	case T_BREAK:
		return (long)(break_now ? break_now + (b & 15) * 0x1000 + (b >> 7) : 0);
	case T_STACK:
		return (long)(env->data + STACKS + 0x1000 + (b & 1) * 0x1000);
	case T_PAIR:
		return (long)(env->data + PAIRS);
	case T_STRUCT:
		return (long)structure((enum struct_id)arg->n, b, slot);
	}
	return 0;
}

static void note_pair(unsigned int kind)
{
	int pair[2];

	env->get(env->data + PAIRS, pair, sizeof(pair));
	add_fd(kind, pair[0]);
	add_fd(kind, pair[1]);
}

static void note(const struct call *call, const unsigned char *bytes, long result)
{
	if (call->args[0].type == T_BREAK && result > 0)
		break_now = (unsigned long)result;
	if (result < 0)
		return;
	if (call->result == PIPE_PAIR || call->result == SOCKET_PAIR)
		note_pair(call->result == PIPE_PAIR ? PIPE : SOCKET);
	else if (call->result == SAME)
		add_fd(1 + (bytes[0] >> 2) % (NR_KINDS - 1), (int)result);
	else if (call->result == FORK || call->result == THREAD)
		children[next_child++ & 3] = (int)result;
	else if (call->result != NOTHING)
		add_fd(call->result, (int)result);
}

static void make_call(const struct call *call, const unsigned char *bytes);

void need_descriptor(unsigned int kind)
{
	static const unsigned char simple[6] = { 0, 0, 6 }; /* openat: O_RDWR | O_CREAT */

	if (kind >= NR_KINDS || kind == NOTHING || tried[kind])
		return;
	tried[kind] = true;
	for (unsigned int i = 0; i < NR_CALLS; i++)
		if (calls[i].result == kind || (kind == PIPE && calls[i].result == PIPE_PAIR) ||
		    (kind == SOCKET && calls[i].result == SOCKET_PAIR)) {
			make_call(&calls[i], simple);
			/* Make it usable. ORDER: calls.def */
			if (kind == UFFD || kind == VM || kind == VCPU)
				make_call(&calls[i + 1], simple);
			if (kind == MEMORY)
				make_call(&calls[FTRUNCATE_SMALL], simple);
			return;
		}
}

static void make_call(const struct call *call, const unsigned char *bytes)
{
	long args[6], result;

	for (unsigned int i = 0; i < 6; i++)
		if (call->args[i].type == T_FD && bytes[i] < 232)
			need_descriptor(call->args[i].n);
	for (unsigned int i = 0; i < 6; i++)
		args[i] = argument(&call->args[i], bytes[i], i);
	if (call->result == FORK || call->result == THREAD) {
		if (nr_forks++ >= 6)
			return;
		result = env->clone(call->result == THREAD, args);
	} else {
		result = env->call(call->number, args);
	}
	if (env->trace)
		env->trace(call->name, args, result);
	note(call, bytes, result);
}

/* Go to /w, map memory at the start of the window, and let a signal for an access elsewhere do nothing. */
void grammar_start(void)
{
	const uint64_t action[3] = { env->handler };

	env->call(222, (const long[6]){ WINDOW_START, 0x400000, 3, 0x32, -1, 0 });
	env->put(WINDOW_START, env->guest, env->guest_size);
	env->call(49, (const long[6]){ (long)path(0, "/w") });
	self = (int)env->call(172, (const long[6]){ 0 });
	env->put(env->data, action, sizeof(action));
	env->call(134, (const long[6]){ 11, (long)env->data, 0, 8 });
	env->call(134, (const long[6]){ 7, (long)env->data, 0, 8 });
}

/*
 * The bytes from NR_CALLS on select the first calls, those about memory, again, except one:
 * mlockall() takes as long as hundreds of others.
 */
static const struct call *call_of(unsigned char b)
{
	unsigned int i = b % NR_CALLS;

	return &calls[b >= NR_CALLS && i == MLOCKALL ? MMAP_SHARED : i];
}

bool grammar_step(void)
{
	const unsigned char *step = input;

	if (left < STEP_BYTES)
		return false;
	input += STEP_BYTES;
	left -= STEP_BYTES;
	extra = step + 7;
	if (step[0] >= WAIT_FROM)
		env->wait(1UL << (step[1] & 7));
	else if (step[0] >= TOUCH_FROM)
		env->touch(address(step[1]) + (step[2] & 0xff8), step[3] & 3);
	else
		make_call(call_of(step[0]), step + 1);
	return true;
}

void grammar_begin(const struct grammar_env *e, const unsigned char *bytes, size_t size)
{
	env = e;
	input = bytes;
	left = size;
	memset(fds, -1, sizeof(fds));
	memset(next_fd, 0, sizeof(next_fd));
	memset(tried, 0, sizeof(tried));
	memset(children, 0, sizeof(children));
	next_child = nr_forks = 0;
	break_now = 0;
}

unsigned int grammar_nr_calls(void)
{
	return NR_CALLS;
}

const char *grammar_name(unsigned int call)
{
	return calls[call].name;
}
