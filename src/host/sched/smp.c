// SPDX-License-Identifier: MIT
/*
 * smp.c - start-up of the harts in the device tree, and interrupts between harts.
 *
 * Spec: SBI §9 (HSM: hart start), §7 (IPI).
 */
#include "smp.h"
#include <string.h>
#include "clock.h"
#include "insn.h"
#include "irq.h"
#include "platform/bootargs.h"
#include "platform/fdt.h"
#include "platform/platform.h"
#include "platform/sbi.h"
#include "hv/core.h"
#include "hv/static_key.h"
#include "hv/trace.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "lib/printk.h"

#define START_TIMEOUT_NS 10000000000ULL

struct hart *harts;
unsigned int nr_harts = 1, nr_possible_harts, hv_hartmask_words = 1;
bool have_kvm;

extern char _image_start[], start_secondary[];

static struct hart_boot_info boot_info;

/* A hart sets its own interrupt directly; the firmware would take some 2800 instructions. */
void ipi_raise_sbi(unsigned int hart)
{
	if (hart == this_hart())
		csr_set(sip, BIT(IRQ_S_SOFT));
	else
		sbi_call(SBI_EXT_IPI, SBI_IPI_SEND_IPI, 1, harts[hart].hartid, 0, 0, 0);
}

static const struct ipi_method sbi_method = { .name = "SBI", .raise = ipi_raise_sbi };
const struct ipi_method *ipi_method = &sbi_method;

void ipi_send(unsigned int hart)
{
	trace_ipi_send(hart);
	ipi_method->raise(hart);
}

/* The firmware gets one call for all harts. A store per hart costs less than that call. */
void ipi_send_mask(const struct hv_hartmask *mask)
{
	unsigned int hart;

	if (ipi_method->raise != ipi_raise_sbi) {
		hartmask_for_each(hart, mask)
			ipi_send(hart);
		return;
	}
	if (trace_ipi_send_enabled())
		hartmask_for_each(hart, mask)
			trace_ipi_send(hart);
	sbi_call_harts(SBI_EXT_IPI, SBI_IPI_SEND_IPI, mask, 0, 0, 0);
}

static struct static_key suspend_key;

void hart_idle(void)
{
	STATIC_KEY_GOTO(&suspend_key, suspend);
	wait_for_interrupt();
	return;
suspend:
	sbi_call(SBI_EXT_HSM, SBI_HSM_HART_SUSPEND, SBI_HSM_SUSPEND_RETENTIVE, 0, 0, 0, 0);
}

static void count_hart(int node, unsigned long hartid)
{
	(void)node;
	(void)hartid;
	nr_possible_harts++;
}

void harts_init(void)
{
	hpa_t pa;

	fdt_each_cpu(count_hart);
	nr_possible_harts = MIN(MAX(nr_possible_harts, 1U), HV_MAX_HARTS);
	hv_hartmask_words = hartmask_words_for(nr_possible_harts);
	pa = page_boot_alloc(nr_possible_harts * sizeof(*harts), PAGE_SIZE);
	if (!pa)
		panic("no memory for %u harts", nr_possible_harts);
	harts = pa_to_va(pa);
}

static void start_hart(int node, unsigned long hartid)
{
	hpa_t image = kernel_image_pa, entry = image + (hpa_t)(start_secondary - _image_start);
	unsigned int index = nr_harts;
	u64 deadline = hv_time() + ns_to_ticks(START_TIMEOUT_NS);
	struct thread *idle;
	struct sbiret ret;

	(void)node;
	if (hartid == harts[0].hartid)
		return;
	if (index == nr_possible_harts) {
		printk("smp: hart %lu is not used: more than %u harts\n", hartid, index);
		return;
	}
	idle = thread_create("idle", NULL, NULL);
	if (!idle)
		panic("no memory for the idle thread of hart %lu", hartid);
	harts[index].hartid = hartid;
	sched_init(index, idle);
	boot_info.satp = FIELD_PREP(SATP_MODE, SATP_MODE_SV39) | kernel_root >> PAGE_SHIFT;
	boot_info.thread = idle;
	ret = sbi_call(SBI_EXT_HSM, SBI_HSM_HART_START, hartid, entry,
		       image + (hpa_t)((char *)&boot_info - _image_start), 0, 0);
	while (!ret.error && !__atomic_load_n(&harts[index].online, __ATOMIC_ACQUIRE)) {
		if (hv_time() >= deadline)
			panic("hart %lu was started but did not come up within 10 s", hartid);
		hv_cpu_relax();
	}
	if (ret.error) {
		printk("smp: cannot start hart %lu: SBI error %ld\n", hartid, ret.error);
		return;
	}
	nr_harts++;
}

void smp_start_all(void)
{
	const char *idle = bootarg_get("idle");

	if (idle && !strcmp(idle, "suspend"))
		static_key_set(&suspend_key, true);
	fdt_each_cpu(start_hart);
	if (fdt_surplus_cpus())
		printk("smp: %u harts are not used: more than %u harts\n", fdt_surplus_cpus(),
		       HV_MAX_HARTS);
	irq_spread();
}

/*
 * Have the firmware set menvcfg.ADUE, which it leaves at 0 on a hart with Svade: while it is 0,
 * henvcfg.ADUE is read-only 0 (H §2.5), and no guest can have Svadu. Hardware then also updates A and
 * D in the host's own tables.
 */
void smp_kvm_hart_init(void)
{
	sbi_call(SBI_EXT_FWFT, SBI_FWFT_SET, SBI_FWFT_AD_HW_UPDATING, 1, 0, 0, 0);
	kvm_hart_init();
}

void secondary_main(void)
{
	trap_hart_init();
	clock_hart_init();
	irq_hart_init();
	if (ipi_method->hart_init)
		ipi_method->hart_init();
	pmu_hart_init();
	if (have_kvm)
		smp_kvm_hart_init();
	__atomic_store_n(&my_hart()->online, true, __ATOMIC_RELEASE);
	sched_idle_loop();
}
