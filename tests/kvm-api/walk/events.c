// SPDX-License-Identifier: MIT
/* events.c - the walk's rows for ioeventfds and for zones of coalesced MMIO. */
#include <sys/eventfd.h>
#include "walk.h"

static void io_off(struct walk *w, const void *arg)
{
	struct kvm_ioeventfd off = *(const struct kvm_ioeventfd *)arg;

	off.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
	ioctl(w->vm.fd, KVM_IOEVENTFD, &off);
}

static void ioeventfd_bits(struct walk *w, struct call *c)
{
	typedef struct kvm_ioeventfd io;

	walk_bits(w, c, "datamatch", FIELD(io, datamatch));
	walk_bits(w, c, "addr", FIELD(io, addr));
	walk_bits(w, c, "len", FIELD(io, len));
	walk_bits(w, c, "flags", FIELD(io, flags));
	walk_bits(w, c, "pad", offsetof(io, pad), 8 * 36);
	walk_pointers(w, c);
	walk_command_bits(w, c);
}

enum {
	MATCH = KVM_IOEVENTFD_FLAG_DATAMATCH,
	OFF = KVM_IOEVENTFD_FLAG_DEASSIGN,
	PIO = KVM_IOEVENTFD_FLAG_PIO,
	CCW = KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY
};

/* The calls are made in this order, and none is undone. `other`: use the second eventfd. */
static const struct {
	const char *name;
	uint64_t addr, data;
	uint32_t len, flags;
	bool other;
} story[] = {
	{ "4 bytes", 0x1000, 0, 4, 0, 0 },
	{ "4 bytes again", 0x1000, 0, 4, 0, 0 },
	{ "4 bytes again, another eventfd", 0x1000, 0, 4, 0, 1 },
	{ "4 bytes, with a match", 0x1000, 1, 4, MATCH, 0 },
	{ "2 bytes there", 0x1000, 0, 2, 0, 0 },
	{ "8 bytes there", 0x1000, 0, 8, 0, 0 },
	{ "1 byte there", 0x1000, 0, 1, 0, 0 },
	{ "any length there", 0x1000, 0, 0, 0, 0 },
	{ "within it", 0x1002, 0, 2, 0, 0 },
	{ "as a port", 0x1000, 0, 4, PIO, 0 },
	{ "as a port again", 0x1000, 0, 4, PIO, 0 },
	{ "as a channel", 0x1000, 0, 4, CCW, 0 },
	{ "as a port and a channel", 0x1000, 0, 8, PIO | CCW, 0 },
	{ "off, another eventfd", 0x1000, 0, 4, OFF, 1 },
	{ "off, with a match", 0x1000, 0, 4, OFF | MATCH, 0 },
	{ "off, another length", 0x1000, 0, 0, OFF, 0 },
	{ "off, another address", 0x1004, 0, 4, OFF, 0 },
	{ "off", 0x1000, 0, 4, OFF, 0 },
	{ "off a second time", 0x1000, 0, 4, OFF, 0 },
	{ "the port off", 0x1000, 0, 4, OFF | PIO, 0 },
	{ "the channel off", 0x1000, 0, 4, OFF | CCW, 0 },
	{ "the port of 8 off", 0x1000, 0, 8, OFF | PIO, 0 },
	{ "2 bytes off", 0x1000, 0, 2, OFF, 0 },
	{ "8 bytes off", 0x1000, 0, 8, OFF, 0 },
	{ "1 byte off", 0x1000, 0, 1, OFF, 0 },
	{ "within it off", 0x1002, 0, 2, OFF, 0 },
	{ "any length", 0x1000, 0, 0, 0, 0 },
	{ "any length again", 0x1000, 0, 0, 0, 0 },
	{ "any length, another eventfd", 0x1000, 0, 0, 0, 1 },
	{ "4 bytes under it", 0x1000, 0, 4, 0, 1 },
	{ "4 bytes under it, with a match", 0x1000, 9, 4, MATCH, 1 },
	{ "any length, with a match", 0x2000, 9, 0, MATCH, 0 },
	{ "any length off", 0x1000, 0, 0, OFF, 0 },
	{ "any length off again", 0x1000, 0, 0, OFF, 0 },
	{ "a match of 1", 0x1000, 1, 4, MATCH, 0 },
	{ "a match of 1 again", 0x1000, 1, 4, MATCH, 0 },
	{ "a match of 2", 0x1000, 2, 4, MATCH, 0 },
	{ "all of them, too", 0x1000, 0, 4, 0, 0 },
	{ "a match of 3 off, which is not there", 0x1000, 3, 4, OFF | MATCH, 0 },
	{ "a match of 1 off", 0x1000, 1, 4, OFF | MATCH, 0 },
	{ "a match of 2 off", 0x1000, 2, 4, OFF | MATCH, 0 },
	{ "off, of 3 bytes", 0x1000, 0, 3, OFF, 0 },
	{ "off, with flag 4", 0x1000, 0, 4, OFF | 16, 0 },
	{ "off, any length with a match", 0x1000, 0, 0, OFF | MATCH, 0 },
	{ "up to the last address", -4UL, 0, 4, 0, 0 },
	{ "around the end of addresses", -2UL, 0, 4, 0, 0 },
	{ "one byte before it", -2UL, 0, 1, 0, 0 },
	{ "one byte before it off", -2UL, 0, 1, OFF, 0 },
	{ "of 16 bytes", 0x1000, 0, 16, 0, 0 },
	{ "of 5 bytes", 0x1000, 0, 5, 0, 0 },
	{ "where memory is", MEM_GPA, 0, 4, 0, 0 },
	{ "where memory is off", MEM_GPA, 0, 4, OFF, 0 },
	{ "for an odd address", 0x1001, 0, 8, 0, 0 },
	{ "at an odd address off", 0x1001, 0, 8, OFF, 0 },
};

static void ioeventfds(struct walk *w)
{
	int event = eventfd(0, 0), other = eventfd(0, 0);
	struct kvm_ioeventfd io = { .addr = 0x10000000, .len = 4, .fd = event };
	struct call c = { "IOEVENTFD", w->vm.fd, KVM_IOEVENTFD, &io, sizeof(io), .undo = io_off };
	int fds[] = { -1, 1000000, w->vm.fd, w->vcpu.fd, 0 };

	ioeventfd_bits(w, &c);
	io.flags = MATCH;
	c.name = "IOEVENTFD with a match";
	walk_bits(w, &c, "len", FIELD(struct kvm_ioeventfd, len));
	walk_bits(w, &c, "datamatch", FIELD(struct kvm_ioeventfd, datamatch));
	c.name = "IOEVENTFD";
	c.undo = NULL;
	for (size_t i = 0; i < sizeof(story) / sizeof(story[0]); i++) {
		io = (struct kvm_ioeventfd){
			.addr = story[i].addr,
			.datamatch = story[i].data,
			.len = story[i].len,
			.flags = story[i].flags,
			.fd = story[i].other ? other : event,
		};
		call_with(w, &c, &io, "%s", story[i].name);
	}
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		io = (struct kvm_ioeventfd){ .addr = 0x1000, .len = 4, .fd = fds[i] };
		call_with(w, &c, &io, "descriptor %zu of the bad ones", i);
		io.flags = OFF;
		call_with(w, &c, &io, "off, descriptor %zu of the bad ones", i);
	}
	close(event);
	close(other);
}

static void zone_off(struct walk *w, const void *arg)
{
	ioctl(w->vm.fd, KVM_UNREGISTER_COALESCED_MMIO, arg);
}

static void zones(struct walk *w)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = 0x10000000, .size = 0x1000 };
	struct call on = { "REGISTER_COALESCED_MMIO",
			   w->vm.fd,
			   KVM_REGISTER_COALESCED_MMIO,
			   &zone,
			   sizeof(zone),
			   .undo = zone_off };
	struct call off = { "UNREGISTER_COALESCED_MMIO", w->vm.fd, KVM_UNREGISTER_COALESCED_MMIO,
			    &zone, sizeof(zone) };

	walk_bits(w, &on, "addr", FIELD(struct kvm_coalesced_mmio_zone, addr));
	walk_bits(w, &on, "size", FIELD(struct kvm_coalesced_mmio_zone, size));
	walk_bits(w, &on, "pio", FIELD(struct kvm_coalesced_mmio_zone, pio));
	walk_pointers(w, &on);
	walk_command_bits(w, &on);
	walk_bits(w, &off, "addr", FIELD(struct kvm_coalesced_mmio_zone, addr));
	walk_bits(w, &off, "size", FIELD(struct kvm_coalesced_mmio_zone, size));
	walk_bits(w, &off, "pio", FIELD(struct kvm_coalesced_mmio_zone, pio));
	walk_pointers(w, &off);
	walk_command_bits(w, &off);
	on.undo = NULL;
	call_with(w, &on, &zone, "a zone");
	call_with(w, &on, &zone, "the same zone again");
	zone.addr = -0x1000UL;
	call_with(w, &on, &zone, "to the end of addresses");
	zone.addr = -0x800UL;
	call_with(w, &on, &zone, "around the end of addresses");
	zone.addr = 0x2000;
	zone.size = 0;
	call_with(w, &on, &zone, "of no bytes");
	zone.addr = MEM_GPA;
	zone.size = 0x1000;
	call_with(w, &on, &zone, "where memory is");
}

/* Register zones until that fails, and print the number of the call that failed and its error. */
static void zone_limit(struct walk *w)
{
	struct kvm_coalesced_mmio_zone zone = { .size = 16 };
	int n, ret = 0;

	for (n = 0; n < 1100 && !ret; n++) {
		zone.addr = 0x10000000UL + 16 * (unsigned int)n;
		ret = ioctl(w->vm.fd, KVM_REGISTER_COALESCED_MMIO, &zone);
	}
	row_result(ret, "REGISTER_COALESCED_MMIO for the %dth time", n);
}

void chapter_events(void)
{
	struct walk w = walk_new();

	ioeventfds(&w);
	zones(&w);
	walk_free(&w);
	w = walk_new();
	zone_limit(&w);
	walk_free(&w);
}
