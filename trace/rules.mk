# SPDX-License-Identifier: MIT
#
# rules.mk - hstrace, the reader of traces, and two plugins for QEMU: for the build machine.

HSTRACE_SRC := $(sort $(wildcard $(TOP)/trace/hst*.c) $(wildcard $(TOP)/trace/html_*.c))
HSTRACE_HDR := $(wildcard $(TOP)/trace/*.h $(TOP)/trace/*.def $(TOP)/trace/report* $(TOP)/src/include/hv/* \
	$(TOP)/src/host/proc/syscall.def)
HSTRACE_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g $(WARN) -I$(TOP)/trace -I$(TOP)/src/include
HSTRACE_LIBS := -lm

all: $(O)/hstrace $(O)/anatomy.so $(O)/irqs_off.so

$(O)/hstrace: $(HSTRACE_SRC) $(HSTRACE_HDR)
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) $(HSTRACE_CFLAGS) -o $@ $(HSTRACE_SRC) $(HSTRACE_LIBS)

# The plugins of scripts/anatomy and scripts/irqs-off, for the QEMU of the build machine.
$(O)/anatomy.so $(O)/irqs_off.so: $(O)/%.so: $(TOP)/trace/%.c $(TOP)/trace/qemu_plugin.h
	@mkdir -p $(@D)
	$(call say,HOSTCC)$(HOSTCC) -std=gnu11 -O2 -g $(WARN) -fPIC -shared -o $@ $<
