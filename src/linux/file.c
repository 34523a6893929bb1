// SPDX-License-Identifier: MIT
/*
 * file.c - the device, and the files behind the descriptors of VMs, vCPUs, in-kernel devices
 * (KVM_CREATE_DEVICE) and statistics. The core implements each with a struct hv_file_ops.
 */
#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "linux.h"

struct core_file {
	const struct hv_file_ops *ops;
	void *priv;
};

/*
 * A call into the core, in a form that can be repeated. make() executes it: an ioctl (cmd, arg) or a
 * read() (buf, size, at).
 */
struct call {
	long (*make)(struct call *call);
	const struct hv_file_ops *ops;
	void *priv;
	unsigned int cmd;
	unsigned long arg;
	char __user *buf;
	size_t size;
	u64 at;
};

/*
 * The core allocates without sleeping. If there was no memory, put some pages into the thread's
 * reserve and repeat the call. Each round has twice as many pages as the one before, up to MOST_PAGES.
 * A call that can never succeed ends after ROUNDS rounds.
 *
 * A call that fails has changed nothing, except KVM_RUN: the guest has made progress with the pages
 * that it has taken. It may need any number of pages, so such rounds do not count.
 */
#define ROUNDS     8
#define MOST_PAGES 128u

static long call_with_reserve(struct call *call)
{
	struct reserve reserve = { .wanted = 0 };
	unsigned int round = 0, pages = 1;
	long ret = -ENOMEM;

	while (ret == -ENOMEM && round < ROUNDS && reserve_begin(&reserve, pages)) {
		ret = call->make(call);
		if (!reserve_end(&reserve) || call->cmd != KVM_RUN)
			round++;
		pages = min(2 * pages, MOST_PAGES);
	}
	return ret;
}

static __always_inline long ioctl_once(const struct hv_file_ops *ops, void *priv, unsigned int cmd,
				       unsigned long arg)
{
	long ret;

	enter_core();
	ret = ops->ioctl(priv, cmd, arg);
	leave_core_to_user();
	return ret;
}

static long make_ioctl(struct call *call)
{
	return ioctl_once(call->ops, call->priv, call->cmd, call->arg);
}

static noinline long ioctl_with_reserve(const struct hv_file_ops *ops, void *priv, unsigned int cmd,
					unsigned long arg)
{
	struct call call = { .make = make_ioctl, .ops = ops, .priv = priv, .cmd = cmd, .arg = arg };

	return call_with_reserve(&call);
}

static __always_inline long call_ioctl(const struct hv_file_ops *ops, void *priv, unsigned int cmd,
				       unsigned long arg)
{
	long ret = ioctl_once(ops, priv, cmd, arg);

	return ret == -ENOMEM ? ioctl_with_reserve(ops, priv, cmd, arg) : ret;
}

/*
 * If no other thread uses the process's descriptors, Linux calls ioctl() without a reference on the file
 * (__fget_light()), because nobody can close it meanwhile. But KVM_RUN does the thread's pending work
 * (hv_resched()), and a request of io_uring, which is such work, may close the file.
 */
static noinline long run_borrowed(struct file *file, unsigned int cmd, unsigned long arg)
{
	const struct core_file *cf = file->private_data;
	long ret;

	get_file(file);
	ret = call_ioctl(cf->ops, cf->priv, cmd, arg);
	fput(file);
	return ret;
}

static long core_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const struct core_file *cf = file->private_data;

	if (!cf->ops->ioctl)
		return -ENOTTY;
	if (cmd == KVM_RUN && atomic_read(&current->files->count) == 1)
		return run_borrowed(file, cmd, arg);
	return call_ioctl(cf->ops, cf->priv, cmd, arg);
}

static vm_fault_t core_fault(struct vm_fault *vmf)
{
	struct core_file *cf = vmf->vma->vm_file->private_data;
	hpa_t pa;
	int err;

	enter_core();
	err = cf->ops->mmap_page(cf->priv, vmf->pgoff, &pa);
	leave_core();
	if (err)
		return VM_FAULT_SIGBUS;
	vmf->page = pfn_to_page(PHYS_PFN(pa));
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct core_vm_ops = {
	.fault = core_fault,
};

static int core_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct core_file *cf = file->private_data;
	int err = 0;

	if (!cf->ops->mmap_page)
		return -ENODEV;
	if (cf->ops->mmap_check) {
		enter_core();
		err = cf->ops->mmap_check(cf->priv, vma->vm_pgoff, vma_pages(vma),
					  vma->vm_flags & VM_SHARED, vma->vm_flags & VM_EXEC);
		leave_core();
	}
	if (!err)
		vma->vm_ops = &core_vm_ops;
	return err;
}

static long make_read(struct call *call)
{
	long ret;

	enter_core();
	ret = call->ops->read(call->priv, (hva_t)call->buf, call->size, &call->at);
	leave_core();
	return ret;
}

static ssize_t core_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	const struct core_file *cf = file->private_data;
	struct call call = { .make = make_read,
			     .ops = cf->ops,
			     .priv = cf->priv,
			     .buf = buf,
			     .size = size,
			     .at = *pos };
	long ret;

	if (!cf->ops->read)
		return -EINVAL;
	ret = make_read(&call);
	if (ret == -ENOMEM)
		ret = call_with_reserve(&call);
	*pos = call.at;
	return ret;
}

static int core_release(struct inode *inode, struct file *file)
{
	struct core_file *cf = file->private_data;

	if (cf->ops->release) {
		enter_core();
		cf->ops->release(cf->priv);
		leave_core();
	}
	harts_unuse();
	kfree(cf);
	return 0;
}

static const struct file_operations core_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = core_ioctl,
	.mmap = core_mmap,
	.read = core_read,
	.release = core_release,
	.llseek = noop_llseek,
};

/* A descriptor that can be read permits pread(), as on Linux KVM, although lseek() has no effect. */
static int file_create(const char *name, const struct hv_file_ops *ops, void *priv)
{
	int flags = O_CLOEXEC | (ops->read ? O_RDONLY : O_RDWR);
	struct core_file *cf;
	struct file *file;
	int fd = get_unused_fd_flags(flags);

	if (fd < 0)
		return fd;
	cf = kzalloc(sizeof(*cf), GFP_KERNEL_ACCOUNT);
	file = cf ? anon_inode_getfile(name, &core_fops, cf, flags) : ERR_PTR(-ENOMEM);
	if (IS_ERR(file)) {
		kfree(cf);
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	cf->ops = ops;
	cf->priv = priv;
	if (ops->read)
		file->f_mode |= FMODE_PREAD;
	fd_install(fd, file);
	return fd;
}

int hv_file_create(const char *name, const struct hv_file_ops *ops, void *priv)
{
	int fd;

	leave_core();
	fd = harts_use();
	if (!fd) {
		fd = file_create(name, ops, priv);
		if (fd < 0)
			harts_unuse();
	}
	enter_core();
	return fd;
}

/* ---- the device --------------------------------------------------------------------------- */

bool replace_kvm;
module_param(replace_kvm, bool, 0444);
MODULE_PARM_DESC(replace_kvm,
		 "create /dev/kvm instead of /dev/hyperscope; kvm.ko must not be loaded");

/* As with kvm.ko on RISC-V, 32-bit programs have no KVM. */
static int device_open(struct inode *inode, struct file *file)
{
	int err;

	if (in_compat_syscall())
		return -ENODEV;
	enter_core();
	err = kvm_dev_ops.open(&file->private_data);
	leave_core();
	return err;
}

/* Prepare the harts before a VM chooses its G-stage mode, which each of them must have. */
static noinline long create_vm(void *priv, unsigned long arg)
{
	long ret = harts_use();

	if (ret < 0)
		return ret;
	ret = call_ioctl(&kvm_dev_ops, priv, KVM_CREATE_VM, arg);
	harts_unuse();
	return ret;
}

/*
 * Only KVM_CREATE_VM allocates memory, and no ioctl of the device takes the FP or vector unit, so
 * leave_core() would have nothing to give back.
 */
static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	long ret;

	if (cmd == KVM_CREATE_VM)
		return create_vm(file->private_data, arg);
	enter_core();
	ret = kvm_dev_ops.ioctl(file->private_data, cmd, arg);
	local_irq_enable();
	return ret;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.unlocked_ioctl = device_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "hyperscope",
	.fops = &device_fops,
	.mode = 0660,
};

int file_init(void)
{
	if (replace_kvm) {
		device.minor = KVM_MINOR;
		device.name = "kvm";
	}
	return misc_register(&device);
}

void file_exit(void)
{
	misc_deregister(&device);
}
