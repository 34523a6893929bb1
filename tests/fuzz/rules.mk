# SPDX-License-Identifier: MIT
#
# rules.mk - build the fuzz targets with libFuzzer in $(O)/fuzz (make fuzz), and with lib/replay.c in
# $(O)/tests/fuzz (make test).
#
# The code under test is restored by lib/snapshot.c, so its static data is moved into sections of
# their own, its thread-local variables are static, and it allocates from the snapshot's heap. The
# native host is compiled again for that, without coverage, which would only tell the fuzzer how
# far the loops of the host's models have run.

FUZZ_DIR := $(TOP)/tests/fuzz
FUZZ_TARGETS := $(patsubst $(FUZZ_DIR)/%.c,%,$(wildcard $(FUZZ_DIR)/*.c))
FUZZ_TRACE := trace trace_filter trace_ram
FUZZ_CORE := ioctl insn register sbi

FUZZ_CC ?= clang
FUZZ_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_INCLUDE := -D_GNU_SOURCE -I$(FUZZ_DIR) -I$(FUZZ_DIR)/lib
FUZZ_CFLAGS := $(FUZZ_INCLUDE) -w -O2 -g -fno-omit-frame-pointer $(FUZZ_SANITIZE)
FUZZ_COVER := -fsanitize=fuzzer-no-link
# The inputs of these targets are choices: a value that the code compares is of no use in them.
FUZZ_COVER_CORE := -fsanitize-coverage=inline-8bit-counters,pc-table
FUZZ_MACHINE := -D__thread= -include $(FUZZ_DIR)/lib/machine_heap.h
FUZZ_SECTIONS := --rename-section .bss=machine_bss \
	$(patsubst %,--rename-section %=machine_data,.data .data.rel .data.rel.local)

.PHONY: fuzzers
fuzzers: $(addprefix $(O)/fuzz/,$(FUZZ_TARGETS))
tests: $(addprefix $(O)/tests/fuzz/,$(FUZZ_TARGETS))

# ---- with libFuzzer ----

# This file is read before tests/native/rules.mk, so the variables of that file need secondary
# expansion.
FUZZ_CORE_OBJ = $(patsubst $(O)/tests/native/%,$(O)/fuzz/obj/native/%,$(NATIVE_CORE) $(NATIVE_HOST))

$(addprefix $(O)/fuzz/,$(FUZZ_CORE)): $(O)/fuzz/%: $(O)/fuzz/obj/%.o $$(FUZZ_CORE_OBJ)
$(addprefix $(O)/fuzz/,$(FUZZ_TRACE)): $(O)/fuzz/%: $(O)/fuzz/obj/%.o $(patsubst $(TOP)/trace/%.c,$(O)/fuzz/obj/trace/%.o,\
		$(filter-out %/hstrace.c,$(HSTRACE_SRC)))

$(addprefix $(O)/fuzz/,$(FUZZ_TARGETS)): $(O)/fuzz/obj/lib/snapshot.o
	$(call say,FUZZLD)$(FUZZ_CC) $(FUZZ_SANITIZE) -fsanitize=fuzzer -pthread -o $@ $^ $(HSTRACE_LIBS)

$(O)/fuzz/obj/lib/snapshot.o: $(FUZZ_DIR)/lib/snapshot.c
	@mkdir -p $(@D)
	$(call say,FUZZCC)$(FUZZ_CC) -std=gnu11 -O2 -g $(FUZZ_INCLUDE) -MMD -MP -c -o $@ $<

$(O)/fuzz/obj/native/kvm/%.o: $(TOP)/src/kvm/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,FUZZCC)$(FUZZ_CC) $(NATIVE_COMMON) $(FUZZ_CFLAGS) $(FUZZ_COVER_CORE) -MMD -MP -c -o $@ $<
	objcopy $(FUZZ_SECTIONS) $@

$(O)/fuzz/obj/native/any_vmm.o: private FUZZ_MACHINE += $(FUZZ_COVER_CORE)
$(O)/fuzz/obj/native/%.o: $(TOP)/tests/native/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,FUZZCC)$(FUZZ_CC) $(NATIVE_COMMON) $(FUZZ_CFLAGS) $(FUZZ_MACHINE) -MMD -MP -c -o $@ $<
	objcopy $(FUZZ_SECTIONS) $@

$(O)/fuzz/obj/trace/%.o: $(TOP)/trace/%.c
	@mkdir -p $(@D)
	$(call say,FUZZCC)$(FUZZ_CC) $(HSTRACE_CFLAGS) $(FUZZ_CFLAGS) $(FUZZ_COVER) -MMD -MP -c -o $@ $<

$(patsubst %,$(O)/fuzz/obj/%.o,$(FUZZ_TRACE)): $(O)/fuzz/obj/%.o: $(FUZZ_DIR)/%.c
	@mkdir -p $(@D)
	$(call say,FUZZCC)$(FUZZ_CC) $(HSTRACE_CFLAGS) $(FUZZ_CFLAGS) $(FUZZ_COVER) -MMD -MP -c -o $@ $<

$(patsubst %,$(O)/fuzz/obj/%.o,$(FUZZ_CORE)): $(O)/fuzz/obj/%.o: $(FUZZ_DIR)/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,FUZZCC)$(FUZZ_CC) $(NATIVE_COMMON) $(FUZZ_CFLAGS) $(FUZZ_COVER_CORE) -MMD -MP -c -o $@ $<
	objcopy $(FUZZ_SECTIONS) $@

# ---- with replay.c ----

FUZZ_REPLAY := $(O)/tests/fuzz/lib/replay.o $(O)/tests/fuzz/lib/snapshot.o

$(addprefix $(O)/tests/fuzz/,$(FUZZ_CORE)): %: %.o $(FUZZ_REPLAY) $(O)/tests/fuzz/core.o
	$(call say,HOSTLD)$(HOSTCC) $(FUZZ_SANITIZE) -pthread -o $@ $^

# src/kvm as tests/native has compiled it, and the native host.
$(O)/tests/fuzz/core.o: $$(NATIVE_CORE) $$(patsubst $(O)/tests/native/%,$(O)/tests/fuzz/native/%,$$(NATIVE_HOST))
	$(call say,HOSTLD)ld -r -o $@ $^
	objcopy $(FUZZ_SECTIONS) $@

$(addprefix $(O)/tests/fuzz/,$(FUZZ_TRACE)): $(O)/tests/fuzz/%: $(FUZZ_DIR)/%.c $(FUZZ_DIR)/lib/fuzz.h $(FUZZ_REPLAY) \
		$$(TRACE_TEST_LIB) $(HSTRACE_HDR)
	$(call say,HOSTCC)$(HOSTCC) $(HSTRACE_CFLAGS) $(FUZZ_INCLUDE) -O1 $(FUZZ_SANITIZE) -o $@ $< \
		$(FUZZ_REPLAY) $(TRACE_TEST_LIB) $(HSTRACE_LIBS)

$(O)/tests/fuzz/native/%.o: $(TOP)/tests/native/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(NATIVE_CFLAGS) $(WARN) $(FUZZ_INCLUDE) $(FUZZ_MACHINE) -MMD -MP -c -o $@ $<

$(O)/tests/fuzz/lib/snapshot.o: $(FUZZ_DIR)/lib/snapshot.c
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) -std=gnu11 -O2 -g $(WARN) $(FUZZ_INCLUDE) -MMD -MP -c -o $@ $<

$(O)/tests/fuzz/lib/replay.o: $(FUZZ_DIR)/lib/replay.c
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(NATIVE_CFLAGS) $(WARN) $(FUZZ_INCLUDE) -MMD -MP -c -o $@ $<

$(O)/tests/fuzz/%.o: $(FUZZ_DIR)/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(NATIVE_CFLAGS) $(WARN) $(FUZZ_INCLUDE) -MMD -MP -c -o $@ $<
	objcopy $(FUZZ_SECTIONS) $@

-include $(wildcard $(addprefix $(O)/tests/fuzz/,*.d */*.d) $(addprefix $(O)/fuzz/obj/,*.d */*.d */*/*.d */*/*/*.d))
