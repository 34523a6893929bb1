# SPDX-License-Identifier: MIT
#
# rules.mk - what the test harness itself needs. The rooms under tests/ add their programs: to
# `tests` as a prerequisite, and to NATIVE_TESTS if prove shall run them.

TEST_FIRMWARE := $(O)/tests/spin.bin $(O)/tests/nosbi.bin

tests: $(TEST_FIRMWARE)

$(TEST_FIRMWARE): $(O)/tests/%.bin: $(TOP)/tests/lib/%.S
	@mkdir -p $(@D)
	$(CC_RV) -nostdlib -static -march=rv64ima_zicsr -mabi=lp64 -Wl,--build-id=none \
		-Wl,-Ttext=0x80000000 -o $(@:.bin=.elf) $<
	$(OBJCOPY_RV) -O binary $(@:.bin=.elf) $@
