# SPDX-License-Identifier: MIT
#
# rules.mk - what scripts/hyperscope kselftest runs Linux's selftests with. They themselves are scripts/hyperscope setup's.

tests: $(O)/tests/kselftest/timed

$(O)/tests/kselftest/timed: $(TOP)/tests/kselftest/timed.c $(COMPILED_BY) | uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(PROG_CFLAGS) -o $@ $<
