// SPDX-License-Identifier: MIT
/*
 * debug.c - KVM_SET_GUEST_DEBUG decides whether the guest or its debugger gets a breakpoint
 * exception, for each instruction length and mode.
 */
#include "vm.h"

#define VECTOR 0x100 /* the guest's stvec, as an offset from MEM_GPA */

GUEST(ebreak, ".option norvc\n.option norelax\nebreak\nli a0, 77\n" REPORT);
GUEST(short_ebreak, ".option rvc\nc.ebreak\n.option norvc\nli a0, 77\n" REPORT);
GUEST(handler, "csrr a0, scause\ncsrr a1, sepc\n" REPORT);

static const struct {
	const char *name;
	const uint8_t *code, *end;
	unsigned long insn_len, mode;
} guests[] = {
	{ "ebreak in VS", guest_ebreak, guest_ebreak_end, 4, KVM_RISCV_MODE_S },
	{ "ebreak in VU", guest_ebreak, guest_ebreak_end, 4, KVM_RISCV_MODE_U },
	{ "c.ebreak in VS", guest_short_ebreak, guest_short_ebreak_end, 2, KVM_RISCV_MODE_S },
};

static struct vm vm;
static struct vcpu vcpu;

static int debug(uint32_t control)
{
	struct kvm_guest_debug dbg = { .control = control };

	return ioctl(vcpu.fd, KVM_SET_GUEST_DEBUG, &dbg);
}

static void begin(unsigned long mode)
{
	set_reg(&vcpu, R_PC, MEM_GPA);
	set_reg(&vcpu, CORE(mode), mode);
}

/*
 * Run the guest. Return whether its handler reports a breakpoint (3) at the guest's first
 * instruction.
 */
static bool is_guests(void)
{
	return vcpu_run(&vcpu) == 0 && is_report(&vcpu, 3) &&
	       vcpu.run->riscv_sbi.args[1] == MEM_GPA;
}

static bool is_debuggers(void)
{
	return vcpu_run(&vcpu) == 0 && vcpu.run->exit_reason == KVM_EXIT_DEBUG &&
	       get_reg(&vcpu, R_PC) == MEM_GPA;
}

static void each_guest(size_t i)
{
	char claim[128];

	vm = vm_new();
	vcpu = vcpu_new(&vm, 0);
	vm_load_code(&vm, 0, guests[i].code, guests[i].end);
	vm_load_code(&vm, VECTOR, guest_handler, guest_handler_end);
	set_reg(&vcpu, CSRREG(stvec), MEM_GPA + VECTOR);
	set_reg(&vcpu, CSRREG(sepc), 0x1234);

	begin(guests[i].mode);
	snprintf(claim, sizeof(claim), "%s: KVM_RUN ends with KVM_EXIT_DEBUG at the instruction",
		 guests[i].name);
	ok(debug(KVM_GUESTDBG_ENABLE) == 0 && is_debuggers(), claim);
	ok(get_reg(&vcpu, CSRREG(sepc)) == 0x1234,
	   "the guest's sepc is unchanged, so it has taken no exception");
	snprintf(claim, sizeof(claim), "%s: KVM_EXIT_DEBUG ends KVM_RUN again if pc is not moved",
		 guests[i].name);
	ok(is_debuggers(), claim);
	if (guests[i].mode == KVM_RISCV_MODE_S) {
		set_reg(&vcpu, R_PC, MEM_GPA + guests[i].insn_len);
		ok(vcpu_run(&vcpu) == 0 && is_report(&vcpu, 77),
		   "the guest continues when pc is moved past the ebreak");
		vcpu_finish(&vcpu);
	}
	begin(guests[i].mode);
	snprintf(claim, sizeof(claim), "%s: without a debugger, the guest takes the exception",
		 guests[i].name);
	ok(debug(0) == 0 && is_guests(), claim);
	vcpu_free(&vcpu);
	vm_free(&vm);
}

/* Bits without a meaning on RISC-V are accepted and ignored: only ENABLE counts. */
static void other_bits(void)
{
	vm = vm_new();
	vcpu = vcpu_new(&vm, 0);
	vm_load(&vm, ebreak);
	vm_load_code(&vm, VECTOR, guest_handler, guest_handler_end);
	set_reg(&vcpu, CSRREG(stvec), MEM_GPA + VECTOR);
	begin(KVM_RISCV_MODE_S);
	ok(debug(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP) == 0,
	   "KVM_GUESTDBG_SINGLESTEP is accepted");
	set_reg(&vcpu, R_PC, MEM_GPA + 4);
	ok(vcpu_run(&vcpu) == 0 && is_report(&vcpu, 77),
	   "KVM_GUESTDBG_SINGLESTEP is ignored: the guest runs on");
	vcpu_finish(&vcpu);
	begin(KVM_RISCV_MODE_S);
	ok(debug(~KVM_GUESTDBG_ENABLE) == 0 && is_guests(),
	   "KVM_SET_GUEST_DEBUG with all bits except ENABLE switches debugging off");
	vcpu_free(&vcpu);
	vm_free(&vm);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(guests) / sizeof(guests[0]); i++)
		each_guest(i);
	other_bits();
	return tap_done();
}
