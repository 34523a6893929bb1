# SPDX-License-Identifier: MIT
#
# rules.mk - what the test harness itself needs. The rooms under tests/ add their programs: to
# `tests` as a prerequisite, and to NATIVE_TESTS if prove shall run them.

# Programs for the host under hyperscope: static, and the same on every distribution (Ubuntu's gcc
# fortifies unasked, and then warns of every result that a test has no use for).
PROG_CFLAGS = -std=gnu11 -D_GNU_SOURCE -U_FORTIFY_SOURCE -O2 -g -static -pthread -Wall -Wextra -Werror \
	$(UAPI_CFLAGS) $(PROGRAM_PATHLESS)

TEST_FIRMWARE := $(O)/tests/spin.bin $(O)/tests/nosbi.bin

tests: $(TEST_FIRMWARE)

$(TEST_FIRMWARE): $(O)/tests/%.bin: $(TOP)/tests/lib/%.S
	@mkdir -p $(@D)
	$(CC_RV) -nostdlib -static -march=rv64ima_zicsr -mabi=lp64 -Wl,--build-id=none \
		-Wl,-Ttext=0x80000000 -o $(@:.bin=.elf) $<
	$(OBJCOPY_RV) -O binary $(@:.bin=.elf) $@
