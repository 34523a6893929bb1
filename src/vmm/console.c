// SPDX-License-Identifier: MIT
/*
 * console.c - the VMM's standard input and output, as the other end of the guest's serial line.
 *
 * Output is collected, and the console thread writes it a few milliseconds later; when the buffer
 * is full, it is written at once. A write() per character would cost more than the guest's exit
 * for that character. A line that arrives in one call (SBI DBCN) is written by the vCPU's thread:
 * waking the console thread would cost more, and would interrupt the guest later.
 *
 * Input waits in a ring until the guest reads it. While the ring is full or the machine is stopped,
 * standard input is not read, so no input is dropped: what arrives while the machine is being saved
 * is left to the VMM that restores it.
 *
 * If standard input is a terminal, it is put into raw mode. Then Ctrl-A X ends the VMM, Ctrl-A S
 * saves the machine (--save), and Ctrl-A A or Ctrl-A Ctrl-A sends one Ctrl-A to the guest.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "state.h"

#define FLUSH_AFTER_MS 4
#define INPUT_SIZE     4096
#define ESCAPE         1 /* Ctrl-A */

/*
 * Linux prints PANIC_START, the reason and PANIC_STOP when it has panicked and will neither reboot
 * nor continue running. All other CPUs are stopped by then, so their output can't be between.
 */
#define PANIC_START "---[ end Kernel panic"
#define PANIC_STOP  " ]---"

static struct {
	struct machine *machine;
	pthread_mutex_t lock;
	char out[4096];
	size_t out_len;
	int out_error; /* of the last write that failed, unless nobody reads the output (EPIPE) */
	char line[2 * (SAVE_ON_MAX + 1)]; /* its last bytes, to detect panics and --save-on */
	size_t line_len;
	pthread_mutex_t in_lock; /* from the check that input is wanted until it is in the ring */
	u8 in[INPUT_SIZE];
	atomic_uint in_head, in_tail; /* free-running; only the console thread advances in_head */
	atomic_bool in_open;          /* set by console_listen(), cleared at the end of input */
	bool in_tty, in_escape;
	int wake;
	struct termios saved;
} console = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.in_lock = PTHREAD_MUTEX_INITIALIZER,
	.wake = -1,
};

static void wake_thread(void)
{
	u64 one = 1;

	if (console.wake >= 0 && write(console.wake, &one, sizeof(one)) < 0)
		return; /* the counter is at its limit, so the thread wakes anyway */
}

/* ---- output ---- */

static void flush_locked(void)
{
	size_t done = 0;

	while (done < console.out_len) {
		ssize_t n = write(STDOUT_FILENO, console.out + done, console.out_len - done);

		if (n >= 0) {
			done += n;
		} else if (errno == EAGAIN) {
			struct pollfd ready = { .fd = STDOUT_FILENO, .events = POLLOUT };

			poll(&ready, 1, -1);
		} else if (errno != EINTR) {
			if (errno != EPIPE)
				console.out_error = errno;
			break; /* discard the output, let the guest run */
		}
	}
	console.out_len = 0;
}

void console_flush(void)
{
	pthread_mutex_lock(&console.lock);
	flush_locked();
	pthread_mutex_unlock(&console.lock);
}

/*
 * If the line just completed, console.line, is the last line of a panic, copy the panic's message to
 * `reason`, and return true. PANIC_START follows the time of the message, or whatever a program had
 * printed of a line. In a line of the kernel's source, which a guest may print, it follows a quote.
 */
static bool line_is_panic(char *reason, size_t size)
{
	const char *text, *stop;

	console.line[console.line_len] = '\0';
	text = strstr(console.line, PANIC_START);
	if (!text || (text > console.line && text[-1] == '"'))
		return false;
	text += strlen(PANIC_START) - strlen("Kernel panic");
	stop = strstr(text, PANIC_STOP);
	snprintf(reason, size, "%.*s", stop ? (int)(stop - text) : (int)strlen(text), text);
	return true;
}

/* Does the guest's current line end with the string given with --save-on? */
static bool watch_for_save(void)
{
	const char *text = console.machine->options.save_on;
	size_t len = text ? strlen(text) : 0;

	return len && console.line_len >= len &&
	       !memcmp(console.line + console.line_len - len, text, len);
}

/* Add `c` to console.line. Returns and `reason`: as for line_is_panic(). */
static bool watch_for_panic(char c, char *reason, size_t size)
{
	bool panicked = false;

	if (c == '\n') {
		panicked = line_is_panic(reason, size);
		console.line_len = 0;
	} else if (c != '\r' && c != '\0') {
		if (console.line_len == sizeof(console.line) - 1) {
			console.line_len /= 2;
			memmove(console.line, console.line + console.line_len + 1,
				console.line_len);
		}
		console.line[console.line_len++] = c;
	}
	return panicked;
}

void console_write(const void *text, size_t len)
{
	const char *from = text;
	bool panicked = false, save = false, wake;
	char reason[160];

	pthread_mutex_lock(&console.lock);
	wake = console.out_len == 0;
	for (size_t i = 0; i < len; i++) {
		if (console.out_len == sizeof(console.out))
			flush_locked();
		console.out[console.out_len++] = from[i];
		panicked |= watch_for_panic(from[i], reason, sizeof(reason));
		save |= watch_for_save();
	}
	if (len > 1 && from[len - 1] == '\n') {
		flush_locked();
		wake = false;
	}
	pthread_mutex_unlock(&console.lock);

	if (wake)
		wake_thread();
	if (save)
		save_request(console.machine);
	if (panicked) {
		complain("the guest panicked: %s", reason);
		machine_stop(console.machine, STOP_PANIC, STATUS_PANIC);
	}
}

void console_reset(void)
{
	pthread_mutex_lock(&console.lock);
	console.line_len = 0;
	pthread_mutex_unlock(&console.lock);
}

/* ---- input ---- */

bool console_has_input(void)
{
	return atomic_load(&console.in_head) != atomic_load(&console.in_tail);
}

int console_read(void)
{
	unsigned int tail, waiting;
	int byte = -1;

	pthread_mutex_lock(&console.lock);
	tail = atomic_load(&console.in_tail);
	waiting = atomic_load(&console.in_head) - tail;
	if (waiting) {
		byte = console.in[tail % INPUT_SIZE];
		atomic_store(&console.in_tail, tail + 1);
	}
	pthread_mutex_unlock(&console.lock);
	if (waiting == INPUT_SIZE)
		wake_thread(); /* the ring is no longer full */
	return byte;
}

static unsigned int input_room(void)
{
	return INPUT_SIZE - (atomic_load(&console.in_head) - atomic_load(&console.in_tail));
}

static void input_byte(u8 byte)
{
	unsigned int head = atomic_load(&console.in_head);

	if (console.in_escape) {
		console.in_escape = false;
		if (byte == 'x' || byte == 'X') {
			machine_stop(console.machine, STOP_QUIT, STATUS_POWEROFF);
			return;
		}
		if (byte == 's' || byte == 'S') {
			save_request(console.machine);
			return;
		}
		if (byte == 'a' || byte == 'A')
			byte = ESCAPE;
	} else if (console.in_tty && byte == ESCAPE) {
		console.in_escape = true;
		return;
	}
	console.in[head % INPUT_SIZE] = byte;
	atomic_store(&console.in_head, head + 1);
}

static void read_input(void)
{
	u8 bytes[256];
	size_t room = input_room();
	ssize_t n = read(STDIN_FILENO, bytes, room < sizeof(bytes) ? room : sizeof(bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		console.in_open = false;
		return;
	}
	for (ssize_t i = 0; i < n; i++)
		input_byte(bytes[i]);
	uart_input_arrived(&console.machine->uart);
}

static bool can_take_input(void)
{
	return console.in_open && !atomic_load(&console.machine->stopping) && input_room() > 0;
}

static void take_input(void)
{
	pthread_mutex_lock(&console.in_lock);
	if (can_take_input())
		read_input();
	pthread_mutex_unlock(&console.in_lock);
}

/*
 * read() blocks if another process with the same standard input was faster. Nothing is lost then, so
 * do not wait for long.
 */
void console_drain(void)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec++;
	if (pthread_mutex_clocklock(&console.in_lock, CLOCK_MONOTONIC, &end) == 0)
		pthread_mutex_unlock(&console.in_lock);
}

static bool output_pending(void)
{
	bool pending;

	pthread_mutex_lock(&console.lock);
	pending = console.out_len != 0;
	pthread_mutex_unlock(&console.lock);
	return pending;
}

static void *console_thread(void *arg)
{
	u64 count;

	(void)arg;
	for (;;) {
		bool pending = output_pending();
		bool listen = can_take_input();
		struct pollfd fds[] = {
			{ .fd = console.wake, .events = POLLIN },
			{ .fd = listen ? STDIN_FILENO : -1, .events = POLLIN },
		};
		int n = poll(fds, ARRAY_SIZE(fds), pending ? FLUSH_AFTER_MS : -1);

		if (n > 0 && fds[0].revents && read(console.wake, &count, sizeof(count)) < 0)
			continue;
		if (n > 0 && fds[1].revents)
			take_input();
		/* Flush after the timeout, and also if another event ended the wait. */
		if (pending)
			console_flush();
	}
	return NULL;
}

/*
 * State for --save: the input that the guest has not read yet. Pending output is not saved: the VMM
 * that saves the machine prints it.
 */
void console_state(void *of, struct state *s)
{
	u32 tail = atomic_load(&console.in_tail);
	u32 waiting = atomic_load(&console.in_head) - tail;
	struct machine *m = of;
	u8 byte;

	STATE(s, waiting);
	if (waiting > INPUT_SIZE)
		state_refuse(s, "it has too much input");
	for (u32 i = 0; i < waiting && !s->bad; i++) {
		byte = console.in[(tail + i) % INPUT_SIZE];
		STATE(s, byte);
		if (s->loading)
			console.in[i] = byte;
	}
	if (s->loading && !s->bad) {
		atomic_store(&console.in_tail, 0);
		atomic_store(&console.in_head, waiting);
		uart_restored(&m->uart);
	}
}

/* ---- the terminal ---- */

/* Also called by a signal handler. */
void console_restore_terminal(void)
{
	if (console.in_tty)
		tcsetattr(STDIN_FILENO, TCSANOW, &console.saved);
}

static void at_exit(void)
{
	console_flush();
	console_restore_terminal();
	if (console.out_error)
		complain("standard output: %s; some of the guest's output is lost",
			 strerror(console.out_error));
}

static void make_raw(void)
{
	struct termios raw;

	if (!console.machine->options.input || tcgetattr(STDIN_FILENO, &console.saved) < 0)
		return;
	console.in_tty = true;
	raw = console.saved;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST; /* the VMM's own messages end in a newline without CR */
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

void console_start(struct machine *m)
{
	pthread_t thread;

	console.machine = m;
	console.wake = eventfd(0, EFD_CLOEXEC);
	if (console.wake < 0)
		die(STATUS_SETUP, "eventfd: %s", strerror(errno));
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a write beyond RLIMIT_FSIZE fails */
	make_raw();
	atexit(at_exit);
	if (thread_create(&thread, console_thread, NULL))
		die(STATUS_SETUP, "cannot start the console's thread");
}

/*
 * Read input from now on, until the machine stops. If a saved machine is restored, call this
 * afterwards: console_state() puts the saved input, which the guest had not read yet, at the start
 * of the ring, and would overwrite bytes that had arrived earlier.
 */
void console_listen(void)
{
	console.in_open = console.machine->options.input;
	wake_thread();
}
