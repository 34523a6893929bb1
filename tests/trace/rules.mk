# SPDX-License-Identifier: MIT
#
# rules.mk - tests of the trace: the host's rings on the build machine, and hstrace under ASan.

TRACE_TEST_RING := $(TOP)/tests/trace/machine.c $(TOP)/tests/trace/ring.c
TRACE_TEST_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all $(WARN) \
	-I$(TOP)/trace -I$(TOP)/src/include -I$(TOP)/tests/trace -I$(TOP)/src/host/trace
TRACE_TEST_DEPS := $(HSTRACE_HDR) $(wildcard $(TOP)/tests/trace/*.[ch]) \
	$(wildcard $(TOP)/src/host/trace/*.[ch])

tests: $(addprefix $(O)/tests/trace/,test_trace test_filter test_hst test_symbols mkram mkguest mksamples producer hstrace)
NATIVE_TESTS += $(addprefix $(O)/tests/trace/,test_trace test_filter test_hst test_symbols)

$(O)/tests/trace/test_hst $(O)/tests/trace/test_symbols: $(O)/tests/trace/%: $(HSTRACE_SRC) $(TRACE_TEST_DEPS)
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(TRACE_TEST_CFLAGS) -o $@ $(TOP)/tests/trace/$*.c \
		$(filter-out %/hstrace.c,$(HSTRACE_SRC)) -lcmocka $(HSTRACE_LIBS)

$(O)/tests/trace/test_trace: $(TRACE_TEST_DEPS)
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(TRACE_TEST_CFLAGS) -o $@ $(TOP)/tests/trace/test_trace.c $(TRACE_TEST_RING) \
		$(filter-out %/hstrace.c,$(HSTRACE_SRC)) -lcmocka $(HSTRACE_LIBS)

$(O)/tests/trace/test_filter: $(HSTRACE_SRC) $(TRACE_TEST_DEPS)
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(TRACE_TEST_CFLAGS) -o $@ $(TOP)/tests/trace/test_filter.c $(TRACE_TEST_RING) \
		$(filter-out %/hstrace.c,$(HSTRACE_SRC)) -lcmocka $(HSTRACE_LIBS)

$(O)/tests/trace/mkram $(O)/tests/trace/mkguest $(O)/tests/trace/mksamples: $(O)/tests/trace/%: $(TRACE_TEST_DEPS)
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(TRACE_TEST_CFLAGS) -o $@ $(TOP)/tests/trace/$*.c $(TRACE_TEST_RING)

# Without sanitizers: it is to be fast.
$(O)/tests/trace/producer: $(TRACE_TEST_DEPS)
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(filter-out -fsanitize% -fno-sanitize% -O1,$(TRACE_TEST_CFLAGS)) -O2 -o $@ \
		$(TOP)/tests/trace/producer.c $(TRACE_TEST_RING)

$(O)/tests/trace/hstrace: $(O)/gen/export-libraries $(EXPORT_GEN) $(HSTRACE_SRC) $(EXPORT_SRC) $(TRACE_TEST_DEPS)
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(TRACE_TEST_CFLAGS) $(EXPORT_CFLAGS) -o $@ $(HSTRACE_SRC) $(EXPORT_SRC) \
		$(HSTRACE_LIBS) $(EXPORT_LIBS)
