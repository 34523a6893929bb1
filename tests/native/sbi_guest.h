// SPDX-License-Identifier: MIT
/*
 * sbi_guest.h - a guest that is a script of SBI calls, one per entry, for test_sbi*.c.
 *
 * Each program has one VM with two vCPUs; the first runs the script.
 */
#ifndef NATIVE_SBI_GUEST_H
#define NATIVE_SBI_GUEST_H

#include "one_vm.h"
#include "uapi/onereg.h"

#define PC  (NATIVE_GUEST_BASE + 0x1000)
#define ANY (~0UL)

static struct kvm_vcpu *second;

static inline int setup(void **state)
{
	(void)state;
	one_vm_ready(NULL, PC);
	second = native_vcpu_make(&vm, 1);
	return 0;
}

/* ---- a guest that makes calls ------------------------------------------------------------ */

struct call {
	unsigned long ext, fid, args[4];
	long error, value; /* the results that the guest finds when it continues */
};

static struct call *script;
static unsigned int script_len, script_at;

/*
 * On each entry, record the previous call's result and make the next call. After the script's last
 * call, end KVM_RUN with host_interrupt().
 */
static inline void scripted_guest(struct kvm_vcpu *vcpu)
{
	unsigned long *gpr = vcpu->guest.gpr;
	unsigned int i;

	if (script_at > 0 && script_at <= script_len) {
		script[script_at - 1].error = (long)gpr[GPR_A0];
		script[script_at - 1].value = (long)gpr[GPR_A1];
	}
	if (script_at >= script_len) {
		script_at++;
		host_interrupt();
		return;
	}
	for (i = 0; i < 4; i++)
		gpr[GPR_A0 + i] = script[script_at].args[i];
	gpr[GPR_A6] = script[script_at].fid;
	gpr[GPR_A7] = script[script_at].ext;
	script_at++;
	native_trap(&(struct hv_trap){ .scause = EXC_ECALL_VS });
}

static inline int run_script(struct call *calls, unsigned int n)
{
	script = calls;
	script_len = n;
	script_at = 0;
	native_guest = scripted_guest;
	native_signal_set(false);
	return native_run(vm.vcpu);
}

static inline struct call made(struct call call)
{
	assert_int_equal(run_script(&call, 1), -EINTR);
	return call;
}

#define CALL(e, f, ...) ((struct call){ .ext = (e), .fid = (f), .args = { __VA_ARGS__ } })

/* ---- registers of group SBI_STATE ------------------------------------------------------ */

static u64 reg_buf; /* the value that the last successful reg_get() has read */

static inline struct kvm_one_reg sbi_reg(u64 subtype, unsigned long num)
{
	return (struct kvm_one_reg){
		.id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_SBI_STATE | subtype | num,
		.addr = NATIVE_USER_BASE + 0x100,
	};
}

static inline int reg_get(u64 subtype, unsigned long num)
{
	struct kvm_one_reg r = sbi_reg(subtype, num);
	int err = onereg_get(vm.vcpu, &r);

	if (!err)
		memcpy(&reg_buf, native_user(NATIVE_USER_BASE + 0x100), 8);
	return err;
}

static inline int reg_set(u64 subtype, unsigned long num, u64 value)
{
	struct kvm_one_reg r = sbi_reg(subtype, num);

	memcpy(native_user(NATIVE_USER_BASE + 0x100), &value, 8);
	return onereg_set(vm.vcpu, &r);
}

#endif
