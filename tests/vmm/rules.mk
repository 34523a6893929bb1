# SPDX-License-Identifier: MIT
#
# rules.mk - build the VMM's devices, and the code that saves them, for tests on the build machine
# under ASan and UBSan.

VMM_VIRTIO := $(notdir $(basename $(wildcard $(TOP)/src/vmm/virtio_*.c)))
VMM_IRQCHIP := irqchip plic plic_kernel aia
VMM_TEST_DEVICES := bus state marker $(VMM_IRQCHIP) uart syscon sbi $(VMM_VIRTIO)
# The devices of device.def: a saved machine may have any of them.
VMM_DEVICES := $(shell sed -n "s/^DEVICE.\([a-z0-9_]*\),.*/\1/p" $(TOP)/src/vmm/device.def)
VMM_TEST_SAVED := bus marker $(VMM_IRQCHIP) uart console $(VMM_DEVICES) $(VMM_VIRTIO) state \
	state_machine state_vcpu pages dirty precopy save save_file restore
VMM_TEST_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O1 -g -pthread -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer $(UAPI_CFLAGS) -I$(TOP)/src/vmm \
	-Wall -Wextra -Werror -Wno-sign-compare
VMM_TEST_OBJ := $(VMM_TEST_DEVICES:%=$(O)/tests/vmm/%.o) $(O)/tests/vmm/silent.o \
	$(O)/tests/vmm/test_devices.o
VMM_TEST_SAVE_OBJ := $(patsubst %,$(O)/tests/vmm/%.o,$(VMM_TEST_SAVED) silent kvm_model refused \
	saved_machine)
VMM_TEST_BOUNDS_OBJ := $(patsubst %,$(O)/tests/vmm/%.o,doorbell bus load marker $(VMM_IRQCHIP) refused restore silent state \
	test_bounds)
VMM_TESTS := $(patsubst %,$(O)/tests/vmm/test_%,bounds devices machine save save_disk save_file watchdog)

NATIVE_TESTS += $(VMM_TESTS)
tests: $(VMM_TESTS)

$(O)/tests/vmm/test_bounds: $(VMM_TEST_BOUNDS_OBJ)
	$(HOST_CC) -fsanitize=address,undefined -pthread -o $@ $^ -lcmocka

# What machine.c calls, but not in this test.
VMM_NOT_CALLED := console_restore_terminal load_guest markers_start registers_reset sandbox_enter \
	save_live stats_print virtio_blk_add virtio_mmio_reset virtio_mmio_resume watchdog_tick \
	$(VMM_DEVICES:%=%_init)
$(O)/tests/vmm/test_machine: $(patsubst %,$(O)/tests/vmm/%.o,machine refused silent test_machine)
	$(HOST_CC) -fsanitize=address,undefined -pthread $(VMM_NOT_CALLED:%=-Wl,--defsym=%=not_called) -o $@ $^ \
		-lcmocka

$(O)/tests/vmm/test_watchdog: $(patsubst %,$(O)/tests/vmm/%.o,watchdog bus state $(VMM_IRQCHIP) refused silent test_watchdog)
	$(HOST_CC) -fsanitize=address,undefined -pthread -o $@ $^ -lcmocka

$(O)/tests/vmm/test_save_file: VMM_TEST_LINK := -Wl,--wrap=calloc,--wrap=realloc,--wrap=pwrite
$(patsubst %,$(O)/tests/vmm/test_%,save save_disk save_file): %: %.o $(VMM_TEST_SAVE_OBJ)
	$(HOST_CC) -fsanitize=address,undefined -pthread $(VMM_TEST_LINK) -o $@ $^ -lcmocka

$(O)/tests/vmm/test_devices: $(VMM_TEST_OBJ)
	$(HOST_CC) -fsanitize=address,undefined -pthread -o $@ $^ -lcmocka

$(O)/tests/vmm/%.o: $(TOP)/src/vmm/%.c | uapi-present
	@mkdir -p $(@D)
	$(HOST_CC) $(VMM_TEST_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/tests/vmm/%.o: $(TOP)/tests/vmm/%.c | uapi-present
	@mkdir -p $(@D)
	$(HOST_CC) $(VMM_TEST_CFLAGS) -MMD -MP -c -o $@ $<

# The VMM with a planted defect (taken_over.c), a program for the host.
TAKEN_OVER_OBJ := $(O)/tests/vmm/taken_over.rv.o
TAKEN_OVER_LINK := $(CC_RV) -static -pthread \
	-Wl,--wrap=syscon_init,--wrap=sandbox_enter,--wrap=thread_create
tests: $(O)/tests/vmm/taken_over $(O)/tests/vmm/sandbox_probe

$(TAKEN_OVER_OBJ): $(TOP)/tests/vmm/taken_over.c $(TOP)/tests/vmm/rules.mk $(COMPILED_BY) | uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(VMM_CFLAGS) -I$(TOP)/src/vmm $(WARN) -MMD -MP -c -o $@ $<

$(O)/tests/vmm/taken_over: $(VMM_OBJ) $(TAKEN_OVER_OBJ)
	$(TAKEN_OVER_LINK) -o $@ $^

# This VMM with FILE, below src/vmm, replaced by SOURCE (tests/guest/escape-mutants.slow.t).
.PHONY: taken-over-mutant
taken-over-mutant: $(VMM_OBJ) $(TAKEN_OVER_OBJ)
	$(CC_RV) $(VMM_CFLAGS) -I$(TOP)/src/vmm -c -o $(OUTPUT).o $(SOURCE)
	$(TAKEN_OVER_LINK) -s -o $(OUTPUT) $(OUTPUT).o $(filter-out %/src/vmm/$(FILE).o,$^)

# The program that runs it and observes it from outside.
$(O)/tests/vmm/sandbox_probe: $(TOP)/tests/vmm/sandbox_probe.c $(COMPILED_BY) | uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(PROG_CFLAGS) -o $@ $<

-include $(sort $(VMM_TEST_OBJ:.o=.d) $(VMM_TEST_SAVE_OBJ:.o=.d) \
	$(patsubst %,$(O)/tests/vmm/test_%.d,save save_disk save_file) $(VMM_TEST_BOUNDS_OBJ:.o=.d) \
	$(patsubst %,$(O)/tests/vmm/%.d,test_watchdog watchdog test_machine machine taken_over.rv))
