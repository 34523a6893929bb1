# SPDX-License-Identifier: MIT
#
# rules.mk - build libraries that trace.t and static-key.slow.t load into QEMU.

tests: $(O)/tests/boot/qemu_delay.so $(O)/tests/boot/qemu_store.so

$(O)/tests/boot/%.so: $(TOP)/tests/boot/%.c $(TOP)/tests/boot/in_qemu.h $(COMPILED_BY)
	@mkdir -p $(@D)
	$(HOST_CC) -std=gnu11 -O2 -g $(WARN) -fPIC -shared -o $@ $<
