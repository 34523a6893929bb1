# SPDX-License-Identifier: MIT
#
# rules.mk - build the host and the core for the build machine, with the machine that machine/
# models: the fuzz target `syscalls`. It is linked with libFuzzer in $(O)/fuzz (make fuzz), with
# tests/fuzz/lib/replay.c in $(O)/tests/fuzz, and with replay.c in $(O)/tests/syscalls.

comma := ,
SYSCALLS_DIR := $(TOP)/tests/syscalls
# The kernel's own flags, but for what concerns the target; the kernel's headers are its C library.
# Most of the host is compiled with -O1, which takes half of the time of -O2; the sequences spend
# their time in the rest.
SYSCALLS_SPEED = -O1
SYSCALLS_KERNEL = -std=gnu11 $(SYSCALLS_SPEED) -g1 -ffreestanding -fno-strict-aliasing -fno-common \
	-fno-omit-frame-pointer -ffile-prefix-map=$(TOP)/= -include $(SYSCALLS_DIR)/layout.h -nostdinc \
	-isystem $(TOP)/src/host/libc $(UAPI_CFLAGS) -I$(LIBFDT_SRC) -iquote $(TOP)/src/host \
	-I$(TOP)/src/kvm -I$(TOP)/src/include -I$(TOP)/trace
SYSCALLS_MACHINE := -std=gnu11 -D_GNU_SOURCE -O2 -g1 -fno-strict-aliasing -fno-omit-frame-pointer \
	-ffile-prefix-map=$(TOP)/= -include $(SYSCALLS_DIR)/layout.h $(UAPI_CFLAGS) -I$(LIBFDT_SRC) \
	-iquote $(TOP)/src/host -I$(TOP)/src/kvm -I$(TOP)/src/include -I$(TOP)/trace -I$(NATIVE_DIR) \
	-iquote $(SYSCALLS_DIR) -iquote $(SYSCALLS_DIR)/machine
# UBSan's check for null pointers would only repeat that of the machine.
SYSCALLS_SANITIZE := -fsanitize=address,undefined -fno-sanitize=null -fno-sanitize-recover=all

# Everything but the drivers, the tracing, and what machine/ has its own version of.
SYSCALLS_SRC := $(filter-out %/procfs_trace.c %/tracefs.c %/tracefs_event.c %/trace_marker.c %/sysrq.c \
	%/sched/pmu.c %/static_key.c,$(wildcard $(patsubst %,$(TOP)/src/host/%/*.c,mm file fs proc sched) \
	$(TOP)/src/host/kvm_*.c)) \
	$(patsubst %,$(TOP)/src/host/%.c,lib/printk platform/bootargs platform/random)
SYSCALLS_OWN := $(filter-out %/replay.c %/program.c %/mutator.c,$(wildcard $(SYSCALLS_DIR)/*.c $(SYSCALLS_DIR)/machine/*.c))
SYSCALLS_CORE := $(filter-out %/offsets.c,$(wildcard $(TOP)/src/kvm/*.c $(TOP)/src/kvm/*/*.c))
SYSCALLS_MODELS := csr_model fence_model hgatp_model tlb_model trace_model unpriv_model switch_model host_pmu
SYSCALLS_WRAP := $(addprefix -Wl$(comma)--wrap=,mutex_lock mutex_lock_interruptible mutex_lock_killable \
	mutex_trylock mutex_unlock kmalloc kfree page_alloc page_alloc_zeroed page_alloc_user \
	page_alloc_user_zeroed page_alloc_zeroed_block huge_page_alloc page_free page_get page_put mm_create mm_copy)

# $(call syscalls-objects,DIR,SOURCES): their objects in DIR. The core and the models of its hardware
# are those of tests/native, except for libFuzzer.
syscalls-objects = $(patsubst $(TOP)/%.c,$1/%.o,$2)
# These two write to memory that is poisoned for everyone else (locks.c).
SYSCALLS_RAW := src/host/mm/kmalloc src/host/mm/page

define syscalls-rules # DIR, compiler, flags of the host and the core, warnings
$1/src/%.o: $(TOP)/src/%.c | uapi-present
	@mkdir -p $$(@D)
	$$(call say,CC)$2 $$(SYSCALLS_KERNEL) $(SYSCALLS_SANITIZE) $3 -w -MMD -MP -c -o $$@ $$<
# These read page tables, whose use the reference counts show, and registers, each about a million
# times a second.
$1/tests/syscalls/spaces.o $1/tests/native/csr_model.o: private SYSCALLS_SANITIZE :=
$1/tests/%.o: $(TOP)/tests/%.c | uapi-present
	@mkdir -p $$(@D)
	$$(call say,CC)$2 $(SYSCALLS_MACHINE) $$(SYSCALLS_SANITIZE) $4 -MMD -MP -c -o $$@ $$<
$(patsubst %,$1/%.o,$(SYSCALLS_RAW)): $1/%.o: $(TOP)/%.c | uapi-present
	@mkdir -p $$(@D)
	$$(call say,CC)$2 $$(SYSCALLS_KERNEL) $3 -Dmemset=raw_memset -w -MMD -MP -c -o $$@ $$<
-include $$(patsubst %.o,%.d,$$(call syscalls-objects,$1,$(SYSCALLS_SRC) $(SYSCALLS_OWN) $(SYSCALLS_CORE)))
endef

SYSCALLS_REPLAY := $(O)/tests/syscalls
$(SYSCALLS_REPLAY)/obj/src/host/mm/%.o $(SYSCALLS_REPLAY)/obj/src/host/sched/%.o: private SYSCALLS_SPEED = -O2
$(eval $(call syscalls-rules,$(SYSCALLS_REPLAY)/obj,$(HOSTCC),-isystem $(shell $(HOSTCC) -print-file-name=include 2>/dev/null),$(WARN)))
SYSCALLS_LIB = $(call syscalls-objects,$(SYSCALLS_REPLAY)/obj,$(SYSCALLS_SRC) $(SYSCALLS_OWN)) $(NATIVE_CORE) \
	$(patsubst %,$(O)/tests/native/%.o,$(filter-out csr_model,$(SYSCALLS_MODELS))) $(SYSCALLS_REPLAY)/obj/tests/native/csr_model.o
$(SYSCALLS_REPLAY)/syscalls: $(SYSCALLS_REPLAY)/obj/tests/syscalls/replay.o $(SYSCALLS_LIB)
	$(call say,HOSTLD)$(HOSTCC) $(SYSCALLS_SANITIZE) $(SYSCALLS_WRAP) -pthread -o $@ $^

SYSCALLS_FUZZ := $(FUZZ_OUT)/obj/syscalls
$(SYSCALLS_FUZZ)/src/%.o: private SYSCALLS_SPEED = -O2
$(eval $(call syscalls-rules,$(SYSCALLS_FUZZ),$(FUZZ_CC),-isystem $(shell $(FUZZ_CC) -print-resource-dir 2>/dev/null)/include $(FUZZ_PROFILE) \
	-fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp,-w))
$(FUZZ_OUT)/syscalls: $(call syscalls-objects,$(SYSCALLS_FUZZ),$(SYSCALLS_SRC) $(SYSCALLS_OWN) $(SYSCALLS_DIR)/mutator.c \
		$(SYSCALLS_CORE) $(patsubst %,$(NATIVE_DIR)/%.c,$(SYSCALLS_MODELS)))
	$(call say,FUZZLD)$(FUZZ_CC) $(SYSCALLS_SANITIZE) -fsanitize=fuzzer $(FUZZ_PROFILE) $(SYSCALLS_WRAP) -pthread -o $@ $^

# For tests/fuzz/corpus.t.
$(O)/tests/fuzz/syscalls: $(FUZZ_REPLAY) $(SYSCALLS_LIB)
	$(call say,HOSTLD)$(HOSTCC) $(SYSCALLS_SANITIZE) $(SYSCALLS_WRAP) -pthread -o $@ $^

tests: $(SYSCALLS_REPLAY)/syscalls $(O)/tests/fuzz/syscalls
fuzzers: $(FUZZ_OUT)/syscalls

# For mutants.slow.t: link the replayed target as OUTPUT, with FILE (src/host/mm/vma.c) compiled from SOURCE.
.PHONY: syscalls-mutant
syscalls-mutant:
	$(HOSTCC) $(SYSCALLS_KERNEL) $(if $(filter $(FILE:.c=),$(SYSCALLS_RAW)),-Dmemset=raw_memset,$(SYSCALLS_SANITIZE)) \
		-isystem $(shell $(HOSTCC) -print-file-name=include) -iquote $(dir $(TOP)/$(FILE)) -w -c -o $(OUTPUT).o $(SOURCE)
	$(HOSTCC) $(SYSCALLS_SANITIZE) $(SYSCALLS_WRAP) -pthread -o $(OUTPUT) $(OUTPUT).o \
		$(filter-out $(SYSCALLS_REPLAY)/obj/$(FILE:.c=.o),$(SYSCALLS_REPLAY)/obj/tests/syscalls/replay.o $(SYSCALLS_LIB))

# The same grammar as a program on the host: syscalls.slow.t.
$(SYSCALLS_REPLAY)/program: $(patsubst %,$(SYSCALLS_DIR)/%.c,program grammar values structures) $(wildcard $(SYSCALLS_DIR)/grammar*.h) $(SYSCALLS_DIR)/calls.def \
		$(TOP)/tests/linux-abi/tap.h $(COMPILED_BY) | uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(PROG_CFLAGS) -o $@ $(filter %.c,$^)

tests: $(SYSCALLS_REPLAY)/program

# ---- several harts, under TSan: harts.slow.t builds this program ----

SYSCALLS_TSAN := $(SYSCALLS_REPLAY)/tsan
SYSCALLS_HARTS := -DMACHINE_HARTS=3
SYSCALLS_TSAN_FLAGS := -fsanitize=thread --param tsan-distinguish-volatile=1 $(SYSCALLS_HARTS)
SYSCALLS_TSAN_OWN := $(patsubst %,$(SYSCALLS_DIR)/%.c,harts/cpu harts/target machine/boot machine/firmware \
	machine/mmu machine/user grammar values structures core tree)
$(SYSCALLS_TSAN)/src/%.o: $(TOP)/src/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,CC)$(HOSTCC) $(SYSCALLS_KERNEL) $(SYSCALLS_TSAN_FLAGS) \
		-isystem $(shell $(HOSTCC) -print-file-name=include) -w -MMD -MP -c -o $@ $<
$(SYSCALLS_TSAN)/tests/%.o: $(TOP)/tests/%.c | uapi-present
	@mkdir -p $(@D)
	$(call say,CC)$(HOSTCC) $(SYSCALLS_MACHINE) $(SYSCALLS_HARTS) $(WARN) -Wno-strict-prototypes -MMD -MP -c -o $@ $<
SYSCALLS_TSAN_OBJ := $(call syscalls-objects,$(SYSCALLS_TSAN),$(SYSCALLS_SRC) $(SYSCALLS_TSAN_OWN)) $(TSAN_CORE) \
	$(patsubst %,$(O)/tests/tsan/%.o,$(SYSCALLS_MODELS) tsan_volatile)
.PHONY: syscalls-harts
syscalls-harts: $(SYSCALLS_REPLAY)/harts
$(SYSCALLS_REPLAY)/harts: $(SYSCALLS_TSAN_OBJ)
	$(call say,HOSTLD)$(HOSTCC) -fsanitize=thread -Wl,--wrap=native_csr_read -pthread -o $@ $^
-include $(patsubst %.o,%.d,$(filter $(SYSCALLS_TSAN)/%,$(SYSCALLS_TSAN_OBJ)))

# For harts.slow.t, as syscalls-mutant.
.PHONY: syscalls-harts-mutant
syscalls-harts-mutant:
	$(HOSTCC) $(SYSCALLS_KERNEL) $(SYSCALLS_TSAN_FLAGS) -isystem $(shell $(HOSTCC) -print-file-name=include) \
		-iquote $(dir $(TOP)/$(FILE)) -w -c -o $(OUTPUT).o $(SOURCE)
	$(HOSTCC) -fsanitize=thread -Wl,--wrap=native_csr_read -pthread -o $(OUTPUT) $(OUTPUT).o \
		$(filter-out $(SYSCALLS_TSAN)/$(FILE:.c=.o),$(SYSCALLS_TSAN_OBJ))
