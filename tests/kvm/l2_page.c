// SPDX-License-Identifier: MIT
/*
 * l2_page.c - a guest's guest does not use a page that the host has taken back.
 *
 * While the vCPU is outside, its shadow table still maps such a page. After sysinfo(), the page has
 * left the quarantine of the debug kernel (tests/debug). Prints TAP.
 *
 *   l2_page [fenced]      fenced: L1 fences its tables before the first page is taken back
 */
#include <sys/sysinfo.h>
#include "hypervisor.h"

#define SWITCH (CODE + PAGE) /* a function of L2 that makes L1 change to its other table */

static void begin_l2(void)
{
	static const uint32_t code[] = {
		0x00000893, /* li a7, 0 */
		0x00000073, /* ecall */
		0x00008067, /* ret */
	};
	uint64_t hgatp[2];

	memcpy(user(SWITCH), code, sizeof(code));
	make_hypervisor(hgatp);
	add_h(&vcpus[0]);
	set_reg(&vcpus[0], REG(s3), hgatp[0]);
	set_reg(&vcpus[0], REG(s4), hgatp[1]);
	set_reg(&vcpus[0], REG(s5), CODE);
	set_reg(&vcpus[0], REG(pc), L1_CODE);
	must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "L2's first call");
}

/* L1 changes its table four times, and then fences both. */
static void fence(void)
{
	for (int i = 0; i < 4; i++)
		must(guest(OP_CALL, SWITCH).exit == KVM_EXIT_RISCV_SBI, "L2's call of L1");
}

/* Let L2 load a page, take the page back, and let L2 load its successor. */
static bool takes_back(bool settled)
{
	struct sysinfo info;
	bool good;

	*user(DATA) = 5;
	good = loads(DATA, 5);
	must(madvise(user(DATA), PAGE, MADV_DONTNEED) == 0, "madvise");
	if (settled)
		must(sysinfo(&info) == 0, "sysinfo");
	*user(DATA) = 6;
	return loads(DATA, 6) && good;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	make_vm();
	must(madvise(memory, GUEST_SIZE, MADV_NOHUGEPAGE) == 0, "madvise");
	begin_l2();
	if (argc > 1 && !strcmp(argv[1], "fenced"))
		fence();
	ok(takes_back(false), "L2 loads from the new page after a page was taken back");
	ok(takes_back(true), "... also if free memory is counted in between");
	fence();
	ok(takes_back(false), "... also after L1 has fenced its tables");
	ok(takes_back(true), "... also if free memory is counted then");
	printf("1..%d\n", claims);
	return failures != 0;
}
