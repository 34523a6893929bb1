# SPDX-License-Identifier: MIT
#
# rules.mk - programs of the KVM user API alone, for hyperscope and for Linux KVM.

KVM_TEST_PROGS := $(patsubst $(TOP)/tests/kvm/%.c,$(O)/tests/kvm/%,$(wildcard $(TOP)/tests/kvm/*.c))

tests: $(KVM_TEST_PROGS)

$(O)/tests/kvm/%: $(TOP)/tests/kvm/%.c $(TOP)/tests/kvm/guest.h | uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(PROG_CFLAGS) $(WARN) -o $@ $<
