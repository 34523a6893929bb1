# SPDX-License-Identifier: MIT
#
# rules.mk - targets that measure and plot the data of notebooks-data. Included by the top Makefile.

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

.PHONY: reproduce
reproduce:
	$(SETUP) run apps
	+$(BUILD) all $(O)/tests/kvm/bench_turns
	$(TOP)/scripts/hyperscope reproduce all --out $(O) $(ARGS) $(PAPERS)

# Check that the figures are identical if they are measured twice here, and once more in another
# folder, as another user, under load, on one processor.
.PHONY: reproduce-verify
reproduce-verify:
	$(SETUP) run apps
	+$(BUILD) all $(O)/tests/kvm/bench_turns
	$(TOP)/scripts/hyperscope reproduce-verify --out $(O) $(ARGS) $(PAPERS)

# Run a job for each combination of parameters (docs/sweep.md).
.PHONY: sweep
sweep:
	test -n "$(FILE)" || { echo "make: FILE=TABLE is needed, e.g. FILE=notebooks-data/sweeps/walkers.toml" >&2; exit 2; }
	test -e "$(firstword $(FILE))" || { echo "make: FILE=$(FILE): no such file" >&2; exit 2; }
	$(SETUP) run sweep
	+$(BUILD) all $(O)/tests/kvm/bench_turns
	$(TOP)/scripts/hyperscope sweep --out $(O) $(ARGS) $(FILE)

# Compare the costs of this tree's exits with those of another commit; fail if a cost has grown and
# no commit message announces the increase.
.PHONY: compare
compare:
	test -n "$(BASE)" || { echo "make: BASE=COMMIT is needed, e.g. BASE=HEAD~1" >&2; exit 2; }
	$(SETUP) --no-guest run
	+$(BUILD) all $(O)/tests/kvm/bench_turns
	$(TOP)/scripts/hyperscope compare --out $(O) $(ARGS) '$(BASE)'

# Record the anatomy of these rows for the figures. This takes some minutes.
ANATOMY_ROWS ?= sbi_version sbi_user mmio_read virtual_insn illegal_insn fault_4k_present
.PHONY: anatomy-csv
anatomy-csv:
	$(SETUP) run linux-module
	+$(BUILD) all linux-module-only
	for row in $(ANATOMY_ROWS); do \
		$(TOP)/scripts/hyperscope anatomy --out $(O) --systems hyperscope,module,linux --csv $(TOP)/notebooks-data/anatomy.csv $$row >/dev/null || exit 1; \
	done

# Plot the measured data as SVG in $(O)/figures; nothing is measured or built.
.PHONY: figures
figures:
	$(SETUP) figures
	$(TOP)/scripts/hyperscope figures --out $(O) $(ARGS) $(FIGURES)

# Run the notebooks without a browser; HTML and SVG go to $(O)/notebooks.
.PHONY: notebooks
notebooks:
	$(SETUP) notebooks
	$(TOP)/scripts/hyperscope notebooks --out $(O) $(ARGS) $(NOTEBOOKS)

# artifact: pack the artifact of a paper. artifact-functional: run a reviewer's ten-minute check.
.PHONY: artifact artifact-functional
artifact:
	$(SETUP) run apps
	$(TOP)/scripts/hyperscope artifact pack --out $(O) $(ARGS)

artifact-functional:
	$(SETUP) run
	+$(TOP)/scripts/hyperscope artifact functional --out $(O) $(ARGS)
