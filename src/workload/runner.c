// SPDX-License-Identifier: MIT
/*
 * runner.c - the first program of a workload (/init): it runs payloads, each in a VM of its own, and
 * says whether all of their claims hold.
 *
 * /workload has one line for each VM: KIND NAME [VMM-OPTION...] IMAGE; a word with '=' is a boot
 * argument of the guest. KIND is "payload", whose claims are counted, or "guest", whose output is
 * printed and which has to end with status 0. A line that begins with # is printed. The output on the
 * console is a line for each VM, one for each claim that fails, and at the end "workload: PASS" or
 * "workload: FAIL" with the first claim that failed. The exit status is 0 or 1.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ARGS 32

static char first_failure[256];

/* Print "workload: NAME: TEXT" to the console in one write. */
static void say(const char *name, const char *text)
{
	char line[400];
	int n = snprintf(line, sizeof(line), "workload: %s: %s\n", name, text);

	if (n > (int)sizeof(line) - 1)
		n = (int)sizeof(line) - 1;
	if (write(1, line, (size_t)n) != n)
		_exit(1);
}

static void failed(const char *name, const char *what)
{
	if (!first_failure[0])
		snprintf(first_failure, sizeof(first_failure), "%s: %s", name, what);
	say(name, what);
}

/* Split the rest of a line of /workload into the arguments of the VMM. */
static void split(char *argv[MAX_ARGS + 1], char *append, size_t size)
{
	int argc = 0;

	argv[argc++] = "/vmm";
	argv[argc++] = "--quiet";
	argv[argc++] = "--no-console-input";
	argv[argc++] = "--append";
	argv[argc++] = append;
	for (char *word = strtok(NULL, " "); word && argc < MAX_ARGS; word = strtok(NULL, " ")) {
		if (strchr(word, '=')) {
			strncat(append, " ", size - strlen(append) - 1);
			strncat(append, word, size - strlen(append) - 1);
		} else {
			argv[argc++] = word;
		}
	}
	argv[argc] = NULL;
}

struct tally {
	unsigned int claims, failed, skipped;
	int plan; /* -1: none */
	bool is_payload;
};

static void read_line(const char *name, char *line, struct tally *tally)
{
	char *end = line + strlen(line);

	while (end > line && (end[-1] == '\r' || end[-1] == '\n'))
		*--end = '\0';
	for (char *c = line; *c; c++) /* a guest cannot begin a line of the log */
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	if (!tally->is_payload) {
		say(name, line);
	} else if (!strncmp(line, "not ok ", 7)) {
		tally->claims++;
		tally->failed++;
		failed(name, line);
	} else if (!strncmp(line, "ok ", 3)) {
		tally->claims++;
		tally->skipped += strstr(line, " # SKIP ") != NULL;
	} else if (!strncmp(line, "1..", 3)) {
		tally->plan = atoi(line + 3);
	} else if (line[0] == '#' ? tally->failed : line[0] != '\0') {
		say(name, line);
	}
}

/*
 * Start a program whose output goes to `out`. It shares the memory until it executes, so nothing is
 * copied. Returns 0 or an error number.
 */
static int start(char *argv[], int out, pid_t *child)
{
	posix_spawn_file_actions_t actions;
	int err = posix_spawn_file_actions_init(&actions);

	if (err)
		return err;
	err = posix_spawn_file_actions_adddup2(&actions, out, 1);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&actions, out, 2);
	if (!err)
		err = posix_spawn(child, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return err;
}

static void run(bool is_payload, bool quiet, const char *name, char *argv[])
{
	struct tally tally = { 0, 0, 0, -1, is_payload };
	char line[300];
	int ends[2], status = 0, err, n;
	bool ended;
	FILE *out;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC)) {
		failed(name, "no pipe for the VMM's output");
		return;
	}
	err = start(argv, ends[1], &child);
	close(ends[1]);
	if (err) {
		close(ends[0]);
		snprintf(line, sizeof(line), "cannot start the VMM: %s", strerror(err));
		failed(name, line);
		return;
	}
	out = fdopen(ends[0], "r");
	while (out && fgets(line, sizeof(line), out))
		read_line(name, line, &tally);
	if (out)
		fclose(out);
	ended = waitpid(child, &status, 0) == child && !status;
	if (!ended && !tally.failed) {
		snprintf(line, sizeof(line), "the VMM ended with status 0x%x", status);
		failed(name, line);
	}
	if (!is_payload)
		return;
	if (quiet && tally.plan > 0) /* the payload does not print claims that hold */
		tally.claims = (unsigned int)tally.plan;
	if (ended && (tally.plan <= 0 || tally.plan != (int)tally.claims))
		failed(name, "the payload has not run all of its claims");
	n = snprintf(line, sizeof(line), "%u of %u claims hold", tally.claims - tally.failed,
		     tally.claims);
	if (tally.skipped)
		snprintf(line + n, sizeof(line) - (size_t)n, ", %u of them skipped", tally.skipped);
	say(name, line);
}

int main(void)
{
	char line[1024], append[512], *kind, *name;
	char *argv[MAX_ARGS + 1];
	FILE *list = fopen("/workload", "r");
	unsigned int vms = 0;

	if (!list)
		failed("/workload", "there is no such file");
	while (list && fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#') {
			say("build", line + 1 + strspn(line + 1, " "));
			continue;
		}
		kind = strtok(line, " ");
		name = strtok(NULL, " ");
		if (!kind || !name)
			continue;
		append[0] = '\0';
		split(argv, append, sizeof(append));
		run(!strcmp(kind, "payload"), strstr(append, " quiet=1"), name, argv);
		vms++;
	}
	if (!vms)
		failed("/workload", "there is no VM in this list");
	say(first_failure[0] ? "FAIL" : "PASS", first_failure);
	return first_failure[0] != '\0';
}
