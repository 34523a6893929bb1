// SPDX-License-Identifier: MIT
/*
 * any_native.c - the native machine of the random VMM (any_vmm.c).
 */
#include <stdarg.h>
#include <stdio.h>
#include "any_native.h"
#include "mmu/dirty_ring.h"

__thread unsigned long env_args;
void (*any_run_guest)(struct kvm_vcpu *vcpu) = any_guest;

void env_fail(const char *format, ...)
{
	char line[160];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	hv_panic("any VMM: %s\n", line);
}

/* ---- system calls ---- */

long env_ioctl(int fd, unsigned int cmd, unsigned long arg)
{
	return native_ioctl(fd, cmd, arg);
}

long env_read(int fd, unsigned long va, size_t size, u64 pos)
{
	return native_read(fd, va, size, &pos);
}

void env_close(int fd)
{
	native_close(fd);
}

int env_event(void)
{
	return native_eventfd();
}

void env_signal(int fd)
{
	struct hv_event *event;

	if (hv_event_get(fd, &event))
		return;
	hv_event_signal(event, 1);
	hv_event_put(event);
}

/* ---- memory ---- */

bool env_put(unsigned long va, const void *from, size_t size)
{
	return hv_copy_to_user(va, from, size) == 0;
}

bool env_get(void *to, unsigned long va, size_t size)
{
	return hv_copy_from_user(to, va, size) == 0;
}

void env_map(unsigned long va, size_t size, enum env_memory kind)
{
	static const unsigned int flags[] = {
		[ENV_READ_ONLY] = NATIVE_READ_ONLY,
		[ENV_COW] = NATIVE_COW,
		[ENV_HUGE] = NATIVE_HUGE,
	};

	native_user_map(va, size, flags[kind]);
}

void env_unmap(unsigned long va, size_t size)
{
	native_user_unmap(va, size);
}

/* ---- vCPUs ---- */

void env_run(int vcpu)
{
	struct kvm_vcpu *v = native_file_priv(vcpu);
	unsigned int i;

	any_entries_left = 1 + (unsigned int)rnd(20);
	native_guest = any_run_guest;
	native_signal_set(rnd(16) == 0 || hsm_is_stopped(v));
	for (i = 0; i < 16 && !rnd(3); i++)
		((u8 *)v->run)[rnd(sizeof(*v->run))] = (u8)rnd(256);
	any_answer(native_ioctl(vcpu, KVM_RUN, 0));
	native_signal_set(false);
}

void env_ring_write(int vcpu)
{
	struct kvm_dirty_gfn *entries;
	hpa_t pa;

	if (dirty_ring_page(native_file_priv(vcpu), rnd(2), &pa))
		return;
	entries = hv_page_map(pa);
	entries[rnd(rnd(4) ? 8 : 256)] = (struct kvm_dirty_gfn){
		.flags = (u32)PICK(KVM_DIRTY_GFN_F_RESET, KVM_DIRTY_GFN_F_RESET, rnd(8)),
		.slot = (u32)PICK(0, 1, rnd(1ULL << 32)),
		.offset = PICK(rnd(1024), rnd(~0ULL)),
	};
	hv_page_unmap(entries);
}

void env_pass_time(unsigned long ticks)
{
	native_time_set(hv_time() + ticks);
}

void env_fail_alloc(unsigned int nth)
{
	native_fail_alloc(nth);
}

void env_set_toggle(const char *name, const char *value)
{
	native_param_set(name, value);
}

/* ---- the whole ---- */

void any_vmm_start(enum any_machine machine)
{
	native_reset();
	native_guest_files_set(true);
	if (machine == ANY_OTHER) {
		native_isa_set(
			"h i m a f d c v sstc svinval zicboz zicbom ssaia sscofpmf smstateen");
		native_pmu_set(4, 64);
		native_firmware_fwft = true;
	} else {
		native_isa_set("h sstc svinval zicboz zicbom ssaia smstateen");
	}
	native_core_start();
	any_toggles(machine);
	if (machine == ANY_OTHER)
		native_slow_path_events_off(); /* they would keep the fast path from finishing an exit */
	native_user_map(ANY_HVA, ANY_SIZE, 0);
	env_args = ANY_HVA + 0x1000000;
	native_user_map(env_args, 0x10000, 0);
	any_vmm_open(hv_file_create("kvm", &kvm_dev_ops, NULL), machine);
	if (any_machine != machine)
		env_fail("cannot set the size of dirty rings");
}

void any_vmm_end(void)
{
	native_fail_alloc(0);
	native_close_all();
	any_vmm = (struct any_vmm){ 0 };
	native_user_exit();
	if (native_objects_in_use() || native_maps_in_use() || native_pages_in_use())
		hv_panic("any VMM: leaked %lu objects, %lu maps, %lu pages\n",
			 native_objects_in_use(), native_maps_in_use(), native_pages_in_use());
}
