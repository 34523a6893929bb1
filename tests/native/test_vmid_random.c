// SPDX-License-Identifier: MIT
/*
 * test_vmid_random.c - VMs enter and leave harts in any order, under VMIDs of any width or without
 * VMIDs.
 *
 * usage: test_vmid_random [FIRST-SEED [ROUNDS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include "vmid_vms.h"
#include "random.h"

#define HARTS 3

static u64 first_seed = 1, rounds = 20;

static struct kvm_vcpu *vcpus[2 * VMS], *loaded[HARTS]; /* vcpus: two per VM, grouped by VM */
static u64 contents[VMS];

static void leave(unsigned int hart)
{
	native_hart_set(hart);
	if (loaded[hart])
		vcpu_put(loaded[hart]);
	loaded[hart] = NULL;
}

/* Load vCPU v on a hart and read its VM's page, by the guest's access or by the core's HLV. */
static void enter(unsigned int v, unsigned int hart, bool hlv)
{
	struct hv_trap trap = { .scause = EXC_LOAD_GUEST_PAGE_FAULT,
				.stval = GPA,
				.htval = GPA >> 2,
				.htinst = 0x3003 };
	struct kvm_vcpu *vcpu = vcpus[v];
	unsigned int i;
	hpa_t hpa;

	if (loaded[hart] != vcpu) {
		for (i = 0; i < HARTS; i++)
			if (i == hart || loaded[i] == vcpu)
				leave(i);
		native_hart_set(hart);
		vcpu_load(vcpu);
		loaded[hart] = vcpu;
	}
	native_hart_set(hart);
	tlb_serve(vcpu, __atomic_exchange_n(&vcpu->requests, 0, __ATOMIC_ACQUIRE));
	if (hlv) {
		while (unpriv_read(vcpu, false, GPA, &trap) != contents[v / 2]) {
			assert_int_equal(trap.scause, EXC_LOAD_GUEST_PAGE_FAULT);
			assert_int_equal(exit_gstage_fault(vcpu, &trap), RESUME_GUEST);
		}
		return;
	}
	vmid_update(vcpu);
	while (native_gstage_access(GPA, NATIVE_LOAD, &hpa))
		assert_int_equal(exit_gstage_fault(vcpu, &trap), RESUME_GUEST);
	assert_int_equal(*(u64 *)native_ram(hpa), contents[v / 2]);
}

/* Take back the VM's page and give the VM another one, as the host does. */
static void take_page(unsigned int vm)
{
	hva_t hva = HVA + vm * 0x10000;

	native_user_unmap(hva, PAGE_SIZE);
	native_user_map(hva, PAGE_SIZE, 0);
	*(u64 *)native_user(hva) = contents[vm] += 100;
}

static void one_order(u64 seed)
{
	static const unsigned int widths[] = { 0, 1, 2, 3, 14 };
	unsigned int i, bits;
	char value[16];

	random_state = seed * 0x9e3779b97f4a7c15ULL + 1;
	bits = widths[rnd(ARRAY_SIZE(widths))];
	make_vms(bits, HARTS);
	for (i = 0; i < VMS; i++) {
		vms[i].vm->toggle[TOGGLE_vmid] = rnd(3) == 0;
		vcpus[2 * i] = vms[i].vcpu;
		vcpus[2 * i + 1] = native_vcpu_make(&vms[i], 1);
		contents[i] = 1000 + i;
	}
	for (i = 0; i < 400; i++) {
		unsigned int what = (unsigned int)rnd(32);

		if (what == 0) {
			snprintf(value, sizeof(value), "%u", (unsigned int)rnd(bits + 1));
			assert_int_equal(native_param_set("vmid_bits", value), 0);
		} else if (what < 3) {
			take_page((unsigned int)rnd(VMS));
		} else if (what < 6) {
			leave((unsigned int)rnd(HARTS));
		} else {
			enter((unsigned int)rnd(2 * VMS), (unsigned int)rnd(HARTS), what < 12);
		}
	}
	for (i = 0; i < HARTS; i++)
		leave(i);
	free_vms();
}

static void random_loads_widths_and_toggles_never_mix_vms(void **state)
{
	u64 i;

	(void)state;
	for (i = 0; i < rounds; i++) {
		/* Print the seed first: a failure may end the program. */
		print_message("# seed %llu\n", (unsigned long long)(first_seed + i));
		one_order(first_seed + i);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_loads_widths_and_toggles_never_mix_vms),
	};

	if (argc > 1)
		first_seed = strtoull(argv[1], NULL, 0);
	if (argc > 2)
		rounds = strtoull(argv[2], NULL, 0);
	return cmocka_run_group_tests_name("VMIDs in any order", tests, NULL, NULL);
}
