# SPDX-License-Identifier: MIT
#
# rules.mk - the core compiled for the build machine, with ASan and UBSan, and its tests.
#
# Each test_*.c is one cmocka program and one file for prove. Linux's UAPI headers are those of the
# target, never the build machine's.

NATIVE_DIR := $(TOP)/tests/native
NATIVE_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -fno-strict-aliasing -ffile-prefix-map=$(TOP)/= $(UAPI_CFLAGS) \
	-I$(TOP)/src/include -I$(TOP)/trace -I$(TOP)/src/kvm -I$(NATIVE_DIR) -I$(O)/gen/native

NATIVE_CORE := $(patsubst $(TOP)/src/kvm/%.c,$(O)/tests/native/kvm/%.o,\
	$(filter-out %/offsets.c,$(wildcard $(TOP)/src/kvm/*.c)))
NATIVE_HOST := $(patsubst $(NATIVE_DIR)/%.c,$(O)/tests/native/%.o,\
	$(filter-out $(NATIVE_DIR)/test_%.c,$(wildcard $(NATIVE_DIR)/*.c)))
NATIVE_PROGS := $(patsubst $(NATIVE_DIR)/%.c,$(O)/tests/native/%,$(wildcard $(NATIVE_DIR)/test_*.c))
NATIVE_TESTS += $(NATIVE_PROGS)

tests: $(NATIVE_PROGS)

.PHONY: native-test
native-test: $(NATIVE_PROGS)
	cd $(TOP) && prove --exec $(TOP)/tests/lib/run-one $(NATIVE_PROGS)

$(NATIVE_PROGS): %: %.o $(NATIVE_HOST) $(NATIVE_CORE)
	$(call say,HOSTLD)$(HOSTCC) -fsanitize=address,undefined -pthread -o $@ $^ -lcmocka

$(O)/tests/native/kvm/%.o: $(TOP)/src/kvm/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(NATIVE_CFLAGS) $(WARN) -MMD -MP -c -o $@ $<

$(O)/tests/native/%.o: $(NATIVE_DIR)/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(NATIVE_CFLAGS) $(WARN) -MMD -MP -c -o $@ $<

# Every encoding with its meaning, from the assembler and the disassembler.
$(O)/tests/native/insns.bin: $(NATIVE_DIR)/gen_insns.py
	@mkdir -p $(@D)
	$(call say,GEN)$< $(CROSS_COMPILE)as $(CROSS_COMPILE)objcopy $(CROSS_COMPILE)objdump $@

$(O)/tests/native/test_insn_decode.o: $(O)/tests/native/insns.bin
$(O)/tests/native/test_insn_decode.o: private NATIVE_CFLAGS += -DINSN_TABLE='"$(O)/tests/native/insns.bin"'

-include $(wildcard $(O)/tests/native/*.d $(O)/tests/native/kvm/*.d)
