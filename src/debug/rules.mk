# SPDX-License-Identifier: MIT
#
# rules.mk - the debug kernel: $(O)/debug/hyperscope.bin, which checks itself (docs/testing.md).
# Included by the top Makefile. DEBUG=1 adds it to what `make` builds.
#
# It consists of the normal kernel's C files, compiled with debug.h included first, and the files of this
# folder. The linker redirects the functions of wrapped.def. Assembly and libfdt are the normal kernel's objects.

DEBUG_SRC := $(sort $(patsubst $(TOP)/%,%,$(wildcard $(TOP)/src/debug/*.[cS])))
DEBUG_C_OBJ := $(patsubst %,$(O)/debug/%.o,$(filter %.c,$(KERNEL_SRC)) $(DEBUG_SRC))
DEBUG_OBJ := $(DEBUG_C_OBJ) $(filter %.S.o,$(KERNEL_OBJ)) $(KERNEL_LIBFDT)
DEBUG_WRAPS := $(shell sed -nE 's/^(CHECKED|MAY_SLEEP|PUT)\((\w+)[,)].*/-Wl,--wrap=\2/p' $(TOP)/src/debug/wrapped.def)
DEBUG_CFLAGS := -fno-omit-frame-pointer -fno-optimize-sibling-calls -include $(TOP)/src/debug/debug.h
DEBUG_LINK = $(CC_RV) $(KERNEL_ARCH) -nostdlib -static -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-z,norelro \
	$(DEBUG_WRAPS) -T $(TOP)/src/host/kernel.ld
LOCK_CLASSES := $(O)/gen/debug/lock_classes.h

.PHONY: debug-kernel debug-checkers
debug-kernel: $(O)/debug/hyperscope.bin
debug-checkers: $(patsubst %,$(O)/debug/%.o,$(DEBUG_SRC)) # only the files of this folder, for compile_commands.json
ifneq ($(filter-out 0 1,$(DEBUG)),)
$(error DEBUG=$(DEBUG): the values are 0 and 1)
endif
all: $(if $(filter 1,$(DEBUG)),debug-kernel)

$(O)/debug/hyperscope.bin: $(O)/debug/hyperscope.elf
	$(OBJCOPY_RV) -O binary $< $@

$(O)/debug/hyperscope.elf: $(DEBUG_OBJ) $(TOP)/src/host/kernel.ld $(TOP)/src/debug/wrapped.def $(TOP)/src/debug/rules.mk
	$(DEBUG_LINK) -o $@ $(filter %.o,$^)

DEBUG_AREA_host := -DDEBUG_HOST $(AREA_host)
$(O)/debug/src/host/%.o: private AREA := $(DEBUG_AREA_host)
$(O)/debug/src/kvm/%.o: private AREA := $(AREA_kvm)
AREA_debug := $(DEBUG_AREA_host) -I$(O)/gen/debug -iquote $(TOP)/src/debug -iquote $(TOP)/src/kvm
$(O)/debug/src/debug/%.o: private AREA := $(AREA_debug)
$(O)/debug/src/debug/shadow.c.o: private AREA := $(AREA_kvm) -iquote $(TOP)/src/debug
$(O)/debug/src/host/sched/mutex.c.o $(O)/debug/src/host/kvm_host.c.o: private AREA += -DDEFINES_MUTEX
# The pages that shortage.c withholds are free before and afterwards, so they need no quarantine.
$(O)/debug/src/host/mm/shortage.c.o: private AREA += -Dpage_free=__real_page_free
# mapped.c searches shadow tables in another way than the tables that gstage_init() registers.
$(O)/debug/src/kvm/mmu/shadow.c.o: private AREA += -Dgstage_init=__real_gstage_init
# Its inline assembly needs the register of the frame pointer.
NO_FRAME_POINTER := src/kvm/exit/run.c
$(NO_FRAME_POINTER:%=$(O)/debug/%.o): private AREA += -fomit-frame-pointer
$(O)/debug/src/kvm/mmu/gstage_rec.c.o: private AREA += -fno-optimize-sibling-calls
$(O)/debug/src/debug/lock.c.o: $(LOCK_CLASSES)

$(O)/debug/%.c.o: $(TOP)/%.c $(COMPILED_BY) $(TOP)/src/debug/rules.mk | $(OFFSETS) uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(KERNEL_CFLAGS) $(DEBUG_CFLAGS) $(WARN) $(AREA) -MMD -MP -c -o $@ $<

$(O)/debug/%.S.o: $(TOP)/%.S $(COMPILED_BY)
	@mkdir -p $(@D)
	$(CC_RV) $(KERNEL_ASFLAGS) $(AREA) -D__ASSEMBLY__ -MMD -MP -c -o $@ $<

# The places that take locks, and their classes. The header is rewritten only if it changes.
$(LOCK_CLASSES): $(addprefix $(TOP)/,$(filter %.c,$(KERNEL_SRC))) $(TOP)/docs/locking.md $(TOP)/scripts/hs/lock_classes.py \
		$(TOP)/scripts/hs/commands/locks.py
	@mkdir -p $(@D)
	$(call say,LOCKS)PYTHONPATH=$(TOP)/scripts python3 -B -m hs.lock_classes >$@.now
	cmp -s $@.now $@ || cp $@.now $@

# Build a debug kernel with a mistake, for tests/debug: FILE of the tree is replaced by SOURCE. OUTPUT: a folder.
.PHONY: debug-mutant
debug-mutant: MUTANT_OBJ = $(O)/debug/$(FILE).o $(O)/debug/src/debug/lock.c.o
debug-mutant: MUTANT_CFLAGS = $(KERNEL_CFLAGS) $(DEBUG_CFLAGS) $(if $(filter $(NO_FRAME_POINTER),$(FILE)),-fomit-frame-pointer) \
	-w -iquote $(TOP)/$(dir $(FILE))
debug-mutant:
	mkdir -p $(OUTPUT)/debug
	PYTHONPATH=$(TOP)/scripts python3 -B -m hs.lock_classes $(FILE)=$(SOURCE) >$(OUTPUT)/lock_classes.h
	{ echo '#line 1 "$(FILE)"'; cat $(SOURCE); } >$(OUTPUT)/mutant.c
	$(CC_RV) $(MUTANT_CFLAGS) $(if $(filter src/kvm/%,$(FILE)),$(AREA_kvm),$(DEBUG_AREA_host)) -c -o $(OUTPUT)/mutant.o \
		$(OUTPUT)/mutant.c
	$(CC_RV) $(MUTANT_CFLAGS) $(DEBUG_AREA_host) -I$(OUTPUT) -c -o $(OUTPUT)/lock.o $(TOP)/src/debug/lock.c
	$(DEBUG_LINK) -o $(OUTPUT)/debug/hyperscope.elf $(OUTPUT)/mutant.o $(OUTPUT)/lock.o $(filter-out $(MUTANT_OBJ),$(DEBUG_OBJ))
	$(OBJCOPY_RV) -O binary $(OUTPUT)/debug/hyperscope.elf $(OUTPUT)/debug/hyperscope.bin

-include $(DEBUG_C_OBJ:.o=.d)
