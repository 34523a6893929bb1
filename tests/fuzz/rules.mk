# SPDX-License-Identifier: MIT
#
# rules.mk - build the fuzz targets with libFuzzer in $(O)/fuzz (make fuzz), and with lib/replay.c in
# $(O)/tests/fuzz (make test).
#
# lib/snapshot.c restores the code under test. Therefore its static data is moved into separate
# sections, its thread-local variables are static, and it allocates from the snapshot's heap. The
# native host is compiled again for that, without coverage: counters there would only tell the
# fuzzer how far the loops of the host's models have run.

FUZZ_DIR := $(TOP)/tests/fuzz
FUZZ_TARGETS := $(patsubst $(FUZZ_DIR)/%.c,%,$(wildcard $(FUZZ_DIR)/*.c))
FUZZ_TRACE := trace trace_filter trace_ram
FUZZ_CORE := ioctl insn nested register sbi toggles
FUZZ_VMM := mmio restore
FUZZ_HOST := cpio elf fdt

FUZZ_CC ?= clang
FUZZ_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_INCLUDE := -D_GNU_SOURCE -I$(FUZZ_DIR) -I$(FUZZ_DIR)/lib
FUZZ_CFLAGS := $(FUZZ_INCLUDE) -w -O2 -g -fno-omit-frame-pointer $(FUZZ_SANITIZE)
# tests/fuzz/run --coverage builds again, in another folder, with FUZZ_PROFILE: the flags that make
# a program write how often each line has run.
FUZZ_OUT ?= $(O)/fuzz
FUZZ_PROFILE ?=
FUZZ_COVER := -fsanitize=fuzzer-no-link $(FUZZ_PROFILE)
# The inputs of these targets are series of choices, so values that the code compares are of no use
# in them, and comparisons are not traced.
FUZZ_COVER_CORE := -fsanitize-coverage=inline-8bit-counters,pc-table $(FUZZ_PROFILE)
FUZZ_STATIC := -D__thread=
FUZZ_MACHINE := $(FUZZ_STATIC) -include $(FUZZ_DIR)/lib/machine_heap.h
FUZZ_SECTIONS := --rename-section .bss=machine_bss \
	$(patsubst %,--rename-section %=machine_data,.data .data.rel .data.rel.local)

# The VMM without the files that lib/vmm_host.c models, and the host's files that each target of
# FUZZ_HOST needs. FUZZ_AREA_vmm and FUZZ_AREA_host are the compiler's options for each of the two.
FUZZ_VMM_PARTS := $(filter-out main message clock vcpu sandbox save_file,$(notdir $(basename $(wildcard $(TOP)/src/vmm/*.c))))
FUZZ_VMM_OBJ := lib/vmm_host.o $(FUZZ_VMM_PARTS:%=vmm/%.o) $(LIBFDT_FILES:%=libfdt/%.o)
FUZZ_OBJ_cpio := files/stubs.o $(patsubst %,host/fs/%.o,initramfs inode names path)
FUZZ_OBJ_elf := host/proc/elf.o
FUZZ_OBJ_fdt := host/platform/fdt.o host/platform/imsic_layout.o $(LIBFDT_FILES:%=libfdt/%.o)
FUZZ_AREA_vmm := -std=gnu11 $(UAPI_CFLAGS) -isystem $(LIBFDT_SRC) -I$(TOP)/src/vmm \
	-include $(FUZZ_DIR)/lib/vmm_shim.h
FUZZ_AREA_host := -std=gnu11 -fno-strict-aliasing $(UAPI_CFLAGS) -isystem $(LIBFDT_SRC) -include $(TOP)/tests/files/shim.h \
	-I$(TOP)/tests/files -iquote $(TOP)/src/host -I$(TOP)/src/include
# A file's area, by its folder or its target.
fuzz_area = $(FUZZ_AREA_$(if $(filter vmm/% lib/vmm_host.% $(FUZZ_VMM:%=%.o),$1),vmm,host))

.PHONY: fuzzers
fuzzers: $(addprefix $(FUZZ_OUT)/,$(FUZZ_TARGETS))
tests: $(addprefix $(O)/tests/fuzz/,$(FUZZ_TARGETS))

# ---- with libFuzzer ----

# This file is read before tests/native/rules.mk, so the variables of that file need secondary
# expansion.
FUZZ_CORE_OBJ = $(patsubst $(O)/tests/native/%,$(FUZZ_OUT)/obj/native/%,$(NATIVE_CORE) $(NATIVE_HOST))

$(addprefix $(FUZZ_OUT)/,$(FUZZ_CORE)): $(FUZZ_OUT)/%: $(FUZZ_OUT)/obj/%.o $$(FUZZ_CORE_OBJ)
$(addprefix $(FUZZ_OUT)/,$(FUZZ_VMM)): $(FUZZ_OUT)/%: $(FUZZ_OUT)/obj/%.o $(addprefix $(FUZZ_OUT)/obj/,$(FUZZ_VMM_OBJ))
$(addprefix $(FUZZ_OUT)/,$(FUZZ_HOST)): $(FUZZ_OUT)/%: $(FUZZ_OUT)/obj/%.o $$(addprefix $(FUZZ_OUT)/obj/,$$(FUZZ_OBJ_$$*))
$(addprefix $(FUZZ_OUT)/,$(FUZZ_TRACE)): $(FUZZ_OUT)/%: $(FUZZ_OUT)/obj/%.o $(patsubst $(TOP)/trace/%.c,$(FUZZ_OUT)/obj/trace/%.o,\
		$(filter-out %/hstrace.c,$(HSTRACE_SRC)))

$(addprefix $(FUZZ_OUT)/,$(FUZZ_TARGETS)): $(FUZZ_OUT)/obj/lib/snapshot.o
	$(call say,FUZZLD)$(FUZZ_CC) $(FUZZ_SANITIZE) -fsanitize=fuzzer $(FUZZ_PROFILE) -pthread -o $@ $^ $(HSTRACE_LIBS)

$(FUZZ_OUT)/obj/lib/snapshot.o: $(FUZZ_DIR)/lib/snapshot.c
	@mkdir -p $(@D)
	$(call say,FUZZCC)$(FUZZ_CC) -std=gnu11 -O2 -g $(FUZZ_INCLUDE) -MMD -MP -c -o $@ $<

$(FUZZ_OUT)/obj/native/kvm/%.o: $(TOP)/src/kvm/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,FUZZCC)$(FUZZ_CC) $(NATIVE_COMMON) $(FUZZ_CFLAGS) $(FUZZ_COVER_CORE) -MMD -MP -c -o $@ $<
	objcopy $(FUZZ_SECTIONS) $@

$(patsubst %,$(FUZZ_OUT)/obj/native/any_%.o,guest irqchip vmm): private FUZZ_MACHINE += $(FUZZ_COVER_CORE)
$(FUZZ_OUT)/obj/native/%.o: $(TOP)/tests/native/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,FUZZCC)$(FUZZ_CC) $(NATIVE_COMMON) $(FUZZ_CFLAGS) $(FUZZ_MACHINE) -MMD -MP -c -o $@ $<
	objcopy $(FUZZ_SECTIONS) $@

$(FUZZ_OUT)/obj/trace/%.o: $(TOP)/trace/%.c
	@mkdir -p $(@D)
	$(call say,FUZZCC)$(FUZZ_CC) $(HSTRACE_CFLAGS) $(FUZZ_CFLAGS) $(FUZZ_COVER) -MMD -MP -c -o $@ $<

$(patsubst %,$(FUZZ_OUT)/obj/%.o,$(FUZZ_TRACE)): $(FUZZ_OUT)/obj/%.o: $(FUZZ_DIR)/%.c
	@mkdir -p $(@D)
	$(call say,FUZZCC)$(FUZZ_CC) $(HSTRACE_CFLAGS) $(FUZZ_CFLAGS) $(FUZZ_COVER) -MMD -MP -c -o $@ $<

$(patsubst %,$(FUZZ_OUT)/obj/%.o,$(FUZZ_CORE)): $(FUZZ_OUT)/obj/%.o: $(FUZZ_DIR)/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,FUZZCC)$(FUZZ_CC) $(NATIVE_COMMON) $(FUZZ_CFLAGS) $(FUZZ_STATIC) $(FUZZ_COVER_CORE) -MMD -MP -c -o $@ $<
	objcopy $(FUZZ_SECTIONS) $@

# The VMM and the host, with libFuzzer and with replay.c: $1 is the folder, $2 the compiler.
# libfdt is not ours: no coverage.
$(FUZZ_OUT)/obj/libfdt/%.o: private FUZZ_COVER :=
define fuzz_parts
$1/vmm/%.o: $(TOP)/src/vmm/%.c | uapi-present
	$$(call fuzz_compile,$1,$2)
$1/host/%.o: $(TOP)/src/host/%.c | uapi-present
	$$(call fuzz_compile,$1,$2)
$1/libfdt/%.o: $(LIBFDT_SRC)/%.c
	$$(call fuzz_compile,$1,$2)
$1/files/%.o: $(TOP)/tests/files/%.c | uapi-present
	$$(call fuzz_compile,$1,$2)
$(patsubst %,$1/%.o,$(FUZZ_VMM) $(FUZZ_HOST) lib/vmm_host): $1/%.o: $(FUZZ_DIR)/%.c | uapi-present
	$$(call fuzz_compile,$1,$2)
endef

define fuzz_compile
	@mkdir -p $(@D)
	$(call say,FUZZCC)$2 $(FUZZ_CFLAGS) $(FUZZ_MACHINE) $(call fuzz_area,$(@:$1/%=%)) -MMD -MP -c -o $@ $<
	objcopy $(FUZZ_SECTIONS) $@
endef

$(eval $(call fuzz_parts,$(FUZZ_OUT)/obj,$(FUZZ_CC) $$(FUZZ_COVER)))
$(eval $(call fuzz_parts,$(O)/tests/fuzz,$(HOSTCC)))

# For mutants.slow.t: link TARGET as OUTPUT, with FILE (below src) compiled from SOURCE.
FUZZ_MUTATED = $(FUZZ_OUT)/obj/$(patsubst kvm/%,native/kvm/%,$(FILE:.c=.o))
.PHONY: fuzz-mutant
fuzz-mutant:
	$(FUZZ_CC) $(if $(filter kvm/%,$(FILE)),$(NATIVE_COMMON) $(FUZZ_CFLAGS) $(FUZZ_COVER_CORE),\
		$(FUZZ_COVER) $(FUZZ_CFLAGS) $(FUZZ_MACHINE) $(call fuzz_area,$(FILE))) \
		-iquote $(TOP)/src/$(dir $(FILE)) -c -o $(OUTPUT).o $(SOURCE)
	objcopy $(FUZZ_SECTIONS) $(OUTPUT).o
	$(FUZZ_CC) $(FUZZ_SANITIZE) -fsanitize=fuzzer -pthread -o $(OUTPUT) $(OUTPUT).o $(filter-out $(FUZZ_MUTATED),\
		$(FUZZ_OUT)/obj/$(TARGET).o $(FUZZ_OUT)/obj/lib/snapshot.o \
		$(if $(filter $(TARGET),$(FUZZ_CORE)),$(FUZZ_CORE_OBJ),$(addprefix $(FUZZ_OUT)/obj/,\
		$(if $(filter $(TARGET),$(FUZZ_VMM)),$(FUZZ_VMM_OBJ),$(FUZZ_OBJ_$(TARGET))))))

# ---- with replay.c ----

FUZZ_REPLAY := $(O)/tests/fuzz/lib/replay.o $(O)/tests/fuzz/lib/snapshot.o

$(addprefix $(O)/tests/fuzz/,$(FUZZ_CORE)): %: %.o $(FUZZ_REPLAY) $(O)/tests/fuzz/core.o
	$(call say,HOSTLD)$(HOSTCC) $(FUZZ_SANITIZE) -pthread -o $@ $^

$(addprefix $(O)/tests/fuzz/,$(FUZZ_VMM)): %: %.o $(FUZZ_REPLAY) $(addprefix $(O)/tests/fuzz/,$(FUZZ_VMM_OBJ))
	$(call say,HOSTLD)$(HOSTCC) $(FUZZ_SANITIZE) -pthread -o $@ $^

$(addprefix $(O)/tests/fuzz/,$(FUZZ_HOST)): $(O)/tests/fuzz/%: $(O)/tests/fuzz/%.o $(FUZZ_REPLAY) \
		$$(addprefix $(O)/tests/fuzz/,$$(FUZZ_OBJ_$$*))
	$(call say,HOSTLD)$(HOSTCC) $(FUZZ_SANITIZE) -o $@ $^

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
	$(call say,HOSTCC)$(HOSTCC) $(NATIVE_CFLAGS) $(WARN) $(FUZZ_INCLUDE) $(FUZZ_STATIC) -MMD -MP -c -o $@ $<
	objcopy $(FUZZ_SECTIONS) $@

-include $(wildcard $(addprefix $(O)/tests/fuzz/,*.d */*.d) $(addprefix $(FUZZ_OUT)/obj/,*.d */*.d */*/*.d */*/*/*.d))
