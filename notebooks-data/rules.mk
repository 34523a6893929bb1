# SPDX-License-Identifier: MIT
#
# rules.mk - what is measured and drawn of notebooks-data. Included by the top Makefile.

.PHONY: reproduce
reproduce:
	$(SETUP) run
	+$(BUILD) all $(O)/tests/kvm/bench_turns
	$(TOP)/scripts/reproduce all --out $(O) $(ARGS) $(PAPERS)
