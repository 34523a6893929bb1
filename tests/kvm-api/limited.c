// SPDX-License-Identifier: MIT
/*
 * limited.c - a VMM with a memory limit cannot make KVM use more memory (Linux only).
 *
 * A child in a memory cgroup of 32 MiB creates slots with dirty logs, which KVM allocates, until KVM
 * refuses one or Linux kills the child. The cgroup must not have used more than its limit.
 */
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "vm.h"

#define LIMIT     (32UL << 20)
#define SLOT_SIZE (1UL << 36) /* its log has 2 MiB on Linux KVM */
#define CGROUP    "/cgroup/limited"

static unsigned long read_number(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY);

	must(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0, path);
	close(fd);
	return strtoul(text, NULL, 10);
}

/* Let the guest touch nothing: only the slots' logs need memory. */
static void create_slots(void)
{
	struct vm vm = vm_new();
	uint32_t slot;

	for (slot = 1; slot < 16384; slot++) {
		void *hva = (void *)0x1000000000UL;

		if (vm_set_slot(&vm, slot, slot * SLOT_SIZE, SLOT_SIZE, hva,
				KVM_MEM_LOG_DIRTY_PAGES))
			_exit(errno == ENOMEM ? 0 : 1);
	}
	_exit(2);
}

int main(void)
{
	unsigned long peak;
	char number[24];
	pid_t child;
	int status;

	mkdir("/cgroup", 0777);
	if (mount("none", "/cgroup", "cgroup2", 0, "") ||
	    write_file("/cgroup/cgroup.subtree_control", "+memory") || mkdir(CGROUP, 0777)) {
		printf("1..0 # SKIP there are no memory cgroups\n");
		return 0;
	}
	snprintf(number, sizeof(number), "%lu", LIMIT);
	must(write_file(CGROUP "/memory.max", number) == 0, "memory.max");
	child = fork();
	if (child == 0) {
		snprintf(number, sizeof(number), "%d", getpid());
		must(write_file(CGROUP "/cgroup.procs", number) == 0, "cgroup.procs");
		create_slots();
	}
	must(waitpid(child, &status, 0) == child, "waitpid");
	ok(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0,
	   "a VMM at its memory limit gets ENOMEM or is killed");
	peak = read_number(CGROUP "/memory.peak");
	printf("# %lu of %lu bytes\n", peak, LIMIT);
	ok(peak > LIMIT / 2, "KVM's memory counts towards its limit");
	ok(peak <= LIMIT, "its memory stays within the limit");
	rmdir(CGROUP);
	umount("/cgroup");
	return tap_done();
}
