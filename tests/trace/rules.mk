# SPDX-License-Identifier: MIT
#
# rules.mk - build the tests of tracing for the build machine, with ASan and UBSan: tests of the
# host's rings and of hstrace.

TRACE_TEST_RING := $(TOP)/tests/trace/machine.c $(TOP)/tests/trace/ring.c
TRACE_TEST_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all $(WARN) \
	-I$(TOP)/trace -I$(TOP)/src/include -I$(TOP)/tests/trace -I$(TOP)/src/host/trace
TRACE_TEST_DEPS := $(HSTRACE_HDR) $(wildcard $(TOP)/tests/trace/*.[ch]) \
	$(wildcard $(TOP)/src/host/trace/*.[ch])

tests: $(addprefix $(O)/tests/trace/,test_trace test_filter test_hst test_symbols mkram mkguest mksamples producer hstrace)
NATIVE_TESTS += $(addprefix $(O)/tests/trace/,test_trace test_filter test_hst test_symbols)

# The objects of hstrace, built with sanitizers. tests/fuzz links them too.
TRACE_TEST_OBJ := $(patsubst $(TOP)/trace/%.c,$(O)/tests/trace/obj/%.o,$(HSTRACE_SRC))
TRACE_TEST_LIB := $(filter-out %/hstrace.o,$(TRACE_TEST_OBJ))
TRACE_TEST_EXPORT := $(patsubst $(TOP)/trace/%.c,$(O)/tests/trace/obj/%.o,$(EXPORT_SRC))

$(O)/tests/trace/obj/%.o: $(TOP)/trace/%.c $(O)/gen/export-libraries | $(EXPORT_GEN)
	@mkdir -p $(@D)
	$(HOST_CC) $(TRACE_TEST_CFLAGS) $(EXPORT_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/tests/trace/obj/html/page.o: $(HSTRACE_PAGE)

-include $(wildcard $(patsubst %.o,%.d,$(TRACE_TEST_OBJ) $(TRACE_TEST_EXPORT)))

$(O)/tests/trace/test_hst $(O)/tests/trace/test_symbols: $(O)/tests/trace/%: $(TRACE_TEST_LIB) $(TRACE_TEST_DEPS)
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(TRACE_TEST_CFLAGS) -o $@ $(TOP)/tests/trace/$*.c \
		$(TRACE_TEST_LIB) -lcmocka $(HSTRACE_LIBS)

$(O)/tests/trace/test_trace $(O)/tests/trace/test_filter: $(O)/tests/trace/%: $(TRACE_TEST_LIB) $(TRACE_TEST_DEPS)
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(TRACE_TEST_CFLAGS) -o $@ $(TOP)/tests/trace/$*.c $(TRACE_TEST_RING) \
		$(TRACE_TEST_LIB) -lcmocka $(HSTRACE_LIBS)

$(O)/tests/trace/mkram $(O)/tests/trace/mkguest $(O)/tests/trace/mksamples: $(O)/tests/trace/%: $(TRACE_TEST_DEPS)
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(TRACE_TEST_CFLAGS) -o $@ $(TOP)/tests/trace/$*.c $(TRACE_TEST_RING)

# The producer is built without sanitizers, because it has to be fast.
$(O)/tests/trace/producer: $(TRACE_TEST_DEPS)
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(filter-out -fsanitize% -fno-sanitize% -O1,$(TRACE_TEST_CFLAGS)) -O2 -o $@ \
		$(TOP)/tests/trace/producer.c $(TRACE_TEST_RING)

$(O)/tests/trace/hstrace: $(O)/gen/export-libraries $(EXPORT_GEN) $(TRACE_TEST_OBJ) $(TRACE_TEST_EXPORT)
	$(call say,HOSTLD)$(HOSTCC) -fsanitize=address,undefined -o $@ $(TRACE_TEST_OBJ) $(TRACE_TEST_EXPORT) \
		$(HSTRACE_LIBS) $(EXPORT_LIBS)
