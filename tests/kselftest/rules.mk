# SPDX-License-Identifier: MIT
#
# rules.mk - build the helper program of scripts/hyperscope kselftest. The selftests themselves are
# built by scripts/hyperscope setup.

tests: $(O)/tests/kselftest/timed

$(O)/tests/kselftest/timed: $(TOP)/tests/kselftest/timed.c $(COMPILED_BY) | uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(PROG_CFLAGS) -o $@ $<
