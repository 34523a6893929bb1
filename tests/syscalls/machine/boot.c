// SPDX-License-Identifier: MIT
/*
 * boot.c - start the host: the steps of src/host/boot that need no device, with an archive that
 * contains /program.
 */
#include <linux/elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "file/file.h"
#include "file/poll.h"
#include "file/unix_socket.h"
#include "fs/devfs.h"
#include "fs/initramfs.h"
#include "fs/inode.h"
#include "fs/pseudo.h"
#include "hv/core.h"
#include "kvm_file.h"
#include "machine.h"
#include "mm/hugetlb.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "platform/bootargs.h"
#include "platform/fdt.h"
#include "platform/random.h"
#include "proc/exec_spec.h"
#include "proc/process.h"
#include "sched/clock.h"
#include "sched/smp.h"

#define IMAGE_SIZE 0x10000 /* at the start of RAM, where a kernel would lie: the archive */

struct program {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
};

static const struct program program = {
	.header = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_RISCV,
		.e_version = EV_CURRENT,
		.e_entry = MACHINE_TEXT + sizeof(struct program),
		.e_phoff = offsetof(struct program, segments),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
	},
	.segments = {
		{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = MACHINE_TEXT,
		  .p_filesz = sizeof(struct program), .p_memsz = 0x1000, .p_align = 0x1000 },
		{ .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = MACHINE_DATA,
		  .p_memsz = MACHINE_DATA_SIZE, .p_align = 0x1000 },
	},
};

/* Append an entry to an archive in cpio's newc format. Returns the new end. */
static char *add_file(char *at, const char *name, unsigned int mode, const void *data, size_t size)
{
	at += sprintf(at, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 1, mode,
		      0, 0, 1, 0, size, 0, 0, 0, 0, strlen(name) + 1, 0);
	at += sprintf(at, "%s", name) + 1;
	at = (char *)ALIGN_UP((unsigned long)at, 4UL);
	if (size)
		memcpy(at, data, size);
	return (char *)ALIGN_UP((unsigned long)at + size, 4UL);
}

static size_t make_archive(char *start)
{
	char *at = add_file(start, "program", S_IFREG | 0755, &program, sizeof(program));

	at = add_file(at, "w", S_IFDIR | 0777, NULL, 0);
	return (size_t)(add_file(at, "TRAILER!!!", 0, NULL, 0) - start);
}

static int open_std(struct fd_table *fds, const struct exec_spec *spec)
{
	struct file *f;
	int err = 0;

	(void)spec;
	for (int fd = 0; fd < 3 && !err; fd++) {
		f = file_open("/dev/null", 2, 0, &err);
		if (f)
			err = MIN(fd_table_install(fds, f, fd, FD_MAX, true, false), 0);
	}
	return err;
}

static void exited(int status)
{
	machine_fail("the first program has ended with status 0x%x", status);
}

static void init_thread(void *arg)
{
	static const struct first_program_ops ops = { .open_std = open_std, .exited = exited };
	static struct exec_spec spec = { .argc = 1, .argv = { "/program" } };
	int err;

	(void)arg;
	have_kvm = !kvm_init();
	if (!have_kvm)
		machine_fail("kvm_init() failed");
	kvm_hart_init();
	smp_start_all();
	random_init();
	mutex_init(&tree_lock);
	epoll_init();
	sockets_init();
	flock_init();
	root_inode = inode_alloc(S_IFDIR | 0755, NULL);
	initramfs_unpack(MACHINE_RAM_BASE, make_archive(pa_to_va(MACHINE_RAM_BASE)));
	devfs_init();
	procfs_init();
	sysfs_init();
	kvm_file_init();
	err = process_start_first(&spec, &ops);
	if (err)
		machine_fail("/program: error %d", -err);
}

static void memory_init(void)
{
	if (mmap(pa_to_va(MACHINE_RAM_BASE), MACHINE_RAM_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		 0) != pa_to_va(MACHINE_RAM_BASE))
		machine_fail("cannot map the machine's RAM");
	/* raw_memset() discards pages: with huge pages, the next use of one would clear 2 MiB. */
	madvise(pa_to_va(MACHINE_RAM_BASE), MACHINE_RAM_SIZE, MADV_NOHUGEPAGE);
	page_init(MACHINE_RAM_BASE, MACHINE_RAM_BASE + IMAGE_SIZE);
	harts_init();
	hartmask_set_all(&boot_thread.affinity);
	sched_init(0, &boot_thread);
	pgtable_init(MACHINE_RAM_BASE);
	page_clear_init();
	hugetlb_reserve();
	page_init_finish();
	hugetlb_init();
	zero_page_init();
}

void machine_boot(void)
{
	static unsigned long kstack[KSTACK_SIZE / 8] = { KSTACK_CANARY };
	struct thread *init;

	native_csrs_reset();
	native_csr_poke(CSR_stimecmp, ~0UL);
	boot_thread.kstack = kstack;
	list_init(&boot_thread.run_link);
	list_init(&boot_thread.all_link);
	trap_hart_init();
	bootargs_init(fdt_bootargs());
	clock_init();
	memory_init();
	harts[0].online = true;
	clock_hart_init();
	init = thread_create("init", init_thread, NULL);
	thread_start(init);
	sched_idle_loop();
}
