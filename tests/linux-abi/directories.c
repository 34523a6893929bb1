// SPDX-License-Identifier: MIT
/*
 * directories.c - threads change their process's working directory and remove its name, while other
 * threads use the directory.
 * usage: directories [SECONDS [SEED]]; 2 seconds by default.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

#define CHANGERS 2
#define USERS    3

static volatile bool stop;
static unsigned int seed;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/*
 * Change into a new directory and remove its name, so that only the process's reference keeps the
 * directory alive.
 */
static void *change(void *arg)
{
	unsigned int state = seed + (unsigned int)(intptr_t)arg * 7919;
	char name[32];
	long n;
	int fd;

	for (n = 0; !stop; n++) {
		snprintf(name, sizeof(name), "/tmp/d%ld-%u", (long)(intptr_t)arg,
			 rand_r(&state) % 4);
		mkdir(name, 0700);
		if (rand_r(&state) % 4) {
			(void)!chdir(name);
		} else {
			fd = open(name, O_RDONLY | O_DIRECTORY);
			(void)!fchdir(fd);
			close(fd);
		}
		rmdir(name);
		if (rand_r(&state) % 16 == 0)
			(void)!chdir("/tmp");
	}
	return (void *)n;
}

static bool in_tmp(const char *path, ssize_t len)
{
	return len >= 4 && (!strncmp(path, "/tmp", 4) || strstr(path, "(deleted)"));
}

/* Use the working directory in many ways. Returns how often this failed or gave a wrong path. */
static void *use(void *arg)
{
	unsigned int state = seed + 31 + (unsigned int)(intptr_t)arg * 104729;
	char path[256] = { 0 };
	struct stat st;
	volatile long bad = 0; /* vfork() returns twice */
	int fd, status;
	pid_t pid;

	while (!stop) {
		switch (rand_r(&state) % 16) {
		case 0:
			pid = fork();
			if (pid == 0)
				_exit(stat(".", &st) || !S_ISDIR(st.st_mode));
			bad += waitpid(pid, &status, 0) != pid || status;
			break;
		case 1:
			bad += !in_tmp(path, readlink("/proc/self/cwd", path, sizeof(path) - 1));
			break;
		case 2:
			bad += !getcwd(path, sizeof(path)) ? errno != ENOENT : !in_tmp(path, 4);
			break;
		case 3:
		case 4:
		case 5:
			bad += stat(".", &st) || !S_ISDIR(st.st_mode);
			break;
		case 6:
			bad += stat("/proc/self/cwd", &st) || !S_ISDIR(st.st_mode);
			break;
		case 7:
			fd = open("./none", O_RDONLY);
			bad += fd >= 0 || errno != ENOENT;
			break;
		default: /* vfork() copies no memory, so the directory is used more often */
			pid = vfork();
			if (pid == 0)
				_exit(0);
			bad += waitpid(pid, &status, 0) != pid || status;
		}
	}
	return (void *)bad;
}

int main(int argc, char **argv)
{
	pthread_t changer[CHANGERS], user[USERS];
	double seconds = argc > 1 ? atof(argv[1]) : 2, end = now() + seconds;
	long bad = 0, changes = 0;
	void *ret;

	seed = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 0) : (unsigned int)time(NULL);
	printf("# seed %u\n", seed);
	fflush(stdout);
	(void)!chdir("/tmp");
	for (intptr_t i = 0; i < CHANGERS; i++)
		pthread_create(&changer[i], NULL, change, (void *)i);
	for (intptr_t i = 0; i < USERS; i++)
		pthread_create(&user[i], NULL, use, (void *)i);
	while (now() < end)
		usleep(10000);
	stop = true;
	for (int i = 0; i < CHANGERS; i++) {
		pthread_join(changer[i], &ret);
		changes += (long)ret;
	}
	for (int i = 0; i < USERS; i++) {
		pthread_join(user[i], &ret);
		bad += (long)ret;
	}
	printf("# %ld changes\n", changes);
	ok(bad == 0 && changes > 0,
	   "while threads change the working directory, others see only directories that were set");
	return tap_done();
}
