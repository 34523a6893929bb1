// SPDX-License-Identifier: MIT
/*
 * insn.c - fuzz target: decode and emulate any instruction.
 *
 * The decoder runs alone first. Then a vCPU traps on the instruction: for some inputs as a virtual
 * instruction, and always as an MMIO access, which is decoded from htinst or from the instruction
 * itself. The instruction is at the end of a page, so 32-bit instructions cross into the next page.
 * User space's answers are also taken from the input, and KVM_RUN is called again to complete the
 * access.
 */
#include "exit/exit.h"
#include "exit/insn_decode.h"
#include "core.h"

#define CODE (NATIVE_GUEST_BASE + PAGE_SIZE - 2)
#define MMIO 0x10000000UL

static struct native_vm vm;
static struct choices choices;
static struct hv_trap trap;
static bool trapped;

static void guest(struct kvm_vcpu *vcpu)
{
	(void)vcpu;
	if (!trapped) {
		trapped = true;
		native_trap(&trap);
		return;
	}
	native_signal_set(true);
	native_trap(&(struct hv_trap){ .scause = CAUSE_IRQ_FLAG | IRQ_S_TIMER });
}

static void start(void)
{
	native_reset();
	native_isa_set("h i m a f d c sstc zkr zawrs zicbom zicboz sscofpmf");
	native_core_start();
	native_vm_make(&vm, 0);
	vcpu_put(vm.vcpu);
	native_guest = guest;
	snapshot_add_shadow(native_ram(NATIVE_RAM_BASE), NATIVE_RAM_SIZE); /* no core_end() */
	core_snapshot();
}

static void decode(u32 insn)
{
	struct access_insn access = { 0 };
	unsigned int distance = 0;

	insn_decode_access(insn, &access);
	CLAIM(access.insn_len == ((insn & 3) == 3 ? 4U : 2U));
	if (access.kind == ACCESS_LOAD || access.kind == ACCESS_STORE) {
		CLAIM(access.len && access.len <= 8 && !(access.len & (access.len - 1)));
		CLAIM(access.reg < 32 && access.base < 32);
		CLAIM(access.offset >= -2048 && access.offset < 2048);
	}
	memset(&access, 0, sizeof(access));
	insn_decode_htinst(insn, &access, &distance);
	if (access.kind == ACCESS_LOAD || access.kind == ACCESS_STORE) {
		CLAIM(access.len && access.len <= 8 && access.reg < 32);
		CLAIM(distance < 32);
	}
}

/*
 * Call KVM_RUN until the trap is handled or KVM_RUN fails, but at most five times. Answer exits to
 * user space with bytes of the input.
 */
static void run(struct hv_trap t)
{
	struct kvm_vcpu *vcpu = vm.vcpu;
	struct kvm_run *run = vcpu->run;
	unsigned int i, left = 4;
	long ret;

	trap = t;
	trapped = false;
	do {
		native_signal_set(false);
		ret = native_ioctl(vm.vcpu_fd[0], KVM_RUN, 0);
		CLAIM(ret == 0 || ret == -EINTR || ret == -EFAULT || ret == -EINVAL);
		for (i = 0; i < 8; i++)
			run->mmio.data[i] = (u8)choose(&choices, 256);
		if (choose(&choices, 4) == 3)
			run->mmio.len = (u32)choose(&choices, 1ULL << 32);
	} while (ret == 0 && left--);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int how, i;
	u32 insn;

	if (!core_restore())
		start();
	choices = (struct choices){ data, size };
	insn = (u32)choose(&choices, 1ULL << 32);
	how = (unsigned int)choose(&choices, 256);
	decode(insn);

	vcpu_reset(vm.vcpu, CODE, 0);
	vm.vcpu->csrs.vsie = ~0UL;
	for (i = 1; i < 32; i++)
		vm.vcpu->guest.gpr[i] = MMIO + choose(&choices, 256) - 128;
	if (how & 1)
		vm.vcpu->guest.sstatus &= ~SSTATUS_SPP;
	hv_copy_to_user(NATIVE_USER_BASE + PAGE_SIZE - 2, &insn, sizeof(insn));
	if (how & 2 && insn != INSN_WFI) /* WFI would wait */
		run((struct hv_trap){ .scause = EXC_VIRTUAL_INST, .stval = how & 4 ? insn : 0 });
	trap = (struct hv_trap){ .scause = how & 8 ? EXC_LOAD_GUEST_PAGE_FAULT
						   : EXC_STORE_GUEST_PAGE_FAULT,
				 .stval = MMIO,
				 .htval = MMIO >> 2,
				 .htinst = how & 16 ? insn : 0 };
	run(trap);
	return 0;
}
