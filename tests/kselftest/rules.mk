# SPDX-License-Identifier: MIT
#
# rules.mk - build the helper of scripts/hyperscope kselftest. scripts/hyperscope setup builds the selftests
# themselves.

tests: $(O)/tests/kselftest/timed

$(O)/tests/kselftest/timed: $(TOP)/tests/kselftest/timed.c $(COMPILED_BY) | uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(PROG_CFLAGS) -o $@ $<
