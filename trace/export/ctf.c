// SPDX-License-Identifier: MIT
/*
 * ctf.c - export to CTF 1.8 through libbabeltrace2, for babeltrace2 and Trace Compass.
 *
 * The library's graph has two components: our own source, which turns events into messages, and the
 * library's sink.ctf.fs, which writes them. Each hart is a stream. The number of events per packet
 * is limited, so that a reader can seek. Numbers that have names become enumerations.
 *
 * The messages of a stream report its beginning, the number of events that the hart's ring lost,
 * packets of events, and its end. A loss is reported between two empty packets, because readers
 * compute it as the difference between the loss counters of two packets. The sink writes the
 * metadata when the last reference to the trace is released, so a leaked reference leaves a trace
 * without metadata.
 */
#include <babeltrace2/babeltrace.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "export.h"

#define PACKET_EVENTS 65536
#define PENDING_MAX   (4 * HST_MAX_HARTS + 8) /* bound on messages per event, or at the end */

struct ctf {
	struct export_job *job;
	struct hst_cursor cursor;
	bool done;
	u64 now; /* time of the latest message, in ns; it must not decrease */
	bt_self_component *self;
	bt_trace_class *trace_class;
	bt_clock_class *clock_class;
	bt_stream_class *stream_class;
	bt_trace *trace;
	bt_event_class *event_class[HST_MAX_EVENTS];
	struct ctf_stream {
		bt_stream *stream;
		bt_packet *packet; /* the open packet, or NULL */
		u64 events;        /* in the open packet */
	} stream[HST_MAX_HARTS];
	const bt_message *pending[PENDING_MAX];
	unsigned int nr_pending, next_pending;
};

/* ---- the trace and its classes, which become the metadata ---- */

static void add_member(bt_field_class *structure, const char *name, bt_field_class *member)
{
	bt_field_class_structure_append_member(structure, name, member);
	bt_field_class_put_ref(member);
}

static bt_field_class *number_class(struct ctf *ctf, u64 bits)
{
	bt_field_class *class = bt_field_class_integer_unsigned_create(ctf->trace_class);

	bt_field_class_integer_set_field_value_range(class, bits);
	return class;
}

static bt_field_class *unsigned_names(struct ctf *ctf, enum hst_kind kind)
{
	bt_field_class *class = bt_field_class_enumeration_unsigned_create(ctf->trace_class);
	const char *name;
	u64 value;

	for (size_t i = 0; (name = hst_name_at(kind, i, &value)); i++) {
		bt_integer_range_set_unsigned *range = bt_integer_range_set_unsigned_create();

		bt_integer_range_set_unsigned_add_range(range, value, value);
		bt_field_class_enumeration_unsigned_add_mapping(class, name, range);
		bt_integer_range_set_unsigned_put_ref(range);
	}
	return class;
}

static bt_field_class *signed_names(struct ctf *ctf, enum hst_kind kind)
{
	bt_field_class *class = bt_field_class_enumeration_signed_create(ctf->trace_class);
	char minus[HST_NAME_SIZE];
	const char *name;
	u64 value;

	for (size_t i = 0; (name = hst_name_at(kind, i, &value)); i++) {
		bt_integer_range_set_signed *range = bt_integer_range_set_signed_create();

		snprintf(minus, sizeof(minus), "%s%s", kind == HST_ERR ? "-" : "", name);
		bt_integer_range_set_signed_add_range(range, (s64)value, (s64)value);
		bt_field_class_enumeration_signed_add_mapping(class, minus, range);
		bt_integer_range_set_signed_put_ref(range);
	}
	return class;
}

static bt_field_class *field_class(struct ctf *ctf, const struct hst_event *event, unsigned int i)
{
	enum hst_kind kind = event->field[i].type;
	bt_field_class *class;

	switch (kind) {
	case HST_HEX:
		class = number_class(ctf, 64);
		bt_field_class_integer_set_preferred_display_base(
			class, BT_FIELD_CLASS_INTEGER_PREFERRED_DISPLAY_BASE_HEXADECIMAL);
		return class;
	case HST_NUM:
	case HST_FLAG:
		return number_class(ctf, 64);
	case HST_TEXT:
		return bt_field_class_string_create(ctf->trace_class);
	case HST_DEC:
		return bt_field_class_integer_signed_create(ctf->trace_class);
	default:
		return hst_field_signed(event, i) ? signed_names(ctf, kind)
						  : unsigned_names(ctf, kind);
	}
}

/* Only the first field of a name is exported. hst_formats_parse() already rejects duplicates. */
static bool is_first(const struct hst_event *event, unsigned int i)
{
	const char *name = event->field[i].name;

	return hst_field_index(event, name, strlen(name)) == (int)i;
}

static bt_event_class *event_class(struct ctf *ctf, const struct hst_seen *seen)
{
	bt_event_class **class = &ctf->event_class[seen->event_nr];
	bt_field_class *payload;

	if (*class)
		return *class;
	*class = bt_event_class_create_with_id(ctf->stream_class, seen->event_nr);
	bt_event_class_set_name(*class, seen->event->name);
	payload = bt_field_class_structure_create(ctf->trace_class);
	for (unsigned int i = 0; i < seen->event->nr_fields; i++)
		if (is_first(seen->event, i))
			add_member(payload, seen->event->field[i].name,
				   field_class(ctf, seen->event, i));
	bt_event_class_set_payload_field_class(*class, payload);
	bt_field_class_put_ref(payload);
	return *class;
}

static void make_stream_class(struct ctf *ctf)
{
	bt_field_class *packet = bt_field_class_structure_create(ctf->trace_class);
	bt_field_class *common = bt_field_class_structure_create(ctf->trace_class);

	ctf->stream_class = bt_stream_class_create(ctf->trace_class);
	bt_stream_class_set_default_clock_class(ctf->stream_class, ctf->clock_class);
	bt_stream_class_set_supports_packets(ctf->stream_class, BT_TRUE, BT_TRUE, BT_TRUE);
	bt_stream_class_set_supports_discarded_events(ctf->stream_class, BT_TRUE, BT_TRUE);
	bt_stream_class_set_assigns_automatic_event_class_id(ctf->stream_class, BT_FALSE);
	bt_stream_class_set_assigns_automatic_stream_id(ctf->stream_class, BT_FALSE);
	add_member(packet, "cpu_id", number_class(ctf, 32));
	bt_stream_class_set_packet_context_field_class(ctf->stream_class, packet);
	bt_field_class_put_ref(packet);
	add_member(common, "vm", number_class(ctf, 32));
	add_member(common, "vcpu", number_class(ctf, 32));
	if (ctf->job->file->mem.instret_exact)
		add_member(common, "instret", number_class(ctf, 64));
	bt_stream_class_set_event_common_context_field_class(ctf->stream_class, common);
	bt_field_class_put_ref(common);
}

static void make_trace(struct ctf *ctf)
{
	ctf->trace_class = bt_trace_class_create(ctf->self);
	ctf->clock_class = bt_clock_class_create(ctf->self);
	bt_clock_class_set_frequency(ctf->clock_class, 1000000000);
	bt_clock_class_set_origin_is_unix_epoch(ctf->clock_class, BT_FALSE);
	bt_clock_class_set_name(ctf->clock_class, "since_tracing_was_set_up");
	make_stream_class(ctf);
	ctf->trace = bt_trace_create(ctf->trace_class);
	bt_trace_set_name(ctf->trace, ctf->job->system);
	bt_trace_set_environment_entry_string(ctf->trace, "tracer_name", "hyperscope");
}

static void put_trace(struct ctf *ctf)
{
	for (unsigned int i = 0; i < HST_MAX_HARTS; i++) {
		bt_packet_put_ref(ctf->stream[i].packet);
		bt_stream_put_ref(ctf->stream[i].stream);
	}
	while (ctf->next_pending < ctf->nr_pending)
		bt_message_put_ref(ctf->pending[ctf->next_pending++]);
	bt_trace_put_ref(ctf->trace);
	for (unsigned int i = 0; i < HST_MAX_EVENTS; i++)
		bt_event_class_put_ref(ctf->event_class[i]);
	bt_stream_class_put_ref(ctf->stream_class);
	bt_clock_class_put_ref(ctf->clock_class);
	bt_trace_class_put_ref(ctf->trace_class);
}

/* ---- messages ---- */

static void add_pending(struct ctf *ctf, const bt_message *message)
{
	ctf->pending[ctf->nr_pending++] = message;
}

static void begin_packet(struct ctf *ctf, bt_self_message_iterator *self, unsigned int hart)
{
	struct ctf_stream *s = &ctf->stream[hart];
	bt_field *context;

	s->packet = bt_packet_create(s->stream);
	s->events = 0;
	context = bt_packet_borrow_context_field(s->packet);
	bt_field_integer_unsigned_set_value(
		bt_field_structure_borrow_member_field_by_index(context, 0), hart);
	add_pending(ctf, bt_message_packet_beginning_create_with_default_clock_snapshot(
				 self, s->packet, ctf->now));
}

static void end_packet(struct ctf *ctf, bt_self_message_iterator *self, struct ctf_stream *s)
{
	if (!s->packet)
		return;
	add_pending(ctf, bt_message_packet_end_create_with_default_clock_snapshot(self, s->packet,
										  ctf->now));
	bt_packet_put_ref(s->packet);
	s->packet = NULL;
}

static void begin_stream(struct ctf *ctf, bt_self_message_iterator *self, unsigned int hart)
{
	struct ctf_stream *s = &ctf->stream[hart];
	u64 lost = ctf->job->file->ring[hart].lost;
	bt_message *message;

	s->stream = bt_stream_create_with_id(ctf->stream_class, ctf->trace, hart);
	add_pending(ctf, bt_message_stream_beginning_create(self, s->stream));
	if (!lost)
		return;
	begin_packet(ctf, self, hart);
	end_packet(ctf, self, s);
	message = bt_message_discarded_events_create_with_default_clock_snapshots(
		self, s->stream, ctf->now, ctf->now);
	bt_message_discarded_events_set_count(message, lost);
	add_pending(ctf, message);
	begin_packet(ctf, self, hart);
	end_packet(ctf, self, s);
}

static void set_common(const struct ctf *ctf, const struct hst_seen *seen, bt_event *event)
{
	const u64 values[] = { seen->vm < 0 ? 0 : (u64)seen->vm, seen->vm < 0 ? 0 : (u64)seen->vcpu,
			       seen->instret };
	bt_field *common = bt_event_borrow_common_context_field(event);

	for (unsigned int i = 0; i < (ctf->job->file->mem.instret_exact ? 3 : 2); i++)
		bt_field_integer_unsigned_set_value(
			bt_field_structure_borrow_member_field_by_index(common, i), values[i]);
}

static void set_payload(const struct hst_seen *seen, bt_event *event)
{
	bt_field *payload = bt_event_borrow_payload_field(event);
	char text[HST_NAME_SIZE];
	u64 member = 0;

	for (unsigned int i = 0; i < seen->event->nr_fields; i++) {
		bt_field *field;

		if (!is_first(seen->event, i))
			continue;
		field = bt_field_structure_borrow_member_field_by_index(payload, member++);
		if (seen->event->field[i].type == HST_TEXT)
			bt_field_string_set_value(
				field, hst_field_text(seen->event, i, seen->record->arg[i], text));
		else if (hst_field_signed(seen->event, i))
			bt_field_integer_signed_set_value(field, (s64)seen->record->arg[i]);
		else
			bt_field_integer_unsigned_set_value(field, seen->record->arg[i]);
	}
}

static void add_event(struct ctf *ctf, bt_self_message_iterator *self, const struct hst_seen *seen)
{
	struct ctf_stream *s = &ctf->stream[seen->hart];
	u64 time = export_ns(ctf->job->file, seen->time);
	bt_message *message;
	bt_event *event;

	if (time > ctf->now)
		ctf->now = time;
	if (!s->stream)
		begin_stream(ctf, self, seen->hart);
	if (s->packet && s->events == PACKET_EVENTS)
		end_packet(ctf, self, s);
	if (!s->packet)
		begin_packet(ctf, self, seen->hart);
	s->events++;
	message = bt_message_event_create_with_packet_and_default_clock_snapshot(
		self, event_class(ctf, seen), s->packet, ctf->now);
	event = bt_message_event_borrow_event(message);
	set_common(ctf, seen, event);
	set_payload(seen, event);
	add_pending(ctf, message);
}

static void add_ends(struct ctf *ctf, bt_self_message_iterator *self)
{
	ctf->done = true;
	for (unsigned int i = 0; i < HST_MAX_HARTS; i++) {
		if (!ctf->stream[i].stream)
			continue;
		end_packet(ctf, self, &ctf->stream[i]);
		add_pending(ctf, bt_message_stream_end_create(self, ctf->stream[i].stream));
	}
}

/* ---- the source ---- */

static bt_message_iterator_class_next_method_status next_messages(bt_self_message_iterator *self,
								  bt_message_array_const messages,
								  uint64_t capacity,
								  uint64_t *count)
{
	struct ctf *ctf =
		bt_self_component_get_data(bt_self_message_iterator_borrow_component(self));
	struct hst_seen seen;

	for (*count = 0; *count < capacity;) {
		if (ctf->next_pending < ctf->nr_pending) {
			messages[(*count)++] = ctf->pending[ctf->next_pending++];
			continue;
		}
		ctf->next_pending = ctf->nr_pending = 0;
		if (ctf->done)
			break;
		if (export_next(ctf->job, &ctf->cursor, &seen))
			add_event(ctf, self, &seen);
		else
			add_ends(ctf, self);
	}
	return *count ? BT_MESSAGE_ITERATOR_CLASS_NEXT_METHOD_STATUS_OK
		      : BT_MESSAGE_ITERATOR_CLASS_NEXT_METHOD_STATUS_END;
}

static bt_component_class_initialize_method_status
start_source(bt_self_component_source *self_source, bt_self_component_source_configuration *config,
	     const bt_value *params, void *data)
{
	struct ctf *ctf = data;

	(void)config;
	(void)params;
	ctf->self = bt_self_component_source_as_self_component(self_source);
	bt_self_component_set_data(ctf->self, ctf);
	bt_self_component_source_add_output_port(self_source, "out", NULL, NULL);
	make_trace(ctf);
	return BT_COMPONENT_CLASS_INITIALIZE_METHOD_STATUS_OK;
}

static void end_source(bt_self_component_source *self_source)
{
	put_trace(bt_self_component_get_data(
		bt_self_component_source_as_self_component(self_source)));
}

static const bt_component_source *add_source(bt_graph *graph, struct ctf *ctf)
{
	bt_message_iterator_class *iterator = bt_message_iterator_class_create(next_messages);
	bt_component_class_source *class = bt_component_class_source_create("hyperscope", iterator);
	const bt_component_source *source = NULL;

	bt_component_class_source_set_initialize_method(class, start_source);
	bt_component_class_source_set_finalize_method(class, end_source);
	bt_graph_add_source_component_with_initialize_method_data(graph, class, "source", NULL, ctf,
								  BT_LOGGING_LEVEL_NONE, &source);
	bt_component_class_source_put_ref(class);
	bt_message_iterator_class_put_ref(iterator);
	return source;
}

/* ---- the sink, and the graph ---- */

static const bt_component_sink *add_sink(bt_graph *graph, const char *folder)
{
	const bt_plugin *plugin = NULL;
	const bt_component_sink *sink = NULL;
	bt_value *params;

	if (bt_plugin_find("ctf", BT_TRUE, BT_TRUE, BT_TRUE, BT_TRUE, BT_FALSE, &plugin) !=
	    BT_PLUGIN_FIND_STATUS_OK)
		return NULL;
	params = bt_value_map_create();
	bt_value_map_insert_string_entry(params, "path", folder);
	bt_value_map_insert_bool_entry(params, "assume-single-trace", BT_TRUE);
	bt_value_map_insert_bool_entry(params, "quiet", BT_TRUE);
	/*
	 * Since version 2.1, the sink writes CTF 2 by default. Version 2.0 writes only CTF 1.8 and
	 * lacks the parameter ctf-version.
	 */
	if (bt_version_get_major() > 2 || bt_version_get_minor() > 0)
		bt_value_map_insert_string_entry(params, "ctf-version", "1.8");
	bt_graph_add_sink_component(
		graph, bt_plugin_borrow_sink_component_class_by_name_const(plugin, "fs"), "sink",
		params, BT_LOGGING_LEVEL_NONE, &sink);
	bt_value_put_ref(params);
	bt_plugin_put_ref(plugin);
	return sink;
}

/*
 * Print `what` as an error message and return -1. The sink does not report why it failed; so far,
 * the reason was always that it could not extend a file.
 */
static int failed(const struct export_job *job, const char *what)
{
	bt_current_thread_clear_error();
	hst_error(job->out, "%s", what);
	return -1;
}

static int run_graph(struct ctf *ctf, bt_graph *graph, const char *folder)
{
	const bt_component_source *source = add_source(graph, ctf);
	const bt_component_sink *sink = add_sink(graph, folder);

	if (!source || !sink)
		return failed(ctf->job, "libbabeltrace2 lacks the plugin sink.ctf.fs");
	if (bt_graph_connect_ports(graph,
				   bt_component_source_borrow_output_port_by_index_const(source, 0),
				   bt_component_sink_borrow_input_port_by_index_const(sink, 0),
				   NULL) != BT_GRAPH_CONNECT_PORTS_STATUS_OK ||
	    bt_graph_run(graph) != BT_GRAPH_RUN_STATUS_OK)
		return failed(ctf->job,
			      "cannot be written: libbabeltrace2 failed; the disk may be full");
	return 0;
}

/*
 * Returns 0 if the metadata are complete, or -1 after printing an error. The metadata are written
 * last, and the library does not report whether it could write them.
 */
static int check_metadata(const struct export_job *job, const char *folder)
{
	char name[4300], end[3] = "";
	FILE *file;

	snprintf(name, sizeof(name), "%s/metadata", folder);
	file = fopen(name, "rb");
	if (!job->count && !file) /* no events, so the sink writes nothing: make an empty folder */
		return mkdir(folder, 0777) && errno != EEXIST
			       ? failed(job, "the folder cannot be created")
			       : 0;
	if (file && !fseek(file, -4, SEEK_END) && fread(end, 1, 2, file) == 2 &&
	    !memcmp(end, "};", 2)) {
		fclose(file);
		return 0;
	}
	if (file)
		fclose(file);
	hst_error(job->out, "cannot be written: its metadata is incomplete");
	return -1;
}

static int write_ctf(struct export_job *job, const char *folder)
{
	static struct ctf ctf;
	static bt_graph *graph;
	int err;

	memset(&ctf, 0, sizeof(ctf));
	ctf.job = job;
	if (hst_cursor_open(&ctf.cursor, job->file, job->select))
		return -1;
	graph = bt_graph_create(0);
	err = graph ? run_graph(&ctf, graph, folder)
		    : failed(job, "libbabeltrace2 cannot create a graph");
	if (!err) /* after an error, libbabeltrace2 2.0.4 crashes when it frees its sink */
		bt_graph_put_ref(graph);
	hst_cursor_close(&ctf.cursor);
	return err ? err : check_metadata(job, folder);
}

const struct export_format export_ctf = {
	.write_folder = write_ctf,
};
