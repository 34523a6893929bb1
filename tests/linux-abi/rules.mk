# SPDX-License-Identifier: MIT
#
# rules.mk - build the programs that test whether the host's Linux ABI behaves like Linux's. Each .c
# file in this folder becomes a static program $(O)/tests/linux-abi/NAME. The .t files in this
# folder run the programs.

ABI_PROGS := $(patsubst $(TOP)/tests/linux-abi/%.c,$(O)/tests/linux-abi/%,$(wildcard $(TOP)/tests/linux-abi/*.c))

tests: $(ABI_PROGS)

$(O)/tests/linux-abi/%: $(TOP)/tests/linux-abi/%.c $(TOP)/tests/rules.mk $(COMPILED_BY) | uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(PROG_CFLAGS) $(WRITE_DEPS) -o $@ $< -lm

-include $(wildcard $(O)/tests/linux-abi/*.d)
