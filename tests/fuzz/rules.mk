# SPDX-License-Identifier: MIT
#
# rules.mk - build the fuzz targets with libFuzzer in $(O)/fuzz (make fuzz), and with replay.c in
# $(O)/tests/fuzz (make test).

FUZZ_DIR := $(TOP)/tests/fuzz
FUZZ_TARGETS := $(patsubst $(FUZZ_DIR)/%.c,%,$(filter-out %/replay.c,$(wildcard $(FUZZ_DIR)/*.c)))
FUZZ_TRACE := trace trace_filter trace_ram
FUZZ_CORE := $(filter-out $(FUZZ_TRACE),$(FUZZ_TARGETS))

FUZZ_CC ?= clang
FUZZ_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_CFLAGS := -D_GNU_SOURCE -I$(FUZZ_DIR) -w -O1 -g $(FUZZ_SANITIZE) -fsanitize=fuzzer-no-link

.PHONY: fuzzers
fuzzers: $(addprefix $(O)/fuzz/,$(FUZZ_TARGETS))
tests: $(addprefix $(O)/tests/fuzz/,$(FUZZ_TARGETS))

# ---- with libFuzzer ----

# This file is read before tests/native/rules.mk, so the variables of that file need secondary
# expansion.
FUZZ_LIB = $(patsubst $(O)/tests/native/%,$(O)/fuzz/obj/native/%,$(NATIVE_CORE) $(NATIVE_HOST))

$(addprefix $(O)/fuzz/,$(FUZZ_CORE)): $(O)/fuzz/%: $(O)/fuzz/obj/%.o $$(FUZZ_LIB)
	$(call say,FUZZLD)$(FUZZ_CC) $(FUZZ_SANITIZE) -fsanitize=fuzzer -pthread -o $@ $^

$(addprefix $(O)/fuzz/,$(FUZZ_TRACE)): $(O)/fuzz/%: $(O)/fuzz/obj/%.o $(patsubst $(TOP)/trace/%.c,$(O)/fuzz/obj/trace/%.o,\
		$(filter-out %/hstrace.c,$(HSTRACE_SRC)))
	$(call say,FUZZLD)$(FUZZ_CC) $(FUZZ_SANITIZE) -fsanitize=fuzzer -o $@ $^ $(HSTRACE_LIBS)

$(O)/fuzz/obj/native/kvm/%.o: $(TOP)/src/kvm/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,FUZZCC)$(FUZZ_CC) $(NATIVE_COMMON) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/fuzz/obj/native/%.o: $(TOP)/tests/native/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,FUZZCC)$(FUZZ_CC) $(NATIVE_COMMON) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/fuzz/obj/trace/%.o: $(TOP)/trace/%.c
	@mkdir -p $(@D)
	$(call say,FUZZCC)$(FUZZ_CC) $(HSTRACE_CFLAGS) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

$(patsubst %,$(O)/fuzz/obj/%.o,$(FUZZ_TRACE)): $(O)/fuzz/obj/%.o: $(FUZZ_DIR)/%.c
	@mkdir -p $(@D)
	$(call say,FUZZCC)$(FUZZ_CC) $(HSTRACE_CFLAGS) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/fuzz/obj/%.o: $(FUZZ_DIR)/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,FUZZCC)$(FUZZ_CC) $(NATIVE_COMMON) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

# ---- with replay.c ----

$(addprefix $(O)/tests/fuzz/,$(FUZZ_CORE)): %: %.o $(O)/tests/fuzz/replay.o $$(NATIVE_CORE) $$(NATIVE_HOST)
	$(call say,HOSTLD)$(HOSTCC) $(FUZZ_SANITIZE) -pthread -o $@ $^

$(addprefix $(O)/tests/fuzz/,$(FUZZ_TRACE)): $(O)/tests/fuzz/%: $(FUZZ_DIR)/%.c $(FUZZ_DIR)/fuzz.h $(O)/tests/fuzz/replay.o \
		$$(TRACE_TEST_LIB) $(HSTRACE_HDR)
	$(call say,HOSTCC)$(HOSTCC) $(HSTRACE_CFLAGS) -O1 $(FUZZ_SANITIZE) -I$(FUZZ_DIR) -o $@ $< \
		$(O)/tests/fuzz/replay.o $(TRACE_TEST_LIB) $(HSTRACE_LIBS)

$(O)/tests/fuzz/%.o: $(FUZZ_DIR)/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(NATIVE_CFLAGS) $(WARN) -I$(FUZZ_DIR) -MMD -MP -c -o $@ $<

-include $(wildcard $(O)/tests/fuzz/*.d $(O)/fuzz/obj/*.d $(O)/fuzz/obj/*/*.d $(O)/fuzz/obj/*/*/*.d)
