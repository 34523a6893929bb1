# SPDX-License-Identifier: MIT
#
# rules.mk - payloads: $(O)/guest-payloads/NAME.{elf,bin}. There is one payload for hello.c, one for
# src/workload/smoke.c, and one for each NAME.c in tour/ and tests/guest; a NAME.S beside NAME.c is
# part of its payload. The files in bench/ are one payload, and so are those in equivalence/ and in
# tests/guest/nested/. Included by the top Makefile. The payloads need only a cross compiler (no libc,
# no fetched source).

PAYLOAD_DIR := $(O)/guest-payloads
PAYLOAD_MAIN := $(patsubst $(TOP)/%,%,$(wildcard $(TOP)/src/guest/hello.c \
	$(TOP)/src/guest/tour/*.c $(TOP)/src/guest/bench/bench.c \
	$(TOP)/src/guest/equivalence/equivalence.c $(TOP)/src/workload/smoke.c $(TOP)/tests/guest/nested/nested.c \
	$(TOP)/tests/guest/*.c))
PAYLOAD_NAMES := $(notdir $(PAYLOAD_MAIN:.c=))
PAYLOAD_BINS := $(PAYLOAD_NAMES:%=$(PAYLOAD_DIR)/%.bin)
PAYLOAD_RT := start.S rt.c sbi.c trap.c fdt.c smp.c paging.c disk.c irqchip.c tap.c
PAYLOAD_RT_OBJS := $(PAYLOAD_RT:%=$(PAYLOAD_DIR)/obj/src/guest/%.o)

PAYLOAD_CFLAGS := -std=gnu11 -O2 -g -ffreestanding -fno-pie -fno-stack-protector \
	-fno-strict-aliasing -fno-common -fno-asynchronous-unwind-tables -fno-unwind-tables \
	-fno-tree-loop-distribute-patterns -march=rv64imac_zicsr_zifencei -mabi=lp64 \
	-mcmodel=medany -msmall-data-limit=0 -nostdinc \
	-isystem $(shell $(CC_RV) -print-file-name=include 2>/dev/null) \
	-I$(TOP)/src/guest -I$(TOP)/src/include $(PATHLESS) \
	-Wall -Wextra -Werror -Wshadow -Wvla -Wundef -Wmissing-prototypes -Wstrict-prototypes

.PHONY: guest-payloads
all: guest-payloads
guest-payloads: $(PAYLOAD_BINS)

$(PAYLOAD_DIR)/obj/%.c.o: $(TOP)/%.c $(COMPILED_BY)
	@mkdir -p $(@D)
	$(CC_RV) $(PAYLOAD_CFLAGS) -MMD -MP -c -o $@ $<

$(PAYLOAD_DIR)/obj/%.S.o: $(TOP)/%.S $(COMPILED_BY)
	@mkdir -p $(@D)
	$(CC_RV) $(PAYLOAD_CFLAGS) -MMD -MP -c -o $@ $<

# payload-objs NAME.c: the objects of NAME.c and of NAME.S, if any; in a folder of the same name, the
# objects of all its files.
payload-objs = $(patsubst $(TOP)/%,$(PAYLOAD_DIR)/obj/%.o,$(if $(findstring /$(basename $(notdir $(1)))/,$(1)), \
	$(wildcard $(TOP)/$(dir $(1))*.[cS]),$(TOP)/$(1) $(wildcard $(TOP)/$(1:.c=.S))))

define payload-rule
$(PAYLOAD_DIR)/$(notdir $(1:.c=)).elf: $(call payload-objs,$(1)) $(PAYLOAD_RT_OBJS) \
		$(TOP)/src/guest/payload.lds
	$$(CC_RV) -nostdlib -static -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments \
		-T $(TOP)/src/guest/payload.lds -o $$@ $$(filter %.o,$$^)
endef
$(foreach c,$(PAYLOAD_MAIN),$(eval $(call payload-rule,$(c))))

$(PAYLOAD_DIR)/%.bin: $(PAYLOAD_DIR)/%.elf
	$(OBJCOPY_RV) -O binary $< $@

-include $(shell find $(PAYLOAD_DIR)/obj -name '*.d' 2>/dev/null)
