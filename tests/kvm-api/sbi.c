// SPDX-License-Identifier: MIT
/*
 * sbi.c - SBI extensions as user space sees them: it disables and enables them, and saves their
 * state.
 *
 * The guest makes the call that is in its registers, and reports the result.
 */
#include <linux/userfaultfd.h>
#include <sys/syscall.h>
#include "vm.h"

#define ULONG_REG(type, num) (KVM_REG_RISCV | KVM_REG_SIZE_U64 | (type) | (num))
#define SINGLE(num)          ULONG_REG(KVM_REG_RISCV_SBI_EXT, (unsigned long)(num))
#define MULTI_EN(num)        ULONG_REG(KVM_REG_RISCV_SBI_EXT | KVM_REG_RISCV_SBI_MULTI_EN, num)
#define MULTI_DIS(num)       ULONG_REG(KVM_REG_RISCV_SBI_EXT | KVM_REG_RISCV_SBI_MULTI_DIS, num)
#define STATE(subtype, num)  ULONG_REG(KVM_REG_RISCV_SBI_STATE | (subtype) << 16, num)
#define STA(num)             STATE(0UL, num)
#define FWFT(num)            STATE(1UL, num)

/* These are newer than Linux 6.12's headers. */
#define ID_SUSP 11
#define ID_FWFT 12
#define ID_MPXY 13

#define NOT_SUPPORTED (-2L)
#define AREA          (MEM_GPA + 0x100000)
#define RESUME        (MEM_GPA + 0x1000)

GUEST(call, ".option norvc\n1: ecall\n" REPORT "j 1b\n");
GUEST(resumed, ".option norvc\nslli a0, a0, 8\nor a0, a0, a1\n" REPORT "1: j 1b\n");

static const struct {
	unsigned int id;
	unsigned long ext;
	const char *name;
	bool off; /* off until user space enables it */
} exts[] = {
	{ KVM_RISCV_SBI_EXT_TIME, 0x54494d45, "TIME", false },
	{ KVM_RISCV_SBI_EXT_IPI, 0x735049, "IPI", false },
	{ KVM_RISCV_SBI_EXT_RFENCE, 0x52464e43, "RFENCE", false },
	{ KVM_RISCV_SBI_EXT_SRST, 0x53525354, "SRST", false },
	{ KVM_RISCV_SBI_EXT_HSM, 0x48534d, "HSM", false },
	{ KVM_RISCV_SBI_EXT_STA, 0x535441, "STA", false },
	{ KVM_RISCV_SBI_EXT_DBCN, 0x4442434e, "DBCN", true },
};

#define NR_EXTS (sizeof(exts) / sizeof(exts[0]))

static struct vm vm;
static struct vcpu vcpu;
static bool ours;

static void fresh(void)
{
	vm = vm_new();
	vcpu = vcpu_new(&vm, 0);
	vm_load(&vm, call);
	vm_load_code(&vm, RESUME - MEM_GPA, guest_resumed, guest_resumed_end);
}

static void done(void)
{
	vcpu_free(&vcpu);
	vm_free(&vm);
}

/* Make the guest call. Returns a0, and a1 in *value, or -99 if KVM_RUN ended without a report. */
static long call(unsigned long ext, unsigned long fid, unsigned long a0, unsigned long a1,
		 unsigned long a2, unsigned long *value)
{
	vcpu.run->immediate_exit = 1;
	vcpu_run(&vcpu); /* complete a pending report first */
	vcpu.run->immediate_exit = 0;
	set_reg(&vcpu, R_PC, MEM_GPA);
	set_reg(&vcpu, R_A0, a0);
	set_reg(&vcpu, R_A1, a1);
	set_reg(&vcpu, CORE(regs.a2), a2);
	set_reg(&vcpu, CORE(regs.a6), fid);
	set_reg(&vcpu, CORE(regs.a7), ext);
	if (vcpu_run(&vcpu) || vcpu.run->exit_reason != KVM_EXIT_RISCV_SBI ||
	    vcpu.run->riscv_sbi.extension_id != SBI_EXPERIMENTAL)
		return -99;
	if (value)
		*value = vcpu.run->riscv_sbi.args[1];
	return (long)vcpu.run->riscv_sbi.args[0];
}

static bool probe(unsigned long ext)
{
	unsigned long value = 99;

	must(call(0x10, 3, ext, 0, 0, &value) == 0 && value <= 1, "probe");
	return value;
}

static unsigned long mask_of_all(void)
{
	unsigned long mask = 0, i;

	for (i = 0; i < NR_EXTS; i++)
		mask |= 1UL << exts[i].id;
	return mask;
}

static void one_by_one(void)
{
	unsigned long i, wrong = 0;

	fresh();
	for (i = 0; i < NR_EXTS; i++)
		wrong += get_reg(&vcpu, SINGLE(exts[i].id)) != !exts[i].off;
	ok(wrong == 0, "every SBI extension except DBCN is on at first");
	for (i = 0; i < NR_EXTS; i++) {
		wrong += set_reg(&vcpu, SINGLE(exts[i].id), exts[i].off) != 0;
		wrong += get_reg(&vcpu, SINGLE(exts[i].id)) != exts[i].off;
	}
	ok(wrong == 0, "every SBI extension's register reads as it was set");
	fails_with(set_reg(&vcpu, SINGLE(KVM_RISCV_SBI_EXT_TIME), 2), EINVAL,
		   "the register of an SBI extension refuses the value 2");
	fails_with(set_reg(&vcpu, SINGLE(63), 1), ENOENT, "an unknown SBI extension is refused");
	for (i = wrong = 0; i < NR_EXTS; i++)
		wrong += probe(exts[i].ext) != exts[i].off;
	ok(wrong == 0, "the guest's probe finds exactly the extensions that are on");
	for (i = wrong = 0; i < NR_EXTS; i++)
		wrong += !exts[i].off && call(exts[i].ext, 0, 0, 0, 0, NULL) != NOT_SUPPORTED;
	ok(wrong == 0, "a call to an extension that is off returns SBI_ERR_NOT_SUPPORTED");
	fails_with(set_reg(&vcpu, SINGLE(KVM_RISCV_SBI_EXT_TIME), 1), EBUSY,
		   "SBI extensions cannot be changed once the vCPU has run");
	fails_with(set_reg(&vcpu, MULTI_EN(0), 1), EBUSY,
		   "masks of SBI extensions cannot be set once the vCPU has run");
	done();
}

static void many_at_once(void)
{
	unsigned long all = mask_of_all(), i, wrong = 0;

	fresh();
	ok(set_reg(&vcpu, MULTI_DIS(0), all) == 0 && (get_reg(&vcpu, MULTI_EN(0)) & all) == 0 &&
		   (get_reg(&vcpu, MULTI_DIS(0)) & all) == all,
	   "one mask can disable several SBI extensions");
	for (i = 0; i < NR_EXTS; i++)
		wrong += get_reg(&vcpu, SINGLE(exts[i].id)) != 0;
	ok(wrong == 0, "every extension in the mask is off");
	ok(set_reg(&vcpu, MULTI_EN(0), ~0UL) == 0 && (get_reg(&vcpu, MULTI_EN(0)) & all) == all,
	   "a mask of all ones enables all extensions that exist");
	fails_with(set_reg(&vcpu, MULTI_EN(1), 1), ENOENT,
		   "a second mask of extensions does not exist");
	for (i = wrong = 0; i < NR_EXTS; i++)
		wrong += !probe(exts[i].ext);
	ok(wrong == 0, "the guest's probe finds all extensions that the mask enabled");
	done();
}

/* Only user space knows whether a vendor extension exists. */
static void vendors(void)
{
	unsigned long value;

	fresh();
	ok(call(0x10, 3, 0x09000000, 0, 0, &value) == -99 &&
		   vcpu.run->exit_reason == KVM_EXIT_RISCV_SBI &&
		   vcpu.run->riscv_sbi.extension_id == 0x10 &&
		   vcpu.run->riscv_sbi.args[0] == 0x09000000,
	   "a guest's probe of a vendor extension exits to user space");
	vcpu.run->riscv_sbi.ret[0] = 0;
	vcpu.run->riscv_sbi.ret[1] = 5;
	ok(vcpu_run(&vcpu) == 0 && is_report(&vcpu, 0) && vcpu.run->riscv_sbi.args[1] == 5,
	   "the guest gets user space's answer to the probe");
	done();
	fresh();
	must(set_reg(&vcpu, SINGLE(KVM_RISCV_SBI_EXT_VENDOR), 0) == 0, "VENDOR");
	ok(call(0x09000000, 0, 0, 0, 0, NULL) == NOT_SUPPORTED,
	   "a call to a disabled vendor extension returns SBI_ERR_NOT_SUPPORTED");
	done();
}

static void steal_time(void)
{
	fresh();
	memset(vm.mem + (AREA - MEM_GPA), 0x55, 128);
	ok(get_reg(&vcpu, STA(0)) == ~0UL && get_reg(&vcpu, STA(1)) == 0,
	   "steal time has no address at first");
	ok(call(0x535441, 0, AREA, 0, 0, NULL) == 0 && get_reg(&vcpu, STA(0)) == AREA,
	   "user space can read the steal-time address that the guest set");
	/* Bytes 8 to 16 are the time and a flag, which may have changed since then. */
	ok(vm.mem[AREA - MEM_GPA + 17] == 0 && vm.mem[AREA - MEM_GPA + 63] == 0 &&
		   vm.mem[AREA - MEM_GPA + 64] == 0x55,
	   "exactly 64 bytes at the steal-time address are zeroed");
	ok(set_reg(&vcpu, STA(0), AREA + 64) == 0 && get_reg(&vcpu, STA(0)) == AREA + 64,
	   "user space can set another steal-time address");
	fails_with(set_reg(&vcpu, STA(1), 1), EINVAL,
		   "the steal-time address cannot have an upper half");
	fails_with(set_reg(&vcpu, STA(2), 0), is_linux_7_3(&vm) ? ENOENT : EINVAL,
		   "steal time has only two registers");
	if (ours)
		fails_with(set_reg(&vcpu, STA(0), AREA + 32), EINVAL,
			   "a misaligned steal-time address is refused (hyperscope only)");
	fails_with(set_reg(&vcpu, STATE(7UL, 0), 0), EINVAL,
		   "an extension without state has no state registers");
	/* On a hart without Svadu, a store to this page faults, although the process may write to it. */
	vm.mem[AREA - MEM_GPA + 17] = 0x55;
	must(madvise(vm.mem + AREA - MEM_GPA, 4096, MADV_FREE) == 0, "MADV_FREE");
	ok(call(0x535441, 0, AREA, 0, 0, NULL) == 0 && vm.mem[AREA - MEM_GPA + 17] == 0,
	   "the steal-time address may be in a page that is writable, but not dirty");
	ok(call(0x535441, 0, ~0UL, ~0UL, 0, NULL) == 0 && get_reg(&vcpu, STA(0)) == ~0UL,
	   "an address of all ones disables steal time");
	done();
}

static void suspend(void)
{
	fresh();
	must(set_reg(&vcpu, SINGLE(ID_SUSP), 1) == 0, "SUSP");
	ok(call(0x53555350, 0, 1, RESUME, 0, NULL) == -3,
	   "a reserved sleep type is invalid (hyperscope only)");
	ok(call(0x53555350, 0, 0, RESUME, 0x77, NULL) == -99 &&
		   vcpu.run->exit_reason == KVM_EXIT_RISCV_SBI &&
		   vcpu.run->riscv_sbi.extension_id == 0x53555350 &&
		   vcpu.run->riscv_sbi.args[1] == RESUME,
	   "a suspend call exits to user space (hyperscope only)");
	vcpu.run->riscv_sbi.ret[0] = 5; /* must have no effect */
	ok(vcpu_run(&vcpu) == 0 && is_report(&vcpu, 0x77),
	   "the next KVM_RUN resumes the guest at its resume address (hyperscope only)");
	done();
}

static void message_proxy(void)
{
	fresh();
	ok(call(0x4d505859, 0, 0, 0, 0, NULL) == -2,
	   "MPXY is not supported until user space enables it (hyperscope only)");
	done();
	fresh();
	must(set_reg(&vcpu, SINGLE(ID_MPXY), 1) == 0, "MPXY");
	ok(call(0x4d505859, 5, 1, 2, 3, NULL) == -99 &&
		   vcpu.run->exit_reason == KVM_EXIT_RISCV_SBI &&
		   vcpu.run->riscv_sbi.extension_id == 0x4d505859 &&
		   vcpu.run->riscv_sbi.function_id == 5 && vcpu.run->riscv_sbi.args[2] == 3,
	   "with MPXY, its calls exit to user space (hyperscope only)");
	done();
}

static void features(void)
{
	unsigned long value;

	fresh();
	ok(call(0x10, 0, 0, 0, 0, &value) == 0 && value == 3 << 24,
	   "the SBI version is 3.0 (hyperscope only)");
	ok(call(0x46574654, 1, 6, 0, 0, NULL) == -4, "FWFT denies reserved IDs (hyperscope only)");
	if (call(0x46574654, 1, 0, 0, 0, NULL) == 0) {
		ok(call(0x46574654, 0, 0, 1, 1, NULL) == 0 && get_reg(&vcpu, FWFT(0)) == 1 &&
			   get_reg(&vcpu, FWFT(1)) == 1 && get_reg(&vcpu, FWFT(2)) == 1,
		   "registers show a feature that the guest has set and locked (hyperscope only)");
		fails_with(set_reg(&vcpu, FWFT(2), 2), EINVAL,
			   "an invalid value of a feature's register is refused (hyperscope only)");
	}
	fails_with(set_reg(&vcpu, FWFT(9), 0), ENOENT,
		   "a vCPU without Zicfilp has no landing pads (hyperscope only)");
	done();
}

/* ---- memory deleted during a call ---------------------------------------------------------- */

#define GONE_GPA (MEM_GPA + 0x10000000)

static volatile bool deleted;

static void *caller(void *arg)
{
	(void)arg;
	call(0x535441, 0, GONE_GPA, 0, 0, NULL);
	return NULL;
}

static void *deleter(void *arg)
{
	must(vm_set_slot(&vm, 5, GONE_GPA, 0, NULL, 0) == 0, "deleting the slot");
	deleted = true;
	return arg;
}

/* Register a page with userfaultfd, so that an access waits until we resolve the fault. */
static int watch(void *page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .range = { (uintptr_t)page, 4096 },
				       .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	must(fd >= 0 && !ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &reg),
	     "userfaultfd");
	return fd;
}

/*
 * The slot is deleted while the kernel, which is about to clear STA's structure, waits for the
 * structure's page. Either the deletion waits for the kernel, or nothing is cleared: the memory may
 * have another use by then.
 */
static void nothing_is_written_behind_a_slot(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS, fd;
	struct uffdio_zeropage zero = { 0 };
	struct uffd_msg msg;
	pthread_t calls, deletes;
	uint8_t *page, was[64];

	fresh();
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, flags, -1, 0);
	must(page != MAP_FAILED, "mmap");
	fd = watch(page);
	must(vm_set_slot(&vm, 5, GONE_GPA, 4096, page, 0) == 0, "a slot");
	pthread_create(&calls, NULL, caller, NULL);
	must(read(fd, &msg, sizeof(msg)) == sizeof(msg), "a fault");
	pthread_create(&deletes, NULL, deleter, NULL);
	for (int i = 0; i < 20 && !deleted; i++)
		sleep_ms(10);
	zero.range = (struct uffdio_range){ (uintptr_t)page, 4096 };
	if (!deleted)
		ioctl(fd, UFFDIO_ZEROPAGE, &zero);
	pthread_join(deletes, NULL);
	mmap(page, 4096, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0);
	memset(page, 0x55, 4096);
	ioctl(fd, UFFDIO_WAKE, &zero.range);
	pthread_join(calls, NULL);
	memset(was, 0x55, sizeof(was));
	ok(!memcmp(page, was, sizeof(was)),
	   "the kernel writes nothing to the memory of a deleted slot");
	munmap(page, 4096);
	close(fd);
	done();
}

int main(void)
{
	ours = getenv("HS_OURS");
	one_by_one();
	many_at_once();
	vendors();
	steal_time();
	nothing_is_written_behind_a_slot();
	fresh();
	if (ours) {
		ok(get_reg(&vcpu, SINGLE(ID_SUSP)) == 0 && get_reg(&vcpu, SINGLE(ID_MPXY)) == 0 &&
			   get_reg(&vcpu, SINGLE(ID_FWFT)) == 1,
		   "SUSP and MPXY are off at first, and FWFT is on (hyperscope only)");
		must(set_reg(&vcpu, SINGLE(ID_FWFT), 0) == 0, "FWFT");
		fails_with(set_reg(&vcpu, FWFT(0), 0), EINVAL,
			   "without FWFT, the registers of FWFT do not exist (hyperscope only)");
	}
	if (!is_linux_7_3(&vm)) {
		fails_with(set_reg(&vcpu, SINGLE(ID_SUSP), 0), ENOENT,
			   "extension SUSP does not exist");
		fails_with(set_reg(&vcpu, SINGLE(ID_FWFT), 0), ENOENT,
			   "extension FWFT does not exist");
	}
	done();
	if (ours) {
		suspend();
		features();
		message_proxy();
	}
	return tap_done();
}
