# SPDX-License-Identifier: MIT
#
# rules.mk - build the programs that test whether /dev/kvm behaves like Linux's. Each .c file in
# this folder becomes a static program $(O)/tests/kvm-api/NAME. The .t files in this folder run the
# programs, on hyperscope and on Linux KVM.

KVM_API_DIR := $(TOP)/tests/kvm-api
KVM_API_PROGS := $(patsubst $(KVM_API_DIR)/%.c,$(O)/tests/kvm-api/%,$(wildcard $(KVM_API_DIR)/*.c))

tests: $(KVM_API_PROGS)

$(O)/tests/kvm-api/%: $(KVM_API_DIR)/%.c $(TOP)/tests/rules.mk $(wildcard $(KVM_API_DIR)/*.rec) $(COMPILED_BY) | uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(PROG_CFLAGS) $(WRITE_DEPS) -I$(TOP)/src/include -I$(TOP)/tests/linux-abi -o $@ $<

# For programs of several files, whose dependencies the compiler does not write.
KVM_API_HEADERS := $(TOP)/tests/linux-abi/tap.h $(wildcard $(KVM_API_DIR)/*.h $(TOP)/src/include/hv/*.h $(TOP)/src/include/hv/*.def)

# The walk over /dev/kvm is one program of several files. `make record-walk` runs the same program
# on Linux KVM and records the results; it needs what scripts/hyperscope setup fetches for a Linux
# guest.
WALK_SRC := $(wildcard $(KVM_API_DIR)/walk/*.c)

tests: $(O)/tests/kvm-api/walk

$(O)/tests/kvm-api/walk: $(WALK_SRC) $(KVM_API_DIR)/walk/walk.h $(KVM_API_HEADERS) $(COMPILED_BY) | uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(PROG_CFLAGS) -Wno-missing-field-initializers -I$(TOP)/src/include -I$(TOP)/tests/linux-abi -o $@ $(WALK_SRC)

# Random VMMs: the choices of the fuzz target `ioctl` (tests/fuzz), with real processes and guests.
RANDOM_SRC := $(wildcard $(KVM_API_DIR)/random/*.c) $(patsubst %,$(TOP)/tests/native/any_%.c,irqchip sbi vmm)

tests: $(O)/tests/kvm-api/random

$(O)/tests/kvm-api/random: $(RANDOM_SRC) $(KVM_API_DIR)/random/random.h $(wildcard $(TOP)/tests/native/any_vmm*.h $(TOP)/src/kvm/*.def) \
		$(KVM_API_HEADERS) $(COMPILED_BY) | uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(PROG_CFLAGS) -Wno-missing-field-initializers -I$(TOP)/src/include -I$(TOP)/src/kvm -I$(TOP)/tests/linux-abi -o $@ $(RANDOM_SRC)

.PHONY: record-walk
record-walk: $(O)/tests/kvm-api/walk
	$(TOP)/scripts/hyperscope linux-kvm exec --out $(O) $(O)/tests/kvm-api/walk >$(O)/walk.linux
	$(KVM_API_DIR)/walk.py fold <$(O)/walk.linux >$(KVM_API_DIR)/walk.linux.txt

-include $(wildcard $(O)/tests/kvm-api/*.d)
