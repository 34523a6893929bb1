# SPDX-License-Identifier: MIT
#
# rules.mk - targets that measure and plot the data of notebooks-data. Included by the top Makefile.

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
