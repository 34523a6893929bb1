// SPDX-License-Identifier: MIT
/*
 * runner.c - the first program of a workload (/init): it runs payloads, each in a VM of its own, and
 * says whether all of their claims hold.
 *
 * /workload has one line for each VM: KIND NAME [VMM-OPTION...] IMAGE; a word with '=' is a boot
 * argument of the guest. KIND is "payload", whose claims are counted, or "guest", whose output is
 * printed and which has to end with status 0. A line that begins with # is printed. The output on the
 * console is a line for each VM, one for each claim that fails, and at the end "workload: PASS" or
 * "workload: FAIL" with the first claim that failed. The exit status is 0 or 1. A line that is not of
 * this form or that exceeds a limit is a failure, as in scripts/hs/workload/profile.py, which has the
 * same limits.
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

#define MAX_LINE       1022 /* bytes, without the newline */
#define MAX_WORDS      27   /* VMM-OPTIONs and IMAGE */
#define MAX_BOOT       511  /* bytes of all boot arguments, each with a blank before it */
#define OWN_WORDS      5    /* that split() puts before VMM-OPTIONs */
#define STRING(number) #number
#define TEXT(number)   STRING(number)

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

/* Split the rest of a line into the arguments of the VMM. Returns false if it exceeds a limit. */
static bool split(const char *name, char *argv[OWN_WORDS + MAX_WORDS + 1],
		  char append[MAX_BOOT + 1])
{
	size_t used = 0;
	int argc = 0;

	argv[argc++] = "/vmm";
	argv[argc++] = "--quiet";
	argv[argc++] = "--no-console-input";
	argv[argc++] = "--append";
	argv[argc++] = append;
	append[0] = '\0';
	for (char *word = strtok(NULL, " "); word; word = strtok(NULL, " ")) {
		if (strchr(word, '=')) {
			used += (size_t)snprintf(append + used, MAX_BOOT + 1 - used, " %s", word);
		} else if (argc < OWN_WORDS + MAX_WORDS) {
			argv[argc++] = word;
		} else {
			failed(name, "too many words for the VMM: write at most " TEXT(MAX_WORDS));
			return false;
		}
		if (used > MAX_BOOT) {
			failed(name, "the boot arguments are too long: write at most " TEXT(
					     MAX_BOOT) " bytes");
			return false;
		}
	}
	argv[argc] = NULL;
	return true;
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

/* Run the VM that a line of /workload describes. */
static void run_line(char *line)
{
	char *kind = strtok(line, " "), *name = strtok(NULL, " ");
	char *argv[OWN_WORDS + MAX_WORDS + 1], append[MAX_BOOT + 1], text[100];
	bool is_payload = kind && !strcmp(kind, "payload");

	if (!name) {
		failed("/workload", "a line has no NAME: write KIND NAME IMAGE");
	} else if (!is_payload && strcmp(kind, "guest")) {
		snprintf(text, sizeof(text), "unknown kind '%.30s': write payload or guest", kind);
		failed(name, text);
	} else if (split(name, argv, append)) {
		run(is_payload, strstr(append, " quiet=1"), name, argv);
	}
}

int main(void)
{
	char line[MAX_LINE + 2];
	FILE *list = fopen("/workload", "r");
	unsigned int vms = 0;

	if (!list)
		failed("/workload", "there is no such file");
	while (list && fgets(line, sizeof(line), list)) {
		if (!strchr(line, '\n') && !feof(list)) {
			failed("/workload",
			       "a line is too long: write at most " TEXT(MAX_LINE) " bytes");
			break;
		}
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#') {
			say("build", line + 1 + strspn(line + 1, " "));
			continue;
		}
		run_line(line);
		vms++;
	}
	if (!vms)
		failed("/workload", "there is no VM in this list");
	say(first_failure[0] ? "FAIL" : "PASS", first_failure);
	return first_failure[0] != '\0';
}
