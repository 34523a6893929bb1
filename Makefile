# SPDX-License-Identifier: MIT
#
# Makefile - builds hyperscope: the host kernel with the core, the VMM, payloads, tools, tests.
#
# `make help` lists the targets for users. All build output goes below $(O) (default: build/; O=DIR
# selects another folder), so the checkout may be read-only. The rules for src/host and src/kvm are
# here; every other folder has its own in its rules.mk.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.SECONDEXPANSION:

TOP := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
override O := $(abspath $(or $(O),$(TOP)/build))
ifneq ($(words $(TOP) $(O)),2)
$(error make takes no blank in a path: neither in that of the tree, $(TOP), nor in O=$(O))
endif

# Print one line per step; V=1 shows the commands themselves. A variable that names a tool, such as
# CC_RV, prints the line when a recipe expands it, so the folders' rules need not do so.
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

# The UAPI headers of Debian trixie's kernel, and the source of libfdt. scripts/hyperscope setup
# fetches both.
UAPI ?= $(O)/uapi
LIBFDT_SRC ?= $(O)/libfdt
UAPI_INCLUDE := -isystem $(UAPI)/usr/include -isystem $(UAPI)/usr/lib/linux/uapi/riscv

# In a tree made by scripts/hyperscope lab, lab.list names the lab's source files (LAB_SRC), which
# include lab.h: it defines LAB_TODO(). The other files are compiled as they are here, so that their
# objects can be reused. Native tests include sources, so all of them include lab.h.
LAB_SRC :=
-include $(TOP)/lab.list
LAB_H := $(if $(LAB_SRC),-include $(TOP)/src/include/hv/lab.h)
UAPI_CFLAGS := $(UAPI_INCLUDE) $(LAB_H)

# No image contains the name of the folder in which it was built, so the same sources give the same
# bytes. Programs keep their debug information, in which the folder TOP itself becomes ".". gcc uses
# the last map that matches, so PATHLESS still removes TOP/ from the names of files. A fetched folder
# may be a symbolic link, and gcc may name its target.
LINKED_PATHLESS := $(foreach dir,$(UAPI) $(LIBFDT_SRC),$(patsubst %,-ffile-prefix-map=%=$(notdir $(dir)),$(filter-out $(dir),$(realpath $(dir)))))
PATHLESS := -ffile-prefix-map=$(TOP)/= \
	$(foreach dir,$(UAPI) $(LIBFDT_SRC),-ffile-prefix-map=$(dir)=$(notdir $(dir))) $(LINKED_PATHLESS)
PROGRAM_PATHLESS := -fdebug-prefix-map=$(TOP)=. $(PATHLESS)

WARN := -Wall -Wextra -Werror -Wshadow -Wvla -Wundef -Wmissing-prototypes -Wstrict-prototypes \
	-Wno-sign-compare

.DEFAULT_GOAL := all
all: kernel guest-initrd

# Everything compiled for RISC-V depends on this file, which is rewritten when the compiler or a
# flag changes. Otherwise, a benchmark could measure objects compiled with old flags, unlike those
# of a clean clone. Names of folders are left out, because the images do not contain them either.
COMPILED_BY := $(O)/gen/compiled-by
$(COMPILED_BY): look-at-flags
	@mkdir -p $(@D)
	{ $(CROSS_COMPILE)gcc --version | head -n 1; \
	  echo '$(subst $(TOP),TOP,$(subst $(O),O,$(filter-out $(LINKED_PATHLESS),$(ALL_FLAGS))))'; } >$@.now
	cmp -s $@.now $@ || cp $@.now $@
.PHONY: look-at-flags

# ---- host kernel: src/host + src/kvm --------------------------------------------------------

KERNEL_ARCH := -march=rv64imac_zicsr_zifencei -mabi=lp64 -mcmodel=medany
KERNEL_CFLAGS := -std=gnu11 -O2 -g -ffreestanding -fno-pie -fno-stack-protector -fno-strict-aliasing \
	-fno-common -fno-asynchronous-unwind-tables -fno-unwind-tables -msmall-data-limit=0 $(KERNEL_ARCH) \
	-nostdinc -isystem $(TOP)/src/host/libc \
	-isystem $(shell $(CC_RV) -print-file-name=include 2>/dev/null) $(UAPI_INCLUDE) \
	-I$(TOP)/src/include -I$(TOP)/trace -I$(O)/gen $(PATHLESS)
KERNEL_ASFLAGS := $(KERNEL_CFLAGS) -Wa,-march=rv64imafdch_zicsr_zifencei_svinval

KERNEL_SRC := $(sort $(patsubst $(TOP)/%,%,$(wildcard $(TOP)/src/host/*.[cS] $(TOP)/src/host/*/*.[cS] $(TOP)/src/kvm/*.[cS] $(TOP)/src/kvm/*/*.[cS])))
KERNEL_SRC := $(filter-out %/offsets.c,$(KERNEL_SRC))
KERNEL_OBJ := $(patsubst %,$(O)/kernel/%.o,$(KERNEL_SRC))
LIBFDT_FILES := fdt fdt_ro fdt_addresses fdt_strerror fdt_wip fdt_rw fdt_sw fdt_empty_tree
KERNEL_LIBFDT := $(patsubst %,$(O)/kernel/libfdt/%.o,$(LIBFDT_FILES))
OFFSETS := $(O)/gen/host_offsets.h $(patsubst %,$(O)/gen/kvm_offsets.h,$(wildcard $(TOP)/src/kvm/offsets.c))
# make must not delete these as intermediate files, because tools read them, too (scripts/hs/run/hung.py).
.SECONDARY: $(OFFSETS) $(OFFSETS:.h=.s)

kernel: $(O)/hyperscope.bin

$(O)/hyperscope.bin: $(O)/hyperscope.elf
	$(OBJCOPY_RV) -O binary $< $@

$(O)/hyperscope.elf: $(KERNEL_OBJ) $(KERNEL_LIBFDT) $(TOP)/src/host/kernel.ld
	$(CC_RV) $(KERNEL_ARCH) -nostdlib -static -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-z,norelro \
		-T $(TOP)/src/host/kernel.ld -o $@ $(filter %.o,$^)
	{ PYTHONPATH=$(TOP)/scripts python3 -B -c 'from hs.bench import provenance; print(provenance.commit())' || \
		echo unknown; } >$(O)/hyperscope.commit 2>/dev/null

AREA_host := -iquote $(TOP)/src/host -I$(LIBFDT_SRC)
AREA_kvm := -iquote $(TOP)/src/kvm -Wconversion
$(O)/kernel/src/host/%.o: private AREA := $(AREA_host)
$(O)/kernel/src/kvm/%.o: private AREA := $(AREA_kvm)
# At -O2, gcc turns a tail call into a loop, and then the recursive walker would not recurse.
$(O)/kernel/src/kvm/mmu/gstage_rec.c.o: private AREA += -fno-optimize-sibling-calls

# With so few cases, comparisons take fewer instructions than a jump table, and need no load.
$(O)/kernel/src/kvm/sbi/sbi_base.c.o: private AREA += -fno-jump-tables

# $(COMPILED_BY) does not cover the extra flags of these two files, so their objects depend on this
# Makefile. For the same reason, those of a lab's files depend on the list of these files.
$(O)/kernel/src/kvm/mmu/gstage_rec.c.o $(O)/kernel/src/kvm/sbi/sbi_base.c.o: $(TOP)/Makefile
LAB_OBJ := $(foreach dir,kernel debug user,$(LAB_SRC:%=$(O)/$(dir)/%.o))
$(LAB_OBJ): private AREA += $(LAB_H)
$(LAB_OBJ): $(TOP)/lab.list

$(O)/kernel/%.c.o: $(TOP)/%.c $(COMPILED_BY) | $(OFFSETS) uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(KERNEL_CFLAGS) $(WARN) $(AREA) -MMD -MP -c -o $@ $<

$(O)/kernel/%.S.o: $(TOP)/%.S $(COMPILED_BY) | $(OFFSETS)
	@mkdir -p $(@D)
	$(CC_RV) $(KERNEL_ASFLAGS) $(AREA) -D__ASSEMBLY__ -MMD -MP -c -o $@ $<

$(O)/kernel/libfdt/%.o: $(LIBFDT_SRC)/%.c $(COMPILED_BY)
	@mkdir -p $(@D)
	$(CC_RV) $(KERNEL_CFLAGS) -w -I$(LIBFDT_SRC) -c -o $@ $<

# offsets.c contains DEFINE(NAME, value) lines; the compiler computes the values, and sed makes
# #defines of them. The header is rewritten only when a value changes, so that a change to a C
# header does not cause all assembly to be built again.
$(O)/gen/%_offsets.s: $(TOP)/src/%/offsets.c $(COMPILED_BY) | uapi-present
	@mkdir -p $(@D)
	$(CC_RV) $(KERNEL_CFLAGS) -I$(TOP)/src/$* -I$(TOP)/src/host -MMD -MP -MT $@ -MF $@.d -S -o $@ $<

$(O)/gen/%_offsets.h: $(O)/gen/%_offsets.s
	sed -nE 's/^[[:space:]]*\.ascii "->([A-Za-z0-9_]+) ([-0-9]+)".*/#define \1 \2/p' $< >$@.now
	cmp -s $@.now $@ || cp $@.now $@

.PHONY: all kernel uapi-present
uapi-present:
	@test -d $(UAPI)/usr/include/linux || { echo "make: no kernel headers in $(UAPI): run scripts/hyperscope setup run" >&2; exit 1; }

# ---- the Linux guest's initrd; not built if its packages have not been fetched ------------------

GUEST_DIR ?= $(O)/guest
INITRD_PARTS := $(wildcard $(GUEST_DIR)/busybox $(GUEST_DIR)/modules/order)

.PHONY: guest-initrd
guest-initrd: $(if $(INITRD_PARTS),$(O)/guest-initrd.cpio)

$(O)/guest-initrd.cpio: $(INITRD_PARTS) $(wildcard $(TOP)/scripts/guest/* $(TOP)/scripts/hs/commands/mkinitrd.py \
		$(TOP)/scripts/hs/run/cpio.py)
	$(call say,INITRD)$(TOP)/scripts/hyperscope mkinitrd --guest $(GUEST_DIR) --strip $(STRIP_RV) --output $@

-include $(shell find $(O)/kernel $(O)/gen -name '*.d' 2>/dev/null)

# ---- rules of the other folders ---------------------------------------------------------------
-include $(wildcard $(TOP)/labs/rules.mk $(TOP)/src/vmm/rules.mk $(TOP)/src/debug/rules.mk $(TOP)/src/linux/rules.mk $(TOP)/src/guest/rules.mk $(TOP)/src/workload/rules.mk $(TOP)/trace/rules.mk $(TOP)/notebooks-data/rules.mk $(TOP)/tests/rules.mk $(TOP)/tests/*/rules.mk)

# ---- targets for users: each does the set-up that it needs --------------------------------------

GUEST ?= linux
ARGS ?=
# Set-up does not run through scripts/hyperscope, because it may have to install Python first.
SETUP = $(TOP)/scripts/shell/setup --out $(O)
# The build runs in a separate make, because the files that set-up installs did not exist when this
# make read its rules. It runs under a lock, because another make may be building in the same
# folder.
BUILD = mkdir -p $(O) && flock $(O)/build.lock $(MAKE) --no-print-directory -f $(TOP)/Makefile \
	O=$(O) $(if $(filter -j%,$(MAKEFLAGS)),,-j$$(nproc))

# Tests whose names end in .slow.t take a long time; only test-all runs them, after the others.
# NATIVE_TESTS are test programs for the build machine, which the folders' rules.mk files add.
ALL_TESTS = $(sort $(wildcard $(TOP)/tests/*/*.t)) $(NATIVE_TESTS)
SET ?=
TESTS ?= $(filter-out %.slow.t,$(ALL_TESTS))
SLOW_TESTS = $(filter %.slow.t,$(ALL_TESTS))

TIME ?= 60
FUZZ ?=

.PHONY: run gdb walk test test-all linux-module linux-module-dkms kselftest check fuzz trace report anatomy tools setup clean distclean help
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

# Check SET, SHARE and TESTS before anything else is fetched or built.
define ASKED
	python3 -c 'import shutil' 2>/dev/null || $(SETUP) --no-guest run
	$(TOP)/tests/toggles/rows --check $(SET:%=--set %) --share "$(or $(SHARE),1/1)"
	$(TOP)/tests/run --check --out $(O) $(TESTS)
endef

test:
	$(ASKED)
	$(SETUP) test check kselftest
	$(SETUP) linux-module || echo "Tests of the Linux module are skipped."
	+$(BUILD) all tests
	$(TOP)/tests/run --out $(O) $(SET:%=--set %) $(TESTS)

test-all:
	$(ASKED)
	$(SETUP) test check kselftest kselftest-7.3 linux-module linux-module-newest linux-debug qemu-riscv64 herd7 cbmc apps browser readers notebooks
	+$(BUILD) all tests
	+$(BUILD) linux-module-only
	+$(BUILD) KERNEL=debug linux-module-only
	$(TOP)/tests/run --out $(O) $(SET:%=--set %) $(TESTS) $(SLOW_TESTS)

linux-module:
	$(if $(filter stable newest debug,$(or $(KERNEL),stable)),,$(error KERNEL=$(KERNEL): choose stable, newest or debug))
	$(SETUP) run $(if $(filter debug,$(KERNEL)),linux-debug,linux-module$(patsubst %,-%,$(filter newest,$(KERNEL))))
	+$(BUILD) all linux-module-only

PROFILE ?=
.PHONY: workload
workload:
	$(SETUP) $(if $(filter-out linux,$(or $(PROFILE),linux)),--no-guest) run workload
	+$(BUILD) all workload-parts
	$(TOP)/scripts/hyperscope workload --out $(O) $(ARGS) $(PROFILE)

linux-module-dkms:
	$(SETUP) --no-guest run
	+$(BUILD) all linux-module-package

# VERSION: of Linux, whose selftests are run.
VERSION ?= 6.12
kselftest:
	$(SETUP) $(if $(filter 6.12,$(VERSION)),kselftest,kselftest-$(VERSION))
	+$(BUILD) all $(O)/tests/kselftest/timed
	$(TOP)/scripts/hyperscope kselftest --out $(O) --version $(VERSION) $(ARGS)

check:
	$(SETUP) --no-guest check
	+$(BUILD) all
	$(TOP)/scripts/hyperscope check --out $(O)

# Run each fuzz target, or those that FUZZ names, for TIME seconds. Check both before anything is
# fetched or built.
fuzz:
	$(TOP)/tests/fuzz/run --list --seconds "$(TIME)" $(FUZZ) >/dev/null
	$(SETUP) --no-guest fuzz
	+$(BUILD) $(or $(addprefix $(O)/fuzz/,$(FUZZ)),fuzzers)
	$(TOP)/tests/fuzz/run --out $(O) --seconds "$(TIME)" $(FUZZ)

# Prove properties of sources with CBMC: all, or those that PROOFS names.
PROOFS ?=
.PHONY: proofs
proofs:
	$(TOP)/tests/proofs/run --list $(PROOFS) >/dev/null
	$(SETUP) --no-guest cbmc
	$(TOP)/tests/proofs/run --out $(O) $(PROOFS)

TRACED = test -e "$(or $(RUN),$(O)/runs/last/trace)" || { \
	echo "make: $(if $(RUN),RUN=$(RUN): no such file,there is no trace yet; create one with 'make run')" >&2; exit 2; }

trace:
	$(TRACED)
	$(O)/hstrace report $(ARGS) "$(or $(RUN),$(O)/runs/last/trace)"

# Write the trace RUN (default: that of the last run) as an HTML page, together with the trace WITH
# if WITH is given. ANATOMY is a file with the output of scripts/hyperscope anatomy.
REPORT ?= $(O)/report.html
report:
	+$(BUILD) $(O)/hstrace
	$(TRACED)
	$(O)/hstrace html --out "$(REPORT)" $(ANATOMY:%=--anatomy %) $(ARGS) "$(or $(RUN),$(O)/runs/last/trace)" $(WITH)
	echo "report: $(REPORT)"

# Break down the instructions of one exit: EXIT is a row of the benchmark.
SYSTEM ?= both
anatomy:
	test -n "$(EXIT)" || { echo "make: EXIT=ROW is needed, e.g. EXIT=mmio_read; scripts/hyperscope anatomy --list has the rows" >&2; exit 2; }
	$(SETUP) $(if $(filter hyperscope bare,$(SYSTEM)),--no-guest) run
	+$(BUILD) all
	$(TOP)/scripts/hyperscope anatomy --out $(O) --systems $(SYSTEM) --svg $(O)/anatomy-$(EXIT).svg $(ARGS) $(EXIT)

# Count the instructions of a workload, by function: WORKLOAD is one of those that
# scripts/hyperscope profile --list prints.
WORKLOAD ?= boot
.PHONY: profile
profile:
	$(SETUP) $(if $(filter-out boot,$(WORKLOAD)),--no-guest) run
	+$(BUILD) all
	$(TOP)/scripts/hyperscope profile --out $(O) --svg $(O)/profile-$(WORKLOAD).svg \
		--folded $(O)/profile-$(WORKLOAD).folded $(ARGS) $(WORKLOAD)

# For clangd: a second make lists the commands of the build without running them. It must not
# inherit this make's options, such as the job server, but it gets the variables of the command
# line.
COMPILE_COMMANDS ?= $(TOP)/compile_commands.json
.PHONY: compile_commands.json
compile_commands.json:
	$(SETUP) --no-guest run
	+$(BUILD) $(OFFSETS) $(LOCK_CLASSES)
	env -u MAKEFLAGS -u MFLAGS $(MAKE_COMMAND) --no-print-directory -f $(TOP)/Makefile O=$(O) $(MAKEOVERRIDES) V=1 \
		--dry-run --always-make all debug-checkers proofs-syntax tests syscalls-harts \
		$(if $(FUZZ_TARGETS),fuzzers) | $(TOP)/scripts/hyperscope compile-commands $(COMPILE_COMMANDS)

tools: $(O)/hstrace

setup:
	$(SETUP) all

# O may come from the environment. Remove nothing from a folder that has sources, or no build.
clean:
	test ! -e $(O)/Makefile -a \( -e $(O)/build.lock -o -e $(O)/dl/lock -o -e $(O)/gen/compiled-by -o -z "$(wildcard $(O)/*)" \) || \
		{ echo "make: O=$(O) is not a folder in which hyperscope was built; nothing is removed" >&2; exit 2; }
	rm -rf $(filter-out $(O)/dl $(O)/uapi $(O)/libfdt $(O)/guest,$(wildcard $(O)/*))

distclean: clean
	rm -rf $(addprefix $(O)/,dl uapi libfdt guest)

.PHONY: tests
tests:

# Print the compiler and flags of a folder, for the checks: make -s print-flags FOLDER=kvm
FLAGS_host = $(KERNEL_CFLAGS) $(WARN) $(AREA_host)
FLAGS_kvm = $(KERNEL_CFLAGS) $(WARN) $(AREA_kvm)
FLAGS_include/hv = $(KERNEL_CFLAGS) $(WARN)
FLAGS_debug = $(KERNEL_CFLAGS) $(WARN) $(AREA_debug)
FLAGS_vmm = $(VMM_CFLAGS) $(WARN)
FLAGS_guest = $(PAYLOAD_CFLAGS)
FLAGS_trace = $(HSTRACE_CFLAGS)
ALL_FLAGS = $(foreach room,host kvm vmm guest,$(room): $(FLAGS_$(room))) $(KERNEL_ASFLAGS) $(LIBFDT_CFLAGS) $(PROG_CFLAGS)
.PHONY: print-flags
print-flags:
	echo $(CROSS_COMPILE)gcc $(FLAGS_$(FOLDER)) $(if $(filter-out guest trace,$(FOLDER)),$(LAB_H))

# A file of the output folder may be named by a relative path, as in: make build/hyperscope.bin
$(foreach goal,$(filter-out /%,$(MAKECMDGOALS)),$(if $(filter $(O)/%,$(abspath $(goal))),$(eval $(goal): $(abspath $(goal)) ;)))

define HELP
make            build everything below O (default: build/)
                  DEBUG=1           also hyperscope's debug kernel
                                    (docs/testing.md)
make run        set up what is missing, build, boot Debian's kernel in a VM
                  GUEST=hello|PATH  boot another guest
                  GUEST_CMD='...'   command for the guest's shell
                  ARGS='...'        options of scripts/hyperscope run
make gdb        start the same machine under gdb, stopped at its start
                  GUEST=hello       use a small guest
make walk       list the walkthroughs
                  TOUR=null-sbi     play one, forwards and backwards
                  ARGS='--auto'     do not wait for Enter
make tests      build the programs that single tests need
make test       set up what is missing, run all tests but the slow ones
                  TESTS='files'     run these tests
                  SET='fp=eager'    run them with these toggles
make test-all   run all tests
                  SHARE=K/N         the K-th of N shares of toggle combinations
make linux-module  build the core as a module for Debian's kernel, and the
                   VMM (docs/linux-module.md); make linux-module-dkms packs
                   the module's sources as a Debian package instead
make workload   build hyperscope as one ELF file, for cores and simulators
                (docs/workload.md)
                  PROFILE=smoke     only this one, and run it on QEMU
make kselftest  run Linux's KVM selftests in full
                  VERSION=7.3       those of Linux 7.3 (default: 6.12)
                  ARGS='--compare'  also run them on Linux KVM
make bench      measure each kind of exit: bare, here with each toggle, in the
                Linux module, and on Linux KVM
                  CPU=rv64|max      one processor (default: both)
                  FIRMWARE=FILE     another firmware
                  ARGS='...'        options of scripts/hyperscope bench, such as
                                    --rows mmio_read
make bench-apps     measure whole guests: natively, here, and on Linux KVM
                  ARGS='...'        options of scripts/hyperscope bench-apps
make bench-nested   measure guests of guests (docs/nested.md; 10 to 25 min)
make kvm-history    measure Linux KVM, kernel by kernel (docs/kvm-history.md)
                  KERNELS=7.2.13    only these (all that Debian has: 1 h 30 min)
make bench-verify   run the benchmark twice and compare the figures
make reproduce  measure papers' tables and check their claims (docs/results.md)
                  PAPERS='names'    some (scripts/hyperscope reproduce list)
make reproduce-verify   measure twice here, and in another folder, as another
                user, under load, and check that all figures are equal
                  ARGS='--clean bookworm'  also in a minimal Debian
make artifact   pack an archive with all that was fetched (docs/artifact.md)
make artifact-functional  build, run and compare here (10 minutes)
make compare    compare this tree's exits with another commit's: BASE=HEAD~1
                  ARGS='--rows mmio_*'  some rows
make figures    plot the measured data (SVG, OUT/figures)
                  FIGURES='names'   some (scripts/hyperscope figures --list)
make sweep      run a job for each combination of parameters (docs/sweep.md)
                  FILE=notebooks-data/sweeps/walkers.toml
                  ARGS='--engine slurm'  use another engine
make notebooks  run notebooks-data/notebooks: HTML, figures (OUT/notebooks)
                  NOTEBOOKS='names' some (scripts/hyperscope notebooks --list)
make walk-cost  measure operations on a guest's page table with both walkers
make irqs-off   measure the longest time with interrupts off, by path
                  ARGS='sparse'     with some workloads only
make tlb-model  count the costs of walks and fences in a model of the TLB
make anatomy    break down the instructions of an exit, here and on Linux KVM:
                EXIT=mmio_read
                  SYSTEM=hyperscope only here
                  ARGS='--calls'    also show the path in order
make profile    count the instructions of a boot by function; flame graph
                  WORKLOAD=mmio_read  a row of the bench, or a payload
make check      run static checks: format, analysis, citations, sizes
make fuzz       run each fuzz target for TIME=60 seconds (FUZZ='names': some)
make proofs     prove properties of sources with CBMC (docs/testing.md)
                  PROOFS='names'    some (tests/proofs/run --list)
make trace      print the trace of the last run (RUN=FILE: of another)
                  ARGS='--vcpu 1'   one vCPU
make report     write the trace of the last run as an HTML page
                  RUN=FILE          of another run
                  WITH=FILE         next to this trace
                  ANATOMY=FILE      include this table of anatomy
make lab        create the tree of a lab: NN=03 DIR=../mylab STUDENT=ID
                (scripts/hyperscope lab --list)
make tools      build the programs that read traces
make compile_commands.json  write the compiler's commands, for clangd
make setup      install and fetch everything that any of these needs
make clean      remove what was built and measured, and what was fetched, except for
                the packages; distclean: also these
V=1 shows commands, O=DIR builds elsewhere.
endef
help:
	$(info hyperscope $(file <$(TOP)/VERSION))$(info )$(info $(HELP)):
