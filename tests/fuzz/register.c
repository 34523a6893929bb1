// SPDX-License-Identifier: MIT
/*
 * register.c - fuzz target: KVM_GET_ONE_REG and KVM_SET_ONE_REG with any id and value.
 *
 * Ids come from KVM_GET_REG_LIST, one in four with one bit flipped. A register that was readable is
 * still readable after it is set, and a KVM_SET_ONE_REG that is refused does not change it.
 */
#include "core.h"

#define VALUE    NATIVE_USER_BASE /* one register's value, up to 4 KiB */
#define LIST     (NATIVE_USER_BASE + 0x10000)
#define MAX_REGS 1000
#define ISA      "h i m a f d c v sstc svinval zicbom zicboz smstateen ssaia zba zkr sscofpmf"

static struct choices choices;
static struct native_vm vm;

static void guest(struct kvm_vcpu *vcpu)
{
	(void)vcpu;
	native_signal_set(true);
	native_trap(&(struct hv_trap){ .scause = CAUSE_IRQ_FLAG | IRQ_S_TIMER });
}

static long one_reg(unsigned int cmd, u64 id, u64 *value)
{
	return core_one_reg(vm.vcpu_fd[0], cmd, id, VALUE, value);
}

static u64 ids[MAX_REGS], nr_ids;

static void list_ids(void)
{
	nr_ids = MAX_REGS;
	CLAIM(hv_copy_to_user(LIST, &nr_ids, sizeof(nr_ids)) == 0);
	CLAIM(native_ioctl(vm.vcpu_fd[0], KVM_GET_REG_LIST, LIST) == 0);
	CLAIM(hv_copy_from_user(&nr_ids, LIST, sizeof(nr_ids)) == 0);
	CLAIM(nr_ids && nr_ids <= MAX_REGS);
	CLAIM(hv_copy_from_user(ids, LIST + sizeof(nr_ids), nr_ids * sizeof(u64)) == 0);
}

static u64 some_id(void)
{
	u64 id = ids[choose(&choices, nr_ids)];

	if (!choose(&choices, 4))
		id ^= 1ULL << choose(&choices, 64);
	return id;
}

static void set_and_get(void)
{
	u64 id = some_id(), value = 0, before = 0, after = 0;
	long had = one_reg(KVM_GET_ONE_REG, id, &before);

	switch (choose(&choices, 4)) {
	case 0:
		break;
	case 1:
		value = choose(&choices, 4);
		break;
	case 2:
		value = before ^ 1ULL << choose(&choices, 64);
		break;
	default:
		value = choose(&choices, ~0ULL);
		break;
	}
	if (one_reg(KVM_SET_ONE_REG, id, &value) == 0) {
		CLAIM(had != 0 || one_reg(KVM_GET_ONE_REG, id, &after) == 0);
	} else if (had == 0) {
		CLAIM(one_reg(KVM_GET_ONE_REG, id, &after) == 0);
		CLAIM(after == before);
	}
}

static void start(void)
{
	native_reset();
	native_isa_set(ISA);
	native_pmu_set(4, 64);
	native_core_start();
	native_vm_make(&vm, 0);
	vcpu_put(vm.vcpu);
	native_guest = guest;
	list_ids();
	core_snapshot();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int left = 60;

	if (!core_restore())
		start();
	choices = (struct choices){ data, size };
	while (choices.left && left--) {
		if (choose(&choices, 16) == 15) {
			native_signal_set(false);
			native_ioctl(vm.vcpu_fd[0], KVM_RUN, 0);
			if (choose(&choices, 16) == 15)
				list_ids();
		}
		set_and_get();
	}
	native_vm_free(&vm);
	core_end();
	return 0;
}
