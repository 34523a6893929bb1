# SPDX-License-Identifier: MIT
#
# rules.mk - build each .c file in this folder into a static program. Most of the programs use only
# the KVM user API, so that they run on hyperscope and on Linux KVM.

KVM_TEST_PROGS := $(patsubst $(TOP)/tests/kvm/%.c,$(O)/tests/kvm/%,$(wildcard $(TOP)/tests/kvm/*.c))

tests: $(KVM_TEST_PROGS)

# A plain make builds what scripts/hyperscope bench and scripts/hyperscope irqs-off run.
all: $(addprefix $(O)/tests/kvm/,bench_turns spans)

# Print the cost of each operation on the G-stage table with each walker, for docs/toggles.md.
.PHONY: walk-cost
walk-cost: all $(O)/tests/kvm/linear
	@$(TOP)/scripts/hyperscope exec --out $(O) --quiet --icount $(O)/tests/kvm/linear \
		gstage_walk iterative recursive

# Measure how long each path keeps interrupts off (docs/irqs-off.md). ARGS: options and workloads.
.PHONY: irqs-off
irqs-off: all $(O)/tests/kvm/spans
	@$(TOP)/scripts/hyperscope irqs-off --out $(O) $(ARGS)

$(O)/tests/kvm/%: $(TOP)/tests/kvm/%.c $(TOP)/tests/rules.mk $(COMPILED_BY) | uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(PROG_CFLAGS) $(WRITE_DEPS) -I$(TOP)/src/include $(WARN) -o $@ $<

-include $(wildcard $(O)/tests/kvm/*.d)
