# SPDX-License-Identifier: MIT
#
# rules.mk - payloads: $(O)/guest-payloads/NAME.{elf,bin}. There is one payload for hello.c and one
# for each NAME.c in tour/ and tests/guest; a NAME.S beside NAME.c is part of its payload. The files
# in bench/ are one payload, and so are those in equivalence/ and in tests/guest/nested/. Included by the top Makefile. The
# payloads need only a cross compiler (no libc, no fetched source).

PAYLOAD_DIR := $(O)/guest-payloads
PAYLOAD_MAIN := $(patsubst $(TOP)/%,%,$(wildcard $(TOP)/src/guest/hello.c \
	$(TOP)/src/guest/tour/*.c $(TOP)/src/guest/bench/bench.c \
	$(TOP)/src/guest/equivalence/equivalence.c $(TOP)/src/workload/smoke.c $(TOP)/tests/guest/nested/nested.c \
	$(TOP)/tests/guest/*.c))
PAYLOAD_NAMES := $(notdir $(PAYLOAD_MAIN:.c=))
PAYLOAD_BINS := $(PAYLOAD_NAMES:%=$(PAYLOAD_DIR)/%.bin)
PAYLOAD_RT := start.S rt.c sbi.c trap.c fdt.c smp.c paging.c disk.c irqchip.c tap.c
PAYLOAD_RT_OBJS := $(PAYLOAD_RT:%=$(PAYLOAD_DIR)/obj/src/guest/%.o)

PAYLOAD_CFLAGS := -std=gnu11 -O2 -g -ffreestanding -fno-pie -fno-stack-protector \
	-fno-strict-aliasing -fno-common -fno-asynchronous-unwind-tables -fno-unwind-tables \
	-fno-tree-loop-distribute-patterns -march=rv64imac_zicsr_zifencei -mabi=lp64 \
	-mcmodel=medany -msmall-data-limit=0 -nostdinc \
	-isystem $(shell $(CC_RV) -print-file-name=include 2>/dev/null) \
	-I$(TOP)/src/guest -I$(TOP)/src/include $(PATHLESS) \
	-Wall -Wextra -Werror -Wshadow -Wvla -Wundef -Wmissing-prototypes -Wstrict-prototypes

.PHONY: guest-payloads
all: guest-payloads
guest-payloads: $(PAYLOAD_BINS)

$(PAYLOAD_DIR)/obj/%.c.o: $(TOP)/%.c $(COMPILED_BY)
	@mkdir -p $(@D)
	$(CC_RV) $(PAYLOAD_CFLAGS) -MMD -MP -c -o $@ $<

$(PAYLOAD_DIR)/obj/%.S.o: $(TOP)/%.S $(COMPILED_BY)
	@mkdir -p $(@D)
	$(CC_RV) $(PAYLOAD_CFLAGS) -MMD -MP -c -o $@ $<

# payload-objs NAME.c: the objects of NAME.c and of NAME.S, if any; in a folder of the same name, the
# objects of all its files.
payload-objs = $(patsubst $(TOP)/%,$(PAYLOAD_DIR)/obj/%.o,$(if $(findstring /$(basename $(notdir $(1)))/,$(1)), \
	$(wildcard $(TOP)/$(dir $(1))*.[cS]),$(TOP)/$(1) $(wildcard $(TOP)/$(1:.c=.S))))

define payload-rule
$(PAYLOAD_DIR)/$(notdir $(1:.c=)).elf: $(call payload-objs,$(1)) $(PAYLOAD_RT_OBJS) \
		$(TOP)/src/guest/payload.lds
	$$(CC_RV) -nostdlib -static -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments \
		-T $(TOP)/src/guest/payload.lds -o $$@ $$(filter %.o,$$^)
endef
$(foreach c,$(PAYLOAD_MAIN),$(eval $(call payload-rule,$(c))))

$(PAYLOAD_DIR)/%.bin: $(PAYLOAD_DIR)/%.elf
	$(OBJCOPY_RV) -O binary $< $@

-include $(shell find $(PAYLOAD_DIR)/obj -name '*.d' 2>/dev/null)

# Run all comparisons, or those that ARGS selects (scripts/hyperscope bench --help). Each --cpu adds
# a processor, so the default one is added only if ARGS does not contain --cpu.
BENCH_CSV := $(TOP)/notebooks-data/exit-latency.csv
BENCH = $(TOP)/scripts/hyperscope bench --out $(O) $(if $(filter --cpu --cpu=%,$(ARGS)),,--cpu $(or $(CPU),both)) \
	$(if $(FIRMWARE),--firmware $(FIRMWARE))
BENCH_ALL := all --toggles
BENCH_MODULE = $(if $(ARGS),$(filter module all,$(ARGS)),yes)
# Measure applications in a complete guest, which runs natively and in a VM (scripts/guest/apps).
APPS_CSV := $(TOP)/notebooks-data/applications.csv
BENCH_APPS = $(TOP)/scripts/hyperscope bench-apps --out $(O)
# Measure guests of guests (docs/nested.md): exits, the exits that each of them causes, and applications. The rows of the
# group hypervisor take five minutes in L2; the applications take as long.
NESTED_CSV := $(TOP)/notebooks-data/nested.csv
NESTED_APPS := boot,fork_exec,hackbench,cyclictest,files_tmpfs,blk
NESTED_ROWS := sbi_version,sbi_user,mmio_read,fault_4k_present,fault_4k_fresh,run_vcpus,wfi_pending,virtual_insn,h_*,l2_*
.PHONY: bench bench-apps bench-nested bench-verify kvm-history
bench:
	$(if $(filter command%,$(origin OPENSBI)),$(error OPENSBI=$(OPENSBI): the variable's name is now FIRMWARE))
	$(SETUP) $(if $(ARGS),$(if $(filter linux module all,$(ARGS)),,--no-guest)) run $(if $(ARGS),,apps)
	$(if $(ARGS),,$(SETUP) linux-newest || echo "bench: the newest Linux is not measured" >&2)
	$(if $(BENCH_MODULE),$(SETUP) linux-module)
	+$(BUILD) all $(O)/tests/kvm/bench_turns $(if $(BENCH_MODULE),linux-module-only)
	mkdir -p $(dir $(BENCH_CSV))
	$(BENCH) $(or $(ARGS),$(BENCH_ALL) --csv $(BENCH_CSV))
	$(if $(ARGS),,$(BENCH_APPS) --csv $(APPS_CSV))

bench-apps:
	$(SETUP) run apps
	+$(BUILD) all
	$(BENCH_APPS) $(or $(ARGS),--csv $(APPS_CSV))

bench-nested:
	$(SETUP) run linux-newest apps
	+$(BUILD) all $(O)/tests/kvm/bench_turns
	$(TOP)/scripts/hyperscope bench --out $(O) hyperscope nested nested_linux --toggle nacl --toggle nested_switch --toggle shadow --rows '$(NESTED_ROWS)' $(or $(ARGS),--csv $(NESTED_CSV))
	$(if $(ARGS),,$(TOP)/scripts/hyperscope bench-levels --out $(O) --csv $(O)/bench-levels.csv)
	$(if $(ARGS),,$(BENCH_APPS) native hyperscope nested --rows $(NESTED_APPS) --csv $(O)/bench-nested-apps.csv)
	$(if $(ARGS),,tail -q -n +2 $(O)/bench-levels.csv $(O)/bench-nested-apps.csv >>$(NESTED_CSV))

# Measure Linux KVM of these kernels (docs/kvm-history.md). The command fetches or builds those that are missing.
KERNELS := all
kvm-history:
	$(SETUP) run
	+$(BUILD) all $(O)/tests/kvm/bench_turns
	$(TOP)/scripts/hyperscope kvm-history --out $(O) $(or $(ARGS),$(KERNELS))

bench-verify:
	$(SETUP) run
	+$(BUILD) all $(O)/tests/kvm/bench_turns
	$(BENCH) $(or $(ARGS),$(BENCH_ALL)) --verify
