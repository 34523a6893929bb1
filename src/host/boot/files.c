// SPDX-License-Identifier: MIT
/* files.c - set up the file layer: the directory tree, and the first program's standard files. */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <string.h>
#include "fs/devfs.h"
#include "proc/exec_spec.h"
#include "file/file.h"
#include "files.h"
#include "fs/initramfs.h"
#include "fs/inode.h"
#include "kvm_file.h"
#include "file/poll.h"
#include "dev/port.h"
#include "lib/printk.h"
#include "platform/random.h"
#include "fs/pseudo.h"
#include "sched/smp.h"
#include "dev/tty.h"
#include "file/unix_socket.h"

void files_init(hpa_t initrd, size_t size)
{
	u64 secret;

	random_bytes(&secret, sizeof(secret));
	names_init(secret);
	mutex_init(&tree_lock);
	epoll_init();
	sockets_init();
	flock_init();
	root_inode = inode_alloc(S_IFDIR | 0755, NULL);
	if (!root_inode)
		panic("no memory for the root directory");
	initramfs_unpack(initrd, size);
	tree_make("/tmp", S_IFDIR | 01777, NULL);
	devfs_init();
	procfs_init();
	sysfs_init();
	if (have_kvm)
		kvm_file_init();
}

static struct file *open_port(const struct exec_spec *spec, int fd, unsigned int flags, int *err)
{
	const char *name = spec->stdio[fd];
	struct port *port = port_find(name);
	struct tty *tty;

	*err = -ENODEV;
	if (!port) {
		printk("host: the program's file descriptor %d: there is no port %s\n", fd, name);
		return NULL;
	}
	*err = -ENOMEM;
	if (!spec->tty[fd])
		return port_file(port, flags);
	tty = port_tty(port);
	if (!tty)
		return NULL;
	tty->winsize.ws_row = (unsigned short)spec->rows;
	tty->winsize.ws_col = (unsigned short)spec->cols;
	controlling_tty = tty;
	return file_open("/dev/tty", O_RDWR, 0, err);
}

static struct file *open_one(const struct exec_spec *spec, int fd, int *err)
{
	const char *how = spec->stdio[fd];
	unsigned int flags = fd == 0 ? O_RDONLY : O_WRONLY;

	*err = -ENOMEM;
	if (!how || !strcmp(how, "console"))
		return file_open("/dev/console", O_RDWR, 0, err);
	if (!strcmp(how, "null"))
		return file_open("/dev/null", flags, 0, err);
	if (!strncmp(how, "file:", 5))
		return file_open(how + 5, flags, 0, err);
	if (!strcmp(how, "log"))
		return log_stream((unsigned int)fd, flags);
	return open_port(spec, fd, flags, err);
}

int files_open_std(struct fd_table *fds, const struct exec_spec *spec)
{
	struct file *f;
	int fd, err = 0;

	for (fd = 0; fd < 3; fd++) {
		f = open_one(spec, fd, &err);
		if (!f) {
			printk("host: cannot open the program's file descriptor %d: error %d\n", fd,
			       -err);
			return err;
		}
		err = fd_table_install(fds, f, fd, FD_MAX, true, false);
		if (err < 0) {
			file_put(f);
			return err;
		}
	}
	return 0;
}
