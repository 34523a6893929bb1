/* SPDX-License-Identifier: MIT */
/*
 * tracepoint.h - a tracepoint hs:NAME for each event of the core, from trace/events.def.
 *
 * Linux includes this header several times, each time with a different definition of the macro
 * TRACE_EVENT_FN (see <trace/define_trace.h>).
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM hs

#if !defined(HS_TRACEPOINT_H) || defined(TRACE_HEADER_MULTI_READ)
#define HS_TRACEPOINT_H

#include <linux/tracepoint.h>
#include "hv/trace_fields.h"
#include "hv/trace_mem.h"
#include "trace_names.h"

/* clang-format off */
#define EXIT_CLASS(name, title, when) TRACE_DEFINE_ENUM(EXIT_##name);
#include "hv/exit_class.def"
#undef EXIT_CLASS

/* How a field of each kind is printed. %s: by the value's name, as in trace/export/tracefs.c. */
#define HS_FORMAT_hex    "0x%llx"
#define HS_FORMAT_num    "%llu"
#define HS_FORMAT_dec    "%lld"
#define HS_FORMAT_flag   "%llu"
#define HS_FORMAT_err    "%lld"
#define HS_FORMAT_cause  "%s"
#define HS_FORMAT_sbi    "%s"
#define HS_FORMAT_sbierr "%lld"
#define HS_FORMAT_reason "%llu"
#define HS_FORMAT_csr    "0x%llx"
#define HS_FORMAT_mmio   "%s"
#define HS_FORMAT_class  "%s"

#define HS_VALUE_hex(field)    __entry->field
#define HS_VALUE_num(field)    __entry->field
#define HS_VALUE_dec(field)    __entry->field
#define HS_VALUE_flag(field)   __entry->field
#define HS_VALUE_err(field)    __entry->field
#define HS_VALUE_cause(field)  __print_symbolic(__entry->field, NAMES_cause)
#define HS_VALUE_sbi(field)    __print_symbolic(__entry->field, NAMES_sbi)
#define HS_VALUE_sbierr(field) __entry->field
#define HS_VALUE_reason(field) __entry->field
#define HS_VALUE_csr(field)    __entry->field
#define HS_VALUE_mmio(field)   __print_symbolic(__entry->field, NAMES_mmio)
#define HS_VALUE_class(field)  __print_symbolic(__entry->field, NAMES_class)

#define HS_DECLARE(kind, name) __field(TRACE_TYPE_##kind, name)
#define HS_ASSIGN(kind, name)  __entry->name = *next++;
#define HS_FORMAT(kind, name)  " " #name "=" HS_FORMAT_##kind
#define HS_VALUE(kind, name)   HS_VALUE_##kind(name)

#define EVENTS_OF_CORE
#define EVENT(name, meaning, behind, ...)                                                          \
	TRACE_EVENT_FN(name, TP_PROTO(u32 who, const u64 *arg), TP_ARGS(who, arg),                 \
		TP_STRUCT__entry(                                                                  \
			__field(u32, vm)                                                           \
			__field(u32, vcpu)                                                         \
			TRACE_EACH(HS_DECLARE, __VA_ARGS__)),                                      \
		TP_fast_assign(                                                                    \
			const u64 *next = arg;                                                     \
			__entry->vm = TRACE_VM_OF(who);                                            \
			__entry->vcpu = TRACE_VCPU_OF(who);                                        \
			TRACE_EACH(HS_ASSIGN, __VA_ARGS__)),                                       \
		TP_printk("vm=%u vcpu=%u" TRACE_EACH(HS_FORMAT, __VA_ARGS__),                      \
			__entry->vm, __entry->vcpu, TRACE_MAP(HS_VALUE, __VA_ARGS__)),             \
		name##_reg, name##_unreg)
#include "events.def"
#undef EVENTS_OF_CORE
/* clang-format on */

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE tracepoint
#include <trace/define_trace.h>
