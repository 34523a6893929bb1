# SPDX-License-Identifier: MIT
#
# Makefile - builds hyperscope: the host kernel with the core, the VMM, payloads, tools, tests.
#
# `make help` lists what it is called for. All output is below $(O): O=DIR builds elsewhere, and a
# read-only checkout is fine. A room's own rules stand in its rules.mk.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.SECONDEXPANSION:

TOP := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
override O := $(abspath $(or $(O),$(TOP)/build))
ifneq ($(words $(TOP) $(O)),2)
$(error make takes no blank in a path: build in another folder than $(CURDIR), O=$(O))
endif

# One line a step; V=1 shows the commands themselves. In a recipe a compiler's name announces what
# it makes, so no room's rules have to.
ifndef V
.SILENT:
say = $(if $@,$(info $()  $1 $(patsubst $(O)/%,%,$@)))
endif

CROSS_COMPILE ?= riscv64-linux-gnu-
CC_RV = $(call say,CC   )$(CROSS_COMPILE)gcc
OBJCOPY_RV = $(call say,COPY )$(CROSS_COMPILE)objcopy
STRIP_RV := $(CROSS_COMPILE)strip
HOSTCC ?= gcc
HOST_CC = $(call say,HOSTCC)$(HOSTCC)

# What scripts/hyperscope setup put there: Linux's UAPI headers of trixie, and libfdt's source.
UAPI ?= $(O)/uapi
LIBFDT_SRC ?= $(O)/libfdt
UAPI_CFLAGS := -isystem $(UAPI)/usr/include -isystem $(UAPI)/usr/lib/linux/uapi/riscv
# In a tree that scripts/hyperscope lab made, every file knows the stops.
UAPI_CFLAGS += $(if $(wildcard $(TOP)/lab.json),-include $(TOP)/src/include/hv/lab.h)

# No image says in which folder it was built: the same sources are the same bytes. Programs keep their
# debug information, whose folder is TOP itself; the last map that fits counts.
PATHLESS := -ffile-prefix-map=$(TOP)/= \
	$(foreach dir,$(UAPI) $(LIBFDT_SRC),$(patsubst %,-ffile-prefix-map=%=$(notdir $(dir)),$(sort $(dir) $(realpath $(dir)))))
PROGRAM_PATHLESS := -fdebug-prefix-map=$(TOP)=. $(PATHLESS)

WARN := -Wall -Wextra -Werror -Wshadow -Wvla -Wundef -Wmissing-prototypes -Wstrict-prototypes \
	-Wno-sign-compare

.DEFAULT_GOAL := all
all: kernel guest-initrd

# What is compiled for RISC-V depends on this file, which is written anew when the compiler or a flag
# changes: else a build folder of last week's flags is measured, whose bytes a clean clone does not
# have. Folders are left out: the images do not hold them either.
COMPILED_BY := $(O)/gen/compiled-by
$(COMPILED_BY): look-at-flags
	@mkdir -p $(@D)
	{ $(CROSS_COMPILE)gcc --version | head -n 1; \
	  echo '$(subst $(TOP),TOP,$(subst $(O),O,$(ALL_FLAGS)))'; } >$@.now
	cmp -s $@.now $@ || cp $@.now $@
.PHONY: look-at-flags

# ---- host kernel: src/host + src/kvm --------------------------------------------------------

KERNEL_ARCH := -march=rv64imac_zicsr_zifencei -mabi=lp64 -mcmodel=medany
KERNEL_CFLAGS := -std=gnu11 -O2 -g -ffreestanding -fno-pie -fno-stack-protector -fno-strict-aliasing \
	-fno-common -fno-asynchronous-unwind-tables -fno-unwind-tables -msmall-data-limit=0 $(KERNEL_ARCH) \
	-nostdinc -isystem $(TOP)/src/host/libc \
	-isystem $(shell $(CC_RV) -print-file-name=include 2>/dev/null) $(UAPI_CFLAGS) \
	-I$(TOP)/src/include -I$(TOP)/trace -I$(O)/gen $(PATHLESS)
KERNEL_ASFLAGS := $(KERNEL_CFLAGS) -Wa,-march=rv64imafdch_zicsr_zifencei_svinval

KERNEL_SRC := $(sort $(patsubst $(TOP)/%,%,$(wildcard $(TOP)/src/host/*.[cS] $(TOP)/src/host/*/*.[cS] $(TOP)/src/kvm/*.[cS] $(TOP)/src/kvm/*/*.[cS])))
KERNEL_SRC := $(filter-out %/offsets.c,$(KERNEL_SRC))
KERNEL_OBJ := $(patsubst %,$(O)/kernel/%.o,$(KERNEL_SRC))
LIBFDT_FILES := fdt fdt_ro fdt_addresses fdt_strerror fdt_wip fdt_rw fdt_sw fdt_empty_tree
KERNEL_LIBFDT := $(patsubst %,$(O)/kernel/libfdt/%.o,$(LIBFDT_FILES))
OFFSETS := $(O)/gen/host_offsets.h $(patsubst %,$(O)/gen/kvm_offsets.h,$(wildcard $(TOP)/src/kvm/offsets.c))
# Tools read them, too (scripts/hs/run/hung.py): make is not to delete them as intermediate files.
.SECONDARY: $(OFFSETS) $(OFFSETS:.h=.s)

kernel: $(O)/hyperscope.bin

$(O)/hyperscope.bin: $(O)/hyperscope.elf
	$(OBJCOPY_RV) -O binary $< $@

$(O)/hyperscope.elf: $(KERNEL_OBJ) $(KERNEL_LIBFDT) $(TOP)/src/host/kernel.ld
	$(CC_RV) $(KERNEL_ARCH) -nostdlib -static -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-z,norelro \
		-T $(TOP)/src/host/kernel.ld -o $@ $(filter %.o,$^)
	{ cat $(TOP)/.commit || git -C $(TOP) describe --always --dirty=+ || echo unknown; } >$(O)/hyperscope.commit 2>/dev/null

AREA_host := -iquote $(TOP)/src/host -I$(LIBFDT_SRC)
AREA_kvm := -iquote $(TOP)/src/kvm -Wconversion
$(O)/kernel/src/host/%.o: private AREA := $(AREA_host)
$(O)/kernel/src/kvm/%.o: private AREA := $(AREA_kvm)
# gcc turns a tail call into a loop at -O2; then the recursive walker would not recurse.
$(O)/kernel/src/kvm/mmu/gstage_rec.c.o: private AREA += -fno-optimize-sibling-calls

# A handful of cases: two comparisons are fewer instructions than a table of addresses, and no load.
$(O)/kernel/src/kvm/sbi/sbi_base.c.o: private AREA += -fno-jump-tables

# What these two have of their own stands here and nowhere else.
$(O)/kernel/src/kvm/mmu/gstage_rec.c.o $(O)/kernel/src/kvm/sbi/sbi_base.c.o: $(TOP)/Makefile

$(O)/kernel/%.c.o: $(TOP)/%.c $(COMPILED_BY) | $(OFFSETS) uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(KERNEL_CFLAGS) $(WARN) $(AREA) -MMD -MP -c -o $@ $<

$(O)/kernel/%.S.o: $(TOP)/%.S $(COMPILED_BY) | $(OFFSETS)
	@mkdir -p $(@D)
	$(CC_RV) $(KERNEL_ASFLAGS) $(AREA) -D__ASSEMBLY__ -MMD -MP -c -o $@ $<

$(O)/kernel/libfdt/%.o: $(LIBFDT_SRC)/%.c $(COMPILED_BY)
	@mkdir -p $(@D)
	$(CC_RV) $(KERNEL_CFLAGS) -w -I$(LIBFDT_SRC) -c -o $@ $<

# offsets.c holds DEFINE(NAME, value) lines; the compiler computes them, sed makes #defines.
# The header changes when a value does, so that not every header of the C files is one of the assembly's.
$(O)/gen/%_offsets.s: $(TOP)/src/%/offsets.c $(COMPILED_BY)
	@mkdir -p $(@D)
	$(CC_RV) $(KERNEL_CFLAGS) -I$(TOP)/src/$* -I$(TOP)/src/host -MMD -MP -MT $@ -MF $@.d -S -o $@ $<

$(O)/gen/%_offsets.h: $(O)/gen/%_offsets.s
	sed -nE 's/^[[:space:]]*\.ascii "->([A-Za-z0-9_]+) ([-0-9]+)".*/#define \1 \2/p' $< >$@.now
	cmp -s $@.now $@ || cp $@.now $@

.PHONY: all kernel uapi-present
uapi-present:
	@test -d $(UAPI)/usr/include/linux || { echo "make: no kernel headers in $(UAPI): run scripts/hyperscope setup run" >&2; exit 1; }

# ---- the Linux guest's initrd; without the fetched packages there is none, and that is fine -----

GUEST_DIR ?= $(O)/guest
INITRD_PARTS := $(wildcard $(GUEST_DIR)/busybox $(GUEST_DIR)/modules/order)

.PHONY: guest-initrd
guest-initrd: $(if $(INITRD_PARTS),$(O)/guest-initrd.cpio)

$(O)/guest-initrd.cpio: $(INITRD_PARTS) $(wildcard $(TOP)/scripts/guest/* $(TOP)/scripts/hs/commands/mkinitrd.py \
		$(TOP)/scripts/hs/run/cpio.py)
	$(call say,INITRD)$(TOP)/scripts/hyperscope mkinitrd --guest $(GUEST_DIR) --strip $(STRIP_RV) --output $@

-include $(shell find $(O)/kernel $(O)/gen -name '*.d' 2>/dev/null)

# ---- the other rooms bring their own rules ----------------------------------------------------
-include $(wildcard $(TOP)/labs/rules.mk $(TOP)/src/vmm/rules.mk $(TOP)/src/guest/rules.mk $(TOP)/trace/rules.mk $(TOP)/notebooks-data/rules.mk $(TOP)/tests/rules.mk $(TOP)/tests/*/rules.mk)

# ---- what users call: each does the set-up that it needs ----------------------------------------

GUEST ?= linux
ARGS ?=
# Not by scripts/hyperscope: set-up is what installs Python.
SETUP = $(TOP)/scripts/shell/setup --out $(O)
# A make of its own, because what set-up installed was not there when this one read its rules; under
# a lock, because somebody else may be building the same folder.
BUILD = mkdir -p $(O) && flock $(O)/build.lock $(MAKE) --no-print-directory -f $(TOP)/Makefile \
	O=$(O) $(if $(filter -j%,$(MAKEFLAGS)),,-j$$(nproc))

# Files that take long end in .slow.t, and come last. NATIVE_TESTS are the rooms' programs for the
# build machine.
ALL_TESTS = $(sort $(wildcard $(TOP)/tests/*/*.t)) $(NATIVE_TESTS)
SET ?=
TESTS ?= $(filter-out %.slow.t,$(ALL_TESTS))
SLOW_TESTS = $(filter %.slow.t,$(ALL_TESTS))

TIME ?= 60
FUZZ ?=

.PHONY: run gdb walk test test-all kselftest check fuzz trace report anatomy tools setup clean distclean help
run:
	$(SETUP) $(if $(filter hello,$(GUEST)),--no-guest) run
	+$(BUILD) all
	$(TOP)/scripts/hyperscope run --out $(O) $(ARGS) $(GUEST)

gdb:
	$(SETUP) $(if $(filter hello,$(GUEST)),--no-guest) run
	command -v gdb-multiarch >/dev/null || $(SETUP) --no-guest test
	+$(BUILD) all
	$(TOP)/scripts/hyperscope gdb --out $(O) $(ARGS) $(GUEST)

TOUR ?=
walk:
	$(SETUP) --no-guest run
	command -v gdb-multiarch >/dev/null || $(SETUP) --no-guest test
	+$(BUILD) all
	$(TOP)/scripts/hyperscope walk --out $(O) $(ARGS) $(or $(TOUR),--list)

# What SET and SHARE say is looked at before anything is fetched or built.
ASKED = $(if $(SET)$(SHARE),HYPERSCOPE_SET="$$HYPERSCOPE_SET $(SET)" $(TOP)/tests/toggles/rows --check --share "$(or $(SHARE),1/1)")

test:
	$(ASKED)
	$(SETUP) test check kselftest
	+$(BUILD) all tests
	$(TOP)/tests/run --out $(O) $(SET:%=--set %) $(TESTS)

test-all:
	$(ASKED)
	$(SETUP) test check kselftest apps browser readers notebooks
	+$(BUILD) all tests
	$(TOP)/tests/run --out $(O) $(SET:%=--set %) $(TESTS) $(SLOW_TESTS)

kselftest:
	$(SETUP) kselftest
	+$(BUILD) all $(O)/tests/kselftest/timed
	$(TOP)/scripts/hyperscope kselftest --out $(O) $(ARGS)

check:
	$(SETUP) --no-guest check
	+$(BUILD) all
	$(TOP)/scripts/hyperscope check --out $(O)

# Each fuzz target for TIME seconds, or those that FUZZ names.
fuzz:
	$(SETUP) --no-guest fuzz
	+$(BUILD) fuzzers
	$(TOP)/tests/fuzz/run --out $(O) --seconds $(TIME) $(FUZZ)

TRACED = test -e "$(or $(RUN),$(O)/runs/last/trace)" || { \
	echo "make: $(if $(RUN),RUN=$(RUN): no such file,there is no trace yet: make run leaves one)" >&2; exit 1; }

trace:
	$(TRACED)
	$(O)/hstrace report $(ARGS) "$(or $(RUN),$(O)/runs/last/trace)"

# The last run's trace as a page, or RUN's, beside that of WITH; ANATOMY: what scripts/hyperscope anatomy printed.
REPORT ?= $(O)/report.html
report:
	+$(BUILD) $(O)/hstrace
	$(TRACED)
	$(O)/hstrace html --out "$(REPORT)" $(ANATOMY:%=--anatomy %) $(ARGS) "$(or $(RUN),$(O)/runs/last/trace)" $(WITH)
	echo "report: $(REPORT)"

# Where inside one exit the instructions go: EXIT is a row of the bench.
SYSTEM ?= both
anatomy:
	test -n "$(EXIT)" || { echo "make: EXIT=ROW is needed, e.g. EXIT=mmio_read; scripts/hyperscope anatomy --list has the rows" >&2; exit 2; }
	$(SETUP) $(if $(filter hyperscope bare,$(SYSTEM)),--no-guest) run
	+$(BUILD) all
	$(TOP)/scripts/hyperscope anatomy --out $(O) --systems $(SYSTEM) --svg $(O)/anatomy-$(EXIT).svg $(ARGS) $(EXIT)

# Every instruction of a workload, by function: WORKLOAD is one of scripts/hyperscope profile --list.
WORKLOAD ?= boot
.PHONY: profile
profile:
	$(SETUP) $(if $(filter-out boot,$(WORKLOAD)),--no-guest) run
	+$(BUILD) all
	$(TOP)/scripts/hyperscope profile --out $(O) --svg $(O)/profile-$(WORKLOAD).svg \
		--folded $(O)/profile-$(WORKLOAD).folded $(ARGS) $(WORKLOAD)

# For clangd: a second make lists its commands without running them. It must not inherit the options of
# this one, such as the job server; it gets the variables of the command line.
COMPILE_COMMANDS ?= $(TOP)/compile_commands.json
.PHONY: compile_commands.json
compile_commands.json:
	$(SETUP) --no-guest run
	+$(BUILD) $(OFFSETS)
	env -u MAKEFLAGS -u MFLAGS $(MAKE_COMMAND) --no-print-directory -f $(TOP)/Makefile O=$(O) $(MAKEOVERRIDES) V=1 \
		--dry-run --always-make all tests $(if $(FUZZ_TARGETS),fuzzers) | $(TOP)/scripts/hyperscope compile-commands $(COMPILE_COMMANDS)

tools: $(O)/hstrace

setup:
	$(SETUP) all

clean:
	rm -rf $(filter-out $(O)/dl $(O)/uapi $(O)/libfdt $(O)/guest,$(wildcard $(O)/*))

distclean: clean
	rm -rf $(addprefix $(O)/,dl uapi libfdt guest)

.PHONY: tests
tests:

# A room's compiler with its flags, for the checks: make -s print-flags ROOM=kvm
FLAGS_host = $(KERNEL_CFLAGS) $(WARN) $(AREA_host)
FLAGS_kvm = $(KERNEL_CFLAGS) $(WARN) $(AREA_kvm)
FLAGS_include/hv = $(KERNEL_CFLAGS) $(WARN)
FLAGS_vmm = $(VMM_CFLAGS) $(WARN)
FLAGS_guest = $(PAYLOAD_CFLAGS)
ALL_FLAGS = $(foreach room,host kvm vmm guest,$(room): $(FLAGS_$(room))) $(KERNEL_ASFLAGS) $(LIBFDT_CFLAGS) $(PROG_CFLAGS)
.PHONY: print-flags
print-flags:
	echo $(CROSS_COMPILE)gcc $(FLAGS_$(ROOM))

define HELP
make            build everything below O (default: build/)
make run        set up what is missing, build, boot Debian's kernel in a VM
                  GUEST=hello|PATH  another guest
                  GUEST_CMD='...'   what its shell runs
                  ARGS='...'        options of scripts/hyperscope run
make gdb        the same machine, stopped at its start, with gdb at it
                  GUEST=hello       is quick
make walk       the walkthroughs; TOUR=null-sbi plays one: step, look, and back
                  ARGS='--auto'  without waiting for Enter
make test       set up what is missing, run every test (TESTS='files' for some)
                  SET='fp=eager'    under these toggles
make test-all   with the slow ones
                  SHARE=K/N         of combinations of toggles the K-th of N
make kselftest  Linux's own KVM selftests, in full
                  ARGS='--compare'  beside Linux KVM
make bench      what each exit costs: bare, here with each toggle, on Linux KVM
                  CPU=rv64|max      one processor (both)
                  OPENSBI=FILE      another firmware
                  ARGS='...'        of scripts/hyperscope bench, e.g. --rows mmio_read
make bench-apps     what a whole guest costs: natively, here, on Linux KVM
                  ARGS='...'        of scripts/hyperscope bench-apps, e.g. --rows boot
make bench-verify   twice: are all figures the same?
make reproduce  papers' tables and claims, measured here (docs/results.md)
                  PAPERS='names'    of some (scripts/hyperscope reproduce list)
make reproduce-verify   twice, and in another folder, as another user, under
                  load: are all figures equal to the byte?
                  ARGS='--clean bookworm'  in a bare Debian, too
make artifact   an archive of it all, with what was fetched (docs/artifact.md)
make artifact-functional  does it work here? built, run, compared: 10 minutes
make compare    this tree's exits beside another commit's: BASE=HEAD~1
                  ARGS='--rows mmio_*'  of some rows
make figures    what was measured, drawn (SVG, OUT/figures)
                  FIGURES='names'   some (scripts/hyperscope figures --list)
make sweep      a table of parameters, each combination a job (docs/sweep.md)
                  FILE=notebooks-data/sweeps/walkers.toml
                  ARGS='--engine slurm'  by another engine
make notebooks  notebooks-data/notebooks, run: HTML, figures (OUT/notebooks)
                  NOTEBOOKS='names' some (scripts/hyperscope notebooks --list)
make walk-cost  what operations on a guest's page table cost, by either walker
make irqs-off   the longest stretch without an interrupt taken, by path
                  ARGS='sparse'     of some operations only
make tlb-model  what walks and fences cost, counted in a model of the TLB
make anatomy    where inside EXIT=mmio_read instructions go, here and on Linux
                  SYSTEM=hyperscope  only here   ARGS='--way'  in order, too
make profile    every instruction of a boot, by function: a flame graph
                  WORKLOAD=mmio_read  of a row of the bench, or a payload
make check      warnings, format, static analysis, citations, sizes
make fuzz       each fuzz target for TIME=60 seconds (FUZZ='names' for some)
make trace      the last run's trace as text (RUN=FILE: of another)
                  ARGS='--vcpu 1'   of one vCPU
make report     the last run's trace as a page for the browser
                  RUN=FILE  another trace   WITH=FILE  beside this one
                  ANATOMY=FILE      shown, too
make lab        NN=03 DIR=../mylab STUDENT=ID  a lab's tree (scripts/hyperscope lab --list)
make tools      the programs that read traces
make compile_commands.json  how each C file is compiled, for clangd
make setup      everything that any of these would install or fetch
make clean      remove what was built; distclean: what was fetched, too
V=1 shows commands, O=DIR builds elsewhere.
endef
help:
	$(info hyperscope $(file <$(TOP)/VERSION))$(info )$(info $(HELP)):
