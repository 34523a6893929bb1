// SPDX-License-Identifier: MIT
/*
 * lacks.c - an extension that was removed from a vCPU is absent for its guest.
 *
 * Each row is a small guest that uses one extension. With the extension, the guest finishes;
 * without it, the guest takes the trap of a hart that never had the extension. Rows are skipped if
 * the machine lacks the extension.
 */
#include <sys/auxv.h>
#include <sys/wait.h>
#include "vm.h"

#define TABLE_GPA (MEM_GPA + 0x10000) /* a VS-stage root table: Sv39, leaves of 1 GiB */
#define ISA(ext)  (KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_ISA_EXT | (ext))
#define REPORTED  (~0UL)

/* Reports 0, or the scause of the trap that `code` took. */
#define USE(name, code)                                                                 \
	GUEST(name, ".option norvc\n.option norelax\n"                                  \
		    "lla t0, 9f\ncsrw stvec, t0\nlla t1, 8f\n" code "li a0, 0\n" REPORT \
		    ".balign 64\n8: .zero 64\n9: csrr a0, scause\n" REPORT)

USE(v, ".option arch, +v\nli t2, 0x600\ncsrs sstatus, t2\nvsetivli zero, 4, e8, m1, ta, ma\n"
       "vmv.v.i v1, 3\n");
USE(f, ".option arch, +d\nli t2, 0x6000\ncsrs sstatus, t2\nfmv.d.x fa0, zero\n");
USE(cbo_zero, ".option arch, +zicboz\ncbo.zero (t1)\n");
USE(cbo_clean, ".option arch, +zicbom\ncbo.clean (t1)\n");
USE(cbo_flush, ".option arch, +zicbom\ncbo.flush (t1)\n");
USE(cbo_inval, ".option arch, +zicbom\ncbo.inval (t1)\n");
USE(sstateen0, "csrr t2, 0x10c\ncsrw 0x10c, zero\n");
USE(senvcfg, "csrr t2, 0x10a\ncsrw 0x10a, t2\n");
USE(siselect, "li t2, 0x30\ncsrw 0x150, t2\ncsrr t2, 0x151\n");
USE(stopi, "csrr t2, 0xdb0\n");
USE(stimecmp, "csrr t2, 0x14d\nli t2, -1\ncsrw 0x14d, t2\n");
USE(pbmt, "li t2, 0xc0000000\nld t2, (t2)\n");    /* through the second leaf, with PBMT = NC */
USE(clear_a, "li t2, 0x40000000\nld t2, (t2)\n"); /* through the leaf at 1 GiB, with A clear */
USE(h, "csrr t2, 0x600\n");
USE(seed, "csrrw a0, 0x015, zero\n" REPORT);

static const struct {
	const char *what;
	int ext, also; /* the extensions to remove; `also` is -1 if there is only one */
	const uint8_t *code, *end;
	unsigned long cause;
	bool ours; /* fails on Linux 6.12, which cannot remove Sstc and leaves sstatus.VS on */
} rows[] = {
#define ROW(what, ext, also, code, cause, ours)                                                    \
	{                                                                                          \
		what, KVM_RISCV_ISA_EXT_##ext, also, guest_##code, guest_##code##_end, cause, ours \
	}
	ROW("V: a vector instruction (hyperscope only)", V, -1, v, 2, true),
	ROW("F and D: an FP instruction", F, KVM_RISCV_ISA_EXT_D, f, 2, false),
	ROW("Zicboz: cbo.zero", ZICBOZ, -1, cbo_zero, 2, false),
	ROW("Zicbom: cbo.clean", ZICBOM, -1, cbo_clean, 2, false),
	ROW("Zicbom: cbo.flush", ZICBOM, -1, cbo_flush, 2, false),
	ROW("Zicbom: cbo.inval", ZICBOM, -1, cbo_inval, 2, false),
	ROW("Smstateen: sstateen0", SMSTATEEN, -1, sstateen0, 2, false),
	ROW("Smstateen: senvcfg (independent of it)", SMSTATEEN, -1, senvcfg, REPORTED, false),
	ROW("Ssaia: siselect and sireg", SSAIA, -1, siselect, 2, false),
	ROW("Ssaia: stopi", SSAIA, -1, stopi, 2, false),
	ROW("Svpbmt: a PTE with a memory type", SVPBMT, -1, pbmt, 13, false),
	ROW("Svadu: a PTE whose A bit is clear", SVADU, -1, clear_a, 13, false),
	ROW("Sstc: stimecmp (hyperscope only)", SSTC, -1, stimecmp, 2, true),
};

static struct vm vm;
static struct vcpu vcpu;

static void fresh(const uint8_t *code, const uint8_t *end)
{
	uint64_t *root;

	vm = vm_new();
	vcpu = vcpu_new(&vm, 0);
	vm_load_code(&vm, 0, code, end);
	root = (uint64_t *)(vm.mem + (TABLE_GPA - MEM_GPA));
	root[1] = MEM_GPA >> 12 << 10 | 0xf;              /* at 1 GiB, A and D clear */
	root[2] = MEM_GPA >> 12 << 10 | 0xcf;             /* V R W X A D, identity-mapped */
	root[3] = MEM_GPA >> 12 << 10 | 0xcf | 1UL << 61; /* the same at 3 GiB, PBMT = NC */
	set_reg(&vcpu, CSRREG(satp), 8UL << 60 | TABLE_GPA >> 12);
}

static void done(void)
{
	vcpu_free(&vcpu);
	vm_free(&vm);
}

static bool ends_with(unsigned long a0)
{
	bool good = vcpu_run(&vcpu) == 0 && is_report(&vcpu, a0);

	if (!good)
		printf("# exit %u, a0 0x%lx\n", vcpu.run->exit_reason, vcpu.run->riscv_sbi.args[0]);
	return good;
}

static bool has(int ext)
{
	uint64_t value = 0;
	struct kvm_one_reg reg = { .id = ISA((unsigned long)ext), .addr = (uintptr_t)&value };

	return ioctl(vcpu.fd, KVM_GET_ONE_REG, &reg) == 0 && value;
}

static void one(size_t i)
{
	char claim[128];
	bool there, taken;

	fresh(rows[i].code, rows[i].end);
	/* Ssaia can be removed only with Smstateen, which has the bit that disables Ssaia. */
	there = has(rows[i].ext) &&
		(rows[i].ext != KVM_RISCV_ISA_EXT_SSAIA || has(KVM_RISCV_ISA_EXT_SMSTATEEN));
	if (!there) {
		printf("ok %d - %s # SKIP this machine has no such extension\n", ++tap_count,
		       rows[i].what);
		done();
		return;
	}
	snprintf(claim, sizeof(claim), "%s: works while the vCPU has the extension", rows[i].what);
	ok(ends_with(0), claim);
	done();

	fresh(rows[i].code, rows[i].end);
	taken = set_reg(&vcpu, ISA((unsigned long)rows[i].ext), 0) == 0;
	if (rows[i].also >= 0)
		taken &= set_reg(&vcpu, ISA((unsigned long)rows[i].also), 0) == 0;
	snprintf(claim, sizeof(claim),
		 "%s: after removal, behaves as on a hart without the extension", rows[i].what);
	ok(taken && ends_with(rows[i].cause == REPORTED ? 0 : rows[i].cause), claim);
	snprintf(claim, sizeof(claim), "%s: the extension cannot be restored after a run",
		 rows[i].what);
	fails_with(set_reg(&vcpu, ISA((unsigned long)rows[i].ext), 1), EBUSY, claim);
	done();
}

/* Check which of the machine's extensions can be removed and restored. */
static void who_may_go(bool ours)
{
	static const int may[] = { KVM_RISCV_ISA_EXT_D,      KVM_RISCV_ISA_EXT_F,
				   KVM_RISCV_ISA_EXT_V,      KVM_RISCV_ISA_EXT_SMSTATEEN,
				   KVM_RISCV_ISA_EXT_SVPBMT, KVM_RISCV_ISA_EXT_ZICBOM,
				   KVM_RISCV_ISA_EXT_ZICBOZ, KVM_RISCV_ISA_EXT_SMNPM,
				   KVM_RISCV_ISA_EXT_SVADU };
	unsigned int stay = 0, wrong = 0, back = 0, gone = 0;

	fresh(guest_v, guest_v_end);
	for (int ext = 0; ext < KVM_RISCV_ISA_EXT_MAX; ext++) {
		bool expected =
			ext == KVM_RISCV_ISA_EXT_SSTC ||
			(ext == KVM_RISCV_ISA_EXT_SSAIA && has(KVM_RISCV_ISA_EXT_SMSTATEEN)) ||
			(ext == KVM_RISCV_ISA_EXT_SVADE && has(KVM_RISCV_ISA_EXT_SVADU));
		int ret;

		if (!has(ext) || (ext == KVM_RISCV_ISA_EXT_SSTC && !ours))
			continue;
		for (size_t i = 0; i < sizeof(may) / sizeof(may[0]); i++)
			expected |= may[i] == ext;
		errno = 0;
		ret = set_reg(&vcpu, ISA((unsigned long)ext), 0);
		if (ret == 0)
			gone++, back += set_reg(&vcpu, ISA((unsigned long)ext), 1) == 0;
		else
			stay++;
		if ((ret == 0) != expected || (ret && errno != EINVAL)) {
			wrong++;
			printf("# extension %d: %d, errno %d\n", ext, ret, errno);
		}
	}
	ok(!wrong && stay > 5,
	   "removing a required extension fails with EINVAL; all others can be removed");
	ok(gone > 0 && back == gone, "every removed extension can be restored");
	done();
	fresh(guest_h, guest_h_end);
	ok(ends_with(2), "an access to hstatus is an illegal instruction in a guest");
	done();
}

/* hyperscope can give a vCPU H, except with gpa_from=walk; Linux cannot. */
static void adds_h(bool ours)
{
	bool aia;

	fresh(guest_h, guest_h_end);
	if (!ours || toggle_is("gpa_from", "walk")) {
		fails_with(set_reg(&vcpu, ISA(KVM_RISCV_ISA_EXT_H), 1), EINVAL,
			   "extension H cannot be added");
		done();
		return;
	}
	aia = has(KVM_RISCV_ISA_EXT_SSAIA);
	ok(!set_reg(&vcpu, ISA(KVM_RISCV_ISA_EXT_H), 1), "extension H can be added");
	ok(has(KVM_RISCV_ISA_EXT_SSAIA) == aia, "which does not remove Ssaia");
	ok(ends_with(0), "then hstatus can be read");
	done();
}

static void entropy(void)
{
	fresh(guest_seed, guest_seed_end);
	if (!has(KVM_RISCV_ISA_EXT_ZKR)) {
		ok(ends_with(2), "without Zkr, an access to seed is an illegal instruction");
		done();
		return;
	}
	ok(vcpu_run(&vcpu) == 0 && vcpu.run->exit_reason == KVM_EXIT_RISCV_CSR &&
		   vcpu.run->riscv_csr.csr_num == 0x15 && vcpu.run->riscv_csr.write_mask == ~0UL &&
		   vcpu.run->riscv_csr.new_value == 0,
	   "with Zkr, an access to seed exits with KVM_EXIT_RISCV_CSR");
	vcpu.run->riscv_csr.ret_value = 0x8000abcd;
	ok(ends_with(0x8000abcd), "the guest reads the value of seed that user space returns");
	done();
}

/*
 * The host does not save vector registers for its programs, so a program must not see a guest's
 * vector registers.
 */
static void host_program(void)
{
	int status = 0;
	pid_t pid;

	fresh(guest_v, guest_v_end);
	ok(ends_with(has(KVM_RISCV_ISA_EXT_V) ? 0 : 2),
	   "a guest can use V if the machine has it (hyperscope only)");
	pid = fork();
	if (pid == 0) {
		__asm__ volatile(
			".option push\n.option arch, +v\nvsetivli zero, 1, e8, m1, ta, ma\n"
			".option pop");
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGILL && !(getauxval(AT_HWCAP) >> 21 & 1),
	   "a host program has no V: it gets SIGILL, and AT_HWCAP lacks V (hyperscope only)");
	done();
}

int main(void)
{
	bool ours = getenv("HS_OURS") != NULL;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!rows[i].ours || ours)
			one(i);
	}
	who_may_go(ours);
	adds_h(ours);
	entropy();
	if (ours)
		host_program();
	return tap_done();
}
