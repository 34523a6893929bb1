# SPDX-License-Identifier: MIT
#
# rules.mk - build the program that makes allocations of the debug kernel fail.

tests: $(O)/tests/debug/fail_alloc

$(O)/tests/debug/fail_alloc: $(TOP)/tests/debug/fail_alloc.c $(TOP)/tests/debug/workloads.h $(TOP)/tests/linux-abi/tap.h $(wildcard $(TOP)/tests/kvm-api/*.h) $(COMPILED_BY) | uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(PROG_CFLAGS) -I$(TOP)/src/include -I$(TOP)/tests/linux-abi -I$(TOP)/tests/kvm-api -o $@ $<
