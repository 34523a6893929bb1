# SPDX-License-Identifier: MIT
#
# rules.mk - build the trace reader hstrace and four QEMU plugins, all for the build machine.

HSTRACE_SRC := $(sort $(wildcard $(TOP)/trace/file/*.c $(TOP)/trace/hstrace/*.c $(TOP)/trace/html/*.c))
HSTRACE_HDR := $(wildcard $(TOP)/trace/*/*.h $(TOP)/trace/*.def $(TOP)/trace/html/report* $(TOP)/src/include/hv/* \
	$(TOP)/src/host/proc/syscall.def $(TOP)/src/vmm/device.def)

# hstrace export: the formats of CTF and Perfetto each need a library (packages: scripts/hyperscope
# setup, "test"). If a library is missing, hstrace is built without the format that needs it, and
# reports an error if the user asks for that format.
PKG_CONFIG ?= pkg-config
EXPORT_PERFETTO := $(wildcard $(TOP)/trace/export/perfetto*.c)
EXPORT_SRC := $(filter-out %/ctf.c $(EXPORT_PERFETTO),$(sort $(wildcard $(TOP)/trace/export/*.c)))
EXPORT_CFLAGS :=
EXPORT_GEN :=
EXPORT_LIBS :=
ifneq ($(shell $(PKG_CONFIG) --exists babeltrace2 2>/dev/null && echo yes),)
EXPORT_SRC += $(TOP)/trace/export/ctf.c
EXPORT_CFLAGS += $(shell $(PKG_CONFIG) --cflags babeltrace2)
EXPORT_LIBS += $(shell $(PKG_CONFIG) --libs babeltrace2)
endif
ifneq ($(shell $(PKG_CONFIG) --exists libprotobuf-c 2>/dev/null && command -v protoc-c),)
EXPORT_SRC += $(EXPORT_PERFETTO)
EXPORT_GEN += $(O)/gen/perfetto.pb-c.o
EXPORT_CFLAGS += -I$(O)/gen $(shell $(PKG_CONFIG) --cflags libprotobuf-c)
EXPORT_LIBS += $(EXPORT_GEN) $(shell $(PKG_CONFIG) --libs libprotobuf-c)
endif

HSTRACE_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g $(WARN) -I$(TOP)/trace -I$(TOP)/src/include
HSTRACE_LIBS := -lm

all: $(O)/hstrace $(O)/anatomy.so $(O)/irqs_off.so $(O)/locks.so $(O)/profile.so

$(O)/gen/perfetto.pb-c.c: $(TOP)/trace/export/perfetto.proto
	@mkdir -p $(@D)
	protoc-c --proto_path=$(TOP)/trace/export --c_out=$(@D) $<

$(O)/gen/perfetto.pb-c.o: $(O)/gen/perfetto.pb-c.c
	$(call say,HOSTCC)$(HOSTCC) -O2 -g $(EXPORT_CFLAGS) -c -o $@ $<

# This file changes when a library is installed or removed, so that hstrace is rebuilt.
$(O)/gen/export-libraries: export-libraries
	@mkdir -p $(@D)
	echo '$(EXPORT_LIBS)' | cmp -s - $@ || echo '$(EXPORT_LIBS)' >$@
.PHONY: export-libraries

HSTRACE_OBJ := $(patsubst $(TOP)/%.c,$(O)/%.o,$(HSTRACE_SRC) $(EXPORT_SRC))

$(O)/hstrace: $(O)/gen/export-libraries $(EXPORT_GEN) $(HSTRACE_OBJ)
	$(call say,HOSTLD)$(HOSTCC) -o $@ $(HSTRACE_OBJ) $(HSTRACE_LIBS) $(EXPORT_LIBS)

$(O)/trace/%.o: $(TOP)/trace/%.c $(O)/gen/export-libraries | $(EXPORT_GEN)
	@mkdir -p $(@D)
	$(HOST_CC) $(HSTRACE_CFLAGS) $(EXPORT_CFLAGS) -MMD -MP -c -o $@ $<

# page.c includes these files with .incbin, which -MMD does not see.
HSTRACE_PAGE := $(wildcard $(TOP)/trace/html/report*)
$(O)/trace/html/page.o: $(HSTRACE_PAGE)

-include $(wildcard $(HSTRACE_OBJ:.o=.d))

# The plugins of scripts/hyperscope anatomy, irqs-off, locks and profile, for the build machine's QEMU.
PLUGIN = $(call say,HOSTCC)$(HOSTCC) -std=gnu11 -O2 -g $(WARN) -I$(TOP)/src/include -fPIC -shared -o $@ $(filter %.c,$^)
PLUGIN_SHARED := $(TOP)/trace/plugin/plugin.c $(wildcard $(TOP)/trace/plugin/*.h $(TOP)/src/include/hv/cause.*)
PLUGIN_HARTS := $(TOP)/trace/plugin/harts.c
$(O)/anatomy.so: $(TOP)/trace/plugin/anatomy.c $(PLUGIN_HARTS) $(PLUGIN_SHARED)
	@mkdir -p $(@D)
	$(PLUGIN)

$(O)/irqs_off.so: $(TOP)/trace/plugin/irqs_off.c
$(O)/locks.so: $(wildcard $(TOP)/trace/plugin/lock*.c)
$(O)/irqs_off.so $(O)/locks.so: $(PLUGIN_HARTS) $(TOP)/trace/plugin/world.c $(PLUGIN_SHARED)
	@mkdir -p $(@D)
	$(PLUGIN)

$(O)/profile.so: $(wildcard $(TOP)/trace/plugin/profile*.c) $(PLUGIN_HARTS) $(PLUGIN_SHARED)
	@mkdir -p $(@D)
	$(PLUGIN)
