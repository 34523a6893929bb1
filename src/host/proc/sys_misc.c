// SPDX-License-Identifier: MIT
/*
 * sys_misc.c - uname(), sysinfo(), user IDs, capabilities, prctl(), getrandom(), riscv_hwprobe().
 *
 * Everything runs as user 0; there are no other users.
 */
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <linux/sysinfo.h>
#include <linux/utsname.h>
#include <asm/hwprobe.h>
#include <asm/signal.h>
#include <string.h>
#include "hv/bits.h"
#include "hv/host.h"
#include "sched/clock.h"
#include "file/file.h"
#include "mm/page.h"
#include "process_impl.h"
#include "platform/random.h"
#include "seccomp.h"
#include "syscall.h"
#include "mm/uaccess.h"

/* Programs compare this string with the release that they need. This host imitates Linux 6.12. */
#define LINUX_RELEASE "6.12.0-hyperscope"

long sys_uname(struct trap_frame *frame)
{
	static const struct new_utsname name = {
		.sysname = "Linux",
		.nodename = "hyperscope",
		.release = LINUX_RELEASE,
		.version = "#1 SMP hyperscope",
		.machine = "riscv64",
		.domainname = "(none)",
	};

	return copy_to_user(frame->a0, &name, sizeof(name));
}

long sys_sysinfo(struct trap_frame *frame)
{
	struct sysinfo info = { 0 };
	struct process *p;

	info.uptime = (__kernel_long_t)(clock_monotonic_ns() / 1000000000);
	info.totalram = page_total_count() << PAGE_SHIFT;
	info.freeram = page_free_count() << PAGE_SHIFT;
	info.mem_unit = 1;
	spin_lock(&all_processes_lock);
	list_for_each_entry(p, &all_processes, all_link)
		info.procs++;
	spin_unlock(&all_processes_lock);
	return copy_to_user(frame->a0, &info, sizeof(info));
}

/* ---- user and group: always 0 ---- */

long sys_getuid(struct trap_frame *frame)
{
	(void)frame;
	return 0;
}

long sys_geteuid(struct trap_frame *frame)
{
	(void)frame;
	return 0;
}

long sys_getgid(struct trap_frame *frame)
{
	(void)frame;
	return 0;
}

long sys_getegid(struct trap_frame *frame)
{
	(void)frame;
	return 0;
}

long sys_getgroups(struct trap_frame *frame)
{
	return (int)frame->a0 < 0 ? -EINVAL : 0;
}

long sys_setgroups(struct trap_frame *frame)
{
	return frame->a0 ? -EINVAL : 0;
}

static long check_id(u32 id)
{
	return id == 0 || id == ~0U ? 0 : -EINVAL; /* as in a namespace that contains only user 0 */
}

long sys_setuid(struct trap_frame *frame)
{
	return (u32)frame->a0 ? -EINVAL : 0;
}

long sys_setgid(struct trap_frame *frame)
{
	return (u32)frame->a0 ? -EINVAL : 0;
}

long sys_setresuid(struct trap_frame *frame)
{
	return check_id((u32)frame->a0) | check_id((u32)frame->a1) | check_id((u32)frame->a2);
}

long sys_setresgid(struct trap_frame *frame)
{
	return sys_setresuid(frame);
}

long sys_getresuid(struct trap_frame *frame)
{
	u32 id = 0;

	if (put_user(id, frame->a0) < 0 || put_user(id, frame->a1) < 0 ||
	    put_user(id, frame->a2) < 0)
		return -EFAULT;
	return 0;
}

long sys_getresgid(struct trap_frame *frame)
{
	return sys_getresuid(frame);
}

long sys_umask(struct trap_frame *frame)
{
	/* Exchange atomically, so that two concurrent calls do not both return the old value. */
	return (long)__atomic_exchange_n(&current_process->umask, (u32)frame->a0 & 0777,
					 __ATOMIC_RELAXED);
}

/* User 0 always has every capability. */
long sys_capget(struct trap_frame *frame)
{
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[2];

	if (copy_from_user(&header, frame->a0, sizeof(header)) < 0)
		return -EFAULT;
	if (header.version != _LINUX_CAPABILITY_VERSION_3) {
		header.version = _LINUX_CAPABILITY_VERSION_3;
		if (copy_to_user(frame->a0, &header, sizeof(header)) < 0)
			return -EFAULT;
		return frame->a1 ? -EINVAL : 0;
	}
	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){ ~0U, ~0U, 0 };
	data[1].effective = data[1].permitted = BIT(CAP_LAST_CAP - 31) - 1;
	return copy_to_user(frame->a1, data, sizeof(data));
}

long sys_capset(struct trap_frame *frame)
{
	struct __user_cap_header_struct header;

	if (copy_from_user(&header, frame->a0, sizeof(header)) < 0)
		return -EFAULT;
	return header.version == _LINUX_CAPABILITY_VERSION_3 ? 0 : -EINVAL;
}

/* ---- prctl, personality ---- */

long sys_prctl(struct trap_frame *frame)
{
	char name[THREAD_NAME_LEN] = { 0 };
	long len;

	switch ((int)frame->a0) {
	case PR_SET_NAME:
		len = strncpy_from_user(name, frame->a1, sizeof(name) - 1);
		if (len == -EFAULT)
			return len;
		thread_set_name(name); /* truncated if too long, as on Linux */
		return 0;
	case PR_GET_NAME:
		return copy_to_user(frame->a1, current->name, sizeof(current->name));
	case PR_SET_NO_NEW_PRIVS:
		if (frame->a1 != 1 || frame->a2 || frame->a3 || frame->a4)
			return -EINVAL;
		current->no_new_privs = true;
		return 0;
	case PR_GET_NO_NEW_PRIVS:
		return frame->a1 || frame->a2 || frame->a3 || frame->a4 ? -EINVAL
									: current->no_new_privs;
	case PR_SET_SECCOMP:
		return frame->a1 == SECCOMP_MODE_FILTER ? seccomp_add_user(frame->a2, 0) : -EINVAL;
	case PR_GET_SECCOMP:
		return current->seccomp ? SECCOMP_MODE_FILTER : SECCOMP_MODE_DISABLED;
	case PR_SET_PDEATHSIG: /* accepted, but no signal is sent */
	case PR_SET_TIMERSLACK:
	case PR_SET_THP_DISABLE:
		return 0;
	case PR_GET_DUMPABLE:
		return 1;
	case PR_SET_DUMPABLE:
		return frame->a1 > 1 ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

long sys_personality(struct trap_frame *frame)
{
	/* ADDR_NO_RANDOMIZE is accepted, because addresses are never randomized. */
	return (u32)frame->a0 == 0xffffffff || !(frame->a0 & ~0x0040000UL) ? 0 : -EINVAL;
}

long sys_getcpu(struct trap_frame *frame)
{
	u32 hart = hv_hart(), node = 0;

	if (frame->a0 && put_user(hart, frame->a0) < 0)
		return -EFAULT;
	if (frame->a1 && put_user(node, frame->a1) < 0)
		return -EFAULT;
	return 0;
}

/* ---- randomness ---- */

long sys_getrandom(struct trap_frame *frame)
{
	unsigned long buf = frame->a0, size = MIN(frame->a1, 0x1ffffffUL), done = 0;
	u8 bytes[256];

	if (frame->a2 & ~7UL) /* GRND_NONBLOCK, GRND_RANDOM, GRND_INSECURE */
		return -EINVAL;
	while (done < size) {
		size_t part = MIN(size - done, sizeof(bytes));

		random_bytes(bytes, part);
		if (copy_to_user(buf + done, bytes, part) < 0)
			return done ? (long)done : -EFAULT;
		done += part;
		if (thread_signal_pending(current))
			break;
		irq_window();
	}
	return (long)done;
}

/* ---- riscv_hwprobe ---- */

static u64 hwprobe_extensions(void)
{
	static const struct {
		const char *name;
		u64 bit;
	} map[] = {
		{ "c", RISCV_HWPROBE_IMA_C },
		{ "zba", RISCV_HWPROBE_EXT_ZBA },
		{ "zbb", RISCV_HWPROBE_EXT_ZBB },
		{ "zbs", RISCV_HWPROBE_EXT_ZBS },
		{ "zbc", RISCV_HWPROBE_EXT_ZBC },
		{ "zfh", RISCV_HWPROBE_EXT_ZFH },
		{ "zfhmin", RISCV_HWPROBE_EXT_ZFHMIN },
		{ "zfa", RISCV_HWPROBE_EXT_ZFA },
		{ "zicond", RISCV_HWPROBE_EXT_ZICOND },
		{ "zacas", RISCV_HWPROBE_EXT_ZACAS },
		{ "zihintpause", RISCV_HWPROBE_EXT_ZIHINTPAUSE },
	};
	unsigned int i;
	u64 bits = 0;

	if (hv_isa_has("f") && hv_isa_has("d"))
		bits |= RISCV_HWPROBE_IMA_FD;
	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (hv_isa_has(map[i].name))
			bits |= map[i].bit;
	return bits;
}

/* V and cbo.zero are not reported: the host provides neither to user programs. */
static void hwprobe_one(struct riscv_hwprobe *pair)
{
	pair->value = 0;
	switch (pair->key) {
	case RISCV_HWPROBE_KEY_MVENDORID:
	case RISCV_HWPROBE_KEY_MARCHID:
	case RISCV_HWPROBE_KEY_MIMPID:
		pair->value = (u64)hv_sbi_call(SBI_EXT_BASE,
					       SBI_BASE_GET_MVENDORID +
						       (unsigned long)(pair->key -
								       RISCV_HWPROBE_KEY_MVENDORID),
					       0, 0, 0, 0, 0)
				      .value;
		break;
	case RISCV_HWPROBE_KEY_BASE_BEHAVIOR:
		pair->value = RISCV_HWPROBE_BASE_BEHAVIOR_IMA;
		break;
	case RISCV_HWPROBE_KEY_IMA_EXT_0:
		pair->value = hwprobe_extensions();
		break;
	case RISCV_HWPROBE_KEY_CPUPERF_0:
		pair->value = RISCV_HWPROBE_MISALIGNED_UNKNOWN;
		break;
	default:
		pair->key = -1; /* this host does not know this key */
	}
}

long sys_riscv_hwprobe(struct trap_frame *frame)
{
	unsigned long pairs = frame->a0, count = frame->a1;
	struct riscv_hwprobe pair;

	if (frame->a4) /* RISCV_HWPROBE_WHICH_CPUS is not supported */
		return -EINVAL;
	for (; count; count--, pairs += sizeof(pair)) {
		if (copy_from_user(&pair, pairs, sizeof(pair)) < 0)
			return -EFAULT;
		hwprobe_one(&pair);
		if (copy_to_user(pairs, &pair, sizeof(pair)) < 0)
			return -EFAULT;
		irq_window();
		if (READ_ONCE(current->sig.kill))
			return -EINTR;
	}
	return 0;
}
