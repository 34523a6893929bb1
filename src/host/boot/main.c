// SPDX-License-Identifier: MIT
/*
 * main.c - boot, from the first C function to the start of the program, and the end of the run.
 *
 * host_main() runs on the first hart as that hart's idle thread. Everything that may sleep
 * is done by the thread "init".
 */
#include <asm-generic/errno.h>
#include "platform/bootargs.h"
#include "sched/clock.h"
#include "dev/drivers.h"
#include "proc/exec_spec.h"
#include "platform/fdt.h"
#include "files.h"
#include "hv/core.h"
#include "hv/trace.h"
#include "mm/mm.h"
#include "mm/hugetlb.h"
#include "mm/page.h"
#include "platform/platform.h"
#include "platform/power.h"
#include "platform/random.h"
#include "lib/printk.h"
#include "probe.h"
#include "proc/process.h"
#include "platform/run_desc.h"
#include "sched/smp.h"
#include "dev/uart.h"
#include "trace/trace_sample.h"

extern char _image_start[], _image_end[], boot_stack[];

void host_main(unsigned long hartid, hpa_t dtb, hpa_t load);
void host_first_exited(int wait_status)
	__attribute__((noreturn)); /* scripts/hs looks up its address for QEMU plugins */

/* The first hart's idle thread; boot.S puts its address into tp. */
struct thread boot_thread;

static struct exec_spec spec;
static u64 start_instret; /* when the first program was started */

/* Return the exit status that a shell would report for this wait status. */
static int shell_status(int wait_status)
{
	int signo = wait_status & 0x7f;

	return signo ? 128 + signo : (wait_status >> 8) & 0xff;
}

void host_first_exited(int wait_status)
{
	int signo = wait_status & 0x7f;

	run_desc.instret = csr_instret() - start_instret;
	if (signo)
		printk("host: %s killed by signal %d\n", spec.argv[0], signo);
	else
		printk("host: %s exited with status %d\n", spec.argv[0], shell_status(wait_status));
	channel_flush();
	log_events_at_end();
	run_desc.exit_status = (u32)wait_status;
	run_desc.state = HS_RUN_EXITED;
	power_off(shell_status(wait_status));
}

static const struct first_program_ops first_program_ops = {
	.open_std = files_open_std,
	.exited = host_first_exited,
};

static void start_program(void)
{
	hpa_t start = 0, end = 0;
	int err;

	if (!fdt_initrd(&start, &end))
		panic("no initramfs: pass one with QEMU's -initrd");
	random_init();
	files_init(start, (size_t)(end - start));
	err = exec_spec_read(&spec);
	if (err)
		panic("cannot use /.hs/exec in the initramfs: error %d", -err);
	run_desc.state = HS_RUN_RUNNING;
	start_instret = csr_instret();
	err = process_start_first(&spec, &first_program_ops);
	if (err) {
		printk("host: cannot start %s: error %d\n", spec.argv[0], -err);
		host_first_exited((err == -ENOENT ? 127 : 126) << 8);
	}
}

static void init_thread(void *arg)
{
	int err;

	(void)arg;
	if (bootarg_get("probe")) {
		probe_print();
		power_off(0);
	}
	drivers_init();
	pmu_init();
	pmu_hart_init();
	err = kvm_init();
	have_kvm = !err;
	if (have_kvm)
		smp_kvm_hart_init();
	else if (!hv_isa_has("h"))
		printk("host: no /dev/kvm: not every hart has the H extension\n");
	else
		printk("host: no /dev/kvm: error %d\n", -err);
	smp_start_all();
	run_desc.nr_harts = nr_harts;
	trace_sample_changed(); /* also start sampling on the harts that have just come up */
	printk("host: %u harts, %zu MiB free, time %lu Hz\n", nr_harts,
	       page_free_count() >> (20 - PAGE_SHIFT), timebase_hz);
	start_program();
}

static void memory_init(hpa_t dtb, hpa_t load)
{
	fdt_init(dtb);
	uart_init();
	bootargs_init(fdt_bootargs());
	clock_init();
	page_init(load, load + (hpa_t)(_image_end - _image_start));
	harts_init();
	hartmask_set_all(&boot_thread.affinity);
	sched_init(0, &boot_thread);
	pgtable_init(load);
	page_clear_init();
	/* Cache the sizes, so that no ioctl pays for the search. */
	hv_cbo_block_size("zicbom");
	hv_cbo_block_size("zicbop");
	trace_init();
	kstack_init();
	hugetlb_reserve();
	page_init_finish();
	hugetlb_init();
	zero_page_init();
	trace_start();
}

static void boot_thread_init(void)
{
	boot_thread.kstack = boot_stack;
	boot_thread.kstack_limit = (unsigned long)boot_stack + sizeof(struct trap_frame);
	*(unsigned long *)boot_stack = KSTACK_CANARY;
	list_init(&boot_thread.run_link);
	list_init(&boot_thread.all_link);
}

void host_main(unsigned long hartid, hpa_t dtb, hpa_t load)
{
	struct thread *init;

	kernel_image_pa = load;
	boot_thread_init();
	trap_hart_init();
	memory_init(dtb, load);
	printk("hyperscope: hart %lu, kernel at 0x%llx, %zu MiB of memory\n", hartid, load,
	       page_total_count() >> (20 - PAGE_SHIFT));
	platform_check();
	harts[0].hartid = hartid;
	harts[0].online = true;
	clock_hart_init();
	run_desc.timebase_hz = timebase_hz;
	run_desc.state = HS_RUN_BOOTING;
	init = thread_create("init", init_thread, NULL);
	if (!init)
		panic("no memory for the first thread");
	thread_start(init);
	sched_idle_loop();
}
