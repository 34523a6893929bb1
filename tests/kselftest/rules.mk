# SPDX-License-Identifier: MIT
#
# rules.mk - what scripts/kselftest runs Linux's selftests with. They themselves are scripts/setup's.

tests: $(O)/tests/kselftest/timed

$(O)/tests/kselftest/timed: $(TOP)/tests/kselftest/timed.c
	@mkdir -p $(@D)
	$(CC_RV) -std=gnu11 -D_GNU_SOURCE -O2 -g -static -Wall -Wextra -Werror -ffile-prefix-map=$(TOP)/= -o $@ $<
