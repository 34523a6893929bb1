# SPDX-License-Identifier: MIT
#
# rules.mk - build the core and its tests for the build machine, with sanitizers.
#
# Each test_*.c becomes one cmocka program, which prove runs as one test file. All are built with
# ASan and UBSan in tests/native; those that use threads are also built with TSan in tests/tsan.
# Linux's UAPI headers are always the target's, never the build machine's.

NATIVE_DIR := $(TOP)/tests/native
NATIVE_COMMON := -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-omit-frame-pointer -fno-strict-aliasing \
	-ffile-prefix-map=$(TOP)/= $(UAPI_CFLAGS) -I$(TOP)/src/include -I$(TOP)/trace -I$(TOP)/src/kvm -I$(NATIVE_DIR)
NATIVE_CFLAGS := $(NATIVE_COMMON) -fsanitize=address,undefined -fno-sanitize-recover=all
# Call the test's hook at each full fence of the core.
NATIVE_STEPS := -include $(NATIVE_DIR)/fence_step.h
# TSan does not understand fences, as -Wtsan warns. So it may report races that do not exist, but
# the fences do not hide any. -Wmaybe-uninitialized is off here, too, because gcc finds
# uninitialized variables better without instrumentation.
TSAN_CFLAGS := $(NATIVE_COMMON) -fsanitize=thread --param tsan-distinguish-volatile=1
TSAN_WARN := $(WARN) -Wno-tsan -Wno-maybe-uninitialized

NATIVE_CORE := $(patsubst $(TOP)/src/kvm/%.c,$(O)/tests/native/kvm/%.o,\
	$(filter-out %/offsets.c,$(wildcard $(TOP)/src/kvm/*.c $(TOP)/src/kvm/*/*.c)))
NATIVE_HOST := $(patsubst $(NATIVE_DIR)/%.c,$(O)/tests/native/%.o,\
	$(filter-out $(NATIVE_DIR)/test_%.c $(NATIVE_DIR)/tsan_volatile.c,$(wildcard $(NATIVE_DIR)/*.c)))
NATIVE_PROGS := $(patsubst $(NATIVE_DIR)/%.c,$(O)/tests/native/%,$(wildcard $(NATIVE_DIR)/test_*.c))
TSAN_CORE := $(patsubst $(O)/tests/native/%,$(O)/tests/tsan/%,$(NATIVE_CORE))
TSAN_HOST := $(patsubst $(O)/tests/native/%,$(O)/tests/tsan/%,$(NATIVE_HOST)) $(O)/tests/tsan/tsan_volatile.o
TSAN_PROGS := $(patsubst $(NATIVE_DIR)/%.c,$(O)/tests/tsan/%,\
	$(shell grep -lE "pthread_create|race.h" $(NATIVE_DIR)/test_*.c))
NATIVE_TESTS += $(NATIVE_PROGS) $(TSAN_PROGS)

tests: $(NATIVE_PROGS) $(TSAN_PROGS)

# Print the cost of fences and walks in the TLB model, for docs/toggles.md.
.PHONY: tlb-model
tlb-model: $(O)/tests/native/test_tlb_model
	@$< >$<.out || { cat $<.out; exit 1; }
	@sed -n 's/^# \{0,1\}//p' $<.out

$(NATIVE_PROGS): %: %.o $(NATIVE_HOST) $(NATIVE_CORE)
	$(call say,HOSTLD)$(HOSTCC) -fsanitize=address,undefined -pthread -o $@ $^ -lcmocka

$(O)/tests/native/kvm/%.o: $(TOP)/src/kvm/%.c $(NATIVE_DIR)/fence_step.h | uapi-present
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(NATIVE_CFLAGS) $(NATIVE_STEPS) $(WARN) -MMD -MP -c -o $@ $<

$(O)/tests/native/%.o: $(NATIVE_DIR)/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(NATIVE_CFLAGS) $(WARN) -MMD -MP -c -o $@ $<

$(TSAN_PROGS): %: %.o $(TSAN_HOST) $(TSAN_CORE)
	$(call say,HOSTLD)$(HOSTCC) -fsanitize=thread -pthread -o $@ $^ -lcmocka

$(O)/tests/tsan/kvm/%.o: $(TOP)/src/kvm/%.c $(NATIVE_DIR)/fence_step.h | uapi-present
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(TSAN_CFLAGS) $(NATIVE_STEPS) $(TSAN_WARN) -MMD -MP -c -o $@ $<

$(O)/tests/tsan/%.o: $(NATIVE_DIR)/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(TSAN_CFLAGS) $(TSAN_WARN) -MMD -MP -c -o $@ $<

# For mutants.sh and gstage_walkers.t: link PROGRAM as OUTPUT, with the core's FILE compiled from
# SOURCE.
.PHONY: native-mutant
native-mutant:
	$(HOSTCC) $(NATIVE_CFLAGS) $(NATIVE_STEPS) -w -c -o $(OUTPUT).o $(SOURCE)
	$(HOSTCC) -fsanitize=address,undefined -pthread -o $(OUTPUT) $(OUTPUT).o $(O)/tests/native/$(PROGRAM).o \
		$(NATIVE_HOST) $(filter-out $(O)/tests/native/kvm/$(FILE:.c=.o),$(NATIVE_CORE)) -lcmocka

# Make the table of encodings and their meanings, with the assembler and the disassembler.
$(O)/tests/native/insns.bin: $(NATIVE_DIR)/gen_insns.py
	@mkdir -p $(@D)
	$(call say,GEN)$< $(CROSS_COMPILE)as $(CROSS_COMPILE)objcopy $(CROSS_COMPILE)objdump $@

$(O)/tests/native/test_insn_decode.o: $(O)/tests/native/insns.bin
$(O)/tests/native/test_insn_decode.o: private NATIVE_CFLAGS += -DINSN_TABLE='"$(O)/tests/native/insns.bin"'

-include $(wildcard $(foreach dir,native native/kvm native/kvm/* tsan tsan/kvm tsan/kvm/*,$(O)/tests/$(dir)/*.d))
