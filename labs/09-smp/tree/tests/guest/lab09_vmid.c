// SPDX-License-Identifier: MIT
/*
 * lab09_vmid.c - check which VMIDs are assigned to VMs that take turns, and when (lab 9)
 *
 * bits=N is the width of a VMID. The VMs are those of src/kvm/sbi/sbi_watch.c. For the rest of the
 * command line, see lab09.h.
 */
#include "lab09.h"

#define VMS 40

static unsigned long vmids; /* number of VMIDs */
static struct vm {
	unsigned long generation, vmid;
	unsigned long entered[2]; /* for each vCPU, the generation in which it was last loaded */
} vms[VMS + 1];                   /* the last one is the calling VM; only it uses two vCPUs */
static unsigned long generation = 1, given, dropped[2], hart_generation[2] = { 1, 1 };
static unsigned long vs_dropped, turn_wrong, unannounced, turn_vm;

static unsigned long order(unsigned long n)
{
	return 1 + (boot_need("first") + n * boot_need("step")) % vmids;
}

/* Model what must happen when this VM is loaded into this hart. */
static void expect_load(unsigned long vm, unsigned long hart)
{
	unsigned long vcpu;

	if (vms[vm].generation != generation) {
		if (given == vmids) {
			generation++;
			given = 0;
		}
		vms[vm].generation = generation;
		vms[vm].vmid = order(given++);
	}
	dropped[hart] += hart_generation[hart] != generation;
	hart_generation[hart] = generation;
	/* The calling VM uses one vCPU per hart, any other VM one that moves between the harts. */
	vcpu = vm == VMS ? hart : 0;
	vs_dropped += vms[vm].entered[vcpu] != generation;
	vms[vm].entered[vcpu] = generation;
}

static void one_turn(unsigned long hart)
{
	unsigned long got, other;

	/*
	 * If a turn on the other hart began a generation, this vCPU's entry has since loaded it in
	 * that generation (vmid_update()).
	 */
	expect_load(VMS, hart);
	expect_load(turn_vm, hart);
	other = vms[turn_vm].vmid;
	expect_load(VMS, hart);
	got = watch(TURN, turn_vm, 0, 0, 0);
	unannounced += (got & (UNANNOUNCED << 16 | UNANNOUNCED)) != 0;
	got &= ~(UNANNOUNCED << 16 | UNANNOUNCED);
	if (got == (other << 16 | vms[VMS].vmid))
		return;
	if (!turn_wrong++)
		note("VM %lu on hart %lu: VMID %lu, then this VM's %lu; expected %lu, %lu", turn_vm,
		     hart, got >> 16, got & 0xffff, other, vms[VMS].vmid);
}

static void turn_on(unsigned long hart)
{
	if (!hart) {
		one_turn(0);
		return;
	}
	hart_run(1, one_turn, 1);
	if (!hart_wait(1, WAIT_MS))
		bail("hart 1 does not return");
	/*
	 * Wait until hart 1 sleeps. An entry of its vCPU during a later turn would bring that vCPU
	 * into the generation of that turn, which the model does not expect.
	 */
	wait_irq(0, 200);
	expect_load(VMS, 0);
}

static bool all_differ(void)
{
	unsigned long i, j;

	for (i = 0; i <= VMS; i++)
		for (j = 0; j < i; j++)
			if (vms[i].generation == generation && vms[j].generation == generation &&
			    vms[i].vmid == vms[j].vmid)
				return false;
	return true;
}

static void test_vmids(void)
{
	unsigned long i, begun;

	vmids = BIT(boot_need("bits")) - 1;
	/* The calling VM was the first to get a VMID. */
	vms[VMS] = (struct vm){ generation, order(given++), { generation, generation } };
	for (i = 0; i < VMS; i++) {
		turn_vm = i;
		turn_on(0);
	}
	ok_eq(turn_wrong, 0, "%d VMs get VMIDs in your order at their first load", VMS);
	for (turn_wrong = i = 0; i < 300; i++) {
		turn_vm = i % 3 ? below(3) : below(VMS);
		turn_on(0);
	}
	ok_eq(turn_wrong, 0, "a VM that is loaded again keeps its VMID within a generation");
	ok(all_differ(), "no two VMs have the same VMID in one generation");
	begun = generation;
	hart_need(1);
	for (turn_wrong = i = 0; i < 200; i++) {
		turn_vm = below(VMS);
		turn_on(below(2));
	}
	ok_eq(turn_wrong, 0, "VMs that take turns on two harts get the expected VMIDs");
	ok_eq(unannounced, 0, "each VMID is announced with vmid_announce()");
	ok(generation > begun, "VMIDs run out at least once while VMs take turns on two harts");
	note("rollovers %lu, dropped: all %lu and %lu, VS-stage %lu", generation - 1, dropped[0],
	     dropped[1], vs_dropped);
}

void payload_main(void)
{
	begin();
	test_vmids();
	done();
}
