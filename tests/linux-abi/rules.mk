# SPDX-License-Identifier: MIT
#
# rules.mk - build the programs that test whether the host's Linux ABI behaves like Linux's. Each .c
# file in this folder becomes a static program $(O)/tests/linux-abi/NAME. The .t files in this
# folder run the programs.

ABI_PROGS := $(patsubst $(TOP)/tests/linux-abi/%.c,$(O)/tests/linux-abi/%,$(wildcard $(TOP)/tests/linux-abi/*.c))

tests: $(ABI_PROGS)

$(O)/tests/linux-abi/%: $(TOP)/tests/linux-abi/%.c $(TOP)/tests/linux-abi/tap.h $(COMPILED_BY) | uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(PROG_CFLAGS) -o $@ $< -lm

$(O)/tests/linux-abi/memory_random: $(wildcard $(TOP)/tests/linux-abi/memory_*.h)
$(O)/tests/linux-abi/hogs: $(TOP)/tests/linux-abi/hogs.h
$(O)/tests/linux-abi/shortage $(O)/tests/linux-abi/shortage_memory: $(TOP)/tests/linux-abi/shortage.h
$(O)/tests/linux-abi/hugetlb $(O)/tests/linux-abi/memory_random: $(TOP)/tests/linux-abi/meminfo.h
$(O)/tests/linux-abi/seccomp $(O)/tests/linux-abi/seccomp_threads: $(TOP)/tests/linux-abi/seccomp.h
