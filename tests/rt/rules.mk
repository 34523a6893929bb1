# SPDX-License-Identifier: MIT
#
# rules.mk - parts of the payloads' runtime, compiled for the build machine with ASan and UBSan: test_NAME.c
# is linked with its file in src/guest. Functions that are not called need no stubs (--gc-sections). The
# sources are freestanding, because the runtime declares a printf() of its own.

RT_DIR := $(TOP)/tests/rt
RT_PROGS := $(patsubst $(RT_DIR)/%.c,$(O)/tests/rt/%,$(wildcard $(RT_DIR)/test_*.c))
RT_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-omit-frame-pointer -fno-strict-aliasing -ffunction-sections \
	-ffile-prefix-map=$(TOP)/= -fsanitize=address,undefined -fno-sanitize-recover=all \
	-ffreestanding -D__riscv_xlen=64 -include $(RT_DIR)/shim.h -I$(TOP)/src/guest -I$(TOP)/src/include
NATIVE_TESTS += $(RT_PROGS)

tests: $(RT_PROGS)

$(O)/tests/rt/test_fdt: $(O)/tests/rt/guest/fdt.o
$(O)/tests/rt/test_smp: $(O)/tests/rt/guest/smp.o

$(RT_PROGS): %: %.o
	$(call say,HOSTLD)$(HOSTCC) -fsanitize=address,undefined -Wl,--gc-sections -o $@ $^ -lcmocka

$(O)/tests/rt/guest/%.o: $(TOP)/src/guest/%.c $(COMPILED_BY)
	@mkdir -p $(@D)
	$(HOST_CC) $(RT_CFLAGS) $(WARN) -MMD -MP -c -o $@ $<

$(O)/tests/rt/%.o: $(RT_DIR)/%.c $(COMPILED_BY)
	@mkdir -p $(@D)
	$(HOST_CC) $(RT_CFLAGS) $(WARN) -MMD -MP -c -o $@ $<

-include $(wildcard $(O)/tests/rt/*.d $(O)/tests/rt/guest/*.d)
