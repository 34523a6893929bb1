# SPDX-License-Identifier: MIT
#
# rules.mk - the VMM: $(O)/vmm, a static Linux program. Included by the top Makefile.

VMM_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g -pthread $(UAPI_INCLUDE) -I$(LIBFDT_SRC) $(PROGRAM_PATHLESS)
LIBFDT_CFLAGS := -std=gnu11 -O2 -g -w -I$(LIBFDT_SRC) $(PROGRAM_PATHLESS)
VMM_SRC := $(sort $(patsubst $(TOP)/%,%,$(wildcard $(TOP)/src/vmm/*.c)))
VMM_OBJ := $(VMM_SRC:%=$(O)/user/%.o) $(LIBFDT_FILES:%=$(O)/user/libfdt/%.o)

.PHONY: vmm
all: vmm
vmm: $(O)/vmm

$(O)/vmm: $(VMM_OBJ)
	$(CC_RV) -static -pthread -o $@ $^

$(O)/user/src/vmm/%.c.o: $(TOP)/src/vmm/%.c $(COMPILED_BY) | uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(VMM_CFLAGS) $(WARN) $(AREA) -MMD -MP -c -o $@ $<

$(O)/user/libfdt/%.o: $(LIBFDT_SRC)/%.c $(COMPILED_BY)
	@mkdir -p $(@D)
	$(CC_RV) $(LIBFDT_CFLAGS) -c -o $@ $<

-include $(wildcard $(VMM_SRC:%=$(O)/user/%.d))
