# SPDX-License-Identifier: MIT
#
# rules.mk - build the host's file tree and its tests for the build machine, with ASan and UBSan.
# Archives and paths are untrusted input, so the tests also try thousands of random ones.

FILES_DIR := $(TOP)/tests/files
FILES_PROGS := $(patsubst $(FILES_DIR)/%.c,$(O)/tests/files/%,$(wildcard $(FILES_DIR)/test_*.c))
FILES_HOST := $(patsubst %,$(O)/tests/files/host_%.o,initramfs inode names path)
FILES_CFLAGS := -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -fno-strict-aliasing -ffile-prefix-map=$(TOP)/= $(UAPI_CFLAGS) \
	-include $(FILES_DIR)/shim.h -iquote $(TOP)/src/host -I$(TOP)/src/include
NATIVE_TESTS += $(FILES_PROGS)

tests: $(FILES_PROGS)

$(FILES_PROGS): %: %.o $(O)/tests/files/stubs.o $(FILES_HOST)
	$(call say,HOSTLD)$(HOSTCC) -fsanitize=address,undefined -o $@ $^ -lcmocka

$(O)/tests/files/host_%.o: $(TOP)/src/host/fs/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(FILES_CFLAGS) $(WARN) -MMD -MP -c -o $@ $<

$(O)/tests/files/%.o: $(FILES_DIR)/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(FILES_CFLAGS) $(WARN) -MMD -MP -c -o $@ $<

-include $(wildcard $(O)/tests/files/*.d)
