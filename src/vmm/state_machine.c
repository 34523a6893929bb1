// SPDX-License-Identifier: MIT
/*
 * state_machine.c - the sections of a saved VM, in their order.
 *
 * Memory comes first: restoring it takes a long time, and the clock runs from the moment it is set.
 * The clock comes before the vCPUs, because their timers are compared with it. The vCPUs come
 * before the PLIC, because the PLIC sets their interrupt lines.
 */
#include <string.h>
#include "state.h"

/*
 * Read the clock as soon as the last vCPU has stopped, because writing the rest of memory takes a
 * long time.
 */
void clock_read(struct machine *m)
{
	kvm_get_timer(m->vcpus[0].fd, KVM_REG_RISCV_TIMER_REG(time), &m->saved_time);
}

static void clock_state(void *of, struct state *s)
{
	struct machine *m = of;
	u64 time = m->saved_time;

	STATE(s, time);
	if (s->loading && !s->bad &&
	    kvm_set_timer(m->vcpus[0].fd, KVM_REG_RISCV_TIMER_REG(time), time))
		state_refuse(s, "KVM rejects the guest's time");
}

static void one_section(struct state *s, const char *name, unsigned int index, section_fn *fn,
			void *of)
{
	struct state contents;
	size_t begin;

	if (!s->loading) {
		begin = section_begin(s, name, index);
		fn(of, s);
		section_end(s, begin);
		return;
	}
	if (section_open(s, name, index, &contents)) {
		fn(of, &contents);
		if (!contents.bad && contents.len - contents.at >= sizeof(u64))
			state_refuse(&contents, "it is too long");
		s->bad = contents.bad;
	}
	if (s->bad)
		die(STATUS_SETUP, "--restore: section %s %u: %s", name, index, s->bad);
}

static section_fn *const device_state[] = {
#define DEVICE(name, NAME, base, size, irq, help) name##_state,
#include "device.def"
#undef DEVICE
};

void sections_state(struct machine *m, struct pages *pages, struct state *s)
{
	one_section(s, "pages", 0, pages_state, pages);
	one_section(s, "machine", 0, clock_state, m);
	for (unsigned int i = 0; i < m->options.vcpus; i++)
		one_section(s, "vcpu", i, vcpu_state, &m->vcpus[i]);
	one_section(s, m->irqchip->section, 0, irqchip_state, m);
	one_section(s, "uart", 0, uart_state, &m->uart);
	one_section(s, "console", 0, console_state, m);
	for (unsigned int i = 0; i < m->options.nr_disks; i++)
		one_section(s, "disk", i, virtio_mmio_state, m->disks[i]);
	for (unsigned int i = 0; i < NR_DEVICES; i++) {
		if (m->options.device[i])
			one_section(s, "device", i, device_state[i], m);
	}
}
