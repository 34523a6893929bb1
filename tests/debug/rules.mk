# SPDX-License-Identifier: MIT
#
# rules.mk - build the program that makes allocations of the debug kernel fail and, for the build machine, the
# test of the quarantine for pages.

DEBUG_DIR := $(TOP)/tests/debug
NATIVE_TESTS += $(O)/tests/debug/test_page

tests: $(O)/tests/debug/fail_alloc $(O)/tests/debug/test_page

# Functions that are not called need no stubs (--gc-sections).
$(O)/tests/debug/test_page: $(DEBUG_DIR)/test_page.c $(DEBUG_DIR)/shim.h $(TOP)/src/debug/page.c $(TOP)/src/debug/check.h \
		$(wildcard $(TOP)/src/host/mm/*.h $(TOP)/src/include/hv/*.h) | uapi-present
	@mkdir -p $(@D)
	$(HOST_CC) -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-omit-frame-pointer -ffunction-sections -pthread \
		-ffile-prefix-map=$(TOP)/= -fsanitize=address,undefined -fno-sanitize-recover=all -Wl,--gc-sections \
		$(UAPI_CFLAGS) $(WARN) -Wno-format-truncation -include $(DEBUG_DIR)/shim.h -iquote $(TOP)/src/debug -iquote $(TOP)/src/host \
		-I$(TOP)/src/include -o $@ $< $(TOP)/src/debug/page.c -lcmocka

$(O)/tests/debug/fail_alloc: $(TOP)/tests/debug/fail_alloc.c $(TOP)/tests/rules.mk $(COMPILED_BY) | uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(PROG_CFLAGS) $(WRITE_DEPS) -I$(TOP)/src/include -I$(TOP)/tests/linux-abi -I$(TOP)/tests/kvm-api -o $@ $<

-include $(wildcard $(O)/tests/debug/*.d)
