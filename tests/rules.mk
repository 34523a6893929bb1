# SPDX-License-Identifier: MIT
#
# rules.mk - files that the test harness needs. The folders below tests/ add their programs to `tests`
# as prerequisites, and to NATIVE_TESTS if prove has to run them.

# Flags of programs for the host: static, and the same on every distribution (Ubuntu's gcc fortifies
# by default, and then warns about every result that a test ignores).
PROG_CFLAGS = -std=gnu11 -D_GNU_SOURCE -U_FORTIFY_SOURCE -O2 -g -static -pthread -Wall -Wextra -Werror \
	$(UAPI_INCLUDE) $(PROGRAM_PATHLESS)
# For a program of one file: the compiler lists the headers. $(COMPILED_BY) does not cover this, so the rules
# that use it depend on this file.
WRITE_DEPS = -MMD -MP -MT $@ -MF $@.d

TEST_FIRMWARE := $(O)/tests/spin.bin $(O)/tests/nosbi.bin

tests: $(TEST_FIRMWARE)

$(TEST_FIRMWARE): $(O)/tests/%.bin: $(TOP)/tests/lib/%.S
	@mkdir -p $(@D)
	$(CC_RV) -nostdlib -static -march=rv64ima_zicsr -mabi=lp64 -Wl,--build-id=none \
		-Wl,-Ttext=0x80000000 -o $(@:.bin=.elf) $<
	$(OBJCOPY_RV) -O binary $(@:.bin=.elf) $@
