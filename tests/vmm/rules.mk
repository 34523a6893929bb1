# SPDX-License-Identifier: MIT
#
# rules.mk - the VMM's devices on the build machine, under ASan and UBSan.

VMM_TEST_DEVICES := bus state marker plic uart syscon sbi virtio_ring virtio_mmio virtio_blk
VMM_TEST_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O1 -g -pthread -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer $(UAPI_CFLAGS) -I$(TOP)/src/vmm \
	-Wall -Wextra -Werror -Wno-sign-compare
VMM_TEST_OBJ := $(VMM_TEST_DEVICES:%=$(O)/tests/vmm/%.o) $(O)/tests/vmm/test_devices.o

NATIVE_TESTS += $(O)/tests/vmm/test_devices
tests: $(O)/tests/vmm/test_devices

$(O)/tests/vmm/test_devices: $(VMM_TEST_OBJ)
	$(HOST_CC) -fsanitize=address,undefined -pthread -o $@ $^ -lcmocka

$(O)/tests/vmm/%.o: $(TOP)/src/vmm/%.c | uapi-present
	@mkdir -p $(@D)
	$(HOST_CC) $(VMM_TEST_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/tests/vmm/%.o: $(TOP)/tests/vmm/%.c | uapi-present
	@mkdir -p $(@D)
	$(HOST_CC) $(VMM_TEST_CFLAGS) -MMD -MP -c -o $@ $<

-include $(VMM_TEST_OBJ:.o=.d)
