# SPDX-License-Identifier: MIT
#
# rules.mk - workloads: $(O)/workload/PROFILE.elf (docs/workload.md). Included by the top Makefile.
# Nothing else depends on them.

WORKLOAD := $(O)/workload
WORKLOAD_TOP := $(TOP)/src/workload
WORKLOAD_CFLAGS := $(filter-out -I$(TOP)/src/guest,$(PAYLOAD_CFLAGS))

$(WORKLOAD)/%.c.o: $(WORKLOAD_TOP)/%.c $(COMPILED_BY)
	@mkdir -p $(@D)
	$(CC_RV) $(WORKLOAD_CFLAGS) -MMD -MP -c -o $@ $<

$(WORKLOAD)/shim.S.o: $(WORKLOAD_TOP)/shim.S $(COMPILED_BY)
	@mkdir -p $(@D)
	$(CC_RV) $(WORKLOAD_CFLAGS) -MMD -MP -c -o $@ $<

$(WORKLOAD)/runner: $(WORKLOAD_TOP)/runner.c $(COMPILED_BY)
	@mkdir -p $(@D)
	$(CC_RV) -std=gnu11 -O2 -g $(PROGRAM_PATHLESS) $(WARN) -static -o $@ $<

# The VMM without its symbols: a small initramfs is loaded faster by a slow simulator.
$(WORKLOAD)/vmm: $(O)/vmm
	@mkdir -p $(@D)
	$(STRIP_RV) -o $@ $<

.PHONY: workload-parts
tests: workload-parts
workload-parts: $(addprefix $(WORKLOAD)/,shim.c.o clock.c.o shim.S.o opensbi.c.o runner vmm) $(O)/hyperscope.bin guest-payloads
-include $(wildcard $(WORKLOAD)/*.d)
