# SPDX-License-Identifier: MIT
#
# rules.mk - programs that tests run on the host: each .c becomes a static program $(O)/tests/progs/NAME.

TEST_PROGS := $(patsubst $(TOP)/tests/progs/%.c,$(O)/tests/progs/%,$(wildcard $(TOP)/tests/progs/*.c))

tests: $(TEST_PROGS)

$(O)/tests/progs/%: $(TOP)/tests/progs/%.c $(COMPILED_BY) | uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(PROG_CFLAGS) -o $@ $<
