// SPDX-License-Identifier: MIT
/*
 * perfetto_track.c - write Perfetto's packets, and describe the tracks.
 *
 * Each packet is serialized as a trace of its own: traces, concatenated, are again a valid trace.
 */
#include <stdlib.h>
#include "perfetto.h"

/* ---- packets ---- */

static int put_packet(struct perfetto *p, TracePacket *packet)
{
	TracePacket *packets[] = { packet };
	Trace trace = TRACE__INIT;
	size_t size;
	u8 *more;

	packet->has_trusted_packet_sequence_id = true;
	packet->trusted_packet_sequence_id = 1;
	packet->has_sequence_flags = true;
	packet->sequence_flags = p->begun ? 2 : 3;
	p->begun = true;
	trace.n_packet = 1;
	trace.packet = packets;
	size = trace__get_packed_size(&trace);
	if (size > p->buf_size) {
		more = realloc(p->buf, size);
		if (!more) {
			hst_error(p->job->file->path, "out of memory");
			return -1;
		}
		p->buf = more;
		p->buf_size = size;
	}
	fwrite(p->buf, 1, trace__pack(&trace, p->buf), p->out);
	return 0;
}

int perfetto_put_event(struct perfetto *p, u64 time, TrackEvent *event, InternedData *names)
{
	TracePacket packet = TRACE_PACKET__INIT;

	packet.has_timestamp = true;
	packet.timestamp = time;
	packet.track_event = event;
	packet.interned_data = names;
	event->has_type = event->has_track_uuid = true;
	return put_packet(p, &packet);
}

int perfetto_draw(struct perfetto *p, u64 time, u64 track, TrackEvent__Type type, char *name)
{
	TrackEvent event = TRACK_EVENT__INIT;

	event.track_uuid = track;
	event.type = type;
	event.name = name;
	return perfetto_put_event(p, time, &event, NULL);
}

/* ---- tracks ---- */

/* Describe `track` as that of a process or of a thread; the descriptor that is not used is NULL. */
static int put_track(struct perfetto *p, u64 track, ProcessDescriptor *process,
		     ThreadDescriptor *thread)
{
	TrackDescriptor descriptor = TRACK_DESCRIPTOR__INIT;
	TracePacket packet = TRACE_PACKET__INIT;

	descriptor.has_uuid = true;
	descriptor.uuid = track;
	descriptor.process = process;
	descriptor.thread = thread;
	packet.track_descriptor = &descriptor;
	return put_packet(p, &packet);
}

static int put_process(struct perfetto *p, u64 track, u32 pid, char *name)
{
	ProcessDescriptor process = PROCESS_DESCRIPTOR__INIT;

	process.has_pid = true;
	process.pid = (s32)pid;
	process.process_name = name;
	return put_track(p, track, &process, NULL);
}

static int put_thread(struct perfetto *p, u64 track, u32 pid, u32 tid, char *name)
{
	ThreadDescriptor thread = THREAD_DESCRIPTOR__INIT;

	thread.has_pid = thread.has_tid = true;
	thread.pid = (s32)pid;
	thread.tid = (s32)tid;
	thread.thread_name = name;
	return put_track(p, track, NULL, &thread);
}

int perfetto_know_hart(struct perfetto *p, unsigned int hart)
{
	char name[32];

	if (p->hart_known[hart])
		return 0;
	if (!p->host_known && put_process(p, TRACK(TRACK_HOST, 0), EXPORT_HOST_TID, "hyperscope"))
		return -1;
	p->host_known = p->hart_known[hart] = true;
	snprintf(name, sizeof(name), "hart %u", hart);
	return put_thread(p, TRACK(TRACK_HART, hart), EXPORT_HOST_TID, hart + 2, name);
}

int perfetto_know_vm(struct perfetto *p, u32 vm)
{
	char name[32];

	if (p->vm_known[vm / 64] >> vm % 64 & 1)
		return 0;
	p->vm_known[vm / 64] |= 1ULL << vm % 64;
	snprintf(name, sizeof(name), "VM %u", vm);
	return put_process(p, TRACK(TRACK_VM, vm), vm * 10000, name);
}

struct vcpu *perfetto_find_vcpu(struct perfetto *p, u32 who)
{
	for (u32 i = 0, at = who * 2654435761U >> 20; i < 64; i++, at++) {
		struct vcpu *vcpu = &p->vcpu[at % MAX_VCPUS];

		if (!vcpu->known || vcpu->who == who)
			return vcpu;
	}
	return NULL;
}

int perfetto_know_vcpu(struct perfetto *p, u32 vm, u32 nr, struct vcpu **vcpu)
{
	u32 who = vm | nr << 16;
	char name[32];

	*vcpu = perfetto_find_vcpu(p, who);
	if (!*vcpu || (*vcpu)->known)
		return 0;
	(*vcpu)->known = true;
	(*vcpu)->who = who;
	snprintf(name, sizeof(name), "vCPU %u.%u", vm, nr);
	return perfetto_know_vm(p, vm) || put_thread(p, TRACK(TRACK_VCPU, who), vm * 10000,
						     vm * 10000 + nr, name)
		       ? -1
		       : 0;
}

int perfetto_know_device(struct perfetto *p, u32 vm, u64 gpa, u64 *track)
{
	u64 number = ((u64)vm << 40 | (gpa >> 12 & 0xffffffffff)) & ~(0xffULL << 56);
	TrackDescriptor descriptor = TRACK_DESCRIPTOR__INIT;
	TracePacket packet = TRACE_PACKET__INIT;
	char name[64];

	*track = TRACK(TRACK_DEVICE, number);
	for (unsigned int i = 0; i < p->nr_devices; i++)
		if (p->device[i] == number)
			return 0;
	if (p->nr_devices == MAX_DEVICES) {
		*track = 0;
		return 0;
	}
	p->device[p->nr_devices++] = number;
	snprintf(name, sizeof(name), "device at 0x%llx", gpa & ~0xfffULL);
	descriptor.has_uuid = descriptor.has_parent_uuid = true;
	descriptor.uuid = *track;
	descriptor.parent_uuid = TRACK(TRACK_VM, vm);
	descriptor.name = name;
	packet.track_descriptor = &descriptor;
	return perfetto_know_vm(p, vm) || put_packet(p, &packet) ? -1 : 0;
}
