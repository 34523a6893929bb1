# SPDX-License-Identifier: MIT
#
# rules.mk - the host's reading of the device tree compiled for the build machine, with ASan and UBSan.

PLATFORM_DIR := $(TOP)/tests/platform
PLATFORM_PROG := $(O)/tests/platform/test_imsic_layout
PLATFORM_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-omit-frame-pointer -ffile-prefix-map=$(TOP)/= \
	-fsanitize=address,undefined -fno-sanitize-recover=all -isystem $(LIBFDT_SRC)
PLATFORM_SRC := $(PLATFORM_DIR)/test_imsic_layout.c $(TOP)/src/host/platform/imsic_layout.c $(TOP)/src/host/platform/fdt.c
PLATFORM_LIBFDT := $(patsubst %,$(O)/tests/platform/%.o,$(LIBFDT_FILES))
NATIVE_TESTS += $(PLATFORM_PROG)

tests: $(PLATFORM_PROG)

$(PLATFORM_LIBFDT): $(O)/tests/platform/%.o: $(LIBFDT_SRC)/%.c
	@mkdir -p $(@D)
	$(HOST_CC) $(PLATFORM_CFLAGS) -w -c -o $@ $<

$(PLATFORM_PROG): $(PLATFORM_SRC) $(PLATFORM_LIBFDT) $(wildcard $(TOP)/src/host/platform/*.h $(TOP)/src/include/hv/*.h)
	@mkdir -p $(@D)
	$(HOST_CC) $(PLATFORM_CFLAGS) $(WARN) -iquote $(TOP)/src/host -I$(TOP)/src/include -o $@ \
		$(PLATFORM_SRC) $(PLATFORM_LIBFDT) -lcmocka
